//! A ledger that something happens to: the tests decide at which call.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use postrider::{
    ledger::{
        Admit, AttemptRecord, Booking, Claim, DeliveryRecord, Enrol, Enrolled, Entered, Entry,
        Event, Finding, Freeze, Frozen, Gone, Happening, IssueRecord, Lane, Ledger, LedgerError,
        Mark, Note, Noted, Parcel, Passed, Place, Preferences, Records, Recovered, ReportRecord,
        Reservation, Resolution, Seen, Standing, Wish, Worker,
    },
    model::{Address, DeliveryState, IssueState, Subscriber, SubscriberState, Suppressed, Tally},
    send::brake::Brake,
};
use tokio::sync::{Notify, mpsc, oneshot};

/// What becomes of the caller at a call.
pub(crate) enum Fate {
    /// Nothing unusual.
    Live,
    /// It dies before the ledger hears of it.
    DieBefore(Arc<Notify>),
    /// The ledger does as asked, and the caller dies before it hears so.
    DieAfter(Arc<Notify>),
    /// The disk is full.
    Fail,
    /// The ledger does as asked, and its answer is lost.
    LoseAnswer,
    /// Somebody else turns the issue first.
    Turn(Arc<dyn Ledger>, IssueState),
}

/// Hands every call on to a real ledger, but for what `fate` says of its name.
pub(crate) struct Watched {
    ledger: Arc<dyn Ledger>,
    fate: Box<dyn Fn(&'static str) -> Fate + Send + Sync>,
    shared_begins: Option<u64>,
}

impl Watched {
    pub(crate) fn new(
        ledger: Arc<dyn Ledger>,
        fate: impl Fn(&'static str) -> Fate + Send + Sync + 'static,
    ) -> Self {
        Self { ledger, fate: Box::new(fate), shared_begins: None }
    }

    /// Has the ledger say that machines share it, and that they began so many deliveries.
    pub(crate) fn shared(self, begins: u64) -> Self {
        Self { shared_begins: Some(begins), ..self }
    }

    async fn through<T>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T, LedgerError>> + Send,
    ) -> Result<T, LedgerError> {
        match (self.fate)(name) {
            Fate::Live => call.await,
            Fate::DieBefore(death) => {
                death.notify_one();
                std::future::pending().await
            }
            Fate::DieAfter(death) => {
                let _ = call.await;
                death.notify_one();
                std::future::pending().await
            }
            Fate::Fail => Err(LedgerError::Disk("no space left on device".to_owned())),
            Fate::LoseAnswer => {
                call.await?;
                Err(LedgerError::Busy("its answer was lost".to_owned()))
            }
            Fate::Turn(ledger, to) => {
                for issue in ledger.issues("tt-report").await? {
                    ledger
                        .turn("tt-report", &issue.slug, &[IssueState::Sending], to, "a test")
                        .await?;
                }
                call.await
            }
        }
    }
}

/// Writes the methods that only hand on: name, arguments, result.
macro_rules! hand_on {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $result:ty;)*) => {
        #[async_trait]
        impl Ledger for Watched {
            async fn mark(&self, publication: &str) -> Result<Mark, LedgerError> {
                let mark = self.through("mark", self.ledger.mark(publication)).await?;
                Ok(match self.shared_begins {
                    Some(begins) => Mark { begins, is_shared: true, ..mark },
                    None => mark,
                })
            }

            $(async fn $name(&self, $($argument: $kind),*) -> Result<$result, LedgerError> {
                self.through(stringify!($name), self.ledger.$name($($argument),*)).await
            })*
        }
    };
}

hand_on! {
    now() -> Timestamp;
    unfinished() -> BTreeMap<String, u64>;
    accept_rollback(publication: &str, begins: u64) -> u64;
    enrol(lists: Vec<(Enrol, Records)>) -> Vec<Enrolled>;
    move_subscriber(publication: &str, address: &Address, to: SubscriberState, event: &Event) -> Option<SubscriberState>;
    subscriber(publication: &str, address: &Address) -> Option<Subscriber>;
    subscriber_by_token(publication: &str, token_id: &str) -> Option<Subscriber>;
    subscribers(publication: &str, after: Option<&str>, limit: usize) -> Vec<Subscriber>;
    history(publication: &str, address: &Address) -> Vec<Happening>;
    prefer(publication: &str, token_id: &str, said: &Preferences, event: &Event) -> bool;
    preferences(publication: &str, token_id: &str) -> Preferences;
    publications(address: &Address) -> Vec<String>;
    leave_all(address: &Address, event: &Event) -> u64;
    take_back(address: &Address, left: &Happening, event: &Event) -> u64;
    prune(publication: &str, before: Timestamp) -> u64;
    report(publication: &str, note: &Note) -> Noted;
    reports(publication: &str, issue: Option<i64>, after: i64, limit: usize) -> Vec<ReportRecord>;
    issue(publication: &str, slug: &str) -> Option<IssueRecord>;
    issues(publication: &str) -> Vec<IssueRecord>;
    schedule(publication: &str, slug: &str, booking: &Booking) -> bool;
    turn(publication: &str, slug: &str, from: &[IssueState], to: IssueState, why: &str) -> bool;
    freeze(order: Freeze, records: Option<Records>, admit: Admit) -> Frozen;
    edition(issue: i64) -> Vec<u8>;
    tally(issue: i64) -> Tally;
    suppressed(issue: i64) -> BTreeMap<Suppressed, u64>;
    deliveries(issue: i64, states: &[DeliveryState], after: Option<i64>, limit: usize) -> Vec<DeliveryRecord>;
    attempts(publication: &str, address: &Address) -> Vec<AttemptRecord>;
    recover(issue: i64, gone: Gone) -> Recovered;
    note_relay(issue: i64, owner: &str, relay: &str) -> ();
    claim(issue: i64, owner: &str, limit: usize, lease: Duration, expire_after: Duration, but: &Passed) -> Vec<Claim>;
    enter(entries: &[Entry]) -> Vec<Entered>;
    next_retry(issue: i64) -> Option<Timestamp>;
    reserve(shared: &Lane, wishes: &[Wish], within: Duration) -> Reservation;
    unreserve(unused: &[Place]) -> ();
    beginnings(lane: &Lane) -> Vec<Timestamp>;
    brake(lane: &str, brake: &Brake) -> ();
    brakes(relay: &str) -> BTreeMap<String, Brake>;
    release(relay: &str) -> u64;
    resolve(issue: i64, address: &Address, how: Resolution) -> bool;
    instruct(issue: i64, orders: &[u8]) -> ();
    orders(issue: i64) -> Option<Vec<u8>>;
    sending() -> Vec<(String, String)>;
    sign_in(worker: &Worker) -> ();
    sign_out(name: &str) -> ();
    workers() -> Vec<Seen>;
    verify() -> Vec<Finding>;
    standing() -> Standing;
    carry_out(to: mpsc::Sender<Parcel>, leave: Option<oneshot::Receiver<String>>) -> ();
    carry_in(from: mpsc::Receiver<Parcel>) -> ();
    settle_in() -> ();
    backup(to: &Path) -> ();
}
