//! Asking of everybody who is to be mailed whether their copy can be made: pages are read here while another thread judges those before.

use std::{
    sync::mpsc::{self, Receiver, Sender},
    thread,
};

use rusqlite::Connection;

use super::{columns::reason_json, fault::Fault, list};
use crate::{
    ledger::Admit,
    model::{Subscriber, Suppressed},
};

/// How many readers are handed over at once, and how many such pages may wait.
const PAGE: i64 = 256;
const WAITING: usize = 2;

/// A reader under their slot.
type Page = Vec<(i64, Subscriber)>;

/// Judges the planned deliveries of an issue behind a slot, and suppresses those that cannot be made.
pub(super) fn admit_all(
    ledger: &Connection,
    (issue, mut slot): (i64, i64),
    admit: Admit,
) -> Result<(), Fault> {
    let (give, pages) = mpsc::sync_channel(WAITING);
    let (tell, refused) = mpsc::channel();
    thread::scope(|scope| {
        let judge = scope.spawn(move || judge(pages, &tell, admit));
        loop {
            let page = page(ledger, issue, slot)?;
            let Some((last, _)) = page.last() else { break };
            slot = *last;
            // It only stops listening when it panics, which is told below.
            if give.send(page).is_err() {
                break;
            }
            refused.try_iter().try_for_each(|it| suppress(ledger, issue, &it))?;
        }
        drop(give);
        refused.iter().try_for_each(|it| suppress(ledger, issue, &it))?;
        judge.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok(())
    })
}

fn judge(pages: Receiver<Page>, tell: &Sender<(i64, Suppressed)>, mut admit: Admit) {
    for (slot, reader) in pages.into_iter().flatten() {
        if let Err(reason) = admit(&reader)
            && tell.send((slot, reason)).is_err()
        {
            break;
        }
    }
}

fn page(ledger: &Connection, issue: i64, after: i64) -> Result<Page, Fault> {
    let mut planned = ledger.prepare_cached(concat!(
        "SELECT ",
        list::person_columns!(),
        ", d.slot FROM deliveries d INDEXED BY deliveries_planned
             CROSS JOIN subscribers s ON s.id = d.subscriber
         WHERE d.issue = ?1 AND d.slot > ?2 AND d.state = 'planned' ORDER BY d.slot LIMIT ?3"
    ))?;
    let rows =
        planned.query_map((issue, after, PAGE), |row| Ok((row.get(7)?, list::person(row)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn suppress(
    ledger: &Connection,
    issue: i64,
    (slot, reason): &(i64, Suppressed),
) -> Result<(), Fault> {
    ledger
        .prepare_cached(
            "UPDATE deliveries SET state = 'suppressed', suppressed = ?3
             WHERE issue = ?1 AND slot = ?2",
        )?
        .execute((issue, slot, reason_json(reason)))?;
    Ok(())
}
