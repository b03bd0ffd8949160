//! Courier's words to people.

use super::{Letter, Refusal, between, paragraph::addressed, refusals};

pub(super) fn read(letter: &Letter) -> Option<Vec<Refusal>> {
    let body = between(
        letter,
        &["UNDELIVERABLE MAIL", "The original message was received"],
        &["\n---------", "\nIf your message was also sent"],
    )
    .filter(|_| letter.text.contains("courier") || letter.text.contains("UNDELIVERABLE MAIL"))?;
    Some(refusals(addressed(body), letter))
}
