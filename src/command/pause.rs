//! `pause`: holds an issue; what is in flight finishes.

use std::time::{Duration, Instant};

use super::{
    Console, Failure, account::Account, exit, newsroom::Newsroom, send, status, words::counted,
};
use crate::{
    cli::Global,
    model::{
        DeliveryState,
        IssueState::{self, Paused, Scheduled, Sending},
    },
};

/// How long is waited for what is in flight. What was begun ahead was called back; a slow relay may take longer.
const LANDING: Duration = Duration::from_secs(3);

/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(100);

/// The most in flight that are counted: eight connections have a tenth of that.
const MOST: usize = 1_000;

/// Runs the command.
pub(super) async fn run(console: &Console, global: &Global, issue: &str) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    let slug = status::slug(&newsroom, issue).await?;
    turn(&newsroom, &slug, &[Sending, Scheduled], Paused, "by hand").await?;
    console.tell(format_args!("{slug} is paused"));
    tell_in_flight(console, &newsroom, &slug).await?;
    Ok(exit::DONE)
}

/// Moves an issue from one state to another, or says why that cannot be.
pub(super) async fn turn(
    newsroom: &Newsroom,
    slug: &str,
    from: &[IssueState],
    to: IssueState,
    why: &str,
) -> Result<(), Failure> {
    let Some((ledger, issue)) = status::known(newsroom, slug).await? else {
        if newsroom.state_unknown(slug)? == IssueState::Forgotten {
            return Err(send::forgotten(slug));
        }
        return Err(Failure::new(
            exit::GUARD,
            format!("{slug} is a draft: there is nothing to do"),
        ));
    };
    let publication = &newsroom.publication.id;
    let turn = ledger.turn(publication, slug, from, to, why);
    if issue.state != to && !turn.await.map_err(|error| newsroom.refused(error))? {
        return Err(Failure::new(exit::GUARD, format!("{slug} is {}", issue.state.word()))
            .hint("`postrider status` shows where every issue stands"));
    }
    Ok(())
}

/// Prints where an issue stands now, for whoever asked for JSON.
pub(super) async fn document(
    console: &Console,
    newsroom: &Newsroom,
    slug: &str,
) -> Result<(), Failure> {
    if console.json {
        match status::known(newsroom, slug).await? {
            Some((ledger, issue)) => status::account(&*ledger, &issue).await?.document(console),
            None => Account::unknown(slug, newsroom.state_unknown(slug)?).document(console),
        }
    }
    Ok(())
}

/// Waits for what is in flight of an issue that was stopped, and says what still is; with JSON the whole account as it is then.
pub(super) async fn tell_in_flight(
    console: &Console,
    newsroom: &Newsroom,
    slug: &str,
) -> Result<(), Failure> {
    let Some((ledger, issue)) = status::known(newsroom, slug).await? else { return Ok(()) };
    let since = Instant::now();
    let in_flight = loop {
        let begun = ledger.deliveries(issue.id, &[DeliveryState::Attempting], None, MOST).await?;
        if begun.is_empty() || since.elapsed() > LANDING {
            break begun.len();
        }
        tokio::time::sleep(LOOK).await;
    };
    if console.json {
        let account = status::account(&*ledger, &issue).await?;
        Account { in_flight: Some(in_flight), ..account }.document(console);
    } else if in_flight == 0 {
        console.advise("nothing of it is on its way, and nothing begins");
    } else {
        let messages = counted(in_flight as u64, "message");
        console.advise(&format!("{messages} still on the way, unless the sender died: `postrider status {slug}` tells; nothing else begins"));
    }
    Ok(())
}
