//! One connection's work: take a delivery, begin it, hand it over, say how it ended.

use std::{
    collections::{HashMap, HashSet},
    ops::RangeInclusive,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, watch};

use super::{
    Halt, Progress, Run, Stop,
    clerk::Clerk,
    hatch::Signal,
    policy::{self, Effect, Providers, Refusals, Ruling, Scope},
    pouch::{Copy, Pouch, unfit},
    provider::provider,
    settled,
};
use crate::{
    model::{Outcome, Stage},
    smtp::{Connection, Handover, OpenError},
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

/// How soon a message must be answered for the next ones to be begun ahead; behind a slow one they would wait while people leave the list.
const QUICK: Duration = Duration::from_millis(250);

/// How soon what is begun ahead is to leave: whoever unsubscribes after their begin still gets the mail, and whoever a power cut finds begun is in doubt.
const SOON: Duration = Duration::from_millis(20);

/// The least begun ahead of a quick relay, so that an envelope can leave behind a message; and the most.
const AHEAD: RangeInclusive<usize> = 2..=16;

/// How old a connection may become. Relays that are many machines behind one name spread their load when we ring, and take one out only when nobody is on the line.
const AGE: Duration = Duration::from_mins(30);

/// How many protocol errors (500-503) end a run. Those to one reader's recipient command are one: whoever's own server answers so stops nobody else.
const DESYNCS: usize = 3;

/// The protocol errors of a run.
#[derive(Default)]
struct Desyncs {
    slots: HashSet<i64>,
    others: usize,
}

impl Desyncs {
    /// Notes one, at the delivery of a `slot` or at nobody's, and returns how many there are.
    fn note(&mut self, slot: Option<i64>) -> usize {
        match slot {
            Some(slot) => _ = self.slots.insert(slot),
            None => self.others += 1,
        }
        self.slots.len() + self.others
    }
}

/// What all carriers of a run know together.
pub(super) struct Shared {
    refusals: Mutex<Refusals>,
    providers: Mutex<Providers>,
    desyncs: Mutex<Desyncs>,
    /// How many carriers are at work.
    carriers: AtomicUsize,
    signals: mpsc::UnboundedSender<Signal>,
    /// Who was last told to wait, and when: what was begun for them before comes back.
    called_back: Mutex<HashMap<String, Instant>>,
    is_anybody_called_back: AtomicBool,
    /// Whether the relay takes an envelope behind a message.
    announce: AtomicBool,
    /// Whether the relay takes a message by its length.
    chunk: AtomicBool,
    halt: watch::Sender<Option<Halt>>,
}

impl Shared {
    pub(super) fn new(
        run: &Run,
        carriers: usize,
        signals: mpsc::UnboundedSender<Signal>,
        halt: watch::Sender<Option<Halt>>,
    ) -> Self {
        Self {
            refusals: Mutex::new(Refusals::new(run.stop_at_rejected)),
            providers: Mutex::new(Providers::default()),
            desyncs: Mutex::default(),
            carriers: AtomicUsize::new(carriers),
            signals,
            called_back: Mutex::default(),
            is_anybody_called_back: AtomicBool::new(false),
            announce: AtomicBool::new(true),
            chunk: AtomicBool::new(run.chunking),
            halt,
        }
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

    fn may_announce(&self) -> bool {
        self.announce.load(Ordering::Relaxed)
    }

    fn announce_no_more(&self) {
        self.announce.store(false, Ordering::Relaxed);
    }

    fn may_chunk(&self) -> bool {
        self.chunk.load(Ordering::Relaxed)
    }

    fn chunk_no_more(&self) {
        self.chunk.store(false, Ordering::Relaxed);
    }

    /// Tells whether a carrier may leave because others stay: a relay that is too busy gets one connection less.
    fn may_leave(&self) -> bool {
        let one_less = |carriers: usize| (carriers > 1).then(|| carriers - 1);
        self.carriers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok()
    }

    /// Has a provider's deliveries come back that are begun and have not left; the empty name is everybody.
    pub(super) fn call_back(&self, provider: &str) {
        lock(&self.called_back).insert(provider.to_owned(), Instant::now());
        self.is_anybody_called_back.store(true, Ordering::SeqCst);
    }

    fn signal(&self, domain: Option<&str>, pause: Option<Duration>, why: &str) {
        self.call_back(domain.map_or("", provider));
        let (domain, why) = (domain.map(str::to_owned), why.to_owned());
        // Where the desk is gone, so is the run.
        let _ = self.signals.send(Signal { domain, pause, why });
    }

    /// Tells whether a copy was begun before its provider, or the relay, or whoever paused the issue, wanted us to wait.
    fn is_called_back(&self, copy: &Copy) -> bool {
        self.is_anybody_called_back.load(Ordering::SeqCst) && {
            let called_back = lock(&self.called_back);
            ["", provider(copy.domain())]
                .iter()
                .filter_map(|name| called_back.get(*name))
                .any(|when| copy.was_begun_before(*when))
        }
    }

    /// Notes that the provider of `domain` finds our DNS records wrong; where several do, it is not the provider.
    fn stop(&self, domain: &str, why: String) {
        self.signal(Some(domain), Some(policy::RECORDS_PAUSE), &why);
        if lock(&self.providers).stop(provider(domain)) >= policy::PROVIDERS_STOPPED {
            self.halt(Halt::Refusals(why));
        }
    }

    /// Counts an outcome at `domain`, and stops or pauses what is refused too often.
    fn note(&self, domain: &str, ruling: &Ruling) {
        let (outcome, is_policy) = (&ruling.outcome, ruling.effect == Effect::Policy);
        if lock(&self.providers).note(|| provider(domain), is_policy, Instant::now()) {
            self.signal(Some(domain), Some(policy::POLICY_PAUSE), outcome.said());
        }
        if lock(&self.refusals).note(outcome) {
            self.halt(Halt::Refusals(format!(
                "too many of the last {} readers were refused; the last one: {}",
                Refusals::WINDOW,
                outcome.said()
            )));
        }
    }
}

/// Returns how many deliveries are begun ahead of a relay that answered the last message in `pace`.
fn ahead(pace: Duration) -> usize {
    if pace >= QUICK {
        return 0;
    }
    let leave_soon = SOON.as_micros() / pace.as_micros().max(1);
    usize::try_from(leave_soon).unwrap_or(usize::MAX).clamp(*AHEAD.start(), *AHEAD.end())
}

/// Locks what a carrier that panicked may have held: counts are whole at any time.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries deliveries over one connection until there are none.
pub(super) async fn carry(
    number: usize,
    run: Arc<Run>,
    pouch: Pouch,
    clerk: Clerk,
    shared: Arc<Shared>,
    stop: watch::Receiver<Stop>,
    progress: mpsc::UnboundedSender<Progress>,
) {
    let mut carrier = Carrier {
        number,
        run,
        clerk,
        pouch,
        shared,
        stop,
        progress,
        connection: None,
        failures: 0,
        failing_since: None,
        pace: Duration::MAX,
        carried: 0,
        opened: Instant::now(),
        has_left: false,
    };
    let mut ahead = None;
    while !carrier.is_stopping()
        && !carrier.has_left
        && let Some(copy) = match ahead.take() {
            Some(copy) => Some(copy),
            None => carrier.next().await,
        }
    {
        ahead = carrier.deliver(copy).await;
    }
    if let Some(copy) = ahead {
        copy.give_back(&carrier.clerk).await;
    }
    if let Some(connection) = carrier.connection.take() {
        connection.quit().await;
    }
}

struct Carrier {
    number: usize,
    run: Arc<Run>,
    clerk: Clerk,
    pouch: Pouch,
    shared: Arc<Shared>,
    stop: watch::Receiver<Stop>,
    progress: mpsc::UnboundedSender<Progress>,
    connection: Option<Connection>,
    failures: usize,
    failing_since: Option<Instant>,
    /// How long the last message took to be answered.
    pace: Duration,
    /// How many messages went over this connection.
    carried: u32,
    /// When it was opened.
    opened: Instant,
    /// Whether the relay gets on better with one connection less.
    has_left: bool,
}

impl Carrier {
    /// Finds the next copy to carry; `None` where there is none any more, or no connection to carry it over.
    async fn next(&mut self) -> Option<Copy> {
        // Opening one may take a while, and before it is open nothing is begun for it, nor kept from others.
        let is_empty = self.pouch.is_empty();
        if self.connection.is_none() || (is_empty && !self.is_connected().await) {
            let handed = if is_empty { Some(self.pouch.ask().await?) } else { None };
            if !self.connect().await {
                if let Some(handed) = handed {
                    self.clerk.release([handed.claim.ticket].into_iter()).await;
                    handed.out.give_back();
                }
                return None;
            }
            if let Some(handed) = handed
                && let Some(copy) = self.pouch.begin(handed).await
            {
                return Some(copy);
            }
        }
        self.pouch.take().await
    }

    /// Delivers a copy; returns the next one where its envelope has left with it, or would have.
    async fn deliver(&mut self, copy: Copy) -> Option<Copy> {
        let is_announced = self.connection.as_ref().is_some_and(Connection::is_ahead);
        let can_leave = is_announced || self.is_connected().await || self.connect().await;
        let is_late = || copy.is_stale() || self.shared.is_called_back(&copy);
        if !can_leave || (!is_announced && is_late()) {
            // Somebody may have left the list meanwhile, or be paused: it is begun anew.
            copy.give_back(&self.clerk).await;
            return None;
        }
        let quick = self.pace < QUICK;
        self.pouch.fill(ahead(self.pace));
        let is_last = self.is_worn_out_by(self.carried + 1);
        let is_chunked = self.is_chunked(quick);
        let may_announce = quick && !is_last && !is_chunked && self.shared.may_announce();
        let next = if may_announce { self.pouch.try_take() } else { None };
        let started = Instant::now();
        let (handover, refused) = self.hand_over(&copy, next.as_ref()).await;
        self.pace = started.elapsed();
        self.carried += 1;
        if refused {
            self.hang_up().await;
            copy.give_back(&self.clerk).await;
            return next;
        }
        let ruling = self.rule(&copy, handover, (is_announced, is_chunked));
        self.shared.note(copy.domain(), &ruling);
        let _ = self.progress.send(settled(&ruling.outcome));
        if matches!(ruling.effect, Effect::GoOn | Effect::Policy) {
            self.failures = 0;
            self.failing_since = None;
            self.clerk.record(copy.ticket(), ruling.outcome);
        } else {
            // Something is wrong beyond this reader: the ledger learns at once.
            self.clerk.record_now(copy.ticket(), ruling.outcome.clone()).await;
            self.follow(ruling, &copy).await;
        }
        next
    }

    /// Hands a copy to the relay. The second value tells that we ourselves kept it back at the last moment.
    async fn hand_over(&mut self, copy: &Copy, next: Option<&Copy>) -> (Handover, bool) {
        let Some(connection) = &mut self.connection else {
            let why = "there is no connection".to_owned();
            return (Handover::NotSent { stage: Stage::Connect, why }, false);
        };
        let (clerk, shared, mut refused) = (&self.clerk, &self.shared, false);
        let leaving = || {
            let kept = if copy.is_stale() {
                Err("it was begun too long ago".to_owned())
            } else if shared.is_called_back(copy) {
                Err("it was called back".to_owned())
            } else {
                clerk.hand_over(copy.ticket()).map_err(|error| {
                    let why = format!("`outcomes.journal` cannot be written: {error}");
                    shared.halt(Halt::Disk(why.clone()));
                    why
                })
            };
            refused = kept.is_err();
            if !refused {
                copy.leaves();
            }
            kept
        };
        let next = next.map(Copy::parcel);
        let ends = Some(copy.lease_ends().into());
        let handover = connection.hand_over(copy.parcel(), next, ends, leaving).await;
        (handover, refused)
    }

    /// Tells whether the next message goes by its length: to a relay that is quick, until it breaks off at one.
    fn is_chunked(&mut self, quick: bool) -> bool {
        let Some(connection) = &mut self.connection else { return false };
        connection.allow_chunking(quick && self.shared.may_chunk());
        connection.is_chunking()
    }

    /// Says what an answer means.
    fn rule(
        &self,
        copy: &Copy,
        handover: Handover,
        (is_announced, is_chunked): (bool, bool),
    ) -> Ruling {
        let attempt = copy.ticket().attempt;
        let go_on = |outcome| Ruling { outcome, effect: Effect::GoOn };
        let ruling = match handover {
            Handover::Accepted(reply) => go_on(Outcome::Accepted { said: reply.to_string() }),
            Handover::Refused { stage, reply } => policy::judge(stage, &reply, attempt),
            Handover::Unfit { why } => go_on(unfit(&why)),
            Handover::Unwelcome { why } => policy::unwelcome(&why),
            Handover::NotSent { stage, why } => policy::broken(stage, &why, attempt),
            Handover::InDoubt { why } => {
                Ruling { outcome: Outcome::InDoubt { said: why }, effect: Effect::BackOff }
            }
        };
        if !matches!(ruling.effect, Effect::BackOff | Effect::Desync) {
            return ruling;
        }
        // Perhaps this relay only says that it can: from now on messages go to it in a plainer way.
        if is_chunked {
            self.shared.chunk_no_more();
        } else if is_announced {
            self.shared.announce_no_more();
        } else {
            return ruling;
        }
        Ruling { effect: Effect::BackOff, ..ruling }
    }

    /// Does what a ruling asks beyond the reader of its copy.
    async fn follow(&mut self, ruling: Ruling, copy: &Copy) {
        let (slot, domain) = (copy.ticket().slot, copy.domain());
        let said = ruling.outcome.said().to_owned();
        let whom = |scope| (scope == Scope::Provider).then_some(domain);
        match ruling.effect {
            Effect::GoOn | Effect::Policy => {}
            Effect::Slow(scope) => {
                self.hang_up().await;
                self.shared.signal(whom(scope), None, &said);
            }
            Effect::Pause(scope, length, why) => {
                self.hang_up().await;
                self.shared.signal(whom(scope), Some(length), &why);
            }
            Effect::Records(why) => {
                self.hang_up().await;
                self.shared.stop(domain, why);
            }
            Effect::BackOff => {
                self.hang_up().await;
                let why = format!("the relay {}: {said}", self.run.relay.name());
                self.fail(Halt::Relay(why)).await;
            }
            Effect::Desync => {
                self.hang_up().await;
                let is_at_reader =
                    matches!(ruling.outcome, Outcome::Deferred { counted: true, .. });
                if lock(&self.shared.desyncs).note(is_at_reader.then_some(slot)) >= DESYNCS {
                    let relay = format!("the relay {}", self.run.relay.name());
                    self.shared.halt(Halt::Relay(format!("{relay} does not follow SMTP: {said}")));
                }
            }
            // The token has run out on an open connection; whether another is taken, the next one tells.
            Effect::Credentials if self.carried > 1 && self.run.relay.forget_token() => {
                self.hang_up().await;
            }
            Effect::Credentials => {
                self.hang_up().await;
                self.shared
                    .halt(Halt::Credentials(format!("the relay refused our credentials: {said}")));
            }
            Effect::Halt(why) => self.shared.halt(Halt::Refused(why)),
            Effect::HaltAtCopy(why) => {
                let whose = copy.parcel().envelope.to.masked();
                self.shared.halt(Halt::Copy(format!("{why}; it was the copy for {whose}")));
            }
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
                    self.opened = Instant::now();
                    return true;
                }
                Err(error) => error,
            };
            match &error {
                _ if error.refuses_us() => {
                    self.shared.halt(Halt::Credentials(error.to_string()));
                }
                OpenError::Untrusted { .. } => {
                    self.shared.halt(Halt::Untrusted(error.to_string()));
                }
                OpenError::Unsafe { .. } => {
                    self.shared.halt(Halt::Relay(error.to_string()));
                }
                OpenError::NoToken { .. } => self.fail(Halt::Token(error.to_string())).await,
                OpenError::Refused { .. } | OpenError::Broken { .. } => {
                    self.fail(Halt::Relay(error.to_string())).await;
                }
            }
        }
    }

    /// Notes a failure of the relay and waits; after the last wait the run ends.
    async fn fail(&mut self, halt: Halt) {
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        let wait = REOPEN.get(self.failures).filter(|_| since.elapsed() < GIVE_UP);
        let Some(wait) = wait else {
            self.has_left = self.shared.may_leave();
            if !self.has_left {
                self.shared.halt(halt);
            }
            return;
        };
        self.failures += 1;
        if self.number == 0 || self.failures > 1 {
            let _ = self.progress.send(Progress::Trouble(halt.why().to_owned()));
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
        if self.is_worn_out_by(self.carried) {
            self.hang_up().await;
        }
        if let Some(connection) = &mut self.connection
            && !connection.is_alive().await
        {
            self.connection = None;
        }
        self.connection.is_some()
    }

    /// Tells whether nothing follows so many messages on the connection.
    fn is_worn_out_by(&self, messages: u32) -> bool {
        is_worn_out(messages, self.run.messages, self.opened.elapsed())
    }

    fn is_stopping(&self) -> bool {
        self.shared.is_halted() || *self.stop.borrow() != Stop::No
    }
}

/// Tells whether a connection carried as many messages as the relay likes, or became as old as any does.
fn is_worn_out(carried: u32, most: Option<u32>, age: Duration) -> bool {
    most.is_some_and(|most| carried >= most) || (carried > 0 && age >= AGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_worn_out_by_its_messages_and_by_its_age() {
        let minutes = Duration::from_mins;
        for (carried, most, age, is_so) in [
            (99, None, minutes(29), false),
            (99, Some(100), minutes(29), false),
            (100, Some(100), minutes(0), true),
            (1, None, minutes(30), true),
            (0, None, minutes(30), false),
        ] {
            assert_eq!(is_worn_out(carried, most, age), is_so, "{carried} of {most:?} in {age:?}");
        }
    }

    #[test]
    fn only_what_leaves_soon_is_begun_ahead() {
        for (millis, begun) in
            [(0, 16), (1, 16), (2, 10), (4, 5), (5, 4), (20, 2), (249, 2), (250, 0)]
        {
            assert_eq!(ahead(Duration::from_millis(millis)), begun, "{millis} ms a message");
        }
        assert_eq!(ahead(Duration::MAX), 0, "before the first answer");
    }
}
