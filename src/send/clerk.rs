//! Writes what the carriers tell into the ledger, in groups.
//!
//! A durable write costs the same for one entry as for a hundred, so the clerk
//! takes all that is waiting and enters it at once. Whoever asks for begins
//! learns the answer only when it is durable. An outcome is in the journal
//! before it comes here, so its carrier need not wait, and neither does the
//! clerk hurry: it lies in a tray until somebody asks, or for a moment. Two
//! hands write: while one group is on its way to the disk, the other takes what
//! came meanwhile.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{self, Notify, mpsc, oneshot, watch},
    task::{JoinHandle, JoinSet},
};

use super::{Halt, Journal, guard::HighWater};
use crate::{
    ledger::{Entered, Entry, Ledger, LedgerError, Ticket},
    model::Outcome,
};

/// The most slips of one group; keeps a transaction short.
const GROUP: usize = 128;

/// How long an outcome lies in the tray while nobody asks for anything. It is as safe there against all but the loss of the machine.
const LINGER: Duration = Duration::from_millis(5);

/// How many groups are on their way at once. What is told of one delivery is never in two of them: its begin is answered before its outcome is known.
const HANDS: usize = 2;

/// How often and how long apart a failed group is tried before it goes to the journal.
const RETRIES: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(4)];

/// What is asked for together; the answers come in the same order, when they are durable.
struct Slip {
    entries: Vec<Entry>,
    answer: oneshot::Sender<Vec<Entered>>,
}

/// Outcomes that nobody waits for.
#[derive(Default)]
struct Tray {
    entries: Mutex<Vec<Entry>>,
    came: Notify,
}

impl Tray {
    fn put(&self, entry: Entry) {
        let mut entries = self.entries();
        entries.push(entry);
        if entries.len() == 1 {
            self.came.notify_one();
        }
    }

    fn take(&self) -> Vec<Entry> {
        std::mem::take(&mut self.entries())
    }

    /// Waits until something has lain here for long enough.
    async fn is_due(&self) {
        self.came.notified().await;
        tokio::time::sleep(LINGER).await;
    }

    /// Whoever panicked while holding it had put a whole entry in.
    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The carriers' way to the ledger.
#[derive(Clone)]
pub(super) struct Clerk {
    slips: mpsc::Sender<Slip>,
    tray: Arc<Tray>,
    journal: Arc<Journal>,
    task: Arc<JoinHandle<()>>,
}

impl Clerk {
    /// Starts the clerk; a ledger that fails is told to `halt`.
    pub(super) fn start(
        ledger: Arc<dyn Ledger>,
        publication: String,
        journal: Journal,
        high_water: HighWater,
        halt: watch::Sender<Option<Halt>>,
    ) -> Self {
        let (slips, inbox) = mpsc::channel(GROUP);
        let (journal, tray) = (Arc::new(journal), Arc::<Tray>::default());
        let high_water = Mutex::new(high_water);
        let books = Books {
            ledger,
            publication,
            tray: Arc::clone(&tray),
            journal: Arc::clone(&journal),
            high_water,
            halt,
        };
        Self { slips, tray, journal, task: Arc::new(tokio::spawn(books.keep(inbox))) }
    }

    /// Begins deliveries and says of each whether it may go; when this returns `Done`, that is durable. While the ledger is away every begin is refused.
    pub(super) async fn begin(&self, tickets: impl Iterator<Item = Ticket>) -> Vec<Entered> {
        self.enter(tickets.map(Entry::Begin).collect()).await
    }

    /// Gives deliveries back, begun or not, of whose messages nothing has left.
    pub(super) async fn release(&self, tickets: impl Iterator<Item = Ticket>) {
        self.enter(tickets.map(Entry::Release).collect()).await;
    }

    /// Notes, on this machine, that a message is about to leave. When that cannot be noted, it must not leave.
    pub(super) fn hand_over(&self, ticket: Ticket) -> std::io::Result<()> {
        self.journal.hand_over(ticket)
    }

    /// Tells an outcome: it is noted on this machine at once, and enters the ledger with a coming group.
    pub(super) fn record(&self, ticket: Ticket, outcome: Outcome) {
        self.journal.hold(ticket, outcome.clone());
        self.tray.put(Entry::Record(ticket, outcome));
    }

    /// Tells an outcome and waits until the ledger has it.
    pub(super) async fn record_now(&self, ticket: Ticket, outcome: Outcome) {
        self.note(ticket, &outcome);
        self.enter(vec![Entry::Record(ticket, outcome)]).await;
    }

    /// Waits until everything that was brought is entered. The last clone must call it.
    pub(super) async fn close(self) {
        drop(self.slips);
        if let Some(task) = Arc::into_inner(self.task) {
            // A panic of the clerk is a bug; the entries it held are in the journal.
            let _ = task.await;
        }
    }

    fn note(&self, ticket: Ticket, outcome: &Outcome) {
        // What the journal cannot take the ledger may; should both fail, the reader ends in doubt.
        let _ = self.journal.record(&[(ticket, outcome.clone())]);
    }

    async fn enter(&self, entries: Vec<Entry>) -> Vec<Entered> {
        if entries.is_empty() {
            return Vec::new();
        }
        let refused = vec![Entered::Refused; entries.len()];
        let (answer, answered) = oneshot::channel();
        if self.slips.send(Slip { entries, answer }).await.is_err() {
            return refused;
        }
        answered.await.unwrap_or(refused)
    }
}

struct Books {
    ledger: Arc<dyn Ledger>,
    publication: String,
    tray: Arc<Tray>,
    journal: Arc<Journal>,
    high_water: Mutex<HighWater>,
    halt: watch::Sender<Option<Halt>>,
}

impl Books {
    /// Enters what comes until nobody is left who could bring more.
    async fn keep(self, inbox: mpsc::Receiver<Slip>) {
        let (books, inbox) = (Arc::new(self), Arc::new(sync::Mutex::new(inbox)));
        let mut hands = JoinSet::new();
        for _ in 0..HANDS {
            let (books, inbox) = (Arc::clone(&books), Arc::clone(&inbox));
            hands.spawn(async move { books.work(&inbox).await });
        }
        while hands.join_next().await.is_some() {}
        books.look().await;
        books.journal.shorten();
    }

    async fn work(&self, inbox: &sync::Mutex<mpsc::Receiver<Slip>>) {
        let mut slips = Vec::new();
        loop {
            let is_open = self.gather(&mut *inbox.lock().await, &mut slips).await;
            let begins: Vec<Ticket> =
                slips.iter().flat_map(|slip| &slip.entries).filter_map(begun).collect();
            if let Err(error) = self.journal.begin(&begins) {
                // Nothing may be begun that the journal does not know of; who asked is refused.
                slips.retain(|slip| slip.entries.iter().all(|entry| begun(entry).is_none()));
                self.halt(Halt::Disk(format!("`outcomes.journal` cannot be written: {error}")));
            }
            let mut entries = self.tray.take();
            let mut answers = Vec::with_capacity(slips.len());
            for Slip { entries: asked, answer } in slips.drain(..) {
                answers.push((asked.len(), answer));
                entries.extend(asked);
            }
            if !entries.is_empty() {
                let mut entered = self.enter(&entries).await;
                // The last first, behind all that came out of the tray.
                for (count, answer) in answers.into_iter().rev() {
                    // Who is gone learns nothing; the ledger knows all the same.
                    let _ = answer.send(entered.split_off(entered.len() - count));
                }
            }
            if !is_open {
                return;
            }
        }
    }

    /// Waits for somebody who asks, or for the tray; `false` when nobody is left who could ask.
    async fn gather(&self, inbox: &mut mpsc::Receiver<Slip>, slips: &mut Vec<Slip>) -> bool {
        tokio::select! {
            biased;
            asked = inbox.recv_many(slips, GROUP) => asked > 0,
            () = self.tray.is_due() => true,
        }
    }

    async fn enter(&self, entries: &[Entry]) -> Vec<Entered> {
        match self.try_enter(entries).await {
            Ok(entered) => {
                let answered = || entries.iter().zip(&entered);
                let done = answered().filter(|(entry, entered)| {
                    begun(entry).is_some() && **entered == Entered::Done
                });
                if self.raise(done.count() as u64) {
                    self.look().await;
                }
                self.journal.settle(answered().filter_map(settled));
                let refused = answered().filter(|(_, entered)| **entered == Entered::Refused);
                self.give_back(refused.filter_map(|(entry, _)| begun(entry))).await;
                entered
            }
            Err(error) => {
                self.keep_outcomes(entries, &error);
                vec![Entered::Refused; entries.len()]
            }
        }
    }

    /// Gives back what was refused, so that this run claims it anew: after a jump of the clock its lease is over before its time. What a try began whose answer was lost comes back too.
    async fn give_back(&self, refused: impl Iterator<Item = Ticket>) {
        let entries: Vec<Entry> = refused.map(Entry::Release).collect();
        // Where the ledger goes away just now, the next run takes them.
        if !entries.is_empty()
            && let Ok(entered) = self.ledger.enter(&entries).await
        {
            self.journal.settle(entries.iter().zip(&entered).filter_map(settled));
        }
    }

    /// Counts begins outside the ledger; tells whether it is time to look at what the ledger counts instead.
    fn raise(&self, begins: u64) -> bool {
        let mut high_water = self.high_water();
        if !high_water.is_shared() {
            // The mark is a guard for later; a disk that cannot take it stops the next begin by itself.
            let _ = high_water.raise(begins);
        }
        high_water.is_behind()
    }

    /// Takes over what a ledger that machines share counts. Our own begins are in it, whichever hand entered them: counted once more they would put us ahead of it.
    async fn look(&self) {
        if self.high_water().is_shared()
            && let Ok(mark) = self.ledger.mark(&self.publication).await
        {
            let _ = self.high_water().reach(mark.begins);
        }
    }

    /// Locks it; whoever panicked while holding it had written a whole line.
    fn high_water(&self) -> MutexGuard<'_, HighWater> {
        self.high_water.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Brings the outcomes that the ledger did not take to the disk, and stops the run.
    fn keep_outcomes(&self, entries: &[Entry], error: &LedgerError) {
        let outcomes: Vec<(Ticket, Outcome)> = entries
            .iter()
            .filter_map(|entry| match entry {
                Entry::Record(ticket, outcome) => Some((*ticket, outcome.clone())),
                Entry::Begin(_) | Entry::Release(_) => None,
            })
            .collect();
        // Most stand there already; one that could not be written then may be written now.
        let kept = self.journal.record(&outcomes).and_then(|()| self.journal.sync());
        self.halt(match kept {
            Ok(()) => Halt::from(error),
            Err(disk) => Halt::Disk(format!("{error}; and `outcomes.journal`: {disk}")),
        });
    }

    fn halt(&self, halt: Halt) {
        self.halt.send_if_modified(|halted| {
            let first = halted.is_none();
            halted.get_or_insert(halt);
            first
        });
    }
}

fn begun(entry: &Entry) -> Option<Ticket> {
    match entry {
        Entry::Begin(ticket) => Some(*ticket),
        Entry::Record(..) | Entry::Release(_) => None,
    }
}

/// Returns the delivery that an answered entry leaves nothing open of. A begin that was refused may have been written by a try whose answer was lost.
fn settled((entry, entered): (&Entry, &Entered)) -> Option<Ticket> {
    match entry {
        Entry::Begin(ticket) if *entered == Entered::Suppressed => Some(*ticket),
        Entry::Begin(_) => None,
        Entry::Record(ticket, _) | Entry::Release(ticket) => Some(*ticket),
    }
}
