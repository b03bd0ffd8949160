//! Rate limits as rows, so that machines share them and restarts keep them (rule D11).
//!
//! A lane is a row that is held while beginnings are reserved on it, so that
//! all senders reserve one after the other, by the server's clock.

use std::{collections::HashMap, time::Duration};

use deadpool_postgres::{GenericClient, Transaction};
use jiff::Timestamp;

use super::{
    ask,
    columns::{At, instant},
    fault::Fault,
};
use crate::{
    ledger::{
        Lane, Place, Reservation, Wish,
        rules::{Micros, micros},
    },
    send::throttle,
};

/// Reserves beginnings for `wishes`, none later than `within` from now.
pub(super) async fn reserve(
    tx: &Transaction<'_>,
    shared: &Lane,
    wishes: &[Wish],
    within: Duration,
) -> Result<Reservation, Fault> {
    let free = Lane { name: String::new(), rates: Vec::new() };
    let lanes = || wishes.iter().map(|wish| wish.lane.as_ref().unwrap_or(&free));
    hold(tx, lanes().chain([shared]).filter(|lane| !lane.rates.is_empty()).map(|lane| &*lane.name))
        .await?;
    let now = ask::now(tx).await?;
    let latest = instant(now.saturating_add(micros(within)))?;
    let most: usize = wishes.iter().map(|wish| wish.count).sum();
    let mut shared = Line::of(tx, now, shared, most).await?;
    let mut own = Vec::with_capacity(wishes.len());
    for (wish, lane) in wishes.iter().zip(lanes()) {
        own.push(Line::of(tx, now, lane, wish.count).await?);
    }
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
    shared.keep(tx).await?;
    for line in &own {
        line.keep(tx).await?;
    }
    let next = own.iter().map(|line| shared.next.max(line.next)).collect();
    Ok(Reservation { at, next })
}

/// Takes passed beginnings out that nobody used: those behind each move up by one.
///
/// What was forgotten before stays harmless: it was a whole window older than
/// the newest, and whatever begins next does so no earlier than that one did.
pub(super) async fn unreserve(tx: &Transaction<'_>, unused: &[Place]) -> Result<(), Fault> {
    hold(tx, unused.iter().map(|place| place.lane.as_str())).await?;
    let now = ask::now(tx).await?;
    for Place { lane, at } in unused {
        let at = at.as_microsecond();
        let sql = "SELECT number, at FROM beginnings WHERE lane = $1 AND at <= $2
                   ORDER BY number DESC LIMIT 1";
        let Some(last) = ask::any(tx, sql, &[lane, &at]).await? else { continue };
        let (number, found): (i64, Micros) = (last.try_get(0)?, last.try_get(1)?);
        if at > now || found != at {
            continue;
        }
        ask::run(
            tx,
            "UPDATE beginnings b SET at = after.at, asked_at = after.asked_at
             FROM beginnings after
             WHERE b.lane = $1 AND b.number >= $2
                   AND after.lane = $1 AND after.number = b.number + 1",
            &[lane, &number],
        )
        .await?;
        let sql = "DELETE FROM beginnings WHERE lane = $1
                   AND number = (SELECT max(number) FROM beginnings WHERE lane = $1)";
        ask::run(tx, sql, &[lane]).await?;
    }
    Ok(())
}

/// Returns the beginnings that the lane's rates still count, oldest first.
pub(super) async fn beginnings<C: GenericClient>(
    ledger: &C,
    lane: &Lane,
) -> Result<Vec<Timestamp>, Fault> {
    let reach = micros(throttle::reach(&lane.rates));
    let memory = i64::from(throttle::memory(&lane.rates));
    let counted = ask::all(
        ledger,
        "SELECT at FROM beginnings, ledger_now() AS now
         WHERE lane = $1 AND at > now - $2 ORDER BY number DESC LIMIT $3",
        &[&lane.name, &reach, &memory],
    )
    .await?;
    let begun = counted.iter().rev().map(|row| row.try_get::<_, At>(0).map(|at| at.0));
    Ok(begun.collect::<Result<_, _>>()?)
}

/// Holds lanes until the transaction ends, in the order of their names, so that two senders never wait for each other.
async fn hold<'a>(tx: &Transaction<'_>, lanes: impl Iterator<Item = &'a str>) -> Result<(), Fault> {
    let mut names: Vec<&str> = lanes.collect();
    names.sort_unstable();
    names.dedup();
    let held = "SELECT FROM lanes WHERE lane = ANY ($1) ORDER BY lane FOR UPDATE";
    if !names.is_empty() && ask::all(tx, held, &[&names]).await?.len() < names.len() {
        let sql = "INSERT INTO lanes SELECT unnest($1::text[]) ON CONFLICT DO NOTHING";
        ask::run(tx, sql, &[&names]).await?;
        ask::all(tx, held, &[&names]).await?;
    }
    Ok(())
}

/// A lane while beginnings are reserved on it.
struct Line<'a> {
    lane: &'a Lane,
    now: Micros,
    /// The number of the newest beginning.
    newest: i64,
    /// Those beginnings its rates look back to, by number.
    begun: HashMap<i64, Timestamp>,
    /// The numbers of those reserved now.
    taken: Vec<i64>,
    /// When this lane alone would allow one more.
    next: Timestamp,
}

impl<'a> Line<'a> {
    /// Reads what matters for `count` more.
    async fn of(
        tx: &Transaction<'_>,
        now: Micros,
        lane: &'a Lane,
        count: usize,
    ) -> Result<Self, Fault> {
        let mut line = Self {
            lane,
            now,
            newest: 0,
            begun: HashMap::new(),
            taken: Vec::new(),
            next: instant(now)?,
        };
        if lane.rates.is_empty() {
            return Ok(line);
        }
        undo_a_clock_that_was_ahead(tx, now, &lane.name).await?;
        let sql = "SELECT coalesce(max(number), 0) FROM beginnings WHERE lane = $1";
        line.newest = ask::one(tx, sql, &[&lane.name]).await?.try_get(0)?;
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let (mut from, mut to) = (vec![line.newest], vec![line.newest]);
        for rate in &lane.rates {
            let first = line.newest + 1 - i64::from(rate.count);
            from.push(first);
            to.push(first.saturating_add(count));
        }
        let found = ask::all(
            tx,
            "SELECT DISTINCT b.number, b.at
             FROM unnest($2::bigint[], $3::bigint[]) AS range (a, z)
                  JOIN beginnings b ON b.lane = $1 AND b.number BETWEEN range.a AND range.z",
            &[&lane.name, &from, &to],
        )
        .await?;
        for row in found {
            line.begun.insert(row.try_get(0)?, row.try_get::<_, At>(1)?.0);
        }
        line.next = line.earliest()?;
        Ok(line)
    }

    fn earliest(&self) -> Result<Timestamp, Fault> {
        throttle::earliest(&self.lane.rates, instant(self.now)?, |back| {
            Ok(self.begun.get(&(self.newest + 1 - i64::from(back))).copied())
        })
    }

    /// Lets one begin, no earlier than the lane allows.
    fn take(&mut self, at: Timestamp) -> Result<(), Fault> {
        if self.lane.rates.is_empty() {
            return Ok(());
        }
        self.newest += 1;
        self.begun.insert(self.newest, at);
        self.taken.push(self.newest);
        self.next = self.earliest()?;
        Ok(())
    }

    /// Writes what was reserved, and drops what no rate can look back to; the newest always stays, for the numbering.
    async fn keep(&self, tx: &Transaction<'_>) -> Result<(), Fault> {
        if self.taken.is_empty() {
            return Ok(());
        }
        let at: Vec<Micros> =
            self.taken.iter().map(|number| self.begun[number].as_microsecond()).collect();
        ask::run(
            tx,
            "INSERT INTO beginnings (lane, number, at, asked_at)
             SELECT $1::text, number, at, $4::bigint
             FROM unnest($2::bigint[], $3::bigint[]) AS taken (number, at)",
            &[&self.lane.name, &self.taken, &at, &self.now],
        )
        .await?;
        let counted = self.newest - i64::from(throttle::memory(&self.lane.rates));
        let horizon = self.now.saturating_sub(micros(throttle::reach(&self.lane.rates)));
        // Instants rise with their numbers, so the search ends at the first that matters.
        ask::run(
            tx,
            "DELETE FROM beginnings WHERE lane = $1 AND number <= least($2::bigint - 1, greatest(
                 $3::bigint,
                 coalesce((SELECT number FROM beginnings WHERE lane = $1 AND at > $4
                           ORDER BY number LIMIT 1), $2) - 1))",
            &[&self.lane.name, &self.newest, &counted, &horizon],
        )
        .await?;
        Ok(())
    }
}

/// Pulls back reservations made while the clock was ahead of what it says now.
///
/// A clock that ran a day ahead and was set right would otherwise hold the
/// lane for a day. Such a reservation was made before now, to begin a known
/// time later; so it begins no later than that time from now, and taking it
/// for the latest is safe.
async fn undo_a_clock_that_was_ahead(
    tx: &Transaction<'_>,
    now: Micros,
    lane: &str,
) -> Result<(), Fault> {
    let sql = "SELECT asked_at FROM beginnings WHERE lane = $1 ORDER BY number DESC LIMIT 1";
    let latest = ask::any(tx, sql, &[&lane]).await?;
    let latest: Option<Micros> = latest.map(|row| row.try_get(0)).transpose()?;
    if latest.is_none_or(|latest| latest <= now) {
        return Ok(());
    }
    ask::run(
        tx,
        "UPDATE beginnings b SET at = pulled.at, asked_at = least(b.asked_at, $2)
         FROM (SELECT number, max(at - greatest(asked_at - $2, 0)) OVER (ORDER BY number) AS at
               FROM beginnings WHERE lane = $1) AS pulled
         WHERE b.lane = $1 AND b.number = pulled.number",
        &[&lane, &now],
    )
    .await?;
    Ok(())
}
