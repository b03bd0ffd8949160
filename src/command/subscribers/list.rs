//! `subscribers list`: everybody the ledger knows, a line each.

use super::{
    super::{Console, Failure, exit, newsroom::Newsroom},
    people::{People, Wanted},
    tell_reader,
};
use crate::model::SubscriberState;

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    newsroom: &Newsroom,
    wanted: Wanted,
) -> Result<u8, Failure> {
    let is_narrowed = wanted.segment.is_some();
    let state = wanted.state;
    let mut listed = false;
    if newsroom.has_ledger()? {
        let ledger = newsroom.ledger_to_read(console)?;
        let mut people = People::new(&*ledger, &newsroom.publication.id, wanted);
        while let Some(page) = people.next_page().await? {
            for reader in &page {
                if console.is_closed() {
                    return Ok(exit::DONE);
                }
                listed = true;
                tell_reader(console, reader);
            }
        }
    }
    if !listed && is_narrowed {
        console.note("nobody is in that segment");
    } else if !listed {
        tell_empty(console, newsroom, state);
    }
    Ok(exit::DONE)
}

fn tell_empty(console: &Console, newsroom: &Newsroom, wanted: Option<SubscriberState>) {
    match (wanted, &newsroom.publication.list.csv) {
        (Some(state), _) => console.note(format_args!("nobody is {}", state.word())),
        (None, Some(file)) => {
            console.note(format_args!("nobody yet; {file} is read when an issue is sent"));
        }
        (None, None) => {
            console.note("nobody yet; `postrider subscribers import FILE` brings people");
        }
    }
}
