//! Issues: bound to an hour, turned from state to state, counted and shown.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    columns::{At, Json, Mail, Micros, Word, length, micros},
    counts,
    fault::Fault,
    list,
    worn::give_up,
};
use crate::{
    ledger::{AttemptRecord, Booking, DeliveryRecord, IssueRecord, LedgerError, rules::erased_key},
    model::{Address, AddressError, DeliveryState, IssueState, Suppressed},
};

/// The columns `record` reads.
macro_rules! issue_columns {
    () => {
        "id, slug, state, why, digest, booked_at, booked_shown, booked_late, booked_digest, \
         frozen_at, started_at, ended_at, told, segment, \
         (SELECT first.slug FROM issues first WHERE first.id = issues.corrects)"
    };
}

/// Finds an issue by its slug.
pub(super) fn find(
    ledger: &Connection,
    publication: &str,
    slug: &str,
) -> Result<Option<IssueRecord>, Fault> {
    Ok(ledger
        .prepare_cached(concat!(
            "SELECT ",
            issue_columns!(),
            " FROM issues WHERE publication = ?1 AND slug = ?2"
        ))?
        .query_row((publication, slug), record)
        .optional()?)
}

/// Returns every issue, oldest first.
pub(super) fn all(ledger: &Connection, publication: &str) -> Result<Vec<IssueRecord>, Fault> {
    let mut statement = ledger.prepare_cached(concat!(
        "SELECT ",
        issue_columns!(),
        " FROM issues WHERE publication = ?1 ORDER BY id"
    ))?;
    let issues = statement.query_map([publication], record)?;
    Ok(issues.collect::<Result<_, _>>()?)
}

/// Binds an issue to an hour, unless it is past that.
pub(super) fn schedule(
    ledger: &Connection,
    publication: &str,
    slug: &str,
    booking: &Booking,
) -> Result<bool, Fault> {
    let bound = ledger.execute(
        "INSERT INTO issues (publication, slug, state, why, digest,
                             booked_at, booked_shown, booked_late, booked_digest)
         VALUES (?1, ?2, 'scheduled', '', ?3, ?4, ?5, ?6, ?3)
         ON CONFLICT (publication, slug) DO UPDATE SET
             state = excluded.state, why = '', digest = excluded.digest, told = 0,
             ended_at = NULL, booked_at = excluded.booked_at,
             booked_shown = excluded.booked_shown, booked_late = excluded.booked_late,
             booked_digest = excluded.booked_digest
         WHERE state IN ('scheduled', 'missed') AND frozen_at IS NULL",
        params![
            publication,
            slug,
            booking.digest,
            booking.at.as_microsecond(),
            booking.shown,
            micros(booking.max_late)
        ],
    )?;
    Ok(bound == 1)
}

/// Moves an issue from any of `from` to `to`; `name` is its publication and its slug.
pub(super) fn turn(
    ledger: &Connection,
    now: Micros,
    name: (&str, &str),
    from: &[IssueState],
    to: IssueState,
    why: &str,
) -> Result<bool, Fault> {
    let Some(issue) = find(ledger, name.0, name.1)? else { return Ok(false) };
    let frozen = issue.frozen_at.is_some();
    let possible = match to {
        IssueState::Draft | IssueState::Scheduled | IssueState::Missed => !frozen,
        IssueState::Sending => frozen,
        IssueState::Finished => frozen && is_settled(ledger, issue.id)?,
        IssueState::Paused | IssueState::Cancelled => true,
        IssueState::Forgotten => false,
    };
    if !possible || !from.contains(&issue.state) {
        return Ok(false);
    }
    match to {
        IssueState::Draft => {
            ledger.execute("DELETE FROM issues WHERE id = ?1", [issue.id])?;
            return Ok(true);
        }
        IssueState::Cancelled => cancel(ledger, now, issue.id, why)?,
        IssueState::Paused => give_back(ledger, now, issue.id)?,
        _ => {}
    }
    let ended = matches!(to, IssueState::Finished | IssueState::Cancelled);
    ledger.execute(
        "UPDATE issues SET state = ?2, why = ?3, ended_at = ?4,
            told = (state = 'missed' AND ?2 = 'missed') WHERE id = ?1",
        (issue.id, to.word(), why, ended.then_some(now)),
    )?;
    if ended {
        give_up(ledger, now, (issue.id, name.1))?;
    }
    Ok(true)
}

/// Counts suppressed deliveries by reason.
pub(super) fn suppressed(
    ledger: &Connection,
    issue: i64,
) -> Result<BTreeMap<Suppressed, u64>, Fault> {
    let mut statement = ledger.prepare_cached(
        "SELECT suppressed, count(*) FROM deliveries INDEXED BY deliveries_suppressed
         WHERE issue = ?1 AND state = 'suppressed' GROUP BY suppressed",
    )?;
    let reasons = statement.query_map([issue], |row| {
        Ok((row.get::<_, Json<_>>(0)?.0, row.get::<_, i64>(1)?.unsigned_abs()))
    })?;
    Ok(reasons.collect::<Result<_, _>>()?)
}

/// Returns deliveries in any of `states`, of slots after `after`.
///
/// Of each state a page is found, in an index that holds no others where there
/// is one: a few who failed are not looked for among a million who did not.
pub(super) fn deliveries(
    ledger: &Connection,
    issue: i64,
    states: &[DeliveryState],
    after: Option<i64>,
    limit: usize,
) -> Result<Vec<DeliveryRecord>, Fault> {
    let of_each: Vec<String> = states
        .iter()
        .map(|state| {
            let word = state.word();
            format!(
                "SELECT * FROM (SELECT issue, slot FROM deliveries {index}
                 AND issue = ?1 AND slot > ?2 AND state = '{word}' ORDER BY slot LIMIT ?3)",
                index = index_of(*state)
            )
        })
        .collect();
    if of_each.is_empty() {
        return Ok(Vec::new());
    }
    let mut statement = ledger.prepare_cached(&format!(
        "SELECT d.slot, coalesce(f.address, f.address_key, s.address, s.address_key), d.state,
                d.suppressed, d.begun, d.said, d.at, d.retry_at,
                '<' || i.message_stem || '.' || d.slot || '@' || i.message_domain || '>',
                d.version IS NULL AND s.state <> 'erased', s.address_key, s.state, d.began_at,
                CASE WHEN d.state = 'in_doubt' THEN
                    (SELECT a.relay FROM attempts a
                     WHERE a.issue = d.issue AND a.slot = d.slot AND a.fence = d.fence
                       AND a.state = 'in_doubt') END
         FROM ({}) AS found
              CROSS JOIN deliveries d ON d.issue = found.issue AND d.slot = found.slot
              CROSS JOIN issues i ON i.id = d.issue
              CROSS JOIN subscribers s ON s.id = d.subscriber
              LEFT JOIN former f ON f.subscriber = d.subscriber AND f.version = d.version
         ORDER BY found.slot LIMIT ?3",
        of_each.join(" UNION ALL ")
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query((issue, after.unwrap_or(0), limit))?;
    let mut deliveries = Vec::new();
    while let Some(row) = rows.next()? {
        let mut found = delivery(row)?;
        if row.get(9)? {
            let key: String = row.get(10)?;
            found.address = erased_address(&list::secret(ledger)?, &key)?;
        }
        deliveries.push(found);
    }
    Ok(deliveries)
}

/// Says in SQL in which index a state's rows are, with its condition word by word as SQLite wants it; the settled ones that nobody looks for have none.
fn index_of(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Planned => "INDEXED BY deliveries_planned WHERE state = 'planned'",
        DeliveryState::Claimed | DeliveryState::Attempting => {
            "INDEXED BY deliveries_held WHERE owner IS NOT NULL"
        }
        DeliveryState::Deferred => "INDEXED BY deliveries_due WHERE state = 'deferred'",
        DeliveryState::Suppressed => "INDEXED BY deliveries_suppressed WHERE state = 'suppressed'",
        DeliveryState::Rejected | DeliveryState::InDoubt | DeliveryState::Expired => {
            "INDEXED BY deliveries_failed
             WHERE (state = 'rejected' OR state = 'in_doubt' OR state = 'expired')"
        }
        DeliveryState::Accepted | DeliveryState::Cancelled => "WHERE true",
    }
}

/// Returns every attempt to reach an address, oldest first.
pub(super) fn attempts(
    ledger: &Connection,
    publication: &str,
    address: &Address,
) -> Result<Vec<AttemptRecord>, Fault> {
    let Some(person) = list::find(ledger, publication, address)? else { return Ok(Vec::new()) };
    let mut statement = ledger.prepare_cached(
        // What ended, what is under way, and why nothing more was tried.
        "SELECT i.slug, a.attempt, a.began_at, a.ended_at, a.state, a.said, NULL, 0, a.relay
         FROM deliveries d JOIN issues i ON i.id = d.issue
                           JOIN attempts a ON a.issue = d.issue AND a.slot = d.slot
         WHERE d.subscriber = ?1
         UNION ALL
         SELECT i.slug, d.tries + 1, d.began_at, NULL, d.state, d.said, NULL, 1, NULL
         FROM deliveries d JOIN issues i ON i.id = d.issue
         WHERE d.subscriber = ?1 AND d.state = 'attempting'
         UNION ALL
         SELECT i.slug, 0, d.at, NULL, d.state, d.said, d.suppressed, 2, NULL
         FROM deliveries d JOIN issues i ON i.id = d.issue
         WHERE d.subscriber = ?1 AND d.state IN ('suppressed', 'expired', 'cancelled')
         ORDER BY 3, 8, 4",
    )?;
    let attempts = statement.query_map([person.id], |row| {
        let reason = row.get::<_, Option<Json<Suppressed>>>(6)?;
        Ok(AttemptRecord {
            slug: row.get(0)?,
            attempt: row.get(1)?,
            began_at: row.get::<_, At>(2)?.0,
            ended_at: row.get::<_, Option<At>>(3)?.map(|at| at.0),
            state: row.get::<_, Word<_>>(4)?.0,
            said: reason.map_or_else(|| row.get(5), |reason| Ok(reason.0.to_string()))?,
            relay: row.get(8)?,
        })
    })?;
    Ok(attempts.collect::<Result<_, _>>()?)
}

/// Tells whether nothing is open and the sum balances (rule D15).
fn is_settled(ledger: &Connection, issue: i64) -> Result<bool, Fault> {
    // The rows themselves are the proof, not what was counted meanwhile.
    let tally = counts::tally_of_rows(ledger, issue)?;
    if tally.remaining == 0 && tally.balances() {
        counts::recount(ledger, issue)?;
        return Ok(true);
    }
    Ok(false)
}

/// Cancels what no sender has begun; an attempt under way is settled by its sender.
fn cancel(ledger: &Connection, now: Micros, issue: i64, why: &str) -> Result<(), Fault> {
    let why = if why.is_empty() { "the issue was cancelled" } else { why };
    for sql in [
        "UPDATE deliveries SET state = 'cancelled', said = ?2, at = ?3
         WHERE issue = ?1 AND state = 'planned'",
        "UPDATE deliveries SET state = 'cancelled', said = ?2, at = ?3
         WHERE issue = ?1 AND state = 'deferred'",
        "UPDATE deliveries SET state = 'cancelled', said = ?2, at = ?3,
            owner = NULL, lease_end = NULL
         WHERE issue = ?1 AND state = 'claimed' AND owner IS NOT NULL",
    ] {
        ledger.execute(sql, (issue, why, now))?;
    }
    counts::recount(ledger, issue)
}

/// Gives back every claim: planned again, or deferred as it was.
fn give_back(ledger: &Connection, now: Micros, issue: i64) -> Result<(), Fault> {
    ledger.execute(
        "UPDATE deliveries SET state = iif(retry_at IS NULL, 'planned', 'deferred'), at = ?2,
            owner = NULL, lease_end = NULL
         WHERE issue = ?1 AND state = 'claimed' AND owner IS NOT NULL",
        (issue, now),
    )?;
    counts::recount(ledger, issue)
}

fn record(row: &Row<'_>) -> rusqlite::Result<IssueRecord> {
    let instant = |column| row.get::<_, Option<At>>(column).map(|at| at.map(|at| at.0));
    let booking = match instant(5)? {
        None => None,
        Some(at) => Some(Booking {
            at,
            shown: row.get(6)?,
            max_late: length(row.get(7)?),
            digest: row.get(8)?,
        }),
    };
    Ok(IssueRecord {
        id: row.get(0)?,
        slug: row.get(1)?,
        state: row.get::<_, Word<_>>(2)?.0,
        why: row.get(3)?,
        digest: row.get(4)?,
        booking,
        frozen_at: instant(9)?,
        started_at: instant(10)?,
        ended_at: instant(11)?,
        told: row.get(12)?,
        segment: row.get(13)?,
        corrects: row.get(14)?,
    })
}

/// Returns what stands for a reader who is forgotten.
fn erased_address(secret: &[u8], key: &str) -> Result<Address, Fault> {
    let hash = erased_key(secret, key).parse();
    Ok(hash.map_err(|error: AddressError| LedgerError::Damaged(error.to_string()))?)
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<DeliveryRecord> {
    let state = row.get::<_, Word<DeliveryState>>(2)?.0;
    let suppressed = row.get::<_, Option<Json<Suppressed>>>(3)?.map(|reason| reason.0);
    let retry_at = row.get::<_, Option<At>>(7)?.map(|at| at.0);
    Ok(DeliveryRecord {
        slot: row.get(0)?,
        address: row.get::<_, Mail>(1)?.0,
        reader: row.get::<_, Word<_>>(11)?.0,
        state,
        said: suppressed.as_ref().map_or_else(|| row.get(5), |reason| Ok(reason.to_string()))?,
        suppressed,
        attempts: row.get(4)?,
        at: row.get::<_, At>(6)?.0,
        began_at: row.get::<_, Option<At>>(12)?.map(|at| at.0),
        relay: row.get(13)?,
        retry_at: retry_at.filter(|_| state == DeliveryState::Deferred),
        message_id: row.get(8)?,
    })
}
