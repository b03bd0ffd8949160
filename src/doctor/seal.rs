//! A DKIM-Signature of a message that arrived, verified as a receiver does (RFC 6376 section 6, RFC 8301, RFC 8463).
//!
//! Nothing here asks the DNS or the clock: the record and the time are arguments.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use jiff::Timestamp;
use ring::{
    digest::{Context, SHA256, digest},
    signature::{ED25519, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey},
};

use super::{
    record::{KeyRecord, RecordError},
    tags::{tags, unspaced, value},
};
use crate::compose::{header_and_body, header_fields, relaxed_body_hash, relaxed_field};

/// How many signatures of a message are looked at, as many as most receivers do.
const SEALS: usize = 10;
/// The longest signature that is looked at, in bytes; ours have some 700.
const LENGTH: usize = 16_384;
/// From so many bits on an RSA key is as long as RFC 8301 asks for.
const BITS: usize = 2_048;

/// A signature, read.
// Each is a tag, or half of one.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// As whom it was signed, `d=`.
    pub domain: String,
    /// Which key, `s=`.
    pub selector: String,
    /// The fields it covers, in lower case.
    pub fields: Vec<String>,
    /// Which of the message's fields it is.
    at: usize,
    /// The whole field.
    text: String,
    /// Whether it is said to be for a domain below `d=`, by `i=`.
    is_below: bool,
    expires: Option<i64>,
    is_ed25519: bool,
    is_header_relaxed: bool,
    is_body_relaxed: bool,
    body_hash: Vec<u8>,
    signature: Vec<u8>,
}

/// What a signature that holds leaves to be wished for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strength {
    /// Whether its domain says that it is only trying (`t=y`).
    pub is_tried: bool,
    /// How many bits the key has, where they are fewer than RFC 8301 asks of who signs.
    pub short_bits: Option<usize>,
}

/// Says why a signature proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It is no tag list, or longer than anybody needs.
    #[error("it cannot be read")]
    Unreadable,
    /// A tag is missing or cannot be read.
    #[error("its `{0}=` is missing or cannot be read")]
    Tag(&'static str),
    /// An algorithm that receivers take no more (RFC 8301), or that nobody knows.
    #[error("its algorithm is neither rsa-sha256 nor ed25519-sha256")]
    Algorithm,
    /// It covers the beginning of the body only.
    #[error("it covers only so much of the body as `l=` says, and anybody may add to that")]
    Length,
    /// It does not cover From (section 5.4).
    #[error("it does not cover From")]
    From,
    /// Whom it is said to be for is not of its domain.
    #[error("its `i=` is not of its `d=`")]
    Identity,
    /// Its time is over.
    #[error("it was to be believed until {0}")]
    Expired(Timestamp),
    /// The body is another.
    #[error("the body was changed after it was signed")]
    Body,
    /// The record cannot be used.
    #[error("its record {0}")]
    Record(#[from] RecordError),
    /// The record holds a key of another kind.
    #[error("its record holds a key of another kind")]
    Kind,
    /// The key is one that anybody may have taken apart (RFC 8301 section 3.2), or longer than anybody computes with.
    #[error("its key has {0} bits, which no receiver takes")]
    Bits(usize),
    /// A field is another, or the key is.
    #[error("a header field was changed after it was signed, or the key is another")]
    Header,
}

impl Seal {
    /// Returns every signature of a message whose lines end with CR LF, at most ten.
    pub fn all(message: &[u8]) -> Vec<Result<Self, SealError>> {
        let (header, _) = header_and_body(message);
        header_fields(header)
            .enumerate()
            .filter(|(_, (name, _))| name.eq_ignore_ascii_case(b"DKIM-Signature"))
            .take(SEALS)
            .map(|(at, (_, field))| Self::read(at, field))
            .collect()
    }

    fn read(at: usize, field: &[u8]) -> Result<Self, SealError> {
        let text = std::str::from_utf8(field)
            .ok()
            .filter(|text| text.len() <= LENGTH)
            .ok_or(SealError::Unreadable)?;
        let (_, list) = text.split_once(':').ok_or(SealError::Unreadable)?;
        let read = tags(list).map_err(|_| SealError::Unreadable)?;
        let get = |name: &'static str| value(&read, name).ok_or(SealError::Tag(name));
        if get("v")? != "1" {
            return Err(SealError::Tag("v"));
        }
        let is_ed25519 = match get("a")?.to_ascii_lowercase().as_str() {
            "ed25519-sha256" => true,
            "rsa-sha256" => false,
            _ => return Err(SealError::Algorithm),
        };
        if value(&read, "l").is_some() {
            return Err(SealError::Length);
        }
        let fields: Vec<String> =
            get("h")?.split(':').map(|name| name.trim().to_ascii_lowercase()).collect();
        if !fields.iter().any(|name| name == "from") {
            return Err(SealError::From);
        }
        let forms = value(&read, "c").unwrap_or("simple");
        let (header, body) = forms.split_once('/').unwrap_or((forms, "simple"));
        let is_relaxed = |form: &str| match form {
            "relaxed" => Ok(true),
            "simple" => Ok(false),
            _ => Err(SealError::Tag("c")),
        };
        let bytes =
            |name| BASE64.decode(unspaced(get(name)?).as_bytes()).map_err(|_| SealError::Tag(name));
        let number = |name: &'static str| {
            value(&read, name)
                .map(|text| text.parse::<i64>().map_err(|_| SealError::Tag(name)))
                .transpose()
        };
        let name = |tag| {
            let name = unspaced(get(tag)?).to_ascii_lowercase();
            if is_name(&name) { Ok(name) } else { Err(SealError::Tag(tag)) }
        };
        let domain = name("d")?;
        let is_below = match value(&read, "i") {
            None => false,
            Some(identity) => names_below(&domain, identity)?,
        };
        Ok(Self {
            selector: name("s")?,
            fields,
            at,
            text: text.to_owned(),
            is_below,
            expires: number("x")?,
            is_ed25519,
            is_header_relaxed: is_relaxed(header)?,
            is_body_relaxed: is_relaxed(body)?,
            body_hash: bytes("bh")?,
            signature: bytes("b")?,
            domain,
        })
    }

    /// Returns the name of the record with its key.
    pub fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// Verifies a message at a time, by the key of a record.
    pub fn verify(
        &self,
        message: &[u8],
        record: &str,
        now: Timestamp,
    ) -> Result<Strength, SealError> {
        if let Some(end) = self.expires.filter(|end| *end < now.as_second()) {
            let end = Timestamp::from_second(end).unwrap_or(Timestamp::MIN);
            return Err(SealError::Expired(end));
        }
        let record = KeyRecord::read(record)?;
        if record.kind != if self.is_ed25519 { "ed25519" } else { "rsa" } {
            return Err(SealError::Kind);
        }
        if self.is_below && record.is_strict {
            return Err(SealError::Identity);
        }
        let (header, body) = header_and_body(message);
        let hash = if self.is_body_relaxed { relaxed_body_hash(body) } else { simple_hash(body) };
        if hash.as_slice() != self.body_hash {
            return Err(SealError::Body);
        }
        let signed = self.signed(header);
        let short_bits = if self.is_ed25519 {
            let hash = digest(&SHA256, &signed);
            UnparsedPublicKey::new(&ED25519, &record.key)
                .verify(hash.as_ref(), &self.signature)
                .map_err(|_| SealError::Header)?;
            None
        } else {
            let key = rsa_key(&record.key).ok_or(RecordError::Garbled)?;
            let bits = rsa_bits(key).ok_or(RecordError::Garbled)?;
            if !(1_024..=8_192).contains(&bits) {
                return Err(SealError::Bits(bits));
            }
            UnparsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, key)
                .verify(&signed, &self.signature)
                .map_err(|_| SealError::Header)?;
            Some(bits).filter(|bits| *bits < BITS)
        };
        Ok(Strength { is_tried: record.is_tried, short_bits })
    }

    /// Returns what was signed of the header: the fields of `h=`, of several the last first, then the signature without its `b=`.
    fn signed(&self, header: &[u8]) -> Vec<u8> {
        let mut left: BTreeMap<Vec<u8>, Vec<&[u8]>> = BTreeMap::new();
        for (at, (name, field)) in header_fields(header).enumerate() {
            if at != self.at {
                left.entry(name.to_ascii_lowercase()).or_default().push(field);
            }
        }
        let mut signed = Vec::new();
        for name in &self.fields {
            if let Some(field) = left.get_mut(name.as_bytes()).and_then(Vec::pop) {
                self.push(field, &mut signed);
                signed.extend_from_slice(b"\r\n");
            }
        }
        self.push(without_signature(&self.text).as_bytes(), &mut signed);
        signed
    }

    fn push(&self, field: &[u8], out: &mut Vec<u8>) {
        if self.is_header_relaxed {
            relaxed_field(field, out);
        } else {
            out.extend_from_slice(field);
        }
    }
}

/// Tells whether a text can be a name that is looked up: labels with dots between.
fn is_name(text: &str) -> bool {
    let fits = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    text.len() <= 253 && text.split('.').all(fits)
}

/// Tells whether an identity, `i=`, is of a domain below the one that signed; one of neither is an error.
fn names_below(domain: &str, identity: &str) -> Result<bool, SealError> {
    let of = identity.rsplit('@').next().unwrap_or_default().trim().to_ascii_lowercase();
    match of.strip_suffix(domain) {
        Some("") => Ok(false),
        Some(before) if before.ends_with('.') => Ok(true),
        _ => Err(SealError::Identity),
    }
}

/// Empties the value of `b=`, and nothing else.
fn without_signature(field: &str) -> String {
    let (name, list) = field.split_once(':').unwrap_or((field, ""));
    let pieces: Vec<&str> = list
        .split(';')
        .map(|piece| match piece.split_once('=') {
            Some((tag, _)) if tag.trim() == "b" => &piece[..=tag.len()],
            _ => piece,
        })
        .collect();
    format!("{name}:{}", pieces.join(";"))
}

/// Returns the SHA-256 of a body in its simple form (section 3.4.3).
fn simple_hash(body: &[u8]) -> [u8; 32] {
    let mut rest = body;
    while let Some(before) = rest.strip_suffix(b"\r\n") {
        rest = before;
    }
    let mut context = Context::new(&SHA256);
    context.update(rest);
    context.update(b"\r\n");
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

/// Returns the key itself (RFC 8017 appendix A.1.1), whether or not it is wrapped as SubjectPublicKeyInfo.
fn rsa_key(der: &[u8]) -> Option<&[u8]> {
    let (tag, inside, _) = element(der)?;
    let (first, _, after) = element(inside)?;
    if tag != SEQUENCE || first != SEQUENCE {
        return Some(der);
    }
    let (tag, bits, _) = element(after)?;
    if tag == BIT_STRING { bits.strip_prefix(&[0]) } else { None }
}

/// Returns how many bits the modulus of a key has.
fn rsa_bits(key: &[u8]) -> Option<usize> {
    let (SEQUENCE, inside, _) = element(key)? else { return None };
    let (INTEGER, modulus, _) = element(inside)? else { return None };
    let start = modulus.iter().position(|byte| *byte != 0)?;
    let length = modulus.len() - start;
    Some(length * 8 - modulus[start].leading_zeros() as usize)
}

/// Splits a DER element off: its tag, what is in it, and what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, length], rest) = der.split_first_chunk()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81 => rest.split_first().map(|(length, rest)| (usize::from(*length), rest))?,
        0x82 => {
            let (bytes, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*bytes)), rest)
        }
        _ => return None,
    };
    let (inside, after) = rest.split_at_checked(length)?;
    Some((tag, inside, after))
}
