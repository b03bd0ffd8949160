//! Calls back what is begun and has not left, once its issue is paused or cancelled (rule D9).
//!
//! To ask the ledger before each message leaves would cost a statement each. So
//! it is asked every few milliseconds, while there is something to call back,
//! and at once where it refuses a begin.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use super::{Run, carrier::Shared};

/// How often the ledger is asked: a message that leaves within this time of a pause might as well have left before it.
const LOOK: Duration = Duration::from_millis(5);

/// How many deliveries are begun and have not left.
#[derive(Default)]
pub(super) struct Recall {
    unsent: AtomicUsize,
    /// Told when there is one.
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
    /// Counts one more.
    pub(super) fn begun(self: &Arc<Self>) -> Unsent {
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
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.refused.notified() => {}
            }
            // A ledger that cannot be asked refuses begins, and is told of by whoever needs it.
            if self.unsent.load(Ordering::SeqCst) > 0 && matches!(run.is_sending().await, Ok(false))
            {
                shared.call_back("");
            }
        }
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
