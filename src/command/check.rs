//! `check`: every mistake of a draft, where it stands and how to mend it.

use serde::Serialize;

use super::{Console, Failure, exit, newsroom::Newsroom, words::counted};
use crate::{cli::Global, model::Problem};

#[derive(Serialize)]
struct Document<'a> {
    code: &'a str,
    severity: crate::model::Severity,
    file: &'a str,
    line: usize,
    column: usize,
    message: &'a str,
    help: Option<&'a str>,
}

/// Runs the command.
pub(super) fn run(console: &Console, global: &Global, issues: &[String]) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    newsroom.dkim_keys()?;
    let folders = if issues.is_empty() {
        newsroom.issues()?
    } else {
        issues.iter().map(|issue| newsroom.issue(issue)).collect::<Result<Vec<_>, _>>()?
    };
    let mut problems: Vec<Problem> = Vec::new();
    for folder in &folders {
        let draft = newsroom.draft(folder)?;
        match newsroom.try_compose(&draft)? {
            Ok(composed) => problems.extend(composed.warnings),
            Err(found) => problems.extend(found),
        }
    }
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    if console.json {
        console.document(&problems.iter().map(document).collect::<Vec<_>>());
    } else {
        console.problems(&problems);
        let warnings = problems.len() - errors;
        console.tell(match (folders.len(), errors, warnings) {
            (0, ..) => "there is no issue to check".to_owned(),
            (count, 0, 0) => format!("{} checked: nothing to mend", counted(count as u64, "issue")),
            (count, ..) => format!(
                "{} checked: {errors} to mend, {warnings} to look at",
                counted(count as u64, "issue")
            ),
        });
    }
    Ok(if errors > 0 { exit::ATTENTION } else { exit::DONE })
}

fn document(problem: &Problem) -> Document<'_> {
    Document {
        code: problem.code,
        severity: problem.severity,
        file: &problem.place.file,
        line: problem.place.line,
        column: problem.place.column,
        message: &problem.message,
        help: problem.help.as_deref(),
    }
}
