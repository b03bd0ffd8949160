//! Deliveries that are claimed and wait to be handed out, in one line for each provider that has a pace of its own.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{brake::Brake, provider};
use crate::{
    ledger::{Claim, Lane, Wish},
    model::Rate,
};

/// The most deliveries that wait for a provider's own pace.
const STOCK: u64 = 128;

/// How long what waits for a pace should last.
const LASTS: Duration = Duration::from_secs(30);

/// How much of a pace is reserved at once: a twentieth of a second's worth, so one for anything up to 20/s.
const AT_ONCE: Duration = Duration::from_millis(50);

/// The most that is reserved at once.
const AT_ONCE_MAX: u64 = 256;

/// A claim that is not handed out yet, and until when it holds on this machine's own clock.
pub(super) struct Held {
    pub(super) claim: Claim,
    pub(super) lease_ends: Instant,
}

/// Whoever waits for the same thing.
pub(super) struct Line {
    /// Whose mailboxes; empty for everybody who has no line of their own.
    pub(super) provider: String,
    /// What was set for them.
    pub(super) rates: Vec<Rate>,
    /// What holds them back for a while.
    pub(super) brake: Option<Brake>,
    /// The deliveries, the oldest claim first.
    pub(super) waiting: VecDeque<Held>,
    /// When one more may be asked for, on this machine's own clock.
    pub(super) next: Instant,
    /// How fast it goes.
    pub(super) pace: Pace,
}

impl Line {
    pub(super) fn new(provider: &str, rates: Vec<Rate>, brake: Option<Brake>) -> Self {
        Self {
            provider: provider.to_owned(),
            rates,
            brake,
            waiting: VecDeque::new(),
            next: Instant::now(),
            pace: Pace::default(),
        }
    }

    /// Tells whether nothing may begin here now.
    pub(super) fn is_closed(&self, now: Timestamp) -> bool {
        self.brake.as_ref().is_some_and(|brake| brake.is_closed(now))
    }

    /// Returns every rate that holds now.
    pub(super) fn rates(&self, now: Timestamp) -> Vec<Rate> {
        let braked = self.brake.as_ref().and_then(|brake| brake.rate(now));
        self.rates.iter().copied().chain(braked).collect()
    }

    /// Returns how many are best held in stock: what goes out in half a minute.
    pub(super) fn stock(&self, now: Timestamp) -> usize {
        capacity(&self.rates(now), LASTS)
            .map_or(usize::MAX, |count| as_usize(count.clamp(1, STOCK)))
    }

    /// Returns what to ask the ledger for.
    pub(super) fn wish(&self, relay: &Relay, now: Timestamp) -> Wish {
        let rates = self.rates(now);
        let at_once = capacity(&rates, AT_ONCE)
            .into_iter()
            .chain(capacity(&relay.rates(now), AT_ONCE))
            .min()
            .unwrap_or(AT_ONCE_MAX);
        let lane = Lane { name: Lane::to(&relay.lane, &self.provider), rates };
        Wish {
            lane: (!lane.rates.is_empty()).then_some(lane),
            count: self.waiting.len().min(as_usize(at_once.clamp(1, AT_ONCE_MAX))),
        }
    }

    /// Returns the domains whose readers wait here.
    pub(super) fn domains(&self) -> impl Iterator<Item = String> {
        provider::domains(&self.provider).into_iter().map(str::to_owned)
    }
}

/// What all lines share.
pub(super) struct Relay {
    /// Its lane in the ledger.
    pub(super) lane: String,
    /// What was set for it.
    pub(super) rates: Vec<Rate>,
    /// What holds it back for a while.
    pub(super) brake: Option<Brake>,
}

impl Relay {
    /// Tells whether it keeps nobody waiting.
    pub(super) fn is_free(&self) -> bool {
        self.rates.is_empty() && self.brake.is_none()
    }

    /// Returns every rate that holds now.
    pub(super) fn rates(&self, now: Timestamp) -> Vec<Rate> {
        let braked = self.brake.as_ref().and_then(|brake| brake.rate(now));
        self.rates.iter().copied().chain(braked).collect()
    }

    /// Returns its lane as it is now.
    pub(super) fn lane(&self, now: Timestamp) -> Lane {
        Lane { name: self.lane.clone(), rates: self.rates(now) }
    }
}

/// Returns how many may begin in `length` under all rates; `None` where there is none.
pub(super) fn capacity(rates: &[Rate], length: Duration) -> Option<u64> {
    let in_length =
        |rate: &Rate| u128::from(rate.count) * length.as_millis() / rate.window.as_millis().max(1);
    rates.iter().map(in_length).min().map(|count| u64::try_from(count).unwrap_or(u64::MAX))
}

fn as_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Counts how many begin in a minute.
#[derive(Default)]
pub(super) struct Pace {
    since: Option<Instant>,
    now: u32,
    before: Option<u32>,
}

impl Pace {
    pub(super) fn note(&mut self) {
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() >= MINUTE {
            self.before = Some(self.now);
            self.now = 0;
            self.since = Some(Instant::now());
        }
        self.now = self.now.saturating_add(1);
    }

    /// Returns the last full minute's count, or what this one would come to.
    pub(super) fn per_minute(&self) -> u32 {
        let seconds = self.since.map_or(MINUTE, |since| since.elapsed()).as_secs().max(1);
        let projected = u64::from(self.now) * MINUTE.as_secs() / seconds.min(MINUTE.as_secs());
        self.before.unwrap_or(u32::try_from(projected).unwrap_or(u32::MAX))
    }
}

const MINUTE: Duration = Duration::from_mins(1);
