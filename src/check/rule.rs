//! What a rule is, what it looks at, and how it says what it found.

use super::{
    Specimen,
    dom::{Dom, Id},
    mail::Mail,
    place::Places,
    style::Styles,
};
use crate::{
    compose::Code,
    model::{Place, Problem, Severity},
};

/// One rule: what `explain` says of it, and the function that finds what breaks it.
pub(super) struct Rule {
    pub(super) code: Code,
    pub(super) look: fn(&Look<'_>, &mut Findings),
}

/// A specimen, read back.
pub(super) struct Look<'a> {
    pub(super) specimen: &'a Specimen<'a>,
    pub(super) mail: Mail,
    /// The longest copy; only how long it is may be judged, what it says is a reader's as well.
    pub(super) longest: Mail,
    /// The HTML part, decoded, LF between lines.
    pub(super) html: String,
    /// The text part, decoded, LF between lines.
    pub(super) text: String,
    pub(super) dom: Dom,
    pub(super) styles: Styles,
    pub(super) places: Places<'a>,
}

impl<'a> Look<'a> {
    pub(super) fn at(specimen: &'a Specimen<'a>) -> Self {
        let (mail, longest) = (Mail::read(specimen.message), Mail::read(specimen.longest));
        let part = |kind| mail.part(kind).map(super::mail::Part::text).unwrap_or_default();
        let (html, text) = (part("text/html"), part("text/plain"));
        let dom = Dom::parse(&html);
        let styles = Styles::of(&dom);
        Self { specimen, html, text, dom, styles, mail, longest, places: Places::new(specimen) }
    }

    /// Returns what an element was set from, as the draft has it.
    pub(super) fn source(&self, id: Id) -> Option<&'a str> {
        let span = self.places.span(&self.dom, id)?;
        self.specimen.draft.text.get(span)
    }

    /// Points at what an element was set from.
    pub(super) fn place(&self, id: Id) -> Place {
        self.places.of(&self.dom, id)
    }
}

/// What a rule found.
pub(super) struct Findings {
    code: &'static Code,
    problems: Vec<Problem>,
}

impl Findings {
    pub(super) fn new(code: &'static Code) -> Self {
        Self { code, problems: Vec::new() }
    }

    /// Notes a problem; the code says how to mend it.
    pub(super) fn mark(&mut self, place: Place, message: impl Into<String>) {
        self.helped(place, message, self.code.mend);
    }

    /// Notes a problem that is mended in a way of its own.
    pub(super) fn helped(
        &mut self,
        place: Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let problem = match self.code.severity {
            Severity::Error => Problem::error(self.code.code, place, message),
            Severity::Warning => Problem::warning(self.code.code, place, message),
        };
        let problem = problem.help(help);
        // A theme's fault is seen at every element it dresses, and told once.
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Notes a problem unless one was noted there, for what one cause does in several ways.
    pub(super) fn mark_once(&mut self, place: Place, message: impl Into<String>) {
        if !self.problems.iter().any(|known| known.place == place) {
            self.mark(place, message);
        }
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}
