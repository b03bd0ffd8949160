//! `check`: everything that would go wrong with an issue, where it stands and how to mend it.

use std::{collections::HashSet, path::Path};

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
    model::{Place, Problem},
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
    accepted: bool,
}

/// The code of a draft that has no front matter, nor anything else.
const STRAY: &str = "PR001";

/// A problem, and whether the editor accepts it.
pub(super) type Found = (Problem, bool);

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    global: &Global,
    issues: &[String],
    format: Format,
) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    newsroom.dkim_keys()?;
    let (folders, strays) = if issues.is_empty() {
        (newsroom.issues()?, newsroom.strays()?)
    } else {
        (issues.iter().map(|issue| newsroom.issue(issue)).collect::<Result<_, _>>()?, Vec::new())
    };
    let strays = strays.iter().map(|path| (stray(path), false));
    let found: Vec<Found> = inspect(&newsroom, &folders).await?.into_iter().chain(strays).collect();
    let errors = found.iter().filter(|(problem, _)| problem.is_error()).count();
    match format {
        Format::Sarif => console.document(&sarif::log(&found)),
        Format::Json => console.document(&documents(&found)),
        Format::Human if console.json => console.document(&documents(&found)),
        Format::Human => {
            let (accepted, told): (Vec<Found>, Vec<Found>) =
                found.into_iter().partition(|(_, accepted)| *accepted);
            let told: Vec<Problem> = told.into_iter().map(|(problem, _)| problem).collect();
            console.problems(&told);
            tell(console, folders.len(), [errors, told.len() - errors, accepted.len()]);
        }
    }
    Ok(if errors > 0 { exit::ATTENTION } else { exit::DONE })
}

/// Looks at issues in the order of their folders; each is compared with the one before it.
async fn inspect(newsroom: &Newsroom, folders: &[IssueFolder]) -> Result<Vec<Found>, Failure> {
    let mut inspector = Inspector::of(newsroom).await;
    // A fault of the theme or of publication.toml is one, however many issues show it.
    let mut told: HashSet<Problem> = HashSet::new();
    let mut found = Vec::new();
    for folder in folders {
        let last = inspector.before(folder);
        let inspected = inspector.inspect(folder, last.as_ref())?;
        let accepted = inspected.accepted.into_iter().map(|problem| (problem, true));
        let problems = inspected.problems.into_iter().map(|problem| (problem, false));
        let mut of_issue: Vec<Found> = problems.chain(accepted).collect();
        of_issue.sort_by(|(one, _), (other, _)| {
            (&one.place, one.code).cmp(&(&other.place, other.code))
        });
        found.extend(of_issue.into_iter().filter(|(problem, _)| told.insert(problem.clone())));
    }
    Ok(found)
}

/// Says that nobody will find what looks like an issue and is none.
fn stray(path: &str) -> Problem {
    let (message, help) = if Path::new(path).extension().is_some_and(|extension| extension == "md")
    {
        ("a draft without a folder is no issue", "make it `issues/NAME/issue.md`")
    } else {
        (
            "there is no `issue.md` in this folder, so it is no issue",
            "name the draft `issue.md`, or move the folder elsewhere",
        )
    };
    Problem::warning(STRAY, Place::file(path), message).help(help)
}

fn tell(console: &Console, issues: usize, [errors, warnings, accepted]: [usize; 3]) {
    let said = match (issues, errors, warnings) {
        (0, ..) => "there is no issue to check".to_owned(),
        (count, 0, 0) => format!("{} checked: nothing to mend", counted(count as u64, "issue")),
        (count, ..) => format!(
            "{} checked: {errors} to mend, {warnings} to look at",
            counted(count as u64, "issue")
        ),
    };
    console.tell(match accepted {
        0 => said,
        _ => format!("{said}, {accepted} accepted"),
    });
}

fn documents(found: &[Found]) -> Vec<Document<'_>> {
    found.iter().map(document).collect()
}

fn document((problem, accepted): &Found) -> Document<'_> {
    Document {
        code: problem.code,
        severity: problem.severity,
        file: &problem.place.file,
        line: problem.place.line,
        column: problem.place.column,
        message: &problem.message,
        help: problem.help.as_deref(),
        accepted: *accepted,
    }
}
