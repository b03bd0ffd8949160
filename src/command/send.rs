//! `send`: freezes an issue and delivers it; again resumes. `due` and `demo` send by the same door.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::{
    Console, Failure,
    account::{Account, reasons},
    alarm,
    causes::Causes,
    correct,
    ears::Ears,
    exit,
    failure::code_of,
    freeze::{self, Request},
    heart::{self, Heart},
    inspection,
    lock::{Sender, boot, host, sender_name},
    newsroom::{IssueFolder, Newsroom},
    orders::Orders,
    progress, status,
    words::{clock_time, counted, grouped, printable},
};
use crate::{
    cli::{self, Global},
    compose::{Composed, Edition},
    ledger::{Gone, IssueRecord, Ledger},
    model::{IssueState, Publication, RelayUrl, Segment, Tally},
    outbox::{Keep, Outbox, OutboxSettings},
    send::{Braked, Ended, Halt, Run, Stop, guard::HighWater, needs_attention},
    smtp::Relay,
};

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    global: &Global,
    wish: &cli::Send,
) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    let folder = status::folder(&newsroom, &wish.issue).await?;
    let mut asked = Asked {
        limit: wish.limit,
        canary: wish.canary,
        catch_up: wish.catch_up,
        segment: wish.segment.clone(),
        ..Asked::whole(Go::by(&wish.consent))
    };
    let sent = loop {
        let sent = deliver(console, &newsroom, &folder, &asked).await?;
        let Some(until) = sent.ended.goes_on_at().filter(|_| wish.wait) else { break sent };
        console.note(format_args!("{}; this waits", sent.headline()));
        if !wait_until(until).await {
            break sent;
        }
        asked = Asked { go: Go::Yes, catch_up: false, ..asked };
    };
    sent.report(console, &newsroom.publication);
    Ok(sent.code)
}

/// Waits for an instant, by the wall clock and so also on a machine that sleeps meanwhile; `false` where a signal came first.
async fn wait_until(until: Timestamp) -> bool {
    /// How long a machine that was asleep may take to notice that it is late.
    const LOOK: Duration = Duration::from_mins(1);
    let ears = Ears::open();
    let mut stopped = ears.stopped.clone();
    while let Ok(left) = Duration::try_from(until.duration_since(Timestamp::now()))
        && !left.is_zero()
    {
        tokio::select! {
            () = tokio::time::sleep(left.min(LOOK)) => {}
            _ = stopped.wait_for(|stop| *stop != Stop::No) => return false,
        }
    }
    true
}

/// How an issue is to be sent.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) go: Go,
    pub(super) limit: Option<u64>,
    /// How many get it before it pauses.
    pub(super) canary: Option<u64>,
    pub(super) catch_up: bool,
    /// The segment it goes to; `None` for everybody, or for whom it was frozen for.
    pub(super) segment: Option<String>,
    /// The slug of the issue that it corrects, and to whose readers it goes.
    pub(super) corrects: Option<String>,
}

impl Asked {
    /// Asks for all of it to go to everybody.
    pub(super) fn whole(go: Go) -> Self {
        Self { go, limit: None, canary: None, catch_up: false, segment: None, corrects: None }
    }
}

/// Why an issue is sending that must go no further than its first readers: whoever finds it so, after a crash, pauses it.
const CANARY: &str = "only the first readers, as --canary asked for";

/// Why an issue is paused after that.
const CANARY_SENT: &str = "the first readers have it, as --canary asked for; look at theirs";

/// The same where it did not come that far.
const CANARY_CUT_OFF: &str = "it was stopped among the first readers of --canary";

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

impl Go {
    /// Returns who says so, by the options of a command.
    pub(super) fn by(consent: &cli::Consent) -> Self {
        match (consent.yes, consent.confirm) {
            (true, _) => Self::Yes,
            (false, Some(count)) => Self::Count(count),
            (false, None) => Self::Ask,
        }
    }
}

/// What a send came to.
pub(super) struct Sent {
    pub(super) account: Account,
    /// Why some did not get it.
    pub(super) causes: Causes,
    pub(super) ended: Ended,
    pub(super) code: u8,
    /// Whether it was finished before, so that nothing was left to do.
    pub(super) was_done: bool,
}

/// Delivers an issue, freezing it first where that has not happened.
pub(super) async fn deliver(
    console: &Console,
    newsroom: &Newsroom,
    folder: &IssueFolder,
    asked: &Asked,
) -> Result<Sent, Failure> {
    let lock = newsroom.lock()?;
    let ledger = newsroom.ledger()?;
    let publication = &newsroom.publication.id;
    let known = ledger.issue(publication, &folder.slug).await?;
    remembered(newsroom, &*ledger, &folder.slug, known.as_ref()).await?;
    if newsroom.ledger_file().is_none() {
        Orders::agree(newsroom, &*ledger).await?;
    }
    let known = held_after_canary(&*ledger, publication, known).await?;
    let first = match &asked.corrects {
        Some(slug) => Some(correct::first(&*ledger, publication, slug, known.as_ref()).await?),
        None => None,
    };
    let segment = segment(known.as_ref(), asked.segment.as_deref())?;
    if let Some(issue) = &known
        && let Some(sent) = recall_or_refuse(&*ledger, publication, issue, asked).await?
    {
        return Ok(sent);
    }
    // What was frozen was looked at then; nothing may keep the rest of it from its readers.
    let is_frozen = known.as_ref().is_some_and(|issue| issue.frozen_at.is_some());
    let composed = if is_frozen {
        newsroom.compose(folder)?
    } else {
        inspection::fit_to_send(newsroom, folder).await?
    };
    if let Some(issue) = &known {
        unchanged(issue, &composed.edition.digest())?;
    }
    if let Some(issue) = known.as_ref().filter(|_| is_frozen && !asked.catch_up)
        && let Go::Count(agreed) = asked.go
    {
        still_agreed(issue, &ledger.tally(issue.id).await?, agreed)?;
    }
    // Before anything is frozen: a password that is missing binds nobody to anything.
    let way = Way::open(newsroom)?;
    // At the question, a signal is an answer: no.
    let ears = (asked.go != Go::Ask).then(Ears::open);
    let issue = match known {
        Some(issue) if issue.frozen_at.is_some() && !asked.catch_up => issue,
        _ => {
            if let Some(first) = &first {
                correct::warn_of_the_rest(console, &*ledger, first).await?;
            }
            let request = Request {
                catch_up: asked.catch_up,
                segment,
                corrects: first.map(|first| first.id),
                ..Request::default()
            };
            freeze(console, newsroom, &*ledger, folder, &composed, asked.go, request).await?
        }
    };
    let started = Instant::now();
    let before = ledger.tally(issue.id).await?;
    let ears = ears.unwrap_or_else(Ears::open);
    let turn = async |to, why| {
        ledger.turn(publication, &folder.slug, &[IssueState::Sending], to, why).await
    };
    if asked.canary.is_some() {
        turn(IssueState::Sending, CANARY).await?;
    } else if !issue.why.is_empty() {
        // What stopped it before does so no more.
        turn(IssueState::Sending, "").await?;
    }
    let load = Load { issue: &issue, way, limit: asked.limit.or(asked.canary), ears };
    let ended = transmit(console, newsroom, Arc::clone(&ledger), load).await?;
    if let Ended::Halted(Halt::Refusals(why)) = &ended {
        // The next one, by hand or by cron, would ask two hundred more before it stopped.
        turn(IssueState::Paused, why).await?;
    }
    if asked.canary.is_some() {
        let why = if ended == Ended::Limit { CANARY_SENT } else { CANARY_CUT_OFF };
        turn(IssueState::Paused, why).await?;
    }
    drop(lock);

    let issue = ledger.issue(publication, &folder.slug).await?.unwrap_or(issue);
    let tally = ledger.tally(issue.id).await?;
    let suppressed = ledger.suppressed(issue.id).await?;
    let begun = tally.tried_since(&before);
    let code = code_of(&ended, needs_attention(&tally));
    let account = Account::of(&issue, tally, suppressed, started.elapsed(), begun);
    let causes = Causes::of(&*ledger, publication, &issue).await?;
    Ok(Sent { account, causes, ended, code, was_done: false })
}

/// Pauses an issue whose sender was killed among its first readers.
async fn held_after_canary(
    ledger: &dyn Ledger,
    publication: &str,
    known: Option<IssueRecord>,
) -> Result<Option<IssueRecord>, Failure> {
    match known {
        Some(issue) if issue.state == IssueState::Sending && issue.why == CANARY => {
            let from = [IssueState::Sending];
            ledger
                .turn(publication, &issue.slug, &from, IssueState::Paused, CANARY_CUT_OFF)
                .await?;
            Ok(ledger.issue(publication, &issue.slug).await?)
        }
        known => Ok(known),
    }
}

/// Refuses a ledger that went back in time, and an issue that it forgot it had begun (rule D12). Writes nothing.
pub(super) async fn remembered(
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    slug: &str,
    known: Option<&IssueRecord>,
) -> Result<(), Failure> {
    let high_water = newsroom.root.join(".postrider/high-water");
    HighWater::compare(&high_water, &ledger.mark(&newsroom.publication.id).await?)?;
    let is_frozen = known.is_some_and(|issue| issue.frozen_at.is_some());
    if is_frozen || !HighWater::knows(&high_water, slug)? {
        return Ok(());
    }
    Err(forgotten(slug))
}

/// Says that an issue was begun, and that its ledger forgot it.
pub(super) fn forgotten(slug: &str) -> Failure {
    Failure::new(exit::GUARD, format!("{slug} was sent before, and this ledger does not know to whom"))
        .hint("sending it could mail everybody twice; restore a backup of the ledger that is younger than the send")
        .hint(format!("or, if all should get it again, `postrider draft SLUG --like {slug}` makes another issue of it"))
}

/// Recalls how an issue ended that is over, or refuses one that must not be sent now.
async fn recall_or_refuse(
    ledger: &dyn Ledger,
    publication: &str,
    issue: &IssueRecord,
    asked: &Asked,
) -> Result<Option<Sent>, Failure> {
    if issue.state == IssueState::Finished && !asked.catch_up {
        let account = status::account(ledger, issue).await?;
        let code = code_of(&Ended::Finished, needs_attention(&account.tally));
        let causes = Causes::of(ledger, publication, issue).await?;
        return Ok(Some(Sent { account, causes, ended: Ended::Finished, code, was_done: true }));
    }
    allowed(issue)?;
    Ok(None)
}

/// Refuses an issue that somebody cancelled or paused.
fn allowed(issue: &IssueRecord) -> Result<(), Failure> {
    let slug = &issue.slug;
    match issue.state {
        IssueState::Cancelled => Err(Failure::new(exit::GUARD, format!("{slug} was cancelled"))
            .hint(format!("a cancelled issue stays so; `postrider draft SLUG --like {slug}` makes a new one of it"))),
        IssueState::Paused => Err(Failure::new(exit::AGAIN, paused(issue))
            .hint(format!("`postrider resume {slug}` lets it go on"))),
        _ => Ok(()),
    }
}

/// Refuses an issue that must not go out as it is now.
pub(super) fn may_go(issue: &IssueRecord, digest: &str) -> Result<(), Failure> {
    allowed(issue)?;
    unchanged(issue, digest)
}

fn paused(issue: &IssueRecord) -> String {
    match issue.why.as_str() {
        "" => format!("{} is paused", issue.slug),
        why => format!("{} is paused: {why}", issue.slug),
    }
}

/// Refuses a draft that is no longer what was bound or frozen (rule D7).
fn unchanged(issue: &IssueRecord, digest: &str) -> Result<(), Failure> {
    let slug = &issue.slug;
    let frozen = issue.frozen_at.is_some();
    if !(frozen || issue.state == IssueState::Scheduled) || issue.digest == *digest {
        return Ok(());
    }
    let (since, hint) = if frozen {
        (
            "it was frozen",
            format!(
                "some readers have it as it was: put the text back, or stop the rest with `postrider cancel {slug}`"
            ),
        )
    } else {
        ("it was scheduled", format!("`postrider schedule {slug}` binds it as it is now"))
    };
    Err(Failure::new(exit::GUARD, format!("{slug} was edited since {since}")).hint(hint))
}

/// Returns the segment an issue goes to: the one it was frozen for, and no other; before that the one that is asked for.
pub(super) fn segment(known: Option<&IssueRecord>, asked: Option<&str>) -> Result<String, Failure> {
    let wanted = asked.unwrap_or_default();
    if asked.is_some() {
        Segment::parse(wanted)?;
    }
    let Some(issue) = known.filter(|issue| issue.frozen_at.is_some()) else {
        return Ok(wanted.to_owned());
    };
    if asked.is_none() || wanted == issue.segment {
        return Ok(issue.segment.clone());
    }
    let frozen = match issue.segment.as_str() {
        "" => "everybody".to_owned(),
        segment => format!("the segment `{segment}`"),
    };
    Err(Failure::new(
        exit::GUARD,
        format!("{} was frozen for {frozen}, and goes to nobody else", issue.slug),
    )
    .hint("leave --segment out, and it goes on with the rest of them"))
}

/// Refuses where the number somebody agreed to can never have been this issue's: it is frozen, and between its readers and those still to be mailed.
fn still_agreed(issue: &IssueRecord, tally: &Tally, agreed: u64) -> Result<(), Failure> {
    if (tally.remaining..=tally.planned).contains(&agreed) {
        return Ok(());
    }
    let (left, all) = (grouped(tally.remaining), counted(tally.planned, "reader"));
    Err(Failure::new(
        exit::GUARD,
        format!(
            "{} has {all}, {left} of them still to be mailed, and not {}: nothing was sent",
            issue.slug,
            grouped(agreed)
        ),
    )
    .hint(format!("look with `postrider status {}`, and confirm that number", issue.slug)))
}

/// Asks for the number of readers where that is due, and freezes the issue.
async fn freeze(
    console: &Console,
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    folder: &IssueFolder,
    composed: &Composed,
    go: Go,
    mut request: Request,
) -> Result<IssueRecord, Failure> {
    match go {
        Go::Yes => {}
        Go::Count(count) => request.expected = Some(count),
        Go::Ask if console.can_ask() => {
            let rehearsal = Request { rehearse: true, ..request.clone() };
            let found = freeze::freeze(newsroom, ledger, folder, composed, rehearsal).await?;
            console.problems(&composed.warnings);
            found.tell_list(console, newsroom);
            found.somebody(newsroom)?;
            request.expected = Some(ask_count(console, newsroom, composed, &found)?);
            return Ok(freeze::freeze(newsroom, ledger, folder, composed, request)
                .await?
                .frozen
                .issue);
        }
        Go::Ask => {
            return Err(Failure::new(exit::USAGE, "nobody is here to say yes")
                .hint("without a terminal, add --yes, or --confirm with the number of readers"));
        }
    }
    console.problems(&composed.warnings);
    let found = freeze::freeze(newsroom, ledger, folder, composed, request).await?;
    found.tell_list(console, newsroom);
    found.somebody(newsroom)?;
    Ok(found.frozen.issue)
}

fn ask_count(
    console: &Console,
    newsroom: &Newsroom,
    composed: &Composed,
    found: &freeze::Found,
) -> Result<u64, Failure> {
    let frozen = &found.frozen;
    console.note(format_args!("{}", console.strong_message(composed.issue.title())));
    console.note(format_args!(
        "  goes to {} through {}",
        counted(frozen.added, "reader"),
        newsroom.publication.relay.url
    ));
    if !frozen.suppressed.is_empty() {
        console.note(format_args!("  left out: {}", reasons(&frozen.suppressed)));
    }
    let answer = console.ask("Type the number of readers to send it:").unwrap_or_default();
    answer.replace(',', "").parse().map_err(|_| {
        Failure::new(exit::GUARD, "that is not the number of readers: nothing was sent")
    })
}

/// The way to the relay: the built-in one where the publication has no other.
struct Way {
    relay: Relay,
    outbox: Option<Outbox>,
}

impl Way {
    fn open(newsroom: &Newsroom) -> Result<Self, Failure> {
        let outbox = match newsroom.publication.relay.url {
            RelayUrl::Outbox => Some(open_outbox(newsroom)?),
            RelayUrl::Server { .. } => None,
        };
        let relay = newsroom.relay(outbox.as_ref().map(Outbox::address))?;
        Ok(Self { relay, outbox })
    }
}

/// Opens the built-in relay over the publication's `outbox/`.
pub(super) fn open_outbox(newsroom: &Newsroom) -> Result<Outbox, Failure> {
    let folder = newsroom.root.join("outbox");
    let settings =
        OutboxSettings { record: false, ..OutboxSettings::new(Keep::Maildir(folder.clone())) };
    Outbox::start(settings).map_err(|error| Failure::file(&folder, "open", &error))
}

/// What is to be carried, by which way, and who may stop it.
struct Load<'a> {
    issue: &'a IssueRecord,
    way: Way,
    limit: Option<u64>,
    ears: Ears,
}

/// Runs the deliveries, with progress for whoever watches.
async fn transmit(
    console: &Console,
    newsroom: &Newsroom,
    ledger: Arc<dyn Ledger>,
    Load { issue, way, limit, ears }: Load<'_>,
) -> Result<Ended, Failure> {
    let settings = &newsroom.publication.relay;
    let edition: Edition =
        serde_json::from_slice(&ledger.edition(issue.id).await?).map_err(|error| {
            Failure::new(exit::BUG, format!("failed to read the frozen edition: {error}"))
        })?;
    let date = issue.frozen_at.unwrap_or(newsroom.now);
    let keys = newsroom.keys_for(&*ledger).await?;
    let press = newsroom.press(&edition, issue.id, date, keys.clone())?;
    let left = ledger.tally(issue.id).await?.remaining;
    let total = limit.map_or(left, |limit| limit.min(left));
    let end = progress::end(console, newsroom, &*ledger, issue.id, total).await?;
    let private = newsroom.private()?;
    let (owner, gone, heart) = if newsroom.ledger_file().is_some() {
        let host = format!("{}/", host());
        // The lock is held, so every other sender of this publication on this machine is dead.
        let gone: Gone = Box::new(move |owner: &str| owner.starts_with(&host));
        (sender_name(), gone, None)
    } else {
        Orders::give(&*ledger, issue.id, &newsroom.settings, &keys).await?;
        let sender = Sender::of(&private)?;
        let gone = sender.gone();
        let (publication, slug) = (newsroom.publication.id.clone(), issue.slug.clone());
        let work = heart::Issue { publication, slug, id: issue.id };
        let heart = Heart::start(Arc::clone(&ledger), &sender, Some(work));
        (sender.name, gone, Some(heart))
    };
    let run = Run {
        ledger: Arc::clone(&ledger),
        publication: newsroom.publication.id.clone(),
        issue: issue.clone(),
        press: Arc::new(press),
        relay: way.relay,
        connections: settings.connections,
        lane: settings.url.lane(),
        messages: settings.messages,
        chunking: settings.chunking,
        rates: settings.rate.clone(),
        warm_up: settings.warm_up.clone(),
        domains: settings.domains.clone(),
        limit,
        stop_at_rejected: newsroom.publication.send.stop_at_rejected,
        owner,
        journal: private.join("outcomes.journal"),
        boot: boot(),
        high_water: private.join("high-water"),
    };
    let (news, told) = mpsc::unbounded_channel();
    let told = match &heart {
        Some(heart) => heart.listen(told),
        None => told,
    };
    let show = progress::show(console, total, end, told, ears.stopped.clone());
    let (ended, ()) = tokio::join!(run.deliver(gone, ears.stopped.clone(), news), show);
    if let Some(heart) = heart {
        heart.stop().await;
    }
    if let Some(outbox) = way.outbox {
        outbox.stop();
    }
    Ok(ended?)
}

/// Says who wants us to wait, and why.
pub(super) fn slowed(braked: &Braked) -> String {
    let who = braked.provider.as_deref().unwrap_or("the relay");
    format!("{who} is paused: {}", printable(&braked.why))
}

impl Sent {
    /// Says how it ended, in words or JSON.
    pub(super) fn report(&self, console: &Console, publication: &Publication) {
        if let Ended::Halted(halt) = &self.ended {
            console.failure(&Failure::halted(halt, &self.account.slug));
        }
        if console.json {
            self.account.document(console);
            return;
        }
        console.tell_sentence(&self.headline());
        self.account.tell(console);
        self.causes.tell(console, publication);
        let why = match &self.ended {
            Ended::Braked(braked) => braked.why.as_str(),
            Ended::Halted(halt) => halt.why(),
            _ => "",
        };
        if let Some(record) = alarm::record(why, publication) {
            console.warn(format_args!("to mend that, {record}"));
        }
        for advice in self.account.advice() {
            console.advise(&advice);
        }
    }

    /// Says in one line how it ended.
    fn headline(&self) -> String {
        let slug = &self.account.slug;
        match &self.ended {
            Ended::Finished if self.was_done => {
                format!("{slug} is finished; nothing was left to send")
            }
            Ended::Finished => format!("{slug} is finished"),
            Ended::Deferred(at) => format!(
                "{slug}: some readers wait for another try, which is due at {}",
                clock_time(*at)
            ),
            Ended::Quota(at) => {
                format!("{slug}: the rate is used up for now; it goes on at {}", clock_time(*at))
            }
            Ended::Braked(braked) => {
                format!("{slug}: {}; it goes on at {}", slowed(braked), clock_time(braked.until))
            }
            Ended::Limit if self.account.state == IssueState::Paused => {
                format!("{slug} is paused: {CANARY_SENT}")
            }
            Ended::Limit => format!("{slug}: stopped at the limit"),
            Ended::Stopped => format!("{slug}: stopped; what was in flight is recorded"),
            Ended::Paused => format!("{slug} is paused"),
            Ended::Cancelled => format!("{slug} is cancelled"),
            Ended::Held => format!(
                "{slug}: another sender, or one that died, still holds some of it; what a dead one holds is free within 15 minutes: run it again then"
            ),
            Ended::Halted(Halt::Refused(_) | Halt::Copy(_) | Halt::Refusals(_)) => {
                format!("{slug}: stopped by a guard")
            }
            Ended::Halted(_) => format!("{slug}: not finished"),
        }
    }
}
