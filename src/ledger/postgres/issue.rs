//! Issues: bound to an hour, turned from state to state, counted and shown.

use std::collections::BTreeMap;

use deadpool_postgres::{GenericClient, Transaction};
use tokio_postgres::Row;

use super::{
    ask,
    columns::{At, Json, Mail, Word, rows, text},
    fault::Fault,
    gate, list,
    worn::give_up,
};
use crate::{
    ledger::{
        AttemptRecord, Booking, DeliveryRecord, IssueRecord,
        rules::{Micros, length, micros},
    },
    model::{Address, DeliveryState, IssueState, Suppressed, Tally},
};

/// The columns `record` reads.
macro_rules! issue_columns {
    () => {
        "id, slug, state, why, digest, booked_at, booked_shown, booked_late, booked_digest, \
         frozen_at, started_at, ended_at, told, segment, \
         (SELECT f.slug FROM issues f WHERE f.id = issues.corrects)"
    };
}

/// Finds an issue by its slug.
pub(super) async fn find<C: GenericClient>(
    ledger: &C,
    publication: &str,
    slug: &str,
) -> Result<Option<IssueRecord>, Fault> {
    let sql =
        concat!("SELECT ", issue_columns!(), " FROM issues WHERE publication = $1 AND slug = $2");
    ask::any(ledger, sql, &[&publication, &text(slug)]).await?.map(|row| record(&row)).transpose()
}

/// Returns every issue, oldest first.
pub(super) async fn all<C: GenericClient>(
    ledger: &C,
    publication: &str,
) -> Result<Vec<IssueRecord>, Fault> {
    let sql =
        concat!("SELECT ", issue_columns!(), " FROM issues WHERE publication = $1 ORDER BY id");
    ask::all(ledger, sql, &[&publication]).await?.iter().map(record).collect()
}

/// Binds an issue to an hour, unless it is past that.
pub(super) async fn schedule(
    tx: &Transaction<'_>,
    publication: &str,
    slug: &str,
    booking: &Booking,
) -> Result<bool, Fault> {
    let bound = ask::run(
        tx,
        "INSERT INTO issues AS i (publication, slug, state, why, digest,
                                  booked_at, booked_shown, booked_late, booked_digest)
         VALUES ($1, $2, 'scheduled', '', $3, $4, $5, $6, $3)
         ON CONFLICT (publication, slug) DO UPDATE SET
             state = excluded.state, why = '', digest = excluded.digest, told = false,
             ended_at = NULL, booked_at = excluded.booked_at,
             booked_shown = excluded.booked_shown, booked_late = excluded.booked_late,
             booked_digest = excluded.booked_digest
         WHERE i.state IN ('scheduled', 'missed') AND i.frozen_at IS NULL",
        &[
            &publication,
            &slug,
            &booking.digest,
            &booking.at.as_microsecond(),
            &booking.shown,
            &micros(booking.max_late),
        ],
    )
    .await?;
    Ok(bound == 1)
}

/// Moves an issue from any of `from` to `to`; `name` is its publication and its slug.
pub(super) async fn turn(
    tx: &Transaction<'_>,
    name: (&str, &str),
    from: &[IssueState],
    to: IssueState,
    why: &str,
) -> Result<bool, Fault> {
    let Some(issue) = find(tx, name.0, name.1).await? else { return Ok(false) };
    let ended = matches!(to, IssueState::Finished | IssueState::Cancelled);
    if ended {
        // Its end may take somebody off the list.
        gate::list(tx).await?;
        gate::begins(tx).await?;
    }
    let now = gate::issue(tx, issue.id).await?;
    // Another may have turned it while we waited.
    ask::all(tx, "SELECT FROM issues WHERE id = $1 FOR UPDATE", &[&issue.id]).await?;
    let Some(issue) = find(tx, name.0, name.1).await? else { return Ok(false) };
    let frozen = issue.frozen_at.is_some();
    let possible = match to {
        IssueState::Draft | IssueState::Scheduled | IssueState::Missed => !frozen,
        IssueState::Sending => frozen,
        IssueState::Finished => frozen && is_settled(tx, issue.id).await?,
        IssueState::Paused | IssueState::Cancelled => true,
        IssueState::Forgotten => false,
    };
    if !possible || !from.contains(&issue.state) {
        return Ok(false);
    }
    match to {
        IssueState::Draft => {
            ask::run(tx, "DELETE FROM issues WHERE id = $1", &[&issue.id]).await?;
            return Ok(true);
        }
        IssueState::Cancelled => cancel(tx, now, issue.id, why).await?,
        IssueState::Paused => give_back(tx, now, issue.id).await?,
        IssueState::Finished => {
            ask::run(tx, "DELETE FROM claims WHERE issue = $1", &[&issue.id]).await?;
        }
        _ => {}
    }
    ask::run(
        tx,
        "UPDATE issues SET state = $2, why = $3, ended_at = $4,
            told = (state = 'missed' AND $2 = 'missed') WHERE id = $1",
        &[&issue.id, &to.word(), &text(why), &ended.then_some(now)],
    )
    .await?;
    if ended {
        give_up(tx, now, (issue.id, name.1)).await?;
    }
    Ok(true)
}

/// Counts an issue's deliveries by state. How many there are in all was counted when they were made.
pub(super) async fn tally<C: GenericClient>(ledger: &C, issue: i64) -> Result<Tally, Fault> {
    let counts = ask::all(
        ledger,
        "SELECT (SELECT planned FROM issues WHERE id = $1), state, count(*)
         FROM deliveries WHERE issue = $1 GROUP BY state
         UNION ALL SELECT planned, NULL, 0 FROM issues WHERE id = $1",
        &[&issue],
    )
    .await?;
    let mut tally = Tally::default();
    for row in counts {
        tally.planned = row.try_get::<_, Option<i64>>(0)?.unwrap_or(0).unsigned_abs();
        let Some(Word(state)) = row.try_get::<_, Option<Word<DeliveryState>>>(1)? else { continue };
        let count = row.try_get::<_, i64>(2)?.unsigned_abs();
        match state {
            DeliveryState::Accepted => tally.accepted = count,
            DeliveryState::Rejected => tally.rejected = count,
            DeliveryState::InDoubt => tally.in_doubt = count,
            DeliveryState::Suppressed => tally.suppressed = count,
            DeliveryState::Expired => tally.expired = count,
            DeliveryState::Cancelled => tally.cancelled = count,
            DeliveryState::Deferred => tally.deferred = count,
            DeliveryState::Planned | DeliveryState::Claimed | DeliveryState::Attempting => {}
        }
        if state.is_open() {
            tally.remaining += count;
        }
    }
    Ok(tally)
}

/// Counts suppressed deliveries by reason.
pub(super) async fn suppressed<C: GenericClient>(
    ledger: &C,
    issue: i64,
) -> Result<BTreeMap<Suppressed, u64>, Fault> {
    let sql = "SELECT suppressed, count(*) FROM deliveries
               WHERE issue = $1 AND state = 'suppressed' GROUP BY suppressed";
    let mut reasons = BTreeMap::new();
    for row in ask::all(ledger, sql, &[&issue]).await? {
        reasons.insert(row.try_get::<_, Json<_>>(0)?.0, row.try_get::<_, i64>(1)?.unsigned_abs());
    }
    Ok(reasons)
}

/// Returns deliveries in any of `states`, of slots after `after`.
pub(super) async fn deliveries<C: GenericClient>(
    ledger: &C,
    issue: i64,
    states: &[DeliveryState],
    after: Option<i64>,
    limit: usize,
) -> Result<Vec<DeliveryRecord>, Fault> {
    let words: Vec<&str> = states.iter().map(|state| state.word()).collect();
    let found = ask::all(
        ledger,
        "SELECT d.slot, r.address, d.state, d.suppressed, d.begun, d.said, d.at, d.retry_at,
                '<' || i.message_stem || '.' || d.slot || '@' || i.message_domain || '>', s.state,
                d.began_at, a.relay
         FROM deliveries d JOIN readers r ON r.issue = d.issue AND r.slot = d.slot
                           JOIN issues i ON i.id = d.issue
                           JOIN subscribers s ON s.id = d.subscriber
                           LEFT JOIN attempts a ON d.state = 'in_doubt' AND a.state = 'in_doubt'
                               AND a.issue = d.issue AND a.slot = d.slot AND a.fence = d.fence
         WHERE d.issue = $1 AND d.slot > $2 AND d.state = ANY ($3)
         ORDER BY d.slot LIMIT $4",
        &[&issue, &after.unwrap_or(0), &words, &rows(limit)],
    )
    .await?;
    found.iter().map(delivery).collect()
}

/// Returns every attempt to reach an address, oldest first.
pub(super) async fn attempts<C: GenericClient>(
    ledger: &C,
    publication: &str,
    address: &Address,
) -> Result<Vec<AttemptRecord>, Fault> {
    let Some(person) = list::find(ledger, publication, address).await? else {
        return Ok(Vec::new());
    };
    let found = ask::all(
        ledger,
        // What ended, what is under way, and why nothing more was tried.
        "SELECT i.slug, a.attempt, a.began_at, a.ended_at, a.state, a.said, NULL, 0, a.relay
         FROM deliveries d JOIN issues i ON i.id = d.issue
                           JOIN attempts a ON a.issue = d.issue AND a.slot = d.slot
         WHERE d.subscriber = $1
         UNION ALL
         SELECT i.slug, d.tries + 1, d.began_at, NULL, d.state, d.said, NULL, 1, NULL
         FROM deliveries d JOIN issues i ON i.id = d.issue
         WHERE d.subscriber = $1 AND d.state = 'attempting'
         UNION ALL
         SELECT i.slug, 0, d.at, NULL, d.state, d.said, d.suppressed, 2, NULL
         FROM deliveries d JOIN issues i ON i.id = d.issue
         WHERE d.subscriber = $1 AND d.state IN ('suppressed', 'expired', 'cancelled')
         ORDER BY 3, 8, 4",
        &[&person.id],
    )
    .await?;
    let attempt = |row: &Row| -> Result<AttemptRecord, Fault> {
        let reason = row.try_get::<_, Option<Json<Suppressed>>>(6)?;
        Ok(AttemptRecord {
            slug: row.try_get(0)?,
            attempt: row.try_get::<_, i32>(1)?.unsigned_abs(),
            began_at: row.try_get::<_, At>(2)?.0,
            ended_at: row.try_get::<_, Option<At>>(3)?.map(|at| at.0),
            state: row.try_get::<_, Word<_>>(4)?.0,
            said: reason.map_or_else(|| row.try_get(5), |reason| Ok(reason.0.to_string()))?,
            relay: row.try_get(8)?,
        })
    };
    found.iter().map(attempt).collect()
}

/// Opens a finished issue again: there is something to do after all.
pub(super) async fn reopen(tx: &Transaction<'_>, issue: i64) -> Result<(), Fault> {
    let sql = "UPDATE issues SET state = 'sending', ended_at = NULL
               WHERE id = $1 AND state = 'finished'";
    ask::run(tx, sql, &[&issue]).await?;
    Ok(())
}

/// Lets claims look from `slot` on again, who began to look behind it.
///
/// The head is written even where it stands before `slot` already: a claim that
/// has passed `slot` and is not committed yet is waited for that way.
pub(super) async fn look_from(tx: &Transaction<'_>, issue: i64, slot: i64) -> Result<(), Fault> {
    let sql = "UPDATE heads SET slot = least(slot, $2) WHERE issue = $1";
    ask::run(tx, sql, &[&issue, &slot]).await?;
    Ok(())
}

/// Tells whether nothing is open and the sum balances (rule D15).
async fn is_settled(tx: &Transaction<'_>, issue: i64) -> Result<bool, Fault> {
    let tally = tally(tx, issue).await?;
    Ok(tally.remaining == 0 && tally.balances())
}

/// Cancels what no sender has begun; an attempt under way is settled by its sender.
async fn cancel(tx: &Transaction<'_>, now: Micros, issue: i64, why: &str) -> Result<(), Fault> {
    let why = if why.is_empty() { "the issue was cancelled" } else { why };
    ask::run(
        tx,
        "UPDATE deliveries SET state = 'cancelled', said = $2, at = $3, retry_at = NULL,
            owner = NULL, lease_end = NULL
         WHERE issue = $1 AND state IN ('planned', 'claimed', 'deferred')",
        &[&issue, &text(why), &now],
    )
    .await?;
    Ok(())
}

/// Gives back every claim: planned again, or deferred as it was.
async fn give_back(tx: &Transaction<'_>, now: Micros, issue: i64) -> Result<(), Fault> {
    let given_back = ask::all(
        tx,
        "UPDATE deliveries SET state = CASE WHEN retry_at IS NULL THEN 'planned' ELSE 'deferred' END,
            at = $2, owner = NULL, lease_end = NULL
         WHERE issue = $1 AND state = 'claimed' RETURNING slot",
        &[&issue, &now],
    )
    .await?;
    let slots = given_back.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
    match slots.iter().min() {
        Some(first) => look_from(tx, issue, *first).await,
        None => Ok(()),
    }
}

fn record(row: &Row) -> Result<IssueRecord, Fault> {
    let instant = |column: usize| row.try_get::<_, Option<At>>(column).map(|at| at.map(|at| at.0));
    let booking = match instant(5)? {
        None => None,
        Some(at) => Some(Booking {
            at,
            shown: row.try_get(6)?,
            max_late: length(row.try_get(7)?),
            digest: row.try_get(8)?,
        }),
    };
    Ok(IssueRecord {
        id: row.try_get(0)?,
        slug: row.try_get(1)?,
        state: row.try_get::<_, Word<_>>(2)?.0,
        why: row.try_get(3)?,
        digest: row.try_get(4)?,
        booking,
        frozen_at: instant(9)?,
        started_at: instant(10)?,
        ended_at: instant(11)?,
        told: row.try_get(12)?,
        segment: row.try_get(13)?,
        corrects: row.try_get(14)?,
    })
}

fn delivery(row: &Row) -> Result<DeliveryRecord, Fault> {
    let state = row.try_get::<_, Word<DeliveryState>>(2)?.0;
    let suppressed = row.try_get::<_, Option<Json<Suppressed>>>(3)?.map(|reason| reason.0);
    let retry_at = row.try_get::<_, Option<At>>(7)?.map(|at| at.0);
    Ok(DeliveryRecord {
        slot: row.try_get(0)?,
        address: row.try_get::<_, Mail>(1)?.0,
        reader: row.try_get::<_, Word<_>>(9)?.0,
        state,
        said: suppressed
            .as_ref()
            .map_or_else(|| row.try_get(5), |reason| Ok(reason.to_string()))?,
        suppressed,
        attempts: row.try_get::<_, i32>(4)?.unsigned_abs(),
        at: row.try_get::<_, At>(6)?.0,
        began_at: row.try_get::<_, Option<At>>(10)?.map(|at| at.0),
        relay: row.try_get(11)?,
        retry_at: retry_at.filter(|_| state == DeliveryState::Deferred),
        message_id: row.try_get(8)?,
    })
}
