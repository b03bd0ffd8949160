//! The ledger in one SQLite file, shared by every process of one machine.
//!
//! Each method is one transaction, off the async threads. Writes begin with
//! BEGIN IMMEDIATE: a deferred one that turns to writing fails at once when
//! another process wrote in between, however patient it is. The clock is read
//! once the lock is held, so a lease is never judged by an hour that passed
//! while waiting.
//!
//! A commit is brought to the disk once the lock is let go, and nothing is
//! answered before (rule D1): while one is on its way there, which takes as
//! long as all of its statements, the next is written. Whoever reads may see a
//! little earlier what a power cut would still undo.

mod admission;
mod ahead;
mod brake;
mod columns;
mod counts;
mod enrol;
mod enter;
mod fault;
mod file;
mod freeze;
mod issue;
mod lane;
mod list;
mod migrate;
mod moving;
mod newcomers;
mod preferences;
mod prune;
mod report;
mod run;
mod verify;
mod workers;
mod worn;

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use self::{columns::Micros, fault::Fault};
use super::{
    Admit, AttemptRecord, Booking, Claim, DeliveryRecord, Enrol, Enrolled, Entered, Entry, Event,
    Finding, Freeze, Frozen, Gone, Happening, IssueRecord, Lane, Ledger, LedgerError, Mark, Note,
    Noted, Parcel, Passed, Place, Preferences, Records, Recovered, ReportRecord, Reservation,
    Resolution, Seen, Standing, Wish, Worker,
};
use crate::{
    model::{Address, DeliveryState, IssueState, Subscriber, SubscriberState, Suppressed, Tally},
    send::brake::Brake,
};

/// Tells the time, for a ledger.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Brings everything committed to the disk.
type Flush = Arc<dyn Fn() -> io::Result<()> + Send + Sync>;

/// The ledger in one file.
///
/// Two connections: what only reads does not wait for what writes.
pub struct SqliteLedger {
    writer: Arc<Mutex<Connection>>,
    reader: Arc<Mutex<Connection>>,
    flush: Flush,
    clock: Clock,
    /// As people know it.
    place: Arc<str>,
}

impl SqliteLedger {
    /// Opens the ledger at `path`, or makes it there: the file for its owner alone (0600), and so a folder that was missing (0700).
    ///
    /// # Errors
    ///
    /// `Unreachable` where the system refuses or the file lies on a network
    /// file system, `Newer` where a later postrider wrote it, `Damaged` where
    /// it is no ledger, `Moved` and `Arriving` where it is closed.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        Self::open_with_clock(path, Arc::new(Timestamp::now))
    }

    /// Opens it with another clock than the system's, for tests.
    ///
    /// # Errors
    ///
    /// Those of `open`.
    pub fn open_with_clock(path: &Path, clock: Clock) -> Result<Self, LedgerError> {
        let opened = file::open(path)?;
        moving::refuse_closed(&opened.reader, &path.display().to_string())?;
        Ok(Self::over(opened, path, clock))
    }

    /// Opens it also where it has moved or is not finished, to look after it.
    ///
    /// # Errors
    ///
    /// Those of `open`, but for the last two.
    pub fn open_for_care(path: &Path) -> Result<Self, LedgerError> {
        Ok(Self::over(file::open(path)?, path, Arc::new(Timestamp::now)))
    }

    /// Makes a new one.
    ///
    /// # Errors
    ///
    /// `Refused` where anything is at `path`, and those of `open`.
    pub fn create(path: &Path) -> Result<Self, LedgerError> {
        file::must_be_new(path)?;
        Self::open(path)
    }

    fn over(opened: file::Opened, path: &Path, clock: Clock) -> Self {
        let shared = |connection| Arc::new(Mutex::new(connection));
        let file::Opened { writer, reader, log } = opened;
        Self {
            writer: shared(writer),
            reader: shared(reader),
            flush: Arc::new(move || log.sync_data()),
            clock,
            place: path.display().to_string().into(),
        }
    }

    /// Opens a copy of the ledger at `path` that is gone with the program, where nothing can be written beside the file; `None` where it can. What is done to the copy is done to nobody.
    ///
    /// # Errors
    ///
    /// Those of `open`, and `Unreachable` where the file was not closed and its
    /// log cannot be read without writing.
    pub fn copy_to_read(path: &Path) -> Result<Option<Self>, LedgerError> {
        let Some(why) = file::barred(path) else { return Ok(None) };
        let only = file::open_a_copy(path, why)?;
        let place: Arc<str> = path.display().to_string().into();
        moving::refuse_closed(&only, &place)?;
        Ok(Some(Self::of_one(only, place)))
    }

    /// Opens an empty one that is gone with the program: to rehearse in where there is none yet. What does not fit into its small cache goes to a temporary file that has no name.
    ///
    /// # Errors
    ///
    /// None that is known of.
    pub fn for_a_while() -> Result<Self, LedgerError> {
        Ok(Self::of_one(file::open_for_a_while()?, "for a while".into()))
    }

    /// Makes one of a single connection, whose file is gone with it.
    fn of_one(only: Connection, place: Arc<str>) -> Self {
        let only = Arc::new(Mutex::new(only));
        let (flush, clock) = (Arc::new(|| Ok(())), Arc::new(Timestamp::now));
        Self { writer: Arc::clone(&only), reader: only, flush, clock, place }
    }

    /// Runs `work` in a transaction that is durable when this returns.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, Micros) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.write_if(|_| true, work).await
    }

    /// Runs `work` in a transaction, and undoes it where what it did is not to be kept. Refuses where the ledger was closed since it was opened.
    async fn write_if<T: Send + 'static>(
        &self,
        keep: impl FnOnce(&T) -> bool + Send + 'static,
        work: impl FnOnce(&Connection, Micros) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let place = Arc::clone(&self.place);
        self.transact(keep, move |ledger, now| {
            moving::refuse_closed(ledger, &place)?;
            work(ledger, now)
        })
        .await
    }

    /// Does the same to any ledger, open or closed.
    async fn transact<T: Send + 'static>(
        &self,
        keep: impl FnOnce(&T) -> bool + Send + 'static,
        work: impl FnOnce(&Connection, Micros) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let (writer, clock) = (Arc::clone(&self.writer), Arc::clone(&self.clock));
        let flush = Arc::clone(&self.flush);
        off_thread(move || {
            let (done, keep) = {
                let mut connection = lock(&writer);
                let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let done = work(&tx, clock().as_microsecond())?;
                let keep = keep(&done);
                if keep {
                    tx.commit()?;
                } else {
                    tx.rollback()?;
                }
                (done, keep)
            };
            if keep {
                flush().map_err(|error| LedgerError::Disk(error.to_string()))?;
            }
            Ok(done)
        })
        .await
        .map_err(|error| self.placed(error))
    }

    /// Runs `work` on one state of the ledger, beside any writer.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let reader = Arc::clone(&self.reader);
        off_thread(move || work(&*lock(&reader).transaction()?))
            .await
            .map_err(|error| self.placed(error))
    }

    /// Says where a disk failed: SQLite does not, and the folder may lie on one of several.
    fn placed(&self, error: LedgerError) -> LedgerError {
        match error {
            LedgerError::Disk(why) => LedgerError::Disk(format!("{}: {why}", self.place)),
            error => error,
        }
    }
}

/// Locks a connection; whoever panicked while holding it had their transaction rolled back.
fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `work` where it may block.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, LedgerError> {
    let (answer, answered) = oneshot::channel();
    // Without its type, of which tokio would have a task for every question that is asked.
    let work: Box<dyn FnOnce() + Send> = Box::new(move || {
        // Whoever asked may have gone.
        let _ = answer.send(work());
    });
    match tokio::task::spawn_blocking(work).await {
        Ok(()) => {}
        Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
        Err(_) => return Err(LedgerError::Busy("the program is ending".to_owned())),
    }
    let done = answered.await.map_err(|_| LedgerError::Busy("the program is ending".to_owned()))?;
    Ok(done?)
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn now(&self) -> Result<Timestamp, LedgerError> {
        columns::instant((self.clock)().as_microsecond())
    }

    async fn mark(&self, publication: &str) -> Result<Mark, LedgerError> {
        let publication = publication.to_owned();
        self.read(move |ledger| run::mark(ledger, &publication)).await
    }

    async fn unfinished(&self) -> Result<BTreeMap<String, u64>, LedgerError> {
        self.read(run::unfinished).await
    }

    async fn accept_rollback(&self, publication: &str, begins: u64) -> Result<u64, LedgerError> {
        let publication = publication.to_owned();
        self.transact(
            |_| true,
            move |ledger, now| run::accept_rollback(ledger, now, &publication, begins),
        )
        .await
    }

    async fn enrol(&self, lists: Vec<(Enrol, Records)>) -> Result<Vec<Enrolled>, LedgerError> {
        let rehearse = lists.iter().any(|(order, _)| order.rehearse);
        self.write_if(
            move |_| !rehearse,
            move |ledger, now| {
                let lists = lists.into_iter();
                lists.map(|(order, records)| enrol::enrol(ledger, now, &order, records)).collect()
            },
        )
        .await
    }

    async fn move_subscriber(
        &self,
        publication: &str,
        address: &Address,
        to: SubscriberState,
        event: &Event,
    ) -> Result<Option<SubscriberState>, LedgerError> {
        let (publication, address, event) =
            (publication.to_owned(), address.clone(), event.clone());
        self.write(move |ledger, now| {
            list::move_subscriber(ledger, now, &publication, &address, to, &event)
        })
        .await
    }

    async fn subscriber(
        &self,
        publication: &str,
        address: &Address,
    ) -> Result<Option<Subscriber>, LedgerError> {
        let (publication, address) = (publication.to_owned(), address.clone());
        self.read(move |ledger| list::find(ledger, &publication, &address)).await
    }

    async fn subscriber_by_token(
        &self,
        publication: &str,
        token_id: &str,
    ) -> Result<Option<Subscriber>, LedgerError> {
        let (publication, token_id) = (publication.to_owned(), token_id.to_owned());
        self.read(move |ledger| list::find_by_token(ledger, &publication, &token_id)).await
    }

    async fn subscribers(
        &self,
        publication: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Subscriber>, LedgerError> {
        let (publication, after) = (publication.to_owned(), after.unwrap_or_default().to_owned());
        self.read(move |ledger| list::page(ledger, &publication, &after, limit)).await
    }

    async fn history(
        &self,
        publication: &str,
        address: &Address,
    ) -> Result<Vec<Happening>, LedgerError> {
        let (publication, address) = (publication.to_owned(), address.clone());
        self.read(move |ledger| list::history(ledger, &publication, &address)).await
    }

    async fn prefer(
        &self,
        publication: &str,
        token_id: &str,
        said: &Preferences,
        event: &Event,
    ) -> Result<bool, LedgerError> {
        let (publication, token_id) = (publication.to_owned(), token_id.to_owned());
        let (said, event) = (said.clone(), event.clone());
        self.write(move |ledger, now| {
            preferences::prefer(ledger, now, &publication, &token_id, &said, &event)
        })
        .await
    }

    async fn preferences(
        &self,
        publication: &str,
        token_id: &str,
    ) -> Result<Preferences, LedgerError> {
        let (publication, token_id) = (publication.to_owned(), token_id.to_owned());
        self.read(move |ledger| preferences::preferences(ledger, &publication, &token_id)).await
    }

    async fn publications(&self, address: &Address) -> Result<Vec<String>, LedgerError> {
        let address = address.clone();
        self.read(move |ledger| preferences::publications(ledger, &address)).await
    }

    async fn leave_all(&self, address: &Address, event: &Event) -> Result<u64, LedgerError> {
        let (address, event) = (address.clone(), event.clone());
        self.write(move |ledger, now| preferences::leave_all(ledger, now, &address, &event)).await
    }

    async fn take_back(
        &self,
        address: &Address,
        left: &Happening,
        event: &Event,
    ) -> Result<u64, LedgerError> {
        let (address, left, event) = (address.clone(), left.clone(), event.clone());
        self.write(move |ledger, now| preferences::take_back(ledger, now, &address, &left, &event))
            .await
    }

    async fn prune(&self, publication: &str, before: Timestamp) -> Result<u64, LedgerError> {
        let (publication, before) = (publication.to_owned(), before.as_microsecond());
        self.write(move |ledger, now| prune::prune(ledger, now, &publication, before)).await
    }

    async fn issue(
        &self,
        publication: &str,
        slug: &str,
    ) -> Result<Option<IssueRecord>, LedgerError> {
        let (publication, slug) = (publication.to_owned(), slug.to_owned());
        self.read(move |ledger| issue::find(ledger, &publication, &slug)).await
    }

    async fn issues(&self, publication: &str) -> Result<Vec<IssueRecord>, LedgerError> {
        let publication = publication.to_owned();
        self.read(move |ledger| issue::all(ledger, &publication)).await
    }

    async fn schedule(
        &self,
        publication: &str,
        slug: &str,
        booking: &Booking,
    ) -> Result<bool, LedgerError> {
        let (publication, slug, booking) =
            (publication.to_owned(), slug.to_owned(), booking.clone());
        self.write(move |ledger, _| issue::schedule(ledger, &publication, &slug, &booking)).await
    }

    async fn turn(
        &self,
        publication: &str,
        slug: &str,
        from: &[IssueState],
        to: IssueState,
        why: &str,
    ) -> Result<bool, LedgerError> {
        let (publication, slug) = (publication.to_owned(), slug.to_owned());
        let (from, why) = (from.to_vec(), why.to_owned());
        self.write(move |ledger, now| {
            issue::turn(ledger, now, (&publication, &slug), &from, to, &why)
        })
        .await
    }

    async fn freeze(
        &self,
        order: Freeze,
        records: Option<Records>,
        admit: Admit,
    ) -> Result<Frozen, LedgerError> {
        let rehearse = order.rehearse;
        // An issue for nobody is none: nothing of it stays.
        let keep = move |frozen: &Frozen| !rehearse && (frozen.recipients > 0 || !frozen.fresh);
        self.write_if(keep, move |ledger, now| freeze::freeze(ledger, now, &order, records, admit))
            .await
    }

    async fn edition(&self, issue: i64) -> Result<Vec<u8>, LedgerError> {
        self.read(move |ledger| freeze::edition(ledger, issue)).await
    }

    async fn tally(&self, issue: i64) -> Result<Tally, LedgerError> {
        self.read(move |ledger| counts::tally(ledger, issue)).await
    }

    async fn suppressed(&self, issue: i64) -> Result<BTreeMap<Suppressed, u64>, LedgerError> {
        self.read(move |ledger| issue::suppressed(ledger, issue)).await
    }

    async fn deliveries(
        &self,
        issue: i64,
        states: &[DeliveryState],
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<DeliveryRecord>, LedgerError> {
        let states = states.to_vec();
        self.read(move |ledger| issue::deliveries(ledger, issue, &states, after, limit)).await
    }

    async fn attempts(
        &self,
        publication: &str,
        address: &Address,
    ) -> Result<Vec<AttemptRecord>, LedgerError> {
        let (publication, address) = (publication.to_owned(), address.clone());
        self.read(move |ledger| issue::attempts(ledger, &publication, &address)).await
    }

    async fn recover(&self, issue: i64, gone: Gone) -> Result<Recovered, LedgerError> {
        self.write(move |ledger, now| run::recover(ledger, now, issue, &gone)).await
    }

    async fn note_relay(&self, issue: i64, owner: &str, relay: &str) -> Result<(), LedgerError> {
        let (owner, relay) = (owner.to_owned(), relay.to_owned());
        self.write(move |ledger, _| run::note_relay(ledger, issue, &owner, &relay)).await
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
        let wanted =
            run::Wanted { owner: owner.to_owned(), limit, lease, expire_after, but: but.clone() };
        self.write(move |ledger, now| run::claim(ledger, now, issue, &wanted)).await
    }

    async fn enter(&self, entries: &[Entry]) -> Result<Vec<Entered>, LedgerError> {
        let entries = entries.to_vec();
        self.write(move |ledger, now| enter::enter(ledger, now, &entries)).await
    }

    async fn next_retry(&self, issue: i64) -> Result<Option<Timestamp>, LedgerError> {
        self.read(move |ledger| run::next_retry(ledger, issue)).await
    }

    async fn reserve(
        &self,
        shared: &Lane,
        wishes: &[Wish],
        within: Duration,
    ) -> Result<Reservation, LedgerError> {
        let (shared, wishes) = (shared.clone(), wishes.to_vec());
        self.write(move |ledger, now| lane::reserve(ledger, now, &shared, &wishes, within)).await
    }

    async fn unreserve(&self, unused: &[Place]) -> Result<(), LedgerError> {
        let unused = unused.to_vec();
        self.write(move |ledger, now| lane::unreserve(ledger, now, &unused)).await
    }

    async fn beginnings(&self, lane: &Lane) -> Result<Vec<Timestamp>, LedgerError> {
        let (lane, now) = (lane.clone(), (self.clock)().as_microsecond());
        self.read(move |ledger| lane::beginnings(ledger, now, &lane)).await
    }

    async fn brake(&self, lane: &str, brake: &Brake) -> Result<(), LedgerError> {
        let (lane, brake) = (lane.to_owned(), brake.clone());
        self.write(move |ledger, _| brake::put(ledger, &lane, &brake)).await
    }

    async fn brakes(&self, relay: &str) -> Result<BTreeMap<String, Brake>, LedgerError> {
        let relay = relay.to_owned();
        self.read(move |ledger| brake::all(ledger, &relay)).await
    }

    async fn release(&self, relay: &str) -> Result<u64, LedgerError> {
        let relay = relay.to_owned();
        self.write(move |ledger, now| brake::release(ledger, now, &relay)).await
    }

    async fn resolve(
        &self,
        issue: i64,
        address: &Address,
        how: Resolution,
    ) -> Result<bool, LedgerError> {
        let address = address.clone();
        self.write(move |ledger, now| run::resolve(ledger, now, issue, &address, how)).await
    }

    async fn instruct(&self, issue: i64, orders: &[u8]) -> Result<(), LedgerError> {
        let orders = orders.to_vec();
        self.write(move |ledger, _| workers::instruct(ledger, issue, &orders)).await
    }

    async fn orders(&self, issue: i64) -> Result<Option<Vec<u8>>, LedgerError> {
        self.read(move |ledger| workers::orders(ledger, issue)).await
    }

    async fn sending(&self) -> Result<Vec<(String, String)>, LedgerError> {
        self.read(workers::sending).await
    }

    async fn sign_in(&self, worker: &Worker) -> Result<(), LedgerError> {
        let worker = worker.clone();
        self.write(move |ledger, now| workers::sign_in(ledger, now, &worker)).await
    }

    async fn sign_out(&self, name: &str) -> Result<(), LedgerError> {
        let name = name.to_owned();
        self.write(move |ledger, _| workers::sign_out(ledger, &name)).await
    }

    async fn workers(&self) -> Result<Vec<Seen>, LedgerError> {
        let now = (self.clock)().as_microsecond();
        self.read(move |ledger| workers::workers(ledger, now)).await
    }

    async fn report(&self, publication: &str, note: &Note) -> Result<Noted, LedgerError> {
        let (publication, note) = (publication.to_owned(), note.clone());
        let rehearse = note.rehearse;
        self.write_if(
            move |_| !rehearse,
            move |ledger, now| report::report(ledger, now, &publication, &note),
        )
        .await
    }

    async fn reports(
        &self,
        publication: &str,
        issue: Option<i64>,
        after: i64,
        limit: usize,
    ) -> Result<Vec<ReportRecord>, LedgerError> {
        let publication = publication.to_owned();
        self.read(move |ledger| report::reports(ledger, &publication, issue, after, limit)).await
    }

    async fn verify(&self) -> Result<Vec<Finding>, LedgerError> {
        self.read(verify::verify).await
    }

    async fn standing(&self) -> Result<Standing, LedgerError> {
        self.read(moving::standing).await
    }

    async fn carry_out(
        &self,
        to: mpsc::Sender<Parcel>,
        leave: Option<oneshot::Receiver<String>>,
    ) -> Result<(), LedgerError> {
        let Some(leave) = leave else {
            return self.read(move |ledger| moving::carry_out(ledger, &to)).await;
        };
        let has_left = |left: &bool| *left;
        let left = self.write_if(has_left, move |ledger, _| {
            moving::carry_out(ledger, &to)?;
            drop(to);
            let Ok(address) = leave.blocking_recv() else { return Ok(false) };
            moving::stand(ledger, &Standing::Moved(address))?;
            Ok(true)
        });
        left.await.map(|_| ())
    }

    async fn carry_in(&self, from: mpsc::Receiver<Parcel>) -> Result<(), LedgerError> {
        let place = Arc::clone(&self.place);
        self.transact(|()| true, move |ledger, _| moving::carry_in(ledger, &place, from)).await
    }

    async fn settle_in(&self) -> Result<(), LedgerError> {
        self.transact(|()| true, |ledger, _| moving::stand(ledger, &Standing::Open)).await
    }

    async fn backup(&self, to: &Path) -> Result<(), LedgerError> {
        let to = to.to_owned();
        // VACUUM may not run inside a transaction.
        let reader = Arc::clone(&self.reader);
        off_thread(move || Ok(file::backup(&lock(&reader), &to)?)).await
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Record, *};

    const LIST: &str = "tt-report";

    /// A ledger in a folder of its own, gone with it.
    struct Desk {
        ledger: SqliteLedger,
        folder: std::path::PathBuf,
    }

    impl Desk {
        fn new(name: &str) -> Self {
            let folder = format!("postrider-sqlite-{}-{name}", std::process::id());
            let folder = std::env::temp_dir().join(folder);
            let ledger = SqliteLedger::open(&folder.join("ledger.sqlite")).expect("it opens");
            Self { ledger, folder }
        }

        async fn enrol(&self, people: std::ops::Range<u64>) -> Result<Enrolled, LedgerError> {
            let order = Enrol {
                publication: LIST.to_owned(),
                event: Event {
                    name: "import".to_owned(),
                    source: "a test".to_owned(),
                    detail: String::new(),
                },
                from_list_file: false,
                resubscribe: None,
                rehearse: false,
            };
            let records = Box::new(people.map(record).map(Ok));
            let mut enrolled = self.ledger.enrol(vec![(order, records)]).await?;
            Ok(enrolled.remove(0))
        }

        async fn people(&self) -> usize {
            self.ledger.subscribers(LIST, None, usize::MAX).await.expect("it lists").len()
        }

        fn sql(&self, sql: &str) {
            let writer = self.ledger.writer.lock().expect("nobody panicked");
            writer.execute_batch(sql).expect("it runs");
        }
    }

    impl Drop for Desk {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }

    fn record(line: u64) -> Record {
        Record {
            line,
            address: format!("reader{line}@example.org").parse().expect("it is an address"),
            name: "x".repeat(100),
            tags: Vec::new(),
            fields: BTreeMap::new(),
            state: SubscriberState::Active,
            evidence: String::new(),
        }
    }

    #[tokio::test]
    async fn a_full_disk_is_said_and_loses_nothing() {
        let desk = Desk::new("full");
        desk.enrol(0..10).await.expect("it enrols");
        desk.sql("PRAGMA max_page_count = 40");
        let refused = desk.enrol(10..10_000).await.expect_err("there is no room");
        assert!(matches!(refused, LedgerError::Disk(_)), "{refused}");
        assert!(
            refused.to_string().contains("ledger.sqlite: database or disk is full"),
            "{refused}"
        );
        assert_eq!(desk.people().await, 10);
        desk.sql("PRAGMA max_page_count = 4294967294");
        assert_eq!(desk.enrol(10..20).await.expect("there is room again").added, 10);
        assert_eq!(desk.people().await, 20);
    }

    #[tokio::test]
    async fn every_commit_is_on_the_disk_before_it_returns() {
        let mut desk = Desk::new("flush");
        let (arrived, mut at_the_disk) = mpsc::unbounded_channel();
        let (go, turn) = std::sync::mpsc::channel::<io::Result<()>>();
        let turn = Mutex::new(turn);
        desk.ledger.flush = Arc::new(move || {
            arrived.send(()).expect("the test listens");
            turn.lock().expect("nobody panicked").recv().expect("the test says when")
        });
        let event = Event { name: "import".into(), source: "test".into(), detail: String::new() };
        let address = "a@example.org".parse().expect("an address");
        let admit = desk.ledger.move_subscriber(LIST, &address, SubscriberState::Active, &event);
        tokio::pin!(admit);
        tokio::select! {
            _ = &mut admit => panic!("it returned before the disk had it"),
            Some(()) = at_the_disk.recv() => {}
        }
        // While it waits for the disk, the next may write, and waits for it too.
        let next = desk.ledger.move_subscriber(LIST, &address, SubscriberState::Active, &event);
        tokio::pin!(next);
        tokio::select! {
            _ = &mut admit => panic!("it returned before the disk had it"),
            _ = &mut next => panic!("it returned before the disk had it"),
            Some(()) = at_the_disk.recv() => {}
        }
        go.send(Ok(())).expect("it waits");
        go.send(Err(io::Error::other("the disk is gone"))).expect("it waits");
        let (admit, next) = tokio::join!(admit, next);
        let failed = [admit, next].into_iter().filter_map(Result::err).collect::<Vec<_>>();
        assert!(matches!(failed.as_slice(), [LedgerError::Disk(_)]), "{failed:?}");
    }

    #[test]
    fn what_is_flushed_is_the_log_that_commits_are_written_to() {
        use std::os::unix::fs::MetadataExt;

        let desk = Desk::new("log");
        // A name that leads elsewhere: SQLite keeps its log where the file is.
        let (file, link) = (desk.folder.join("ledger.sqlite"), desk.folder.join("a-link"));
        std::os::unix::fs::symlink(&file, &link).expect("it can be made");
        let opened = file::open(&link).expect("it opens");
        let inode = |meta: std::fs::Metadata| (meta.ino(), meta.len());
        let log = || {
            inode(std::fs::metadata(desk.folder.join("ledger.sqlite-wal")).expect("it is there"))
        };
        let before = log();
        opened.writer.execute_batch("UPDATE ledger SET begins = begins").expect("it is SQL");
        assert_eq!(inode(opened.log.metadata().expect("it is open")), log());
        assert!(log().1 >= before.1);
        let number =
            |pragma| opened.writer.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
        assert_eq!((number("synchronous"), number("foreign_keys")), (Ok(1), Ok(1)));
    }

    #[test]
    fn neither_log_can_be_rewritten() {
        let desk = Desk::new("append-only");
        desk.sql(
            "INSERT INTO arrivals VALUES (1, 0, 'import', 'a file', '');
             INSERT INTO subscribers VALUES (1, 'p', 'a@b.c', NULL, 't', '', '[]', '{}', 'active',
                0, 1, 2, 'active', NULL, 0, NULL, NULL);
             INSERT INTO consent VALUES (1, 1, 0, 'import', '', '', 'active');
             INSERT INTO issues (id, publication, slug, state, why, digest)
                VALUES (1, 'p', 's', 'sending', '', '');
             INSERT INTO deliveries (issue, slot, subscriber, state, at)
                VALUES (1, 1, 1, 'accepted', 0);
             INSERT INTO attempts VALUES (1, 1, 1, 'accepted', 1, 0, 0, '250 ok', NULL);",
        );
        let writer = desk.ledger.writer.lock().expect("nobody panicked");
        for sql in [
            "UPDATE arrivals SET source = 'another file'",
            "DELETE FROM arrivals",
            "UPDATE subscribers SET came_as = 'pending'",
            "UPDATE subscribers SET arrival = NULL, line = NULL, came_as = NULL",
            "UPDATE consent SET state = 'active'",
            "DELETE FROM consent",
            "UPDATE attempts SET said = '550 no'",
            "UPDATE attempts SET state = 'rejected', said = ''",
            "DELETE FROM attempts",
        ] {
            assert!(writer.execute_batch(sql).is_err(), "{sql}");
        }
    }
}
