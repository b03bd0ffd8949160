//! When an issue ends at the soonest: as its rates, what holds it back and what began already allow. `plan` says so, and whatever watches a send promises nothing sooner.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    Failure,
    brakes::{self, InForce},
    newsroom::Newsroom,
    words::clock_time,
};
use crate::{
    ledger::{Lane, Ledger},
    model::{DeliveryState, Rate},
    send::{
        PATIENCE,
        brake::Brake,
        provider::provider,
        throttle::{self, Stretch},
    },
};

/// How many readers are left, of all and at each provider that has a rate of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Left {
    pub(super) all: u64,
    pub(super) at_providers: BTreeMap<String, u64>,
}

/// How long it took at the soonest from some moment on.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    since: Instant,
    takes: Duration,
}

impl Left {
    /// Counts who is left of a frozen issue.
    pub(super) async fn of(
        newsroom: &Newsroom,
        ledger: &dyn Ledger,
        issue: i64,
    ) -> Result<Self, Failure> {
        let domains = newsroom.publication.relay.domains.keys();
        let mut at_providers: BTreeMap<String, u64> =
            domains.map(|domain| (provider(domain).to_owned(), 0)).collect();
        let open: Vec<_> = DeliveryState::ALL.into_iter().filter(|state| state.is_open()).collect();
        let mut after = None;
        while !at_providers.is_empty() {
            let page = ledger.deliveries(issue, &open, after, PAGE).await?;
            for delivery in &page {
                if let Some(count) = at_providers.get_mut(provider(delivery.address.domain())) {
                    *count += 1;
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.slot),
                _ => break,
            }
        }
        Ok(Self { all: ledger.tally(issue).await?.remaining, at_providers })
    }

    /// Returns what `count` of them are at least: who waits for a provider's rate comes last.
    pub(super) fn first(mut self, count: u64) -> Self {
        let spared = self.all.saturating_sub(count);
        self.all -= spared;
        self.at_providers.values_mut().for_each(|left| *left = left.saturating_sub(spared));
        self
    }
}

/// How many deliveries are read at once.
const PAGE: usize = 10_000;

impl End {
    /// Foresees when the last of those who are left may begin. An estimate: whom servers defer comes later.
    pub(super) async fn of(
        newsroom: &Newsroom,
        ledger: &dyn Ledger,
        brakes: &[InForce],
        left: &Left,
    ) -> Result<Self, Failure> {
        let (relay, now) = (&newsroom.publication.relay, ledger.now().await?);
        let (name, brake) = (relay.url.lane(), brakes::on(brakes, None));
        // Where the relay is left alone, so is every provider behind it.
        let opens = brake.map_or(now, |brake| brake.until.max(now));
        let shared = stretches(opens, brake, |at| relay.rates(at), |at| relay.rates_change(at));
        let mut end = finish(ledger, name.clone(), &shared, opens, left.all).await?;
        for (provider, count) in &left.at_providers {
            let (rates, brake) = (rates_to(newsroom, provider), brakes::on(brakes, Some(provider)));
            let opens = brake.map_or(opens, |brake| brake.until.max(opens));
            let own = stretches(opens, brake, |_| rates.clone(), |_| None);
            end = end.max(finish(ledger, Lane::to(&name, provider), &own, opens, *count).await?);
        }
        Ok(Self::in_a_while(Duration::try_from(end.duration_since(now)).unwrap_or_default()))
    }

    /// Returns the end that is so far away now.
    pub(super) fn in_a_while(takes: Duration) -> Self {
        Self { since: Instant::now(), takes }
    }

    /// Returns how long it takes at least from the moment it was foreseen.
    pub(super) fn takes(&self) -> Duration {
        self.takes
    }

    /// Returns how long it takes at least from now on.
    pub(super) fn left(&self) -> Duration {
        self.takes.saturating_sub(self.since.elapsed())
    }

    /// Puts it off where nothing more begins before an instant.
    pub(super) fn not_before(self, until: Timestamp) -> Self {
        let wait = Duration::try_from(until.duration_since(Timestamp::now())).unwrap_or_default();
        if wait > self.left() { Self::in_a_while(wait) } else { self }
    }
}

/// A rate that lets nobody begin for longer than a run would wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct UsedUp {
    /// Whose own rate it is; `None` of the relay's, which holds for everybody.
    pub(super) provider: Option<String>,
    /// When the next may begin.
    pub(super) until: Timestamp,
}

impl UsedUp {
    /// Finds those of the relay and of each provider; a provider's only where it holds for longer than the relay's.
    pub(super) async fn all(
        newsroom: &Newsroom,
        ledger: &dyn Ledger,
    ) -> Result<Vec<Self>, Failure> {
        let (relay, now) = (&newsroom.publication.relay, ledger.now().await?);
        let name = relay.url.lane();
        let is_long = |until: Timestamp| {
            Duration::try_from(until.duration_since(now)).is_ok_and(|wait| wait > PATIENCE)
        };
        let shared = stretches(now, None, |at| relay.rates(at), |at| relay.rates_change(at));
        let everybody = finish(ledger, name.clone(), &shared, now, 1).await?;
        let mut found = vec![Self { provider: None, until: everybody }];
        let providers: BTreeSet<_> = relay.domains.keys().map(|domain| provider(domain)).collect();
        for provider in providers {
            let rates = rates_to(newsroom, provider);
            let own = stretches(now, None, |_| rates.clone(), |_| None);
            let until = finish(ledger, Lane::to(&name, provider), &own, now, 1).await?;
            if until > everybody {
                found.push(Self { provider: Some(provider.to_owned()), until });
            }
        }
        found.retain(|found| is_long(found.until));
        Ok(found)
    }

    /// Says whose, and until when.
    pub(super) fn words(&self) -> String {
        let whose = self.provider.as_ref().map(|name| format!(" to {name}")).unwrap_or_default();
        format!("the rate{whose} is used up until {}", clock_time(self.until))
    }
}

/// Returns the rates of a provider's own.
pub(super) fn rates_to(newsroom: &Newsroom, name: &str) -> Vec<Rate> {
    let domains = newsroom.publication.relay.domains.iter();
    domains
        .filter(|(domain, _)| provider(domain) == name)
        .flat_map(|(_, rates)| rates.clone())
        .collect()
}

/// Lists what holds on a lane from an instant on: its rates, each time they change, and what a brake lets through.
fn stretches(
    from: Timestamp,
    brake: Option<&Brake>,
    rates: impl Fn(Timestamp) -> Vec<Rate>,
    change: impl Fn(Timestamp) -> Option<Timestamp>,
) -> Vec<Stretch> {
    let eases = |at| brake.and_then(|brake| brake.eases(at));
    iter::successors(Some(from), |at| eases(*at).into_iter().chain(change(*at)).min())
        .map(|from| {
            let braked = brake.and_then(|brake| brake.rate(from));
            Stretch { from, rates: rates(from).into_iter().chain(braked).collect() }
        })
        .collect()
}

/// Returns when the last of `count` may begin on a lane that opens at an instant.
async fn finish(
    ledger: &dyn Ledger,
    name: String,
    stretches: &[Stretch],
    opens: Timestamp,
    count: u64,
) -> Result<Timestamp, Failure> {
    if count == 0 {
        return Ok(Timestamp::MIN);
    }
    let rates = stretches.first().map(|first| first.rates.clone()).unwrap_or_default();
    let begun = ledger.beginnings(&Lane { name, rates }).await?;
    Ok(throttle::finish(stretches, begun, opens, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_a_providers_rate_comes_last() {
        let left = Left { all: 10, at_providers: [("gmail".to_owned(), 6)].into() };
        for (count, all, gmail) in [(10, 10, 6), (99, 10, 6), (7, 7, 3), (4, 4, 0), (1, 1, 0)] {
            let first = left.clone().first(count);
            assert_eq!((first.all, first.at_providers["gmail"]), (all, gmail), "{count}");
        }
    }

    #[test]
    fn an_end_is_put_off_and_never_brought_forward() {
        let minutes = |end: End| end.left().as_secs().div_ceil(60);
        let end = End::in_a_while(Duration::from_mins(10));
        let at = |minutes| Timestamp::now() + Duration::from_mins(minutes);
        assert_eq!(minutes(end.not_before(at(5))), 10);
        assert_eq!(minutes(end.not_before(at(30))), 30);
        assert_eq!(minutes(end.not_before(Timestamp::MIN)), 10);
    }

    #[test]
    fn a_lane_changes_with_its_warm_up_and_its_brake() {
        let at = |minutes: i64| Timestamp::UNIX_EPOCH + Duration::from_mins(minutes.unsigned_abs());
        let brake = Brake::slower(None, at(0), 20, "too fast", 0);
        let doubles = at(12);
        let rate = |at| if at < doubles { "2/s" } else { "4/s" };
        let rates = |at| vec![rate(at).parse().expect("a rate")];
        let found = stretches(at(5), Some(&brake), rates, |at| (at < doubles).then_some(doubles));
        let shown: Vec<String> = found
            .iter()
            .take(4)
            .map(|stretch| {
                let minute = stretch.from.as_second() / 60;
                let rates: Vec<_> = stretch.rates.iter().map(ToString::to_string).collect();
                format!("{minute}: {}", rates.join(", "))
            })
            .collect();
        assert_eq!(
            shown,
            ["5: 2/s, 10/minute", "10: 2/s, 11/minute", "12: 4/s, 11/minute", "15: 4/s, 12/minute"]
        );
        assert_eq!(found.last().map(|stretch| stretch.rates.len()), Some(1), "then it is off");
    }
}
