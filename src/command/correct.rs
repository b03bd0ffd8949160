//! `correct`: sends an issue to exactly those who got another, below it in their mailboxes. All else is as with `send`.

use super::{
    Console, Failure, exit,
    newsroom::Newsroom,
    send::{self, Asked, Go},
    status,
    words::counted,
};
use crate::{
    cli::{self, Global},
    ledger::{IssueRecord, Ledger},
};

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    global: &Global,
    wish: &cli::Correct,
) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    let first = status::slug(&newsroom, &wish.issue).await?;
    let folder = newsroom.issue(&wish.with)?;
    if folder.slug == first {
        return Err(Failure::new(exit::USAGE, format!("{first} cannot correct itself"))
            .hint("`postrider draft SLUG` makes the issue that says what was wrong"));
    }
    let asked =
        Asked { limit: wish.limit, corrects: Some(first), ..Asked::whole(Go::by(&wish.consent)) };
    let sent = send::deliver(console, &newsroom, &folder, &asked).await?;
    sent.report(console, &newsroom.publication);
    Ok(sent.code)
}

/// Finds the issue to be corrected, or refuses: where nobody got it, and where what the ledger has of the `correction` was frozen as something else.
pub(super) async fn first(
    ledger: &dyn Ledger,
    publication: &str,
    slug: &str,
    correction: Option<&IssueRecord>,
) -> Result<IssueRecord, Failure> {
    let found = ledger.issue(publication, slug).await?;
    let Some(first) = found.filter(|first| first.started_at.is_some()) else {
        let failure = Failure::new(exit::GUARD, format!("nobody was sent {slug} yet"));
        return Err(failure.hint("there is nothing to correct: edit it, and then `send` it"));
    };
    let frozen = correction.filter(|correction| correction.frozen_at.is_some());
    let why = match frozen.map(|frozen| (&frozen.slug, &frozen.corrects)) {
        Some((correction, None)) => format!("{correction} was sent as an issue of its own"),
        Some((correction, Some(other))) if *other != first.slug => {
            format!("{correction} corrects {other}, and nothing else")
        }
        _ => return Ok(first),
    };
    Err(Failure::new(exit::GUARD, why)
        .hint("`postrider draft SLUG` makes another issue, to correct this one with"))
}

/// Says who may still get the issue that is wrong without ever getting the correction.
pub(super) async fn warn_of_the_rest(
    console: &Console,
    ledger: &dyn Ledger,
    first: &IssueRecord,
) -> Result<(), Failure> {
    let (tally, slug) = (ledger.tally(first.id).await?, &first.slug);
    if tally.remaining > 0 {
        console.warn(format_args!(
            "{slug} still waits to go to {}, who will get no correction: `postrider cancel {slug}` stops it, or send it to its end first",
            counted(tally.remaining, "reader"),
        ));
    }
    if tally.in_doubt > 0 {
        console.warn(format_args!(
            "of {slug} {} in doubt, and will get no correction: `postrider resolve {slug}` settles it first",
            match tally.in_doubt {
                1 => "1 reader is".to_owned(),
                many => format!("{} are", counted(many, "reader")),
            },
        ));
    }
    Ok(())
}
