//! Everything in the file, carried out and in.

use rusqlite::{
    Connection, params_from_iter,
    types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef},
};
use tokio::sync::mpsc;

use super::{counts::recount, fault::Fault, list};
use crate::ledger::{
    moving::{
        Parcel, READER, Row, Standing, TABLES, Table, Value, broke_off, nobody_takes_it, not_empty,
    },
    rules::erased_key,
};

/// What is not carried as it stands, in the order of the columns of its table.
///
/// A delivery has one column more: whether its reader was forgotten with an old issue.
const OTHERWISE: [(&str, &str); 3] = [
    (
        "subscribers",
        "SELECT id, publication, address_key, coalesce(address, address_key), token_id, name, tags,
                fields, state, from_file, own, paused_until FROM subscribers ORDER BY id",
    ),
    (
        "consent",
        "SELECT s.id, 0, a.at, a.event, a.source,
                a.detail || iif(a.detail <> '' AND s.evidence <> '', '; ', '')
                         || coalesce(s.evidence, ''), s.came_as
         FROM subscribers s JOIN arrivals a ON a.id = s.arrival
         UNION ALL
         SELECT subscriber, number, at, event, source, detail, state FROM consent ORDER BY 1, 2",
    ),
    (
        "deliveries",
        "SELECT d.issue, d.slot, d.subscriber, d.state, d.suppressed, d.fence,
                iif(d.state IN ('claimed', 'attempting'), coalesce(d.owner, ''), NULL), d.begun,
                d.tries, d.first_at, d.began_at, d.retry_at, d.said, d.at,
                iif(f.subscriber IS NULL, s.address_key, f.address_key),
                iif(f.subscriber IS NULL, coalesce(s.address, s.address_key),
                    coalesce(f.address, f.address_key)),
                iif(f.subscriber IS NULL, s.name, f.name),
                iif(f.subscriber IS NULL, s.tags, f.tags),
                iif(f.subscriber IS NULL, s.fields, f.fields),
                d.version IS NULL AND s.state <> 'erased'
         FROM deliveries d CROSS JOIN subscribers s ON s.id = d.subscriber
              LEFT JOIN former f ON f.subscriber = d.subscriber AND f.version = d.version
         ORDER BY d.issue, d.slot",
    ),
];

/// What has to be empty before anything is carried in, and is emptied where that was cut off.
const HOLDS: [&str; 19] = [
    "attempts",
    "deliveries",
    "former",
    "counts",
    "editions",
    "orders",
    "runs",
    "reports",
    "issues",
    "consent",
    "subscribers",
    "arrivals",
    "addresses",
    "tokens",
    "beginnings",
    "brakes",
    "workers",
    "begins",
    "ledger",
];

/// Returns whether the ledger may be worked with.
pub(super) fn standing(ledger: &Connection) -> Result<Standing, Fault> {
    let mut statement = ledger.prepare_cached("SELECT standing FROM ledger")?;
    let standing: Option<String> = statement.query_row([], |row| row.get(0))?;
    Ok(Standing::read(standing.as_deref())?)
}

/// Refuses whoever wants to work with a ledger that is closed.
pub(super) fn refuse_closed(ledger: &Connection, place: &str) -> Result<(), Fault> {
    Ok(standing(ledger)?.refuse(place)?)
}

/// Closes it or opens it.
pub(super) fn stand(ledger: &Connection, standing: &Standing) -> Result<(), Fault> {
    ledger.execute("UPDATE ledger SET standing = ?1", [standing.json()])?;
    Ok(())
}

/// Carries everything out.
pub(super) fn carry_out(ledger: &Connection, to: &mpsc::Sender<Parcel>) -> Result<(), Fault> {
    let secret = list::secret(ledger)?;
    let send = |parcel| to.blocking_send(parcel).map_err(|_| Fault::from(nobody_takes_it()));
    for table in &TABLES {
        let mut statement = ledger.prepare(&select(table))?;
        let width = statement.column_count();
        let mut rows = statement.query([])?;
        let mut parcel = Vec::new();
        while let Some(row) = rows.next()? {
            let values = (0..width).map(|at| row.get(at));
            let mut values = values.collect::<Result<Row, _>>()?;
            if table.name == "deliveries" {
                forget(&mut values, &secret);
            }
            parcel.push(values);
            if parcel.len() == table.at_once {
                send(Parcel(Some((table, std::mem::take(&mut parcel)))))?;
            }
        }
        if !parcel.is_empty() {
            send(Parcel(Some((table, parcel))))?;
        }
    }
    send(Parcel(None))
}

fn select(table: &Table) -> String {
    let Table { name, columns, .. } = table;
    match OTHERWISE.iter().find(|(other, _)| other == name) {
        Some((_, sql)) => (*sql).to_owned(),
        // The first columns name a row.
        None if *name == "ledger" => format!("SELECT {columns} FROM {name}"),
        None if *name == "attempts" => format!("SELECT {columns} FROM {name} ORDER BY 1, 2, 3, 4"),
        None => format!("SELECT {columns} FROM {name} ORDER BY 1, 2"),
    }
}

/// Leaves of a reader who was forgotten with an old issue what the other kind of ledger keeps of them: the hash.
fn forget(delivery: &mut Row, secret: &[u8]) {
    if delivery.pop() != Some(Value::Number(1)) {
        return;
    }
    let hash = delivery[READER].text().map(|key| erased_key(secret, key)).unwrap_or_default();
    for (column, left) in delivery[READER..].iter_mut().zip([&*hash, &*hash, "", "[]", "{}"]) {
        *column = Value::Text(left.to_owned());
    }
}

/// Takes in what another ledger carries out, and stays closed.
pub(super) fn carry_in(
    ledger: &Connection,
    place: &str,
    mut from: mpsc::Receiver<Parcel>,
) -> Result<(), Fault> {
    make_room(ledger, place)?;
    ledger.execute_batch("PRAGMA defer_foreign_keys = ON")?;
    let mut secret = Vec::new();
    loop {
        let Parcel(parcel) = from.blocking_recv().ok_or_else(broke_off)?;
        let Some((table, rows)) = parcel else { break };
        let insert = insert(table);
        for row in rows {
            match table.name {
                "deliveries" => deliver(ledger, &insert, row, &secret)?,
                _ => {
                    ledger.prepare_cached(&insert)?.execute(params_from_iter(&row))?;
                }
            }
        }
        if table.name == "ledger" {
            secret = list::secret(ledger)?;
        }
    }
    settle(ledger)?;
    stand(ledger, &Standing::Arriving)
}

fn insert(table: &Table) -> String {
    let Table { name, columns, .. } = table;
    let places = |count: usize| vec!["?"; count].join(", ");
    match *name {
        // What is said once is not said twice: an address that is its own key.
        "subscribers" => "INSERT INTO subscribers (id, publication, address_key, address, token_id,
                              name, tags, fields, state, from_file, own, paused_until)
                          VALUES (?1, ?2, ?3, nullif(?4, ?3), ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
            .to_owned(),
        "deliveries" => "INSERT INTO deliveries (issue, slot, subscriber, state, suppressed, fence,
                             owner, begun, tries, first_at, began_at, retry_at, said, at, lease_end,
                             version)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,
                                 iif(?4 IN ('claimed', 'attempting'), 0, NULL), ?15)"
            .to_owned(),
        _ => format!(
            "INSERT INTO {name} ({columns}) VALUES ({})",
            places(columns.split(',').count())
        ),
    }
}

/// Writes a delivery down, and its reader as frozen where that is not who they are now.
fn deliver(ledger: &Connection, insert: &str, mut row: Row, secret: &[u8]) -> Result<(), Fault> {
    let reader = row.split_off(READER);
    let now = ledger
        .prepare_cached(
            "SELECT address_key, coalesce(address, address_key), name, tags, fields
             FROM subscribers WHERE id = ?1",
        )?
        .query_row([&row[2]], |row| (0..5).map(|at| row.get(at)).collect::<Result<Row, _>>())?;
    let hash = now[0].text().map(|key| Value::Text(erased_key(secret, key)));
    let is_forgotten = hash.as_ref() == Some(&reader[0]);
    let version = if reader == now {
        Value::Number(0)
    } else if is_forgotten {
        Value::Null
    } else {
        // Versions rise from 0; one below is the issue's own.
        Value::Number(row[0].number().map_or(-1, |issue| -issue))
    };
    if reader != now && !is_forgotten {
        ledger
            .prepare_cached(
                "INSERT INTO former (subscriber, version, address_key, address, name, tags, fields)
                 VALUES (?1, ?2, ?3, nullif(?4, ?3), ?5, ?6, ?7)",
            )?
            .execute(params_from_iter([&row[2], &version].into_iter().chain(&reader)))?;
    }
    row.push(version);
    ledger.prepare_cached(insert)?.execute(params_from_iter(&row))?;
    Ok(())
}

/// Makes sure that nothing is there but what was cut off before.
fn make_room(ledger: &Connection, place: &str) -> Result<(), Fault> {
    let mut is_empty = true;
    for table in HOLDS.into_iter().filter(|table| *table != "ledger") {
        is_empty &= !ledger.prepare(&format!("SELECT 1 FROM {table} LIMIT 1"))?.exists([])?;
    }
    match standing(ledger)? {
        Standing::Arriving => {}
        Standing::Open if is_empty => {}
        _ => return Err(not_empty(place).into()),
    }
    // The logs are never rewritten; but these were never anybody's.
    let mut triggers =
        ledger.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")?;
    let triggers = triggers
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    for (name, _) in &triggers {
        ledger.execute_batch(&format!("DROP TRIGGER {name}"))?;
    }
    for table in HOLDS {
        ledger.execute_batch(&format!("DELETE FROM {table}"))?;
    }
    for (_, sql) in &triggers {
        ledger.execute_batch(sql)?;
    }
    Ok(())
}

/// Makes what only repeats other rows; what is looked up in no order is entered sorted. How many deliveries each publication began is not carried: none began more than all together.
fn settle(ledger: &Connection) -> Result<(), Fault> {
    ledger.execute_batch(
        "INSERT INTO addresses SELECT address_key, publication, id FROM subscribers ORDER BY 1, 2;
         INSERT INTO tokens SELECT token_id, id FROM subscribers ORDER BY 1;
         INSERT INTO begins
         SELECT DISTINCT publication, (SELECT begins FROM ledger) FROM issues
         WHERE frozen_at IS NOT NULL",
    )?;
    let mut issues = ledger.prepare("SELECT id FROM issues")?;
    let issues = issues.query_map([], |row| row.get(0))?;
    for issue in issues.collect::<Result<Vec<i64>, _>>()? {
        recount(ledger, issue)?;
    }
    Ok(())
}

impl FromSql for Value {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Number(number),
            // The other kind of ledger holds every character but this one.
            ValueRef::Text(_) => Self::Text(value.as_str()?.replace('\0', "\u{fffd}")),
            ValueRef::Blob(bytes) => Self::Bytes(bytes.to_vec()),
            ValueRef::Real(_) => return Err(FromSqlError::InvalidType),
        })
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Number(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ledger::sqlite::file;

    /// What says again what other rows say, or is told otherwise: by a line of the consent log, by a delivery, by the count of all that was begun.
    const NOT_CARRIED: [&str; 6] =
        ["addresses", "arrivals", "begins", "counts", "former", "tokens"];

    fn names(ledger: &Connection, sql: &str) -> BTreeSet<String> {
        let mut statement = ledger.prepare(sql).expect(sql);
        let names = statement.query_map([], |row| row.get(0)).expect(sql);
        names.collect::<Result<_, _>>().expect(sql)
    }

    #[test]
    fn every_table_and_column_is_carried_or_known_to_repeat_others() {
        let ledger = file::open_for_a_while().expect("it opens");
        let tables = names(&ledger, "SELECT name FROM sqlite_schema WHERE type = 'table'");
        let known = TABLES.iter().map(|table| table.name).chain(NOT_CARRIED);
        assert_eq!(tables, known.map(str::to_owned).collect());
        let as_they_stand = |table: &&Table| OTHERWISE.iter().all(|(name, _)| *name != table.name);
        for table in TABLES.iter().filter(as_they_stand) {
            let sql = format!("SELECT name FROM pragma_table_info('{}')", table.name);
            let mut columns = names(&ledger, &sql);
            columns.remove("standing");
            let carried = table.columns.split(", ").map(str::to_owned).collect();
            assert_eq!(columns, carried, "{}", table.name);
        }
        let of_people = "id publication address_key address token_id name tags fields state \
                         from_file own paused_until arrival line came_as evidence version";
        let columns = names(&ledger, "SELECT name FROM pragma_table_info('subscribers')");
        assert_eq!(columns, of_people.split_whitespace().map(str::to_owned).collect());
        let holds: BTreeSet<_> = HOLDS.into_iter().map(str::to_owned).collect();
        assert_eq!(holds, tables);
    }
}
