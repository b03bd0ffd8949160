//! Yahoo and others that say which host they are and whom they could not reach.

use super::{Letter, Refusal, between, paragraph::addressed, refusals};

pub(super) fn read(letter: &Letter) -> Option<Vec<Refusal>> {
    const OPENING: &[&str] = &[
        "Unable to deliver message to the following address(es).",
        "Sorry, we were unable to deliver your message to the following address.",
        "Sorry, we were unable to deliver your message to the following addresses.",
        "could not be delivered to the following address",
        "could not be delivered to the following recipient",
        "could not be delivered to one or more recipients",
    ];
    let body = between(
        letter,
        OPENING,
        &[
            "\n--- Original message",
            "\n--- Below this line",
            "\n--- Forwarded message",
            "\n---------- Forwarded",
        ],
    )?;
    Some(refusals(addressed(body), letter))
}
