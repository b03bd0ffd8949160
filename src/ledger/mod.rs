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
use tokio::sync::{mpsc, oneshot};

use crate::{
    model::{Address, DeliveryState, IssueState, Subscriber, SubscriberState, Suppressed, Tally},
    send::brake::Brake,
};

mod audit;
mod issue;
mod moving;
mod note;
mod people;
mod postgres;
mod preferences;
mod rules;
mod run;
mod sqlite;
mod value;

pub use audit::{Finding, RESTORE};
pub use issue::{
    Admit, AttemptRecord, Booking, DeliveryRecord, Freeze, Frozen, IssueRecord, Resolution,
};
pub use moving::{Held, Manifest, Parcel, Standing, copy_to, manifest, move_to};
pub use note::{About, Did, Note, Noted, ReportRecord};
pub use people::{Enrol, Enrolled, Event, Happening, Record, Records};
pub use postgres::{PostgresLedger, PostgresSettings};
pub use preferences::Preferences;
pub use run::{
    Claim, Entered, Entry, Gone, Lane, Mark, Passed, Place, Recovered, Reservation, SILENCE, Seen,
    Ticket, Wish, Worker,
};
pub use sqlite::{Clock, SqliteLedger};

/// Remembers a publication's readers and what each of them was sent.
///
/// `publication` is always the publication's id. Every method that writes is
/// one transaction, durable when it returns.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Returns the ledger's own time.
    async fn now(&self) -> Result<Timestamp, LedgerError>;

    /// Returns who this ledger is and how many deliveries of a publication it has ever begun (rule D12).
    async fn mark(&self, publication: &str) -> Result<Mark, LedgerError>;

    /// Counts whose deliveries are open, by publication, of all that sent an issue: whom `accept_rollback` puts in doubt.
    async fn unfinished(&self) -> Result<BTreeMap<String, u64>, LedgerError>;

    /// Puts every open delivery of every issue of every publication in doubt, planned ones too, after a restored backup was accepted (rule D12): the days the backup does not know of may have sent any of them. Opens a ledger that had moved, whose new one is lost. Raises the count of begins of `publication` to at least `begins`. Returns how many are in doubt now.
    async fn accept_rollback(&self, publication: &str, begins: u64) -> Result<u64, LedgerError>;

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

    /// Takes one act of leaving back, in every publication that it acted on: where `left` is the last thing that happened to the mailbox, and it was no mere request to confirm before, it is active again. Returns in how many.
    async fn take_back(
        &self,
        address: &Address,
        left: &Happening,
        event: &Event,
    ) -> Result<u64, LedgerError>;

    /// Forgets what the issues that ended before `before` still say of persons: each reader's name, tags, fields and address as frozen, and what relays said of them; and what came back before that. Counts, states and times stay, and so does the list with its consent log. Returns of how many deliveries something was forgotten.
    async fn prune(&self, publication: &str, before: Timestamp) -> Result<u64, LedgerError>;

    // What comes back.

    /// Notes a message that came back and does what its kind asks for, in one transaction; nothing is kept when `note.rehearse`. A message noted before, by its digest, changes nothing.
    ///
    /// A hard bounce suppresses at first, a complaint and an unsubscribe too, as
    /// `move_subscriber` does. A soft one is counted: three issues that bounced
    /// so, one after the other and over fifteen days at least, suppress as a hard
    /// one does; an issue between them that did not bounce begins the count anew,
    /// and so does a person who comes back. A soft refusal at delivery counts like
    /// a soft bounce. A refusal by policy never suppresses anybody. What nothing
    /// proves is only listed, and again each time it is told, until the reader is
    /// suppressed.
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
    /// the sum balances (rule D15). With its end whoever it did not reach, softly
    /// and for the third time, is suppressed as by `report`. Only a frozen issue can go to `Sending` or
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

    /// Notes through which relay a sender sends an issue from now on. Whatever it leaves in doubt names that one, whoever finds it; so it is noted before its first claim, and after what it held before was taken back. It outlives the issue's end: a late word may open that again under a sender that is still at work.
    async fn note_relay(&self, issue: i64, owner: &str, relay: &str) -> Result<(), LedgerError>;

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

    /// Gives reserved beginnings back that nobody used and whose instant has passed, so that no rate counts them any more.
    ///
    /// One that is still to come, or that no rate looks back to, stays as it is.
    async fn unreserve(&self, unused: &[Place]) -> Result<(), LedgerError>;

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

/// What a server lacks to hold our ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lack {
    /// A database of that name.
    #[error("there is no such database")]
    Database,
    /// What our user may do.
    #[error("its user lacks rights")]
    Rights,
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
    /// It is reached, and has to be set up for us first.
    #[error("the ledger {place} cannot be opened: {lack}: {why}")]
    Unprepared {
        /// The server, without secrets.
        place: String,
        /// What there has to be.
        lack: Lack,
        /// What the server said.
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
