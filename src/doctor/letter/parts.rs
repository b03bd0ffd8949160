//! What is in it and how it is written: parts, lines, letters and size (RFC 2045, RFC 2046, RFC 5322).

use mail_parser::{MessageParser, MimeHeaders};

use super::Letter;
use crate::{compose::header_and_body, doctor::Finding};

/// The longest line, without its end (RFC 5322 section 2.1.1).
const LINE: usize = 998;
/// How many parts may say that they contain others: nobody needs more, and a parser's stack has an end.
const CONTAINERS: usize = 64;
/// From so many bytes of HTML on Gmail shows a part of it.
const CLIPPED: usize = 102_000;
/// From so many bytes on receivers that are not the largest refuse a message.
const LARGE: usize = 10_000_000;
/// What Gmail takes.
const LARGEST: usize = 25_000_000;

/// Looks at the whole message.
pub(super) fn check(letter: &Letter) -> Vec<Finding> {
    vec![parts(letter), lines(letter), letters(letter), size(letter)]
}

fn parts(letter: &Letter) -> Finding {
    const CHECK: &str = "parts";
    const SOURCE: &str = "RFC 2046 section 5.1.4";
    let wrong = |why: &str| Finding::wrong(CHECK, SOURCE, why);
    if containers(&letter.bytes) > CONTAINERS {
        return wrong("its parts hold parts that hold parts, deeper than anybody looks")
            .mend("send a text and an HTML part; a message within a message goes as a file");
    }
    let Some(message) = MessageParser::default().parse(&letter.bytes) else {
        return wrong("it cannot be read as a message").mend("look at its header");
    };
    let (mut has_text, mut html) = (false, None);
    for part in &message.parts {
        let kind = part.content_type();
        let is_text =
            kind.is_none_or(|kind| kind.ctype().eq_ignore_ascii_case("text")) && part.is_text();
        match kind.and_then(|kind| kind.subtype()) {
            Some(sub) if is_text && sub.eq_ignore_ascii_case("html") => {
                html = html.max(Some(part.contents().len()));
            }
            // A part that says nothing of itself is text.
            _ => has_text |= is_text,
        }
    }
    match (has_text, html) {
        (_, Some(bytes)) if bytes >= CLIPPED => Finding::warn(
            CHECK,
            "Gmail cuts HTML at about 102 KB",
            format!("the HTML has {bytes} bytes, and what is behind {CLIPPED} is hidden"),
        )
        .mend("shorten it: the way out and the postal address are at the end"),
        (true, Some(_)) => Finding::ok(CHECK, SOURCE, "it has a text part and an HTML part"),
        (true, None) => Finding::ok(CHECK, SOURCE, "it is text alone"),
        (false, Some(_)) => Finding::warn(
            CHECK,
            SOURCE,
            "it has HTML and no text part, which spam filters count against it",
        )
        .mend("send both, as postrider does"),
        (false, None) => {
            wrong("it has neither text nor HTML").mend("send one of them, or better both")
        }
    }
}

/// Counts the parts that say they contain others.
fn containers(bytes: &[u8]) -> usize {
    memchr::memchr2_iter(b'm', b'M', bytes)
        .filter(|at| {
            let is = |word: &[u8]| {
                let found = bytes.get(at + 1..at + 1 + word.len());
                found.is_some_and(|found| found.eq_ignore_ascii_case(word))
            };
            is(b"essage/") || is(b"ultipart/")
        })
        .take(CONTAINERS + 1)
        .count()
}

fn lines(letter: &Letter) -> Finding {
    const CHECK: &str = "lines";
    const SOURCE: &str = "RFC 5322 section 2.1.1";
    let length = |line: &[u8]| line.strip_suffix(b"\r").unwrap_or(line).len();
    let longest = letter.bytes.split(|byte| *byte == b'\n').map(length).max().unwrap_or(0);
    if longest > LINE {
        return Finding::wrong(
            CHECK,
            SOURCE,
            format!("a line has {longest} bytes, and {LINE} are the most"),
        )
        .mend("encode the part as quoted-printable or base64: a relay that breaks the line breaks the signature");
    }
    Finding::ok(CHECK, SOURCE, format!("the longest has {longest} bytes of {LINE}"))
}

fn letters(letter: &Letter) -> Finding {
    const CHECK: &str = "letters";
    const SOURCE: &str = "RFC 2045 section 6.2, RFC 6152";
    const MEND: &str = "encode the part as quoted-printable or base64";
    let (_, body) = header_and_body(&letter.bytes);
    let bare = memchr::memchr_iter(b'\r', body).any(|at| body.get(at + 1) != Some(&b'\n'));
    let has_nul = memchr::memchr(0, body).is_some();
    if bare || has_nul {
        let what = if has_nul { "a NUL is in the body" } else { "a CR stands alone in the body" };
        return Finding::wrong(CHECK, SOURCE, format!("{what}, and relays refuse or change it"))
            .mend(MEND);
    }
    if body.is_ascii() {
        return Finding::ok(CHECK, SOURCE, "every relay takes them: seven bits each");
    }
    Finding::warn(
        CHECK,
        SOURCE,
        "the body has letters of eight bits; a relay without 8BITMIME changes them, and breaks the signature",
    )
    .mend(MEND)
}

fn size(letter: &Letter) -> Finding {
    const CHECK: &str = "size";
    const SOURCE: &str = "RFC 1870; Gmail takes 25 MB, others 10";
    let bytes = letter.bytes.len();
    match bytes {
        LARGEST.. => Finding::wrong(CHECK, SOURCE, format!("it has {bytes} bytes"))
            .mend("put what is large on a page and link to it"),
        LARGE.. => Finding::warn(CHECK, SOURCE, format!("it has {bytes} bytes"))
            .mend("put what is large on a page and link to it"),
        _ => Finding::ok(CHECK, SOURCE, format!("{bytes} bytes")),
    }
}
