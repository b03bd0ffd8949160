//! A ledger that moves takes everything along, and nobody can work with two.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use postrider::{
    bounce::{Cause, Kind},
    ledger::{
        About, Enrol, Entered, Entry, Freeze, Held, Lane, Ledger, LedgerError, Note, Preferences,
        Resolution, SqliteLedger, Standing, Wish, Worker, manifest, move_to,
    },
    model::{DeliveryState as D, IssueState, Rate, SubscriberState as S},
    send::brake::Brake,
};
use rusqlite::{Connection, types::Value};
use tokio::sync::{mpsc, oneshot};

use super::{
    Desk, ask_every_ledger,
    desk::{
        EVERYBODY, Folder, LEASE, LIST, SLUG, TWO_DAYS, accepted, address, deferred, enrol,
        event_named, import, order, record, rejected,
    },
};

ask_every_ledger! {
    a_ledger_that_holds_something_takes_no_other,
    what_broke_off_leaves_nothing_and_what_was_not_opened_is_closed,
    nobody_works_with_a_ledger_that_has_moved_until_a_person_accepts_it,
}

/// A ledger with something in every table and every state.
async fn rich(desk: &Desk) -> i64 {
    let ledger = &*desk.ledger;
    let of_the_file = Enrol { from_list_file: true, ..import() };
    let named = |names: &[&str]| (2..).zip(names).map(|(line, name)| record(line, name)).collect();
    enrol(ledger, of_the_file.clone(), named(&["ann", "bob", "cyd", "dan", "eve", "fay"])).await;
    let mut proven = record(9, "gus");
    "confirmed 2003-10-01".clone_into(&mut proven.evidence);
    enrol(
        ledger,
        import(),
        vec![proven, record(10, "hal unsubscribed"), record(11, "ivy pending")],
    )
    .await;
    enrol(ledger, Enrol { publication: "other".to_owned(), ..import() }, named(&["ann", "bob"]))
        .await;
    // An old issue, over and forgotten.
    let old = Freeze { slug: "old".to_owned(), ..order() };
    let old = ledger.freeze(old, None, Box::new(|_| Ok(()))).await.expect("it freezes").issue.id;
    let claims =
        ledger.claim(old, "host/1", 9, LEASE, TWO_DAYS, &EVERYBODY).await.expect("it claims");
    let entries: Vec<_> = claims
        .iter()
        .flat_map(|claim| [Entry::Begin(claim.ticket), Entry::Record(claim.ticket, accepted())])
        .collect();
    ledger.enter(&entries).await.expect("it enters");
    let from = [IssueState::Sending];
    assert!(ledger.turn(LIST, "old", &from, IssueState::Finished, "").await.expect("it turns"));
    desk.pass(60);
    let now = ledger.now().await.expect("it tells");
    assert_eq!(ledger.prune(LIST, now).await.expect("it forgets"), 9);
    // One that is half sent.
    let issue = desk.freeze().await.issue.id;
    ledger.instruct(issue, b"orders").await.expect("it keeps them");
    ledger.note_relay(issue, "host/1", "mx.example.org:25").await.expect("it notes");
    let claims = desk.claim(issue, "host/1", 6).await;
    let endings = [Some(accepted()), Some(deferred(900)), Some(rejected(true)), None];
    for (claim, ending) in claims.iter().zip(endings) {
        assert_eq!(desk.enter(Entry::Begin(claim.ticket)).await, Entered::Done);
        if let Some(ending) = ending {
            assert_eq!(desk.enter(Entry::Record(claim.ticket, ending)).await, Entered::Done);
        }
    }
    let doubtful = Entry::Begin(claims[4].ticket);
    assert_eq!(desk.enter(doubtful).await, Entered::Done);
    // It was frozen with what they were called then.
    let mut renamed = record(2, "ann");
    "Anne".clone_into(&mut renamed.name);
    enrol(ledger, of_the_file, vec![renamed, record(3, "bob"), record(4, "eve"), record(5, "fay")])
        .await;
    desk.tell("eve", S::Erased, "erase").await;
    desk.tell("gus", S::Unsubscribed, "unsubscribe").await;
    let bob =
        ledger.subscriber(LIST, &address("bob")).await.expect("it finds").expect("he is there");
    let until = now.checked_add(Duration::from_hours(1)).ok();
    let said = Preferences { paused_until: until, ..Preferences::default() };
    let event = event_named("preferences");
    assert!(ledger.prefer(LIST, &bob.token_id, &said, &event).await.expect("it keeps it"));
    let note = Note {
        digest: "d1".to_owned(),
        about: About::Delivery { issue, slot: 1 },
        kind: Kind::Soft,
        cause: Some(Cause::Full),
        code: "4.2.2".to_owned(),
        said: "mailbox full".to_owned(),
        source: "a test".to_owned(),
        rehearse: false,
    };
    ledger.report(LIST, &note).await.expect("it notes");
    let rates: Vec<Rate> = vec!["2/s".parse().expect("a rate"), "9/day".parse().expect("a rate")];
    let lane = Lane { name: "relay".to_owned(), rates };
    let wish = Wish { lane: None, count: 3 };
    ledger.reserve(&lane, &[wish], Duration::from_mins(1)).await.expect("it reserves");
    let brake = Brake::slower(None, now, 60, "too fast", 0);
    ledger.brake("relay to Example", &brake).await.expect("it brakes");
    let worker = Worker {
        name: "host/1".to_owned(),
        host: "host".to_owned(),
        pid: 1,
        version: "0".to_owned(),
        command: "worker".to_owned(),
        publication: None,
        issue: None,
        per_second: 0.5,
    };
    ledger.sign_in(&worker).await.expect("it signs in");
    let booking = postrider::ledger::Booking {
        at: now,
        shown: "2003-10-13T07:00[Europe/London]".to_owned(),
        max_late: Duration::from_hours(6),
        digest: "5e1f".to_owned(),
    };
    assert!(ledger.schedule(LIST, "next", &booking).await.expect("it is booked"));
    // Every lease is over, and whoever held them is taken for dead.
    desk.pass(3_600);
    issue
}

/// What anybody can ask of it.
async fn told(ledger: &dyn Ledger, issue: i64) -> Vec<String> {
    let mut told = Vec::new();
    for list in [LIST, "other"] {
        let people = ledger.subscribers(list, None, 99).await.expect("it lists");
        for person in &people {
            let history = ledger.history(list, &person.address).await.expect("it tells");
            let linked =
                ledger.subscriber_by_token(list, &person.token_id).await.expect("it finds");
            assert_eq!(linked.as_ref(), Some(person));
            let said = ledger.preferences(list, &person.token_id).await.expect("it tells");
            told.push(format!("{person:?} {history:?} {said:?}"));
        }
        for issue in ledger.issues(list).await.expect("it lists") {
            let rows = ledger.deliveries(issue.id, &D::ALL, None, 99).await.expect("it lists");
            let tally = ledger.tally(issue.id).await.expect("it counts");
            assert!(tally.balances(), "{tally:?}");
            let suppressed = ledger.suppressed(issue.id).await.expect("it counts");
            told.push(format!("{issue:?} {tally:?} {suppressed:?} {rows:?}"));
        }
        let reports = ledger.reports(list, None, 0, 99).await.expect("it lists");
        told.push(format!("{reports:?}"));
        for name in ["ann", "bob", "cyd"] {
            let attempts = ledger.attempts(list, &address(name)).await.expect("it lists");
            told.push(format!("{attempts:?}"));
        }
    }
    let edition = ledger.edition(issue).await.expect("it is there");
    let orders = ledger.orders(issue).await.expect("it is there");
    let brakes = ledger.brakes("relay").await.expect("it lists");
    let mark = ledger.mark(LIST).await.expect("it is marked");
    told.push(format!("{edition:?} {orders:?} {brakes:?} {} {}", mark.ledger, mark.begins));
    told
}

/// Every table of a file, but for what a ledger counts anew: numbers of versions, places in a list, leases, and a version that says what the person is still called.
fn tables(folder: &Folder) -> BTreeMap<&'static str, Vec<Vec<Value>>> {
    let raw = Connection::open(folder.ledger()).expect("it opens");
    let rows = |sql: &str| {
        let mut statement = raw.prepare(sql).expect(sql);
        let width = statement.column_count();
        let rows = statement.query_map([], |row| (0..width).map(|at| row.get(at)).collect());
        rows.expect(sql).collect::<Result<Vec<Vec<Value>>, _>>().expect(sql)
    };
    [
        ("ledger", "SELECT id, secret, begins, rollbacks FROM ledger"),
        (
            "subscribers",
            "SELECT id, publication, address_key, address, token_id, name, tags, fields, state,
                    from_file, own, paused_until FROM subscribers ORDER BY id",
        ),
        ("addresses", "SELECT * FROM addresses ORDER BY 1, 2"),
        ("tokens", "SELECT * FROM tokens ORDER BY 1"),
        ("issues", "SELECT * FROM issues ORDER BY id"),
        ("editions", "SELECT * FROM editions ORDER BY 1"),
        ("orders", "SELECT * FROM orders ORDER BY 1"),
        ("runs", "SELECT * FROM runs ORDER BY 1, 2"),
        (
            "deliveries",
            "SELECT issue, slot, subscriber, state, suppressed, fence, owner, begun, tries, first_at,
                    began_at, retry_at, said, at, version IS NULL
             FROM deliveries d JOIN (SELECT id, state AS stands FROM subscribers) s
                  ON s.id = d.subscriber AND s.stands <> 'erased' ORDER BY 1, 2",
        ),
        (
            "former",
            "SELECT address_key, address, name, tags, fields FROM former
             WHERE address_key NOT LIKE '%@erased.invalid'
               AND (subscriber, name, tags, fields) NOT IN
                   (SELECT id, name, tags, fields FROM subscribers) ORDER BY 1, 3",
        ),
        ("counts", "SELECT * FROM counts WHERE count > 0 ORDER BY 1, 2"),
        ("attempts", "SELECT * FROM attempts ORDER BY 1, 2, 3, 4"),
        ("reports", "SELECT * FROM reports ORDER BY 1"),
        ("beginnings", "SELECT * FROM beginnings ORDER BY 1, 2"),
        ("brakes", "SELECT * FROM brakes ORDER BY 1"),
        ("workers", "SELECT * FROM workers ORDER BY 1"),
    ]
    .map(|(name, sql)| (name, rows(sql)))
    .into()
}

async fn moved(from: &dyn Ledger, to: &dyn Ledger) -> BTreeMap<&'static str, Held> {
    move_to(from, to, "sqlite:elsewhere", |_, _| ()).await.expect("it moves")
}

fn is_closed<T>(answer: &Result<T, LedgerError>) -> bool {
    matches!(answer, Err(LedgerError::Moved { to, .. }) if to == "sqlite:elsewhere")
}

#[tokio::test]
async fn from_a_file_to_a_server_and_back_nothing_is_lost() {
    let first = Desk::sqlite();
    let Some(second) = Desk::postgres() else { return };
    let third = Desk::sqlite();
    let issue = rich(&first).await;
    second.pass(7_200);
    third.pass(7_200);
    let before = told(&*first.ledger, issue).await;
    let carried = moved(&*first.ledger, &*second.ledger).await;
    let rows: BTreeMap<_, _> = carried.iter().map(|(name, held)| (*name, held.rows)).collect();
    assert!(rows.values().all(|rows| *rows > 0), "{rows:?}");
    assert_eq!(told(&*second.ledger, issue).await, before);
    assert_eq!(second.ledger.verify().await.expect("it looks"), []);
    assert_eq!(manifest(&*second.ledger).await.expect("it is weighed"), carried);
    assert_eq!(moved(&*second.ledger, &*third.ledger).await, carried);
    assert_eq!(told(&*third.ledger, issue).await, before);
    assert_eq!(third.ledger.verify().await.expect("it looks"), []);
    let (old, new) = (tables(first.folder()), tables(third.folder()));
    for (name, rows) in &old {
        assert_eq!(new.get(name), Some(rows), "{name}");
        assert!(!rows.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn on_the_new_ledger_everything_goes_on() {
    for (from, to) in [
        (Some(Desk::sqlite()), Desk::postgres()),
        (Desk::postgres(), Some(Desk::sqlite())),
        (Desk::postgres(), Desk::postgres()),
        (Some(Desk::sqlite()), Some(Desk::sqlite())),
    ] {
        let (Some(old), Some(new)) = (from, to) else { continue };
        let issue = rich(&old).await;
        let states = old.states(issue).await;
        moved(&*old.ledger, &*new.ledger).await;
        new.pass(7_200);
        let ledger = &*new.ledger;
        assert_eq!(new.states(issue).await, states);
        // Who was claimed is planned again; what may have left is in doubt.
        let recovered = ledger.recover(issue, Box::new(|_| false)).await.expect("it recovers");
        assert_eq!((recovered.planned, recovered.in_doubt), (1, 2));
        let claims = new.claim(issue, "new/1", 9).await;
        let mut names: Vec<_> = claims
            .iter()
            .map(|claim| format!("{} {}", claim.reader.address.written(), claim.reader.name))
            .collect();
        names.sort();
        assert_eq!(names, ["bob@example.org bob", "fay@example.org fay", "gus@example.org gus"]);
        let doubtful = new.deliveries(issue).await;
        let doubtful = doubtful.iter().find(|row| row.state == D::InDoubt).expect("it is there");
        assert_eq!(doubtful.relay.as_deref(), Some("mx.example.org:25"));
        assert!(
            ledger.resolve(issue, &doubtful.address, Resolution::Delivered).await.expect("it is")
        );
        // New people, issues and reports get numbers of their own.
        assert_eq!(new.enrol(&["new"]).await.added, 1);
        let next = Freeze { slug: "next".to_owned(), ..order() };
        let next = ledger.freeze(next, None, Box::new(|_| Ok(()))).await.expect("it freezes");
        assert_ne!(next.issue.id, issue);
        let listed = ledger.deliveries(next.issue.id, &D::ALL, None, 99).await.expect("it lists");
        let listed: Vec<_> = listed.iter().map(|row| row.address.written().to_owned()).collect();
        assert!(
            !listed.iter().any(|address| address.starts_with("cyd") || address.starts_with("dan")),
            "who left the file stays away: {listed:?}"
        );
        assert_eq!(ledger.verify().await.expect("it looks"), []);
    }
}

async fn a_ledger_that_holds_something_takes_no_other(desk: Desk) {
    let other = Desk::sqlite();
    rich(&other).await;
    desk.enrol(&["ann"]).await;
    let refused = move_to(&*other.ledger, &*desk.ledger, "x", |_, _| ()).await;
    let refused = refused.expect_err("it is not empty").to_string();
    assert!(refused.contains("is not empty: name a new one"), "{refused}");
    assert_eq!(other.ledger.standing().await.expect("it tells"), Standing::Open);
    assert_eq!(desk.ledger.subscribers(LIST, None, 9).await.expect("it lists").len(), 1);
    assert_eq!(other.enrol(&["new"]).await.added, 1, "the old one is in use");
}

async fn what_broke_off_leaves_nothing_and_what_was_not_opened_is_closed(desk: Desk) {
    let other = Desk::sqlite();
    rich(&other).await;
    // The program dies while it carries.
    let (out, arriving) = mpsc::channel(1);
    let (hand_on, handed) = mpsc::channel(1);
    let half = async {
        let mut arriving: mpsc::Receiver<_> = arriving;
        for _ in 0..4 {
            hand_on.send(arriving.recv().await.expect("there is more")).await.expect("it is taken");
        }
        drop((arriving, hand_on));
    };
    let (_, broken, ()) =
        tokio::join!(other.ledger.carry_out(out, None), desk.ledger.carry_in(handed), half);
    assert!(broken.is_err());
    assert_eq!(desk.ledger.standing().await.expect("it tells"), Standing::Open);
    assert_eq!(desk.enrol(&[]).await.read, 0, "nothing is there, and it works");
    // Or after all of it has arrived, and before the old one has closed.
    let (out, arriving) = mpsc::channel(1);
    let (hold, leave) = oneshot::channel();
    let left = tokio::spawn({
        let ledger = Arc::clone(&other.ledger);
        async move { ledger.carry_out(out, Some(leave)).await }
    });
    desk.ledger.carry_in(arriving).await.expect("it arrives");
    let event = event_named("unsubscribe");
    let told = desk.ledger.move_subscriber(LIST, &address("ann"), S::Unsubscribed, &event).await;
    assert!(matches!(told, Err(LedgerError::Arriving { .. })), "{told:?}");
    drop(hold);
    left.await.expect("it ends").expect("nothing has happened");
    assert_eq!(other.ledger.standing().await.expect("it tells"), Standing::Open);
    // Doing it again is all it takes.
    let carried = moved(&*other.ledger, &*desk.ledger).await;
    assert_eq!(manifest(&*desk.again()).await.expect("it is weighed"), carried);
    assert_eq!(desk.tell("ann", S::Unsubscribed, "unsubscribe").await, Some(S::Active));
}

async fn nobody_works_with_a_ledger_that_has_moved_until_a_person_accepts_it(desk: Desk) {
    let issue = rich(&desk).await;
    let other = Desk::sqlite();
    moved(&*desk.ledger, &*other.ledger).await;
    let (old, event) = (&*desk.ledger, event_named("unsubscribe"));
    assert!(is_closed(&old.move_subscriber(LIST, &address("ann"), S::Unsubscribed, &event).await));
    assert!(is_closed(&old.claim(issue, "host/2", 1, LEASE, TWO_DAYS, &EVERYBODY).await));
    assert!(is_closed(&old.recover(issue, Box::new(|_| true)).await));
    assert!(is_closed(&old.turn(LIST, SLUG, &[IssueState::Sending], IssueState::Paused, "").await));
    assert_eq!(
        old.standing().await.expect("it tells"),
        Standing::Moved("sqlite:elsewhere".to_owned())
    );
    assert!(move_to(old, &*Desk::sqlite().ledger, "x", |_, _| ()).await.is_err());
    // Should the new one be lost.
    let doubtful = old.accept_rollback(LIST, 0).await.expect("it is accepted");
    assert_eq!(doubtful, 5);
    assert_eq!(desk.tell("ann", S::Unsubscribed, "unsubscribe").await, Some(S::Active));
    assert_eq!(desk.claim(issue, "host/2", 9).await, []);
}

#[tokio::test]
async fn a_file_that_has_moved_is_not_opened() {
    let (old, new) = (Desk::sqlite(), Desk::sqlite());
    rich(&old).await;
    moved(&*old.ledger, &*new.ledger).await;
    let opened = SqliteLedger::open(&old.folder().ledger());
    assert!(is_closed(&opened));
    assert!(SqliteLedger::open_for_care(&old.folder().ledger()).is_ok());
}

#[tokio::test]
async fn a_server_is_not_left_while_somebody_sends() {
    let Some(desk) = Desk::postgres() else { return };
    let issue = desk.send_to(&["ann", "bob"]).await;
    desk.claim(issue, "host/1", 1).await;
    let other = Desk::sqlite();
    let refused = move_to(&*desk.ledger, &*other.ledger, "x", |_, _| ()).await;
    assert!(
        matches!(refused, Err(LedgerError::Busy(ref why)) if why.contains("host/1")),
        "{refused:?}"
    );
    assert_eq!(desk.ledger.standing().await.expect("it tells"), Standing::Open);
    assert_eq!(other.ledger.issues(LIST).await.expect("it lists"), []);
    desk.pass(3_600);
    moved(&*desk.ledger, &*other.ledger).await;
}

#[tokio::test]
async fn a_backup_of_a_server_is_a_file_that_sends_on_its_own() {
    let Some(desk) = Desk::postgres() else { return };
    let issue = rich(&desk).await;
    let folder = Folder::new();
    let copy = folder.path().join("copy.sqlite");
    desk.ledger.backup(&copy).await.expect("it copies");
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("it lists").collect();
    assert_eq!(left.len(), 1, "the copy is one file");
    let before = told(&*desk.ledger, issue).await;
    let restored = SqliteLedger::open(&copy).expect("it opens");
    assert_eq!(told(&restored, issue).await, before);
    assert_eq!(restored.verify().await.expect("it looks"), []);
    let refused = desk.ledger.backup(&copy).await.expect_err("it never writes over");
    assert!(refused.to_string().contains("is there already"), "{refused}");
    assert_eq!(desk.enrol(&["new"]).await.added, 1, "the server is in use");
}
