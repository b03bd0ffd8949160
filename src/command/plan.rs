//! `plan`: what `send` would do, with nothing written.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    Console, Failure,
    console::Tone,
    exit,
    freeze::{self, Found, Request},
    newsroom::{IssueFolder, Newsroom},
    send,
    words::{counted, grouped, spoken},
};
use crate::{
    cli::Global,
    compose::Composed,
    ledger::{IssueRecord, Ledger},
    send::throttle,
};

/// The keys of `--json`, which scripts rely on.
#[derive(Serialize)]
struct Document<'a> {
    issue: &'a str,
    digest: &'a str,
    recipients: u64,
    excluded: BTreeMap<String, u64>,
    largest_copy_bytes: usize,
    starts: Timestamp,
    ends: Timestamp,
    rate: Vec<String>,
    problems: Vec<String>,
}

/// What sending would come to.
struct Plan {
    digest: String,
    found: Found,
    /// How many readers would be tried: those who are left, where it was frozen before.
    recipients: u64,
    takes: Duration,
    rate: Vec<String>,
    /// What would stop it.
    obstacle: Option<Failure>,
}

/// Runs the command.
pub(super) async fn run(console: &Console, global: &Global, issue: &str) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    let folder = newsroom.issue(issue)?;
    let composed = newsroom.compose(&folder)?;
    let plan = plan(&newsroom, &folder, &composed).await?;
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
    newsroom: &Newsroom,
    folder: &IssueFolder,
    composed: &Composed,
) -> Result<Plan, Failure> {
    let ledger = ledger(newsroom)?;
    let digest = composed.edition.digest();
    let known = ledger.issue(&newsroom.publication.id, &folder.slug).await?;
    let obstacle = obstacle(newsroom, &*ledger, &folder.slug, known.as_ref(), &digest).await;
    let request = Request { rehearse: true, ..Request::default() };
    let found = freeze::freeze(newsroom, &*ledger, folder, composed, request).await?;
    let recipients = if found.frozen.fresh {
        found.frozen.recipients
    } else {
        ledger.tally(found.frozen.issue.id).await?.remaining
    };
    let rates = &newsroom.publication.relay.rate;
    Ok(Plan {
        digest,
        found,
        recipients,
        takes: throttle::estimate(rates, recipients),
        rate: rates.iter().map(ToString::to_string).collect(),
        obstacle,
    })
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

/// Opens the ledger for a look: an empty one in memory where there is none yet, so that nothing is written.
fn ledger(newsroom: &Newsroom) -> Result<Arc<dyn Ledger>, Failure> {
    if newsroom.ledger_path().exists() {
        newsroom.ledger()
    } else {
        Ok(Arc::new(crate::ledger::SqliteLedger::in_memory()?))
    }
}

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
        recipients: plan.recipients,
        excluded: frozen
            .suppressed
            .iter()
            .map(|(reason, count)| (reason.to_string(), *count))
            .collect(),
        largest_copy_bytes: plan.found.largest_copy,
        starts: newsroom.now,
        ends: newsroom.now.checked_add(plan.takes).unwrap_or(Timestamp::MAX),
        rate: plan.rate.clone(),
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
    line("subject", composed.issue.subject());
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
    if plan.recipients > 0 {
        line("takes", &format!("about {}", spoken(plan.takes)));
    }
    line("digest", &plan.digest);
    match &plan.obstacle {
        Some(obstacle) => console.stopped_by(obstacle),
        None if plan.recipients == 0 => console.advise("there is nothing left to send"),
        None => console.advise(&format!(
            "nothing was written; `postrider send {}` mails {}",
            folder.slug,
            counted(plan.recipients, "reader")
        )),
    }
}
