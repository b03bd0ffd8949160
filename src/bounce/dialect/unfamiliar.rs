//! Bounces in no dialect that is known: a mail system's name, an address, and words that say why.
//!
//! The last to be asked. An address is believed only beside a code or a
//! sentence of refusal, so that a person's answer stays a person's.

use super::{Letter, Refusal, paragraph::addressed, phrase, refusals};
use crate::bounce::{cause::Cause, letter::mailbox, status};

/// Who writes bounces, by the part before the `@`.
const DAEMONS: &[&str] = &[
    "mailer-daemon",
    "mailerdaemon",
    "mail-daemon",
    "postmaster",
    "mdaemon",
    "mailsystem",
    "mail-system",
    "mail.system",
    "mail-administrator",
    "mailadmin",
    "mta",
    "smtp",
    "smtp-daemon",
    "bounce",
    "bounces",
    "mail_system",
    "no-reply",
    "noreply",
    "",
];

/// Reads a bounce by what all of them have in common.
pub(in crate::bounce) fn read(letter: &Letter) -> Option<Vec<Refusal>> {
    let from = letter.head.get("from").unwrap_or_default().to_ascii_lowercase();
    let local = mailbox(&from).unwrap_or_default();
    let local = local.split('@').next().unwrap_or_default();
    let subject = letter.subject.to_lowercase();
    let is_daemon = DAEMONS.contains(&local)
        || from.contains("mail delivery")
        || from.contains("mailer-daemon");
    let is_bounce =
        phrase::has(&subject, phrase::UNDELIVERED) || phrase::has(&subject, phrase::DELAYED);
    let failed = letter.head.get("x-failed-recipients");
    if !(is_daemon && (is_bounce || status::reply_in(&letter.text).is_some()) || failed.is_some()) {
        return None;
    }
    let mut told = addressed(&letter.text);
    let says_why = |told: &[(String, &str)]| told.iter().any(|(_, why)| is_reason(why));
    if !says_why(&told) {
        let address = failed
            .and_then(mailbox)
            .or_else(|| letter.returned_to())
            .or_else(|| told.first().map(|(address, _)| address.clone()))
            .or_else(|| mailbox(&letter.text));
        told = vec![(address.unwrap_or_default(), letter.text.as_str())];
    }
    let told = told.into_iter().filter(|(_, why)| is_reason(why));
    // In a dialect nobody here knows, words prove a death only beside a code.
    let found: Vec<_> = refusals(told, letter)
        .into_iter()
        .map(|refusal| Refusal { is_doubtful: refusal.code().is_empty(), ..refusal })
        .collect();
    (!found.is_empty()).then_some(found)
}

/// Tells whether a text gives any reason.
fn is_reason(why: &str) -> bool {
    let refusal = Refusal::failed(String::new(), why);
    status::reply_in(why).is_some()
        || status::enhanced_in(why).is_some()
        || refusal.cause() != Cause::Unclear
}
