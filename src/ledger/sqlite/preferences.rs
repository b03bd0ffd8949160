//! What readers say of themselves, and the publications that one mailbox gets.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{
    columns::{At, Json, Micros, fields_json},
    fault::Fault,
    list,
};
use crate::{
    ledger::{
        Event, Happening, Preferences,
        rules::{is_undone_by, own_json},
    },
    model::{Address, Subscriber, SubscriberState},
};

/// Keeps what a reader says, and logs that they said it.
pub(super) fn prefer(
    ledger: &Connection,
    now: Micros,
    publication: &str,
    token_id: &str,
    said: &Preferences,
    event: &Event,
) -> Result<bool, Fault> {
    let reader = list::find_by_token(ledger, publication, token_id)?;
    let Some(reader) = reader.filter(|reader| !reader.state.is_suppressed()) else {
        return Ok(false);
    };
    let Subscriber { id, state, name, fields, .. } = said.over(reader);
    ledger
        .prepare_cached(
            "UPDATE subscribers SET name = ?2, fields = ?3, own = ?4, paused_until = ?5
             WHERE id = ?1",
        )?
        .execute(params![
            id,
            name,
            fields_json(&fields),
            own_json(said),
            said.paused_until.map(Timestamp::as_microsecond),
        ])?;
    list::log(ledger, now, id, event, state)?;
    Ok(true)
}

/// Returns what the reader said.
pub(super) fn preferences(
    ledger: &Connection,
    publication: &str,
    token_id: &str,
) -> Result<Preferences, Fault> {
    match list::find_by_token(ledger, publication, token_id)? {
        None => Ok(Preferences::default()),
        Some(reader) => of(ledger, reader.id),
    }
}

/// Returns what somebody said, by their number.
pub(super) fn of(ledger: &Connection, id: i64) -> Result<Preferences, Fault> {
    let mut said =
        ledger.prepare_cached("SELECT own, paused_until FROM subscribers WHERE id = ?1")?;
    Ok(said.query_row([id], |row| {
        let own: Option<Json<Preferences>> = row.get(0)?;
        let paused_until = row.get::<_, Option<At>>(1)?.map(|at| at.0);
        Ok(Preferences { paused_until, ..own.map(|own| own.0).unwrap_or_default() })
    })?)
}

/// Returns the publications in which a mailbox may be mailed, or has yet to confirm.
pub(super) fn publications(ledger: &Connection, address: &Address) -> Result<Vec<String>, Fault> {
    let mut found = ledger.prepare_cached(
        "SELECT a.publication FROM addresses a JOIN subscribers s ON s.id = a.subscriber
         WHERE a.address_key = ?1 AND s.state IN ('active', 'pending') ORDER BY 1",
    )?;
    let found = found.query_map([address.key()], |row| row.get(0))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Lets somebody leave every publication.
pub(super) fn leave_all(
    ledger: &Connection,
    now: Micros,
    address: &Address,
    event: &Event,
) -> Result<u64, Fault> {
    let mut left = 0;
    for publication in publications(ledger, address)? {
        let to = SubscriberState::Unsubscribed;
        list::move_subscriber(ledger, now, &publication, address, to, event)?;
        left += 1;
    }
    Ok(left)
}

/// Brings somebody back to whatever they left by one act.
pub(super) fn take_back(
    ledger: &Connection,
    now: Micros,
    address: &Address,
    left: &Happening,
    event: &Event,
) -> Result<u64, Fault> {
    let mut found = ledger.prepare_cached(
        "SELECT a.publication FROM addresses a JOIN subscribers s ON s.id = a.subscriber
         WHERE a.address_key = ?1 AND s.state = 'unsubscribed' ORDER BY 1",
    )?;
    let found = found.query_map([address.key()], |row| row.get(0))?;
    let found: Vec<String> = found.collect::<Result<_, _>>()?;
    let mut back = 0;
    for publication in found {
        if is_undone_by(&list::history(ledger, &publication, address)?, left) {
            let to = SubscriberState::Active;
            list::move_subscriber(ledger, now, &publication, address, to, event)?;
            back += 1;
        }
    }
    Ok(back)
}
