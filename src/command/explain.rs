//! `explain`: what a code of `check` means, why it matters, who says so, and how it is mended.

use serde::Serialize;

use super::{Console, Failure, console::Tone, exit, words::wrapped};
use crate::{
    check,
    compose::{self, Code},
    model::Severity,
};

#[derive(Serialize)]
struct Document<'a> {
    code: &'a str,
    severity: Severity,
    meaning: &'a str,
    why: &'a str,
    source: &'a str,
    mend: &'a str,
    bad: &'a str,
    good: &'a str,
}

/// Runs the command.
pub(super) fn run(console: &Console, code: Option<&str>) -> Result<u8, Failure> {
    match code {
        Some(code) => one(console, find(code)?),
        None => all(console),
    }
    Ok(exit::DONE)
}

/// Finds a code, however it is written: `PR112`, `pr112` or `112`.
fn find(written: &str) -> Result<&'static Code, Failure> {
    let upper = written.trim().to_uppercase();
    let digits = upper.trim_start_matches("PR");
    let wanted = format!("PR{digits:0>3}");
    check::codes().find(|code| code.code == wanted).ok_or_else(|| {
        let failure =
            Failure::new(exit::USAGE, format!("there is no code `{}`", written.escape_debug()));
        match compose::nearest(&wanted, check::codes().map(|code| code.code)) {
            Some(meant) => failure.hint(format!("did you mean {meant}?")),
            None => failure.hint("`postrider explain` lists them all"),
        }
    })
}

fn one(console: &Console, code: &Code) {
    if console.json {
        return console.document(&document(code));
    }
    let (tone, weight) = weight(code.severity);
    console.say(format_args!(
        "{}  {}",
        console.paint(Tone::Strong, code.code),
        console.paint(tone, weight)
    ));
    console.say(console.paint(Tone::Strong, wrapped(code.meaning, 0, 0)));
    console.say("");
    for (label, text) in [("why", code.why), ("source", code.source), ("mend", code.mend)] {
        let label = format!("{label:<8}");
        console.say(format_args!("{}{}", console.paint(Tone::Quiet, label), wrapped(text, 8, 8)));
    }
    for (label, tone, example) in [("bad", Tone::Bad, code.bad), ("good", Tone::Good, code.good)] {
        console.say("");
        console.say(console.paint(tone, label));
        for line in example.lines() {
            console.say(format!("  {line}").trim_end());
        }
    }
}

fn all(console: &Console) {
    if console.json {
        return console.document(&check::codes().map(document).collect::<Vec<_>>());
    }
    for code in check::codes() {
        let (tone, weight) = weight(code.severity);
        console.say(format_args!(
            "{}  {}  {}",
            console.paint(Tone::Strong, code.code),
            console.paint(tone, format_args!("{weight:<7}")),
            wrapped(code.meaning, 16, 16)
        ));
    }
    console.advise("`postrider explain CODE` says why, and how to mend it");
}

fn weight(severity: Severity) -> (Tone, &'static str) {
    match severity {
        Severity::Error => (Tone::Bad, "error"),
        Severity::Warning => (Tone::Warn, "warning"),
    }
}

fn document(code: &Code) -> Document<'_> {
    let Code { code, severity, meaning, why, source, mend, bad, good } = *code;
    Document { code, severity, meaning, why, source, mend, bad, good }
}
