//! The states of an issue, from draft to finished.

use serde::{Deserialize, Serialize};

/// States where an issue stands; the words are those of `--json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IssueState {
    /// A file; the ledger does not know it.
    Draft,
    /// A file that was sent from here; the ledger knows nothing of it any more. No ledger holds it.
    Forgotten,
    /// Bound to an hour and a digest.
    Scheduled,
    /// Frozen, and being delivered (or waiting for the next `send` or `due`).
    Sending,
    /// Held by `pause`, or by a guard.
    Paused,
    /// Nothing is left to do.
    Finished,
    /// Stopped for good by `cancel`; what was not sent is `cancelled`.
    Cancelled,
    /// Its hour passed by more than `max_late`, so it was not sent.
    Missed,
}

impl IssueState {
    /// Returns the word used in the ledger, in `--json` and on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Forgotten => "forgotten",
            Self::Scheduled => "scheduled",
            Self::Sending => "sending",
            Self::Paused => "paused",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
            Self::Missed => "missed",
        }
    }

    /// Reads the word back; `None` for one that a newer release wrote.
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Self::Draft,
            Self::Forgotten,
            Self::Scheduled,
            Self::Sending,
            Self::Paused,
            Self::Finished,
            Self::Cancelled,
            Self::Missed,
        ]
        .into_iter()
        .find(|state| state.word() == word)
    }
}
