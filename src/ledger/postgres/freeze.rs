//! Freezing an issue: one delivery for everybody on the list, in one transaction (rule D7).
//!
//! The rows are made where the list is, by the server; only to see that each
//! copy can be made does a reader travel here, and only who cannot be mailed
//! travels back. Nobody who leaves meanwhile waits for that: a begin looks at
//! the reader again (rule D2), so a delivery that was planned for somebody who
//! left a moment before is never begun. Whom the list file changes is planned at
//! the end, when the list is ours alone.

use deadpool_postgres::{GenericClient, Transaction};
use tokio::task::spawn_blocking;

use super::{
    ask,
    columns::{person, text},
    enrol::{Reading, lay_out},
    fault::Fault,
    gate, issue,
    issue::reopen,
};
use crate::{
    ledger::{
        Admit, Enrol, Enrolled, Freeze, Frozen, IssueRecord, LedgerError, Records,
        rules::{self, Micros, reason, reason_json},
    },
    model::{IssueState, Subscriber, SubscriberState, Suppressed, Tally},
};

/// How many readers are looked at together.
const PAGE: i64 = 4_000;

/// Freezes an issue, or finds it frozen and adds whom `order.catch_up` asks for.
pub(super) async fn freeze(
    tx: &Transaction<'_>,
    order: &Freeze,
    records: Option<Records>,
    admit: Admit,
) -> Result<Frozen, Fault> {
    // Of two that freeze at once the second finds it frozen.
    let now = gate::reading(tx).await?;
    let known = issue::find(tx, &order.publication, &order.slug).await?;
    refuse_cancelled(known.as_ref(), order)?;
    let frozen = known.as_ref().filter(|issue| issue.frozen_at.is_some());
    let fresh = frozen.is_none();
    let mut enrolled = Enrolled::default();
    let before = match &frozen {
        Some(issue) => issue::tally(tx, issue.id).await?,
        None => Tally::default(),
    };
    if fresh || order.catch_up {
        let list = list_file(order);
        lay_out(tx).await?;
        let reading = match records {
            Some(records) => Some(Reading::open(tx, &list, records).await?),
            None => None,
        };
        let issue = match (frozen, &known) {
            (Some(issue), _) => issue.id,
            (None, known) => {
                if let Some(scheduled) = known {
                    gate::issue(tx, scheduled.id).await?;
                    let now = issue::find(tx, &order.publication, &order.slug).await?;
                    refuse_cancelled(now.as_ref(), order)?;
                }
                bind(tx, order).await?
            }
        };
        let mut plan = Plan::of(tx, now, order, issue, admit).await?;
        plan.make(AS_THEY_WERE).await?;
        if let Some(reading) = reading {
            let left = reading.left();
            enrolled = reading.close().await?;
            if left.is_somebody() {
                plan.make(CHANGED).await?;
            }
        }
        gate::issue(tx, issue).await?;
        // Somebody may have cancelled it while we planned.
        refuse_cancelled(issue::find(tx, &order.publication, &order.slug).await?.as_ref(), order)?;
        if plan.made > 0 {
            let sql = "UPDATE issues SET planned = planned + $2 WHERE id = $1";
            ask::run(tx, sql, &[&issue, &plan.made]).await?;
            reopen(tx, issue).await?;
        }
    }
    let issue = issue::find(tx, &order.publication, &order.slug)
        .await?
        .ok_or_else(|| LedgerError::Damaged(format!("the issue `{}` is gone", order.slug)))?;
    let tally = issue::tally(tx, issue.id).await?;
    let suppressed = issue::suppressed(tx, issue.id).await?;
    let recipients = tally.planned - tally.suppressed;
    // Somebody may have left since the first freeze, so fewer can be owed than before.
    let added = recipients.saturating_sub(before.planned - before.suppressed);
    let asked = order.expected.filter(|_| fresh || order.catch_up);
    if let Some(expected) = asked.filter(|expected| *expected != added) {
        return Err(rules::miscounted(added, expected).into());
    }
    Ok(Frozen { issue, fresh, planned: tally.planned, recipients, added, suppressed, enrolled })
}

/// Refuses to make deliveries of an issue that was cancelled.
fn refuse_cancelled(known: Option<&IssueRecord>, order: &Freeze) -> Result<(), LedgerError> {
    let asks = known.is_none_or(|issue| issue.frozen_at.is_none()) || order.catch_up;
    if asks && known.is_some_and(|issue| issue.state == IssueState::Cancelled) {
        let why = format!("the issue `{}` was cancelled", order.slug);
        return Err(LedgerError::Refused(why));
    }
    Ok(())
}

/// Returns the frozen edition.
pub(super) async fn edition<C: GenericClient>(ledger: &C, issue: i64) -> Result<Vec<u8>, Fault> {
    let sql = "SELECT bytes FROM editions WHERE issue = $1";
    Ok(ask::one(ledger, sql, &[&issue]).await?.try_get(0)?)
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
async fn bind(tx: &Transaction<'_>, order: &Freeze) -> Result<i64, Fault> {
    let id: String = ask::one(tx, "SELECT id FROM ledger", &[]).await?.try_get(0)?;
    let stem = rules::message_stem(&id, &order.publication, &order.slug);
    let row = ask::one(
        tx,
        "INSERT INTO issues (publication, slug, state, why, digest, frozen_at,
                             message_stem, message_domain, segment, corrects)
         VALUES ($1, $2, 'sending', '', $3, $4, $5, $6, $7, $8)
         ON CONFLICT (publication, slug) DO UPDATE SET
             state = excluded.state, why = '', digest = excluded.digest, ended_at = NULL,
             frozen_at = excluded.frozen_at, message_stem = excluded.message_stem,
             message_domain = excluded.message_domain, segment = excluded.segment,
             corrects = excluded.corrects
         RETURNING id",
        &[
            &order.publication,
            &order.slug,
            &order.digest,
            &order.date.as_microsecond(),
            &stem,
            &order.message_domain,
            &order.segment,
            &order.corrects,
        ],
    )
    .await?;
    let issue: i64 = row.try_get(0)?;
    let sql = "INSERT INTO editions (issue, bytes) VALUES ($1, $2)";
    ask::run(tx, sql, &[&issue, &order.edition]).await?;
    ask::run(tx, "INSERT INTO heads (issue, slot) VALUES ($1, 1)", &[&issue]).await?;
    Ok(issue)
}

/// Whom the list file has as they were, or has not at all.
const AS_THEY_WERE: &str = "
    NOT EXISTS (SELECT FROM leaving l WHERE l.id = s.id)
    AND NOT EXISTS (SELECT FROM opened o WHERE o.key = s.address_key)
    AND NOT EXISTS (SELECT FROM opened o WHERE o.hash = s.address_key)";

/// Whom it changed.
const CHANGED: &str = "
    s.id IN (SELECT id FROM leaving
             UNION ALL SELECT p.id FROM opened o JOIN subscribers p ON p.address_key = o.key
             UNION ALL SELECT p.id FROM opened o JOIN subscribers p ON p.address_key = o.hash)";

/// Makes a delivery of everybody on the list who has none, and of whom `{whom}` holds, with what their copy is made from.
/// Both are of one moment.
///
/// Of an issue that corrects another, everybody who did not get the first has a reason, and so has who got it and left
/// the list file.
const MAKE: &str = "
    WITH made AS (
        INSERT INTO deliveries (issue, slot, subscriber, state, suppressed, at)
        SELECT $1::bigint, $2::bigint + row_number() OVER (ORDER BY s.id), s.id,
               CASE WHEN s.reason IS NULL THEN 'planned' ELSE 'suppressed' END, s.reason,
               $4::bigint
        FROM (SELECT s.id,
                     CASE WHEN why.reason IS NOT NULL THEN why.reason
                          WHEN s.paused_until > $4 THEN $10::text
                          WHEN NOT l.is_listed THEN $8::text
                          WHEN $7::bigint IS NOT NULL AND f.state IS DISTINCT FROM 'accepted'
                              THEN $9::text
                     END AS reason
              FROM subscribers s
                   JOIN unnest($5::text[], $6::text[]) AS why (state, reason)
                       ON why.state = s.state
                   CROSS JOIN LATERAL (
                       SELECT NOT s.from_file OR coalesce(s.enrolment >= (
                           SELECT enrolment FROM lists WHERE publication = $3), false)
                   ) AS l (is_listed)
                   LEFT JOIN deliveries f ON f.subscriber = s.id AND f.issue = $7
              WHERE s.publication = $3 AND (l.is_listed OR f.state = 'accepted')
                AND {whom}
                AND NOT EXISTS (SELECT FROM deliveries d
                                WHERE d.subscriber = s.id AND d.issue = $1)) AS s
        ORDER BY s.id
        RETURNING slot, subscriber)
    INSERT INTO readers (issue, slot, address_key, address, name, tags, fields)
    SELECT $1, m.slot, s.address_key, s.address, s.name, s.tags, s.fields
    FROM made m JOIN subscribers s ON s.id = m.subscriber ORDER BY m.slot";

/// Deliveries of an issue that are being made.
struct Plan<'a> {
    tx: &'a Transaction<'a>,
    now: Micros,
    publication: &'a str,
    issue: i64,
    corrects: Option<i64>,
    admit: Option<Admit>,
    /// How many were made.
    made: i64,
}

impl<'a> Plan<'a> {
    async fn of(
        tx: &'a Transaction<'a>,
        now: Micros,
        order: &'a Freeze,
        issue: i64,
        admit: Admit,
    ) -> Result<Self, Fault> {
        tx.batch_execute("SET LOCAL statement_timeout = 0").await?;
        let sql = "SELECT corrects FROM issues WHERE id = $1";
        let corrects = ask::one(tx, sql, &[&issue]).await?.try_get(0)?;
        let publication = &order.publication;
        Ok(Self { tx, now, publication, issue, corrects, admit: Some(admit), made: 0 })
    }

    /// Makes those of `whom`, and sees that each copy can be made.
    async fn make(&mut self, whom: &str) -> Result<(), Fault> {
        let tx = self.tx;
        let sql = "SELECT coalesce(max(slot), 0) FROM deliveries WHERE issue = $1";
        let first: i64 = ask::one(tx, sql, &[&self.issue]).await?.try_get(0)?;
        let states = SubscriberState::ALL.map(SubscriberState::word);
        let reasons = SubscriberState::ALL.map(|state| reason(state).as_ref().map(reason_json));
        let made = ask::run(
            tx,
            &MAKE.replace("{whom}", whom),
            &[
                &self.issue,
                &first,
                &self.publication,
                &self.now,
                &states.as_slice(),
                &reasons.as_slice(),
                &self.corrects,
                &reason_json(&Suppressed::Unlisted),
                &reason_json(&Suppressed::NotSentTheFirst),
                &reason_json(&Suppressed::Paused),
            ],
        )
        .await?;
        let made = i64::try_from(made).unwrap_or(i64::MAX);
        self.made += made;
        if made > PAGE {
            // A plan by the counts of yesterday's table would read all of it for a handful of rows.
            tx.batch_execute("ANALYZE deliveries; ANALYZE readers").await?;
        }
        self.look_at_each(first, first + made).await
    }

    /// Suppresses those behind the slot `after`, up to `last`, whose copy cannot be made.
    async fn look_at_each(&mut self, mut after: i64, last: i64) -> Result<(), Fault> {
        while after < last {
            // Between two slots on both sides: by a limit the server would go through all readers for each page.
            let page = ask::all(
                self.tx,
                "SELECT d.slot, s.id, s.token_id, r.address, r.name, r.tags, r.fields, s.state
                 FROM deliveries d JOIN readers r ON r.issue = $1 AND r.slot = d.slot
                      JOIN subscribers s ON s.id = d.subscriber
                 WHERE d.issue = $1 AND d.slot > $2 AND d.slot <= $3
                   AND r.slot > $2 AND r.slot <= $3 AND d.state = 'planned'
                 ORDER BY d.slot",
                &[&self.issue, &after, &(after + PAGE)],
            )
            .await?;
            let read = |row: &tokio_postgres::Row| -> Result<(i64, Subscriber), Fault> {
                Ok((row.try_get(0)?, person(row, 1)?))
            };
            let readers = page.iter().map(read).collect::<Result<Vec<_>, Fault>>()?;
            after += PAGE;
            let (slots, reasons) = self.refused(readers).await?;
            if !slots.is_empty() {
                ask::run(
                    self.tx,
                    "UPDATE deliveries d SET state = 'suppressed', suppressed = r.reason
                     FROM unnest($2::bigint[], $3::text[]) AS r (slot, reason)
                     WHERE d.issue = $1 AND d.slot = r.slot",
                    &[&self.issue, &slots, &reasons],
                )
                .await?;
            }
        }
        Ok(())
    }

    /// Makes everybody's copy where that may take its time; returns whose cannot be made, and why.
    async fn refused(
        &mut self,
        readers: Vec<(i64, Subscriber)>,
    ) -> Result<(Vec<i64>, Vec<String>), Fault> {
        let mut admit = self.admit.take().expect("it was given back");
        let looked = spawn_blocking(move || {
            let mut refused = (Vec::new(), Vec::new());
            for (slot, reader) in &readers {
                if let Err(reason) = admit(reader) {
                    refused.0.push(*slot);
                    refused.1.push(text(&reason_json(&reason)));
                }
            }
            (admit, refused)
        });
        match looked.await {
            Ok((admit, refused)) => {
                self.admit = Some(admit);
                Ok(refused)
            }
            Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
            Err(_) => Err(LedgerError::Busy("the program is ending".to_owned()).into()),
        }
    }
}
