//! What came back: noted once, and acted on by the rules that all ledgers share.

use deadpool_postgres::{GenericClient, Transaction};
use tokio_postgres::Row;

use super::{
    ask,
    columns::{At, Json, Word, rows, text},
    fault::Fault,
    gate, list,
    worn::is_worn_out,
};
use crate::{
    bounce::Kind,
    ledger::{
        About, Did, Note, Noted, ReportRecord,
        rules::{self, Micros},
    },
    model::{Subscriber, SubscriberState},
};

/// The delivery or person a report is about.
#[derive(Default)]
struct Found {
    issue: Option<(i64, String)>,
    slot: Option<i64>,
    person: Option<Subscriber>,
}

/// Notes a report and does what it asks for.
pub(super) async fn report(
    tx: &Transaction<'_>,
    publication: &str,
    note: &Note,
) -> Result<Noted, Fault> {
    gate::list(tx).await?;
    let now = gate::begins(tx).await?;
    let found = find(tx, publication, &note.about).await?;
    let address = match (&found.person, &note.about) {
        (Some(person), _) => person.address.written().to_owned(),
        (None, About::Mailbox { address, .. }) => address.written().to_owned(),
        (None, _) => String::new(),
    };
    let issue = found.issue.as_ref().map(|(_, slug)| slug.clone());
    let sql = "SELECT did FROM reports WHERE publication = $1 AND digest = $2";
    if let Some(row) = ask::any(tx, sql, &[&publication, &note.digest]).await? {
        let before: Did = row.try_get::<_, Word<_>>(0)?.0;
        let reader = found.person.map(|person| person.state);
        return Ok(Noted { address, issue, did: rules::again(before, reader) });
    }
    let did = act(tx, now, note, &found).await?;
    let is_erased =
        found.person.as_ref().is_some_and(|person| person.state == SubscriberState::Erased);
    let said = if is_erased { String::new() } else { text(&note.said) };
    ask::run(
        tx,
        "INSERT INTO reports (publication, digest, issue, slot, subscriber, address, at, kind,
                              cause, code, said, did)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        &[
            &publication,
            &note.digest,
            &found.issue.as_ref().map(|(id, _)| *id),
            &found.slot,
            &found.person.as_ref().map(|person| person.id),
            &address,
            &now,
            &note.kind.word(),
            &rules::cause_json(note.cause),
            &text(&note.code),
            &said,
            &did.word(),
        ],
    )
    .await?;
    // Only now is it among the soft ones that are counted.
    if let (Did::Counted, Some(person)) = (did, &found.person)
        && is_worn_out(tx, now, person.id).await?
    {
        let event = rules::bounced(note);
        list::shift(tx, now, person, SubscriberState::Bounced, &event).await?;
        let did = Did::Moved(SubscriberState::Bounced);
        let sql = "UPDATE reports SET did = $3 WHERE publication = $1 AND digest = $2";
        ask::run(tx, sql, &[&publication, &note.digest, &did.word()]).await?;
        return Ok(Noted { address, issue, did });
    }
    Ok(Noted { address, issue, did })
}

/// Returns reports, oldest first.
pub(super) async fn reports<C: GenericClient>(
    ledger: &C,
    publication: &str,
    issue: Option<i64>,
    after: i64,
    limit: usize,
) -> Result<Vec<ReportRecord>, Fault> {
    let found = ask::all(
        ledger,
        "SELECT r.number, r.at, i.slug, r.address, r.kind, r.cause, r.code, r.said, r.did
         FROM reports r LEFT JOIN issues i ON i.id = r.issue
         WHERE r.publication = $1 AND ($2::bigint IS NULL OR r.issue = $2) AND r.number > $3
         ORDER BY r.number LIMIT $4",
        &[&publication, &issue, &after, &rows(limit)],
    )
    .await?;
    found.iter().map(record).collect()
}

fn record(row: &Row) -> Result<ReportRecord, Fault> {
    Ok(ReportRecord {
        number: row.try_get(0)?,
        at: row.try_get::<_, At>(1)?.0,
        issue: row.try_get(2)?,
        address: row.try_get(3)?,
        kind: row.try_get::<_, Word<_>>(4)?.0,
        cause: row.try_get::<_, Json<_>>(5)?.0,
        code: row.try_get(6)?,
        said: row.try_get(7)?,
        did: row.try_get::<_, Word<_>>(8)?.0,
    })
}

async fn find(tx: &Transaction<'_>, publication: &str, about: &About) -> Result<Found, Fault> {
    let delivery = match about {
        About::Delivery { issue, slot } => {
            let sql = "SELECT d.issue, i.slug, d.slot, d.subscriber
                       FROM deliveries d JOIN issues i ON i.id = d.issue
                       WHERE d.issue = $1 AND d.slot = $2 AND i.publication = $3";
            ask::any(tx, sql, &[issue, slot, &publication]).await?
        }
        About::Reader { issue, token_id } => {
            let Some(person) = list::find_by_token(tx, publication, token_id).await? else {
                return Ok(Found::default());
            };
            let sql = "SELECT d.issue, i.slug, d.slot, d.subscriber
                       FROM deliveries d JOIN issues i ON i.id = d.issue
                       WHERE d.subscriber = $1 AND d.issue = $2";
            let delivery = ask::any(tx, sql, &[&person.id, issue]).await?;
            if delivery.is_none() {
                return Ok(Found { person: Some(person), ..Found::default() });
            }
            delivery
        }
        About::Mailbox { address, .. } => {
            let person = list::find(tx, publication, address).await?;
            return Ok(Found { person, ..Found::default() });
        }
    };
    let Some(row) = delivery else { return Ok(Found::default()) };
    let person = list::find_by_id(tx, row.try_get(3)?).await?;
    Ok(Found {
        issue: Some((row.try_get(0)?, row.try_get(1)?)),
        slot: Some(row.try_get(2)?),
        person: Some(person),
    })
}

/// Does what a report asks for, but for counting: that needs it noted.
async fn act(tx: &Transaction<'_>, now: Micros, note: &Note, found: &Found) -> Result<Did, Fault> {
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
    list::shift(tx, now, person, to, &rules::bounced(note)).await?;
    let after = list::find_by_id(tx, person.id).await?.state;
    Ok(if after == person.state { Did::Stays(after) } else { Did::Moved(after) })
}
