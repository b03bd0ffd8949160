//! A part's text as seven-bit lines: quoted-printable or base64 (RFC 2045 section 6).
//!
//! Quoted-printable can be set in pieces, because a soft line break (`=` at a
//! line's end) is nothing to the reader: what stands before a slot ends with
//! one, so the slot begins a line, and so does what follows it. That is why a
//! literal is encoded once for all readers.

use data_encoding::BASE64_MIME;

/// How a part is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// For text a person could nearly read on the wire.
    QuotedPrintable,
    /// For text of which more than 30 % is not ASCII: shorter there.
    Base64,
}

/// What stands after a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another piece.
    Piece,
    /// The end of the part.
    End,
}

/// A line is 76 characters at most; the last of them is kept for the `=` of a soft line break.
const COLUMNS: usize = 75;

impl Encoding {
    /// Chooses by the share of bytes that are not ASCII.
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let (mut all, mut high) = (0, 0);
        for text in texts {
            all += text.len();
            high += text.bytes().filter(|byte| !byte.is_ascii()).count();
        }
        if high * 10 > all * 3 { Self::Base64 } else { Self::QuotedPrintable }
    }
}

/// Appends a text whose line ends are LF or CRLF, from the beginning of a line; a piece before another ends at the beginning of a line too.
pub(super) fn quoted_printable(text: &str, next: Next, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut column = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        if let Some(length) = line_end(rest) {
            out.extend_from_slice(b"\r\n");
            column = 0;
            at += length;
            continue;
        }
        let length = character(byte).min(rest.len());
        if as_it_is(rest, column, next) {
            soft_break(&mut column, 1, out);
            out.push(byte);
        } else {
            soft_break(&mut column, 3 * length, out);
            rest[..length].iter().for_each(|byte| push_hex(*byte, out));
        }
        at += length;
    }
    if next == Next::Piece && column > 0 {
        out.extend_from_slice(b"=\r\n");
    }
}

/// Appends a whole part, its line ends made CRLF, in lines of 76 characters.
pub(super) fn base64(text: &str, out: &mut Vec<u8>) {
    let mut canonical = Vec::with_capacity(text.len() + text.len() / 32);
    for line in text.split_inclusive('\n') {
        match line.strip_suffix('\n') {
            Some(line) => {
                canonical.extend_from_slice(line.trim_end_matches('\r').as_bytes());
                canonical.extend_from_slice(b"\r\n");
            }
            None => canonical.extend_from_slice(line.as_bytes()),
        }
    }
    let start = out.len();
    out.resize(start + BASE64_MIME.encode_len(canonical.len()), 0);
    BASE64_MIME.encode_mut(&canonical, &mut out[start..]);
}

fn line_end(rest: &[u8]) -> Option<usize> {
    match rest {
        [b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        _ => None,
    }
}

/// Returns the length of the character that begins with this byte, so that none is cut by a line's end.
fn character(first: u8) -> usize {
    match first {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0.. => 4,
        _ => 1,
    }
}

fn as_it_is(rest: &[u8], column: usize, next: Next) -> bool {
    match rest[0] {
        b'=' => false,
        // Relays stuff a leading dot and quote a leading `From `, and some do it twice or not at all.
        b'.' => column > 0,
        b'F' => column > 0 || !rest.starts_with(b"From "),
        // White space at a line's end is stripped on the way.
        b' ' if rest.len() == 1 => next == Next::Piece,
        b' ' => line_end(&rest[1..]).is_none(),
        byte => byte.is_ascii_graphic(),
    }
}

fn soft_break(column: &mut usize, needed: usize, out: &mut Vec<u8>) {
    if *column + needed > COLUMNS {
        out.extend_from_slice(b"=\r\n");
        *column = 0;
    }
    *column += needed;
}

fn push_hex(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    out.extend_from_slice(&[b'=', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(text: &str, next: Next) -> String {
        let mut out = Vec::new();
        quoted_printable(text, next, &mut out);
        String::from_utf8(out).expect("it is ASCII")
    }

    #[test]
    fn quoted_printable_leaves_plain_text_alone() {
        assert_eq!(encoded("Plain, a=b.\n\nEnd", Next::End), "Plain, a=3Db.\r\n\r\nEnd");
        assert_eq!(encoded("é", Next::End), "=C3=A9");
    }

    #[test]
    fn white_space_at_a_lines_end_a_leading_dot_and_from_survive_any_relay() {
        assert_eq!(encoded("a \nb\t\r\n ", Next::End), "a=20\r\nb=09\r\n=20");
        assert_eq!(encoded(".a.\nFrom me\nFroma", Next::End), "=2Ea.\r\n=46rom me\r\nFroma");
    }

    #[test]
    fn a_piece_before_another_ends_at_the_beginning_of_a_line() {
        assert_eq!(encoded("Dear ", Next::Piece), "Dear =\r\n");
        assert_eq!(encoded("Dear\n", Next::Piece), "Dear\r\n");
        assert_eq!(encoded("", Next::Piece), "");
    }

    #[test]
    fn base64_lines_are_76_long_and_their_text_has_crlf() {
        let mut out = Vec::new();
        base64(&"Москва\r\nNew York\n".repeat(9), &mut out);
        let decoded = BASE64_MIME.decode(&out).expect("it is base64");
        assert_eq!(decoded, "Москва\r\nNew York\r\n".repeat(9).as_bytes());
        assert!(out.split(|byte| *byte == b'\n').all(|line| line.len() <= 77));
    }

    proptest! {
        #[test]
        fn pieces_decode_to_the_text_they_were_cut_from(
            pieces in proptest::collection::vec("[ -~]{0,90}|[a= .\\té日👍\n]{0,40}", 1..5),
        ) {
            let mut out = Vec::new();
            for (at, piece) in pieces.iter().enumerate() {
                let next = if at + 1 == pieces.len() { Next::End } else { Next::Piece };
                quoted_printable(piece, next, &mut out);
            }
            prop_assert!(out.split(|byte| *byte == b'\n').all(|line| line.len() <= 77));
            prop_assert!(out.iter().all(|byte| byte.is_ascii_graphic() || b" \r\n".contains(byte)));
            let decoded = mail_parser::decoders::quoted_printable::quoted_printable_decode(&out);
            let decoded = decoded.expect("it is quoted-printable");
            prop_assert_eq!(
                String::from_utf8(decoded).expect("it is UTF-8"),
                pieces.concat().replace('\n', "\r\n")
            );
        }
    }
}
