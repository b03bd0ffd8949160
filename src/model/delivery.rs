//! One issue owed to one subscriber: its states, what a relay answers, and how it ended.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// States where a delivery stands; the arrows between them are in `ledger/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Owed; nobody works on it.
    Planned,
    /// A sender took it, and has not told a relay anything.
    Claimed,
    /// The begin is durable: from here on a relay may have it.
    Attempting,
    /// The relay took it on (250 after the dot).
    Accepted,
    /// Refused for now; to be tried again.
    Deferred,
    /// Refused for good.
    Rejected,
    /// The dot was sent and no reply came (RFC 1047): only a person can tell.
    InDoubt,
    /// Not sent, because this reader must not be mailed.
    Suppressed,
    /// Deferred for 48 hours and given up.
    Expired,
    /// Not sent, because the issue was cancelled.
    Cancelled,
}

impl DeliveryState {
    /// Every state, in the order of a delivery's life.
    pub const ALL: [Self; 10] = [
        Self::Planned,
        Self::Claimed,
        Self::Attempting,
        Self::Accepted,
        Self::Deferred,
        Self::Rejected,
        Self::InDoubt,
        Self::Suppressed,
        Self::Expired,
        Self::Cancelled,
    ];

    /// Returns the word used in the ledger and in `--json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Claimed => "claimed",
            Self::Attempting => "attempting",
            Self::Accepted => "accepted",
            Self::Deferred => "deferred",
            Self::Rejected => "rejected",
            Self::InDoubt => "in_doubt",
            Self::Suppressed => "suppressed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Tells whether something is still to be done by a sender.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Planned | Self::Claimed | Self::Attempting | Self::Deferred)
    }
}

/// What an SMTP server answered (RFC 5321 section 4.2), with its enhanced code (RFC 3463) where it gave one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reply {
    /// The three digits, 200 to 599.
    pub code: u16,
    /// Class, subject and detail, as in 5.1.1.
    pub enhanced: Option<(u8, u16, u16)>,
    /// The text of all lines joined with a space, printable, at most 1,000 bytes.
    pub text: String,
}

impl Reply {
    /// Tells whether it says yes (2yz).
    pub fn is_positive(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// Tells whether it says not now (4yz).
    pub fn is_transient(&self) -> bool {
        (400..500).contains(&self.code)
    }

    /// Tells whether it says never (5yz).
    pub fn is_permanent(&self) -> bool {
        (500..600).contains(&self.code)
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some((class, subject, detail)) = self.enhanced {
            write!(f, " {class}.{subject}.{detail}")?;
        }
        if !self.text.is_empty() {
            write!(f, " {}", self.text)?;
        }
        Ok(())
    }
}

/// The step of the SMTP conversation something happened at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Resolving the name and opening the connection.
    Connect,
    /// The server's first line.
    Greeting,
    /// EHLO.
    Hello,
    /// STARTTLS and the TLS handshake.
    Tls,
    /// AUTH.
    Auth,
    /// MAIL FROM: our sender.
    Mail,
    /// RCPT TO: the reader's address.
    Rcpt,
    /// DATA: whether a body may come.
    Data,
    /// The message's bytes, before the final dot.
    Body,
    /// The final dot and its reply.
    Dot,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::Greeting => "the greeting",
            Self::Hello => "EHLO",
            Self::Tls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::Mail => "MAIL FROM",
            Self::Rcpt => "RCPT TO",
            Self::Data => "DATA",
            Self::Body => "the message body",
            Self::Dot => "the end of the message",
        })
    }
}

/// Why a reader is not mailed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suppressed {
    /// Left this publication.
    Unsubscribed,
    /// Has not confirmed.
    Pending,
    /// Bounced for good.
    Bounced,
    /// Complained.
    Complained,
    /// Blocked by the publisher.
    Blocked,
    /// Asked to be forgotten.
    Erased,
    /// Asked for a pause that is not over.
    Paused,
    /// No longer in the list file.
    Unlisted,
    /// Not in the segment the issue was sent to.
    OutsideSegment,
    /// Did not get the issue that this one corrects, or may not have.
    NotSentTheFirst,
    /// A required merge field is empty: its name.
    MissingField(String),
    /// Their copy could not be made: why.
    Unprintable(String),
}

impl fmt::Display for Suppressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsubscribed => f.write_str("unsubscribed"),
            Self::Pending => f.write_str("pending"),
            Self::Bounced => f.write_str("bounced"),
            Self::Complained => f.write_str("complained"),
            Self::Blocked => f.write_str("blocked"),
            Self::Erased => f.write_str("erased"),
            Self::Paused => f.write_str("paused by the reader"),
            Self::Unlisted => f.write_str("no longer in the list file"),
            Self::OutsideSegment => f.write_str("not in the segment"),
            Self::NotSentTheFirst => f.write_str("did not get the issue it corrects"),
            Self::MissingField(field) => write!(f, "no `{field}`"),
            Self::Unprintable(why) => write!(f, "copy not possible: {why}"),
        }
    }
}

/// How one attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// 250 after the dot; the text often holds the relay's queue id.
    Accepted {
        /// What the relay said.
        said: String,
    },
    /// To be tried again.
    Deferred {
        /// The relay's words, or what broke.
        said: String,
        /// How long to wait at least; the ledger adds it to its own clock.
        wait: Duration,
        /// Whether it counts as one of the reader's tries (a 421 is about us, so it does not).
        counted: bool,
    },
    /// Refused for good.
    Rejected {
        /// The relay's words.
        said: String,
        /// Whether the address is dead, so that nothing may go there again.
        hard: bool,
    },
    /// After the dot, no usable reply.
    InDoubt {
        /// What happened instead of a reply.
        said: String,
    },
}

impl Outcome {
    /// Returns the state a delivery is in after this outcome.
    pub fn state(&self) -> DeliveryState {
        match self {
            Self::Accepted { .. } => DeliveryState::Accepted,
            Self::Deferred { .. } => DeliveryState::Deferred,
            Self::Rejected { .. } => DeliveryState::Rejected,
            Self::InDoubt { .. } => DeliveryState::InDoubt,
        }
    }

    /// Returns the relay's words, or what happened instead.
    pub fn said(&self) -> &str {
        match self {
            Self::Accepted { said }
            | Self::Deferred { said, .. }
            | Self::Rejected { said, .. }
            | Self::InDoubt { said } => said,
        }
    }
}

/// Counts the deliveries of one issue by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Every reader of the issue, whatever became of them.
    pub planned: u64,
    /// Taken by the relay.
    pub accepted: u64,
    /// Refused for good.
    pub rejected: u64,
    /// Waiting for another try.
    pub deferred: u64,
    /// Only a person can tell.
    pub in_doubt: u64,
    /// Must not be mailed.
    pub suppressed: u64,
    /// Given up after 48 hours.
    pub expired: u64,
    /// Stopped by `cancel`.
    pub cancelled: u64,
    /// Not settled yet: planned, claimed, attempting and deferred.
    pub remaining: u64,
}

impl Tally {
    /// Tells whether every reader is accounted for (invariant: the sum).
    pub fn balances(&self) -> bool {
        self.planned
            == self.accepted
                + self.rejected
                + self.in_doubt
                + self.suppressed
                + self.expired
                + self.cancelled
                + self.remaining
    }

    /// Counts whose mail was tried since an earlier tally, whatever came of it. Who was left out, given up or cancelled was not.
    pub fn tried_since(&self, before: &Self) -> u64 {
        let ended = |tally: &Self| tally.accepted + tally.rejected + tally.in_doubt;
        // Who was deferred before and is settled now is counted there.
        ended(self).saturating_sub(ended(before)) + self.deferred.saturating_sub(before.deferred)
    }
}
