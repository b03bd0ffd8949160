//! A ledger that an older postrider wrote is brought up to date and forgets nothing.

use std::{fs, path::Path, sync::Arc};

use postrider::{
    ledger::{Ledger, LedgerError, PostgresLedger, SqliteLedger},
    model::{DeliveryState as D, SubscriberState as S, Suppressed},
};
use rusqlite::Connection;

use super::desk::{
    EVERYBODY, Folder, LEASE, LIST, TWO_DAYS, address, order, record, stopped_clock,
};
use crate::postgres::Schema;

/// Version 2, as it was released; what came after it before version 4 changed no row.
const VERSION_2: [&str; 2] = [
    include_str!("../../../src/ledger/sqlite/schema.sql"),
    include_str!("../../../src/ledger/sqlite/brakes.sql"),
];

/// Ann changed her name since the issue was frozen, Bob left the list file, Cyd bounced before, Dan was erased, Eve has it already.
const ROWS: &str = "
    INSERT INTO ledger VALUES ('a ledger', x'00', 7, 3);
    INSERT INTO lists VALUES ('tt-report', 3);
    INSERT INTO subscribers VALUES
        (1, 'tt-report', 'ann@example.org', 'Ann@example.org', 'aaaaaaaaaaaa2', 'Anne',
            '[\"oil\"]', '{}', 'active', 0, 0, 0),
        (2, 'tt-report', 'bob@example.org', 'bob@example.org', 'aaaaaaaaaaaa3', 'Bob',
            '[]', '{\"company\":\"TT\"}', 'active', 1, 2, 5),
        (3, 'tt-report', 'cyd@example.org', 'cyd@example.org', 'aaaaaaaaaaaa4', 'Cyd',
            '[]', '{}', 'bounced', 1, 3, 3),
        (4, 'tt-report', 'hash@erased.invalid', 'hash@erased.invalid', 'aaaaaaaaaaaa5', '',
            '[]', '{}', 'erased', 1, 1, 4),
        (5, 'tt-report', 'eve@example.org', 'eve@example.org', 'aaaaaaaaaaaa6', 'Eve',
            '[]', '{}', 'active', 1, 3, 2);
    INSERT INTO consent VALUES (1, 1, 1000000, 'import', 'a file', '', 'active'),
        (3, 1, 1000000, 'import', 'a file', '', 'active'),
        (3, 2, 2000000, 'bounce', 'an issue', '550', 'bounced');
    INSERT INTO issues (id, publication, slug, state, why, digest, frozen_at, message_stem,
                        message_domain, planned)
        VALUES (1, 'tt-report', '2003-10-06-kazakhstan', 'sending', '', 'd1', 0, 'stem',
                'example.org', 5);
    INSERT INTO editions VALUES (1, x'01');
    INSERT INTO deliveries (issue, slot, subscriber, state, suppressed, fence, at) VALUES
        (1, 1, 1, 'planned', NULL, 2, 0), (1, 2, 2, 'planned', NULL, 0, 0),
        (1, 3, 3, 'suppressed', '\"bounced\"', 0, 0), (1, 4, 4, 'in_doubt', NULL, 1, 0),
        (1, 5, 5, 'accepted', NULL, 1, 0);
    INSERT INTO readers VALUES
        (1, 1, 'ann@example.org', 'Ann@example.org', 'Ann', '[\"gas\"]', '{\"company\":\"TT\"}'),
        (1, 2, 'bob@example.org', 'bob@example.org', 'Bob', '[]', '{\"company\":\"TT\"}'),
        (1, 3, 'cyd@example.org', 'cyd@example.org', 'Cyd', '[]', '{}'),
        (1, 4, 'hash@erased.invalid', 'hash@erased.invalid', '', '[]', '{}'),
        (1, 5, 'eve@example.org', 'eve@example.org', 'Eve', '[]', '{}');
    INSERT INTO attempts VALUES (1, 4, 1, 'in_doubt', 1, 0, 0, ''),
        (1, 5, 1, 'accepted', 1, 0, 0, '250 ok');
    PRAGMA application_id = 0x50737452;
    PRAGMA user_version = 2;";

fn written(path: &Path) -> Connection {
    fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("it is made");
    let raw = Connection::open(path).expect("it opens");
    for sql in VERSION_2.into_iter().chain([ROWS]) {
        raw.execute_batch(sql).expect("it is written");
    }
    raw
}

fn opened(folder: &Folder) -> Arc<dyn Ledger> {
    drop(written(&folder.ledger()));
    let ledger = SqliteLedger::open_with_clock(&folder.ledger(), stopped_clock().0);
    Arc::new(ledger.expect("it opens"))
}

#[tokio::test]
async fn the_readers_of_a_frozen_issue_stay_as_they_were() {
    let folder = Folder::new();
    let ledger = opened(&folder);
    let claims = ledger.claim(1, "ann/1", 9, LEASE, TWO_DAYS, &EVERYBODY).await.expect("it claims");
    let readers: Vec<_> = claims
        .iter()
        .map(|claim| {
            let reader = &claim.reader;
            let written = reader.address.written();
            (written, reader.name.as_str(), reader.tags.join(","), reader.fields.len())
        })
        .collect();
    assert_eq!(
        readers,
        [
            ("Ann@example.org", "Ann", "gas".to_owned(), 1),
            ("bob@example.org", "Bob", String::new(), 1)
        ]
    );
    assert_eq!(claims[0].ticket.fence, 3);
    let rows = ledger.deliveries(1, &D::ALL, None, 9).await.expect("it lists");
    let states: Vec<_> = rows.iter().map(|row| row.state).collect();
    assert_eq!(states, [D::Claimed, D::Claimed, D::Suppressed, D::InDoubt, D::Accepted]);
    assert_eq!(rows[3].address.written(), "hash@erased.invalid");
    let tally = ledger.tally(1).await.expect("it counts");
    assert_eq!((tally.planned, tally.remaining, tally.suppressed), (5, 2, 1));
    assert_eq!((tally.in_doubt, tally.accepted), (1, 1));
    let suppressed = ledger.suppressed(1).await.expect("it counts");
    assert_eq!(suppressed, [(Suppressed::Bounced, 1)].into());
}

#[tokio::test]
async fn people_keep_their_links_their_history_and_their_place_on_the_list() {
    let folder = Folder::new();
    let ledger = opened(&folder);
    let ann = ledger.subscriber(LIST, &address("ann")).await.expect("it finds").expect("here");
    assert_eq!((ann.name.as_str(), ann.tags.join(",")), ("Anne", "oil".to_owned()));
    let linked = ledger.subscriber_by_token(LIST, "aaaaaaaaaaaa2").await.expect("it finds");
    assert_eq!(linked, Some(ann));
    let history = ledger.history(LIST, &address("cyd")).await.expect("it tells");
    let told: Vec<_> = history.iter().map(|line| (line.event.name.as_str(), line.state)).collect();
    assert_eq!(told, [("import", S::Active), ("bounce", S::Bounced)]);
    let people = ledger.subscribers(LIST, None, 9).await.expect("it lists");
    let keys: Vec<_> = people.iter().map(|person| person.address.key()).collect();
    assert_eq!(keys.len(), 5);
    assert!(keys.is_sorted());
    let next = postrider::ledger::Freeze { slug: "next".to_owned(), ..order() };
    let frozen = ledger.freeze(next.clone(), None, Box::new(|_| Ok(()))).await.expect("it freezes");
    assert_eq!(frozen.planned, 3, "ann, cyd and eve: the file has neither bob nor dan");
    let back = postrider::ledger::Freeze { slug: "third".to_owned(), ..next };
    let file = [record(2, "bob"), record(3, "eve")].into_iter().map(Ok);
    let frozen = ledger.freeze(back, Some(Box::new(file)), Box::new(|_| Ok(()))).await;
    assert_eq!(frozen.expect("it freezes").planned, 3, "ann, bob and eve");
}

#[test]
fn a_ledger_that_refers_to_nothing_is_left_as_it_is() {
    let folder = Folder::new();
    let raw = written(&folder.ledger());
    raw.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM issues; PRAGMA user_version = 2")
        .expect("it is broken");
    drop(raw);
    let refused = SqliteLedger::open(&folder.ledger()).err().expect("it is refused");
    assert!(refused.to_string().contains("refers to rows that are not there"), "{refused}");
    let raw = Connection::open(folder.ledger()).expect("it opens");
    let version = raw.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    assert_eq!(version, Ok(2));
}

/// Every step of a file's tables, as it was released; one more is a line here.
const OF_A_FILE: [&str; 14] = [
    include_str!("../../../src/ledger/sqlite/schema.sql"),
    include_str!("../../../src/ledger/sqlite/brakes.sql"),
    include_str!("../../../src/ledger/sqlite/segment.sql"),
    include_str!("../../../src/ledger/sqlite/million.sql"),
    include_str!("../../../src/ledger/sqlite/pruned.sql"),
    include_str!("../../../src/ledger/sqlite/reports.sql"),
    include_str!("../../../src/ledger/sqlite/corrects.sql"),
    include_str!("../../../src/ledger/sqlite/workers.sql"),
    include_str!("../../../src/ledger/sqlite/held.sql"),
    include_str!("../../../src/ledger/sqlite/preferences.sql"),
    include_str!("../../../src/ledger/sqlite/standing.sql"),
    include_str!("../../../src/ledger/sqlite/checks.sql"),
    include_str!("../../../src/ledger/sqlite/runs.sql"),
    include_str!("../../../src/ledger/sqlite/begins.sql"),
];

/// Every step of a server's.
const OF_A_SERVER: [&str; 7] = [
    include_str!("../../../src/ledger/postgres/schema.sql"),
    include_str!("../../../src/ledger/postgres/workers.sql"),
    include_str!("../../../src/ledger/postgres/reports.sql"),
    include_str!("../../../src/ledger/postgres/corrects.sql"),
    include_str!("../../../src/ledger/postgres/preferences.sql"),
    include_str!("../../../src/ledger/postgres/standing.sql"),
    include_str!("../../../src/ledger/postgres/runs.sql"),
];

/// The same people and the same issue as in `ROWS`, in a server's first version.
const ROWS_OF_A_SERVER: &str = "
    CREATE TABLE postrider_version (version integer NOT NULL PRIMARY KEY);
    INSERT INTO ledger VALUES ('a ledger', '\\x00', 3, 0);
    INSERT INTO begins SELECT generate_series(0, 31), 0;
    UPDATE begins SET count = 7 WHERE place = 0;
    INSERT INTO lists VALUES ('tt-report', 3);
    INSERT INTO subscribers VALUES
        (1, 'tt-report', 'ann@example.org', 'Ann@example.org', 'aaaaaaaaaaaa2', 'Anne',
            '[\"oil\"]', '{}', 'active', false, 0, 0),
        (2, 'tt-report', 'bob@example.org', 'bob@example.org', 'aaaaaaaaaaaa3', 'Bob',
            '[]', '{\"company\":\"TT\"}', 'active', true, 2, 5),
        (3, 'tt-report', 'cyd@example.org', 'cyd@example.org', 'aaaaaaaaaaaa4', 'Cyd',
            '[]', '{}', 'bounced', true, 3, 3),
        (4, 'tt-report', 'hash@erased.invalid', 'hash@erased.invalid', 'aaaaaaaaaaaa5', '',
            '[]', '{}', 'erased', true, 1, 4),
        (5, 'tt-report', 'eve@example.org', 'eve@example.org', 'aaaaaaaaaaaa6', 'Eve',
            '[]', '{}', 'active', true, 3, 2);
    INSERT INTO consent VALUES (1, 1, 1000000, 'import', 'a file', '', 'active'),
        (3, 1, 1000000, 'import', 'a file', '', 'active'),
        (3, 2, 2000000, 'bounce', 'an issue', '550', 'bounced');
    INSERT INTO issues (id, publication, slug, state, why, digest, frozen_at, message_stem,
                        message_domain, planned)
        VALUES (1, 'tt-report', '2003-10-06-kazakhstan', 'sending', '', 'd1', 0, 'stem',
                'example.org', 5);
    INSERT INTO editions VALUES (1, '\\x01');
    INSERT INTO heads VALUES (1, 1);
    INSERT INTO deliveries (issue, slot, subscriber, state, suppressed, fence, at) VALUES
        (1, 1, 1, 'planned', NULL, 2, 0), (1, 2, 2, 'planned', NULL, 0, 0),
        (1, 3, 3, 'suppressed', '\"bounced\"', 0, 0), (1, 4, 4, 'in_doubt', NULL, 1, 0),
        (1, 5, 5, 'accepted', NULL, 1, 0);
    INSERT INTO readers VALUES
        (1, 1, 'ann@example.org', 'Ann@example.org', 'Ann', '[\"gas\"]', '{\"company\":\"TT\"}'),
        (1, 2, 'bob@example.org', 'bob@example.org', 'Bob', '[]', '{\"company\":\"TT\"}'),
        (1, 3, 'cyd@example.org', 'cyd@example.org', 'Cyd', '[]', '{}'),
        (1, 4, 'hash@erased.invalid', 'hash@erased.invalid', '', '[]', '{}'),
        (1, 5, 'eve@example.org', 'eve@example.org', 'Eve', '[]', '{}');
    INSERT INTO attempts VALUES (1, 4, 1, 'in_doubt', 1, 0, 0, ''),
        (1, 5, 1, 'accepted', 1, 0, 0, '250 ok');
    SELECT setval(pg_get_serial_sequence('subscribers', 'id'), 5),
           setval(pg_get_serial_sequence('issues', 'id'), 1);";

/// What it says of its people and its issue, and whom it lets send.
async fn told(ledger: &dyn Ledger) -> Vec<String> {
    assert_eq!(ledger.verify().await.expect("it looks"), []);
    let mut told = Vec::new();
    for person in ledger.subscribers(LIST, None, 9).await.expect("it lists") {
        let history = ledger.history(LIST, &person.address).await.expect("it tells");
        told.push(format!("{person:?} {history:?}"));
    }
    let issue = ledger.issues(LIST).await.expect("it lists");
    let mark = ledger.mark(LIST).await.expect("it is marked");
    told.push(format!("{issue:?} {} {}", mark.ledger, mark.begins));
    let rows = ledger.deliveries(1, &D::ALL, None, 9).await.expect("it lists");
    told.push(format!("{rows:?} {:?}", ledger.tally(1).await.expect("it counts")));
    let claims = ledger.claim(1, "ann/1", 9, LEASE, TWO_DAYS, &EVERYBODY).await.expect("it claims");
    assert_eq!(claims.len(), 2);
    let readers: Vec<_> = claims.iter().map(|claim| (&claim.reader, &claim.message_id)).collect();
    told.push(format!("{readers:?}"));
    let order = postrider::ledger::Freeze { slug: "next".to_owned(), ..order() };
    let frozen = ledger.freeze(order, None, Box::new(|_| Ok(()))).await.expect("it freezes");
    assert_eq!(frozen.planned, 3, "ann, cyd and eve: the file has neither bob nor dan");
    told
}

#[tokio::test]
async fn a_ledger_of_every_earlier_version_opens_and_says_the_same() {
    let mut first = Vec::new();
    for version in 1..OF_A_FILE.len() {
        let folder = Folder::new();
        fs::create_dir_all(folder.ledger().parent().expect("a folder")).expect("it is made");
        let raw = Connection::open(folder.ledger()).expect("it opens");
        raw.execute_batch("PRAGMA foreign_keys = OFF").expect("it is off");
        for (step, sql) in OF_A_FILE[..version].iter().enumerate() {
            raw.execute_batch(sql).expect("it is written");
            if step == 0 {
                raw.execute_batch(ROWS).expect("it is written");
            }
        }
        raw.pragma_update(None, "user_version", i64::try_from(version).expect("small"))
            .expect("it is written");
        drop(raw);
        let ledger = SqliteLedger::open_with_clock(&folder.ledger(), stopped_clock().0);
        let ledger = ledger.expect("it opens");
        let told = told(&ledger).await;
        assert_eq!(ledger.mark(LIST).await.expect("it is marked").begins, 7, "version {version}");
        if first.is_empty() {
            first.clone_from(&told);
        }
        assert_eq!(told, first, "version {version}");
    }
}

#[tokio::test]
async fn tables_of_every_earlier_version_open_and_say_the_same() {
    let mut first = Vec::new();
    for version in 1..OF_A_SERVER.len() {
        let Some(schema) = Schema::new() else { return };
        for (step, sql) in OF_A_SERVER[..version].iter().enumerate() {
            schema.sql(sql);
            if step == 0 {
                schema.sql(ROWS_OF_A_SERVER);
            }
        }
        schema.sql(&format!("INSERT INTO postrider_version SELECT generate_series(1, {version})"));
        let ledger = PostgresLedger::new(&schema.settings()).expect("it is a URL");
        let told = told(&ledger).await;
        if first.is_empty() {
            first.clone_from(&told);
        }
        assert_eq!(told, first, "version {version}");
    }
}

#[tokio::test]
async fn tables_of_a_newer_version_are_refused_and_not_touched() {
    let Some(schema) = Schema::new() else { return };
    schema.sql("CREATE TABLE postrider_version (version integer NOT NULL PRIMARY KEY)");
    schema.sql("INSERT INTO postrider_version VALUES (99)");
    let ledger = PostgresLedger::new(&schema.settings()).expect("it is a URL");
    let refused = ledger.now().await.expect_err("it is refused");
    assert!(matches!(refused, LedgerError::Newer { found: 99, .. }), "{refused}");
    schema.sql("CREATE TABLE ledger (is_not_there_yet boolean)");
}
