//! qmail, and whoever kept its format (QSBMF): a greeting, a paragraph for each recipient, a line of hyphens.

use super::{Letter, Refusal, between, paragraph::addressed, refusals};

pub(super) fn read(letter: &Letter) -> Option<Vec<Refusal>> {
    const OPENING: &[&str] =
        &["Hi. This is the", "This is the qmail-send program", "the deliver program at"];
    let body = between(letter, OPENING, &["\n--- ", "\n------ "])?;
    Some(refusals(addressed(body), letter))
}
