//! A script while it is played: each rule with what it remembers of the times its step was reached.

use std::{
    collections::{HashMap, VecDeque, hash_map::RandomState},
    hash::BuildHasher,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{Firing, Rule, Script};
use crate::{
    model::{Rate, Stage},
    outbox::lock,
};

/// The rules, each with its memory.
#[derive(Debug, Default)]
pub(in crate::outbox) struct Play {
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    rule: Rule,
    /// How many times its step was reached for whom it is about.
    met: AtomicU64,
    played: AtomicU64,
    /// When each recipient first came.
    first: Mutex<Guests>,
    /// When those came that a rate let pass, oldest first.
    lately: Mutex<VecDeque<Instant>>,
}

impl Play {
    /// Begins at the beginning.
    pub(in crate::outbox) fn new(script: Script) -> Self {
        let parts = script.rules.into_iter().map(|rule| Part {
            rule,
            met: AtomicU64::new(0),
            played: AtomicU64::new(0),
            first: Mutex::default(),
            lately: Mutex::default(),
        });
        Self { parts: parts.collect() }
    }

    /// Tells what to do at `stage`, where `to` are the recipients it is about; `None` for the usual.
    pub(in crate::outbox) fn act(&self, stage: Stage, to: &[String]) -> Option<&Rule> {
        let mut played = None;
        for part in self.parts.iter().filter(|part| part.rule.is_about(stage, to)) {
            // Every rule counts, also those that another goes before.
            if part.fires(to) && played.is_none() {
                part.played.fetch_add(1, Ordering::Relaxed);
                played = Some(&part.rule);
            }
        }
        played
    }

    /// Returns how many times each rule was played, by its line.
    pub(in crate::outbox) fn played(&self) -> Vec<(usize, u64)> {
        let parts = self.parts.iter();
        parts.map(|part| (part.rule.line, part.played.load(Ordering::Relaxed))).collect()
    }
}

impl Rule {
    fn is_about(&self, stage: Stage, to: &[String]) -> bool {
        self.stage == stage && (self.to.is_empty() || to.iter().any(|to| holds(to, &self.to)))
    }
}

impl Part {
    fn fires(&self, to: &[String]) -> bool {
        let time = self.met.fetch_add(1, Ordering::Relaxed) + 1;
        match self.rule.firing {
            Firing::Always => true,
            Firing::Between(first, last) => (first..=last).contains(&time),
            Firing::Every(period) => time.is_multiple_of(period),
            Firing::Share(millionths) => {
                let due = |time: u64| time.saturating_mul(millionths.into()) / 1_000_000;
                due(time) > due(time - 1)
            }
            Firing::First(span) => {
                let (mut guests, now) = (lock(&self.first), Instant::now());
                // All of them are looked at, so that each is remembered.
                to.iter().filter(|to| guests.is_new(to, now, span)).count() > 0
            }
            Firing::Over(rate) => !passes(&mut lock(&self.lately), rate, Instant::now()),
        }
    }
}

/// Tells whether one more may pass under `rate`, and notes it if so.
fn passes(lately: &mut VecDeque<Instant>, rate: Rate, now: Instant) -> bool {
    while lately.front().is_some_and(|at| now.duration_since(*at) >= rate.window) {
        lately.pop_front();
    }
    let may = lately.len() < rate.count as usize;
    if may {
        lately.push_back(now);
    }
    may
}

/// Tells whether `pattern` stands in `address`, without regard to case; each `*` stands for anything.
fn holds(address: &str, pattern: &str) -> bool {
    let address = address.to_ascii_lowercase();
    let mut rest = address.as_str();
    pattern.to_ascii_lowercase().split('*').all(|piece| {
        rest.split_once(piece).is_some_and(|(_, after)| {
            rest = after;
            true
        })
    })
}

/// How many recipients a rule remembers, at least; twice as many at most.
const GUESTS: usize = 500_000;

/// When each recipient first came, as hashes; of too many the older half is forgotten.
#[derive(Debug, Default)]
struct Guests {
    hasher: RandomState,
    recent: HashMap<u64, Instant>,
    before: HashMap<u64, Instant>,
}

impl Guests {
    /// Tells whether this is the first time of a recipient, or within `span` of it.
    fn is_new(&mut self, to: &str, now: Instant, span: Duration) -> bool {
        let key = self.hasher.hash_one(to.to_ascii_lowercase());
        if let Some(first) = self.recent.get(&key).or_else(|| self.before.get(&key)) {
            return now.duration_since(*first) < span;
        }
        if self.recent.len() >= GUESTS {
            self.before = std::mem::take(&mut self.recent);
        }
        self.recent.insert(key, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::Action;

    fn play(script: &str) -> Play {
        Play::new(script.parse().expect("it is a script"))
    }

    /// Returns which of these recipients, by their place from 1, a rule is played for.
    fn hit<'a>(play: &Play, to: impl IntoIterator<Item = &'a str>) -> Vec<usize> {
        let acts = to.into_iter().map(|to| play.act(Stage::Rcpt, &[to.to_owned()]).is_some());
        (1..).zip(acts).filter(|(_, hit)| *hit).map(|(place, _)| place).collect()
    }

    #[test]
    fn rules_count_the_times_their_own_step_is_reached() {
        let play = play("rcpt 2 close\nrcpt to=b@ reset\nrcpt /4 stall");
        let acts: Vec<_> = ["a@x", "a@x", "b@x", "a@x", "a@x"]
            .map(|to| play.act(Stage::Rcpt, &[to.to_owned()]).map(|rule| rule.action.clone()))
            .into();
        let expected =
            vec![None, Some(Action::Close), Some(Action::Reset), Some(Action::Stall), None];
        assert_eq!(acts, expected);
        assert_eq!(play.act(Stage::Mail, &[]), None);
        assert_eq!(play.played(), [(1, 1), (2, 1), (3, 1)]);
    }

    #[test]
    fn a_share_is_met_exactly_and_spread_evenly() {
        let twenty = hit(&play("rcpt 5% close"), std::iter::repeat_n("a@x", 100));
        assert_eq!(twenty, [20, 40, 60, 80, 100]);
        assert_eq!(hit(&play("rcpt 40% close"), std::iter::repeat_n("a@x", 10)), [3, 5, 8, 10]);
        assert_eq!(hit(&play("rcpt 0.1% close"), std::iter::repeat_n("a@x", 2_000)), [1000, 2000]);
    }

    #[test]
    fn the_first_try_of_each_is_known_however_it_is_written() {
        let tries = ["a@x", "b@x", "A@x", "b@x", "c@x"];
        assert_eq!(hit(&play("rcpt first close"), tries), [1, 2, 5]);
        assert_eq!(hit(&play("rcpt first 1h close"), tries), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn what_comes_faster_than_a_rate_is_hit_and_does_not_count() {
        assert_eq!(hit(&play("rcpt over 3/h close"), ["a@x"; 5]), [4, 5]);
        let (mut lately, rate, start) =
            (VecDeque::new(), "2/s".parse().expect("a rate"), Instant::now());
        let passed = [0, 100, 200, 999, 1_000, 1_050, 1_100]
            .map(|millis| super::passes(&mut lately, rate, start + Duration::from_millis(millis)));
        assert_eq!(passed, [true, true, false, false, true, false, true]);
    }

    #[test]
    fn a_pattern_fits_a_part_of_an_address() {
        for (pattern, expected) in [
            ("@b.example", true),
            ("ANNA", true),
            ("anna*.example", true),
            ("*", true),
            ("b.example*anna", false),
            ("hans", false),
        ] {
            assert_eq!(holds("Anna@B.example", pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn of_too_many_recipients_the_older_half_is_forgotten() {
        let (mut guests, now) = (Guests::default(), Instant::now());
        let mut is_new = |number: usize| guests.is_new(&number.to_string(), now, Duration::ZERO);
        assert!((0..GUESTS).all(&mut is_new));
        assert!(!is_new(0));
        assert!((GUESTS..=2 * GUESTS).all(&mut is_new));
        assert!(is_new(0), "it was forgotten");
        assert!(guests.recent.len() + guests.before.len() <= 2 * GUESTS);
    }
}
