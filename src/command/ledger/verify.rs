//! `ledger verify`: looks for what should not be so, in the ledger and in the files beside it.

use data_encoding::HEXLOWER;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::super::{Console, Failure, exit, newsroom::Newsroom, words::counted};
use crate::{
    ledger::{Finding, Ledger, Mark, RESTORE, Standing},
    send::{Journal, guard::HighWater},
};

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
) -> Result<u8, Failure> {
    let mut found = ledger.verify().await?;
    found.append(&mut standing(ledger).await?);
    // Of rows that are no witnesses nothing more is asked.
    if !found.iter().any(|finding| ["file", "schema"].contains(&finding.kind)) {
        let mark = ledger.mark(&newsroom.publication.id).await?;
        found.append(&mut editions(newsroom, ledger).await?);
        found.append(&mut high_water(newsroom, ledger, &mark).await?);
        found.append(&mut journal(newsroom, &mark)?);
    }
    if console.json {
        console.document(&json!({ "sound": found.is_empty(), "findings": found }));
    } else {
        tell(console, &found);
    }
    Ok(if found.is_empty() { exit::DONE } else { exit::ATTENTION })
}

fn tell(console: &Console, found: &[Finding]) {
    if found.is_empty() {
        console.tell("the ledger is sound");
        return;
    }
    let things = counted(found.len() as u64, "thing");
    console.tell_sentence(&format!("{things} in the ledger should not be so; nothing was changed"));
    for finding in found {
        console.tell("");
        console.tell_sentence(&finding.what);
        console.advise(finding.mend);
    }
}

/// Tells of a ledger that nobody works with any more, or not yet.
async fn standing(ledger: &dyn Ledger) -> Result<Vec<Finding>, Failure> {
    let (what, mend) = match ledger.standing().await? {
        Standing::Open => return Ok(Vec::new()),
        Standing::Moved(to) => (
            format!("the ledger has moved to {to}, and nothing is sent from this one"),
            "name the new one under [ledger] in publication.toml",
        ),
        Standing::Arriving => (
            "another ledger was to be moved into this one, and that was cut off".to_owned(),
            "run `postrider ledger migrate` again, from the old ledger",
        ),
    };
    Ok(vec![Finding { kind: "standing", what, mend }])
}

/// Holds every edition against the digest under which it was frozen.
async fn editions(newsroom: &Newsroom, ledger: &dyn Ledger) -> Result<Vec<Finding>, Failure> {
    let mut found = Vec::new();
    for issue in ledger.issues(&newsroom.publication.id).await? {
        // One that is gone was found by the ledger.
        let Ok(edition) = ledger.edition(issue.id).await else { continue };
        if issue.frozen_at.is_some() && HEXLOWER.encode(&Sha256::digest(&edition)) != issue.digest {
            found.push(Finding {
                kind: "edition",
                what: format!("the edition of {} is not the one that was frozen", issue.slug),
                mend: RESTORE,
            });
        }
    }
    Ok(found)
}

/// Holds the ledger against what this machine saw begin (rule D12).
async fn high_water(
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    mark: &Mark,
) -> Result<Vec<Finding>, Failure> {
    let path = newsroom.root.join(".postrider/high-water");
    let mut found = Vec::new();
    if let Err(rolled_back) = HighWater::compare(&path, mark) {
        found.push(Finding {
            kind: "high_water",
            what: rolled_back.to_string(),
            mend: "if it is a restored backup and you accept that, run `postrider ledger accept-rollback`; else restore the ledger that was sending",
        });
    }
    for slug in HighWater::issues(&path)? {
        let known = ledger.issue(&newsroom.publication.id, &slug).await?;
        if known.is_none_or(|issue| issue.frozen_at.is_none()) {
            found.push(Finding {
                kind: "forgotten",
                what: format!("{slug} was sent before, and the ledger does not know to whom"),
                mend: "restore a backup of the ledger that is younger than the send; until then that issue is refused",
            });
        }
    }
    Ok(found)
}

/// Looks whether the next sender can read what the last one left.
fn journal(newsroom: &Newsroom, mark: &Mark) -> Result<Vec<Finding>, Failure> {
    let path = newsroom.root.join(".postrider/outcomes.journal");
    let looked = Journal::look(&path).map_err(|error| Failure::file(&path, "read", &error))?;
    let Some(look) = looked else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    if look.unreadable > 0 {
        found.push(Finding {
            kind: "journal",
            what: format!(
                "`.postrider/outcomes.journal` cannot be read whole: nothing can be made of {} of it",
                counted(look.unreadable as u64, "line")
            ),
            mend: "restore it if you can; else whoever is attempting is put in doubt by the next `send`, and you settle that with `postrider resolve`",
        });
    }
    let is_of_another = look.ledger.as_ref().is_some_and(|ledger| *ledger != mark.ledger);
    if is_of_another && look.outcomes > 0 {
        found.push(Finding {
            kind: "journal",
            what: format!(
                "`.postrider/outcomes.journal` tells {} of another ledger, and the next `send` would drop them",
                counted(look.outcomes as u64, "outcome")
            ),
            mend: "put the ledger back that it belongs to, and run `postrider send` there first",
        });
    }
    Ok(found)
}
