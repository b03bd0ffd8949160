//! The relaxed canonical forms (RFC 6376 section 3.4): what a relay may do to a message without breaking its signature.

use ring::digest::{Context, SHA256};

/// How many bytes are looked over at once; the compiler makes a few vector instructions of it.
const STRIDE: usize = 32;

/// Appends a header field in its relaxed form (section 3.4.2), without the line end.
///
/// `field` is whole, folds included, without its own line end. One that has no
/// colon is no field and is taken as a name.
pub fn field(field: &[u8], out: &mut Vec<u8>) {
    let colon = field.iter().position(|byte| *byte == b':').unwrap_or(field.len());
    let (name, value) = field.split_at(colon);
    out.extend(name.trim_ascii_end().iter().map(u8::to_ascii_lowercase));
    out.push(b':');
    let start = out.len();
    for byte in value.iter().skip(1) {
        match byte {
            // Within a field a line end is a fold, which goes; the white space behind it stays.
            b'\r' | b'\n' => {}
            b' ' | b'\t' if out.len() == start || out.ends_with(b" ") => {}
            b' ' | b'\t' => out.push(b' '),
            byte => out.push(*byte),
        }
    }
    if out.len() > start && out.ends_with(b" ") {
        out.pop();
    }
}

/// Returns the SHA-256 of a body in its relaxed form (section 3.4.4).
pub fn body_hash(body: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    self::body(body, |piece| context.update(piece));
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Hands out a body's relaxed form in pieces.
///
/// What needs no change, which in our own messages is nearly all, is handed out
/// in one piece: no byte is copied.
fn body(body: &[u8], mut piece: impl FnMut(&[u8])) {
    let mut rest = without_empty_end(body);
    if rest.is_empty() {
        return;
    }
    while let Some(at) = loose_space(rest) {
        piece(&rest[..at]);
        let space = rest[at..].iter().take_while(|byte| is_space(**byte)).count();
        rest = &rest[at + space..];
        if !rest.starts_with(b"\r\n") {
            piece(b" ");
        }
    }
    piece(rest);
    piece(b"\r\n");
}

/// Cuts off the empty lines at the end, the last line's own end, and the white space before it.
fn without_empty_end(mut body: &[u8]) -> &[u8] {
    loop {
        let text = body.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1);
        match body[..text].strip_suffix(b"\r\n") {
            Some(before) => body = before,
            None => return &body[..text],
        }
    }
}

/// Finds the first white space that is not one blank between two characters, or may not be. The last byte is none.
fn loose_space(bytes: &[u8]) -> Option<usize> {
    let next = bytes.get(1..)?;
    // Not `|` on the way to a `bool`: an `or` over bytes, without a way out, is what becomes vectors.
    let is_loose = |(byte, next): (&u8, &u8)| {
        let before = matches!(*next, b' ' | b'\t' | b'\r');
        u8::from(*byte == b'\t') | (u8::from(*byte == b' ') & u8::from(before))
    };
    let mut start = 0;
    for (bytes, next) in bytes.chunks_exact(STRIDE).zip(next.chunks_exact(STRIDE)) {
        if bytes.iter().zip(next).fold(0, |found, pair| found | is_loose(pair)) != 0 {
            break;
        }
        start += STRIDE;
    }
    bytes[start..]
        .iter()
        .zip(&next[start..])
        .position(|pair| is_loose(pair) != 0)
        .map(|at| start + at)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn relaxed_field(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        field(text, &mut out);
        out
    }

    fn relaxed_body(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        body(text, |piece| out.extend_from_slice(piece));
        out
    }

    #[test]
    fn the_standards_own_example() {
        // RFC 6376 section 3.4.5.
        assert_eq!(relaxed_field(b"A: X"), b"a:X");
        assert_eq!(relaxed_field(b"B : Y\t\r\n\tZ  "), b"b:Y Z");
        assert_eq!(relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n"), b" C\r\nD E\r\n");
    }

    #[test]
    fn fields_at_the_edges() {
        for (given, relaxed) in [
            ("Subject:", "subject:"),
            ("Subject: \t ", "subject:"),
            ("Subject:\r\n a\r\n\tb\r\n", "subject:a b"),
            ("X-Y:a:b", "x-y:a:b"),
            ("no colon", "no colon:"),
            (":", ":"),
            ("", ":"),
        ] {
            assert_eq!(relaxed_field(given.as_bytes()), relaxed.as_bytes(), "{given:?}");
        }
    }

    #[test]
    fn bodies_at_the_edges() {
        for (given, relaxed) in [
            ("", ""),
            ("\r\n", ""),
            (" \t\r\n \r\n\r\n", ""),
            ("a", "a\r\n"),
            ("a \t", "a\r\n"),
            ("a\r\n\r\nb\r\n \r\n", "a\r\n\r\nb\r\n"),
            ("\r\n\r\na\r\n", "\r\n\r\na\r\n"),
            (" \r\n\ta\tb  c\r\n", "\r\n a b c\r\n"),
            // What is no line end of mail is a character like any other.
            ("a \rb\nc \n", "a \rb\nc \n\r\n"),
        ] {
            assert_eq!(relaxed_body(given.as_bytes()), relaxed.as_bytes(), "{given:?}");
        }
    }

    /// The relaxed body, told line by line as the standard does.
    fn told_by_the_standard(body: &str) -> String {
        let mut lines: Vec<String> = body
            .split("\r\n")
            .map(|line| {
                let mut told = String::new();
                for char in line.trim_end_matches([' ', '\t']).chars() {
                    match char {
                        ' ' | '\t' if told.ends_with(' ') => {}
                        ' ' | '\t' => told.push(' '),
                        char => told.push(char),
                    }
                }
                told
            })
            .collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines.iter().flat_map(|line| [line.as_str(), "\r\n"]).collect()
    }

    proptest! {
        #[test]
        fn a_body_is_relaxed_as_the_standard_tells_it(body in "([a-c=]{0,40}| |\t|\r\n|\r|\n|é){0,60}") {
            let told = told_by_the_standard(&body);
            prop_assert_eq!(String::from_utf8(relaxed_body(body.as_bytes())), Ok(told));
        }

        #[test]
        fn a_relaxed_form_stays_as_it_is(body in "([a-c]{0,40}| |\t|\r\n){0,60}", value in "[a-c \t]{0,40}") {
            let once = relaxed_body(body.as_bytes());
            prop_assert_eq!(&relaxed_body(&once), &once);
            let once = relaxed_field(format!("A:{value}").as_bytes());
            prop_assert_eq!(&relaxed_field(&once), &once);
        }

        #[test]
        fn how_a_field_is_folded_is_all_the_same(
            words in prop::collection::vec("[a-z:;<>=]{1,12}", 1..12),
            folds in prop::collection::vec("\r\n[ \t]{1,3}|[ \t]{1,3}", 12),
        ) {
            let folded: String =
                words.iter().zip(&folds).flat_map(|(word, fold)| [word.as_str(), fold]).collect();
            let plain = format!("List-Help: {}", words.join(" "));
            prop_assert_eq!(
                relaxed_field(format!("LIST-help\t:{folded}").as_bytes()),
                relaxed_field(plain.as_bytes())
            );
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (relaxed_field(&bytes), relaxed_body(&bytes), body_hash(&bytes));
        }
    }
}
