//! An ear for signals: the first asks a run to end well, the second ends the program.

use std::{fs, future::poll_fn, task::Poll, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinHandle,
};

use super::exit;
use crate::send::Stop;

/// Signals this close together are one: timeout(1) sends one to the process and one to its group.
const ONE: Duration = Duration::from_millis(300);

/// Listens to SIGINT, SIGTERM and SIGHUP for as long as it lives.
pub(super) struct Ears {
    /// What was asked so far.
    pub(super) stopped: watch::Receiver<Stop>,
    task: JoinHandle<()>,
}

impl Ears {
    /// Begins to listen; from here on a signal does not simply end the program.
    pub(super) fn open() -> Self {
        let (stop, stopped) = watch::channel(Stop::No);
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        // Where the system gives no handler, a signal ends the program as before; the ledger bears that too.
        let signals = kinds
            .into_iter()
            .filter(|kind| is_heard(*kind))
            .filter_map(|kind| signal(kind).ok())
            .collect();
        Self { stopped, task: tokio::spawn(listen(stop, signals)) }
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Tells whether a signal is for us: nohup(1) has one ignored, that we go on when the terminal is gone.
fn is_heard(kind: SignalKind) -> bool {
    if kind != SignalKind::hangup() {
        return true;
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // The first of all signals; where nobody tells, it is left as it is.
    ignored.is_some_and(|mask| mask & 1 == 0)
}

async fn listen(stop: watch::Sender<Stop>, mut signals: Vec<Signal>) {
    let mut next = async || {
        poll_fn(|cx| {
            let came = |signal: &mut Signal| signal.poll_recv(cx).is_ready();
            if signals.iter_mut().any(came) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    };
    next().await;
    stop.send_replace(Stop::Drain);
    let first = tokio::time::Instant::now();
    while first.elapsed() < ONE {
        next().await;
    }
    std::process::exit(i32::from(exit::AGAIN));
}
