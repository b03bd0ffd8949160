//! `due`: the line cron runs. Sends what is due, resumes what is unfinished, and is silent when there is nothing to say.

use super::{
    Console, Failure, exit,
    newsroom::Newsroom,
    send::{self, Asked, Go},
};
use crate::{
    cli::Global,
    ledger::{IssueRecord, Ledger},
    model::IssueState,
    schedule::{Standing, standing},
};

/// Runs the command.
pub(super) async fn run(console: &Console, global: &Global) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    if !newsroom.ledger_path().exists() {
        return Ok(exit::DONE);
    }
    let ledger = newsroom.ledger()?;
    let mut issues = ledger.issues(&newsroom.publication.id).await?;
    issues.sort_by_key(|issue| issue.booking.as_ref().map(|booking| booking.at));
    let mut code = exit::DONE;
    for issue in &issues {
        let done = match one(console, &newsroom, &*ledger, issue).await {
            Ok(done) => done,
            Err(failure) if failure.code == exit::AGAIN && !console.is_watched() => exit::AGAIN,
            Err(failure) => say_once(console, &newsroom, &*ledger, issue, &failure).await?,
        };
        code = code.max(done);
    }
    Ok(code)
}

async fn one(
    console: &Console,
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    issue: &IssueRecord,
) -> Result<u8, Failure> {
    match (issue.state, &issue.booking) {
        (IssueState::Sending, _) => send_it(console, newsroom, issue).await,
        (IssueState::Scheduled, Some(booking)) => {
            match standing(booking.at, booking.max_late, newsroom.now) {
                Standing::Early => Ok(exit::DONE),
                Standing::Due => send_it(console, newsroom, issue).await,
                Standing::Missed => {
                    let why = format!("its hour was {}, and it was found too late", booking.shown);
                    ledger
                        .turn(
                            &newsroom.publication.id,
                            &issue.slug,
                            &[IssueState::Scheduled],
                            IssueState::Missed,
                            &why,
                        )
                        .await?;
                    Err(Failure::new(exit::GUARD, format!("{} was not sent: {why}", issue.slug))
                        .hint(format!("`postrider schedule {}` gives it a new hour, `postrider send {}` sends it now", issue.slug, issue.slug)))
                }
            }
        }
        _ => Ok(exit::DONE),
    }
}

async fn send_it(
    console: &Console,
    newsroom: &Newsroom,
    issue: &IssueRecord,
) -> Result<u8, Failure> {
    let folder = newsroom.issue(&issue.slug)?;
    let asked = Asked { go: Go::Yes, limit: None, catch_up: false };
    let sent = send::deliver(console, newsroom, &folder, &asked).await?;
    if console.json || console.is_watched() || sent.code == exit::ATTENTION {
        sent.report(console);
    }
    Ok(sent.code)
}

/// Says a failure that stands until somebody acts once, not every five minutes; the exit code says it every time.
async fn say_once(
    console: &Console,
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    issue: &IssueRecord,
    failure: &Failure,
) -> Result<u8, Failure> {
    let stands = matches!(failure.code, exit::GUARD | exit::BAD_DATA | exit::NO_INPUT);
    if stands && issue.why == failure.message && !console.is_watched() {
        return Ok(failure.code);
    }
    console.failure(failure);
    if stands && issue.state == IssueState::Scheduled {
        // From a state to itself: only the reason changes.
        ledger
            .turn(
                &newsroom.publication.id,
                &issue.slug,
                &[IssueState::Scheduled],
                IssueState::Scheduled,
                &failure.message,
            )
            .await?;
    }
    Ok(failure.code)
}
