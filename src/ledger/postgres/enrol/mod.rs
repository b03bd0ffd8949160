//! Taking list records: the order of files and rows never matters to who may be mailed, and suppression always wins.
//!
//! A list of millions takes a minute, and nobody who wants to leave it may wait
//! that long. So it is first copied to the server beside the list (`stage`),
//! and most of it is done with in a few statements, without shutting anybody
//! out (`sift`): people who are as they were, and people who are new. Only the
//! rest is judged record by record, with the list alone (`judge`).

mod judge;
mod sift;
mod stage;

use deadpool_postgres::Transaction;

use self::judge::Judge;
use super::{ask, fault::Fault, gate, list};
use crate::ledger::{Enrol, Enrolled, Records, rules::Micros};

pub(super) use stage::lay_out;

/// How many records are taken at once: all the memory that a list of any length takes.
const PAGE: usize = 4_000;

/// Takes lists one after the other.
pub(super) async fn all(
    tx: &Transaction<'_>,
    lists: Vec<(Enrol, Records)>,
) -> Result<Vec<Enrolled>, Fault> {
    let mut enrolled = Vec::with_capacity(lists.len());
    for (order, records) in lists {
        enrolled.push(Reading::open(tx, &order, records).await?.close().await?);
    }
    Ok(enrolled)
}

/// A list that is being taken.
pub(super) struct Reading<'a> {
    tx: &'a Transaction<'a>,
    order: &'a Enrol,
    now: Micros,
    /// Which reading of a list this is, of all that the ledger saw.
    number: i64,
    secret: Vec<u8>,
    /// Whether anybody was ever erased, so that addresses are also looked for by their hash.
    erased: bool,
    report: Enrolled,
    left: Left,
}

/// What has to wait for the list.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Left {
    /// Records that are to be judged.
    records: u64,
    /// People whom the list file has no more.
    gone: u64,
}

impl Left {
    /// Tells whether anybody is left at all.
    pub(super) fn is_somebody(self) -> bool {
        self.records + self.gone > 0
    }
}

impl<'a> Reading<'a> {
    /// Takes whatever of a list changes nobody who is on it; memory does not grow with it, but for those the report names.
    ///
    /// One list is read at a time; whoever says something of themselves meanwhile is not kept waiting.
    pub(super) async fn open(
        tx: &'a Transaction<'a>,
        order: &'a Enrol,
        records: Records,
    ) -> Result<Self, Fault> {
        let now = gate::reading(tx).await?;
        tx.batch_execute("SET LOCAL statement_timeout = 0").await?;
        let sql = "UPDATE ledger SET enrolments = enrolments + 1 RETURNING enrolments";
        let number: i64 = ask::one(tx, sql, &[]).await?.try_get(0)?;
        if order.from_list_file {
            let sql = "INSERT INTO lists (publication, enrolment) VALUES ($1, $2)
                       ON CONFLICT DO NOTHING";
            ask::run(tx, sql, &[&order.publication, &number]).await?;
        }
        let mut reading = Self {
            tx,
            order,
            now,
            number,
            secret: list::secret(tx).await?,
            erased: list::is_anybody_erased(tx).await?,
            report: Enrolled::default(),
            left: Left::default(),
        };
        reading.report.read = reading.stage(records).await?;
        reading.left = reading.sift().await?;
        Ok(reading)
    }

    /// Returns what `close` has to do yet.
    pub(super) fn left(&self) -> Left {
        self.left
    }

    /// Does what is left, with the list alone; where somebody may leave it by that, nobody begins until it is committed.
    pub(super) async fn close(self) -> Result<Enrolled, Fault> {
        let Self { tx, left, .. } = self;
        if !left.is_somebody() {
            return Ok(self.report);
        }
        gate::list(tx).await?;
        let sql = "UPDATE subscribers s SET enrolment = 0 FROM leaving l
                   WHERE s.id = l.id AND s.from_file";
        ask::run(tx, sql, &[]).await?;
        if left.records == 0 {
            return Ok(self.report);
        }
        Judge::of(self).all().await
    }
}
