//! Rates, providers and pauses over a real conversation. No test waits for an hour: the ledger's clock is set ahead.

use std::collections::BTreeMap;

use super::*;
use jiff::tz::TimeZone;
use postrider::send::Braked;

impl Trial {
    /// Limits the readers at a domain, and at every other of its provider.
    fn at(mut self, domain: &str, rate: &str) -> Self {
        let rate = rate.parse().expect("a rate");
        self.domains.entry(domain.to_owned()).or_default().push(rate);
        self
    }

    fn pass(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Counts what the relay took, by the domain it went to.
    fn taken(&self) -> BTreeMap<String, usize> {
        let mut taken = BTreeMap::new();
        for acceptance in self.outbox.acceptances() {
            let (_, domain) = acceptance.to.rsplit_once('@').expect("an address");
            *taken.entry(domain.to_owned()).or_default() += 1;
        }
        taken
    }

    /// Delivers, and tells who is paused then and why.
    fn braked(&self) -> (Option<String>, String) {
        match self.deliver() {
            Ended::Braked(Braked { provider, why, .. }) => (provider, why),
            other => panic!("{other:?}"),
        }
    }
}

fn taken(counts: &[(&str, usize)]) -> BTreeMap<String, usize> {
    counts.iter().map(|(domain, count)| ((*domain).to_owned(), *count)).collect()
}

/// So many at each, one domain after the other.
fn in_rows(rows: &[(&'static str, usize)]) -> Records {
    people_at(rows.iter().flat_map(|(domain, count)| vec![*domain; *count]).collect())
}

#[test]
fn a_slow_provider_at_the_head_of_the_list_does_not_hold_the_rest() {
    let rows = [("gmail.com", 300), ("googlemail.com", 300), ("example.org", 20), ("gmail.com", 9)];
    let mut trial = Trial::to("", in_rows(&rows)).at("googlemail.com", "3/hour");
    trial.connections = 2;
    assert!(matches!(trial.deliver(), Ended::Quota(_)));
    assert_eq!(trial.taken(), taken(&[("example.org", 20), ("gmail.com", 3)]));
    let tally = trial.tally();
    assert_eq!((tally.accepted, tally.remaining), (23, 606));
    assert!(matches!(trial.deliver(), Ended::Quota(_)), "a new run gets no new hour");
    assert_eq!(trial.outbox.accepted(), 23);
    trial.pass(3_604);
    assert!(matches!(trial.deliver(), Ended::Quota(_)));
    assert_eq!(trial.taken(), taken(&[("example.org", 20), ("gmail.com", 6)]));
}

#[test]
fn an_hour_that_is_used_up_is_over_an_hour_after_the_message_left_and_not_after_its_turn() {
    // The message leaves when the relay asks for it, which is a while after it was begun.
    let mut trial = Trial::new("data 1 wait 500ms", 2);
    trial.rates = vec!["1/hour".parse().expect("a rate")];
    let started = Timestamp::now();
    let Ended::Quota(at) = trial.deliver() else { panic!("the hour is used up") };
    let hour_after_it_left = started + Duration::from_millis(500) + Duration::from_hours(1);
    assert!(at >= hour_after_it_left, "{at} is before {hour_after_it_left}");
    assert_eq!(trial.outbox.accepted(), 1);
}

#[test]
fn everybody_keeps_their_own_pace_within_that_of_all() {
    let rows = [("gmail.com", 4), ("web.de", 8), ("example.org", 20)];
    let mut trial = Trial::to("", in_rows(&rows)).at("gmail.com", "5/s").at("gmx.de", "10/s");
    trial.rates = vec!["100/s".parse().expect("a rate")];
    trial.connections = 3;
    let started = std::time::Instant::now();
    assert_eq!(trial.deliver(), Ended::Finished);
    let took = started.elapsed();
    trial.check("at three paces");
    assert!(took >= Duration::from_millis(690), "eight at ten a second take {took:?}");
    assert!(took < Duration::from_secs(4), "they take their turns: {took:?}");
    let last_of = |domain: &str| {
        let all = trial.outbox.acceptances();
        all.iter().rposition(|acceptance| acceptance.to.ends_with(domain))
    };
    assert!(last_of("example.org") < last_of("web.de"), "the rest did not wait");
}

#[test]
fn the_hour_of_a_provider_is_not_told_where_the_relays_own_window_is_full_by_then() {
    let rows = [("gmail.com", 4), ("example.org", 8)];
    let mut trial = Trial::to("", in_rows(&rows)).at("gmail.com", "2/hour");
    trial.rates = vec!["6/day".parse().expect("a rate")];
    match trial.deliver() {
        Ended::Quota(at) => {
            let hours = at.duration_since(Timestamp::now()).as_hours();
            assert!(hours >= 23, "in {hours} hours, and it is a day");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(trial.taken(), taken(&[("example.org", 4), ("gmail.com", 2)]));
}

#[test]
fn a_limit_counts_those_who_wait_for_their_pace() {
    let rows = [("gmail.com", 5), ("example.org", 5)];
    let mut trial = Trial::to("", in_rows(&rows)).at("gmail.com", "1/hour");
    trial.limit = Some(4);
    assert!(matches!(trial.deliver(), Ended::Limit | Ended::Quota(_)));
    assert!((1..=4).contains(&trial.outbox.accepted()));
    trial.limit = None;
    assert!(matches!(trial.deliver(), Ended::Quota(_)));
    assert_eq!(trial.taken(), taken(&[("example.org", 5), ("gmail.com", 1)]));
}

#[test]
fn a_relay_that_says_too_fast_is_left_alone_and_then_asked_more_slowly() {
    let script = "mail 4 reply 454 4.7.0 Throttling failure: Maximum sending rate exceeded";
    let trial = Trial::new(script, 9);
    let (provider, why) = trial.braked();
    assert_eq!((provider, why.starts_with("454")), (None, true), "{why}");
    let (accepted, met) = (trial.outbox.accepted(), trial.outbox.connections());
    assert!(accepted >= 3 && trial.tally().rejected == 0);
    assert_eq!(trial.braked().0, None, "a new run remembers");
    assert_eq!(trial.outbox.connections(), met, "nobody rang");
    trial.pass(6 * 60);
    let ledger = trial.ledger();
    let now = runtime().block_on(ledger.now()).expect("it tells");
    let brakes = runtime().block_on(ledger.brakes("relay test")).expect("it tells");
    assert!(brakes["relay test"].rate(now).is_some(), "{brakes:?}");
    trial.pass(24 * 3_600);
    assert_eq!(trial.deliver(), Ended::Finished);
    trial.check("after a day");
}

#[test]
fn a_relay_that_said_too_fast_gets_one_connection_less() {
    let mut trial = Trial::new("mail 4 reply 454 4.7.0 Throttling failure", 40);
    trial.connections = 3;
    trial.braked();
    let met = trial.outbox.connections();
    trial.pass(7 * 60);
    // At half the pace that was, so not for long.
    trial.limit = Some(6);
    assert_eq!(trial.deliver(), Ended::Limit);
    assert_eq!(trial.outbox.connections() - met, 2);
}

#[test]
fn a_daily_quota_pauses_the_relay_for_an_hour() {
    let script = "mail 3-4 reply 454 Throttling failure: Daily message quota exceeded";
    let trial = Trial::new(script, 5);
    assert!(trial.braked().1.contains("daily quota"));
    assert_eq!(trial.outbox.accepted(), 2);
    trial.pass(3_000);
    trial.braked();
    trial.pass(700);
    trial.braked();
    assert_eq!(trial.outbox.accepted(), 2, "asked once an hour");
    trial.pass(3_700);
    assert_eq!(trial.deliver(), Ended::Finished);
    trial.check("the day was over");
}

#[test]
fn yahoo_is_left_alone_for_two_hours_and_the_others_get_theirs() {
    let rows = [("yahoo.com", 6), ("aol.com", 6), ("example.org", 30), ("yahoo.de", 6)];
    let script = "rcpt 2 reply 421 4.7.0 [TSS04] Messages temporarily deferred";
    let trial = Trial::to(script, in_rows(&rows));
    let (provider, why) = trial.braked();
    assert_eq!(provider.as_deref(), Some("yahoo"), "{why}");
    let met = trial.taken();
    assert_eq!(met["example.org"], 30);
    assert!(met.values().sum::<usize>() < 40, "{met:?}");
    assert_eq!(trial.tally().rejected, 0);
    trial.pass(3_600);
    assert_eq!(trial.braked().0.as_deref(), Some("yahoo"));
    assert_eq!(trial.taken(), met);
    trial.pass(3_700);
    assert_eq!(trial.deliver(), Ended::Finished);
    trial.check("two hours later");
    assert_eq!(trial.tally().accepted, 48);
}

#[test]
fn a_provider_that_refuses_message_after_message_is_left_alone() {
    let rows = [("gmail.com", 60), ("example.org", 30)];
    let trial = Trial::to("rcpt to=@gmail.com reply 550 5.7.1 blocked", in_rows(&rows));
    let (provider, why) = trial.braked();
    assert_eq!((provider.as_deref(), why.as_str()), (Some("gmail"), "550 5.7.1 blocked"));
    let tally = trial.tally();
    assert!((5..=10).contains(&tally.rejected), "{tally:?}");
    assert_eq!(trial.taken(), taken(&[("example.org", 30)]));
    let state = runtime().block_on(async {
        let address = "reader1@gmail.com".parse().expect("an address");
        trial.ledger().subscriber(PUBLICATION, &address).await.expect("it answers")
    });
    assert_eq!(state.expect("they are known").state, SubscriberState::Active);
}

#[test]
fn a_wrong_record_of_ours_stops_the_provider_and_is_named() {
    let rows = [("gmail.com", 20), ("example.org", 10)];
    let script = "dot to=@gmail.com reply 550 5.7.27 SPF did not pass";
    let trial = Trial::to(script, in_rows(&rows));
    let (provider, why) = trial.braked();
    assert_eq!(provider.as_deref(), Some("gmail"));
    assert!(why.starts_with("our SPF record is missing or wrong: 550 5.7.27"), "{why}");
    let tally = trial.tally();
    assert_eq!((tally.rejected, tally.accepted), (0, 10));
}

#[test]
fn records_that_nobody_likes_stop_the_run() {
    let domains = ["gmail.com", "yahoo.com", "web.de", "example.org", "example.net"];
    let trial = Trial::to("dot reply 550 5.7.26 unauthenticated", people_at(domains.repeat(9)));
    match trial.deliver() {
        Ended::Halted(Halt::Refusals(why)) => assert!(why.contains("SPF"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(trial.tally().rejected, 0);
    assert_eq!(trial.outbox.accepted(), 0);
}

#[test]
fn a_warm_up_grows_while_a_run_goes_on_and_the_hour_it_grows_is_named() {
    let mut trial = Trial::new("", 9);
    let since = Timestamp::now().to_zoned(TimeZone::UTC).date();
    trial.warm_up = Some(WarmUp {
        from: "3/day".parse().expect("a rate"),
        since,
        double_every: Duration::from_hours(24),
    });
    let midnight = since.tomorrow().and_then(|day| day.to_zoned(TimeZone::UTC));
    let midnight = midnight.expect("there is a tomorrow").timestamp();
    match trial.deliver() {
        Ended::Quota(at) => assert_eq!(at, midnight),
        // It is so late that the run saw the day begin.
        other => assert_eq!(trial.outbox.accepted(), 6, "{other:?}"),
    }
    if trial.outbox.accepted() == 3 {
        trial.pass(midnight.as_second() - Timestamp::now().as_second() - 1);
        assert!(matches!(trial.deliver(), Ended::Quota(_)));
        assert_eq!(trial.outbox.accepted(), 6, "it waited for midnight, and three more went out");
    }
}

#[test]
fn a_person_may_lift_a_pause() {
    let trial = Trial::to("dot 1 reply 550 5.7.27 no SPF", in_rows(&[("gmail.com", 6)]));
    assert_eq!(trial.braked().0.as_deref(), Some("gmail"));
    let released = runtime().block_on(trial.ledger().release("relay test"));
    assert_eq!(released.expect("it releases"), 1);
    assert_eq!(trial.deliver(), Ended::Finished, "whoever was refused is tried again at once");
    trial.check("mended");
}

#[test]
fn a_connection_carries_no_more_than_the_relay_likes() {
    let mut trial = Trial::new("", 9);
    let deliver = |trial: &Trial| {
        runtime().block_on(async {
            let ledger = trial.ledger();
            let issue = issue(&*ledger).await;
            let run = Run { messages: Some(3), ..trial.run(ledger, issue) };
            let (_stop, stopped) = watch::channel(Stop::No);
            let (progress, _news) = mpsc::unbounded_channel();
            run.deliver(Box::new(|_| true), stopped, progress).await.expect("the run ends")
        })
    };
    trial.doubts = 0;
    assert_eq!(deliver(&trial), Ended::Finished);
    trial.check("three at a time");
    assert_eq!(trial.outbox.connections(), 3);
}
