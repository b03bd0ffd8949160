//! Taking list records: the order of files and rows never matters to who may be mailed, and suppression always wins.

use rusqlite::{Connection, params};

use super::{
    columns::{Micros, Word, fields_json, tags_json},
    fault::Fault,
    list::{self, Newcomer},
};
use crate::{
    ledger::{
        Enrol, Enrolled, Event, LedgerError, Record, Records,
        rules::{erased_key, everywhere, gravity, judged, merged, with_evidence},
    },
    model::{Subscriber, SubscriberState},
};

/// Takes `records` one by one; memory does not grow with them, but for those the report names.
pub(super) fn enrol(
    ledger: &Connection,
    now: Micros,
    order: &Enrol,
    records: Records,
) -> Result<Enrolled, Fault> {
    let number: i64 = ledger.query_row(
        "UPDATE ledger SET enrolments = enrolments + 1 RETURNING enrolments",
        [],
        |row| row.get(0),
    )?;
    if order.from_list_file {
        ledger.execute(
            "INSERT INTO lists (publication, enrolment) VALUES (?1, ?2)
             ON CONFLICT (publication) DO UPDATE SET enrolment = excluded.enrolment",
            (&order.publication, number),
        )?;
    }
    let mut enrolment = Enrolment {
        ledger,
        now,
        order,
        number,
        secret: list::secret(ledger)?,
        erased: list::is_anybody_erased(ledger)?,
        report: Enrolled::default(),
    };
    for record in records {
        let record = record.map_err(|why| {
            LedgerError::Refused(format!(
                "the list breaks off, and nothing was taken from it: {why}"
            ))
        })?;
        enrolment.take(&record)?;
    }
    Ok(enrolment.report)
}

struct Enrolment<'a> {
    ledger: &'a Connection,
    now: Micros,
    order: &'a Enrol,
    number: i64,
    secret: Vec<u8>,
    /// Whether anybody was ever erased, so that addresses are also looked for by their hash.
    erased: bool,
    report: Enrolled,
}

/// A person on the list, and when records met them last.
struct Known {
    person: Subscriber,
    from_file: bool,
    enrolment: i64,
    line: u64,
}

impl Enrolment<'_> {
    fn take(&mut self, record: &Record) -> Result<(), Fault> {
        self.report.read += 1;
        let taken = match self.find(record)? {
            (None, elsewhere) => self.add(record, elsewhere),
            (Some(known), _) if known.enrolment == self.number => self.repeat(&known, record),
            (Some(known), _) => self.meet(&known, record),
        };
        self.erased |= record.state == SubscriberState::Erased;
        taken
    }

    /// Finds who has this address, or what keeps a newcomer from being mailed: their mailbox bounced or complained in another publication.
    fn find(&self, record: &Record) -> Result<(Option<Known>, Option<SubscriberState>), Fault> {
        let key = record.address.key();
        match self.find_by_key(&key)? {
            (None, elsewhere) if self.erased => {
                let hash = erased_key(&self.secret, &key);
                Ok((self.find_by_key(&hash)?.0, elsewhere))
            }
            found => Ok(found),
        }
    }

    fn find_by_key(&self, key: &str) -> Result<(Option<Known>, Option<SubscriberState>), Fault> {
        let mut statement = self.ledger.prepare_cached(
            "SELECT id, token_id, address, name, tags, fields, state, from_file, enrolment, line,
                    publication = ?2
             FROM subscribers WHERE address_key = ?1",
        )?;
        let (mut known, mut elsewhere) = (None, None);
        let mut rows = statement.query((key, &self.order.publication))?;
        while let Some(row) = rows.next()? {
            if row.get(10)? {
                known = Some(Known {
                    person: list::person(row)?,
                    from_file: row.get(7)?,
                    enrolment: row.get(8)?,
                    line: row.get::<_, i64>(9)?.cast_unsigned(),
                });
            } else {
                let state = row.get::<_, Word<SubscriberState>>(6)?.0;
                elsewhere = elsewhere.or(Some(state).filter(|state| everywhere(*state)));
            }
        }
        Ok((known, elsewhere))
    }

    fn add(&mut self, record: &Record, elsewhere: Option<SubscriberState>) -> Result<(), Fault> {
        let elsewhere =
            elsewhere.filter(|_| !record.state.is_suppressed() && self.order.resubscribe.is_none());
        let newcomer = Newcomer {
            publication: &self.order.publication,
            address: &record.address,
            name: &record.name,
            tags: tags_json(&record.tags),
            fields: fields_json(&record.fields),
            state: elsewhere.unwrap_or(record.state),
            from_file: self.order.from_list_file,
            met: (self.number, record.line),
        };
        list::add(self.ledger, self.now, &newcomer, &self.event(record))?;
        if let Some(state) = elsewhere {
            self.report.suppressed.push((record.line, record.address.clone(), state));
        } else {
            self.report.added += 1;
            self.count(record.state);
        }
        Ok(())
    }

    /// A record of an address met before in this call: only suppression acts.
    fn repeat(&mut self, known: &Known, record: &Record) -> Result<(), Fault> {
        self.report.duplicates.push((record.line, record.address.clone(), known.line));
        if gravity(record.state) > gravity(known.person.state) {
            self.shift(&known.person, record.state, &self.event(record))?;
            self.count(record.state);
        }
        Ok(())
    }

    /// A record of somebody the list knew before.
    fn meet(&mut self, known: &Known, record: &Record) -> Result<(), Fault> {
        let person = &known.person;
        let revived = person.state.is_suppressed() && !record.state.is_suppressed();
        let Some(reason) = self.order.resubscribe.clone().filter(|_| revived) else {
            if revived {
                self.report.suppressed.push((record.line, record.address.clone(), person.state));
                return self.touch(person.id, record.line);
            }
            return self.update(known, record, judged(person.state, record.state));
        };
        if person.state == SubscriberState::Erased {
            list::restore(self.ledger, person.id, &record.address)?;
        }
        let source = self.order.event.source.clone();
        let event = Event { name: "resubscribe".to_owned(), source, detail: reason };
        self.shift(person, record.state, &with_evidence(&event, record))?;
        let person = list::find_by_id(self.ledger, person.id)?;
        self.rewrite(&merged(&person, record, self.is_its_own(known)))?;
        self.changed(known, record, record.state)
    }

    fn update(
        &mut self,
        known: &Known,
        record: &Record,
        state: SubscriberState,
    ) -> Result<(), Fault> {
        let after = merged(&known.person, record, self.is_its_own(known));
        let same = after == known.person;
        if same && state == known.person.state {
            self.report.unchanged += 1;
            self.keep_evidence(&known.person, record)?;
            return self.touch(known.person.id, record.line);
        }
        if !same {
            self.rewrite(&after)?;
        }
        if state == known.person.state {
            self.keep_evidence(&known.person, record)?;
        } else {
            self.shift(&known.person, state, &self.event(record))?;
        }
        self.changed(known, record, state)
    }

    fn changed(
        &mut self,
        known: &Known,
        record: &Record,
        state: SubscriberState,
    ) -> Result<(), Fault> {
        self.report.updated += 1;
        self.count(state);
        self.touch(known.person.id, record.line)
    }

    /// Returns what the consent log says of a record.
    fn event(&self, record: &Record) -> Event {
        with_evidence(&self.order.event, record)
    }

    /// Logs evidence of somebody whose state is as it was, unless the log has it.
    fn keep_evidence(&self, person: &Subscriber, record: &Record) -> Result<(), Fault> {
        if record.evidence.is_empty() || person.state.is_suppressed() {
            return Ok(());
        }
        list::log_once(self.ledger, self.now, person, &self.event(record))
    }

    /// Tells whether the record is the whole truth about somebody.
    fn is_its_own(&self, known: &Known) -> bool {
        known.from_file && self.order.from_list_file
    }

    fn shift(&self, person: &Subscriber, to: SubscriberState, event: &Event) -> Result<(), Fault> {
        list::shift(self.ledger, self.now, person, to, event)?;
        Ok(())
    }

    /// Notes that this enrolment met somebody. Who is imported or added stays when the list file drops them.
    fn touch(&self, id: i64, line: u64) -> Result<(), Fault> {
        self.ledger
            .prepare_cached(
                "UPDATE subscribers SET enrolment = ?2, line = ?3,
                    from_file = from_file AND (?4 OR state = 'erased') WHERE id = ?1",
            )?
            .execute((id, self.number, line.cast_signed(), self.order.from_list_file))?;
        Ok(())
    }

    fn rewrite(&self, after: &Subscriber) -> Result<(), Fault> {
        self.ledger
            .prepare_cached(
                "UPDATE subscribers SET name = ?2, tags = ?3, fields = ?4 WHERE id = ?1",
            )?
            .execute(params![
                after.id,
                after.name,
                tags_json(&after.tags),
                fields_json(&after.fields)
            ])?;
        Ok(())
    }

    fn count(&mut self, state: SubscriberState) {
        *self.report.by_state.entry(state.word()).or_default() += 1;
    }
}
