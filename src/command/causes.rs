//! Why an issue did not reach readers, counted: refused at once, given up, or come back. And what is to be mended for it.

use std::collections::BTreeMap;

use super::{
    Console, Failure, alarm,
    console::Tone,
    words::{counted, grouped, wrapped},
};
use crate::{
    bounce::{Cause, Kind, cause},
    ledger::{Did, IssueRecord, Ledger, ReportRecord},
    model::{DeliveryState, Publication, SubscriberState},
};

/// How many rows are read at once.
const PAGE: usize = 1000;

/// How many there are of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Causes(BTreeMap<Why, Count>);

/// What happened: in a word, of which kind, and its cause where there is one.
type Why = (&'static str, Kind, Option<Cause>);

/// How many readers, and how many of them are off the list for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    readers: u64,
    suppressed: u64,
}

impl Causes {
    /// Counts those of an issue as the ledger knows it.
    pub(super) async fn of(
        ledger: &dyn Ledger,
        publication: &str,
        issue: &IssueRecord,
    ) -> Result<Self, Failure> {
        let mut causes = Self::default();
        let failed = [DeliveryState::Rejected, DeliveryState::Expired];
        let mut after = None;
        loop {
            let page = ledger.deliveries(issue.id, &failed, after, PAGE).await?;
            for delivery in &page {
                let word =
                    if delivery.state == DeliveryState::Expired { "gave up" } else { "refused" };
                let why = cause(None, &delivery.said);
                causes.add(
                    (word, why.kind(), Some(why)),
                    delivery.reader == SubscriberState::Bounced,
                );
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.slot),
                _ => break,
            }
        }
        for report in reports(ledger, publication, issue).await? {
            let is_suppressed = matches!(report.did, Did::Moved(_));
            causes.add(("came back", report.kind, report.cause), is_suppressed);
        }
        Ok(causes)
    }

    fn add(&mut self, why: Why, is_suppressed: bool) {
        let count = self.0.entry(why).or_default();
        count.readers += 1;
        count.suppressed += u64::from(is_suppressed);
    }

    /// Says them, a line each, and then what is to be mended.
    pub(super) fn tell(&self, console: &Console, publication: &Publication) {
        for ((word, kind, why), count) in &self.0 {
            let why = why.map_or_else(|| kind.word().replace('_', " "), |why| why.to_string());
            let effect = match count.suppressed {
                0 => String::new(),
                number => format!("; {} suppressed", counted(number, "reader")),
            };
            console.tell(format_args!(
                "  {word:<10} {:>9}   {}",
                grouped(count.readers),
                console.paint(Tone::Quiet, wrapped(&format!("{why}{effect}"), 25, 25))
            ));
        }
        let mut told: Vec<Cause> = self.0.keys().filter_map(|(.., why)| *why).collect();
        told.sort_unstable();
        told.dedup();
        for why in told {
            if let Some(remedy) = alarm::remedy(why, publication) {
                console.warn(format_args!("{why}: {remedy}"));
            }
        }
    }
}

/// Returns what came back of an issue, all pages of it.
pub(super) async fn reports(
    ledger: &dyn Ledger,
    publication: &str,
    issue: &IssueRecord,
) -> Result<Vec<ReportRecord>, Failure> {
    let mut all = Vec::new();
    loop {
        let after = all.last().map_or(0, |last: &ReportRecord| last.number);
        let page = ledger.reports(publication, Some(issue.id), after, PAGE).await?;
        let is_last = page.len() < PAGE;
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}
