//! What holds a lane back for a while, so that a restart forgets no pause.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::{
    columns::{Json, Micros},
    fault::Fault,
};
use crate::{ledger::Lane, send::brake::Brake};

/// Puts a brake on a lane, unless another sender closed it for longer.
pub(super) fn put(ledger: &Connection, lane: &str, brake: &Brake) -> Result<(), Fault> {
    let json = serde_json::to_string(brake).expect("a brake is always JSON");
    ledger
        .prepare_cached(
            "INSERT INTO brakes (lane, until, brake) VALUES (?1, ?2, ?3)
             ON CONFLICT (lane) DO UPDATE SET until = excluded.until, brake = excluded.brake
             WHERE excluded.until >= until",
        )?
        .execute((lane, brake.until.as_microsecond(), json))?;
    Ok(())
}

/// Returns the brakes on a relay's lane and on those of its providers.
pub(super) fn all(ledger: &Connection, relay: &str) -> Result<BTreeMap<String, Brake>, Fault> {
    let mut found = ledger.prepare_cached("SELECT lane, brake FROM brakes")?;
    let rows = found.query_map([], |row| Ok((row.get(0)?, row.get::<_, Json<_>>(1)?.0)))?;
    let mut brakes = rows.collect::<Result<BTreeMap<String, Brake>, _>>()?;
    brakes.retain(|lane, _| is_of(relay, lane));
    Ok(brakes)
}

/// Takes them off; whoever only waited for their end, and for nothing of their own, may be tried at once.
pub(super) fn release(ledger: &Connection, now: Micros, relay: &str) -> Result<u64, Fault> {
    let mut off = ledger.prepare_cached("DELETE FROM brakes WHERE lane = ?1")?;
    let lanes = all(ledger, relay)?;
    for lane in lanes.keys() {
        off.execute([lane])?;
    }
    ledger.execute(
        "UPDATE deliveries INDEXED BY deliveries_due SET retry_at = ?1
         WHERE state = 'deferred' AND retry_at > ?1 AND first_at IS NULL",
        [now],
    )?;
    Ok(lanes.len() as u64)
}

fn is_of(relay: &str, lane: &str) -> bool {
    lane == relay || Lane::provider(relay, lane).is_some()
}
