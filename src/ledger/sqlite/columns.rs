//! How SQLite's rows are read.

use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use serde::de::DeserializeOwned;

use crate::ledger::value::{Spoken, UnknownWord};
pub(super) use crate::ledger::{
    rules::{Micros, fields_json, length, micros, reason_json, tags_json},
    value::{At, Json, Mail, Word, instant},
};

/// Returns domains as a parameter that SQL can look into.
pub(super) fn domains_json(domains: &[String]) -> String {
    tags_json(domains)
}

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
