//! `resume`: lets a held issue go on.

use super::{Console, Failure, brakes, exit, newsroom::Newsroom, pause, status};
use crate::{
    cli::Global,
    model::IssueState::{Paused, Scheduled, Sending},
};

/// Runs the command. An issue held before its hour goes back to the schedule.
pub(super) async fn run(console: &Console, global: &Global, issue: &str) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    let slug = status::slug(&newsroom, issue).await?;
    let is_frozen =
        status::known(&newsroom, &slug).await?.is_some_and(|(_, issue)| issue.frozen_at.is_some());
    let to = if is_frozen { Sending } else { Scheduled };
    pause::turn(&newsroom, &slug, &[Paused], to, "").await?;
    pause::document(console, &newsroom, &slug).await?;
    lift(console, &newsroom).await?;
    if is_frozen {
        console.tell(format_args!("{slug} may go on"));
        console.advise(&format!("`postrider send {slug}`, or `due` run by cron, sends the rest"));
    } else {
        console.tell(format_args!("{slug} is on the schedule again"));
    }
    Ok(exit::DONE)
}

/// Lifts the pauses that the relay and providers brought about: somebody has looked.
async fn lift(console: &Console, newsroom: &Newsroom) -> Result<(), Failure> {
    let ledger = newsroom.ledger()?;
    let lane = newsroom.publication.relay.url.lane();
    let brakes = brakes::in_force(newsroom, &*ledger).await?;
    ledger.release(&lane).await?;
    for braked in brakes {
        console.tell(format_args!("no longer {}", braked.words()));
    }
    Ok(())
}
