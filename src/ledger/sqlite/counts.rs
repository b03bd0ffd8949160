//! Counting deliveries as they change, so that nobody waits while a million rows are counted.
//!
//! A transaction gathers what it moved and writes the sums once. What moves all
//! of an issue at once counts its rows anew.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::{columns::Word, fault::Fault};
use crate::model::{DeliveryState, Tally};

/// Planned, claimed or attempting: those move several times for every message, and people see them as one.
const OPEN: &str = "open";

/// What one transaction moved.
#[derive(Default)]
pub(super) struct Counts {
    changes: BTreeMap<(i64, &'static str), i64>,
}

impl Counts {
    /// Notes a delivery that went from a state to another.
    pub(super) fn moved(&mut self, issue: i64, from: DeliveryState, to: DeliveryState) {
        *self.of(issue, from) -= 1;
        *self.of(issue, to) += 1;
    }

    fn of(&mut self, issue: i64, state: DeliveryState) -> &mut i64 {
        self.changes.entry((issue, kind(state))).or_default()
    }

    /// Writes the sums, in the transaction that moved them.
    pub(super) fn write(self, ledger: &Connection) -> Result<(), Fault> {
        for ((issue, kind), change) in self.changes.into_iter().filter(|(_, change)| *change != 0) {
            let counted = ledger
                .prepare_cached(
                    "UPDATE counts SET count = count + ?3 WHERE issue = ?1 AND state = ?2",
                )?
                .execute((issue, kind, change))?;
            if counted == 0 {
                ledger
                    .prepare_cached("INSERT INTO counts (issue, state, count) VALUES (?1, ?2, ?3)")?
                    .execute((issue, kind, change))?;
            }
        }
        Ok(())
    }
}

/// Counts an issue's rows anew, after something moved many of them.
pub(super) fn recount(ledger: &Connection, issue: i64) -> Result<(), Fault> {
    ledger.prepare_cached("DELETE FROM counts WHERE issue = ?1")?.execute([issue])?;
    let mut counts = Counts::default();
    for (state, count) in of_rows(ledger, issue)? {
        *counts.of(issue, state) += count;
    }
    counts.write(ledger)
}

/// Adds up what is known of an issue's deliveries. How many there are in all was counted when they were made.
pub(super) fn tally(ledger: &Connection, issue: i64) -> Result<Tally, Fault> {
    let mut tally = Tally { planned: planned(ledger, issue)?, ..Tally::default() };
    let mut statement =
        ledger.prepare_cached("SELECT state, count FROM counts WHERE issue = ?1")?;
    let mut rows = statement.query([issue])?;
    while let Some(row) = rows.next()? {
        let state = match row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)? {
            OPEN => DeliveryState::Planned,
            _ => row.get::<_, Word<DeliveryState>>(0)?.0,
        };
        add(&mut tally, state, row.get::<_, i64>(1)?.unsigned_abs());
    }
    Ok(tally)
}

/// Adds up the rows themselves, as a proof.
pub(super) fn tally_of_rows(ledger: &Connection, issue: i64) -> Result<Tally, Fault> {
    let mut tally = Tally { planned: planned(ledger, issue)?, ..Tally::default() };
    for (state, count) in of_rows(ledger, issue)? {
        add(&mut tally, state, count.unsigned_abs());
    }
    Ok(tally)
}

fn planned(ledger: &Connection, issue: i64) -> Result<u64, Fault> {
    let mut planned = ledger.prepare_cached("SELECT planned FROM issues WHERE id = ?1")?;
    let mut rows = planned.query_map([issue], |row| row.get::<_, i64>(0))?;
    Ok(rows.next().transpose()?.unwrap_or(0).unsigned_abs())
}

fn of_rows(ledger: &Connection, issue: i64) -> Result<Vec<(DeliveryState, i64)>, Fault> {
    let mut statement = ledger
        .prepare_cached("SELECT state, count(*) FROM deliveries WHERE issue = ?1 GROUP BY state")?;
    let rows =
        statement.query_map([issue], |row| Ok((row.get::<_, Word<_>>(0)?.0, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn add(tally: &mut Tally, state: DeliveryState, count: u64) {
    match state {
        DeliveryState::Accepted => tally.accepted += count,
        DeliveryState::Rejected => tally.rejected += count,
        DeliveryState::InDoubt => tally.in_doubt += count,
        DeliveryState::Suppressed => tally.suppressed += count,
        DeliveryState::Expired => tally.expired += count,
        DeliveryState::Cancelled => tally.cancelled += count,
        DeliveryState::Deferred => tally.deferred += count,
        DeliveryState::Planned | DeliveryState::Claimed | DeliveryState::Attempting => {}
    }
    if state.is_open() {
        tally.remaining += count;
    }
}

fn kind(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Planned | DeliveryState::Claimed | DeliveryState::Attempting => OPEN,
        _ => state.word(),
    }
}
