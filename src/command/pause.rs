//! `pause`: holds an issue; what is in flight finishes.

use super::{Console, Failure, exit, newsroom::Newsroom, status};
use crate::{
    cli::Global,
    model::IssueState::{self, Paused, Scheduled, Sending},
};

/// Runs the command.
pub(super) async fn run(console: &Console, global: &Global, issue: &str) -> Result<u8, Failure> {
    turn(console, global, issue, &[Sending, Scheduled], Paused, "paused by hand").await?;
    console.tell("paused: what is in flight finishes, nothing else begins");
    Ok(exit::DONE)
}

/// Moves an issue from one state to another, or says why that cannot be.
pub(super) async fn turn(
    console: &Console,
    global: &Global,
    name: &str,
    from: &[IssueState],
    to: IssueState,
    why: &str,
) -> Result<(), Failure> {
    let newsroom = Newsroom::open(global)?;
    let slug = status::slug(&newsroom, name).await?;
    let draft = || Failure::new(exit::GUARD, format!("{slug} is a draft: there is nothing to do"));
    if !newsroom.ledger_path().exists() {
        return Err(draft());
    }
    let ledger = newsroom.ledger()?;
    let publication = &newsroom.publication.id;
    let issue = ledger.issue(publication, &slug).await?.ok_or_else(draft)?;
    if issue.state != to && !ledger.turn(publication, &slug, from, to, why).await? {
        return Err(Failure::new(exit::GUARD, format!("{slug} is {}", issue.state.word()))
            .hint("`postrider status` shows where every issue stands"));
    }
    if console.json
        && let Some(issue) = ledger.issue(publication, &slug).await?
    {
        status::account(&*ledger, &issue).await?.document(console);
    }
    Ok(())
}
