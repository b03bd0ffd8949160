//! What came back, as the ledger is told of it and tells of it.

use jiff::Timestamp;

use crate::{
    bounce::{Cause, Kind},
    model::{Address, SubscriberState},
};

/// One message that came back, understood, and its evidence verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Names the message: its SHA-256 in hexadecimal. One that was noted before changes nothing.
    pub digest: String,
    /// What it is about.
    pub about: About,
    /// What it means.
    pub kind: Kind,
    /// Why, for bounces.
    pub cause: Option<Cause>,
    /// The code it gives; may be empty.
    pub code: String,
    /// What the other server said.
    pub said: String,
    /// Where it came from, for the consent log.
    pub source: String,
    /// Whether to undo everything after telling what it would have done.
    pub rehearse: bool,
}

/// What a report is about, as far as that is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A delivery, by its return path or envelope id.
    Delivery {
        /// The issue.
        issue: i64,
        /// Its number within the issue.
        slot: i64,
    },
    /// A person, by an unsubscribe token.
    Reader {
        /// The issue the token came with.
        issue: i64,
        /// The random id in their links.
        token_id: String,
    },
    /// A mailbox. It is acted on where somebody vouches for it, and else only listed: anybody can write an address.
    Mailbox {
        /// Whose.
        address: Address,
        /// Whether our own provider says so, and proved to be it.
        is_vouched: bool,
    },
}

impl About {
    /// Tells whether it may be acted on.
    pub fn is_proven(&self) -> bool {
        !matches!(self, Self::Mailbox { is_vouched: false, .. })
    }
}

/// What became of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// The reader's mailbox; empty where it is not known whose.
    pub address: String,
    /// The slug of the issue, where it is known which.
    pub issue: Option<String>,
    /// What was done.
    pub did: Did,
}

/// What the ledger did about a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Did {
    /// The reader is this now, and was not before.
    Moved(SubscriberState),
    /// The reader was suppressed before, and stays what they are.
    Stays(SubscriberState),
    /// It is the first or second of three.
    Counted,
    /// Nobody is suppressed; somebody has to mend something.
    Alarmed,
    /// Nothing proves it, so it is for a person to look at.
    Listed,
    /// No reader of ours.
    Nobody,
    /// The message was noted before.
    Known,
    /// It asks for nothing.
    Nothing,
}

impl Did {
    /// Returns the word used in the ledger and in `--json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Moved(state) => state.word(),
            Self::Stays(_) => "stays",
            Self::Counted => "counted",
            Self::Alarmed => "alarmed",
            Self::Listed => "listed",
            Self::Nobody => "nobody",
            Self::Known => "known",
            Self::Nothing => "nothing",
        }
    }

    /// Reads the word back; who stayed is no longer told as what.
    pub fn from_word(word: &str) -> Option<Self> {
        let plain = [Self::Counted, Self::Alarmed, Self::Listed, Self::Nobody, Self::Known];
        match word {
            "stays" => Some(Self::Stays(SubscriberState::Unsubscribed)),
            "nothing" => Some(Self::Nothing),
            _ => plain
                .into_iter()
                .find(|did| did.word() == word)
                .or_else(|| SubscriberState::from_word(word).map(Self::Moved)),
        }
    }
}

/// A report as it was noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRecord {
    /// The ledger's number of it; later ones are greater.
    pub number: i64,
    /// When it was noted.
    pub at: Timestamp,
    /// The slug of the issue, where it is known which.
    pub issue: Option<String>,
    /// The mailbox; empty where it is not known whose.
    pub address: String,
    /// What it means.
    pub kind: Kind,
    /// Why, for bounces.
    pub cause: Option<Cause>,
    /// The code it gives; may be empty.
    pub code: String,
    /// What the other server said; empty once the person was forgotten.
    pub said: String,
    /// What was done.
    pub did: Did,
}
