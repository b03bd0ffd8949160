//! Says who we are: AUTH PLAIN and LOGIN (RFC 4954, RFC 4616) with a password, XOAUTH2 (Google's and Microsoft's) with a token.
//!
//! Called over TLS only. What is written here appears in no error, not even
//! where the server echoes it.

use std::time::Duration;

use data_encoding::BASE64;

use super::{
    Capabilities,
    reply::Spoken,
    wire::{Fault, Wire},
};
use crate::model::{Reply, Secret};

/// What proves who we are, in hand.
pub(super) enum Word {
    Password(Secret),
    Token(Secret),
}

/// Says why we are not let in.
pub(super) enum AuthError {
    /// The relay answered no.
    Refused(Reply),
    /// The conversation failed.
    Broken(Fault),
    /// There is no way to try.
    Impossible(&'static str),
}

/// Proves who we are to the relay by the first mechanism that both sides know, and that is made for such a word.
pub(super) async fn authenticate(
    wire: &mut Wire,
    user: &str,
    word: &Word,
    capabilities: &Capabilities,
    within: Duration,
) -> Result<(), AuthError> {
    let Dialogue { opening, answers, secrets } = match word {
        Word::Password(password) => with_password(user, password.expose(), capabilities)?,
        Word::Token(token) => with_token(user, token.expose(), capabilities)?,
    };
    let mut asked = ask(wire, &opening, within).await?;
    for answer in &answers {
        if asked.code != 334 {
            break;
        }
        asked = ask(wire, answer, within).await?;
    }
    let reply = secrets.iter().fold(asked, |asked, secret| asked.without(secret)).reply();
    match reply.code {
        200..=299 => Ok(()),
        400..=599 => Err(AuthError::Refused(reply)),
        _ => Err(AuthError::Broken(Fault::Garbage(reply.code.to_string()))),
    }
}

/// What is said, and what of it may come back in a reply and must be shown to nobody.
struct Dialogue {
    opening: String,
    /// To one 334 after the other.
    answers: Vec<String>,
    secrets: Vec<String>,
}

fn with_password(
    user: &str,
    password: &str,
    capabilities: &Capabilities,
) -> Result<Dialogue, AuthError> {
    if user.contains('\0') || password.contains('\0') {
        return Err(AuthError::Impossible("the user or the password holds a NUL"));
    }
    let (opening, answers) = if capabilities.authenticates("PLAIN") {
        let response = BASE64.encode(format!("\0{user}\0{password}").as_bytes());
        // A server that did not hear the first response asks for it with an empty 334.
        (format!("AUTH PLAIN {response}"), vec![response])
    } else if capabilities.authenticates("LOGIN") {
        let responses = [user, password].map(|answer| BASE64.encode(answer.as_bytes()));
        ("AUTH LOGIN".to_owned(), responses.to_vec())
    } else if capabilities.authenticates("XOAUTH2") {
        return Err(AuthError::Impossible(
            "it takes no password, only a token (XOAUTH2): `auth = \"xoauth2\"` under [relay]",
        ));
    } else {
        return Err(AuthError::Impossible("it offers neither AUTH PLAIN nor AUTH LOGIN"));
    };
    let mut secrets = answers.clone();
    // What is shorter would be found everywhere.
    secrets.extend((password.len() >= 4).then(|| password.to_owned()));
    Ok(Dialogue { opening, answers, secrets })
}

fn with_token(user: &str, token: &str, capabilities: &Capabilities) -> Result<Dialogue, AuthError> {
    if !capabilities.authenticates("XOAUTH2") {
        return Err(AuthError::Impossible(
            "it does not offer AUTH XOAUTH2, which `auth = \"xoauth2\"` under [relay] asks for",
        ));
    }
    // A byte 1 in the user would end the field, and none is in a token.
    if user.contains('\u{1}') {
        return Err(AuthError::Impossible("the user holds a control character"));
    }
    let said = format!("user={user}\u{1}auth=Bearer {token}\u{1}\u{1}");
    let response = BASE64.encode(said.as_bytes());
    Ok(Dialogue {
        opening: format!("AUTH XOAUTH2 {response}"),
        // A 334 is a refusal whose reason is in it; the reply comes when we have said that we saw it.
        answers: vec![String::new()],
        secrets: vec![response, token.to_owned()],
    })
}

async fn ask(wire: &mut Wire, line: &str, within: Duration) -> Result<Spoken, AuthError> {
    wire.quiet().await.map_err(conceal)?;
    wire.send(format!("{line}\r\n").as_bytes(), within).await.map_err(conceal)?;
    wire.reply(within).await.map_err(conceal)
}

/// Keeps what may be an echo of a secret out of an error.
fn conceal(fault: Fault) -> AuthError {
    AuthError::Broken(match fault {
        Fault::Garbage(_) | Fault::TooLong(_) => Fault::Garbage("…".to_owned()),
        Fault::OutOfTurn(_) => Fault::OutOfTurn("…".to_owned()),
        other => other,
    })
}
