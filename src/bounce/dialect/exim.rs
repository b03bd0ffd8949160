//! Exim before it spoke RFC 3464, and the hosts that kept its sentences: addresses, each with indented words below.

use super::{Letter, Refusal, between, paragraph::addressed, refusals};
use crate::bounce::letter::mailbox;

pub(super) fn read(letter: &Letter) -> Option<Vec<Refusal>> {
    const OPENING: &[&str] = &[
        "created automatically by mail delivery software",
        "created automatically by the mail delivery software",
    ];
    const CLOSING: &[&str] = &[
        "\n------ This is",
        "\n--- The header",
        "\n--- This is a copy",
        "\n------ The body",
        "\n------ Original",
    ];
    let body = between(letter, OPENING, CLOSING)?;
    let mut told = addressed(body);
    if told.is_empty() {
        let failed = letter.head.get("x-failed-recipients")?;
        told = failed.split(',').filter_map(mailbox).map(|address| (address, body)).collect();
    }
    Some(refusals(told, letter))
}
