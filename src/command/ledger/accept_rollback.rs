//! `ledger accept-rollback`: goes on with a ledger that went back in time, once a person has seen whom that puts in doubt.

use std::{collections::BTreeMap, fmt::Write as _};

use super::super::{
    Console, Failure, exit,
    newsroom::Newsroom,
    words::{counted, printable},
};
use crate::{ledger::Ledger, send::guard::HighWater};

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    yes: bool,
) -> Result<u8, Failure> {
    let private = newsroom.private()?;
    let _lock = newsroom.lock()?;
    let whom = whom(&ledger.unfinished().await?);
    if yes || !console.can_ask() {
        console.note(&whom);
    }
    if !yes {
        agree(console, &whom)?;
    }
    let (publication, high_water) = (&newsroom.publication.id, private.join("high-water"));
    let doubtful = ledger.accept_rollback(publication, HighWater::seen(&high_water)?).await?;
    HighWater::accept(&high_water, &ledger.mark(publication).await?)?;
    console.tell(format_args!("accepted; in doubt now: {}", counted(doubtful, "reader")));
    if doubtful > 0 {
        console
            .advise("`postrider status ISSUE --in-doubt` lists them, and says how to settle that");
    }
    Ok(exit::DONE)
}

/// Says whom it concerns: a file that was restored is so for every publication in it.
fn whom(unfinished: &BTreeMap<String, u64>) -> String {
    if unfinished.is_empty() {
        return "No issue was ever sent from this ledger: nobody will be in doubt.".to_owned();
    }
    let mut whom = "Whoever is unfinished in this ledger will be in doubt, of every\n\
                    publication in it:"
        .to_owned();
    for (publication, readers) in unfinished {
        let _ = write!(whom, "\n  {}: {}", printable(publication), counted(*readers, "reader"));
    }
    whom
}

fn agree(console: &Console, whom: &str) -> Result<(), Failure> {
    if !console.can_ask() {
        return Err(Failure::new(exit::USAGE, "nobody is here to say yes")
            .hint("without a terminal, add --yes"));
    }
    let answer = console.ask(&format!("{whom}\nAccept that it went back in time? Type yes:"));
    match answer.as_deref() {
        Some("yes") => Ok(()),
        _ => Err(Failure::new(exit::GUARD, "that is not yes: nothing was accepted")),
    }
}
