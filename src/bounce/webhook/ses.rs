//! Amazon SES: notifications and event publishing, which differ in the name of one key.
//!
//! They travel in an envelope of SNS (`sns.rs`), which is what is signed.

use serde_json::Value;

use super::{WebhookError, object, text};
use crate::bounce::{
    Evidence, Kind, Report,
    refusal::{Action, Refusal},
    status,
};

/// Reads a notification: a report for each recipient it names. What it does not tell of recipients gives none.
pub fn read(message: &[u8]) -> Result<Vec<Report>, WebhookError> {
    let told = object(message)?;
    let head = told["mail"]["headers"].as_array();
    let head =
        head.into_iter().flatten().map(|field| (text(field, &["name"]), text(field, &["value"])));
    let evidence = Evidence::vouched(head);
    let kind = [text(&told, &["notificationType"]), text(&told, &["eventType"])].concat();
    let listed = |part: &str, list: &str| told[part][list].as_array().cloned().unwrap_or_default();
    let addressed = |recipient: &Value| {
        recipient
            .as_str()
            .map_or_else(|| text(recipient, &["emailAddress"]).to_owned(), str::to_owned)
    };
    let plain =
        |kind, recipient: &Value| Report::plain(kind, addressed(recipient), evidence.clone());
    Ok(match kind.as_str() {
        "Bounce" => listed("bounce", "bouncedRecipients")
            .iter()
            .map(|recipient| Report::of(refusal(&told["bounce"], recipient), evidence.clone()))
            .collect(),
        "Complaint" => {
            let kind = match text(&told, &["complaint", "complaintFeedbackType"]) {
                "not-spam" => Kind::Unknown,
                "virus" | "auth-failure" => Kind::Policy,
                _ => Kind::Complaint,
            };
            listed("complaint", "complainedRecipients")
                .iter()
                .map(|recipient| plain(kind, recipient))
                .collect()
        }
        "Delivery" => listed("delivery", "recipients")
            .iter()
            .map(|recipient| plain(Kind::Delivered, recipient))
            .collect(),
        "DeliveryDelay" => listed("deliveryDelay", "delayedRecipients")
            .iter()
            .map(|recipient| plain(Kind::Delayed, recipient))
            .collect(),
        "" => return Err(WebhookError::Malformed),
        _ => Vec::new(),
    })
}

/// Reads a notification that came by mail, where a topic has a mailbox among its subscribers. Nobody vouches for it.
pub(in crate::bounce) fn in_a_letter(letter: &str) -> Option<Vec<Report>> {
    let letter = letter.trim_start().strip_prefix('{')?;
    let end = letter.rfind('}')?;
    // A relay breaks lines wherever it likes, also within a string.
    let json: String = ["{", &letter[..=end].replace('\n', "")].concat();
    // The envelope of SNS may be around it; its signature is worth nothing in a mail.
    let envelope = super::sns::Envelope::read(json.as_bytes()).ok();
    let message = envelope.as_ref().map_or(json.as_str(), |envelope| envelope.unverified());
    read(message.as_bytes()).ok().filter(|told| !told.is_empty())
}

fn refusal(bounce: &Value, recipient: &Value) -> Refusal {
    let subtype = text(bounce, &["bounceSubType"]);
    let status = match (status::read(text(recipient, &["status"])), subtype) {
        (None, "NoEmail") => Some((5, 1, 1)),
        (None, "MailboxFull") => Some((5, 2, 2)),
        (None, "MessageTooLarge") => Some((5, 3, 4)),
        (None, "ContentRejected" | "AttachmentRejected") => Some((5, 6, 0)),
        (status, _) => status,
    };
    let words = text(recipient, &["diagnosticCode"]);
    let words = words.split_once(';').map_or(words, |(_, words)| words);
    let action = Action::read(text(recipient, &["action"])).or(Some(Action::Failed));
    let refusal =
        Refusal::new(text(recipient, &["emailAddress"]).to_owned(), action, status, words);
    // Whoever stands on Amazon's own list was not asked again.
    let is_doubtful = text(bounce, &["bounceType"]) != "Permanent" || subtype.contains("Suppress");
    Refusal { is_doubtful, ..refusal }
}
