//! An SPF record as a value (RFC 7208 section 4.6): terms, left to right.

use std::{fmt, net::IpAddr};

/// A record, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The mechanisms, in order.
    pub directives: Vec<Directive>,
    /// Whose record goes on where none of them fits.
    pub redirect: Option<String>,
}

/// A mechanism and what its fitting means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// What it means.
    pub qualifier: Qualifier,
    /// What has to fit.
    pub mechanism: Mechanism,
}

/// What a directive that fits means (section 4.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qualifier {
    /// May send.
    Pass,
    /// May not.
    Fail,
    /// Probably may not.
    SoftFail,
    /// Nothing is said.
    Neutral,
}

/// What has to fit (section 5). A domain that is `None` is the record's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// Always.
    All,
    /// Another domain's record says pass.
    Include(String),
    /// An address of a host, within so many bits.
    A(Option<String>, Bits),
    /// An address of a domain's mail servers.
    Mx(Option<String>, Bits),
    /// A name of the address; not to be used any more (section 5.5).
    Ptr(Option<String>),
    /// An address range.
    Network(IpAddr, u8),
    /// A name has any address.
    Exists(String),
}

/// How many bits have to agree, for IPv4 and IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bits {
    four: u8,
    six: u8,
}

/// Says why a record cannot be evaluated: `permerror`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{term}` {why}")]
pub struct SpfError {
    /// The term.
    pub term: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Tells whether a text is a record at all (section 4.5).
pub(super) fn is_record(text: &str) -> bool {
    let version = text.split(' ').next().unwrap_or_default();
    version.eq_ignore_ascii_case("v=spf1")
}

impl Record {
    /// Reads a record, `v=spf1` included.
    pub fn read(text: &str) -> Result<Self, SpfError> {
        let mut record = Self::default();
        let mut has_exp = false;
        for term in text.split(' ').skip(1).filter(|term| !term.is_empty()) {
            let wrong = |why| SpfError { term: term.chars().take(60).collect(), why };
            // A modifier is a name and `=`; a mechanism has `:` or `/` before any such sign.
            let name =
                term.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.'));
            if let Some(at) = name.filter(|at| *at > 0 && term[*at..].starts_with('=')) {
                let value = &term[at + 1..];
                match term[..at].to_ascii_lowercase().as_str() {
                    "redirect" if record.redirect.is_some() => return Err(wrong("is there twice")),
                    "redirect" => record.redirect = Some(domain(value).ok_or(wrong(NO_NAME))?),
                    "exp" if has_exp => return Err(wrong("is there twice")),
                    "exp" => has_exp = true,
                    // What nobody knows is ignored (section 6).
                    _ => {}
                }
                continue;
            }
            record.directives.push(directive(term).map_err(wrong)?);
        }
        Ok(record)
    }

    /// Returns what is said of everybody else.
    pub fn all(&self) -> Option<Qualifier> {
        self.directives
            .iter()
            .find(|directive| directive.mechanism == Mechanism::All)
            .map(|directive| directive.qualifier)
    }
}

const NO_NAME: &str = "names no domain";
const NO_NETWORK: &str = "is no address or network";

fn directive(term: &str) -> Result<Directive, &'static str> {
    let (qualifier, rest) = match term.split_at_checked(1) {
        Some(("+", rest)) => (Qualifier::Pass, rest),
        Some(("-", rest)) => (Qualifier::Fail, rest),
        Some(("~", rest)) => (Qualifier::SoftFail, rest),
        Some(("?", rest)) => (Qualifier::Neutral, rest),
        _ => (Qualifier::Pass, term),
    };
    let end = rest.find([':', '/']).unwrap_or(rest.len());
    let (name, argument) = rest.split_at(end);
    let (value, bits) = match argument.strip_prefix(':') {
        Some(value) => (Some(value), ""),
        None => (None, argument),
    };
    let one = || value.and_then(domain).ok_or(NO_NAME);
    let host = || -> Result<(Option<String>, Bits), &'static str> {
        let (host, length) = match value {
            // A macro may hold a slash; it is not one of ours to read.
            Some(value) if !value.contains('%') => {
                value.split_at(value.find('/').unwrap_or(value.len()))
            }
            Some(value) => (value, ""),
            None => ("", bits),
        };
        let host = match value {
            Some(_) => Some(domain(host).ok_or(NO_NAME)?),
            None => None,
        };
        Ok((host, Bits::read(length)?))
    };
    let mechanism = match name.to_ascii_lowercase().as_str() {
        "all" if argument.is_empty() => Mechanism::All,
        "include" => Mechanism::Include(one()?),
        "exists" => Mechanism::Exists(one()?),
        "ptr" if argument.is_empty() => Mechanism::Ptr(None),
        "ptr" => Mechanism::Ptr(Some(one()?)),
        "a" => host().map(|(host, bits)| Mechanism::A(host, bits))?,
        "mx" => host().map(|(host, bits)| Mechanism::Mx(host, bits))?,
        "ip4" => network(value, true)?,
        "ip6" => network(value, false)?,
        _ => return Err("is no mechanism"),
    };
    Ok(Directive { qualifier, mechanism })
}

fn domain(text: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_graphic();
    (!text.is_empty() && text.len() <= 255 && text.chars().all(fits))
        .then(|| text.trim_end_matches('.').to_ascii_lowercase())
}

fn network(value: Option<&str>, is_four: bool) -> Result<Mechanism, &'static str> {
    let (address, bits) = match value.ok_or(NO_NETWORK)?.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (value.unwrap_or_default(), None),
    };
    let address: IpAddr = address.parse().map_err(|_| NO_NETWORK)?;
    let most = if is_four { 32 } else { 128 };
    let bits = match bits {
        Some(bits) => length(bits, most)?,
        None => most,
    };
    if address.is_ipv4() == is_four {
        Ok(Mechanism::Network(address, bits))
    } else {
        Err(NO_NETWORK)
    }
}

fn length(text: &str, most: u8) -> Result<u8, &'static str> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|length| is_number && *length <= most)
        .ok_or("has a length that cannot be")
}

impl Bits {
    /// Reads `/24`, `//64` or `/24//64`.
    fn read(text: &str) -> Result<Self, &'static str> {
        let (four, six) = match text.split_once("//") {
            Some((four, six)) => (four, Some(six)),
            None => (text, None),
        };
        let four = match four.strip_prefix('/') {
            Some(bits) => length(bits, 32)?,
            None if four.is_empty() => 32,
            None => return Err("has a length that cannot be"),
        };
        Ok(Self { four, six: six.map_or(Ok(128), |six| length(six, 128))? })
    }

    /// Tells whether two addresses agree within these bits.
    pub(super) fn agree(self, one: IpAddr, other: IpAddr) -> bool {
        let bits = if one.is_ipv4() { self.four } else { self.six };
        is_within(one, other, bits)
    }
}

/// Tells whether an address is in a network.
pub(super) fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            let differ = (one.to_bits() ^ other.to_bits()).leading_zeros();
            differ >= u32::from(bits)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            let differ = (one.to_bits() ^ other.to_bits()).leading_zeros();
            differ >= u32::from(bits)
        }
        _ => false,
    }
}

impl fmt::Display for Qualifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::SoftFail => "softfail",
            Self::Neutral => "neutral",
        })
    }
}
