//! Those whom an issue did not reach, in an editor's words: by who keeps their mailboxes, and by cause.

use std::collections::BTreeMap;

use super::{
    Console, Failure, alarm, causes,
    console::Tone,
    newsroom::Newsroom,
    status,
    words::{counted, printable, wrapped},
};
use crate::{
    bounce::{Cause, Kind, cause},
    ledger::{DeliveryRecord, Did, IssueRecord, Ledger, ReportRecord},
    model::{DeliveryState, Publication},
    send::provider::provider,
};

/// How many columns stand before what a server said.
const MARGIN: usize = 12;

/// Where somebody was of whom nothing is kept any more (`[list] retention`, `subscribers erase`).
const FORGOTTEN: &str = "forgotten";

/// One reader who did not get it.
struct Missed {
    /// Where the delivery stands, or that it came back.
    state: &'static str,
    address: String,
    said: String,
    /// Whether they are off the list by now.
    is_suppressed: bool,
}

/// Readers by provider and cause; a delivery given up after two days has none but its last words.
type Groups = BTreeMap<(String, Why), Vec<Missed>>;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    Because(Option<Cause>),
    GivenUp(Cause),
}

/// Tells of refused and expired deliveries, and of what came back of accepted ones.
pub(super) async fn tell(
    console: &Console,
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    issue: &IssueRecord,
    deliveries: Vec<DeliveryRecord>,
) -> Result<(), Failure> {
    let publication = &newsroom.publication;
    let mut reports = causes::reports(ledger, &publication.id, issue).await?;
    reports.retain(|report| matches!(report.kind, Kind::Hard | Kind::Soft | Kind::Policy));
    if console.json {
        for delivery in &deliveries {
            console.document(&refused(delivery));
        }
        for report in &reports {
            console.document(&came_back(report));
        }
        return Ok(());
    }
    let mut groups = Groups::new();
    for delivery in deliveries {
        let why = cause(None, &delivery.said);
        let why = match delivery.state {
            DeliveryState::Expired => Why::GivenUp(why),
            _ => Why::Because(Some(why)),
        };
        let missed = Missed {
            state: delivery.state.word(),
            address: delivery.address.written().to_owned(),
            said: delivery.said,
            is_suppressed: delivery.reader.is_suppressed(),
        };
        groups.entry((provider_of(&missed.address), why)).or_default().push(missed);
    }
    for report in reports {
        let is_suppressed = matches!(report.did, Did::Moved(_) | Did::Stays(_));
        let missed = Missed {
            state: "came back",
            address: report.address,
            said: report.said,
            is_suppressed,
        };
        let why = Why::Because(report.cause);
        let group = groups.entry((provider_of(&missed.address), why)).or_default();
        let is_new = |known: &Missed| missed.address.is_empty() || known.address != missed.address;
        if group.iter().all(is_new) {
            group.push(missed);
        }
    }
    if groups.is_empty() {
        console.note("nobody");
    }
    for ((provider, why), missed) in &groups {
        let readers = counted(missed.len() as u64, "reader");
        let provider: &str = if provider.is_empty() { FORGOTTEN } else { provider };
        let provider = console.paint(Tone::Strong, provider);
        console.say(format_args!("{provider}: {}, {readers}", why.words()));
        for line in why.consequences(missed, publication) {
            console.say(format_args!("  {}", wrapped(&line, 2, 2)));
        }
        for missed in missed {
            missed.tell(console);
        }
    }
    Ok(())
}

/// Returns what `--json` says of a delivery that was refused or given up: as `status` says it, with the provider and the cause.
fn refused(delivery: &DeliveryRecord) -> serde_json::Value {
    let why = cause(None, &delivery.said);
    let mut document = status::document(delivery);
    document["provider"] = provider_of(delivery.address.written()).into();
    document["kind"] = why.kind().word().into();
    document["cause"] = why.to_string().into();
    document
}

/// Returns what `--json` says of what came back of an accepted delivery.
fn came_back(report: &ReportRecord) -> serde_json::Value {
    serde_json::json!({
        "address": report.address,
        "came_back": true,
        "provider": provider_of(&report.address),
        "kind": report.kind,
        "cause": report.cause.map(|cause| cause.to_string()),
        "code": report.code,
        "said": report.said,
        "at": report.at,
        "did": report.did.word(),
    })
}

impl Why {
    fn words(self) -> String {
        match self {
            Self::Because(Some(why)) => why.to_string(),
            Self::Because(None) => "it came back".to_owned(),
            Self::GivenUp(why) => format!("given up after two days: {why}"),
        }
    }

    /// Says what becomes of the readers, and what is to be mended.
    fn consequences(self, missed: &[Missed], publication: &Publication) -> Vec<String> {
        let gone = missed.iter().filter(|missed| missed.is_suppressed).count();
        let mut lines = Vec::new();
        if gone == missed.len() {
            lines.push("off the list: no further issue goes there".to_owned());
        } else if gone > 0 {
            lines.push(format!("{gone} of them are off the list: no further issue goes there"));
        }
        let (Self::Because(Some(why)) | Self::GivenUp(why)) = self else { return lines };
        if gone < missed.len() && why.kind() == Kind::Soft {
            lines.push(
                "stays on the list, unless three issues in a row and over 15 days end so"
                    .to_owned(),
            );
        }
        lines.extend(alarm::remedy(why, publication).map(|remedy| format!("to mend it, {remedy}")));
        lines
    }
}

impl Missed {
    fn tell(&self, console: &Console) {
        let state = console.paint(Tone::Bad, format_args!("{:<10}", self.state));
        let address: &str = if self.address.is_empty() { FORGOTTEN } else { &self.address };
        console.say(format_args!("{state}  {}", printable(address)));
        if !self.said.is_empty() {
            let said = wrapped(&printable(&self.said), MARGIN, MARGIN);
            console.say(format_args!("{:MARGIN$}{}", "", console.paint(Tone::Quiet, said)));
        }
    }
}

fn provider_of(address: &str) -> String {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain).to_lowercase();
    provider(&domain).to_owned()
}
