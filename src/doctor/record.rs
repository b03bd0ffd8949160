//! The record that holds a key (RFC 6376 section 3.6.1), read as who verifies reads it.

use data_encoding::BASE64;

use super::tags::{TagError, tags, unspaced, value};

/// A record that holds a key for mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// For which kind of signature: `rsa`, `ed25519`, or what nobody knows yet.
    pub kind: String,
    /// The public key, as `p=` holds it.
    pub key: Vec<u8>,
    /// Whether it is only being tried (`t=y`).
    pub is_tried: bool,
    /// Whether it signs for its very domain alone, and for none below (`t=s`).
    pub is_strict: bool,
}

/// Says why a text holds no key. The words follow "the record of NAME".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It is no tag list.
    #[error("cannot be read: {0}")]
    Tags(#[from] TagError),
    /// It has a version that is not ours, or not in the first place.
    #[error("is not of version DKIM1")]
    Version,
    /// `p=` is missing.
    #[error("has no key in it")]
    NoKey,
    /// `p=` is empty.
    #[error("says that its key is withdrawn")]
    Withdrawn,
    /// `p=` is not base64.
    #[error("holds a key that is not base64")]
    Garbled,
    /// It is for other hashes alone.
    #[error("does not allow SHA-256")]
    Hash,
    /// It is for something else than mail.
    #[error("is not for mail")]
    Service,
}

impl KeyRecord {
    /// Reads a record.
    pub fn read(text: &str) -> Result<Self, RecordError> {
        let read = tags(text)?;
        let version = read.iter().position(|(name, _)| *name == "v");
        if version.is_some_and(|at| at > 0 || read[0].1 != "DKIM1") {
            return Err(RecordError::Version);
        }
        let key = unspaced(value(&read, "p").ok_or(RecordError::NoKey)?);
        if key.is_empty() {
            return Err(RecordError::Withdrawn);
        }
        let allows = |tag, word: &str| {
            value(&read, tag).is_none_or(|list| {
                list.split(':').any(|one| matches!(one.trim(), "*") || one.trim() == word)
            })
        };
        if !allows("h", "sha256") {
            return Err(RecordError::Hash);
        }
        if !allows("s", "email") {
            return Err(RecordError::Service);
        }
        let flags = value(&read, "t").unwrap_or_default();
        let is_flagged = |flag| flags.split(':').any(|one| one.trim() == flag);
        Ok(Self {
            kind: value(&read, "k").unwrap_or("rsa").to_owned(),
            key: BASE64.decode(key.as_bytes()).map_err(|_| RecordError::Garbled)?,
            is_tried: is_flagged("y"),
            is_strict: is_flagged("s"),
        })
    }
}
