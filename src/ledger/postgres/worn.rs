//! Who is given up because issue after issue was refused softly.

use deadpool_postgres::Transaction;
use tokio_postgres::Row;

use super::{ask, columns::Word, fault::Fault, list};
use crate::{
    ledger::rules::{self, LATELY, Micros, Past, is_soft},
    model::{DeliveryState, SubscriberState},
};

/// Tells whether a reader's soft bounces are enough by now. What was sent to them before they last came back is over.
pub(super) async fn is_worn_out(
    tx: &Transaction<'_>,
    now: Micros,
    subscriber: i64,
) -> Result<bool, Fault> {
    let found = ask::all(
        tx,
        "SELECT d.state, d.at, d.said, (SELECT min(r.at) FROM reports r
                                        WHERE r.issue = d.issue AND r.slot = d.slot AND r.kind = 'soft')
         FROM deliveries d
         WHERE d.subscriber = $1
           AND d.at >= coalesce((SELECT max(at) FROM consent
                                 WHERE subscriber = $1 AND state = 'active'), 0)
         ORDER BY d.issue DESC LIMIT $2",
        &[&subscriber, &LATELY],
    )
    .await?;
    let past = |row: &Row| -> Result<Past, Fault> {
        let ended = (row.try_get::<_, Word<_>>(0)?.0, row.try_get(1)?);
        Ok(Past::of(ended, row.try_get(2)?, row.try_get(3)?))
    };
    let lately = found.iter().map(past).collect::<Result<Vec<_>, _>>()?;
    Ok(rules::is_worn_out(now, &lately))
}

/// Suppresses those of an issue that ends whom its relay refused softly, where that is enough by now. Whoever calls has the list and the begins alone.
///
/// It is done once for all of them, so that recording what a relay says costs
/// nothing more, and whoever it is about gets no further issue.
pub(super) async fn give_up(
    tx: &Transaction<'_>,
    now: Micros,
    (issue, slug): (i64, &str),
) -> Result<(), Fault> {
    let refused = ask::all(
        tx,
        "SELECT d.subscriber, d.state, d.said
         FROM deliveries d JOIN subscribers s ON s.id = d.subscriber
         WHERE d.issue = $1 AND d.state IN ('rejected', 'expired') AND d.said <> ''
           AND s.state IN ('active', 'pending')
         ORDER BY d.slot",
        &[&issue],
    )
    .await?;
    for row in &refused {
        let (subscriber, said): (i64, &str) = (row.try_get(0)?, row.try_get(2)?);
        let state: DeliveryState = row.try_get::<_, Word<_>>(1)?.0;
        if is_soft(state, said) && is_worn_out(tx, now, subscriber).await? {
            let reader = list::find_by_id(tx, subscriber).await?;
            let event = rules::worn_out(slug, said);
            list::shift(tx, now, &reader, SubscriberState::Bounced, &event).await?;
        }
    }
    Ok(())
}
