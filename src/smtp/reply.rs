//! Reads what a server answers (RFC 5321 section 4.2), in whatever pieces it comes.
//!
//! Pure: bytes in, replies out. Lenient where real servers are (a bare LF ends
//! a line, `250` may stand alone), strict where leniency would guess.

use memchr::memchr;

use crate::model::Reply;

/// The longest line read; RFC 5321 section 4.5.3.1.5 allows 512.
const LINE_MAX: usize = 10_240;
/// The most lines of one reply.
const LINES_MAX: usize = 1_000;
/// How much text of one reply is kept to be understood; the rest only counts as lines.
const KEPT_MAX: usize = 64 * 1024;
/// How much of it is shown, as [`Reply::text`] promises.
const TEXT_MAX: usize = 1_000;

/// Gathers one reply after another from a stream of bytes.
#[derive(Debug, Default)]
pub(super) struct ReplyReader {
    line: Vec<u8>,
    lines: usize,
    code: Option<u16>,
    text: Vec<u8>,
}

/// A whole reply as it was spoken: the code and the text of each line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spoken {
    pub(super) code: u16,
    text: Vec<u8>,
}

/// Says why bytes are no reply that can be trusted to end where it seems to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ReplyError {
    /// No three digits from 200 to 599, or a line that contradicts the first. Holds the line, printable.
    Garbage(String),
    /// A line or the whole is too long; what came before is known, where the next reply starts is not.
    TooLong(Spoken),
}

impl ReplyReader {
    /// Takes bytes up to the end of one reply. Returns how many it took, and the reply once it is whole.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> (usize, Option<Result<Spoken, ReplyError>>) {
        let mut taken = 0;
        loop {
            let rest = &bytes[taken..];
            let room = LINE_MAX - self.line.len();
            match memchr(b'\n', rest) {
                Some(end) if end <= room => {
                    self.line.extend_from_slice(&rest[..end]);
                    taken += end + 1;
                    if let Some(ended) = self.end_line() {
                        return (taken, Some(ended));
                    }
                }
                None if rest.len() <= room => {
                    self.line.extend_from_slice(rest);
                    return (bytes.len(), None);
                }
                _ => {
                    self.line.extend_from_slice(&rest[..room]);
                    return (bytes.len(), Some(Err(self.too_long())));
                }
            }
        }
    }

    fn end_line(&mut self) -> Option<Result<Spoken, ReplyError>> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        let Some((code, more, text)) = split_line(line) else { return Some(Err(garbage(line))) };
        if *self.code.get_or_insert(code) != code {
            return Some(Err(garbage(line)));
        }
        if self.lines > 0 {
            self.keep(b"\n");
        }
        self.keep(text);
        self.lines += 1;
        if !more {
            Some(Ok(self.finish(code)))
        } else if self.lines == LINES_MAX {
            Some(Err(self.too_long()))
        } else {
            None
        }
    }

    fn keep(&mut self, text: &[u8]) {
        let room = KEPT_MAX - self.text.len();
        self.text.extend_from_slice(&text[..text.len().min(room)]);
    }

    fn too_long(&mut self) -> ReplyError {
        let line = std::mem::take(&mut self.line);
        let begun = split_line(&line);
        if let Some((_, _, text)) = begun {
            self.keep(text);
        }
        match self.code.or(begun.map(|(code, ..)| code)) {
            Some(code) => ReplyError::TooLong(self.finish(code)),
            None => garbage(&line),
        }
    }

    fn finish(&mut self, code: u16) -> Spoken {
        let Self { text, .. } = std::mem::take(self);
        Spoken { code, text }
    }
}

impl Spoken {
    /// Returns the text of each line, without code and line end.
    pub(super) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.text.split(|&byte| byte == b'\n')
    }

    /// Returns it with every occurrence of `secret` taken out, in case the server echoes a command.
    pub(super) fn without(&self, secret: &str) -> Self {
        let text = String::from_utf8_lossy(&self.text).replace(secret, "…").into_bytes();
        Self { code: self.code, text }
    }

    /// Returns it for people and for the ledger: its enhanced code (RFC 3463) set apart, its text printable and cut.
    pub(super) fn reply(&self) -> Reply {
        let mut enhanced = None;
        let mut text = String::with_capacity(self.text.len().min(TEXT_MAX));
        for line in self.lines() {
            let mut line = line;
            if let Some((code, rest)) = split_enhanced(line)
                && u16::from(code.0) == self.code / 100
                && code == *enhanced.get_or_insert(code)
            {
                line = rest;
            }
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(printable(line).trim());
            if text.len() > TEXT_MAX {
                break;
            }
        }
        text.truncate(text.floor_char_boundary(TEXT_MAX));
        Reply { code: self.code, enhanced, text }
    }
}

/// Splits a line into its code, whether more lines follow, and its text.
fn split_line(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (digits, rest) = line.split_first_chunk::<3>()?;
    let code = number(digits)?;
    match rest.first() {
        _ if !(200..600).contains(&code) => None,
        Some(byte) if byte.is_ascii_digit() => None,
        Some(b'-') => Some((code, true, &rest[1..])),
        Some(b' ') => Some((code, false, &rest[1..])),
        _ => Some((code, false, rest)),
    }
}

/// Class, subject and detail.
type Enhanced = (u8, u16, u16);

/// Splits `5.1.1 text` into the code and the text.
fn split_enhanced(text: &[u8]) -> Option<(Enhanced, &[u8])> {
    let end = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
    let mut parts = text[..end].split(|byte| *byte == b'.');
    let class = number(parts.next()?)?;
    let subject = number(parts.next()?)?;
    let detail = number(parts.next()?)?;
    let whole = parts.next().is_none() && matches!(class, 2 | 4 | 5);
    whole.then_some(((u8::try_from(class).ok()?, subject, detail), &text[end..]))
}

/// Reads one to three digits.
fn number(digits: &[u8]) -> Option<u16> {
    let digits =
        std::str::from_utf8(digits).ok().filter(|digits| (1..=3).contains(&digits.len()))?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn garbage(line: &[u8]) -> ReplyError {
    let mut text = printable(line);
    text.truncate(text.floor_char_boundary(200));
    ReplyError::Garbage(text.trim().to_owned())
}

/// Returns bytes as text that is safe on a terminal and in a log: no controls, no marks that turn the direction.
pub(super) fn printable(bytes: &[u8]) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let text = String::from_utf8_lossy(bytes);
    // What nearly all servers say.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.into_owned();
    }
    text.chars().map(|c| if hidden(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Option<Result<Spoken, ReplyError>> {
        ReplyReader::default().feed(bytes).1
    }

    fn reply(bytes: &[u8]) -> Reply {
        read(bytes).expect("it is whole").expect("it is a reply").reply()
    }

    #[test]
    fn a_reply_is_a_code_an_enhanced_code_and_a_text() {
        let of = |code, enhanced, text: &str| Reply { code, enhanced, text: text.into() };
        for (bytes, expected) in [
            ("250 OK\r\n", of(250, None, "OK")),
            ("250\r\n", of(250, None, "")),
            ("250 \n", of(250, None, "")),
            ("250ok\r\n", of(250, None, "ok")),
            ("550 5.1.1 no such user\r\n", of(550, Some((5, 1, 1)), "no such user")),
            ("550 5.1.1\r\n", of(550, Some((5, 1, 1)), "")),
            ("550-5.7.26 one\r\n550 5.7.26 two\r\n", of(550, Some((5, 7, 26)), "one two")),
            ("550-5.7.1 one\r\n550 5.7.9 two\r\n", of(550, Some((5, 7, 1)), "one 5.7.9 two")),
            ("450 5.1.1 classes differ\r\n", of(450, None, "5.1.1 classes differ")),
            ("250 2.0.0.1 not enhanced\r\n", of(250, None, "2.0.0.1 not enhanced")),
            ("250 a\0b\u{1b}[2J\u{202e}c\r\n", of(250, None, "a b [2J c")),
        ] {
            assert_eq!(reply(bytes.as_bytes()), expected, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_reply_is_garbage() {
        for bytes in [
            "HTTP/1.1 400 Bad Request\r\n",
            "\r\n",
            "25\r\n",
            "2501 four digits\r\n",
            "199 too low\r\n",
            "600 too high\r\n",
            "250-one\r\n550 another\r\n",
            "250-one\r\n\r\n",
            "+5 signed\r\n",
        ] {
            assert!(
                matches!(read(bytes.as_bytes()), Some(Err(ReplyError::Garbage(_)))),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn a_reply_in_the_making_is_awaited() {
        for bytes in ["", "2", "250 OK", "250 OK\r", "250-OK\r\n", "250-OK\r\n250 "] {
            assert_eq!(read(bytes.as_bytes()), None, "{bytes:?}");
        }
    }

    #[test]
    fn a_reply_ends_where_it_ends() {
        let (taken, spoken) = ReplyReader::default().feed(b"250-a\r\n250 b\r\n354 go\r\n");
        assert_eq!(taken, 14);
        assert_eq!(spoken.expect("whole").expect("good").reply().text, "a b");
    }

    #[test]
    fn a_thousand_lines_and_ten_kilobytes_are_read() {
        let lines = "250-x\r\n".repeat(999) + "250 x\r\n";
        assert_eq!(reply(lines.as_bytes()).code, 250);
        let line = format!("250 {}\r\n", "x".repeat(10_000));
        assert_eq!(reply(line.as_bytes()).text.len(), TEXT_MAX);
    }

    #[test]
    fn an_over_long_reply_still_has_its_first_three_digits() {
        let endless = "451 ".to_owned() + &"x".repeat(LINE_MAX);
        let many = "250-x\r\n".repeat(LINES_MAX + 1);
        for (bytes, code) in [(endless, 451), (many, 250)] {
            match read(bytes.as_bytes()) {
                Some(Err(ReplyError::TooLong(spoken))) => assert_eq!(spoken.code, code),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn an_echoed_secret_is_taken_out() {
        let spoken = read(b"500 what is AUTH PLAIN c2VjcmV0\r\n").expect("whole").expect("good");
        assert_eq!(spoken.without("c2VjcmV0").reply().text, "what is AUTH PLAIN …");
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_make_the_same_replies(
            bytes in "([2-5][0-9]{2}[- ][ -~\\x00é]{0,9}\r?\n|[ -~]{0,5}\n){0,6}",
            cuts in proptest::collection::vec(1_usize..7, 1..9),
        ) {
            let all = |pieces: Vec<&[u8]>| {
                let mut reader = ReplyReader::default();
                let mut found = Vec::new();
                for mut piece in pieces {
                    while !piece.is_empty() {
                        let (taken, spoken) = reader.feed(piece);
                        piece = &piece[taken..];
                        match spoken {
                            Some(Err(error)) => { found.push(Err(error)); return found; }
                            Some(Ok(spoken)) => found.push(Ok(spoken)),
                            None => {}
                        }
                    }
                }
                found
            };
            let bytes = bytes.as_bytes();
            let mut pieces = Vec::new();
            let mut rest = bytes;
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break; }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            prop_assert_eq!(all(vec![bytes]), all(pieces));
        }

        #[test]
        fn no_bytes_panic_and_every_reply_keeps_its_bounds(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let framed = [b"250-".as_slice(), &bytes, b"\r\n250 \r\n"].concat();
            for bytes in [bytes, framed] {
                if let Some(Ok(spoken) | Err(ReplyError::TooLong(spoken))) = read(&bytes) {
                    let reply = spoken.reply();
                    prop_assert!((200..600).contains(&reply.code));
                    prop_assert!(reply.text.len() <= TEXT_MAX);
                    prop_assert!(!reply.text.chars().any(char::is_control));
                }
            }
        }
    }
}
