//! One part of a message, set once for all readers: literals encoded for the wire, and the slots between them.

use super::{
    edition::{Passage, Piece, Slot},
    encode::{self, Encoding, Next},
    merge::Merge,
    wrap::wrap,
};

/// The HTML or the text of every copy.
#[derive(Debug)]
pub(super) struct Part {
    /// How it goes over the wire; chosen by the literals, so the same for all readers.
    pub(super) encoding: Encoding,
    strips: Vec<(Strip, Next)>,
}

#[derive(Debug)]
enum Strip {
    /// `encoded` is empty in a base64 part, which can only be encoded whole.
    Literal {
        text: String,
        encoded: Vec<u8>,
    },
    Slot(Slot),
    Flowing {
        pieces: Vec<Piece>,
        first: String,
        rest: String,
    },
}

const TEXT_COLUMNS: usize = 72;

/// What a slot or a flowing paragraph may come to; a guess, for the size of a buffer.
const SLOT_BYTES: usize = 512;

impl Part {
    /// Sets the HTML part.
    pub(super) fn html(pieces: &[Piece]) -> Self {
        Self::set(pieces.iter().cloned().map(Strip::of_piece).collect(), literals(pieces))
    }

    /// Sets the text part.
    pub(super) fn text(passages: &[Passage]) -> Self {
        let literals = passages.iter().flat_map(|passage| {
            let (fixed, pieces) = match passage {
                Passage::Fixed(text) => (Some(text.as_str()), &[][..]),
                Passage::Flowing { pieces, .. } => (None, pieces.as_slice()),
            };
            fixed.into_iter().chain(literals(pieces))
        });
        Self::set(passages.iter().cloned().map(Strip::of_passage).collect(), literals)
    }

    /// Returns about how long a copy of it is on the wire.
    pub(super) fn size(&self) -> usize {
        let size = |(strip, _): &(Strip, Next)| match strip {
            Strip::Literal { text, encoded } => encoded.len().max(text.len() * 4 / 3),
            _ => SLOT_BYTES,
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
        if self.encoding == Encoding::Base64 {
            let text = self.splice(merge);
            encode::base64(&text, out);
            return text.len();
        }
        let mut length = 0;
        let mut value = String::new();
        for (strip, next) in &self.strips {
            if let Strip::Literal { text, encoded } = strip {
                out.extend_from_slice(encoded);
                length += text.len();
            } else {
                value.clear();
                strip.fill(merge, &mut value);
                encode::quoted_printable(&value, *next, out);
                length += value.len();
            }
        }
        length
    }

    /// Tells every strip what follows it, and encodes the literals.
    fn set<'a>(strips: Vec<Strip>, literals: impl Iterator<Item = &'a str>) -> Self {
        let encoding = Encoding::of(literals);
        let last = strips.len().saturating_sub(1);
        let strips = strips.into_iter().enumerate().map(|(at, mut strip)| {
            let next = if at == last { Next::End } else { Next::Piece };
            if let (Strip::Literal { text, encoded }, Encoding::QuotedPrintable) =
                (&mut strip, encoding)
            {
                encode::quoted_printable(text, next, encoded);
            }
            (strip, next)
        });
        Self { encoding, strips: strips.collect() }
    }
}

impl Strip {
    fn of_piece(piece: Piece) -> Self {
        match piece {
            Piece::Literal(text) => Self::Literal { text, encoded: Vec::new() },
            Piece::Slot(slot) => Self::Slot(slot),
        }
    }

    fn of_passage(passage: Passage) -> Self {
        match passage {
            Passage::Fixed(text) => Self::Literal { text, encoded: Vec::new() },
            Passage::Flowing { pieces, first, rest } => Self::Flowing { pieces, first, rest },
        }
    }

    fn fill(&self, merge: &mut Merge<'_>, out: &mut String) {
        match self {
            Self::Literal { text, .. } => out.push_str(text),
            Self::Slot(slot) => merge.fill(slot, out),
            Self::Flowing { pieces, first, rest } => {
                let mut paragraph = String::new();
                splice(pieces, merge, &mut paragraph);
                for line in wrap(&paragraph, first, rest, TEXT_COLUMNS) {
                    out.push_str(&line);
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

fn literals(pieces: &[Piece]) -> impl Iterator<Item = &str> {
    pieces.iter().filter_map(|piece| match piece {
        Piece::Literal(text) => Some(text.as_str()),
        Piece::Slot(_) => None,
    })
}
