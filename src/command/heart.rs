//! A sender's heart on a ledger that machines share: others see that it lives, and while it beats what dead ones held is taken back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::{Mutex, mpsc, watch},
    task::JoinHandle,
};

use super::lock::{Sender, host};
use crate::{
    ledger::{Gone, Ledger, LedgerError, SILENCE, Seen, Worker},
    send::Progress,
};

/// How often the ledger hears that we live.
const BEAT: Duration = Duration::from_secs(5);

/// How long the last beat may take once the sender ends.
const LAST: Duration = Duration::from_secs(3);

/// Beats until it is stopped.
pub(super) struct Heart {
    body: Arc<Body>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

struct Body {
    ledger: Arc<dyn Ledger>,
    name: String,
    command: &'static str,
    gone: Gone,
    /// What is being sent now.
    work: Mutex<Option<Issue>>,
    settled: AtomicU64,
}

/// An issue that is being sent.
#[derive(Clone)]
pub(super) struct Issue {
    pub(super) publication: String,
    pub(super) slug: String,
    pub(super) id: i64,
}

impl Heart {
    /// Starts it for a sender who works on `work`, or waits for something to do.
    pub(super) fn start(ledger: Arc<dyn Ledger>, sender: &Sender, work: Option<Issue>) -> Self {
        let body = Arc::new(Body {
            ledger,
            name: sender.name.clone(),
            // Who has the files has something to send from the start.
            command: if work.is_some() { "send" } else { "worker" },
            gone: sender.gone(),
            work: Mutex::new(work),
            settled: AtomicU64::new(0),
        });
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(Arc::clone(&body).beat(stopped));
        Self { body, stop, task }
    }

    /// Says what is being sent from now on.
    pub(super) async fn work_on(&self, work: Option<Issue>) {
        *self.body.work.lock().await = work;
    }

    /// Counts what a run tells, and passes it on.
    pub(super) fn listen(
        &self,
        mut told: mpsc::UnboundedReceiver<Progress>,
    ) -> mpsc::UnboundedReceiver<Progress> {
        let (pass, passed) = mpsc::unbounded_channel();
        let body = Arc::clone(&self.body);
        tokio::spawn(async move {
            while let Some(progress) = told.recv().await {
                if let Progress::Settled(_) = progress {
                    body.settled.fetch_add(1, Ordering::Relaxed);
                }
                // Whoever does not watch is counted for all the same.
                let _ = pass.send(progress);
            }
        });
        passed
    }

    /// Stops it, and tells the ledger that this sender has ended; one that is away sees for itself.
    pub(super) async fn stop(self) {
        let _ = self.stop.send(true);
        // A beat that is under way would be heard after the farewell.
        if tokio::time::timeout(LAST, self.task).await.is_ok() {
            let _ = self.body.ledger.sign_out(&self.body.name).await;
        }
    }
}

impl Body {
    async fn beat(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        let (mut before, mut since) = (0, Instant::now());
        let mut is_alone = false;
        while !*stopped.borrow() {
            let settled = self.settled.load(Ordering::Relaxed);
            let count = u32::try_from(settled - before).unwrap_or(u32::MAX);
            let rate = f64::from(count) / since.elapsed().as_secs_f64().max(1.0);
            (before, since) = (settled, Instant::now());
            // A ledger that is away is told the next time.
            is_alone = is_alone || self.bury().await.is_ok();
            let work = self.work.lock().await.clone();
            let per_second = if work.is_some() { rate } else { 0.0 };
            let _ = self.ledger.sign_in(&self.worker(work.as_ref(), per_second)).await;
            if let Some(work) = work {
                let _ = self.ledger.recover(work.id, Box::new(|_| false)).await;
            }
            tokio::select! {
                () = tokio::time::sleep(BEAT) => {}
                _ = stopped.wait_for(|stopped| *stopped) => {}
            }
        }
    }

    /// Takes those off who worked in our state folder before, and died.
    async fn bury(&self) -> Result<(), LedgerError> {
        for seen in self.ledger.workers().await? {
            if (self.gone)(&seen.worker.name) && seen.worker.name != self.name {
                self.ledger.sign_out(&seen.worker.name).await?;
            }
        }
        Ok(())
    }

    fn worker(&self, work: Option<&Issue>, per_second: f64) -> Worker {
        Worker {
            name: self.name.clone(),
            host: host(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: self.command.to_owned(),
            publication: work.map(|work| work.publication.clone()),
            issue: work.map(|work| work.slug.clone()),
            per_second: (per_second * 10.0).round() / 10.0,
        }
    }
}

/// Tells whether a sender's heart has stopped without its saying so; `now` is the ledger's.
pub(super) fn is_gone(seen: &Seen, now: jiff::Timestamp) -> bool {
    Duration::try_from(now.duration_since(seen.at)).is_ok_and(|silent| silent > SILENCE)
}
