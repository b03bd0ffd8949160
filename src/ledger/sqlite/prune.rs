//! Forgetting persons in what is over: an old issue keeps its counts, and no longer whom they count.

use rusqlite::Connection;

use super::{columns::Micros, fault::Fault, list};
use crate::ledger::rules::erased_key;

/// Forgets what issues that ended before `before` say of persons; returns of how many deliveries.
pub(super) fn prune(ledger: &Connection, publication: &str, before: Micros) -> Result<u64, Fault> {
    let mut ended = ledger.prepare_cached(
        "SELECT id FROM issues WHERE publication = ?1 AND ended_at < ?2
           AND state IN ('finished', 'cancelled')",
    )?;
    let issues = ended.query_map((publication, before), |row| row.get(0))?;
    let mut forgotten = 0;
    for issue in issues.collect::<Result<Vec<i64>, _>>()? {
        forgotten += forget(ledger, issue)?;
    }
    Ok(forgotten)
}

/// Leaves of each reader the hash that is left of an erased one, so that a row is still one reader and none of them can be named.
fn forget(ledger: &Connection, issue: i64) -> Result<u64, Fault> {
    let secret = list::secret(ledger)?;
    let mut named = ledger.prepare_cached(
        "SELECT slot, address_key FROM readers
         WHERE issue = ?1 AND slot > ?2 AND address_key NOT LIKE '%@erased.invalid'
         ORDER BY slot LIMIT 1000",
    )?;
    let mut forgotten = 0;
    let mut after = 0;
    loop {
        let readers = named.query_map((issue, after), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let readers = readers.collect::<Result<Vec<(i64, String)>, _>>()?;
        let Some((last, _)) = readers.last() else { break };
        after = *last;
        for (slot, key) in &readers {
            ledger
                .prepare_cached(
                    "UPDATE readers SET address_key = ?3, address = ?3, name = '', tags = '[]',
                        fields = '{}' WHERE issue = ?1 AND slot = ?2",
                )?
                .execute((issue, slot, erased_key(&secret, key)))?;
        }
        forgotten += readers.len() as u64;
    }
    // A relay's words often hold the address.
    ledger.execute("UPDATE attempts SET said = '' WHERE issue = ?1 AND said <> ''", [issue])?;
    ledger.execute("UPDATE deliveries SET said = '' WHERE issue = ?1 AND said <> ''", [issue])?;
    Ok(forgotten)
}
