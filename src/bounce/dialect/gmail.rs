//! Gmail before it sent a delivery status: the address, then technical details.

use super::{Letter, Refusal, between, paragraph::addressed, refusals};

pub(super) fn read(letter: &Letter) -> Option<Vec<Refusal>> {
    const OPENING: &[&str] = &[
        "Delivery to the following recipient failed permanently:",
        "Delivery to the following recipients failed permanently:",
        "Delivery to the following recipient has been delayed:",
        "Your message wasn't delivered to",
    ];
    let body = between(letter, OPENING, &["\n----- Original message", "\n----- Message header"])?;
    let told: Vec<_> = addressed(body)
        .into_iter()
        .map(|(address, why)| {
            // The first half of the details is Google's; the server's own words come last.
            (
                address,
                why.rsplit_once("was:\n")
                    .or_else(|| why.rsplit_once("responded:\n"))
                    .map_or(why, |(_, said)| said),
            )
        })
        .collect();
    Some(refusals(told, letter))
}
