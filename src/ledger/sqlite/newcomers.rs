//! Newcomers of a list: written down as they are read, and put on the list sorted by address, so that a million of them touch each page of the index once.
//!
//! Until then a row has no entry in `addresses` and is nobody. Of rows with one
//! address the first is the person; the others go again, as duplicates.

use std::collections::BTreeMap;

use rusqlite::{CachedStatement, Connection, params};

use super::{
    columns::{Mail, Micros, Word, fields_json, tags_json},
    fault::Fault,
    list,
};
use crate::{
    ledger::{
        Enrol, Enrolled, Record,
        rules::{Tokens, everywhere, gravity, with_evidence},
    },
    model::{Address, SubscriberState},
};

/// Those of one call.
pub(super) struct Newcomers<'a> {
    ledger: &'a Connection,
    now: Micros,
    order: &'a Enrol,
    /// Their numbers are `first..next`.
    first: i64,
    next: i64,
    arrival: Option<i64>,
    write: CachedStatement<'a>,
    tokens: Tokens,
    /// Those whose mailbox bounced or complained in another publication, though their record does not say so.
    elsewhere: BTreeMap<i64, Address>,
}

/// One that is on the list now.
struct Person {
    id: i64,
    key: String,
    line: u64,
    state: SubscriberState,
}

impl<'a> Newcomers<'a> {
    /// Begins where the numbers of those end whom the ledger knows.
    pub(super) fn open(
        ledger: &'a Connection,
        now: Micros,
        order: &'a Enrol,
    ) -> Result<Self, Fault> {
        let first =
            ledger.query_row("SELECT coalesce(max(id), 0) + 1 FROM subscribers", [], |row| {
                row.get(0)
            })?;
        let write = ledger.prepare_cached(
            "INSERT INTO subscribers (id, publication, address_key, address, token_id, name, tags,
                                      fields, state, from_file, arrival, line, came_as, evidence)
             VALUES (?1, ?2, ?3, nullif(?4, ?3), ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?9,
                     nullif(?13, ''))",
        )?;
        let (tokens, elsewhere) = (Tokens::default(), BTreeMap::new());
        Ok(Self { ledger, now, order, first, next: first, arrival: None, write, tokens, elsewhere })
    }

    /// Returns the number that everybody the ledger knew before is below.
    pub(super) fn first(&self) -> i64 {
        self.first
    }

    /// Tells whether there was nobody in the ledger before.
    pub(super) fn is_nobody_known(&self) -> bool {
        self.first == 1
    }

    /// Writes a newcomer down. `elsewhere` is what keeps them from being mailed: what their mailbox did in another publication.
    pub(super) fn add(
        &mut self,
        record: &Record,
        key: &str,
        elsewhere: Option<SubscriberState>,
    ) -> Result<(), Fault> {
        let elsewhere =
            elsewhere.filter(|_| !record.state.is_suppressed() && self.order.resubscribe.is_none());
        if elsewhere.is_some() {
            self.elsewhere.insert(self.next, record.address.clone());
        }
        let arrival = match self.arrival {
            Some(arrival) => arrival,
            None => self.arrive()?,
        };
        self.write.execute(params![
            self.next,
            self.order.publication,
            key,
            record.address.written(),
            self.tokens.draw()?,
            record.name,
            tags_json(&record.tags),
            fields_json(&record.fields),
            elsewhere.unwrap_or(record.state).word(),
            self.order.from_list_file,
            arrival,
            record.line.cast_signed(),
            record.evidence,
        ])?;
        self.next += 1;
        Ok(())
    }

    /// Says once what is the beginning of everybody's history.
    fn arrive(&mut self) -> Result<i64, Fault> {
        let event = &self.order.event;
        let arrival = self
            .ledger
            .prepare_cached(
                "INSERT INTO arrivals (at, event, source, detail) VALUES (?1, ?2, ?3, ?4)",
            )?
            .insert((self.now, &event.name, &event.source, &event.detail))?;
        self.arrival = Some(arrival);
        Ok(arrival)
    }

    /// Puts them on the list in the order of their addresses, and reports who they are.
    pub(super) fn settle(mut self, report: &mut Enrolled) -> Result<(), Fault> {
        if self.next == self.first {
            return Ok(());
        }
        let mut sorted = self.ledger.prepare_cached(
            "SELECT address_key, id, line, state FROM subscribers WHERE id >= ?1 ORDER BY 1, 2",
        )?;
        let mut enter = self.ledger.prepare_cached("INSERT INTO addresses VALUES (?1, ?2, ?3)")?;
        let mut rows = sorted.query([self.first])?;
        let mut before: Option<Person> = None;
        while let Some(row) = rows.next()? {
            let (id, key) = (row.get(1)?, row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?);
            let line = row.get::<_, i64>(2)?.cast_unsigned();
            let state = row.get::<_, Word<SubscriberState>>(3)?.0;
            if let Some(person) = before.as_mut().filter(|person| person.key == key) {
                self.repeat(person, (id, line, state), report)?;
                continue;
            }
            enter.execute((key, &self.order.publication, id))?;
            if let Some(address) = self.elsewhere.remove(&id) {
                report.note_suppressed(line, address, state);
            } else {
                report.added += 1;
                count(report, state);
                self.enter_state(id, state)?;
            }
            match &mut before {
                // Its text is written over: a million of them are no million allocations.
                Some(person) => {
                    person.key.clear();
                    person.key.push_str(key);
                    (person.id, person.line, person.state) = (id, line, state);
                }
                None => before = Some(Person { id, key: key.to_owned(), line, state }),
            }
        }
        drop(rows);
        // Who is erased got another id for their links, and has it entered.
        self.ledger.execute(
            "INSERT INTO tokens SELECT token_id, id FROM subscribers
             WHERE id >= ?1 AND state <> 'erased' ORDER BY 1",
            [self.first],
        )?;
        Ok(())
    }

    /// Does what being in a state asks for beyond the row.
    fn enter_state(&self, id: i64, state: SubscriberState) -> Result<(), Fault> {
        if everywhere(state) || state == SubscriberState::Erased {
            list::settle(self.ledger, self.now, id, state, &self.order.event)?;
        }
        if state == SubscriberState::Erased && self.order.from_list_file {
            // The list file names them at this moment.
            self.ledger.execute("UPDATE subscribers SET from_file = 1 WHERE id = ?1", [id])?;
        }
        Ok(())
    }

    /// A row whose address another has: only suppression acts.
    fn repeat(
        &mut self,
        person: &mut Person,
        (id, line, state): (i64, u64, SubscriberState),
        report: &mut Enrolled,
    ) -> Result<(), Fault> {
        let (address, evidence): (Address, Option<String>) = self
            .ledger
            .prepare_cached(
                "DELETE FROM subscribers WHERE id = ?1
                 RETURNING coalesce(address, address_key), evidence",
            )?
            .query_row([id], |row| Ok((row.get::<_, Mail>(0)?.0, row.get(1)?)))?;
        report.note_duplicate(line, address, person.line);
        let is_its_own = self.elsewhere.remove(&id).is_none();
        if is_its_own && gravity(state) > gravity(person.state) {
            let was = (person.id, person.state);
            let event = with_evidence(&self.order.event, evidence.as_deref().unwrap_or_default());
            person.state = list::shift(self.ledger, self.now, was, state, &event)?;
            count(report, state);
            if person.state == SubscriberState::Erased && self.order.from_list_file {
                self.ledger
                    .execute("UPDATE subscribers SET from_file = 1 WHERE id = ?1", [person.id])?;
            }
        }
        Ok(())
    }
}

fn count(report: &mut Enrolled, state: SubscriberState) {
    *report.by_state.entry(state.word()).or_default() += 1;
}
