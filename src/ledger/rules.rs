//! What every ledger decides the same: who wins when records, people and relays say different things of one person.
//!
//! Values in, values out; how they are kept is each ledger's own.

use std::{collections::BTreeMap, time::Duration};

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::{Did, Event, Happening, LedgerError, Note, Preferences, Record};
use crate::{
    bounce::{Cause, Kind, cause},
    model::{DeliveryState, Subscriber, SubscriberState, Suppressed, counted, grouped},
};

/// Microseconds: since 1970 for an instant, in all for a length of time.
pub(super) type Micros = i64;

/// The longest length of time kept: added to any instant of ours it is still one that can be read back.
const CENTURY: Micros = 100 * 366 * 24 * 3_600 * 1_000_000;

/// How long a worker is remembered that was not seen again: a little longer than what it held stays its own.
pub(super) const WORKERS_KEPT: Micros = 20 * 60 * 1_000_000;

/// The most a slug takes of a Message-ID, in bytes.
const SLUG_MAX: usize = 60;

/// Returns a length of time as a column holds it, a century at most.
pub(super) fn micros(length: Duration) -> Micros {
    i64::try_from(length.as_micros()).unwrap_or(CENTURY).min(CENTURY)
}

/// Returns a length of time a column held.
pub(super) fn length(micros: Micros) -> Duration {
    Duration::from_micros(micros.unsigned_abs())
}

/// Returns tags as a column holds them.
pub(super) fn tags_json(tags: &[String]) -> String {
    serde_json::to_string(tags).expect("strings are always JSON")
}

/// Returns fields as a column holds them.
pub(super) fn fields_json(fields: &BTreeMap<String, String>) -> String {
    serde_json::to_string(fields).expect("strings are always JSON")
}

/// Returns what a reader says of themselves as a column holds it.
pub(super) fn own_json(said: &Preferences) -> String {
    serde_json::to_string(said).expect("strings are always JSON")
}

/// Returns a reason as a column holds it.
pub(super) fn reason_json(reason: &Suppressed) -> String {
    serde_json::to_string(reason).expect("a reason is always JSON")
}

/// Refuses an issue that would go to another number of readers than somebody agreed to.
pub(super) fn miscounted(added: u64, expected: u64) -> LedgerError {
    let (readers, agreed) = (counted(added, "reader"), grouped(expected));
    LedgerError::Refused(format!("the list has {readers} to mail, not {agreed}: nothing was sent"))
}

/// Orders the states that say "never mail me": whatever the order of events, the gravest stays.
pub(super) fn gravity(state: SubscriberState) -> u8 {
    match state {
        SubscriberState::Active | SubscriberState::Pending => 0,
        SubscriberState::Unsubscribed => 1,
        SubscriberState::Bounced => 2,
        SubscriberState::Complained => 3,
        SubscriberState::Blocked => 4,
        SubscriberState::Erased => 5,
    }
}

/// Returns what somebody in state `was` becomes when a person or a relay says `to`; `None` where nothing changes.
pub(super) fn shifted(was: SubscriberState, to: SubscriberState) -> Option<SubscriberState> {
    let after = if gravity(was) > gravity(to) && to.is_suppressed() { was } else { to };
    let is_settled = was == to || after == SubscriberState::Erased && was == after;
    (!is_settled).then_some(after)
}

/// Tells whether whoever has this history is a reader again when `left` is taken back: it was the last thing they did, and they were one before.
pub(super) fn is_undone_by(history: &[Happening], left: &Happening) -> bool {
    let [.., before, last] = history else { return false };
    last == left && before.state == SubscriberState::Active
}

/// Tells whether a state holds in every publication: the mailbox is dead, or does not want us, whoever writes.
pub(super) fn everywhere(state: SubscriberState) -> bool {
    matches!(state, SubscriberState::Bounced | SubscriberState::Complained)
}

/// Returns what somebody is after a record, none of both being a revival: the graver state, and confirmed once confirmed.
pub(super) fn judged(was: SubscriberState, claimed: SubscriberState) -> SubscriberState {
    match (was, claimed) {
        (SubscriberState::Active, SubscriberState::Pending) => was,
        _ if gravity(was) > gravity(claimed) => was,
        _ => claimed,
    }
}

/// Returns the person with what a record says of them. A list file (`is_its_own`) is the truth about whom it brought; any other record adds to what is known, and what it does not mention stays. Over either stands what the person says (`own`).
pub(super) fn merged(
    person: &Subscriber,
    record: &Record,
    is_its_own: bool,
    own: &Preferences,
) -> Subscriber {
    let mut person = person.clone();
    if person.state == SubscriberState::Erased {
        return person;
    }
    if is_its_own {
        person.name.clone_from(&record.name);
        person.tags.clone_from(&record.tags);
        person.fields.clone_from(&record.fields);
        return own.over(person);
    }
    if !record.name.is_empty() {
        person.name.clone_from(&record.name);
    }
    for tag in &record.tags {
        if !person.tags.contains(tag) {
            person.tags.push(tag.clone());
        }
    }
    person.fields.extend(record.fields.clone());
    own.over(person)
}

/// Returns what the consent log says of a record: what the order says, and the record's own `evidence`.
pub(super) fn with_evidence(event: &Event, evidence: &str) -> Event {
    let both = [event.detail.as_str(), evidence];
    let detail = both.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ");
    Event { detail, ..event.clone() }
}

/// Returns what is told of a report that was noted before: what nothing proves is listed until a person has decided.
pub(super) fn again(before: Did, reader: Option<SubscriberState>) -> Did {
    match (before, reader) {
        (Did::Listed | Did::Nobody, Some(state)) if !state.is_suppressed() => Did::Listed,
        (Did::Nobody, None) => Did::Nobody,
        _ => Did::Known,
    }
}

/// How many issues with a soft bounce, and over how long at least, are enough to give up on a mailbox.
const SOFT: (usize, Micros) = (3, 15 * 24 * 3_600 * 1_000_000);

/// How many deliveries back a reader's soft bounces are counted.
pub(super) const LATELY: i64 = 100;

/// One delivery of a reader, for counting.
pub(super) struct Past {
    /// Where it stands.
    state: DeliveryState,
    /// When it was first refused softly, at once or by a bounce.
    soft_at: Option<Micros>,
}

impl Past {
    /// Understands a delivery that ended at `at` with the relay's words `said`, and of which a first soft bounce came at `bounced_at`.
    pub(super) fn of(
        (state, at): (DeliveryState, Micros),
        said: &str,
        bounced_at: Option<Micros>,
    ) -> Self {
        let refused_at = is_soft(state, said).then_some(at);
        Self { state, soft_at: refused_at.into_iter().chain(bounced_at).min() }
    }
}

/// Tells whether a delivery failed at the relay because of the mailbox, and softly: it counts as a soft bounce of it does.
///
/// Who was refused at once, and not for what we are, counts as what a relay
/// returns later does. Of those deferred until they expired only a full mailbox
/// does: the rest may be the relay's own trouble, which would give up everybody.
pub(super) fn is_soft(state: DeliveryState, said: &str) -> bool {
    // Words of our own begin with no code, and forgotten ones are empty.
    let is_reply = said.starts_with(|first: char| first.is_ascii_digit());
    is_reply
        && match state {
            DeliveryState::Rejected => cause(None, said).kind() != Kind::Policy,
            DeliveryState::Expired => cause(None, said) == Cause::Full,
            _ => false,
        }
}

/// Tells whether a reader's soft bounces are enough. `lately` is what was sent to them, the latest first.
///
/// An accepted delivery that did not bounce ends the row. Those after the
/// latest bounce do not: they may still bounce, as the others did.
pub(super) fn is_worn_out(now: Micros, lately: &[Past]) -> bool {
    let row: Vec<Micros> = lately
        .iter()
        .skip_while(|past| past.soft_at.is_none())
        .take_while(|past| past.soft_at.is_some() || past.state != DeliveryState::Accepted)
        .filter_map(|past| past.soft_at)
        .collect();
    let first = row.iter().min().copied().unwrap_or(now);
    row.len() >= SOFT.0 && now.saturating_sub(first) >= SOFT.1
}

/// Returns what the consent log says of a report.
pub(super) fn bounced(note: &Note) -> Event {
    let name = match note.kind {
        Kind::Complaint => "complaint",
        Kind::Unsubscribe => "unsubscribe",
        _ => "bounce",
    };
    let why = note.cause.map(|cause| cause.to_string()).unwrap_or_default();
    let both = [why.as_str(), &note.said];
    let detail = both.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ");
    Event { name: name.to_owned(), source: note.source.clone(), detail }
}

/// Returns what the consent log says of a reader whom the relay's soft refusals of several issues, the latest called `slug`, give up.
pub(super) fn worn_out(slug: &str, said: &str) -> Event {
    let detail = format!("{}, issue after issue: {said}", cause(None, said));
    Event { name: "bounce".to_owned(), source: slug.to_owned(), detail }
}

/// Returns a cause as a column holds it.
pub(super) fn cause_json(cause: Option<Cause>) -> String {
    serde_json::to_string(&cause).expect("a cause is always JSON")
}

/// Returns why somebody in this state is not mailed.
pub(super) fn reason(state: SubscriberState) -> Option<Suppressed> {
    match state {
        SubscriberState::Active => None,
        SubscriberState::Pending => Some(Suppressed::Pending),
        SubscriberState::Unsubscribed => Some(Suppressed::Unsubscribed),
        SubscriberState::Bounced => Some(Suppressed::Bounced),
        SubscriberState::Complained => Some(Suppressed::Complained),
        SubscriberState::Blocked => Some(Suppressed::Blocked),
        SubscriberState::Erased => Some(Suppressed::Erased),
    }
}

/// Returns why somebody is not mailed `now`: for their state, or because they asked for a pause.
pub(super) fn barred(
    state: SubscriberState,
    paused_until: Option<Micros>,
    now: Micros,
) -> Option<Suppressed> {
    let paused = paused_until.filter(|until| *until > now).map(|_| Suppressed::Paused);
    reason(state).or(paused)
}

/// Returns the address that stands for an erased person: a keyed hash of theirs, in a domain that cannot exist (RFC 2606).
pub(super) fn erased_key(secret: &[u8], key: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(key.as_bytes());
    format!("{}@erased.invalid", HEXLOWER.encode(&mac.finalize().into_bytes()[..20]))
}

/// Makes the random id of a person's links: 64 bits, 13 characters.
pub(super) fn token() -> Result<String, LedgerError> {
    let mut bytes = [0; 8];
    random(&mut bytes)?;
    Ok(token_of(bytes))
}

fn token_of(bytes: [u8; 8]) -> String {
    let mut token = BASE32_NOPAD.encode(&bytes);
    token.make_ascii_lowercase();
    token
}

/// Makes many of them; asks the system for what nobody can guess once for hundreds.
#[derive(Default)]
pub(super) struct Tokens {
    drawn: Vec<[u8; 8]>,
}

impl Tokens {
    /// Returns the next one.
    pub(super) fn draw(&mut self) -> Result<String, LedgerError> {
        if self.drawn.is_empty() {
            let mut bytes = [0; 4096];
            random(&mut bytes)?;
            self.drawn.extend(bytes.as_chunks().0);
        }
        self.drawn.pop().map_or_else(token, |bytes| Ok(token_of(bytes)))
    }
}

/// Fills `bytes` with what nobody can guess.
pub(super) fn random(bytes: &mut [u8]) -> Result<(), LedgerError> {
    getrandom::fill(bytes).map_err(|error| {
        LedgerError::Refused(format!("the system gives no random numbers: {error}"))
    })
}

/// Returns what an issue's Message-IDs begin with: the slug for people, and a tag no other `ledger` or publication has.
pub(super) fn message_stem(ledger: &str, publication: &str, slug: &str) -> String {
    let tag = Sha256::digest(format!("{ledger}\0{publication}\0{slug}"));
    let readable: String = slug
        .chars()
        .take(SLUG_MAX)
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' })
        .collect();
    format!("{readable}-{}", HEXLOWER.encode(&tag[..4]))
}
