//! The proof of a draft: its text, and every mistake marked in it.

use std::ops::Range;

use super::code::CODES;
use crate::model::{Place, Problem, Severity};

/// The most mistakes that are marked: nobody reads more, and each costs the time to find its line.
const ERRORS_MAX: usize = 500;

/// Collects the mistakes of one file. Spans are bytes of its text.
#[derive(Debug)]
pub(super) struct Proof<'a> {
    path: &'a str,
    text: &'a str,
    problems: Vec<Problem>,
    /// What was marked of each weight: warnings, errors.
    marked: [usize; 2],
    /// Takes what is too much.
    spare: Problem,
}

impl<'a> Proof<'a> {
    pub(super) fn new(path: &'a str, text: &'a str) -> Self {
        let spare = Problem::warning("", Place::default(), "");
        Self { path, text, problems: Vec::new(), marked: [0; 2], spare }
    }

    /// Returns the text that spans are counted in.
    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// Counts the mistakes marked so far.
    pub(super) fn count(&self) -> usize {
        self.marked.iter().sum()
    }

    /// Marks an error and hands it back, so that help can be added.
    pub(super) fn error(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> &mut Problem {
        self.mark(Severity::Error, code, span, message)
    }

    /// Marks a warning and hands it back, so that help can be added.
    pub(super) fn warning(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> &mut Problem {
        self.mark(Severity::Warning, code, span, message)
    }

    /// Marks an error that is about the file as a whole.
    pub(super) fn error_of_file(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
    ) -> &mut Problem {
        self.push(Problem::error(code, Place::file(self.path), message))
    }

    /// Takes over the mistakes of a file that this one names.
    pub(super) fn adopt(&mut self, other: Proof<'_>) {
        self.problems.extend(other.problems);
    }

    /// Returns the path people know the file by.
    pub(super) fn path(&self) -> &'a str {
        self.path
    }

    /// Returns every mistake once, in the order of the text; where none knew how to mend one, what its code says of that.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        for problem in self.problems.iter_mut().filter(|problem| problem.help.is_none()) {
            problem.help = CODES
                .iter()
                .find(|code| code.code == problem.code)
                .map(|code| code.mend.to_owned());
        }
        self.problems.sort_by(|one, other| {
            (&one.place, one.code, &one.message).cmp(&(&other.place, other.code, &other.message))
        });
        self.problems.dedup();
        self.problems
    }

    fn mark(
        &mut self,
        severity: Severity,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> &mut Problem {
        let marked = &mut self.marked[usize::from(severity == Severity::Error)];
        *marked += 1;
        if *marked > ERRORS_MAX {
            return &mut self.spare;
        }
        let place = Place::of_span(self.path, self.text, span);
        self.push(Problem { severity, ..Problem::error(code, place, message) })
    }

    fn push(&mut self, problem: Problem) -> &mut Problem {
        self.problems.push(problem);
        let last = self.problems.len() - 1;
        &mut self.problems[last]
    }
}

/// Adds help to a problem that is already marked.
pub(super) trait Help {
    fn helped(&mut self, help: impl Into<String>);

    /// Adds `help` where there is one, as with the nearest known word.
    fn perhaps(&mut self, meant: Option<&str>);
}

impl Help for Problem {
    fn helped(&mut self, help: impl Into<String>) {
        self.help = Some(help.into());
    }

    fn perhaps(&mut self, meant: Option<&str>) {
        if let Some(meant) = meant {
            self.help = Some(format!("did you mean `{meant}`?"));
        }
    }
}
