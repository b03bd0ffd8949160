//! Forgetting persons in what is over: an old issue keeps its counts, and no longer whom they count.

use rusqlite::Connection;

use super::{columns::Micros, fault::Fault};

/// Forgets what issues that ended before `before` say of persons; returns of how many deliveries.
pub(super) fn prune(
    ledger: &Connection,
    now: Micros,
    publication: &str,
    before: Micros,
) -> Result<u64, Fault> {
    let mut ended = ledger.prepare_cached(
        "SELECT id FROM issues WHERE publication = ?1 AND ended_at < ?2
           AND state IN ('finished', 'cancelled') AND coalesce(pruned_at < ended_at, TRUE)",
    )?;
    let issues = ended.query_map((publication, before), |row| row.get(0))?;
    let mut forgotten = 0;
    for issue in issues.collect::<Result<Vec<i64>, _>>()? {
        forgotten += forget(ledger, issue)?;
        ledger.execute("UPDATE issues SET pruned_at = ?2 WHERE id = ?1", (issue, now))?;
    }
    // What came back on no issue, or on one long after its end.
    ledger.execute(
        "UPDATE reports SET said = '', address = ''
         WHERE publication = ?1 AND at < ?2 AND (said <> '' OR address <> '')",
        (publication, before),
    )?;
    Ok(forgotten)
}

/// Leaves of each reader whose place on the list it is, and nothing of how they were when it was frozen.
///
/// Shown as the hash that is left of an erased person, a row is still one
/// reader, and none of them is named.
fn forget(ledger: &Connection, issue: i64) -> Result<u64, Fault> {
    let forgotten = ledger.execute(
        "UPDATE deliveries SET version = NULL
         WHERE issue = ?1 AND version IS NOT NULL
           AND (SELECT state FROM subscribers WHERE id = subscriber) <> 'erased'",
        [issue],
    )?;
    ledger.execute(
        "DELETE FROM former WHERE NOT EXISTS
            (SELECT 1 FROM deliveries d
             WHERE d.subscriber = former.subscriber AND d.version = former.version)",
        [],
    )?;
    // A relay's words often hold the address.
    ledger.execute("UPDATE attempts SET said = '' WHERE issue = ?1 AND said <> ''", [issue])?;
    ledger.execute("UPDATE deliveries SET said = '' WHERE issue = ?1 AND said <> ''", [issue])?;
    ledger.execute("UPDATE reports SET said = '', address = '' WHERE issue = ?1", [issue])?;
    Ok(forgotten as u64)
}
