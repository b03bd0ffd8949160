//! Header fields: people's words (subjects, mailboxes) and the list's own (RFC 5322, 2047, 2369, 2919).
//!
//! lettre encodes and folds. It never sees a raw value: all text comes through
//! [`header_text`], because lettre panics at a line end in a display name, lets
//! a stranger's encoded word pass, and makes a line as long as its longest
//! word. Plain ASCII names are quoted here; lettre would hide `O'Brien, Anne`
//! in base64.

use jiff::{Timestamp, fmt::rfc2822, tz::TimeZone};
use lettre::message::{
    Mailbox, Mailboxes,
    header::{Headers as Encoder, ReplyTo, Subject},
};

use super::{
    edition::{Edition, Headers},
    merge::{header_text, percent_encode},
    token::TokenError,
};
use crate::model::Address;

/// Says why an edition cannot be printed at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PressError {
    /// A value that no header may hold: white space inside, a control character, or too long.
    #[error("`{value}` cannot stand in the {header} header")]
    Header {
        /// The header.
        header: &'static str,
        /// The value, made printable.
        value: String,
    },
    /// A domain that has no A-label form (RFC 5890).
    #[error("`{0}` is not a domain name")]
    Domain(String),
    /// The Date has no year that RFC 5322 can write.
    #[error("the date {0} cannot be written in a header")]
    Date(Timestamp),
    /// The issue's number is out of range.
    #[error("the issue's number: {0}")]
    Issue(TokenError),
}

/// Longer than any name that is one, and short enough for one line when quoted.
const NAME_CHARS: usize = 120;

/// Longer than any subject that is read, and well within a line.
pub(super) const SUBJECT_CHARS: usize = 400;

/// As long as a URL or Message-ID may be, so that no line passes 998 bytes (RFC 5322 section 2.1.1).
const VALUE_BYTES: usize = 800;

/// Where a line should end (RFC 5322 section 2.1.1).
const COLUMNS: usize = 78;

/// Appends a Subject field with its line end; the text is cleaned and at most [`SUBJECT_CHARS`] long.
pub(super) fn subject(text: &str, out: &mut Vec<u8>) {
    let mut encoder = Encoder::new();
    encoder.set(Subject::from(header_text(text, SUBJECT_CHARS)));
    out.extend_from_slice(encoder.to_string().as_bytes());
}

/// Appends a field of one mailbox with its line end; the domain goes as A-labels.
pub(super) fn mailbox(field: &str, name: &str, address: &Address, out: &mut Vec<u8>) {
    phrase_and_id(field, name, &[address.local(), "@", address.domain()], out);
}

/// Returns the fields before To: Date, From, Reply-To.
pub(super) fn before_to(headers: &Headers, date: Timestamp) -> Result<Vec<u8>, PressError> {
    // A zoned time in UTC is shown as +0000; a bare instant as -0000, "somewhere" (RFC 5322 section 3.3).
    let shown =
        rfc2822::to_string(&date.to_zoned(TimeZone::UTC)).map_err(|_| PressError::Date(date))?;
    let mut out = format!("Date: {shown}\r\n").into_bytes();
    mailbox("From", &headers.from.name, &headers.from.address, &mut out);
    if let Some(reply_to) = &headers.reply_to {
        mailbox("Reply-To", &reply_to.name, &reply_to.address, &mut out);
    }
    Ok(out)
}

/// Returns the List-Id field (RFC 2919).
pub(super) fn list_id(headers: &Headers) -> Result<Vec<u8>, PressError> {
    let mut out = Vec::new();
    phrase_and_id("List-Id", &headers.list_title, &[&a_label(&headers.list_id)?], &mut out);
    Ok(out)
}

/// Returns the fields from List-Help to List-Archive (RFC 2369). Nobody may post; the owner is whom readers' answers reach.
pub(super) fn list(headers: &Headers) -> Result<Vec<u8>, PressError> {
    let help = url("List-Help", &headers.list_help)?;
    let owner = mailto(reply_address(headers));
    let archive = match &headers.list_archive {
        Some(archive) => format!("List-Archive: <{}>\r\n", url("List-Archive", archive)?),
        None => String::new(),
    };
    let list =
        format!("List-Help: <{help}>\r\nList-Owner: <{owner}>\r\nList-Post: NO\r\n{archive}");
    Ok(list.into_bytes())
}

/// Returns the Feedback-ID of Gmail's feedback loop: four names from the narrowest to the sender's, which must be 5 to 15 characters.
pub(super) fn feedback_id(edition: &Edition, kind: &str) -> Vec<u8> {
    let name = |text: &str, length: usize| -> String {
        let dashed = |char: char| if char.is_ascii_alphanumeric() { char } else { '-' };
        text.chars().map(dashed).take(length).collect()
    };
    let issue = name(&edition.slug, 60);
    let publication = name(&edition.publication, 60);
    let sender = name(edition.headers.from.address.domain(), 15);
    format!("Feedback-ID: {issue}:{publication}:{kind}:{sender:-<5}\r\n").into_bytes()
}

/// Returns whom readers' answers reach.
pub(super) fn reply_address(headers: &Headers) -> &Address {
    &headers.reply_to.as_ref().unwrap_or(&headers.from).address
}

/// Returns a domain as the wire holds it.
pub(super) fn a_label(domain: &str) -> Result<String, PressError> {
    idna::domain_to_ascii(domain)
        .ok()
        .filter(|ascii| fits(ascii) && !ascii.contains(['<', '>', '@', ',']))
        .ok_or_else(|| PressError::Domain(header_text(domain, 80)))
}

/// Returns an address as a URL (RFC 6068).
pub(super) fn mailto(address: &Address) -> String {
    let mut url = String::from("mailto:");
    percent_encode(address.local(), &mut url);
    url + "@" + address.domain()
}

/// Returns a URL as a header holds it: the host as A-labels, what else is not ASCII percent-encoded.
pub(super) fn url(header: &'static str, url: &str) -> Result<String, PressError> {
    let (mut ascii, rest) = match url.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find(['/', '?', '#', ':']).unwrap_or(rest.len());
            (format!("{scheme}://{}", a_label(&rest[..end])?), &rest[end..])
        }
        None => (String::new(), url),
    };
    for char in rest.chars() {
        if char.is_ascii() {
            ascii.push(char);
        } else {
            percent_encode(char.encode_utf8(&mut [0; 4]), &mut ascii);
        }
    }
    if fits(&ascii) && !ascii.contains(['<', '>', ',']) {
        Ok(ascii)
    } else {
        Err(PressError::Header { header, value: header_text(url, 80) })
    }
}

/// Tells whether a value without white space may stand in a header as it is.
pub(super) fn fits(value: &str) -> bool {
    (1..=VALUE_BYTES).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Appends `field: phrase <id>` with its line end, folded before the id where the line would be too long.
fn phrase_and_id(field: &str, phrase: &str, id: &[&str], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(field.as_bytes());
    out.extend_from_slice(b":");
    let phrase = header_text(phrase, NAME_CHARS);
    if phrase.is_ascii() {
        push_quoted(&phrase, out);
    } else {
        out.push(b' ');
        out.extend_from_slice(encoded_phrase(&phrase).as_bytes());
    }
    let line = out[start..].iter().rev().take_while(|byte| **byte != b'\n').count();
    let id_bytes: usize = id.iter().map(|part| part.len()).sum();
    if !phrase.is_empty() && line + " <>".len() + id_bytes > COLUMNS {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b" <");
    for part in id {
        out.extend_from_slice(part.as_bytes());
    }
    out.extend_from_slice(b">\r\n");
}

fn push_quoted(phrase: &str, out: &mut Vec<u8>) {
    if phrase.is_empty() {
        return;
    }
    out.extend_from_slice(b" \"");
    for byte in phrase.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// Returns a phrase as encoded words, folded for the longest field there is.
fn encoded_phrase(phrase: &str) -> String {
    let nobody = lettre::Address::new_dangerous("a", "b");
    let mailbox = Mailbox::new(Some(phrase.to_owned()), nobody);
    let mut encoder = Encoder::new();
    encoder.set(ReplyTo::from(Mailboxes::from(mailbox)));
    let field = encoder.to_string();
    let value = field.strip_prefix("Reply-To: ").unwrap_or(&field);
    value.rsplit_once('<').map_or(value, |(phrase, _)| phrase).trim_end().to_owned()
}
