//! What stands in a ledger's columns, whichever it is: instants as microseconds, states as words, collections as JSON. How each is fetched from a row is the ledger's own.

use jiff::Timestamp;

use super::{Did, LedgerError, rules::Micros};
use crate::{
    bounce::Kind,
    model::{Address, DeliveryState, IssueState, SubscriberState},
};

/// An instant.
pub(super) struct At(pub(super) Timestamp);

/// A state by its word.
pub(super) struct Word<T>(pub(super) T);

/// A mailbox as it was written.
pub(super) struct Mail(pub(super) Address);

/// What is kept as JSON.
pub(super) struct Json<T>(pub(super) T);

/// Returns an instant as the model has it.
pub(super) fn instant(micros: Micros) -> Result<Timestamp, LedgerError> {
    Timestamp::from_microsecond(micros).map_err(|error| LedgerError::Damaged(error.to_string()))
}

/// A state that has a word.
pub(super) trait Spoken: Sized {
    /// Reads the word back.
    fn from_word(word: &str) -> Option<Self>;
}

macro_rules! spoken {
    ($($state:ty)*) => {
        $(impl Spoken for $state {
            fn from_word(word: &str) -> Option<Self> {
                Self::from_word(word)
            }
        })*
    };
}

spoken! { SubscriberState Kind Did IssueState DeliveryState }

/// Says of a word that it is no state.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a state")]
pub(super) struct UnknownWord(pub(super) String);
