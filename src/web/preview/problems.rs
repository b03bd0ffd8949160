//! The mistakes of an issue, each beside its line: the source, a caret, and how to mend it.

use maud::{Markup, html};

use crate::model::{Place, Problem};

/// How many are shown; whoever has more mends these first.
const SHOWN: usize = 200;

/// Sets the panel; the page leads to it by `#problems`.
pub(super) fn panel(problems: &[Problem]) -> Markup {
    html! {
        section.panel.problems #problems tabindex="-1" aria-labelledby="problems-title" {
            h2 #problems-title { "Problems" }
            @if problems.is_empty() {
                p.fine { "Nothing to mend." }
            } @else {
                p.count { (count(problems)) }
                (list(problems))
            }
        }
    }
}

/// Says how many there are: `2 to mend, 1 to look at`.
pub(super) fn count(problems: &[Problem]) -> String {
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    match (errors, problems.len() - errors) {
        (0, 0) => "nothing to mend".to_owned(),
        (errors, 0) => format!("{errors} to mend"),
        (0, warnings) => format!("{warnings} to look at"),
        (errors, warnings) => format!("{errors} to mend, {warnings} to look at"),
    }
}

/// Sets problems as a list.
pub(super) fn list(problems: &[Problem]) -> Markup {
    html! {
        ol.list {
            @for problem in problems.iter().take(SHOWN) { li { (one(problem)) } }
        }
        @if problems.len() > SHOWN {
            p { "And " (problems.len() - SHOWN) " more; " code { "postrider check" } " tells them all." }
        }
    }
}

fn one(problem: &Problem) -> Markup {
    let (class, severity) =
        if problem.is_error() { ("error", "error") } else { ("warning", "warning") };
    html! {
        article.problem.(class) {
            h3 { span.severity { (severity) } " " (words(&problem.message)) }
            p.place { (place(&problem.place)) " " span.code { (problem.code) } }
            (excerpt(&problem.place))
            @if let Some(help) = &problem.help { p.help { (words(help)) } }
        }
    }
}

/// Says where something stands, as compilers do.
fn place(place: &Place) -> String {
    let Place { file, line, column, .. } = place;
    match (line, column) {
        (0, _) => file.clone(),
        (line, 0) => format!("{file}:{line}"),
        (line, column) => format!("{file}:{line}:{column}"),
    }
}

/// Shows the line with what is meant underlined. The caret hangs on the words themselves, whatever their width or direction.
fn excerpt(place: &Place) -> Markup {
    let Place { line, column, length, source, .. } = place;
    if source.is_empty() || *line == 0 {
        return html! {};
    }
    let mut letters = source.chars();
    let start = column.saturating_sub(1);
    let before: String = letters.by_ref().take(start).collect();
    let meant: String = letters.by_ref().take(if *column == 0 { 0 } else { *length }).collect();
    html! {
        div.excerpt {
            span.line aria-hidden="true" { (line) }
            code dir="auto" {
                (before)
                @if *column > 0 { mark { (if meant.is_empty() { " " } else { &meant }) } }
                (letters.as_str())
            }
        }
    }
}

/// Sets what stands in backticks as code.
pub(super) fn words(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}
