//! `plan`: what `send` would do, with nothing written.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    Console, Failure,
    console::Tone,
    exit,
    freeze::{self, Request},
    newsroom::Newsroom,
    words::{grouped, spoken},
};
use crate::{cli::Global, ledger::Ledger, send::throttle};

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

/// Runs the command.
pub(super) async fn run(console: &Console, global: &Global, issue: &str) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    let folder = newsroom.issue(issue)?;
    let composed = newsroom.compose(&folder)?;
    let ledger = ledger(&newsroom)?;
    let request = Request { rehearse: true, ..Request::default() };
    let found = freeze::freeze(&newsroom, &*ledger, &folder, &composed, request).await?;
    found.tell_list(console, &newsroom);
    found.somebody(&newsroom)?;
    let (frozen, largest) = (&found.frozen, found.largest_copy);
    let takes = throttle::estimate(&newsroom.publication.relay.rate, frozen.recipients);
    let ends = newsroom.now.checked_add(takes).unwrap_or(Timestamp::MAX);
    let excluded =
        frozen.suppressed.iter().map(|(reason, count)| (reason.to_string(), *count)).collect();
    let rate: Vec<String> =
        newsroom.publication.relay.rate.iter().map(ToString::to_string).collect();
    let digest = composed.edition.digest();
    if console.json {
        let mut problems: Vec<String> = composed
            .warnings
            .iter()
            .map(|problem| format!("{}: {}", problem.code, problem.message))
            .collect();
        problems.extend(found.left_out(&newsroom));
        console.document(&Document {
            issue: &folder.slug,
            digest: &digest,
            recipients: frozen.recipients,
            excluded,
            largest_copy_bytes: largest,
            starts: newsroom.now,
            ends,
            rate,
            problems,
        });
        return Ok(exit::DONE);
    }
    console.problems(&composed.warnings);
    let line = |word: &str, value: String| {
        console.say(format_args!("  {word:<13} {value}"));
    };
    console.say(console.paint(Tone::Strong, composed.issue.title()));
    line("issue", folder.slug.clone());
    line("subject", composed.issue.subject().to_owned());
    line("readers", console.paint(Tone::Good, grouped(frozen.recipients)));
    for (reason, count) in &frozen.suppressed {
        line("left out", format!("{} {reason}", grouped(*count)));
    }
    line("largest copy", format!("{} kB", largest.div_ceil(1000)));
    line("relay", newsroom.publication.relay.url.to_string());
    line("rate", if rate.is_empty() { "no limit".to_owned() } else { rate.join(", ") });
    line("takes", format!("about {}", spoken(takes)));
    line("digest", digest);
    console.say(console.paint(Tone::Quiet, "  nothing was written; `postrider send` does it"));
    Ok(exit::DONE)
}

/// Opens the ledger for a look: an empty one in memory where there is none yet, so that nothing is written.
fn ledger(newsroom: &Newsroom) -> Result<Arc<dyn Ledger>, Failure> {
    if newsroom.ledger_path().exists() {
        newsroom.ledger()
    } else {
        Ok(Arc::new(crate::ledger::SqliteLedger::in_memory()?))
    }
}
