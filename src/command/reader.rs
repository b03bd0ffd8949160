//! Finds the reader whose copy is to be shown: one of the ledger, one of the list file, or a made-up one.

use std::collections::BTreeMap;

use super::{Failure, exit, newsroom::Newsroom};
use crate::model::{Address, Subscriber, SubscriberState};

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
            let mut reader = made_up(record.address);
            reader.name = record.name;
            reader.tags = record.tags;
            reader.fields = record.fields;
            return Ok(reader);
        }
    }
    if newsroom.ledger_path().exists()
        && let Some(reader) =
            newsroom.ledger()?.subscriber(&newsroom.publication.id, &address).await?
    {
        return Ok(reader);
    }
    if stranger {
        return Ok(made_up(address));
    }
    Err(Failure::new(exit::NO_INPUT, format!("{address} is not on the list"))
        .hint("`postrider subscribers list` shows who is"))
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

/// Makes up the reader that `render` shows when nobody is named: one who fills every field the issue asks for.
pub(super) fn sample(fields: impl Iterator<Item = String>) -> Result<Subscriber, Failure> {
    let address = "reader@example.org"
        .parse()
        .map_err(|error| Failure::address("reader@example.org", error))?;
    let mut reader = made_up(address);
    "Anna Reader".clone_into(&mut reader.name);
    reader.fields = fields
        .filter(|name| name != "name")
        .map(|name| (name.clone(), format!("[{name}]")))
        .collect();
    Ok(reader)
}
