//! What came back: noted once, and acted on by the rules that all ledgers share.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    columns::{At, Json, Micros, Word},
    fault::Fault,
    list,
    worn::is_worn_out,
};
use crate::{
    bounce::Kind,
    ledger::{About, Did, Note, Noted, ReportRecord, rules},
    model::{Subscriber, SubscriberState},
};

/// The delivery or person a report is about.
struct Found {
    issue: Option<(i64, String)>,
    slot: Option<i64>,
    person: Option<Subscriber>,
}

/// Notes a report and does what it asks for.
pub(super) fn report(
    ledger: &Connection,
    now: Micros,
    publication: &str,
    note: &Note,
) -> Result<Noted, Fault> {
    let found = find(ledger, publication, &note.about)?;
    let address = match (&found.person, &note.about) {
        (Some(person), _) => person.address.written().to_owned(),
        (None, About::Mailbox { address, .. }) => address.written().to_owned(),
        (None, _) => String::new(),
    };
    let issue = found.issue.as_ref().map(|(_, slug)| slug.clone());
    let before = ledger
        .prepare_cached("SELECT did FROM reports WHERE publication = ?1 AND digest = ?2")?
        .query_row((publication, &note.digest), |row| Ok(row.get::<_, Word<Did>>(0)?.0))
        .optional()?;
    if let Some(before) = before {
        let reader = found.person.map(|person| person.state);
        return Ok(Noted { address, issue, did: rules::again(before, reader) });
    }
    let did = act(ledger, now, note, &found)?;
    let is_erased =
        found.person.as_ref().is_some_and(|person| person.state == SubscriberState::Erased);
    ledger
        .prepare_cached(
            "INSERT INTO reports (publication, digest, issue, slot, subscriber, address, at, kind,
                                  cause, code, said, did)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            publication,
            note.digest,
            found.issue.as_ref().map(|(id, _)| *id),
            found.slot,
            found.person.as_ref().map(|person| person.id),
            address,
            now,
            note.kind.word(),
            rules::cause_json(note.cause),
            note.code,
            if is_erased { "" } else { &note.said },
            did.word(),
        ])?;
    // Only now is it among the soft ones that are counted.
    let did = match (did, &found.person) {
        (Did::Counted, Some(person)) if is_worn_out(ledger, now, person.id)? => {
            let event = rules::bounced(note);
            list::shift(ledger, now, (person.id, person.state), SubscriberState::Bounced, &event)?;
            let did = Did::Moved(SubscriberState::Bounced);
            ledger
                .prepare_cached(
                    "UPDATE reports SET did = ?3 WHERE publication = ?1 AND digest = ?2",
                )?
                .execute((publication, &note.digest, did.word()))?;
            did
        }
        (did, _) => did,
    };
    Ok(Noted { address, issue, did })
}

/// Returns reports, oldest first.
pub(super) fn reports(
    ledger: &Connection,
    publication: &str,
    issue: Option<i64>,
    after: i64,
    limit: usize,
) -> Result<Vec<ReportRecord>, Fault> {
    let mut statement = ledger.prepare_cached(
        "SELECT r.number, r.at, i.slug, r.address, r.kind, r.cause, r.code, r.said, r.did
         FROM reports r LEFT JOIN issues i ON i.id = r.issue
         WHERE r.publication = ?1 AND (?2 IS NULL OR r.issue = ?2) AND r.number > ?3
         ORDER BY r.number LIMIT ?4",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = statement.query_map((publication, issue, after, limit), record)?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn record(row: &Row<'_>) -> rusqlite::Result<ReportRecord> {
    Ok(ReportRecord {
        number: row.get(0)?,
        at: row.get::<_, At>(1)?.0,
        issue: row.get(2)?,
        address: row.get(3)?,
        kind: row.get::<_, Word<_>>(4)?.0,
        cause: row.get::<_, Json<_>>(5)?.0,
        code: row.get(6)?,
        said: row.get(7)?,
        did: row.get::<_, Word<_>>(8)?.0,
    })
}

fn find(ledger: &Connection, publication: &str, about: &About) -> Result<Found, Fault> {
    let nobody = Found { issue: None, slot: None, person: None };
    let delivery = match about {
        About::Delivery { issue, slot } => ledger
            .prepare_cached(
                "SELECT d.issue, i.slug, d.slot, d.subscriber
                 FROM deliveries d JOIN issues i ON i.id = d.issue
                 WHERE d.issue = ?1 AND d.slot = ?2 AND i.publication = ?3",
            )?
            .query_row((issue, slot, publication), delivery)
            .optional()?,
        About::Reader { issue, token_id } => {
            let Some(person) = list::find_by_token(ledger, publication, token_id)? else {
                return Ok(nobody);
            };
            let delivery = ledger
                .prepare_cached(
                    "SELECT d.issue, i.slug, d.slot, d.subscriber
                     FROM deliveries d JOIN issues i ON i.id = d.issue
                     WHERE d.subscriber = ?1 AND d.issue = ?2",
                )?
                .query_row((person.id, issue), delivery)
                .optional()?;
            if delivery.is_none() {
                return Ok(Found { person: Some(person), ..nobody });
            }
            delivery
        }
        About::Mailbox { address, .. } => {
            return Ok(Found { person: list::find(ledger, publication, address)?, ..nobody });
        }
    };
    let Some((issue, slug, slot, subscriber)) = delivery else { return Ok(nobody) };
    let person = list::find_by_id(ledger, subscriber)?;
    Ok(Found { issue: Some((issue, slug)), slot: Some(slot), person: Some(person) })
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<(i64, String, i64, i64)> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

/// Does what a report asks for, but for counting: that needs it noted.
fn act(ledger: &Connection, now: Micros, note: &Note, found: &Found) -> Result<Did, Fault> {
    let Some(person) = &found.person else { return Ok(Did::Nobody) };
    if !note.about.is_proven() {
        return Ok(Did::Listed);
    }
    let to = match note.kind {
        Kind::Hard => SubscriberState::Bounced,
        Kind::Complaint => SubscriberState::Complained,
        Kind::Unsubscribe => SubscriberState::Unsubscribed,
        Kind::Soft if person.state.is_suppressed() => return Ok(Did::Stays(person.state)),
        Kind::Soft => return Ok(Did::Counted),
        Kind::Policy => return Ok(Did::Alarmed),
        _ => return Ok(Did::Nothing),
    };
    let after = list::shift(ledger, now, (person.id, person.state), to, &rules::bounced(note))?;
    Ok(if after == person.state { Did::Stays(after) } else { Did::Moved(after) })
}
