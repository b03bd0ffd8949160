//! Postfix's words to people, where its delivery status was cut off on the way.

use super::{Letter, Refusal, between, paragraph::addressed, refusals};

pub(super) fn read(letter: &Letter) -> Option<Vec<Refusal>> {
    let body = between(
        letter,
        &[
            "This is the mail system at host",
            "This is the Postfix program at host",
            "                   The mail system\n",
        ],
        &["\n--"],
    )?;
    Some(refusals(addressed(body), letter))
}
