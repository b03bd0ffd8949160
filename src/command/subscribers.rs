//! `subscribers`: bring people, let them go, look them up.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    Console, Failure,
    console::Tone,
    exit,
    newsroom::{Newsroom, write_private},
    rows::{self, Break},
    words::{grouped, instant, printable},
};
use crate::{
    cli::{Global, Subscribers},
    compose::{self, Purpose},
    ledger::{Enrol, Enrolled, Event, Ledger, Record, Records},
    list,
    model::{Address, Subscriber, SubscriberState},
};

/// How many people a listing reads at once.
const PAGE: usize = 1000;

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    global: &Global,
    verb: Subscribers,
) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    match verb {
        Subscribers::Import { files, dry_run, rejects, resubscribe } => {
            let wish = Import { files, dry_run, rejects, resubscribe };
            import(console, &newsroom, &wish).await
        }
        Subscribers::Add { address, name, fields, tags } => {
            add(console, &newsroom, &address, name.unwrap_or_default(), &fields, tags).await
        }
        Subscribers::Unsubscribe { address } => unsubscribe(console, &newsroom, &address).await,
        Subscribers::Suppress { address, reason } => {
            suppress(console, &newsroom, &address, reason).await
        }
        Subscribers::List { state } => list_all(console, &newsroom, state.as_deref()).await,
        Subscribers::Show { address } => show(console, &newsroom, &address).await,
    }
}

struct Import {
    files: Vec<PathBuf>,
    dry_run: bool,
    rejects: Option<PathBuf>,
    resubscribe: Option<String>,
}

/// The keys of `import --json`, which scripts rely on.
#[derive(Serialize)]
struct ImportReport {
    files: Vec<FileReport>,
}

#[derive(Serialize)]
struct FileReport {
    file: String,
    format: &'static str,
    encoding: &'static str,
    delimiter: String,
    read: u64,
    added: u64,
    updated: u64,
    unchanged: u64,
    skipped: Vec<SkippedReport>,
    unsubscribed: u64,
    bounced: u64,
    complained: u64,
    pending: u64,
    blocked: u64,
}

#[derive(Serialize)]
struct SkippedReport {
    line: u64,
    address: String,
    reason: String,
}

async fn import(console: &Console, newsroom: &Newsroom, wish: &Import) -> Result<u8, Failure> {
    let ledger = newsroom.ledger()?;
    let mut reports = Vec::new();
    let mut rejected = Vec::new();
    let mut columns = Vec::new();
    for path in &wish.files {
        let name = path.display().to_string();
        let rows = rows::open(path, &name)?;
        let delimiter = rows.delimiter().to_string();
        if columns.is_empty() {
            columns = rows.columns().to_vec();
        }
        let order = Enrol {
            publication: newsroom.publication.id.clone(),
            event: Event { name: "import".to_owned(), source: name.clone(), detail: String::new() },
            from_list_file: false,
            resubscribe: wish.resubscribe.clone(),
            rehearse: wish.dry_run,
        };
        let (records, meeting) = rows::records(rows, Break::Name);
        let enrolled = ledger.enrol(vec![(order, records)]).await?.remove(0);
        let met = rows::met(&meeting);
        if !console.json {
            met.tell(console, &name, &enrolled);
            tell_import(console, &name, &enrolled, met.bad.len(), wish.dry_run);
        }
        reports.push(report(name.clone(), delimiter, &enrolled, &met.bad));
        rejected.extend(met.bad.into_iter().map(|row| (name.clone(), row)));
    }
    if let Some(path) = &wish.rejects {
        write_rejects(path, &columns, &rejected)?;
    }
    if console.json {
        console.document(&ImportReport { files: reports });
    }
    Ok(if rejected.is_empty() { exit::DONE } else { exit::BAD_DATA })
}

fn report(
    file: String,
    delimiter: String,
    enrolled: &Enrolled,
    bad: &[list::Skipped],
) -> FileReport {
    let of = |state: SubscriberState| enrolled.by_state.get(state.word()).copied().unwrap_or(0);
    let mut skipped: Vec<SkippedReport> = bad
        .iter()
        .map(|row| SkippedReport {
            line: row.line,
            address: row.address.clone(),
            reason: row.reason.to_string(),
        })
        .collect();
    skipped.extend(enrolled.duplicates.iter().map(|(line, address, first)| SkippedReport {
        line: *line,
        address: address.to_string(),
        reason: format!("duplicate of line {first}"),
    }));
    skipped.extend(enrolled.suppressed.iter().map(|(line, address, state)| SkippedReport {
        line: *line,
        address: address.to_string(),
        reason: format!("is {} and stays so", state.word()),
    }));
    skipped.sort_by_key(|row| row.line);
    FileReport {
        file,
        format: "postrider",
        encoding: "utf-8",
        delimiter,
        read: enrolled.read + bad.len() as u64,
        added: enrolled.added,
        updated: enrolled.updated,
        unchanged: enrolled.unchanged,
        skipped,
        unsubscribed: of(SubscriberState::Unsubscribed),
        bounced: of(SubscriberState::Bounced),
        complained: of(SubscriberState::Complained),
        pending: of(SubscriberState::Pending),
        blocked: of(SubscriberState::Blocked),
    }
}

fn tell_import(console: &Console, file: &str, enrolled: &Enrolled, bad: usize, dry_run: bool) {
    let mut parts = vec![
        format!("{} added", grouped(enrolled.added)),
        format!("{} updated", grouped(enrolled.updated)),
        format!("{} unchanged", grouped(enrolled.unchanged)),
    ];
    let skipped = bad + enrolled.duplicates.len() + enrolled.suppressed.len();
    if skipped > 0 {
        parts.push(format!("{} skipped", grouped(skipped as u64)));
    }
    let read = grouped(enrolled.read + bad as u64);
    console.tell_sentence(&format!("{file}: {read} read: {}", parts.join(", ")));
    let states: Vec<String> = SubscriberState::ALL
        .iter()
        .filter(|state| **state != SubscriberState::Active)
        .filter_map(|state| {
            let count = enrolled.by_state.get(state.word())?;
            Some(format!("{} {}", grouped(*count), state.word()))
        })
        .collect();
    if !states.is_empty() {
        console.tell_sentence(&format!("  among them {}", states.join(", ")));
    }
    if dry_run {
        console.tell(console.paint(Tone::Quiet, "a dry run: nothing was kept"));
    }
}

fn write_rejects(
    path: &Path,
    columns: &[String],
    rejected: &[(String, list::Skipped)],
) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    let write = |bytes: &mut Vec<u8>| {
        let mut rejects = list::rejects(bytes, columns)?;
        rejected.iter().try_for_each(|(file, row)| rejects.write(file, row))?;
        rejects.finish()
    };
    write(&mut bytes).map_err(|error| Failure::file(path, "write", &error))?;
    write_private(path, &bytes)
}

async fn add(
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
            Some((field, value)) => Ok((field.trim().to_lowercase(), value.to_owned())),
            None => Err(Failure::new(exit::USAGE, format!("`{pair}` is not FIELD=VALUE"))),
        })
        .collect::<Result<BTreeMap<_, _>, _>>()?;
    let name: String = name.chars().filter(|character| !character.is_control()).collect();
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

async fn unsubscribe(console: &Console, newsroom: &Newsroom, text: &str) -> Result<u8, Failure> {
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
    let read = compose::read_unsubscribe_token(&newsroom.keys()?, token).map_err(|_| wrong())?;
    if !read.is_of(publication) {
        return Err(wrong());
    }
    if read.purpose == Purpose::Test {
        return Err(Failure::new(exit::GUARD, "that link is from a test mail: it does nothing"));
    }
    let found = ledger.subscriber_by_token(publication, &read.subscriber).await?;
    found.map(|reader| reader.address).ok_or_else(wrong)
}

async fn suppress(
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

fn tell_moved(console: &Console, address: &Address, now: &str, was: Option<SubscriberState>) {
    let was = was.map_or("not on the list", SubscriberState::word);
    if console.json {
        console.document(
            &serde_json::json!({ "address": address.written(), "state": now, "was": was }),
        );
    } else {
        console.tell_sentence(&format!("{address} is {now} (was {was}); no file brings them back"));
    }
}

async fn list_all(
    console: &Console,
    newsroom: &Newsroom,
    state: Option<&str>,
) -> Result<u8, Failure> {
    let wanted = state
        .map(|word| {
            SubscriberState::from_word(word).ok_or_else(|| {
                let known: Vec<&str> =
                    SubscriberState::ALL.iter().map(|state| state.word()).collect();
                Failure::new(
                    exit::USAGE,
                    format!("`{word}` is no state; they are {}", known.join(", ")),
                )
            })
        })
        .transpose()?;
    if !newsroom.has_ledger() {
        tell_empty(console, newsroom, None);
        return Ok(exit::DONE);
    }
    let ledger = newsroom.ledger()?;
    let mut after: Option<String> = None;
    let mut listed = false;
    loop {
        let page = ledger.subscribers(&newsroom.publication.id, after.as_deref(), PAGE).await?;
        for reader in page.iter().filter(|reader| wanted.is_none_or(|state| reader.state == state))
        {
            if console.is_closed() {
                return Ok(exit::DONE);
            }
            listed = true;
            tell_reader(console, reader);
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.address.key()),
            _ => break,
        }
    }
    if !listed {
        tell_empty(console, newsroom, wanted);
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

#[derive(Serialize)]
struct Line<'a> {
    address: &'a str,
    name: &'a str,
    state: SubscriberState,
    tags: &'a [String],
    fields: &'a BTreeMap<String, String>,
}

fn tell_reader(console: &Console, reader: &Subscriber) {
    if console.json {
        console.document(&Line {
            address: reader.address.written(),
            name: &reader.name,
            state: reader.state,
            tags: &reader.tags,
            fields: &reader.fields,
        });
        return;
    }
    let tone = if reader.state == SubscriberState::Active { Tone::Good } else { Tone::Warn };
    let state = console.paint(tone, format_args!("{:<12}", reader.state.word()));
    console.say(format!("{state} {}  {}", reader.address, printable(&reader.name)).trim_end());
}

async fn show(console: &Console, newsroom: &Newsroom, text: &str) -> Result<u8, Failure> {
    let address: Address = text.parse().map_err(|error| Failure::address(text, error))?;
    let unknown = || {
        let failure = Failure::new(exit::NO_INPUT, format!("{address} is not on the list"));
        match &newsroom.publication.list.csv {
            Some(file) => {
                failure.hint(format!("people of {file} are known once an issue was sent to it"))
            }
            None => failure,
        }
    };
    if !newsroom.has_ledger() {
        return Err(unknown());
    }
    let ledger = newsroom.ledger()?;
    let publication = &newsroom.publication.id;
    let reader = ledger.subscriber(publication, &address).await?.ok_or_else(unknown)?;
    let history = ledger.history(publication, &address).await?;
    if console.json {
        let history: Vec<_> = history
            .iter()
            .map(|line| {
                serde_json::json!({ "at": line.at, "event": line.event.name, "source": line.event.source,
                    "detail": line.event.detail, "state": line.state })
            })
            .collect();
        console.document(&serde_json::json!({
            "address": reader.address.written(),
            "name": reader.name,
            "state": reader.state,
            "tags": reader.tags,
            "fields": reader.fields,
            "history": history,
        }));
        return Ok(exit::DONE);
    }
    tell_reader(console, &reader);
    if !reader.tags.is_empty() {
        console.say(format_args!("  tags: {}", printable(&reader.tags.join(", "))));
    }
    for (field, value) in &reader.fields {
        console.say(format_args!("  {field}: {}", printable(value)));
    }
    for line in &history {
        let at = instant(line.at);
        let mut words = format!("  {at}  {} ({})", line.event.name, printable(&line.event.source));
        if !line.event.detail.is_empty() {
            words = format!("{words}: {}", printable(&line.event.detail));
        }
        console.say(format_args!("{words} -> {}", line.state.word()));
    }
    Ok(exit::DONE)
}
