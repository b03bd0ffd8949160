//! Why a message was not taken: from the code a server gave and, read again, from its words.
//!
//! A code alone is often wrong: `5.0.0` and `550` are what servers say when
//! nothing else is set. So the words come first wherever they are milder than
//! the code, and what is not sure is never called dead. The worst that may
//! happen is that a reader who is there is suppressed; the next worst, that a
//! dead address is tried three times.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    Kind, phrase,
    status::{self, Enhanced},
};
use crate::model::own_words;

/// Why, as far as it makes a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Nobody has that address.
    NoMailbox,
    /// Its domain is not there, or takes no mail.
    NoDomain,
    /// It was disabled or given up.
    Closed,
    /// The mailbox is full.
    Full,
    /// Something that passes: a queue, a network, a greylist.
    Later,
    /// Refused for good, and nobody says why.
    Unclear,
    /// The message is too large.
    Size,
    /// The message looks like spam to them.
    Spam,
    /// Our server, domain or address is on a list of theirs.
    Blocked,
    /// A DNS record of ours is missing or wrong.
    Records(Missing),
    /// Another rule of theirs.
    Rule,
}

/// Which of our DNS records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// RFC 7208.
    Spf,
    /// RFC 6376.
    Dkim,
    /// RFC 9989.
    Dmarc,
    /// The name of the relay's address, and the address of that name.
    Ptr,
    /// One of SPF, DKIM and DMARC; they do not say which.
    Authentication,
}

impl Cause {
    /// Says what it means for the person.
    pub fn kind(self) -> Kind {
        match self {
            Self::NoMailbox | Self::NoDomain | Self::Closed => Kind::Hard,
            Self::Full | Self::Later | Self::Unclear => Kind::Soft,
            Self::Size | Self::Spam | Self::Blocked | Self::Records(_) | Self::Rule => Kind::Policy,
        }
    }
}

/// Says it to an editor.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoMailbox => "no such mailbox",
            Self::NoDomain => "no such domain",
            Self::Closed => "mailbox closed",
            Self::Full => "mailbox full",
            Self::Later => "trouble that passes",
            Self::Unclear => "refused, and not said why",
            Self::Size => "the message is too large",
            Self::Spam => "taken for spam",
            Self::Blocked => "our server is on a blocklist",
            Self::Records(missing) => return write!(f, "our {missing} is missing or wrong"),
            Self::Rule => "refused by a rule of theirs",
        })
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spf => "SPF record",
            Self::Dkim => "DKIM signature or its record",
            Self::Dmarc => "DMARC alignment",
            Self::Ptr => "relay's PTR record",
            Self::Authentication => "SPF record or DKIM signature",
        })
    }
}

/// Judges a refusal by its `Status` and the server's words. The first line that fits decides.
pub fn cause(status: Option<Enhanced>, said: &str) -> Cause {
    let text = words(said);
    let spoken = status::enhanced_in(&text);
    let code = spoken.filter(|code| (code.1, code.2) != (0, 0)).or(status).or(spoken);
    let reply = status::reply_in(&text);
    let has = |phrases| phrase::has(&text, phrases);
    let step = Step::of(&said.to_lowercase());
    let passes = match (spoken.or(status), reply) {
        (_, Some(reply)) => reply < 500,
        (Some((class, ..)), None) => class == 4,
        (None, None) => false,
    };
    let detail = code.map_or((0, 0), |(_, subject, detail)| (subject, detail));
    if detail == (2, 2) || has(phrase::FULL) {
        return Cause::Full;
    }
    if let Some(missing) = missing(detail, &text) {
        return Cause::Records(missing);
    }
    // Exchange Online's words for an address its directory does not know.
    if detail == (4, 1) && text.contains("recipient address rejected: access denied") {
        return Cause::NoMailbox;
    }
    if has(phrase::SENDER) || step == Step::Sender {
        return Cause::Rule;
    }
    // What is only guessed at is no reason.
    if phrase::has(&text.replace("may be blacklisted", ""), phrase::LISTS) {
        return Cause::Blocked;
    }
    if has(phrase::SPAM) {
        return Cause::Spam;
    }
    if has(phrase::BLOCKED) {
        return Cause::Blocked;
    }
    if matches!(detail, (2, 3) | (3, 4)) || has(phrase::SIZE) {
        return Cause::Size;
    }
    match (passes, detail) {
        (true, _) => return Cause::Later,
        (false, (7, _) | (1, 7 | 8)) => return Cause::Rule,
        (false, (6, _)) => return Cause::Spam,
        _ => {}
    }
    if has(phrase::LATER) {
        return Cause::Later;
    }
    let is_dead = matches!(detail, (1, 1 | 2 | 3 | 6 | 10));
    if step == Step::Data && !is_dead {
        return Cause::Unclear;
    }
    if has(phrase::RULE) && !(is_dead && (has(phrase::NO_MAILBOX) || has(phrase::NO_DOMAIN))) {
        return Cause::Rule;
    }
    if has(phrase::NO_DOMAIN) {
        return Cause::NoDomain;
    }
    // X.2.X is about a mailbox that is there (RFC 3463 section 3.3); Sendmail says 5.2.0 of any refusal after RCPT.
    if has(phrase::NO_MAILBOX) && detail.0 != 2 {
        return Cause::NoMailbox;
    }
    if has(phrase::CLOSED) && has(phrase::OF_A_MAILBOX) {
        return Cause::Closed;
    }
    match detail {
        (1, 1 | 3 | 10) => Cause::NoMailbox,
        // Exchange Online: the domain is not in the DNS.
        (1, 2) | (4, 310) => Cause::NoDomain,
        (1, 6) => Cause::Closed,
        _ => Cause::Unclear,
    }
}

/// The step of the conversation at which a server refused, where the words of our side tell: an error at EHLO or MAIL is about the sender, at RCPT about the recipient, after DATA about the message (RFC 5321 section 4.3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Sender,
    Data,
    Other,
}

impl Step {
    fn of(said: &str) -> Self {
        let told = |words: &[&str]| words.iter().any(|word| said.contains(word));
        if told(&[
            "after mail from",
            "in reply to mail from",
            "after ehlo",
            "after helo",
            "in reply to ehlo",
            "in reply to helo",
            // qmail, of the same.
            "but my name was rejected",
        ]) {
            Self::Sender
        } else if told(&[
            "after end of data",
            "in reply to end of data",
            "in reply to data",
            "for text command",
            "smtp command data",
            "failed after i sent the message",
        ]) {
            Self::Data
        } else {
            Self::Other
        }
    }
}

/// Finds which of our records they miss, by the codes of RFC 7372, RFC 7489's successor and the large providers, else by name.
fn missing(detail: (u16, u16), text: &str) -> Option<Missing> {
    match detail {
        (7, 25) => Some(Missing::Ptr),
        (7, 23 | 24 | 27) => Some(Missing::Spf),
        (7, 20..=22 | 30) => Some(Missing::Dkim),
        (7, 32 | 509) => Some(Missing::Dmarc),
        (7, 26 | 515) => Some(Missing::Authentication),
        _ => phrase::RECORDS
            .iter()
            .find(|(word, _)| text.contains(word))
            .map(|(_, missing)| *missing),
    }
}

/// Returns the words of the server that refused, where another one tells them.
fn words(said: &str) -> String {
    own_words(said.split_once(" said: ").map_or(said, |(_, words)| words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_again_and_win_where_they_are_milder() {
        use Cause::*;
        let status = |text: &str| status::read(text);
        for (code, said, why) in [
            ("5.0.0", "552 over quota", Full),
            ("5.1.1", "550 5.1.1 mailbox full", Full),
            ("5.2.2", "", Full),
            ("5.1.1", "550 5.1.1 <spam@example.org>: user unknown", NoMailbox),
            (
                "5.1.1",
                "host mx.spamfilter.example[192.0.2.1] said: 550 5.1.1 no such user",
                NoMailbox,
            ),
            ("5.0.0", "550 no such user here", NoMailbox),
            ("5.0.0", "550", Unclear),
            ("5.2.1", "550 5.2.1 user unknown", Unclear),
            ("5.2.0", "550 unknown user", Unclear),
            (
                "5.0.0",
                "SMTP error from remote mail server after end of data: 550 unknown user",
                Unclear,
            ),
            ("5.0.0", "SMTP error after MAIL FROM:<a@b.example>: 553 5.1.0 no such user", Rule),
            ("5.1.1", "550 5.1.1 refused due to recipient preferences", Rule),
            ("5.1.1", "550 5.7.1 rejected by policy", Rule),
            ("5.1.1", "550 5.1.1 blocked, see https://www.spamhaus.example/query", Blocked),
            ("5.1.1", "550 5.1.1 user unknown, see https://example.org/spam/policy", NoMailbox),
            ("5.1.8", "550 5.1.8 sender domain does not exist", Rule),
            ("5.1.2", "", NoDomain),
            (
                "5.4.4",
                "Host or domain name not found. Name service error for name=x type=A: Host not found",
                NoDomain,
            ),
            ("4.4.4", "Host not found, try again", Later),
            ("4.1.1", "450 4.1.1 user unknown", Later),
            ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound", NoMailbox),
            ("5.1.6", "", Closed),
            ("5.2.1", "550 5.2.1 the account is disabled", Closed),
            ("5.2.1", "550 5.2.1 not accepting messages", Unclear),
            ("5.2.1", "550 5.2.1 receiving mail at a rate that prevents delivery", Later),
            ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied", NoMailbox),
            ("5.7.1", "550 5.7.1 user unknown", Rule),
            ("5.0.0", "550 Mail content denied", Spam),
            ("5.0.0", "550 a link in it is listed on URIBL", Spam),
            ("5.0.0", "554 A problem occurred. (Ask your postmaster for help)", Blocked),
            ("5.7.26", "", Records(Missing::Authentication)),
            ("5.7.1", "550 the DMARC policy of your domain", Records(Missing::Dmarc)),
            ("5.3.4", "", Size),
            ("5.2.3", "550 5.2.3 message too large for this recipient", Size),
            (
                "5.0.0",
                "Connected to 192.0.2.1 but my name was rejected. Remote host said: 501 invalid domain name",
                Rule,
            ),
            ("5.0.0", "host mx.example said: 550 no such name (in reply to EHLO command)", Rule),
            (
                "5.0.0",
                "The account may not exist, it may be blacklisted. Unrouteable address",
                NoMailbox,
            ),
            ("5.0.0", "554 Bad DNS PTR resource record", Records(Missing::Ptr)),
            ("5.4.7", "delivery time expired", Later),
            ("5.0.0", "Пользователь не найден", NoMailbox),
            ("5.0.0", "Das Postfach des Empfängers ist voll", Full),
            ("5.0.0", "该用户不存在", NoMailbox),
        ] {
            assert_eq!(cause(status(code), said), why, "{code} {said}");
        }
    }
}
