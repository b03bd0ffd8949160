//! What tells us who answers, without an address in it: the unsubscribe token and the return path.
//!
//! ```text
//! unsubscribe  base64url  key id 1 | list 4 | issue 4 | subscriber 5..8 | HMAC-SHA256 cut to 16     44 characters
//! confirm      as unsubscribe, with the minute it was made in place of the issue
//! preferences  as unsubscribe
//! return path  base32     key id 1 | issue 4 | slot 4 | HMAC-SHA256 cut to 10                       31 characters
//! ```
//!
//! Numbers are big-endian. The MAC is over a label and everything before it;
//! each purpose has its own label, so that no token passes for another, and a
//! test mail's verifies and is known to be harmless. Nothing expires but a
//! confirmation, which says when it was made, and no table is needed: whoever holds the key ring can read every token it ever
//! signed. A return path is base32 because relays change the case of local
//! parts.

use std::{fmt, str::FromStr};

use data_encoding::{BASE32_NOPAD, BASE32_NOPAD_NOCASE, BASE64, BASE64URL_NOPAD};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// Says what a copy is made for, and so whether its tokens do anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A delivery to a reader.
    Real,
    /// A test mail: its tokens verify and do nothing.
    Test,
}

/// The keys that tokens are signed with: the last one signs, all of them verify.
#[derive(Clone)]
pub struct KeyRing {
    earlier: Vec<Key>,
    signing: Key,
}

/// What an unsubscribe token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    list: [u8; LIST_BYTES],
    /// The subscriber's random id, as in `Subscriber::token_id`.
    pub subscriber: String,
    /// The ledger's number of the issue it came with.
    pub issue: i64,
    /// Whether it is to do anything.
    pub purpose: Purpose,
}

/// What a return path says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Returned {
    /// The ledger's number of the issue.
    pub issue: i64,
    /// The delivery's number within the issue.
    pub slot: i64,
    /// Whether it is to do anything.
    pub purpose: Purpose,
}

/// Says why a token could not be made or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is malformed, forged, or signed with a key we do not hold: one answer for all.
    #[error("the token is not one of ours")]
    NotOurs,
    /// A number is negative or over 4,294,967,295.
    #[error("`{0}` does not fit into a token")]
    Number(i64),
    /// The subscriber's random id is not 5 to 8 bytes in base32.
    #[error("the subscriber's random id is malformed")]
    Subscriber,
}

/// Says why a text is no key ring. Shows no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is no key in it.
    #[error("there is no key")]
    Empty,
    /// A line is not a number from 0 to 255, a colon, and a key in base64.
    #[error("line {0} is not `id:key`, with an id from 0 to 255 and the key in base64")]
    Malformed(usize),
    /// A key is guessable.
    #[error("the key in line {0} is shorter than 16 bytes")]
    Short(usize),
    /// Two keys have one id.
    #[error("the id in line {0} is there twice")]
    Twice(usize),
}

#[derive(Clone)]
struct Key {
    id: u8,
    bytes: Vec<u8>,
    /// Keyed once: a clone of it saves two of the four SHA-256 blocks a token costs.
    mac: Hmac<Sha256>,
}

const LIST_BYTES: usize = 4;
const UNSUBSCRIBE_MAC: usize = 16;
const RETURN_MAC: usize = 10;

/// No label is the beginning of another: each ends with a colon and holds no other.
const UNSUBSCRIBE: Labels = Labels { real: b"unsubscribe:", test: b"test unsubscribe:" };
const CONFIRM: Labels = Labels { real: b"confirm:", test: b"test confirm:" };
const PREFERENCES: Labels = Labels { real: b"preferences:", test: b"test preferences:" };
const RETURN_PATH: Labels = Labels { real: b"return path:", test: b"test return path:" };

struct Labels {
    real: &'static [u8],
    test: &'static [u8],
}

/// Makes the token of one reader's unsubscribe links. `list` is the publication's id.
pub fn unsubscribe_token(
    keys: &KeyRing,
    purpose: Purpose,
    list: &str,
    subscriber: &str,
    issue: i64,
) -> Result<String, TokenError> {
    reader_token(keys, UNSUBSCRIBE.of(purpose), list, subscriber, issue)
}

/// Reads an unsubscribe token back, in constant time where it matters.
pub fn read_unsubscribe_token(keys: &KeyRing, token: &str) -> Result<Unsubscribe, TokenError> {
    read_reader_token(keys, &UNSUBSCRIBE, token)
}

/// Makes the token of the link by which somebody confirms that they want to read; `minute` is when, in minutes since 1970.
pub fn confirm_token(
    keys: &KeyRing,
    list: &str,
    subscriber: &str,
    minute: i64,
) -> Result<String, TokenError> {
    reader_token(keys, CONFIRM.real, list, subscriber, minute)
}

/// Reads a confirmation back: in `issue` stands the minute it was made.
pub fn read_confirm_token(keys: &KeyRing, token: &str) -> Result<Unsubscribe, TokenError> {
    read_reader_token(keys, &CONFIRM, token)
}

/// Makes the token of the page on which a reader says how they want to be mailed.
pub fn preferences_token(
    keys: &KeyRing,
    list: &str,
    subscriber: &str,
    issue: i64,
) -> Result<String, TokenError> {
    reader_token(keys, PREFERENCES.real, list, subscriber, issue)
}

/// Reads such a token back.
pub fn read_preferences_token(keys: &KeyRing, token: &str) -> Result<Unsubscribe, TokenError> {
    read_reader_token(keys, &PREFERENCES, token)
}

fn reader_token(
    keys: &KeyRing,
    label: &[u8],
    list: &str,
    subscriber: &str,
    issue: i64,
) -> Result<String, TokenError> {
    let mut id = [0; 8];
    let id = decode_id(subscriber, &mut id).ok_or(TokenError::Subscriber)?;
    let mut token = Vec::with_capacity(33);
    token.push(keys.signing.id);
    token.extend_from_slice(&list_mark(list));
    token.extend_from_slice(&number(issue)?);
    token.extend_from_slice(id);
    keys.signing.sign(label, UNSUBSCRIBE_MAC, &mut token);
    Ok(BASE64URL_NOPAD.encode(&token))
}

fn read_reader_token(
    keys: &KeyRing,
    labels: &Labels,
    token: &str,
) -> Result<Unsubscribe, TokenError> {
    let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).map_err(|_| TokenError::NotOurs)?;
    let (said, purpose) = keys.open(labels, UNSUBSCRIBE_MAC, &bytes)?;
    let (list, said) = said.split_first_chunk().ok_or(TokenError::NotOurs)?;
    let (issue, subscriber) = said.split_first_chunk().ok_or(TokenError::NotOurs)?;
    if !(5..=8).contains(&subscriber.len()) {
        return Err(TokenError::NotOurs);
    }
    Ok(Unsubscribe {
        list: *list,
        subscriber: BASE32_NOPAD.encode(subscriber).to_ascii_lowercase(),
        issue: u32::from_be_bytes(*issue).into(),
        purpose,
    })
}

/// Makes the local part of a return path, `b-` and a token (VERP).
pub fn return_path(
    keys: &KeyRing,
    purpose: Purpose,
    issue: i64,
    slot: i64,
) -> Result<String, TokenError> {
    let mut token = Vec::with_capacity(19);
    token.push(keys.signing.id);
    token.extend_from_slice(&number(issue)?);
    token.extend_from_slice(&number(slot)?);
    keys.signing.sign(RETURN_PATH.of(purpose), RETURN_MAC, &mut token);
    let mut local = String::from("b-");
    BASE32_NOPAD.encode_append(&token, &mut local);
    local.make_ascii_lowercase();
    Ok(local)
}

/// Reads the local part of a return path back, in whatever case it returned.
pub fn read_return_path(keys: &KeyRing, local: &str) -> Result<Returned, TokenError> {
    let token = local
        .strip_prefix("b-")
        .or_else(|| local.strip_prefix("B-"))
        .and_then(|token| BASE32_NOPAD_NOCASE.decode(token.as_bytes()).ok())
        .ok_or(TokenError::NotOurs)?;
    let (said, purpose) = keys.open(&RETURN_PATH, RETURN_MAC, &token)?;
    let (issue, slot) = said.split_first_chunk().ok_or(TokenError::NotOurs)?;
    let slot = slot.try_into().map_err(|_| TokenError::NotOurs)?;
    Ok(Returned {
        issue: u32::from_be_bytes(*issue).into(),
        slot: u32::from_be_bytes(slot).into(),
        purpose,
    })
}

impl Unsubscribe {
    /// Tells whether it was made for the publication of this id.
    pub fn is_of(&self, list: &str) -> bool {
        self.list == list_mark(list)
    }
}

impl KeyRing {
    /// Makes a ring of one key from 32 random bytes.
    pub fn fresh(random: &[u8; 32]) -> Self {
        Self { earlier: Vec::new(), signing: Key::new(1, random.to_vec()) }
    }

    /// Adds a key of 32 random bytes, which signs from now on; the others go on verifying. `None` where all 256 ids are taken.
    #[must_use]
    pub fn renewed(self, random: &[u8; 32]) -> Option<Self> {
        let is_free = |id: &u8| self.all().all(|key| key.id != *id);
        let next = self.signing.id.wrapping_add(1);
        let id = (next..=u8::MAX).chain(0..next).find(is_free)?;
        let Self { mut earlier, signing } = self;
        earlier.push(signing);
        Some(Self { earlier, signing: Key::new(id, random.to_vec()) })
    }

    /// Returns how many keys are in it that verify and do not sign.
    pub fn retired(&self) -> usize {
        self.earlier.len()
    }

    /// Returns the text of its file: a line `id:base64` for each key.
    pub fn to_lines(&self) -> String {
        self.all().fold(String::new(), |lines, key| {
            lines + &format!("{}:{}\n", key.id, BASE64.encode(&key.bytes))
        })
    }

    fn all(&self) -> impl Iterator<Item = &Key> {
        self.earlier.iter().chain([&self.signing])
    }

    /// Checks a token's MAC and returns what stands between the key id and it.
    fn open<'a>(
        &self,
        labels: &Labels,
        mac_bytes: usize,
        token: &'a [u8],
    ) -> Result<(&'a [u8], Purpose), TokenError> {
        let at = token.len().checked_sub(mac_bytes).ok_or(TokenError::NotOurs)?;
        let (signed, mac) = token.split_at(at);
        let (id, said) = signed.split_first().ok_or(TokenError::NotOurs)?;
        let key = self.all().find(|key| key.id == *id).ok_or(TokenError::NotOurs)?;
        [Purpose::Real, Purpose::Test]
            .into_iter()
            .find(|purpose| key.verifies(labels.of(*purpose), signed, mac))
            .map(|purpose| (said, purpose))
            .ok_or(TokenError::NotOurs)
    }
}

impl FromStr for KeyRing {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut keys: Vec<Key> = Vec::new();
        for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
            let key = Key::read(text.trim()).ok_or(KeyError::Malformed(line))?;
            if key.bytes.len() < 16 {
                return Err(KeyError::Short(line));
            }
            if keys.iter().any(|other| other.id == key.id) {
                return Err(KeyError::Twice(line));
            }
            keys.push(key);
        }
        let signing = keys.pop().ok_or(KeyError::Empty)?;
        Ok(Self { earlier: keys, signing })
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all().map(|key| key.id)).finish()
    }
}

impl Key {
    fn new(id: u8, bytes: Vec<u8>) -> Self {
        let mac = Hmac::new_from_slice(&bytes).expect("HMAC takes a key of any length");
        Self { id, bytes, mac }
    }

    fn read(line: &str) -> Option<Self> {
        let (id, key) = line.split_once(':')?;
        Some(Self::new(id.trim().parse().ok()?, BASE64.decode(key.trim().as_bytes()).ok()?))
    }

    /// Appends the first `mac_bytes` bytes of the MAC to a token.
    fn sign(&self, label: &[u8], mac_bytes: usize, token: &mut Vec<u8>) {
        let mac = self.mac(label, token).finalize().into_bytes();
        token.extend_from_slice(&mac[..mac_bytes]);
    }

    fn verifies(&self, label: &[u8], signed: &[u8], mac: &[u8]) -> bool {
        self.mac(label, signed).verify_truncated_left(mac).is_ok()
    }

    fn mac(&self, label: &[u8], signed: &[u8]) -> Hmac<Sha256> {
        self.mac.clone().chain_update(label).chain_update(signed)
    }
}

impl Labels {
    fn of(&self, purpose: Purpose) -> &'static [u8] {
        match purpose {
            Purpose::Real => self.real,
            Purpose::Test => self.test,
        }
    }
}

/// Returns what stands for a publication: enough to tell a host's few lists apart, and short.
fn list_mark(list: &str) -> [u8; LIST_BYTES] {
    *Sha256::digest(list).first_chunk().expect("SHA-256 has 32 bytes")
}

fn number(number: i64) -> Result<[u8; 4], TokenError> {
    u32::try_from(number).map(u32::to_be_bytes).map_err(|_| TokenError::Number(number))
}

/// Decodes a subscriber's random id without touching the heap.
fn decode_id<'a>(text: &str, bytes: &'a mut [u8; 8]) -> Option<&'a [u8]> {
    let length = BASE32_NOPAD_NOCASE.decode_len(text.len()).ok()?;
    let bytes = bytes.get_mut(..length).filter(|bytes| bytes.len() >= 5)?;
    BASE32_NOPAD_NOCASE.decode_mut(text.as_bytes(), bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBSCRIBER: &str = "mfrggzdfmztwq";

    fn keys(text: &str) -> KeyRing {
        text.parse().expect("a key ring")
    }

    fn ring() -> KeyRing {
        KeyRing::fresh(&[7; 32])
    }

    #[test]
    fn an_unsubscribe_token_says_who_and_what_for_in_44_characters() {
        for purpose in [Purpose::Real, Purpose::Test] {
            let token = unsubscribe_token(&ring(), purpose, "tt-report", SUBSCRIBER, 41)
                .expect("everything fits");
            assert_eq!(token.len(), 44);
            let read = read_unsubscribe_token(&ring(), &token).expect("it is ours");
            assert_eq!((read.subscriber.as_str(), read.issue), (SUBSCRIBER, 41));
            assert_eq!(read.purpose, purpose);
            assert!(read.is_of("tt-report") && !read.is_of("other"));
        }
    }

    #[test]
    fn a_return_path_says_which_delivery_in_31_characters_of_any_case() {
        let local = return_path(&ring(), Purpose::Real, 41, 1_000_000).expect("it fits");
        assert_eq!(local.len(), 2 + 31);
        let returned = Returned { issue: 41, slot: 1_000_000, purpose: Purpose::Real };
        assert_eq!(read_return_path(&ring(), &local), Ok(returned));
        assert_eq!(read_return_path(&ring(), &local.to_ascii_uppercase()), Ok(returned));
        let test = return_path(&ring(), Purpose::Test, 0, 0).expect("it fits");
        assert_eq!(
            read_return_path(&ring(), &test).map(|read| read.purpose),
            Ok(Purpose::Test),
            "a test mail's return path is known as one"
        );
    }

    #[test]
    fn no_changed_bit_and_no_other_key_passes() {
        let token =
            unsubscribe_token(&ring(), Purpose::Real, "tt", SUBSCRIBER, 41).expect("it fits");
        let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).expect("it is base64url");
        for bit in 0..bytes.len() * 8 {
            let mut forged = bytes.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let forged = BASE64URL_NOPAD.encode(&forged);
            assert_eq!(read_unsubscribe_token(&ring(), &forged), Err(TokenError::NotOurs));
        }
        let other = KeyRing::fresh(&[8; 32]);
        assert_eq!(read_unsubscribe_token(&other, &token), Err(TokenError::NotOurs));
    }

    #[test]
    fn a_token_of_one_kind_is_no_token_of_another() {
        let local = return_path(&ring(), Purpose::Real, 41, 7).expect("it fits");
        let bytes = BASE32_NOPAD_NOCASE.decode(&local.as_bytes()[2..]).expect("it is base32");
        let relabelled = BASE64URL_NOPAD.encode(&bytes);
        assert_eq!(read_unsubscribe_token(&ring(), &relabelled), Err(TokenError::NotOurs));
        let confirm = confirm_token(&ring(), "tt", SUBSCRIBER, 41).expect("it fits");
        let prefer = preferences_token(&ring(), "tt", SUBSCRIBER, 41).expect("it fits");
        assert!(read_confirm_token(&ring(), &confirm).is_ok());
        assert!(read_preferences_token(&ring(), &prefer).is_ok());
        for other in [&confirm, &prefer] {
            assert_eq!(read_unsubscribe_token(&ring(), other), Err(TokenError::NotOurs));
        }
        assert_eq!(read_confirm_token(&ring(), &prefer), Err(TokenError::NotOurs));
        assert_eq!(read_preferences_token(&ring(), &confirm), Err(TokenError::NotOurs));
    }

    #[test]
    fn nonsense_is_refused_without_a_panic() {
        for text in ["", "b-", "b-a", "é", "a", "AAAA", "b-é", "=", &"A".repeat(10_000)] {
            assert_eq!(read_unsubscribe_token(&ring(), text), Err(TokenError::NotOurs), "{text}");
            assert_eq!(read_return_path(&ring(), text), Err(TokenError::NotOurs), "{text}");
        }
        for (subscriber, issue, error) in [
            ("", 1, TokenError::Subscriber),
            ("not base32!", 1, TokenError::Subscriber),
            ("mfrggzdfmztwqmfrggzdf", 1, TokenError::Subscriber),
            (SUBSCRIBER, -1, TokenError::Number(-1)),
            (SUBSCRIBER, 1 << 32, TokenError::Number(1 << 32)),
        ] {
            let made = unsubscribe_token(&ring(), Purpose::Real, "tt", subscriber, issue);
            assert_eq!(made, Err(error));
        }
    }

    #[test]
    fn the_last_key_signs_and_every_key_verifies() {
        let old = "1:AAAAAAAAAAAAAAAAAAAAAA==\n";
        let token =
            unsubscribe_token(&keys(old), Purpose::Real, "tt", SUBSCRIBER, 1).expect("it fits");
        let both = keys(&format!("{old}\n 2: AQEBAQEBAQEBAQEBAQEBAQ==\n"));
        assert!(read_unsubscribe_token(&both, &token).is_ok());
        let new = unsubscribe_token(&both, Purpose::Real, "tt", SUBSCRIBER, 1).expect("it fits");
        assert!(read_unsubscribe_token(&both, &new).is_ok());
        assert_eq!(read_unsubscribe_token(&keys(old), &new), Err(TokenError::NotOurs));
    }

    #[test]
    fn a_new_key_signs_and_every_link_that_was_ever_sent_still_works() {
        let token = |ring: &KeyRing| {
            unsubscribe_token(ring, Purpose::Real, "tt", SUBSCRIBER, 1).expect("it fits")
        };
        let (mut ring, mut sent) = (ring(), Vec::new());
        for round in 0..255 {
            sent.push(token(&ring));
            ring = ring.renewed(&[round; 32]).expect("there is an id left");
            assert_eq!(ring.retired(), usize::from(round) + 1);
            ring = keys(&ring.to_lines());
        }
        sent.push(token(&ring));
        assert!(sent.iter().all(|token| read_unsubscribe_token(&ring, token).is_ok()));
        sent.dedup();
        assert_eq!(sent.len(), 256, "each is signed by another key");
        assert!(ring.renewed(&[0; 32]).is_none(), "all ids are taken");
    }

    #[test]
    fn a_key_ring_reads_its_own_lines_and_never_shows_a_key() {
        let ring = ring();
        assert_eq!(keys(&ring.to_lines()).to_lines(), ring.to_lines());
        assert_eq!(format!("{ring:?}"), "[1]");
        for (text, error) in [
            ("", KeyError::Empty),
            ("# a comment", KeyError::Malformed(1)),
            ("1:AAAAAAAAAAAAAAAAAAAAAA==\n256:AAAA", KeyError::Malformed(2)),
            ("1:AAAA", KeyError::Short(1)),
            ("1:AAAAAAAAAAAAAAAAAAAAAA==\n1:AAAAAAAAAAAAAAAAAAAAAA==", KeyError::Twice(2)),
        ] {
            assert_eq!(text.parse::<KeyRing>().err(), Some(error));
        }
    }
}
