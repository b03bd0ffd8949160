//! One slot and one reader become text that is safe where it stands.
//!
//! A value is a stranger's text. It is escaped by its context in one pass and
//! never read again: no value can be markup, a field, a header or a line. What
//! no mail needs is dropped everywhere: control characters, and the marks that
//! turn the direction of what follows (UAX 9) past the value's own end.

use std::collections::BTreeMap;

use jiff::{civil, fmt::strtime::BrokenDownTime};

use super::{
    edition::{Context, Filter, Slot, Source},
    field::is_mark,
};
use crate::model::{Field, Subscriber, Suppressed};

/// Fills the slots of one reader's copy.
pub(super) struct Merge<'a> {
    reader: &'a Subscriber,
    fields: &'a BTreeMap<String, Field>,
    unsubscribe: &'a str,
    /// A merge field that was to be a URL and is none: its link would lead nowhere.
    pub(super) refused: Option<String>,
}

/// How many characters of a value a header shows; a name that is longer is nobody's.
const HEADER_CHARS: usize = 200;

impl<'a> Merge<'a> {
    /// Binds a reader and their own unsubscribe link, or says which field they must have and have not.
    pub(super) fn new(
        reader: &'a Subscriber,
        fields: &'a BTreeMap<String, Field>,
        unsubscribe: &'a str,
    ) -> Result<Self, Suppressed> {
        match fields.iter().find(|(name, field)| field.required && value(reader, name).is_empty()) {
            Some((name, _)) => Err(Suppressed::MissingField(name.clone())),
            None => Ok(Self { reader, fields, unsubscribe, refused: None }),
        }
    }

    /// Appends what the slot shows to this reader.
    pub(super) fn fill(&mut self, slot: &Slot, out: &mut String) {
        let shown = match &slot.source {
            Source::Field(name) => self.field(name, &slot.filters),
            Source::Address => filtered(self.reader.address.written(), &slot.filters),
            Source::Unsubscribe => Shown::Own(self.unsubscribe),
        };
        let safe = escape(shown.text(), slot.context, out);
        match &slot.source {
            Source::Field(name) if !safe && self.refused.is_none() => {
                self.refused = Some(name.clone());
            }
            _ => {}
        }
    }

    fn field<'s>(&'s self, name: &str, filters: &'s [Filter]) -> Shown<'s> {
        let value = value(self.reader, name);
        // A default in the sentence itself knows better than the list's.
        let own_default = filters.iter().any(|filter| matches!(filter, Filter::Default(_)));
        match self.fields.get(name).and_then(|field| field.default.as_deref()) {
            Some(default) if value.is_empty() && !own_default => filtered(default, filters),
            _ => filtered(value, filters),
        }
    }
}

/// Cleans a text for a header: one line of printable characters in which no encoded word hides (RFC 2047), at most `chars` long.
pub(super) fn header_text(text: &str, chars: usize) -> String {
    let mut clean = String::with_capacity(text.len().min(chars * 4));
    escape_header(text, chars, &mut clean);
    clean
}

/// Appends a text with everything but RFC 3986's unreserved characters percent-encoded.
pub(super) fn percent_encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            push_percent(byte, out);
        }
    }
}

enum Shown<'a> {
    Own(&'a str),
    Made(String),
}

impl Shown<'_> {
    fn text(&self) -> &str {
        match self {
            Self::Own(text) => text,
            Self::Made(text) => text,
        }
    }
}

fn value<'a>(reader: &'a Subscriber, name: &str) -> &'a str {
    match name {
        "name" => &reader.name,
        "email" => reader.address.written(),
        _ => reader.fields.get(name).map_or("", String::as_str),
    }
    .trim()
}

fn filtered<'a>(value: &'a str, filters: &'a [Filter]) -> Shown<'a> {
    filters.iter().fold(Shown::Own(value), |shown, filter| match filter {
        Filter::Default(default) if shown.text().is_empty() => Shown::Own(default),
        Filter::Default(_) => shown,
        Filter::Upper => Shown::Made(shown.text().to_uppercase()),
        Filter::Lower => Shown::Made(shown.text().to_lowercase()),
        Filter::Date(pattern) => date(shown.text(), pattern).map_or(shown, Shown::Made),
    })
}

/// Shows an ISO date by a strftime pattern; `None`, and so the value itself, where it is no date.
fn date(value: &str, pattern: &str) -> Option<String> {
    let date: civil::Date = value.parse().ok()?;
    BrokenDownTime::from(date).to_string(pattern).ok()
}

/// Appends a value as its context needs it, or nothing and `false` where it must not stand there.
fn escape(value: &str, context: Context, out: &mut String) -> bool {
    match context {
        Context::HtmlText | Context::HtmlAttribute => escape_html(value, out),
        Context::HtmlUrl => return escape_url(value, "&amp;", out),
        Context::TextUrl => return escape_url(value, "&", out),
        Context::HtmlUrlPart | Context::TextUrlPart => percent_encode(value, out),
        Context::Header => escape_header(value, HEADER_CHARS, out),
        Context::Text if value.bytes().all(|byte| matches!(byte, b' '..=b'~')) => {
            out.push_str(value);
        }
        Context::Text => out.extend(value.chars().filter_map(printable)),
    }
    true
}

fn escape_html(value: &str, out: &mut String) {
    if value.bytes().all(|byte| byte == b' ' || byte.is_ascii_alphanumeric()) {
        return out.push_str(value);
    }
    for char in value.chars().filter_map(printable) {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(char),
        }
    }
}

/// Lets http, https and mailto through, with what is no URL character (RFC 3986) percent-encoded and `&` as the part needs it.
fn escape_url(value: &str, ampersand: &str, out: &mut String) -> bool {
    let value = value.trim();
    let scheme_ok = ["https://", "http://", "mailto:"].iter().any(|scheme| {
        value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    // Nearly all are plain, and each of our own is.
    if scheme_ok
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?=%@".contains(&byte))
    {
        out.push_str(value);
        return true;
    }
    // A browser drops tabs and line ends inside a URL; no honest value holds any.
    if !scheme_ok || value.chars().any(char::is_control) {
        return value.is_empty();
    }
    for char in value.chars() {
        match char {
            '&' => out.push_str(ampersand),
            ' ' | '"' | '<' | '>' | '\'' | '\\' | '^' | '`' | '{' | '|' | '}' => {
                push_percent(char as u8, out);
            }
            _ if printable(char) == Some(char) => out.push(char),
            _ => percent_encode(char.encode_utf8(&mut [0; 4]), out),
        }
    }
    true
}

/// Appends at most `chars` characters on one line, with an ellipsis where more were there.
fn escape_header(value: &str, chars: usize, out: &mut String) {
    let mut left = chars;
    let mut last = ' ';
    for char in value.chars().filter_map(printable).filter(|char| !is_direction_mark(*char)) {
        if char == ' ' && last == ' ' {
            continue;
        }
        // `=?utf-8?b?...?=` would be decoded by the reader's client, and say anything.
        let apart = last == '=' && char == '?';
        let needed = 1 + usize::from(apart);
        if left <= needed {
            out.push('…');
            return;
        }
        if apart {
            out.push(' ');
        }
        out.push(char);
        last = char;
        left -= needed;
    }
    if last == ' ' && left < chars {
        out.pop();
    }
}

/// Returns the character as it may stand in a line: white space as a space, and nothing for what cannot be seen and does harm.
fn printable(char: char) -> Option<char> {
    match char {
        '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some(' '),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{200b}' => None,
        _ if char.is_control() || is_mark(char) => None,
        _ => Some(char),
    }
}

/// Left-to-right, right-to-left and Arabic letter mark: at home in a text, a disguise in a header.
fn is_direction_mark(char: char) -> bool {
    matches!(char, '\u{200e}' | '\u{200f}' | '\u{61c}')
}

fn push_percent(byte: u8, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(HEX[usize::from(byte >> 4)]));
    out.push(char::from(HEX[usize::from(byte & 15)]));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CONTEXTS: [Context; 8] = [
        Context::HtmlText,
        Context::HtmlAttribute,
        Context::HtmlUrl,
        Context::HtmlUrlPart,
        Context::Header,
        Context::Text,
        Context::TextUrl,
        Context::TextUrlPart,
    ];

    fn escaped(value: &str, context: Context) -> String {
        let mut out = String::new();
        escape(value, context, &mut out);
        out
    }

    fn check(value: &str, filters: &[Filter], shown: &str) {
        assert_eq!(filtered(value, filters).text(), shown);
    }

    #[test]
    fn filters_act_in_their_order() {
        check("", &[Filter::Default("Reader".into()), Filter::Upper], "READER");
        check("", &[Filter::Upper, Filter::Default("Reader".into())], "Reader");
        check("Straße", &[Filter::Upper], "STRASSE");
        check("ÀB", &[Filter::Lower], "àb");
    }

    #[test]
    fn a_date_shows_by_its_pattern_and_anything_else_as_it_is() {
        check("2003-10-06", &[Filter::Date("%-d %B %Y".into())], "6 October 2003");
        check("last week", &[Filter::Date("%-d %B %Y".into())], "last week");
        check("2003-02-30", &[Filter::Date("%Y".into())], "2003-02-30");
        check("2003-10-06", &[Filter::Date("%!".into())], "2003-10-06");
    }

    #[test]
    fn markup_is_text_in_html() {
        let value = r#"<b onclick="x">&amp;'"#;
        let safe = "&lt;b onclick=&quot;x&quot;&gt;&amp;amp;&#39;";
        assert_eq!(escaped(value, Context::HtmlText), safe);
        assert_eq!(escaped(value, Context::HtmlAttribute), safe);
        assert_eq!(escaped(value, Context::Text), value);
    }

    #[test]
    fn only_web_and_mail_links_are_links() {
        for (value, safe) in [
            ("https://example.org/a?b=1&c=\"2\"", "https://example.org/a?b=1&amp;c=%222%22"),
            ("HTTP://example.org/x y", "HTTP://example.org/x%20y"),
            ("mailto:a@example.org", "mailto:a@example.org"),
            (" https://example.org/é ", "https://example.org/é"),
            ("javascript:alert(1)", ""),
            ("java\tscript:alert(1)", ""),
            ("data:text/html,x", ""),
            ("https:/example.org", ""),
            ("//example.org", ""),
            ("https://example.org/\r\nBcc: x", ""),
            ("é", ""),
        ] {
            assert_eq!(escaped(value, Context::HtmlUrl), safe, "{value}");
            assert_eq!(escaped(value, Context::TextUrl), safe.replace("&amp;", "&"), "{value}");
        }
    }

    #[test]
    fn a_part_of_a_url_is_nothing_but_that_part() {
        for context in [Context::HtmlUrlPart, Context::TextUrlPart] {
            assert_eq!(escaped("a/b?c&d=\"é\"\r\n", context), "a%2Fb%3Fc%26d%3D%22%C3%A9%22%0D%0A");
        }
    }

    #[test]
    fn a_header_stays_one_short_line_without_disguises() {
        for (value, safe) in [
            ("a\r\nBcc: b@example.org", "a Bcc: b@example.org"),
            ("a\0b\u{202e}c\u{200f}d", "abcd"),
            (" a   b ", "a b"),
            ("=?utf-8?q?=0D=0A?=", "= ?utf-8?q?=0D=0A?="),
            ("👍 ok", "👍 ok"),
        ] {
            assert_eq!(escaped(value, Context::Header), safe, "{value:?}");
        }
        let long = escaped(&"x".repeat(10_000), Context::Header);
        assert_eq!((long.chars().count(), long.ends_with("x…")), (HEADER_CHARS, true));
    }

    #[test]
    fn overrides_of_direction_stand_nowhere() {
        for context in CONTEXTS {
            let shown = escaped("https://a/\u{202e}\u{2066}x", context);
            assert!(!shown.contains(['\u{202e}', '\u{2066}']), "{context:?}: {shown}");
        }
    }

    proptest! {
        #[test]
        fn no_value_leaves_its_context(value in "\\PC*|.*|[\\x00-\\x7f]{0,40}") {
            for context in CONTEXTS {
                let shown = escaped(&value, context);
                prop_assert!(!shown.contains(char::is_control), "{context:?}: {shown:?}");
                if context != Context::Text && context != Context::Header {
                    prop_assert!(!shown.contains(['<', '>', '"', '\'']), "{context:?}: {shown:?}");
                }
            }
            prop_assert!(escaped(&value, Context::Header).chars().count() <= HEADER_CHARS);
            prop_assert!(!escaped(&value, Context::Header).contains("=?"));
        }

        #[test]
        fn what_a_client_reads_in_html_is_the_value(value in "[ -~é日👍]{0,60}") {
            let read = escaped(&value, Context::HtmlText)
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&#39;", "'")
                .replace("&amp;", "&");
            prop_assert_eq!(read, value);
        }
    }
}
