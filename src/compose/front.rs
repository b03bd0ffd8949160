//! Front matter: the TOML between two `+++` lines that a draft begins with.

use std::ops::Range;

use jiff::civil::Date;

use super::{
    code::{MISSING_KEY, NO_FRONT_MATTER, WRONG_LINK, WRONG_VALUE},
    keys::{Keys, Value},
    proof::{Help, Proof},
    segment::{SEGMENTS_MAX, Segments, folded},
};

/// What the front matter says, each text as it was written.
#[derive(Debug, Default)]
pub(super) struct FrontMatter {
    pub(super) title: Option<Value<String>>,
    pub(super) subject: Option<Value<String>>,
    pub(super) preheader: Option<Value<String>>,
    pub(super) date: Option<Date>,
    pub(super) number: Option<u32>,
    pub(super) lang: Option<String>,
    pub(super) kicker: Option<Value<String>>,
    pub(super) byline: Option<Value<String>>,
    pub(super) credit: Option<Value<String>>,
    pub(super) theme: Option<String>,
    pub(super) canonical_url: Option<String>,
    /// The segments that the conditions may ask for.
    pub(super) segments: Segments,
    /// Whether nothing closes it, so that nobody knows where the articles begin.
    pub(super) is_open: bool,
    /// The codes of the warnings that the editor accepts.
    pub(super) accept: Vec<Value<String>>,
}

impl FrontMatter {
    /// Reads it, and returns the byte its draft's body begins at.
    pub(super) fn read(proof: &mut Proof<'_>) -> (Self, usize) {
        let (span, body) = match find(proof.text()) {
            Found::At(span, body) => (span, body),
            Found::Nowhere => {
                proof
                    .error(NO_FRONT_MATTER, 0..0, "the draft has no front matter")
                    .helped("begin it with a line `+++`, then `date = 2003-10-06`, then `+++`");
                return (Self::default(), 0);
            }
            Found::Open => {
                proof
                    .error(NO_FRONT_MATTER, 0..3, "the front matter is not closed")
                    .helped("end it with a line `+++`");
                return (Self { is_open: true, ..Self::default() }, proof.text().len());
            }
        };
        let mut keys = Keys::read(span, proof);
        let front = Self {
            title: keys.text("title", proof),
            subject: keys.text("subject", proof),
            preheader: keys.text("preheader", proof),
            date: date(&mut keys, proof),
            number: keys.number("number", proof).map(|number| number.value),
            lang: lang(&mut keys, proof),
            kicker: keys.text("kicker", proof),
            byline: keys.text("byline", proof),
            credit: keys.text("credit", proof),
            theme: theme(&mut keys, proof),
            canonical_url: canonical_url(&mut keys, proof),
            segments: segments(&mut keys, proof),
            is_open: false,
            accept: keys.texts("accept", proof).map_or(Vec::new(), |codes| codes.value),
        };
        keys.finish(proof);
        (front, body)
    }
}

/// Where the front matter stands: the bytes of its TOML, and where the body begins.
enum Found {
    At(Range<usize>, usize),
    Nowhere,
    Open,
}

/// Returns the bytes of a draft's TOML.
pub fn front_matter(text: &str) -> Option<Range<usize>> {
    match find(text) {
        Found::At(span, _) => Some(span),
        Found::Nowhere | Found::Open => None,
    }
}

fn find(text: &str) -> Found {
    let mark = text.len() - text.trim_start_matches('\u{feff}').len();
    let mut lines = text[mark..].split_inclusive('\n');
    let is_fence = |line: &str| line.trim_end() == "+++";
    let Some(opening) = lines.next().filter(|line| is_fence(line)) else {
        return Found::Nowhere;
    };
    let start = mark + opening.len();
    let mut at = start;
    for line in lines {
        if is_fence(line) {
            return Found::At(start..at, at + line.len());
        }
        at += line.len();
    }
    Found::Open
}

fn theme(keys: &mut Keys<'_>, proof: &mut Proof<'_>) -> Option<String> {
    keys.text("theme", proof).map(|text| text.value).filter(|text| !text.trim().is_empty())
}

fn date(keys: &mut Keys<'_>, proof: &mut Proof<'_>) -> Option<Date> {
    let is_there = keys.has("date");
    let date = keys.date("date", proof).map(|date| date.value);
    if !is_there {
        proof
            .error(MISSING_KEY, 0..3, "the issue has no date")
            .helped("add `date = 2003-10-06` to the front matter");
    }
    date
}

/// Reads a language tag (BCP 47): letters and digits in parts of one to eight, joined by hyphens.
fn lang(keys: &mut Keys<'_>, proof: &mut Proof<'_>) -> Option<String> {
    let lang = keys.text("lang", proof)?;
    let is_part = |part: &str| {
        (1..=8).contains(&part.len()) && part.chars().all(|letter| letter.is_ascii_alphanumeric())
    };
    if !lang.value.split('-').all(is_part) {
        let message = format!("`{}` is not a language tag", lang.value);
        proof.error(WRONG_VALUE, lang.span, message).helped("write one such as `en-GB` or `kk`");
        return None;
    }
    Some(lang.value)
}

fn canonical_url(keys: &mut Keys<'_>, proof: &mut Proof<'_>) -> Option<String> {
    let url = keys.text("canonical_url", proof)?;
    if !super::url::is_page(&url.value) {
        let message = format!("`{}` is not an absolute https address", url.value);
        proof.error(WRONG_LINK, url.span, message);
        return None;
    }
    Some(url.value)
}

fn segments(keys: &mut Keys<'_>, proof: &mut Proof<'_>) -> Segments {
    let Some(segments) = keys.texts("segments", proof) else { return Segments::new() };
    let is_wrong = |tag: &String| tag.is_empty() || tag.contains(['"', '\\', ',', ';', '{', '}']);
    let folded: Segments = segments.value.iter().map(|tag| folded(&tag.value)).collect();
    if let Some(wrong) = folded.iter().find(|tag| is_wrong(tag)) {
        let message = format!("`{wrong}` is not a tag of readers");
        proof
            .error(WRONG_VALUE, segments.span, message)
            .helped("a segment is a tag of the list, as in `segments = [\"paid\"]`");
    } else if folded.len() > SEGMENTS_MAX {
        let message = format!("there are {} segments, more than {SEGMENTS_MAX}", folded.len());
        proof
            .error(WRONG_VALUE, segments.span, message)
            .helped("each doubles the copies of an issue; name only those that it asks for");
    } else {
        return folded;
    }
    Segments::new()
}
