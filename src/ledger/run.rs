//! What passes between a ledger and who sends: claims, begins, outcomes, rates, and signs of life.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Outcome, Rate, Subscriber};

/// Stands between a relay's lane and a provider in a lane's name; a relay's has no blank after its first word.
const TO: &str = " to ";

/// How long a sender may say nothing of itself before it is taken for dead.
pub const SILENCE: Duration = Duration::from_secs(30);

/// A sender on a ledger that machines share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    /// Its name as the owner of claims.
    pub name: String,
    /// The machine it runs on.
    pub host: String,
    /// Its process there.
    pub pid: u32,
    /// Its version of the program.
    pub version: String,
    /// What it was started as: `worker`, or `send` for whoever has the publication's files.
    #[serde(default = "worker")]
    pub command: String,
    /// Whose issue it is sending.
    #[serde(default)]
    pub publication: Option<String>,
    /// The slug of that issue.
    pub issue: Option<String>,
    /// How many deliveries it settled a second since it was seen before.
    pub per_second: f64,
}

/// What those are who do not say.
fn worker() -> String {
    "worker".to_owned()
}

/// A worker as it was when the ledger heard of it last.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Which.
    pub worker: Worker,
    /// When, by the ledger's clock.
    pub at: Timestamp,
}

/// Identifies a ledger and counts what it began of a publication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Random, made with the ledger.
    pub ledger: String,
    /// How many deliveries were ever begun, of all publications where machines share it; never falls, unless a backup is restored.
    pub begins: u64,
    /// How often a person accepted that it went back in time.
    pub rollbacks: u64,
    /// Whether other machines begin deliveries in it too, so that who never saw it need not wonder that some were.
    pub is_shared: bool,
}

/// A delivery taken by a sender.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// What to show at `enter`.
    pub ticket: Ticket,
    /// The reader, as frozen: name, tags and fields are those of the freeze.
    pub reader: Subscriber,
    /// The Message-ID, with its angle brackets; the same for every attempt.
    pub message_id: String,
    /// Where the issue corrects another: the Message-ID under which this reader got that one.
    pub answers: Option<String>,
}

/// Proves the right to one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ticket {
    /// The issue.
    pub issue: i64,
    /// The delivery's number within the issue, from 1.
    pub slot: i64,
    /// Raised by every claim; a stale one is refused.
    pub fence: i64,
    /// Which of the reader's tries this claim may make, from 1; one that does not count (`Outcome::Deferred`) is made again under its number.
    pub attempt: u32,
}

/// One thing a sender tells the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Entry {
    /// The message is about to be handed over (rules D1, D2).
    Begin(Ticket),
    /// The attempt ended (rule D3).
    Record(Ticket, Outcome),
    /// The claim is given back unused. One that was begun too, by whoever knows that nothing of its message left: it is planned again, or cancelled with its issue, and was none of the reader's attempts.
    Release(Ticket),
}

/// What the ledger answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entered {
    /// It is so, durably.
    Done,
    /// The reader left or was suppressed since; the row says so. Do not send.
    Suppressed,
    /// The claim is no longer this sender's, or the issue is not sending. Do not send.
    Refused,
}

/// Whom a claim passes over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Readers at these domains.
    pub domains: Vec<String>,
    /// And of those never tried, whoever has this slot or one before it.
    pub slots: i64,
}

/// A way that deliveries begin on, and how fast at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Its name in the ledger.
    pub name: String,
    /// Every window holds at once; empty is no limit.
    pub rates: Vec<Rate>,
}

impl Lane {
    /// Names the lane of all mail that goes to `provider` through the relay of lane `relay`.
    pub fn to(relay: &str, provider: &str) -> String {
        format!("{relay}{TO}{provider}")
    }

    /// Returns what tells a relay from others in the name of its lane.
    pub fn relay(name: &str) -> &str {
        name.split_once(' ').map_or(name, |(_, relay)| relay)
    }

    /// Returns the provider in a name that `to` made for this relay.
    pub fn provider<'a>(relay: &str, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(relay)?.strip_prefix(TO)
    }
}

/// Deliveries that want to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Their own lane besides the shared one.
    pub lane: Option<Lane>,
    /// How many they are.
    pub count: usize,
}

/// A beginning that was reserved on a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The lane's name.
    pub lane: String,
    /// When it was to be.
    pub at: Timestamp,
}

/// Beginnings reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// Which wish may begin, and when; in order.
    pub at: Vec<(usize, Timestamp)>,
    /// When, of each wish, one more after these may be reserved for.
    pub next: Vec<Timestamp>,
}

/// Tells of a sender's name whether it is known to be dead.
pub type Gone = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// What a recovery took back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Claims that are planned again.
    pub planned: u64,
    /// Attempts that are in doubt.
    pub in_doubt: u64,
}
