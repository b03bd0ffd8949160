//! SpamAssassin, by its rules alone: no network, no memory of other mail.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::run;
use crate::gallery::{Copy, gallery, hung};

/// What a mail of ours may score; it is called spam from 5 on.
const SCORE_MAX: f64 = 1.0;

#[test]
fn no_mail_scores_as_spam() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mails = hung(folder.path(), "eml", |copy: &Copy| &copy.mail);
    let Some((scores, judged)) = judged(folder.path(), &mails) else { return };
    let mut faults = String::new();
    for (copy, score) in gallery().iter().zip(scores).filter(|(_, score)| *score >= SCORE_MAX) {
        writeln!(faults, "{} scores {score}", copy.name).expect("a string takes it");
    }
    assert!(faults.is_empty(), "{faults}\n{judged}");
}

#[test]
fn a_mail_that_looks_like_spam_scores() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let sound = String::from_utf8(gallery()[0].mail.clone()).expect("a mail is ASCII");
    let (head, body) = sound.split_once("\r\n\r\n").expect("it has a body");
    // Without what makes it ours: a date, a number, words that nobody shouts.
    let head =
        head.lines().filter(|line| !line.starts_with("Date:") && !line.starts_with("Message-ID:"));
    let head = head.map(|line| match line.strip_prefix("Subject:") {
        Some(_) => "Subject: BUY CHEAP VIAGRA NOW!!! 100% FREE",
        None => line,
    });
    let broken = format!("{}\r\n\r\n{body}", head.collect::<Vec<_>>().join("\r\n"));
    let mail = folder.path().join("broken.eml");
    fs::write(&mail, broken).expect("it can be written");
    let Some((scores, judged)) = judged(folder.path(), &[mail]) else { return };
    assert!(scores[0] >= SCORE_MAX, "it scores {}\n{judged}", scores[0]);
}

/// Returns the score of each mail, and all that was said of them; nothing is left outside of the folder.
fn judged(folder: &Path, mails: &[PathBuf]) -> Option<(Vec<f64>, String)> {
    let mut spamassassin = Command::new("spamassassin");
    // Nothing of the machine's own settings, and nothing left in its home.
    spamassassin.env("HOME", folder).args(["-L", "-t", "-x"]).args(mails);
    let judged = run(&mut spamassassin, "SpamAssassin, which `tests/run` installs")?;
    let scores: Vec<f64> = judged.lines().filter_map(score).collect();
    assert_eq!(scores.len(), mails.len(), "{judged}");
    Some((scores, judged))
}

/// Reads `X-Spam-Status: No, score=0.1 required=5.0 tests=...`.
fn score(line: &str) -> Option<f64> {
    let status = line.strip_prefix("X-Spam-Status: ")?;
    status.split_once("score=")?.1.split(' ').next()?.parse().ok()
}
