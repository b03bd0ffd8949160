//! Mailgun: events signed with HMAC-SHA256 over a timestamp and a token.

use hmac::{Hmac, Mac};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;

use super::{WebhookError, object, text};
use crate::{
    bounce::{
        Evidence, Kind, Report,
        refusal::{Action, Refusal},
        status,
    },
    model::Secret,
};

/// How far from now a call may have been signed.
const WINDOW: SignedDuration = SignedDuration::from_mins(5);

/// A call that was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What was signed beside the moment. What the call tells was not: a token that comes again with something else is somebody else's.
    pub token: String,
    /// What it tells, where that concerns us.
    pub report: Option<Report>,
}

/// Verifies a call with the account's signing key and reads it. `now` is the time it came.
pub fn read(body: &[u8], key: &Secret, now: Timestamp) -> Result<Call, WebhookError> {
    let told = object(body)?;
    verify(&told, key, now)?;
    let token = text(&told, &["signature", "token"]).to_owned();
    Ok(Call { token, report: report(&told)? })
}

fn report(told: &serde_json::Value) -> Result<Option<Report>, WebhookError> {
    let event = &told["event-data"];
    let recipient = text(event, &["recipient"]).to_owned();
    let head = event["message"]["headers"].as_object();
    let evidence = Evidence::vouched(
        head.into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))),
    );
    let plain = |kind| Some(Report::plain(kind, recipient.clone(), evidence.clone()));
    Ok(match text(event, &["event"]) {
        "failed" | "rejected" => Some(Report::of(refusal(event, recipient), evidence)),
        "complained" => plain(Kind::Complaint),
        "unsubscribed" => plain(Kind::Unsubscribe),
        "delivered" => plain(Kind::Delivered),
        "" => return Err(WebhookError::Malformed),
        _ => None,
    })
}

fn verify(told: &serde_json::Value, key: &Secret, now: Timestamp) -> Result<(), WebhookError> {
    let signed = |name| text(told, &["signature", name]);
    let mac = data_encoding::HEXLOWER_PERMISSIVE
        .decode(signed("signature").as_bytes())
        .map_err(|_| WebhookError::Forged)?;
    Hmac::<Sha256>::new_from_slice(key.expose().as_bytes())
        .expect("HMAC takes keys of any length")
        .chain_update(signed("timestamp"))
        .chain_update(signed("token"))
        .verify_slice(&mac)
        .map_err(|_| WebhookError::Forged)?;
    let at = signed("timestamp")
        .parse()
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .ok_or(WebhookError::Malformed)?;
    if now.duration_since(at).abs() > WINDOW { Err(WebhookError::Stale) } else { Ok(()) }
}

fn refusal(event: &serde_json::Value, recipient: String) -> Refusal {
    let said = &event["delivery-status"];
    let words = [text(said, &["message"]), text(said, &["description"])]
        .into_iter()
        .find(|words| !words.is_empty())
        .unwrap_or_default();
    let code = said["code"].as_u64().filter(|code| (400..600).contains(code));
    let words = match code {
        Some(code) if !words.starts_with(['4', '5']) => format!("{code} {words}"),
        _ => words.to_owned(),
    };
    let is_permanent = text(event, &["severity"]) == "permanent";
    // Mailgun's own `temporary` is a try of several.
    let action = if is_permanent { Action::Failed } else { Action::Delayed };
    let refusal =
        Refusal::new(recipient, Some(action), status::read(text(said, &["enhanced-code"])), &words);
    // What it did not try because of its own list says nothing new.
    let is_doubtful = text(event, &["reason"]).starts_with("suppress");
    Refusal { is_doubtful, ..refusal }
}
