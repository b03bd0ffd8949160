//! Sendmail before RFC 3464: two lists under lines of hyphens, the addresses and the transcript of the session.

use super::{Letter, Refusal, between, paragraph::addressed, refusals};

pub(super) fn read(letter: &Letter) -> Option<Vec<Refusal>> {
    const OPENING: &[&str] = &[
        "The following addresses had permanent fatal errors -----",
        "The following addresses had permanent delivery errors -----",
        "The following addresses had transient non-fatal errors -----",
        "The following addresses have delivery notifications -----",
        "Recipients of this delivery -----",
    ];
    let listed = between(letter, OPENING, &["\n   -----", "\n  -----", "\n-----"]);
    let transcript = between(
        letter,
        &["Transcript of session follows -----", "Transcript of the session follows -----"],
        &["\n   ----- Original", "\n   ----- Unsent", "\n   ----- Message header", "\n----- "],
    )?;
    let mut told: Vec<(String, &str)> = addressed(listed.unwrap_or(transcript));
    for (_, why) in &mut told {
        // `(reason: ...)` is the newer form; before it, only the transcript said why.
        if !why.contains("reason:") && !why.bytes().any(|byte| byte.is_ascii_digit()) {
            *why = transcript;
        }
    }
    Some(refusals(told, letter))
}
