//! Questions about how fast: lanes that several senders share, and the brakes on them.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use postrider::{
    ledger::{Lane, Ledger, Passed, Place, Wish},
    model::Rate,
    send::brake::Brake,
};
use proptest::prelude::*;

use super::{
    Desk, ask_every_ledger,
    desk::{LEASE, TWO_DAYS},
};

/// Longer than any rate makes anybody wait.
const FOREVER: Duration = Duration::from_hours(100_000);

ask_every_ledger! {
    beginnings_keep_every_rate_across_processes_and_restarts,
    a_clock_set_right_does_not_hold_a_lane,
    a_slow_lane_does_not_hold_the_rest,
    what_will_not_be_waited_for_is_not_used_up,
    what_nobody_used_is_given_back,
    what_the_rates_still_count_is_told,
    a_claim_passes_over_domains_and_slots,
    a_brake_is_remembered_and_the_longer_one_stays,
}

fn rates(written: &[&str]) -> Vec<Rate> {
    written.iter().map(|rate| rate.parse().expect("it is a rate")).collect()
}

fn lane(name: &str, written: &[&str]) -> Lane {
    Lane { name: name.to_owned(), rates: rates(written) }
}

/// Reserves on one lane alone.
async fn reserve(ledger: &dyn Ledger, lane: &Lane, count: usize) -> Vec<Timestamp> {
    let wish = Wish { lane: None, count };
    let reserved = ledger.reserve(lane, &[wish], FOREVER).await.expect("it reserves");
    reserved.at.into_iter().map(|(_, at)| at).collect()
}

async fn beginnings_keep_every_rate_across_processes_and_restarts(desk: Desk) {
    let relay = lane("relay", &["2/s", "5/minute"]);
    let start = desk.now();
    let mut begun = Vec::new();
    for (count, pause) in [(3, 0), (1, 1), (4, 90), (3, 400)] {
        let instants = reserve(&*desk.again(), &relay, count).await;
        begun.extend(instants.iter().map(|at| (at.as_microsecond() - start) / 1_000));
        desk.pass(pause);
    }
    // In a minute that is not made even each counts three seconds longer.
    assert_eq!(
        begun,
        [0, 500, 1_000, 1_500, 2_000, 63_000, 63_500, 64_000, 91_000, 91_500, 126_000]
    );
    let free = reserve(&*desk.ledger, &lane("another lane", &["2/s"]), 1).await;
    assert_eq!(free[0].as_microsecond(), desk.now());
    let unlimited = reserve(&*desk.ledger, &lane("relay", &[]), 2).await;
    assert!(unlimited.iter().all(|at| at.as_microsecond() == desk.now()));
}

async fn a_clock_set_right_does_not_hold_a_lane(desk: Desk) {
    let relay = lane("relay", &["1/minute"]);
    desk.pass(86_400);
    reserve(&*desk.ledger, &relay, 2).await;
    desk.pass(-86_400);
    let next = reserve(&*desk.ledger, &relay, 1).await;
    assert_eq!(next[0].as_microsecond(), desk.now() + 120_000_000);
}

async fn a_slow_lane_does_not_hold_the_rest(desk: Desk) {
    let relay = lane("relay", &["4/s"]);
    let slow = Wish { lane: Some(lane("slow", &["1/s"])), count: 3 };
    let rest = Wish { lane: None, count: 6 };
    let reserved = desk.ledger.reserve(&relay, &[slow, rest], FOREVER).await.expect("it reserves");
    let told =
        |(wish, at): &(usize, Timestamp)| (*wish, (at.as_microsecond() - desk.now()) / 1_000);
    assert_eq!(
        reserved.at.iter().map(told).collect::<Vec<_>>(),
        [
            (0, 0),
            (1, 250),
            (1, 500),
            (1, 750),
            (0, 1_000),
            (1, 1_250),
            (1, 1_500),
            (1, 1_750),
            (0, 2_000)
        ]
    );
    let next = |wish: usize| (reserved.next[wish].as_microsecond() - desk.now()) / 1_000;
    assert_eq!((next(0), next(1)), (3_000, 2_250));
}

async fn what_will_not_be_waited_for_is_not_used_up(desk: Desk) {
    let (relay, slow) = (lane("relay", &["9/s"]), lane("slow", &["1/hour"]));
    let wish = Wish { lane: Some(slow.clone()), count: 5 };
    for expected in [1, 0, 0] {
        let wishes = [wish.clone()];
        let within = Duration::from_secs(90);
        let reserved = desk.ledger.reserve(&relay, &wishes, within).await.expect("it reserves");
        assert_eq!(reserved.at.len(), expected);
        assert_eq!(reserved.next[0].as_microsecond(), desk.now() + 3_603_000_000);
    }
    desk.pass(1);
    let free = reserve(&*desk.ledger, &relay, 1).await;
    assert_eq!(free[0].as_microsecond(), desk.now(), "the relay was not held for it");
}

async fn what_nobody_used_is_given_back(desk: Desk) {
    let (relay, own) = (lane("relay", &["4/hour"]), lane("own", &["3/day"]));
    let take = async |count| {
        let wish = Wish { lane: Some(own.clone()), count };
        let reserved = desk.ledger.reserve(&relay, &[wish], Duration::ZERO).await;
        reserved.expect("it reserves").at.into_iter().map(|(_, at)| at).collect::<Vec<_>>()
    };
    let give_back = async |lane: &Lane, at| {
        let unused = [Place { lane: lane.name.clone(), at }];
        desk.ledger.unreserve(&unused).await.expect("it takes them back");
    };
    let first = take(2).await;
    desk.pass(1);
    let second = take(2).await;
    assert_eq!((first.len(), second.len()), (2, 1));
    give_back(&own, first[0]).await;
    assert_eq!(take(9).await.len(), 1, "the relay had one left, and so has their own");
    give_back(&own, first[1]).await;
    assert_eq!(take(9).await.len(), 0, "now the relay has none");
    give_back(&relay, first[1]).await;
    give_back(&relay, first[1] + SignedDuration::from_millis(1)).await;
    assert_eq!(take(9).await.len(), 1);
    assert_eq!(take(9).await.len(), 0, "what was never reserved is not given back");
    let next = lane("next", &["1/minute", "9/day"]);
    let ahead = reserve(&*desk.ledger, &next, 2).await;
    give_back(&next, ahead[1]).await;
    assert_eq!(desk.ledger.beginnings(&next).await.expect("it tells"), ahead, "it is to come");
    desk.pass(120);
    give_back(&next, ahead[1]).await;
    assert_eq!(desk.ledger.beginnings(&next).await.expect("it tells"), ahead[..1]);
    assert_eq!(reserve(&*desk.again(), &next, 1).await[0].as_microsecond(), desk.now());
}

async fn what_the_rates_still_count_is_told(desk: Desk) {
    let relay = lane("relay", &["1/s", "3/minute"]);
    reserve(&*desk.ledger, &relay, 2).await;
    desk.pass(30);
    let third = reserve(&*desk.ledger, &relay, 1).await;
    assert_eq!(desk.ledger.beginnings(&relay).await.expect("it tells").len(), 3);
    desk.pass(45);
    assert_eq!(desk.ledger.beginnings(&relay).await.expect("it tells"), third);
    let unlimited = lane("relay", &[]);
    assert!(desk.ledger.beginnings(&unlimited).await.expect("it tells").is_empty());
}

async fn a_claim_passes_over_domains_and_slots(desk: Desk) {
    let people =
        ["a@gmail.com", "b@example.org", "c@googlemail.com", "d@example.net", "e@gmail.com"];
    let issue = desk.send_to(&people).await;
    let claim = async |slots, domains: &[&str]| {
        let but = Passed { domains: domains.iter().map(ToString::to_string).collect(), slots };
        let claims = desk.ledger.claim(issue, "host/1", 10, LEASE, TWO_DAYS, &but).await;
        let claims = claims.expect("it claims").into_iter();
        claims.map(|claim| claim.reader.address.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(claim(2, &["gmail.com", "googlemail.com"]).await, ["d@example.net"]);
    assert_eq!(claim(0, &["gmail.com", "googlemail.com"]).await, ["b@example.org"]);
    assert_eq!(claim(1, &[]).await, ["c@googlemail.com", "e@gmail.com"]);
    assert_eq!(claim(0, &["example.org"]).await, ["a@gmail.com"]);
}

async fn a_brake_is_remembered_and_the_longer_one_stays(desk: Desk) {
    let now = desk.ledger.now().await.expect("it tells");
    let brake = |minutes, why| Brake::pause(None, now, Duration::from_mins(minutes), why);
    for (lane, minutes, why) in [
        ("relay a to gmail", 5, "first"),
        ("relay a to gmail", 15, "longer"),
        ("relay a to gmail", 5, "shorter"),
        ("relay a", 1, "the relay"),
        ("relay ab", 1, "another relay"),
    ] {
        desk.ledger.brake(lane, &brake(minutes, why)).await.expect("it brakes");
    }
    let found = desk.again().brakes("relay a").await.expect("it tells");
    let expected: BTreeMap<String, Brake> = [
        ("relay a".to_owned(), brake(1, "the relay")),
        ("relay a to gmail".to_owned(), brake(15, "longer")),
    ]
    .into();
    assert_eq!(found, expected);
    assert_eq!(desk.ledger.release("relay a").await.expect("it releases"), 2);
    assert_eq!(desk.again().brakes("relay a").await.expect("it tells").len(), 0);
    assert_eq!(desk.again().brakes("relay ab").await.expect("it tells").len(), 1);
}

fn any_rates() -> impl Strategy<Value = Vec<Rate>> {
    let rate = (1_u32..7, 1_u64..4_000)
        .prop_map(|(count, millis)| Rate { count, window: Duration::from_millis(millis) });
    prop::collection::vec(rate, 0..3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Two senders, one of whom is started anew now and then, reserve on a relay and two providers.
    #[test]
    fn no_window_of_any_lane_is_ever_exceeded(
        shared in any_rates(),
        own in prop::array::uniform2(any_rates()),
        steps in prop::collection::vec(
            (0_usize..2, any::<bool>(), prop::array::uniform3(0_usize..4), 0_i64..2_000, any::<u8>()),
            1..14,
        ),
    ) {
        keep_every_window(&Desk::sqlite(), &shared, &own, steps)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn nor_of_any_lane_that_machines_share(
        shared in any_rates(),
        own in prop::array::uniform2(any_rates()),
        steps in prop::collection::vec(
            (0_usize..2, any::<bool>(), prop::array::uniform3(0_usize..4), 0_i64..2_000, any::<u8>()),
            1..14,
        ),
    ) {
        if let Some(desk) = Desk::postgres() {
            keep_every_window(&desk, &shared, &own, steps)?;
        }
    }
}

/// A sender, whether it is started anew, how many begin on each lane, how long it waits, and which of the last eight it then has not used.
type Step = (usize, bool, [usize; 3], i64, u8);

fn keep_every_window(
    desk: &Desk,
    shared: &Vec<Rate>,
    own: &[Vec<Rate>; 2],
    steps: Vec<Step>,
) -> Result<(), TestCaseError> {
    let lane = |name: &str, rates: &Vec<Rate>| Lane { name: name.to_owned(), rates: rates.clone() };
    let relay = lane("relay", shared);
    let mut senders = [desk.again(), desk.again()];
    let mut begun: [Vec<Timestamp>; 3] = Default::default();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
    for (sender, is_restart, counts, millis, unused) in steps {
        if is_restart {
            senders[sender] = desk.again();
        }
        let wishes = [
            Wish { lane: Some(lane("one", &own[0])), count: counts[0] },
            Wish { lane: Some(lane("two", &own[1])), count: counts[1] },
            Wish { lane: None, count: counts[2] },
        ];
        let reserving = senders[sender].reserve(&relay, &wishes, Duration::from_secs(3));
        let reserved = runtime.block_on(reserving).expect("it reserves");
        let now = Timestamp::from_microsecond(desk.now()).expect("it is in range");
        for (wish, at) in &reserved.at {
            prop_assert!(*at >= now && *at <= now + SignedDuration::from_secs(3));
            begun[*wish].push(*at);
        }
        for (wish, next) in reserved.next.iter().enumerate() {
            let granted = reserved.at.iter().filter(|(granted, _)| *granted == wish).count();
            let is_held = granted < wishes[wish].count;
            prop_assert!(!is_held || *next > now + SignedDuration::from_secs(3));
        }
        desk.pass_millis(millis);
        let now = Timestamp::from_microsecond(desk.now()).expect("it is in range");
        for (wish, name) in ["one", "two", ""].into_iter().enumerate() {
            let recent = begun[wish].len().saturating_sub(8)..begun[wish].len();
            for (place, number) in recent.rev().enumerate() {
                if unused >> place & 1 == 1 {
                    let at = begun[wish][number];
                    let of = |lane: &str| Place { lane: lane.to_owned(), at };
                    let places = ["relay", name].map(of);
                    let rates = [Some(shared), own.get(wish)];
                    let counted = places.into_iter().zip(rates);
                    let counted =
                        counted.filter(|(_, rates)| rates.is_some_and(|rates| !rates.is_empty()));
                    let counted: Vec<_> = counted.map(|(place, _)| place).collect();
                    let giving = senders[sender].unreserve(&counted);
                    runtime.block_on(giving).expect("it takes them back");
                    if at <= now {
                        begun[wish].remove(number);
                    }
                }
            }
        }
    }
    let all = begun.concat();
    for (instants, rates) in [(&all, shared), (&begun[0], &own[0]), (&begun[1], &own[1])] {
        let mut instants = instants.clone();
        instants.sort();
        for rate in rates {
            let window = SignedDuration::try_from(rate.window).expect("it is short");
            let runs = instants.windows(rate.count as usize + 1);
            for run in runs {
                prop_assert!(
                    run[rate.count as usize].duration_since(run[0]) >= window,
                    "{rate} in {run:?}"
                );
            }
        }
    }
    Ok(())
}
