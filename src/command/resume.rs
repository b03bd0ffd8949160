//! `resume`: lets a held issue go on.

use super::{Console, Failure, exit, newsroom::Newsroom, pause, status};
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
    pause::turn(console, &newsroom, &slug, &[Paused], to, "").await?;
    if is_frozen {
        console.tell(format_args!("{slug} may go on"));
        console.advise(&format!("`postrider send {slug}`, or `due` run by cron, sends the rest"));
    } else {
        console.tell(format_args!("{slug} is on the schedule again"));
    }
    Ok(exit::DONE)
}
