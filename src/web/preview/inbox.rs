//! The line that an inbox shows of it: who, subject, and what follows it.

use maud::{Markup, html};

use super::copy::{Copy, Parts};

/// Sets the panel.
pub(super) fn panel(copy: &Copy, parts: &Parts) -> Markup {
    let Some(set) = &copy.set else { return html! {} };
    let from = &set.composed.edition.headers.from;
    let name = if from.name.is_empty() { from.address.written() } else { &from.name };
    let preheader = set.composed.issue.preheader();
    html! {
        section.panel.inbox aria-labelledby="inbox-title" {
            h2 #inbox-title { "In the inbox" }
            p.from { (name) }
            p.subject dir="auto" { (parts.subject) }
            p.preheader dir="auto" { (preheader) }
            p.fine { (letters("Subject", &parts.subject)) " · " (letters("preheader", preheader)) }
        }
    }
}

fn letters(what: &str, text: &str) -> String {
    let count = text.chars().count();
    format!("{what} {count} character{}", if count == 1 { "" } else { "s" })
}
