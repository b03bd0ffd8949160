//! Taking list records: the order of files and rows never matters to who may be mailed, and suppression always wins.

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::{
    ahead::ahead,
    columns::{Micros, Word, fields_json, tags_json},
    fault::Fault,
    list,
    newcomers::Newcomers,
    preferences,
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
    // Whom this call has met, and on which line: of a list of any length, in a file that is gone with the connection.
    ledger.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS met (id INTEGER PRIMARY KEY, line INTEGER NOT NULL);
         DELETE FROM temp.met",
    )?;
    let mut enrolment = Enrolment {
        ledger,
        order,
        now,
        secret: list::secret(ledger)?,
        erased: list::is_anybody_erased(ledger)?,
        next: None,
        meet: ledger.prepare_cached("INSERT OR IGNORE INTO temp.met VALUES (?1, ?2)")?,
        newcomers: Newcomers::open(ledger, now, order)?,
        report: Enrolled::default(),
    };
    for record in ahead(records) {
        let record = record.map_err(|why| {
            LedgerError::Refused(format!(
                "the list breaks off, and nothing was taken from it: {why}"
            ))
        })?;
        enrolment.take(&record)?;
    }
    enrolment.close()
}

struct Enrolment<'a> {
    ledger: &'a Connection,
    order: &'a Enrol,
    now: Micros,
    secret: Vec<u8>,
    /// Whether anybody was ever erased, so that addresses are also looked for by their hash.
    erased: bool,
    /// Who came after the person met last: mostly the next, since a list is mostly read in the order it was read before.
    next: Option<i64>,
    meet: CachedStatement<'a>,
    newcomers: Newcomers<'a>,
    report: Enrolled,
}

/// A person the ledger knew before this call, as the columns have them.
struct Known {
    id: i64,
    name: String,
    tags: String,
    fields: String,
    state: SubscriberState,
    from_file: FromFile,
}

/// Whether a list file brought somebody, and has them still.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FromFile {
    No,
    Here,
    Gone,
}

/// What the ledger knew of an address.
enum Found {
    /// The person.
    Known(Known),
    /// Nobody here; in another publication the mailbox may have bounced or complained.
    Nobody(Option<SubscriberState>),
}

/// What `known` reads, of `subscribers s`.
macro_rules! known_columns {
    () => {
        "s.id, s.name, s.tags, s.fields, s.state, s.from_file"
    };
}

impl Enrolment<'_> {
    fn take(&mut self, record: &Record) -> Result<(), Fault> {
        self.report.read += 1;
        let key = record.address.key();
        match self.find(&key)? {
            Found::Nobody(elsewhere) => self.newcomers.add(record, &key, elsewhere),
            Found::Known(known) => {
                self.next = Some(known.id + 1);
                if self.meet.execute((known.id, record.line.cast_signed()))? == 0 {
                    self.repeat(&known, record)
                } else {
                    self.meet(&known, record)
                }
            }
        }
    }

    /// Finds who has this address, an erased person by the hash that is left.
    fn find(&self, key: &str) -> Result<Found, Fault> {
        if self.newcomers.is_nobody_known() {
            return Ok(Found::Nobody(None));
        }
        if let Some(known) = self.find_next(key)? {
            return Ok(Found::Known(known));
        }
        match self.find_by_key(key)? {
            Found::Nobody(elsewhere) if self.erased => {
                Ok(match self.find_by_key(&erased_key(&self.secret, key))? {
                    Found::Nobody(_) => Found::Nobody(elsewhere),
                    known @ Found::Known(_) => known,
                })
            }
            found => Ok(found),
        }
    }

    fn find_next(&self, key: &str) -> Result<Option<Known>, Fault> {
        let Some(next) = self.next else { return Ok(None) };
        let found = self
            .ledger
            .prepare_cached(concat!(
                "SELECT ",
                known_columns!(),
                " FROM subscribers s WHERE s.id = ?1 AND s.address_key = ?2 AND s.publication = ?3
                    AND s.id < ?4"
            ))?
            .query_row((next, key, &self.order.publication, self.newcomers.first()), known)
            .optional()?;
        Ok(found)
    }

    fn find_by_key(&self, key: &str) -> Result<Found, Fault> {
        let mut statement = self.ledger.prepare_cached(concat!(
            "SELECT ",
            known_columns!(),
            ", a.publication = ?2 FROM addresses a JOIN subscribers s ON s.id = a.subscriber
             WHERE a.address_key = ?1"
        ))?;
        let mut elsewhere = None;
        let mut rows = statement.query((key, &self.order.publication))?;
        while let Some(row) = rows.next()? {
            let known = known(row)?;
            if row.get(6)? {
                return Ok(Found::Known(known));
            }
            elsewhere = elsewhere.or(Some(known.state).filter(|state| everywhere(*state)));
        }
        Ok(Found::Nobody(elsewhere))
    }

    /// A record of somebody met before in this call: only suppression acts.
    fn repeat(&mut self, known: &Known, record: &Record) -> Result<(), Fault> {
        let first: i64 = self
            .ledger
            .prepare_cached("SELECT line FROM temp.met WHERE id = ?1")?
            .query_row([known.id], |row| row.get(0))?;
        self.report.note_duplicate(record.line, record.address.clone(), first.cast_unsigned());
        if gravity(record.state) > gravity(known.state) {
            self.shift(known, record.state, &self.event(record))?;
            self.count(record.state);
            self.touch(known, true)?;
        }
        Ok(())
    }

    /// A record of somebody the list knew before.
    fn meet(&mut self, known: &Known, record: &Record) -> Result<(), Fault> {
        let revived = known.state.is_suppressed() && !record.state.is_suppressed();
        let Some(reason) = self.order.resubscribe.clone().filter(|_| revived) else {
            if revived {
                self.report.note_suppressed(record.line, record.address.clone(), known.state);
                return self.touch(known, false);
            }
            return self.update(known, record, judged(known.state, record.state));
        };
        if known.state == SubscriberState::Erased {
            list::restore(self.ledger, known.id, &record.address)?;
        }
        let source = self.order.event.source.clone();
        let event = Event { name: "resubscribe".to_owned(), source, detail: reason };
        self.shift(known, record.state, &with_evidence(&event, &record.evidence))?;
        self.rewrite(known, record)?;
        self.changed(known, record.state)
    }

    fn update(
        &mut self,
        known: &Known,
        record: &Record,
        state: SubscriberState,
    ) -> Result<(), Fault> {
        let says_the_same = known.name == record.name
            && known.tags == tags_json(&record.tags)
            && known.fields == fields_json(&record.fields);
        let same = says_the_same || !self.rewrite(known, record)?;
        if same && state == known.state {
            self.report.unchanged += 1;
            self.keep_evidence(known, record)?;
            return self.touch(known, false);
        }
        if state == known.state {
            self.keep_evidence(known, record)?;
        } else {
            self.shift(known, state, &self.event(record))?;
        }
        self.changed(known, state)
    }

    /// Returns what the consent log says of a record.
    fn event(&self, record: &Record) -> Event {
        with_evidence(&self.order.event, &record.evidence)
    }

    /// Logs evidence of somebody whose state is as it was, unless the log has it.
    fn keep_evidence(&self, known: &Known, record: &Record) -> Result<(), Fault> {
        if record.evidence.is_empty() || known.state.is_suppressed() {
            return Ok(());
        }
        let person = (known.id, known.state);
        list::log_once(self.ledger, self.now, person, &self.event(record))
    }

    fn changed(&mut self, known: &Known, state: SubscriberState) -> Result<(), Fault> {
        self.report.updated += 1;
        self.count(state);
        self.touch(known, true)
    }

    fn shift(&mut self, known: &Known, to: SubscriberState, event: &Event) -> Result<(), Fault> {
        list::shift(self.ledger, self.now, (known.id, known.state), to, event)?;
        self.erased |= to == SubscriberState::Erased;
        Ok(())
    }

    /// Notes whether the list file has somebody it brought. Who is imported or added stays when it drops them.
    fn touch(&self, known: &Known, is_changed: bool) -> Result<(), Fault> {
        let sql = match (self.order.from_list_file, known.from_file) {
            (true, FromFile::No | FromFile::Here) if !is_changed => return Ok(()),
            (true, _) => "UPDATE subscribers SET from_file = 1 WHERE id = ?1 AND from_file = 2",
            (false, FromFile::No) => return Ok(()),
            (false, _) => {
                "UPDATE subscribers SET from_file = 0 WHERE id = ?1 AND state <> 'erased'"
            }
        };
        self.ledger.prepare_cached(sql)?.execute([known.id])?;
        Ok(())
    }

    /// Writes down what a record says of somebody; tells whether that is anything new.
    fn rewrite(&self, known: &Known, record: &Record) -> Result<bool, Fault> {
        let is_its_own = known.from_file != FromFile::No && self.order.from_list_file;
        let before = list::find_by_id(self.ledger, known.id)?;
        let own = preferences::of(self.ledger, known.id)?;
        let after = merged(&before, record, is_its_own, &own);
        if after == before {
            return Ok(false);
        }
        let Subscriber { name, tags, fields, .. } = after;
        self.ledger
            .prepare_cached(
                "UPDATE subscribers SET name = ?2, tags = ?3, fields = ?4 WHERE id = ?1",
            )?
            .execute(params![known.id, name, tags_json(&tags), fields_json(&fields)])?;
        Ok(true)
    }

    fn count(&mut self, state: SubscriberState) {
        *self.report.by_state.entry(state.word()).or_default() += 1;
    }

    /// Puts the newcomers on the list, takes those off whom the list file no longer has, and reports.
    fn close(mut self) -> Result<Enrolled, Fault> {
        if self.order.from_list_file {
            self.ledger.execute(
                "UPDATE subscribers SET from_file = 2
                 WHERE publication = ?1 AND from_file = 1 AND id < ?2
                   AND NOT EXISTS (SELECT 1 FROM temp.met WHERE met.id = subscribers.id)",
                (&self.order.publication, self.newcomers.first()),
            )?;
        }
        self.newcomers.settle(&mut self.report)?;
        self.report.duplicates.sort_by_key(|(line, ..)| *line);
        self.report.suppressed.sort_by_key(|(line, ..)| *line);
        self.ledger.execute("DELETE FROM temp.met", [])?;
        Ok(self.report)
    }
}

fn known(row: &Row<'_>) -> rusqlite::Result<Known> {
    Ok(Known {
        id: row.get(0)?,
        name: row.get(1)?,
        tags: row.get(2)?,
        fields: row.get(3)?,
        state: row.get::<_, Word<_>>(4)?.0,
        from_file: match row.get(5)? {
            0 => FromFile::No,
            1 => FromFile::Here,
            _ => FromFile::Gone,
        },
    })
}
