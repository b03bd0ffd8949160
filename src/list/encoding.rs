//! Any encoding a list comes in, read as UTF-8 while it streams.
//!
//! A mark at the beginning says it, or the zeros between the letters of UTF-16.
//! Else nothing has to be known until the first byte beyond ASCII, and then
//! what follows it tells UTF-8 from the code pages of old.

use std::io::{self, Read};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::foreign::{self, Foreign};

/// How much is read at once, and looked at before an encoding is settled.
const LOOK: usize = 1 << 16;

/// Hands on the text of `input` in UTF-8. What is not UTF-8 in a list that otherwise is stays as it is, for its row to be named.
pub(super) struct Decoded<R> {
    input: R,
    state: State,
    /// Read and not yet decoded.
    raw: Vec<u8>,
    /// Decoded, and how much of it is handed on.
    text: Vec<u8>,
    given: usize,
    /// What the file is, where its first bytes say that it is no list.
    foreign: Option<&'static Foreign>,
    /// Whether all of it is decoded.
    ended: bool,
    /// What reading ended with, to be told once all before it is handed on.
    failed: Option<io::Error>,
}

enum State {
    /// Nothing was read yet.
    Fresh,
    /// All of it is ASCII so far.
    Ascii,
    Utf8,
    Other(Decoder),
}

impl<R: Read> Decoded<R> {
    /// Reads from `input`, in `encoding` where somebody said it.
    pub(super) fn new(input: R, encoding: Option<&'static Encoding>) -> Self {
        let state = encoding.map_or(State::Fresh, State::of);
        Self {
            input,
            state,
            raw: Vec::new(),
            text: Vec::new(),
            given: 0,
            foreign: None,
            ended: false,
            failed: None,
        }
    }

    /// Returns the name of the encoding, as far as it is known by now; text in ASCII is UTF-8.
    pub(super) fn encoding(&self) -> &'static Encoding {
        match &self.state {
            State::Other(decoder) => decoder.encoding(),
            _ => UTF_8,
        }
    }

    /// Returns what the file is, where it was read and is no list.
    pub(super) fn foreign(&self) -> Option<&'static Foreign> {
        self.foreign
    }

    /// Reads until `raw` holds `most` bytes or nothing more comes; tells whether it was the end.
    fn read_up_to(&mut self, most: usize) -> bool {
        let mut filled = self.raw.len();
        self.raw.resize(filled.max(most), 0);
        let mut at_end = false;
        while filled < most {
            match self.input.read(&mut self.raw[filled..]) {
                Ok(0) => {
                    at_end = true;
                    break;
                }
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        self.raw.truncate(filled);
        at_end
    }

    /// Decodes the next piece, settling the encoding where that is due. Leaves `text` empty at the end alone.
    fn decode_more(&mut self) {
        let fresh = matches!(self.state, State::Fresh);
        let at_end = self.read_up_to(LOOK) || self.failed.is_some();
        self.ended = at_end;
        if fresh {
            self.foreign = foreign::of(&self.raw);
            self.state = zeros_or_mark(&self.raw).map_or(State::Ascii, State::of);
        }
        if matches!(self.state, State::Ascii) {
            let plain = Encoding::ascii_valid_up_to(&self.raw);
            if plain < self.raw.len() {
                self.state = State::of(told_by(&self.raw, at_end));
            }
        }
        self.text.clear();
        self.given = 0;
        match &mut self.state {
            State::Other(decoder) => decode(decoder, &self.raw, at_end, &mut self.text),
            _ => std::mem::swap(&mut self.raw, &mut self.text),
        }
        self.raw.clear();
    }
}

impl State {
    fn of(encoding: &'static Encoding) -> Self {
        if encoding == UTF_8 {
            return Self::Utf8;
        }
        Self::Other(encoding.new_decoder_with_bom_removal())
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() {
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            if matches!(self.state, State::Utf8) && !self.ended {
                return self.input.read(buffer);
            }
            if self.ended {
                return Ok(0);
            }
            self.decode_more();
        }
        let length = buffer.len().min(self.text.len() - self.given);
        buffer[..length].copy_from_slice(&self.text[self.given..self.given + length]);
        self.given += length;
        Ok(length)
    }
}

fn decode(decoder: &mut Decoder, raw: &[u8], at_end: bool, text: &mut Vec<u8>) {
    let room = decoder.max_utf8_buffer_length(raw.len()).unwrap_or(raw.len() * 3 + 16);
    text.resize(room, 0);
    let (_, _, written, _) = decoder.decode_to_utf8(raw, text, at_end);
    text.truncate(written);
}

/// Returns the encoding that a mark at the beginning names (UTF-16's is never a letter), or that zeros in every other byte give away.
fn zeros_or_mark(raw: &[u8]) -> Option<&'static Encoding> {
    if let Some((encoding, _)) = Encoding::for_bom(raw) {
        return Some(encoding);
    }
    let start = &raw[..raw.len().min(4096)];
    let zeros = |from: usize| start.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    // Commas and line ends are ASCII in any language; where zeros stand on both sides it is no text.
    let enough = start.len() / 16 + 1;
    match () {
        () if odd >= enough && even * 8 <= odd => Some(UTF_16LE),
        () if even >= enough && odd * 8 <= even => Some(UTF_16BE),
        () => None,
    }
}

/// Returns the encoding of text that is not ASCII alone.
fn told_by(raw: &[u8], at_end: bool) -> &'static Encoding {
    let (mut good, mut bad) = (0, 0);
    let mut chunks = raw.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        // A letter that the look cuts in two is not a wrong one.
        let is_cut = chunks.peek().is_none() && !at_end;
        bad += usize::from(!chunk.invalid().is_empty() && !is_cut);
    }
    if good >= bad && good > 0 || bad == 0 {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(raw, at_end);
    detector.guess(None, Utf8Detection::Deny)
}

#[cfg(test)]
mod tests {
    use encoding_rs::{WINDOWS_1250, WINDOWS_1251, WINDOWS_1252};

    use super::*;

    /// Hands out a byte at a time, as a slow pipe does.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.0.len().min(buffer.len()).min(1);
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn decoded(raw: &[u8]) -> (String, &'static Encoding) {
        let mut decoded = Decoded::new(Slow(raw), None);
        let mut text = Vec::new();
        decoded.read_to_end(&mut text).expect("a slice can be read");
        (String::from_utf8_lossy(&text).into_owned(), decoded.encoding())
    }

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn every_encoding_is_read_as_what_it_says() {
        let german = "email,name\nzoe@example.org,Zoë Müller\n";
        let polish =
            "email,name\nj@example.org,Łukasz Wiśniewski\nk@example.org,Zażółć gęślą jaźń\n";
        let russian = "email,name\ni@example.org,Ирина Соколова\n";
        for text in [german, polish, russian, "email\nascii@example.org\n"] {
            assert_eq!(decoded(text.as_bytes()), (text.to_owned(), UTF_8));
            for mark in ["", "\u{FEFF}"] {
                let marked = format!("{mark}{text}");
                let (little, big) =
                    (utf16(&marked, u16::to_le_bytes), utf16(&marked, u16::to_be_bytes));
                assert_eq!(decoded(&little), (text.to_owned(), UTF_16LE));
                assert_eq!(decoded(&big), (text.to_owned(), UTF_16BE));
            }
        }
        for (text, page) in
            [(german, WINDOWS_1252), (polish, WINDOWS_1250), (russian, WINDOWS_1251)]
        {
            let (raw, _, _) = page.encode(text);
            assert_eq!(decoded(&raw), (text.to_owned(), page));
        }
    }

    #[test]
    fn one_wrong_byte_makes_no_other_encoding() {
        let raw = "email,name\na@example.org,Zoë Łódź\nb@example.org,\u{1}\n".replace('\u{1}', "");
        let raw = [raw.as_bytes(), b"c@example.org,Zo\xEB\n"].concat();
        assert_eq!(decoded(&raw).1, UTF_8);
    }

    #[test]
    fn a_letter_that_a_look_cuts_in_two_is_whole() {
        let text = format!("{}é{}", "x".repeat(LOOK - 1), "ü".repeat(LOOK));
        assert_eq!(decoded(text.as_bytes()), (text, UTF_8));
    }

    #[test]
    fn zeros_alone_are_no_text_of_utf16() {
        assert_eq!(decoded(&[0; 64]).1, UTF_8);
        assert_eq!(decoded(b"").1, UTF_8);
    }
}
