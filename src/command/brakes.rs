//! Which pauses and slower paces hold the relay and providers back now, in words.

use jiff::Timestamp;

use super::{
    Failure,
    newsroom::Newsroom,
    words::{clock_time, printable},
};
use crate::{
    ledger::{Lane, Ledger},
    send::brake::Brake,
};

/// A brake, and whom it holds back.
pub(super) struct InForce {
    /// Whose mailboxes; `None` for everybody's.
    pub(super) provider: Option<String>,
    pub(super) brake: Brake,
    now: Timestamp,
}

/// Finds the brakes on the publication's relay and its providers that are not over.
pub(super) async fn in_force(
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
) -> Result<Vec<InForce>, Failure> {
    let (lane, now) = (newsroom.publication.relay.url.lane(), ledger.now().await?);
    let brakes = ledger.brakes(&lane).await?.into_iter();
    Ok(brakes
        .filter(|(_, brake)| !brake.is_over(now))
        .map(|(name, brake)| {
            let provider = Lane::provider(&lane, &name).map(str::to_owned);
            InForce { provider, brake, now }
        })
        .collect())
}

/// Returns what holds back a provider, or with `None` the relay.
pub(super) fn on<'a>(brakes: &'a [InForce], provider: Option<&str>) -> Option<&'a Brake> {
    brakes.iter().find(|found| found.provider.as_deref() == provider).map(|found| &found.brake)
}

impl InForce {
    /// Says whom, until when or how fast, and why.
    pub(super) fn words(&self) -> String {
        let who = self.provider.as_deref().unwrap_or("the relay");
        let how = match self.brake.rate(self.now) {
            _ if self.brake.is_closed(self.now) => {
                format!("paused until {}", clock_time(self.brake.until))
            }
            Some(rate) => format!("slowed to {rate}"),
            None => "free".to_owned(),
        };
        format!("{how}: {who}, which said {}", printable(&self.brake.why))
    }
}
