//! A ledger that an older postrider wrote is brought up to date and forgets nothing.

use std::{fs, path::Path, sync::Arc};

use postrider::{
    ledger::{Ledger, SqliteLedger},
    model::{DeliveryState as D, SubscriberState as S, Suppressed},
};
use rusqlite::Connection;

use super::desk::{
    EVERYBODY, Folder, LEASE, LIST, TWO_DAYS, address, order, record, stopped_clock,
};

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
