//! Says who we are: AUTH PLAIN and LOGIN (RFC 4954, RFC 4616).
//!
//! Called over TLS only. What is written here appears in no error, not even
//! where the server echoes it.

use std::time::Duration;

use data_encoding::BASE64;

use super::{
    Capabilities, Credentials,
    reply::Spoken,
    wire::{Fault, Wire},
};
use crate::model::Reply;

/// Says why we are not let in.
pub(super) enum AuthError {
    /// The relay answered no.
    Refused(Reply),
    /// The conversation failed.
    Broken(Fault),
    /// There is no way to try.
    Impossible(&'static str),
}

/// Proves `credentials` to the relay by the first mechanism both sides know.
pub(super) async fn authenticate(
    wire: &mut Wire,
    credentials: &Credentials,
    capabilities: &Capabilities,
    within: Duration,
) -> Result<(), AuthError> {
    let (user, password) = (credentials.user.as_str(), credentials.password.expose());
    if user.contains('\0') || password.contains('\0') {
        return Err(AuthError::Impossible("the user or the password holds a NUL"));
    }
    let (opening, answers) = if capabilities.authenticates("PLAIN") {
        let response = BASE64.encode(format!("\0{user}\0{password}").as_bytes());
        (format!("AUTH PLAIN {response}"), vec![response])
    } else if capabilities.authenticates("LOGIN") {
        let responses = [user, password].map(|answer| BASE64.encode(answer.as_bytes()));
        ("AUTH LOGIN".to_owned(), responses.to_vec())
    } else {
        return Err(AuthError::Impossible("it offers neither AUTH PLAIN nor AUTH LOGIN"));
    };
    // A server that did not hear PLAIN's first response asks for it with an empty 334.
    let mut asked = ask(wire, &opening, within).await?;
    for answer in &answers {
        if asked.code != 334 {
            break;
        }
        asked = ask(wire, answer, within).await?;
    }
    let reply = answers.iter().fold(asked, |asked, answer| asked.without(answer));
    let reply = if password.len() < 4 { reply } else { reply.without(password) }.reply();
    match reply.code {
        200..=299 => Ok(()),
        400..=599 => Err(AuthError::Refused(reply)),
        _ => Err(AuthError::Broken(Fault::Garbage(reply.code.to_string()))),
    }
}

async fn ask(wire: &mut Wire, line: &str, within: Duration) -> Result<Spoken, AuthError> {
    wire.quiet().await.map_err(conceal)?;
    wire.send(format!("{line}\r\n").as_bytes(), within).await.map_err(conceal)?;
    wire.reply(within).await.map_err(conceal)
}

/// Keeps what may be an echo of a password out of an error.
fn conceal(fault: Fault) -> AuthError {
    AuthError::Broken(match fault {
        Fault::Garbage(_) | Fault::TooLong(_) => Fault::Garbage("…".to_owned()),
        Fault::OutOfTurn(_) => Fault::OutOfTurn("…".to_owned()),
        other => other,
    })
}
