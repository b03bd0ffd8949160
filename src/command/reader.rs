//! Finds the reader whose copy is to be shown: one of the ledger, one of the list file, or a made-up one.

use std::collections::BTreeMap;

use super::{Failure, exit, newsroom::Newsroom};
use crate::{
    compose::Edition,
    ledger::Record,
    model::{Address, Subscriber, SubscriberState},
};

/// Returns the reader at `text`; somebody on no list is made up with nothing but an address when `stranger` may be.
pub(super) async fn find(
    newsroom: &Newsroom,
    text: &str,
    stranger: bool,
) -> Result<Subscriber, Failure> {
    let address: Address = text.parse().map_err(|error| Failure::address(text, error))?;
    if let Some((mut records, _)) = newsroom.records()? {
        let key = address.key();
        if let Some(record) =
            records.find_map(|record| record.ok().filter(|record| record.address.key() == key))
        {
            return Ok(of_record(record));
        }
    }
    if newsroom.has_ledger()?
        && let Some(reader) =
            newsroom.ledger_or_copy()?.0.subscriber(&newsroom.publication.id, &address).await?
    {
        return Ok(reader);
    }
    if stranger {
        return Ok(made_up(address));
    }
    Err(Failure::new(exit::NO_INPUT, format!("{address} is not on the list"))
        .hint("`postrider subscribers list` shows who is"))
}

/// Returns up to `most` readers whose address or name holds `words`, those of the list file first.
pub(super) async fn search(
    newsroom: &Newsroom,
    words: &str,
    most: usize,
) -> Result<Vec<Subscriber>, Failure> {
    let words = words.to_lowercase();
    let fits = |reader: &Subscriber| {
        let holds = |text: &str| text.to_lowercase().contains(&words);
        holds(reader.address.written()) || holds(&reader.name)
    };
    let mut found = Vec::new();
    if let Some((records, _)) = newsroom.records()? {
        let readers = records.filter_map(Result::ok).map(of_record);
        found.extend(readers.filter(fits).take(most));
    }
    if !newsroom.has_ledger()? {
        return Ok(found);
    }
    let (ledger, _) = newsroom.ledger_or_copy()?;
    let mut after: Option<String> = None;
    while found.len() < most {
        let page = ledger.subscribers(&newsroom.publication.id, after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.address.key());
        for reader in page.into_iter().filter(fits) {
            let key = reader.address.key();
            if found.len() < most && !found.iter().any(|known| known.address.key() == key) {
                found.push(reader);
            }
        }
    }
    Ok(found)
}

/// How many people the ledger is asked for at once.
const PAGE: usize = 1_000;

/// Makes a reader of a record of the list file, as the ledger would.
pub(super) fn of_record(record: Record) -> Subscriber {
    let Record { address, name, tags, fields, .. } = record;
    Subscriber { name, tags, fields, ..made_up(address) }
}

/// Makes up a reader of whom only the address is known.
pub(super) fn made_up(address: Address) -> Subscriber {
    Subscriber {
        id: 0,
        token_id: "aaaaaaaaaaaaa".to_owned(),
        address,
        name: String::new(),
        tags: Vec::new(),
        fields: BTreeMap::new(),
        state: SubscriberState::Active,
    }
}

/// Makes up a reader at an address of nobody.
pub(super) fn blank() -> Result<Subscriber, Failure> {
    const ADDRESS: &str = "reader@example.org";
    ADDRESS.parse().map(made_up).map_err(|error| Failure::address(ADDRESS, error))
}

/// Makes up the reader that `render` shows when nobody is named: one who fills every field the issue asks for.
pub(super) fn sample(fields: BTreeMap<String, String>) -> Result<Subscriber, Failure> {
    let mut reader = blank()?;
    "Anna Reader".clone_into(&mut reader.name);
    reader.fields = fields.into_iter().filter(|(name, _)| name != "name").collect();
    Ok(reader)
}

/// Makes up the reader whose copy shows what the editor wrote: one who has no value but where an issue requires it, and so sees every default.
pub(super) fn unknown(edition: &Edition) -> Result<Subscriber, Failure> {
    let mut required = edition.samples();
    required.retain(|name, _| edition.fields.get(name).is_some_and(|field| field.required));
    let is_named = required.contains_key("name");
    let reader = sample(required)?;
    Ok(if is_named { reader } else { Subscriber { name: String::new(), ..reader } })
}
