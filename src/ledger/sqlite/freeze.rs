//! Freezing an issue: one delivery for everybody on the list, in one transaction (rule D7).

use rusqlite::{Connection, params};

use super::{admission, columns::Micros, counts, enrol, fault::Fault, issue, run::reopen};
use crate::{
    ledger::{Admit, Enrol, Enrolled, Freeze, Frozen, LedgerError, Records, rules},
    model::{IssueState, Tally},
};

/// Makes the deliveries of a whole list in one statement; a state that is a reason is also its word.
const OWE: &str = "
    INSERT INTO deliveries (issue, slot, subscriber, version, state, suppressed, at)
    SELECT ?1, ?2 + row_number() OVER (ORDER BY s.id), s.id, s.version,
           iif(s.state = 'active' AND coalesce(s.paused_until, 0) <= ?4, 'planned', 'suppressed'),
           '\"' || CASE WHEN s.state <> 'active' THEN s.state
                       WHEN s.paused_until > ?4 THEN 'paused' END || '\"', ?4
    FROM subscribers s WHERE s.publication = ?3 AND s.from_file < 2";

/// Makes those of an issue that corrects another: everybody else on the list has a reason, and so has who got the first and left the list file.
const OWE_WHO_HAS_THE_FIRST: &str = "
    INSERT INTO deliveries (issue, slot, subscriber, version, state, suppressed, at)
    SELECT ?1, ?2 + row_number() OVER (ORDER BY s.id), s.id, s.version,
           iif(s.reason IS NULL, 'planned', 'suppressed'), '\"' || s.reason || '\"', ?4
    FROM (SELECT s.id, s.version,
                 CASE WHEN s.state <> 'active' THEN s.state
                      WHEN s.paused_until > ?4 THEN 'paused'
                      WHEN s.from_file = 2 THEN 'unlisted'
                      WHEN first.state IS NOT 'accepted' THEN 'not_sent_the_first'
                 END AS reason
          FROM subscribers s
               LEFT JOIN deliveries first ON first.subscriber = s.id AND first.issue = ?5
          WHERE s.publication = ?3 AND (s.from_file < 2 OR first.state = 'accepted')) AS s
    WHERE true";

/// Leaves out who has one already.
const UNLESS_OWED: &str =
    "AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.subscriber = s.id AND d.issue = ?1)";

/// Freezes an issue, or finds it frozen and adds whom `order.catch_up` asks for.
pub(super) fn freeze(
    ledger: &Connection,
    now: Micros,
    order: &Freeze,
    records: Option<Records>,
    admit: Admit,
) -> Result<Frozen, Fault> {
    let known = issue::find(ledger, &order.publication, &order.slug)?;
    let cancelled = known.as_ref().is_some_and(|issue| issue.state == IssueState::Cancelled);
    let frozen = known.filter(|issue| issue.frozen_at.is_some());
    let fresh = frozen.is_none();
    let mut enrolled = Enrolled::default();
    let before = match &frozen {
        Some(issue) => counts::tally(ledger, issue.id)?,
        None => Tally::default(),
    };
    if fresh || order.catch_up {
        if cancelled {
            let why = format!("the issue `{}` was cancelled", order.slug);
            return Err(LedgerError::Refused(why).into());
        }
        if let Some(records) = records {
            enrolled = enrol::enrol(ledger, now, &list_file(order), records)?;
        }
        let issue = match &frozen {
            None => bind(ledger, order)?,
            Some(issue) => issue.id,
        };
        let added = plan(ledger, now, &order.publication, issue, admit)?;
        if added > 0 {
            reopen(ledger, issue)?;
        }
    }
    let issue = issue::find(ledger, &order.publication, &order.slug)?
        .ok_or_else(|| LedgerError::Damaged(format!("the issue `{}` is gone", order.slug)))?;
    let tally = counts::tally(ledger, issue.id)?;
    let suppressed = issue::suppressed(ledger, issue.id)?;
    let recipients = tally.planned - tally.suppressed;
    // Somebody may have left since the first freeze, so fewer can be owed than before.
    let added = recipients.saturating_sub(before.planned - before.suppressed);
    let asked = order.expected.filter(|_| fresh || order.catch_up);
    if let Some(expected) = asked.filter(|expected| *expected != added) {
        return Err(rules::miscounted(added, expected).into());
    }
    Ok(Frozen { issue, fresh, planned: tally.planned, recipients, added, suppressed, enrolled })
}

/// Returns the frozen edition.
pub(super) fn edition(ledger: &Connection, issue: i64) -> Result<Vec<u8>, Fault> {
    Ok(ledger
        .prepare_cached("SELECT bytes FROM editions WHERE issue = ?1")?
        .query_row([issue], |row| row.get(0))?)
}

fn list_file(order: &Freeze) -> Enrol {
    Enrol {
        publication: order.publication.clone(),
        event: order.event.clone(),
        from_list_file: true,
        resubscribe: None,
        rehearse: order.rehearse,
    }
}

/// Makes the issue's row, or takes the one that was scheduled, and keeps the edition.
fn bind(ledger: &Connection, order: &Freeze) -> Result<i64, Fault> {
    let issue = ledger.query_row(
        "INSERT INTO issues (publication, slug, state, why, digest, frozen_at,
                             message_stem, message_domain, segment, corrects)
         VALUES (?1, ?2, 'sending', '', ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (publication, slug) DO UPDATE SET
             state = excluded.state, why = '', digest = excluded.digest, ended_at = NULL,
             frozen_at = excluded.frozen_at, message_stem = excluded.message_stem,
             message_domain = excluded.message_domain, segment = excluded.segment,
             corrects = excluded.corrects
         RETURNING id",
        params![
            order.publication,
            order.slug,
            order.digest,
            order.date.as_microsecond(),
            message_stem(ledger, &order.publication, &order.slug)?,
            order.message_domain,
            order.segment,
            order.corrects,
        ],
        |row| row.get(0),
    )?;
    ledger
        .execute("INSERT INTO editions (issue, bytes) VALUES (?1, ?2)", (issue, &order.edition))?;
    Ok(issue)
}

/// Makes a delivery of everybody on the list who has none, and suppresses those whose copy cannot be made; returns how many.
///
/// What a copy is made from stays with the person: a delivery knows which
/// version of them was frozen, and the ledger keeps that one when they change.
fn plan(
    ledger: &Connection,
    now: Micros,
    publication: &str,
    issue: i64,
    admit: Admit,
) -> Result<i64, Fault> {
    let last: i64 = ledger.query_row(
        "SELECT coalesce(max(slot), 0) FROM deliveries WHERE issue = ?1",
        [issue],
        |row| row.get(0),
    )?;
    let corrects: Option<i64> =
        ledger.query_row("SELECT corrects FROM issues WHERE id = ?1", [issue], |row| row.get(0))?;
    let unless_owed = if last == 0 { "" } else { UNLESS_OWED };
    let added = match corrects {
        None => ledger.execute(&format!("{OWE} {unless_owed}"), (issue, last, publication, now))?,
        Some(first) => ledger.execute(
            &format!("{OWE_WHO_HAS_THE_FIRST} {unless_owed}"),
            (issue, last, publication, now, first),
        )?,
    };
    let added = i64::try_from(added).unwrap_or(i64::MAX);
    admission::admit_all(ledger, (issue, last), admit)?;
    counts::recount(ledger, issue)?;
    ledger.execute("UPDATE issues SET planned = planned + ?2 WHERE id = ?1", (issue, added))?;
    Ok(added)
}

/// Returns what an issue's Message-IDs begin with.
fn message_stem(ledger: &Connection, publication: &str, slug: &str) -> Result<String, Fault> {
    let id: String = ledger.query_row("SELECT id FROM ledger", [], |row| row.get(0))?;
    Ok(rules::message_stem(&id, publication, slug))
}

#[cfg(test)]
mod tests {
    use super::rules::{reason, reason_json};
    use crate::model::SubscriberState;

    #[test]
    fn a_state_that_is_a_reason_is_its_word() {
        for state in SubscriberState::ALL {
            let word = (state != SubscriberState::Active).then(|| format!("\"{}\"", state.word()));
            assert_eq!(reason(state).as_ref().map(reason_json), word, "{state:?}");
        }
    }
}
