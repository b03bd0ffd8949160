//! Lotus Notes and Domino, GroupWise and others that write `was not delivered to` and `because`.

use super::{Letter, Refusal, between, paragraph::addressed, refusals};

pub(super) fn read(letter: &Letter) -> Option<Vec<Refusal>> {
    const OPENING: &[&str] =
        &["was not delivered to:", "was undeliverable to the following:", "was not delivered to\n"];
    let body = between(letter, OPENING, &["\n--------", "\nReceived: "])?;
    Some(refusals(addressed(body), letter))
}
