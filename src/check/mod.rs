//! The rules of `check`: what would go wrong with an issue once it is sent, told where it is mended.
//!
//! A rule looks at a [`Specimen`], copies as they will really be sent, and never at
//! what we meant to send: the message is read back from its bytes, the HTML by a
//! parser that had no part in making it. A draft is judged by what its editor wrote,
//! so all but size is looked at in a copy that shows every default and no reader's
//! own value: anybody may name themselves `{{`, and nobody's name may stop an issue.
//!
//! Each family of rules is a file; a new rule is an entry of its family's table, a
//! new family a file and a line in [`FAMILIES`]. The composer's own codes come before
//! these in [`codes`].

mod accepted;
mod colour;
mod content;
mod continuity;
mod css;
mod document;
mod dom;
mod gist;
mod law;
mod layout;
mod mail;
mod manual;
mod parity;
mod place;
mod rule;
mod style;
mod transport;

use crate::{
    compose::{CODES, Code, Composed, Draft, Origins, Theme},
    model::{Problem, Publication},
};

pub use accepted::{Verdict, judge};
pub use gist::Gist;
pub use manual::manual;
use rule::{Findings, Look, Rule};

/// Every family of rules, in the order of their codes.
const FAMILIES: [&[Rule]; 8] = [
    document::RULES,
    layout::RULES,
    css::RULES,
    content::RULES,
    continuity::RULES,
    transport::RULES,
    parity::RULES,
    law::RULES,
];

/// An issue as it is about to be sent, and what it was made from.
#[derive(Clone, Copy, Debug)]
pub struct Specimen<'a> {
    /// The editor's files.
    pub draft: &'a Draft,
    /// What they compose to.
    pub composed: &'a Composed,
    /// Where in the draft the elements of the copy's version came from.
    pub origins: &'a Origins,
    /// Who publishes.
    pub publication: &'a Publication,
    /// What publication.toml holds, to point at its lines.
    pub settings: &'a str,
    /// What it is dressed in.
    pub theme: &'a Theme,
    /// The subject as nobody's own value stands in it, not encoded.
    pub subject: &'a str,
    /// The copy that shows every default and no reader's own value, whole.
    pub message: &'a [u8],
    /// The longest copy that any reader gets, whole.
    pub longest: &'a [u8],
    /// How many readers may be mailed, as far as the list at hand says.
    pub readers: usize,
    /// The issue before it, where there is one.
    pub last: Option<&'a Gist>,
}

/// Returns every problem of an issue that composes, its composer's own warnings among them, in the order of the lines.
pub fn check(specimen: &Specimen<'_>) -> Vec<Problem> {
    let look = Look::at(specimen);
    let mut problems = specimen.composed.warnings.clone();
    for rule in FAMILIES.into_iter().flatten() {
        let mut found = Findings::new(&rule.code);
        (rule.look)(&look, &mut found);
        problems.append(&mut found.into_problems());
    }
    problems.sort_by(|one, other| (&one.place, one.code).cmp(&(&other.place, other.code)));
    problems
}

/// Returns every code there is, the composer's, the rules' and those of what is accepted, in order.
pub fn codes() -> impl Iterator<Item = &'static Code> {
    let rules = FAMILIES.into_iter().flatten().map(|rule| &rule.code);
    CODES.iter().chain(rules).chain(&accepted::CODES)
}

#[cfg(test)]
mod tests {
    use super::{CODES, codes};

    #[test]
    fn codes_stand_in_their_order_and_none_is_given_twice() {
        for (at, code) in CODES.iter().enumerate() {
            assert_eq!(code.code, format!("PR{:03}", at + 1), "{}", code.meaning);
        }
        let all: Vec<&str> = codes().map(|code| code.code).collect();
        assert!(all.is_sorted_by(|one, other| one < other), "{all:?}");
    }

    #[test]
    fn every_code_is_explained() {
        for code in codes() {
            let texts = [code.meaning, code.why, code.source, code.mend, code.bad, code.good];
            assert!(texts.iter().all(|text| !text.trim().is_empty()), "{}", code.code);
            for text in [code.meaning, code.mend] {
                assert!(!text.ends_with('.'), "{}: `{text}` ends with a full stop", code.code);
            }
            assert_ne!(code.bad, code.good, "{}", code.code);
        }
    }
}
