//! One connection's work: take a delivery, begin it, hand it over, say how it ended.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, watch};

use super::{
    Halt, Progress, Run, Stop,
    clerk::Clerk,
    desk::{Counter, Handed, Signal},
    policy::{self, Effect, Providers, Refusals, Ruling, Scope},
    provider::provider,
    settled,
};
use crate::{
    compose::Purpose,
    ledger::{Entered, Entry},
    model::{Outcome, Stage},
    smtp::{Connection, Envelope, Handover, OpenError},
};

/// How often a relay may fail to be reached before a run gives up, and the waits between.
const REOPEN: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(8),
    Duration::from_secs(20),
];

/// How long a relay may fail, however slowly it does so.
const GIVE_UP: Duration = Duration::from_mins(1);

/// An outcome waits this long at most for the next begin to travel with.
const COMPANY: Duration = Duration::from_millis(2);

/// How many protocol errors (500-503) end a run.
const DESYNCS: u32 = 3;

/// What all carriers of a run know together.
pub(super) struct Shared {
    refusals: Mutex<Refusals>,
    providers: Mutex<Providers>,
    desyncs: AtomicU32,
    /// How many carriers are at work.
    carriers: AtomicUsize,
    signals: mpsc::UnboundedSender<Signal>,
    halt: watch::Sender<Option<Halt>>,
}

impl Shared {
    pub(super) fn new(
        share: f64,
        carriers: usize,
        signals: mpsc::UnboundedSender<Signal>,
        halt: watch::Sender<Option<Halt>>,
    ) -> Self {
        Self {
            refusals: Mutex::new(Refusals::new(share)),
            providers: Mutex::new(Providers::default()),
            desyncs: AtomicU32::new(0),
            carriers: AtomicUsize::new(carriers),
            signals,
            halt,
        }
    }

    /// Tells whether a carrier may leave because others stay: a relay that is too busy gets one connection less.
    fn may_leave(&self) -> bool {
        let one_less = |carriers: usize| (carriers > 1).then(|| carriers - 1);
        self.carriers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok()
    }

    fn signal(&self, domain: Option<&str>, pause: Option<Duration>, why: &str) {
        let (domain, why) = (domain.map(str::to_owned), why.to_owned());
        // Where the desk is gone, so is the run.
        let _ = self.signals.send(Signal { domain, pause, why });
    }

    fn halt(&self, halt: Halt) {
        self.halt.send_if_modified(|halted| {
            let first = halted.is_none();
            halted.get_or_insert(halt);
            first
        });
    }

    fn is_halted(&self) -> bool {
        self.halt.borrow().is_some()
    }

    /// Counts an outcome, and stops or pauses what is refused too often.
    fn note(&self, domain: &str, ruling: &Ruling) {
        let outcome = &ruling.outcome;
        let is_policy = ruling.effect == Effect::Policy;
        let tripped = self.providers.lock().unwrap_or_else(PoisonError::into_inner).note(
            || provider(domain),
            is_policy,
            Instant::now(),
        );
        if tripped {
            self.signal(Some(domain), Some(policy::POLICY_PAUSE), outcome.said());
        }
        let passed = self.refusals.lock().unwrap_or_else(PoisonError::into_inner).note(outcome);
        if passed {
            self.halt(Halt::Refusals(format!(
                "too many of the last {} readers were refused; the last one: {}",
                Refusals::WINDOW,
                outcome.said()
            )));
        }
    }
}

/// Carries deliveries over one connection until there are none.
pub(super) async fn carry(
    number: usize,
    run: Arc<Run>,
    counter: Counter,
    clerk: Clerk,
    shared: Arc<Shared>,
    stop: watch::Receiver<Stop>,
    progress: mpsc::UnboundedSender<Progress>,
) {
    let mut carrier = Carrier {
        number,
        run,
        clerk,
        shared,
        stop,
        progress,
        connection: None,
        failures: 0,
        failing_since: None,
        carried: 0,
        has_left: false,
    };
    let mut outcome: Option<Entry> = None;
    while !carrier.has_left {
        let ask = counter.ask();
        tokio::pin!(ask);
        let handed = if let Ok(handed) = tokio::time::timeout(COMPANY, &mut ask).await {
            handed
        } else {
            carrier.enter(outcome.take(), None).await;
            ask.await
        };
        let Some(handed) = handed else { break };
        outcome = carrier.deliver(outcome.take(), handed).await;
    }
    carrier.enter(outcome, None).await;
    if let Some(connection) = carrier.connection.take() {
        connection.quit().await;
    }
}

struct Carrier {
    number: usize,
    run: Arc<Run>,
    clerk: Clerk,
    shared: Arc<Shared>,
    stop: watch::Receiver<Stop>,
    progress: mpsc::UnboundedSender<Progress>,
    connection: Option<Connection>,
    failures: usize,
    failing_since: Option<Instant>,
    /// How many messages went over this connection.
    carried: u32,
    /// Whether the relay gets on better with one connection less.
    has_left: bool,
}

impl Carrier {
    /// Delivers one message. Takes the outcome of the last one along to the ledger and returns the outcome of this one, for the ledger to learn with the next begin.
    async fn deliver(&mut self, last: Option<Entry>, handed: Handed) -> Option<Entry> {
        let ticket = handed.claim.ticket;
        if !self.is_connected().await {
            // A connection may take a while: what is known is recorded first.
            self.enter(last, None).await;
            if !self.connect().await {
                self.clerk.enter(vec![Entry::Release(ticket)]).await;
                return None;
            }
            return self.hand_over(None, handed).await;
        }
        self.hand_over(last, handed).await
    }

    async fn hand_over(&mut self, last: Option<Entry>, handed: Handed) -> Option<Entry> {
        let ticket = handed.claim.ticket;
        match self.enter(last, Some(Entry::Begin(ticket))).await {
            Some(Entered::Done) => {}
            Some(Entered::Suppressed) => {
                let _ =
                    self.progress.send(Progress::Settled(crate::model::DeliveryState::Suppressed));
                return None;
            }
            _ => return None,
        }
        let ruling = self.send(&handed).await;
        self.shared.note(handed.claim.reader.address.domain(), &ruling);
        let _ = self.progress.send(settled(&ruling.outcome));
        let record = Entry::Record(ticket, ruling.outcome.clone());
        if matches!(ruling.effect, Effect::GoOn | Effect::Policy) {
            self.failures = 0;
            self.failing_since = None;
            return Some(record);
        }
        // Something is wrong beyond this reader: the ledger learns at once.
        self.enter(Some(record), None).await;
        self.follow(ruling, handed.claim.reader.address.domain()).await;
        None
    }

    async fn send(&mut self, handed: &Handed) -> Ruling {
        let claim = &handed.claim;
        let ticket = claim.ticket;
        let go_on = |outcome| Ruling { outcome, effect: Effect::GoOn };
        let unfit = |why: String| Outcome::Rejected {
            said: format!("copy not possible: {why}"),
            hard: false,
        };
        let printed = match self.run.press.print(
            &claim.reader,
            &claim.message_id,
            ticket.slot,
            Purpose::Real,
        ) {
            Ok(printed) => printed,
            Err(why) => return go_on(unfit(why.to_string())),
        };
        let Some(connection) = &mut self.connection else {
            return policy::broken(Stage::Connect, "there is no connection", ticket.attempt);
        };
        self.carried += 1;
        let envelope = Envelope { from: &printed.return_path, to: &claim.reader.address };
        let handover =
            connection.deliver(&envelope, &printed.bytes, Some(handed.lease_ends.into())).await;
        match handover {
            Handover::Accepted(reply) => go_on(Outcome::Accepted { said: reply.to_string() }),
            Handover::Refused { stage, reply } => policy::judge(stage, &reply, ticket.attempt),
            Handover::Unfit { why } => go_on(unfit(why)),
            Handover::NotSent { stage, why } => policy::broken(stage, &why, ticket.attempt),
            Handover::InDoubt { why } => {
                Ruling { outcome: Outcome::InDoubt { said: why }, effect: Effect::BackOff }
            }
        }
    }

    /// Does what a ruling asks beyond its reader, whose mailbox is at `domain`.
    async fn follow(&mut self, ruling: Ruling, domain: &str) {
        let said = ruling.outcome.said().to_owned();
        let whom = |scope| (scope == Scope::Provider).then_some(domain);
        match ruling.effect {
            Effect::GoOn | Effect::Policy => {}
            Effect::BackOff => {
                self.hang_up().await;
                self.fail(&said).await;
            }
            Effect::Slow(scope) => {
                self.shared.signal(whom(scope), None, &said);
                self.hang_up().await;
                self.has_left = scope == Scope::Relay && self.shared.may_leave();
            }
            Effect::Pause(scope, length, why) => {
                self.shared.signal(whom(scope), Some(length), &why);
                self.hang_up().await;
            }
            Effect::Records(why) => {
                self.shared.signal(Some(domain), Some(policy::RECORDS_PAUSE), &why);
                self.hang_up().await;
                let stopped = self
                    .shared
                    .providers
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .stop(provider(domain));
                if stopped >= policy::PROVIDERS_STOPPED {
                    self.shared.halt(Halt::Refusals(why));
                }
            }
            Effect::Desync => {
                self.hang_up().await;
                let before = self.shared.desyncs.fetch_add(1, Ordering::Relaxed);
                if before + 1 >= DESYNCS {
                    self.shared
                        .halt(Halt::Relay(format!("the relay does not follow SMTP: {said}")));
                }
            }
            Effect::Credentials => {
                self.hang_up().await;
                self.shared
                    .halt(Halt::Credentials(format!("the relay refused our credentials: {said}")));
            }
            Effect::Halt(why) => self.shared.halt(Halt::Refusals(why)),
        }
    }

    /// Opens a connection, trying again for a while; `false` when the run must end instead.
    async fn connect(&mut self) -> bool {
        loop {
            if self.has_left || self.is_stopping() {
                return false;
            }
            let mut halted = self.shared.halt.subscribe();
            let opened = tokio::select! {
                opened = Connection::open(&self.run.relay) => opened,
                // Nothing was begun, so nothing is lost by not waiting for a silent relay.
                _ = self.stop.wait_for(|stop| *stop != Stop::No) => return false,
                _ = halted.wait_for(Option::is_some) => return false,
            };
            let error = match opened {
                Ok(connection) => {
                    self.connection = Some(connection);
                    self.carried = 0;
                    return true;
                }
                Err(error) => error,
            };
            match &error {
                OpenError::Refused { stage: Stage::Auth, reply, .. } if reply.is_permanent() => {
                    self.shared.halt(Halt::Credentials(error.to_string()));
                }
                OpenError::Untrusted { .. } => {
                    self.shared.halt(Halt::Untrusted(error.to_string()));
                }
                OpenError::Unsafe { .. } => {
                    self.shared.halt(Halt::Relay(error.to_string()));
                }
                OpenError::Refused { .. } | OpenError::Broken { .. } => {
                    self.fail(&error.to_string()).await;
                }
            }
        }
    }

    /// Notes a failure of the relay and waits; after the last wait the run ends.
    async fn fail(&mut self, why: &str) {
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        let wait = REOPEN.get(self.failures).filter(|_| since.elapsed() < GIVE_UP);
        let Some(wait) = wait else {
            self.has_left = self.shared.may_leave();
            if !self.has_left {
                self.shared.halt(Halt::Relay(why.to_owned()));
            }
            return;
        };
        self.failures += 1;
        if self.number == 0 || self.failures > 1 {
            let _ = self.progress.send(Progress::Trouble(why.to_owned()));
        }
        let mut halted = self.shared.halt.subscribe();
        tokio::select! {
            () = tokio::time::sleep(*wait) => {}
            _ = self.stop.wait_for(|stop| *stop != Stop::No) => {}
            _ = halted.wait_for(Option::is_some) => {}
        }
    }

    async fn hang_up(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.quit().await;
        }
    }

    /// Looks at the connection before a begin, so that one which the relay closed while it was idle costs no reader an attempt.
    async fn is_connected(&mut self) -> bool {
        if self.run.messages.is_some_and(|most| self.carried >= most) {
            self.hang_up().await;
        }
        if let Some(connection) = &mut self.connection
            && !connection.is_alive().await
        {
            self.connection = None;
        }
        self.connection.is_some()
    }

    fn is_stopping(&self) -> bool {
        self.shared.is_halted() || *self.stop.borrow() != Stop::No
    }

    /// Enters an outcome and a begin, whichever there are, in that order, and returns the answer to the begin.
    async fn enter(&self, outcome: Option<Entry>, begin: Option<Entry>) -> Option<Entered> {
        let asks = begin.is_some();
        let entries: Vec<Entry> = outcome.into_iter().chain(begin).collect();
        if entries.is_empty() {
            return None;
        }
        let entered = self.clerk.enter(entries).await;
        if asks { entered.last().copied() } else { None }
    }
}
