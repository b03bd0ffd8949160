//! Answers nobody wrote: absences, challenges, receipts (RFC 3834, RFC 8098, and what programs did before).

use super::{letter::Letter, phrase};

/// Tells whether a machine answered for a person.
pub(super) fn is_reply(letter: &Letter) -> bool {
    let head = &letter.head;
    let says = |name: &str, words: &[&str]| {
        head.all(name).any(|value| {
            let value = value.to_ascii_lowercase();
            words.iter().any(|word| value.starts_with(word))
        })
    };
    let has = |names: &[&str]| names.iter().any(|name| head.get(name).is_some());
    // Auto-generated mail is a machine's too, but answers nothing: a list's, a shop's.
    says("auto-submitted", &["auto-replied", "auto-notified"])
        || has(&[
            "x-autoreply",
            "x-autorespond",
            "x-autoreply-from",
            "x-autoresponse",
            "x-auto-reply-from",
            "x-mail-autoreply",
            "x-vacation",
            "x-tmda-fingerprint",
            "x-uol-antispam-challenge",
            "x-boxtrapper",
        ])
        || says("precedence", &["auto_reply", "auto-reply"])
        || says("x-precedence", &["auto_reply", "auto-reply"])
        || says("x-auto-response-suppress", &["all"]) && has(&["in-reply-to", "references"])
        || says("x-ms-exchange-generated-message-source", &["mailbox rules agent"])
        || letter.is_receipt
        || phrase::has(&letter.subject.to_lowercase(), phrase::AWAY)
}
