//! `status`: where every reader of an issue stands, and what to do next.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::{
    Console, Failure,
    account::{Account, Document},
    alarm, brakes,
    causes::Causes,
    console::Tone,
    end::UsedUp,
    exit, failed,
    heart::is_gone,
    lock::Lock,
    newsroom::{IssueFolder, Newsroom, fitting},
    send, watch,
    words::{clock_time, counted, grouped, instant, printable, wrapped},
};
use crate::{
    cli::{self, Global},
    ledger::{DeliveryRecord, IssueRecord, Ledger, Seen, Worker},
    model::{DeliveryState, IssueState, RelayUrl, Tally},
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
    if wish.watch {
        return watch::run(console, &newsroom, wish.issue.as_deref()).await;
    }
    let Some(name) = &wish.issue else { return overview(console, &newsroom).await };
    let slug = slug(&newsroom, name).await?;
    let Some((ledger, issue)) = seen(console, &newsroom, &slug).await? else {
        return unknown(console, &newsroom, &slug);
    };
    let listed = states(wish);
    if wish.failed && !wish.in_doubt && !wish.left {
        let missed = all(&*ledger, &issue, &listed).await?;
        failed::tell(console, &newsroom, &*ledger, &issue, missed).await?;
        return Ok(exit::DONE);
    }
    if !listed.is_empty() {
        let relay = &newsroom.publication.relay.url;
        return list(console, &*ledger, &issue, &listed, relay).await;
    }
    let mut account = account(&*ledger, &issue).await?;
    account.used_up = used_up(&newsroom, &*ledger, &issue, &account.tally).await?;
    if console.json {
        account.document(console);
        return Ok(exit::DONE);
    }
    let sender = senders(&newsroom, &*ledger).await?.of(&issue.slug);
    let used = issue.slug.width() + 4;
    let standing = wrapped(&standing(&issue, sender.as_deref()), used, 2);
    console.say(format_args!("{} is {standing}", console.paint(Tone::Strong, &issue.slug)));
    if issue.ended_at.is_none() && (sender.is_none() || issue.state != IssueState::Sending) {
        // The hours in which nobody sent say nothing of how fast it went.
        account.begun = 0;
    }
    account.tell(console);
    let causes = Causes::of(&*ledger, &newsroom.publication.id, &issue).await?;
    causes.tell(console, &newsroom.publication);
    if matches!(issue.state, IssueState::Sending | IssueState::Paused) {
        for braked in brakes::in_force(&newsroom, &*ledger).await? {
            console.tell(format_args!("  {}", wrapped(&braked.words(), 2, 4)));
            if let Some(record) = alarm::record(&braked.brake.why, &newsroom.publication) {
                console.warn(format_args!("to mend that, {record}"));
            }
        }
    }
    if issue.state == IssueState::Sending && sender.is_none() {
        let next_try = next_try(&*ledger, issue.id, &account.tally).await?;
        for line in next_try.into_iter().chain(account.used_up.iter().map(UsedUp::words)) {
            console.tell(format_args!("  {}", wrapped(&line, 2, 4)));
        }
    }
    if !matches!(issue.state, IssueState::Finished | IssueState::Cancelled)
        && let Err(obstacle) =
            send::remembered(&newsroom, &*ledger, &issue.slug, Some(&issue)).await
    {
        console.stopped_by(&obstacle);
        return Ok(exit::DONE);
    }
    if sender.is_none() || issue.state != IssueState::Sending {
        account.advice().iter().for_each(|advice| console.advise(advice));
    }
    Ok(exit::DONE)
}

/// Tells of an issue that the ledger does not know.
pub(super) fn unknown(console: &Console, newsroom: &Newsroom, slug: &str) -> Result<u8, Failure> {
    let account = Account::unknown(slug, newsroom.state_unknown(slug)?);
    if console.json {
        account.document(console);
        return Ok(exit::DONE);
    }
    console.say(format_args!("{slug} {}", unheard_of(account.state)));
    if account.state == IssueState::Forgotten {
        console.stopped_by(&send::forgotten(slug));
    }
    account.advice().iter().for_each(|advice| console.advise(advice));
    Ok(exit::DONE)
}

/// Says in what state an issue is that the ledger does not know.
fn unheard_of(state: IssueState) -> String {
    match state {
        IssueState::Forgotten => FORGOTTEN.to_owned(),
        state => format!("is a {}", state.word()),
    }
}

/// What is said of an issue that was begun from here, and of which the ledger knows nothing.
const FORGOTTEN: &str = "was sent before; the ledger has forgotten it";

/// Finds the rates for which those wait who are left of an issue that is being sent.
pub(super) async fn used_up(
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    issue: &IssueRecord,
    tally: &Tally,
) -> Result<Vec<UsedUp>, Failure> {
    // Who is deferred waits for their own hour.
    let is_anybody_planned = tally.remaining > tally.deferred;
    if issue.state != IssueState::Sending || !is_anybody_planned {
        return Ok(Vec::new());
    }
    UsedUp::all(newsroom, ledger).await
}

/// Says when whoever is deferred is tried again.
pub(super) async fn next_try(
    ledger: &dyn Ledger,
    issue: i64,
    tally: &Tally,
) -> Result<Option<String>, Failure> {
    if tally.deferred == 0 {
        return Ok(None);
    }
    let next = ledger.next_retry(issue).await?;
    Ok(next.map(|at| format!("who is deferred is tried again from {}", clock_time(at))))
}

/// Who sends a publication's issues now.
struct Senders<'a> {
    publication: &'a str,
    /// Who does so from this machine.
    here: Option<String>,
    /// Those of every machine that shares the ledger, and whether they are gone.
    workers: Vec<(Seen, bool)>,
    /// What time it is there.
    now: Timestamp,
}

async fn senders<'a>(newsroom: &'a Newsroom, ledger: &dyn Ledger) -> Result<Senders<'a>, Failure> {
    let now = ledger.now().await?;
    let seen = ledger.workers().await?.into_iter();
    let workers = seen.map(|seen| (is_gone(&seen, now), seen)).map(|(gone, seen)| (seen, gone));
    Ok(Senders {
        publication: &newsroom.publication.id,
        here: Lock::holder(&newsroom.lock_path()),
        workers: workers.collect(),
        now,
    })
}

/// Tells whether anybody sends an issue now.
pub(super) async fn is_sent_by_somebody(
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    slug: &str,
) -> Result<bool, Failure> {
    Ok(senders(newsroom, ledger).await?.of(slug).is_some())
}

impl Senders<'_> {
    /// Names who sends an issue, if anybody does.
    fn of(&self, slug: &str) -> Option<String> {
        let is_its = |(Seen { worker, .. }, gone): &&(Seen, bool)| {
            !gone
                && worker.issue.as_deref() == Some(slug)
                && worker.publication.as_deref() == Some(self.publication)
        };
        let all: Vec<_> = self.workers.iter().filter(is_its).collect();
        let are_workers = all.iter().all(|(seen, _)| seen.worker.command == "worker");
        match (all.len(), &self.here) {
            (0, None) => None,
            (0 | 1, Some(here)) => Some(here.clone()),
            (count, _) => {
                Some(counted(count as u64, if are_workers { "worker" } else { "sender" }))
            }
        }
    }
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
    let begun = tally.tried_since(&Tally::default());
    Ok(Account::of(issue, tally, suppressed, took, begun))
}

/// What is said of an issue that is to be sent, and that nobody sends.
pub(super) const NOBODY_SENDS: &str = "not finished, and nobody is sending it now";

fn standing(issue: &IssueRecord, sender: Option<&str>) -> String {
    let mut words = match (issue.state, &issue.booking, sender) {
        (IssueState::Scheduled, Some(booking), _) => format!("scheduled for {}", booking.shown),
        (IssueState::Sending, _, Some(sender)) => format!("being sent by {sender}"),
        (IssueState::Sending, ..) => NOBODY_SENDS.to_owned(),
        (state, ..) => state.word().to_owned(),
    };
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

/// Returns an issue's deliveries in any of these states.
async fn all(
    ledger: &dyn Ledger,
    issue: &IssueRecord,
    states: &[DeliveryState],
) -> Result<Vec<DeliveryRecord>, Failure> {
    let mut all: Vec<DeliveryRecord> = Vec::new();
    loop {
        let after = all.last().map(|last| last.slot);
        let page = ledger.deliveries(issue.id, states, after, PAGE).await?;
        let is_last = page.len() < PAGE;
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}

async fn list(
    console: &Console,
    ledger: &dyn Ledger,
    issue: &IssueRecord,
    states: &[DeliveryState],
    relay: &RelayUrl,
) -> Result<u8, Failure> {
    let mut after = None;
    let (mut listed, mut perhaps): (u64, u64) = (0, 0);
    let mut is_any_unnamed = false;
    loop {
        let page = ledger.deliveries(issue.id, states, after, PAGE).await?;
        for delivery in &page {
            perhaps += u64::from(is_perhaps(delivery));
            if console.is_closed() {
                return Ok(exit::DONE);
            }
            tell_delivery(console, delivery);
            is_any_unnamed |= delivery.relay.is_none();
        }
        listed += page.len() as u64;
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.slot),
            _ => break,
        }
    }
    if listed == 0 && !console.json {
        console.note("nobody");
    } else if states.contains(&DeliveryState::InDoubt) && !console.json {
        let now = Some(relay).filter(|_| is_any_unnamed);
        explain_doubt(console, &issue.slug, now, listed == perhaps);
    }
    Ok(exit::DONE)
}

/// Says what in doubt means and how to settle it; for people, so not among the results. `now` is the publication's relay, where a doubt names none.
fn explain_doubt(console: &Console, slug: &str, now: Option<&RelayUrl>, is_forgotten: bool) {
    let why = if is_forgotten {
        [
            "The ledger was restored, and does not know what was sent after it was copied:",
            "each may have the mail or not. Look for its Message-ID in the relay's log, or",
        ]
    } else {
        [
            "The whole message was handed over and the relay's answer never came, so it may",
            "have arrived or not (RFC 1047). Look for its Message-ID in the relay's log, or",
        ]
    };
    console.note("");
    for line in why {
        console.note(line);
    }
    console.note("ask the reader; until you say, nobody in doubt is mailed again.");
    if let Some(relay) = now {
        // A restored backup does not know who had them, and an older postrider did not write it down.
        let words =
            format!("Where no relay is named, nobody noted which it was; it is now {relay}.");
        console.note(wrapped(&words, 0, 0));
    }
    console.note("Then one of");
    for how in ["--delivered", "--resend"] {
        console.note(format_args!("  postrider resolve {slug} ADDR {how}"));
    }
}

/// Tells whether nothing shows that a delivery in doubt was ever handed over: a restored ledger forgot.
fn is_perhaps(delivery: &DeliveryRecord) -> bool {
    delivery.state == DeliveryState::InDoubt && delivery.attempts == 0
}

/// Returns what `--json` says of a delivery.
pub(super) fn document(delivery: &DeliveryRecord) -> serde_json::Value {
    serde_json::json!({
        "address": delivery.address.written(),
        "state": delivery.state,
        "reader": delivery.reader,
        "attempts": delivery.attempts,
        "said": delivery.said,
        "at": delivery.at,
        "began_at": delivery.began_at,
        "relay": delivery.relay,
        "retry_at": delivery.retry_at,
        "message_id": delivery.message_id,
    })
}

fn tell_delivery(console: &Console, delivery: &DeliveryRecord) {
    if console.json {
        console.document(&document(delivery));
        return;
    }
    let state = delivery.state.word().replace('_', " ");
    let state = console.paint(Tone::of(delivery.state), format_args!("{state:<10}"));
    console.say(format_args!("{state}  {}", delivery.address));
    let mut remarks = Vec::new();
    if !delivery.said.is_empty() {
        remarks.push(printable(&delivery.said));
    }
    if let Some(at) = delivery.retry_at {
        remarks.push(format!("next try {}", instant(at)));
    }
    if delivery.state == DeliveryState::InDoubt {
        let to = delivery.relay.as_ref();
        let to = to.map(|relay| format!(" to the relay {}", printable(relay))).unwrap_or_default();
        // Of a restored backup nobody knows when, or whether.
        let handed = delivery.began_at.filter(|_| !is_perhaps(delivery));
        remarks.push(match handed {
            None => "perhaps handed over, as".to_owned(),
            Some(at) => format!("handed over {}{to} as", instant(at)),
        });
        remarks.push(delivery.message_id.clone());
    }
    for remark in remarks {
        console.say(format_args!("            {}", console.paint(Tone::Quiet, remark)));
    }
}

/// The keys of `status --json` without an issue.
#[derive(Serialize)]
struct Overview<'a> {
    issues: Vec<Document<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    workers: Vec<AtWork<'a>>,
}

/// A worker on a ledger that machines share.
#[derive(Serialize)]
struct AtWork<'a> {
    #[serde(flatten)]
    worker: &'a Worker,
    seen_at: Timestamp,
    gone: bool,
}

impl<'a> AtWork<'a> {
    fn of((seen, gone): &'a (Seen, bool)) -> Self {
        Self { worker: &seen.worker, seen_at: seen.at, gone: *gone }
    }
}

async fn overview(console: &Console, newsroom: &Newsroom) -> Result<u8, Failure> {
    let mut known = Vec::new();
    let mut senders = Senders {
        publication: &newsroom.publication.id,
        here: None,
        workers: Vec::new(),
        now: Timestamp::UNIX_EPOCH,
    };
    if newsroom.has_ledger()? {
        let ledger = newsroom.ledger_to_read(console)?;
        senders = self::senders(newsroom, &*ledger).await?;
        for issue in ledger.issues(&newsroom.publication.id).await? {
            let mut account = account(&*ledger, &issue).await?;
            account.used_up = used_up(newsroom, &*ledger, &issue, &account.tally).await?;
            known.push((issue, account));
        }
    }
    let begun = newsroom.begun()?;
    let state = |slug| if begun.contains(slug) { IssueState::Forgotten } else { IssueState::Draft };
    let unknown: Vec<Account> = newsroom
        .issues()?
        .iter()
        .filter(|folder| known.iter().all(|(issue, _)| issue.slug != folder.slug))
        .map(|folder| Account::unknown(&folder.slug, state(&folder.slug)))
        .collect();
    if console.json {
        let accounts: Vec<_> =
            known.into_iter().map(|(_, account)| account).chain(unknown).collect();
        console.document(&Overview {
            issues: accounts.iter().map(Account::to_json).collect(),
            workers: senders.workers.iter().map(AtWork::of).collect(),
        });
        return Ok(exit::DONE);
    }
    let lines: Vec<(String, String)> = known
        .iter()
        .map(|(issue, account)| {
            let sender = senders.of(&issue.slug);
            (issue.slug.clone(), summary(issue, account, sender.as_deref()))
        })
        .chain(unknown.into_iter().map(|Account { slug, state, .. }| {
            let words = if state == IssueState::Forgotten { FORGOTTEN } else { state.word() };
            (slug, words.to_owned())
        }))
        .collect();
    let width = lines.iter().map(|(slug, _)| slug.width()).max().unwrap_or(0);
    for (slug, words) in &lines {
        let slug = console.paint(Tone::Strong, format_args!("{slug:<width$}"));
        console.say(format_args!("{slug}  {}", wrapped(words, width + 2, width + 2)));
    }
    if lines.is_empty() {
        console.note("there is no issue yet; `postrider draft SLUG` makes one");
    }
    for (seen, is_gone) in &senders.workers {
        let doing = doing(seen, *is_gone, senders.publication, senders.now);
        let Worker { command, host, pid, .. } = &seen.worker;
        let who = format!("{} on {}, process {pid}", printable(command), printable(host));
        console.say(wrapped(&format!("{who}: {doing}"), 0, 2));
    }
    Ok(exit::DONE)
}

/// Says what a worker does, by the ledger's clock; of which publication, where that is not the one we stand in.
fn doing(Seen { worker, at }: &Seen, is_gone: bool, ours: &str, now: Timestamp) -> String {
    if is_gone {
        return format!("gone since {}", instant(*at));
    }
    let silent = Duration::try_from(now.duration_since(*at)).unwrap_or_default();
    let seen = format!("seen {} s ago", silent.as_secs());
    match &worker.issue {
        Some(slug) => {
            let theirs = worker.publication.as_deref().filter(|theirs| *theirs != ours);
            let whose = theirs.map(|theirs| format!(" of {}", printable(theirs)));
            let (slug, whose) = (printable(slug), whose.unwrap_or_default());
            format!("sends {slug}{whose}, {} a second, {seen}", worker.per_second)
        }
        None => format!("waits, {seen}"),
    }
}

/// Says where an issue stands on one line.
fn summary(issue: &IssueRecord, account: &Account, sender: Option<&str>) -> String {
    let tally = &account.tally;
    let mut parts = vec![standing(issue, sender)];
    parts.extend(issue.corrects.as_ref().map(|first| format!("corrects {first}")));
    if tally.planned > 0 {
        parts.push(format!("{} of {} accepted", grouped(tally.accepted), grouped(tally.planned)));
    }
    for (number, word) in [
        (tally.suppressed, "suppressed"),
        (tally.rejected, "rejected"),
        (tally.in_doubt, "in doubt"),
        (tally.expired, "expired"),
        (tally.cancelled, "cancelled"),
        (tally.remaining, "left"),
    ] {
        if number > 0 {
            parts.push(format!("{} {word}", grouped(number)));
        }
    }
    parts.extend(account.used_up.iter().filter(|_| sender.is_none()).map(UsedUp::words));
    parts.join(", ")
}

/// Finds what the ledger knows of an issue, to tell it and no more.
async fn seen(
    console: &Console,
    newsroom: &Newsroom,
    slug: &str,
) -> Result<Option<(Arc<dyn Ledger>, IssueRecord)>, Failure> {
    if !newsroom.has_ledger()? {
        return Ok(None);
    }
    let ledger = newsroom.ledger_to_read(console)?;
    let issue = ledger.issue(&newsroom.publication.id, slug).await?;
    Ok(issue.map(|issue| (ledger, issue)))
}

/// Finds what the ledger knows of an issue; `None` while it is only a draft. Makes no ledger.
pub(super) async fn known(
    newsroom: &Newsroom,
    slug: &str,
) -> Result<Option<(Arc<dyn Ledger>, IssueRecord)>, Failure> {
    if !newsroom.has_ledger()? {
        return Ok(None);
    }
    let ledger = newsroom.ledger()?;
    let issue = ledger.issue(&newsroom.publication.id, slug).await?;
    Ok(issue.map(|issue| (ledger, issue)))
}

/// Finds an issue's slug among the folders, or among what the ledger and the high-water mark know when its folder is gone.
pub(super) async fn slug(newsroom: &Newsroom, name: &str) -> Result<String, Failure> {
    let missing = match newsroom.issue(name) {
        Ok(folder) => return Ok(folder.slug),
        Err(failure) => failure,
    };
    // With the folders, since a name that fits two of those fits no issue of the ledger alone.
    let mut slugs: Vec<String> =
        newsroom.issues()?.into_iter().map(|folder| folder.slug).chain(newsroom.begun()?).collect();
    if newsroom.has_ledger()? {
        let (ledger, _) = newsroom.ledger_or_copy()?;
        let issues = ledger.issues(&newsroom.publication.id).await?;
        slugs.extend(issues.into_iter().map(|issue| issue.slug));
    }
    slugs.sort();
    slugs.dedup();
    fitting(name, &slugs, String::as_str)?.cloned().ok_or(missing)
}

/// Finds the folder of an issue that is to be sent; where it is gone and the ledger still owes the issue to somebody, says so.
pub(super) async fn folder(newsroom: &Newsroom, name: &str) -> Result<IssueFolder, Failure> {
    let missing = match newsroom.issue(name) {
        Ok(folder) => return Ok(folder),
        Err(missing) => missing,
    };
    let slug = slug(newsroom, name).await?;
    let is_owed = known(newsroom, &slug)
        .await?
        .is_some_and(|(_, issue)| matches!(issue.state, IssueState::Sending | IssueState::Paused));
    if !is_owed {
        return Err(missing);
    }
    Err(Failure::new(
        exit::NO_INPUT,
        format!("the folder of {slug} is gone, and not everybody has the issue"),
    )
    .hint("put it back as it was, and the rest follows")
    .hint(format!("or stop the rest with `postrider cancel {slug}`")))
}
