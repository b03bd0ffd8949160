//! People who leave, or ask to be forgotten, while an issue goes out; and a relay that takes its time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use postrider::{
    ledger::Event,
    model::{DeliveryState, SubscriberState},
    send::{Ended, Stop},
};
use tokio::sync::{mpsc, watch};

use crate::{
    send::{PUBLICATION, Trial, issue, runtime},
    watched::{Fate, Watched},
};

#[test]
fn who_is_erased_or_leaves_while_claimed_is_mailed_no_more() {
    for (to, name) in
        [(SubscriberState::Unsubscribed, "unsubscribe"), (SubscriberState::Erased, "erase")]
    {
        let trial = Trial::new("", 12);
        let (theirs, claims) = (trial.ledger(), AtomicU64::new(0));
        let watched = Watched::new(trial.ledger(), move |call| {
            // All twelve are claimed at once; then the last of them leaves.
            if call == "enter" && claims.fetch_add(1, Ordering::SeqCst) == 0 {
                let ledger = Arc::clone(&theirs);
                let leave = thread::spawn(move || {
                    runtime().block_on(async {
                        let event = Event {
                            name: name.to_owned(),
                            source: "a test".to_owned(),
                            detail: String::new(),
                        };
                        let who = "reader12@example.org".parse().expect("an address");
                        ledger.move_subscriber(PUBLICATION, &who, to, &event).await
                    })
                });
                leave.join().expect("it does not panic").expect("it is taken");
            }
            Fate::Live
        });
        assert_eq!(trial.deliver_through(Arc::new(watched)), Ok(Ended::Finished), "{name}");
        let tally = trial.tally();
        assert_eq!((tally.accepted, tally.suppressed), (11, 1), "{name}: {tally:?}");
        assert!(tally.balances(), "{name}: {tally:?}");
        let acceptances = trial.outbox.acceptances();
        assert!(acceptances.iter().all(|taken| taken.to != "reader12@example.org"), "{name}");
        assert_eq!(acceptances.len(), 11, "{name}");
    }
}

#[test]
fn at_one_message_a_minute_a_signal_is_heard_at_once_and_nobody_is_lost() {
    let mut trial = Trial::new("", 3);
    trial.rates = vec!["1/min".parse().expect("a rate")];
    let ledger = trial.ledger();
    let began = Instant::now();
    let ended = runtime().block_on(async {
        let run = trial.run(Arc::clone(&ledger), issue(&*ledger).await);
        let (stop, stopped) = watch::channel(Stop::No);
        let (progress, _news) = mpsc::unbounded_channel();
        let asked = async {
            while trial.outbox.accepted() == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            stop.send_replace(Stop::Drain);
        };
        tokio::join!(run.deliver(Box::new(|_| true), stopped, progress), asked).0
    });
    assert_eq!(ended.expect("it ends"), Ended::Stopped);
    assert!(began.elapsed() < Duration::from_secs(30), "it did not wait for its minute");
    assert_eq!((trial.outbox.accepted(), trial.tally().remaining), (1, 2));
    let states = runtime().block_on(async {
        let id = issue(&*ledger).await.id;
        let all = ledger.deliveries(id, &DeliveryState::ALL, None, 9).await.expect("it lists");
        all.into_iter().map(|delivery| delivery.state).collect::<Vec<_>>()
    });
    assert_eq!(states[1..], [DeliveryState::Planned; 2], "nothing is held");
    trial.rates.clear();
    assert_eq!(trial.deliver(), Ended::Finished);
    trial.check("after the rest");
}
