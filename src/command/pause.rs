//! `pause`: holds an issue; what is in flight finishes.

use super::{Console, Failure, account::Account, exit, newsroom::Newsroom, status};
use crate::{
    cli::Global,
    model::IssueState::{self, Paused, Scheduled, Sending},
};

/// Runs the command.
pub(super) async fn run(console: &Console, global: &Global, issue: &str) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    let slug = status::slug(&newsroom, issue).await?;
    turn(console, &newsroom, &slug, &[Sending, Scheduled], Paused, "by hand").await?;
    console.tell(format_args!("{slug} is paused"));
    console.advise("what is in flight finishes, nothing else begins");
    Ok(exit::DONE)
}

/// Moves an issue from one state to another, or says why that cannot be.
pub(super) async fn turn(
    console: &Console,
    newsroom: &Newsroom,
    slug: &str,
    from: &[IssueState],
    to: IssueState,
    why: &str,
) -> Result<(), Failure> {
    let Some((ledger, issue)) = status::known(newsroom, slug).await? else {
        return Err(Failure::new(
            exit::GUARD,
            format!("{slug} is a draft: there is nothing to do"),
        ));
    };
    let publication = &newsroom.publication.id;
    if issue.state != to && !ledger.turn(publication, slug, from, to, why).await? {
        return Err(Failure::new(exit::GUARD, format!("{slug} is {}", issue.state.word()))
            .hint("`postrider status` shows where every issue stands"));
    }
    if console.json {
        match ledger.issue(publication, slug).await? {
            Some(issue) => status::account(&*ledger, &issue).await?.document(console),
            None => Account::draft(slug).document(console),
        }
    }
    Ok(())
}
