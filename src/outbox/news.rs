//! What the built-in relay tells of each message while it runs.

use std::path::PathBuf;

use crate::model::Stage;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A message was taken.
    Kept {
        /// The return path.
        from: String,
        /// The recipients.
        to: Vec<String>,
        /// How long it is.
        bytes: usize,
        /// Its Message-ID with angle brackets; empty where it has none.
        message_id: String,
        /// Its files, one for each recipient, where it is kept in a Maildir.
        files: Vec<PathBuf>,
    },
    /// A message was refused for what it is.
    Refused {
        /// The return path.
        from: String,
        /// The recipients.
        to: Vec<String>,
        /// What the sender was told.
        reply: String,
    },
    /// A rule of the script was played.
    Played {
        /// The rule's line.
        line: usize,
        /// At which step.
        stage: Stage,
        /// The recipients it was about, where any are known.
        to: Vec<String>,
    },
}
