//! Keys that sign: RSA (RFC 6376, RFC 8301) and Ed25519 (RFC 8463), read from PKCS#8 PEM, and the DNS record of each.

use std::fmt;

use data_encoding::BASE64;
use ring::{
    digest,
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls::pki_types::pem::{PemObject, SectionKind};

/// A private key. Its `Debug` shows the public half.
#[derive(Debug)]
pub struct DkimKey {
    pair: Pair,
}

#[derive(Debug)]
enum Pair {
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// How a key signs. Ed25519 comes first, so that a verifier which knows it needs no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// Short and quick; not every receiver knows it yet.
    Ed25519,
    /// Known to all.
    Rsa,
}

/// Says why a file is no key to sign with. The words follow the file's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DkimKeyError {
    /// There is nothing in PEM in it, or what there is breaks off.
    #[error("holds no private key in PEM")]
    NotPem,
    /// Nobody is there to type the passphrase.
    #[error("holds a key that is locked with a passphrase")]
    Locked,
    /// A form that came before PKCS#8.
    #[error("holds a key in a form of its own kind, not in PKCS#8")]
    OldForm,
    /// The half that is for the DNS.
    #[error("holds a public key, and signing takes the private one")]
    Public,
    /// Such as an elliptic curve that DKIM does not know.
    #[error("holds a key that is neither RSA nor Ed25519")]
    Kind,
    /// Receivers ignore what is signed with it, or soon will (RFC 8301).
    #[error("holds an RSA key of less than 2,048 bits")]
    Weak,
    /// Its record would not fit, and signing would take a hundred times as long.
    #[error("holds an RSA key of more than 4,096 bits")]
    Long,
    /// The key's parts do not fit together.
    #[error("holds a damaged key ({0})")]
    Damaged(String),
}

impl DkimKey {
    /// Reads the first private key of a PEM file.
    pub fn from_pem(text: &[u8]) -> Result<Self, DkimKeyError> {
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
            match section.map_err(|_| DkimKeyError::NotPem)? {
                (SectionKind::PrivateKey, der) => return Self::from_pkcs8(&der),
                (SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey, _) => {
                    return Err(DkimKeyError::OldForm);
                }
                (SectionKind::PublicKey, _) => return Err(DkimKeyError::Public),
                _ => {}
            }
        }
        let is_locked = memchr::memmem::find(text, b"BEGIN ENCRYPTED PRIVATE KEY").is_some();
        Err(if is_locked { DkimKeyError::Locked } else { DkimKeyError::NotPem })
    }

    /// Makes an Ed25519 key of 32 random bytes, as the text of a PEM file.
    pub fn ed25519_pem(seed: &[u8; 32]) -> String {
        // RFC 8410 section 7: version 0, which every program reads, and nothing varies but the seed.
        const BEFORE: [u8; 16] = [
            0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22,
            0x04, 0x20,
        ];
        let der = [BEFORE.as_slice(), seed].concat();
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64.encode(&der))
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, DkimKeyError> {
        // What OpenSSL writes has no public half to check against.
        let pair = match Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            Err(why) if why.to_string() == "WrongAlgorithm" => {
                RsaKeyPair::from_pkcs8(der).map(Pair::Rsa)
            }
            read => read.map(Pair::Ed25519),
        };
        // ring tells why by its words alone.
        pair.map(|pair| Self { pair }).map_err(|why| match why.to_string().as_str() {
            "WrongAlgorithm" => DkimKeyError::Kind,
            "TooSmall" => DkimKeyError::Weak,
            "TooLarge" => DkimKeyError::Long,
            why => DkimKeyError::Damaged(why.to_owned()),
        })
    }

    /// Returns how it signs.
    pub fn algorithm(&self) -> Algorithm {
        match self.pair {
            Pair::Ed25519(_) => Algorithm::Ed25519,
            Pair::Rsa(_) => Algorithm::Rsa,
        }
    }

    /// Returns the text of the TXT record that lets others verify (RFC 6376 section 3.6.1).
    pub fn record(&self) -> String {
        let (kind, public) = match &self.pair {
            Pair::Ed25519(pair) => ("ed25519", BASE64.encode(pair.public_key().as_ref())),
            Pair::Rsa(pair) => ("rsa", BASE64.encode(&public_key_info(pair.public_key().as_ref()))),
        };
        format!("v=DKIM1; k={kind}; p={public}")
    }

    /// Signs `data`; `None` where the computation went wrong. The bytes depend on the key and `data` alone: `random` is not asked for any.
    pub(super) fn sign(&self, data: &[u8], random: &SystemRandom) -> Option<Vec<u8>> {
        match &self.pair {
            Pair::Ed25519(pair) => {
                let hash = digest::digest(&digest::SHA256, data);
                Some(pair.sign(hash.as_ref()).as_ref().to_vec())
            }
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, random, data, &mut signature).ok()?;
                Some(signature)
            }
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ed25519 => "ed25519",
            Self::Rsa => "rsa",
        })
    }
}

impl DkimKeyError {
    /// Returns how to mend it; `file` is the key's.
    pub fn remedy(&self, file: &str) -> String {
        match self {
            Self::OldForm => {
                format!("run `openssl pkcs8 -topk8 -nocrypt -in {file} -out NEW` and name NEW")
            }
            Self::Locked => {
                format!("run `openssl pkcs8 -in {file} -out NEW`, name NEW, and keep it as safe")
            }
            Self::Public => {
                "name the file of the private key; the public one goes into the DNS".to_owned()
            }
            Self::NotPem | Self::Kind | Self::Weak | Self::Long | Self::Damaged(_) => {
                "`postrider keys new` makes a key and says what to publish".to_owned()
            }
        }
    }
}

/// Tells whether a text can be a selector (RFC 6376 section 3.1): the labels of a domain name.
pub fn is_selector(text: &str) -> bool {
    let fits = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 128 && text.split('.').all(fits)
}

/// Wraps an RSA public key (RFC 8017 appendix A.1.1) as SubjectPublicKeyInfo (RFC 5280), which is what records hold.
fn public_key_info(key: &[u8]) -> Vec<u8> {
    const SEQUENCE: u8 = 0x30;
    const BIT_STRING: u8 = 0x03;
    /// rsaEncryption, with the NULL it asks for.
    const RSA: [u8; 15] =
        [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    let bits = der(BIT_STRING, &[&[0], key].concat());
    der(SEQUENCE, &[RSA.as_slice(), &bits].concat())
}

/// Returns a DER value of at most 65,535 bytes; the longest key's is 550.
fn der(tag: u8, value: &[u8]) -> Vec<u8> {
    let [.., high, low] = value.len().to_be_bytes();
    let length = match (high, low) {
        (0, low) if low < 0x80 => vec![low],
        (0, low) => vec![0x81, low],
        (high, low) => vec![0x82, high, low],
    };
    [&[tag], length.as_slice(), value].concat()
}
