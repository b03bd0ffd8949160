//! Everything in the database, carried out by cursors and in by COPY.

use std::error::Error;

use deadpool_postgres::Transaction;
use tokio::{pin, sync::mpsc};
use tokio_postgres::{
    binary_copy::BinaryCopyInWriter,
    types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};

use super::{ask, fault::Fault, gate};
use crate::ledger::{
    LedgerError, SILENCE,
    moving::{
        Parcel, READER, Row, Standing, TABLES, Table, Value, broke_off, nobody_takes_it, not_empty,
    },
    rules::micros,
};

/// Whatever says something of people, issues, deliveries and rates; `ledger` and `begins` say who the ledger is.
const HOLDS: &str = "subscribers, lists, consent, issues, editions, heads, deliveries, claims, \
                     readers, attempts, lanes, beginnings, brakes, orders, runs, workers, \
                     reports";

/// What is not carried as it stands, in the order of the columns of its table.
const OTHERWISE: [(&str, &str); 3] = [
    (
        "ledger",
        "SELECT id, secret, (SELECT sum(count)::bigint FROM begins), rollbacks FROM ledger",
    ),
    (
        "subscribers",
        "SELECT s.id, s.publication, s.address_key, s.address, s.token_id, s.name, s.tags, s.fields,
                s.state, CASE WHEN NOT s.from_file THEN 0
                              WHEN coalesce(s.enrolment >= l.enrolment, false) THEN 1 ELSE 2 END,
                s.own, s.paused_until
         FROM subscribers s LEFT JOIN lists l ON l.publication = s.publication ORDER BY s.id",
    ),
    (
        "deliveries",
        "SELECT d.issue, d.slot, d.subscriber, d.state, d.suppressed, d.fence,
                CASE WHEN d.state IN ('claimed', 'attempting') THEN coalesce(d.owner, '') END, d.begun,
                d.tries, d.first_at, d.began_at, d.retry_at, d.said, d.at,
                r.address_key, r.address, r.name, r.tags, r.fields
         FROM deliveries d LEFT JOIN readers r ON r.issue = d.issue AND r.slot = d.slot
         ORDER BY d.issue, d.slot",
    ),
];

/// Where in a person it stands whether the list file has them.
const LISTED: usize = 9;

/// Returns whether the ledger may be worked with.
pub(super) async fn standing<C: deadpool_postgres::GenericClient>(
    ledger: &C,
) -> Result<Standing, Fault> {
    let row = ask::one(ledger, "SELECT standing FROM ledger LIMIT 1", &[]).await?;
    Ok(Standing::read(row.try_get(0)?)?)
}

/// Closes it or opens it. While it is closed the server refuses every change, also to a program that saw it open.
pub(super) async fn stand(tx: &Transaction<'_>, standing: &Standing) -> Result<(), Fault> {
    for table in HOLDS.split(", ") {
        tx.batch_execute(&format!("DROP TRIGGER IF EXISTS closed ON {table}")).await?;
        if *standing != Standing::Open {
            tx.batch_execute(&format!(
                "CREATE TRIGGER closed BEFORE INSERT OR UPDATE OR DELETE ON {table}
                 FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_closed()"
            ))
            .await?;
        }
    }
    ask::run(tx, "UPDATE ledger SET standing = $1", &[&standing.json()]).await?;
    Ok(())
}

/// Has the ledger alone: whoever changes something has finished, and whoever wants to waits. Refuses where somebody sends.
pub(super) async fn alone(tx: &Transaction<'_>) -> Result<(), Fault> {
    unhurried(tx).await?;
    gate::reading(tx).await?;
    gate::list(tx).await?;
    gate::begins(tx).await?;
    for row in ask::all(tx, "SELECT id FROM issues ORDER BY id", &[]).await? {
        gate::issue(tx, row.try_get(0)?).await?;
    }
    tx.batch_execute(&format!("LOCK TABLE {HOLDS} IN SHARE ROW EXCLUSIVE MODE")).await?;
    let now = ask::now(tx).await?;
    let busy = ask::any(
        tx,
        "SELECT owner FROM deliveries
         WHERE state IN ('claimed', 'attempting') AND lease_end > $1
         UNION ALL SELECT name FROM workers WHERE seen_at > $1 - $2::bigint LIMIT 1",
        &[&now, &micros(SILENCE)],
    )
    .await?;
    match busy {
        None => Ok(()),
        Some(row) => {
            let owner: Option<String> = row.try_get(0)?;
            let owner = owner.unwrap_or_else(|| "a sender".to_owned());
            Err(LedgerError::Busy(format!("{owner} works with it, or did a moment ago")).into())
        }
    }
}

/// Lets a transaction take as long as a large ledger does.
pub(super) async fn unhurried(tx: &Transaction<'_>) -> Result<(), Fault> {
    tx.batch_execute(
        "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0",
    )
    .await?;
    Ok(())
}

/// Carries everything out.
pub(super) async fn carry_out(
    tx: &Transaction<'_>,
    to: &mpsc::Sender<Parcel>,
) -> Result<(), Fault> {
    for table in &TABLES {
        tx.batch_execute(&format!("DECLARE passing NO SCROLL CURSOR FOR {}", select(table)))
            .await?;
        let fetch = format!("FETCH {} FROM passing", table.at_once);
        loop {
            let fetched = tx.query(&fetch, &[]).await?;
            if fetched.is_empty() {
                break;
            }
            let row = |row: &tokio_postgres::Row| {
                (0..row.len()).map(|at| row.try_get(at)).collect::<Result<Row, _>>()
            };
            let rows = fetched.iter().map(row).collect::<Result<Vec<_>, _>>()?;
            if table.name == "deliveries" && rows.iter().any(|row| row[READER] == Value::Null) {
                let why = "a delivery has no reader; `ledger verify` says which";
                return Err(LedgerError::Damaged(why.to_owned()).into());
            }
            let parcel = Parcel(Some((table, rows)));
            to.send(parcel).await.map_err(|_| nobody_takes_it())?;
        }
        tx.batch_execute("CLOSE passing").await?;
    }
    Ok(to.send(Parcel(None)).await.map_err(|_| nobody_takes_it())?)
}

fn select(table: &Table) -> String {
    let Table { name, columns, .. } = table;
    if let Some((_, sql)) = OTHERWISE.iter().find(|(other, _)| other == name) {
        return (*sql).to_owned();
    }
    // The first columns name a row; the other kind of ledger sorts words by their bytes.
    let order = match *name {
        "attempts" => "issue, slot, fence, state COLLATE \"C\"",
        "consent" => "subscriber, number",
        "runs" => "issue, owner COLLATE \"C\"",
        "beginnings" => "lane COLLATE \"C\", number",
        "brakes" => "lane COLLATE \"C\"",
        "workers" => "name COLLATE \"C\"",
        "reports" => "number",
        "editions" | "orders" => "issue",
        _ => "id",
    };
    format!("SELECT {columns} FROM {name} ORDER BY {order}")
}

/// Takes in what another ledger carries out, and stays closed.
pub(super) async fn carry_in(
    tx: &Transaction<'_>,
    place: &str,
    mut from: mpsc::Receiver<Parcel>,
) -> Result<(), Fault> {
    unhurried(tx).await?;
    gate::reading(tx).await?;
    gate::list(tx).await?;
    gate::begins(tx).await?;
    tx.batch_execute(&format!("LOCK TABLE {HOLDS} IN SHARE ROW EXCLUSIVE MODE")).await?;
    make_room(tx, place).await?;
    loop {
        let Parcel(parcel) = from.recv().await.ok_or_else(broke_off)?;
        let Some((table, rows)) = parcel else { break };
        match table.name {
            "ledger" => name(tx, &rows).await?,
            "subscribers" => enrol(tx, rows).await?,
            "deliveries" => deliver(tx, rows).await?,
            _ => copy(tx, table.name, table.columns, &rows).await?,
        }
    }
    settle(tx).await?;
    stand(tx, &Standing::Arriving).await
}

/// Makes sure that nothing is there but what was cut off before.
async fn make_room(tx: &Transaction<'_>, place: &str) -> Result<(), Fault> {
    let is_arriving = match standing(tx).await? {
        Standing::Open => false,
        Standing::Arriving => true,
        Standing::Moved(_) => return Err(not_empty(place).into()),
    };
    for table in HOLDS.split(", ") {
        let sql = format!("SELECT EXISTS (SELECT FROM {table})");
        if !is_arriving && tx.query_one(&sql, &[]).await?.try_get(0)? {
            return Err(not_empty(place).into());
        }
    }
    stand(tx, &Standing::Open).await?;
    tx.batch_execute(&format!("TRUNCATE {HOLDS}")).await?;
    Ok(())
}

/// Becomes the ledger that is carried in.
async fn name(tx: &Transaction<'_>, rows: &[Row]) -> Result<(), Fault> {
    for row in rows {
        let sql = "UPDATE ledger SET id = $1, secret = $2, rollbacks = $3, enrolments = 1";
        ask::run(tx, sql, &[&row[0], &row[1], &row[3]]).await?;
        let sql = "UPDATE begins SET count = CASE place WHEN 0 THEN $1::bigint ELSE 0 END";
        ask::run(tx, sql, &[&row[2]]).await?;
    }
    Ok(())
}

/// Puts people on the list; whom the list file has was met by the latest reading of it.
async fn enrol(tx: &Transaction<'_>, mut rows: Vec<Row>) -> Result<(), Fault> {
    for row in &mut rows {
        let listed = row[LISTED].number().unwrap_or_default();
        row[LISTED] = Value::Number(i64::from(listed > 0));
        row.push(Value::Number(i64::from(listed == 1)));
        row.push(Value::Number(0));
    }
    let columns = "id, publication, address_key, address, token_id, name, tags, fields, state, \
                   from_file, own, paused_until, enrolment, line";
    copy(tx, "subscribers", columns, &rows).await
}

/// Writes deliveries and their readers. A lease is over: nobody sends while a ledger moves.
async fn deliver(tx: &Transaction<'_>, mut rows: Vec<Row>) -> Result<(), Fault> {
    let mut readers = Vec::with_capacity(rows.len());
    for row in &mut rows {
        let mut reader = vec![row[0].clone(), row[1].clone()];
        reader.extend(row.drain(READER..));
        readers.push(reader);
        let is_held = matches!(row[3].text(), Some("claimed" | "attempting"));
        row.push(if is_held { Value::Number(0) } else { Value::Null });
    }
    let columns = "issue, slot, subscriber, state, suppressed, fence, owner, begun, tries, \
                   first_at, began_at, retry_at, said, at, lease_end";
    copy(tx, "deliveries", columns, &rows).await?;
    let columns = "issue, slot, address_key, address, name, tags, fields";
    copy(tx, "readers", columns, &readers).await
}

async fn copy(tx: &Transaction<'_>, table: &str, columns: &str, rows: &[Row]) -> Result<(), Fault> {
    let like = tx.prepare_cached(&format!("SELECT {columns} FROM {table}")).await?;
    let types: Vec<Type> = like.columns().iter().map(|column| column.type_().clone()).collect();
    let sink = tx.copy_in(&format!("COPY {table} ({columns}) FROM STDIN BINARY")).await?;
    let writer = BinaryCopyInWriter::new(sink, &types);
    pin!(writer);
    for row in rows {
        writer.as_mut().write_raw(row).await?;
    }
    writer.finish().await?;
    Ok(())
}

/// Makes what only this kind of ledger keeps.
async fn settle(tx: &Transaction<'_>) -> Result<(), Fault> {
    tx.batch_execute(
        "INSERT INTO lists SELECT DISTINCT publication, 1 FROM subscribers WHERE from_file;
         INSERT INTO lanes SELECT DISTINCT lane FROM beginnings;
         INSERT INTO heads
             SELECT i.id, coalesce((SELECT min(d.slot) FROM deliveries d
                                    WHERE d.issue = i.id AND d.state = 'planned'), i.planned + 1)
             FROM issues i WHERE i.frozen_at IS NOT NULL;
         INSERT INTO claims (issue, owner, lease_end, slots)
             SELECT issue, coalesce(owner, ''), 0, array_agg(slot) FROM deliveries
             WHERE state IN ('claimed', 'attempting') GROUP BY issue, owner;
         SELECT setval(pg_get_serial_sequence('subscribers', 'id'), max(id)) FROM subscribers;
         SELECT setval(pg_get_serial_sequence('issues', 'id'), max(id)) FROM issues;
         SELECT setval(pg_get_serial_sequence('reports', 'number'), max(number)) FROM reports;
         ANALYZE subscribers; ANALYZE deliveries; ANALYZE readers",
    )
    .await?;
    Ok(())
}

type Wrong = Box<dyn Error + Sync + Send>;

impl<'a> FromSql<'a> for Value {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Wrong> {
        Ok(match *ty {
            Type::BOOL => Self::Number(bool::from_sql(ty, raw)?.into()),
            Type::INT4 => Self::Number(i32::from_sql(ty, raw)?.into()),
            Type::INT8 => Self::Number(i64::from_sql(ty, raw)?),
            Type::BYTEA => Self::Bytes(<&[u8]>::from_sql(ty, raw)?.to_vec()),
            _ => Self::Text(<&str>::from_sql(ty, raw)?.to_owned()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Wrong> {
        Ok(Self::Null)
    }

    fn accepts(ty: &Type) -> bool {
        [Type::BOOL, Type::INT4, Type::INT8, Type::BYTEA, Type::TEXT].contains(ty)
    }
}

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Wrong> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Number(number) => match *ty {
                Type::BOOL => (*number != 0).to_sql(ty, out),
                Type::INT4 => i32::try_from(*number)?.to_sql(ty, out),
                _ => number.to_sql(ty, out),
            },
            Self::Text(text) => text.to_sql(ty, out),
            Self::Bytes(bytes) => bytes.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        <Self as FromSql>::accepts(ty)
    }

    to_sql_checked!();
}
