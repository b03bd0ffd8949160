//! The hatch of the desk: where carriers ask, what they get there, and what is out with them.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{Notify, mpsc, oneshot};

use crate::ledger::{Claim, Place};

/// A carrier's side: where it asks.
#[derive(Clone)]
pub(super) struct Hatch {
    pub(super) asks: mpsc::Sender<Ask>,
}

/// For how many a carrier asks, and where it waits.
pub(super) struct Ask {
    pub(super) count: usize,
    pub(super) answer: oneshot::Sender<Vec<Handed>>,
}

/// A delivery to be carried now, and until when its claim holds.
#[derive(Debug)]
pub(super) struct Handed {
    /// The delivery.
    pub(super) claim: Claim,
    /// When the claim's lease ends, on this machine's own clock (rule D6).
    pub(super) lease_ends: Instant,
    /// Held until it is settled or given back.
    pub(super) out: Out,
}

/// Counts a delivery that is out with a carrier, until it is dropped. While one is out it may come back, so the desk stays open.
#[derive(Debug)]
pub(super) struct Out {
    outs: Arc<Outs>,
    /// What the ledger keeps for its beginning.
    places: Vec<Place>,
}

/// All that are out.
#[derive(Debug, Default)]
pub(super) struct Outs {
    out: AtomicU64,
    given_back: AtomicU64,
    /// Places in the rates' windows that nobody used.
    spared: Mutex<Vec<Place>>,
    settled: Notify,
}

impl Outs {
    /// Tells whether a delivery is out with a carrier.
    pub(super) fn is_any_out(&self) -> bool {
        self.out.load(Ordering::SeqCst) > 0
    }

    /// Waits until none is out any more.
    pub(super) async fn settled(&self) {
        self.settled.notified().await;
    }

    /// Returns how many were given back untried.
    pub(super) fn given_back(&self) -> u64 {
        self.given_back.load(Ordering::SeqCst)
    }

    /// Keeps places in the rates' windows that nobody used, until they are given back to the ledger.
    pub(super) fn spare(&self, places: impl IntoIterator<Item = Place>) {
        self.spared().extend(places);
    }

    pub(super) fn is_anything_spared(&self) -> bool {
        !self.spared().is_empty()
    }

    pub(super) fn take_spared(&self) -> Vec<Place> {
        std::mem::take(&mut *self.spared())
    }

    /// Whoever panicked while holding it had put whole places in.
    fn spared(&self) -> MutexGuard<'_, Vec<Place>> {
        self.spared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Out {
    pub(super) fn new(outs: &Arc<Outs>, places: Vec<Place>) -> Self {
        outs.out.fetch_add(1, Ordering::SeqCst);
        Self { outs: Arc::clone(outs), places }
    }

    /// Says that it was not tried after all, so that it counts towards no limit.
    pub(super) fn give_back(self) {
        self.outs.given_back.fetch_add(1, Ordering::SeqCst);
        self.spare();
    }

    /// Says that it is settled, and that the relay saw nothing of it: its place in the rates is another's.
    pub(super) fn spare(mut self) {
        self.outs.spare(std::mem::take(&mut self.places));
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        if self.outs.out.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.outs.settled.notify_one();
        }
    }
}

impl Hatch {
    /// Waits for at least one delivery, and gets up to `count`; none when there is none any more.
    pub(super) async fn ask(&self, count: usize) -> Vec<Handed> {
        let (answer, answered) = oneshot::channel();
        if self.asks.send(Ask { count, answer }).await.is_err() {
            return Vec::new();
        }
        answered.await.unwrap_or_default()
    }
}

/// What a carrier heard that concerns more than its reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signal {
    /// Whom it concerns: the mailboxes of a domain, or with `None` the relay.
    pub(super) domain: Option<String>,
    /// How long nothing is to begin, or with `None` that it was too fast.
    pub(super) pause: Option<Duration>,
    /// What was said.
    pub(super) why: String,
}
