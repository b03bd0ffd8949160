//! Complaints: feedback reports (RFC 5965), and those of Microsoft's programme, which have a head of their own instead.

use super::{
    Kind,
    letter::{Letter, mailbox},
};

/// Somebody pressed a button.
pub(super) struct Complaint {
    pub(super) kind: Kind,
    /// Who, where the provider tells; empty where it does not.
    pub(super) address: String,
}

/// Reads a feedback report, or `None` where the message is none.
pub(super) fn read(letter: &Letter) -> Option<Complaint> {
    let returned = &letter.returned;
    let Some(feedback) = &letter.feedback else {
        let who = returned.get("x-hmxmroriginalrecipient")?;
        return Some(Complaint {
            kind: Kind::Complaint,
            address: mailbox(who).unwrap_or_default(),
        });
    };
    let who = feedback
        .get("original-rcpt-to")
        .or_else(|| feedback.get("removal-recipient"))
        .or_else(|| returned.get("x-hmxmroriginalrecipient"))
        .and_then(mailbox)
        .or_else(|| letter.returned_to());
    let kind = match feedback.get("feedback-type").map(str::to_ascii_lowercase).as_deref() {
        // What a server found by itself says nothing of a person's wish.
        Some("virus" | "auth-failure") => Kind::Policy,
        // Somebody took it out of the spam folder (RFC 6430).
        Some("not-spam") => Kind::Unknown,
        Some(kind) if kind.starts_with("auth-failure") => Kind::Policy,
        // Abuse, fraud, opt-out; and a type that is unknown is to be taken as `other`, which is none of the above.
        _ => Kind::Complaint,
    };
    Some(Complaint { kind, address: who.unwrap_or_default() })
}
