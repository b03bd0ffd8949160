//! What only a file must do: open for its owner alone, survive a crash, refuse what it should not touch.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use postrider::{
    ledger::{Enrol, Entered, Entry, Ledger, LedgerError, Mark, Records, SqliteLedger},
    model::{DeliveryState as D, SubscriberState as S},
};
use rusqlite::Connection;

use super::{
    Desk,
    desk::{Folder, LIST, SLUG, import, record, stopped_clock},
};

fn open(path: &Path) -> Result<SqliteLedger, LedgerError> {
    SqliteLedger::open_with_clock(path, stopped_clock().0)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[test]
fn the_file_and_what_lies_beside_it_are_for_their_owner_alone() {
    let folder = Folder::new();
    let _ledger = open(&folder.ledger()).expect("it opens");
    assert_eq!(mode(&folder.path().join(".postrider")), 0o700);
    let mut files = 0;
    for file in fs::read_dir(folder.path().join(".postrider")).expect("it lists") {
        let file = file.expect("it lists").path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
        files += 1;
    }
    assert_eq!(files, 3, "the ledger, -wal and -shm");
}

#[test]
fn a_file_that_others_could_read_is_closed_to_them() {
    let folder = Folder::new();
    drop(open(&folder.ledger()).expect("it opens"));
    fs::set_permissions(folder.ledger(), fs::Permissions::from_mode(0o644)).expect("it may");
    drop(open(&folder.ledger()).expect("it opens"));
    assert_eq!(mode(&folder.ledger()), 0o600);
}

#[test]
fn a_newer_ledger_is_refused_and_not_touched() {
    let folder = Folder::new();
    drop(open(&folder.ledger()).expect("it opens"));
    let raw = Connection::open(folder.ledger()).expect("it opens");
    raw.pragma_update(None, "user_version", 99).expect("it writes");
    drop(raw);
    let refused = open(&folder.ledger()).err().expect("it is refused");
    assert!(matches!(refused, LedgerError::Newer { found: 99, .. }), "{refused}");
}

#[test]
fn what_is_no_ledger_is_refused_and_not_touched() {
    let folder = Folder::new();
    let other = folder.path().join("other.sqlite");
    let raw = Connection::open(&other).expect("it opens");
    raw.execute_batch("CREATE TABLE notes (text)").expect("it writes");
    drop(raw);
    let text = folder.path().join("notes.txt");
    fs::write(&text, "not a database at all, but long enough to have a header\n".repeat(9))
        .expect("it writes");
    for path in [other, text] {
        let before = fs::read(&path).expect("it reads");
        let refused = open(&path).err().expect("it is refused");
        assert!(matches!(refused, LedgerError::Damaged(_)), "{refused}");
        assert!(refused.to_string().contains(&path.display().to_string()), "{refused}");
        assert_eq!(fs::read(&path).expect("it reads"), before);
    }
}

#[test]
fn a_folder_that_cannot_be_is_said_by_name() {
    let folder = Folder::new();
    let file = folder.path().join("file");
    fs::write(&file, "").expect("it writes");
    let refused = open(&file.join("ledger.sqlite")).err().expect("it is refused");
    assert!(matches!(&refused, LedgerError::Unreachable { place, .. } if place.contains("file")));
}

#[test]
fn many_that_open_a_new_file_at_once_make_one_ledger() {
    let folder = Folder::new();
    let ids: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let ledger = open(&folder.ledger()).expect("it opens");
                    let runtime = tokio::runtime::Builder::new_current_thread().build();
                    let mark = runtime.expect("it starts").block_on(ledger.mark(LIST));
                    mark.expect("it is marked").ledger
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("it ends")).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

/// Takes the files as a crash leaves them: nothing closed, nothing tidied.
fn after_a_crash(folder: &Folder) -> Folder {
    let crashed = Folder::new();
    let to = crashed.path().join(".postrider");
    fs::create_dir(&to).expect("it makes a folder");
    for file in ["ledger.sqlite", "ledger.sqlite-wal"] {
        fs::copy(folder.path().join(".postrider").join(file), to.join(file)).expect("it copies");
    }
    crashed
}

#[tokio::test]
async fn a_begin_that_was_answered_survives_a_crash() {
    let desk = Desk::sqlite();
    let issue = desk.send_to(&["ann", "bob"]).await;
    desk.begin_one(issue).await;
    let crashed = after_a_crash(desk.folder());
    let ledger = open(&crashed.ledger()).expect("it opens");
    let states: Vec<_> = ledger
        .deliveries(issue, &D::ALL, None, 9)
        .await
        .expect("it lists")
        .into_iter()
        .map(|delivery| delivery.state)
        .collect();
    assert_eq!(states, [D::Attempting, D::Planned]);
    assert_eq!(ledger.mark(LIST).await.expect("it is marked").begins, 1);
}

#[tokio::test]
async fn what_was_not_committed_is_gone_after_a_crash() {
    let desk = Desk::sqlite();
    desk.enrol(&["ann"]).await;
    let (folder, ledger) = (desk.folder(), Arc::clone(&desk.ledger));
    let half = [record(2, "bob"), record(3, "cyd")].into_iter().inspect(|record| {
        assert!(record.line < 3, "the list breaks off");
    });
    let lists: Vec<(Enrol, Records)> = vec![(import(), Box::new(half.map(Ok)))];
    let broken = tokio::spawn(async move { ledger.enrol(lists).await }).await;
    assert!(broken.is_err_and(|error| error.is_panic()));
    let crashed = after_a_crash(folder);
    for ledger in [desk.again(), Arc::new(open(&crashed.ledger()).expect("it opens"))] {
        let people = ledger.subscribers(LIST, None, 9).await.expect("it lists");
        assert_eq!(people.len(), 1);
    }
    assert_eq!(desk.enrol(&["bob"]).await.added, 1, "the ledger still works");
}

#[tokio::test]
async fn a_restored_backup_shows_in_the_mark() {
    let desk = Desk::sqlite();
    let issue = desk.send_to(&["ann", "bob"]).await;
    desk.begin_one(issue).await;
    let copy = desk.folder().path().join("copy.sqlite");
    desk.ledger.backup(&copy).await.expect("it copies");
    assert_eq!(mode(&copy), 0o600);
    desk.begin_one(issue).await;
    let high_water = desk.ledger.mark(LIST).await.expect("it is marked");
    let restored = open(&copy).expect("it opens");
    let mark = restored.mark(LIST).await.expect("it is marked");
    assert_eq!(mark.ledger, high_water.ledger);
    assert_eq!((mark.begins, high_water.begins), (1, 2));
    let record = restored.issue(LIST, SLUG).await.expect("it finds").expect("it is there");
    assert_eq!(record.id, issue);
    let doubtful = restored.accept_rollback(LIST, high_water.begins).await.expect("it accepts");
    assert_eq!(doubtful, 2);
    let accepted = Mark { rollbacks: 1, ..high_water };
    assert_eq!(restored.mark(LIST).await.expect("it is marked"), accepted);
}

#[tokio::test]
async fn what_a_publication_begins_is_counted_for_it_alone() {
    let desk = Desk::sqlite();
    let issue = desk.send_to(&["ann", "bob"]).await;
    let begins =
        async |publication: &str| desk.ledger.mark(publication).await.expect("it is marked").begins;
    desk.begin_one(issue).await;
    assert_eq!((begins(LIST).await, begins("other").await), (1, 0));
    desk.ledger.accept_rollback("other", 40).await.expect("it accepts");
    assert_eq!((begins(LIST).await, begins("other").await), (1, 40));
}

#[tokio::test]
async fn a_backup_never_overwrites() {
    let desk = Desk::sqlite();
    let taken = desk.folder().path().join("taken");
    fs::write(&taken, "mine").expect("it writes");
    let refused = desk.ledger.backup(&taken).await.expect_err("it refuses");
    assert!(matches!(refused, LedgerError::Refused(_)), "{refused}");
    assert_eq!(fs::read(&taken).expect("it reads"), b"mine");
}

#[tokio::test]
async fn a_reader_is_not_kept_waiting_by_a_writer() {
    let desk = Desk::sqlite();
    let issue = desk.send_to(&["ann"]).await;
    let ticket = desk.claim(issue, "host/1", 1).await[0].ticket;
    let raw = Connection::open(desk.folder().ledger()).expect("it opens");
    raw.execute_batch("BEGIN IMMEDIATE; UPDATE ledger SET begins = 7").expect("it locks");
    assert_eq!(desk.states(issue).await, [D::Claimed]);
    assert_eq!(desk.state_of("ann").await, Some(S::Active));
    raw.execute_batch("ROLLBACK").expect("it unlocks");
    assert_eq!(desk.enter(Entry::Begin(ticket)).await, Entered::Done);
}
