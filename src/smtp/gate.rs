//! The last gate: what passes may be put on a wire, and ends once.
//!
//! Pure. It looks at the finished bytes, whoever made them, so that no mistake
//! above can become a second message, a smuggled command or a header nobody
//! wrote (RFC 5321 sections 2.3.8, 4.5.2, 4.5.3.1.6).

use std::fmt::Write;

use memchr::{memchr, memchr_iter};

use super::{Capabilities, Envelope};

/// The longest line, without its CRLF.
const LINE_MAX: usize = 998;

/// A message ready for the wire.
#[derive(Debug, Default)]
pub(super) struct Framed {
    /// Dot-stuffed, and ending in CRLF, dot, CRLF.
    pub(super) bytes: Vec<u8>,
    /// Where the dot of the end is: before it has left, nobody has the message.
    pub(super) dot: usize,
}

/// Frames `message` into `framed`, whose space is used again, or says why it may not go.
pub(super) fn frame(message: &[u8], framed: &mut Framed) -> Result<(), String> {
    let bytes = &mut framed.bytes;
    bytes.clear();
    if message.is_empty() {
        return Err("the message is empty".to_owned());
    }
    if let Some(at) = memchr(0, message) {
        return Err(format!("there is a NUL in line {}", line_of(message, at)));
    }
    bytes.reserve(message.len() + 64);
    let (mut start, mut copied) = (0, 0);
    for end in memchr_iter(b'\n', message) {
        if end == 0 || message[end - 1] != b'\r' {
            return Err(format!("line {} ends in a bare LF", line_of(message, end)));
        }
        check_line(message, start, end - 1)?;
        if message[start] == b'.' {
            bytes.extend_from_slice(&message[copied..start]);
            bytes.push(b'.');
            copied = start;
        }
        start = end + 1;
    }
    // Every LF has its CR; where the counts are equal, every CR has its LF too.
    if memchr_iter(b'\r', message).count() != memchr_iter(b'\n', message).count() {
        return Err("there is a bare CR in it".to_owned());
    }
    if start < message.len() {
        check_line(message, start, message.len())?;
        if message[start] == b'.' {
            bytes.extend_from_slice(&message[copied..start]);
            bytes.push(b'.');
            copied = start;
        }
    }
    bytes.extend_from_slice(&message[copied..]);
    if start < message.len() {
        bytes.extend_from_slice(b"\r\n");
    }
    framed.dot = bytes.len();
    bytes.extend_from_slice(b".\r\n");
    Ok(())
}

fn check_line(message: &[u8], start: usize, end: usize) -> Result<(), String> {
    let length = end - start;
    if length <= LINE_MAX {
        return Ok(());
    }
    Err(format!("line {} has {length} bytes, more than {LINE_MAX}", line_of(message, start)))
}

fn line_of(message: &[u8], at: usize) -> usize {
    memchr_iter(b'\n', &message[..at]).count() + 1
}

/// Writes the MAIL and RCPT commands, each with its CRLF, or says why this relay cannot be asked to take the message.
pub(super) fn envelope(
    envelope: &Envelope<'_>,
    message: &[u8],
    capabilities: &Capabilities,
) -> Result<[String; 2], String> {
    let to = envelope.to.wire();
    check_path("return path", envelope.from)?;
    check_path("recipient", &to)?;
    let mut mail = format!("MAIL FROM:<{}>", envelope.from);
    if capabilities.offers("SIZE") {
        let _ = write!(mail, " SIZE={}", message.len());
    }
    if let Some(limit) = capabilities.size().filter(|&limit| limit < message.len() as u64) {
        let length = message.len();
        return Err(format!("the message has {length} bytes, and the relay takes at most {limit}"));
    }
    if !message.is_ascii() {
        if !capabilities.offers("8BITMIME") {
            return Err("the message has 8-bit bytes, and the relay does not offer 8BITMIME".into());
        }
        mail.push_str(" BODY=8BITMIME");
    }
    if !(envelope.from.is_ascii() && to.is_ascii()) {
        if !capabilities.offers("SMTPUTF8") {
            return Err("the address is not ASCII, and the relay does not offer SMTPUTF8".into());
        }
        mail.push_str(" SMTPUTF8");
    }
    mail.push_str("\r\n");
    Ok([mail, format!("RCPT TO:<{to}>\r\n")])
}

/// Lets nothing into a path that could end it: a control, or outside quotes a space or an angle bracket.
fn check_path(what: &str, path: &str) -> Result<(), String> {
    let mut quoted = false;
    let mut escaped = false;
    let breaks_out = path.chars().any(|c| match c {
        _ if c.is_control() => true,
        _ if escaped => {
            escaped = false;
            false
        }
        '\\' if quoted => {
            escaped = true;
            false
        }
        '"' => {
            quoted = !quoted;
            false
        }
        ' ' | '<' | '>' => !quoted,
        _ => false,
    });
    if breaks_out || quoted { Err(format!("the {what} is no mailbox")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(message: &str) -> Result<String, String> {
        let mut framed = Framed::default();
        frame(message.as_bytes(), &mut framed)?;
        assert_eq!(&framed.bytes[framed.dot..], b".\r\n");
        Ok(String::from_utf8(framed.bytes).expect("it came from text"))
    }

    #[test]
    fn a_message_ends_once() {
        for (message, expected) in [
            ("a\r\n", "a\r\n.\r\n"),
            ("a", "a\r\n.\r\n"),
            ("\r\n", "\r\n.\r\n"),
            (".", "..\r\n.\r\n"),
            (".a\r\n..\r\nb.\r\n", "..a\r\n...\r\nb.\r\n.\r\n"),
            ("a\r\n.\r\nMAIL FROM:<b>\r\n", "a\r\n..\r\nMAIL FROM:<b>\r\n.\r\n"),
            ("a\r\n.b", "a\r\n..b\r\n.\r\n"),
        ] {
            assert_eq!(framed(message).as_deref(), Ok(expected), "{message:?}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_does_not_pass() {
        let long = "x".repeat(999) + "\r\n";
        for (message, why) in [
            ("", "the message is empty"),
            ("a\nb\r\n", "line 1 ends in a bare LF"),
            ("a\r\n\n", "line 2 ends in a bare LF"),
            ("\n", "line 1 ends in a bare LF"),
            ("a\rb\r\n", "there is a bare CR in it"),
            ("a\r\r\n", "there is a bare CR in it"),
            ("a\r", "there is a bare CR in it"),
            ("a\r\nb\0\r\n", "there is a NUL in line 2"),
            (&long, "line 1 has 999 bytes, more than 998"),
            (&format!("a\r\n{}", long.trim_end()), "line 2 has 999 bytes, more than 998"),
        ] {
            assert_eq!(framed(message), Err(why.to_owned()), "{message:?}");
        }
        assert!(framed(&long[1..]).is_ok());
    }

    #[test]
    fn a_path_cannot_end_its_command() {
        for good in
            ["", "a@b.example", "\"a <b> c\"@b.example", "\"a\\\" >\"@b.example", "jörg@b.example"]
        {
            assert_eq!(check_path("recipient", good), Ok(()), "{good:?}");
        }
        for bad in
            ["a@b> SIZE=1", "a@b\r\nDATA", "a b@c", "\"a@b", "\"a\"> x", "a@b\0", "\"a\\\"> \"@b>"]
        {
            assert!(check_path("recipient", bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_server_reads_back_what_went_in(lines in proptest::collection::vec("[.a\u{e9} ]{0,5}", 1..20)) {
            let message = lines.join("\r\n") + "\r\n";
            let wire = framed(&message).expect("it is fit");
            prop_assert_eq!(wire.find("\r\n.\r\n").map(|at| at + 5).or((wire == ".\r\n").then_some(3)), Some(wire.len()));
            let body = wire.strip_suffix(".\r\n").expect("it ends");
            let back: String = body
                .split_inclusive("\r\n")
                .map(|line| line.strip_prefix('.').unwrap_or(line))
                .collect();
            prop_assert_eq!(back, message);
        }

        #[test]
        fn no_bytes_panic_and_what_passes_is_clean(message in "[.a\r\n\0]{0,30}|(\r\n|\\.|a){0,30}") {
            if let Ok(wire) = framed(&message) {
                let bare = wire.replace("\r\n", "");
                prop_assert!(!bare.contains(['\r', '\n', '\0']));
                prop_assert!(wire.ends_with("\r\n.\r\n"));
                prop_assert_eq!(wire.matches("\r\n.\r\n").count(), 1);
            }
        }
    }
}
