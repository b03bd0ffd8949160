//! Postmark: bounces and complaints, behind a name and a password of our choice (RFC 7617).

use data_encoding::BASE64;
use ring::digest;
use serde_json::Value;

use super::{WebhookError, object, text};
use crate::{
    bounce::{Evidence, Kind, Report, refusal::Refusal},
    model::Secret,
};

/// Verifies the `Authorization` header of a call against `user` and `password`, and reads its body.
pub fn read(
    body: &[u8],
    authorization: &str,
    user: &str,
    password: &Secret,
) -> Result<Option<Report>, WebhookError> {
    let given = authorization
        .strip_prefix("Basic ")
        .and_then(|given| BASE64.decode(given.trim().as_bytes()).ok());
    let wanted = [user, ":", password.expose()].concat();
    // Digests are of one length, so that the comparison tells nothing of either.
    let same = |one: &[u8], two: &[u8]| {
        let differences = digest::digest(&digest::SHA256, one)
            .as_ref()
            .iter()
            .zip(digest::digest(&digest::SHA256, two).as_ref())
            .fold(0, |sum, (one, two)| sum | (one ^ two));
        differences == 0
    };
    if !given.is_some_and(|given| same(&given, wanted.as_bytes())) {
        return Err(WebhookError::Forged);
    }
    let told = object(body)?;
    let address = text(&told, &["Email"]).to_owned();
    let plain = |kind| Some(Report::plain(kind, address.clone(), evidence()));
    Ok(match text(&told, &["RecordType"]) {
        "Bounce" => match text(&told, &["Type"]) {
            "SpamComplaint" => plain(Kind::Complaint),
            "Unsubscribe" => plain(Kind::Unsubscribe),
            "AutoResponder" | "ChallengeVerification" | "OpenRelayTest" => plain(Kind::AutoReply),
            kind => Some(Report::of(refusal(kind, &told, address), evidence())),
        },
        "SpamComplaint" => plain(Kind::Complaint),
        "Delivery" => {
            Some(Report::plain(Kind::Delivered, text(&told, &["Recipient"]).to_owned(), evidence()))
        }
        "SubscriptionChange"
            if told["SuppressSending"] == Value::Bool(true)
                && text(&told, &["SuppressionReason"]) == "ManualSuppression" =>
        {
            Some(Report::plain(
                Kind::Unsubscribe,
                text(&told, &["Recipient"]).to_owned(),
                evidence(),
            ))
        }
        "" => return Err(WebhookError::Malformed),
        _ => None,
    })
}

fn evidence() -> Evidence {
    Evidence::vouched([])
}

/// Reads a bounce by its words; by Postmark's class where they say nothing.
fn refusal(kind: &str, told: &Value, address: String) -> Refusal {
    let words = text(told, &["Details"]);
    let words = if words.is_empty() { text(told, &["Description"]) } else { words };
    let mut refusal = Refusal::failed(address, words);
    let says_nothing = refusal.code().is_empty();
    match kind {
        "HardBounce" | "BadEmailAddress" => {
            refusal.status = says_nothing.then_some((5, 1, 1));
        }
        "SpamNotification" | "VirusNotification" | "Blocked" | "DMARCPolicy" => {
            refusal.status = says_nothing.then_some((5, 7, 0));
        }
        _ => refusal.is_doubtful = true,
    }
    refusal
}
