//! Amazon SNS: the envelope that SES's notifications come in, and its signature.
//!
//! What is signed is a text of keys and values in a fixed order. The key is in
//! a certificate that the envelope names by its address; to fetch it, from
//! Amazon alone and over TLS, is for who has a network.

use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use serde_json::Value;

use super::{WebhookError, object, text};

/// One call, verified or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope(Value);

/// Returns the one host that speaks for a topic, by its ARN (`arn:aws:sns:REGION:ACCOUNT:NAME`); `None` for what is no topic.
pub fn host(topic: &str) -> Option<String> {
    let mut parts = topic.splitn(6, ':');
    let mut next = || parts.next().filter(|part| !part.is_empty());
    let (arn, partition, service, region) = (next()?, next()?, next()?, next()?);
    let (account, name) = (next()?, next()?);
    let is_region = region
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let is_topic = arn == "arn"
        && service == "sns"
        && is_region
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_graphic());
    let end = match partition {
        "aws" | "aws-us-gov" => "amazonaws.com",
        "aws-cn" => "amazonaws.com.cn",
        _ => return None,
    };
    is_topic.then(|| format!("sns.{region}.{end}"))
}

/// What is signed of a notification, and of a question whether we want any.
const NOTIFICATION: [&str; 6] =
    ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"];
const CONFIRMATION: [&str; 7] =
    ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];

impl Envelope {
    /// Reads what was posted.
    pub fn read(body: &[u8]) -> Result<Self, WebhookError> {
        let value = object(body)?;
        let is_known = ["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"]
            .contains(&text(&value, &["Type"]));
        if is_known { Ok(Self(value)) } else { Err(WebhookError::Malformed) }
    }

    /// Returns the topic it says it is of, though nobody vouches for it: one that is not ours needs no certificate.
    pub fn claimed_topic(&self) -> &str {
        text(&self.0, &["TopicArn"])
    }

    /// Returns where its certificate is, where that is Amazon's own; anybody may write an address.
    ///
    /// The host alone proves nothing: what customers wrote is answered there too, and a certificate may stand in it.
    pub fn certificate_url(&self) -> Result<&str, WebhookError> {
        let url = text(&self.0, &["SigningCertURL"]);
        let parts = url.strip_prefix("https://").and_then(|rest| rest.split_once('/'));
        let is_amazons = parts.is_some_and(|(host, path)| {
            let name = path
                .strip_prefix("SimpleNotificationService-")
                .and_then(|rest| rest.strip_suffix(".pem"));
            let region = host.strip_prefix("sns.").and_then(|rest| {
                rest.strip_suffix(".amazonaws.com")
                    .or_else(|| rest.strip_suffix(".amazonaws.com.cn"))
            });
            let is_named = name.is_some_and(|name| {
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
            });
            is_named
                && region.is_some_and(|region| {
                    !region.is_empty()
                        && region.bytes().all(|byte| {
                            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
                        })
                })
        });
        if is_amazons { Ok(url) } else { Err(WebhookError::Forged) }
    }

    /// Verifies it with the certificate (X.509, in DER) and returns the message within. Whether the topic is ours is for who knows that.
    pub fn verified(&self, certificate: &[u8]) -> Result<Verified<'_>, WebhookError> {
        let signature = data_encoding::BASE64
            .decode(text(&self.0, &["Signature"]).as_bytes())
            .map_err(|_| WebhookError::Forged)?;
        let algorithm = match text(&self.0, &["SignatureVersion"]) {
            "2" => &RSA_PKCS1_2048_8192_SHA256,
            "1" => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            _ => return Err(WebhookError::Forged),
        };
        let key = public_key(certificate).ok_or(WebhookError::Forged)?;
        UnparsedPublicKey::new(algorithm, key)
            .verify(self.signed().as_bytes(), &signature)
            .map_err(|_| WebhookError::Forged)?;
        Ok(Verified {
            topic: text(&self.0, &["TopicArn"]),
            message: text(&self.0, &["Message"]),
            subscribe: (text(&self.0, &["Type"]) == "SubscriptionConfirmation")
                .then(|| text(&self.0, &["SubscribeURL"])),
        })
    }

    /// Returns the message within, though nobody vouches for it.
    pub(super) fn unverified(&self) -> &str {
        text(&self.0, &["Message"])
    }

    fn signed(&self) -> String {
        let keys: &[&str] =
            if text(&self.0, &["Type"]) == "Notification" { &NOTIFICATION } else { &CONFIRMATION };
        let mut signed = String::new();
        for key in keys {
            if let Some(value) = self.0.get(key).and_then(Value::as_str) {
                signed.extend([key, "\n", value, "\n"]);
            }
        }
        signed
    }
}

/// What Amazon signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified<'a> {
    /// The topic's name.
    pub topic: &'a str,
    /// The message; for SES, its notification.
    pub message: &'a str,
    /// Where to say that we want the topic's messages, in the one call that asks.
    pub subscribe: Option<&'a str>,
}

/// Returns a certificate's RSA key, as ring reads it: the bits of its SubjectPublicKeyInfo (RFC 5280 section 4.1).
fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const BITS: u8 = 0x03;
    const VERSION: u8 = 0xa0;
    let within =
        |bytes| element(bytes).filter(|(tag, ..)| *tag == SEQUENCE).map(|(_, body, _)| body);
    let mut rest = within(within(certificate)?)?;
    if rest.first() == Some(&VERSION) {
        rest = element(rest)?.2;
    }
    // Serial number, signature, issuer, validity, subject.
    for _ in 0..5 {
        rest = element(rest)?.2;
    }
    let (_, _, after_algorithm) = element(within(rest)?)?;
    let (_, bits, _) = element(after_algorithm).filter(|(tag, ..)| *tag == BITS)?;
    bits.strip_prefix(&[0])
}

/// Reads one DER element: its tag, what it holds, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (body, rest) = rest.split_at_checked(length)?;
    Some((tag, body, rest))
}
