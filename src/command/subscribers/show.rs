//! `subscribers show`: what is known of one person, and how it came about.

use super::{
    super::{
        Console, Failure, exit,
        newsroom::Newsroom,
        words::{instant, printable, wrapped},
    },
    tell_reader,
};
use crate::{
    ledger::Happening,
    model::{Address, Subscriber},
};

/// How many columns stand before what is said of an event.
const MARGIN: usize = 24;

/// Runs the command.
pub(super) async fn run(console: &Console, newsroom: &Newsroom, text: &str) -> Result<u8, Failure> {
    let address: Address = text.parse().map_err(|error| Failure::address(text, error))?;
    let (reader, history) =
        find(newsroom, &address).await?.ok_or_else(|| unknown(newsroom, &address))?;
    if console.json {
        console.document(&serde_json::json!({
            "address": reader.address.written(),
            "name": reader.name,
            "state": reader.state,
            "tags": reader.tags,
            "fields": reader.fields,
            "history": document(&history),
        }));
        return Ok(exit::DONE);
    }
    tell(console, &reader, &history);
    Ok(exit::DONE)
}

/// Finds a person and their history in the ledger.
pub(super) async fn find(
    newsroom: &Newsroom,
    address: &Address,
) -> Result<Option<(Subscriber, Vec<Happening>)>, Failure> {
    if !newsroom.has_ledger()? {
        return Ok(None);
    }
    let (ledger, _) = newsroom.ledger_or_copy()?;
    let publication = &newsroom.publication.id;
    let Some(reader) = ledger.subscriber(publication, address).await? else { return Ok(None) };
    Ok(Some((reader, ledger.history(publication, address).await?)))
}

/// Says that nobody knows an address.
pub(super) fn unknown(newsroom: &Newsroom, address: &Address) -> Failure {
    let failure = Failure::new(exit::NO_INPUT, format!("{address} is not on the list"));
    match &newsroom.publication.list.csv {
        Some(file) => {
            failure.hint(format!("people of {file} are known once an issue was sent to it"))
        }
        None => failure,
    }
}

/// Makes the history's JSON.
pub(super) fn document(history: &[Happening]) -> Vec<serde_json::Value> {
    let line = |line: &Happening| {
        serde_json::json!({ "at": line.at, "event": line.event.name, "source": line.event.source,
            "detail": line.event.detail, "state": line.state })
    };
    history.iter().map(line).collect()
}

/// Tells a person and their history, oldest first.
pub(super) fn tell(console: &Console, reader: &Subscriber, history: &[Happening]) {
    tell_reader(console, reader);
    if !reader.tags.is_empty() {
        console.say(format_args!("  tags: {}", printable(&reader.tags.join(", "))));
    }
    for (field, value) in &reader.fields {
        console.say(format_args!("  {}: {}", printable(field), printable(value)));
    }
    for Happening { at, event, state } in history {
        let line = format!("{} ({}) -> {}", event.name, printable(&event.source), state.word());
        console.say(format_args!("  {}  {line}", instant(*at)));
        for fact in event.detail.split("; ").filter(|fact| !fact.is_empty()) {
            let fact = wrapped(&printable(fact), MARGIN, MARGIN + 2);
            console.say(format_args!("{:MARGIN$}{fact}", ""));
        }
    }
}
