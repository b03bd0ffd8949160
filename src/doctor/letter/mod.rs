//! A message that arrived, or is about to, looked at as a receiver does: any message, of whatever program.
//!
//! Each check is a file, listed in [`read`]. The bytes are a stranger's: nothing
//! here panics on them, and what is done with them grows with their number alone.

mod header;
mod parts;
mod signature;
mod unsubscribe;

use std::collections::BTreeMap;

use jiff::Timestamp;
use mail_parser::MessageParser;

use super::{Dns, Finding, Verdict, dmarc, seal::Seal};
use crate::compose::{header_and_body, header_fields};

/// How long a message may be, in bytes. No provider takes a longer one.
pub const LETTER_BYTES: usize = 50 << 20;

/// Who asks for what only senders of many mails have to do.
const BULK: &str = "Gmail, Yahoo and Microsoft, of bulk senders";

/// What is known of a message.
struct Letter {
    /// Its bytes, every line ended by CR LF.
    bytes: Vec<u8>,
    /// The values of the fields that are looked at, by their names.
    values: BTreeMap<&'static str, Vec<String>>,
    /// The domain of From, where that is one address.
    from: Option<String>,
    /// The signatures that hold.
    proven: Vec<Seal>,
}

/// Looks at a message at a time. Lines that end with LF alone, as files have them, are taken for whole ones.
pub async fn read(message: &[u8], now: Timestamp, dns: &Dns) -> Vec<Finding> {
    let mut letter = Letter::of(message);
    let mut findings = header::check(&letter, now);
    findings.extend(signature::check(&mut letter, now, dns).await);
    findings.push(signature::alignment(&letter, dns).await);
    if let Some(from) = &letter.from {
        findings.push(dmarc::of(from, dns).await);
    }
    findings.push(unsubscribe::check(&letter));
    findings.extend(parts::check(&letter));
    findings.push(bulk(&findings));
    findings
}

/// Looks at what a message shows by itself, without its signatures and without asking anybody.
pub fn glance(message: &[u8], now: Timestamp) -> Vec<Finding> {
    let letter = Letter::of(message);
    let mut findings = header::check(&letter, now);
    findings.push(unsubscribe::check(&letter));
    findings.extend(parts::check(&letter));
    findings
}

impl Letter {
    fn of(message: &[u8]) -> Self {
        let bytes = with_line_ends(message);
        let values = values(&bytes);
        let mut letter = Self { from: None, proven: Vec::new(), values, bytes };
        letter.from = header::sender(&letter);
        letter
    }

    /// Returns the values of a field that is looked at, unfolded.
    fn values(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }
}

/// Gathers the values of the fields that are looked at, in one pass: a stranger's header may have a million.
fn values(message: &[u8]) -> BTreeMap<&'static str, Vec<String>> {
    let mut values: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for (name, field) in header_fields(header_and_body(message).0) {
        let is_it = |known: &&&str| name.eq_ignore_ascii_case(known.as_bytes());
        if let Some(known) = header::ONCE.iter().chain(&unsubscribe::FIELDS).find(is_it) {
            let text = String::from_utf8_lossy(field).replace("\r\n", "");
            let value = text.split_once(':').map_or("", |(_, value)| value).trim().to_owned();
            values.entry(known).or_default().push(value);
        }
    }
    values
}

/// Says which of the rules for bulk are not kept, of those that a message shows.
fn bulk(findings: &[Finding]) -> Finding {
    const CHECK: &str = "bulk rules";
    const RULES: [&str; 5] = ["headers", "DKIM", "alignment", "DMARC", "unsubscribe"];
    let with = |verdict: Verdict| -> Vec<&str> {
        let is_so = |rule: &&str| {
            let of = || findings.iter().filter(|finding| finding.check == *rule);
            // One good signature is enough.
            let is_saved = *rule == "DKIM"
                && of().any(|finding| matches!(finding.verdict, Verdict::Ok | Verdict::Warn));
            !is_saved && of().any(|finding| finding.verdict == verdict)
        };
        RULES.into_iter().filter(is_so).collect()
    };
    let (lacking, unknown) = (with(Verdict::Wrong), with(Verdict::NotChecked));
    if !lacking.is_empty() {
        return Finding::wrong(CHECK, BULK, format!("it does not keep: {}", lacking.join(", ")))
            .mend("mend what is wrong above");
    }
    if !unknown.is_empty() {
        return Finding::not_checked(
            CHECK,
            BULK,
            format!("what it shows is as it should be; not known of: {}", unknown.join(", ")),
        );
    }
    Finding::ok(
        CHECK,
        BULK,
        "it keeps what a message can show; the rest is SPF, TLS, PTR and few complaints",
    )
}

/// Makes each lone LF a line end of mail, and takes off the line that a mailbox puts before a message.
fn with_line_ends(message: &[u8]) -> Vec<u8> {
    let start = if message.starts_with(b"From ") {
        memchr::memchr(b'\n', message).map_or(0, |at| at + 1)
    } else {
        0
    };
    let mut rest = &message[start..];
    let mut whole = Vec::with_capacity(rest.len() + rest.len() / 32);
    while let Some(at) = memchr::memchr(b'\n', rest) {
        let line = &rest[..at];
        whole.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        whole.extend_from_slice(b"\r\n");
        rest = &rest[at + 1..];
    }
    whole.extend_from_slice(rest);
    whole
}

/// Takes a message's head apart, and nothing of its body.
fn head(letter: &Letter) -> Option<mail_parser::Message<'_>> {
    let (header, _) = header_and_body(&letter.bytes);
    MessageParser::default().parse_headers(header)
}
