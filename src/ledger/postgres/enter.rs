//! What a sender tells the ledger: begins, outcomes, releases (rules D1 to D3).
//!
//! A group costs the same few statements however long it is: its rows are
//! locked and read in one, judged here in the order they were told, and
//! written back in one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use deadpool_postgres::Transaction;

use super::{
    ask,
    columns::{Word, column, text},
    fault::Fault,
    gate,
    issue::{look_from, reopen},
    list,
    migrate::PLACES,
};
use crate::{
    ledger::{
        Entered, Entry, Event, Ticket,
        rules::{Micros, barred, micros, reason_json},
    },
    model::{DeliveryState, IssueState, Outcome, SubscriberState},
};

/// Enters begins, outcomes and releases, in order.
pub(super) async fn enter(tx: &Transaction<'_>, entries: &[Entry]) -> Result<Vec<Entered>, Fault> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let mut group = Group::open(tx, entries).await?;
    let mut answers = Vec::with_capacity(entries.len());
    for entry in entries {
        answers.push(match entry {
            Entry::Begin(ticket) => group.begin(ticket),
            Entry::Record(ticket, outcome) => group.record(ticket, outcome).await?,
            Entry::Release(ticket) => group.release(ticket),
        });
    }
    group.close().await?;
    Ok(answers)
}

/// A delivery as it stands, while a group is judged.
struct Row {
    subscriber: i64,
    state: DeliveryState,
    fence: i64,
    lease_end: Option<Micros>,
    begun: i32,
    tries: i32,
    first_at: Option<Micros>,
    began_at: Option<Micros>,
    retry_at: Option<Micros>,
    suppressed: Option<String>,
    said: String,
    at: Micros,
    /// Whether a sender still holds it.
    is_held: bool,
    is_changed: bool,
    reader: SubscriberState,
    paused_until: Option<Micros>,
}

/// What the group needs to know of an issue.
struct Issue {
    slug: String,
    state: IssueState,
    expire_after: Micros,
}

/// An ending of an attempt, to be logged.
struct Ending {
    ticket: Ticket,
    state: DeliveryState,
    began_at: Micros,
    said: String,
}

struct Group<'a> {
    tx: &'a Transaction<'a>,
    now: Micros,
    rows: HashMap<(i64, i64), Row>,
    issues: BTreeMap<i64, Issue>,
    endings: Vec<Ending>,
    /// How many deliveries began, by issue.
    begun: BTreeMap<i64, i64>,
    /// The first slot of each issue that is planned again.
    planned: BTreeMap<i64, i64>,
    reopened: BTreeSet<i64>,
}

impl<'a> Group<'a> {
    /// Locks and reads what the entries are about.
    async fn open(tx: &'a Transaction<'a>, entries: &[Entry]) -> Result<Self, Fault> {
        let asked: BTreeSet<(i64, i64)> =
            entries.iter().map(ticket).map(|ticket| (ticket.issue, ticket.slot)).collect();
        let issues: BTreeSet<i64> = asked.iter().map(|(issue, _)| *issue).collect();
        let has_bounce = entries
            .iter()
            .any(|entry| matches!(entry, Entry::Record(_, Outcome::Rejected { hard: true, .. })));
        if has_bounce {
            // It takes somebody off the list.
            gate::list(tx).await?;
            gate::begins(tx).await?;
        }
        let now = gate::beside(tx, !has_bounce, issues).await?;
        let (of, slots): (Vec<i64>, Vec<i64>) = asked.into_iter().unzip();
        let found = ask::all(
            tx,
            "SELECT d.issue, d.slot, d.subscriber, d.state, d.fence, d.lease_end, d.begun, d.tries,
                    d.first_at, d.began_at, d.retry_at, d.suppressed, d.said, d.at, s.state,
                    i.slug, i.state, i.expire_after, s.paused_until
             FROM unnest($1::bigint[], $2::bigint[]) AS asked (issue, slot)
                  JOIN deliveries d ON d.issue = asked.issue AND d.slot = asked.slot
                  JOIN subscribers s ON s.id = d.subscriber
                  JOIN issues i ON i.id = d.issue
             ORDER BY d.issue, d.slot FOR UPDATE OF d",
            &[&of, &slots],
        )
        .await?;
        let mut group = Self {
            tx,
            now,
            rows: HashMap::with_capacity(found.len()),
            issues: BTreeMap::new(),
            endings: Vec::new(),
            begun: BTreeMap::new(),
            planned: BTreeMap::new(),
            reopened: BTreeSet::new(),
        };
        for row in &found {
            group.read(row)?;
        }
        Ok(group)
    }

    fn read(&mut self, row: &tokio_postgres::Row) -> Result<(), Fault> {
        let (issue, slot): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let delivery = Row {
            subscriber: row.try_get(2)?,
            state: row.try_get::<_, Word<_>>(3)?.0,
            fence: row.try_get(4)?,
            lease_end: row.try_get(5)?,
            begun: row.try_get(6)?,
            tries: row.try_get(7)?,
            first_at: row.try_get(8)?,
            began_at: row.try_get(9)?,
            retry_at: row.try_get(10)?,
            suppressed: row.try_get(11)?,
            said: row.try_get(12)?,
            at: row.try_get(13)?,
            is_held: true,
            is_changed: false,
            reader: row.try_get::<_, Word<_>>(14)?.0,
            paused_until: row.try_get(18)?,
        };
        self.rows.insert((issue, slot), delivery);
        if let std::collections::btree_map::Entry::Vacant(vacant) = self.issues.entry(issue) {
            vacant.insert(Issue {
                slug: row.try_get(15)?,
                state: row.try_get::<_, Word<_>>(16)?.0,
                expire_after: row.try_get::<_, Option<Micros>>(17)?.unwrap_or(Micros::MAX),
            });
        }
        Ok(())
    }

    /// Finds the row that a ticket is for, if it is still good.
    fn find(&mut self, ticket: &Ticket) -> Option<(&mut Row, &Issue)> {
        let row = self.rows.get_mut(&(ticket.issue, ticket.slot))?;
        let issue = self.issues.get(&ticket.issue)?;
        let is_good = row.fence == ticket.fence && row.tries.unsigned_abs() + 1 == ticket.attempt;
        is_good.then_some((row, issue))
    }

    /// Begins, where nothing has changed since the claim that forbids it (rule D2).
    fn begin(&mut self, ticket: &Ticket) -> Entered {
        let now = self.now;
        let Some((row, issue)) = self.find(ticket) else { return Entered::Refused };
        let is_theirs = row.state == DeliveryState::Claimed
            && row.lease_end.is_some_and(|end| end > now)
            && issue.state == IssueState::Sending;
        if !is_theirs {
            return Entered::Refused;
        }
        row.is_changed = true;
        row.said.clear();
        row.at = now;
        if let Some(reason) = barred(row.reader, row.paused_until, now) {
            row.state = DeliveryState::Suppressed;
            row.suppressed = Some(reason_json(&reason));
            row.retry_at = None;
            row.is_held = false;
            return Entered::Suppressed;
        }
        row.state = DeliveryState::Attempting;
        row.begun += 1;
        row.first_at = row.first_at.or(Some(now));
        row.began_at = Some(now);
        row.retry_at = None;
        *self.begun.entry(ticket.issue).or_default() += 1;
        Entered::Done
    }

    /// Records how an attempt ended, also when the evidence comes after the row was put in doubt (rule D3).
    async fn record(&mut self, ticket: &Ticket, outcome: &Outcome) -> Result<Entered, Fault> {
        let now = self.now;
        let open = self.find(ticket).and_then(|(row, issue)| {
            let is_open = matches!(row.state, DeliveryState::Attempting | DeliveryState::InDoubt);
            Some((row.began_at.filter(|_| is_open)?, row, issue))
        });
        let Some((began_at, row, issue)) = open else { return self.already(ticket, outcome).await };
        // An erased person's address does not come back with a relay's words.
        let said = match row.reader {
            SubscriberState::Erased => String::new(),
            _ => text(outcome.said()),
        };
        let (state, retry_at) = after(row, issue, now, outcome);
        let counted = !matches!(outcome, Outcome::Deferred { counted: false, .. });
        let aged = counted || row.tries > 0;
        row.is_changed = true;
        row.is_held = false;
        row.state = state;
        row.said.clone_from(&said);
        row.at = now;
        row.retry_at = retry_at;
        if !aged {
            row.first_at = None;
        }
        if state != DeliveryState::InDoubt {
            row.began_at = None;
        }
        if matches!(outcome, Outcome::Deferred { .. }) && counted {
            row.tries += 1;
        }
        let person = row.subscriber;
        // The word may come late, after another sender finished the issue with this reader in doubt.
        let is_to_reopen = state == DeliveryState::Deferred && issue.state == IssueState::Finished;
        let slug = issue.slug.clone();
        if is_to_reopen {
            self.reopened.insert(ticket.issue);
        }
        self.endings.push(Ending { ticket: *ticket, state: outcome.state(), began_at, said });
        if let Outcome::Rejected { said, hard: true } = outcome {
            self.bounce(person, slug, said).await?;
        }
        Ok(Entered::Done)
    }

    /// Answers a record that changes nothing: it was told before and the answer was lost, or it is stale.
    async fn already(&self, ticket: &Ticket, outcome: &Outcome) -> Result<Entered, Fault> {
        let is_now = |ending: &Ending| ending.ticket == *ticket && ending.state == outcome.state();
        let told = self.endings.iter().any(is_now) || {
            let Ticket { issue, slot, fence, attempt } = *ticket;
            let sql = "SELECT 1 FROM attempts WHERE issue = $1 AND slot = $2 AND fence = $3
                       AND state = $4 AND attempt = $5";
            let given: ask::Given<'_> =
                &[&issue, &slot, &fence, &outcome.state().word(), &attempt.cast_signed()];
            ask::any(self.tx, sql, given).await?.is_some()
        };
        Ok(if told { Entered::Done } else { Entered::Refused })
    }

    /// Suppresses the reader of a dead address, in the same transaction.
    async fn bounce(&mut self, person: i64, source: String, said: &str) -> Result<(), Fault> {
        let event = Event { name: "bounce".to_owned(), source, detail: said.to_owned() };
        let reader = list::find_by_id(self.tx, person).await?;
        let mut moved =
            list::shift(self.tx, self.now, &reader, SubscriberState::Bounced, &event).await?;
        moved.push(person);
        let state = list::find_by_id(self.tx, person).await?.state;
        for row in self.rows.values_mut().filter(|row| moved.contains(&row.subscriber)) {
            row.reader = state;
        }
        Ok(())
    }

    /// Takes a claim back unused, also one that was begun and of whose message nothing left.
    fn release(&mut self, ticket: &Ticket) -> Entered {
        let now = self.now;
        let Some((row, issue)) = self.find(ticket) else { return Entered::Refused };
        row.state = match row.state {
            DeliveryState::Claimed if row.retry_at.is_some() => DeliveryState::Deferred,
            DeliveryState::Claimed => DeliveryState::Planned,
            // A begin undone: it never was one of the reader's attempts.
            DeliveryState::Attempting => {
                row.begun -= 1;
                row.began_at = None;
                row.first_at = row.first_at.filter(|_| row.tries > 0);
                match issue.state {
                    IssueState::Cancelled => DeliveryState::Cancelled,
                    _ => DeliveryState::Planned,
                }
            }
            _ => return Entered::Refused,
        };
        row.is_changed = true;
        row.is_held = false;
        row.at = now;
        if row.state == DeliveryState::Planned {
            let first = self.planned.entry(ticket.issue).or_insert(ticket.slot);
            *first = ticket.slot.min(*first);
        }
        Entered::Done
    }

    /// Writes everything that changed.
    async fn close(self) -> Result<(), Fault> {
        // The endings first: whose attempts they were is still written in the rows.
        self.write_endings().await?;
        self.write_rows().await?;
        let begun: i64 = self.begun.values().sum();
        if begun > 0 {
            // Once for a whole group (rule D12), in a place that other senders seldom write.
            let sql = "UPDATE begins SET count = count + $1 WHERE place = pg_backend_pid() % $2";
            ask::run(self.tx, sql, &[&begun, &i32::from(PLACES)]).await?;
        }
        for issue in self.begun.keys() {
            let sql = "UPDATE issues SET started_at = $2 WHERE id = $1 AND started_at IS NULL";
            ask::run(self.tx, sql, &[issue, &self.now]).await?;
        }
        for (issue, slot) in &self.planned {
            look_from(self.tx, *issue, *slot).await?;
        }
        for issue in &self.reopened {
            reopen(self.tx, *issue).await?;
        }
        Ok(())
    }

    async fn write_rows(&self) -> Result<(), Fault> {
        let mut changed: Vec<_> = self.rows.iter().filter(|(_, row)| row.is_changed).collect();
        if changed.is_empty() {
            return Ok(());
        }
        changed.sort_by_key(|(place, _)| **place);
        ask::run(
            self.tx,
            "UPDATE deliveries d
             SET state = u.state, suppressed = u.suppressed, begun = u.begun, tries = u.tries,
                 first_at = u.first_at, began_at = u.began_at, retry_at = u.retry_at,
                 said = u.said, at = u.at,
                 owner = CASE WHEN u.is_held THEN d.owner END,
                 lease_end = CASE WHEN u.is_held THEN d.lease_end END
             FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::integer[],
                         $6::integer[], $7::bigint[], $8::bigint[], $9::bigint[], $10::text[],
                         $11::bigint[], $12::boolean[])
                  AS u (issue, slot, state, suppressed, begun, tries, first_at, began_at, retry_at,
                        said, at, is_held)
             WHERE d.issue = u.issue AND d.slot = u.slot",
            &[
                &column(&changed, |(place, _)| place.0),
                &column(&changed, |(place, _)| place.1),
                &column(&changed, |(_, row)| row.state.word()),
                &column(&changed, |(_, row)| row.suppressed.as_deref()),
                &column(&changed, |(_, row)| row.begun),
                &column(&changed, |(_, row)| row.tries),
                &column(&changed, |(_, row)| row.first_at),
                &column(&changed, |(_, row)| row.began_at),
                &column(&changed, |(_, row)| row.retry_at),
                &column(&changed, |(_, row)| row.said.as_str()),
                &column(&changed, |(_, row)| row.at),
                &column(&changed, |(_, row)| row.is_held),
            ],
        )
        .await?;
        Ok(())
    }

    async fn write_endings(&self) -> Result<(), Fault> {
        if self.endings.is_empty() {
            return Ok(());
        }
        ask::run(
            self.tx,
            "INSERT INTO attempts
                 (issue, slot, fence, state, attempt, began_at, said, ended_at, relay)
             SELECT issue, slot, fence, state, attempt, began_at, said, $8::bigint,
                    CASE WHEN state = 'in_doubt' THEN
                        (SELECT r.relay
                         FROM deliveries d JOIN runs r ON r.issue = d.issue AND r.owner = d.owner
                         WHERE d.issue = e.issue AND d.slot = e.slot) END
             FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::integer[],
                         $6::bigint[], $7::text[])
                  AS e (issue, slot, fence, state, attempt, began_at, said)
             ON CONFLICT DO NOTHING",
            &[
                &column(&self.endings, |ending| ending.ticket.issue),
                &column(&self.endings, |ending| ending.ticket.slot),
                &column(&self.endings, |ending| ending.ticket.fence),
                &column(&self.endings, |ending| ending.state.word()),
                &column(&self.endings, |ending| ending.ticket.attempt.cast_signed()),
                &column(&self.endings, |ending| ending.began_at),
                &column(&self.endings, |ending| ending.said.as_str()),
                &self.now,
            ],
        )
        .await?;
        Ok(())
    }
}

/// Returns a row's state after an outcome, and when it is tried again: no later than it expires, so that nobody waits for a try that will not be made.
fn after(
    row: &Row,
    issue: &Issue,
    now: Micros,
    outcome: &Outcome,
) -> (DeliveryState, Option<Micros>) {
    let Outcome::Deferred { wait, counted, .. } = outcome else { return (outcome.state(), None) };
    let aging = *counted || row.tries > 0;
    let end = match row.first_at {
        Some(first) if aging => first.saturating_add(issue.expire_after),
        _ => Micros::MAX,
    };
    match issue.state {
        IssueState::Cancelled => (DeliveryState::Cancelled, None),
        _ if end <= now => (DeliveryState::Expired, None),
        _ => (DeliveryState::Deferred, Some(now.saturating_add(micros(*wait)).min(end))),
    }
}

fn ticket(entry: &Entry) -> &Ticket {
    match entry {
        Entry::Begin(ticket) | Entry::Record(ticket, _) | Entry::Release(ticket) => ticket,
    }
}
