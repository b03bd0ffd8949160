//! Colons in the opening line of a directive, as in `:::chart oil.csv {title="Oil: tonnes a year"}`.
//!
//! comrak takes a line for the beginning of a directive only where no other colon follows, and would set such a line as
//! a paragraph. So they are hidden from it, each by a character of the same length that no draft may hold
//! (`hidden.rs`), and shown again in what it read.

use std::borrow::Cow;

use comrak::nodes::{Node, NodeValue};

const HIDDEN: &str = "\u{1}";

/// Hides the colons that follow the mark of a directive on its line; every byte stays where it is.
pub(super) fn hidden(text: &str) -> Cow<'_, str> {
    if !text.contains(":::") {
        return Cow::Borrowed(text);
    }
    let lines = text.split_inclusive(['\n', '\r']).map(|line| {
        let info = info_start(line).unwrap_or(line.len());
        [Cow::Borrowed(&line[..info]), Cow::Owned(line[info..].replace(':', HIDDEN))]
    });
    Cow::Owned(lines.flatten().collect())
}

/// Shows the colons again, also where a line only looks like a directive, as in a listing.
pub(super) fn shown(root: Node<'_>) {
    for node in root.descendants() {
        match &mut node.data_mut().value {
            NodeValue::BlockDirective(directive) => show(&mut directive.info),
            NodeValue::CodeBlock(code) => {
                show(&mut code.info);
                show(&mut code.literal);
            }
            NodeValue::HtmlBlock(html) => show(&mut html.literal),
            NodeValue::HtmlInline(html) => show(html),
            NodeValue::Code(code) => show(&mut code.literal),
            NodeValue::Text(text) if text.contains(HIDDEN) => {
                *text = text.replace(HIDDEN, ":").into();
            }
            NodeValue::Link(link) | NodeValue::Image(link) => {
                show(&mut link.url);
                show(&mut link.title);
            }
            _ => {}
        }
    }
}

/// Returns where the words begin that follow the mark of a directive; a quotation or a list may stand around it.
fn info_start(line: &str) -> Option<usize> {
    let mark = line.find(":::")?;
    let is_around = |letter: char| letter.is_ascii_digit() || " \t>-+*.)".contains(letter);
    let info = mark + line[mark..].bytes().take_while(|byte| *byte == b':').count();
    line[..mark].chars().all(is_around).then_some(info)
}

fn show(text: &mut String) {
    if text.contains(HIDDEN) {
        *text = text.replace(HIDDEN, ":");
    }
}

#[cfg(test)]
mod tests {
    use comrak::{Arena, parse_document};

    use super::{hidden, shown};
    use crate::compose::reader::markdown;

    /// Returns what directives, listings and texts say, in their order.
    fn read(text: &str) -> Vec<String> {
        use comrak::nodes::NodeValue;
        let arena = Arena::new();
        let root = parse_document(&arena, &hidden(text), &markdown());
        shown(root);
        let said = |node: comrak::nodes::Node<'_>| match &node.data().value {
            NodeValue::BlockDirective(directive) => Some(directive.info.clone()),
            NodeValue::CodeBlock(code) => Some(code.literal.clone()),
            NodeValue::Text(text) => Some(text.to_string()),
            _ => None,
        };
        root.descendants().filter_map(said).collect()
    }

    #[test]
    fn a_directive_may_have_colons_in_its_line() {
        for (text, wanted) in [
            (":::a b: c\nd: e\n:::\n", ["a b: c", "d: e"]),
            ("::::a \"https://x\"\r\nd\r\n::::\r\n", ["a \"https://x\"", "d"]),
            ("> :::a b:c\n> d\n> :::\n", ["a b:c", "d"]),
            ("1. :::a b:c\n   d\n   :::\n", ["a b:c", "d"]),
        ] {
            assert_eq!(read(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn what_only_looks_like_one_stays_as_it_is() {
        for (text, wanted) in [
            ("```\n:::a b: c\n```\n", ":::a b: c\n"),
            ("    :::a b: c\n", ":::a b: c\n"),
            ("word :::a b: c\n", "word :::a b: c"),
        ] {
            assert_eq!(read(text).concat(), wanted, "{text:?}");
        }
    }

    #[test]
    fn every_byte_stays_where_it_is() {
        let text = "é:::a: b\n :::a: é: c\n";
        assert_eq!(hidden(text), "é:::a: b\n :::a\u{1} é\u{1} c\n");
    }
}
