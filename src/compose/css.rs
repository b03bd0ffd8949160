//! The little CSS a theme is written in: rules of selectors and declarations, and `@media` around them.

use std::collections::BTreeSet;

use super::{code::WRONG_THEME, proof::Proof};

/// A style sheet, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sheet {
    /// The rules that always hold.
    pub(super) rules: Vec<Rule>,
    /// The rules of each `@media`, with its condition.
    pub(super) conditional: Vec<(String, Vec<Rule>)>,
}

/// Selectors and what they are dressed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) selectors: Vec<String>,
    pub(super) declarations: Vec<String>,
}

/// The classes that a document of ours has; it gives each element one at most.
#[derive(Debug)]
pub(super) struct Classes<'a>(BTreeSet<&'a str>);

impl<'a> Classes<'a> {
    pub(super) fn of(document: &'a str) -> Self {
        let classes = document.split("class=\"").skip(1);
        Self(classes.filter_map(|rest| rest.split('"').next()).collect())
    }

    /// Tells whether it has every class that a selector names.
    fn match_all(&self, selector: &str) -> bool {
        let is_letter =
            |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
        selector.split('.').skip(1).all(|class| {
            self.0.contains(class.split(|letter| !is_letter(letter)).next().unwrap_or_default())
        })
    }
}

impl Rule {
    /// Returns the selectors that a document with these classes has a use for.
    pub(super) fn used_selectors(&self, classes: &Classes<'_>) -> Vec<&str> {
        let selectors = self.selectors.iter().map(String::as_str);
        selectors.filter(|selector| classes.match_all(selector)).collect()
    }
}

/// Reads the proof's text; what cannot be read is marked and left out.
pub(super) fn parse(proof: &mut Proof<'_>) -> Sheet {
    let text = without_comments(proof.text());
    let mut sheet = Sheet::default();
    let mut at = 0;
    while let Some(open) = text[at..].find('{').map(|open| at + open) {
        let Some(close) = closing(&text, open) else {
            proof.error(WRONG_THEME, open..open + 1, "the brace is not closed");
            return sheet;
        };
        let prelude = text[at..open].trim();
        let inner = &text[open + 1..close];
        if prelude.starts_with("@media") {
            sheet.conditional.push((prelude.to_owned(), rules(inner)));
        } else if prelude.is_empty() || prelude.starts_with('@') || inner.contains('{') {
            let start = open - text[at..open].trim_start().len();
            proof.error(WRONG_THEME, start..open + 1, "this is neither a rule nor an `@media`");
        } else {
            sheet.rules.push(rule(prelude, inner));
        }
        at = close + 1;
    }
    let rest = text[at..].trim_start();
    if !rest.is_empty() {
        let start = text.len() - rest.len();
        proof.error(WRONG_THEME, start..text.len(), "this is not a rule");
    }
    sheet
}

fn rules(text: &str) -> Vec<Rule> {
    text.split_inclusive('}')
        .filter_map(|rule| rule.strip_suffix('}')?.split_once('{'))
        .map(|(selectors, declarations)| rule(selectors, declarations))
        .collect()
}

fn rule(selectors: &str, declarations: &str) -> Rule {
    let list = |text: &str, separator| -> Vec<String> {
        text.split(separator)
            .map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|part| !part.is_empty())
            .collect()
    };
    let tight = |declaration: String| match declaration.split_once(": ") {
        Some((property, value)) => format!("{property}:{}", value.replace(" !", "!")),
        None => declaration,
    };
    let declarations = list(declarations, ';').into_iter().map(tight).collect();
    Rule { selectors: list(selectors, ','), declarations }
}

/// Returns the byte of the brace that closes the one at `open`.
fn closing(text: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, letter) in text[open..].char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 1 => return Some(open + at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Replaces comments with as many blanks, so that every byte stays where it stood.
pub(super) fn without_comments(text: &str) -> String {
    let mut blanked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("/*") {
        blanked.push_str(before);
        let after = comment.split_once("*/").map_or("", |(_, after)| after);
        let length = rest.len() - before.len() - after.len();
        blanked.push_str(&" ".repeat(length));
        rest = after;
    }
    blanked.push_str(rest);
    blanked
}
