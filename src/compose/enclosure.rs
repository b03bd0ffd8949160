//! Pictures that travel with the mail, each named by its own content.
//!
//! HTML names one as `cid:` and its Content-ID (RFC 2392). The identifier is
//! a digest of the bytes, so the same picture travels once, and every attempt
//! carries the same message.

use std::cell::RefCell;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A picture that travels with the mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enclosure {
    /// Its Content-ID, without angle brackets.
    pub id: String,
    /// The name it is saved by.
    pub name: String,
    /// Its kind: `image/png`, `image/jpeg` or `image/gif`.
    pub media_type: String,
    /// What it holds.
    #[serde(with = "base64")]
    pub bytes: Vec<u8>,
}

impl Enclosure {
    /// Returns the address HTML knows it by.
    pub fn url(&self) -> String {
        format!("cid:{}", self.id)
    }
}

/// The pictures of an issue, gathered while it is set.
#[derive(Debug)]
pub(super) struct Enclosures {
    /// The domain of their identifiers.
    domain: String,
    gathered: RefCell<Vec<Enclosure>>,
}

impl Enclosures {
    pub(super) fn new(domain: &str) -> Self {
        Self { domain: domain.to_owned(), gathered: RefCell::default() }
    }

    /// Takes a picture along, once however often it is shown, and returns the address HTML knows it by.
    pub(super) fn add(&self, name: &str, media_type: &str, bytes: &[u8]) -> String {
        let digest = HEXLOWER.encode(&Sha256::digest(bytes)[..16]);
        let id = format!("{digest}@{}", self.domain);
        let mut gathered = self.gathered.borrow_mut();
        let known = gathered.iter().find(|enclosure| enclosure.id == id);
        if let Some(known) = known {
            return known.url();
        }
        let enclosure = Enclosure {
            id,
            name: file_name(name, &gathered),
            media_type: media_type.to_owned(),
            bytes: bytes.to_vec(),
        };
        let url = enclosure.url();
        gathered.push(enclosure);
        url
    }

    /// Hands out every picture.
    pub(super) fn into_all(self) -> Vec<Enclosure> {
        self.gathered.into_inner()
    }
}

/// Returns a name that any system saves a file by, and no other picture of the issue has.
fn file_name(path: &str, others: &[Enclosure]) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() || ".-_".contains(letter) { letter } else { '-' }
    };
    let name: String = name.chars().map(plain).take(60).collect();
    let is_taken = |name: &str| others.iter().any(|other| other.name == *name);
    if is_taken(&name) { format!("{}-{name}", others.len() + 1) } else { name }
}

mod base64 {
    //! Bytes as text, for the edition's JSON.

    use data_encoding::BASE64;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64.decode(text.as_bytes()).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_picture_travels_once_and_no_two_share_a_name() {
        let enclosures = Enclosures::new("example.org");
        let first = enclosures.add("a/Карта 1.png", "image/png", b"one");
        let again = enclosures.add("b.png", "image/png", b"one");
        let other = enclosures.add("b/Карта 1.png", "image/png", b"two");
        assert_eq!(first, again);
        assert_ne!(first, other);
        let names: Vec<String> =
            enclosures.into_all().into_iter().map(|enclosure| enclosure.name).collect();
        assert_eq!(names, ["------1.png", "2-------1.png"]);
    }

    #[test]
    fn it_survives_the_edition_json() {
        let enclosures = Enclosures::new("example.org");
        enclosures.add("a.png", "image/png", &[0, 1, 254, 255]);
        let all = enclosures.into_all();
        let json = serde_json::to_string(&all).expect("it is plain data");
        assert_eq!(serde_json::from_str::<Vec<Enclosure>>(&json).expect("it reads"), all);
    }
}
