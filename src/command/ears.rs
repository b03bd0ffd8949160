//! An ear for signals: the first asks a run to end well, the second ends the program.

use std::time::Duration;

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinHandle,
};

use super::exit;
use crate::send::Stop;

/// Signals this close together are one: timeout(1) sends one to the process and one to its group.
const ONE: Duration = Duration::from_millis(300);

/// Listens to SIGINT and SIGTERM for as long as it lives.
pub(super) struct Ears {
    /// What was asked so far.
    pub(super) stopped: watch::Receiver<Stop>,
    task: JoinHandle<()>,
}

impl Ears {
    /// Begins to listen; from here on a signal does not simply end the program.
    pub(super) fn open() -> Self {
        let (stop, stopped) = watch::channel(Stop::No);
        // Where the system gives no handler, a signal ends the program as before; the ledger bears that too.
        let signals =
            signal(SignalKind::interrupt()).ok().zip(signal(SignalKind::terminate()).ok());
        Self { stopped, task: tokio::spawn(listen(stop, signals)) }
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(stop: watch::Sender<Stop>, signals: Option<(Signal, Signal)>) {
    let Some((mut interrupt, mut terminate)) = signals else { return };
    let mut next = async || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    next().await;
    stop.send_replace(Stop::Drain);
    let first = tokio::time::Instant::now();
    while first.elapsed() < ONE {
        next().await;
    }
    std::process::exit(i32::from(exit::AGAIN));
}
