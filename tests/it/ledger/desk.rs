//! A fresh ledger with a clock that stands still until it is moved, and the few sentences tests speak to it in.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use postrider::{
    ledger::{
        Claim, Clock, DeliveryRecord, Enrol, Enrolled, Entered, Entry, Event, Freeze, Frozen,
        Ledger, Passed, PostgresLedger, Record, Records, SqliteLedger, Ticket,
    },
    model::{Address, DeliveryState, IssueState, Outcome, SubscriberState, Tally},
};

use crate::postgres::Schema;

pub(super) const LIST: &str = "tt-report";
pub(super) const SLUG: &str = "2003-10-06-kazakhstan";
pub(super) const LEASE: Duration = Duration::from_mins(5);
/// A claim that passes over nobody.
pub(super) const EVERYBODY: Passed = Passed { domains: Vec::new(), slots: 0 };
pub(super) const TWO_DAYS: Duration = Duration::from_hours(48);

/// A ledger on a desk: the test's own clock, and a way to open it again.
pub(super) struct Desk {
    pub(super) ledger: Arc<dyn Ledger>,
    open: Box<dyn Fn() -> Arc<dyn Ledger> + Send + Sync>,
    clock: Arc<AtomicI64>,
    folder: Folder,
    /// Where the ledger asks a server for the time.
    schema: Option<Schema>,
}

impl Desk {
    pub(super) fn sqlite() -> Self {
        let folder = Folder::new();
        let (clock, hand) = stopped_clock();
        let path = folder.ledger();
        let open = move || {
            let ledger = SqliteLedger::open_with_clock(&path, Arc::clone(&clock));
            Arc::new(ledger.expect("it opens")) as Arc<dyn Ledger>
        };
        Self { ledger: open(), open: Box::new(open), clock: hand, folder, schema: None }
    }

    /// `None`, and said so, where there is no server.
    pub(super) fn postgres() -> Option<Self> {
        let schema = Schema::new()?;
        let (_, hand) = stopped_clock();
        let settings = schema.settings();
        let open = move || {
            Arc::new(PostgresLedger::new(&settings).expect("it is a URL")) as Arc<dyn Ledger>
        };
        let ledger = open();
        schema.stop_the_clock();
        let folder = Folder::new();
        let desk = Self { ledger, open: Box::new(open), clock: hand, folder, schema: Some(schema) };
        desk.pass(0);
        Some(desk)
    }

    /// Opens the same ledger once more, as another process would.
    pub(super) fn again(&self) -> Arc<dyn Ledger> {
        (self.open)()
    }

    /// Returns the folder its files lie in.
    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Changes rows behind the ledger's back.
    pub(super) fn sql(&self, sql: &str) {
        if let Some(schema) = &self.schema {
            schema.sql(sql);
        } else {
            let raw = rusqlite::Connection::open(self.folder.ledger()).expect("it opens");
            raw.execute_batch(sql).expect(sql);
        }
    }

    /// Lets time pass; a negative length sets the clock back.
    pub(super) fn pass(&self, seconds: i64) {
        self.pass_millis(seconds * 1_000);
    }

    pub(super) fn pass_millis(&self, millis: i64) {
        self.clock.fetch_add(millis * 1_000, Ordering::SeqCst);
        if let Some(schema) = &self.schema {
            schema.set_the_clock(self.now());
        }
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.load(Ordering::SeqCst)
    }

    pub(super) async fn enrol(&self, names: &[&str]) -> Enrolled {
        let records: Vec<_> = (2..).zip(names).map(|(line, name)| record(line, name)).collect();
        enrol(&*self.ledger, import(), records).await
    }

    /// Enrols `names` and freezes the issue for them.
    pub(super) async fn send_to(&self, names: &[&str]) -> i64 {
        self.enrol(names).await;
        self.freeze().await.issue.id
    }

    pub(super) async fn freeze(&self) -> Frozen {
        self.ledger.freeze(order(), None, Box::new(|_| Ok(()))).await.expect("it freezes")
    }

    pub(super) async fn claim(&self, issue: i64, owner: &str, limit: usize) -> Vec<Claim> {
        let claims = self.ledger.claim(issue, owner, limit, LEASE, TWO_DAYS, &EVERYBODY).await;
        claims.expect("it claims")
    }

    /// Claims one and begins it.
    pub(super) async fn begin_one(&self, issue: i64) -> Ticket {
        let ticket = self.claim(issue, "ann/1", 1).await[0].ticket;
        assert_eq!(self.enter(Entry::Begin(ticket)).await, Entered::Done);
        ticket
    }

    pub(super) async fn enter(&self, entry: Entry) -> Entered {
        self.ledger.enter(&[entry]).await.expect("it enters")[0]
    }

    pub(super) async fn tell(
        &self,
        name: &str,
        to: SubscriberState,
        event: &str,
    ) -> Option<SubscriberState> {
        let event = event_named(event);
        self.ledger.move_subscriber(LIST, &address(name), to, &event).await.expect("it moves")
    }

    pub(super) async fn turn(&self, from: IssueState, to: IssueState) -> bool {
        self.ledger.turn(LIST, SLUG, &[from], to, "").await.expect("it turns")
    }

    pub(super) async fn tally(&self, issue: i64) -> Tally {
        let tally = self.ledger.tally(issue).await.expect("it counts");
        assert!(tally.balances(), "{tally:?}");
        let rows = self.states(issue).await;
        let of = |state| rows.iter().filter(|found| **found == state).count() as u64;
        for (state, counted) in [
            (DeliveryState::Accepted, tally.accepted),
            (DeliveryState::Rejected, tally.rejected),
            (DeliveryState::InDoubt, tally.in_doubt),
            (DeliveryState::Suppressed, tally.suppressed),
            (DeliveryState::Expired, tally.expired),
            (DeliveryState::Cancelled, tally.cancelled),
            (DeliveryState::Deferred, tally.deferred),
        ] {
            assert_eq!(counted, of(state), "what is counted is what is there: {state:?}");
        }
        let open = rows.iter().filter(|state| state.is_open()).count();
        assert_eq!(tally.remaining, open as u64);
        tally
    }

    pub(super) async fn deliveries(&self, issue: i64) -> Vec<DeliveryRecord> {
        let every = &DeliveryState::ALL;
        self.ledger.deliveries(issue, every, None, usize::MAX).await.expect("it lists")
    }

    pub(super) async fn states(&self, issue: i64) -> Vec<DeliveryState> {
        self.deliveries(issue).await.into_iter().map(|delivery| delivery.state).collect()
    }

    pub(super) async fn state_of(&self, name: &str) -> Option<SubscriberState> {
        let found = self.ledger.subscriber(LIST, &address(name)).await.expect("it finds");
        found.map(|person| person.state)
    }
}

/// A folder of the test's own, gone with it.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("postrider-ledger-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a temporary folder can be made");
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn ledger(&self) -> PathBuf {
        self.0.join(".postrider").join("ledger.sqlite")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A clock that stands at the sample issue's hour, and its hand.
pub(super) fn stopped_clock() -> (Clock, Arc<AtomicI64>) {
    let start: Timestamp = "2003-10-06T06:00:00Z".parse().expect("it is an instant");
    let hand = Arc::new(AtomicI64::new(start.as_microsecond()));
    let read = Arc::clone(&hand);
    let clock = move || {
        Timestamp::from_microsecond(read.load(Ordering::SeqCst)).expect("it stays in range")
    };
    (Arc::new(clock), hand)
}

/// `ann` is `ann@example.org`; a whole address is itself.
pub(super) fn address(name: &str) -> Address {
    let whole = if name.contains('@') { name.to_owned() } else { format!("{name}@example.org") };
    whole.parse().expect("it is an address")
}

/// `ann`, or with a state: `ann unsubscribed`.
pub(super) fn record(line: u64, written: &str) -> Record {
    let (name, state) = written.split_once(' ').unwrap_or((written, "active"));
    Record {
        line,
        address: address(name),
        name: name.to_owned(),
        tags: vec!["energy".to_owned()],
        fields: [("company".to_owned(), "Templeton Thorp".to_owned())].into(),
        state: SubscriberState::from_word(state).expect("it is a state"),
        evidence: String::new(),
    }
}

/// Enrols one list.
pub(super) async fn enrol(ledger: &dyn Ledger, order: Enrol, records: Vec<Record>) -> Enrolled {
    let records: Records = Box::new(records.into_iter().map(Ok));
    ledger.enrol(vec![(order, records)]).await.expect("it enrols").remove(0)
}

pub(super) fn event_named(name: &str) -> Event {
    Event { name: name.to_owned(), source: "a test".to_owned(), detail: String::new() }
}

pub(super) fn import() -> Enrol {
    Enrol {
        publication: LIST.to_owned(),
        event: event_named("import"),
        from_list_file: false,
        resubscribe: None,
        rehearse: false,
    }
}

pub(super) fn order() -> Freeze {
    Freeze {
        publication: LIST.to_owned(),
        slug: SLUG.to_owned(),
        digest: "5e1f".to_owned(),
        edition: b"an edition".to_vec(),
        date: "2003-10-06T06:00:00Z".parse().expect("it is an instant"),
        message_domain: "example.org".to_owned(),
        event: event_named("import"),
        catch_up: false,
        rehearse: false,
        expected: None,
        segment: String::new(),
        corrects: None,
    }
}

pub(super) fn accepted() -> Outcome {
    Outcome::Accepted { said: "250 2.0.0 queued as 4F1".to_owned() }
}

pub(super) fn deferred(seconds: u64) -> Outcome {
    let wait = Duration::from_secs(seconds);
    Outcome::Deferred { said: "451 4.7.1 greylisted".to_owned(), wait, counted: true }
}

pub(super) fn rejected(hard: bool) -> Outcome {
    Outcome::Rejected { said: "550 5.1.1 user unknown".to_owned(), hard }
}

pub(super) fn instant(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).expect("it stays in range")
}
