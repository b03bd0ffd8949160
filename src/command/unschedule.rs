//! `unschedule`: takes an issue off the schedule; it is a draft again.

use super::{Console, Failure, exit, pause};
use crate::{
    cli::Global,
    model::IssueState::{Draft, Missed, Scheduled},
};

/// Runs the command.
pub(super) async fn run(console: &Console, global: &Global, issue: &str) -> Result<u8, Failure> {
    pause::turn(console, global, issue, &[Scheduled, Missed], Draft, "").await?;
    console.tell("it is off the schedule");
    Ok(exit::DONE)
}
