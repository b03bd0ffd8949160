//! DKIM: a message signed over its finished bytes (RFC 6376, RFC 8463).
//!
//! One DKIM-Signature field for each key, Ed25519 before RSA, relaxed/relaxed,
//! with no body length and no expiry. Every field a reader or a relay goes by is
//! signed, and named once more than it occurs, so that a second one added on
//! the way breaks the signature. The bytes are a function of message, keys and
//! date.
//!
//! ring wants a source of randomness for RSA and asks it for nothing (PKCS #1
//! v1.5 has no salt); it comes from outside all the same.

mod canonical;
mod draft;
mod folded;
mod key;

use std::sync::OnceLock;

use data_encoding::BASE64;
use jiff::Timestamp;
use ring::rand::SystemRandom;

use self::draft::Draft;

pub use canonical::{body_hash as relaxed_body_hash, field as relaxed_field};
pub use key::{Algorithm, DkimKey, DkimKeyError, is_selector};

/// The fields that are signed where they occur, and whose absence is signed where they do not.
pub const SIGNED_FIELDS: [&str; 19] = [
    "From",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Subscribe",
    "List-Help",
    "List-Owner",
    "List-Post",
    "List-Archive",
    "Feedback-ID",
];

/// What a signature may come to: the names of what is signed, twice, and 2,048 bits.
const SIGNATURE_BYTES: usize = 1_536;

/// Signs messages as a domain. Can be shared by every thread.
#[derive(Debug)]
pub struct Signer {
    domain: String,
    /// Selector and key, Ed25519 first.
    keys: Vec<(String, DkimKey)>,
    fields: Vec<&'static str>,
    time: i64,
    random: SystemRandom,
    /// The first message's, which nearly every other shares.
    draft: OnceLock<Draft>,
    /// How long the first message's signatures were.
    length: OnceLock<usize>,
}

/// The computation went wrong, as on broken hardware; ring gives no signature away then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it cannot be signed")]
pub struct Unsigned;

impl Signer {
    /// Makes a signer for `domain`. `keys` come with their selectors; the fields in `unsigned` are left to whoever rewrites them; `date` is when the message says it was signed.
    pub fn new(
        domain: String,
        mut keys: Vec<(String, DkimKey)>,
        unsigned: &[String],
        date: Timestamp,
        random: SystemRandom,
    ) -> Self {
        keys.sort_by_key(|(_, key)| key.algorithm());
        let is_unsigned =
            |field: &str| unsigned.iter().any(|name| name.eq_ignore_ascii_case(field));
        let fields = SIGNED_FIELDS.into_iter().filter(|field| !is_unsigned(field)).collect();
        // Nothing was signed before there was a mail.
        let time = date.as_second().max(0);
        let (draft, length) = (OnceLock::new(), OnceLock::new());
        Self { domain, keys, fields, time, random, draft, length }
    }

    /// Tells whether one of the signatures takes about a millisecond.
    pub fn is_slow(&self) -> bool {
        self.keys.iter().any(|(_, key)| key.algorithm() == Algorithm::Rsa)
    }

    /// Returns how long the signatures are: a guess before the first.
    pub(super) fn length(&self) -> usize {
        self.length.get().copied().unwrap_or(self.keys.len() * SIGNATURE_BYTES)
    }

    /// Puts the signatures before a message, one for each key.
    pub fn sign(&self, message: &mut Vec<u8>) -> Result<(), Unsigned> {
        self.sign_behind(0, message)
    }

    /// Puts the signatures before a message that begins after `room` bytes which hold nothing. Where they are as long as that, nothing has to be moved.
    pub(super) fn sign_behind(&self, room: usize, message: &mut Vec<u8>) -> Result<(), Unsigned> {
        let signatures = self.signatures(&message[room..])?;
        self.length.get_or_init(|| signatures.len());
        if signatures.len() == room {
            message[..room].copy_from_slice(&signatures);
        } else {
            message.splice(..room, signatures);
        }
        Ok(())
    }

    fn signatures(&self, message: &[u8]) -> Result<Vec<u8>, Unsigned> {
        let (header, body) = header_and_body(message);
        let (names, signed) = self.signed_fields(header);
        let body_hash = BASE64.encode(&canonical::body_hash(body));
        let mut own = None;
        let first = self.draft.get_or_init(|| self.draft(names.clone()));
        let draft = if first.is_over(&names) { first } else { own.insert(self.draft(names)) };
        let mut signatures = Vec::with_capacity(self.length());
        for ((_, key), blank) in self.keys.iter().zip(&draft.blanks) {
            let mut data = Vec::with_capacity(signed.len() + blank.relaxed_len());
            data.extend_from_slice(&signed);
            blank.push_relaxed(&body_hash, &mut data);
            let signature = key.sign(&data, &self.random).ok_or(Unsigned)?;
            let field = blank.signed(&body_hash, &BASE64.encode(&signature));
            signatures.extend_from_slice(field.as_bytes());
        }
        Ok(signatures)
    }

    fn draft(&self, names: Vec<&'static str>) -> Draft {
        let keys = self.keys.iter().map(|(selector, key)| (selector.as_str(), key.algorithm()));
        Draft::new(names, (&self.domain, self.time), keys)
    }

    /// Returns the fields that are signed, as `h=` names them, and their canonical form in that order.
    fn signed_fields(&self, header: &[u8]) -> (Vec<&'static str>, Vec<u8>) {
        let mut present: Vec<(&[u8], &[u8])> = Vec::with_capacity(2 * self.fields.len());
        present.extend(header_fields(header));
        let mut names = Vec::with_capacity(self.fields.len() + present.len());
        let mut signed = Vec::with_capacity(header.len());
        for name in &self.fields {
            // Of several a verifier takes the last first (section 5.4.2).
            for (_, field) in present
                .iter()
                .rev()
                .filter(|(there, _)| there.eq_ignore_ascii_case(name.as_bytes()))
            {
                names.push(*name);
                canonical::field(field, &mut signed);
                signed.extend_from_slice(b"\r\n");
            }
            names.push(*name);
        }
        (names, signed)
    }
}

/// Splits a message at its first empty line; one without a body has none.
pub fn header_and_body(message: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memmem::find(message, b"\r\n\r\n") {
        Some(at) => (&message[..at + 2], &message[at + 4..]),
        None => (message, &[]),
    }
}

/// Splits a header into its fields: the name, and the whole without its line end.
pub fn header_fields(header: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = header;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr_iter(b'\n', rest).find(|end| {
            let is_fold = matches!(rest.get(end + 1), Some(b' ' | b'\t'));
            rest[..*end].ends_with(b"\r") && !is_fold
        });
        let (field, after) = match end {
            Some(end) => (&rest[..end - 1], &rest[end + 1..]),
            None => (rest, &[][..]),
        };
        rest = after;
        let colon = memchr::memchr(b':', field).unwrap_or(field.len());
        Some((field[..colon].trim_ascii_end(), field))
    })
}

#[cfg(test)]
mod tests {
    use ring::signature::{RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};

    use super::*;

    /// RFC 8463 appendix A.3, without its signatures.
    const MESSAGE: &str = "From: Joe SixPack <joe@football.example.com>\r\n\
        To: Suzie Q <suzie@shopping.example.net>\r\n\
        Subject: Is dinner ready?\r\n\
        Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
        Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\
        \r\n\
        Hi.\r\n\
        \r\n\
        We lost the game.  Are you hungry yet?\r\n\
        \r\n\
        Joe.\r\n";

    /// What both of its signatures sign first, as their `h=` has it.
    const SIGNED: [&str; 5] = ["from", "to", "subject", "date", "message-id"];

    const BODY_HASH: &str = "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=";

    /// The canonical form of what a signature of the appendix signs; `algorithm` and `selector` are where the two differ.
    fn signed(algorithm: &str, selector: &str) -> Vec<u8> {
        let (header, body) = header_and_body(MESSAGE.as_bytes());
        assert_eq!(BASE64.encode(&canonical::body_hash(body)), BODY_HASH);
        let mut signed = Vec::new();
        for name in SIGNED {
            for (_, field) in header_fields(header)
                .filter(|(there, _)| there.eq_ignore_ascii_case(name.as_bytes()))
            {
                canonical::field(field, &mut signed);
                signed.extend_from_slice(b"\r\n");
            }
        }
        let field = format!(
            "DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed;\r\n \
             d=football.example.com; i=@football.example.com;\r\n \
             q=dns/txt; s={selector}; t=1528637909; h=from : to :\r\n \
             subject : date : message-id : from : subject : date;\r\n \
             bh={BODY_HASH};\r\n b="
        );
        canonical::field(field.as_bytes(), &mut signed);
        signed
    }

    fn bytes(base64: &str) -> Vec<u8> {
        BASE64.decode(base64.as_bytes()).expect("it is base64")
    }

    #[test]
    fn the_signature_of_rfc_8463_comes_out_with_its_key() {
        let seed = bytes("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=");
        let pem = DkimKey::ed25519_pem(&seed.try_into().expect("it is 32 bytes"));
        let key = DkimKey::from_pem(pem.as_bytes()).expect("it is a key");
        assert_eq!(
            key.record(),
            "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
        );
        let signature = key.sign(&signed("ed25519-sha256", "brisbane"), &SystemRandom::new());
        assert_eq!(
            signature.map(|signature| BASE64.encode(&signature)).as_deref(),
            Some(
                "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="
            )
        );
    }

    #[test]
    fn the_rsa_signature_of_rfc_8463_is_over_the_same_bytes() {
        // Its key has 1,024 bits, with which ring verifies and no longer signs.
        let info = bytes(
            "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB",
        );
        let signature = bytes(
            "F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2JzdA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=",
        );
        // What stands before the key itself in that form.
        let key = &info[22..];
        UnparsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, key)
            .verify(&signed("rsa-sha256", "test"), &signature)
            .expect("it is the appendix's own");
    }

    #[test]
    fn what_was_signed_before_changes_no_signature() {
        let signer = || {
            let pem = DkimKey::ed25519_pem(&[7; 32]);
            let keys = ["one", "other"].map(|selector| {
                (selector.to_owned(), DkimKey::from_pem(pem.as_bytes()).expect("it is a key"))
            });
            let (domain, random) = ("football.example.com".to_owned(), SystemRandom::new());
            Signer::new(domain, keys.into(), &[], Timestamp::UNIX_EPOCH, random)
        };
        let longer = format!("Reply-To: joe@example.com\r\nList-Help: <mailto:a@b>\r\n{MESSAGE}");
        let other = MESSAGE.replace("Joe.", "Suzie.");
        let one = signer();
        for message in [MESSAGE, &longer, &other, MESSAGE, &longer] {
            let mut fresh = message.as_bytes().to_vec();
            signer().sign(&mut fresh).expect("it signs");
            for room in [0, 1, one.length(), 5_000] {
                let mut again = vec![b'x'; room];
                again.extend_from_slice(message.as_bytes());
                one.sign_behind(room, &mut again).expect("it signs");
                assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&fresh));
            }
        }
    }

    #[test]
    fn a_header_is_split_at_its_fields_and_nowhere_else() {
        let header = b"A: 1\r\n 2\r\n\t3\r\nB : 4\r\nno field\r\nA:\r\n";
        let split: Vec<(&[u8], &[u8])> = header_fields(header).collect();
        assert_eq!(
            split,
            [
                (b"A".as_slice(), b"A: 1\r\n 2\r\n\t3".as_slice()),
                (b"B", b"B : 4"),
                (b"no field", b"no field"),
                (b"A", b"A:"),
            ]
        );
        assert_eq!(header_and_body(b"A: 1\r\n\r\nb"), (b"A: 1\r\n".as_slice(), b"b".as_slice()));
        assert_eq!(header_and_body(b"A: 1"), (b"A: 1".as_slice(), b"".as_slice()));
    }
}
