//! The ledger in a PostgreSQL database, shared by every machine that knows its URL.
//!
//! Each method is one transaction. Where SQLite lets one writer in, here many
//! work side by side: rows are locked before they are judged, `gate` says who
//! waits for whom, and the clock is the server's, read behind the gate. A
//! transaction that the server undid for another's sake, or that a lost
//! connection cut off before its commit, is run again; one whose commit was
//! not answered is the caller's to tell again, who knows whether that is safe.

mod ask;
mod brake;
mod columns;
mod enrol;
mod enter;
mod fault;
mod freeze;
mod gate;
mod issue;
mod lane;
mod list;
mod migrate;
mod moving;
mod pgpass;
mod preferences;
mod prune;
mod report;
mod run;
mod server;
mod verify;
mod workers;
mod worn;

use std::{collections::BTreeMap, path::Path, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::IsolationLevel;

use self::{columns::instant, fault::Fault, server::Server};
use super::{
    Admit, AttemptRecord, Booking, Claim, DeliveryRecord, Enrol, Enrolled, Entered, Entry, Event,
    Finding, Freeze, Frozen, Gone, Happening, IssueRecord, Lane, Ledger, LedgerError, Mark, Note,
    Noted, Parcel, Passed, Place, Preferences, Records, Recovered, ReportRecord, Reservation,
    Resolution, Seen, SqliteLedger, Standing, Wish, Worker, copy_to,
};
use crate::{
    model::{Address, DeliveryState, IssueState, Subscriber, SubscriberState, Suppressed, Tally},
    send::brake::Brake,
};

pub use server::PostgresSettings;

/// How often a transaction is run that the server undoes each time.
const TRIES: u32 = 8;

/// How long to wait before the second; each wait is twice the one before, so that a server may start anew meanwhile.
const FIRST_REST: Duration = Duration::from_millis(25);

/// The ledger in a database.
pub struct PostgresLedger {
    server: Server,
}

impl PostgresLedger {
    /// Reads the settings. The server is first reached, and our tables made where there are none, by the first question.
    ///
    /// # Errors
    ///
    /// `Refused` where the URL cannot be one, `Unreachable` where the certificates to trust cannot be read.
    pub fn new(settings: &PostgresSettings) -> Result<Self, LedgerError> {
        Ok(Self { server: Server::new(settings)? })
    }

    /// Has it opened also where it has moved or is not finished, to look after it.
    #[must_use]
    pub fn for_care(mut self) -> Self {
        self.server.is_for_care = true;
        self
    }

    /// Carries everything out of a ledger that nobody changes meanwhile, and closes it when all of it has arrived.
    async fn leave(
        &self,
        to: mpsc::Sender<Parcel>,
        leave: oneshot::Receiver<String>,
    ) -> Result<(), Fault> {
        let mut session = self.server.session().await?;
        let tx = session.transaction().await?;
        moving::alone(&tx).await?;
        moving::standing(&tx).await?.refuse(&self.server.place)?;
        moving::carry_out(&tx, &to).await?;
        drop(to);
        let Ok(address) = leave.await else { return Ok(tx.rollback().await?) };
        moving::stand(&tx, &Standing::Moved(address)).await?;
        Ok(tx.commit().await?)
    }

    /// Carries out what is there at one moment.
    async fn show(&self, to: mpsc::Sender<Parcel>) -> Result<(), Fault> {
        let mut session = self.server.session().await?;
        let isolated = session.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
        let tx = isolated.read_only(true).start().await?;
        moving::unhurried(&tx).await?;
        moving::carry_out(&tx, &to).await?;
        Ok(tx.rollback().await?)
    }
}

/// Runs `$work` in a transaction that is durable when this returns; `$keep` says of what it did whether it is to stay.
macro_rules! write {
    ($ledger:expr, |$tx:ident| $work:expr) => {
        write!($ledger, |$tx| $work, keep | _ | true)
    };
    ($ledger:expr, |$tx:ident| $work:expr, keep $keep:expr) => {{
        let mut tries = 0;
        loop {
            tries += 1;
            let done = async {
                let mut session = $ledger.server.session().await.map_err(Fault::before_commit)?;
                let begun = session.transaction().await;
                let tx = begun.map_err(|error| Fault::from(error).before_commit())?;
                let done = {
                    let $tx = &tx;
                    $work.await.map_err(Fault::before_commit)?
                };
                let keep: fn(&_) -> bool = $keep;
                if keep(&done) {
                    tx.commit().await?
                } else {
                    tx.rollback().await?
                }
                Ok(done)
            };
            match done.await {
                Err(Fault { is_undone: true, .. })
                    if tries < TRIES && $ledger.server.was_reached() =>
                {
                    tokio::time::sleep(FIRST_REST * 2_u32.pow(tries - 1)).await;
                }
                done => break done.map_err(|fault| $ledger.server.name(fault)),
            }
        }
    }};
}

/// Runs `$work`, a transaction that cannot be run twice: what it reads is gone then.
macro_rules! write_once {
    ($ledger:expr, |$tx:ident| $work:expr, keep $keep:expr) => {{
        let done = async {
            let mut session = $ledger.server.session().await?;
            let tx = session.transaction().await?;
            let done = {
                let $tx = &tx;
                $work.await?
            };
            if $keep(&done) {
                tx.commit().await?
            } else {
                tx.rollback().await?
            }
            Ok(done)
        };
        done.await.map_err(|fault: Fault| $ledger.server.name(fault))
    }};
}

/// Asks a question that changes nothing; again where the connection had died unnoticed.
macro_rules! read {
    ($ledger:expr, |$session:ident| $work:expr) => {{
        let mut tries = 0;
        loop {
            tries += 1;
            let done = async {
                let object = $ledger.server.session().await?;
                let $session = &object;
                $work.await
            };
            match done.await {
                Err(Fault { error: LedgerError::Unreachable { .. }, .. })
                    if tries < TRIES && $ledger.server.was_reached() =>
                {
                    tokio::time::sleep(FIRST_REST * 2_u32.pow(tries - 1)).await;
                }
                done => break done.map_err(|fault: Fault| $ledger.server.name(fault)),
            }
        }
    }};
}

#[async_trait]
impl Ledger for PostgresLedger {
    async fn now(&self) -> Result<Timestamp, LedgerError> {
        read!(self, |session| async { Ok(instant(ask::now(session).await?)?) })
    }

    async fn mark(&self, _: &str) -> Result<Mark, LedgerError> {
        read!(self, |session| run::mark(session))
    }

    async fn unfinished(&self) -> Result<BTreeMap<String, u64>, LedgerError> {
        read!(self, |session| run::unfinished(session))
    }

    async fn accept_rollback(&self, _: &str, begins: u64) -> Result<u64, LedgerError> {
        write!(self, |tx| run::accept_rollback(tx, begins))
    }

    async fn enrol(&self, lists: Vec<(Enrol, Records)>) -> Result<Vec<Enrolled>, LedgerError> {
        let rehearse = lists.iter().any(|(order, _)| order.rehearse);
        write_once!(self, |tx| enrol::all(tx, lists), keep |_: &Vec<Enrolled>| !rehearse)
    }

    async fn move_subscriber(
        &self,
        publication: &str,
        address: &Address,
        to: SubscriberState,
        event: &Event,
    ) -> Result<Option<SubscriberState>, LedgerError> {
        write!(self, |tx| list::move_subscriber(tx, publication, address, to, event))
    }

    async fn subscriber(
        &self,
        publication: &str,
        address: &Address,
    ) -> Result<Option<Subscriber>, LedgerError> {
        read!(self, |session| list::find(session, publication, address))
    }

    async fn subscriber_by_token(
        &self,
        publication: &str,
        token_id: &str,
    ) -> Result<Option<Subscriber>, LedgerError> {
        read!(self, |session| list::find_by_token(session, publication, token_id))
    }

    async fn subscribers(
        &self,
        publication: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Subscriber>, LedgerError> {
        let after = after.unwrap_or_default();
        read!(self, |session| list::page(session, publication, after, limit))
    }

    async fn history(
        &self,
        publication: &str,
        address: &Address,
    ) -> Result<Vec<Happening>, LedgerError> {
        read!(self, |session| list::history(session, publication, address))
    }

    async fn prefer(
        &self,
        publication: &str,
        token_id: &str,
        said: &Preferences,
        event: &Event,
    ) -> Result<bool, LedgerError> {
        write!(self, |tx| preferences::prefer(tx, publication, token_id, said, event))
    }

    async fn preferences(
        &self,
        publication: &str,
        token_id: &str,
    ) -> Result<Preferences, LedgerError> {
        read!(self, |session| preferences::preferences(session, publication, token_id))
    }

    async fn publications(&self, address: &Address) -> Result<Vec<String>, LedgerError> {
        read!(self, |session| preferences::publications(session, address))
    }

    async fn leave_all(&self, address: &Address, event: &Event) -> Result<u64, LedgerError> {
        write!(self, |tx| preferences::leave_all(tx, address, event))
    }

    async fn take_back(
        &self,
        address: &Address,
        left: &Happening,
        event: &Event,
    ) -> Result<u64, LedgerError> {
        write!(self, |tx| preferences::take_back(tx, address, left, event))
    }

    async fn prune(&self, publication: &str, before: Timestamp) -> Result<u64, LedgerError> {
        write!(self, |tx| prune::prune(tx, publication, before.as_microsecond()))
    }

    async fn issue(
        &self,
        publication: &str,
        slug: &str,
    ) -> Result<Option<IssueRecord>, LedgerError> {
        read!(self, |session| issue::find(session, publication, slug))
    }

    async fn issues(&self, publication: &str) -> Result<Vec<IssueRecord>, LedgerError> {
        read!(self, |session| issue::all(session, publication))
    }

    async fn schedule(
        &self,
        publication: &str,
        slug: &str,
        booking: &Booking,
    ) -> Result<bool, LedgerError> {
        write!(self, |tx| issue::schedule(tx, publication, slug, booking))
    }

    async fn turn(
        &self,
        publication: &str,
        slug: &str,
        from: &[IssueState],
        to: IssueState,
        why: &str,
    ) -> Result<bool, LedgerError> {
        write!(self, |tx| issue::turn(tx, (publication, slug), from, to, why))
    }

    async fn freeze(
        &self,
        order: Freeze,
        records: Option<Records>,
        admit: Admit,
    ) -> Result<Frozen, LedgerError> {
        let rehearse = order.rehearse;
        // An issue for nobody is none: nothing of it stays.
        let keep = |frozen: &Frozen| !rehearse && (frozen.recipients > 0 || !frozen.fresh);
        write_once!(self, |tx| freeze::freeze(tx, &order, records, admit), keep keep)
    }

    async fn edition(&self, issue: i64) -> Result<Vec<u8>, LedgerError> {
        read!(self, |session| freeze::edition(session, issue))
    }

    async fn tally(&self, issue: i64) -> Result<Tally, LedgerError> {
        read!(self, |session| issue::tally(session, issue))
    }

    async fn suppressed(&self, issue: i64) -> Result<BTreeMap<Suppressed, u64>, LedgerError> {
        read!(self, |session| issue::suppressed(session, issue))
    }

    async fn deliveries(
        &self,
        issue: i64,
        states: &[DeliveryState],
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<DeliveryRecord>, LedgerError> {
        read!(self, |session| issue::deliveries(session, issue, states, after, limit))
    }

    async fn attempts(
        &self,
        publication: &str,
        address: &Address,
    ) -> Result<Vec<AttemptRecord>, LedgerError> {
        read!(self, |session| issue::attempts(session, publication, address))
    }

    async fn recover(&self, issue: i64, gone: Gone) -> Result<Recovered, LedgerError> {
        write!(self, |tx| run::recover(tx, issue, &gone))
    }

    async fn note_relay(&self, issue: i64, owner: &str, relay: &str) -> Result<(), LedgerError> {
        write!(self, |tx| run::note_relay(tx, issue, owner, relay))
    }

    async fn claim(
        &self,
        issue: i64,
        owner: &str,
        limit: usize,
        lease: Duration,
        expire_after: Duration,
        but: &Passed,
    ) -> Result<Vec<Claim>, LedgerError> {
        let wanted = run::Wanted { owner, limit, lease, expire_after, but };
        write!(self, |tx| run::claim(tx, issue, &wanted))
    }

    async fn enter(&self, entries: &[Entry]) -> Result<Vec<Entered>, LedgerError> {
        write!(self, |tx| enter::enter(tx, entries))
    }

    async fn next_retry(&self, issue: i64) -> Result<Option<Timestamp>, LedgerError> {
        read!(self, |session| run::next_retry(session, issue))
    }

    async fn reserve(
        &self,
        shared: &Lane,
        wishes: &[Wish],
        within: Duration,
    ) -> Result<Reservation, LedgerError> {
        write!(self, |tx| lane::reserve(tx, shared, wishes, within))
    }

    async fn unreserve(&self, unused: &[Place]) -> Result<(), LedgerError> {
        write!(self, |tx| lane::unreserve(tx, unused))
    }

    async fn beginnings(&self, lane: &Lane) -> Result<Vec<Timestamp>, LedgerError> {
        read!(self, |session| lane::beginnings(session, lane))
    }

    async fn brake(&self, lane: &str, brake: &Brake) -> Result<(), LedgerError> {
        write!(self, |tx| brake::put(tx, lane, brake))
    }

    async fn brakes(&self, relay: &str) -> Result<BTreeMap<String, Brake>, LedgerError> {
        read!(self, |session| brake::all(session, relay))
    }

    async fn release(&self, relay: &str) -> Result<u64, LedgerError> {
        write!(self, |tx| brake::release(tx, relay))
    }

    async fn resolve(
        &self,
        issue: i64,
        address: &Address,
        how: Resolution,
    ) -> Result<bool, LedgerError> {
        write!(self, |tx| run::resolve(tx, issue, address, how))
    }

    async fn report(&self, publication: &str, note: &Note) -> Result<Noted, LedgerError> {
        if note.rehearse {
            return write!(self, |tx| report::report(tx, publication, note), keep | _ | false);
        }
        write!(self, |tx| report::report(tx, publication, note))
    }

    async fn reports(
        &self,
        publication: &str,
        issue: Option<i64>,
        after: i64,
        limit: usize,
    ) -> Result<Vec<ReportRecord>, LedgerError> {
        read!(self, |session| report::reports(session, publication, issue, after, limit))
    }

    async fn instruct(&self, issue: i64, orders: &[u8]) -> Result<(), LedgerError> {
        write!(self, |tx| workers::instruct(tx, issue, orders))
    }

    async fn orders(&self, issue: i64) -> Result<Option<Vec<u8>>, LedgerError> {
        read!(self, |session| workers::orders(session, issue))
    }

    async fn sending(&self) -> Result<Vec<(String, String)>, LedgerError> {
        read!(self, |session| workers::sending(session))
    }

    async fn sign_in(&self, worker: &Worker) -> Result<(), LedgerError> {
        write!(self, |tx| workers::sign_in(tx, worker))
    }

    async fn sign_out(&self, name: &str) -> Result<(), LedgerError> {
        write!(self, |tx| workers::sign_out(tx, name))
    }

    async fn workers(&self) -> Result<Vec<Seen>, LedgerError> {
        read!(self, |session| workers::workers(session))
    }

    async fn verify(&self) -> Result<Vec<Finding>, LedgerError> {
        read!(self, |session| verify::verify(session))
    }

    async fn standing(&self) -> Result<Standing, LedgerError> {
        read!(self, |session| moving::standing(session))
    }

    async fn carry_out(
        &self,
        to: mpsc::Sender<Parcel>,
        leave: Option<oneshot::Receiver<String>>,
    ) -> Result<(), LedgerError> {
        let carried = match leave {
            Some(leave) => self.leave(to, leave).await,
            None => self.show(to).await,
        };
        carried.map_err(|fault| self.server.name(fault))
    }

    async fn carry_in(&self, from: mpsc::Receiver<Parcel>) -> Result<(), LedgerError> {
        let place = &self.server.place;
        write_once!(self, |tx| moving::carry_in(tx, place, from), keep | &() | true)
    }

    async fn settle_in(&self) -> Result<(), LedgerError> {
        write!(self, |tx| moving::stand(tx, &Standing::Open))
    }

    async fn backup(&self, to: &Path) -> Result<(), LedgerError> {
        let copy = SqliteLedger::create(to)?;
        let copied = copy_to(self, &copy).await;
        drop(copy);
        if copied.is_err() {
            // The reason it failed matters more than what is left of it.
            let _ = std::fs::remove_file(to);
        }
        copied.map(|_| ())
    }
}
