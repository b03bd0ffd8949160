//! The proof of a draft: its text, and every mistake marked in it.

use std::ops::Range;

use crate::model::{Place, Problem};

/// Collects the mistakes of one file. Spans are bytes of its text.
#[derive(Debug)]
pub(super) struct Proof<'a> {
    path: &'a str,
    text: &'a str,
    problems: Vec<Problem>,
}

impl<'a> Proof<'a> {
    pub(super) fn new(path: &'a str, text: &'a str) -> Self {
        Self { path, text, problems: Vec::new() }
    }

    /// Returns the text that spans are counted in.
    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// Counts the mistakes marked so far.
    pub(super) fn count(&self) -> usize {
        self.problems.len()
    }

    /// Marks an error and hands it back, so that help can be added.
    pub(super) fn error(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> &mut Problem {
        self.mark(Problem::error(code, self.place(span), message))
    }

    /// Marks a warning and hands it back, so that help can be added.
    pub(super) fn warning(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> &mut Problem {
        self.mark(Problem::warning(code, self.place(span), message))
    }

    /// Marks an error that is about the file as a whole.
    pub(super) fn error_of_file(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
    ) -> &mut Problem {
        self.mark(Problem::error(code, Place::file(self.path), message))
    }

    /// Takes over the mistakes of a file that this one names.
    pub(super) fn adopt(&mut self, other: Proof<'_>) {
        self.problems.extend(other.problems);
    }

    /// Returns the path people know the file by.
    pub(super) fn path(&self) -> &'a str {
        self.path
    }

    /// Returns every mistake once, in the order of the text.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by(|one, other| {
            (&one.place, one.code, &one.message).cmp(&(&other.place, other.code, &other.message))
        });
        self.problems.dedup();
        self.problems
    }

    fn place(&self, span: Range<usize>) -> Place {
        Place::of_span(self.path, self.text, span)
    }

    fn mark(&mut self, problem: Problem) -> &mut Problem {
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
