//! `unschedule`: takes an issue off the schedule; it is a draft again.

use super::{Console, Failure, exit, newsroom::Newsroom, pause, status};
use crate::{
    cli::Global,
    model::IssueState::{Draft, Missed, Paused, Scheduled},
};

/// Runs the command.
pub(super) async fn run(console: &Console, global: &Global, issue: &str) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    let slug = status::slug(&newsroom, issue).await?;
    pause::turn(&newsroom, &slug, &[Scheduled, Missed, Paused], Draft, "").await?;
    pause::document(console, &newsroom, &slug).await?;
    console.tell(format_args!("{slug} is off the schedule, and a draft again"));
    Ok(exit::DONE)
}
