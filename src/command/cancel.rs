//! `cancel`: stops an issue for good.

use super::{Console, Failure, exit, newsroom::Newsroom, pause, status};
use crate::{
    cli::Global,
    model::IssueState::{Cancelled, Missed, Paused, Scheduled, Sending},
};

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    global: &Global,
    issue: &str,
    yes: bool,
) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    let slug = status::slug(&newsroom, issue).await?;
    if !yes {
        if !console.can_ask() {
            return Err(Failure::new(exit::USAGE, "nobody is here to say yes")
                .hint("without a terminal, add --yes"));
        }
        let answer =
            console.ask(&format!("Stop {slug} for good? Type its name:")).unwrap_or_default();
        if answer != slug {
            return Err(Failure::new(exit::GUARD, "that is not its name: nothing was cancelled"));
        }
    }
    let from = [Sending, Paused, Scheduled, Missed];
    pause::turn(&newsroom, &slug, &from, Cancelled, "by hand").await?;
    console.tell(format_args!("{slug} is cancelled; whoever has it keeps it"));
    pause::tell_in_flight(console, &newsroom, &slug).await?;
    Ok(exit::DONE)
}
