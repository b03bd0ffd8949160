//! Cuts the finished copy at the characters that stand for merge fields.
//!
//! The HTML comes from our own templates through the inliner, so it is well
//! formed: attributes stand in double quotes and text holds no bare `<`. A
//! small scanner is therefore enough to tell what a field stands in.

use super::{
    edition::{Context, Piece, Slot},
    field::{MARK_LEAD, Marks, Stand},
};

/// Where the scanner stands.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Text,
    Tag,
    /// In a quoted value: where it began, and whether its attribute is a URL.
    Value {
        start: usize,
        url: bool,
    },
}

/// Cuts an HTML document; every slot knows whether it stands in text, an attribute or a URL.
pub(super) fn cut_html(html: &str, marks: &Marks<'_>) -> Vec<Piece> {
    let mut state = State::Text;
    let mut scanned = 0;
    cut(html, marks, |at, letter, _| {
        for turn in memchr::memchr3_iter(b'<', b'>', b'"', &html.as_bytes()[scanned..at]) {
            let turn = scanned + turn;
            state = match (state, html.as_bytes()[turn]) {
                (State::Tag, b'>') => State::Text,
                (State::Tag, b'"') => State::Value { start: turn + 1, url: is_url(&html[..turn]) },
                (State::Text, b'<') | (State::Value { .. }, b'"') => State::Tag,
                _ => state,
            };
        }
        scanned = at;
        match state {
            State::Text => Context::HtmlText,
            State::Tag | State::Value { url: false, .. } => Context::HtmlAttribute,
            State::Value { start, .. } => {
                let whole = at == start && html[at + letter.len_utf8()..].starts_with('"');
                if whole { Context::HtmlUrl } else { Context::HtmlUrlPart }
            }
        }
    })
}

/// Cuts a line or paragraph of the text part.
pub(super) fn cut_text(text: &str, marks: &Marks<'_>) -> Vec<Piece> {
    cut(text, marks, |_, _, stand| match stand {
        Stand::Value => Context::Text,
        Stand::Url => Context::TextUrl,
        Stand::UrlPart => Context::TextUrlPart,
    })
}

/// Cuts a header's text.
pub(super) fn cut_header(text: &str, marks: &Marks<'_>) -> Vec<Piece> {
    cut(text, marks, |_, _, _| Context::Header)
}

/// Walks over every field, asking `context` (byte, letter, what it stands for) what it stands in.
fn cut(
    text: &str,
    marks: &Marks<'_>,
    mut context: impl FnMut(usize, char, Stand) -> Context,
) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(high) = text.as_bytes()[at..].iter().position(|byte| *byte >= MARK_LEAD) {
        at += high;
        let letter = text[at..].chars().next().unwrap_or_default();
        let end = at + letter.len_utf8();
        if let Some((source, filters, stand)) = marks.get(letter) {
            if start < at {
                pieces.push(Piece::Literal(text[start..at].to_owned()));
            }
            let (source, filters) = (source.clone(), filters.to_vec());
            pieces.push(Piece::Slot(Slot { source, filters, context: context(at, letter, stand) }));
            start = end;
        }
        at = end;
    }
    if start < text.len() {
        pieces.push(Piece::Literal(text[start..].to_owned()));
    }
    pieces
}

/// Tells whether the attribute whose value begins after `before` holds a URL.
fn is_url(before: &str) -> bool {
    let name = before.trim_end_matches('=').rsplit([' ', '\n', '\t']).next().unwrap_or_default();
    matches!(name, "href" | "src")
}
