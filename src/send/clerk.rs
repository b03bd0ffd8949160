//! Writes what the carriers tell into the ledger, in groups.
//!
//! A durable write costs the same for one entry as for a hundred, so the clerk
//! takes all that is waiting and enters it at once. Whoever brought an entry
//! learns the answer only when it is durable.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};

use super::{Halt, Journal, guard::HighWater};
use crate::ledger::{Entered, Entry, Ledger, LedgerError};

/// The most entries of one group; keeps a transaction short.
const GROUP: usize = 512;

/// How often the clerk lets the carriers go first before it writes: those whose reply is there already join the group, and nobody waits for a clock.
const COURTESY: usize = 8;

/// How often and how long apart a failed group is tried before it goes to the journal.
const RETRIES: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(4)];

struct Slip {
    entries: Vec<Entry>,
    answer: oneshot::Sender<Vec<Entered>>,
}

/// The carriers' way to the ledger.
#[derive(Clone)]
pub(super) struct Clerk {
    slips: mpsc::Sender<Slip>,
    task: Arc<JoinHandle<()>>,
}

impl Clerk {
    /// Starts the clerk; a ledger that fails is told to `halt`.
    pub(super) fn start(
        ledger: Arc<dyn Ledger>,
        journal: Journal,
        high_water: HighWater,
        halt: watch::Sender<Option<Halt>>,
    ) -> Self {
        let (slips, inbox) = mpsc::channel(64);
        let books = Books { ledger, journal, high_water, halt };
        Self { slips, task: Arc::new(tokio::spawn(books.work(inbox))) }
    }

    /// Enters `entries` durably and returns the answer to each. When the ledger is away, begins are refused and outcomes go to the journal.
    pub(super) async fn enter(&self, entries: Vec<Entry>) -> Vec<Entered> {
        let count = entries.len();
        let (answer, answered) = oneshot::channel();
        if self.slips.send(Slip { entries, answer }).await.is_err() {
            return vec![Entered::Refused; count];
        }
        answered.await.unwrap_or_else(|_| vec![Entered::Refused; count])
    }

    /// Waits until everything that was brought is entered. The last clone must call it.
    pub(super) async fn close(self) {
        drop(self.slips);
        if let Some(task) = Arc::into_inner(self.task) {
            // A panic of the clerk is a bug; the entries it held are in doubt, and the ledger says so.
            let _ = task.await;
        }
    }
}

struct Books {
    ledger: Arc<dyn Ledger>,
    journal: Journal,
    high_water: HighWater,
    halt: watch::Sender<Option<Halt>>,
}

impl Books {
    async fn work(mut self, mut inbox: mpsc::Receiver<Slip>) {
        while let Some(first) = inbox.recv().await {
            let mut slips = vec![first];
            let mut count = slips[0].entries.len();
            for _ in 0..COURTESY {
                while count < GROUP
                    && let Ok(slip) = inbox.try_recv()
                {
                    count += slip.entries.len();
                    slips.push(slip);
                }
                tokio::task::yield_now().await;
            }
            let mut entries = Vec::with_capacity(count);
            let mut answers = Vec::with_capacity(slips.len());
            for slip in slips {
                answers.push((slip.entries.len(), slip.answer));
                entries.extend(slip.entries);
            }
            let mut entered = self.enter(&entries).await.into_iter();
            for (count, answer) in answers {
                // A carrier that is gone learns nothing; the ledger knows all the same.
                let _ = answer.send(entered.by_ref().take(count).collect());
            }
        }
    }

    async fn enter(&mut self, entries: &[Entry]) -> Vec<Entered> {
        match self.try_enter(entries).await {
            Ok(entered) => {
                let begun = entries.iter().zip(&entered).filter(|(entry, entered)| {
                    matches!((entry, entered), (Entry::Begin(_), Entered::Done))
                });
                // The mark is a guard for later; a disk that cannot take it stops the next begin by itself.
                let _ = self.high_water.raise(begun.count() as u64);
                entered
            }
            Err(error) => {
                self.keep_outcomes(entries, &error);
                vec![Entered::Refused; entries.len()]
            }
        }
    }

    /// Tries a few times: a busy ledger is often free a moment later.
    async fn try_enter(&self, entries: &[Entry]) -> Result<Vec<Entered>, LedgerError> {
        for wait in RETRIES {
            match self.ledger.enter(entries).await {
                Err(LedgerError::Busy(_) | LedgerError::Unreachable { .. }) => {
                    tokio::time::sleep(wait).await;
                }
                answered => return answered,
            }
        }
        self.ledger.enter(entries).await
    }

    fn keep_outcomes(&mut self, entries: &[Entry], error: &LedgerError) {
        let outcomes = entries.iter().filter(|entry| matches!(entry, Entry::Record(..)));
        let halt = match self.journal.append(outcomes) {
            Ok(()) => Halt::from(error),
            Err(disk) => Halt::Disk(format!("{error}; and `outcomes.journal`: {disk}")),
        };
        self.halt.send_if_modified(|halted| {
            let first = halted.is_none();
            halted.get_or_insert(halt);
            first
        });
    }
}
