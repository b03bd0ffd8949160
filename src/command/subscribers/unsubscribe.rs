//! `subscribers unsubscribe`: lets somebody go who asked to.

use super::{
    super::{Console, Failure, exit, newsroom::Newsroom},
    tell_moved,
};
use crate::{
    compose::{self, Purpose},
    ledger::{Event, Ledger},
    model::{Address, SubscriberState},
};

/// Runs the command.
pub(super) async fn run(console: &Console, newsroom: &Newsroom, text: &str) -> Result<u8, Failure> {
    let ledger = newsroom.ledger()?;
    let publication = &newsroom.publication.id;
    let (address, source) = if text.contains('@') && !text.starts_with("u-") {
        (text.parse().map_err(|error| Failure::address(text, error))?, "command line")
    } else {
        (by_token(newsroom, &*ledger, text).await?, "unsubscribe link")
    };
    let event =
        Event { name: "unsubscribe".to_owned(), source: source.to_owned(), detail: String::new() };
    let was = ledger
        .move_subscriber(publication, &address, SubscriberState::Unsubscribed, &event)
        .await?;
    tell_moved(console, &address, "unsubscribed", was);
    Ok(exit::DONE)
}

/// Finds whose unsubscribe link a token is from.
async fn by_token(
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    text: &str,
) -> Result<Address, Failure> {
    let token = text.strip_prefix("u-").and_then(|text| text.split('@').next()).unwrap_or(text);
    let wrong = || {
        Failure::new(exit::NO_INPUT, "that is neither an address nor a token of this publication")
            .hint("the token is in the subject or the address of the mail that asks to leave")
    };
    let publication = &newsroom.publication.id;
    let keys = newsroom.keys_for(ledger).await?;
    let read = compose::read_unsubscribe_token(&keys, token).map_err(|_| wrong())?;
    if !read.is_of(publication) {
        return Err(wrong());
    }
    if read.purpose == Purpose::Test {
        return Err(Failure::new(exit::GUARD, "that link is from a test mail: it does nothing"));
    }
    let found = ledger.subscriber_by_token(publication, &read.subscriber).await?;
    found.map(|reader| reader.address).ok_or_else(wrong)
}
