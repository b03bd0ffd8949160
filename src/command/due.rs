//! `due`: the line cron runs. Sends what is due, resumes what is unfinished, and is silent when there is nothing to say.

use super::{
    Console, Failure, exit,
    newsroom::Newsroom,
    send::{self, Asked, Go, Sent},
    status,
};
use crate::{
    cli::Global,
    ledger::{IssueRecord, Ledger},
    model::IssueState::{self, Missed, Paused, Scheduled, Sending},
    schedule::{Standing, is_crowded, standing},
    send::{Ended, Halt},
};

/// Runs the command.
pub(super) async fn run(console: &Console, global: &Global) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    if !newsroom.has_ledger()? {
        return Ok(exit::DONE);
    }
    let ledger = newsroom.ledger()?;
    let mut issues = ledger.issues(&newsroom.publication.id).await?;
    issues.sort_by_key(|issue| issue.booking.as_ref().map(|booking| booking.at));
    let mut code = exit::DONE;
    let mut last = issues.iter().filter_map(|issue| issue.started_at).max();
    for issue in &issues {
        if let (Scheduled, Some(booking)) = (issue.state, &issue.booking)
            && standing(booking.at, booking.max_late, newsroom.now) == Standing::Due
            && is_crowded(booking.at, last, newsroom.now)
        {
            continue;
        }
        match one(console, &newsroom, &*ledger, issue).await {
            Ok(None) => {}
            Ok(Some(sent)) => {
                last = Some(newsroom.now);
                tell(console, &newsroom, &sent);
                hold(&newsroom, &*ledger, &sent).await?;
                // Whoever cancelled it meanwhile knows, and cron has nothing left to do with it.
                let is_cancelled = sent.ended == Ended::Cancelled;
                code = code.max(if is_cancelled { exit::DONE } else { sent.code });
                if sent.ended == Ended::Stopped {
                    break;
                }
            }
            // Another sender is at work, or the machine is busy: the next run will see.
            Err(failure) if failure.code == exit::AGAIN && !console.is_watched() => {
                code = code.max(exit::AGAIN);
            }
            Err(failure) => {
                say_once(console, &newsroom, &*ledger, issue, &failure).await?;
                code = code.max(failure.code);
            }
        }
    }
    forget(&newsroom, &*ledger).await?;
    Ok(code)
}

/// Forgets who got what long ago, where the publisher wants that. By the ledger's clock: `--now` is for schedules.
async fn forget(newsroom: &Newsroom, ledger: &dyn Ledger) -> Result<(), Failure> {
    let Some(retention) = newsroom.publication.list.retention else { return Ok(()) };
    // A length of time beyond all calendars forgets nothing.
    if let Ok(before) = ledger.now().await?.checked_sub(retention) {
        ledger.prune(&newsroom.publication.id, before).await?;
    }
    Ok(())
}

/// Does what an issue needs now; `None` where that is nothing.
async fn one(
    console: &Console,
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    issue: &IssueRecord,
) -> Result<Option<Sent>, Failure> {
    let is_due = match (issue.state, &issue.booking) {
        (Sending, _) => true,
        (Scheduled, Some(booking)) => match standing(booking.at, booking.max_late, newsroom.now) {
            Standing::Early => false,
            Standing::Due => true,
            Standing::Missed => return Err(miss(newsroom, ledger, issue, &booking.shown).await?),
        },
        _ => false,
    };
    if !is_due {
        return Ok(None);
    }
    let folder = status::folder(newsroom, &issue.slug).await?;
    let asked = Asked::whole(Go::Yes);
    send::deliver(console, newsroom, &folder, &asked).await.map(Some)
}

/// Notes that an issue was found too late, so that it is said only now.
async fn miss(
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    issue: &IssueRecord,
    hour: &str,
) -> Result<Failure, Failure> {
    let slug = &issue.slug;
    let why = format!("its hour was {hour}, and it was found too late");
    turn(newsroom, ledger, slug, Scheduled, Missed, &why).await?;
    Ok(Failure::new(exit::GUARD, format!("{slug} was not sent: {why}")).hint(format!(
        "`postrider schedule {slug}` gives it a new hour, `postrider send {slug}` sends it now"
    )))
}

/// Tells a watcher everything, and a mailbox only what stopped a run and how an issue ended.
fn tell(console: &Console, newsroom: &Newsroom, sent: &Sent) {
    if console.json || console.is_watched() || sent.ended.is_final() {
        sent.report(console, &newsroom.publication);
    } else if let Ended::Halted(halt) = &sent.ended {
        let (slug, failure) = (&sent.account.slug, Failure::halted(halt, &sent.account.slug));
        console.failure(&if is_held(halt) {
            failure.hint(format!(
                "it is paused, so that cron does not try on and on: `postrider resume {slug}` first"
            ))
        } else {
            failure
        });
    }
}

/// Tells whether trying again every five minutes would only make it worse. Too many refusals pause an issue whoever sends it.
fn is_held(halt: &Halt) -> bool {
    matches!(halt, Halt::Credentials(_) | Halt::Refused(_) | Halt::Copy(_))
}

/// Pauses an issue whose relay refuses us or the message.
async fn hold(newsroom: &Newsroom, ledger: &dyn Ledger, sent: &Sent) -> Result<(), Failure> {
    if let Ended::Halted(halt) = &sent.ended
        && is_held(halt)
    {
        turn(newsroom, ledger, &sent.account.slug, Sending, Paused, halt.why()).await?;
    }
    Ok(())
}

/// Says a failure that stands until somebody acts once, not every five minutes; the exit code says it every time.
async fn say_once(
    console: &Console,
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    issue: &IssueRecord,
    failure: &Failure,
) -> Result<(), Failure> {
    let stands = matches!(failure.code, exit::GUARD | exit::BAD_DATA | exit::NO_INPUT);
    if stands && issue.why == failure.message && !console.is_watched() {
        return Ok(());
    }
    console.failure(failure);
    if stands {
        // From a state to itself: only the reason changes.
        turn(newsroom, ledger, &issue.slug, issue.state, issue.state, &failure.message).await?;
    }
    Ok(())
}

async fn turn(
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    slug: &str,
    from: IssueState,
    to: IssueState,
    why: &str,
) -> Result<(), Failure> {
    ledger.turn(&newsroom.publication.id, slug, &[from], to, why).await?;
    Ok(())
}
