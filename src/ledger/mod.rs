//! What was owed, tried and settled. Every reader of an issue is a row here, before the first byte and after the last reply.
//!
//! ```text
//! planned -claim-> claimed -begin (durable)-> attempting -record-> accepted | rejected | deferred | in_doubt
//! claimed:    lease over -> planned; unsubscribed -> suppressed; paused -> planned; cancelled
//! attempting: given back before anything left -> planned; lease over -> in_doubt, never planned;
//!             late evidence with the same fence and attempt -> the true outcome
//! deferred -> claimed again at its hour, expired after 48 h; in_doubt -> planned only by `resolve --resend`
//! ```
//!
//! The trait speaks of deliveries, never of SQL. Its promises are the rules
//! D1-D15 of ARCHITECTURE.md; `tests/it/ledger.rs` asks every ledger the same
//! questions. All instants are the ledger's own clock.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::{
    model::{
        Address, DeliveryState, IssueState, Outcome, Rate, Subscriber, SubscriberState, Suppressed,
        Tally,
    },
    send::brake::Brake,
};

mod audit;
mod moving;
mod note;
mod postgres;
mod preferences;
mod rules;
mod sqlite;
mod value;

pub use audit::{Finding, RESTORE};
pub use moving::{Held, Manifest, Parcel, Standing, copy_to, manifest, move_to};
pub use note::{About, Did, Note, Noted, ReportRecord};
pub use postgres::{PostgresLedger, PostgresSettings};
pub use preferences::Preferences;
pub use sqlite::{Clock, SqliteLedger};

/// Remembers a publication's readers and what each of them was sent.
///
/// `publication` is always the publication's id. Every method that writes is
/// one transaction, durable when it returns.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Returns the ledger's own time.
    async fn now(&self) -> Result<Timestamp, LedgerError>;

    /// Returns who this ledger is and how many deliveries it has ever begun (rule D12).
    async fn mark(&self) -> Result<Mark, LedgerError>;

    /// Puts every open delivery of every issue in doubt, planned ones too, after a restored backup was accepted (rule D12): the days the backup does not know of may have sent any of them. Opens a ledger that had moved, whose new one is lost. Raises the count of begins to at least `begins`. Returns how many are in doubt now.
    async fn accept_rollback(&self, begins: u64) -> Result<u64, LedgerError>;

    // The list.

    /// Adds and updates people from lists of records, one after the other and all in one transaction; nothing is kept when an order rehearses. Says of each list what became of it.
    ///
    /// A record of the list file is the whole truth about a person the list
    /// file brought; any other record adds to what is known, and an empty name
    /// or an absent field or tag in it changes nothing. Being active is not
    /// taken back by a record that says pending. Evidence that a record brings
    /// of somebody who may be mailed goes into the consent log, each piece once.
    ///
    /// Suppression always wins: a record never makes an unsubscribed, bounced,
    /// complained, blocked or erased person active or pending, unless
    /// `order.resubscribe` gives a reason. A record of an address met before in
    /// the same list changes nothing and is reported as a duplicate, but a
    /// suppressing status in it still acts. Of two suppressing states the graver
    /// stays (erased, blocked, complained, bounced, unsubscribed), so the order
    /// of records never matters. Somebody new whose mailbox bounced or
    /// complained in another publication enters the list as that.
    async fn enrol(&self, lists: Vec<(Enrol, Records)>) -> Result<Vec<Enrolled>, LedgerError>;

    /// Moves a person to `to`, adding them first where the list does not know the address; says what they were (`None`: unknown until now).
    ///
    /// Of two suppressing states the graver stays, as in `enrol`; going to
    /// `Active` or `Pending` is a person's word and always obeyed. Going to
    /// `Bounced` or `Complained` moves whoever is active or pending at that
    /// mailbox in every other publication too. Going to `Erased` forgets all but
    /// a keyed hash, here and in what was sent: from then on the address reads
    /// `<hash>@erased.invalid`, and the links lead nowhere.
    async fn move_subscriber(
        &self,
        publication: &str,
        address: &Address,
        to: SubscriberState,
        event: &Event,
    ) -> Result<Option<SubscriberState>, LedgerError>;

    /// Finds a person by address, or `None`.
    async fn subscriber(
        &self,
        publication: &str,
        address: &Address,
    ) -> Result<Option<Subscriber>, LedgerError>;

    /// Finds a person by the random id in their links, or `None`.
    async fn subscriber_by_token(
        &self,
        publication: &str,
        token_id: &str,
    ) -> Result<Option<Subscriber>, LedgerError>;

    /// Returns up to `limit` people whose address key follows `after`, in the order of their keys.
    async fn subscribers(
        &self,
        publication: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Subscriber>, LedgerError>;

    /// Returns everything that ever happened to a person's consent, oldest first.
    async fn history(
        &self,
        publication: &str,
        address: &Address,
    ) -> Result<Vec<Happening>, LedgerError>;

    /// Keeps what a reader says of themselves, by the random id in their links; `false` where the list has no such reader, or they left.
    ///
    /// Their name and language stand over what any list says of them from then
    /// on. Until the hour they name they are `Suppressed::Paused` at a freeze
    /// and at a begin; then they are mailed again, by nobody's doing.
    async fn prefer(
        &self,
        publication: &str,
        token_id: &str,
        said: &Preferences,
        event: &Event,
    ) -> Result<bool, LedgerError>;

    /// Returns what a reader said of themselves, by the random id in their links.
    async fn preferences(
        &self,
        publication: &str,
        token_id: &str,
    ) -> Result<Preferences, LedgerError>;

    /// Returns every publication in which a mailbox is active or pending, in order.
    async fn publications(&self, address: &Address) -> Result<Vec<String>, LedgerError>;

    /// Unsubscribes a mailbox from every publication in which it is active or pending; returns from how many.
    async fn leave_all(&self, address: &Address, event: &Event) -> Result<u64, LedgerError>;

    /// Forgets what the issues that ended before `before` still say of persons: each reader's name, tags, fields and address as frozen, and what relays said of them. Counts, states and times stay, and so does the list with its consent log. Returns of how many deliveries something was forgotten.
    async fn prune(&self, publication: &str, before: Timestamp) -> Result<u64, LedgerError>;

    // What comes back.

    /// Notes a message that came back and does what its kind asks for, in one transaction; nothing is kept when `note.rehearse`. A message noted before, by its digest, changes nothing.
    ///
    /// A hard bounce suppresses at first, a complaint and an unsubscribe too, as
    /// `move_subscriber` does. A soft one is counted: three issues that bounced
    /// so, one after the other and over fifteen days at least, suppress as a hard
    /// one does; an issue between them that did not bounce begins the count anew.
    /// A refusal by policy never suppresses anybody. What nothing proves is only
    /// listed.
    async fn report(&self, publication: &str, note: &Note) -> Result<Noted, LedgerError>;

    /// Returns up to `limit` reports that followed the one numbered `after` (0: from the first), of one issue or of all, in the order they were noted.
    async fn reports(
        &self,
        publication: &str,
        issue: Option<i64>,
        after: i64,
        limit: usize,
    ) -> Result<Vec<ReportRecord>, LedgerError>;

    // Issues.

    /// Finds an issue by its slug, or `None` while it is only a draft.
    async fn issue(
        &self,
        publication: &str,
        slug: &str,
    ) -> Result<Option<IssueRecord>, LedgerError>;

    /// Returns every issue the ledger knows, oldest first.
    async fn issues(&self, publication: &str) -> Result<Vec<IssueRecord>, LedgerError>;

    /// Binds an issue to an hour and a digest, or binds it anew. Refuses (`Ok(false)`) when it is past `scheduled` or `missed`.
    async fn schedule(
        &self,
        publication: &str,
        slug: &str,
        booking: &Booking,
    ) -> Result<bool, LedgerError>;

    /// Moves an issue from any of `from` to `to`. `Ok(false)` when it is in none of them, or cannot go there.
    ///
    /// Going to `Cancelled` cancels what is planned, claimed or deferred
    /// (attempting rows are settled by their sender); going to `Paused` gives
    /// claims back; going to `Finished` also requires that nothing is open and
    /// the sum balances (rule D15). Only a frozen issue can go to `Sending` or
    /// `Finished`, only one that is not can go to `Draft` (which forgets it),
    /// `Scheduled` or `Missed`. Going from `Missed` to `Missed` notes that
    /// somebody was told.
    async fn turn(
        &self,
        publication: &str,
        slug: &str,
        from: &[IssueState],
        to: IssueState,
        why: &str,
    ) -> Result<bool, LedgerError>;

    /// Freezes an issue: enrols the records of the list file, then makes one delivery of everybody on the list, in one transaction (rule D7). Nothing is kept when `order.rehearse`.
    ///
    /// Whoever must not be mailed gets a row `suppressed` with the reason, so
    /// that nobody is left out in silence. People who came from the list file
    /// and are no longer in it get none. A freeze that finds no reader to mail
    /// keeps nothing. When the issue is frozen already, its
    /// first freeze stands and is returned, and `records` are not read; with
    /// `order.catch_up` they are, and whoever has no row yet gets one, which
    /// opens a finished issue again. To freeze or catch up a cancelled issue is
    /// `Refused`.
    ///
    /// An issue that corrects another goes to whoever has that one accepted at
    /// that moment. Everybody else on the list gets a row too, suppressed as
    /// `NotSentTheFirst`, and so does, as `Unlisted`, who got it and has left
    /// the list file since.
    async fn freeze(
        &self,
        order: Freeze,
        records: Option<Records>,
        admit: Admit,
    ) -> Result<Frozen, LedgerError>;

    /// Returns the frozen edition, as the bytes given to `freeze`.
    async fn edition(&self, issue: i64) -> Result<Vec<u8>, LedgerError>;

    /// Counts an issue's deliveries.
    async fn tally(&self, issue: i64) -> Result<Tally, LedgerError>;

    /// Counts an issue's suppressed deliveries by reason.
    async fn suppressed(&self, issue: i64) -> Result<BTreeMap<Suppressed, u64>, LedgerError>;

    /// Returns up to `limit` deliveries in any of `states`, of slots after `after`, in order of slot.
    async fn deliveries(
        &self,
        issue: i64,
        states: &[DeliveryState],
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<DeliveryRecord>, LedgerError>;

    /// Returns every attempt to reach an address, oldest first, over all issues.
    async fn attempts(
        &self,
        publication: &str,
        address: &Address,
    ) -> Result<Vec<AttemptRecord>, LedgerError>;

    // The run.

    /// Takes back what senders that no longer live left behind: their claims become planned, their attempts in doubt.
    ///
    /// A sender no longer lives when its lease is over or `gone` says so of its name.
    async fn recover(&self, issue: i64, gone: Gone) -> Result<Recovered, LedgerError>;

    /// Takes up to `limit` deliveries that are planned or due again, and expires what was deferred for longer than `expire_after`. Each gets a new fence. None while the issue is not sending.
    ///
    /// The two days count from the first attempt that counts as one of the
    /// reader's tries; a retry that would come after them is not waited for.
    /// Readers that `but` names stay where they are.
    async fn claim(
        &self,
        issue: i64,
        owner: &str,
        limit: usize,
        lease: Duration,
        expire_after: Duration,
        but: &Passed,
    ) -> Result<Vec<Claim>, LedgerError>;

    /// Writes begins, outcomes and releases, in order, in one durable transaction, and answers each (rules D1-D3). The group is the caller's: the more it brings, the cheaper each is.
    ///
    /// A begin is `Done` once; asked again, it is `Refused`. An outcome that was
    /// told before is `Done` again and changes nothing, so a sender whose answer
    /// was lost may tell it until it is heard.
    async fn enter(&self, entries: &[Entry]) -> Result<Vec<Entered>, LedgerError>;

    /// Returns when the next deferred delivery may be tried, or `None` where nothing is deferred.
    async fn next_retry(&self, issue: i64) -> Result<Option<Timestamp>, LedgerError>;

    /// Reserves beginnings for `wishes`, each on the lane that all share (a relay) and on one of its own (a provider), under the rates of both at once (rule D11).
    ///
    /// Returns the instants, not before now, at which they may begin, in order,
    /// each for the wish that can begin first, so that a slow one never holds
    /// the rest. In no window of a lane do more than its count begin. None
    /// later than `within` from now is reserved, so that a sender who will not
    /// wait uses nothing up. Survives restarts; shared by all senders.
    async fn reserve(
        &self,
        shared: &Lane,
        wishes: &[Wish],
        within: Duration,
    ) -> Result<Reservation, LedgerError>;

    /// Returns the beginnings on a lane that its rates still count, oldest first.
    async fn beginnings(&self, lane: &Lane) -> Result<Vec<Timestamp>, LedgerError>;

    /// Puts a brake on a lane; of two that close it the one that does so for longer stays.
    async fn brake(&self, lane: &str, brake: &Brake) -> Result<(), LedgerError>;

    /// Returns the brakes on a relay's lane and on those of its providers (`Lane::to`), also those that are over, by the lane's name.
    async fn brakes(&self, relay: &str) -> Result<BTreeMap<String, Brake>, LedgerError>;

    /// Takes them all off, by a person's word, and says how many there were. Whoever was deferred without its counting may then be tried at once.
    async fn release(&self, relay: &str) -> Result<u64, LedgerError>;

    /// Settles a delivery in doubt: by `Delivered` it is accepted, by `Resend` planned again under a new fence with the same Message-ID, which opens a finished issue again and is `Refused` for a cancelled one. `Ok(false)` when that address is not in doubt.
    async fn resolve(
        &self,
        issue: i64,
        address: &Address,
        how: Resolution,
    ) -> Result<bool, LedgerError>;

    /// Keeps how a frozen issue goes out, for senders that have none of the publication's files; opaque to the ledger. The last word holds.
    async fn instruct(&self, issue: i64, orders: &[u8]) -> Result<(), LedgerError>;

    /// Returns how an issue goes out, as the bytes given to `instruct`; `None` where nobody has said.
    async fn orders(&self, issue: i64) -> Result<Option<Vec<u8>>, LedgerError>;

    /// Returns the publication and slug of every issue that is being sent, oldest first.
    async fn sending(&self) -> Result<Vec<(String, String)>, LedgerError>;

    /// Notes that a worker lives, and what it does; forgets those not seen for twenty minutes.
    async fn sign_in(&self, worker: &Worker) -> Result<(), LedgerError>;

    /// Notes that a worker has ended.
    async fn sign_out(&self, name: &str) -> Result<(), LedgerError>;

    /// Returns the workers seen within twenty minutes that did not sign out, and when each was seen last, by name.
    async fn workers(&self) -> Result<Vec<Seen>, LedgerError>;

    /// Looks for what should not be so, from the file or the server's rules to the sum of every issue. Changes nothing.
    async fn verify(&self) -> Result<Vec<Finding>, LedgerError>;

    /// Tells whether the ledger may be worked with.
    async fn standing(&self) -> Result<Standing, LedgerError>;

    /// Carries everything in it out, as it is at one moment, and then the word that there is no more.
    ///
    /// With `leave` nobody changes anything meanwhile; when that names where
    /// everything is now, the ledger closes and says so from then on; when it is
    /// dropped, nothing has happened. `Busy` where somebody sends.
    async fn carry_out(
        &self,
        to: mpsc::Sender<Parcel>,
        leave: Option<oneshot::Receiver<String>>,
    ) -> Result<(), LedgerError>;

    /// Takes in what another ledger carries out, in one transaction, and is closed afterwards until `settle_in`. Refuses where it holds anything but what arrived so before.
    async fn carry_in(&self, from: mpsc::Receiver<Parcel>) -> Result<(), LedgerError>;

    /// Opens a ledger that everything has arrived in.
    async fn settle_in(&self) -> Result<(), LedgerError>;

    /// Copies the whole ledger to a new file, as a ledger of its own kind for one machine, or fails where one is.
    async fn backup(&self, to: &std::path::Path) -> Result<(), LedgerError>;
}

/// How long a sender may say nothing of itself before it is taken for dead.
pub const SILENCE: Duration = Duration::from_secs(30);

/// A sender on a ledger that machines share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    /// Its name as the owner of claims.
    pub name: String,
    /// The machine it runs on.
    pub host: String,
    /// Its process there.
    pub pid: u32,
    /// Its version of the program.
    pub version: String,
    /// Whose issue it is sending.
    #[serde(default)]
    pub publication: Option<String>,
    /// The slug of that issue.
    pub issue: Option<String>,
    /// How many deliveries it settled a second since it was seen before.
    pub per_second: f64,
}

/// A worker as it was when the ledger heard of it last.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Which.
    pub worker: Worker,
    /// When, by the ledger's clock.
    pub at: Timestamp,
}

/// Identifies a ledger and counts what it began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Random, made with the ledger.
    pub ledger: String,
    /// How many deliveries were ever begun; never falls, unless a backup is restored.
    pub begins: u64,
    /// How often a person accepted that it went back in time.
    pub rollbacks: u64,
    /// Whether other machines begin deliveries in it too, so that who never saw it need not wonder that some were.
    pub is_shared: bool,
}

/// One record of a list file, read and judged by `list/`; its line is where it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The physical line it starts on, counted from 1.
    pub line: u64,
    /// The mailbox.
    pub address: Address,
    /// The name; empty where there is none.
    pub name: String,
    /// The labels.
    pub tags: Vec<String>,
    /// Every other column, by header in lower case.
    pub fields: BTreeMap<String, String>,
    /// The state it claims.
    pub state: SubscriberState,
    /// What it says of how they came to the list, or left: times and places, for the consent log. Empty where it says nothing.
    pub evidence: String,
}

/// Streams the good records of a list; the bad ones were reported by whoever made it. An error says why the list cannot be trusted any further, and undoes everything.
pub type Records = Box<dyn Iterator<Item = Result<Record, String>> + Send>;

/// Says how list records are to be taken.
#[derive(Clone, Debug)]
pub struct Enrol {
    /// Whose list.
    pub publication: String,
    /// What is written in the consent log: who brought them, from where.
    pub event: Event,
    /// Whether these people belong to the publication's list file, and leave the list with their line.
    pub from_list_file: bool,
    /// The reason given for bringing people back who left.
    pub resubscribe: Option<String>,
    /// Whether to undo everything after counting.
    pub rehearse: bool,
}

/// Counts what became of list records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enrolled {
    /// Records read.
    pub read: u64,
    /// New people.
    pub added: u64,
    /// People whose name, tags, fields or state changed.
    pub updated: u64,
    /// People the list knew just so.
    pub unchanged: u64,
    /// Records of an address met before in the same file: line, address, line of the first; the first 100,000 that were met.
    pub duplicates: Vec<(u64, Address, u64)>,
    /// How many there are.
    pub duplicate: u64,
    /// Records claiming active or pending for somebody suppressed: line, address, what they are; the first 100,000 that were met.
    pub suppressed: Vec<(u64, Address, SubscriberState)>,
    /// How many there are.
    pub stayed: u64,
    /// New or changed people by the state their record gave them.
    pub by_state: BTreeMap<&'static str, u64>,
}

/// How many records are named that were not taken, so that a list of nothing else does not fill the memory; the rest is only counted.
const NAMED_MAX: usize = 100_000;

impl Enrolled {
    /// Counts a record of an address met before, in line `first`.
    fn note_duplicate(&mut self, line: u64, address: Address, first: u64) {
        self.duplicate += 1;
        if self.duplicates.len() < NAMED_MAX {
            self.duplicates.push((line, address, first));
        }
    }

    /// Counts a record of somebody who is suppressed and stays so.
    fn note_suppressed(&mut self, line: u64, address: Address, state: SubscriberState) {
        self.stayed += 1;
        if self.suppressed.len() < NAMED_MAX {
            self.suppressed.push((line, address, state));
        }
    }
}

/// Who did something to a person's consent, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// A name from a short list: `import`, `add`, `unsubscribe`, `suppress`, `bounce`, `complaint`, `resubscribe`.
    pub name: String,
    /// Where it came from: a file's name, `command line`, a link.
    pub source: String,
    /// Anything worth keeping as proof; may be empty.
    pub detail: String,
}

/// One line of a person's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event,
    /// What the person was after it.
    pub state: SubscriberState,
}

/// An issue as the ledger knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct IssueRecord {
    /// The ledger's number of it.
    pub id: i64,
    /// The folder's name.
    pub slug: String,
    /// Where it stands.
    pub state: IssueState,
    /// Why it stands there, where somebody or something said so; may be empty.
    pub why: String,
    /// SHA-256 of the edition it is bound to, in hexadecimal; empty before it is bound.
    pub digest: String,
    /// When it was bound to go out.
    pub booking: Option<Booking>,
    /// When it was frozen: the Date of every message. `None` before.
    pub frozen_at: Option<Timestamp>,
    /// When the first delivery began.
    pub started_at: Option<Timestamp>,
    /// When it was finished or cancelled.
    pub ended_at: Option<Timestamp>,
    /// Whether somebody was told that it was missed; `turn` from `Missed` to `Missed` notes it.
    pub told: bool,
    /// The segment of readers it was frozen for, as it was typed; empty for all of them.
    pub segment: String,
    /// The slug of the issue it corrects, where it was frozen as a correction.
    pub corrects: Option<String>,
}

/// An hour an issue is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booking {
    /// The instant.
    pub at: Timestamp,
    /// As a person reads it: wall time and zone (RFC 9557).
    pub shown: String,
    /// How late it may still go out.
    pub max_late: Duration,
    /// SHA-256 of the edition it is bound to, in hexadecimal.
    pub digest: String,
}

/// Asks for an issue to be frozen.
#[derive(Clone, Debug)]
pub struct Freeze {
    /// Whose.
    pub publication: String,
    /// The folder's name.
    pub slug: String,
    /// SHA-256 of the edition, in hexadecimal.
    pub digest: String,
    /// The edition; opaque to the ledger.
    pub edition: Vec<u8>,
    /// The Date of every message.
    pub date: Timestamp,
    /// The domain of every Message-ID: From's.
    pub message_domain: String,
    /// What the consent log says of people first met in the list file.
    pub event: Event,
    /// Whether to add the rows of people who joined since the first freeze.
    pub catch_up: bool,
    /// Whether to undo everything after counting (`plan`).
    pub rehearse: bool,
    /// How many readers somebody agreed to mail anew; another count undoes everything.
    pub expected: Option<u64>,
    /// The segment it is for, kept with the issue at its first freeze; who is in it is for `admit` to say.
    pub segment: String,
    /// The issue it corrects, kept with it at its first freeze: it goes only to whoever got that one.
    pub corrects: Option<i64>,
}

/// Judges whether a reader's copy can be made; called once for each person who may be mailed, in the order of their slots, on one thread.
pub type Admit = Box<dyn FnMut(&Subscriber) -> Result<(), Suppressed> + Send>;

/// What a freeze found.
#[derive(Clone, Debug, PartialEq)]
pub struct Frozen {
    /// The issue.
    pub issue: IssueRecord,
    /// Whether this call froze it (or would have).
    pub fresh: bool,
    /// How many deliveries there are in all.
    pub planned: u64,
    /// How many of them will be tried.
    pub recipients: u64,
    /// How many of those this call added (or would have): all of them at the first freeze.
    pub added: u64,
    /// Those that will not, by reason.
    pub suppressed: BTreeMap<Suppressed, u64>,
    /// What became of the list file's records.
    pub enrolled: Enrolled,
}

/// A delivery taken by a sender.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// What to show at `enter`.
    pub ticket: Ticket,
    /// The reader, as frozen: name, tags and fields are those of the freeze.
    pub reader: Subscriber,
    /// The Message-ID, with its angle brackets; the same for every attempt.
    pub message_id: String,
    /// Where the issue corrects another: the Message-ID under which this reader got that one.
    pub answers: Option<String>,
}

/// Proves the right to one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ticket {
    /// The issue.
    pub issue: i64,
    /// The delivery's number within the issue, from 1.
    pub slot: i64,
    /// Raised by every claim; a stale one is refused.
    pub fence: i64,
    /// Which of the reader's tries this claim may make, from 1; one that does not count (`Outcome::Deferred`) is made again under its number.
    pub attempt: u32,
}

/// One thing a sender tells the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Entry {
    /// The message is about to be handed over (rules D1, D2).
    Begin(Ticket),
    /// The attempt ended (rule D3).
    Record(Ticket, Outcome),
    /// The claim is given back unused. One that was begun too, by whoever knows that nothing of its message left: it is planned again, or cancelled with its issue, and was none of the reader's attempts.
    Release(Ticket),
}

/// What the ledger answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entered {
    /// It is so, durably.
    Done,
    /// The reader left or was suppressed since; the row says so. Do not send.
    Suppressed,
    /// The claim is no longer this sender's, or the issue is not sending. Do not send.
    Refused,
}

/// Whom a claim passes over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Readers at these domains.
    pub domains: Vec<String>,
    /// And of those never tried, whoever has this slot or one before it.
    pub slots: i64,
}

/// A way that deliveries begin on, and how fast at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Its name in the ledger.
    pub name: String,
    /// Every window holds at once; empty is no limit.
    pub rates: Vec<Rate>,
}

impl Lane {
    /// Names the lane of all mail that goes to `provider` through the relay of lane `relay`.
    pub fn to(relay: &str, provider: &str) -> String {
        format!("{relay}{TO}{provider}")
    }

    /// Returns the provider in a name that `to` made for this relay.
    pub fn provider<'a>(relay: &str, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(relay)?.strip_prefix(TO)
    }
}

/// Stands between a relay's lane and a provider in a lane's name; a relay's has no blank after its first word.
const TO: &str = " to ";

/// Deliveries that want to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Their own lane besides the shared one.
    pub lane: Option<Lane>,
    /// How many they are.
    pub count: usize,
}

/// Beginnings reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// Which wish may begin, and when; in order.
    pub at: Vec<(usize, Timestamp)>,
    /// When, of each wish, one more after these may be reserved for.
    pub next: Vec<Timestamp>,
}

/// Tells of a sender's name whether it is known to be dead.
pub type Gone = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// What a recovery took back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Claims that are planned again.
    pub planned: u64,
    /// Attempts that are in doubt.
    pub in_doubt: u64,
}

/// One delivery, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryRecord {
    /// Its number within the issue.
    pub slot: i64,
    /// The reader's mailbox.
    pub address: Address,
    /// Where it stands.
    pub state: DeliveryState,
    /// Why it is suppressed.
    pub suppressed: Option<Suppressed>,
    /// How many attempts were begun, those that do not count too.
    pub attempts: u32,
    /// What the relay said last, or what happened instead.
    pub said: String,
    /// When that was.
    pub at: Timestamp,
    /// When it is tried again.
    pub retry_at: Option<Timestamp>,
    /// Its Message-ID.
    pub message_id: String,
}

/// One attempt, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptRecord {
    /// The issue's slug.
    pub slug: String,
    /// The attempt's number, from 1; 0 for a row that tells why nothing was tried.
    pub attempt: u32,
    /// When it began.
    pub began_at: Timestamp,
    /// When its outcome was recorded.
    pub ended_at: Option<Timestamp>,
    /// The delivery's state after it.
    pub state: DeliveryState,
    /// What the relay said.
    pub said: String,
}

/// A person's word on a delivery in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// It arrived.
    Delivered,
    /// Send it again, the same bytes.
    Resend,
}

/// Says why the ledger could not be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It cannot be opened or reached.
    #[error("the ledger {place} cannot be opened: {why}")]
    Unreachable {
        /// The file or server, without secrets.
        place: String,
        /// What the system said.
        why: String,
    },
    /// A newer postrider wrote it.
    #[error(
        "the ledger {place} was written by a newer postrider (its version is {found}, this one knows {known})"
    )]
    Newer {
        /// The file or server.
        place: String,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// All of it was carried to another.
    #[error("the ledger {place} has moved to {to}")]
    Moved {
        /// The file or server.
        place: String,
        /// The URL of the new one.
        to: String,
    },
    /// Another is being carried into it.
    #[error("the ledger {place} is not finished: another was to be moved into it")]
    Arriving {
        /// The file or server.
        place: String,
    },
    /// No space is left, or the disk failed.
    #[error("the ledger cannot be written: {0}")]
    Disk(String),
    /// Another process held it for too long.
    #[error("the ledger is busy: {0}")]
    Busy(String),
    /// It answered what it never should.
    #[error("the ledger is damaged: {0}")]
    Damaged(String),
    /// Somebody asked for the impossible.
    #[error("{0}")]
    Refused(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_import_did_not_take_is_counted_to_the_last_and_named_up_to_a_bound() {
        let mut enrolled = Enrolled::default();
        let address: Address = "anna@example.org".parse().expect("an address");
        for line in 0..=NAMED_MAX as u64 {
            enrolled.note_duplicate(line, address.clone(), 0);
            enrolled.note_suppressed(line, address.clone(), SubscriberState::Bounced);
        }
        assert_eq!((enrolled.duplicates.len(), enrolled.suppressed.len()), (NAMED_MAX, NAMED_MAX));
        assert_eq!((enrolled.duplicate, enrolled.stayed), (100_001, 100_001));
    }
}
