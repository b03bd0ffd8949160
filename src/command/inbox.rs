//! `inbox read`: who asks by mail to leave, in the mailbox that people answer to.
//!
//! What a person or a person's machine wrote is theirs to read who owns the
//! mailbox: it stays where it is, unread.

use std::collections::BTreeSet;

use super::{
    Console, Failure, bounces, exit, newsroom::Newsroom, postbag, returned::Returned,
    words::printable,
};
use crate::{
    bounce::Kind,
    cli::{Global, Inbox},
    ledger::{Did, Event},
    model::{Address, SubscriberState},
};

/// Runs the command.
pub(super) async fn run(console: &Console, global: &Global, verb: Inbox) -> Result<u8, Failure> {
    let Inbox::Read(wish) = verb;
    let all = postbag::empty(console, global, &wish, is_dealt_with).await?;
    if !console.json {
        let newsroom = Newsroom::open(global)?;
        bounces::tell(console, &newsroom, &all, wish.dry_run);
        if console.can_ask() && !wish.dry_run {
            settle(console, &newsroom, &all).await?;
        }
    }
    Ok(exit::DONE)
}

/// Asks about each of whom nothing but a mail in their name says that they want to leave.
async fn settle(console: &Console, newsroom: &Newsroom, all: &[Returned]) -> Result<(), Failure> {
    let asking: BTreeSet<&str> = all
        .iter()
        .filter(|returned| returned.did == Did::Listed && returned.report.kind == Kind::Unsubscribe)
        .map(|returned| returned.address.as_str())
        .collect();
    if asking.is_empty() {
        return Ok(());
    }
    let ledger = newsroom.ledger()?;
    for text in asking {
        let answer = console.ask(&format!("Take {} off the list? [y/N]", printable(text)));
        if !answer.is_some_and(|word| word.to_lowercase().starts_with('y')) {
            continue;
        }
        let address: Address = text.parse().map_err(|error| Failure::address(text, error))?;
        let event = Event {
            name: "unsubscribe".to_owned(),
            source: "a mail in their name".to_owned(),
            detail: "confirmed by hand".to_owned(),
        };
        ledger
            .move_subscriber(
                &newsroom.publication.id,
                &address,
                SubscriberState::Unsubscribed,
                &event,
            )
            .await?;
        console.tell(format_args!("{address} is unsubscribed"));
    }
    Ok(())
}

/// Tells whether nobody has to read a message any more.
fn is_dealt_with(returned: &Returned) -> bool {
    let is_ours = !matches!(returned.report.kind, Kind::Unknown | Kind::AutoReply);
    // What nothing proves waits for a person's word.
    is_ours && !matches!(returned.did, Did::Listed | Did::Nobody | Did::Nothing)
}
