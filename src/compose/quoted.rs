//! Quoted-printable in pieces (RFC 2045 section 6.7), so that a literal is encoded once for all readers.
//!
//! A soft line break (`=` at a line's end) is nothing to the reader: what
//! stands before a slot ends with one, so the slot begins a line, and so does
//! what follows it.

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

/// Appends a text whose line ends are LF or CRLF, from the beginning of a line; a piece before another ends at the beginning of a line too.
pub(super) fn quoted_printable(text: &str, next: Next, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    let mut column = 0;
    while let Some(&first) = rest.first() {
        if let Some(after) = line_end(rest) {
            out.extend_from_slice(b"\r\n");
            column = 0;
            rest = after;
            continue;
        }
        let plain = plain_run(rest, column, next);
        if plain > 0 {
            let (run, after) = rest.split_at(plain);
            push_run(run, &mut column, out);
            rest = after;
        } else {
            let (character, after) = rest.split_at(length(first).min(rest.len()));
            push_hex(character, &mut column, out);
            rest = after;
        }
    }
    if next == Next::Piece && column > 0 {
        out.extend_from_slice(b"=\r\n");
    }
}

fn line_end(rest: &[u8]) -> Option<&[u8]> {
    rest.strip_prefix(b"\n").or_else(|| rest.strip_prefix(b"\r\n"))
}

/// Returns how many bytes stand as they are.
fn plain_run(rest: &[u8], column: usize, next: Next) -> usize {
    if column == 0 && is_misread(rest) {
        return 0;
    }
    let run = rest.iter().take_while(|byte| matches!(byte, b' '..=b'~') && **byte != b'=').count();
    let (run, after) = rest.split_at(run);
    let ends_line = if after.is_empty() { next == Next::End } else { line_end(after).is_some() };
    // White space at a line's end is stripped on the way.
    if ends_line && run.ends_with(b" ") { run.len() - 1 } else { run.len() }
}

/// Tells whether a line that begins so may arrive otherwise: relays stuff a leading dot and quote a leading `From `, and some do it twice or not at all.
fn is_misread(line: &[u8]) -> bool {
    line.starts_with(b".") || line.starts_with(b"From ")
}

/// Returns the length of the character that begins with this byte, so that none is cut by a line's end.
fn length(first: u8) -> usize {
    match first {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0.. => 4,
        _ => 1,
    }
}

fn push_run(mut run: &[u8], column: &mut usize, out: &mut Vec<u8>) {
    loop {
        let (line, rest) = run.split_at(run.len().min(COLUMNS - *column));
        out.extend_from_slice(line);
        *column += line.len();
        if rest.is_empty() {
            return;
        }
        soft_break(column, out);
        run = rest;
        if is_misread(run) {
            push_hex(&run[..1], column, out);
            run = &run[1..];
        }
    }
}

fn push_hex(character: &[u8], column: &mut usize, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    if *column + 3 * character.len() > COLUMNS {
        soft_break(column, out);
    }
    for byte in character {
        out.extend([b'=', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
    *column += 3 * character.len();
}

fn soft_break(column: &mut usize, out: &mut Vec<u8>) {
    out.extend_from_slice(b"=\r\n");
    *column = 0;
}

#[cfg(test)]
mod tests {
    use mail_parser::decoders::quoted_printable::quoted_printable_decode;
    use proptest::prelude::*;

    use super::*;

    fn encoded(text: &str, next: Next) -> String {
        let mut out = Vec::new();
        quoted_printable(text, next, &mut out);
        String::from_utf8(out).expect("it is ASCII")
    }

    #[test]
    fn plain_text_is_left_alone() {
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
            prop_assert!(!String::from_utf8_lossy(&out).contains(" \r\n"));
            prop_assert!(!out.split(|byte| *byte == b'\n').any(is_misread));
            let decoded = quoted_printable_decode(&out).expect("it is quoted-printable");
            prop_assert_eq!(
                String::from_utf8(decoded).expect("it is UTF-8"),
                pieces.concat().replace('\n', "\r\n")
            );
        }
    }
}
