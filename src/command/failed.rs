//! Those whom an issue did not reach, in an editor's words: by who keeps their mailboxes, and by cause.

use std::collections::BTreeMap;

use super::{
    Console, Failure,
    console::Tone,
    words::{counted, grouped, printable},
};
use crate::{
    bounce::{Cause, Kind, cause},
    ledger::{DeliveryRecord, Did, IssueRecord, Ledger, ReportRecord},
    model::DeliveryState,
    send::provider::provider,
};

/// How many reports are read at once.
const PAGE: usize = 1000;

/// One reader who did not get it.
struct Missed {
    /// Where the delivery stands, or that it came back.
    state: &'static str,
    address: String,
    said: String,
}

/// Readers by provider and cause; a delivery given up after two days has no cause.
type Groups = BTreeMap<(String, Option<Cause>), Vec<Missed>>;

/// Tells of refused and expired deliveries, and of what came back of accepted ones.
pub(super) async fn tell(
    console: &Console,
    ledger: &dyn Ledger,
    publication: &str,
    issue: &IssueRecord,
    deliveries: Vec<DeliveryRecord>,
) -> Result<(), Failure> {
    let mut groups = Groups::new();
    for delivery in deliveries {
        let why = match delivery.state {
            DeliveryState::Expired => None,
            _ => Some(cause(None, &delivery.said)),
        };
        let missed = Missed {
            state: delivery.state.word(),
            address: delivery.address.written().to_owned(),
            said: delivery.said,
        };
        groups.entry((provider_of(&missed.address), why)).or_default().push(missed);
    }
    for report in reports(ledger, publication, issue).await? {
        let missed = Missed { state: "came back", address: report.address, said: report.said };
        let group = groups.entry((provider_of(&missed.address), report.cause)).or_default();
        if group.iter().all(|known| known.address != missed.address) {
            group.push(missed);
        }
    }
    if groups.is_empty() {
        console.note("nobody");
    }
    for ((provider, why), missed) in &groups {
        let why = why.map_or_else(|| "given up after two days".to_owned(), |why| why.to_string());
        let provider = console.paint(Tone::Strong, provider);
        console.say(format_args!("{provider}: {why}, {}", counted(missed.len() as u64, "reader")));
        for Missed { state, address, said } in missed {
            let state = console.paint(Tone::Bad, format_args!("{state:<10}"));
            console.say(format_args!("{state}  {}", printable(address)));
            if !said.is_empty() {
                console.say(format_args!(
                    "            {}",
                    console.paint(Tone::Quiet, printable(said))
                ));
            }
        }
    }
    Ok(())
}

/// Says what came back of an issue on a line for each cause, with how many are suppressed by it.
pub(super) async fn tell_returned(
    console: &Console,
    ledger: &dyn Ledger,
    publication: &str,
    issue: &IssueRecord,
) -> Result<(), Failure> {
    let mut causes: BTreeMap<(Kind, Option<Cause>), (u64, u64)> = BTreeMap::new();
    for report in all_reports(ledger, publication, issue).await? {
        let (count, suppressed) = causes.entry((report.kind, report.cause)).or_default();
        *count += 1;
        *suppressed += u64::from(matches!(report.did, Did::Moved(_)));
    }
    for ((kind, why), (count, suppressed)) in &causes {
        let why = match why {
            Some(why) => why.to_string(),
            None => kind.word().replace('_', " "),
        };
        let effect = match suppressed {
            0 => String::new(),
            _ => format!("; {} suppressed", counted(*suppressed, "reader")),
        };
        console.tell(format_args!(
            "  came back  {:>9}   {}",
            grouped(*count),
            console.paint(Tone::Quiet, format_args!("{why}{effect}"))
        ));
    }
    Ok(())
}

/// Returns the bounces of an issue, all pages of them.
async fn reports(
    ledger: &dyn Ledger,
    publication: &str,
    issue: &IssueRecord,
) -> Result<Vec<ReportRecord>, Failure> {
    let mut all = all_reports(ledger, publication, issue).await?;
    all.retain(|report| matches!(report.kind, Kind::Hard | Kind::Soft | Kind::Policy));
    Ok(all)
}

async fn all_reports(
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

fn provider_of(address: &str) -> String {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain).to_lowercase();
    provider(&domain).to_owned()
}
