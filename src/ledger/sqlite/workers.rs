//! Who works on the issues, and how those go out.

use rusqlite::{Connection, OptionalExtension};

use super::{
    columns::{At, Json, Micros},
    fault::Fault,
};
use crate::ledger::{Seen, Worker, rules::WORKERS_KEPT};

/// Keeps how an issue goes out.
pub(super) fn instruct(ledger: &Connection, issue: i64, orders: &[u8]) -> Result<(), Fault> {
    ledger.execute(
        "INSERT INTO orders (issue, bytes) VALUES (?1, ?2)
         ON CONFLICT (issue) DO UPDATE SET bytes = excluded.bytes",
        (issue, orders),
    )?;
    Ok(())
}

/// Returns how an issue goes out.
pub(super) fn orders(ledger: &Connection, issue: i64) -> Result<Option<Vec<u8>>, Fault> {
    let sql = "SELECT bytes FROM orders WHERE issue = ?1";
    Ok(ledger.prepare_cached(sql)?.query_row([issue], |row| row.get(0)).optional()?)
}

/// Returns the publication and slug of every issue that is being sent, oldest first.
pub(super) fn sending(ledger: &Connection) -> Result<Vec<(String, String)>, Fault> {
    let sql = "SELECT publication, slug FROM issues WHERE state = 'sending' ORDER BY id";
    let mut statement = ledger.prepare_cached(sql)?;
    let issues = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(issues.collect::<Result<_, _>>()?)
}

/// Notes that a worker lives, and forgets those not seen for long.
pub(super) fn sign_in(ledger: &Connection, now: Micros, worker: &Worker) -> Result<(), Fault> {
    let json = serde_json::to_string(worker).expect("a worker is always JSON");
    ledger.execute(
        "INSERT INTO workers (name, seen_at, worker) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, worker = excluded.worker",
        (&worker.name, now, json),
    )?;
    ledger.execute("DELETE FROM workers WHERE seen_at < ?1", [now - WORKERS_KEPT])?;
    Ok(())
}

/// Notes that a worker has ended.
pub(super) fn sign_out(ledger: &Connection, name: &str) -> Result<(), Fault> {
    ledger.execute("DELETE FROM workers WHERE name = ?1", [name])?;
    Ok(())
}

/// Returns who was seen lately.
pub(super) fn workers(ledger: &Connection, now: Micros) -> Result<Vec<Seen>, Fault> {
    let sql = "SELECT seen_at, worker FROM workers WHERE seen_at >= ?1 ORDER BY name";
    let mut statement = ledger.prepare_cached(sql)?;
    let workers = statement.query_map([now - WORKERS_KEPT], |row| {
        Ok(Seen { at: row.get::<_, At>(0)?.0, worker: row.get::<_, Json<_>>(1)?.0 })
    })?;
    Ok(workers.collect::<Result<_, _>>()?)
}
