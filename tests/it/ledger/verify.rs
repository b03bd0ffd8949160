//! A ledger that was tampered with, or lost something, says so by name.

use std::{fs, os::unix::fs::FileExt};

use postrider::{
    ledger::{Entered, Entry, SqliteLedger},
    model::SubscriberState as S,
};

use super::{
    Desk, ask_every_ledger,
    desk::{accepted, deferred},
};

ask_every_ledger! {
    a_ledger_at_work_has_nothing_to_tell,
}

/// Ann has it, Bob is deferred, Cyd is claimed, Dan is planned and left since, Eve had left before.
async fn at_work(desk: &Desk) -> i64 {
    desk.enrol(&["ann", "bob", "cyd", "dan", "eve unsubscribed"]).await;
    let issue = desk.freeze().await.issue.id;
    let claims = desk.claim(issue, "ann/1", 3).await;
    for (claim, outcome) in claims.iter().zip([accepted(), deferred(900)]) {
        assert_eq!(desk.enter(Entry::Begin(claim.ticket)).await, Entered::Done);
        assert_eq!(desk.enter(Entry::Record(claim.ticket, outcome)).await, Entered::Done);
    }
    desk.tell("dan", S::Unsubscribed, "unsubscribe").await;
    desk.enrol(&["bob", "cyd"]).await;
    issue
}

async fn a_ledger_at_work_has_nothing_to_tell(desk: Desk) {
    assert_eq!(desk.ledger.verify().await.expect("it looks"), [], "while it is new");
    at_work(&desk).await;
    assert_eq!(desk.ledger.verify().await.expect("it looks"), []);
}

/// What is done to any ledger, and the kind and the words of what is found.
const EVERY: [(&str, &str, &str); 7] = [
    ("UPDATE issues SET planned = planned + 2", "sum", "deliveries are missing (2)"),
    ("UPDATE issues SET planned = planned - 1", "sum", "more deliveries than were planned (1)"),
    ("DELETE FROM editions", "edition", "2003-10-06-kazakhstan was frozen, and its edition is gone"),
    (
        "INSERT INTO issues (publication, slug, state, why, digest, frozen_at, message_stem, message_domain)
         SELECT publication, 'another', state, why, digest, frozen_at, message_stem, message_domain
         FROM issues",
        "message_id",
        "2003-10-06-kazakhstan and another give their mails the same Message-IDs",
    ),
    ("UPDATE issues SET state = 'finished'", "finished", "are not settled (3)"),
    (
        "UPDATE deliveries SET suppressed = NULL WHERE state = 'suppressed'",
        "reason",
        "are left out, and nothing says why (1)",
    ),
    (
        "UPDATE deliveries SET state = 'accepted' WHERE state = 'planned'",
        "attempt",
        "are accepted, and no attempt tells of it (1)",
    ),
];

const OF_A_FILE: [(&str, &str, &str); 10] = [
    ("UPDATE ledger SET begins = 1", "begins", "fewer begun deliveries than its rows tell of (1)"),
    (
        "DELETE FROM begins",
        "begins",
        "fewer begun deliveries of tt-report than its rows tell of (2)",
    ),
    ("UPDATE counts SET count = count + 1 WHERE state = 'open'", "counts", "in 1 of the states"),
    ("DELETE FROM addresses", "lookup", "tt-report cannot be found by their address (5)"),
    ("DELETE FROM tokens", "lookup", "by the id in their links, which lead nowhere (5)"),
    ("UPDATE deliveries SET owner = NULL", "claim", "are held by nobody, or have a sender"),
    ("UPDATE deliveries SET version = 7 WHERE slot = 1", "frozen", "when it was frozen (1)"),
    (
        "PRAGMA foreign_keys = OFF; DELETE FROM issues",
        "reference",
        "rows of `deliveries` refer to rows of `issues` that are not there (5)",
    ),
    ("DROP INDEX deliveries_due", "schema", "the index `deliveries_due` is gone"),
    ("DROP TRIGGER attempts_are_kept", "schema", "the trigger `attempts_are_kept` is gone"),
];

const OF_A_SERVER: [(&str, &str, &str); 8] = [
    ("UPDATE begins SET count = 0", "begins", "fewer begun deliveries than its rows tell of (2)"),
    ("UPDATE deliveries SET subscriber = 999 WHERE slot = 1", "reader", "who are not there (1)"),
    ("DELETE FROM readers WHERE slot = 2", "frozen", "when it was frozen (1)"),
    ("UPDATE heads SET slot = 99", "head", "planned where no sender looks for them (1)"),
    ("DELETE FROM claims", "claim", "nobody would take them back (1)"),
    ("INSERT INTO ledger SELECT * FROM ledger", "ledger", "says 2 times who it is"),
    (
        "ALTER TABLE consent DISABLE TRIGGER ALL",
        "schema",
        "the rule `consent_is_append_only` is gone or switched off",
    ),
    ("UPDATE deliveries SET issue = 99 WHERE slot = 1", "reference", "rows of `deliveries` refer"),
];

/// Does it to a ledger at work, and looks for what is told.
async fn told(desk: Desk, (sql, kind, words): (&str, &str, &str)) {
    at_work(&desk).await;
    desk.sql(sql);
    let found = desk.again().verify().await.expect("it looks");
    let is_told = found.iter().any(|found| found.kind == kind && found.what.contains(words));
    assert!(is_told, "{sql}: {found:?}");
    assert!(found.iter().all(|found| !found.mend.is_empty()));
}

#[tokio::test]
async fn whatever_is_done_to_a_file_is_told_by_name() {
    for harm in EVERY.into_iter().chain(OF_A_FILE) {
        told(Desk::sqlite(), harm).await;
    }
}

#[tokio::test]
async fn whatever_is_done_to_a_servers_tables_is_told_by_name() {
    for harm in EVERY.into_iter().chain(OF_A_SERVER) {
        let Some(desk) = Desk::postgres() else { return };
        told(desk, harm).await;
    }
}

#[tokio::test]
async fn a_page_that_was_written_over_is_found() {
    let desk = Desk::sqlite();
    at_work(&desk).await;
    let copy = desk.folder().path().join("copy.sqlite");
    desk.ledger.backup(&copy).await.expect("it copies");
    let raw = rusqlite::Connection::open(&copy).expect("it opens");
    let page: u64 = raw
        .query_row(
            "SELECT (rootpage - 1) * (SELECT page_size FROM pragma_page_size)
             FROM sqlite_schema WHERE name = 'deliveries'",
            [],
            |row| row.get::<_, i64>(0),
        )
        .expect("it is there")
        .unsigned_abs();
    drop(raw);
    let file = fs::File::options().write(true).open(&copy).expect("it opens");
    file.write_all_at(&[0xff; 512], page).expect("it is written over");
    let ledger = SqliteLedger::open(&copy).expect("it opens");
    let found = postrider::ledger::Ledger::verify(&ledger).await.expect("it looks");
    assert!(found.iter().any(|found| found.kind == "file"), "{found:?}");
}
