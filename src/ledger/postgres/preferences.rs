//! What readers say of themselves, and the publications that one mailbox gets.

use deadpool_postgres::{GenericClient, Transaction};
use jiff::Timestamp;
use tokio_postgres::Row;

use super::{
    ask,
    columns::{At, Json, text},
    fault::Fault,
    gate, list,
};
use crate::{
    ledger::{
        Event, Happening, Preferences,
        rules::{fields_json, is_undone_by, own_json},
    },
    model::{Address, SubscriberState},
};

/// Keeps what a reader says, and logs that they said it.
pub(super) async fn prefer(
    tx: &Transaction<'_>,
    publication: &str,
    token_id: &str,
    said: &Preferences,
    event: &Event,
) -> Result<bool, Fault> {
    gate::list(tx).await?;
    // Who is told that nothing comes for a month must not get what began beside it.
    let now = gate::begins(tx).await?;
    let reader = list::find_by_token(tx, publication, token_id).await?;
    let Some(reader) = reader.filter(|reader| !reader.state.is_suppressed()) else {
        return Ok(false);
    };
    let reader = said.over(reader);
    ask::run(
        tx,
        "UPDATE subscribers SET name = $2, fields = $3, own = $4, paused_until = $5 WHERE id = $1",
        &[
            &reader.id,
            &text(&reader.name),
            &fields_json(&reader.fields),
            &own_json(said),
            &said.paused_until.map(Timestamp::as_microsecond),
        ],
    )
    .await?;
    list::log(tx, now, &[reader.id], event, reader.state).await?;
    Ok(true)
}

/// Returns what the reader said.
pub(super) async fn preferences<C: GenericClient>(
    ledger: &C,
    publication: &str,
    token_id: &str,
) -> Result<Preferences, Fault> {
    let sql = "SELECT own, paused_until FROM subscribers WHERE token_id = $1 AND publication = $2";
    let found = ask::any(ledger, sql, &[&text(token_id), &publication]).await?;
    found.as_ref().map_or_else(|| Ok(Preferences::default()), |row| read(row, 0))
}

/// Reads the columns `own` and `paused_until`, from the column `at` on.
pub(super) fn read(row: &Row, at: usize) -> Result<Preferences, Fault> {
    let own: Option<Json<Preferences>> = row.try_get(at)?;
    let paused_until = row.try_get::<_, Option<At>>(at + 1)?.map(|at| at.0);
    Ok(Preferences { paused_until, ..own.map(|own| own.0).unwrap_or_default() })
}

/// Returns the publications in which a mailbox may be mailed, or has yet to confirm.
pub(super) async fn publications<C: GenericClient>(
    ledger: &C,
    address: &Address,
) -> Result<Vec<String>, Fault> {
    let sql = "SELECT publication FROM subscribers
               WHERE address_key = $1 AND state IN ('active', 'pending') ORDER BY publication";
    let found = ask::all(ledger, sql, &[&address.key()]).await?;
    found.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Lets somebody leave every publication.
pub(super) async fn leave_all(
    tx: &Transaction<'_>,
    address: &Address,
    event: &Event,
) -> Result<u64, Fault> {
    gate::list(tx).await?;
    gate::begins(tx).await?;
    let mut left = 0;
    for publication in publications(tx, address).await? {
        let to = SubscriberState::Unsubscribed;
        list::move_subscriber(tx, &publication, address, to, event).await?;
        left += 1;
    }
    Ok(left)
}

/// Brings somebody back to whatever they left by one act.
pub(super) async fn take_back(
    tx: &Transaction<'_>,
    address: &Address,
    left: &Happening,
    event: &Event,
) -> Result<u64, Fault> {
    gate::list(tx).await?;
    gate::begins(tx).await?;
    let sql = "SELECT publication FROM subscribers
               WHERE address_key = $1 AND state = 'unsubscribed' ORDER BY publication";
    let mut back = 0;
    for row in ask::all(tx, sql, &[&address.key()]).await? {
        let publication: String = row.try_get(0)?;
        if is_undone_by(&list::history(tx, &publication, address).await?, left) {
            let to = SubscriberState::Active;
            list::move_subscriber(tx, &publication, address, to, event).await?;
            back += 1;
        }
    }
    Ok(back)
}
