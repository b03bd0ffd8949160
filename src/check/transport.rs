//! The way: what becomes of the message between the relay and the mail program.

use unicode_normalization::is_nfc;

use super::{
    mail::Part,
    rule::{Findings, Look, Rule},
    style,
};
use crate::{
    compose::Code,
    model::Severity::{Error, Warning},
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code {
            code: "PR161",
            severity: Error,
            meaning: "the HTML of the longest copy has 102,000 bytes or more",
            why: "Gmail cuts it there and shows `[Message clipped]`: the postal address and the unsubscribe link are gone.",
            source: "Gmail, about 102 KB; hteumeuleu/email-bugs 41",
            mend: "shorten the issue, or put an article on the web and link to it",
            bad: "an issue of twelve articles with all their tables",
            good: "an issue of twelve summaries, each with a link",
        },
        look: too_long,
    },
    Rule {
        code: Code {
            code: "PR162",
            severity: Warning,
            meaning: "the HTML of the longest copy has 80,000 bytes or more",
            why: "Gmail cuts it at 102,000, and relays that rewrite links make it longer on the way.",
            source: "Gmail, about 102 KB; hteumeuleu/email-bugs 41",
            mend: "shorten the issue, or put an article on the web and link to it",
            bad: "an issue of ten articles with all their tables",
            good: "an issue of ten summaries, each with a link",
        },
        look: long,
    },
    Rule {
        code: Code {
            code: "PR163",
            severity: Error,
            meaning: "a line of the message is longer than 998 bytes",
            why: "Relays may break it wherever they like, in the middle of a link or a letter, and that breaks the signature as well.",
            source: "RFC 5322, section 2.1.1; RFC 5321, section 4.5.3.1.6",
            mend: "postrider breaks all lines: please report this",
            bad: "Content-Transfer-Encoding: 8bit, and a paragraph on one line",
            good: "Content-Transfer-Encoding: quoted-printable",
        },
        look: lines,
    },
    Rule {
        code: Code {
            code: "PR164",
            severity: Error,
            meaning: "letters written as two characters where one is meant, or characters that nobody sees",
            why: "A letter and its accent apart are set beside one another by some programs, are not found by a search, and hidden characters are counted as a sign of spam.",
            source: "Unicode UAX 15, normal form C; RFC 5198; SpamAssassin, HIDDEN_CHARS",
            mend: "write the line again; text copied out of a PDF or a file name is often so",
            bad: "cafe\u{301}      an e, and an accent on its own",
            good: "café",
        },
        look: letters,
    },
    Rule {
        code: Code {
            code: "PR165",
            severity: Error,
            meaning: "the message is not text first and HTML second, both in UTF-8",
            why: "Of alternatives programs show the last they can: with the text last everybody would get the text.",
            source: "RFC 2046, section 5.1.4",
            mend: "postrider sets the parts: please report this",
            bad: "text/html; charset=windows-1252, then text/plain",
            good: "text/plain; charset=utf-8, then text/html; charset=utf-8",
        },
        look: parts,
    },
    Rule {
        code: Code {
            code: "PR166",
            severity: Error,
            meaning: "a byte of the message is not 7-bit, or a part has another encoding than quoted-printable or base64",
            why: "A relay without 8BITMIME changes it on the way or refuses it, and a signature does not survive that.",
            source: "RFC 6152; RFC 2045, section 6; RFC 6376, section 5.3",
            mend: "postrider encodes the parts: please report this",
            bad: "Content-Transfer-Encoding: 8bit",
            good: "Content-Transfer-Encoding: quoted-printable",
        },
        look: seven_bits,
    },
];

/// Where Gmail cuts, and where it comes near.
const CLIPPED: usize = 102_000;
const NEARLY: usize = 80_000;

/// The longest line that relays have to take.
const LINE_MAX: usize = 998;

fn too_long(look: &Look<'_>, found: &mut Findings) {
    let length = length(look);
    if length >= CLIPPED {
        found.mark(look.places.draft(), told(length));
    }
}

fn long(look: &Look<'_>, found: &mut Findings) {
    let length = length(look);
    if (NEARLY..CLIPPED).contains(&length) {
        found.mark(look.places.draft(), told(length));
    }
}

fn told(length: usize) -> String {
    let (length, clipped) = (length.div_ceil(100), CLIPPED / 1_000);
    let (whole, tenths) = (length / 10, length % 10);
    format!(
        "the HTML of the longest copy has {whole}.{tenths} kB, and Gmail cuts it at {clipped} kB"
    )
}

/// Returns how long the HTML is, decoded or as sent, whichever is more.
fn length(look: &Look<'_>) -> usize {
    look.longest.part("text/html").map_or(0, |part| part.content.len().max(part.sent))
}

fn lines(look: &Look<'_>, found: &mut Findings) {
    let longest = look
        .specimen
        .longest
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line).len());
    if let Some(length) = longest.max().filter(|length| *length > LINE_MAX) {
        found.mark(look.places.draft(), format!("a line of the message has {length} bytes"));
    }
}

fn letters(look: &Look<'_>, found: &mut Findings) {
    for (id, words) in style::shown(&look.dom, &look.styles) {
        if let Some(hidden) = hidden(words) {
            let message = format!("nobody sees the character U+{:04X}", u32::from(hidden));
            found.mark(look.places.of_word(&look.dom, id, &hidden.to_string()), message);
        }
        if !is_nfc(words) {
            let word = words.split_whitespace().find(|word| !is_nfc(word)).unwrap_or(words);
            let message = format!("an accent of `{word}` stands apart from its letter");
            found.mark(look.places.of_word(&look.dom, id, word), message);
        }
    }
    let subject = look.specimen.subject;
    let is_shown = look.dom.first("h1").is_some_and(|(id, _)| look.dom.words(id) == subject);
    if !is_nfc(look.specimen.composed.issue.subject()) && !is_shown {
        let place = look.places.front("subject", &look.dom);
        found.mark(place, "the subject has a letter whose accent stands apart");
    }
    if let Some(hidden) = hidden(&look.text) {
        let message =
            format!("nobody sees the character U+{:04X} of the text part", u32::from(hidden));
        found.mark(look.places.draft(), message);
    }
}

fn hidden(text: &str) -> Option<char> {
    text.chars().find(|letter| matches!(letter, '\u{feff}' | '\u{200b}'))
}

fn parts(look: &Look<'_>, found: &mut Findings) {
    let texts: Vec<&Part> =
        look.mail.parts.iter().filter(|part| part.kind.starts_with("text/")).collect();
    let kinds: Vec<&str> = texts.iter().map(|part| part.kind.as_str()).collect();
    if kinds != ["text/plain", "text/html"] {
        let message = format!("the parts of the message are `{}`", kinds.join("`, `"));
        found.mark(look.places.draft(), message);
    }
    if let Some(part) =
        texts.iter().find(|part| part.charset != "utf-8" || str::from_utf8(&part.content).is_err())
    {
        found.mark(look.places.draft(), format!("the part `{}` is not UTF-8", part.kind));
    }
}

fn seven_bits(look: &Look<'_>, found: &mut Findings) {
    if !look.specimen.message.is_ascii() {
        found.mark(look.places.draft(), "the message has bytes that are not 7-bit");
    }
    let is_fine = |part: &&Part| matches!(part.encoding.as_str(), "quoted-printable" | "base64");
    if let Some(part) = look.mail.parts.iter().find(|part| !is_fine(part)) {
        found.mark(
            look.places.draft(),
            format!("the part `{}` is sent as `{}`", part.kind, part.encoding),
        );
    }
}
