//! Freezing an issue: who gets it and as what, or a rehearsal of that which keeps nothing.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use super::{
    Console, Failure,
    account::reasons,
    exit,
    newsroom::{IssueFolder, Newsroom},
    rows::{self, Met},
};
use crate::{
    compose::{Composed, Press, Purpose},
    ledger::{Admit, Event, Freeze, Frozen, Ledger},
    list::Skipped,
    model::{Segment, Subscriber, Suppressed},
    send::provider::provider,
};

/// How to freeze.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    /// Whether to keep nothing.
    pub(super) rehearse: bool,
    /// Whether to add who joined since the first freeze.
    pub(super) catch_up: bool,
    /// How many readers somebody agreed to.
    pub(super) expected: Option<u64>,
    /// The segment it is for, as it was typed; empty for everybody.
    pub(super) segment: String,
    /// The issue that it corrects.
    pub(super) corrects: Option<i64>,
}

/// What a freeze found.
pub(super) struct Found {
    /// What the ledger says of it.
    pub(super) frozen: Frozen,
    /// The longest message, in bytes.
    pub(super) largest_copy: usize,
    /// How many may be mailed at each provider that has a rate of its own.
    pub(super) at_providers: BTreeMap<String, u64>,
    met: Met,
}

/// Freezes, or rehearses it.
pub(super) async fn freeze(
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    folder: &IssueFolder,
    composed: &Composed,
    request: Request,
) -> Result<Found, Failure> {
    let (records, meeting) = newsroom.records()?.unzip();
    let keys = if request.rehearse {
        newsroom.keys_for_a_look()?
    } else {
        newsroom.keys_for(ledger).await?
    };
    let press = Press::new(&composed.edition, 0, newsroom.now, keys)
        .map_err(|error| Failure::new(exit::BAD_DATA, error.to_string()))?
        .signed_by(newsroom.signer(newsroom.now)?);
    let sight = Arc::new(Sight::new(newsroom));
    let segment = Some(&request.segment).filter(|text| !text.is_empty());
    let segment = segment.map(|text| Segment::parse(text)).transpose()?;
    let order = order(newsroom, folder, composed, request)?;
    let frozen = ledger.freeze(order, records, admit(press, segment, Arc::clone(&sight))).await;
    let met = meeting.as_ref().map(rows::met).unwrap_or_default();
    if let Some(row) = met.broken() {
        return Err(broken(newsroom, row));
    }
    Ok(Found {
        frozen: frozen?,
        met,
        largest_copy: sight.largest.load(Ordering::Relaxed),
        at_providers: sight.counted(),
    })
}

fn order(
    newsroom: &Newsroom,
    folder: &IssueFolder,
    composed: &Composed,
    request: Request,
) -> Result<Freeze, Failure> {
    let publication = &newsroom.publication;
    let edition = serde_json::to_vec(&composed.edition)
        .map_err(|error| Failure::new(exit::BUG, format!("failed to keep the edition: {error}")))?;
    Ok(Freeze {
        publication: publication.id.clone(),
        slug: folder.slug.clone(),
        digest: composed.edition.digest(),
        edition,
        date: newsroom.now,
        message_domain: publication.sender.from.address.domain().to_owned(),
        event: Event {
            name: "import".to_owned(),
            source: publication.list.csv.clone().unwrap_or_default(),
            detail: String::new(),
        },
        catch_up: request.catch_up,
        rehearse: request.rehearse,
        expected: request.expected,
        segment: request.segment,
        corrects: request.corrects,
    })
}

/// What is seen of the copies while they are made.
struct Sight {
    largest: AtomicUsize,
    at_providers: BTreeMap<String, AtomicU64>,
}

impl Sight {
    fn new(newsroom: &Newsroom) -> Self {
        let domains = newsroom.publication.relay.domains.keys();
        let at_providers =
            domains.map(|domain| (provider(domain).to_owned(), AtomicU64::new(0))).collect();
        Self { largest: AtomicUsize::new(0), at_providers }
    }

    fn see(&self, reader: &Subscriber, bytes: usize) {
        self.largest.fetch_max(bytes, Ordering::Relaxed);
        if !self.at_providers.is_empty()
            && let Some(count) = self.at_providers.get(provider(reader.address.domain()))
        {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counted(&self) -> BTreeMap<String, u64> {
        let counts = self.at_providers.iter();
        counts.map(|(name, count)| (name.clone(), count.load(Ordering::Relaxed))).collect()
    }
}

/// Makes every reader's copy once before the first is sent, so that one that cannot be made is known by name.
///
/// Only the first is signed: that takes most of a copy's time, and the
/// signatures of one issue are all as long.
fn admit(press: Press, segment: Option<Segment>, sight: Arc<Sight>) -> Admit {
    const MESSAGE_ID: &str = "<copy@example.org>";
    let mut signatures = None;
    Box::new(move |reader| {
        if segment.as_ref().is_some_and(|segment| !segment.holds(reader)) {
            return Err(Suppressed::OutsideSegment);
        }
        let length = press.unsigned(reader, MESSAGE_ID, 0, Purpose::Real)?.bytes.len();
        if signatures.is_none() {
            let signed = press.print(reader, MESSAGE_ID, 0, Purpose::Real)?.bytes.len();
            signatures = Some(signed - length);
        }
        sight.see(reader, length + signatures.unwrap_or_default());
        Ok(())
    })
}

fn broken(newsroom: &Newsroom, row: &Skipped) -> Failure {
    let file = newsroom.publication.list.csv.as_deref().unwrap_or("the list");
    Failure::new(exit::BAD_DATA, format!("{file}:{}: {}", row.line, row.reason))
        .hint("whoever stands below would be left out in silence, so nothing was sent: mend that line and run it again")
}

impl Found {
    /// Says what the list file's rows came to, where that is not plain.
    pub(super) fn tell_list(&self, console: &Console, newsroom: &Newsroom) {
        let file = newsroom.publication.list.csv.as_deref().unwrap_or("the list");
        self.met.tell(console, file, &self.frozen.enrolled);
    }

    /// Lists the list file's rows that nobody can be mailed by.
    pub(super) fn left_out(&self, newsroom: &Newsroom) -> Vec<String> {
        let file = newsroom.publication.list.csv.as_deref().unwrap_or_default();
        self.met.bad.iter().map(|row| format!("{file}:{}: {}", row.line, rows::bad(row))).collect()
    }

    /// Refuses an issue that nobody would get.
    pub(super) fn somebody(&self, newsroom: &Newsroom) -> Result<(), Failure> {
        if self.frozen.recipients > 0 || !self.frozen.fresh {
            return Ok(());
        }
        let failure = Failure::new(exit::BAD_DATA, "the list has no reader who may be mailed");
        if self.frozen.planned > 0 {
            let why = reasons(&self.frozen.suppressed);
            return Err(failure.hint(format!("everybody on it is left out: {why}")));
        }
        Err(match &newsroom.publication.list.csv {
            Some(file) => {
                failure.hint(format!("add people to {file}, one a line under its header"))
            }
            None => failure.hint("`postrider subscribers import FILE` or `add ADDR` brings some"),
        })
    }
}
