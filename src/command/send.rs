//! `send`: freezes an issue and delivers it; again resumes. `due` and `demo` send by the same door.

use std::{
    fs::{File, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::{
    Console, Failure,
    account::{Account, grouped, tell_left_out},
    exit,
    failure::code_of,
    newsroom::{IssueFolder, LeftOut, Newsroom},
};
use crate::{
    cli::{self, Global},
    compose::{Composed, Edition, Press, Purpose},
    ledger::{Admit, Event, Freeze, Frozen, IssueRecord, Ledger},
    model::{IssueState, RelayUrl},
    outbox::{Keep, Outbox, OutboxSettings},
    send::{Ended, Halt, Progress, Run, Stop, needs_attention},
};

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    global: &Global,
    wish: &cli::Send,
) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    let folder = newsroom.issue(&wish.issue)?;
    let asked = Asked {
        go: match (wish.yes, wish.confirm) {
            (true, _) => Go::Yes,
            (false, Some(count)) => Go::Count(count),
            (false, None) => Go::Ask,
        },
        limit: wish.limit,
        catch_up: wish.catch_up,
    };
    let sent = deliver(console, &newsroom, &folder, &asked).await?;
    sent.report(console);
    Ok(sent.code)
}

/// How an issue is to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) go: Go,
    pub(super) limit: Option<u64>,
    pub(super) catch_up: bool,
}

/// Who says that it may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Go {
    /// The caller has.
    Yes,
    /// Only for this number of readers.
    Count(u64),
    /// The person at the terminal.
    Ask,
}

/// What a send came to.
pub(super) struct Sent {
    pub(super) account: Account,
    pub(super) ended: Ended,
    pub(super) code: u8,
}

/// Delivers an issue, freezing it first where that has not happened.
pub(super) async fn deliver(
    console: &Console,
    newsroom: &Newsroom,
    folder: &IssueFolder,
    asked: &Asked,
) -> Result<Sent, Failure> {
    let lock = Lock::take(&newsroom.private()?.join("send.lock"))?;
    let ledger = newsroom.ledger()?;
    let publication = &newsroom.publication;
    let known = ledger.issue(&publication.id, &folder.slug).await?;
    if let Some(issue) = &known
        && let Some(sent) = refuse_or_recall(&*ledger, issue, asked).await?
    {
        return Ok(sent);
    }
    let composed = newsroom.compose(folder)?;
    console.problems(&composed.warnings);
    let digest = composed.edition.digest();
    if let Some(issue) = &known {
        unchanged(issue, &digest)?;
    }
    let issue = match known {
        Some(issue) if issue.frozen_at.is_some() && !asked.catch_up => issue,
        _ => freeze(console, newsroom, &*ledger, folder, &composed, asked).await?,
    };
    let started = Instant::now();
    let before = ledger.tally(issue.id).await?;
    let ended = transmit(console, newsroom, Arc::clone(&ledger), &issue, asked.limit).await?;
    drop(lock);

    let issue = ledger.issue(&publication.id, &folder.slug).await?.unwrap_or(issue);
    let tally = ledger.tally(issue.id).await?;
    let suppressed = ledger.suppressed(issue.id).await?;
    let begun = before.remaining.saturating_sub(tally.remaining);
    let account = Account::of(&issue, tally, suppressed, started.elapsed(), begun);
    let code = code_of(&ended, needs_attention(&tally));
    Ok(Sent { account, ended, code })
}

/// Recalls how an issue ended that is over, or refuses one that must not be sent now.
async fn refuse_or_recall(
    ledger: &dyn Ledger,
    issue: &IssueRecord,
    asked: &Asked,
) -> Result<Option<Sent>, Failure> {
    match issue.state {
        IssueState::Finished if !asked.catch_up => {
            let account = super::status::account(ledger, issue).await?;
            let code = code_of(&Ended::Finished, needs_attention(&account.tally));
            Ok(Some(Sent { account, ended: Ended::Finished, code }))
        }
        IssueState::Cancelled => {
            Err(Failure::new(exit::GUARD, format!("{} was cancelled", issue.slug))
                .hint("a cancelled issue stays cancelled; `postrider draft SLUG --like` makes a new one of it"))
        }
        IssueState::Paused => Err(Failure::new(exit::AGAIN, format!("{} is paused", issue.slug))
            .hint(format!("`postrider resume {}` lets it go on", issue.slug))),
        _ => Ok(None),
    }
}

/// Refuses a draft that is no longer what was bound or frozen (rule D7).
fn unchanged(issue: &IssueRecord, digest: &str) -> Result<(), Failure> {
    let bound = matches!(issue.state, IssueState::Scheduled) || issue.frozen_at.is_some();
    if !bound || issue.digest == *digest {
        return Ok(());
    }
    let (what, hint) = if issue.frozen_at.is_some() {
        (
            "it was frozen",
            format!(
                "some readers have it as it was: put the text back, or `postrider cancel {}` stops the rest",
                issue.slug
            ),
        )
    } else {
        ("it was scheduled", format!("`postrider schedule {}` binds it as it is now", issue.slug))
    };
    Err(Failure::new(exit::GUARD, format!("{} was edited since {what}", issue.slug)).hint(hint))
}

/// Asks for the number of readers where that is due, and freezes the issue.
async fn freeze(
    console: &Console,
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    folder: &IssueFolder,
    composed: &Composed,
    asked: &Asked,
) -> Result<IssueRecord, Failure> {
    let expected = match asked.go {
        Go::Yes => None,
        Go::Count(count) => Some(count),
        Go::Ask if console.can_ask() => {
            Some(ask_count(console, newsroom, ledger, folder, composed).await?)
        }
        Go::Ask => {
            return Err(Failure::new(exit::USAGE, "nobody is here to say yes")
                .hint("without a terminal, add --yes, or --confirm with the number of readers"));
        }
    };
    let request = Request { rehearse: false, catch_up: asked.catch_up, expected };
    let found = freeze_with(newsroom, ledger, folder, composed, &request).await?;
    tell_list(console, newsroom, &found);
    found.somebody(newsroom)?;
    Ok(found.frozen.issue)
}

async fn ask_count(
    console: &Console,
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    folder: &IssueFolder,
    composed: &Composed,
) -> Result<u64, Failure> {
    let request = Request { rehearse: true, catch_up: false, expected: None };
    let found = freeze_with(newsroom, ledger, folder, composed, &request).await?;
    found.somebody(newsroom)?;
    let question = format!(
        "`{}` goes to {} readers. Type that number to send it:",
        composed.issue.title(),
        grouped(found.frozen.recipients)
    );
    let answer = console.ask(&question).unwrap_or_default();
    match answer.replace(',', "").parse() {
        Ok(count) => Ok(count),
        Err(_) => Err(Failure::new(exit::GUARD, "that is not the number: nothing was sent")),
    }
}

/// How to freeze.
pub(super) struct Request {
    pub(super) rehearse: bool,
    pub(super) catch_up: bool,
    pub(super) expected: Option<u64>,
}

/// What a freeze found, with the list's bad rows and the longest HTML in bytes.
pub(super) struct Found {
    pub(super) frozen: Frozen,
    pub(super) left_out: LeftOut,
    pub(super) largest_copy: usize,
}

/// Freezes, or rehearses it.
pub(super) async fn freeze_with(
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    folder: &IssueFolder,
    composed: &Composed,
    request: &Request,
) -> Result<Found, Failure> {
    let publication = &newsroom.publication;
    let (records, left_out) = newsroom.records()?;
    let edition = serde_json::to_vec(&composed.edition)
        .map_err(|error| Failure::new(exit::BUG, format!("failed to keep the edition: {error}")))?;
    let keys = if request.rehearse { newsroom.keys_for_a_look()? } else { newsroom.keys()? };
    let press = Press::new(&composed.edition, 0, newsroom.now, keys)
        .map_err(|error| Failure::new(exit::BAD_DATA, error.to_string()))?;
    let order = Freeze {
        publication: publication.id.clone(),
        slug: folder.slug.clone(),
        digest: composed.edition.digest(),
        edition,
        date: newsroom.now,
        message_domain: publication.sender.from.address.domain().to_owned(),
        event: Event {
            name: "import".to_owned(),
            source: publication.list.csv.clone().unwrap_or_default(),
            detail: String::new(),
        },
        catch_up: request.catch_up,
        rehearse: request.rehearse,
        expected: request.expected,
    };
    let largest = Arc::new(AtomicUsize::new(0));
    let frozen = ledger.freeze(order, records, admit(press, Arc::clone(&largest))).await?;
    Ok(Found { frozen, left_out, largest_copy: largest.load(Ordering::Relaxed) })
}

/// Makes every reader's copy once before the first is sent, so that one that cannot be made is known by name; notes how long the longest HTML is.
fn admit(press: Press, largest: Arc<AtomicUsize>) -> Admit {
    Box::new(move |reader| {
        let printed = press.print(reader, "<copy@example.org>", 0, Purpose::Real)?;
        largest.fetch_max(printed.html_bytes, Ordering::Relaxed);
        Ok(())
    })
}

impl Found {
    /// Refuses an issue that nobody would get.
    pub(super) fn somebody(&self, newsroom: &Newsroom) -> Result<(), Failure> {
        if self.frozen.recipients > 0 || !self.frozen.fresh {
            return Ok(());
        }
        let failure = Failure::new(exit::BAD_DATA, "the list has no reader who may be mailed");
        if self.frozen.planned > 0 {
            let reasons: Vec<String> = self
                .frozen
                .suppressed
                .iter()
                .map(|(reason, count)| format!("{} {reason}", grouped(*count)))
                .collect();
            return Err(
                failure.hint(format!("everybody on it is left out: {}", reasons.join(", ")))
            );
        }
        Err(match &newsroom.publication.list.csv {
            Some(file) => {
                failure.hint(format!("add people to {file}, one a line under its header"))
            }
            None => failure.hint("`postrider subscribers import FILE` or `add ADDR` brings some"),
        })
    }
}

/// Says what the list file's rows came to, where that is not plain.
pub(super) fn tell_list(console: &Console, newsroom: &Newsroom, found: &Found) {
    let file = newsroom.publication.list.csv.as_deref().unwrap_or("the list");
    let Found { frozen, left_out, .. } = found;
    let rows = left_out.lock().unwrap_or_else(PoisonError::into_inner);
    tell_left_out(console, file, &rows);
    for (line, address, first) in frozen.enrolled.duplicates.iter().take(10) {
        console.warn(format_args!(
            "{file}:{line}: {address} stands in line {first} already: one reader, one mail"
        ));
    }
    for (line, address, state) in frozen.enrolled.suppressed.iter().take(10) {
        console.warn(format_args!(
            "{file}:{line}: {address} is {} and stays so, whatever the file says",
            state.word()
        ));
    }
}

/// Runs the deliveries, with progress for whoever watches and an ear for signals.
async fn transmit(
    console: &Console,
    newsroom: &Newsroom,
    ledger: Arc<dyn Ledger>,
    issue: &IssueRecord,
    limit: Option<u64>,
) -> Result<Ended, Failure> {
    let settings = &newsroom.publication.relay;
    let outbox = match settings.url {
        RelayUrl::Outbox => Some(open_outbox(newsroom)?),
        RelayUrl::Server { .. } => None,
    };
    let relay = newsroom.relay(outbox.as_ref().map(Outbox::address))?;
    let edition: Edition =
        serde_json::from_slice(&ledger.edition(issue.id).await?).map_err(|error| {
            Failure::new(exit::BUG, format!("failed to read the frozen edition: {error}"))
        })?;
    let date = issue.frozen_at.unwrap_or(newsroom.now);
    let press = newsroom.press(&edition, issue.id, date)?;
    let tally = ledger.tally(issue.id).await?;
    let private = newsroom.private()?;
    let run = Run {
        ledger: Arc::clone(&ledger),
        publication: newsroom.publication.id.clone(),
        issue: issue.clone(),
        press: Arc::new(press),
        relay,
        connections: settings.connections,
        rates: settings.rate.clone(),
        limit,
        stop_at_rejected: newsroom.publication.send.stop_at_rejected,
        owner: sender_name(),
        journal: private.join("outcomes.journal"),
        high_water: private.join("high-water"),
    };
    let (stop, stopped) = watch::channel(Stop::No);
    let signals = tokio::spawn(listen(stop));
    let (progress, news) = mpsc::unbounded_channel();
    let bar = bar(console, limit.map_or(tally.remaining, |limit| limit.min(tally.remaining)));
    let show = show(console, &bar, news);
    let host = format!("{}/", host());
    // The lock is held, so every other sender of this publication on this machine is dead.
    let gone = Box::new(move |owner: &str| owner.starts_with(&host));
    let (ended, ()) = tokio::join!(run.deliver(gone, stopped, progress), show);
    bar.finish_and_clear();
    signals.abort();
    if let Some(outbox) = outbox {
        outbox.stop();
    }
    Ok(ended?)
}

/// Opens the built-in relay over the publication's `outbox/`.
pub(super) fn open_outbox(newsroom: &Newsroom) -> Result<Outbox, Failure> {
    let folder = newsroom.root.join("outbox");
    let settings =
        OutboxSettings { record: false, ..OutboxSettings::new(Keep::Maildir(folder.clone())) };
    Outbox::start(settings).map_err(|error| Failure::file(&folder, "open", &error))
}

/// Asks the run to end at the first signal, and ends the program at the second.
async fn listen(stop: watch::Sender<Stop>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    for first in [true, false] {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if !first {
            std::process::exit(i32::from(exit::AGAIN));
        }
        stop.send_replace(Stop::Drain);
    }
}

fn bar(console: &Console, total: u64) -> ProgressBar {
    if !console.is_watched() || console.json {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(
        "  {bar:32.red/dim} {human_pos} of {human_len}  {per_sec}  {msg}  done in {eta}",
    );
    let bar = ProgressBar::new(total);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━─"));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

async fn show(console: &Console, bar: &ProgressBar, mut news: mpsc::UnboundedReceiver<Progress>) {
    use crate::model::DeliveryState::{Accepted, Deferred, InDoubt, Rejected};
    let mut counts = [
        (Accepted, 0, ""),
        (Rejected, 0, "rejected"),
        (Deferred, 0, "deferred"),
        (InDoubt, 0, "in doubt"),
    ];
    while let Some(progress) = news.recv().await {
        match progress {
            Progress::Settled(state) => {
                bar.inc(1);
                if let Some(count) = counts.iter_mut().find(|(of, ..)| *of == state) {
                    count.1 += 1;
                    if state != Accepted {
                        let told: Vec<String> = counts
                            .iter()
                            .filter(|(_, count, word)| *count > 0 && !word.is_empty())
                            .map(|(_, count, word)| format!("{count} {word}"))
                            .collect();
                        bar.set_message(told.join(", "));
                    }
                }
            }
            Progress::Waiting(until) if console.is_watched() => {
                bar.set_message(format!("waiting until {}", clock_time(until)));
            }
            Progress::Recovered(recovered) if console.verbose || recovered.in_doubt > 0 => {
                bar.suspend(|| {
                    console.note(format_args!(
                        "an earlier run was cut off: {} readers are in doubt, {} go on",
                        recovered.in_doubt, recovered.planned
                    ));
                });
            }
            Progress::Trouble(why) if console.is_watched() => {
                bar.suspend(|| console.note(format_args!("{why}; trying again")));
            }
            Progress::Waiting(_) | Progress::Recovered(_) | Progress::Trouble(_) => {}
        }
    }
}

/// Shows the hour of an instant in this machine's zone.
pub(super) fn clock_time(at: Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M").to_string()
}

impl Sent {
    /// Says how it ended, in words or JSON.
    pub(super) fn report(&self, console: &Console) {
        if let Ended::Halted(halt) = &self.ended {
            console.failure(&Failure::from(halt));
        }
        if console.json {
            self.account.document(console);
            return;
        }
        console.tell(self.headline());
        self.account.tell(console);
        for advice in self.account.advice() {
            console.tell(format_args!("  {advice}"));
        }
    }

    /// Says in one line how it ended.
    pub(super) fn headline(&self) -> String {
        let slug = &self.account.slug;
        match &self.ended {
            Ended::Finished if self.account.begun == 0 => {
                format!("{slug} is finished; nothing was left to send")
            }
            Ended::Finished => format!("{slug} is finished"),
            Ended::Deferred(at) => {
                format!(
                    "{slug}: some readers' servers said not now; the next try is due at {}",
                    clock_time(*at)
                )
            }
            Ended::Quota(at) => {
                format!("{slug}: the rate's quota is used up; it goes on at {}", clock_time(*at))
            }
            Ended::Limit => format!("{slug}: stopped at the limit"),
            Ended::Stopped => format!("{slug}: stopped; what was in flight is recorded"),
            Ended::Paused => format!("{slug} is paused"),
            Ended::Cancelled => format!("{slug} is cancelled"),
            Ended::Held => format!("{slug}: another sender still holds some of it"),
            Ended::Halted(Halt::Refusals(_)) => format!("{slug}: stopped by a guard"),
            Ended::Halted(_) => format!("{slug}: not finished"),
        }
    }
}

/// A courtesy between processes: who sends says so. The fence in the ledger is the safety (rule D10).
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock or says who has it.
    pub(super) fn take(path: &Path) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::file(path, "open", &error);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                return Err(Failure::new(
                    exit::AGAIN,
                    format!("it is being sent by {}", holder.trim()),
                )
                .hint("wait for it, or look with `postrider status`"));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", sender_name()))
            .map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// Names this sender: `host/pid`.
fn sender_name() -> String {
    format!("{}/{}", host(), std::process::id())
}

fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "this machine".to_owned(), |name| name.trim().to_owned())
}
