//! People: found, moved, remembered and forgotten.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    columns::{At, Json, Mail, Micros, Word, tags_json},
    fault::Fault,
};
use crate::{
    ledger::{
        Event, Happening,
        rules::{erased_key, shifted, token},
    },
    model::{Address, Subscriber, SubscriberState},
};

/// Someone to be put on a list.
pub(super) struct Newcomer<'a> {
    pub(super) publication: &'a str,
    pub(super) address: &'a Address,
    pub(super) name: &'a str,
    pub(super) tags: String,
    pub(super) fields: String,
    pub(super) state: SubscriberState,
}

/// The columns `person` reads, of `subscribers s`.
macro_rules! person_columns {
    () => {
        "s.id, s.token_id, coalesce(s.address, s.address_key), s.name, s.tags, s.fields, s.state"
    };
}
pub(super) use person_columns;

/// What the log says of how a list brought a person, of `subscribers s` and `arrivals a`, as `rules::with_evidence` has it.
macro_rules! arrival_detail {
    () => {
        "a.detail || iif(a.detail <> '' AND s.evidence <> '', '; ', '') || coalesce(s.evidence, '')"
    };
}

/// Moves a person to `to`, or adds them there; returns what they were.
pub(super) fn move_subscriber(
    ledger: &Connection,
    now: Micros,
    publication: &str,
    address: &Address,
    to: SubscriberState,
    event: &Event,
) -> Result<Option<SubscriberState>, Fault> {
    let Some(person) = find(ledger, publication, address)? else {
        let newcomer = Newcomer {
            publication,
            address,
            name: "",
            tags: tags_json(&[]),
            fields: "{}".to_owned(),
            state: to,
        };
        add(ledger, now, &newcomer, event)?;
        return Ok(None);
    };
    if person.state == SubscriberState::Erased && !to.is_suppressed() {
        restore(ledger, person.id, address)?;
    }
    shift(ledger, now, (person.id, person.state), to, event)?;
    if !to.is_suppressed() {
        // Who was put there by name does not leave with a line of the file.
        ledger
            .prepare_cached("UPDATE subscribers SET from_file = 0 WHERE id = ?1")?
            .execute([person.id])?;
    }
    Ok(Some(person.state))
}

/// Adds a person and says in the log who brought them; returns their number.
fn add(
    ledger: &Connection,
    now: Micros,
    newcomer: &Newcomer<'_>,
    event: &Event,
) -> Result<i64, Fault> {
    let (key, token) = (newcomer.address.key(), token()?);
    let id = ledger
        .prepare_cached(
            "INSERT INTO subscribers (publication, address_key, address, token_id, name, tags,
                                      fields, state, from_file)
             VALUES (?1, ?2, nullif(?3, ?2), ?4, ?5, ?6, ?7, ?8, 0)",
        )?
        .insert(params![
            newcomer.publication,
            key,
            newcomer.address.written(),
            token,
            newcomer.name,
            newcomer.tags,
            newcomer.fields,
            newcomer.state.word(),
        ])?;
    ledger.prepare_cached("INSERT INTO addresses VALUES (?1, ?2, ?3)")?.execute((
        key,
        newcomer.publication,
        id,
    ))?;
    ledger.prepare_cached("INSERT INTO tokens VALUES (?1, ?2)")?.execute((token, id))?;
    write_log(ledger, now, (id, 1), event, newcomer.state)?;
    settle(ledger, now, id, newcomer.state, event)?;
    Ok(id)
}

/// Moves a known person and logs it; among states that say "never mail me" the graver stays. Returns what they are now.
pub(super) fn shift(
    ledger: &Connection,
    now: Micros,
    (id, was): (i64, SubscriberState),
    to: SubscriberState,
    event: &Event,
) -> Result<SubscriberState, Fault> {
    let Some(after) = shifted(was, to) else { return Ok(was) };
    ledger
        .prepare_cached("UPDATE subscribers SET state = ?2 WHERE id = ?1")?
        .execute((id, after.word()))?;
    log(ledger, now, id, event, after)?;
    // A blocked person's mailbox may die too, which other publications must know.
    settle(ledger, now, id, to, event)?;
    Ok(after)
}

/// Finds a person by address, an erased one by the hash that is left.
pub(super) fn find(
    ledger: &Connection,
    publication: &str,
    address: &Address,
) -> Result<Option<Subscriber>, Fault> {
    match find_by_key(ledger, publication, &address.key())? {
        None => find_by_key(ledger, publication, &erased_key(&secret(ledger)?, &address.key())),
        found => Ok(found),
    }
}

/// Finds a person by the id in their links.
pub(super) fn find_by_token(
    ledger: &Connection,
    publication: &str,
    token_id: &str,
) -> Result<Option<Subscriber>, Fault> {
    Ok(ledger
        .prepare_cached(concat!(
            "SELECT ",
            person_columns!(),
            " FROM tokens t JOIN subscribers s ON s.id = t.subscriber
                 WHERE t.token_id = ?1 AND s.publication = ?2"
        ))?
        .query_row((token_id, publication), person)
        .optional()?)
}

/// Returns the people whose keys follow `after`, in their order.
pub(super) fn page(
    ledger: &Connection,
    publication: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<Subscriber>, Fault> {
    let mut statement = ledger.prepare_cached(concat!(
        "SELECT ",
        person_columns!(),
        " FROM addresses a JOIN subscribers s ON s.id = a.subscriber
         WHERE a.address_key > ?2 AND a.publication = ?1 ORDER BY a.address_key LIMIT ?3"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let people = statement.query_map((publication, after, limit), person)?;
    Ok(people.collect::<Result<_, _>>()?)
}

/// Returns what happened to a person's consent, oldest first: how a list brought them, then their own log.
pub(super) fn history(
    ledger: &Connection,
    publication: &str,
    address: &Address,
) -> Result<Vec<Happening>, Fault> {
    let Some(person) = find(ledger, publication, address)? else { return Ok(Vec::new()) };
    let mut statement = ledger.prepare_cached(concat!(
        "SELECT a.at, a.event, a.source, ",
        arrival_detail!(),
        ", s.came_as, 0 FROM subscribers s JOIN arrivals a ON a.id = s.arrival WHERE s.id = ?1
         UNION ALL
         SELECT at, event, source, detail, state, number FROM consent WHERE subscriber = ?1
         ORDER BY 6"
    ))?;
    let happenings = statement.query_map([person.id], |row| {
        Ok(Happening {
            at: row.get::<_, At>(0)?.0,
            event: Event { name: row.get(1)?, source: row.get(2)?, detail: row.get(3)? },
            state: row.get::<_, Word<_>>(4)?.0,
        })
    })?;
    Ok(happenings.collect::<Result<_, _>>()?)
}

/// Reads `person_columns!`.
pub(super) fn person(row: &Row<'_>) -> rusqlite::Result<Subscriber> {
    person_from(row, 0)
}

/// Reads the same from the column `at` on.
pub(super) fn person_from(row: &Row<'_>, at: usize) -> rusqlite::Result<Subscriber> {
    Ok(Subscriber {
        id: row.get(at)?,
        token_id: row.get(at + 1)?,
        address: row.get::<_, Mail>(at + 2)?.0,
        name: row.get(at + 3)?,
        tags: row.get::<_, Json<_>>(at + 4)?.0,
        fields: row.get::<_, Json<_>>(at + 5)?.0,
        state: row.get::<_, Word<_>>(at + 6)?.0,
    })
}

/// Finds a person by number.
pub(super) fn find_by_id(ledger: &Connection, id: i64) -> Result<Subscriber, Fault> {
    Ok(ledger
        .prepare_cached(concat!(
            "SELECT ",
            person_columns!(),
            " FROM subscribers s WHERE s.id = ?1"
        ))?
        .query_row([id], person)?)
}

/// Returns the key of the hash of an erased person.
pub(super) fn secret(ledger: &Connection) -> Result<Vec<u8>, Fault> {
    Ok(ledger.prepare_cached("SELECT secret FROM ledger")?.query_row([], |row| row.get(0))?)
}

/// Tells whether anybody was erased from any list.
pub(super) fn is_anybody_erased(ledger: &Connection) -> Result<bool, Fault> {
    Ok(ledger
        .prepare_cached("SELECT 1 FROM subscribers WHERE state = 'erased' LIMIT 1")?
        .exists([])?)
}

/// Gives an erased person their address back, who came back of their own will.
pub(super) fn restore(ledger: &Connection, id: i64, address: &Address) -> Result<(), Fault> {
    move_to(ledger, id, &address.key(), address.written())
}

/// Gives a person another address.
fn move_to(ledger: &Connection, id: i64, key: &str, written: &str) -> Result<(), Fault> {
    ledger
        .prepare_cached(
            "DELETE FROM addresses WHERE (address_key, publication) =
                (SELECT address_key, publication FROM subscribers WHERE id = ?1)",
        )?
        .execute([id])?;
    ledger
        .prepare_cached(
            "UPDATE subscribers SET address_key = ?2, address = nullif(?3, ?2) WHERE id = ?1",
        )?
        .execute((id, key, written))?;
    ledger
        .prepare_cached(
            "INSERT INTO addresses SELECT address_key, publication, id FROM subscribers
             WHERE id = ?1",
        )?
        .execute([id])?;
    Ok(())
}

/// Does what going to a state asks for beyond the row.
pub(super) fn settle(
    ledger: &Connection,
    now: Micros,
    id: i64,
    state: SubscriberState,
    event: &Event,
) -> Result<(), Fault> {
    match state {
        SubscriberState::Bounced | SubscriberState::Complained => {
            spread(ledger, now, id, state, event)
        }
        SubscriberState::Erased => erase(ledger, now, id, event),
        _ => Ok(()),
    }
}

/// Suppresses the same mailbox in every other publication: it is dead, or does not want us, whoever writes.
fn spread(
    ledger: &Connection,
    now: Micros,
    id: i64,
    state: SubscriberState,
    event: &Event,
) -> Result<(), Fault> {
    let mut statement = ledger.prepare_cached(
        "UPDATE subscribers SET state = ?2
         WHERE id IN (SELECT subscriber FROM addresses
                      WHERE address_key = (SELECT address_key FROM subscribers WHERE id = ?1))
           AND id <> ?1 AND state IN ('active', 'pending') RETURNING id",
    )?;
    let others = statement.query_map((id, state.word()), |row| row.get(0))?;
    for other in others.collect::<Result<Vec<i64>, _>>()? {
        log(ledger, now, other, event, state)?;
    }
    Ok(())
}

/// Forgets a person but for a keyed hash, wherever this publication wrote of them.
fn erase(ledger: &Connection, now: Micros, id: i64, event: &Event) -> Result<(), Fault> {
    let (key, token_id): (String, String) = ledger
        .prepare_cached("SELECT address_key, token_id FROM subscribers WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let hash = erased_key(&secret(ledger)?, &key);
    let token = token()?;
    move_to(ledger, id, &hash, &hash)?;
    // They count as brought by a list file, so that they are on the list only while a file still names them.
    ledger
        .prepare_cached(
            "UPDATE subscribers SET token_id = ?2, name = '', tags = '[]', fields = '{}',
                from_file = 2, arrival = NULL, line = NULL, came_as = NULL,
                evidence = NULL, own = NULL, paused_until = NULL WHERE id = ?1",
        )?
        .execute((id, &token))?;
    ledger.prepare_cached("DELETE FROM tokens WHERE token_id = ?1")?.execute([token_id])?;
    ledger.prepare_cached("INSERT INTO tokens VALUES (?1, ?2)")?.execute((token, id))?;
    ledger.prepare_cached("DELETE FROM consent WHERE subscriber = ?1")?.execute([id])?;
    log(
        ledger,
        now,
        id,
        &Event { detail: String::new(), ..event.clone() },
        SubscriberState::Erased,
    )?;
    ledger.execute(
        "UPDATE former SET address_key = ?2, address = NULL, name = '', tags = '[]', fields = '{}'
         WHERE subscriber = ?1",
        (id, &hash),
    )?;
    // A relay's words often hold the address.
    ledger.execute(
        "UPDATE attempts SET said = ''
         WHERE (issue, slot) IN (SELECT issue, slot FROM deliveries WHERE subscriber = ?1)",
        [id],
    )?;
    ledger.execute("UPDATE deliveries SET said = '' WHERE subscriber = ?1", [id])?;
    ledger
        .execute("UPDATE reports SET said = '', address = ?2 WHERE subscriber = ?1", (id, &hash))?;
    Ok(())
}

/// Adds a line to a person's history that changes nothing, unless it says the same already.
pub(super) fn log_once(
    ledger: &Connection,
    now: Micros,
    (id, state): (i64, SubscriberState),
    event: &Event,
) -> Result<(), Fault> {
    let known = ledger
        .prepare_cached(concat!(
            "SELECT 1 FROM consent WHERE subscriber = ?1 AND detail = ?2
             UNION ALL
             SELECT 1 FROM subscribers s JOIN arrivals a ON a.id = s.arrival
             WHERE s.id = ?1 AND ",
            arrival_detail!(),
            " = ?2"
        ))?
        .exists((id, &event.detail))?;
    if known { Ok(()) } else { log(ledger, now, id, event, state) }
}

/// Adds a line to a person's history.
pub(super) fn log(
    ledger: &Connection,
    now: Micros,
    id: i64,
    event: &Event,
    state: SubscriberState,
) -> Result<(), Fault> {
    let number = ledger
        .prepare_cached("SELECT coalesce(max(number), 0) + 1 FROM consent WHERE subscriber = ?1")?
        .query_row([id], |row| row.get(0))?;
    write_log(ledger, now, (id, number), event, state)
}

fn write_log(
    ledger: &Connection,
    now: Micros,
    (id, number): (i64, i64),
    event: &Event,
    state: SubscriberState,
) -> Result<(), Fault> {
    ledger
        .prepare_cached(
            "INSERT INTO consent (subscriber, number, at, event, source, detail, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![id, number, now, event.name, event.source, event.detail, state.word()])?;
    Ok(())
}

fn find_by_key(
    ledger: &Connection,
    publication: &str,
    key: &str,
) -> Result<Option<Subscriber>, Fault> {
    Ok(ledger
        .prepare_cached(concat!(
            "SELECT ",
            person_columns!(),
            " FROM addresses a JOIN subscribers s ON s.id = a.subscriber
                 WHERE a.address_key = ?1 AND a.publication = ?2"
        ))?
        .query_row((key, publication), person)
        .optional()?)
}
