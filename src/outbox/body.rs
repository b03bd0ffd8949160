//! Finds the end of a message in a stream, and undoes the doubling of dots (RFC 5321 section 4.5.2).
//!
//! Only CRLF, dot, CRLF ends a message: a bare LF around the dot does not, so
//! that nobody smuggles a second one.

use memchr::memmem;

/// Reads one message's bytes after DATA.
#[derive(Debug, Default)]
pub(super) struct BodyReader {
    begun: bool,
}

/// What became of some input.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// How many bytes are done with; the rest must be offered again with more behind it.
    pub(super) count: usize,
    /// Whether the message has ended.
    pub(super) ended: bool,
}

const END: &[u8] = b"\r\n.\r\n";

impl BodyReader {
    /// Takes what it can of `input` and hands the message's bytes to `keep`. Leaves at most four bytes.
    pub(super) fn take(&mut self, input: &[u8], mut keep: impl FnMut(&[u8])) -> Taken {
        let mut at = 0;
        if !self.begun {
            // The CRLF after DATA is the one before a dot in the first line.
            let end = &END[2..];
            if input.starts_with(end) {
                return Taken { count: end.len(), ended: true };
            }
            if end.starts_with(input) {
                return Taken { count: 0, ended: false };
            }
            at = usize::from(input[0] == b'.');
            self.begun = true;
        }
        while let Some(found) = memmem::find(&input[at..], &END[..3]) {
            let dot = at + found + 2;
            let after = &input[dot + 1..];
            if after.starts_with(&END[3..]) {
                keep(&input[at..dot]);
                return Taken { count: dot + 3, ended: true };
            }
            if END[3..].starts_with(after) {
                break;
            }
            keep(&input[at..dot]);
            at = dot + 1;
        }
        let held = (1..END.len()).rev().find(|&n| input[at..].ends_with(&END[..n])).unwrap_or(0);
        let count = input.len() - held;
        keep(&input[at..count]);
        Taken { count, ended: false }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads `wire` in pieces; returns the message and what follows its end, or `None` where it has none.
    fn read(wire: &[u8], pieces: &[usize]) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut reader = BodyReader::default();
        let (mut message, mut input, mut rest) = (Vec::new(), Vec::new(), wire);
        for piece in pieces.iter().cycle() {
            if rest.is_empty() {
                return None;
            }
            let (next, after) = rest.split_at((*piece).min(rest.len()));
            input.extend_from_slice(next);
            rest = after;
            let taken = reader.take(&input, |bytes| message.extend_from_slice(bytes));
            input.drain(..taken.count);
            assert!(input.len() <= 4 || taken.ended);
            if taken.ended {
                return Some((message, [&input, rest].concat()));
            }
        }
        None
    }

    #[test]
    fn a_message_ends_at_its_dot_however_it_is_cut() {
        for (wire, message, after) in [
            (".\r\n", "", ""),
            ("a\r\n.\r\nRSET\r\n", "a\r\n", "RSET\r\n"),
            ("..a\r\n..\r\n.\r\n", ".a\r\n.\r\n", ""),
            ("\r\n\r\n.\r\n", "\r\n\r\n", ""),
            ("a\n.\nb\r\n.\r\n", "a\n.\nb\r\n", ""),
            ("a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n", ""),
            ("a\r\r\n.\r\n", "a\r\r\n", ""),
        ] {
            for piece in 1..=wire.len() {
                let expected = (message.as_bytes().to_vec(), after.as_bytes().to_vec());
                assert_eq!(read(wire.as_bytes(), &[piece]), Some(expected), "{wire:?} by {piece}");
            }
        }
    }

    #[test]
    fn without_its_dot_a_message_goes_on() {
        for wire in ["a", ".", "a\r\n", "a\r\n.", "a\r\n.\r", "a\r\n..\r\n"] {
            assert_eq!(read(wire.as_bytes(), &[1]), None, "{wire:?}");
        }
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(wire in "(\r\n|\\.|a|\n|\r){0,40}", cuts in proptest::collection::vec(1_usize..5, 1..6)) {
            let wire = wire + "\r\n.\r\nx";
            prop_assert_eq!(read(wire.as_bytes(), &[wire.len()]), read(wire.as_bytes(), &cuts));
        }
    }
}
