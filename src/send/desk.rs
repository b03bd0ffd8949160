//! Hands out deliveries: one to each carrier that asks, none before the rate allows it.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    task::JoinHandle,
};

use super::{Halt, LEASE, PATIENCE, Progress, Run, Stop, policy::EXPIRE_AFTER};
use crate::{
    ledger::{Claim, Entry, LedgerError},
    model::IssueState,
};

/// The most deliveries claimed at once.
const CLAIM_AT_ONCE: usize = 256;

/// A reserved instant used later than this is given up and another reserved, so that late ones never bunch up.
const STALE: Duration = Duration::from_millis(100);

/// Why the desk handed out nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Nothing is left to claim now.
    Nothing,
    /// As many as asked for were handed out.
    Limit,
    /// A window of the rate is used up until then.
    Quota(Timestamp),
    /// Somebody or something asked to stop.
    Stopped,
}

/// The desk's own side: it ends when every carrier has gone.
pub(super) struct Desk {
    task: JoinHandle<Reason>,
}

/// A carrier's side: where it asks.
#[derive(Clone)]
pub(super) struct Counter {
    asks: mpsc::Sender<oneshot::Sender<Handed>>,
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
pub(super) struct Out(Arc<Outs>);

#[derive(Debug, Default)]
struct Outs {
    out: AtomicU64,
    given_back: AtomicU64,
    settled: Notify,
}

impl Out {
    fn new(outs: &Arc<Outs>) -> Self {
        outs.out.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(outs))
    }

    /// Says that it was not tried after all, so that it counts towards no limit.
    pub(super) fn give_back(self) {
        self.0.given_back.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        if self.0.out.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.settled.notify_one();
        }
    }
}

impl Counter {
    /// Waits for a delivery; `None` when there is none any more.
    pub(super) async fn ask(&self) -> Option<Handed> {
        let (answer, answered) = oneshot::channel();
        self.asks.send(answer).await.ok()?;
        answered.await.ok()
    }
}

impl Desk {
    /// Opens the desk.
    pub(super) fn open(
        run: Arc<Run>,
        stop: watch::Receiver<Stop>,
        halted: watch::Receiver<Option<Halt>>,
        progress: mpsc::UnboundedSender<Progress>,
    ) -> (Self, Counter) {
        let (asks, inbox) = mpsc::channel(64);
        let work = Work {
            run,
            stop,
            halted,
            progress,
            claims: VecDeque::new(),
            outs: Arc::default(),
            instants: VecDeque::new(),
            handed: 0,
        };
        (Self { task: tokio::spawn(work.serve(inbox)) }, Counter { asks })
    }

    /// Waits for the desk to end and says why it handed out nothing more.
    pub(super) async fn close(self) -> Reason {
        self.task.await.unwrap_or(Reason::Stopped)
    }
}

struct Work {
    run: Arc<Run>,
    stop: watch::Receiver<Stop>,
    halted: watch::Receiver<Option<Halt>>,
    progress: mpsc::UnboundedSender<Progress>,
    claims: VecDeque<(Claim, Instant)>,
    outs: Arc<Outs>,
    instants: VecDeque<(Timestamp, Instant)>,
    handed: u64,
}

impl Work {
    async fn serve(mut self, mut inbox: mpsc::Receiver<oneshot::Sender<Handed>>) -> Reason {
        let mut reason = Reason::Nothing;
        while let Some(ask) = inbox.recv().await {
            match self.next().await {
                Ok(Ok(handed)) => {
                    self.handed += 1;
                    if let Err(unasked) = ask.send(handed) {
                        self.claims.push_front((unasked.claim, unasked.lease_ends));
                        unasked.out.give_back();
                    }
                }
                Ok(Err(ended)) => {
                    reason = ended;
                    break;
                }
                Err(_) => {
                    reason = Reason::Stopped;
                    break;
                }
            }
        }
        // Every carrier that asks is told that there is nothing more. Dropping the inbox would not do:
        // an ask that is just being put in may then lie there for ever, and its carrier wait for ever.
        if self.is_stopping() {
            reason = Reason::Stopped;
        }
        inbox.close();
        while inbox.recv().await.is_some() {}
        self.give_back().await;
        reason
    }

    /// Finds the next delivery and waits until it may begin.
    async fn next(&mut self) -> Result<Result<Handed, Reason>, LedgerError> {
        loop {
            if self.is_stopping() {
                return Ok(Err(Reason::Stopped));
            }
            if self.run.limit.is_some_and(|limit| self.tried() >= limit) {
                if self.wait_for_outs().await {
                    continue;
                }
                return Ok(Err(Reason::Limit));
            }
            self.drop_overdue().await?;
            if self.claims.is_empty() {
                self.claim().await?;
            }
            if self.claims.is_empty() {
                if self.wait_for_outs().await || self.wait_for_retry().await? {
                    continue;
                }
                return Ok(Err(Reason::Nothing));
            }
            match self.permit().await? {
                Permit::Now => {}
                Permit::Again => continue,
                Permit::NotBefore(at) => return Ok(Err(Reason::Quota(at))),
            }
            if let Some((claim, lease_ends)) = self.claims.pop_front() {
                return Ok(Ok(Handed { claim, lease_ends, out: Out::new(&self.outs) }));
            }
        }
    }

    async fn claim(&mut self) -> Result<(), LedgerError> {
        let ends = Instant::now() + LEASE;
        let claims = self
            .run
            .ledger
            .claim(self.run.issue.id, &self.run.owner, self.claim_size(), LEASE, EXPIRE_AFTER)
            .await?;
        self.claims.extend(claims.into_iter().map(|claim| (claim, ends)));
        Ok(())
    }

    /// Claims no more than ten seconds of the slowest rate, so that a claim is used long before its lease ends.
    fn claim_size(&self) -> usize {
        let left = self.run.limit.map_or(u64::MAX, |limit| limit - self.tried());
        let slowest = self
            .run
            .rates
            .iter()
            .map(|rate| 10 * u64::from(rate.count) / rate.window.as_secs().max(1))
            .min()
            .unwrap_or(u64::MAX);
        let most = slowest.max(self.run.connections as u64).min(left).min(CLAIM_AT_ONCE as u64);
        usize::try_from(most).unwrap_or(CLAIM_AT_ONCE)
    }

    /// Gives back claims whose lease is nearly over; they are claimed again under a new fence.
    async fn drop_overdue(&mut self) -> Result<(), LedgerError> {
        let soon = Instant::now() + LEASE / 3;
        if self.claims.front().is_some_and(|(_, lease_ends)| *lease_ends < soon) {
            let entries: Vec<Entry> =
                self.claims.drain(..).map(|(claim, _)| Entry::Release(claim.ticket)).collect();
            self.run.ledger.enter(&entries).await?;
        }
        Ok(())
    }

    /// Returns how many deliveries were handed out and not given back.
    fn tried(&self) -> u64 {
        self.handed - self.outs.given_back.load(Ordering::SeqCst)
    }

    /// Waits until nothing is out with a carrier any more, since what is may come back; `false` when nothing was.
    async fn wait_for_outs(&mut self) -> bool {
        if self.outs.out.load(Ordering::SeqCst) == 0 {
            return false;
        }
        tokio::select! {
            () = self.outs.settled.notified() => {}
            _ = self.stop.wait_for(|stop| *stop != Stop::No) => {}
            _ = self.halted.wait_for(Option::is_some) => {}
        }
        true
    }

    /// Waits for a deferred reader who is due soon; `false` when none is.
    async fn wait_for_retry(&mut self) -> Result<bool, LedgerError> {
        let Some(at) = self.run.ledger.next_retry(self.run.issue.id).await? else {
            return Ok(false);
        };
        let wait = until(at, self.run.ledger.now().await?);
        // Of a paused issue nothing can be claimed, however long it has been due.
        if wait > PATIENCE || !self.is_sending().await? {
            return Ok(false);
        }
        let _ = self.progress.send(Progress::Waiting(at));
        self.sleep(wait.max(Duration::from_millis(50))).await;
        Ok(true)
    }

    async fn is_sending(&self) -> Result<bool, LedgerError> {
        let issue = self.run.ledger.issue(&self.run.publication, &self.run.issue.slug).await?;
        Ok(issue.is_some_and(|issue| issue.state == IssueState::Sending))
    }

    async fn permit(&mut self) -> Result<Permit, LedgerError> {
        if self.run.rates.is_empty() {
            return Ok(Permit::Now);
        }
        if self.instants.is_empty() {
            let reservation = self
                .run
                .ledger
                .reserve(&self.lane(), &self.run.rates, self.reserve_size(), PATIENCE)
                .await?;
            let (now, here) = (self.run.ledger.now().await?, Instant::now());
            self.instants.extend(reservation.at.into_iter().map(|at| (at, here + until(at, now))));
            if self.instants.is_empty() {
                return Ok(Permit::NotBefore(reservation.next));
            }
        }
        let Some((at, due)) = self.instants.pop_front() else { return Ok(Permit::Again) };
        let wait = due.saturating_duration_since(Instant::now());
        if wait > Duration::from_secs(2) {
            let _ = self.progress.send(Progress::Waiting(at));
        }
        if !wait.is_zero() {
            self.sleep(wait).await;
        }
        if self.is_stopping() || due.elapsed() > STALE {
            return Ok(Permit::Again);
        }
        Ok(Permit::Now)
    }

    /// Reserves a twentieth of a second's worth at once: one, for any rate up to 20/s.
    fn reserve_size(&self) -> usize {
        let slowest = self
            .run
            .rates
            .iter()
            .map(|rate| u64::from(rate.count) / rate.window.as_secs().max(1) / 20)
            .min()
            .unwrap_or(1);
        let left = self.run.limit.map_or(u64::MAX, |limit| limit - self.tried());
        usize::try_from(slowest.min(left).clamp(1, CLAIM_AT_ONCE as u64)).unwrap_or(1)
    }

    fn lane(&self) -> String {
        format!("relay {}:{}", self.run.relay.host, self.run.relay.port)
    }

    async fn sleep(&mut self, wait: Duration) {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = self.stop.wait_for(|stop| *stop != Stop::No) => {}
            _ = self.halted.wait_for(Option::is_some) => {}
        }
    }

    fn is_stopping(&self) -> bool {
        *self.stop.borrow() != Stop::No || self.halted.borrow().is_some()
    }

    /// Returns unused claims; should the ledger be away, their lease ends by itself.
    async fn give_back(&mut self) {
        let entries: Vec<Entry> =
            self.claims.drain(..).map(|(claim, _)| Entry::Release(claim.ticket)).collect();
        if !entries.is_empty() {
            let _ = self.run.ledger.enter(&entries).await;
        }
    }
}

enum Permit {
    Now,
    Again,
    NotBefore(Timestamp),
}

fn until(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or_default()
}
