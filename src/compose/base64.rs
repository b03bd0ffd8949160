//! Base64 in pieces (RFC 2045 section 6.8), so that a literal is encoded once for all readers.
//!
//! Three bytes become four characters, so a literal's encoding depends on how
//! many of its first bytes complete the group before it: none, one or two. It
//! is encoded in all three ways ahead, and a copy takes the one that fits.
//! Every piece begins a line; a decoder does not see line ends.

use data_encoding::BASE64;

/// A literal, encoded in three ways.
#[derive(Debug)]
pub(super) struct Lanes {
    text: Vec<u8>,
    /// The whole groups after the first 0, 1 and 2 bytes.
    ready: [Vec<u8>; 3],
}

/// The bytes that do not fill a group yet.
#[derive(Debug, Default)]
pub(super) struct Carry {
    bytes: [u8; 2],
    length: usize,
}

const GROUP: usize = 3;

/// 76 characters.
const LINE: usize = 57;

impl Lanes {
    /// Encodes a text, its line ends made CRLF.
    pub(super) fn new(text: &str) -> Self {
        let text = canonical(text);
        let ready = [0, 1, 2].map(|skip| {
            let mut lines = Vec::new();
            push_lines(groups(text.get(skip..).unwrap_or_default()).0, &mut lines);
            lines
        });
        Self { text, ready }
    }

    /// Returns about how long it is on the wire.
    pub(super) fn size(&self) -> usize {
        self.ready[0].len()
    }
}

impl Carry {
    /// Appends a literal.
    pub(super) fn literal(&mut self, lanes: &Lanes, out: &mut Vec<u8>) {
        let head = (GROUP - self.length) % GROUP;
        let Some((start, rest)) = lanes.text.split_at_checked(head) else {
            return self.bytes(&lanes.text, out);
        };
        self.bytes(start, out);
        out.extend_from_slice(&lanes.ready[head]);
        self.bytes(groups(rest).1, out);
    }

    /// Appends a reader's own text, its line ends made CRLF.
    pub(super) fn value(&mut self, text: &str, out: &mut Vec<u8>) {
        if text.contains('\n') {
            self.bytes(&canonical(text), out);
        } else {
            self.bytes(text.as_bytes(), out);
        }
    }

    /// Appends what is left, with padding.
    pub(super) fn end(self, out: &mut Vec<u8>) {
        if self.length > 0 {
            push_line(&self.bytes[..self.length], out);
        }
    }

    fn bytes(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let all = [&self.bytes[..self.length], bytes].concat();
        let (whole, rest) = groups(&all);
        push_lines(whole, out);
        self.length = rest.len();
        self.bytes[..rest.len()].copy_from_slice(rest);
    }
}

/// Splits off the bytes that fill no group.
fn groups(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.len() / GROUP * GROUP)
}

fn push_lines(bytes: &[u8], out: &mut Vec<u8>) {
    for line in bytes.chunks(LINE) {
        push_line(line, out);
    }
}

fn push_line(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + BASE64.encode_len(bytes.len()), 0);
    BASE64.encode_mut(bytes, &mut out[start..]);
    out.extend_from_slice(b"\r\n");
}

fn canonical(text: &str) -> Vec<u8> {
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
    canonical
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64_MIME_PERMISSIVE;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_decode_to_the_text_they_were_cut_from(
            pieces in proptest::collection::vec(("[ -~]{0,90}|[a\né日👍]{0,40}|.?", any::<bool>()), 0..6),
        ) {
            let mut out = Vec::new();
            let mut carry = Carry::default();
            for (piece, literal) in &pieces {
                if *literal {
                    carry.literal(&Lanes::new(piece), &mut out);
                } else {
                    carry.value(piece, &mut out);
                }
            }
            carry.end(&mut out);
            prop_assert!(out.split(|byte| *byte == b'\n').all(|line| line.len() <= 77));
            let decoded = BASE64_MIME_PERMISSIVE.decode(&out).expect("it is base64");
            let text: String = pieces.into_iter().map(|(piece, _)| piece).collect();
            prop_assert_eq!(
                String::from_utf8(decoded).expect("it is UTF-8"),
                text.replace('\n', "\r\n")
            );
        }
    }
}
