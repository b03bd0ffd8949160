//! OpenSMTPD.

use super::{Letter, Refusal, between, paragraph::addressed, refusals};

pub(super) fn read(letter: &Letter) -> Option<Vec<Refusal>> {
    let body = between(
        letter,
        &["This is the MAILER-DAEMON, please DO NOT REPLY"],
        &["\n    Below is a copy", "\nBelow is a copy"],
    )?;
    Some(refusals(addressed(body), letter))
}
