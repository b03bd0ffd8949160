//! Statements, each prepared once a connection.

use deadpool_postgres::GenericClient;
use tokio_postgres::{Row, types::ToSql};

use super::fault::Fault;
use crate::ledger::rules::Micros;

/// What stands for `$1` and so on.
pub(super) type Given<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Returns every row.
pub(super) async fn all<C: GenericClient>(
    ledger: &C,
    sql: &str,
    given: Given<'_>,
) -> Result<Vec<Row>, Fault> {
    let statement = ledger.prepare_cached(sql).await?;
    Ok(ledger.query(&statement, given).await?)
}

/// Returns the row, or `None` where there is none.
pub(super) async fn any<C: GenericClient>(
    ledger: &C,
    sql: &str,
    given: Given<'_>,
) -> Result<Option<Row>, Fault> {
    let statement = ledger.prepare_cached(sql).await?;
    Ok(ledger.query_opt(&statement, given).await?)
}

/// Returns the row that is always there.
pub(super) async fn one<C: GenericClient>(
    ledger: &C,
    sql: &str,
    given: Given<'_>,
) -> Result<Row, Fault> {
    let statement = ledger.prepare_cached(sql).await?;
    Ok(ledger.query_one(&statement, given).await?)
}

/// Changes rows, and returns how many.
pub(super) async fn run<C: GenericClient>(
    ledger: &C,
    sql: &str,
    given: Given<'_>,
) -> Result<u64, Fault> {
    let statement = ledger.prepare_cached(sql).await?;
    Ok(ledger.execute(&statement, given).await?)
}

/// Returns the ledger's time.
pub(super) async fn now<C: GenericClient>(ledger: &C) -> Result<Micros, Fault> {
    Ok(one(ledger, "SELECT ledger_now()", &[]).await?.try_get(0)?)
}
