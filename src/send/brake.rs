//! What holds a lane back for a while: a pause, and after it a slower pace that grows again.
//!
//! ```text
//! free --"too fast"--> closed 5 min --> half as fast --5 clean minutes--> + 10 % --> ... --> free
//!                        ^                   |
//!                        +----"too fast"-----+  then 15, 30, 60, 120 minutes, and half of that half
//! ```
//!
//! A pure state machine: the present, the pace so far and the dice are
//! arguments. The ledger keeps its state, so a restart forgets no pause.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::Rate;

/// How long a lane is closed after the first "too fast", the second, and so on; the last one repeats.
const COOL_OFF: [Duration; 5] = [
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
];

/// How long a lane has to stay clean to become a tenth faster.
const CLEAN: Duration = Duration::from_mins(5);

/// Says what holds a lane back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brake {
    /// Nothing begins before.
    pub until: Timestamp,
    /// Why, in the words of whoever refused us.
    pub why: String,
    /// How fast from then on; `None` is a pause and nothing more.
    pub slowed: Option<Slowed>,
}

/// A pace that grows again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slowed {
    /// How many a minute when the lane opens again; at least 1.
    pub per_minute: u32,
    /// How many a minute it was before anybody complained: there the brake is off.
    pub before: u32,
    /// How often in a row it was too fast, counted from 1.
    pub times: u32,
}

impl Brake {
    /// Follows "too fast": half of the pace, at least one a minute, after a while of nothing.
    ///
    /// `pace` is how many a minute began until now. While the lane is closed
    /// the same complaint may come from every connection that was at work;
    /// it is heard once. `dice` makes the pause up to a fifth longer, so that
    /// senders who were refused together do not come back together.
    #[must_use]
    pub fn slower(last: Option<&Self>, now: Timestamp, pace: u32, why: &str, dice: u16) -> Self {
        if let Some(last) = last.filter(|last| last.is_closed(now) && last.slowed.is_some()) {
            return last.clone();
        }
        let slowed = match last.and_then(|last| Some((last.slowed?, last.per_minute(now)?))) {
            Some((slowed, per_minute)) => Slowed {
                per_minute: (per_minute / 2).max(1),
                before: slowed.before,
                times: slowed.times.saturating_add(1),
            },
            None => Slowed { per_minute: (pace / 2).max(1), before: pace.max(2), times: 1 },
        };
        let step = usize::try_from(slowed.times - 1).unwrap_or(usize::MAX);
        let pause = COOL_OFF[step.min(COOL_OFF.len() - 1)];
        let longer = pause * u32::from(dice) / u32::from(u16::MAX) / 5;
        let until = after(now, pause + longer).max(last.map_or(now, |last| last.until));
        Self { until, why: why.to_owned(), slowed: Some(slowed) }
    }

    /// Closes a lane for `length`, or for longer where it is closed for longer already.
    #[must_use]
    pub fn pause(last: Option<&Self>, now: Timestamp, length: Duration, why: &str) -> Self {
        let until = after(now, length);
        match last.filter(|last| !last.is_over(now)) {
            Some(last) if last.until >= until => last.clone(),
            last => Self { until, why: why.to_owned(), slowed: last.and_then(|last| last.slowed) },
        }
    }

    /// Tells whether nothing may begin now.
    pub fn is_closed(&self, now: Timestamp) -> bool {
        now < self.until
    }

    /// Tells whether it holds nothing back any more.
    pub fn is_over(&self, now: Timestamp) -> bool {
        !self.is_closed(now) && self.per_minute(now).is_none()
    }

    /// Returns the rate that holds besides the lane's own ones, or `None` where the brake is off.
    pub fn rate(&self, now: Timestamp) -> Option<Rate> {
        let count = self.per_minute(now)?;
        Some(Rate { count, window: Duration::from_mins(1) })
    }

    /// Returns when it holds back less than at an instant; `None` where nothing is to come.
    pub fn eases(&self, now: Timestamp) -> Option<Timestamp> {
        if self.is_closed(now) {
            return Some(self.until);
        }
        self.per_minute(now)?;
        let steps = u32::try_from(self.steps(now) + 1).unwrap_or(u32::MAX);
        Some(after(self.until, CLEAN.saturating_mul(steps)))
    }

    /// Returns how many connections of `all` are to be used.
    pub fn connections(&self, now: Timestamp, all: usize) -> usize {
        let fewer = match self.slowed {
            Some(slowed) if !self.is_over(now) => usize::try_from(slowed.times).unwrap_or(all),
            _ => 0,
        };
        all.saturating_sub(fewer).max(1)
    }

    /// Returns how many a minute may begin: a tenth more for every five clean minutes, until it is what it was.
    fn per_minute(&self, now: Timestamp) -> Option<u32> {
        let slowed = self.slowed?;
        let mut per_minute = slowed.per_minute;
        for _ in 0..self.steps(now) {
            if per_minute >= slowed.before {
                break;
            }
            per_minute = per_minute.saturating_add((per_minute / 10).max(1));
        }
        (per_minute < slowed.before).then_some(per_minute)
    }

    /// Counts how often five clean minutes went by.
    fn steps(&self, now: Timestamp) -> u64 {
        let clean = Duration::try_from(now.duration_since(self.until)).unwrap_or_default();
        clean.as_secs() / CLEAN.as_secs()
    }
}

fn after(instant: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    instant.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn minute(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_000_000_000 + minutes * 60).expect("it is in range")
    }

    fn shown(rate: Option<Rate>) -> String {
        rate.map_or("free".to_owned(), |rate| rate.to_string())
    }

    #[test]
    fn too_fast_halves_and_five_clean_minutes_give_a_tenth_back() {
        let brake = Brake::slower(None, minute(0), 100, "454 Throttling failure", 0);
        assert!(brake.is_closed(minute(4)) && !brake.is_closed(minute(5)));
        for (after, rate) in
            [(5, "50/minute"), (9, "50/minute"), (10, "55/minute"), (15, "60/minute")]
        {
            assert_eq!(shown(brake.rate(minute(after))), rate, "after {after} minutes");
        }
        assert_eq!(shown(brake.rate(minute(40))), "94/minute");
        assert_eq!(shown(brake.rate(minute(45))), "free", "it is as it was");
        assert!(brake.is_over(minute(45)));
        let eases =
            |at| brake.eases(minute(at)).map(|then| (then.as_second() - 1_000_000_000) / 60);
        for (now, then) in [(0, Some(5)), (5, Some(10)), (9, Some(10)), (40, Some(45)), (45, None)]
        {
            assert_eq!(eases(now), then, "after {now} minutes");
        }
    }

    #[test]
    fn the_pauses_grow_to_two_hours_and_the_pace_falls_to_one_a_minute() {
        let (mut now, mut brake) = (minute(0), None);
        let mut met = Vec::new();
        for _ in 0..7 {
            let next = Brake::slower(brake.as_ref(), now, 40, "421 4.7.28", 0);
            let pause = next.until.duration_since(now).as_secs() / 60;
            met.push((pause, next.slowed.expect("it is slowed").per_minute));
            now = next.until;
            brake = Some(next);
        }
        assert_eq!(met, [(5, 20), (15, 10), (30, 5), (60, 2), (120, 1), (120, 1), (120, 1)]);
    }

    #[test]
    fn connections_that_were_refused_together_are_heard_once() {
        let first = Brake::slower(None, minute(0), 600, "too fast", 0);
        assert_eq!(Brake::slower(Some(&first), minute(1), 600, "too fast", 9), first);
    }

    #[test]
    fn a_connection_less_for_every_time_and_one_always_stays() {
        let brake = |times| Brake {
            until: minute(0),
            why: String::new(),
            slowed: Some(Slowed { per_minute: 1, before: 1_000, times }),
        };
        let left = [1, 3, 9].map(|times| brake(times).connections(minute(1), 4));
        assert_eq!(left, [3, 1, 1]);
        assert_eq!(brake(1).connections(minute(100_000), 4), 4, "the brake is off");
    }

    #[test]
    fn a_pause_never_becomes_shorter_and_keeps_the_pace() {
        let slowed = Brake::slower(None, minute(0), 100, "too fast", 0);
        let paused = Brake::pause(Some(&slowed), minute(1), Duration::from_hours(2), "[TSS04]");
        assert_eq!((paused.until, paused.why.as_str()), (minute(121), "[TSS04]"));
        assert_eq!(paused.slowed, slowed.slowed);
        let shorter = Brake::pause(Some(&paused), minute(2), Duration::from_mins(5), "blocked");
        assert_eq!(shorter, paused);
    }

    proptest! {
        #[test]
        fn whatever_comes_a_lane_keeps_a_pace_and_gets_its_own_back(
            events in prop::collection::vec((0_i64..300, any::<u32>(), any::<u16>(), any::<bool>()), 1..40),
        ) {
            let (mut now, mut brake) = (minute(0), None::<Brake>);
            for (wait, pace, dice, is_pause) in events {
                now = now.checked_add(SignedDuration::from_mins(wait)).expect("in range");
                let free = brake.as_ref().and_then(|brake| brake.rate(now));
                let next = if is_pause {
                    Brake::pause(brake.as_ref(), now, Duration::from_mins(7), "paused")
                } else {
                    Brake::slower(brake.as_ref(), now, pace, "too fast", dice)
                };
                prop_assert!(next.until > now);
                prop_assert!(brake.is_none_or(|brake| next.until >= brake.until));
                if let Some(slowed) = next.slowed {
                    prop_assert!(slowed.per_minute >= 1 && slowed.per_minute < slowed.before);
                    prop_assert!(free.is_none_or(|free| slowed.per_minute <= free.count));
                }
                prop_assert!((1..=8).contains(&next.connections(now, 8)));
                brake = Some(next);
            }
            // An hour for each doubling, and a year is enough for any.
            let last = brake.expect("something came");
            let end = last.until.checked_add(SignedDuration::from_hours(24 * 365)).expect("in range");
            prop_assert!(last.is_over(end));
            let mut faster = last.until;
            let mut pace = 0;
            while let Some(rate) = last.rate(faster) {
                prop_assert!(rate.count >= pace);
                pace = rate.count;
                faster = faster.checked_add(SignedDuration::from_mins(5)).expect("in range");
            }
        }
    }
}
