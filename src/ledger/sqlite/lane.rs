//! Rate limits as rows, so that processes share them and restarts keep them (rule D11).

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::{
    columns::{At, Micros, instant, micros},
    fault::Fault,
};
use crate::{ledger::Reservation, model::Rate, send::throttle};

/// Reserves up to `count` beginnings, none later than `within` from now.
pub(super) fn reserve(
    ledger: &Connection,
    now: Micros,
    lane: &str,
    rates: &[Rate],
    (count, within): (usize, Duration),
) -> Result<Reservation, Fault> {
    let start = instant(now)?;
    if rates.is_empty() {
        return Ok(Reservation { at: vec![start; count], next: start });
    }
    let latest = instant(now.saturating_add(micros(within)))?;
    undo_a_clock_that_was_ahead(ledger, now, lane)?;
    let mut newest = newest(ledger, lane)?;
    let mut begin = ledger.prepare_cached(
        "INSERT INTO beginnings (lane, number, at, asked_at) VALUES (?1, ?2, ?3, ?4)",
    )?;
    let mut instants = Vec::with_capacity(count.min(1_024));
    let earliest = |newest: i64| {
        throttle::earliest(rates, start, |back| nth(ledger, lane, newest + 1 - i64::from(back)))
    };
    let mut next = earliest(newest)?;
    while instants.len() < count && next <= latest {
        newest += 1;
        begin.execute((lane, newest, next.as_microsecond(), now))?;
        instants.push(next);
        next = earliest(newest)?;
    }
    forget(ledger, now, lane, rates, newest)?;
    Ok(Reservation { at: instants, next })
}

fn newest(ledger: &Connection, lane: &str) -> Result<i64, Fault> {
    Ok(ledger
        .prepare_cached("SELECT coalesce(max(number), 0) FROM beginnings WHERE lane = ?1")?
        .query_row([lane], |row| row.get(0))?)
}

fn nth(ledger: &Connection, lane: &str, number: i64) -> Result<Option<Timestamp>, Fault> {
    Ok(ledger
        .prepare_cached("SELECT at FROM beginnings WHERE lane = ?1 AND number = ?2")?
        .query_row((lane, number), |row| row.get::<_, At>(0))
        .optional()?
        .map(|at| at.0))
}

/// Drops what no rate can look back to; the newest always stays, for the numbering.
fn forget(
    ledger: &Connection,
    now: Micros,
    lane: &str,
    rates: &[Rate],
    newest: i64,
) -> Result<(), Fault> {
    let counted = newest - i64::from(throttle::memory(rates));
    let horizon = now.saturating_sub(micros(throttle::reach(rates)));
    // Instants rise with their numbers, so the search ends at the first that matters.
    let passed: Option<i64> = ledger
        .prepare_cached(
            "SELECT number FROM beginnings WHERE lane = ?1 AND at > ?2 ORDER BY number LIMIT 1",
        )?
        .query_row((lane, horizon), |row| row.get(0))
        .optional()?;
    let last = passed.map_or(newest - 1, |first| first - 1).max(counted).min(newest - 1);
    ledger
        .prepare_cached("DELETE FROM beginnings WHERE lane = ?1 AND number <= ?2")?
        .execute((lane, last))?;
    Ok(())
}

/// Pulls back reservations made while the clock was ahead of what it says now.
///
/// A clock that ran a day ahead and was set right would otherwise hold the
/// lane for a day. Such a reservation was made before now, to begin a known
/// time later; so it begins no later than that time from now, and taking it
/// for the latest is safe.
fn undo_a_clock_that_was_ahead(ledger: &Connection, now: Micros, lane: &str) -> Result<(), Fault> {
    let latest: Option<Micros> = ledger
        .prepare_cached(
            "SELECT asked_at FROM beginnings WHERE lane = ?1 ORDER BY number DESC LIMIT 1",
        )?
        .query_row([lane], |row| row.get(0))
        .optional()?;
    if latest.is_none_or(|latest| latest <= now) {
        return Ok(());
    }
    let mut statement = ledger
        .prepare("SELECT number, at, asked_at FROM beginnings WHERE lane = ?1 ORDER BY number")?;
    let rows = statement.query_map([lane], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let rows = rows.collect::<Result<Vec<(i64, Micros, Micros)>, _>>()?;
    let mut before = Micros::MIN;
    for (number, at, asked_at) in rows {
        let ahead = asked_at.saturating_sub(now).max(0);
        before = (at - ahead).max(before);
        ledger
            .prepare_cached(
                "UPDATE beginnings SET at = ?3, asked_at = min(asked_at, ?4)
                 WHERE lane = ?1 AND number = ?2",
            )?
            .execute((lane, number, before, now))?;
    }
    Ok(())
}
