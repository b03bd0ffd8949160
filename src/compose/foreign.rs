//! Marks that other readers of Markdown know and an issue does not: there they mean something, here they stand as they are typed.
//!
//! A form is an entry of [`FORMS`]. It says what it looks like narrowly, since
//! `$5` and `a == b` are words of any newsletter.

use std::ops::Range;

/// The longest stretch between two marks that is looked at, in bytes.
const WITHIN_MAX: usize = 200;

/// What was meant, and where.
#[derive(Debug, PartialEq)]
pub(super) struct Foreign {
    pub(super) span: Range<usize>,
    pub(super) message: &'static str,
    pub(super) help: &'static str,
}

/// What stands between two marks, and what around them.
#[derive(Clone, Copy)]
struct Found<'a> {
    before: Option<char>,
    within: &'a str,
    after: Option<char>,
}

struct Form {
    open: &'static str,
    close: &'static str,
    is_meant: fn(Found<'_>) -> bool,
    message: &'static str,
    help: &'static str,
}

const FORMS: [Form; 7] = [
    Form {
        open: "==",
        close: "==",
        is_meant: |found| is_tight(found.within) && !found.within.contains('='),
        message: "`==` marks no words",
        help: "write `**strong**` or `*stressed*`; `\\==` is the characters themselves",
    },
    Form {
        open: "$",
        close: "$",
        is_meant: |found| {
            let is_price = found.within.starts_with(|letter: char| letter.is_ascii_digit());
            let is_apart = |letter: Option<char>| !letter.is_some_and(char::is_alphanumeric);
            is_tight(found.within) && !is_price && is_apart(found.before) && is_apart(found.after)
        },
        message: "`$` sets no formula",
        help: "write it in letters, as in `x²`, or show a picture of it; `\\$` is the character itself",
    },
    Form {
        open: "[@",
        close: "]",
        is_meant: |found| found.within.starts_with(char::is_alphanumeric),
        message: "`[@...]` cites nothing",
        help: "write a note, `[^1]` and below `[^1]: ...`, or a link; `\\[` is the character itself",
    },
    Form {
        open: "[[",
        close: "]]",
        is_meant: |found| is_tight(found.within),
        message: "`[[...]]` leads nowhere",
        help: "write `[words](https://...)`; `\\[` is the character itself",
    },
    Form {
        open: "][",
        close: "]",
        is_meant: |found| {
            let is_number = found.within.bytes().all(|byte| byte.is_ascii_digit());
            let is_label = !is_number && !found.within.starts_with('^');
            is_tight(found.within) && is_label && found.before.is_some_and(|c| !c.is_whitespace())
        },
        message: "a link whose address is nowhere said",
        help: "write `[words](https://...)`, or a line `[label]: https://...`; `\\[` is the character itself",
    },
    Form {
        open: "^",
        close: "^",
        is_meant: |found| {
            let is_word = !found.within.contains(char::is_whitespace);
            is_word && found.before.is_some_and(char::is_alphanumeric)
        },
        message: "`^` raises nothing",
        help: "write the raised letter itself, as in `m²`, or a note, `[^1]`; `\\^` is the character itself",
    },
    Form {
        open: ":",
        close: ":",
        is_meant: |found| {
            let is_name = found
                .within
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'+' | b'-'));
            let is_apart = |letter: Option<char>| letter.is_none_or(char::is_whitespace);
            is_name && found.within.len() > 1 && is_apart(found.before) && is_apart(found.after)
        },
        message: "a name between colons is no picture",
        help: "write the sign itself, as in `🚀`; `\\:` is the character itself",
    },
];

/// What Markdown sets within a line, and nobody in words that are set as they are typed.
const UNSET: [Form; 4] = [
    Form {
        open: "[",
        close: ")",
        is_meant: |found| found.within.contains("]("),
        message: "a link in words that are set as they are typed",
        help: "take it out; a credit with a link is a `:::credit`, and other links stand in a paragraph",
    },
    Form {
        open: "**",
        close: "**",
        is_meant: |found| is_tight(found.within),
        message: "`**` marks nothing in words that are set as they are typed",
        help: "take the marks out",
    },
    Form {
        open: "*",
        close: "*",
        is_meant: |found| {
            let is_apart = |letter: Option<char>| {
                letter.is_none_or(|letter| !letter.is_alphanumeric() && letter != '*')
            };
            is_tight(found.within) && is_apart(found.before) && is_apart(found.after)
        },
        message: "`*` marks nothing in words that are set as they are typed",
        help: "take the marks out",
    },
    Form {
        open: "`",
        close: "`",
        is_meant: |found| is_tight(found.within),
        message: "a grave accent marks nothing in words that are set as they are typed",
        help: "take the marks out",
    },
];

/// Returns every form in a stretch of a draft, in the order of [`FORMS`]; spans are bytes of it.
pub(super) fn foreign(source: &str) -> Vec<Foreign> {
    FORMS.iter().flat_map(|form| found(source, form)).collect()
}

/// Returns what Markdown would set in words that are set as they are typed, such as a credit's; spans are bytes of them.
pub(super) fn unset(words: &str) -> Vec<Foreign> {
    UNSET.iter().flat_map(|form| found(words, form)).collect()
}

/// Returns every web address that stands in a stretch of a draft by itself.
pub(super) fn addresses(source: &str) -> impl Iterator<Item = Foreign> {
    let starts = source.match_indices("http").map(|(at, _)| at).filter(|at| {
        let is_address =
            ["http://", "https://"].iter().any(|scheme| source[*at..].starts_with(scheme));
        // What follows brackets was to be a link.
        is_address
            && !source[..*at].ends_with(char::is_alphanumeric)
            && !source[..*at].ends_with("](")
    });
    starts.map(|start| {
        let rest = &source[start..];
        let word = &rest[..rest.find(char::is_whitespace).unwrap_or(rest.len())];
        let end = word.trim_end_matches(|letter: char| ".,;:!?)\"'".contains(letter)).len();
        Foreign {
            span: start..start + end,
            message: "an address by itself is no link",
            help: "write `[words](https://...)`: not every mail program makes a link of it",
        }
    })
}

/// Tells whether a line of a paragraph begins as a definition does, below the word that it defines.
pub(super) fn is_definition(line: &str) -> bool {
    line.strip_prefix(':').is_some_and(|rest| rest.starts_with([' ', '\t']))
}

fn found(source: &str, form: &Form) -> Vec<Foreign> {
    let Form { open, close, is_meant, message, help } = *form;
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = source[at..].find(open).map(|start| at + start) {
        let inner = start + open.len();
        at = inner;
        let before = source[..start].chars().next_back();
        if before == Some('\\') {
            continue;
        }
        let end = source.floor_char_boundary(inner + WITHIN_MAX);
        let Some(within) = source[inner..end].find(close) else { continue };
        let end = inner + within + close.len();
        let within = &source[inner..inner + within];
        let after = source[end..].chars().next();
        if !within.is_empty() && is_meant(Found { before, within, after }) {
            found.push(Foreign { span: start..end, message, help });
            at = end;
        }
    }
    found
}

/// Tells whether something stands close to both of its marks.
fn is_tight(within: &str) -> bool {
    !within.starts_with(char::is_whitespace) && !within.ends_with([' ', '\t', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_reader_of_markdown_would_set_is_found() {
        for (source, wanted) in [
            ("some ==marked words== here", "==marked words=="),
            ("Euler: $e^{i\\pi}$.", "$e^{i\\pi}$"),
            ("as said [@smith2004, p. 3]", "[@smith2004, p. 3]"),
            ("see [[Another note]]", "[[Another note]]"),
            ("as [the report][missing] says", "][missing]"),
            ("ten m^2^ of it", "^2^"),
            ("we ship :rocket: today", ":rocket:"),
        ] {
            let spans: Vec<_> = foreign(source).into_iter().map(|foreign| foreign.span).collect();
            let found: Vec<_> = spans.into_iter().map(|span| &source[span]).collect();
            assert_eq!(found, [wanted], "{source}");
        }
    }

    #[test]
    fn an_address_that_stands_by_itself_is_found_without_what_ends_the_sentence() {
        let found = |source: &'static str| -> Vec<&str> {
            addresses(source).map(|foreign| &source[foreign.span]).collect()
        };
        let two = "See https://example.org/a_b?c=d, or (http://example.org/).";
        assert_eq!(found(two), ["https://example.org/a_b?c=d", "http://example.org/"]);
        assert_eq!(found("xhttps://example.org and http:/ and https"), [""; 0]);
    }

    #[test]
    fn what_markdown_would_set_is_found_in_words_that_are_set_as_they_are_typed() {
        for (words, wanted) in [
            ("TOL [06.x.03](https://example.org/)", &["[06.x.03](https://example.org/)"][..]),
            ("by **Anna** and *Bolat*", &["**Anna**", "*Bolat*"]),
            ("of `code`", &["`code`"]),
            ("a 5* inn, a 4* one; 5*3*2, 2 * 3 * 4, f(x) [1] (2)", &[]),
            ("** and **", &[]),
        ] {
            let spans: Vec<_> = unset(words).into_iter().map(|found| &words[found.span]).collect();
            assert_eq!(spans, wanted, "{words}");
        }
    }

    #[test]
    fn words_of_any_newsletter_are_not() {
        for source in [
            "It costs $5, or $10$ of theirs; US$ and A$; between $5 and $10.",
            "a == b, and b == c",
            "a[1][2], as in [3][4]; [ ][x]",
            "====",
            "\\==both==",
            "[@]",
            "x^2 and y^3",
            "at 10:30:15, and 16:9:1",
            "ratio a:b:c",
            "[[]]",
            "mail@example.org",
        ] {
            assert_eq!(foreign(source), [], "{source}");
        }
    }
}
