//! Reports: what comes back after an issue, read from a stranger's bytes (RFC 3464, RFC 5965, and all who speak neither).
//!
//! [`read`] is one pure function: bytes in, a [`Report`] out, whatever the
//! bytes are. It says what happened and whom it happened to, and gathers what
//! may prove that the report is about a message of ours; to verify that proof,
//! and to act on it, is for who holds the keys and the ledger.
//!
//! A format that is no standard is one file of `dialect/` and one line where
//! its siblings are listed; a provider's webhook is one of `webhook/`.

mod arf;
mod automatic;
mod cause;
mod dialect;
mod digest;
mod dsn;
mod evidence;
mod fields;
mod leave;
mod letter;
// A phrase a line would be a thousand lines.
#[rustfmt::skip]
mod phrase;
mod refusal;
mod status;
pub mod webhook;

use serde::Serialize;

pub use cause::{Cause, Missing, cause};
pub use digest::digest;
pub use evidence::{Evidence, return_token, unsubscribe_token};
use letter::Letter;
use refusal::Refusal;

/// What a report means for the person it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The address is dead: nothing may go there again.
    Hard,
    /// Not now: counted, and only the third of three issues says something.
    Soft,
    /// Refused for what we are or what we wrote: never the person's doing.
    Policy,
    /// The person calls it spam.
    Complaint,
    /// A machine of the person's answered: away, or asking who we are.
    AutoReply,
    /// The person wants to leave.
    Unsubscribe,
    /// A relay is still trying.
    Delayed,
    /// It arrived.
    Delivered,
    /// Written by a person, or in a dialect nobody here knows.
    Unknown,
}

impl Kind {
    /// Every kind, in the order reports list them.
    pub const ALL: [Self; 9] = [
        Self::Hard,
        Self::Soft,
        Self::Policy,
        Self::Complaint,
        Self::Unsubscribe,
        Self::AutoReply,
        Self::Delayed,
        Self::Delivered,
        Self::Unknown,
    ];

    /// Tells whether anything follows from it, for the reader or for us.
    pub fn acts(self) -> bool {
        matches!(self, Self::Hard | Self::Soft | Self::Policy | Self::Complaint | Self::Unsubscribe)
    }

    /// Returns the word used in `--json` and in the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
            Self::Policy => "policy",
            Self::Complaint => "complaint",
            Self::AutoReply => "auto_reply",
            Self::Unsubscribe => "unsubscribe",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// One message that came back, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What it means.
    pub kind: Kind,
    /// Why, for bounces.
    pub cause: Option<Cause>,
    /// Whose mailbox it speaks of, as it says; empty where it names none. A stranger's word.
    pub address: String,
    /// `failed`, `delayed`, `delivered`, `relayed` or `expanded` (RFC 3464 section 2.3.3), where it says so.
    pub action: Option<&'static str>,
    /// The enhanced code (RFC 3463), else the SMTP reply's, as `5.1.1` or `550`; empty where there is none.
    pub code: String,
    /// What the other server said, on one line, at most 500 bytes.
    pub diagnostic: String,
    /// What may prove which of our messages it is about.
    pub evidence: Evidence,
}

/// Reads one message that came back. Never fails: what nobody understands is [`Kind::Unknown`].
///
/// It looks at the first mebibyte, and at 64 parts of it.
pub fn read(bytes: &[u8]) -> Report {
    let letter = Letter::read(bytes);
    let evidence = Evidence::of(&letter);
    if let Some(complaint) = arf::read(&letter) {
        return Report::plain(complaint.kind, complaint.address, evidence);
    }
    // Amazon tells by mail too, what it tells a webhook.
    if let Some(mut told) = webhook::ses::in_a_letter(&letter.text) {
        return Report { evidence, ..told.swap_remove(0) };
    }
    let refusals =
        dsn::read(&letter).or_else(|| dialect::known(&letter)).filter(|found| !found.is_empty());
    if let Some(refusals) = refusals {
        return bounced(refusals, &letter, evidence);
    }
    if evidence.is_unsubscribe || leave::is_asked(&letter) {
        return Report::plain(Kind::Unsubscribe, evidence.sender.clone(), evidence);
    }
    if let Some(refusals) = dialect::unfamiliar(&letter) {
        return bounced(refusals, &letter, evidence);
    }
    let kind = if automatic::is_reply(&letter) { Kind::AutoReply } else { Kind::Unknown };
    Report::plain(kind, evidence.sender.clone(), evidence)
}

/// Makes one report of all that a bounce says: of who our message was to, else of the recipient for whom it is least bad.
///
/// A reader whose address fans out to several is lost only when all of them are.
fn bounced(refusals: Vec<Refusal>, letter: &Letter, evidence: Evidence) -> Report {
    let ours = letter.returned_to();
    let is_ours = |refusal: &Refusal| {
        ours.as_deref().is_some_and(|ours| refusal.address.eq_ignore_ascii_case(ours))
    };
    let told = refusals
        .into_iter()
        .map(|refusal| (refusal.kind(), refusal))
        .min_by_key(|(kind, refusal)| (!is_ours(refusal), severity(*kind)));
    let (_, refusal) = told.expect("who calls has at least one");
    Report::of(refusal, evidence)
}

impl Report {
    fn of(refusal: Refusal, evidence: Evidence) -> Self {
        let kind = refusal.kind();
        Self {
            kind,
            cause: matches!(kind, Kind::Hard | Kind::Soft | Kind::Policy).then(|| refusal.cause()),
            code: refusal.code(),
            address: refusal.address,
            action: refusal.action.map(refusal::Action::word),
            diagnostic: refusal.diagnostic,
            evidence,
        }
    }

    /// Makes one that says no more than what it is and of whom.
    fn plain(kind: Kind, address: String, evidence: Evidence) -> Self {
        Self { kind, cause: None, address, ..Self::of(Refusal::default(), evidence) }
    }
}

/// Orders kinds by what they cost the person.
fn severity(kind: Kind) -> u8 {
    match kind {
        Kind::Delivered => 0,
        Kind::Policy => 1,
        Kind::Delayed => 2,
        Kind::Soft => 3,
        _ => 4,
    }
}
