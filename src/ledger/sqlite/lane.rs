//! Rate limits as rows, so that processes share them and restarts keep them (rule D11).

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::{
    columns::{At, Micros, instant, micros},
    fault::Fault,
};
use crate::{
    ledger::{Lane, Place, Reservation, Wish},
    model::Rate,
    send::throttle,
};

/// Reserves beginnings for `wishes`, none later than `within` from now.
pub(super) fn reserve(
    ledger: &Connection,
    now: Micros,
    shared: &Lane,
    wishes: &[Wish],
    within: Duration,
) -> Result<Reservation, Fault> {
    let latest = instant(now.saturating_add(micros(within)))?;
    let free = Lane { name: String::new(), rates: Vec::new() };
    let mut shared = Line::of(ledger, now, shared)?;
    let mut own = wishes
        .iter()
        .map(|wish| Line::of(ledger, now, wish.lane.as_ref().unwrap_or(&free)))
        .collect::<Result<Vec<_>, Fault>>()?;
    let mut left: Vec<usize> = wishes.iter().map(|wish| wish.count).collect();
    let mut at = Vec::new();
    loop {
        let waiting = (0..own.len()).filter(|wish| left[*wish] > 0);
        let first = waiting.min_by_key(|wish| shared.next.max(own[*wish].next));
        let Some(wish) = first else { break };
        let next = shared.next.max(own[wish].next);
        if next > latest {
            break;
        }
        shared.take(next)?;
        own[wish].take(next)?;
        left[wish] -= 1;
        at.push((wish, next));
    }
    shared.forget()?;
    own.iter().try_for_each(Line::forget)?;
    let next = own.iter().map(|line| shared.next.max(line.next)).collect();
    Ok(Reservation { at, next })
}

/// Takes passed beginnings out that nobody used: those behind each move up by one.
///
/// What was forgotten before stays harmless: it was a whole window older than
/// the newest, and whatever begins next does so no earlier than that one did.
pub(super) fn unreserve(ledger: &Connection, now: Micros, unused: &[Place]) -> Result<(), Fault> {
    for Place { lane, at } in unused {
        let at = at.as_microsecond();
        if at > now {
            continue;
        }
        let last: Option<(i64, Micros)> = ledger
            .prepare_cached(
                "SELECT number, at FROM beginnings WHERE lane = ?1 AND at <= ?2
                 ORDER BY number DESC LIMIT 1",
            )?
            .query_row((lane, at), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((number, _)) = last.filter(|(_, found)| *found == at) else { continue };
        let newest = newest(ledger, lane)?;
        for number in number..newest {
            ledger
                .prepare_cached(
                    "UPDATE beginnings SET (at, asked_at) = (
                         SELECT at, asked_at FROM beginnings WHERE lane = ?1 AND number = ?2 + 1)
                     WHERE lane = ?1 AND number = ?2",
                )?
                .execute((lane, number))?;
        }
        ledger
            .prepare_cached("DELETE FROM beginnings WHERE lane = ?1 AND number = ?2")?
            .execute((lane, newest))?;
    }
    Ok(())
}

/// Returns the beginnings that the lane's rates still count, oldest first.
pub(super) fn beginnings(
    ledger: &Connection,
    now: Micros,
    lane: &Lane,
) -> Result<Vec<Timestamp>, Fault> {
    let horizon = now.saturating_sub(micros(throttle::reach(&lane.rates)));
    let mut counted = ledger.prepare_cached(
        "SELECT at FROM beginnings WHERE lane = ?1 AND at > ?2 ORDER BY number DESC LIMIT ?3",
    )?;
    let rows = counted
        .query_map((&lane.name, horizon, throttle::memory(&lane.rates)), |row| row.get(0))?;
    let mut begun = rows.map(|at| at.map(|at: At| at.0)).collect::<Result<Vec<_>, _>>()?;
    begun.reverse();
    Ok(begun)
}

/// A lane while beginnings are reserved on it.
struct Line<'a> {
    ledger: &'a Connection,
    lane: &'a Lane,
    now: Micros,
    /// The number of the newest beginning.
    newest: i64,
    /// When this lane alone would allow one more.
    next: Timestamp,
}

impl<'a> Line<'a> {
    fn of(ledger: &'a Connection, now: Micros, lane: &'a Lane) -> Result<Self, Fault> {
        let mut line = Self { ledger, lane, now, newest: 0, next: instant(now)? };
        if !lane.rates.is_empty() {
            undo_a_clock_that_was_ahead(ledger, now, &lane.name)?;
            line.newest = newest(ledger, &lane.name)?;
            line.next = line.earliest()?;
        }
        Ok(line)
    }

    fn earliest(&self) -> Result<Timestamp, Fault> {
        throttle::earliest(&self.lane.rates, instant(self.now)?, |back| {
            nth(self.ledger, &self.lane.name, self.newest + 1 - i64::from(back))
        })
    }

    /// Lets one begin, no earlier than the lane allows.
    fn take(&mut self, at: Timestamp) -> Result<(), Fault> {
        if self.lane.rates.is_empty() {
            return Ok(());
        }
        self.newest += 1;
        self.ledger
            .prepare_cached(
                "INSERT INTO beginnings (lane, number, at, asked_at) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((&self.lane.name, self.newest, at.as_microsecond(), self.now))?;
        self.next = self.earliest()?;
        Ok(())
    }

    /// Drops what no rate can look back to; the newest always stays, for the numbering.
    fn forget(&self) -> Result<(), Fault> {
        if self.lane.rates.is_empty() {
            return Ok(());
        }
        forget(self.ledger, self.now, &self.lane.name, &self.lane.rates, self.newest)
    }
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
