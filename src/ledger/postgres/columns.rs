//! How the server's rows are read, and what it takes.

use std::error::Error;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tokio_postgres::{
    Row,
    types::{FromSql, Type, accepts},
};

use super::fault::Fault;
pub(super) use crate::ledger::value::{At, Json, Mail, Word, instant};
use crate::{
    ledger::value::{Spoken, UnknownWord},
    model::Subscriber,
};

type Wrong = Box<dyn Error + Sync + Send>;

/// Returns text as the server takes it: a NUL, which none of ours should hold, is the one character it refuses.
pub(super) fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Returns one value of each row, as `unnest` takes them.
pub(super) fn column<'a, T, V>(rows: &'a [T], of: impl Fn(&'a T) -> V) -> Vec<V> {
    rows.iter().map(of).collect()
}

/// Returns a count as the server takes it.
pub(super) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

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
        T::from_word(word).map(Self).ok_or_else(|| UnknownWord(word.to_owned()).into())
    }

    accepts!(TEXT);
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
