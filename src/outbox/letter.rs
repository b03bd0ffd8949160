//! A message as it comes in: kept as the settings say, and entered in the books when it is taken.

use std::{io, net::SocketAddr, sync::atomic::Ordering};

use jiff::{Timestamp, fmt::rfc2822, tz::TimeZone};
use memchr::memrchr;

use super::{Acceptance, Books, Letter, News, lock, maildir::Incoming};

/// The most bytes of a message, as SIZE says (RFC 1870).
pub(super) const SIZE_MAX: usize = 50 * 1024 * 1024;
/// The longest line of a message without its line end (RFC 5321 section 4.5.3.1.6).
const LINE_MAX: usize = 998;
/// How far into a message its Message-ID is looked for.
const HEAD_MAX: usize = 32 * 1024;

/// Who sends to whom, and over which session.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    pub(super) from: String,
    pub(super) to: Vec<String>,
}

/// A message that is being received.
#[derive(Debug)]
pub(super) struct Arriving {
    file: Option<Incoming>,
    bytes: Option<Vec<u8>>,
    head: Option<Vec<u8>>,
    length: usize,
    /// How long the line is that the last bytes belong to.
    line: usize,
    is_too_wide: bool,
    failed: Option<io::Error>,
}

impl Arriving {
    /// Begins a message for `envelope` from a client that calls itself `hello`.
    pub(super) fn begin(books: &Books, envelope: &Envelope, hello: &str, peer: SocketAddr) -> Self {
        let received = || {
            let now = Timestamp::now().to_zoned(TimeZone::UTC);
            let date = rfc2822::to_string(&now).unwrap_or_default();
            format!(
                "Received: from {} ([{}])\r\n\tby localhost (postrider outbox) with SMTP; {date}\r\n",
                plain(hello),
                peer.ip()
            )
        };
        let file = books.maildir.as_ref().map(|maildir| {
            let trace = received();
            maildir.begin(envelope.to.iter().map(|to| {
                let (from, to) = (plain(&envelope.from), plain(to));
                format!("Return-Path: <{from}>\r\nDelivered-To: {to}\r\n{trace}")
            }))
        });
        Self {
            file,
            bytes: books.in_memory.then(Vec::new),
            head: (books.record || books.news.is_some()).then(Vec::new),
            length: 0,
            line: 0,
            is_too_wide: false,
            failed: None,
        }
    }

    /// Adds bytes; what cannot be kept is told at the end.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.length += bytes.len();
        if self.length > SIZE_MAX {
            self.file = None;
            self.bytes = None;
            return;
        }
        self.measure(bytes);
        if let Some(head) = &mut self.head {
            let room = HEAD_MAX - head.len();
            head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        if let Some(kept) = &mut self.bytes {
            kept.extend_from_slice(bytes);
        }
        if let Some(file) = &mut self.file
            && let Err(error) = file.write(bytes)
        {
            self.failed = Some(error);
            self.file = None;
        }
    }

    /// Looks for a line that is too long: where one ends within the most it may have, what stands before need not be looked at.
    fn measure(&mut self, mut bytes: &[u8]) {
        while !self.is_too_wide {
            // The line end itself is CR and LF.
            let room = LINE_MAX + 2 - self.line;
            if bytes.len() < room {
                self.line = memrchr(b'\n', bytes)
                    .map_or(self.line + bytes.len(), |at| bytes.len() - at - 1);
                return;
            }
            match memrchr(b'\n', &bytes[..room]) {
                Some(at) => (self.line, bytes) = (0, &bytes[at + 1..]),
                None => self.is_too_wide = true,
            }
        }
    }

    /// Returns why it cannot be taken, as the reply to the dot.
    pub(super) fn objection(&self) -> Option<String> {
        if self.length > SIZE_MAX {
            return Some(format!("552 5.3.4 more than {SIZE_MAX} bytes"));
        }
        if self.is_too_wide {
            return Some(format!("554 5.6.0 a line has more than {LINE_MAX} bytes"));
        }
        self.failed.as_ref().map(|error| format!("452 4.3.1 cannot keep it: {error}"))
    }

    /// Takes it: from here on it counts as delivered.
    pub(super) fn accept(self, books: &Books, envelope: Envelope) -> io::Result<()> {
        let files = self.file.map(Incoming::finish).transpose()?.unwrap_or_default();
        let Envelope { from, to } = envelope;
        books.accepted.fetch_add(to.len() as u64, Ordering::Relaxed);
        books.bytes.fetch_add(self.length as u64, Ordering::Relaxed);
        let message_id = self.head.as_deref().map(message_id).unwrap_or_default();
        books.tell(|| News::Kept {
            from: from.clone(),
            to: to.clone(),
            bytes: self.length,
            message_id: message_id.clone(),
            files,
        });
        if books.record {
            let at = Timestamp::now();
            lock(&books.acceptances).extend(to.iter().map(|to| Acceptance {
                message_id: message_id.clone(),
                from: from.clone(),
                to: to.clone(),
                at,
            }));
        }
        if let Some(bytes) = self.bytes {
            lock(&books.letters).push(Letter { from, to, bytes });
        }
        Ok(())
    }
}

/// Returns a client's word as it may stand in a header.
fn plain(word: &str) -> String {
    word.replace(char::is_control, "?")
}

/// Finds the Message-ID of a header, on its own line or folded below its name; empty where there is none.
fn message_id(head: &[u8]) -> String {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n").take_while(|line| !line.is_empty());
    let value = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("Message-ID").then(|| value.trim().to_owned())
    });
    match value {
        Some(value) if value.is_empty() => lines.next().unwrap_or_default().trim().to_owned(),
        value => value.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::outbox::{Keep, OutboxSettings};

    proptest! {
        #[test]
        fn a_line_that_is_too_long_is_found_however_it_is_cut(
            lines in proptest::collection::vec(prop_oneof![0_usize..90, 990_usize..1_005], 1..6),
            cut in 1_usize..1_300,
        ) {
            let books = Books::open(OutboxSettings::new(Keep::Count)).expect("nothing to open");
            let peer = SocketAddr::from(([127, 0, 0, 1], 1));
            let mut arriving = Arriving::begin(&books, &Envelope::default(), "me", peer);
            let message: String = lines.iter().map(|length| "x".repeat(*length) + "\r\n").collect();
            message.as_bytes().chunks(cut).for_each(|piece| arriving.write(piece));
            let is_too_long = lines.iter().any(|length| *length > LINE_MAX);
            prop_assert_eq!(arriving.objection().is_some(), is_too_long);
        }
    }

    #[test]
    fn the_message_id_is_found_in_the_header_alone() {
        for (head, expected) in [
            ("From: a\r\nMessage-ID: <1@x>\r\n\r\nbody", "<1@x>"),
            ("message-id:<1@x>\r\n\r\n", "<1@x>"),
            ("Message-ID:\r\n <1@x>\r\n\r\n", "<1@x>"),
            ("From: a\r\n\r\nMessage-ID: <1@x>\r\n", ""),
            ("", ""),
        ] {
            assert_eq!(message_id(head.as_bytes()), expected, "{head:?}");
        }
    }
}
