//! The run: what a sender may take, and what is taken back when it dies or its ledger was restored.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use deadpool_postgres::{GenericClient, Transaction};
use jiff::Timestamp;
use tokio_postgres::Row;

use super::{
    ask,
    columns::{At, Word, person, rows, text},
    fault::Fault,
    gate,
    issue::{look_from, reopen},
    list, moving,
};
use crate::{
    ledger::{
        Claim, Gone, LedgerError, Mark, Passed, Recovered, Resolution, Standing, Ticket,
        rules::{Micros, micros},
    },
    model::{Address, DeliveryState, IssueState, Subscriber},
};

/// Takes those planned in a range of slots. The range keeps the search short, and the issue's head keeps it to one sender at a time.
const PLANNED: &str = "
    UPDATE deliveries d
    SET state = 'claimed', fence = d.fence + 1, owner = $5, lease_end = $6, at = $7
    FROM (SELECT f.slot FROM deliveries f
          WHERE f.issue = $1 AND f.slot >= $2 AND f.slot < $3 AND f.state = 'planned'
          ORDER BY f.slot LIMIT $4) AS free,
         readers r, subscribers s
    WHERE d.issue = $1 AND d.slot = free.slot
      AND r.issue = $1 AND r.slot = free.slot AND s.id = d.subscriber
    RETURNING d.slot, d.fence, d.tries,
              s.id, s.token_id, r.address, r.name, r.tags, r.fields, s.state";

/// The same, of readers at no domain of `$8`.
const PLANNED_ELSEWHERE: &str = "
    UPDATE deliveries d
    SET state = 'claimed', fence = d.fence + 1, owner = $5, lease_end = $6, at = $7
    FROM (SELECT f.slot FROM deliveries f JOIN readers x ON x.issue = f.issue AND x.slot = f.slot
          WHERE f.issue = $1 AND f.slot >= $2 AND f.slot < $3 AND f.state = 'planned'
            AND substr(x.address_key, strpos(x.address_key, '@') + 1) <> ALL ($8)
          ORDER BY f.slot LIMIT $4) AS free,
         readers r, subscribers s
    WHERE d.issue = $1 AND d.slot = free.slot
      AND r.issue = $1 AND r.slot = free.slot AND s.id = d.subscriber
    RETURNING d.slot, d.fence, d.tries,
              s.id, s.token_id, r.address, r.name, r.tags, r.fields, s.state";

/// Those due again, the longest due first; one that another sender is at is passed over.
const DUE: &str = "
    SELECT d.slot, d.first_at
    FROM deliveries d JOIN readers r ON r.issue = d.issue AND r.slot = d.slot
    WHERE d.issue = $1 AND d.state = 'deferred' AND d.retry_at <= $2
      AND substr(r.address_key, strpos(r.address_key, '@') + 1) <> ALL ($3)
    ORDER BY d.retry_at, d.slot LIMIT $4
    FOR UPDATE OF d SKIP LOCKED";

const TAKE: &str = "
    UPDATE deliveries d
    SET state = 'claimed', fence = d.fence + 1, owner = $3, lease_end = $4, at = $5
    FROM readers r, subscribers s
    WHERE d.issue = $1 AND d.slot = ANY ($2)
      AND r.issue = d.issue AND r.slot = d.slot AND s.id = d.subscriber
    RETURNING d.slot, d.fence, d.tries,
              s.id, s.token_id, r.address, r.name, r.tags, r.fields, s.state";

const SENDER_GONE: &str = "the sender ended before it recorded an outcome";
const LEDGER_RESTORED: &str = "the ledger was restored from an older copy";
const SETTLED_BY_HAND: &str = "settled by hand: it arrived";

/// Returns who this ledger is and how many deliveries it began, of all its publications.
pub(super) async fn mark<C: GenericClient>(ledger: &C) -> Result<Mark, Fault> {
    let sql = "SELECT id, (SELECT sum(count)::bigint FROM begins), rollbacks FROM ledger";
    let row = ask::one(ledger, sql, &[]).await?;
    Ok(Mark {
        ledger: row.try_get(0)?,
        begins: row.try_get::<_, i64>(1)?.unsigned_abs(),
        rollbacks: row.try_get::<_, i64>(2)?.unsigned_abs(),
        is_shared: true,
    })
}

/// Counts whose deliveries are open, by publication.
pub(super) async fn unfinished<C: GenericClient>(
    ledger: &C,
) -> Result<BTreeMap<String, u64>, Fault> {
    let sql = "SELECT i.publication, count(d.slot)
               FROM issues i LEFT JOIN deliveries d ON d.issue = i.id
                    AND d.state IN ('planned', 'claimed', 'attempting', 'deferred')
               WHERE i.frozen_at IS NOT NULL GROUP BY i.publication";
    let mut unfinished = BTreeMap::new();
    for row in ask::all(ledger, sql, &[]).await? {
        unfinished.insert(row.try_get(0)?, row.try_get::<_, i64>(1)?.unsigned_abs());
    }
    Ok(unfinished)
}

/// Puts in doubt whatever the older copy believes open: the days it does not know of may have settled any of it (rule D12).
pub(super) async fn accept_rollback(tx: &Transaction<'_>, begins: u64) -> Result<u64, Fault> {
    tx.batch_execute("LOCK TABLE deliveries IN EXCLUSIVE MODE").await?;
    let now = ask::now(tx).await?;
    moving::stand(tx, &Standing::Open).await?;
    let begins = i64::try_from(begins).unwrap_or(i64::MAX);
    ask::run(tx, "UPDATE ledger SET rollbacks = rollbacks + 1", &[]).await?;
    ask::run(
        tx,
        "UPDATE begins SET count = count + greatest(0, $1 - (SELECT sum(count)::bigint FROM begins))
         WHERE place = 0",
        &[&begins],
    )
    .await?;
    ask::run(
        tx,
        "INSERT INTO attempts
         SELECT d.issue, slot, fence, 'in_doubt', tries + 1, began_at, $1::bigint, $2::text, r.relay
         FROM deliveries d LEFT JOIN runs r ON r.issue = d.issue AND r.owner = d.owner
         WHERE state = 'attempting' ON CONFLICT DO NOTHING",
        &[&now, &LEDGER_RESTORED],
    )
    .await?;
    ask::run(
        tx,
        "UPDATE deliveries SET state = 'in_doubt', said = $2, at = $1, owner = NULL,
            lease_end = NULL
         WHERE state IN ('planned', 'claimed', 'attempting', 'deferred')",
        &[&now, &LEDGER_RESTORED],
    )
    .await?;
    let sql = "SELECT count(*) FROM deliveries WHERE state = 'in_doubt'";
    Ok(ask::one(tx, sql, &[]).await?.try_get::<_, i64>(0)?.unsigned_abs())
}

/// Takes back what senders that no longer live held.
pub(super) async fn recover(
    tx: &Transaction<'_>,
    issue: i64,
    gone: &Gone,
) -> Result<Recovered, Fault> {
    let now = gate::beside(tx, false, [issue]).await?;
    let sql = "SELECT DISTINCT owner FROM claims WHERE issue = $1";
    let mut dead = Vec::new();
    for row in ask::all(tx, sql, &[&issue]).await? {
        let owner: String = row.try_get(0)?;
        if gone(&owner) {
            dead.push(owner);
        }
    }
    let over = ask::all(
        tx,
        "DELETE FROM claims WHERE issue = $1 AND (lease_end <= $2 OR owner = ANY ($3))
         RETURNING slots",
        &[&issue, &now, &dead],
    )
    .await?;
    let mut slots: Vec<i64> = Vec::new();
    for row in over {
        slots.extend(row.try_get::<_, Vec<i64>>(0)?);
    }
    if slots.is_empty() {
        return Ok(Recovered::default());
    }
    let held = ask::all(
        tx,
        "SELECT slot, state FROM deliveries
         WHERE issue = $1 AND slot = ANY ($2) AND state IN ('claimed', 'attempting')
           AND (lease_end <= $3 OR owner = ANY ($4))
         ORDER BY slot FOR UPDATE",
        &[&issue, &slots, &now, &dead],
    )
    .await?;
    let (mut claimed, mut attempting) = (Vec::new(), Vec::new());
    for row in held {
        let slot: i64 = row.try_get(0)?;
        match row.try_get::<_, Word<DeliveryState>>(1)?.0 {
            DeliveryState::Claimed => claimed.push(slot),
            _ => attempting.push(slot),
        }
    }
    doubt(tx, now, issue, &attempting).await?;
    give_back(tx, now, issue, &claimed).await?;
    Ok(Recovered { planned: claimed.len() as u64, in_doubt: attempting.len() as u64 })
}

/// Makes claims planned again, or deferred as they were.
async fn give_back(
    tx: &Transaction<'_>,
    now: Micros,
    issue: i64,
    slots: &[i64],
) -> Result<(), Fault> {
    let Some(first) = slots.iter().min() else { return Ok(()) };
    ask::run(
        tx,
        "UPDATE deliveries SET state = CASE WHEN retry_at IS NULL THEN 'planned' ELSE 'deferred' END,
            at = $3, owner = NULL, lease_end = NULL
         WHERE issue = $1 AND slot = ANY ($2)",
        &[&issue, &slots, &now],
    )
    .await?;
    look_from(tx, issue, *first).await
}

/// Puts attempts in doubt whose sender is gone; the fence stays, so that late evidence finds them.
async fn doubt(tx: &Transaction<'_>, now: Micros, issue: i64, slots: &[i64]) -> Result<(), Fault> {
    if slots.is_empty() {
        return Ok(());
    }
    append(tx, now, issue, slots, DeliveryState::InDoubt, SENDER_GONE).await?;
    ask::run(
        tx,
        "UPDATE deliveries SET state = 'in_doubt', said = $3, at = $4, owner = NULL,
            lease_end = NULL
         WHERE issue = $1 AND slot = ANY ($2)",
        &[&issue, &slots, &SENDER_GONE, &now],
    )
    .await?;
    Ok(())
}

/// Adds the same ending of their current attempts to the log, with the relay of whoever still holds them.
async fn append(
    tx: &Transaction<'_>,
    now: Micros,
    issue: i64,
    slots: &[i64],
    state: DeliveryState,
    said: &str,
) -> Result<(), Fault> {
    ask::run(
        tx,
        "INSERT INTO attempts
         SELECT d.issue, slot, fence, $3::text, CASE WHEN began_at IS NULL THEN 0 ELSE tries + 1 END,
                coalesce(began_at, $4::bigint), $4::bigint, $5::text, r.relay
         FROM deliveries d LEFT JOIN runs r ON r.issue = d.issue AND r.owner = d.owner
         WHERE d.issue = $1 AND slot = ANY ($2) ON CONFLICT DO NOTHING",
        &[&issue, &slots, &state.word(), &now, &said],
    )
    .await?;
    Ok(())
}

/// Notes through which relay a sender sends.
pub(super) async fn note_relay(
    tx: &Transaction<'_>,
    issue: i64,
    owner: &str,
    relay: &str,
) -> Result<(), Fault> {
    let sql = "INSERT INTO runs (issue, owner, relay) VALUES ($1, $2, $3)
               ON CONFLICT (issue, owner) DO UPDATE SET relay = excluded.relay";
    ask::run(tx, sql, &[&issue, &text(owner), &text(relay)]).await?;
    Ok(())
}

/// What a sender asks for.
pub(super) struct Wanted<'a> {
    pub(super) owner: &'a str,
    pub(super) limit: usize,
    pub(super) lease: Duration,
    pub(super) expire_after: Duration,
    pub(super) but: &'a Passed,
}

/// Takes up to `limit` deliveries: those due again first, then those never tried.
pub(super) async fn claim(
    tx: &Transaction<'_>,
    issue: i64,
    wanted: &Wanted<'_>,
) -> Result<Vec<Claim>, Fault> {
    let now = gate::beside(tx, false, [issue]).await?;
    let Some(sending) = Sending::find(tx, issue, micros(wanted.expire_after)).await? else {
        return Ok(Vec::new());
    };
    let mut search = Search { tx, now, sending, wanted, claims: Vec::new() };
    search.take_due().await?;
    search.take_planned().await?;
    search.answer().await?;
    search.note().await?;
    Ok(search.claims)
}

/// An issue that is being sent.
struct Sending {
    issue: i64,
    stem: String,
    domain: String,
    expire_after: Micros,
    /// The last slot there is.
    last: i64,
    /// The issue it corrects, and that one's stem and domain.
    corrects: Option<(i64, String, String)>,
}

impl Sending {
    /// Finds an issue that is sending, and keeps `expire_after` for those who record its outcomes.
    async fn find(
        tx: &Transaction<'_>,
        issue: i64,
        expire_after: Micros,
    ) -> Result<Option<Self>, Fault> {
        let sql = "SELECT i.message_stem, i.message_domain, i.expire_after, i.planned,
                          f.id, f.message_stem, f.message_domain
                   FROM issues i LEFT JOIN issues f ON f.id = i.corrects
                   WHERE i.id = $1 AND i.state = 'sending'";
        let Some(row) = ask::any(tx, sql, &[&issue]).await? else { return Ok(None) };
        if row.try_get::<_, Option<Micros>>(2)? != Some(expire_after) {
            let sql = "UPDATE issues SET expire_after = $2 WHERE id = $1";
            ask::run(tx, sql, &[&issue, &expire_after]).await?;
        }
        let (stem, domain) = (row.try_get(0)?, row.try_get(1)?);
        let corrects = match row.try_get(4)? {
            None => None,
            Some(issue) => Some((issue, row.try_get(5)?, row.try_get(6)?)),
        };
        Ok(Some(Self { issue, stem, domain, expire_after, last: row.try_get(3)?, corrects }))
    }

    fn claim(&self, row: &Row) -> Result<Claim, Fault> {
        let slot: i64 = row.try_get(0)?;
        let attempt = row.try_get::<_, i32>(2)?.unsigned_abs() + 1;
        let reader: Subscriber = person(row, 3)?;
        Ok(Claim {
            ticket: Ticket { issue: self.issue, slot, fence: row.try_get(1)?, attempt },
            reader,
            message_id: message_id(&self.stem, slot, &self.domain),
            answers: None,
        })
    }
}

struct Search<'a> {
    tx: &'a Transaction<'a>,
    now: Micros,
    sending: Sending,
    wanted: &'a Wanted<'a>,
    claims: Vec<Claim>,
}

impl Search<'_> {
    fn left(&self) -> usize {
        self.wanted.limit - self.claims.len()
    }

    fn lease_end(&self) -> Micros {
        self.now.saturating_add(micros(self.wanted.lease))
    }

    /// Takes those whose hour has come, and expires whose two days are over.
    async fn take_due(&mut self) -> Result<(), Fault> {
        let (issue, but) = (self.sending.issue, &self.wanted.but.domains);
        loop {
            let left = self.left();
            let due = ask::all(self.tx, DUE, &[&issue, &self.now, but, &rows(left)]).await?;
            let (mut order, mut over) = (Vec::new(), Vec::new());
            for row in &due {
                let (slot, first_at) =
                    (row.try_get::<_, i64>(0)?, row.try_get::<_, Option<i64>>(1)?);
                let end = first_at.map(|first| first.saturating_add(self.sending.expire_after));
                if end.is_some_and(|end| end <= self.now) {
                    over.push(slot);
                } else {
                    order.push(slot);
                }
            }
            if !over.is_empty() {
                // The relay's last words stay.
                let sql = "UPDATE deliveries SET state = 'expired', at = $3, retry_at = NULL
                           WHERE issue = $1 AND slot = ANY ($2)";
                ask::run(self.tx, sql, &[&issue, &over, &self.now]).await?;
            }
            if !order.is_empty() {
                let given: ask::Given<'_> =
                    &[&issue, &order, &self.wanted.owner, &self.lease_end(), &self.now];
                let mut taken = self.read(&ask::all(self.tx, TAKE, given).await?)?;
                taken.sort_by_key(|claim| order.iter().position(|slot| *slot == claim.ticket.slot));
                self.claims.append(&mut taken);
            }
            if due.len() < left || self.left() == 0 {
                return Ok(());
            }
        }
    }

    /// Takes those never tried, range after range from the issue's head on.
    async fn take_planned(&mut self) -> Result<(), Fault> {
        let Passed { domains, slots } = self.wanted.but;
        let issue = self.sending.issue;
        if self.left() == 0 || *slots >= self.sending.last {
            return Ok(());
        }
        let sql = "SELECT slot FROM heads WHERE issue = $1 FOR UPDATE";
        let Some(head) = ask::any(self.tx, sql, &[&issue]).await? else { return Ok(()) };
        let head: i64 = head.try_get(0)?;
        let mut from = head.max(slots.saturating_add(1));
        let is_whole = domains.is_empty() && from == head;
        let mut width = rows(self.left()).saturating_mul(2);
        while self.left() > 0 && from <= self.sending.last {
            let (to, left) = (from.saturating_add(width), rows(self.left()));
            let (owner, lease_end, now) = (self.wanted.owner, self.lease_end(), self.now);
            let taken = if domains.is_empty() {
                let given: ask::Given<'_> = &[&issue, &from, &to, &left, &owner, &lease_end, &now];
                ask::all(self.tx, PLANNED, given).await?
            } else {
                let given: ask::Given<'_> =
                    &[&issue, &from, &to, &left, &owner, &lease_end, &now, domains];
                ask::all(self.tx, PLANNED_ELSEWHERE, given).await?
            };
            let mut taken = self.read(&taken)?;
            taken.sort_by_key(|claim| claim.ticket.slot);
            from = match taken.last() {
                Some(last) if rows(taken.len()) == left => last.ticket.slot + 1,
                _ => to,
            };
            self.claims.append(&mut taken);
            width = width.saturating_mul(4);
        }
        if is_whole {
            let sql = "UPDATE heads SET slot = $2 WHERE issue = $1";
            ask::run(self.tx, sql, &[&issue, &from.min(self.sending.last + 1)]).await?;
        }
        Ok(())
    }

    fn read(&self, rows: &[Row]) -> Result<Vec<Claim>, Fault> {
        rows.iter().map(|row| self.sending.claim(row)).collect()
    }

    /// Says of a correction which message each reader got that it corrects.
    async fn answer(&mut self) -> Result<(), Fault> {
        let Some((first, stem, domain)) = &self.sending.corrects else { return Ok(()) };
        let readers: Vec<i64> = self.claims.iter().map(|claim| claim.reader.id).collect();
        let sql = "SELECT subscriber, slot FROM deliveries
                   WHERE issue = $1 AND subscriber = ANY ($2)";
        let mut slots = HashMap::new();
        for row in ask::all(self.tx, sql, &[first, &readers]).await? {
            slots.insert(row.try_get::<_, i64>(0)?, row.try_get::<_, i64>(1)?);
        }
        for claim in &mut self.claims {
            let slot = slots.get(&claim.reader.id);
            claim.answers = slot.map(|slot| message_id(stem, *slot, domain));
        }
        Ok(())
    }

    /// Notes what was taken, for whoever must take it back.
    async fn note(&self) -> Result<(), Fault> {
        if self.claims.is_empty() {
            return Ok(());
        }
        let slots: Vec<i64> = self.claims.iter().map(|claim| claim.ticket.slot).collect();
        ask::run(
            self.tx,
            "INSERT INTO claims (issue, owner, lease_end, slots) VALUES ($1, $2, $3, $4)",
            &[&self.sending.issue, &self.wanted.owner, &self.lease_end(), &slots],
        )
        .await?;
        Ok(())
    }
}

fn message_id(stem: &str, slot: i64, domain: &str) -> String {
    format!("<{stem}.{slot}@{domain}>")
}

/// Returns when the next deferred delivery may be tried.
pub(super) async fn next_retry<C: GenericClient>(
    ledger: &C,
    issue: i64,
) -> Result<Option<Timestamp>, Fault> {
    let sql = "SELECT min(retry_at) FROM deliveries
               WHERE issue = $1 AND state = 'deferred' AND retry_at IS NOT NULL";
    Ok(ask::one(ledger, sql, &[&issue]).await?.try_get::<_, Option<At>>(0)?.map(|at| at.0))
}

/// Settles a delivery in doubt by a person's word.
pub(super) async fn resolve(
    tx: &Transaction<'_>,
    issue: i64,
    address: &Address,
    how: Resolution,
) -> Result<bool, Fault> {
    let now = gate::issue(tx, issue).await?;
    let sql = "SELECT publication, slug, state FROM issues WHERE id = $1";
    let Some(named) = ask::any(tx, sql, &[&issue]).await? else { return Ok(false) };
    let (publication, slug): (String, String) = (named.try_get(0)?, named.try_get(1)?);
    let state = named.try_get::<_, Word<IssueState>>(2)?.0;
    let Some(person) = list::find(tx, &publication, address).await? else { return Ok(false) };
    let sql = "SELECT slot FROM deliveries
               WHERE subscriber = $1 AND issue = $2 AND state = 'in_doubt' FOR UPDATE";
    let Some(row) = ask::any(tx, sql, &[&person.id, &issue]).await? else { return Ok(false) };
    let slot: i64 = row.try_get(0)?;
    match how {
        Resolution::Delivered => {
            append(tx, now, issue, &[slot], DeliveryState::Accepted, SETTLED_BY_HAND).await?;
            let sql = "UPDATE deliveries SET state = 'accepted', said = $3, at = $4
                       WHERE issue = $1 AND slot = $2";
            ask::run(tx, sql, &[&issue, &slot, &SETTLED_BY_HAND, &now]).await?;
        }
        Resolution::Resend if state == IssueState::Cancelled => {
            return Err(
                LedgerError::Refused(format!("the issue `{}` was cancelled", text(&slug))).into()
            );
        }
        Resolution::Resend => {
            // A new beginning: its 48 hours start again, and a late word on the old attempt is stale.
            ask::run(
                tx,
                "UPDATE deliveries SET state = 'planned', fence = fence + 1,
                    tries = tries + (began_at IS NOT NULL)::integer, first_at = NULL,
                    began_at = NULL, retry_at = NULL, at = $3
                 WHERE issue = $1 AND slot = $2",
                &[&issue, &slot, &now],
            )
            .await?;
            look_from(tx, issue, slot).await?;
            reopen(tx, issue).await?;
        }
    }
    Ok(true)
}
