//! `subscribers erase`: forgets a person, but for a keyed hash that keeps a file from bringing them back.

use super::super::{Console, Failure, exit, newsroom::Newsroom};
use crate::{
    ledger::Event,
    model::{Address, SubscriberState},
};

/// Runs the command.
pub(super) async fn run(console: &Console, newsroom: &Newsroom, text: &str) -> Result<u8, Failure> {
    let address: Address = text.parse().map_err(|error| Failure::address(text, error))?;
    let event = Event {
        name: "erase".to_owned(),
        source: "command line".to_owned(),
        detail: String::new(),
    };
    let was = newsroom
        .ledger()?
        .move_subscriber(&newsroom.publication.id, &address, SubscriberState::Erased, &event)
        .await?;
    if console.json {
        let was = was.map_or("not on the list", SubscriberState::word);
        console.document(
            &serde_json::json!({ "address": address.written(), "state": "erased", "was": was }),
        );
    } else if was.is_some() {
        console.tell_sentence(&format!(
            "{address} is erased: a keyed hash is left, so that no file brings them back"
        ));
    } else {
        console.tell_sentence(&format!(
            "{address} was not on the list; a keyed hash keeps a file from bringing them"
        ));
    }
    warn_of_file(console, newsroom, &address)?;
    Ok(exit::DONE)
}

/// Says where the list file still names them: it is the publisher's own.
fn warn_of_file(console: &Console, newsroom: &Newsroom, address: &Address) -> Result<(), Failure> {
    let Some((mut records, _)) = newsroom.records()? else { return Ok(()) };
    let file = newsroom.publication.list.csv.as_deref().unwrap_or_default();
    let key = address.key();
    let named = records.find_map(|record| record.ok().filter(|record| record.address.key() == key));
    if let Some(record) = named {
        console.warn(format_args!("{file}:{} still names them: take that line out", record.line));
    }
    Ok(())
}
