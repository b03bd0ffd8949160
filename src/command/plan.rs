//! `plan`: what `send` would do, with nothing written.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    Console, Failure,
    brakes::{self, InForce},
    console::Tone,
    end::{self, End, Left, UsedUp},
    exit,
    freeze::{self, Found, Request},
    inspection,
    newsroom::{IssueFolder, Newsroom},
    send,
    words::{clock_time, counted, grouped, spoken, wrapped},
};
use crate::{
    cli::Global,
    compose::Composed,
    ledger::{IssueRecord, Lane, Ledger},
    model::Rate,
    send::throttle,
};

/// The keys of `--json`, which scripts rely on.
#[derive(Serialize)]
struct Document<'a> {
    issue: &'a str,
    digest: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    corrects: Option<&'a str>,
    recipients: u64,
    excluded: BTreeMap<String, u64>,
    /// `None` of an issue that is frozen: its copies were looked at then.
    largest_copy_bytes: Option<usize>,
    starts: Timestamp,
    ends: Timestamp,
    rate: Vec<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    used_up: &'a [UsedUp],
    problems: Vec<String>,
}

/// What sending would come to.
struct Plan {
    digest: String,
    /// Whom it goes to, as `send` takes it; empty for everybody.
    segment: String,
    found: Found,
    /// How many readers would be tried: those who are left, where it was frozen before.
    recipients: u64,
    takes: Duration,
    rate: Vec<String>,
    /// How fast at most to each provider that has a rate of its own, and how many are there.
    at_providers: Vec<(String, String)>,
    /// What holds the relay or a provider back now.
    brakes: Vec<InForce>,
    /// The rates that let nobody begin now.
    used_up: Vec<UsedUp>,
    /// What would stop it.
    obstacle: Option<Failure>,
}

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    global: &Global,
    issue: &str,
    segment: Option<String>,
) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    let folder = newsroom.issue(issue)?;
    let (composed, problems) = inspection::looked_at(&newsroom, &folder).await?;
    let composed = Composed { warnings: problems, ..composed };
    let plan = plan(console, &newsroom, &folder, &composed, segment.as_deref()).await?;
    plan.found.tell_list(console, &newsroom);
    plan.found.somebody(&newsroom)?;
    if console.json {
        document(console, &newsroom, &folder, &composed, &plan);
    } else {
        console.problems(&composed.warnings);
        tell(console, &newsroom, &folder, &composed, &plan);
    }
    Ok(exit::DONE)
}

async fn plan(
    console: &Console,
    newsroom: &Newsroom,
    folder: &IssueFolder,
    composed: &Composed,
    segment: Option<&str>,
) -> Result<Plan, Failure> {
    let ledger = ledger(console, newsroom)?;
    let digest = composed.edition.digest();
    let known = ledger.issue(&newsroom.publication.id, &folder.slug).await?;
    let is_frozen = known.as_ref().is_some_and(|issue| issue.frozen_at.is_some());
    let obstacle = obstacle(newsroom, &*ledger, &folder.slug, known.as_ref(), &digest).await;
    let obstacle =
        obstacle.or_else(|| inspection::refusal(folder, &composed.warnings).filter(|_| !is_frozen));
    let segment = send::segment(known.as_ref(), segment)?;
    let request = Request { rehearse: true, segment: segment.clone(), ..Request::default() };
    let found = freeze::freeze(newsroom, &*ledger, folder, composed, request).await?;
    let left = if found.frozen.fresh {
        Left { all: found.frozen.recipients, at_providers: found.at_providers.clone() }
    } else {
        Left::of(newsroom, &*ledger, found.frozen.issue.id).await?
    };
    let brakes = brakes::in_force(newsroom, &*ledger).await?;
    let end = End::of(newsroom, &*ledger, &brakes, &left).await?;
    let now = ledger.now().await?;
    let relay = &newsroom.publication.relay;
    let all = Lane { name: relay.url.lane(), rates: relay.rates(now) };
    let to_provider = |(name, count): (&String, &u64)| {
        let rates = joined(&end::rates_to(newsroom, name));
        (name.clone(), format!("{rates}, for {}", counted(*count, "reader")))
    };
    Ok(Plan {
        digest,
        segment,
        found,
        recipients: left.all,
        takes: end.takes(),
        rate: used(&*ledger, &all, now).await?,
        at_providers: left.at_providers.iter().map(to_provider).collect(),
        brakes,
        used_up: UsedUp::all(newsroom, &*ledger).await?,
        obstacle,
    })
}

/// Shows the rates of a lane, each with how much of it is used up now where that lasts.
async fn used(ledger: &dyn Ledger, lane: &Lane, now: Timestamp) -> Result<Vec<String>, Failure> {
    let begun = ledger.beginnings(lane).await?;
    let shown = lane.rates.iter().map(|rate| {
        let is_within = |at: &&Timestamp| {
            Duration::try_from(now.duration_since(**at))
                .is_ok_and(|age| age < throttle::counts(rate, &lane.rates))
        };
        match begun.iter().filter(is_within).count() as u64 {
            used if used > 0 && rate.window >= Duration::from_hours(1) => {
                format!("{rate} ({} used)", grouped(used))
            }
            _ => rate.to_string(),
        }
    });
    Ok(shown.collect())
}

fn joined(rates: &[Rate]) -> String {
    rates.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Returns what would keep `send` from beginning.
async fn obstacle(
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    slug: &str,
    known: Option<&IssueRecord>,
    digest: &str,
) -> Option<Failure> {
    let remembered = send::remembered(newsroom, ledger, slug, known).await;
    remembered.and_then(|()| known.map_or(Ok(()), |issue| send::may_go(issue, digest))).err()
}

/// Opens the ledger for a look: an empty one that is gone afterwards where there is none yet.
fn ledger(console: &Console, newsroom: &Newsroom) -> Result<Arc<dyn Ledger>, Failure> {
    if newsroom.has_ledger()? {
        newsroom.ledger_to_read(console)
    } else {
        Ok(Arc::new(crate::ledger::SqliteLedger::for_a_while()?))
    }
}

/// From here on a person wants to know the hour of the end.
const A_WHILE: Duration = Duration::from_mins(10);

fn document(
    console: &Console,
    newsroom: &Newsroom,
    folder: &IssueFolder,
    composed: &Composed,
    plan: &Plan,
) {
    let frozen = &plan.found.frozen;
    let warnings =
        composed.warnings.iter().map(|found| format!("{}: {}", found.code, found.message));
    console.document(&Document {
        issue: &folder.slug,
        digest: &plan.digest,
        corrects: frozen.issue.corrects.as_deref(),
        recipients: plan.recipients,
        excluded: frozen
            .suppressed
            .iter()
            .map(|(reason, count)| (reason.to_string(), *count))
            .collect(),
        largest_copy_bytes: Some(plan.found.largest_copy).filter(|bytes| *bytes > 0),
        starts: newsroom.now,
        ends: newsroom.now.checked_add(plan.takes).unwrap_or(Timestamp::MAX),
        rate: newsroom
            .publication
            .relay
            .rates(newsroom.now)
            .iter()
            .map(ToString::to_string)
            .collect(),
        used_up: &plan.used_up,
        problems: plan
            .obstacle
            .iter()
            .map(|obstacle| obstacle.message.clone())
            .chain(warnings)
            .chain(plan.found.left_out(newsroom))
            .collect(),
    });
}

fn tell(
    console: &Console,
    newsroom: &Newsroom,
    folder: &IssueFolder,
    composed: &Composed,
    plan: &Plan,
) {
    let line = |word: &str, value: &str| console.say(format_args!("  {word:<13} {value}"));
    let frozen = &plan.found.frozen;
    console.say(console.paint(Tone::Strong, composed.issue.title()));
    line("issue", &folder.slug);
    if !plan.segment.is_empty() {
        line("segment", &plan.segment);
    }
    line("subject", composed.issue.subject());
    if let Some(first) = &frozen.issue.corrects {
        line("corrects", first);
    }
    if frozen.fresh {
        line("readers", &console.paint(Tone::Good, grouped(plan.recipients)));
    } else {
        let left = format!("{} left of {}", grouped(plan.recipients), grouped(frozen.planned));
        line("readers", &console.paint(Tone::Good, left));
    }
    for (reason, count) in &frozen.suppressed {
        line("left out", &format!("{} {reason}", grouped(*count)));
    }
    if plan.found.largest_copy > 0 {
        let size = (plan.found.largest_copy + 500) / 1000;
        line("largest copy", &format!("{} kB", grouped(size as u64)));
    }
    line("relay", &newsroom.publication.relay.url.to_string());
    line("rate", &if plan.rate.is_empty() { "no limit".to_owned() } else { plan.rate.join(", ") });
    for (name, rate) in &plan.at_providers {
        line(&format!("to {name}"), rate);
    }
    for braked in &plan.brakes {
        line("held back", &wrapped(&braked.words(), 16, 16));
    }
    for used_up in &plan.used_up {
        line("held back", &wrapped(&used_up.words(), 16, 16));
    }
    if plan.recipients > 0 && plan.rate.is_empty() && plan.takes.is_zero() {
        line("takes", "as long as the relay does: no rate is set");
    } else if plan.recipients > 0 {
        let ends = Timestamp::now().checked_add(plan.takes).unwrap_or(Timestamp::MAX);
        let until = format!(", until {}", clock_time(ends));
        let until = if plan.takes >= A_WHILE { until.as_str() } else { "" };
        line("takes", &format!("about {}{until}", spoken(plan.takes)));
    }
    line("digest", &plan.digest);
    let to = match plan.segment.as_str() {
        segment if frozen.fresh && !segment.is_empty() => format!(" --segment '{segment}'"),
        _ => String::new(),
    };
    match &plan.obstacle {
        Some(obstacle) => console.stopped_by(obstacle),
        None if plan.recipients == 0 => console.advise("there is nothing left to send"),
        None => console.advise(&format!(
            "nothing was written; `postrider send {}{to}` mails {}",
            folder.slug,
            counted(plan.recipients, "reader")
        )),
    }
}
