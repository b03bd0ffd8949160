//! What stands within a line: words, emphasis, code, links and line breaks, set in HTML and in text.

use std::{collections::HashMap, ops::Range};

use maud::{Markup, html};

use super::{field::within_url, origin, url};

/// A stretch of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Inline {
    /// Words as they were written.
    Text(String),
    /// Emphasis.
    Emphasis(Vec<Inline>),
    /// Strong emphasis.
    Strong(Vec<Inline>),
    /// Code.
    Code(String),
    /// A link and the bytes of the draft it stands at; the address is checked and encoded.
    Link(String, Vec<Inline>, Range<usize>),
    /// A line break that the editor asked for.
    Break,
    /// The mark of a note, by its number within the article.
    Note(usize),
    /// The end of a line of the source, and what joins it to the next: a blank, or nothing between wide letters.
    Wrap(&'static str),
}

/// The addresses of an article in the order of their first use; the text part numbers them.
#[derive(Debug, Default)]
pub(super) struct Links {
    urls: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl Links {
    /// Returns the number of an address, the same for the same target.
    pub(super) fn number(&mut self, url: &str) -> usize {
        if let Some(number) = self.numbers.get(url) {
            return *number;
        }
        self.urls.push(url.to_owned());
        self.numbers.insert(url.to_owned(), self.urls.len());
        self.urls.len()
    }

    /// Hands out every address and begins anew.
    pub(super) fn take(&mut self) -> Vec<String> {
        std::mem::take(self).urls
    }
}

/// Sets a line in HTML.
pub(super) fn html(inlines: &[Inline]) -> Markup {
    html! {
        @for inline in inlines {
            @match inline {
                Inline::Text(text) => (text),
                Inline::Emphasis(inner) => em { (html(inner)) },
                Inline::Strong(inner) => strong { (html(inner)) },
                Inline::Code(code) => code.code { (code) },
                Inline::Link(url, inner, span) => {
                    (origin::from(span, &html! { a.link href=(url) { (html(inner)) } }))
                },
                Inline::Break => { br; "\n" },
                Inline::Note(number) => (raised(*number)),
                Inline::Wrap(" ") => "\n",
                Inline::Wrap(_) => {},
            }
        }
    }
}

/// Sets a line in text: links as `text [1]`, breaks as LF.
pub(super) fn text(inlines: &[Inline], links: &mut Links) -> String {
    let mut line = String::new();
    for inline in inlines {
        match inline {
            Inline::Text(text) | Inline::Code(text) => line.push_str(text),
            Inline::Emphasis(inner) | Inline::Strong(inner) => line.push_str(&text(inner, links)),
            Inline::Link(url, inner, _) => {
                let words = plain(inner);
                if is_shown_by(url, &words) {
                    line.push_str(&shown(url));
                } else {
                    line.extend([words.as_str(), " [", &links.number(url).to_string(), "]"]);
                }
            }
            Inline::Break => line.push('\n'),
            Inline::Note(number) => line.push_str(&raised(*number)),
            Inline::Wrap(joint) => line.push_str(joint),
        }
    }
    line
}

/// Returns the words alone, without addresses.
pub(super) fn plain(inlines: &[Inline]) -> String {
    let mut words = String::new();
    for inline in inlines {
        match inline {
            Inline::Text(text) | Inline::Code(text) => words.push_str(text),
            Inline::Emphasis(inner) | Inline::Strong(inner) | Inline::Link(_, inner, _) => {
                words.push_str(&plain(inner));
            }
            Inline::Break => words.push(' '),
            Inline::Note(_) => {}
            Inline::Wrap(joint) => words.push_str(joint),
        }
    }
    words
}

/// Returns a number as raised digits: letters of their own, so both parts have the same and no line is higher for them.
pub(super) fn raised(number: usize) -> String {
    let digits = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    number.to_string().bytes().map(|digit| digits[usize::from(digit - b'0')]).collect()
}

/// Tells whether a note is marked in these words.
pub(super) fn has_note(inlines: &[Inline]) -> bool {
    inlines.iter().any(|inline| match inline {
        Inline::Note(_) => true,
        Inline::Emphasis(inner) | Inline::Strong(inner) | Inline::Link(_, inner, _) => {
            has_note(inner)
        }
        _ => false,
    })
}

/// Returns an address as the text part shows it: a mailbox or number without its scheme.
pub(super) fn shown(url: &str) -> String {
    within_url(bare(url).unwrap_or(url))
}

/// Returns the mailbox or number that an address leads to; `None` of another.
pub(super) fn bare(url: &str) -> Option<&str> {
    let mailbox = url.strip_prefix("mailto:").filter(|mailbox| !mailbox.contains('?'));
    mailbox.or_else(|| url.strip_prefix("tel:"))
}

/// Tells whether a link's words are its address, so that naming both would say it twice.
fn is_shown_by(url: &str, words: &str) -> bool {
    let words = words.trim();
    url == url::encoded(words) || shown(url) == words
}
