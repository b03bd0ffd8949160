//! `log`: everything that was ever sent to an address, and what became of it.

use jiff::Timestamp;

use super::{
    Console, Failure,
    console::Tone,
    exit,
    newsroom::Newsroom,
    words::{instant, printable},
};
use crate::{
    cli::Global,
    ledger::AttemptRecord,
    model::{Address, SubscriberState},
};

/// Runs the command.
pub(super) async fn run(console: &Console, global: &Global, address: &str) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    let address: Address = address.parse().map_err(|error| Failure::address(address, error))?;
    let (attempts, reader) = if newsroom.has_ledger()? {
        let (ledger, publication) = (newsroom.ledger_to_read(console)?, &newsroom.publication.id);
        (
            ledger.attempts(publication, &address).await?,
            ledger.subscriber(publication, &address).await?,
        )
    } else {
        (Vec::new(), None)
    };
    if console.json {
        let attempts: Vec<_> = attempts.iter().map(document).collect();
        console
            .document(&serde_json::json!({ "address": address.written(), "attempts": attempts }));
        return Ok(exit::DONE);
    }
    tell(console, &attempts);
    if attempts.is_empty() {
        console.note(format_args!("nothing was ever sent to {address}"));
    } else if let Some(reader) = reader
        && reader.state != SubscriberState::Active
    {
        // An accepted mail may have come back, and that is no attempt.
        let state = reader.state.word();
        console.note(format_args!("{address} is {state} now: `subscribers show` tells why"));
    }
    Ok(exit::DONE)
}

/// Tells attempts to a person, issue by issue.
pub(super) fn tell(console: &Console, attempts: &[AttemptRecord]) {
    let mut slug = "";
    for (number, attempt) in attempts.iter().enumerate() {
        if attempt.slug != slug {
            slug = &attempt.slug;
            console.say(console.paint(Tone::Strong, slug));
        }
        let state = format!("{:<10}", attempt.state.word().replace('_', " "));
        let state = console.paint(Tone::of(attempt.state), state);
        let at = shown_at(attempt, number.checked_sub(1).map(|before| &attempts[before]));
        let relay = attempt.relay.as_ref().map(|relay| format!("the relay {relay}: "));
        let said = printable(&format!("{}{}", relay.unwrap_or_default(), attempt.said));
        let line = format!("  {}  {state} {said}", instant(at));
        console.say(line.trim_end());
    }
}

/// Returns when an attempt began; of a second ending of the same one, a person's word or a late answer, when that came.
fn shown_at(attempt: &AttemptRecord, before: Option<&AttemptRecord>) -> Timestamp {
    let is_second = before.is_some_and(|before| {
        (&before.slug, before.attempt) == (&attempt.slug, attempt.attempt) && attempt.attempt > 0
    });
    attempt.ended_at.filter(|_| is_second).unwrap_or(attempt.began_at)
}

/// Makes an attempt's JSON.
pub(super) fn document(attempt: &AttemptRecord) -> serde_json::Value {
    serde_json::json!({
        "issue": attempt.slug,
        "attempt": attempt.attempt,
        "began_at": attempt.began_at,
        "ended_at": attempt.ended_at,
        "state": attempt.state,
        "relay": attempt.relay,
        "said": attempt.said,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DeliveryState;

    #[test]
    fn a_second_ending_of_an_attempt_is_told_with_its_own_hour() {
        let at = |second| Timestamp::from_second(second).expect("it is a time");
        let ended = |attempt, began, ended, state| AttemptRecord {
            slug: "an-issue".to_owned(),
            attempt,
            began_at: at(began),
            ended_at: Some(at(ended)),
            state,
            said: String::new(),
            relay: None,
        };
        let attempts = [
            ended(1, 10, 12, DeliveryState::Deferred),
            ended(2, 900, 930, DeliveryState::InDoubt),
            ended(2, 900, 5_000, DeliveryState::Accepted),
        ];
        let before = [None, Some(&attempts[0]), Some(&attempts[1])];
        let shown = attempts.iter().zip(before).map(|(attempt, before)| shown_at(attempt, before));
        assert_eq!(shown.collect::<Vec<_>>(), [at(10), at(900), at(5_000)]);
    }
}
