//! Who is given up because issue after issue was refused softly.

use rusqlite::Connection;

use super::{
    columns::{Micros, Word},
    fault::Fault,
    list,
};
use crate::{
    ledger::rules::{self, LATELY, Past, is_soft},
    model::{DeliveryState, SubscriberState},
};

/// Tells whether a reader's soft bounces are enough by now. What was sent to them before they last came back is over.
pub(super) fn is_worn_out(
    ledger: &Connection,
    now: Micros,
    subscriber: i64,
) -> Result<bool, Fault> {
    let mut lately = ledger.prepare_cached(
        "SELECT d.state, d.at, d.said, (SELECT min(r.at) FROM reports r
                                        WHERE r.issue = d.issue AND r.slot = d.slot AND r.kind = 'soft')
         FROM deliveries d
         WHERE d.subscriber = ?1
           AND d.at >= coalesce((SELECT max(at) FROM consent
                                 WHERE subscriber = ?1 AND state = 'active'), 0)
         ORDER BY d.issue DESC LIMIT ?2",
    )?;
    let lately = lately.query_map((subscriber, LATELY), |row| {
        let said: String = row.get(2)?;
        Ok(Past::of((row.get::<_, Word<_>>(0)?.0, row.get(1)?), &said, row.get(3)?))
    })?;
    Ok(rules::is_worn_out(now, &lately.collect::<Result<Vec<_>, _>>()?))
}

/// Suppresses those of an issue that ends whom its relay refused softly, where that is enough by now.
///
/// It is done once for all of them, so that recording what a relay says costs
/// nothing more, and whoever it is about gets no further issue.
pub(super) fn give_up(
    ledger: &Connection,
    now: Micros,
    (issue, slug): (i64, &str),
) -> Result<(), Fault> {
    let mut refused = ledger.prepare_cached(
        "SELECT d.subscriber, s.state, d.state, d.said
         FROM deliveries d INDEXED BY deliveries_failed CROSS JOIN subscribers s ON s.id = d.subscriber
         WHERE d.issue = ?1 AND (d.state = 'rejected' OR d.state = 'in_doubt' OR d.state = 'expired')
           AND d.said <> ''",
    )?;
    let refused = refused.query_map([issue], |row| {
        let reader = (row.get::<_, i64>(0)?, row.get::<_, Word<SubscriberState>>(1)?.0);
        Ok((reader, row.get::<_, Word<DeliveryState>>(2)?.0, row.get::<_, String>(3)?))
    })?;
    for (reader, state, said) in refused.collect::<Result<Vec<_>, _>>()? {
        if !reader.1.is_suppressed() && is_soft(state, &said) && is_worn_out(ledger, now, reader.0)?
        {
            let event = rules::worn_out(slug, &said);
            list::shift(ledger, now, reader, SubscriberState::Bounced, &event)?;
        }
    }
    Ok(())
}
