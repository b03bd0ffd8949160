//! A mailing list's mailbox: RFC 5321 section 4.1.2 with the UTF-8 of RFC 6531, less what no list needs.
//!
//! Quoted local parts and UTF-8 local parts are accepted, and an
//! internationalised domain is kept as its A-label for the wire and for
//! comparison. Comments, folding, obsolete forms, address literals, hosts
//! without a dot, local parts over 64 octets and totals over 254 are refused.
//! So is whatever cannot be seen: an address that looks like another one is
//! reported, never repaired.

use std::{borrow::Cow, fmt, str::FromStr};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// RFC 5321 section 4.5.3.1.1, in octets.
const LOCAL_MAX: usize = 64;

/// RFC 5321 section 4.5.3.1.3: 256 octets of path less its angle brackets.
const TOTAL_MAX: usize = 254;

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
    /// A control character, line end, direction mark or anything else nobody can see.
    #[error("there is a control or invisible character in it")]
    Control,
    /// The display name before `<address>` is malformed.
    #[error("the name before `<` is not valid")]
    Name,
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

    /// Returns what all spellings of one mailbox share; itself an address that has this key.
    ///
    /// ASCII case is folded, composed and decomposed letters are one (RFC 6532
    /// section 3.1), needless quotation marks go (RFC 5321 section 4.1.2), and
    /// the domain is its A-labels.
    pub fn key(&self) -> String {
        format!("{}@{}", plain_local(&self.local), self.domain)
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

    /// Reads a bare address; white space around it is the caller's to trim.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.trim().is_empty() {
            return Err(AddressError::Empty);
        }
        if text.chars().any(is_unseen) {
            return Err(AddressError::Control);
        }
        // A quoted local part may hold an `@`, a domain may not.
        let (local, written_domain) = text.rsplit_once('@').ok_or(AddressError::NoAt)?;
        check_local(local)?;
        let domain = a_labels(written_domain)?;
        if longer(local) + 1 + domain.len().max(longer(written_domain)) > TOTAL_MAX {
            return Err(AddressError::TooLong);
        }
        Ok(Self { written: text.to_owned(), local: local.to_owned(), domain })
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
    ///
    /// A name without quotation marks may hold dots and commas, as people write it.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.chars().any(is_control) {
            return Err(AddressError::Control);
        }
        let (name, rest) = match split_quoted(text) {
            Some((quoted, rest)) if rest.trim_start().starts_with('<') => {
                (unescaped(quoted), rest.trim_start())
            }
            // The quotation marks are those of a bare address.
            Some(_) => (String::new(), text),
            None => {
                let (name, rest) = text.split_at(text.find('<').unwrap_or(0));
                if name.contains(['"', '>']) {
                    return Err(AddressError::Name);
                }
                (name.to_owned(), rest)
            }
        };
        let address = match rest.strip_prefix('<') {
            Some(rest) => rest.strip_suffix('>').ok_or(AddressError::Name)?.trim(),
            None => rest,
        };
        Ok(Self { name: name.trim().to_owned(), address: address.parse()? })
    }
}

impl fmt::Display for Mailbox {
    /// Writes it so that it reads back as the same mailbox; quotes the name where RFC 5322 wants it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() {
            return self.address.fmt(f);
        }
        if self.name.chars().all(|c| is_atext(c) || c == ' ') {
            return write!(f, "{} <{}>", self.name, self.address);
        }
        write!(f, "\"{}\" <{}>", escaped(&self.name), self.address)
    }
}

/// Tells whether a character commands instead of showing: controls, line ends, direction marks (UAX #9).
///
/// Such a character can end a header, clear a terminal or turn a name around,
/// so no name and no address holds one.
pub fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Tells whether an address with this character would look like one without it, or like nothing.
pub fn is_unseen(c: char) -> bool {
    // Most letters of most lists.
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    is_control(c)
        || c.is_whitespace()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180E}' | '\u{200B}'..='\u{200D}' | '\u{2060}'..='\u{206F}'
            | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFF}'
            | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
        // Private use, and the noncharacters nobody may interchange.
        || matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{FDD0}'..='\u{FDEF}' | '\u{F0000}'..)
        || u32::from(c) & 0xFFFE == 0xFFFE
}

/// RFC 5322 section 3.2.3, and any character beyond ASCII (RFC 6532 section 3.2).
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii()
}

/// RFC 5322 section 3.2.3; a mark with no letter to sit on does not begin one.
fn is_dot_atom(text: &str) -> bool {
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
        && !text.starts_with(is_combining_mark)
}

/// Judges a Local-part (RFC 5321 section 4.1.2); an empty quoted one names no mailbox anywhere.
fn check_local(local: &str) -> Result<(), AddressError> {
    let composed = composed(local);
    let well_formed = match split_quoted(&composed) {
        Some((quoted, rest)) => !quoted.is_empty() && rest.is_empty() && pairs_are_ascii(quoted),
        // Composing can make a sign that is not allowed, and can hide one that was written.
        None => [local, &composed].into_iter().all(is_dot_atom),
    };
    match well_formed {
        false => Err(AddressError::Local),
        true if longer(local) > LOCAL_MAX => Err(AddressError::LocalTooLong),
        true => Ok(()),
    }
}

/// Splits a leading quoted string: its content, still escaped, and what follows the closing mark.
fn split_quoted(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut escaped = false;
    let end = inner.find(|c| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    })?;
    Some((&inner[..end], &inner[end + 1..]))
}

/// RFC 5321 section 4.1.2: what follows a backslash is printable ASCII.
fn pairs_are_ascii(quoted: &str) -> bool {
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        if c == '\\' && !chars.next().is_some_and(|c| c.is_ascii()) {
            return false;
        }
    }
    true
}

fn unescaped(quoted: &str) -> String {
    let mut text = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        text.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// The one spelling that all spellings of a local part come down to.
fn plain_local(local: &str) -> String {
    // Composing may bring an ASCII letter forth (the Kelvin sign), and a small letter may compose where a capital did not.
    let local = composed(&composed(local).to_ascii_lowercase()).into_owned();
    let Some((quoted, _)) = split_quoted(&local) else { return local };
    let text = unescaped(quoted);
    if is_dot_atom(&text) {
        return text;
    }
    format!("\"{}\"", escaped(&text))
}

fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { text.nfc().collect::<String>().into() }
}

/// The octets of the longer of the two spellings a server may see: as written, and composed.
fn longer(text: &str) -> usize {
    text.len().max(composed(text).len())
}

/// Returns the domain for the wire, or why no list can mail to it (RFC 5891, UTS 46 without its repairs).
fn a_labels(domain: &str) -> Result<String, AddressError> {
    if domain.starts_with('[') || !domain.contains('.') && !domain.is_empty() {
        return Err(AddressError::NotInternet);
    }
    let ascii = Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::Check, DnsLength::Verify)
        .map_err(|_| AddressError::Domain)?;
    if !domain.split('.').all(is_label_as_written) {
        return Err(AddressError::Domain);
    }
    let top = ascii.rsplit('.').next().unwrap_or_default();
    // Every top level ends in a letter, so this keeps out numbers and bare IP addresses.
    if !top.ends_with(|c: char| c.is_ascii_alphabetic()) && !top.starts_with("xn--") {
        return Err(AddressError::NotInternet);
    }
    Ok(ascii.into_owned())
}

/// Tells whether UTS 46 leaves a label as it is but for case and composition.
///
/// Otherwise it would drop a soft hyphen or take a full-width dot for a dot,
/// and the mail would go to a domain nobody wrote. IDNA 2008 admits letters,
/// digits and marks; UTS 46 alone would let an emoji pass.
fn is_label_as_written(label: &str) -> bool {
    if label.is_ascii() {
        return true;
    }
    let (mapped, _) =
        Uts46::new().to_unicode(label.as_bytes(), AsciiDenyList::STD3, Hyphens::Check);
    let folded: String = label.chars().flat_map(char::to_lowercase).nfc().collect();
    mapped == folded && folded.chars().all(is_idn_letter)
}

/// RFC 5892 section 2.1, with the exceptions of section 2.6 that are no letters.
fn is_idn_letter(c: char) -> bool {
    c.is_alphanumeric()
        || is_combining_mark(c)
        || matches!(c, '-' | '·' | '\u{0375}' | '\u{05F3}' | '\u{05F4}' | '\u{30FB}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"))
    }

    fn refusal(text: &str) -> AddressError {
        text.parse::<Address>().expect_err(text)
    }

    #[test]
    fn what_rfc_5321_and_6531_allow_is_accepted_and_kept_as_written() {
        for text in [
            "Anna.Lund@Example.ORG",
            "o'neill+news@sub.example.org",
            "=sum@example.org",
            "\"anna lund\"@example.org",
            "\"a@b\"@example.org",
            "\"a\\\"b\"@example.org",
            "\"a..b\"@example.org",
            "zoë@example.org",
            "anna@zoë.example",
            "anna@xn--zo-ija.example",
            "anna@example.xn--p1ai",
            "anna@c--n.example",
        ] {
            assert_eq!(address(text).written(), text);
        }
    }

    #[test]
    fn what_no_list_needs_is_refused_with_its_reason() {
        use AddressError::{Control, Domain, Empty, Local, LocalTooLong, NoAt, NotInternet};
        let long = format!("{}@example.org", "ë".repeat(33));
        for (text, reason) in [
            ("", Empty),
            ("  ", Empty),
            ("example.org", NoAt),
            ("@example.org", Local),
            ("\"\"@example.org", Local),
            ("anna lund@example.org", Local),
            (" anna@example.org", Local),
            (".anna@example.org", Local),
            ("an..na@example.org", Local),
            ("an\"n\"a@example.org", Local),
            ("\"anna@example.org", Local),
            ("\"anna\\ë\"@example.org", Local),
            ("anna(comment)@example.org", Local),
            ("Anna <anna@example.org>", Local),
            // The Greek question mark composes to a semicolon.
            ("an\u{37E}na@example.org", Local),
            (&long, LocalTooLong),
            ("anna@", Domain),
            ("anna@example..org", Domain),
            ("anna@example.org.", Domain),
            ("anna@ex_ample.org", Domain),
            ("anna@-example.org", Domain),
            ("anna@ab--cd.example", Domain),
            ("anna@xn--0.example", Domain),
            ("anna@💌.example", Domain),
            ("anna@example\u{FF0E}org.example", Domain),
            ("anna@localhost", NotInternet),
            ("anna@[192.0.2.1]", NotInternet),
            ("anna@192.0.2.1", NotInternet),
            ("anna@example.org\r\nRCPT TO:<x@example.net>", Control),
            ("an\u{202E}na@example.org", Control),
            ("anna@exam\u{AD}ple.org", Control),
            ("an\u{A0}na@example.org", Control),
        ] {
            assert_eq!(refusal(text), reason, "{text:?}");
        }
    }

    #[test]
    fn an_address_of_254_bytes_is_accepted_and_one_of_255_is_not() {
        let label = "a".repeat(60);
        let domain = format!("{label}.{label}.{label}.{}.example", "a".repeat(60));
        assert_eq!(address(&format!("an@{domain}")).wire().len(), 254);
        assert_eq!(refusal(&format!("ann@{domain}")), AddressError::TooLong);
    }

    #[test]
    fn all_spellings_of_one_mailbox_share_a_key() {
        for (one, other) in [
            ("Anna@Example.org", "anna@example.ORG"),
            ("anna@zoë.example", "anna@xn--zo-ija.example"),
            ("anna@ZOË.example", "anna@zoë.example"),
            ("zoe\u{308}@example.org", "zoë@example.org"),
            ("T\u{308}@example.org", "ẗ@example.org"),
            ("\u{212A}@example.org", "k@example.org"),
            ("\"anna\"@example.org", "anna@example.org"),
            ("\"an\\na\"@example.org", "anna@example.org"),
            ("\"anna\\ lund\"@example.org", "\"Anna Lund\"@example.org"),
        ] {
            assert_eq!(address(one).key(), address(other).key());
        }
    }

    #[test]
    fn the_wire_has_the_local_part_untouched_and_the_domain_as_a_labels() {
        let anna = address("Anna@ZOË.example");
        assert_eq!(anna.wire(), "Anna@xn--zo-ija.example");
        assert!(!anna.needs_smtputf8());
        assert!(address("zoë@example.org").needs_smtputf8());
    }

    #[test]
    fn mailboxes_read_and_show_as_people_write_them() {
        for (written, name, shown) in [
            ("anna@example.org", "", "anna@example.org"),
            (" <anna@example.org> ", "", "anna@example.org"),
            ("TT Report <anna@example.org>", "TT Report", "TT Report <anna@example.org>"),
            ("\"TT Report\"<anna@example.org>", "TT Report", "TT Report <anna@example.org>"),
            ("Lund, Anna <anna@example.org>", "Lund, Anna", "\"Lund, Anna\" <anna@example.org>"),
            ("A. Lund <anna@example.org>", "A. Lund", "\"A. Lund\" <anna@example.org>"),
            ("Zoë <anna@example.org>", "Zoë", "Zoë <anna@example.org>"),
            (
                r#""Anna \"Ann\" \\ <L>" <anna@example.org>"#,
                r#"Anna "Ann" \ <L>"#,
                r#""Anna \"Ann\" \\ <L>" <anna@example.org>"#,
            ),
            ("\"anna lund\"@example.org", "", "\"anna lund\"@example.org"),
            ("Anna <\"a <b\"@example.org>", "Anna", "Anna <\"a <b\"@example.org>"),
        ] {
            let mailbox: Mailbox = written.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((mailbox.name.as_str(), mailbox.to_string().as_str()), (name, shown));
        }
    }

    #[test]
    fn a_mailbox_with_a_broken_name_is_refused() {
        for text in [
            "",
            "Anna",
            "Anna <anna@example.org",
            "Anna <anna@example.org> x",
            "Anna > <anna@example.org>",
            "Anna \"Ann <anna@example.org>",
            "\"Anna <anna@example.org>",
            "\"Anna\" x <anna@example.org>",
            "A <a@example.org>, B <b@example.org>",
            "Anna\r\nBcc: x <anna@example.org>",
            "An\u{202E}na <anna@example.org>",
        ] {
            assert!(text.parse::<Mailbox>().is_err(), "{text:?}");
        }
    }

    /// Text in which addresses are likely: half of it is made of the signs they turn on.
    fn near_addresses() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[a-zA-Z0-9.]{1,8}",
            "[\"\\\\@<>(), .+\\-_\\[\\]]",
            "[ëßзλ用\u{308}\u{FB2C}\u{130}]",
            any::<char>().prop_map(String::from),
        ];
        let free = prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat());
        prop_oneof![
            any::<String>(),
            (free.clone(), free.clone())
                .prop_map(|(local, label)| format!("{local}@{label}.example")),
            free.prop_map(|quoted| format!("\"{quoted}\"@Example.org")),
        ]
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_every_key_is_its_own_key(text in near_addresses()) {
            if let Ok(address) = text.parse::<Address>() {
                let again: Address = address.key().parse().expect("a key is an address");
                prop_assert_eq!(again.key(), address.key());
                prop_assert_eq!(address.wire().is_ascii(), !address.needs_smtputf8());
                prop_assert!(address.domain().is_ascii());
                prop_assert!(!address.wire().contains(['\r', '\n', '\0']));
                prop_assert_eq!(address.wire().parse::<Address>().map(|a| a.key()), Ok(address.key()));
            }
        }

        #[test]
        fn every_mailbox_reads_back_from_what_it_shows(name in any::<String>(), text in near_addresses()) {
            for written in [text.clone(), format!("{name} <{text}>"), format!("\"{}\" <{text}>", escaped(&name))] {
                if let Ok(mailbox) = written.parse::<Mailbox>() {
                    prop_assert_eq!(mailbox.to_string().parse::<Mailbox>(), Ok(mailbox));
                }
            }
        }
    }
}
