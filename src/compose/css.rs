//! The little CSS a theme is written in: rules of selectors and declarations, and `@media` around them.

use std::{collections::BTreeSet, ops::Range};

use super::{
    code::WRONG_THEME,
    proof::{Help, Proof},
};

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

/// The classes that a document of ours has.
#[derive(Debug)]
pub(super) struct Classes<'a>(BTreeSet<&'a str>);

impl<'a> Classes<'a> {
    pub(super) fn of(document: &'a str) -> Self {
        let classes = document.split("class=\"").skip(1);
        let names = classes.filter_map(|rest| rest.split('"').next());
        Self(names.flat_map(str::split_ascii_whitespace).collect())
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

/// Properties that name a colour.
const COLOURED: [&str; 5] = ["color", "background", "border", "outline", "text-decoration"];

/// What may stand in them beside a token and a length.
const UNCOLOURED: [&str; 27] = [
    "none",
    "hidden",
    "solid",
    "dashed",
    "dotted",
    "double",
    "groove",
    "ridge",
    "inset",
    "outset",
    "thin",
    "medium",
    "thick",
    "inherit",
    "initial",
    "unset",
    "transparent",
    "currentcolor",
    "collapse",
    "separate",
    "underline",
    "overline",
    "line-through",
    "repeat",
    "no-repeat",
    "important",
    "auto",
];

/// Reads the proof's text; what cannot be read is marked and left out.
pub(super) fn parse(proof: &mut Proof<'_>) -> Sheet {
    if let Some(open) = unclosed_comment(proof.text()) {
        proof.error(WRONG_THEME, open..open + 2, "the comment is not closed");
    }
    let text = without_comments(proof.text());
    let mut sheet = Sheet::default();
    for (prelude, inner) in blocks(&text, 0..text.len(), proof) {
        if text[prelude.clone()].starts_with("@media") {
            let rules = blocks(&text, inner, proof).into_iter();
            let rules: Vec<Rule> =
                rules.filter_map(|(prelude, inner)| rule(&text, prelude, inner, proof)).collect();
            sheet.conditional.push((text[prelude].to_owned(), rules));
        } else {
            sheet.rules.extend(rule(&text, prelude, inner, proof));
        }
    }
    sheet
}

/// Splits a stretch into what stands before and within each pair of braces; what stands outside is marked.
fn blocks(
    text: &str,
    within: Range<usize>,
    proof: &mut Proof<'_>,
) -> Vec<(Range<usize>, Range<usize>)> {
    let mut blocks = Vec::new();
    let mut at = within.start;
    while let Some(open) = text[at..within.end].find('{').map(|open| at + open) {
        let Some(close) = closing(&text[..within.end], open) else {
            proof.error(WRONG_THEME, open..open + 1, "the brace is not closed");
            return blocks;
        };
        // A statement such as `@import` ends with a semicolon.
        let start = text[at..open].rfind(';').map_or(at, |end| at + end + 1);
        refuse(trimmed(text, at..start), proof);
        blocks.push((trimmed(text, start..open), open + 1..close));
        at = close + 1;
    }
    refuse(trimmed(text, at..within.end), proof);
    blocks
}

fn refuse(span: Range<usize>, proof: &mut Proof<'_>) {
    if !span.is_empty() {
        proof
            .error(WRONG_THEME, span, "this is not a rule")
            .helped("write `.class { property: value }`");
    }
}

fn rule(
    text: &str,
    prelude: Range<usize>,
    inner: Range<usize>,
    proof: &mut Proof<'_>,
) -> Option<Rule> {
    if prelude.is_empty()
        || text[prelude.clone()].starts_with('@')
        || text[inner.clone()].contains('{')
    {
        proof
            .error(
                WRONG_THEME,
                prelude.start..inner.start,
                "this is neither a rule nor an `@media`",
            )
            .helped(
                "write `.class { property: value }`; nothing stands within an `@media` but rules",
            );
        return None;
    }
    let selectors = text[prelude].split(',').map(spaced).filter(|part| !part.is_empty()).collect();
    let declarations =
        parts(text, inner).filter_map(|span| declaration(text, span, proof)).collect();
    Some(Rule { selectors, declarations })
}

/// Splits a stretch at its semicolons, without the blanks around and empty ones.
fn parts(text: &str, within: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut start = within.start;
    text[within].split(';').filter_map(move |part| {
        let span = trimmed(text, start..start + part.len());
        start += part.len() + 1;
        (!span.is_empty()).then_some(span)
    })
}

/// Reads a declaration and writes it without needless blanks; `None` after marking what is wrong.
fn declaration(text: &str, span: Range<usize>, proof: &mut Proof<'_>) -> Option<String> {
    let written = &text[span.clone()];
    let is_name = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"-_$".contains(&letter))
    };
    let Some((property, value)) = written
        .split_once(':')
        .map(|(property, value)| (property.trim(), spaced(value)))
        .filter(|(property, value)| is_name(property) && !value.is_empty())
    else {
        proof
            .error(WRONG_THEME, span, format!("`{}` is not a declaration", spaced(written)))
            .helped("write `property: value`, and a semicolon between two");
        return None;
    };
    let is_coloured =
        COLOURED.iter().any(|known| property.starts_with(known)) && !property.ends_with("radius");
    let colour = value.split([' ', '!', ',']).find(|word| is_coloured && is_colour(word));
    if let Some(colour) = colour {
        let at = span.start + written.rfind(colour).unwrap_or(0);
        proof
            .error(
                WRONG_THEME,
                at..at + colour.len(),
                format!("`{colour}` has no colour of the night"),
            )
            .helped("name a token, as `$accent`: theme.toml gives it both");
        return None;
    }
    Some(format!("{property}:{}", value.replace(" !", "!")))
}

/// Tells whether a word of a value is a colour by itself: no token, no length, and nothing else that is known.
fn is_colour(word: &str) -> bool {
    let is_length = word.starts_with(|first: char| first.is_ascii_digit() || ".-+".contains(first));
    !word.is_empty()
        && !word.starts_with('$')
        && !is_length
        && !UNCOLOURED.contains(&word.to_ascii_lowercase().as_str())
}

/// Returns a text with one blank where it has blanks and line ends.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns a stretch without the blanks around it.
fn trimmed(text: &str, span: Range<usize>) -> Range<usize> {
    let part = &text[span.clone()];
    let start = span.start + part.len() - part.trim_start().len();
    start..start.max(span.start + part.trim_end().len())
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

/// Returns where a comment begins that does not end.
fn unclosed_comment(text: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        let open = at + text[at..].find("/*")?;
        match text[open + 2..].find("*/") {
            Some(close) => at = open + 2 + close + 2,
            None => return Some(open),
        }
    }
}

/// Replaces comments with as many blanks, so that every byte stays where it stood.
pub fn without_comments(text: &str) -> String {
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
