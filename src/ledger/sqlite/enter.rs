//! What a sender tells the ledger: begins, outcomes, releases (rules D1 to D3).

use std::collections::BTreeMap;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::{
    columns::{Micros, Word, micros, reason_json},
    counts::Counts,
    fault::Fault,
    list,
    run::{give_back, reopen},
};
use crate::{
    ledger::{Entered, Entry, Event, Ticket, rules::barred},
    model::{DeliveryState, IssueState, Outcome, SubscriberState},
};

/// Everything that may have changed since the claim, in the one statement that begins (rule D2).
pub(super) const BEGIN: &str = "
    UPDATE deliveries
    SET state = 'attempting', begun = begun + 1, first_at = coalesce(first_at, ?5),
        began_at = ?5, retry_at = NULL, said = '', at = ?5
    WHERE issue = ?1 AND slot = ?2 AND fence = ?3 AND tries + 1 = ?4
      AND state = 'claimed' AND lease_end > ?5
      AND (SELECT state FROM issues WHERE id = ?1) = 'sending'
      AND (SELECT state = 'active' AND coalesce(paused_until, 0) <= ?5
           FROM subscribers WHERE id = subscriber)";

/// Enters begins, outcomes and releases, in order.
pub(super) fn enter(
    ledger: &Connection,
    now: Micros,
    entries: &[Entry],
) -> Result<Vec<Entered>, Fault> {
    let mut pens = Pens::take_up(ledger)?;
    let mut begun = BTreeMap::new();
    let mut answers = Vec::with_capacity(entries.len());
    let mut counts = Counts::default();
    for entry in entries {
        answers.push(match entry {
            Entry::Begin(ticket) => {
                let answer = begin(ledger, now, ticket, (&mut pens, &mut counts))?;
                if answer == Entered::Done {
                    *begun.entry(ticket.issue).or_default() += 1;
                }
                answer
            }
            Entry::Record(ticket, outcome) => {
                record(ledger, now, ticket, outcome, (&mut pens, &mut counts))?
            }
            Entry::Release(ticket) => release(ledger, now, ticket, &mut counts)?,
        });
    }
    for (issue, count) in begun {
        count_begins(ledger, now, issue, count)?;
    }
    counts.write(ledger)?;
    Ok(answers)
}

/// Counts begins once for a whole group, of all publications and of the issue's (rule D12), and notes an issue's first.
fn count_begins(ledger: &Connection, now: Micros, issue: i64, count: i64) -> Result<(), Fault> {
    ledger.prepare_cached("UPDATE ledger SET begins = begins + ?1")?.execute([count])?;
    ledger
        .prepare_cached(
            "INSERT INTO begins SELECT publication, ?2 FROM issues WHERE id = ?1
             ON CONFLICT DO UPDATE SET count = count + excluded.count",
        )?
        .execute((issue, count))?;
    ledger
        .prepare_cached("UPDATE issues SET started_at = ?2 WHERE id = ?1 AND started_at IS NULL")?
        .execute((issue, now))?;
    Ok(())
}

/// The statements that each message needs, found once for a whole group.
struct Pens<'l> {
    begin: CachedStatement<'l>,
    find: CachedStatement<'l>,
    log: CachedStatement<'l>,
    end: CachedStatement<'l>,
}

impl<'l> Pens<'l> {
    fn take_up(ledger: &'l Connection) -> Result<Self, Fault> {
        Ok(Self {
            begin: ledger.prepare_cached(BEGIN)?,
            find: ledger.prepare_cached(FIND)?,
            log: ledger.prepare_cached(LOG)?,
            end: ledger.prepare_cached(END)?,
        })
    }
}

/// Finds the attempt a ticket made, while its row is attempting or in doubt.
const FIND: &str = "
    SELECT d.tries, d.first_at, d.began_at, s.state, i.state, coalesce(i.expire_after, ?5), d.state
    FROM deliveries d JOIN subscribers s ON s.id = d.subscriber JOIN issues i ON i.id = d.issue
    WHERE d.issue = ?1 AND d.slot = ?2 AND d.fence = ?3 AND d.tries + 1 = ?4
      AND d.state IN ('attempting', 'in_doubt') AND d.began_at IS NOT NULL";

/// Adds an attempt's ending to the log, with its relay where nobody knows how it ended.
const LOG: &str = "
    INSERT OR IGNORE INTO attempts
        (issue, slot, fence, state, attempt, began_at, ended_at, said, relay)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, CASE WHEN ?4 = 'in_doubt' THEN
        (SELECT r.relay
         FROM deliveries d JOIN runs r ON r.issue = d.issue AND r.owner = d.owner
         WHERE d.issue = ?1 AND d.slot = ?2) END)";

/// Writes how an attempt ended.
const END: &str = "
    UPDATE deliveries
    SET state = ?3, said = ?4, at = ?5, retry_at = ?6,
        tries = tries + ?7, first_at = iif(?8, first_at, NULL),
        began_at = iif(?3 = 'in_doubt', began_at, NULL), owner = NULL, lease_end = NULL
    WHERE issue = ?1 AND slot = ?2";

/// An attempt whose outcome is open.
struct Attempt {
    state: DeliveryState,
    tries: u32,
    first_at: Micros,
    began_at: Micros,
    reader: SubscriberState,
    issue: IssueState,
    expire_after: Micros,
}

/// Writes the begin, guarded by everything that may have changed since the claim (rule D2).
fn begin(
    ledger: &Connection,
    now: Micros,
    ticket: &Ticket,
    (pens, counts): (&mut Pens<'_>, &mut Counts),
) -> Result<Entered, Fault> {
    let Ticket { issue, slot, fence, attempt } = *ticket;
    let begun = pens.begin.execute((issue, slot, fence, attempt, now))?;
    if begun == 0 { refuse(ledger, now, ticket, counts) } else { Ok(Entered::Done) }
}

/// Says why a begin was not written: where the reader is the reason, the row becomes suppressed.
fn refuse(
    ledger: &Connection,
    now: Micros,
    ticket: &Ticket,
    counts: &mut Counts,
) -> Result<Entered, Fault> {
    let barred = ledger
        .prepare_cached(
            "SELECT s.state, s.paused_until FROM deliveries d JOIN subscribers s ON s.id = d.subscriber
             WHERE d.issue = ?1 AND d.slot = ?2 AND d.fence = ?3 AND d.tries + 1 = ?4
               AND d.state = 'claimed' AND d.lease_end > ?5
               AND (SELECT state FROM issues WHERE id = ?1) = 'sending'",
        )?
        .query_row((ticket.issue, ticket.slot, ticket.fence, ticket.attempt, now), |row| {
            Ok(barred(row.get::<_, Word<_>>(0)?.0, row.get(1)?, now))
        })
        .optional()?;
    let Some(reason) = barred.flatten() else { return Ok(Entered::Refused) };
    ledger
        .prepare_cached(
            "UPDATE deliveries SET state = 'suppressed', suppressed = ?3, said = '', at = ?4,
                owner = NULL, lease_end = NULL
             WHERE issue = ?1 AND slot = ?2",
        )?
        .execute((ticket.issue, ticket.slot, reason_json(&reason), now))?;
    counts.moved(ticket.issue, DeliveryState::Claimed, DeliveryState::Suppressed);
    Ok(Entered::Suppressed)
}

/// Records how an attempt ended, also when the evidence comes after the row was put in doubt (rule D3).
fn record(
    ledger: &Connection,
    now: Micros,
    ticket: &Ticket,
    outcome: &Outcome,
    (pens, counts): (&mut Pens<'_>, &mut Counts),
) -> Result<Entered, Fault> {
    let Some(attempt) = Attempt::find(pens, ticket)? else {
        return already(ledger, ticket, outcome);
    };
    // An erased person's address does not come back with a relay's words.
    let said = match attempt.reader {
        SubscriberState::Erased => "",
        _ => outcome.said(),
    };
    attempt.log(pens, now, ticket, outcome.state(), said)?;
    let (state, retry_at) = attempt.after(now, outcome);
    let counted = !matches!(outcome, Outcome::Deferred { counted: false, .. });
    let deferred = matches!(outcome, Outcome::Deferred { .. });
    pens.end.execute(params![
        ticket.issue,
        ticket.slot,
        state.word(),
        said,
        now,
        retry_at,
        deferred && counted,
        counted || attempt.tries > 0,
    ])?;
    counts.moved(ticket.issue, attempt.state, state);
    if let Outcome::Rejected { said, hard: true } = outcome {
        bounce(ledger, now, ticket, said)?;
    }
    // The word may come late, after another sender finished the issue with this reader in doubt.
    if state == DeliveryState::Deferred && attempt.issue == IssueState::Finished {
        reopen(ledger, ticket.issue)?;
    }
    Ok(Entered::Done)
}

/// Answers a record that changes nothing: it was told before and the answer was lost, or it is stale.
fn already(ledger: &Connection, ticket: &Ticket, outcome: &Outcome) -> Result<Entered, Fault> {
    let told = ledger
        .prepare_cached(
            "SELECT 1 FROM attempts
             WHERE issue = ?1 AND slot = ?2 AND fence = ?3 AND state = ?4 AND attempt = ?5",
        )?
        .exists(params![
            ticket.issue,
            ticket.slot,
            ticket.fence,
            outcome.state().word(),
            ticket.attempt
        ])?;
    Ok(if told { Entered::Done } else { Entered::Refused })
}

/// Suppresses the reader of a dead address, in the same transaction.
fn bounce(ledger: &Connection, now: Micros, ticket: &Ticket, said: &str) -> Result<(), Fault> {
    let (id, slug): (i64, String) = ledger
        .prepare_cached(
            "SELECT d.subscriber, i.slug FROM deliveries d JOIN issues i ON i.id = d.issue
             WHERE d.issue = ?1 AND d.slot = ?2",
        )?
        .query_row((ticket.issue, ticket.slot), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let event = Event { name: "bounce".to_owned(), source: slug, detail: said.to_owned() };
    let person = list::find_by_id(ledger, id)?;
    list::shift(ledger, now, (id, person.state), SubscriberState::Bounced, &event)?;
    Ok(())
}

/// Takes a claim back unused, also one that was begun and of whose message nothing left.
fn release(
    ledger: &Connection,
    now: Micros,
    ticket: &Ticket,
    counts: &mut Counts,
) -> Result<Entered, Fault> {
    let held = ledger
        .prepare_cached(
            "SELECT state FROM deliveries
             WHERE issue = ?1 AND slot = ?2 AND fence = ?3 AND tries + 1 = ?4
               AND state IN ('claimed', 'attempting')",
        )?
        .query_row((ticket.issue, ticket.slot, ticket.fence, ticket.attempt), |row| {
            Ok(row.get::<_, Word<DeliveryState>>(0)?.0)
        })
        .optional()?;
    match held {
        Some(DeliveryState::Claimed) => give_back(ledger, now, ticket.issue, ticket.slot, counts)?,
        Some(_) => unbegin(ledger, now, ticket, counts)?,
        None => return Ok(Entered::Refused),
    }
    Ok(Entered::Done)
}

/// Makes a begin undone: it never was one of the reader's attempts.
fn unbegin(
    ledger: &Connection,
    now: Micros,
    ticket: &Ticket,
    counts: &mut Counts,
) -> Result<(), Fault> {
    let state = ledger
        .prepare_cached(
            "UPDATE deliveries
             SET state = iif((SELECT state FROM issues WHERE id = ?1) = 'cancelled',
                             'cancelled', 'planned'),
                begun = begun - 1, began_at = NULL, first_at = iif(tries = 0, NULL, first_at),
                owner = NULL, lease_end = NULL, at = ?3
             WHERE issue = ?1 AND slot = ?2 RETURNING state",
        )?
        .query_row((ticket.issue, ticket.slot, now), |row| Ok(row.get::<_, Word<_>>(0)?.0))?;
    counts.moved(ticket.issue, DeliveryState::Attempting, state);
    Ok(())
}

impl Attempt {
    /// Finds the attempt a ticket made, while its row is attempting or in doubt.
    fn find(pens: &mut Pens<'_>, ticket: &Ticket) -> Result<Option<Self>, Fault> {
        Ok(pens
            .find
            .query_row((ticket.issue, ticket.slot, ticket.fence, ticket.attempt, i64::MAX), |row| {
                Ok(Self {
                    tries: row.get(0)?,
                    first_at: row.get(1)?,
                    began_at: row.get(2)?,
                    reader: row.get::<_, Word<_>>(3)?.0,
                    issue: row.get::<_, Word<_>>(4)?.0,
                    expire_after: row.get(5)?,
                    state: row.get::<_, Word<_>>(6)?.0,
                })
            })
            .optional()?)
    }

    /// Adds its ending to the log.
    fn log(
        &self,
        pens: &mut Pens<'_>,
        now: Micros,
        ticket: &Ticket,
        state: DeliveryState,
        said: &str,
    ) -> Result<(), Fault> {
        let Ticket { issue, slot, fence, attempt } = *ticket;
        let (word, began_at) = (state.word(), self.began_at);
        pens.log.execute((issue, slot, fence, word, attempt, began_at, now, said))?;
        Ok(())
    }

    /// Returns the row's state after an outcome, and when it is tried again: no later than it expires, so that nobody waits for a try that will not be made.
    fn after(&self, now: Micros, outcome: &Outcome) -> (DeliveryState, Option<Micros>) {
        let Outcome::Deferred { wait, counted, .. } = outcome else {
            return (outcome.state(), None);
        };
        let aging = *counted || self.tries > 0;
        let end = if aging { self.first_at.saturating_add(self.expire_after) } else { Micros::MAX };
        match self.issue {
            IssueState::Cancelled => (DeliveryState::Cancelled, None),
            _ if end <= now => (DeliveryState::Expired, None),
            _ => (DeliveryState::Deferred, Some(now.saturating_add(micros(*wait)).min(end))),
        }
    }
}
