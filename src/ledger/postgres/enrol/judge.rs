//! Records that have to be judged one by one: of who changes, comes back, or has two lines. Nobody else changes the
//! list meanwhile.
//!
//! They come in pages. Who a page is about is read in one statement, each
//! record is judged here in its turn, and what came of it is written in a few.

use std::collections::HashMap;

use deadpool_postgres::Transaction;

use super::{
    PAGE, Reading,
    stage::{self, record},
};
use crate::{
    ledger::{
        Enrol, Enrolled, Event, Preferences, Record,
        postgres::{
            ask,
            columns::{Word, column, person, rows, text},
            fault::Fault,
            gate, list, preferences,
        },
        rules::{
            Micros, erased_key, everywhere, fields_json, gravity, judged, merged, shifted,
            tags_json, token, with_evidence,
        },
    },
    model::{Subscriber, SubscriberState},
};

/// Who judges a list.
pub(super) struct Judge<'a> {
    tx: &'a Transaction<'a>,
    now: Micros,
    order: &'a Enrol,
    number: i64,
    secret: Vec<u8>,
    /// Whether anybody was ever erased, so that addresses are also looked for by their hash.
    erased: bool,
    report: Enrolled,
    /// Who came to a state that asks for more than the row, in order; done once nobody begins beside us.
    settle: Vec<(i64, SubscriberState, Event)>,
}

/// A person on the list, and when records met them last.
struct Known {
    person: Subscriber,
    own: Preferences,
    key: String,
    from_file: bool,
    enrolment: i64,
    line: u64,
    due: Due,
}

/// What is to be written of somebody; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Nothing,
    /// That they were met.
    Note,
    /// Who they are.
    Rewrite,
    /// That they are there.
    Insert,
}

/// A line for somebody's history.
struct Remark {
    /// Their place on the page.
    place: usize,
    event: Event,
    state: SubscriberState,
    /// Whether it is not needed where the history says the same already.
    is_once: bool,
}

/// Who a page of records is about.
#[derive(Default)]
struct Page {
    people: Vec<Known>,
    /// Their places, by the key they are looked for.
    places: HashMap<String, usize>,
    /// What a mailbox is in other publications that holds in all.
    elsewhere: HashMap<String, SubscriberState>,
    remarks: Vec<Remark>,
    settle: Vec<(usize, SubscriberState, Event)>,
}

impl<'a> Judge<'a> {
    /// Takes over from a reading what is left of it.
    pub(super) fn of(reading: Reading<'a>) -> Self {
        let Reading { tx, order, now, number, secret, erased, report, .. } = reading;
        Self { tx, now, order, number, secret, erased, report, settle: Vec::new() }
    }

    /// Judges every record that was opened, in their order.
    pub(super) async fn all(mut self) -> Result<Enrolled, Fault> {
        let columns = stage::COLUMNS;
        self.tx
            .batch_execute(&format!(
                "DECLARE opening NO SCROLL CURSOR FOR
                 SELECT {columns} FROM reading r JOIN opened o ON o.number = r.number
                 ORDER BY r.number"
            ))
            .await?;
        let fetch = format!("FETCH {PAGE} FROM opening");
        loop {
            let page = self.tx.query(&fetch, &[]).await?;
            if page.is_empty() {
                break;
            }
            let records = page.iter().map(record).collect::<Result<Vec<_>, Fault>>()?;
            self.take(&records).await?;
        }
        self.tx.batch_execute("CLOSE opening").await?;
        self.close().await
    }

    async fn take(&mut self, records: &[Record]) -> Result<(), Fault> {
        self.erased |= records.iter().any(|record| record.state == SubscriberState::Erased);
        let mut page = self.open(records).await?;
        for record in records {
            let key = record.address.key();
            let place = page.places.get(&key).or_else(|| {
                let hash = self.erased.then(|| erased_key(&self.secret, &key))?;
                page.places.get(&hash)
            });
            match place.copied() {
                None => self.add(&mut page, record, key)?,
                Some(place) if page.people[place].enrolment == self.number => {
                    self.repeat(&mut page, place, record);
                }
                Some(place) => self.meet(&mut page, place, record),
            }
        }
        self.write(page).await
    }

    /// Reads who the records are about.
    async fn open(&self, records: &[Record]) -> Result<Page, Fault> {
        let mut keys: Vec<String> = records.iter().map(|record| record.address.key()).collect();
        if self.erased {
            let hashes = keys.iter().map(|key| erased_key(&self.secret, key)).collect::<Vec<_>>();
            keys.extend(hashes);
        }
        let found = ask::all(
            self.tx,
            "SELECT publication = $2, address_key, from_file, enrolment, line,
                    id, token_id, address, name, tags, fields, state, own, paused_until
             FROM subscribers WHERE address_key = ANY ($1)",
            &[&keys, &self.order.publication],
        )
        .await?;
        let mut page = Page::default();
        for row in found {
            let key: String = row.try_get(1)?;
            if row.try_get(0)? {
                page.places.insert(key.clone(), page.people.len());
                page.people.push(Known {
                    person: person(&row, 5)?,
                    own: preferences::read(&row, 12)?,
                    key,
                    from_file: row.try_get(2)?,
                    enrolment: row.try_get(3)?,
                    line: row.try_get::<_, i64>(4)?.cast_unsigned(),
                    due: Due::Nothing,
                });
            } else {
                let state = row.try_get::<_, Word<SubscriberState>>(11)?.0;
                if everywhere(state) {
                    page.elsewhere.entry(key).or_insert(state);
                }
            }
        }
        Ok(page)
    }

    /// Adds somebody; who bounced or complained in another publication enters as that.
    fn add(&mut self, page: &mut Page, record: &Record, key: String) -> Result<(), Fault> {
        let is_welcome = record.state.is_suppressed() || self.order.resubscribe.is_some();
        let elsewhere = page.elsewhere.get(&key).copied().filter(|_| !is_welcome);
        let state = elsewhere.unwrap_or(record.state);
        let place = page.people.len();
        page.places.insert(key.clone(), place);
        page.people.push(Known {
            person: Subscriber {
                id: 0,
                token_id: token()?,
                address: record.address.clone(),
                name: record.name.clone(),
                tags: record.tags.clone(),
                fields: record.fields.clone(),
                state,
            },
            own: Preferences::default(),
            key,
            from_file: self.order.from_list_file,
            enrolment: self.number,
            line: record.line,
            due: Due::Insert,
        });
        let event = with_evidence(&self.order.event, &record.evidence);
        page.settle.push((place, state, event.clone()));
        page.remarks.push(Remark { place, event, state, is_once: false });
        if let Some(state) = elsewhere {
            self.report.note_suppressed(record.line, record.address.clone(), state);
        } else {
            self.report.added += 1;
            self.count(record.state);
        }
        Ok(())
    }

    /// A record of an address met before in this call: only suppression acts.
    fn repeat(&mut self, page: &mut Page, place: usize, record: &Record) {
        let line = page.people[place].line;
        self.report.note_duplicate(record.line, record.address.clone(), line);
        if gravity(record.state) > gravity(page.people[place].person.state) {
            shift(page, place, record.state, with_evidence(&self.order.event, &record.evidence));
            self.count(record.state);
        }
    }

    /// A record of somebody the list knew before.
    fn meet(&mut self, page: &mut Page, place: usize, record: &Record) {
        let known = &mut page.people[place];
        let was = known.person.state;
        let is_revived = was.is_suppressed() && !record.state.is_suppressed();
        let is_its_own = known.from_file && self.order.from_list_file;
        let reason = self.order.resubscribe.clone().filter(|_| is_revived);
        if is_revived && reason.is_none() {
            self.report.note_suppressed(record.line, record.address.clone(), was);
            return self.touch(known, record.line);
        }
        if let Some(detail) = reason {
            if was == SubscriberState::Erased {
                known.person.address = record.address.clone();
                known.key = record.address.key();
            }
            let source = self.order.event.source.clone();
            let event = Event { name: "resubscribe".to_owned(), source, detail };
            shift(page, place, record.state, with_evidence(&event, &record.evidence));
            let known = &mut page.people[place];
            known.person = merged(&known.person, record, is_its_own, &known.own);
            known.due = known.due.max(Due::Rewrite);
            return self.changed(known, record.line, record.state);
        }
        let state = judged(was, record.state);
        let after = merged(&known.person, record, is_its_own, &known.own);
        let is_same = after == known.person;
        let event = with_evidence(&self.order.event, &record.evidence);
        // Evidence of somebody whose state is as it was is kept once.
        if state == was && !record.evidence.is_empty() && !was.is_suppressed() {
            let event = event.clone();
            page.remarks.push(Remark { place, event, state, is_once: true });
        }
        if is_same && state == was {
            self.report.unchanged += 1;
            return self.touch(known, record.line);
        }
        known.due = known.due.max(Due::Rewrite);
        known.person = after;
        shift(page, place, state, event);
        self.changed(&mut page.people[place], record.line, state);
    }

    fn changed(&mut self, known: &mut Known, line: u64, state: SubscriberState) {
        self.report.updated += 1;
        self.count(state);
        self.touch(known, line);
    }

    /// Notes that this enrolment met somebody. Who is imported or added stays when the list file drops them.
    fn touch(&self, known: &mut Known, line: u64) {
        known.enrolment = self.number;
        known.line = line;
        let is_erased = known.person.state == SubscriberState::Erased;
        known.from_file &= self.order.from_list_file || is_erased;
        known.due = known.due.max(Due::Note);
    }

    fn count(&mut self, state: SubscriberState) {
        *self.report.by_state.entry(state.word()).or_default() += 1;
    }

    /// Writes what came of a page.
    async fn write(&mut self, mut page: Page) -> Result<(), Fault> {
        number(self.tx, &mut page).await?;
        let people = |due: Due| page.people.iter().filter(move |known| known.due == due).collect();
        self.note(people(Due::Note)).await?;
        self.rewrite(people(Due::Rewrite)).await?;
        self.insert(people(Due::Insert)).await?;
        self.remark(&page).await?;
        for (place, state, event) in page.settle {
            if everywhere(state) || state == SubscriberState::Erased {
                self.settle.push((page.people[place].person.id, state, event));
            }
        }
        Ok(())
    }

    async fn insert(&self, people: Vec<&Known>) -> Result<(), Fault> {
        if people.is_empty() {
            return Ok(());
        }
        ask::run(
            self.tx,
            "INSERT INTO subscribers (id, publication, address_key, address, token_id, name, tags,
                                      fields, state, from_file, enrolment, line)
             SELECT id, $10::text, address_key, address, token_id, name, tags, fields, state,
                    $11::boolean, $12::bigint, line
             FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                         $7::text[], $8::text[], $9::bigint[])
                  AS n (id, address_key, address, token_id, name, tags, fields, state, line)",
            &[
                &column(&people, |known| known.person.id),
                &column(&people, |known| known.key.as_str()),
                &column(&people, |known| known.person.address.written()),
                &column(&people, |known| known.person.token_id.as_str()),
                &column(&people, |known| text(&known.person.name)),
                &column(&people, |known| tags_json(&known.person.tags)),
                &column(&people, |known| fields_json(&known.person.fields)),
                &column(&people, |known| known.person.state.word()),
                &column(&people, |known| known.line.cast_signed()),
                &self.order.publication,
                &self.order.from_list_file,
                &self.number,
            ],
        )
        .await?;
        Ok(())
    }

    async fn rewrite(&self, people: Vec<&Known>) -> Result<(), Fault> {
        if people.is_empty() {
            return Ok(());
        }
        ask::run(
            self.tx,
            "UPDATE subscribers s
             SET address_key = u.address_key, address = u.address, name = u.name, tags = u.tags,
                 fields = u.fields, state = u.state, from_file = u.from_file,
                 enrolment = $9, line = u.line
             FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                         $7::text[], $8::boolean[], $10::bigint[])
                  AS u (id, address_key, address, name, tags, fields, state, from_file, line)
             WHERE s.id = u.id",
            &[
                &column(&people, |known| known.person.id),
                &column(&people, |known| known.key.as_str()),
                &column(&people, |known| known.person.address.written()),
                &column(&people, |known| text(&known.person.name)),
                &column(&people, |known| tags_json(&known.person.tags)),
                &column(&people, |known| fields_json(&known.person.fields)),
                &column(&people, |known| known.person.state.word()),
                &column(&people, |known| known.from_file),
                &self.number,
                &column(&people, |known| known.line.cast_signed()),
            ],
        )
        .await?;
        Ok(())
    }

    /// Notes that people were met just as the list knew them.
    async fn note(&self, people: Vec<&Known>) -> Result<(), Fault> {
        if people.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = people.iter().map(|known| known.person.id).collect();
        let lines: Vec<i64> = people.iter().map(|known| known.line.cast_signed()).collect();
        let from_file: Vec<bool> = people.iter().map(|known| known.from_file).collect();
        ask::run(
            self.tx,
            "UPDATE subscribers s SET enrolment = $4, line = u.line, from_file = u.from_file
             FROM unnest($1::bigint[], $2::bigint[], $3::boolean[]) AS u (id, line, from_file)
             WHERE s.id = u.id",
            &[&ids, &lines, &from_file, &self.number],
        )
        .await?;
        Ok(())
    }

    /// Adds the page's lines to people's histories.
    async fn remark(&self, page: &Page) -> Result<(), Fault> {
        if page.remarks.is_empty() {
            return Ok(());
        }
        let mut before: HashMap<usize, i64> = HashMap::new();
        let mut nth = Vec::with_capacity(page.remarks.len());
        for remark in &page.remarks {
            let count = before.entry(remark.place).or_default();
            *count += 1;
            nth.push(*count);
        }
        ask::run(
            self.tx,
            "INSERT INTO consent (subscriber, number, at, event, source, detail, state)
             SELECT id, nth + (SELECT coalesce(max(number), 0) FROM consent WHERE subscriber = id),
                    $8::bigint, event, source, detail, state
             FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[],
                         $6::text[], $7::boolean[])
                  AS r (id, nth, event, source, detail, state, is_once)
             WHERE NOT is_once OR NOT EXISTS
                   (SELECT FROM consent c WHERE c.subscriber = r.id AND c.detail = r.detail)",
            &[
                &column(&page.remarks, |remark| page.people[remark.place].person.id),
                &nth,
                &column(&page.remarks, |remark| text(&remark.event.name)),
                &column(&page.remarks, |remark| text(&remark.event.source)),
                &column(&page.remarks, |remark| text(&remark.event.detail)),
                &column(&page.remarks, |remark| remark.state.word()),
                &column(&page.remarks, |remark| remark.is_once),
                &self.now,
            ],
        )
        .await?;
        Ok(())
    }

    /// Does what is left: from here on nobody begins until all of it is committed.
    async fn close(mut self) -> Result<Enrolled, Fault> {
        gate::begins(self.tx).await?;
        for (id, state, event) in &self.settle {
            list::settle(self.tx, self.now, *id, *state, event).await?;
        }
        self.report.suppressed.sort_by_key(|(line, ..)| *line);
        Ok(self.report)
    }
}

/// Gives newcomers their numbers.
async fn number(tx: &Transaction<'_>, page: &mut Page) -> Result<(), Fault> {
    let newcomers = || page.people.iter().filter(|known| known.due == Due::Insert);
    let sql = "SELECT nextval(pg_get_serial_sequence('subscribers', 'id'))
               FROM generate_series(1, $1::bigint)";
    let numbers = ask::all(tx, sql, &[&rows(newcomers().count())]).await?;
    let newcomers = page.people.iter_mut().filter(|known| known.due == Due::Insert);
    for (known, row) in newcomers.zip(numbers) {
        known.person.id = row.try_get(0)?;
    }
    Ok(())
}

/// Moves a known person, among states that say "never mail me" to the graver.
fn shift(page: &mut Page, place: usize, to: SubscriberState, event: Event) {
    let known = &mut page.people[place];
    if let Some(after) = shifted(known.person.state, to) {
        known.person.state = after;
        known.due = known.due.max(Due::Rewrite);
        // A blocked person's mailbox may die too, which other publications must know.
        page.settle.push((place, to, event.clone()));
        page.remarks.push(Remark { place, event, state: after, is_once: false });
    }
}
