//! How the model's values stand in columns: instants as microseconds, states as words, collections as JSON.

use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use serde::de::DeserializeOwned;

use super::fault::Fault;
pub(super) use crate::ledger::rules::{
    Micros, fields_json, length, micros, reason_json, tags_json,
};
use crate::{
    bounce::Kind,
    ledger::{Did, LedgerError},
    model::{Address, DeliveryState, IssueState, SubscriberState},
};

/// Returns an instant as the model has it.
pub(super) fn instant(micros: Micros) -> Result<Timestamp, Fault> {
    Timestamp::from_microsecond(micros)
        .map_err(|error| LedgerError::Damaged(error.to_string()).into())
}

/// Returns domains as a parameter that SQL can look into.
pub(super) fn domains_json(domains: &[String]) -> String {
    tags_json(domains)
}

/// Reads an instant.
pub(super) struct At(pub(super) Timestamp);

/// Reads a state by its word.
pub(super) struct Word<T>(pub(super) T);

/// Reads a mailbox as it was written.
pub(super) struct Mail(pub(super) Address);

/// Reads JSON.
pub(super) struct Json<T>(pub(super) T);

impl FromSql for At {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let micros = i64::column_result(value)?;
        Timestamp::from_microsecond(micros).map(Self).map_err(FromSqlError::other)
    }
}

impl FromSql for Mail {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Self).map_err(FromSqlError::other)
    }
}

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Self).map_err(FromSqlError::other)
    }
}

impl<T: Spoken> FromSql for Word<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let word = value.as_str()?;
        let unknown = || FromSqlError::other(UnknownWord(word.to_owned()));
        T::from_word(word).map(Self).ok_or_else(unknown)
    }
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

impl Spoken for IssueState {
    fn from_word(word: &str) -> Option<Self> {
        Self::from_word(word)
    }
}

impl Spoken for DeliveryState {
    fn from_word(word: &str) -> Option<Self> {
        Self::from_word(word)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a state")]
struct UnknownWord(String);
