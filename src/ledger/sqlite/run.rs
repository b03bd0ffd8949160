//! The run: what a sender may take, and what is taken back when it dies or its ledger was restored.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    columns::{At, Micros, Word, domains_json, micros},
    counts::{Counts, recount},
    fault::Fault,
    list,
};
use crate::{
    ledger::{Claim, Gone, LedgerError, Mark, Passed, Recovered, Resolution, Ticket},
    model::{Address, DeliveryState, IssueState, Subscriber},
};

/// Selects deliveries with their readers as frozen: as they are now, or as they were where they changed since.
macro_rules! free {
    ($index:literal, $rest:literal) => {
        concat!(
            "SELECT d.slot, d.fence, d.tries, d.first_at, s.id, s.token_id,
                    iif(f.subscriber IS NULL, coalesce(s.address, s.address_key),
                        coalesce(f.address, f.address_key)),
                    iif(f.subscriber IS NULL, s.name, f.name),
                    iif(f.subscriber IS NULL, s.tags, f.tags),
                    iif(f.subscriber IS NULL, s.fields, f.fields),
                    s.state
             FROM deliveries d INDEXED BY ",
            $index,
            " CROSS JOIN subscribers s ON s.id = d.subscriber
              LEFT JOIN former f ON f.subscriber = d.subscriber AND f.version = d.version
             WHERE (?3 = '[]' OR (SELECT substr(key, instr(key, '@') + 1) FROM
                        (SELECT coalesce(f.address_key, s.address_key) AS key))
                    NOT IN (SELECT value FROM json_each(?3))) AND ",
            $rest
        )
    };
}

/// Takes from the front of an index that holds only such rows, so that the thousandth claim costs what the first did.
const PLANNED: &str = free!(
    "deliveries_planned",
    "d.issue = ?1 AND d.slot > ?2 AND d.state = 'planned' ORDER BY d.slot LIMIT ?4"
);

const DUE: &str = free!(
    "deliveries_due",
    "d.issue = ?1 AND d.state = 'deferred' AND d.retry_at <= ?2
     ORDER BY d.retry_at, d.slot LIMIT ?4"
);

const SENDER_GONE: &str = "the sender ended before it recorded an outcome";
const LEDGER_RESTORED: &str = "the ledger was restored from an older copy";
const SETTLED_BY_HAND: &str = "settled by hand: it arrived";

/// Returns who this ledger is and how many deliveries of a publication it began.
pub(super) fn mark(ledger: &Connection, publication: &str) -> Result<Mark, Fault> {
    let sql = "SELECT id, coalesce((SELECT count FROM begins WHERE publication = ?1), 0), rollbacks
               FROM ledger";
    Ok(ledger.prepare_cached(sql)?.query_row([publication], |row| {
        let begins = row.get::<_, i64>(1)?.unsigned_abs();
        let rollbacks = row.get::<_, i64>(2)?.unsigned_abs();
        Ok(Mark { ledger: row.get(0)?, begins, rollbacks, is_shared: false })
    })?)
}

/// Counts whose deliveries are open, by publication.
pub(super) fn unfinished(ledger: &Connection) -> Result<BTreeMap<String, u64>, Fault> {
    let mut statement = ledger.prepare(
        "SELECT i.publication, coalesce(sum(c.count), 0)
         FROM issues i LEFT JOIN counts c ON c.issue = i.id AND c.state IN ('open', 'deferred')
         WHERE i.frozen_at IS NOT NULL GROUP BY i.publication",
    )?;
    let rows =
        statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Puts in doubt whatever the older copy believes open: the days it does not know of may have settled any of it (rule D12).
pub(super) fn accept_rollback(
    ledger: &Connection,
    now: Micros,
    publication: &str,
    begins: u64,
) -> Result<u64, Fault> {
    let begins = i64::try_from(begins).unwrap_or(i64::MAX);
    ledger.execute(
        "UPDATE ledger SET begins = max(begins, ?1), rollbacks = rollbacks + 1, standing = NULL",
        [begins],
    )?;
    ledger.execute(
        "INSERT INTO begins VALUES (?1, ?2)
         ON CONFLICT DO UPDATE SET count = max(count, excluded.count)",
        (publication, begins),
    )?;
    ledger.execute(
        "INSERT OR IGNORE INTO attempts
         SELECT d.issue, slot, fence, 'in_doubt', tries + 1, began_at, ?1, ?2, r.relay
         FROM deliveries d LEFT JOIN runs r ON r.issue = d.issue AND r.owner = d.owner
         WHERE state = 'attempting'",
        (now, LEDGER_RESTORED),
    )?;
    ledger.execute(
        "UPDATE deliveries SET state = 'in_doubt', said = ?2, at = ?1, owner = NULL,
            lease_end = NULL
         WHERE state IN ('planned', 'claimed', 'attempting', 'deferred')",
        (now, LEDGER_RESTORED),
    )?;
    for issue in issues_of_all(ledger)? {
        recount(ledger, issue)?;
    }
    let doubtful: i64 = ledger.query_row(
        "SELECT count(*) FROM deliveries WHERE state = 'in_doubt'",
        [],
        |row| row.get(0),
    )?;
    Ok(doubtful.unsigned_abs())
}

/// Takes back what senders that no longer live held.
pub(super) fn recover(
    ledger: &Connection,
    now: Micros,
    issue: i64,
    gone: &Gone,
) -> Result<Recovered, Fault> {
    let mut held = ledger.prepare_cached(
        "SELECT slot, state, owner, lease_end FROM deliveries INDEXED BY deliveries_held
         WHERE issue = ?1 AND owner IS NOT NULL",
    )?;
    let rows = held.query_map([issue], |row| {
        let owner: Option<String> = row.get(2)?;
        let lapsed = row.get::<_, Option<Micros>>(3)?.is_none_or(|end| end <= now);
        let dead = lapsed || owner.is_none_or(|owner| gone(&owner));
        Ok((row.get::<_, i64>(0)?, row.get::<_, Word<DeliveryState>>(1)?.0, dead))
    })?;
    let mut recovered = Recovered::default();
    let mut counts = Counts::default();
    for row in rows.collect::<Result<Vec<_>, _>>()? {
        match row {
            (slot, DeliveryState::Claimed, true) => {
                give_back(ledger, now, issue, slot, &mut counts)?;
                recovered.planned += 1;
            }
            (slot, _, true) => {
                doubt(ledger, now, issue, slot)?;
                counts.moved(issue, DeliveryState::Attempting, DeliveryState::InDoubt);
                recovered.in_doubt += 1;
            }
            _ => {}
        }
    }
    counts.write(ledger)?;
    Ok(recovered)
}

/// Notes through which relay a sender sends.
pub(super) fn note_relay(
    ledger: &Connection,
    issue: i64,
    owner: &str,
    relay: &str,
) -> Result<(), Fault> {
    ledger.execute(
        "INSERT INTO runs (issue, owner, relay) VALUES (?1, ?2, ?3)
         ON CONFLICT (issue, owner) DO UPDATE SET relay = excluded.relay",
        (issue, owner, relay),
    )?;
    Ok(())
}

/// What a sender asks for.
pub(super) struct Wanted {
    pub(super) owner: String,
    pub(super) limit: usize,
    pub(super) lease: Duration,
    pub(super) expire_after: Duration,
    pub(super) but: Passed,
}

/// Takes up to `limit` deliveries: those due again first, then those never tried.
pub(super) fn claim(
    ledger: &Connection,
    now: Micros,
    issue: i64,
    wanted: &Wanted,
) -> Result<Vec<Claim>, Fault> {
    let Some(sending) = Sending::find(ledger, issue, micros(wanted.expire_after))? else {
        return Ok(Vec::new());
    };
    let domains = domains_json(&wanted.but.domains);
    let mut claims = Vec::new();
    let mut counts = Counts::default();
    loop {
        let left = wanted.limit - claims.len();
        let due = free(ledger, DUE, params![issue, now, domains, rows(left)])?;
        let asked = due.len();
        for row in due {
            if sending.is_over(row.first_at, now) {
                expire(ledger, now, issue, row.slot)?;
                counts.moved(issue, DeliveryState::Deferred, DeliveryState::Expired);
            } else {
                counts.moved(issue, DeliveryState::Deferred, DeliveryState::Claimed);
                claims.push(sending.take(ledger, now, &wanted.owner, wanted.lease, row)?);
            }
        }
        if asked < left || claims.len() == wanted.limit {
            break;
        }
    }
    let left = wanted.limit - claims.len();
    for row in free(ledger, PLANNED, params![issue, wanted.but.slots, domains, rows(left)])? {
        claims.push(sending.take(ledger, now, &wanted.owner, wanted.lease, row)?);
    }
    counts.write(ledger)?;
    Ok(claims)
}

/// Returns when the next deferred delivery may be tried.
pub(super) fn next_retry(ledger: &Connection, issue: i64) -> Result<Option<Timestamp>, Fault> {
    Ok(ledger
        .prepare_cached(
            "SELECT min(retry_at) FROM deliveries INDEXED BY deliveries_due
             WHERE issue = ?1 AND state = 'deferred'",
        )?
        .query_row([issue], |row| row.get::<_, Option<At>>(0))?
        .map(|at| at.0))
}

/// Settles a delivery in doubt by a person's word.
pub(super) fn resolve(
    ledger: &Connection,
    now: Micros,
    issue: i64,
    address: &Address,
    how: Resolution,
) -> Result<bool, Fault> {
    let Some((publication, slug, state)) = name(ledger, issue)? else { return Ok(false) };
    let Some(person) = list::find(ledger, &publication, address)? else { return Ok(false) };
    let slot: Option<i64> = ledger
        .query_row(
            "SELECT slot FROM deliveries
             WHERE subscriber = ?1 AND issue = ?2 AND state = 'in_doubt'",
            (person.id, issue),
            |row| row.get(0),
        )
        .optional()?;
    let Some(slot) = slot else { return Ok(false) };
    match how {
        Resolution::Delivered => {
            append(ledger, now, issue, slot, DeliveryState::Accepted, SETTLED_BY_HAND)?;
            ledger.execute(
                "UPDATE deliveries SET state = 'accepted', said = ?3, at = ?4
                 WHERE issue = ?1 AND slot = ?2",
                (issue, slot, SETTLED_BY_HAND, now),
            )?;
        }
        Resolution::Resend if state == IssueState::Cancelled => {
            return Err(LedgerError::Refused(format!("the issue `{slug}` was cancelled")).into());
        }
        Resolution::Resend => {
            // A new beginning: its 48 hours start again, and a late word on the old attempt is stale.
            ledger.execute(
                "UPDATE deliveries SET state = 'planned', fence = fence + 1,
                    tries = tries + (began_at IS NOT NULL), first_at = NULL, began_at = NULL,
                    retry_at = NULL, at = ?3
                 WHERE issue = ?1 AND slot = ?2",
                (issue, slot, now),
            )?;
            reopen(ledger, issue)?;
        }
    }
    let to = match how {
        Resolution::Delivered => DeliveryState::Accepted,
        Resolution::Resend => DeliveryState::Planned,
    };
    let mut counts = Counts::default();
    counts.moved(issue, DeliveryState::InDoubt, to);
    counts.write(ledger)?;
    Ok(true)
}

/// Opens a finished issue again: there is something to do after all.
pub(super) fn reopen(ledger: &Connection, issue: i64) -> Result<(), Fault> {
    ledger.execute(
        "UPDATE issues SET state = 'sending', ended_at = NULL
         WHERE id = ?1 AND state = 'finished'",
        [issue],
    )?;
    Ok(())
}

/// Makes a claim planned again, or deferred as it was.
pub(super) fn give_back(
    ledger: &Connection,
    now: Micros,
    issue: i64,
    slot: i64,
    counts: &mut Counts,
) -> Result<(), Fault> {
    let state = ledger
        .prepare_cached(
            "UPDATE deliveries SET state = iif(retry_at IS NULL, 'planned', 'deferred'), at = ?3,
                owner = NULL, lease_end = NULL
             WHERE issue = ?1 AND slot = ?2 RETURNING state",
        )?
        .query_row((issue, slot, now), |row| Ok(row.get::<_, Word<_>>(0)?.0))?;
    counts.moved(issue, DeliveryState::Claimed, state);
    Ok(())
}

/// Puts an attempt in doubt whose sender is gone; the fence stays, so that late evidence finds it.
fn doubt(ledger: &Connection, now: Micros, issue: i64, slot: i64) -> Result<(), Fault> {
    append(ledger, now, issue, slot, DeliveryState::InDoubt, SENDER_GONE)?;
    ledger
        .prepare_cached(
            "UPDATE deliveries SET state = 'in_doubt', said = ?3, at = ?4,
                owner = NULL, lease_end = NULL
             WHERE issue = ?1 AND slot = ?2",
        )?
        .execute((issue, slot, SENDER_GONE, now))?;
    Ok(())
}

/// Gives up a delivery that was deferred for too long; the relay's last words stay.
fn expire(ledger: &Connection, now: Micros, issue: i64, slot: i64) -> Result<(), Fault> {
    ledger
        .prepare_cached(
            "UPDATE deliveries SET state = 'expired', at = ?3 WHERE issue = ?1 AND slot = ?2",
        )?
        .execute((issue, slot, now))?;
    Ok(())
}

/// Adds an ending of the current attempt to the log, with the relay of whoever still holds it.
pub(super) fn append(
    ledger: &Connection,
    now: Micros,
    issue: i64,
    slot: i64,
    state: DeliveryState,
    said: &str,
) -> Result<(), Fault> {
    ledger
        .prepare_cached(
            "INSERT OR IGNORE INTO attempts
             SELECT d.issue, slot, fence, ?3, iif(began_at IS NULL, 0, tries + 1),
                    coalesce(began_at, ?4), ?4, ?5, r.relay
             FROM deliveries d LEFT JOIN runs r ON r.issue = d.issue AND r.owner = d.owner
             WHERE d.issue = ?1 AND slot = ?2",
        )?
        .execute((issue, slot, state.word(), now, said))?;
    Ok(())
}

fn issues_of_all(ledger: &Connection) -> Result<Vec<i64>, Fault> {
    let mut statement = ledger.prepare("SELECT id FROM issues")?;
    let issues = statement.query_map([], |row| row.get(0))?;
    Ok(issues.collect::<Result<_, _>>()?)
}

fn name(ledger: &Connection, issue: i64) -> Result<Option<(String, String, IssueState)>, Fault> {
    Ok(ledger
        .prepare_cached("SELECT publication, slug, state FROM issues WHERE id = ?1")?
        .query_row([issue], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, Word<IssueState>>(2)?.0))
        })
        .optional()?)
}

/// An issue that is being sent.
struct Sending {
    issue: i64,
    stem: String,
    domain: String,
    expire_after: Micros,
    corrects: Option<First>,
}

/// The issue that one being sent corrects.
struct First {
    issue: i64,
    stem: String,
    domain: String,
}

/// A delivery that may be claimed.
struct Free {
    slot: i64,
    fence: i64,
    tries: u32,
    first_at: Option<Micros>,
    reader: Subscriber,
}

impl Sending {
    /// Finds an issue that is sending, and keeps `expire_after` for those who record its outcomes.
    fn find(ledger: &Connection, issue: i64, expire_after: Micros) -> Result<Option<Self>, Fault> {
        let found = ledger
            .prepare_cached(
                "SELECT i.message_stem, i.message_domain, i.expire_after,
                        first.id, first.message_stem, first.message_domain
                 FROM issues i LEFT JOIN issues first ON first.id = i.corrects
                 WHERE i.id = ?1 AND i.state = 'sending'",
            )?
            .query_row([issue], |row| {
                let (stem, domain) = (row.get(0)?, row.get(1)?);
                let corrects = match row.get(3)? {
                    None => None,
                    Some(issue) => Some(First { issue, stem: row.get(4)?, domain: row.get(5)? }),
                };
                let sending = Self { issue, stem, domain, expire_after, corrects };
                Ok((sending, row.get::<_, Option<Micros>>(2)?))
            })
            .optional()?;
        let Some((sending, noted)) = found else { return Ok(None) };
        if noted != Some(expire_after) {
            ledger
                .prepare_cached("UPDATE issues SET expire_after = ?2 WHERE id = ?1")?
                .execute((issue, expire_after))?;
        }
        Ok(Some(sending))
    }

    fn is_over(&self, first_at: Option<Micros>, now: Micros) -> bool {
        first_at.is_some_and(|first| first.saturating_add(self.expire_after) <= now)
    }

    /// Claims a row under a new fence.
    fn take(
        &self,
        ledger: &Connection,
        now: Micros,
        owner: &str,
        lease: Duration,
        row: Free,
    ) -> Result<Claim, Fault> {
        let lease_end = now.saturating_add(micros(lease));
        ledger
            .prepare_cached(
                "UPDATE deliveries SET state = 'claimed', fence = fence + 1, owner = ?3,
                    lease_end = ?4, at = ?5
                 WHERE issue = ?1 AND slot = ?2",
            )?
            .execute((self.issue, row.slot, owner, lease_end, now))?;
        let Free { slot, fence, tries, reader, .. } = row;
        let first = self.corrects.as_ref();
        let answers = first.map(|first| first.message_id(ledger, reader.id)).transpose()?.flatten();
        Ok(Claim {
            ticket: Ticket { issue: self.issue, slot, fence: fence + 1, attempt: tries + 1 },
            reader,
            message_id: message_id(&self.stem, slot, &self.domain),
            answers,
        })
    }
}

impl First {
    /// Returns the Message-ID under which a reader was sent it.
    fn message_id(&self, ledger: &Connection, subscriber: i64) -> Result<Option<String>, Fault> {
        let slot = ledger
            .prepare_cached("SELECT slot FROM deliveries WHERE subscriber = ?1 AND issue = ?2")?
            .query_row((subscriber, self.issue), |row| row.get(0))
            .optional()?;
        Ok(slot.map(|slot| message_id(&self.stem, slot, &self.domain)))
    }
}

fn message_id(stem: &str, slot: i64, domain: &str) -> String {
    format!("<{stem}.{slot}@{domain}>")
}

fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn free(
    ledger: &Connection,
    sql: &str,
    params: &[&dyn rusqlite::ToSql],
) -> Result<Vec<Free>, Fault> {
    let mut statement = ledger.prepare_cached(sql)?;
    let rows = statement.query_map(params, |row| {
        Ok(Free {
            slot: row.get(0)?,
            fence: row.get(1)?,
            tries: row.get(2)?,
            first_at: row.get(3)?,
            reader: list::person_from(row, 4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::{super::enter::BEGIN, *};

    fn query_plan(sql: &str) -> String {
        let ledger = Connection::open_in_memory().expect("it opens");
        for sql in super::super::migrate::MIGRATIONS {
            ledger.execute_batch(sql).expect("it is made");
        }
        let mut statement =
            ledger.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("it is SQL");
        let count = statement.parameter_count();
        let rows = statement
            .query_map(rusqlite::params_from_iter(vec![1; count]), |row| row.get::<_, String>(3))
            .expect("it explains");
        rows.collect::<Result<Vec<_>, _>>().expect("it explains").join("\n")
    }

    #[test]
    fn claim_and_begin_touch_only_their_rows() {
        let reader = "SEARCH s USING INTEGER PRIMARY KEY (rowid=?)\n\
                      SEARCH f USING PRIMARY KEY (subscriber=? AND version=?) LEFT-JOIN";
        for (sql, index) in [
            (PLANNED, "deliveries_planned (issue=? AND slot>?)"),
            (DUE, "deliveries_due (issue=? AND retry_at<?)"),
        ] {
            let found = query_plan(sql);
            assert!(
                found.starts_with(&format!("SEARCH d USING INDEX {index}\n{reader}")),
                "{found}"
            );
            assert!(!found.contains("TEMP B-TREE"), "nothing is sorted: {found}");
        }
        let begin = query_plan(BEGIN);
        assert!(begin.starts_with("SEARCH deliveries USING PRIMARY KEY (issue=? AND slot=?)"));
        assert!(!begin.contains("SCAN issues") && !begin.contains("SCAN subscribers"), "{begin}");
    }
}
