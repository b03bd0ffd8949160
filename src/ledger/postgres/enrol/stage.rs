//! A list on its way: copied to the server into a table that only this session sees, and judged nowhere yet.

use deadpool_postgres::Transaction;
use tokio::{pin, task::spawn_blocking};
use tokio_postgres::{Row, binary_copy::BinaryCopyInWriter, types::Type};

use super::{PAGE, Reading};
use crate::{
    ledger::{
        LedgerError, Record, Records,
        postgres::{
            columns::{Json, Mail, Word, text},
            fault::Fault,
        },
        rules::{Tokens, erased_key, fields_json, tags_json},
    },
    model::SubscriberState,
};

/// The list as it was read (`hash` stands for an erased person), addresses that it has twice and where first, which of its records are
/// left, and whom the list file has no more. What a transaction that was rolled back had made is made again.
const TABLES: &str = r#"
    CREATE TEMP TABLE IF NOT EXISTS reading (
        number bigint, line bigint, key text COLLATE "C", hash text COLLATE "C", address text,
        token text, name text, tags text, fields text, state text, evidence text);
    CREATE TEMP TABLE IF NOT EXISTS repeated (key text COLLATE "C", first bigint);
    CREATE TEMP TABLE IF NOT EXISTS opened (
        number bigint, key text COLLATE "C", hash text COLLATE "C");
    CREATE TEMP TABLE IF NOT EXISTS leaving (id bigint);
    TRUNCATE reading, repeated, opened, leaving"#;

const COPY: &str = "COPY reading FROM STDIN BINARY";

/// What `record` reads.
pub(super) const COLUMNS: &str = "r.line, r.address, r.name, r.tags, r.fields, r.state, r.evidence";

/// Makes the tables that a list is copied to, or empties them.
pub(in crate::ledger::postgres) async fn lay_out(tx: &Transaction<'_>) -> Result<(), Fault> {
    Ok(tx.batch_execute(TABLES).await?)
}

impl Reading<'_> {
    /// Copies a list; returns how many records it has. One that breaks off is refused whole.
    pub(super) async fn stage(&self, mut records: Records) -> Result<u64, Fault> {
        lay_out(self.tx).await?;
        let sink = self.tx.copy_in(COPY).await?;
        let types: Vec<Type> =
            [Type::INT8, Type::INT8].into_iter().chain([Type::TEXT; 9]).collect();
        let writer = BinaryCopyInWriter::new(sink, &types);
        pin!(writer);
        let mut tokens = Tokens::default();
        let mut number = 0_i64;
        loop {
            let (rest, page, broken) = turn_page(records).await?;
            records = rest;
            for record in &page {
                number += 1;
                let key = record.address.key();
                let is_erased = self.erased || record.state == SubscriberState::Erased;
                let hash = is_erased.then(|| erased_key(&self.secret, &key));
                writer
                    .as_mut()
                    .write(&[
                        &number,
                        &record.line.cast_signed(),
                        &key,
                        &hash,
                        &record.address.written(),
                        &tokens.draw()?,
                        &text(&record.name),
                        &tags_json(&record.tags),
                        &fields_json(&record.fields),
                        &record.state.word(),
                        &text(&record.evidence),
                    ])
                    .await?;
            }
            if let Some(why) = broken {
                let why = format!("the list breaks off, and nothing was taken from it: {why}");
                return Err(LedgerError::Refused(why).into());
            }
            if page.len() < PAGE {
                break;
            }
        }
        writer.finish().await?;
        // Nobody else does it: the server's own cleaner does not see tables of a session.
        self.tx.batch_execute("ANALYZE reading").await?;
        Ok(number.unsigned_abs())
    }
}

/// Reads a record back, by `COLUMNS`.
pub(super) fn record(row: &Row) -> Result<Record, Fault> {
    Ok(Record {
        line: row.try_get::<_, i64>(0)?.cast_unsigned(),
        address: row.try_get::<_, Mail>(1)?.0,
        name: row.try_get(2)?,
        tags: row.try_get::<_, Json<_>>(3)?.0,
        fields: row.try_get::<_, Json<_>>(4)?.0,
        state: row.try_get::<_, Word<_>>(5)?.0,
        evidence: row.try_get(6)?,
    })
}

/// Reads a page where reading may block.
async fn turn_page(mut records: Records) -> Result<(Records, Vec<Record>, Option<String>), Fault> {
    let turned = spawn_blocking(move || {
        let mut page = Vec::with_capacity(PAGE);
        while page.len() < PAGE {
            match records.next() {
                Some(Ok(record)) => page.push(record),
                Some(Err(why)) => return (records, page, Some(why)),
                None => break,
            }
        }
        (records, page, None)
    })
    .await;
    turned.map_err(|stopped| {
        if stopped.is_panic() {
            std::panic::resume_unwind(stopped.into_panic());
        }
        LedgerError::Busy("the program is ending".to_owned()).into()
    })
}
