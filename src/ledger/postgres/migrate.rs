//! Brings a database to the version this program knows; forwards only.

use data_encoding::HEXLOWER;
use deadpool_postgres::Object;

use super::fault::{Fault, unprepared};
use crate::ledger::{Lack, LedgerError, rules::random};

/// The n-th brings version n - 1 to n. One that was released is never edited.
const MIGRATIONS: [&str; 7] = [
    include_str!("schema.sql"),
    include_str!("workers.sql"),
    include_str!("reports.sql"),
    include_str!("corrects.sql"),
    include_str!("preferences.sql"),
    include_str!("standing.sql"),
    include_str!("runs.sql"),
];

/// How many places begins are counted in.
pub(super) const PLACES: i16 = 32;

/// Migrates in one transaction and under a lock, so that many programs that find a new database at once make it once.
pub(super) async fn migrate(session: &mut Object, place: &str) -> Result<(), Fault> {
    let known = known();
    if version(session).await? == Some(known) {
        return Ok(());
    }
    let tx = session.transaction().await?;
    tx.batch_execute("SELECT pg_advisory_xact_lock(20031006, 0)").await?;
    let row = tx.query_one("SELECT current_schema()", &[]).await?;
    if row.get::<_, Option<String>>(0).is_none() {
        let why = "there is no schema it may make tables in".to_owned();
        return Err(unprepared(Lack::Rights, why).into());
    }
    tx.batch_execute(
        "CREATE TABLE IF NOT EXISTS postrider_version (version integer NOT NULL PRIMARY KEY)",
    )
    .await?;
    let row = tx.query_one("SELECT coalesce(max(version), 0) FROM postrider_version", &[]).await?;
    let found = row.get::<_, i32>(0).unsigned_abs();
    if found > known {
        return Err(LedgerError::Newer { place: place.to_owned(), found, known }.into());
    }
    for (step, sql) in (1..).zip(MIGRATIONS).skip(found as usize) {
        tx.batch_execute(sql).await?;
        tx.execute("INSERT INTO postrider_version VALUES ($1)", &[&step]).await?;
    }
    if found == 0 {
        let (mut id, mut secret) = ([0; 16], [0; 32]);
        random(&mut id)?;
        random(&mut secret)?;
        tx.execute(
            "INSERT INTO ledger (id, secret, enrolments) VALUES ($1, $2, 0)",
            &[&HEXLOWER.encode(&id), &secret.as_slice()],
        )
        .await?;
        tx.execute(
            "INSERT INTO begins SELECT generate_series(0, $1 - 1), 0",
            &[&i32::from(PLACES)],
        )
        .await?;
    }
    Ok(tx.commit().await?)
}

/// Refuses tables that a newer program has changed since we looked.
pub(super) async fn refuse_newer(session: &Object, place: &str) -> Result<(), Fault> {
    let sql = "SELECT max(version) FROM postrider_version";
    let statement = session.prepare_cached(sql).await?;
    let found = session.query_one(&statement, &[]).await?.try_get::<_, Option<i32>>(0)?;
    let (found, known) = (found.unwrap_or(0).unsigned_abs(), known());
    if found > known {
        return Err(LedgerError::Newer { place: place.to_owned(), found, known }.into());
    }
    Ok(())
}

/// Returns the version that this program knows.
fn known() -> u32 {
    u32::try_from(MIGRATIONS.len()).expect("there are few")
}

/// Returns the version of the tables, `None` where there are none.
async fn version(session: &Object) -> Result<Option<u32>, Fault> {
    let row = session.query_one("SELECT to_regclass('postrider_version') IS NOT NULL", &[]).await?;
    if !row.get::<_, bool>(0) {
        return Ok(None);
    }
    let row = session.query_one("SELECT max(version) FROM postrider_version", &[]).await?;
    Ok(row.get::<_, Option<i32>>(0).map(i32::unsigned_abs))
}
