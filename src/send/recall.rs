//! Calls back what is begun and has not left, once its issue is paused or cancelled (rule D9).
//!
//! To ask the ledger before each message leaves would cost a statement each. A
//! begin that it takes says that the issue is being sent; so it is asked only
//! where the last one is some milliseconds ago and there is something to call
//! back, and at once where it refuses one.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{sync::Notify, time::sleep_until};

use super::{Run, carrier::Shared};

/// For how long the ledger's last word holds: a message that leaves within this time of a pause might as well have left before it.
const HOLDS: Duration = Duration::from_millis(5);

/// What is begun and has not left.
pub(super) struct Recall {
    /// How many that are.
    unsent: AtomicUsize,
    /// When the ledger was last asked whether the issue is being sent.
    asked: Mutex<Instant>,
    /// Told when something is begun where nothing was.
    came: Notify,
    /// Told when a begin was refused.
    refused: Notify,
}

/// A delivery that is begun, counted until it leaves or is given back.
pub(super) struct Unsent {
    recall: Arc<Recall>,
    has_left: AtomicBool,
}

impl Recall {
    pub(super) fn new() -> Self {
        Self {
            unsent: AtomicUsize::new(0),
            asked: Mutex::new(Instant::now()),
            came: Notify::new(),
            refused: Notify::new(),
        }
    }

    /// Counts one more, whose begin the ledger was asked for at an instant.
    pub(super) fn begun(self: &Arc<Self>, at: Instant) -> Unsent {
        self.note(at);
        if self.unsent.fetch_add(1, Ordering::SeqCst) == 0 {
            self.came.notify_one();
        }
        Unsent { recall: Arc::clone(self), has_left: AtomicBool::new(false) }
    }

    /// Says that the ledger refused a begin: perhaps the issue is paused.
    pub(super) fn refused(&self) {
        self.refused.notify_one();
    }

    /// Watches over the issue of a run until it is dropped.
    pub(super) async fn watch(self: Arc<Self>, run: Arc<Run>, shared: Arc<Shared>) {
        loop {
            while self.unsent.load(Ordering::SeqCst) == 0 {
                self.came.notified().await;
            }
            let due = *self.asked() + HOLDS;
            tokio::select! {
                () = sleep_until(due.into()) => {}
                () = self.refused.notified() => self.look(&run, &shared).await,
            }
            if *self.asked() + HOLDS <= due {
                self.look(&run, &shared).await;
            }
        }
    }

    /// Asks the ledger, and calls everything back where the issue is no longer being sent.
    async fn look(&self, run: &Run, shared: &Shared) {
        self.note(Instant::now());
        // A ledger that cannot be asked refuses begins, and is told of by whoever needs it.
        if matches!(run.is_sending().await, Ok(false)) {
            shared.call_back("");
        }
    }

    fn note(&self, at: Instant) {
        let mut asked = self.asked();
        *asked = at.max(*asked);
    }

    /// Whoever panicked while holding it had noted a whole instant.
    fn asked(&self) -> MutexGuard<'_, Instant> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unsent {
    /// Says that it leaves now: it cannot be called back any more.
    pub(super) fn leaves(&self) {
        if !self.has_left.swap(true, Ordering::SeqCst) {
            self.recall.unsent.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        self.leaves();
    }
}
