//! A mistake somebody can mend: what, where, and how.

use serde::Serialize;

/// The longest line that is shown with a problem, in bytes: ten thousand mistakes on one line must not copy it ten thousand times.
const LINE_MAX: usize = 1_000;

/// States how much a problem weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth mending; nothing stops for it.
    Warning,
    /// Stops `send` and `schedule`.
    Error,
}

/// Points at the characters of a file that a problem is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file's path as the editor knows it, relative to the publication.
    pub file: String,
    /// The line, counted from 1 with front matter included; 0 when the file as a whole is meant.
    pub line: usize,
    /// The column, counted from 1 in characters; 0 when the line as a whole is meant.
    pub column: usize,
    /// How many characters the caret underlines; at least 1 where `column` is not 0.
    pub length: usize,
    /// The text of that line, without its line end; empty where there is none, and for a line too long to show.
    pub source: String,
}

/// A mistake in a draft, a list or a configuration, as data.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Problem {
    /// The rule's code, `PR001` and on.
    pub code: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// Where it stands.
    pub place: Place,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// How to mend it; `None` where the message says all.
    pub help: Option<String>,
}

impl Place {
    /// Points at a file as a whole.
    pub fn file(file: impl Into<String>) -> Self {
        Self { file: file.into(), ..Self::default() }
    }

    /// Points at bytes `span` of `text`, the content of `file`; a span that crosses lines is cut at the first.
    pub fn of_span(file: impl Into<String>, text: &str, span: std::ops::Range<usize>) -> Self {
        let start = floor_boundary(text, span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let end = floor_boundary(text, span.end).clamp(start, line_end);
        let shown = Some(&text[line_start..line_end]).filter(|line| line.len() <= LINE_MAX);
        Self {
            file: file.into(),
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            length: text[start..end].chars().count().max(1),
            source: shown.unwrap_or_default().trim_end_matches('\r').to_owned(),
        }
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

impl Problem {
    /// Makes an error.
    pub fn error(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, place, message: message.into(), help: None }
    }

    /// Makes a warning.
    pub fn warning(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, place, message) }
    }

    /// Adds how to mend it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Tells whether it stops a send.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_becomes_a_line_and_a_column_in_characters() {
        let text = "eins\nzwéi drei\r\nvier";
        let start = text.find("drei").expect("it is there");
        let place = Place::of_span("a.md", text, start..start + 4);
        assert_eq!((place.line, place.column, place.length), (2, 6, 4));
        assert_eq!(place.source, "zwéi drei");
    }

    #[test]
    fn a_line_too_long_to_show_is_only_pointed_at() {
        let text = "x".repeat(2_000);
        let place = Place::of_span("a.md", &text, 1_500..1_501);
        assert_eq!((place.line, place.column, place.source.as_str()), (1, 1_501, ""));
    }

    #[test]
    fn a_span_past_the_end_points_at_the_end() {
        let place = Place::of_span("a.md", "é", 1..99);
        assert_eq!((place.line, place.column, place.length), (1, 1, 1));
    }
}
