//! Freezing an issue: one delivery for everybody on the list, in one transaction (rule D7).

use rusqlite::{Connection, Row, params};

use super::{
    columns::{Micros, fields_json, reason_json, tags_json},
    enrol,
    fault::Fault,
    issue, list,
    run::reopen,
};
use crate::{
    ledger::{
        Admit, Enrol, Enrolled, Freeze, Frozen, LedgerError, Records,
        rules::{self, reason},
    },
    model::{IssueState, Subscriber, Suppressed, Tally},
};

/// Freezes an issue, or finds it frozen and adds whom `order.catch_up` asks for.
pub(super) fn freeze(
    ledger: &Connection,
    now: Micros,
    order: &Freeze,
    records: Option<Records>,
    admit: Admit,
) -> Result<Frozen, Fault> {
    let known = issue::find(ledger, &order.publication, &order.slug)?;
    let cancelled = known.as_ref().is_some_and(|issue| issue.state == IssueState::Cancelled);
    let frozen = known.filter(|issue| issue.frozen_at.is_some());
    let fresh = frozen.is_none();
    let mut enrolled = Enrolled::default();
    let before = match &frozen {
        Some(issue) => issue::tally(ledger, issue.id)?,
        None => Tally::default(),
    };
    if fresh || order.catch_up {
        if cancelled {
            let why = format!("the issue `{}` was cancelled", order.slug);
            return Err(LedgerError::Refused(why).into());
        }
        if let Some(records) = records {
            enrolled = enrol::enrol(ledger, now, &list_file(order), records)?;
        }
        let issue = match &frozen {
            None => bind(ledger, order)?,
            Some(issue) => issue.id,
        };
        let added = plan(ledger, now, &order.publication, issue, admit)?;
        if added > 0 {
            reopen(ledger, issue)?;
        }
    }
    let issue = issue::find(ledger, &order.publication, &order.slug)?
        .ok_or_else(|| LedgerError::Damaged(format!("the issue `{}` is gone", order.slug)))?;
    let tally = issue::tally(ledger, issue.id)?;
    let suppressed = issue::suppressed(ledger, issue.id)?;
    let recipients = tally.planned - tally.suppressed;
    // Somebody may have left since the first freeze, so fewer can be owed than before.
    let added = recipients.saturating_sub(before.planned - before.suppressed);
    let asked = order.expected.filter(|_| fresh || order.catch_up);
    if let Some(expected) = asked.filter(|expected| *expected != added) {
        let why = format!("the list has {added} readers to mail, not {expected}: nothing was sent");
        return Err(LedgerError::Refused(why).into());
    }
    Ok(Frozen { issue, fresh, planned: tally.planned, recipients, added, suppressed, enrolled })
}

/// Returns the frozen edition.
pub(super) fn edition(ledger: &Connection, issue: i64) -> Result<Vec<u8>, Fault> {
    Ok(ledger
        .prepare_cached("SELECT bytes FROM editions WHERE issue = ?1")?
        .query_row([issue], |row| row.get(0))?)
}

fn list_file(order: &Freeze) -> Enrol {
    Enrol {
        publication: order.publication.clone(),
        event: order.event.clone(),
        from_list_file: true,
        resubscribe: None,
        rehearse: order.rehearse,
    }
}

/// Makes the issue's row, or takes the one that was scheduled, and keeps the edition.
fn bind(ledger: &Connection, order: &Freeze) -> Result<i64, Fault> {
    let issue = ledger.query_row(
        "INSERT INTO issues (publication, slug, state, why, digest, frozen_at,
                             message_stem, message_domain, segment)
         VALUES (?1, ?2, 'sending', '', ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (publication, slug) DO UPDATE SET
             state = excluded.state, why = '', digest = excluded.digest, ended_at = NULL,
             frozen_at = excluded.frozen_at, message_stem = excluded.message_stem,
             message_domain = excluded.message_domain, segment = excluded.segment
         RETURNING id",
        params![
            order.publication,
            order.slug,
            order.digest,
            order.date.as_microsecond(),
            message_stem(ledger, &order.publication, &order.slug)?,
            order.message_domain,
            order.segment,
        ],
        |row| row.get(0),
    )?;
    ledger
        .execute("INSERT INTO editions (issue, bytes) VALUES (?1, ?2)", (issue, &order.edition))?;
    Ok(issue)
}

/// Makes a delivery of everybody on the list who has none, one at a time, so that memory does not grow with the list; returns how many.
fn plan(
    ledger: &Connection,
    now: Micros,
    publication: &str,
    issue: i64,
    mut admit: Admit,
) -> Result<i64, Fault> {
    let first: i64 = ledger.query_row(
        "SELECT coalesce(max(slot), 0) FROM deliveries WHERE issue = ?1",
        [issue],
        |row| row.get(0),
    )?;
    let mut list = ledger.prepare(
        "SELECT id, token_id, address, name, tags, fields, state, address_key
         FROM subscribers s
         WHERE publication = ?1
           AND (from_file = 0
                OR enrolment >= (SELECT enrolment FROM lists WHERE publication = ?1))
           AND NOT EXISTS (SELECT 1 FROM deliveries d
                           WHERE d.subscriber = s.id AND d.issue = ?2)
         ORDER BY id",
    )?;
    let mut rows = list.query((publication, issue))?;
    let mut slot = first;
    while let Some(row) = rows.next()? {
        let reader = list::person(row)?;
        let reason = match reason(reader.state) {
            None => admit(&reader).err(),
            reason => reason,
        };
        slot += 1;
        owe(ledger, now, (issue, slot), &reader, reason.as_ref())?;
        keep(ledger, (issue, slot), &reader, row)?;
    }
    ledger
        .execute("UPDATE issues SET planned = planned + ?2 WHERE id = ?1", (issue, slot - first))?;
    Ok(slot - first)
}

fn owe(
    ledger: &Connection,
    now: Micros,
    (issue, slot): (i64, i64),
    reader: &Subscriber,
    reason: Option<&Suppressed>,
) -> Result<(), Fault> {
    let state = if reason.is_some() { "suppressed" } else { "planned" };
    ledger
        .prepare_cached(
            "INSERT INTO deliveries (issue, slot, subscriber, state, suppressed, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((issue, slot, reader.id, state, reason.map(reason_json), now))?;
    Ok(())
}

/// Freezes what the reader's copy is made from.
fn keep(
    ledger: &Connection,
    (issue, slot): (i64, i64),
    reader: &Subscriber,
    row: &Row<'_>,
) -> Result<(), Fault> {
    ledger
        .prepare_cached(
            "INSERT INTO readers (issue, slot, address_key, address, name, tags, fields)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            issue,
            slot,
            row.get::<_, String>("address_key")?,
            reader.address.written(),
            reader.name,
            tags_json(&reader.tags),
            fields_json(&reader.fields),
        ])?;
    Ok(())
}

/// Returns what an issue's Message-IDs begin with.
fn message_stem(ledger: &Connection, publication: &str, slug: &str) -> Result<String, Fault> {
    let id: String = ledger.query_row("SELECT id FROM ledger", [], |row| row.get(0))?;
    Ok(rules::message_stem(&id, publication, slug))
}
