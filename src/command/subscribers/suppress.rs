//! `subscribers suppress`: never mails an address again, by the publisher's word.

use super::{
    super::{Console, Failure, exit, newsroom::Newsroom},
    tell_moved,
};
use crate::{
    ledger::Event,
    model::{Address, SubscriberState},
};

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    newsroom: &Newsroom,
    text: &str,
    reason: String,
) -> Result<u8, Failure> {
    let address: Address = text.parse().map_err(|error| Failure::address(text, error))?;
    let event =
        Event { name: "suppress".to_owned(), source: "command line".to_owned(), detail: reason };
    let was = newsroom
        .ledger()?
        .move_subscriber(&newsroom.publication.id, &address, SubscriberState::Blocked, &event)
        .await?;
    tell_moved(console, &address, "blocked", was);
    Ok(exit::DONE)
}
