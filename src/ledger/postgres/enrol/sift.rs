//! What of a list is done with in a few statements, beside whoever says something of themselves: people who are as
//! they were, and people who are new. No row of anybody who is on the list already is touched, so none of them waits.
//!
//! What is decided here by comparing columns is what `judge` would decide, and
//! whatever could come out otherwise is left to it.

use futures_util::TryStreamExt;
use tokio::pin;

use super::{Left, PAGE, Reading};
use crate::{
    ledger::postgres::{
        ask,
        columns::{Mail, Word, text},
        fault::Fault,
    },
    model::SubscriberState,
};

/// Opens the records that `judge` has to see: of who changes, comes back, was erased, or has two lines (of a newcomer only
/// the second, so that people stand in the order of the file); of a newcomer whose mailbox another publication knows, or
/// who comes as somebody whom no publication may mail.
///
/// `$4`: whether the list is the publication's list file; `$3`: the reading that everybody whom it has was met by, or a
/// later one; `$2`: whether people who left are brought back.
const OPEN: &str = "
    INSERT INTO opened
    SELECT r.number, r.key, r.hash
    FROM reading r LEFT JOIN subscribers s ON s.address_key = r.key AND s.publication = $1
         LEFT JOIN repeated t ON t.key = r.key
    WHERE (t.key IS NOT NULL AND NOT (s.id IS NULL AND r.number = t.first))
       OR (r.hash IS NOT NULL
           AND EXISTS (SELECT FROM subscribers e
                       WHERE e.address_key = r.hash AND e.publication = $1))
       OR (s.id IS NULL
           AND (r.state IN ('bounced', 'complained', 'erased')
                OR EXISTS (SELECT FROM subscribers o WHERE o.address_key = r.key)))
       OR (s.id IS NOT NULL
           AND NOT (CASE WHEN $4 THEN NOT s.from_file OR s.enrolment >= $3 ELSE NOT s.from_file END
                    AND CASE WHEN s.state NOT IN ('active', 'pending')
                                  AND r.state IN ('active', 'pending')
                             THEN NOT $2
                             ELSE s.state = r.state AND s.own IS NULL
                                  AND (r.evidence = '' OR s.state NOT IN ('active', 'pending'))
                                  AND CASE WHEN $4 AND s.from_file
                                           THEN (s.name, s.tags, s.fields) = (r.name, r.tags, r.fields)
                                           ELSE (r.name = '' OR r.name = s.name)
                                                AND (r.tags = '[]' OR r.tags = s.tags)
                                                AND (r.fields = '{}' OR r.fields = s.fields)
                                      END
                        END))";

/// Puts newcomers on the list, with the first line of their history. Who came by another way a moment ago is there.
const ADD: &str = "
    WITH fresh AS (
        SELECT * FROM reading r
        WHERE NOT EXISTS (SELECT FROM opened o WHERE o.number = r.number)
          AND NOT EXISTS (SELECT FROM subscribers s WHERE s.address_key = r.key)),
    added AS (
        INSERT INTO subscribers (publication, address_key, address, token_id, name, tags, fields,
                                 state, from_file, enrolment, line)
        SELECT $1::text, r.key, r.address, r.token, r.name, r.tags, r.fields, r.state, $2::boolean,
               $3::bigint, r.line
        FROM fresh r ORDER BY r.number
        ON CONFLICT (address_key, publication) DO NOTHING
        RETURNING id, address_key, state),
    logged AS (
        INSERT INTO consent (subscriber, number, at, event, source, detail, state)
        SELECT a.id, 1, $4::bigint, $5::text, $6::text,
               concat_ws('; ', nullif($7::text, ''), nullif(r.evidence, '')), a.state
        FROM added a JOIN fresh r ON r.key = a.address_key)
    SELECT state, count(*) FROM added GROUP BY state";

/// Lists who left, and stays away although a line says otherwise.
const STAYED: &str = "
    SELECT r.line, r.address, s.state
    FROM reading r JOIN subscribers s ON s.address_key = r.key AND s.publication = $1
    WHERE s.state NOT IN ('active', 'pending') AND r.state IN ('active', 'pending')
      AND NOT EXISTS (SELECT FROM opened o WHERE o.number = r.number)
    ORDER BY r.line";

/// Finds whom the list file had, and has no more.
const LEAVING: &str = "
    INSERT INTO leaving
    SELECT s.id FROM subscribers s
    WHERE s.publication = $1 AND s.from_file AND s.enrolment >= $2
      AND NOT EXISTS (SELECT FROM reading r WHERE r.key = s.address_key)
      AND NOT EXISTS (SELECT FROM reading r WHERE r.hash = s.address_key)";

impl Reading<'_> {
    /// Does with most of the list what is to be done; returns what is left.
    pub(super) async fn sift(&mut self) -> Result<Left, Fault> {
        let (tx, order) = (self.tx, self.order);
        let publication = &order.publication;
        let sql = "SELECT coalesce((SELECT enrolment FROM lists WHERE publication = $1), 0)";
        let listed: i64 = ask::one(tx, sql, &[publication]).await?.try_get(0)?;
        let brings_back = order.resubscribe.is_some();
        let sql = "INSERT INTO repeated
                   SELECT key, min(number) FROM reading GROUP BY key HAVING count(*) > 1";
        ask::run(tx, sql, &[]).await?;
        tx.batch_execute("ANALYZE repeated").await?;
        let records =
            ask::run(tx, OPEN, &[publication, &brings_back, &listed, &order.from_list_file])
                .await?;
        let gone = if order.from_list_file {
            ask::run(tx, LEAVING, &[publication, &listed]).await?
        } else {
            0
        };
        tx.batch_execute("ANALYZE opened; ANALYZE leaving").await?;
        let stayed = tx.prepare_cached(STAYED).await?;
        let stayed = tx.query_raw(&stayed, [publication]).await?;
        pin!(stayed);
        while let Some(row) = stayed.try_next().await? {
            let (line, state) = (row.try_get::<_, i64>(0)?, row.try_get::<_, Word<_>>(2)?.0);
            let address = row.try_get::<_, Mail>(1)?.0;
            self.report.note_suppressed(line.cast_unsigned(), address, state);
        }
        self.add().await?;
        let done = records + self.report.stayed + self.report.added;
        self.report.unchanged = self.report.read.saturating_sub(done);
        Ok(Left { records, gone })
    }

    async fn add(&mut self) -> Result<(), Fault> {
        let event = &self.order.event;
        let added = ask::all(
            self.tx,
            ADD,
            &[
                &self.order.publication,
                &self.order.from_list_file,
                &self.number,
                &self.now,
                &text(&event.name),
                &text(&event.source),
                &text(&event.detail),
            ],
        )
        .await?;
        for row in added {
            let state: SubscriberState = row.try_get::<_, Word<_>>(0)?.0;
            let count = row.try_get::<_, i64>(1)?.unsigned_abs();
            self.report.added += count;
            *self.report.by_state.entry(state.word()).or_default() += count;
        }
        if self.report.added > PAGE as u64 {
            // By the counts of yesterday's list, whoever looks for a page of it would read all of it.
            self.tx.batch_execute("ANALYZE subscribers").await?;
        }
        Ok(())
    }
}
