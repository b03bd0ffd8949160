//! A message as it comes in: kept as the settings say, and entered in the books when it is taken.

use std::{io, net::SocketAddr, sync::atomic::Ordering};

use jiff::{Timestamp, fmt::rfc2822, tz::TimeZone};

use super::{Acceptance, Books, Letter, lock, maildir::Incoming};

/// The most bytes of a message, as SIZE says (RFC 1870).
pub(super) const SIZE_MAX: usize = 50 * 1024 * 1024;
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
    failed: Option<io::Error>,
}

impl Arriving {
    /// Begins a message for `envelope` from a client that calls itself `hello`.
    pub(super) fn begin(books: &Books, envelope: &Envelope, hello: &str, peer: SocketAddr) -> Self {
        let received = || {
            let now = Timestamp::now().to_zoned(TimeZone::UTC);
            let date = rfc2822::to_string(&now).unwrap_or_default();
            format!(
                "Received: from {hello} ([{}])\r\n\tby localhost (postrider outbox) with SMTP; {date}\r\n",
                peer.ip()
            )
        };
        let opened = books.maildir.as_ref().map(|maildir| {
            let trace = received();
            maildir.begin(envelope.to.iter().map(|to| {
                format!("Return-Path: <{}>\r\nDelivered-To: {to}\r\n{trace}", envelope.from)
            }))
        });
        let (file, failed) = match opened.transpose() {
            Ok(file) => (file, None),
            Err(error) => (None, Some(error)),
        };
        Self {
            file,
            bytes: books.in_memory.then(Vec::new),
            head: books.record.then(Vec::new),
            length: 0,
            failed,
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

    /// Returns why it cannot be taken, as the reply to the dot.
    pub(super) fn objection(&self) -> Option<String> {
        if self.length > SIZE_MAX {
            return Some(format!("552 5.3.4 more than {SIZE_MAX} bytes"));
        }
        self.failed.as_ref().map(|error| format!("452 4.3.1 cannot keep it: {error}"))
    }

    /// Takes it: from here on it counts as delivered.
    pub(super) fn accept(self, books: &Books, envelope: Envelope) -> io::Result<()> {
        if let Some(file) = self.file {
            file.finish()?;
        }
        let Envelope { from, to } = envelope;
        books.accepted.fetch_add(to.len() as u64, Ordering::Relaxed);
        if let Some(head) = self.head {
            let (message_id, at) = (message_id(&head), Timestamp::now());
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
    use super::*;

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
