//! Parity: whoever reads the text part reads what the others do.
//!
//! The two parts are compared by their letters and digits alone: line ends,
//! margins, underlines and the numbers of links are each part's own.

use std::borrow::Cow;

use super::{
    dom::Id,
    rule::{Findings, Look, Rule},
    style,
};
use crate::{
    compose::{Beside, Code},
    model::Severity::Error,
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code {
            code: "PR171",
            severity: Error,
            meaning: "something of the HTML is not in the text part",
            why: "Screen readers, watches, terminals and many businesses show the text alone; and filters compare the two, as spam says one thing there and another here.",
            source: "RFC 2046, section 5.1.4; SpamAssassin, MPART_ALT_DIFF",
            mend: "where text.md replaces the text part, say it there too; else please report this",
            bad: "a `text.md` that leaves out a link of the issue",
            good: "a `text.md` with every link of the issue",
        },
        look: not_in_text,
    },
    Rule {
        code: Code {
            code: "PR172",
            severity: Error,
            meaning: "something of the text part is not in the HTML",
            why: "Most readers would never see it; and filters compare the two.",
            source: "RFC 2046, section 5.1.4; SpamAssassin, MPART_ALT_DIFF",
            mend: "postrider sets both parts from the same blocks: please report this",
            bad: "a paragraph that stands in the text part alone",
            good: "the same paragraphs in both",
        },
        look: not_in_html,
    },
];

/// The file that replaces the text part.
const OWN_TEXT: &str = "text.md";

fn not_in_text(look: &Look<'_>, found: &mut Findings) {
    let is_own = has_own_text(look);
    let text = letters(&without_numbers(&look.text));
    for (id, words) in blocks(look) {
        let is_heading = look.dom.element(id).is_some_and(|element| element.name.starts_with('h'));
        let wanted = letters(&without_numbers(&words));
        // Whoever writes the text part by hand says it in other words, but under the same headings.
        let is_there = text.contains(&wanted) || is_row_of_links(look, id, &text);
        if (!is_own || is_heading) && !is_there {
            let words = words.split_whitespace().take(8).collect::<Vec<_>>().join(" ");
            found.mark(look.place(id), format!("`{words}` is not in the text part"));
        }
    }
    for (id, link) in look.dom.named("a") {
        let url = link.get("href").unwrap_or_default();
        if !url.is_empty() && !look.text.contains(shown(url)) {
            found.mark(look.place(id), format!("the link to `{url}` is not in the text part"));
        }
    }
    for (id, image) in look.dom.named("img") {
        let alt = image.get("alt").unwrap_or_default();
        if !is_own && !text.contains(&letters(alt)) {
            found.mark(look.place(id), format!("the image of `{alt}` is not in the text part"));
        }
    }
}

/// Tells whether the editor wrote the text part by hand.
fn has_own_text(look: &Look<'_>) -> bool {
    matches!(look.specimen.draft.files.get(OWN_TEXT), Some(Beside::Held(_)))
}

/// Tells whether a block is links and nothing else, each of which the text part has on a line of its own.
fn is_row_of_links(look: &Look<'_>, block: Id, text: &str) -> bool {
    look.dom.texts(block).all(|(id, words)| {
        let words = letters(words);
        let is_link = look.dom.around(id).any(|(_, element)| element.name == "a");
        words.is_empty() || (is_link && text.contains(&words))
    })
}

fn not_in_html(look: &Look<'_>, found: &mut Findings) {
    if has_own_text(look) {
        return;
    }
    // Each by itself: what ends in `%` does not encode the beginning of the next.
    let shown = blocks(look).into_iter().map(|(_, words)| letters(&without_numbers(&words)));
    let mut html: String = shown.collect();
    let mut links: Vec<&str> = Vec::new();
    for (_, element) in look.dom.elements() {
        html.push_str(&letters(element.get("alt").unwrap_or_default()));
        // The way to leave is written out whole in the text, where it is a mailbox too.
        links.extend(element.get("href").into_iter().flat_map(|href| [href, self::shown(href)]));
    }
    // A chart is drawn in the HTML; the text part has its numbers instead.
    for (name, data) in &look.specimen.draft.files {
        if let Beside::Held(bytes) = data
            && name.to_ascii_lowercase().ends_with(".csv")
        {
            html.push_str(&letters(&String::from_utf8_lossy(bytes)));
        }
    }
    let lines: Vec<&str> = look.text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        if is_label(&lines, at) {
            continue;
        }
        let line = without_numbers(line);
        for part in line.split(": ").flat_map(|part| part.split('：')) {
            if html.contains(&letters(part)) {
                continue;
            }
            for piece in pieces(part) {
                let is_link =
                    links.iter().any(|link| !link.is_empty() && link.contains(piece.trim()));
                // An item of a list is numbered by the program that shows it.
                let item = piece.trim_start_matches(|letter: char| !letter.is_alphabetic());
                if !is_link && !html.contains(&letters(piece)) && !html.contains(&letters(item)) {
                    found.mark(
                        look.places.draft(),
                        format!("`{}` is not in the HTML", piece.trim()),
                    );
                }
            }
        }
    }
}

/// Splits a line before and after each address in it.
fn pieces(line: &str) -> Vec<&str> {
    let is_url =
        |word: &str| word.contains("://") || word.contains('@') || word.starts_with("mailto:");
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    for word in line.split_inclusive(' ') {
        if is_url(word) {
            pieces.extend([&line[start..at], word]);
            start = at + word.len();
        }
        at += word.len();
    }
    pieces.push(&line[start..]);
    pieces
}

/// Tells whether a line names what follows it, in words that the HTML has no need of: the list of links, or an image.
fn is_label(lines: &[&str], at: usize) -> bool {
    let is_links = lines[at + 1..].iter().take(3).any(|line| line.starts_with("[1] "));
    let is_image = lines[at].trim_start().starts_with('[')
        && !lines[at].trim_start()[1..].starts_with(|digit: char| digit.is_ascii_digit());
    is_links || is_image
}

/// Returns what stands in the HTML, stretch by stretch, each with the block it stands in. What is hidden from those who
/// listen is the picture's alone, as a chart's key is.
fn blocks(look: &Look<'_>) -> Vec<(Id, String)> {
    let mut blocks: Vec<(Id, String)> = Vec::new();
    for (id, words) in style::shown(&look.dom, &look.styles) {
        let own = look.dom.element(id).map(|element| (id, element));
        let around: Vec<_> = own.into_iter().chain(look.dom.around(id)).collect();
        if around.iter().any(|(_, element)| element.get("aria-hidden") == Some("true")) {
            continue;
        }
        let block = around.iter().find(|(_, element)| {
            !matches!(
                element.name.as_str(),
                "a" | "em" | "strong" | "code" | "span" | "b" | "i" | "sup" | "sub"
            )
        });
        let block = block.map_or(id, |(id, _)| *id);
        match blocks.last_mut() {
            Some((last, text)) if *last == block => text.push_str(words),
            _ => blocks.push((block, words.to_owned())),
        }
    }
    blocks
}

/// Returns an address as the text part shows it: a mailbox or number without its scheme.
pub(super) fn shown(url: &str) -> &str {
    let bare = url.strip_prefix("mailto:").filter(|mailbox| !mailbox.contains('?'));
    bare.or_else(|| url.strip_prefix("tel:")).unwrap_or(url)
}

/// Returns the letters and digits of a text alone.
pub(super) fn letters(text: &str) -> String {
    decoded(text).chars().filter(|letter| letter.is_alphanumeric()).collect()
}

/// Writes out what is percent-encoded: a reader's name within an address is so in one part, and shown in the other.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    while let Some((first, after)) = rest.split_first() {
        let pair = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        bytes.push(pair.map_or(*first, |(high, low)| high * 16 + low));
        rest = if pair.is_some() { &after[2..] } else { after };
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// Takes out the numbers of links, as in `[1]`.
pub(super) fn without_numbers(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let digits = rest[open + 1..].bytes().take_while(u8::is_ascii_digit).count();
        let close = open + 1 + digits;
        bare.push_str(&rest[..open]);
        if digits > 0 && rest[close..].starts_with(']') {
            rest = &rest[close + 1..];
        } else {
            bare.push('[');
            rest = &rest[open + 1..];
        }
    }
    bare + rest
}
