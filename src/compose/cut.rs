//! Cuts the finished copy at the characters that stand for merge fields.
//!
//! The HTML comes from our own templates through the inliner, so it is well
//! formed: attributes stand in double quotes and text holds no bare `<`. A
//! small scanner is therefore enough to tell what a field stands in.

use super::{
    edition::{Context, Piece, Slot},
    field::{Marks, Stand, is_mark},
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
    cut(html, marks, |at, letter, _| {
        let here = state;
        state = match (state, letter) {
            (State::Tag, '>') => State::Text,
            (State::Tag, '"') => State::Value { start: at + 1, url: is_url(&html[..at]) },
            (State::Text, '<') | (State::Value { .. }, '"') => State::Tag,
            _ => state,
        };
        match here {
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

/// Walks over every letter, asking `context` (byte, letter, what a field there stands for) what it stands in.
fn cut(
    text: &str,
    marks: &Marks<'_>,
    mut context: impl FnMut(usize, char, Stand) -> Context,
) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for (at, letter) in text.char_indices() {
        let field = if is_mark(letter) { marks.get(letter) } else { None };
        let context = context(at, letter, field.map_or(Stand::Value, |(.., stand)| stand));
        if let Some((source, filters, _)) = field {
            if start < at {
                pieces.push(Piece::Literal(text[start..at].to_owned()));
            }
            let (source, filters) = (source.clone(), filters.to_vec());
            pieces.push(Piece::Slot(Slot { source, filters, context }));
            start = at + letter.len_utf8();
        }
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
