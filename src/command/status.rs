//! `status`: where every reader of an issue stands, and what to do next.

use std::time::Duration;

use super::{
    Console, Failure,
    account::{Account, grouped},
    console::{Tone, printable},
    exit,
    newsroom::Newsroom,
};
use crate::{
    cli::{self, Global},
    ledger::{DeliveryRecord, IssueRecord, Ledger},
    model::{DeliveryState, IssueState},
};

/// How many deliveries a listing reads at once.
const PAGE: usize = 1000;

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    global: &Global,
    wish: &cli::Status,
) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    let Some(name) = &wish.issue else { return overview(console, &newsroom).await };
    let slug = slug(&newsroom, name).await?;
    let known = match newsroom.ledger_path().exists() {
        true => {
            let ledger = newsroom.ledger()?;
            ledger.issue(&newsroom.publication.id, &slug).await?.map(|issue| (ledger, issue))
        }
        false => None,
    };
    let Some((ledger, issue)) = known else {
        let account = Account::draft(&slug);
        if console.json {
            account.document(console);
        } else {
            console.say(format_args!("{slug} is a draft"));
            account.advice().iter().for_each(|advice| console.tell(format_args!("  {advice}")));
        }
        return Ok(exit::DONE);
    };
    let listed = states(wish);
    if !listed.is_empty() {
        return list(console, &*ledger, &issue, &listed).await;
    }
    let account = account(&*ledger, &issue).await?;
    if console.json {
        account.document(console);
        return Ok(exit::DONE);
    }
    console.say(format_args!(
        "{} is {}",
        console.paint(Tone::Strong, &issue.slug),
        standing(&issue)
    ));
    account.tell(console);
    for advice in account.advice() {
        console.tell(format_args!("  {advice}"));
    }
    Ok(exit::DONE)
}

/// Takes the account of an issue from the ledger, with the time its deliveries took so far.
pub(super) async fn account(ledger: &dyn Ledger, issue: &IssueRecord) -> Result<Account, Failure> {
    let tally = ledger.tally(issue.id).await?;
    let suppressed = ledger.suppressed(issue.id).await?;
    let took = match (issue.started_at, issue.ended_at) {
        (Some(start), Some(end)) => {
            Duration::try_from(end.duration_since(start)).unwrap_or_default()
        }
        (Some(start), None) => {
            Duration::try_from(ledger.now().await?.duration_since(start)).unwrap_or_default()
        }
        (None, _) => Duration::ZERO,
    };
    let begun = tally.accepted + tally.rejected + tally.in_doubt + tally.deferred;
    Ok(Account::of(issue, tally, suppressed, took, begun))
}

fn standing(issue: &IssueRecord) -> String {
    let mut words = issue.state.word().to_owned();
    if let (IssueState::Scheduled, Some(booking)) = (issue.state, &issue.booking) {
        words = format!("scheduled for {}", booking.shown);
    }
    if !issue.why.is_empty() {
        words = format!("{words}: {}", issue.why);
    }
    words
}

fn states(wish: &cli::Status) -> Vec<DeliveryState> {
    use DeliveryState::{Attempting, Claimed, Deferred, Expired, InDoubt, Planned, Rejected};
    let mut states = Vec::new();
    if wish.failed {
        states.extend([Rejected, Expired]);
    }
    if wish.in_doubt {
        states.push(InDoubt);
    }
    if wish.left {
        states.extend([Planned, Claimed, Attempting, Deferred]);
    }
    states
}

async fn list(
    console: &Console,
    ledger: &dyn Ledger,
    issue: &IssueRecord,
    states: &[DeliveryState],
) -> Result<u8, Failure> {
    let mut after = None;
    let mut listed: u64 = 0;
    loop {
        let page = ledger.deliveries(issue.id, states, after, PAGE).await?;
        for delivery in &page {
            if console.is_closed() {
                return Ok(exit::DONE);
            }
            tell_delivery(console, delivery);
        }
        listed += page.len() as u64;
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.slot),
            _ => break,
        }
    }
    if !console.json {
        if states.contains(&DeliveryState::InDoubt) && listed > 0 {
            console.note(format_args!(
                "\nThe whole message was handed over, and the relay's answer never came, so it may have arrived or not\n(RFC 1047). Look for the Message-ID in the relay's log, or ask the reader; then\n  postrider resolve {slug} ADDR --delivered   or   postrider resolve {slug} ADDR --resend",
                slug = issue.slug
            ));
        }
        if listed == 0 {
            console.note("nobody");
        }
    }
    Ok(exit::DONE)
}

fn tell_delivery(console: &Console, delivery: &DeliveryRecord) {
    if console.json {
        console.document(&serde_json::json!({
            "address": delivery.address.written(),
            "state": delivery.state,
            "attempts": delivery.attempts,
            "said": delivery.said,
            "at": delivery.at,
            "retry_at": delivery.retry_at,
            "message_id": delivery.message_id,
        }));
        return;
    }
    let mut line =
        format!("{}  {}", delivery.address, console.paint(Tone::Quiet, delivery.state.word()));
    if !delivery.said.is_empty() {
        line.push_str("  ");
        line.push_str(&printable(&delivery.said));
    }
    if let Some(at) = delivery.retry_at {
        line.push_str(&format!("  next try {at}"));
    }
    if delivery.state == DeliveryState::InDoubt {
        line.push_str(&format!("  {} at {}", delivery.message_id, delivery.at));
    }
    console.say(line);
}

async fn overview(console: &Console, newsroom: &Newsroom) -> Result<u8, Failure> {
    let mut known = Vec::new();
    if newsroom.ledger_path().exists() {
        let ledger = newsroom.ledger()?;
        for issue in ledger.issues(&newsroom.publication.id).await? {
            let account = account(&*ledger, &issue).await?;
            known.push((issue, account));
        }
    }
    let drafts: Vec<String> = newsroom
        .issues()?
        .into_iter()
        .map(|folder| folder.slug)
        .filter(|slug| known.iter().all(|(issue, _)| issue.slug != *slug))
        .collect();
    if console.json {
        for (_, account) in &known {
            account.document(console);
        }
        drafts.iter().for_each(|slug| Account::draft(slug).document(console));
        return Ok(exit::DONE);
    }
    let width = known
        .iter()
        .map(|(issue, _)| issue.slug.len())
        .chain(drafts.iter().map(String::len))
        .max()
        .unwrap_or(0);
    for (issue, account) in &known {
        let tally = &account.tally;
        let mut parts = Vec::new();
        if tally.planned > 0 {
            parts.push(format!(
                "{} of {} accepted",
                grouped(tally.accepted),
                grouped(tally.planned)
            ));
        }
        for (number, word) in [
            (tally.rejected, "rejected"),
            (tally.in_doubt, "in doubt"),
            (tally.deferred, "deferred"),
            (tally.remaining, "left"),
        ] {
            if number > 0 {
                parts.push(format!("{} {word}", grouped(number)));
            }
        }
        console.say(format_args!(
            "{:<width$}  {}  {}",
            issue.slug,
            standing(issue),
            parts.join(", ")
        ));
    }
    for slug in &drafts {
        console.say(format_args!("{slug:<width$}  draft"));
    }
    if known.is_empty() && drafts.is_empty() {
        console.note("there is no issue yet; `postrider draft SLUG` makes one");
    }
    Ok(exit::DONE)
}

/// Finds an issue's slug among the folders, or in the ledger when its folder is gone.
pub(super) async fn slug(newsroom: &Newsroom, name: &str) -> Result<String, Failure> {
    let missing = match newsroom.issue(name) {
        Ok(folder) => return Ok(folder.slug),
        Err(failure) => failure,
    };
    if newsroom.ledger_path().exists()
        && newsroom.ledger()?.issue(&newsroom.publication.id, name).await?.is_some()
    {
        return Ok(name.to_owned());
    }
    Err(missing)
}
