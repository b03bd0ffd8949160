//! A person on the list.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Address;

/// States whether a person may be mailed; only `Active` may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubscriberState {
    /// Asked for the publication, or was brought with proof of it.
    Active,
    /// Has not confirmed yet.
    Pending,
    /// Left.
    Unsubscribed,
    /// The address does not exist any more.
    Bounced,
    /// Called an issue spam.
    Complained,
    /// Never to be mailed, by the publisher's own word.
    Blocked,
    /// Asked to be forgotten; only a keyed hash is left.
    Erased,
}

impl SubscriberState {
    /// Every state, in the order reports list them.
    pub const ALL: [Self; 7] = [
        Self::Active,
        Self::Pending,
        Self::Unsubscribed,
        Self::Bounced,
        Self::Complained,
        Self::Blocked,
        Self::Erased,
    ];

    /// Returns the word used in the ledger, in `--json` and in CSV files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Unsubscribed => "unsubscribed",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
            Self::Blocked => "blocked",
            Self::Erased => "erased",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Tells whether this state says "never mail me", which no list file can take back.
    pub fn is_suppressed(self) -> bool {
        !matches!(self, Self::Active | Self::Pending)
    }
}

/// A person on a publication's list, as the ledger keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// The ledger's number of the row.
    pub id: i64,
    /// Random, in every link this person gets; tells nobody who they are. Lower-case base32 text.
    pub token_id: String,
    /// Where they are mailed.
    pub address: Address,
    /// Their name as they wrote it; empty where unknown.
    pub name: String,
    /// The publisher's labels.
    pub tags: Vec<String>,
    /// Every other column of the list, by its header in lower case.
    pub fields: BTreeMap<String, String>,
    /// Whether they may be mailed.
    pub state: SubscriberState,
}
