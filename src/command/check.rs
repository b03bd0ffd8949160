//! `check`: everything that would go wrong with an issue, where it stands and how to mend it.

use std::collections::HashSet;

use serde::Serialize;

use super::{
    Console, Failure, exit,
    inspection::Inspector,
    newsroom::{IssueFolder, Newsroom},
    sarif,
    words::counted,
};
use crate::{
    cli::{Format, Global},
    model::Problem,
};

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
pub(super) async fn run(
    console: &Console,
    global: &Global,
    issues: &[String],
    format: Format,
) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    newsroom.dkim_keys()?;
    let folders = if issues.is_empty() {
        newsroom.issues()?
    } else {
        issues.iter().map(|issue| newsroom.issue(issue)).collect::<Result<Vec<_>, _>>()?
    };
    let problems = inspect(&newsroom, &folders).await?;
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    match format {
        Format::Sarif => console.document(&sarif::log(&problems)),
        Format::Json => console.document(&documents(&problems)),
        Format::Human if console.json => console.document(&documents(&problems)),
        Format::Human => {
            console.problems(&problems);
            tell(console, folders.len(), errors, problems.len() - errors);
        }
    }
    Ok(if errors > 0 { exit::ATTENTION } else { exit::DONE })
}

/// Looks at issues in the order of their folders; each is compared with the one before it.
async fn inspect(newsroom: &Newsroom, folders: &[IssueFolder]) -> Result<Vec<Problem>, Failure> {
    let mut inspector = Inspector::of(newsroom).await;
    // A fault of the theme or of publication.toml is one, however many issues show it.
    let mut told: HashSet<Problem> = HashSet::new();
    let mut problems = Vec::new();
    for folder in folders {
        let last = inspector.before(folder);
        let inspected = inspector.inspect(folder, last.as_ref())?;
        problems
            .extend(inspected.problems.into_iter().filter(|problem| told.insert(problem.clone())));
    }
    Ok(problems)
}

fn tell(console: &Console, issues: usize, errors: usize, warnings: usize) {
    console.tell(match (issues, errors, warnings) {
        (0, ..) => "there is no issue to check".to_owned(),
        (count, 0, 0) => format!("{} checked: nothing to mend", counted(count as u64, "issue")),
        (count, ..) => format!(
            "{} checked: {errors} to mend, {warnings} to look at",
            counted(count as u64, "issue")
        ),
    });
}

fn documents(problems: &[Problem]) -> Vec<Document<'_>> {
    problems.iter().map(document).collect()
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
