//! What a ledger's file, its disk and its clock can do to a run.

use std::{
    fs, io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use jiff::Timestamp;
use postrider::{
    ledger::{Entered, Entry, Ledger, Passed, SqliteLedger},
    model::{DeliveryState, Outcome},
    send::Ended,
};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::{
    send::{Trial, freeze, issue, people, runtime},
    watched::{Fate, Watched},
};

#[test]
fn a_commit_whose_answer_is_lost_mails_nobody_twice_and_misses_nobody() {
    // The first call is the test's own.
    for call in 1..14 {
        let trial = Trial::new("", 5);
        let calls = AtomicU64::new(0);
        let watched = Watched::new(trial.ledger(), move |_| {
            let is_lost = calls.fetch_add(1, Ordering::SeqCst) == call;
            if is_lost { Fate::LoseAnswer } else { Fate::Live }
        });
        // It ends well, or it ends: either way the next one settles the rest.
        let _ = trial.deliver_through(Arc::new(watched));
        assert_eq!(trial.deliver(), Ended::Finished, "call {call}");
        trial.check(&format!("the answer to call {call} was lost"));
        assert_eq!(trial.tally().in_doubt, 0, "call {call}: nothing had left");
    }
}

#[test]
fn a_commit_that_is_acknowledged_late_is_waited_for() {
    let trial = Trial::new("", 4);
    let watched = Watched::new(trial.ledger(), |call| {
        if call == "enter" {
            thread::sleep(Duration::from_millis(60));
        }
        Fate::Live
    });
    assert_eq!(trial.deliver_through(Arc::new(watched)), Ok(Ended::Finished));
    trial.check("every group was late");
    assert_eq!(trial.tally().accepted, 4);
}

#[test]
fn a_ledger_that_is_busy_is_waited_for() {
    let trial = Trial::new("", 12);
    let path = trial.folder.path().join("ledger.sqlite");
    let (done, is_done) = mpsc::channel::<()>();
    let other = thread::spawn(move || {
        let mut other = Connection::open(path).expect("it opens");
        other.busy_timeout(Duration::from_secs(10)).expect("it waits");
        // Again and again another program holds the ledger for a while.
        while is_done.try_recv() == Err(mpsc::TryRecvError::Empty) {
            let held = other.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate);
            thread::sleep(Duration::from_millis(30));
            held.expect("it is held").rollback().expect("it lets go");
            thread::sleep(Duration::from_millis(5));
        }
    });
    let ended = trial.deliver();
    drop(done);
    other.join().expect("it does not panic");
    assert_eq!(ended, Ended::Finished);
    trial.check("the ledger was busy");
    assert_eq!(trial.tally().accepted, 12);
}

#[test]
fn a_ledger_whose_clock_is_set_back_an_hour_or_forward_a_day_mails_nobody_twice() {
    for hours in [-1, 24] {
        for call in 1..10 {
            let trial = Trial::new("rcpt 2 reply 450 4.2.1 later", 4);
            let clock = Arc::new(AtomicI64::new(Timestamp::now().as_microsecond()));
            let jumps = Arc::clone(&clock);
            let calls = AtomicU64::new(0);
            let watched = Watched::new(on(&trial, &clock), move |_| {
                if calls.fetch_add(1, Ordering::SeqCst) == call {
                    jumps.fetch_add(hours * 3_600_000_000, Ordering::SeqCst);
                }
                Fate::Live
            });
            let what = format!("{hours} hours at call {call}");
            let _ = trial.deliver_through(Arc::new(watched));
            // Who was deferred for a quarter of an hour is due by then, whichever way the clock went; where a claim was over before its time, the script is played in the second run.
            let again = || {
                clock.fetch_add(2 * 3_600_000_000, Ordering::SeqCst);
                trial.deliver_through(on(&trial, &clock)).expect("the run ends")
            };
            assert!((0..3).any(|_| again() == Ended::Finished), "{what}");
            trial.check(&what);
            assert_eq!(trial.outbox.accepted(), 4, "{what}");
        }
    }
}

#[test]
fn a_run_whose_claims_are_over_before_their_time_claims_them_anew() {
    for call in 1..6 {
        let trial = Trial::new("", 40);
        let clock = Arc::new(AtomicI64::new(Timestamp::now().as_microsecond()));
        let (jumps, calls) = (Arc::clone(&clock), AtomicU64::new(0));
        let watched = Watched::new(on(&trial, &clock), move |name| {
            if name == "enter" && calls.fetch_add(1, Ordering::SeqCst) == call {
                jumps.fetch_add(24 * 3_600_000_000, Ordering::SeqCst);
            }
            Fate::Live
        });
        let ended = trial.deliver_through(Arc::new(watched)).expect("the run ends");
        assert_eq!(ended, Ended::Finished, "a day at entry {call}");
        trial.check("the clock went forward");
        assert_eq!(trial.outbox.accepted(), 40);
    }
}

/// A trial's ledger on another clock, which goes a second at every look.
fn on(trial: &Trial, clock: &Arc<AtomicI64>) -> Arc<dyn Ledger> {
    let clock = Arc::clone(clock);
    let now = move || {
        let micros = clock.fetch_add(1_000_000, Ordering::SeqCst);
        Timestamp::from_microsecond(micros).expect("it is a time")
    };
    let path = trial.folder.path().join("ledger.sqlite");
    Arc::new(SqliteLedger::open_with_clock(&path, Arc::new(now)).expect("it opens"))
}

/// A power cut loses what was not synced: SQLite's log may end anywhere behind the last commit that was answered, in anything.
#[test]
fn a_ledger_whose_log_is_cut_off_anywhere_keeps_every_answered_commit() {
    let folder = TempDir::new().expect("a folder can be made");
    let (file, copy) = (folder.path().join("ledger.sqlite"), folder.path().join("copy"));
    runtime().block_on(async {
        let ledger = SqliteLedger::open(&file).expect("it opens");
        let id = freeze(&ledger, people(4), None).await.expect("it freezes").id;
        let lease = Duration::from_mins(15);
        let claims = ledger
            .claim(id, "here/1", 4, lease, lease, &Passed::default())
            .await
            .expect("it claims");
        // After each answer: how long the log was, and what had to be in it.
        let mut answered = Vec::new();
        let mut expected = vec![DeliveryState::Claimed; 4];
        for (at, claim) in claims.iter().enumerate() {
            let accepted = Outcome::Accepted { said: "250 ok".to_owned() };
            for (entry, state) in [
                (Entry::Begin(claim.ticket), DeliveryState::Attempting),
                (Entry::Record(claim.ticket, accepted), DeliveryState::Accepted),
            ] {
                assert_eq!(ledger.enter(&[entry]).await.expect("it enters"), [Entered::Done]);
                expected[at] = state;
                answered.push((log(&file).expect("it has one").len(), expected.clone()));
            }
        }
        let whole = log(&file).expect("it has one");
        for (number, (length, expected)) in answered.iter().enumerate() {
            let end = answered.get(number + 1).map_or(whole.len(), |(next, _)| *next);
            // At the commit itself, in its successor's first bytes, in its middle, right before its end.
            for cut in [*length, length + 1, usize::midpoint(*length, end), end.max(length + 1) - 1]
            {
                // Garbage that is none of it: one lost byte in 256 would be put back by any other.
                let garbage = [whole.get(cut).map_or(0xa5, |byte| !byte); 900];
                for tail in [&b""[..], &garbage] {
                    let torn = [&whole[..cut.min(whole.len())], tail].concat();
                    let found = reopened(&file, &copy, &torn, id).await;
                    assert_eq!(found, *expected, "commit {number}, cut at {cut}");
                }
            }
        }
    });
}

/// Reads the log beside a ledger.
fn log(file: &Path) -> io::Result<Vec<u8>> {
    fs::read(file.with_extension("sqlite-wal"))
}

/// Opens a copy of a ledger with this log, and lists its states.
async fn reopened(file: &Path, copy: &Path, log: &[u8], id: i64) -> Vec<DeliveryState> {
    let _ = fs::remove_dir_all(copy);
    fs::create_dir(copy).expect("it can be made");
    let fresh = copy.join("ledger.sqlite");
    fs::copy(file, &fresh).expect("it is copied");
    fs::write(copy.join("ledger.sqlite-wal"), log).expect("it is written");
    let ledger = SqliteLedger::open(&fresh).expect("it recovers");
    assert_eq!(issue(&ledger).await.id, id);
    let tally = ledger.tally(id).await.expect("it counts");
    assert!(tally.balances(), "{tally:?}");
    let all = ledger.deliveries(id, &DeliveryState::ALL, None, 9).await.expect("it lists");
    all.into_iter().map(|delivery| delivery.state).collect()
}
