//! The run as a whole, over a real ledger and a real SMTP conversation on loopback: killed at every step, refused, stopped.
//!
//! The relay is the oracle: it counts what it accepted by Message-ID, and
//! whatever happens in between, in the end nobody has a mail twice, nobody is
//! missing, and the ledger says of everybody what is true.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use postrider::{
    compose::{Edition, KeyRing, Press},
    ledger::{Event, Freeze, IssueRecord, Ledger, LedgerError, Record, Records, SqliteLedger},
    model::{Deadlines, DeliveryState, IssueState, Rate, Security, SubscriberState, Tally, WarmUp},
    outbox::{Keep, Outbox, OutboxSettings, Script},
    send::{Ended, Halt, Progress, Run, Stop, guard::HighWater},
    smtp::Relay,
};
use tempfile::TempDir;
use tokio::sync::{Notify, mpsc, watch};

use crate::watched::{Fate, Watched};

mod rates;

pub(crate) const PUBLICATION: &str = "tt-report";
pub(crate) const SLUG: &str = "2003-10-06-kazakhstan";

/// A publication's ledger and a relay, ready to send one issue to a few readers.
pub(crate) struct Trial {
    pub(crate) folder: TempDir,
    pub(crate) outbox: Outbox,
    connections: usize,
    pub(crate) rates: Vec<Rate>,
    warm_up: Option<WarmUp>,
    domains: BTreeMap<String, Vec<Rate>>,
    limit: Option<u64>,
    /// How many seconds the ledger's clock is ahead.
    ahead: Arc<AtomicI64>,
    /// How many readers may be in doubt in the end: one for each connection of each death, and of each answer that was lost.
    pub(crate) doubts: u64,
}

impl Trial {
    pub(crate) fn new(script: &str, readers: usize) -> Self {
        Self::to(script, people(readers))
    }

    fn to(script: &str, readers: Records) -> Self {
        let script: Script = script.parse().expect("the script is one");
        let outbox = Outbox::start(OutboxSettings { script, ..OutboxSettings::new(Keep::Count) })
            .expect("a loopback port is free");
        let folder = TempDir::new().expect("a folder can be made");
        let trial = Self {
            folder,
            outbox,
            connections: 1,
            rates: Vec::new(),
            warm_up: None,
            domains: BTreeMap::new(),
            limit: None,
            ahead: Arc::default(),
            doubts: 1,
        };
        runtime().block_on(async {
            let ledger = trial.ledger();
            freeze(&*ledger, readers, None).await.expect("it freezes");
        });
        trial
    }

    pub(crate) fn ledger(&self) -> Arc<dyn Ledger> {
        let ahead = Arc::clone(&self.ahead);
        let clock = move || {
            let ahead = SignedDuration::from_secs(ahead.load(Ordering::SeqCst));
            Timestamp::now().checked_add(ahead).expect("it stays in range")
        };
        let path = self.folder.path().join("ledger.sqlite");
        Arc::new(SqliteLedger::open_with_clock(&path, Arc::new(clock)).expect("it opens"))
    }

    pub(crate) fn run(&self, ledger: Arc<dyn Ledger>, issue: IssueRecord) -> Run {
        let date = issue.frozen_at.expect("it is frozen");
        let press = Press::new(&edition(), issue.id, date, KeyRing::fresh(&[7; 32]));
        Run {
            ledger,
            publication: PUBLICATION.to_owned(),
            issue,
            press: Arc::new(press.expect("the edition can be printed")),
            relay: relay(&self.outbox),
            lane: "relay test".to_owned(),
            connections: self.connections,
            messages: None,
            chunking: true,
            rates: self.rates.clone(),
            warm_up: self.warm_up.clone(),
            domains: self.domains.clone(),
            limit: self.limit,
            stop_at_rejected: 0.05,
            owner: "here/1".to_owned(),
            journal: self.folder.path().join("outcomes.journal"),
            boot: "a start".to_owned(),
            high_water: self.folder.path().join("high-water"),
        }
    }

    /// Delivers until the run ends by itself.
    pub(crate) fn deliver(&self) -> Ended {
        self.deliver_through(self.ledger()).expect("the run ends")
    }

    pub(crate) fn deliver_through(&self, ledger: Arc<dyn Ledger>) -> Result<Ended, String> {
        runtime().block_on(async {
            let issue = issue(&*ledger).await;
            let (_stop, stopped) = watch::channel(Stop::No);
            let (progress, _news) = mpsc::unbounded_channel();
            let run = self.run(ledger, issue).deliver(Box::new(|_| true), stopped, progress);
            run.await.map_err(|error| error.to_string())
        })
    }

    /// Delivers until `death` comes, and then is gone as a killed process is: nothing more is written or said.
    fn deliver_until(
        &self,
        ledger: Arc<dyn Ledger>,
        death: impl Future<Output = ()>,
    ) -> Option<Ended> {
        let runtime = runtime();
        let ended = runtime.block_on(async {
            let issue = issue(&*self.ledger()).await;
            let (_stop, stopped) = watch::channel(Stop::No);
            let (progress, _news) = mpsc::unbounded_channel();
            let run = self.run(ledger, issue).deliver(Box::new(|_| true), stopped, progress);
            tokio::select! {
                ended = run => Some(ended.expect("the run ends")),
                () = death => None,
            }
        });
        runtime.shutdown_timeout(Duration::from_secs(5));
        ended
    }

    pub(crate) fn tally(&self) -> Tally {
        runtime().block_on(async {
            let ledger = self.ledger();
            let issue = issue(&*ledger).await;
            ledger.tally(issue.id).await.expect("it counts")
        })
    }

    pub(crate) fn state(&self) -> IssueState {
        runtime().block_on(async { issue(&*self.ledger()).await.state })
    }

    /// Holds the ledger's account against what the relay took.
    pub(crate) fn check(&self, what: &str) {
        let mut taken: HashMap<String, u64> = HashMap::new();
        for acceptance in self.outbox.acceptances() {
            *taken.entry(acceptance.message_id).or_default() += 1;
        }
        let deliveries = runtime().block_on(async {
            let ledger = self.ledger();
            let issue = issue(&*ledger).await;
            ledger
                .deliveries(issue.id, &DeliveryState::ALL, None, usize::MAX)
                .await
                .expect("it lists")
        });
        let tally = self.tally();
        assert!(tally.balances(), "{what}: {tally:?}");
        assert_eq!(tally.planned, deliveries.len() as u64, "{what}");
        assert!(tally.in_doubt <= self.doubts, "{what}: {tally:?}");
        for delivery in deliveries {
            let times = taken.remove(&delivery.message_id).unwrap_or(0);
            let fits = match delivery.state {
                DeliveryState::Accepted => times == 1,
                DeliveryState::InDoubt => times <= 1,
                DeliveryState::Rejected | DeliveryState::Suppressed | DeliveryState::Deferred => {
                    times == 0
                }
                _ => false,
            };
            assert!(
                fits,
                "{what}: {} is {:?} and was accepted {times} times",
                delivery.address, delivery.state
            );
        }
        assert!(taken.is_empty(), "{what}: the relay has mail that nobody was owed: {taken:?}");
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be made")
}

pub(crate) async fn issue(ledger: &dyn Ledger) -> IssueRecord {
    ledger.issue(PUBLICATION, SLUG).await.expect("it answers").expect("the issue is frozen")
}

pub(crate) fn people(count: usize) -> Records {
    people_at(vec!["example.org"; count])
}

/// One reader at each of these domains.
fn people_at(domains: Vec<&'static str>) -> Records {
    Box::new(domains.into_iter().zip(1..).map(|(domain, number)| {
        Ok(Record {
            line: number + 1,
            address: format!("reader{number}@{domain}").parse().expect("an address"),
            name: format!("Reader {number}"),
            tags: Vec::new(),
            fields: std::collections::BTreeMap::new(),
            state: SubscriberState::Active,
            evidence: String::new(),
        })
    }))
}

pub(crate) async fn freeze(
    ledger: &dyn Ledger,
    records: Records,
    expected: Option<u64>,
) -> Result<IssueRecord, LedgerError> {
    let order = Freeze {
        publication: PUBLICATION.to_owned(),
        slug: SLUG.to_owned(),
        digest: edition().digest(),
        edition: serde_json::to_vec(&edition()).expect("it is JSON"),
        date: "2003-10-06T06:00:00Z".parse().expect("a date"),
        message_domain: "example.org".to_owned(),
        event: Event {
            name: "import".to_owned(),
            source: "subscribers.csv".to_owned(),
            detail: String::new(),
        },
        catch_up: false,
        rehearse: false,
        expected,
        segment: String::new(),
        corrects: None,
    };
    Ok(ledger.freeze(order, Some(records), Box::new(|_| Ok(()))).await?.issue)
}

pub(crate) fn edition() -> Edition {
    crate::message::edition()
}

pub(crate) fn relay(outbox: &Outbox) -> Relay {
    let short = Duration::from_secs(2);
    Relay {
        host: outbox.address().ip().to_string(),
        port: outbox.address().port(),
        security: Security::Plain,
        credentials: None,
        trust: Vec::new(),
        hello: "example.org".to_owned(),
        deadlines: Deadlines { connect: short, command: short, data: short, dot: short },
    }
}

#[test]
fn everybody_gets_the_issue_once_and_sending_again_sends_nothing() {
    let mut trial = Trial::new("", 30);
    trial.connections = 3;
    assert_eq!(trial.deliver(), Ended::Finished);
    trial.check("after the first send");
    assert_eq!(trial.tally().accepted, 30);
    assert_eq!(trial.deliver(), Ended::Finished);
    trial.check("after the second send");
    assert_eq!(trial.outbox.accepted(), 30);
}

#[test]
fn a_sender_killed_at_any_ledger_step_mails_nobody_twice_and_misses_nobody() {
    for connections in [1, 2] {
        for after in [false, true] {
            let mut deaths = 0;
            for step in 1.. {
                let mut trial = Trial::new("", 16);
                trial.connections = connections;
                trial.doubts = connections as u64;
                let died = Arc::new(Notify::new());
                let count = AtomicU64::new(0);
                let death = Arc::clone(&died);
                let watched = Watched::new(trial.ledger(), move |_| {
                    if count.fetch_add(1, Ordering::SeqCst) + 1 != step {
                        Fate::Live
                    } else if after {
                        Fate::DieAfter(Arc::clone(&death))
                    } else {
                        Fate::DieBefore(Arc::clone(&death))
                    }
                });
                let ended = trial.deliver_until(Arc::new(watched), died.notified());
                let what = format!("{connections} connections, step {step}, after: {after}");
                if ended == Some(Ended::Finished) {
                    break;
                }
                deaths += 1;
                assert_eq!(ended, None, "{what}");
                assert_eq!(trial.deliver(), Ended::Finished, "{what}");
                trial.check(&what);
            }
            assert!(deaths > 10, "only {deaths} steps were there to die at");
        }
    }
}

#[test]
fn a_run_that_is_dropped_takes_along_all_that_works_for_it() {
    let mut trial = Trial::new("dot wait 5", 200);
    trial.doubts = trial.connections as u64;
    let ended = runtime().block_on(async {
        let issue = issue(&*trial.ledger()).await;
        let deliver = async || {
            let (_stop, stopped) = watch::channel(Stop::No);
            let (progress, _news) = mpsc::unbounded_channel();
            let run = trial.run(trial.ledger(), issue.clone());
            run.deliver(Box::new(|_| true), stopped, progress).await
        };
        let some_are_accepted = async {
            while trial.outbox.accepted() < 20 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            ended = deliver() => panic!("it was to be dropped before: {ended:?}"),
            () = some_are_accepted => {}
        }
        // Its journal is let go only when nothing of it is left.
        for _ in 0..500 {
            match deliver().await {
                Err(error) if error.to_string().contains("another sender is at work") => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                ended => return ended.expect("the run ends"),
            }
        }
        panic!("the dropped run still holds its journal");
    });
    assert_eq!(ended, Ended::Finished);
    trial.check("a run that was dropped");
}

#[test]
fn a_sender_killed_at_any_step_of_the_conversation_mails_nobody_twice_and_misses_nobody() {
    let stages = ["greeting", "hello", "mail", "rcpt", "data", "body", "dot"];
    std::thread::scope(|scope| {
        for stage in stages {
            scope.spawn(move || {
                for action in ["stall", "wait 3000", "close", "accept-then-close"] {
                    for time in [1, 3] {
                        let what = format!("{stage} {time} {action}");
                        let mut trial = Trial::new(&what, 4);
                        // On a slow machine death comes first, and the fault meets the second run.
                        trial.doubts = 2;
                        let death = async { tokio::time::sleep(Duration::from_millis(120)).await };
                        trial.deliver_until(trial.ledger(), death);
                        assert_eq!(trial.deliver(), Ended::Finished, "{what}");
                        trial.check(&what);
                    }
                }
            });
        }
    });
}

#[test]
fn a_lost_answer_leaves_one_reader_in_doubt_and_the_others_are_served() {
    let trial = Trial::new("dot 2 accept-then-close", 5);
    assert_eq!(trial.deliver(), Ended::Finished);
    trial.check("one answer was lost");
    let tally = trial.tally();
    assert_eq!((tally.accepted, tally.in_doubt), (4, 1));
    assert_eq!(trial.deliver(), Ended::Finished);
    assert_eq!(trial.outbox.accepted(), 5, "nobody in doubt is mailed again by itself");
}

#[test]
fn refused_and_deferred_readers_are_accounted_for() {
    let trial = Trial::new(
        "rcpt to=reader2@ reply 550 5.1.1 no such user\nrcpt to=reader3@ reply 450 4.2.1 later",
        5,
    );
    assert!(matches!(trial.deliver(), Ended::Deferred(_)));
    trial.check("one refused, one deferred");
    let tally = trial.tally();
    assert_eq!((tally.accepted, tally.rejected, tally.deferred, tally.remaining), (3, 1, 1, 1));
    let state = runtime().block_on(async {
        let address = "reader2@example.org".parse().expect("an address");
        let reader = trial.ledger().subscriber(PUBLICATION, &address).await.expect("it answers");
        reader.expect("they are known").state
    });
    assert_eq!(state, SubscriberState::Bounced, "a dead address is never mailed again");
}

#[test]
fn a_relay_that_is_down_or_unknown_to_the_dns_stops_the_run_and_loses_nobody() {
    for (host, why) in [("127.0.0.1", "Connection refused"), ("a..b", "its name is not found")] {
        let mut trial = Trial::new("", 3);
        let address = trial.outbox.address();
        let other = Outbox::start(OutboxSettings::new(Keep::Count));
        trial.outbox = other.expect("another port is free");
        let ledger = trial.ledger();
        let ended = runtime().block_on(async {
            let issue = issue(&*ledger).await;
            let mut run = trial.run(ledger, issue);
            (run.relay.host, run.relay.port) = (host.to_owned(), address.port());
            let (stop, stopped) = watch::channel(Stop::No);
            let (progress, mut news) = mpsc::unbounded_channel();
            let run = run.deliver(Box::new(|_| true), stopped, progress);
            // The first trouble is told at once; nobody waits half a minute for the last.
            tokio::pin!(run);
            tokio::select! {
                ended = &mut run => return ended,
                told = news.recv() => match told {
                    Some(Progress::Trouble(told)) => assert!(told.contains(why), "{told}"),
                    other => panic!("{other:?}"),
                },
            };
            stop.send_replace(Stop::Drain);
            run.await
        });
        assert_eq!(ended.expect("the run ends"), Ended::Stopped, "{host}");
        assert_eq!((trial.tally().remaining, trial.state()), (3, IssueState::Sending), "{host}");
        assert_eq!(trial.deliver(), Ended::Finished, "{host}");
        trial.check("the relay came back");
    }
}

#[test]
fn wrong_credentials_and_a_refused_sender_stop_the_run_at_once_and_reject_nobody() {
    for (script, expected) in [
        ("mail reply 530 5.7.0 authenticate first", "credentials"),
        ("mail 4- reply 530 5.7.0 your session has expired", "credentials"),
        ("mail reply 550 5.7.1 you may not send", "refused"),
        (
            "rcpt reply 553 5.7.1 <me@example.org>: Sender address rejected: not owned by me",
            "refused",
        ),
        ("dot reply 552 5.3.4 too large", "r…@example.org"),
        ("hello reply 250-x\\n250-SIZE 1000\\n250 PIPELINING", "r…@example.org"),
    ] {
        let trial = Trial::new(script, 8);
        let halted = match trial.deliver() {
            Ended::Halted(Halt::Credentials(_)) => "credentials",
            Ended::Halted(Halt::Refused(_)) => "refused",
            Ended::Halted(Halt::Copy(why)) => {
                assert!(why.ends_with("it was the copy for r…@example.org"), "{why}");
                "r…@example.org"
            }
            other => panic!("{script}: {other:?}"),
        };
        assert_eq!(halted, expected, "{script}");
        let (tally, accepted) = (trial.tally(), if script.contains("4-") { 3 } else { 0 });
        assert_eq!(
            (tally.rejected, tally.accepted, tally.remaining),
            (0, accepted, 8 - accepted),
            "{script}"
        );
    }
}

#[test]
fn a_relay_that_takes_nothing_from_us_for_now_is_asked_again_and_it_counts_against_nobody() {
    let mut trial = Trial::new("mail 3 reply 452 4.3.1 Insufficient system storage", 8);
    trial.limit = Some(8);
    assert_eq!(trial.deliver(), Ended::Limit);
    let tally = trial.tally();
    assert_eq!((tally.accepted, tally.deferred, tally.rejected), (7, 1, 0));
    trial.limit = None;
    trial.ahead.fetch_add(31, Ordering::SeqCst);
    assert_eq!(trial.deliver(), Ended::Finished, "half a minute later");
    trial.check("there was room again");
}

#[test]
fn a_run_that_meets_nothing_but_refusals_stops_before_it_has_asked_everybody() {
    let trial = Trial::new("rcpt reply 550 not you", 40);
    assert!(matches!(trial.deliver(), Ended::Halted(Halt::Refusals(_))));
    let tally = trial.tally();
    assert!(tally.rejected >= 11 && tally.rejected <= 13, "{tally:?}");
    assert!(tally.balances());
}

#[test]
fn a_limit_stops_and_the_next_run_goes_on() {
    let mut trial = Trial::new("", 9);
    trial.limit = Some(4);
    assert_eq!(trial.deliver(), Ended::Limit);
    assert_eq!(trial.tally().accepted, 4);
    trial.limit = None;
    assert_eq!(trial.deliver(), Ended::Finished);
    trial.check("after the rest");
}

#[test]
fn a_quota_that_is_used_up_ends_the_run_and_says_until_when() {
    let mut trial = Trial::new("", 6);
    trial.rates = vec!["4/day".parse().expect("a rate")];
    assert!(matches!(trial.deliver(), Ended::Quota(_)));
    assert_eq!(trial.tally().accepted, 4);
    assert!(matches!(trial.deliver(), Ended::Quota(_)), "asking again uses nothing up");
    assert_eq!(trial.outbox.accepted(), 4);
}

#[test]
fn a_quota_is_used_up_whole_however_late_its_places_come_to_be_used() {
    // Two are reserved at once, and the relay is so slow that the second comes too late each time.
    let mut trial = Trial::new("dot wait 260", 12);
    trial.rates = vec!["50/s".parse().expect("a rate"), "6/day".parse().expect("a rate")];
    assert!(matches!(trial.deliver(), Ended::Quota(_)));
    assert_eq!(trial.outbox.accepted(), 6);
    assert!(matches!(trial.deliver(), Ended::Quota(_)));
    assert_eq!(trial.outbox.accepted(), 6, "and none beyond it");
}

#[test]
fn a_quota_is_used_up_whole_although_some_leave_the_list_meanwhile() {
    let mut trial = Trial::new("", 12);
    trial.connections = 3;
    trial.rates = vec!["8/day".parse().expect("a rate")];
    let event = || Event {
        name: "unsubscribe".to_owned(),
        source: "a test".to_owned(),
        detail: String::new(),
    };
    for address in ["reader1@example.org", "reader2@example.org"] {
        let (ledger, address) = (trial.ledger(), address.parse().expect("an address"));
        let to = SubscriberState::Unsubscribed;
        let left = async { ledger.move_subscriber(PUBLICATION, &address, to, &event()).await };
        assert!(runtime().block_on(left).expect("they leave").is_some(), "they were known");
    }
    assert!(matches!(trial.deliver(), Ended::Quota(_)));
    let tally = trial.tally();
    assert_eq!((tally.accepted, tally.suppressed, tally.remaining), (8, 2, 2));
}

#[test]
fn an_issue_that_is_paused_or_cancelled_begins_nothing_more() {
    for (to, ended) in
        [(IssueState::Paused, Ended::Paused), (IssueState::Cancelled, Ended::Cancelled)]
    {
        let trial = Trial::new("", 5);
        let ledger = trial.ledger();
        let turned = Arc::clone(&ledger);
        let count = AtomicU64::new(0);
        let watched = Watched::new(Arc::clone(&ledger), move |call| {
            let is_begin = call == "enter" && count.fetch_add(1, Ordering::SeqCst) == 1;
            if is_begin { Fate::Turn(Arc::clone(&turned), to) } else { Fate::Live }
        });
        assert_eq!(trial.deliver_through(Arc::new(watched)), Ok(ended));
        let tally = trial.tally();
        assert_eq!(tally.accepted, trial.outbox.accepted());
        assert!(tally.accepted <= 2 && tally.balances(), "{tally:?}");
    }
}

#[test]
fn what_was_begun_ahead_comes_back_when_its_issue_is_paused_or_cancelled() {
    for (to, ended) in
        [(IssueState::Paused, Ended::Paused), (IssueState::Cancelled, Ended::Cancelled)]
    {
        // So quick that two are begun ahead, and so slow that none of those has left by chance.
        let trial = Trial::new("dot 4- wait 200ms", 20);
        let turned = trial.ledger();
        let accepted = std::thread::scope(|scope| {
            let run = scope.spawn(|| trial.deliver());
            while trial.outbox.accepted() < 6 {
                std::thread::sleep(Duration::from_millis(1));
            }
            let turn = turned.turn(PUBLICATION, SLUG, &[IssueState::Sending], to, "by hand");
            assert!(runtime().block_on(turn).expect("it turns"), "it was being sent");
            let accepted = trial.outbox.accepted();
            assert_eq!(run.join().expect("it ends"), ended);
            accepted
        });
        let tally = trial.tally();
        assert_eq!(tally.accepted, trial.outbox.accepted());
        let after = tally.accepted - accepted;
        // One is on its way, and on a busy machine another leaves before it is heard; the two begun ahead come back.
        assert!(after <= 2 && tally.balances(), "{after} after it was turned: {tally:?}");
        assert_eq!(tally.in_doubt, 0);
    }
}

#[test]
fn a_run_ends_when_its_issue_is_paused_also_where_a_reader_is_due() {
    let trial = Trial::new("rcpt 1 reply 421 4.3.2 going down", 3);
    let ledger = trial.ledger();
    let (turned, is_paused) = (Arc::clone(&ledger), AtomicU64::new(0));
    // The first reader is deferred for a few seconds; while they are waited for, somebody pauses.
    let watched = Watched::new(ledger, move |call| {
        let waits = call == "next_retry" && is_paused.fetch_add(1, Ordering::SeqCst) == 0;
        if waits { Fate::Turn(Arc::clone(&turned), IssueState::Paused) } else { Fate::Live }
    });
    assert_eq!(trial.deliver_through(Arc::new(watched)), Ok(Ended::Paused));
    assert_eq!(trial.tally().remaining, 1);
}

#[test]
fn a_ledger_that_goes_away_stops_the_run_and_the_journal_keeps_what_is_known() {
    for from in 2..8 {
        let trial = Trial::new("", 60);
        let count = AtomicU64::new(0);
        let watched = Watched::new(trial.ledger(), move |call| {
            let is_away = call == "enter" && count.fetch_add(1, Ordering::SeqCst) + 1 >= from;
            if is_away { Fate::Fail } else { Fate::Live }
        });
        let ended = trial.deliver_through(Arc::new(watched)).expect("the run ends");
        assert!(matches!(ended, Ended::Halted(Halt::Disk(_))), "from {from}: {ended:?}");
        assert_eq!(trial.deliver(), Ended::Finished, "from {from}");
        trial.check(&format!("the ledger was away from entry {from} on"));
        assert_eq!(trial.tally().in_doubt, 0, "from {from}: the journal knew");
    }
}

#[test]
fn a_ledger_that_hands_out_no_work_ends_the_run_and_is_named() {
    let trial = Trial::new("", 20);
    let watched =
        Watched::new(
            trial.ledger(),
            move |call| {
                if call == "claim" { Fate::Fail } else { Fate::Live }
            },
        );
    let ended = trial.deliver_through(Arc::new(watched)).expect("the run ends");
    assert!(matches!(ended, Ended::Halted(Halt::Disk(_))), "{ended:?}");
    assert_eq!(trial.outbox.accepted(), 0);
    assert_eq!(trial.deliver(), Ended::Finished);
    trial.check("a ledger that handed out no work");
}

#[test]
fn a_restored_backup_is_refused_before_anybody_is_mailed_twice() {
    let trial = Trial::new("", 4);
    let backup = trial.folder.path().join("backup.sqlite");
    runtime().block_on(async { trial.ledger().backup(&backup).await }).expect("it is copied");
    assert_eq!(trial.deliver(), Ended::Finished);
    restore(&backup, trial.folder.path());
    let refused = trial.deliver_through(trial.ledger()).expect_err("it is refused");
    assert!(refused.contains("went back in time"), "{refused}");
    assert_eq!(trial.outbox.accepted(), 4);
}

#[test]
fn where_machines_share_a_ledger_its_own_count_is_what_is_remembered() {
    let trial = Trial::new("", 12);
    // As if a begin that was counted here already were in the count that is taken over.
    for counted in [0, 12, 40] {
        let watched = Watched::new(trial.ledger(), |_| Fate::Live).shared(counted);
        assert_eq!(trial.deliver_through(Arc::new(watched)), Ok(Ended::Finished));
        let seen = HighWater::seen(&trial.folder.path().join("high-water"));
        assert_eq!(seen.expect("it is read"), counted);
    }
    assert_eq!(trial.outbox.accepted(), 12);
}

#[test]
fn one_reader_whose_server_is_out_of_step_stops_nobody_else() {
    let mut trial = Trial::new("rcpt to=reader3@ reply 501 what is that", 12);
    trial.limit = Some(12);
    assert_eq!(trial.deliver(), Ended::Limit);
    assert_eq!(trial.tally().accepted, 11);
    trial.limit = None;
    trial.ahead.fetch_add(60, Ordering::SeqCst);
    assert!(matches!(trial.deliver(), Ended::Deferred(_)), "it does not ask for ever");
    let trial = Trial::new("rcpt reply 501 what is that", 30);
    let ended = trial.deliver();
    assert!(matches!(ended, Ended::Halted(Halt::Relay(_))), "{ended:?}");
}

fn restore(backup: &Path, folder: &Path) {
    for name in ["ledger.sqlite-wal", "ledger.sqlite-shm"] {
        let _ = std::fs::remove_file(folder.join(name));
    }
    std::fs::copy(backup, folder.join("ledger.sqlite")).expect("it is copied back");
}

#[test]
fn another_count_than_was_agreed_to_freezes_nothing() {
    let folder = TempDir::new().expect("a folder can be made");
    runtime().block_on(async {
        let ledger = SqliteLedger::open(&folder.path().join("ledger.sqlite")).expect("it opens");
        assert!(freeze(&ledger, people(3), Some(4)).await.is_err());
        assert_eq!(ledger.issue(PUBLICATION, SLUG).await.expect("it answers"), None);
        assert!(freeze(&ledger, people(3), Some(3)).await.is_ok());
    });
}

#[test]
fn a_list_that_breaks_in_the_middle_freezes_nothing() {
    let folder = TempDir::new().expect("a folder can be made");
    runtime().block_on(async {
        let ledger = SqliteLedger::open(&folder.path().join("ledger.sqlite")).expect("it opens");
        let broken: Records = Box::new(people(3).chain([Err("line 5: it breaks".to_owned())]));
        let refused = freeze(&ledger, broken, None).await.expect_err("it is refused");
        assert!(refused.to_string().contains("line 5: it breaks"), "{refused}");
        let people = ledger.subscribers(PUBLICATION, None, 10).await.expect("it lists");
        assert!(people.is_empty(), "{people:?}");
    });
}
