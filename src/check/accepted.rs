//! What an editor has looked at and accepts: `accept = ["PR144"]` in the front matter, for warnings alone.
//!
//! An accepted warning is told nobody but the tools that ask. What is accepted
//! and not given any more is a warning itself, so that no acceptance outlives
//! its reason and hides the next one.

use super::codes;
use crate::{
    compose::{Code, Issue, nearest},
    model::{
        Problem,
        Severity::{Error, Warning},
    },
};

/// What can be wrong with an acceptance.
pub(super) const CODES: [Code; 2] = [
    Code {
        code: "PR191",
        severity: Error,
        meaning: "a code is accepted that is none, or that is an error",
        why: "A misspelt code accepts nothing, and what is an error would harm readers, whoever accepts it.",
        source: "postrider's own form of a draft",
        mend: "accept the code of a warning, as `check` tells it",
        bad: "accept = [\"PR112\"]      a table without a caption",
        good: "accept = [\"PR144\"]      a subject of 12 characters that is meant",
    },
    Code {
        code: "PR192",
        severity: Warning,
        meaning: "a warning is accepted that is not given",
        why: "What was accepted has been mended since; left there it would hide the next warning of the same kind.",
        source: "rustc's `expect`, which tells the same of its own warnings",
        mend: "take the code out of `accept`",
        bad: "accept = [\"PR144\"]      above a subject of 40 characters",
        good: "accept = []",
    },
];

/// The problems of an issue, by whether its editor accepts them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What is to be mended or looked at.
    pub told: Vec<Problem>,
    /// The warnings that the editor has looked at.
    pub accepted: Vec<Problem>,
}

/// Parts `problems`, all that was found in an issue, by what its editor accepts; `is_whole` tells whether every rule has looked at it.
pub fn judge(issue: &Issue, problems: Vec<Problem>, is_whole: bool) -> Verdict {
    let (accepted, mut told): (Vec<Problem>, Vec<Problem>) = problems
        .into_iter()
        .partition(|problem| !problem.is_error() && issue.accepts(problem.code));
    for (code, place) in issue.accepted() {
        let known = codes().find(|known| known.code == *code);
        if let Some(help) = refused(code, known) {
            let message = match known {
                Some(_) => format!("`{code}` cannot be accepted"),
                None => format!("no code is named `{code}`"),
            };
            told.push(Problem::error(CODES[0].code, place.clone(), message).help(help));
        } else if is_whole && !accepted.iter().any(|problem| problem.code == code) {
            let message = format!("`{code}` is accepted, and nothing gives it");
            told.push(Problem::warning(CODES[1].code, place.clone(), message).help(CODES[1].mend));
        }
    }
    told.sort_by(|one, other| (&one.place, one.code).cmp(&(&other.place, other.code)));
    Verdict { told, accepted }
}

/// Says how an acceptance is mended; `None` where there is nothing to mend.
fn refused(code: &str, known: Option<&Code>) -> Option<String> {
    match known {
        Some(known) if known.code == CODES[1].code => {
            Some("take what is not given out of `accept`".to_owned())
        }
        Some(known) if known.severity == Error => {
            Some("errors are mended: see `explain`".to_owned())
        }
        Some(_) => None,
        None => {
            let warnings = codes().filter(|code| code.severity == Warning).map(|code| code.code);
            Some(match nearest(code, warnings) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => CODES[0].mend.to_owned(),
            })
        }
    }
}
