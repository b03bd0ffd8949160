//! Who works on the issues, and how those go out.

use deadpool_postgres::{GenericClient, Transaction};

use super::{
    ask,
    columns::{At, Json},
    fault::Fault,
};
use crate::ledger::{Seen, Worker, rules::WORKERS_KEPT};

/// Keeps how an issue goes out.
pub(super) async fn instruct(tx: &Transaction<'_>, issue: i64, orders: &[u8]) -> Result<(), Fault> {
    let sql = "INSERT INTO orders (issue, bytes) VALUES ($1, $2)
               ON CONFLICT (issue) DO UPDATE SET bytes = excluded.bytes";
    ask::run(tx, sql, &[&issue, &orders]).await?;
    Ok(())
}

/// Returns how an issue goes out.
pub(super) async fn orders<C: GenericClient>(
    ledger: &C,
    issue: i64,
) -> Result<Option<Vec<u8>>, Fault> {
    let found = ask::any(ledger, "SELECT bytes FROM orders WHERE issue = $1", &[&issue]).await?;
    Ok(found.map(|row| row.try_get(0)).transpose()?)
}

/// Returns the publication and slug of every issue that is being sent, oldest first.
pub(super) async fn sending<C: GenericClient>(ledger: &C) -> Result<Vec<(String, String)>, Fault> {
    let sql = "SELECT publication, slug FROM issues WHERE state = 'sending' ORDER BY id";
    let mut issues = Vec::new();
    for row in ask::all(ledger, sql, &[]).await? {
        issues.push((row.try_get(0)?, row.try_get(1)?));
    }
    Ok(issues)
}

/// Notes that a worker lives, and forgets those not seen for long.
pub(super) async fn sign_in(tx: &Transaction<'_>, worker: &Worker) -> Result<(), Fault> {
    let now = ask::now(tx).await?;
    let json = serde_json::to_string(worker).expect("a worker is always JSON");
    let sql = "INSERT INTO workers (name, seen_at, worker) VALUES ($1, $2, $3)
               ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, worker = excluded.worker";
    ask::run(tx, sql, &[&worker.name, &now, &json]).await?;
    let before = now - WORKERS_KEPT;
    ask::run(tx, "DELETE FROM workers WHERE seen_at < $1", &[&before]).await?;
    Ok(())
}

/// Notes that a worker has ended.
pub(super) async fn sign_out(tx: &Transaction<'_>, name: &str) -> Result<(), Fault> {
    ask::run(tx, "DELETE FROM workers WHERE name = $1", &[&name]).await?;
    Ok(())
}

/// Returns who was seen lately.
pub(super) async fn workers<C: GenericClient>(ledger: &C) -> Result<Vec<Seen>, Fault> {
    let sql =
        "SELECT seen_at, worker FROM workers WHERE seen_at >= ledger_now() - $1 ORDER BY name";
    let mut workers = Vec::new();
    for row in ask::all(ledger, sql, &[&WORKERS_KEPT]).await? {
        workers
            .push(Seen { at: row.try_get::<_, At>(0)?.0, worker: row.try_get::<_, Json<_>>(1)?.0 });
    }
    Ok(workers)
}
