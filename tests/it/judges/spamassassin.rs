//! SpamAssassin, by its rules alone: no network, no memory of other mail.

use std::{fmt::Write as _, process::Command};

use super::run;
use crate::gallery::{Copy, gallery, hung};

/// What a mail of ours may score; it is called spam from 5 on.
const SCORE_MAX: f64 = 1.0;

#[test]
fn no_mail_scores_as_spam() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mails = hung(folder.path(), "eml", |copy: &Copy| &copy.mail);
    let mut spamassassin = Command::new("spamassassin");
    // Nothing of the machine's own settings, and nothing left in its home.
    spamassassin.env("HOME", folder.path()).args(["-L", "-t", "-x"]).args(&mails);
    let Some(judged) = run(&mut spamassassin, "SpamAssassin, which `tests/run` installs") else {
        return;
    };
    let scores: Vec<f64> = judged.lines().filter_map(score).collect();
    assert_eq!(scores.len(), mails.len(), "{judged}");
    let mut faults = String::new();
    for (copy, score) in gallery().iter().zip(scores).filter(|(_, score)| *score >= SCORE_MAX) {
        writeln!(faults, "{} scores {score}", copy.name).expect("a string takes it");
    }
    assert!(faults.is_empty(), "{faults}\n{judged}");
}

/// Reads `X-Spam-Status: No, score=0.1 required=5.0 tests=...`.
fn score(line: &str) -> Option<f64> {
    let status = line.strip_prefix("X-Spam-Status: ")?;
    status.split_once("score=")?.1.split(' ').next()?.parse().ok()
}
