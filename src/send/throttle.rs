//! When the next delivery may begin, as a pure function of those that began (rule D11).
//!
//! Exact sliding windows, not a bucket that refills: in any half-open stretch
//! of time as long as a rate's window, wherever it starts, no more than its
//! count begin. The shortest window is also made even where it is a minute or
//! less, so that `5/s` is one every 200 ms and never five at once; a longer
//! window binds by its count alone, so that `2000/day` is used as fast as the
//! others allow and then waits. The caller keeps the instants; nothing here reads the clock.
//!
//! What is counted is when a delivery may begin, and its message leaves a little
//! later. So at the relay two beginnings may be closer than here; that a window
//! which is used up in bursts is not exceeded there either, it counts each for
//! that much longer.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::model::Rate;

/// How long after its beginning a message leaves at the latest.
pub const LATE: Duration = Duration::from_secs(3);

/// From this length on a window that is not made even is a quota that the relay counts too, and is never exceeded there. Any other is a pace, at which two messages may come together for a moment.
const QUOTA: Duration = Duration::from_mins(1);

/// Returns how long a beginning counts under one of `rates`.
pub fn counts(rate: &Rate, rates: &[Rate]) -> Duration {
    if is_quota(rate, rates) { rate.window.saturating_add(LATE) } else { rate.window }
}

fn is_quota(rate: &Rate, rates: &[Rate]) -> bool {
    rate.window >= QUOTA && Some(rate.window) != even(rates)
}

/// Returns the earliest instant, not before `now`, at which one more delivery may begin on a lane under all `rates` at once.
///
/// `back(n)` returns the instant of the n-th beginning counted back from the
/// newest (`back(1)`), or `None` where there were fewer. The newest may lie
/// after `now`: reservations are made ahead, in order.
///
/// # Errors
///
/// Those of `back`, handed on.
pub fn earliest<E>(
    rates: &[Rate],
    now: Timestamp,
    mut back: impl FnMut(u32) -> Result<Option<Timestamp>, E>,
) -> Result<Timestamp, E> {
    let newest = back(1)?;
    let evenly = newest.map(|newest| after(newest, spacing(rates)));
    let mut earliest = evenly.map_or(now, |evenly| evenly.max(now));
    for rate in rates {
        if let Some(begun) = back(rate.count)? {
            earliest = earliest.max(after(begun, counts(rate, rates)));
        }
    }
    Ok(earliest)
}

/// Returns how many of the newest beginnings of a lane still matter under `rates`; older ones may be forgotten.
pub fn memory(rates: &[Rate]) -> u32 {
    rates.iter().map(|rate| rate.count).max().unwrap_or(0)
}

/// Returns how long a beginning matters under `rates`; what began longer ago may be forgotten.
pub fn reach(rates: &[Rate]) -> Duration {
    rates.iter().map(|rate| counts(rate, rates)).max().unwrap_or_default()
}

/// Rates, and from when on they hold: until the next ones do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// When they begin to hold.
    pub from: Timestamp,
    /// All that hold at once; none is no limit.
    pub rates: Vec<Rate>,
}

/// Returns when the last of `count` deliveries may begin on a lane where `begun` did before, oldest first; `now` where there is none.
///
/// It plays them through: what the past leaves of a day's quota counts, and so
/// does every window that is full on the way, and every change of the rates.
/// `stretches` are in the order of time; the first holds from `now` on.
pub fn finish(
    stretches: &[Stretch],
    begun: impl IntoIterator<Item = Timestamp>,
    now: Timestamp,
    count: u64,
) -> Timestamp {
    let memory = stretches.iter().map(|stretch| memory(&stretch.rates)).max().unwrap_or(0) as usize;
    let reach = stretches.iter().map(|stretch| reach(&stretch.rates)).max().unwrap_or_default();
    let mut ahead = stretches.iter().peekable();
    let mut rates: &[Rate] = ahead.next().map_or(&[], |first| &first.rates);
    let mut begun: VecDeque<Timestamp> = begun.into_iter().collect();
    let mut last = now;
    for _ in 0..count {
        last = loop {
            let back = |n: u32| {
                let place = begun.len().checked_sub(n as usize);
                Ok::<_, Infallible>(place.and_then(|place| begun.get(place).copied()))
            };
            let Ok(next) = earliest(rates, last, back);
            match ahead.next_if(|stretch| stretch.from <= next) {
                // Whoever would have to wait longer under the old rates asks anew under these.
                Some(stretch) => {
                    last = last.max(stretch.from);
                    rates = &stretch.rates;
                }
                None => break next,
            }
        };
        if rates.is_empty() {
            break;
        }
        begun.push_back(last);
        while begun
            .front()
            .is_some_and(|first| begun.len() > memory || after(*first, reach) <= last)
        {
            begun.pop_front();
        }
    }
    last
}

/// The longest window that is made even.
const EVEN: Duration = Duration::from_mins(1);

/// Returns the window that is made even, if any is.
fn even(rates: &[Rate]) -> Option<Duration> {
    rates.iter().map(|rate| rate.window).min().filter(|shortest| *shortest <= EVEN)
}

/// Returns the time between two beginnings that makes the shortest window even, rounded up to the microsecond a ledger keeps.
fn spacing(rates: &[Rate]) -> Duration {
    let Some(shortest) = even(rates) else { return Duration::ZERO };
    let fewest = rates.iter().filter(|rate| rate.window == shortest).map(|rate| rate.count).min();
    let nanos = shortest.as_nanos().div_ceil(u128::from(fewest.unwrap_or(1).max(1)));
    let micros = nanos.div_ceil(1_000);
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

fn after(instant: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait)
        .ok()
        .and_then(|wait| instant.checked_add(wait).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rates(written: &[&str]) -> Vec<Rate> {
        written.iter().map(|rate| rate.parse().expect("it is a rate")).collect()
    }

    fn always(rates: Vec<Rate>) -> [Stretch; 1] {
        [Stretch { from: Timestamp::MIN, rates }]
    }

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_microsecond(micros).expect("it is in range")
    }

    fn next(rates: &[Rate], begun: &[i64], now: i64) -> i64 {
        let back = |n: u32| {
            let place = begun.len().checked_sub(n as usize);
            Ok::<_, Infallible>(place.map(|place| at(begun[place])))
        };
        match earliest(rates, at(now), back) {
            Ok(instant) => instant.as_microsecond(),
            Err(never) => match never {},
        }
    }

    /// Asks for `asks` one after the other, each at its own moment, and returns when they begin.
    fn begin(rates: &[Rate], asks: impl IntoIterator<Item = i64>) -> Vec<i64> {
        let mut begun = Vec::new();
        for now in asks {
            begun.push(next(rates, &begun, now));
        }
        begun
    }

    #[test]
    fn five_a_second_is_one_every_200_milliseconds() {
        assert_eq!(
            begin(&rates(&["5/s"]), [0; 7]),
            [0, 200_000, 400_000, 600_000, 800_000, 1_000_000, 1_200_000]
        );
    }

    #[test]
    fn a_quota_alone_is_used_at_once() {
        assert_eq!(begin(&rates(&["3/day"]), [0; 4]), [0, 0, 0, 86_403_000_000]);
    }

    #[test]
    fn the_end_is_that_of_the_slowest_window_and_counts_what_was_used() {
        let day = 86_400 + 3;
        for (written, used, count, seconds) in [
            (&["5/s"][..], 0, 1, 0),
            (&["5/s"], 0, 11, 2),
            (&["100/s", "2000/day"], 0, 2_000, 19),
            (&["2000/day"], 0, 2_001, day),
            (&["2000/day"], 1_999, 2, day),
            (&["2000/day"], 2_000, 1, day),
            (&["500/day"], 500, 1_001, 3 * day),
            (&[], 9, 1_000, 0),
        ] {
            let begun = vec![at(0); used];
            let end = finish(&always(rates(written)), begun, at(0), count);
            assert_eq!(end.as_second(), seconds, "{written:?} {used} {count}");
        }
    }

    #[test]
    fn rates_that_change_on_the_way_hold_from_their_hour_on() {
        let (hour, day) = (3_600, 86_400 + 3);
        for (changes, used, count, seconds) in [
            // 20 now, 20 more when it is 40, the last 20 a day after the first.
            (&[(0, "20/day"), (10 * hour, "40/day")][..], 0, 60, day),
            (&[(0, "20/day"), (10 * hour, "40/day")], 0, 40, 10 * hour),
            (&[(0, "20/day"), (10 * hour, "40/day")], 20, 20, 10 * hour),
            (&[(0, "20/day"), (10 * hour, "40/day")], 0, 20, 0),
            (&[(0, "1/day"), (hour, "2/day"), (2 * hour, "4/day")], 0, 4, 2 * hour),
            // From then on there is no limit.
            (&[(0, "1/minute"), (hour, "")], 0, 1_000_000, hour),
            (&[(0, "1/minute"), (hour, "")], 0, 11, 10 * 60),
            // A stricter rate counts what began under the milder one.
            (&[(0, "1/s"), (10, "20/day")], 0, 21, day),
            (&[(0, ""), (10, "20/day")], 0, 21, 0),
        ] {
            let stretches: Vec<Stretch> = changes
                .iter()
                .map(|(from, written)| Stretch {
                    from: at(from * 1_000_000),
                    rates: written.split_terminator(',').map(|rate| rates(&[rate])[0]).collect(),
                })
                .collect();
            let end = finish(&stretches, vec![at(0); used], at(0), count);
            assert_eq!(end.as_second(), seconds, "{changes:?} {used} {count}");
        }
    }

    #[test]
    fn a_second_that_does_not_divide_is_rounded_up() {
        assert_eq!(begin(&rates(&["3/s"]), [0; 4]), [0, 333_334, 666_668, 1_000_002]);
    }

    #[test]
    fn a_quota_is_used_as_fast_as_the_shorter_window_allows_and_then_waits() {
        let begun = begin(&rates(&["3/day", "1/s"]), [0; 5]);
        let day = 86_403_000_000;
        assert_eq!(begun, [0, 1_000_000, 2_000_000, day, day + 1_000_000]);
    }

    #[test]
    fn what_was_not_used_is_not_saved_up() {
        assert_eq!(begin(&rates(&["2/s"]), [0, 9_000_000, 9_000_000]), [0, 9_000_000, 9_500_000]);
    }

    #[test]
    fn no_rate_is_no_wait() {
        assert_eq!(begin(&[], [5, 5, 7]), [5, 5, 7]);
    }

    #[test]
    fn a_window_beyond_the_end_of_time_waits_for_ever_and_does_not_panic() {
        let forever = Rate { count: 1, window: Duration::MAX };
        assert_eq!(next(&[forever], &[0], 0), Timestamp::MAX.as_microsecond());
    }

    /// Tells by counting, in the plainest way, whether a beginning at `t` keeps every rate.
    fn keeps(rates: &[Rate], begun: &[i64], t: i64) -> bool {
        let newest = begun.last().copied();
        let micros = |window: Duration| i64::try_from(window.as_micros()).expect("it is short");
        let counts = rates.iter().all(|rate| {
            let within = begun.iter().filter(|begun| t - **begun < micros(rate.window)).count();
            within < rate.count as usize
        });
        let shortest = rates.iter().map(|rate| rate.window).min().unwrap_or_default();
        let even = rates.iter().filter(|rate| rate.window == shortest).all(|rate| {
            newest.is_none_or(|newest| (t - newest) * i64::from(rate.count) >= micros(rate.window))
        });
        counts && even
    }

    proptest! {
        /// A message that leaves late, and one a window later that leaves at once, are no closer than the window.
        #[test]
        fn at_the_relay_no_quota_is_exceeded_however_late_each_message_leaves(
            rates in prop::sample::select(vec![
                rates(&["1/hour"]), rates(&["3/hour"]), rates(&["5/hour", "2/s"]), rates(&["9/day", "4/hour"]),
                rates(&["7/minute", "2/s"]),
            ]),
            asks in prop::collection::vec((0_i64..4_000, 0..=LATE.as_millis()), 1..40),
            wait in prop::sample::select(vec![1_000, 1_000_000]),
        ) {
            let (mut begun, mut left, mut now) = (Vec::new(), Vec::new(), 0);
            for (pause, late) in asks {
                now += pause * wait;
                begun.push(next(&rates, &begun, now));
                let late = i64::try_from(late * 1_000).expect("it is short");
                left.push(begun[begun.len() - 1] + late);
            }
            left.sort_unstable();
            for rate in rates.iter().filter(|rate| is_quota(rate, &rates)) {
                let count = rate.count as usize;
                let window = i64::try_from(rate.window.as_micros()).expect("it is short");
                prop_assert!(left.windows(count + 1).all(|run| run[count] - run[0] >= window));
            }
        }
    }

    fn any_rates() -> impl Strategy<Value = Vec<Rate>> {
        let rate = (1_u32..9, 1_u64..4_000)
            .prop_map(|(count, millis)| Rate { count, window: Duration::from_millis(millis) });
        prop::collection::vec(rate, 1..4)
    }

    proptest! {
        #[test]
        fn no_window_is_ever_exceeded_and_nothing_waits_longer_than_it_must(
            rates in any_rates(),
            asks in prop::collection::vec((0_i64..3_000_000, 1_usize..7), 1..25),
        ) {
            let reach = i64::try_from(reach(&rates).as_micros()).expect("it is short");
            let (mut begun, mut remembered, mut now) = (Vec::new(), Vec::new(), 0);
            for (pause, batch) in asks {
                now += pause;
                for _ in 0..batch {
                    let t = next(&rates, &remembered, now);
                    prop_assert!(t >= now);
                    prop_assert!(keeps(&rates, &begun, t), "{t} breaks {rates:?} after {begun:?}");
                    prop_assert!(t == now || !keeps(&rates, &begun, t - 1), "{t} is late");
                    begun.push(t);
                    remembered.push(t);
                }
                // A restart remembers no more than it must.
                remembered.retain(|begun| begun + reach > now);
                let spare = remembered.len().saturating_sub(memory(&rates) as usize);
                remembered.drain(..spare);
            }
            let last = begun.last().copied().unwrap_or(0);
            prop_assert_eq!(
                finish(&always(rates.clone()), begun.iter().copied().map(at), at(last), 3).as_microsecond(),
                (0..3).fold((last, begun.clone()), |(now, mut begun), _| {
                    let t = next(&rates, &begun, now);
                    begun.push(t);
                    (t, begun)
                }).0,
                "the end is where three more asks come to"
            );
            for rate in &rates {
                let count = rate.count as usize;
                let window = i64::try_from(rate.window.as_micros()).expect("it is short");
                prop_assert!(begun.windows(count + 1).all(|run| run[count] - run[0] >= window));
            }
        }
    }
}
