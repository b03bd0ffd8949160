//! `log`: everything that was ever sent to an address, and what became of it.

use super::{
    Console, Failure,
    console::{Tone, printable},
    exit,
    newsroom::Newsroom,
};
use crate::{cli::Global, model::Address};

/// Runs the command.
pub(super) async fn run(console: &Console, global: &Global, address: &str) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    let address: Address = address.parse().map_err(|error| Failure::address(address, error))?;
    let attempts = if newsroom.ledger_path().exists() {
        newsroom.ledger()?.attempts(&newsroom.publication.id, &address).await?
    } else {
        Vec::new()
    };
    if console.json {
        for attempt in &attempts {
            console.document(&serde_json::json!({
                "issue": attempt.slug,
                "attempt": attempt.attempt,
                "began_at": attempt.began_at,
                "ended_at": attempt.ended_at,
                "state": attempt.state,
                "said": attempt.said,
            }));
        }
        return Ok(exit::DONE);
    }
    for attempt in &attempts {
        console.say(format_args!(
            "{}  {}  {}  {}",
            attempt.began_at.strftime("%Y-%m-%d %H:%M:%SZ"),
            attempt.slug,
            console.paint(Tone::Strong, attempt.state.word()),
            printable(&attempt.said)
        ));
    }
    if attempts.is_empty() {
        console.note(format_args!("nothing was ever sent to {address}"));
    }
    Ok(exit::DONE)
}
