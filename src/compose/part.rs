//! One part of a message, set once for all readers: literals encoded for the wire, and the slots between them.

use super::{
    base64::{Carry, Lanes},
    edition::{Passage, Piece, Slot},
    merge::Merge,
    quoted::{Next, quoted_printable},
    wrap::{columns, wrap},
};

/// How a part goes over seven-bit relays (RFC 2045 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// For text a person could nearly read on the wire.
    QuotedPrintable,
    /// For text of which more than 30 % is not ASCII: shorter there.
    Base64,
}

/// The HTML or the text of every copy.
#[derive(Debug)]
pub(super) struct Part {
    /// How it goes over the wire; chosen by the literals, so the same for all readers.
    pub(super) encoding: Encoding,
    strips: Vec<(Strip, Next)>,
}

#[derive(Debug)]
enum Strip {
    Literal { text: String, ready: Ready },
    Slot(Slot),
    Flowing { pieces: Vec<Piece>, first: String, rest: String, rule: String },
}

/// A literal as it goes over the wire.
#[derive(Debug)]
enum Ready {
    QuotedPrintable(Vec<u8>),
    Base64(Lanes),
}

const TEXT_COLUMNS: usize = 72;

/// What a slot or a flowing paragraph may come to; a guess, for the size of a buffer.
const SLOT_BYTES: usize = 512;

impl Part {
    /// Sets the HTML part.
    pub(super) fn html(pieces: &[Piece]) -> Self {
        let encoding = Encoding::of(literals(pieces));
        let strips = pieces.iter().zip(nexts(pieces.len())).map(|(piece, next)| match piece {
            Piece::Literal(text) => (Strip::literal(text, encoding, next), next),
            Piece::Slot(slot) => (Strip::Slot(slot.clone()), next),
        });
        Self { encoding, strips: strips.collect() }
    }

    /// Sets the text part.
    pub(super) fn text(passages: &[Passage]) -> Self {
        let encoding = Encoding::of(passages.iter().flat_map(|passage| {
            let (fixed, pieces) = match passage {
                Passage::Fixed(text) => (Some(text.as_str()), &[][..]),
                Passage::Flowing { pieces, .. } => (None, pieces.as_slice()),
            };
            fixed.into_iter().chain(literals(pieces))
        }));
        let strips = passages.iter().zip(nexts(passages.len())).map(|(passage, next)| {
            let strip = match passage.clone() {
                Passage::Fixed(text) => Strip::literal(&text, encoding, next),
                Passage::Flowing { pieces, first, rest, rule } => {
                    Strip::Flowing { pieces, first, rest, rule }
                }
            };
            (strip, next)
        });
        Self { encoding, strips: strips.collect() }
    }

    /// Returns about how long a copy of it is on the wire.
    pub(super) fn size(&self) -> usize {
        let size = |(strip, _): &(Strip, Next)| match strip {
            Strip::Literal { ready: Ready::QuotedPrintable(bytes), .. } => bytes.len(),
            Strip::Literal { ready: Ready::Base64(lanes), .. } => lanes.size(),
            Strip::Slot(_) | Strip::Flowing { .. } => SLOT_BYTES,
        };
        self.strips.iter().map(size).sum()
    }

    /// Returns one reader's copy, not encoded.
    pub(super) fn splice(&self, merge: &mut Merge<'_>) -> String {
        let mut out = String::with_capacity(self.size());
        for (strip, _) in &self.strips {
            strip.fill(merge, &mut out);
        }
        out
    }

    /// Appends one reader's copy, encoded, and returns its length before encoding.
    pub(super) fn print(&self, merge: &mut Merge<'_>, out: &mut Vec<u8>) -> usize {
        let mut length = 0;
        let mut value = String::with_capacity(SLOT_BYTES);
        let mut carry = Carry::default();
        for (strip, next) in &self.strips {
            if let Strip::Literal { text, ready } = strip {
                match ready {
                    Ready::QuotedPrintable(bytes) => out.extend_from_slice(bytes),
                    Ready::Base64(lanes) => carry.literal(lanes, out),
                }
                length += text.len();
                continue;
            }
            value.clear();
            strip.fill(merge, &mut value);
            match self.encoding {
                Encoding::QuotedPrintable => quoted_printable(&value, *next, out),
                Encoding::Base64 => carry.value(&value, out),
            }
            length += value.len();
        }
        carry.end(out);
        length
    }
}

impl Encoding {
    /// Chooses by the share of bytes that are not ASCII.
    fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let (mut all, mut high) = (0, 0);
        for text in texts {
            all += text.len();
            high += text.bytes().filter(|byte| !byte.is_ascii()).count();
        }
        if high * 10 > all * 3 { Self::Base64 } else { Self::QuotedPrintable }
    }
}

impl Strip {
    fn literal(text: &str, encoding: Encoding, next: Next) -> Self {
        let ready = match encoding {
            Encoding::QuotedPrintable => {
                let mut bytes = Vec::new();
                quoted_printable(text, next, &mut bytes);
                Ready::QuotedPrintable(bytes)
            }
            Encoding::Base64 => Ready::Base64(Lanes::new(text)),
        };
        Self::Literal { text: text.to_owned(), ready }
    }

    fn fill(&self, merge: &mut Merge<'_>, out: &mut String) {
        match self {
            Self::Literal { text, .. } => out.push_str(text),
            Self::Slot(slot) => merge.fill(slot, out),
            Self::Flowing { pieces, first, rest, rule } => {
                let mut paragraph = String::with_capacity(SLOT_BYTES);
                splice(pieces, merge, &mut paragraph);
                let mut widest = 0;
                for line in wrap(&paragraph, first, rest, TEXT_COLUMNS) {
                    widest = widest.max(if rule.is_empty() { 0 } else { columns(&line) });
                    out.push_str(&line);
                    out.push('\n');
                }
                if !rule.is_empty() {
                    let margin = columns(rest);
                    out.push_str(rest);
                    out.push_str(&rule.repeat(widest.min(TEXT_COLUMNS).saturating_sub(margin)));
                    out.push('\n');
                }
            }
        }
    }
}

/// Appends the pieces as one reader sees them.
pub(super) fn splice(pieces: &[Piece], merge: &mut Merge<'_>, out: &mut String) {
    for piece in pieces {
        match piece {
            Piece::Literal(text) => out.push_str(text),
            Piece::Slot(slot) => merge.fill(slot, out),
        }
    }
}

/// Says of each of `count` pieces what follows it.
fn nexts(count: usize) -> impl Iterator<Item = Next> {
    (1..=count).map(move |at| if at == count { Next::End } else { Next::Piece })
}

fn literals(pieces: &[Piece]) -> impl Iterator<Item = &str> {
    pieces.iter().filter_map(|piece| match piece {
        Piece::Literal(text) => Some(text.as_str()),
        Piece::Slot(_) => None,
    })
}
