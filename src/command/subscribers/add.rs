//! `subscribers add`: brings one person by hand.

use std::collections::BTreeMap;

use super::super::{Console, Failure, exit, newsroom::Newsroom};
use crate::{
    ledger::{Enrol, Event, Record, Records},
    list,
    model::{Address, SubscriberState, is_control},
};

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    newsroom: &Newsroom,
    text: &str,
    name: String,
    fields: &[String],
    tags: Vec<String>,
) -> Result<u8, Failure> {
    let address: Address = text.parse().map_err(|error| Failure::address(text, error))?;
    let fields = fields
        .iter()
        .map(|pair| match pair.split_once('=') {
            Some((field, value)) => Ok((field.trim().to_lowercase(), clean(value))),
            None => Err(Failure::new(exit::USAGE, format!("`{pair}` is not FIELD=VALUE"))),
        })
        .collect::<Result<BTreeMap<_, _>, _>>()?;
    let name = clean(&name);
    let tags = tags.iter().map(|tag| clean(tag)).collect();
    let record = Record {
        line: 1,
        address: address.clone(),
        name,
        tags,
        fields,
        state: SubscriberState::Active,
        evidence: String::new(),
    };
    let order = Enrol {
        publication: newsroom.publication.id.clone(),
        event: Event {
            name: "add".to_owned(),
            source: "command line".to_owned(),
            detail: String::new(),
        },
        from_list_file: false,
        resubscribe: None,
        rehearse: false,
    };
    let records: Records = Box::new(std::iter::once(Ok(record)));
    let enrolled = newsroom.ledger()?.enrol(vec![(order, records)]).await?.remove(0);
    if let Some((_, _, state)) = enrolled.suppressed.first() {
        return Err(Failure::new(
            exit::GUARD,
            format!("{address} is {} and stays so", state.word()),
        )
        .hint("with a new consent: `postrider subscribers import FILE --resubscribe REASON`"));
    }
    if let Some(doubt) = list::doubt(&address) {
        console.warn(doubt);
    }
    let word = match (enrolled.added, enrolled.updated) {
        (1, _) => "added",
        (_, 1) => "updated",
        _ => "unchanged",
    };
    if console.json {
        console.document(&serde_json::json!({ "address": address.written(), "result": word }));
    } else {
        console.tell(format_args!("{address} {word}"));
    }
    Ok(exit::DONE)
}

/// Takes out what would steer a terminal or end a header.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !is_control(*c)).collect()
}
