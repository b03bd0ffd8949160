//! What holds a lane back for a while, so that a restart forgets no pause.

use std::collections::BTreeMap;

use deadpool_postgres::{GenericClient, Transaction};

use super::{ask, columns::Json, fault::Fault};
use crate::{ledger::Lane, send::brake::Brake};

/// Puts a brake on a lane, unless another sender closed it for longer.
pub(super) async fn put(tx: &Transaction<'_>, lane: &str, brake: &Brake) -> Result<(), Fault> {
    let json = serde_json::to_string(brake).expect("a brake is always JSON");
    ask::run(
        tx,
        "INSERT INTO brakes AS b (lane, until, brake) VALUES ($1, $2, $3)
         ON CONFLICT (lane) DO UPDATE SET until = excluded.until, brake = excluded.brake
         WHERE excluded.until >= b.until",
        &[&lane, &brake.until.as_microsecond(), &json],
    )
    .await?;
    Ok(())
}

/// Returns the brakes on a relay's lane and on those of its providers.
pub(super) async fn all<C: GenericClient>(
    ledger: &C,
    relay: &str,
) -> Result<BTreeMap<String, Brake>, Fault> {
    let mut brakes = BTreeMap::new();
    for row in ask::all(ledger, "SELECT lane, brake FROM brakes", &[]).await? {
        brakes.insert(row.try_get(0)?, row.try_get::<_, Json<Brake>>(1)?.0);
    }
    brakes.retain(|lane: &String, _| is_of(relay, lane));
    Ok(brakes)
}

/// Takes them off; whoever only waited for their end, and for nothing of their own, may be tried at once.
pub(super) async fn release(tx: &Transaction<'_>, relay: &str) -> Result<u64, Fault> {
    let now = ask::now(tx).await?;
    let lanes: Vec<String> = all(tx, relay).await?.into_keys().collect();
    ask::run(tx, "DELETE FROM brakes WHERE lane = ANY ($1)", &[&lanes]).await?;
    ask::run(
        tx,
        "UPDATE deliveries SET retry_at = $1
         WHERE state = 'deferred' AND retry_at > $1 AND first_at IS NULL",
        &[&now],
    )
    .await?;
    Ok(lanes.len() as u64)
}

fn is_of(relay: &str, lane: &str) -> bool {
    lane == relay || Lane::provider(relay, lane).is_some()
}
