//! People: found, moved, remembered and forgotten.

use deadpool_postgres::{GenericClient, Transaction};

use super::{
    ask,
    columns::{At, Word, person, rows, text},
    fault::Fault,
    gate,
};
use crate::{
    ledger::{
        Event, Happening, LedgerError,
        rules::{Micros, erased_key, everywhere, shifted, token},
    },
    model::{Address, Subscriber, SubscriberState},
};

/// Moves a person to `to`, or adds them there; returns what they were.
pub(super) async fn move_subscriber(
    tx: &Transaction<'_>,
    publication: &str,
    address: &Address,
    to: SubscriberState,
    event: &Event,
) -> Result<Option<SubscriberState>, Fault> {
    if to == SubscriberState::Erased {
        // A list that is being read may be about to write them down again, and an issue that is being frozen too.
        gate::reading(tx).await?;
    }
    gate::list(tx).await?;
    let now = gate::begins(tx).await?;
    let Some(person) = find(tx, publication, address).await? else {
        add(tx, now, publication, address, to, event).await?;
        return Ok(None);
    };
    if person.state == SubscriberState::Erased && !to.is_suppressed() {
        restore(tx, person.id, address).await?;
    }
    shift(tx, now, &person, to, event).await?;
    if !to.is_suppressed() {
        // Who was put there by name does not leave with a line of the file.
        ask::run(tx, "UPDATE subscribers SET from_file = false WHERE id = $1", &[&person.id])
            .await?;
    }
    Ok(Some(person.state))
}

/// Adds a person by their own or somebody's word.
async fn add(
    tx: &Transaction<'_>,
    now: Micros,
    publication: &str,
    address: &Address,
    state: SubscriberState,
    event: &Event,
) -> Result<(), Fault> {
    // Everybody else who has something to say waits behind us.
    tx.batch_execute("SET LOCAL lock_timeout = '500ms'").await?;
    let row = ask::one(
        tx,
        "INSERT INTO subscribers (publication, address_key, address, token_id, name, tags,
                                  fields, state, from_file, enrolment, line)
         VALUES ($1, $2, $3, $4, '', '[]', '{}', $5, false, 0, 0) RETURNING id",
        &[&publication, &address.key(), &address.written(), &token()?, &state.word()],
    )
    .await
    .map_err(being_read)?;
    let id = row.try_get(0)?;
    log(tx, now, &[id], event, state).await?;
    settle(tx, now, id, state, event).await?;
    Ok(())
}

/// Says why somebody cannot be added at once, who is not there yet.
fn being_read(fault: Fault) -> Fault {
    match fault.error {
        LedgerError::Busy(_) if !fault.is_undone => {
            LedgerError::Busy("a list that names them is being read".to_owned()).into()
        }
        _ => fault,
    }
}

/// Moves a known person and logs it; among states that say "never mail me" the graver stays. Returns whom else it moved: the same mailbox in other publications.
pub(super) async fn shift(
    tx: &Transaction<'_>,
    now: Micros,
    person: &Subscriber,
    to: SubscriberState,
    event: &Event,
) -> Result<Vec<i64>, Fault> {
    let Some(after) = shifted(person.state, to) else { return Ok(Vec::new()) };
    ask::run(tx, "UPDATE subscribers SET state = $2 WHERE id = $1", &[&person.id, &after.word()])
        .await?;
    log(tx, now, &[person.id], event, after).await?;
    // A blocked person's mailbox may die too, which other publications must know.
    settle(tx, now, person.id, to, event).await
}

/// Does what going to a state asks for beyond the row; returns whom else it moved.
pub(super) async fn settle(
    tx: &Transaction<'_>,
    now: Micros,
    id: i64,
    state: SubscriberState,
    event: &Event,
) -> Result<Vec<i64>, Fault> {
    if everywhere(state) {
        return spread(tx, now, id, state, event).await;
    }
    if state == SubscriberState::Erased {
        erase(tx, now, id, event).await?;
    }
    Ok(Vec::new())
}

/// Suppresses the same mailbox in every other publication: it is dead, or does not want us, whoever writes.
async fn spread(
    tx: &Transaction<'_>,
    now: Micros,
    id: i64,
    state: SubscriberState,
    event: &Event,
) -> Result<Vec<i64>, Fault> {
    let others = ask::all(
        tx,
        "UPDATE subscribers SET state = $2
         WHERE address_key = (SELECT address_key FROM subscribers WHERE id = $1)
           AND id <> $1 AND state IN ('active', 'pending') RETURNING id",
        &[&id, &state.word()],
    )
    .await?;
    let others = others.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
    log(tx, now, &others, event, state).await?;
    Ok(others)
}

/// Forgets a person but for a keyed hash, wherever this publication wrote of them.
async fn erase(tx: &Transaction<'_>, now: Micros, id: i64, event: &Event) -> Result<(), Fault> {
    let row = ask::one(tx, "SELECT address_key FROM subscribers WHERE id = $1", &[&id]).await?;
    let hash = erased_key(&secret(tx).await?, row.try_get(0)?);
    // They count as brought by a list file, so that they are on the list only while a file still names them.
    ask::run(
        tx,
        "UPDATE subscribers SET address_key = $2, address = $2, token_id = $3, name = '',
            tags = '[]', fields = '{}', from_file = true, own = NULL, paused_until = NULL
         WHERE id = $1",
        &[&id, &hash, &token()?],
    )
    .await?;
    ask::run(tx, "DELETE FROM consent WHERE subscriber = $1", &[&id]).await?;
    let event = Event { detail: String::new(), ..event.clone() };
    log(tx, now, &[id], &event, SubscriberState::Erased).await?;
    ask::run(
        tx,
        "UPDATE readers r SET address_key = $2, address = $2, name = '', tags = '[]', fields = '{}'
         FROM deliveries d WHERE d.subscriber = $1 AND r.issue = d.issue AND r.slot = d.slot",
        &[&id, &hash],
    )
    .await?;
    // A relay's words often hold the address.
    ask::run(
        tx,
        "UPDATE attempts a SET said = ''
         FROM deliveries d WHERE d.subscriber = $1 AND a.issue = d.issue AND a.slot = d.slot",
        &[&id],
    )
    .await?;
    ask::run(tx, "UPDATE deliveries SET said = '' WHERE subscriber = $1", &[&id]).await?;
    let sql = "UPDATE reports SET said = '', address = $2 WHERE subscriber = $1";
    ask::run(tx, sql, &[&id, &hash]).await?;
    Ok(())
}

/// Gives an erased person their address back, who came back of their own will.
pub(super) async fn restore(tx: &Transaction<'_>, id: i64, address: &Address) -> Result<(), Fault> {
    ask::run(
        tx,
        "UPDATE subscribers SET address = $2, address_key = $3 WHERE id = $1",
        &[&id, &address.written(), &address.key()],
    )
    .await?;
    Ok(())
}

/// Adds the same line to the history of each.
pub(super) async fn log(
    tx: &Transaction<'_>,
    now: Micros,
    ids: &[i64],
    event: &Event,
    state: SubscriberState,
) -> Result<(), Fault> {
    if ids.is_empty() {
        return Ok(());
    }
    let Event { name, source, detail } = event;
    ask::run(
        tx,
        "INSERT INTO consent (subscriber, number, at, event, source, detail, state)
         SELECT id, (SELECT coalesce(max(number), 0) + 1 FROM consent WHERE subscriber = id),
                $2::bigint, $3::text, $4::text, $5::text, $6::text
         FROM unnest($1::bigint[]) AS moved (id)",
        &[&ids, &now, &text(name), &text(source), &text(detail), &state.word()],
    )
    .await?;
    Ok(())
}

/// Finds a person by address, an erased one by the hash that is left.
pub(super) async fn find<C: GenericClient>(
    ledger: &C,
    publication: &str,
    address: &Address,
) -> Result<Option<Subscriber>, Fault> {
    match find_by_key(ledger, publication, &address.key()).await? {
        None => {
            let hash = erased_key(&secret(ledger).await?, &address.key());
            find_by_key(ledger, publication, &hash).await
        }
        found => Ok(found),
    }
}

async fn find_by_key<C: GenericClient>(
    ledger: &C,
    publication: &str,
    key: &str,
) -> Result<Option<Subscriber>, Fault> {
    let sql = "SELECT id, token_id, address, name, tags, fields, state FROM subscribers
               WHERE address_key = $1 AND publication = $2";
    ask::any(ledger, sql, &[&key, &publication]).await?.map(|row| person(&row, 0)).transpose()
}

/// Finds a person by number.
pub(super) async fn find_by_id<C: GenericClient>(ledger: &C, id: i64) -> Result<Subscriber, Fault> {
    let sql = "SELECT id, token_id, address, name, tags, fields, state FROM subscribers
               WHERE id = $1";
    person(&ask::one(ledger, sql, &[&id]).await?, 0)
}

/// Finds a person by the id in their links.
pub(super) async fn find_by_token<C: GenericClient>(
    ledger: &C,
    publication: &str,
    token_id: &str,
) -> Result<Option<Subscriber>, Fault> {
    let sql = "SELECT id, token_id, address, name, tags, fields, state FROM subscribers
               WHERE token_id = $1 AND publication = $2";
    let found = ask::any(ledger, sql, &[&text(token_id), &publication]).await?;
    found.map(|row| person(&row, 0)).transpose()
}

/// Returns the people whose keys follow `after`, in their order.
pub(super) async fn page<C: GenericClient>(
    ledger: &C,
    publication: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<Subscriber>, Fault> {
    let sql = "SELECT id, token_id, address, name, tags, fields, state FROM subscribers
               WHERE address_key > $2 AND publication = $1 ORDER BY address_key LIMIT $3";
    let people = ask::all(ledger, sql, &[&publication, &text(after), &rows(limit)]).await?;
    people.iter().map(|row| person(row, 0)).collect()
}

/// Returns what happened to a person's consent, oldest first.
pub(super) async fn history<C: GenericClient>(
    ledger: &C,
    publication: &str,
    address: &Address,
) -> Result<Vec<Happening>, Fault> {
    let Some(person) = find(ledger, publication, address).await? else { return Ok(Vec::new()) };
    let sql = "SELECT at, event, source, detail, state FROM consent WHERE subscriber = $1
               ORDER BY number";
    let happenings = ask::all(ledger, sql, &[&person.id]).await?;
    let happening = |row: &tokio_postgres::Row| -> Result<Happening, Fault> {
        Ok(Happening {
            at: row.try_get::<_, At>(0)?.0,
            event: Event {
                name: row.try_get(1)?,
                source: row.try_get(2)?,
                detail: row.try_get(3)?,
            },
            state: row.try_get::<_, Word<_>>(4)?.0,
        })
    };
    happenings.iter().map(happening).collect()
}

/// Returns the key of the hash of an erased person.
pub(super) async fn secret<C: GenericClient>(ledger: &C) -> Result<Vec<u8>, Fault> {
    Ok(ask::one(ledger, "SELECT secret FROM ledger", &[]).await?.try_get(0)?)
}

/// Tells whether anybody was erased from any list.
pub(super) async fn is_anybody_erased<C: GenericClient>(ledger: &C) -> Result<bool, Fault> {
    let sql = "SELECT EXISTS (SELECT FROM subscribers WHERE state = 'erased')";
    Ok(ask::one(ledger, sql, &[]).await?.try_get(0)?)
}
