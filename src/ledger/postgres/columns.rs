//! How the model's values stand in columns: as in SQLite's, instants as microseconds, states as words, collections as JSON.

use std::error::Error;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tokio_postgres::{
    Row,
    types::{FromSql, Type, accepts},
};

use super::fault::Fault;
use crate::{
    bounce::Kind,
    ledger::{Did, LedgerError, rules::Micros},
    model::{Address, DeliveryState, IssueState, Subscriber, SubscriberState},
};

type Wrong = Box<dyn Error + Sync + Send>;

/// Returns an instant as the model has it.
pub(super) fn instant(micros: Micros) -> Result<Timestamp, Fault> {
    Timestamp::from_microsecond(micros)
        .map_err(|error| LedgerError::Damaged(error.to_string()).into())
}

/// Returns text as the server takes it: a NUL, which none of ours should hold, is the one character it refuses.
pub(super) fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Returns a count as the server takes it.
pub(super) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Reads an instant.
pub(super) struct At(pub(super) Timestamp);

/// Reads a state by its word.
pub(super) struct Word<T>(pub(super) T);

/// Reads a mailbox as it was written.
pub(super) struct Mail(pub(super) Address);

/// Reads JSON.
pub(super) struct Json<T>(pub(super) T);

impl<'a> FromSql<'a> for At {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Wrong> {
        Ok(Self(Timestamp::from_microsecond(i64::from_sql(ty, raw)?)?))
    }

    accepts!(INT8);
}

impl<'a> FromSql<'a> for Mail {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Wrong> {
        Ok(Self(<&str>::from_sql(ty, raw)?.parse()?))
    }

    accepts!(TEXT);
}

impl<'a, T: DeserializeOwned> FromSql<'a> for Json<T> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Wrong> {
        Ok(Self(serde_json::from_str(<&str>::from_sql(ty, raw)?)?))
    }

    accepts!(TEXT);
}

impl<'a, T: Spoken> FromSql<'a> for Word<T> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Wrong> {
        let word = <&str>::from_sql(ty, raw)?;
        T::from_word(word).map(Self).ok_or_else(|| format!("`{word}` is not a state").into())
    }

    accepts!(TEXT);
}

/// A state that has a word.
pub(super) trait Spoken: Sized {
    /// Reads the word back.
    fn from_word(word: &str) -> Option<Self>;
}

impl Spoken for SubscriberState {
    fn from_word(word: &str) -> Option<Self> {
        Self::from_word(word)
    }
}

impl Spoken for IssueState {
    fn from_word(word: &str) -> Option<Self> {
        Self::from_word(word)
    }
}

impl Spoken for Kind {
    fn from_word(word: &str) -> Option<Self> {
        Self::from_word(word)
    }
}

impl Spoken for Did {
    fn from_word(word: &str) -> Option<Self> {
        Self::from_word(word)
    }
}

impl Spoken for DeliveryState {
    fn from_word(word: &str) -> Option<Self> {
        Self::from_word(word)
    }
}

/// Reads `id, token_id, address, name, tags, fields, state` from column `first` on.
pub(super) fn person(row: &Row, first: usize) -> Result<Subscriber, Fault> {
    Ok(Subscriber {
        id: row.try_get(first)?,
        token_id: row.try_get(first + 1)?,
        address: row.try_get::<_, Mail>(first + 2)?.0,
        name: row.try_get(first + 3)?,
        tags: row.try_get::<_, Json<_>>(first + 4)?.0,
        fields: row.try_get::<_, Json<_>>(first + 5)?.0,
        state: row.try_get::<_, Word<_>>(first + 6)?.0,
    })
}
