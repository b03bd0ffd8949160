//! The account of an issue: where every reader stands, in words and in JSON.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::{Console, console::Tone, end::UsedUp, words::grouped};
use crate::{
    ledger::IssueRecord,
    model::{IssueState, Suppressed, Tally},
};

/// Everything `send` and `status` say of an issue.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) slug: String,
    pub(super) digest: String,
    pub(super) state: IssueState,
    /// The slug of the issue that it corrects.
    pub(super) corrects: Option<String>,
    pub(super) tally: Tally,
    pub(super) suppressed: BTreeMap<Suppressed, u64>,
    /// How long the deliveries took, or this run of them.
    pub(super) took: Duration,
    /// How many began in that time.
    pub(super) begun: u64,
    /// The rates for which those wait who are left.
    pub(super) used_up: Vec<UsedUp>,
    /// How many messages are still on their way, where that was waited for.
    pub(super) in_flight: Option<usize>,
}

/// The keys of `--json`, which scripts rely on.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    issue: &'a str,
    digest: &'a str,
    state: IssueState,
    #[serde(skip_serializing_if = "Option::is_none")]
    corrects: Option<&'a str>,
    #[serde(flatten)]
    tally: Tally,
    seconds: f64,
    deliveries_per_second: f64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    used_up: &'a [UsedUp],
    #[serde(skip_serializing_if = "Option::is_none")]
    in_flight: Option<usize>,
}

impl Account {
    /// Makes the account of an issue that the ledger does not know: a draft, or one that it has forgotten.
    pub(super) fn unknown(slug: &str, state: IssueState) -> Self {
        Self {
            slug: slug.to_owned(),
            digest: String::new(),
            state,
            corrects: None,
            tally: Tally::default(),
            suppressed: BTreeMap::new(),
            took: Duration::ZERO,
            begun: 0,
            used_up: Vec::new(),
            in_flight: None,
        }
    }

    /// Makes the account of an issue as the ledger knows it.
    pub(super) fn of(
        issue: &IssueRecord,
        tally: Tally,
        suppressed: BTreeMap<Suppressed, u64>,
        took: Duration,
        begun: u64,
    ) -> Self {
        Self {
            slug: issue.slug.clone(),
            digest: issue.digest.clone(),
            state: issue.state,
            corrects: issue.corrects.clone(),
            tally,
            suppressed,
            took,
            begun,
            used_up: Vec::new(),
            in_flight: None,
        }
    }

    fn rate(&self) -> f64 {
        let seconds = self.took.as_secs_f64();
        if seconds > 0.0 { count(self.begun) / seconds } else { 0.0 }
    }

    /// Prints it as JSON.
    pub(super) fn document(&self, console: &Console) {
        console.document(&self.to_json());
    }

    /// Returns what is to be JSON.
    pub(super) fn to_json(&self) -> Document<'_> {
        Document {
            issue: &self.slug,
            digest: &self.digest,
            state: self.state,
            corrects: self.corrects.as_deref(),
            tally: self.tally,
            seconds: round(self.took.as_secs_f64()),
            deliveries_per_second: round(self.rate()),
            used_up: &self.used_up,
            in_flight: self.in_flight,
        }
    }

    /// Prints it in words: only the lines that have something to say.
    pub(super) fn tell(&self, console: &Console) {
        let tally = &self.tally;
        if tally.planned == 0 {
            return;
        }
        if let Some(first) = &self.corrects {
            console.tell(format_args!("  corrects   {first}"));
        }
        let reasons = reasons(&self.suppressed);
        let rows: [(&str, u64, Tone, &str); 8] = [
            ("planned", tally.planned, Tone::Strong, "everybody on the list at the time"),
            ("accepted", tally.accepted, Tone::Good, "the relay has them"),
            ("suppressed", tally.suppressed, Tone::Quiet, &reasons),
            ("rejected", tally.rejected, Tone::Bad, "refused for good"),
            ("in doubt", tally.in_doubt, Tone::Warn, "they may have it or not"),
            ("expired", tally.expired, Tone::Bad, "deferred for 48 hours"),
            ("cancelled", tally.cancelled, Tone::Quiet, "not sent"),
            ("remaining", tally.remaining, Tone::Warn, "not settled yet"),
        ];
        for (word, number, tone, remark) in rows {
            if number > 0 || word == "planned" || word == "accepted" {
                let number = console.paint(tone, format_args!("{:>9}", grouped(number)));
                console.tell(
                    format!("  {word:<10} {number}   {}", console.paint(Tone::Quiet, remark))
                        .trim_end(),
                );
            }
        }
        if tally.deferred > 0 {
            console.tell(format_args!(
                "  of these   {:>9}   deferred: tried before, and to be tried again",
                grouped(tally.deferred)
            ));
        }
        if self.begun > 0 {
            console.tell(format_args!(
                "  {} s, {} a second",
                tenths(self.took.as_secs_f64()),
                tenths(self.rate())
            ));
        }
    }

    /// Says what to do next; empty where there is nothing.
    pub(super) fn advice(&self) -> Vec<String> {
        let slug = &self.slug;
        let mut advice = match self.state {
            IssueState::Draft => {
                vec![format!("`postrider plan {slug}` shows what sending would do")]
            }
            IssueState::Scheduled => {
                vec!["`postrider due`, run by cron, sends it at its hour".to_owned()]
            }
            IssueState::Sending if self.tally.remaining == 0 => {
                vec![format!("nobody is left to be mailed: `postrider send {slug}` finishes it")]
            }
            IssueState::Sending => vec![format!("`postrider send {slug}` goes on with the rest")],
            IssueState::Paused => vec![format!("`postrider resume {slug}` lets it go on")],
            IssueState::Missed => vec![
                format!("`postrider schedule {slug}` gives it a new hour"),
                format!("`postrider send {slug}` sends it now"),
            ],
            IssueState::Finished | IssueState::Cancelled | IssueState::Forgotten => Vec::new(),
        };
        if self.tally.in_doubt > 0 {
            advice.push(
                "in doubt means: the whole mail was handed over and the relay's answer was lost, or the ledger was restored and forgot what followed; so nobody here can know whether it arrived (RFC 1047)"
                    .to_owned(),
            );
            advice.push(format!(
                "`postrider status {slug} --in-doubt` lists the readers in doubt, and says how to settle that"
            ));
        }
        if self.tally.deferred > 0 {
            advice.push(format!("`postrider status {slug} --left` tells who is deferred, and why"));
        }
        if self.tally.rejected + self.tally.expired > 0 {
            advice
                .push(format!("`postrider status {slug} --failed` tells who was refused, and why"));
        }
        advice
    }
}

/// Says why people are left out: the reason alone where there is one.
pub(super) fn reasons(suppressed: &BTreeMap<Suppressed, u64>) -> String {
    let mut each = suppressed.iter();
    match (each.next(), each.next()) {
        (Some((reason, _)), None) => reason.to_string(),
        _ => suppressed
            .iter()
            .map(|(reason, count)| format!("{} {reason}", grouped(*count)))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

fn tenths(number: f64) -> String {
    format!("{number:.1}")
}

fn round(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// Counts are far below the 2^52 that a float keeps exactly.
#[allow(clippy::cast_precision_loss)]
fn count(number: u64) -> f64 {
    number as f64
}
