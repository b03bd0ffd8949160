//! Forgetting persons in what is over: an old issue keeps its counts, and no longer whom they count.

use deadpool_postgres::Transaction;

use super::{ask, fault::Fault, list};
use crate::ledger::rules::{Micros, erased_key};

/// How many readers are forgotten at once.
const PAGE: i64 = 4_000;

/// Forgets what issues that ended before `before` say of persons; returns of how many deliveries.
pub(super) async fn prune(
    tx: &Transaction<'_>,
    publication: &str,
    before: Micros,
) -> Result<u64, Fault> {
    let now = ask::now(tx).await?;
    let ended = ask::all(
        tx,
        "SELECT id FROM issues WHERE publication = $1 AND ended_at < $2
           AND state IN ('finished', 'cancelled') AND coalesce(pruned_at < ended_at, true)",
        &[&publication, &before],
    )
    .await?;
    let mut forgotten = 0;
    for row in ended {
        let issue: i64 = row.try_get(0)?;
        forgotten += forget(tx, issue).await?;
        ask::run(tx, "UPDATE issues SET pruned_at = $2 WHERE id = $1", &[&issue, &now]).await?;
    }
    // What came back on no issue, or on one long after its end.
    ask::run(
        tx,
        "UPDATE reports SET said = '', address = ''
         WHERE publication = $1 AND at < $2 AND (said <> '' OR address <> '')",
        &[&publication, &before],
    )
    .await?;
    Ok(forgotten)
}

/// Leaves of each reader the hash that is left of an erased one, so that a row is still one reader and none of them can be named.
async fn forget(tx: &Transaction<'_>, issue: i64) -> Result<u64, Fault> {
    let secret = list::secret(tx).await?;
    let mut forgotten = 0;
    let mut after = 0_i64;
    loop {
        let named = ask::all(
            tx,
            "SELECT slot, address_key FROM readers
             WHERE issue = $1 AND slot > $2 AND address_key NOT LIKE '%@erased.invalid'
             ORDER BY slot LIMIT $3",
            &[&issue, &after, &PAGE],
        )
        .await?;
        let Some(last) = named.last() else { break };
        after = last.try_get(0)?;
        let (mut slots, mut hashes) = (Vec::new(), Vec::new());
        for row in &named {
            slots.push(row.try_get::<_, i64>(0)?);
            hashes.push(erased_key(&secret, row.try_get(1)?));
        }
        ask::run(
            tx,
            "UPDATE readers r
             SET address_key = u.hash, address = u.hash, name = '', tags = '[]', fields = '{}'
             FROM unnest($2::bigint[], $3::text[]) AS u (slot, hash)
             WHERE r.issue = $1 AND r.slot = u.slot",
            &[&issue, &slots, &hashes],
        )
        .await?;
        forgotten += named.len() as u64;
    }
    // A relay's words often hold the address.
    for sql in [
        "UPDATE attempts SET said = '' WHERE issue = $1 AND said <> ''",
        "UPDATE deliveries SET said = '' WHERE issue = $1 AND said <> ''",
        "UPDATE reports SET said = '', address = '' WHERE issue = $1",
    ] {
        ask::run(tx, sql, &[&issue]).await?;
    }
    Ok(forgotten)
}
