//! `subscribers export`: the list for a spreadsheet, or all that is held of one person, for them.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use super::{
    super::{Console, Failure, exit, log, newsroom::Newsroom},
    people::{People, Wanted},
    show,
};
use crate::{list::sheet, model::Address};

/// Writes the list as CSV that an import takes back.
pub(super) async fn list(
    console: &Console,
    newsroom: &Newsroom,
    wanted: &Wanted,
    raw: bool,
) -> Result<u8, Failure> {
    if console.json {
        return super::list::run(console, newsroom, wanted.clone()).await;
    }
    let ledger = newsroom.ledger_to_read(console)?;
    let publication = &newsroom.publication.id;
    // The header names every field anybody has, so all are looked at first.
    let mut fields = BTreeSet::new();
    let mut people = People::new(&*ledger, publication, wanted.clone());
    while let Some(page) = people.next_page().await? {
        fields.extend(page.into_iter().flat_map(|reader| reader.fields.into_keys()));
    }
    // A field of the list's own four columns would be a second one of that name.
    for own in ["email", "name", "tags", "status"] {
        fields.remove(own);
    }
    let failed =
        |error: io::Error| Failure::new(exit::DISK, format!("failed to write the list: {error}"));
    let mut out = sheet(Out(console), fields.into_iter().collect(), raw).map_err(failed)?;
    let mut people = People::new(&*ledger, publication, wanted.clone());
    while let Some(page) = people.next_page().await? {
        if console.is_closed() {
            break;
        }
        page.iter().try_for_each(|reader| out.write(reader)).map_err(failed)?;
    }
    out.finish().map_err(failed)?;
    Ok(exit::DONE)
}

/// Tells all that is held of one person: the copy that they may ask for.
pub(super) async fn person(
    console: &Console,
    newsroom: &Newsroom,
    text: &str,
) -> Result<u8, Failure> {
    let address: Address = text.parse().map_err(|error| Failure::address(text, error))?;
    let in_file = in_list_file(newsroom, &address)?;
    let Some((reader, history)) = show::find(newsroom, &address).await? else {
        let Some((line, record)) = in_file else { return Err(show::unknown(newsroom, &address)) };
        if console.json {
            console.document(
                &serde_json::json!({ "address": record.address.written(), "list_file": line }),
            );
        } else {
            console.say(format_args!("{address} stands in {line}, and nowhere else"));
        }
        return Ok(exit::DONE);
    };
    let (ledger, _) = newsroom.ledger_or_copy()?;
    let attempts = ledger.attempts(&newsroom.publication.id, &address).await?;
    let line = in_file.map(|(line, _)| line);
    if console.json {
        console.document(&serde_json::json!({
            "publication": newsroom.publication.title,
            "exported_at": newsroom.now,
            "address": reader.address.written(),
            "name": reader.name,
            "state": reader.state,
            "tags": reader.tags,
            "fields": reader.fields,
            "link_id": reader.token_id,
            "list_file": line,
            "history": show::document(&history),
            "deliveries": attempts.iter().map(log::document).collect::<Vec<_>>(),
        }));
        return Ok(exit::DONE);
    }
    show::tell(console, &reader, &history);
    if let Some(line) = line {
        console.say(format_args!("  stands in {line}"));
    }
    log::tell(console, &attempts);
    Ok(exit::DONE)
}

/// Finds somebody in the list file: where, and as what.
fn in_list_file(
    newsroom: &Newsroom,
    address: &Address,
) -> Result<Option<(String, crate::ledger::Record)>, Failure> {
    let Some((mut records, _)) = newsroom.records()? else { return Ok(None) };
    let file = newsroom.publication.list.csv.as_deref().unwrap_or_default();
    let key = address.key();
    let found = records.find_map(|record| record.ok().filter(|record| record.address.key() == key));
    Ok(found.map(|record| (format!("{file}:{}", record.line), record)))
}

/// Prints CSV as it comes.
struct Out<'a>(&'a Console);

impl Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.print_bytes(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush();
        Ok(())
    }
}
