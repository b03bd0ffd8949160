//! An mbox file: messages one after the other, each behind a line `From ` (RFC 4155).
//!
//! It is read as a stream and never written: which messages were dealt with,
//! the ledger knows.

use std::io::{self, BufRead};

use super::{BYTES_MAX, Mail};

/// Reads the messages of an mbox file in order.
#[derive(Debug)]
pub struct Mbox<R> {
    from: R,
    /// How many were read.
    count: usize,
    /// Whether the line behind the last message's end was read already.
    is_inside: bool,
}

impl<R: BufRead> Mbox<R> {
    /// Begins at the start of the file.
    pub fn new(from: R) -> Self {
        Self { from, count: 0, is_inside: false }
    }

    /// Reads the next. A file that begins with anything but a `From ` line is refused: what is in it would be passed over in silence.
    fn read(&mut self) -> io::Result<Option<Mail>> {
        let mut bytes = Vec::new();
        let mut line = Vec::new();
        let mut is_after_blank = !self.is_inside;
        loop {
            line.clear();
            if read_line(&mut self.from, &mut line)? == 0 {
                let is_last = std::mem::replace(&mut self.is_inside, false);
                return Ok(is_last.then(|| self.mail(bytes)));
            }
            if line.starts_with(b"From ") && is_after_blank {
                if self.is_inside {
                    return Ok(Some(self.mail(bytes)));
                }
                self.is_inside = true;
            } else if !self.is_inside && !line.trim_ascii().is_empty() {
                let why = "it is no mbox, since it does not begin with a line `From `";
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            } else if self.is_inside && (bytes.len() as u64) < BYTES_MAX {
                bytes.extend_from_slice(unquoted(&line));
            }
            is_after_blank = line.trim_ascii().is_empty();
        }
    }

    fn mail(&mut self, bytes: Vec<u8>) -> Mail {
        self.count += 1;
        Mail { name: self.count.to_string(), bytes }
    }
}

impl<R: BufRead> Iterator for Mbox<R> {
    type Item = io::Result<Mail>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// Takes off one of the `>` that a line in a message got because it began with `From `.
fn unquoted(line: &[u8]) -> &[u8] {
    let bare = line.iter().take_while(|byte| **byte == b'>').count();
    if bare > 0 && line[bare..].starts_with(b"From ") { &line[1..] } else { line }
}

/// Reads a line, or as much of one as a message may be long.
fn read_line(from: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    io::Read::take(from, BYTES_MAX).read_until(b'\n', line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str) -> Vec<String> {
        Mbox::new(file.as_bytes())
            .map(|mail| String::from_utf8(mail.expect("it reads").bytes).expect("it is text"))
            .collect()
    }

    #[test]
    fn messages_are_told_apart_and_unquoted() {
        let file = "From a Mon\nSubject: 1\n\n>From here\n>>From there\nFrom the middle\n\nFrom b Tue\nSubject: 2\n\nend";
        assert_eq!(
            read(file),
            ["Subject: 1\n\nFrom here\n>From there\nFrom the middle\n\n", "Subject: 2\n\nend"]
        );
        assert_eq!(read(""), [""; 0]);
        assert_eq!(read("\n\nFrom a\n1\n"), ["1\n"]);
        assert_eq!(read("From a\nFrom b\n"), ["From b\n"], "only behind a blank line");
    }

    #[test]
    fn a_file_that_is_no_mbox_is_refused_once() {
        for file in ["Subject: a single mail\n\nFrom here on\n", "\0\0\0", "\nno mailbox\n"] {
            let error =
                Mbox::new(file.as_bytes()).next().expect("it is not empty").expect_err(file);
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{file}");
        }
    }
}
