//! The run: claim, begin, hand over, record.
//!
//! ```text
//! desk (claims, rate) --> pouch (begun ahead) --> carrier (one connection) --> relay
//!                            | begins               | outcome
//!                            v                      v
//!                         clerk (groups of entries) --> ledger, or outcomes.journal when it is away
//! ```
//!
//! Nothing leaves before its begin is durable, and no carrier hands over a
//! message before the outcome of its last one stands in the journal: both are
//! noted in one write, so a killed run leaves at most one reader in doubt for
//! each connection.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use crate::{
    compose::Press,
    ledger::{Gone, IssueRecord, Lane, Ledger, LedgerError, Recovered},
    model::{Deadlines, DeliveryState, IssueState, Outcome, Rate, Tally, WarmUp},
    smtp::Relay,
};

pub mod brake;
mod carrier;
mod clerk;
mod desk;
pub mod guard;
mod hatch;
mod journal;
mod line;
pub mod policy;
mod pouch;
mod printer;
pub mod provider;
mod recall;
pub mod throttle;

pub use journal::{Journal, JournalError, Look, Place};

use clerk::Clerk;
use desk::Desk;
use pouch::Pouch;
use printer::Printer;
use recall::Recall;

/// How long a claim may be held: longer than a relay may ever take to answer the dot.
const LEASE: Duration = Duration::from_mins(15);
const _: () = assert!(Deadlines::DOT_MAX.as_secs() < LEASE.as_secs());

/// How soon something must come up again for a run to wait for it rather than end.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// One issue to be delivered, with everything a run needs.
pub struct Run {
    /// The ledger.
    pub ledger: Arc<dyn Ledger>,
    /// Whose issue.
    pub publication: String,
    /// The issue, frozen.
    pub issue: IssueRecord,
    /// What makes the copies.
    pub press: Arc<Press>,
    /// Where they go.
    pub relay: Relay,
    /// The name of the relay's lane in the ledger: one word, a blank, and what tells it from other relays.
    pub lane: String,
    /// How many connections at most.
    pub connections: usize,
    /// How many messages a connection carries before another takes its place; `None` for any number.
    pub messages: Option<u32>,
    /// Whether messages go by their length (BDAT, RFC 3030) where the relay takes that.
    pub chunking: bool,
    /// How fast, altogether.
    pub rates: Vec<Rate>,
    /// How fast besides while the relay gets to know us; it grows while the run goes on.
    pub warm_up: Option<WarmUp>,
    /// How fast to the readers at a domain, and at every other that the same provider keeps.
    pub domains: BTreeMap<String, Vec<Rate>>,
    /// How many readers at most this time; `None` for all.
    pub limit: Option<u64>,
    /// The share of refusals among the last 200 that stops the run, 0 to 1.
    pub stop_at_rejected: f64,
    /// This sender's name in the ledger.
    pub owner: String,
    /// Where this sender notes what the ledger does not know yet.
    pub journal: PathBuf,
    /// Which start of this machine it is; empty where the system does not tell.
    pub boot: String,
    /// Where the count of begins is kept outside the ledger (rule D12).
    pub high_water: PathBuf,
}

/// How a run is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Go on.
    No,
    /// Finish what is in flight, record it, and end.
    Drain,
}

/// What a run tells while it goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// What dead senders had left behind was taken back.
    Recovered(Recovered),
    /// A delivery was settled or deferred.
    Settled(DeliveryState),
    /// Nothing may begin before this instant, for the rate's sake.
    Waiting(Timestamp),
    /// A connection was lost or refused, and will be tried again.
    Trouble(String),
    /// The relay or a provider wants us slower, or not at all for a while.
    Braked(Braked),
}

/// A pause that a provider, or the relay, brought about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Braked {
    /// Whose mailboxes wait; `None` for all.
    pub provider: Option<String>,
    /// Until when.
    pub until: Timestamp,
    /// What was said.
    pub why: String,
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// Nothing is left to do.
    Finished,
    /// The rest waits for this instant: readers to be tried again.
    Deferred(Timestamp),
    /// The rest waits for this instant: the rate's longest window is used up.
    Quota(Timestamp),
    /// The rest waits for the end of a pause.
    Braked(Braked),
    /// As many as `limit` said were tried.
    Limit,
    /// A signal.
    Stopped,
    /// Somebody paused the issue.
    Paused,
    /// Somebody cancelled the issue.
    Cancelled,
    /// Another sender still holds some of it.
    Held,
    /// A guard stopped it: why. The rest stays planned.
    Halted(Halt),
}

/// A reason to stop a run before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// The relay does not know us.
    Credentials(String),
    /// What would prove to the relay who we are cannot be had.
    Token(String),
    /// The relay's certificate is not to be trusted.
    Untrusted(String),
    /// The relay cannot be reached, or not safely.
    Relay(String),
    /// The relay refuses us or the message, whoever it is for.
    Refused(String),
    /// The relay refuses one reader's copy as a message, and would refuse others' too.
    Copy(String),
    /// Too many readers were refused.
    Refusals(String),
    /// The ledger went away; outcomes are in the journal.
    Ledger(String),
    /// The disk is full.
    Disk(String),
}

/// Says why a run could not start or end properly.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The ledger is older than what was begun (rule D12).
    #[error(transparent)]
    RolledBack(#[from] guard::RolledBack),
}

impl Run {
    /// Delivers until nothing is left, something stops it, or `stop` says so.
    ///
    /// Calling it again resumes. `gone` tells of other senders' names whether
    /// they are known to be dead.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be used at the start or the end, or is a restored
    /// backup. Nothing was sent that it does not know of.
    pub async fn deliver(
        self,
        gone: Gone,
        stop: watch::Receiver<Stop>,
        progress: mpsc::UnboundedSender<Progress>,
    ) -> Result<Ended, SendError> {
        let ledger = Arc::clone(&self.ledger);
        let mark = ledger.mark(&self.publication).await?;
        let high_water = guard::HighWater::check(&self.high_water, &mark)?;
        high_water.remember(&self.high_water, &self.issue.slug)?;
        let journal =
            Journal::open(&self.journal, Place { boot: self.boot.clone(), ledger: mark.ledger })?;
        let given_back = journal.replay(&*ledger).await?;
        let mut recovered = ledger.recover(self.issue.id, gone).await?;
        recovered.planned += given_back;
        if recovered != Recovered::default() {
            let _ = progress.send(Progress::Recovered(recovered));
        }
        ledger.note_relay(self.issue.id, &self.owner, Lane::relay(&self.lane)).await?;

        let (halt, halted) = watch::channel(None);
        let clerk = Clerk::start(
            Arc::clone(&ledger),
            self.publication.clone(),
            journal,
            high_water,
            halt.clone(),
        );
        let run = Arc::new(self);
        let now = ledger.now().await?;
        let mut brakes = ledger.brakes(&run.lane).await?;
        brakes.retain(|_, brake| !brake.is_over(now));
        let connections = brakes
            .get(&run.lane)
            .map_or(run.connections, |brake| brake.connections(now, run.connections));
        let (signals, heard) = mpsc::unbounded_channel();
        let (desk, hatch) = Desk::open(
            Arc::clone(&run),
            now,
            brakes,
            heard,
            stop.clone(),
            halted.clone(),
            progress.clone(),
        );
        let printer = Printer::new(Arc::clone(&run.press));
        let recall = Arc::new(Recall::new());
        let (pouch, filling) =
            Pouch::open(hatch, clerk.clone(), printer, Arc::clone(&recall), progress.clone());
        let shared = Arc::new(carrier::Shared::new(&run, connections, signals, halt));
        let mut watching = JoinSet::new();
        watching.spawn(recall.watch(Arc::clone(&run), Arc::clone(&shared)));
        let mut carriers = JoinSet::new();
        for number in 0..connections {
            carriers.spawn(carrier::carry(
                number,
                Arc::clone(&run),
                pouch.clone(),
                clerk.clone(),
                Arc::clone(&shared),
                stop.clone(),
                progress.clone(),
            ));
        }
        while carriers.join_next().await.is_some() {}
        drop(watching);
        pouch.close(filling).await;
        let reason = desk.close().await;
        clerk.close().await;

        if let Some(halt) = halted.borrow().clone() {
            return Ok(Ended::Halted(halt));
        }
        run.conclude(reason).await
    }

    /// Returns every rate of the relay's that holds at an instant.
    fn rates_at(&self, now: Timestamp) -> Vec<Rate> {
        let warming = self.warm_up.as_ref().and_then(|warm_up| warm_up.rate(now));
        self.rates.iter().copied().chain(warming).collect()
    }

    /// Tells whether the issue is being sent still: nobody paused it, cancelled it or finished it.
    async fn is_sending(&self) -> Result<bool, LedgerError> {
        let issue = self.ledger.issue(&self.publication, &self.issue.slug).await?;
        Ok(issue.is_some_and(|issue| issue.state == IssueState::Sending))
    }

    /// Turns the issue to finished where nothing is left, and says why the run ended.
    async fn conclude(&self, reason: desk::Reason) -> Result<Ended, SendError> {
        let turned = self
            .ledger
            .turn(
                &self.publication,
                &self.issue.slug,
                &[IssueState::Sending],
                IssueState::Finished,
                "",
            )
            .await?;
        if turned {
            return Ok(Ended::Finished);
        }
        let now = self.ledger.issue(&self.publication, &self.issue.slug).await?;
        Ok(match (now.map(|issue| issue.state), reason) {
            (Some(IssueState::Finished), _) => Ended::Finished,
            (Some(IssueState::Paused), _) => Ended::Paused,
            (Some(IssueState::Cancelled), _) => Ended::Cancelled,
            (_, desk::Reason::Stopped) => Ended::Stopped,
            (_, desk::Reason::Lost(halt)) => Ended::Halted(halt),
            (_, desk::Reason::Limit) => Ended::Limit,
            (_, desk::Reason::Quota(until)) => Ended::Quota(until),
            (_, desk::Reason::Braked(braked)) => Ended::Braked(braked),
            (_, desk::Reason::Nothing) => match self.ledger.next_retry(self.issue.id).await? {
                Some(at) => Ended::Deferred(at),
                None => Ended::Held,
            },
        })
    }
}

impl Ended {
    /// Returns when the rest may go on, where it waits for an hour.
    pub fn goes_on_at(&self) -> Option<Timestamp> {
        match self {
            Self::Deferred(at) | Self::Quota(at) => Some(*at),
            Self::Braked(braked) => Some(braked.until),
            _ => None,
        }
    }

    /// Tells whether the run is over for good, so that nothing must be run again.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled)
    }
}

/// Tells whether a tally asks for a person's eye.
pub fn needs_attention(tally: &Tally) -> bool {
    tally.rejected + tally.in_doubt + tally.expired > 0
}

impl Halt {
    /// Returns what happened, for people.
    pub fn why(&self) -> &str {
        match self {
            Self::Credentials(why)
            | Self::Token(why)
            | Self::Untrusted(why)
            | Self::Relay(why)
            | Self::Refused(why)
            | Self::Copy(why)
            | Self::Refusals(why)
            | Self::Ledger(why)
            | Self::Disk(why) => why,
        }
    }
}

impl From<&LedgerError> for Halt {
    fn from(error: &LedgerError) -> Self {
        match error {
            LedgerError::Disk(_) => Self::Disk(error.to_string()),
            _ => Self::Ledger(error.to_string()),
        }
    }
}

/// Shows what a carrier settled.
fn settled(outcome: &Outcome) -> Progress {
    Progress::Settled(outcome.state())
}
