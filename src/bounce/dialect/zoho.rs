//! Zoho: each recipient in brackets, as `[Status: Error, Address: <anna@example.org>, ResponseCode 550, ...]`.

use super::{Letter, Refusal, refusals};
use crate::bounce::letter::mailbox;

pub(super) fn read(letter: &Letter) -> Option<Vec<Refusal>> {
    let told: Vec<(String, &str)> = letter
        .text
        .match_indices("[Status: ")
        .filter_map(|(at, _)| {
            let rest = &letter.text[at..];
            let end = rest.find("\n\n").unwrap_or(rest.len());
            let (_, behind) = rest[..end].split_once("Address: ")?;
            let (address, why) = behind.split_once([',', '\n'])?;
            Some((mailbox(address)?, why))
        })
        .collect();
    (!told.is_empty()).then(|| refusals(told, letter))
}
