//! What a provider tells by HTTP instead of by mail: pure functions over the body it posts, one file a provider.
//!
//! Each verifies that it is the provider who speaks, by what that one offers,
//! and gives reports like those of mail. A new provider is one file, and one
//! line here.

pub mod mailgun;
pub mod postmark;
pub mod ses;
pub mod sns;

use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Says why a webhook's call is not taken. Shows nothing of what was posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// It is no JSON, or not of the provider's form.
    #[error("the body is not what the provider posts")]
    Malformed,
    /// The signature, password or certificate is not theirs.
    #[error("the call is not signed by the provider")]
    Forged,
    /// It was signed too long ago, or in the future.
    #[error("the call was signed more than five minutes away from now")]
    Stale,
}

/// Returns what names an event, in hexadecimal, however often its provider tells of it: over all it says but the signature of the call, and whose mailbox it is about.
pub fn digest(provider: &str, told: &[u8], address: &str) -> String {
    let mut sum = Sha256::new();
    let mut field = |bytes: &[u8]| {
        sum.update(bytes.len().to_be_bytes());
        sum.update(bytes);
    };
    field(provider.as_bytes());
    match object(told) {
        Ok(Value::Object(mut told)) => {
            told.remove("signature");
            field(Value::Object(told).to_string().as_bytes());
        }
        _ => field(told),
    }
    field(address.to_ascii_lowercase().as_bytes());
    HEXLOWER.encode(&sum.finalize())
}

/// Reads a body as a JSON object.
fn object(body: &[u8]) -> Result<Value, WebhookError> {
    let value: Value = serde_json::from_slice(body).map_err(|_| WebhookError::Malformed)?;
    if value.is_object() { Ok(value) } else { Err(WebhookError::Malformed) }
}

/// Returns the text at a path of keys; empty where there is none.
fn text<'a>(value: &'a Value, path: &[&str]) -> &'a str {
    path.iter()
        .try_fold(value, |value, key| value.get(key))
        .and_then(Value::as_str)
        .unwrap_or_default()
}
