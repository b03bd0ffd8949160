//! Merge fields, `{{ name | default: "Reader" }}`, lexed from the source before anything else reads it.
//!
//! Each becomes one private-use character, which Markdown, the templates and
//! the inliner all carry along as an ordinary letter; `cut.rs` finds it again
//! in the finished copy. A field has three such characters: one for its value,
//! and two for the text part, where no markup tells them apart: its value as a
//! whole URL, and as a part of one. `{{{{` is a literal `{{`.

use std::{collections::BTreeMap, ops::Range};

use crate::model::Field;

use super::{
    code::{MALFORMED_FIELD, NO_DEFAULT, UNKNOWN_FIELD, UNKNOWN_FILTER},
    edition::{Filter, Source},
    nearest::nearest,
    proof::{Help, Proof},
};

/// The characters a draft may not hold, because fields are carried as them.
const PRIVATE: [Range<u32>; 3] = [0xE000..0xF900, 0xF_0000..0xF_FFFE, 0x10_0000..0x10_FFFE];

/// The least byte that such a character begins with in UTF-8.
pub(super) const MARK_LEAD: u8 = 0xEE;

/// The filters there are, for help.
const FILTERS: [&str; 4] = ["default", "upper", "lower", "date"];

/// Stands for the reader's address, which every issue names.
pub(super) const ADDRESS: char = '\u{e000}';

/// Stands for the reader's own way out, which every issue shows.
pub(super) const UNSUBSCRIBE: char = '\u{e003}';

/// What a field stands for in a text; the characters of each field stand in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// A value.
    Value,
    /// A whole URL of the text part.
    Url,
    /// A part of a URL of the text part.
    UrlPart,
}

/// How many characters each field has.
const STANDS: usize = 3;

/// Every merge field of an issue, by the character that stands for it.
#[derive(Debug)]
pub(super) struct Marks<'a> {
    declared: &'a BTreeMap<String, Field>,
    fields: Vec<(Source, Vec<Filter>)>,
}

/// A text with its fields replaced, and the way back to the source.
#[derive(Debug, Default)]
pub(super) struct Lexed {
    /// The text with one character for each field.
    pub(super) text: String,
    /// Where the distance to the source changes: bytes of `text`, bytes of the source.
    turns: Vec<(usize, usize)>,
}

/// Tells whether a character stands for a field.
pub(super) fn is_mark(letter: char) -> bool {
    PRIVATE.iter().any(|range| range.contains(&u32::from(letter)))
}

impl Lexed {
    /// Returns where byte `at` of the text stood in the source.
    pub(super) fn origin(&self, at: usize) -> usize {
        let turn = self.turns.partition_point(|(start, _)| *start <= at);
        match turn.checked_sub(1).map(|turn| self.turns[turn]) {
            Some((start, origin)) => origin + (at - start),
            None => at,
        }
    }
}

impl<'a> Marks<'a> {
    pub(super) fn new(declared: &'a BTreeMap<String, Field>) -> Self {
        let fields = [Source::Address, Source::Unsubscribe].map(|source| (source, Vec::new()));
        Self { declared, fields: fields.into() }
    }

    /// Returns the field a character stands for, and what as.
    pub(super) fn get(&self, mark: char) -> Option<(&Source, &[Filter], Stand)> {
        let index = index(mark)?;
        let (source, filters) = self.fields.get(index / STANDS)?;
        let stand = [Stand::Value, Stand::Url, Stand::UrlPart][index % STANDS];
        Some((source, filters, stand))
    }

    /// Returns what stands for a character's field where a reader has no value; `None` where that cannot be.
    pub(super) fn default(&self, mark: char) -> Option<&str> {
        let (Source::Field(name), filters, _) = self.get(mark)? else { return None };
        let own = filters.iter().find_map(|filter| match filter {
            Filter::Default(text) => Some(text.as_str()),
            _ => None,
        });
        own.or_else(|| self.declared.get(name)?.default.as_deref())
    }

    /// Returns the fields that are used, each with what is known of it.
    pub(super) fn used(&self) -> BTreeMap<String, Field> {
        self.fields
            .iter()
            .filter_map(|(source, _)| match source {
                Source::Field(name) => Some((name.clone(), self.declared.get(name)?.clone())),
                Source::Address | Source::Unsubscribe => None,
            })
            .collect()
    }

    /// Returns a text as people read it, every field as `{{ name }}`.
    pub(super) fn written(&self, text: &str) -> String {
        let mut written = String::new();
        for letter in text.chars() {
            match self.get(letter) {
                Some((Source::Field(name), ..)) => {
                    written.extend(["{{ ", name, " }}"]);
                }
                Some(_) => {}
                None => written.push(letter),
            }
        }
        written
    }

    /// Replaces the fields of `text`, which stands at byte `base` of the proof's text.
    pub(super) fn lex(&mut self, text: &str, base: usize, proof: &mut Proof<'_>) -> Lexed {
        let mut lexed = Lexed { text: String::new(), turns: vec![(0, base)] };
        let mut at = 0;
        while let Some(open) = text[at..].find("{{").map(|open| at + open) {
            lexed.text.push_str(&text[at..open]);
            if text[open..].starts_with("{{{{") {
                lexed.text.push_str("{{");
                at = open + 4;
            } else if let Some(length) = field_length(&text[open..]) {
                let span = base + open..base + open + length;
                let mark = character(STANDS * self.fields.len());
                if mark.is_none() {
                    proof.error(MALFORMED_FIELD, span.clone(), "there are too many merge fields");
                }
                let field = self.read(&text[open + 2..open + length - 2], span, proof);
                // Where a problem was marked, something of its kind keeps all around it what it is: a link a link.
                self.fields.push(field.unwrap_or_else(|| (Source::Address, Vec::new())));
                lexed.text.push(mark.unwrap_or('x'));
                at = open + length;
            } else {
                proof
                    .error(
                        MALFORMED_FIELD,
                        base + open..base + open + 2,
                        "the merge field is not closed on its line",
                    )
                    .helped("close it with `}}`, or write `{{{{` for two braces");
                // What follows on the line has no end either: it is told once, and not searched again for each.
                let rest = &text[open..];
                let line = rest.find(['\n', '\r']).unwrap_or(rest.len());
                lexed.text.push_str(&rest[..line].replace("{{", "xx"));
                at = open + line;
            }
            lexed.turns.push((lexed.text.len(), base + at));
        }
        lexed.text.push_str(&text[at..]);
        lexed
    }

    /// Reads what stands between the braces; `None` after marking what is wrong.
    fn read(
        &self,
        inner: &str,
        span: Range<usize>,
        proof: &mut Proof<'_>,
    ) -> Option<(Source, Vec<Filter>)> {
        let mut parts = split_outside_quotes(inner);
        let (at, name) = parts.next().unwrap_or((0, ""));
        let start = span.start + 2 + at;
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
            proof
                .error(MALFORMED_FIELD, span, format!("`{{{{{inner}}}}}` is not a merge field"))
                .helped(
                    "write `{{ name }}` or `{{ name | default: \"Reader\" }}`; `{{{{` is the braces themselves",
                );
            return None;
        }
        let filters: Option<Vec<Filter>> =
            parts.map(|(at, filter)| read_filter(filter, span.start + 2 + at, proof)).collect();
        let Some(field) = self.declared.get(name) else {
            proof
                .error(
                    UNKNOWN_FIELD,
                    start..start + name.len(),
                    format!("no merge field is named `{name}`"),
                )
                .help = Some(match nearest(name, self.declared.keys().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!(
                    "declare it under [list.fields] in publication.toml: `{name} = {{}}`; `{{{{{{{{` is the braces themselves"
                ),
            });
            return None;
        };
        let filters = filters?;
        let has_default = filters.iter().any(|filter| matches!(filter, Filter::Default(_)));
        if field.default.is_none() && !field.required && !has_default {
            proof
                .error(
                    NO_DEFAULT,
                    start..start + name.len(),
                    format!("`{name}` may be empty and has no default"),
                )
                .helped(format!("write `{{{{ {name} | default: \"...\" }}}}`"));
            return None;
        }
        Some((Source::Field(name.to_owned()), filters))
    }
}

/// Turns the characters of fields that are a URL of the text part, or stand within one, into those that say so.
pub(super) fn within_url(url: &str) -> String {
    let is_whole = url.chars().nth(1).is_none();
    let stand = if is_whole { Stand::Url } else { Stand::UrlPart };
    let turned = |letter| character(index(letter)? / STANDS * STANDS + stand as usize);
    url.chars().map(|letter| turned(letter).unwrap_or(letter)).collect()
}

fn read_filter(filter: &str, at: usize, proof: &mut Proof<'_>) -> Option<Filter> {
    let (name, value) = match filter.split_once(':') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (filter, None),
    };
    let span = at..at + filter.len();
    let quoted = value.and_then(unquoted);
    match (name, value, quoted) {
        ("upper", None, _) => Some(Filter::Upper),
        ("lower", None, _) => Some(Filter::Lower),
        ("default", _, Some(text)) if !text.trim().is_empty() => Some(Filter::Default(text)),
        ("date", _, Some(pattern)) if is_date_pattern(&pattern) => Some(Filter::Date(pattern)),
        ("upper" | "lower", ..) => {
            proof.error(UNKNOWN_FILTER, span, format!("the filter `{name}` takes no value"));
            None
        }
        ("default", ..) => {
            proof
                .error(UNKNOWN_FILTER, span, "the filter `default` wants a text in straight quotes")
                .helped("write `default: \"Reader\"`");
            None
        }
        ("date", ..) => {
            proof
                .error(UNKNOWN_FILTER, span, "the filter `date` wants a pattern in straight quotes")
                .helped("write `date: \"%d.%m.%Y\"`");
            None
        }
        _ => {
            proof
                .error(UNKNOWN_FILTER, span, format!("no filter is named `{name}`"))
                .perhaps(nearest(name, FILTERS));
            None
        }
    }
}

/// Tells whether a strftime pattern can show a date by itself, without a time or a zone.
fn is_date_pattern(pattern: &str) -> bool {
    let date = jiff::civil::date(2003, 10, 6);
    !pattern.is_empty() && jiff::fmt::strtime::format(pattern, date).is_ok()
}

/// Returns what stands between straight quotes, double or single.
fn unquoted(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains(quote) && !inner.contains(is_mark)).then(|| inner.to_owned())
}

/// Returns how long the field is that `text` begins with, braces included; `None` where it is not closed on its line.
fn field_length(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, letter) in text.char_indices().skip(2) {
        match (quote, letter) {
            (_, '\n' | '\r') => break,
            (Some(open), _) if letter == open => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, '}') if text[at..].starts_with("}}") => return Some(at + 2),
            _ => {}
        }
    }
    // An apostrophe that was never a quote hides the end; without quotes it is found, and the reading says what is wrong.
    let line = text.split(['\n', '\r']).next().unwrap_or_default();
    line.find("}}").map(|at| at + 2)
}

/// Splits at `|` where it stands outside quotes; each part trimmed, with the byte it begins at.
fn split_outside_quotes(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut quote = None;
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, '|') => {
                parts.push((start, &text[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push((start, &text[start..]));
    parts.into_iter().map(|(at, part)| (at + part.len() - part.trim_start().len(), part.trim()))
}

fn character(index: usize) -> Option<char> {
    let mut index = u32::try_from(index).ok()?;
    for range in &PRIVATE {
        let length = range.end - range.start;
        if index < length {
            return char::from_u32(range.start + index);
        }
        index -= length;
    }
    None
}

fn index(mark: char) -> Option<usize> {
    let mark = u32::from(mark);
    let mut before = 0;
    for range in &PRIVATE {
        if range.contains(&mark) {
            return usize::try_from(before + mark - range.start).ok();
        }
        before += range.end - range.start;
    }
    None
}
