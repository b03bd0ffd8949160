//! Brings a ledger file to the version this program knows; forwards only.

use data_encoding::HEXLOWER;
use rusqlite::{Connection, TransactionBehavior};

use super::fault::Fault;
use crate::ledger::LedgerError;

/// Marks the file as ours, `PstR`, so that no other program's database is taken for a ledger.
const APPLICATION_ID: i32 = 0x5073_7452;

/// The n-th brings version n - 1 to n. One that was released is never edited.
pub(super) const MIGRATIONS: [&str; 14] = [
    include_str!("schema.sql"),
    include_str!("brakes.sql"),
    include_str!("segment.sql"),
    include_str!("million.sql"),
    include_str!("pruned.sql"),
    include_str!("reports.sql"),
    include_str!("corrects.sql"),
    include_str!("workers.sql"),
    include_str!("held.sql"),
    include_str!("preferences.sql"),
    include_str!("standing.sql"),
    include_str!("checks.sql"),
    include_str!("runs.sql"),
    include_str!("begins.sql"),
];

/// Migrates in one transaction, so that two programs that open a new file at once make it once. Where there is nothing to do nothing is locked: who only reads waits for nobody who writes.
///
/// Foreign keys are off meanwhile: a table that others refer to may be made
/// anew. All of them are checked before anything is kept.
pub(super) fn migrate(connection: &mut Connection, place: &str) -> Result<(), Fault> {
    if version(connection, place)? == known() {
        return Ok(());
    }
    connection.pragma_update(None, "foreign_keys", false)?;
    let migrated = bring_up(connection, place);
    connection.pragma_update(None, "foreign_keys", true)?;
    migrated
}

fn bring_up(connection: &mut Connection, place: &str) -> Result<(), Fault> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&tx, place)?;
    let known = known();
    if found > known {
        let place = place.to_owned();
        return Err(LedgerError::Newer { place, found, known }.into());
    }
    for (step, sql) in (1..).zip(MIGRATIONS).skip(found as usize) {
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", step)?;
    }
    if (1..known).contains(&found) && tx.prepare("PRAGMA foreign_key_check")?.exists([])? {
        let why = format!("{place} refers to rows that are not there");
        return Err(LedgerError::Damaged(why).into());
    }
    if found == 0 {
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        let (mut id, mut secret) = ([0; 16], [0; 32]);
        getrandom::fill(&mut id)?;
        getrandom::fill(&mut secret)?;
        tx.execute(
            "INSERT INTO ledger (id, secret, begins) VALUES (?1, ?2, 0)",
            (HEXLOWER.encode(&id), secret),
        )?;
    }
    Ok(tx.commit()?)
}

/// Returns a file's version, 0 for an empty one; another program's database is no ledger.
pub(super) fn version(connection: &Connection, place: &str) -> Result<u32, Fault> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let tables: u32 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, tables) {
        (APPLICATION_ID, 1..) | (0, 0) => Ok(version.unsigned_abs()),
        _ => Err(LedgerError::Damaged(format!("{place} is not a postrider ledger")).into()),
    }
}

fn known() -> u32 {
    u32::try_from(MIGRATIONS.len()).expect("there are few")
}
