//! An ear for signals: the first asks a run to end well, the second ends the program.

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinHandle,
};

use super::exit;
use crate::send::Stop;

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
    for first in [true, false] {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if !first {
            std::process::exit(i32::from(exit::AGAIN));
        }
        stop.send_replace(Stop::Drain);
    }
}
