//! Hands out deliveries to each carrier that asks, none before every rate allows it.
//!
//! Who has a pace of their own (a provider with a `rate`, or one that said
//! "too fast") waits in a line of their own, so that nobody else waits with
//! them, and is handed out alone. Where nothing limits anybody, a carrier gets
//! as many as it asks for, at the cost of a place in a queue.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{
    Braked, Halt, LEASE, PATIENCE, Progress, Run, Stop,
    brake::Brake,
    hatch::{Ask, Handed, Hatch, Out, Outs, Signal},
    line::{self, Held, Line, Relay},
    policy::EXPIRE_AFTER,
    provider::provider,
};
use crate::ledger::{Entry, Lane, LedgerError, Passed, Place, Wish};

/// The most deliveries claimed at once.
const CLAIM_AT_ONCE: usize = 256;

/// A reserved instant that would be used later than this is given back and another reserved, so that late ones never bunch up.
pub(super) const STALE: Duration = Duration::from_millis(100);

/// Of how long a window an unused place is given back. A shorter one has forgotten it before long, and giving back is a durable write.
const WORTH_IT: Duration = Duration::from_hours(1);

/// How far ahead beginnings are reserved: so little that one who waits for theirs keeps nobody waiting.
const AHEAD: Duration = Duration::from_millis(60);

/// How often the desk looks again for what may have come up elsewhere: a retry that is due, a brake that another sender put on.
const LOOK: Duration = Duration::from_secs(1);

/// How often it goes through the whole list again for readers that another sender gave back.
const SEARCH: Duration = Duration::from_mins(1);

/// How many searches are remembered; each is for other lines to be passed over.
const SEARCHES: usize = 32;

/// Why the desk handed out nothing more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Nothing is left to claim now.
    Nothing,
    /// As many as asked for were handed out.
    Limit,
    /// A window of the rate is used up until then.
    Quota(Timestamp),
    /// The relay or a provider is paused until then.
    Braked(Braked),
    /// Somebody or something asked to stop.
    Stopped,
    /// The ledger failed.
    Lost(Halt),
}

/// The desk's own side: it ends when every carrier has gone.
pub(super) struct Desk {
    task: JoinHandle<Reason>,
}

impl Desk {
    /// Opens the desk at an instant of the ledger's. `brakes` are those that earlier runs left on.
    pub(super) fn open(
        run: Arc<Run>,
        now: Timestamp,
        brakes: BTreeMap<String, Brake>,
        signals: mpsc::UnboundedReceiver<Signal>,
        stop: watch::Receiver<Stop>,
        halted: watch::Receiver<Option<Halt>>,
        progress: mpsc::UnboundedSender<Progress>,
    ) -> (Self, Hatch) {
        let (asks, inbox) = mpsc::channel(64);
        let relay = Relay { lane: run.lane.clone(), rates: run.rates_at(now), brake: None };
        let mut lines = vec![Line::new("", Vec::new(), None)];
        for (domain, rates) in &run.domains {
            let provider = provider(domain);
            match lines.iter_mut().find(|line| line.provider == provider) {
                Some(line) => line.rates.extend(rates),
                None => lines.push(Line::new(provider, rates.clone(), None)),
            }
        }
        let mut work = Work {
            run,
            stop,
            halted,
            progress,
            signals,
            relay,
            lines,
            searches: Vec::new(),
            instants: VecDeque::new(),
            outs: Arc::default(),
            handed: 0,
            hour: None,
            looked: Instant::now(),
            is_sure: false,
        };
        work.put_on(brakes);
        (Self { task: tokio::spawn(work.serve(inbox)) }, Hatch { asks })
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
    signals: mpsc::UnboundedReceiver<Signal>,
    relay: Relay,
    /// The first is for everybody who has none of their own.
    lines: Vec<Line>,
    searches: Vec<Search>,
    instants: VecDeque<Reserved>,
    outs: Arc<Outs>,
    handed: u64,
    /// What the ledger's clock said, and when.
    hour: Option<(Timestamp, Instant)>,
    looked: Instant,
    /// Whether the whole list was gone through since the last delivery.
    is_sure: bool,
}

/// A beginning that was reserved.
struct Reserved {
    line: usize,
    at: Timestamp,
    due: Instant,
    /// Where the ledger counts it for so long that it is given back if nobody uses it.
    lanes: Vec<String>,
}

/// How far the list was gone through while these lines were passed over.
struct Search {
    over: Vec<usize>,
    /// Up to here nobody is left but who was passed over.
    slots: i64,
    /// When nobody was found at all.
    missed: Option<Instant>,
    /// When it began at the first slot.
    begun: Instant,
}

/// What is next.
enum Next {
    Hand(usize, Box<Held>, Vec<Place>),
    End(Reason),
}

impl Work {
    async fn serve(mut self, mut inbox: mpsc::Receiver<Ask>) -> Reason {
        let mut reason = Reason::Nothing;
        while let Some(Ask { count, answer }) = inbox.recv().await {
            match self.next().await {
                Ok(Next::Hand(line, held, places)) => {
                    let mut handed = vec![self.hand_out(line, *held, places)];
                    while handed.len() < count
                        && let Some(held) = self.another()
                    {
                        handed.push(self.hand_out(0, held, Vec::new()));
                    }
                    if let Err(handed) = answer.send(handed) {
                        for Handed { claim, lease_ends, out } in handed.into_iter().rev() {
                            self.lines[line].waiting.push_front(Held { claim, lease_ends });
                            out.give_back();
                        }
                    }
                }
                Ok(Next::End(ended)) => {
                    reason = ended;
                    break;
                }
                Err(error) => {
                    reason = Reason::Lost(Halt::from(&error));
                    break;
                }
            }
        }
        if self.is_stopping() && !matches!(reason, Reason::Lost(_)) {
            reason = Reason::Stopped;
        }
        // Every carrier that asks is told that there is nothing more. Dropping the inbox would not do:
        // an ask that is just being put in may then lie there for ever, and its carrier wait for ever.
        inbox.close();
        while inbox.recv().await.is_some() {}
        // What the last ones heard is for the next run.
        if self.hear().await.is_ok()
            && reason == Reason::Nothing
            && let Ok(now) = self.now_exactly().await
            && let Some(braked) = self.relay_braked(now)
        {
            reason = Reason::Braked(braked);
        }
        self.give_back().await;
        reason
    }

    fn hand_out(&mut self, line: usize, held: Held, places: Vec<Place>) -> Handed {
        self.handed += 1;
        self.is_sure = false;
        self.lines[line].pace.note();
        let Held { claim, lease_ends } = held;
        Handed { claim, lease_ends, out: Out::new(&self.outs, places) }
    }

    /// Takes one more delivery that may begin at once, where nothing limits anybody.
    fn another(&mut self) -> Option<Held> {
        let may = self.is_unpaced() && self.run.limit.is_none_or(|limit| self.tried() < limit);
        if may { self.lines[0].waiting.pop_front() } else { None }
    }

    fn is_unpaced(&self) -> bool {
        self.relay.is_free() && self.lines.len() == 1
    }

    /// Finds the next delivery and waits until it may begin.
    async fn next(&mut self) -> Result<Next, LedgerError> {
        loop {
            if self.is_stopping() {
                return Ok(Next::End(Reason::Stopped));
            }
            self.return_spared().await;
            if self.run.limit.is_some_and(|limit| self.tried() >= limit) {
                if self.wait_for_outs().await {
                    continue;
                }
                return Ok(Next::End(Reason::Limit));
            }
            self.hear().await?;
            self.look().await?;
            self.drop_overdue().await?;
            let next = if self.is_unpaced() { self.unpaced().await? } else { self.paced().await? };
            if let Some(next) = next {
                return Ok(next);
            }
            if let Some(reason) = self.wait().await? {
                return Ok(Next::End(reason));
            }
        }
    }

    /// Finds the next delivery where nothing limits anybody.
    async fn unpaced(&mut self) -> Result<Option<Next>, LedgerError> {
        if self.lines[0].waiting.is_empty() {
            self.refill(Timestamp::UNIX_EPOCH).await?;
        }
        Ok(self.hand(0, Vec::new()))
    }

    /// Finds a delivery that every lane lets begin now; reserves where nothing is reserved.
    async fn paced(&mut self) -> Result<Option<Next>, LedgerError> {
        let now = self.hour().await?;
        if let Some(braked) = self.relay_braked(now) {
            return Ok(self.sit_out(braked, now).await.map(Next::End));
        }
        self.refill(now).await?;
        let late = self.instants.iter().take_while(|reserved| reserved.is_late()).count();
        if late > 0 {
            self.outs.spare(self.instants.drain(..late).flat_map(Reserved::places));
            self.return_spared().await;
        }
        if self.instants.front().is_none_or(|reserved| !reserved.is_due()) {
            // Who waits for nothing does not wait for those who do.
            if self.relay.is_free()
                && let Some(next) = self.hand(0, Vec::new())
            {
                return Ok(Some(next));
            }
            if self.instants.is_empty() {
                self.reserve(now).await?;
            }
        }
        let Some(reserved) = self.instants.front() else { return Ok(None) };
        let (line, due) = (reserved.line, reserved.due);
        let wait = due.saturating_duration_since(Instant::now());
        if !wait.is_zero() && self.relay.is_free() {
            // Until then somebody who waits for nothing may come up.
            return Ok(None);
        }
        let places = self.instants.pop_front().map(Reserved::places).unwrap_or_default();
        if !wait.is_zero() {
            self.sleep(wait).await;
        }
        if self.is_stopping() || due.elapsed() > STALE || self.lines[line].waiting.is_empty() {
            self.outs.spare(places);
            return Ok(None);
        }
        Ok(self.hand(line, places))
    }

    /// Takes the next of a line, for whom these places are kept.
    fn hand(&mut self, line: usize, places: Vec<Place>) -> Option<Next> {
        let held = self.lines[line].waiting.pop_front()?;
        Some(Next::Hand(line, Box::new(held), places))
    }

    /// Gives the ledger back what nobody used of the rates. Should the ledger be away, it counts as used.
    async fn return_spared(&mut self) {
        let mut spared = self.outs.take_spared();
        // The newest first: then the fewest have to move up.
        spared.sort_by_key(|place| Reverse(place.at));
        if !spared.is_empty() && self.run.ledger.unreserve(&spared).await.is_ok() {
            self.ask_anew();
        }
    }

    /// Takes over what the relay's rates have come to since; tells whether they did.
    fn grow(&mut self, now: Timestamp) -> bool {
        let rates = self.run.rates_at(now);
        let is_other = rates != self.relay.rates;
        if is_other {
            self.relay.rates = rates;
            self.ask_anew();
        }
        is_other
    }

    /// Asks the rates again of whom they held back.
    fn ask_anew(&mut self) {
        let now = Instant::now();
        self.lines.iter_mut().for_each(|line| line.next = line.next.min(now));
    }

    /// Reserves beginnings for everybody who may begin about now, the longest waiting first.
    async fn reserve(&mut self, now: Timestamp) -> Result<(), LedgerError> {
        let soon = Instant::now() + AHEAD;
        let first = usize::from(self.relay.is_free());
        let mut waiting: Vec<usize> = self
            .open(now)
            .filter(|(number, line)| *number >= first && line.next <= soon)
            .map(|(number, _)| number)
            .collect();
        if waiting.is_empty() {
            return Ok(());
        }
        waiting.sort_by_key(|line| {
            self.lines[*line]
                .waiting
                .front()
                .map(|first| (first.lease_ends, first.claim.ticket.slot))
        });
        self.ask(&waiting, now, |wish| wish).await
    }

    /// Asks the ledger when each line's next may begin, and reserves nothing.
    async fn ask_when(&mut self, now: Timestamp) -> Result<(), LedgerError> {
        let waiting: Vec<usize> = self.open(now).map(|(number, _)| number).collect();
        self.ask(&waiting, now, |wish| Wish { count: 0, ..wish }).await
    }

    /// Asks the ledger for beginnings in these lines, keeps what it reserves, and notes when the next of each may begin.
    async fn ask(
        &mut self,
        waiting: &[usize],
        now: Timestamp,
        wished: impl Fn(Wish) -> Wish,
    ) -> Result<(), LedgerError> {
        let wishes: Vec<_> =
            waiting.iter().map(|line| wished(self.lines[*line].wish(&self.relay, now))).collect();
        let shared = self.relay.lane(now);
        let reservation = self.run.ledger.reserve(&shared, &wishes, AHEAD).await?;
        let (now, here) = (self.now_exactly().await?, Instant::now());
        for (wish, at) in reservation.at {
            let due = here + until(at, now);
            let counted = [Some(&shared), wishes[wish].lane.as_ref()].into_iter().flatten();
            let counted =
                counted.filter(|lane| lane.rates.iter().any(|rate| rate.window >= WORTH_IT));
            let lanes = counted.map(|lane| lane.name.clone()).collect();
            self.instants.push_back(Reserved { line: waiting[wish], at, due, lanes });
        }
        for (line, next) in waiting.iter().zip(reservation.next) {
            self.lines[*line].next = here.checked_add(until(next, now)).unwrap_or(here + LEASE);
        }
        Ok(())
    }

    /// Returns the lines in which somebody waits whom no pause holds back.
    fn open(&self, now: Timestamp) -> impl Iterator<Item = (usize, &Line)> {
        let lines = self.lines.iter().enumerate();
        lines.filter(move |(_, line)| !line.waiting.is_empty() && !line.is_closed(now))
    }

    /// Returns how long the rates hold everybody back who waits for nothing else.
    fn held(&self, now: Timestamp) -> Option<Duration> {
        let grows = self.run.warm_up.as_ref().and_then(|warm_up| warm_up.doubles(now));
        let held = self.open(now).map(|(_, line)| {
            let grows = grows.filter(|_| line.rates.is_empty()).map(|at| until(at, now));
            grows.into_iter().fold(until_here(line.next), Duration::min)
        });
        held.min()
    }

    /// Waits for whatever comes up first; says why where that is too late to be waited for.
    async fn wait(&mut self) -> Result<Option<Reason>, LedgerError> {
        if self.is_stopping() {
            return Ok(None);
        }
        if let Some(reserved) = self.instants.front() {
            self.sleep(until_here(reserved.due).max(Duration::from_millis(1))).await;
            return Ok(None);
        }
        let now = self.now_exactly().await?;
        if self.grow(now) {
            return Ok(None);
        }
        let mut held = self.held(now);
        if held.is_some_and(|wait| wait > PATIENCE) {
            // A line was told its next instant while the relay's own window still had places.
            self.ask_when(now).await?;
            held = self.held(now);
        }
        if let Some(wait) = held.filter(|wait| *wait <= PATIENCE) {
            if wait > LOOK {
                let _ = self.progress.send(Progress::Waiting(after(now, wait)));
            }
            // Others may come up before.
            self.sleep(wait.clamp(Duration::from_millis(1), LOOK)).await;
            return Ok(None);
        }
        if self.wait_for_outs().await || self.outs.is_anything_spared() {
            return Ok(None);
        }
        let mut retry = self.run.ledger.next_retry(self.run.issue.id).await?;
        if retry.is_some() && !self.run.is_sending().await? {
            // Of a paused issue nothing can be claimed, however long it has been due.
            retry = None;
        }
        let retry = retry.filter(|at| *at > now || !self.is_any_closed(now));
        let braked = self.braked(now, retry).await?;
        let retry =
            retry.filter(|at| braked.as_ref().is_none_or(|braked| !is_its_end(*at, braked)));
        let instants = [
            held.map(|wait| (after(now, wait), Reason::Quota(after(now, wait)))),
            braked.map(|braked| (braked.until, Reason::Braked(braked))),
            retry.map(|at| (at, Reason::Nothing)),
        ];
        let first = instants.into_iter().flatten().min_by_key(|(at, _)| *at);
        let wait = first.as_ref().map_or(Duration::MAX, |(at, _)| until(*at, now));
        if wait > PATIENCE {
            // What came back since the last search is to be found too.
            if !std::mem::replace(&mut self.is_sure, true) {
                self.searches.clear();
                return Ok(None);
            }
            return Ok(Some(first.map_or(Reason::Nothing, |(_, reason)| reason)));
        }
        let _ = self.progress.send(Progress::Waiting(after(now, wait)));
        self.sleep(wait.max(Duration::from_millis(50))).await;
        self.searches.iter_mut().for_each(|search| search.missed = None);
        Ok(None)
    }

    /// Waits for a relay that is closed for a moment, or says that it is for longer.
    async fn sit_out(&mut self, braked: Braked, now: Timestamp) -> Option<Reason> {
        let wait = until(braked.until, now);
        self.give_back().await;
        if wait > PATIENCE {
            return Some(Reason::Braked(braked));
        }
        let _ = self.progress.send(Progress::Waiting(braked.until));
        self.sleep(wait.min(LOOK)).await;
        None
    }

    /// Returns the relay's own pause, where there is one.
    fn relay_braked(&self, now: Timestamp) -> Option<Braked> {
        let brake = self.relay.brake.as_ref().filter(|brake| brake.is_closed(now))?;
        Some(Braked { provider: None, until: brake.until, why: brake.why.clone() })
    }

    /// Returns the pause that ends first, where somebody waits for its end.
    async fn braked(
        &mut self,
        now: Timestamp,
        retry: Option<Timestamp>,
    ) -> Result<Option<Braked>, LedgerError> {
        let closed = self.lines.iter().filter(|line| line.is_closed(now));
        let first = closed.min_by_key(|line| line.brake.as_ref().map(|brake| brake.until));
        let Some((line, brake)) = first.and_then(|line| Some((line, line.brake.as_ref()?))) else {
            return Ok(None);
        };
        let braked = Braked {
            provider: Some(line.provider.clone()),
            until: brake.until,
            why: brake.why.clone(),
        };
        if retry.is_some_and(|retry| is_its_end(retry, &braked)) {
            return Ok(Some(braked));
        }
        let found = self.ask_for(1, &Passed::default()).await?;
        let is_waited_for = !found.is_empty();
        self.release(found).await?;
        Ok(is_waited_for.then_some(braked))
    }

    fn is_any_closed(&self, now: Timestamp) -> bool {
        self.lines.iter().any(|line| line.is_closed(now))
    }

    /// Claims where a line that may move has nobody in it.
    async fn refill(&mut self, now: Timestamp) -> Result<(), LedgerError> {
        let is_full = |line: &Line| line.is_closed(now) || line.waiting.len() * 2 > line.stock(now);
        let over: Vec<usize> =
            (1..self.lines.len()).filter(|line| is_full(&self.lines[*line])).collect();
        let is_hungry = |line: usize| self.lines[line].waiting.is_empty() && !over.contains(&line);
        let rest = self.lines[0].waiting.len();
        let size = self.claim_size(now).min(self.left());
        if size == 0 || rest >= CLAIM_AT_ONCE || !(0..self.lines.len()).any(is_hungry) {
            return Ok(());
        }
        let claims = self.search(over, size).await?;
        self.sort(claims);
        self.trim(now).await
    }

    /// Claims from where the last search that passed over the same lines had come to.
    async fn search(&mut self, over: Vec<usize>, size: usize) -> Result<Vec<Held>, LedgerError> {
        let place = self.searches.iter().position(|search| search.over == over);
        let place = place.unwrap_or_else(|| {
            if self.searches.len() == SEARCHES {
                self.searches.clear();
            }
            self.searches.push(Search::new(over));
            self.searches.len() - 1
        });
        let search = &mut self.searches[place];
        if search.missed.is_some_and(|missed| missed.elapsed() < LOOK) {
            return Ok(Vec::new());
        }
        if search.over.is_empty() || search.begun.elapsed() > SEARCH {
            *search = Search::new(std::mem::take(&mut search.over));
        }
        let domains = search.over.iter().flat_map(|line| self.lines[*line].domains());
        let but = Passed { domains: domains.collect(), slots: search.slots };
        let claims = self.ask_for(size, &but).await?;
        let search = &mut self.searches[place];
        search.missed = claims.is_empty().then(Instant::now);
        search.slots = match claims.last() {
            Some(last) if claims.len() == size => last.claim.ticket.slot.max(search.slots),
            _ => i64::MAX,
        };
        Ok(claims)
    }

    async fn ask_for(&self, size: usize, but: &Passed) -> Result<Vec<Held>, LedgerError> {
        let lease_ends = Instant::now() + LEASE;
        let run = &self.run;
        let claims =
            run.ledger.claim(run.issue.id, &run.owner, size, LEASE, EXPIRE_AFTER, but).await?;
        Ok(claims.into_iter().map(|claim| Held { claim, lease_ends }).collect())
    }

    /// Puts everybody into their line.
    fn sort(&mut self, claims: impl IntoIterator<Item = Held>) {
        for handed in claims {
            let line = if self.lines.len() == 1 {
                0
            } else {
                let provider = provider(handed.claim.reader.address.domain());
                self.lines.iter().position(|line| line.provider == provider).unwrap_or(0)
            };
            self.lines[line].waiting.push_back(handed);
        }
    }

    /// Gives back who would wait too long.
    async fn trim(&mut self, now: Timestamp) -> Result<(), LedgerError> {
        for place in 1..self.lines.len() {
            let line = &mut self.lines[place];
            let most = if line.is_closed(now) { 0 } else { line.stock(now).saturating_mul(2) };
            if line.waiting.len() > most {
                let surplus = line.waiting.split_off(most);
                self.searches.retain(|search| search.over.contains(&place));
                self.release(surplus).await?;
            }
        }
        Ok(())
    }

    /// Claims no more than ten seconds of the relay's slowest rate, so that a claim is used long before its lease ends.
    fn claim_size(&self, now: Timestamp) -> usize {
        let ten_seconds = line::capacity(&self.relay.rates(now), Duration::from_secs(10));
        let most = usize::try_from(ten_seconds.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        most.max(self.run.connections).min(CLAIM_AT_ONCE)
    }

    /// Returns how many more may be claimed under `limit`.
    fn left(&self) -> usize {
        let held: usize = self.lines.iter().map(|line| line.waiting.len()).sum();
        let left = self.run.limit.map_or(u64::MAX, |limit| limit.saturating_sub(self.tried()));
        usize::try_from(left).unwrap_or(usize::MAX).saturating_sub(held)
    }

    /// Returns how many deliveries were handed out and not given back.
    fn tried(&self) -> u64 {
        self.handed - self.outs.given_back()
    }

    /// Waits until nothing is out with a carrier any more, since what is may come back; `false` when nothing was.
    async fn wait_for_outs(&mut self) -> bool {
        if !self.outs.is_any_out() {
            return false;
        }
        tokio::select! {
            () = self.outs.settled() => {}
            _ = self.stop.wait_for(|stop| *stop != Stop::No) => {}
            _ = self.halted.wait_for(Option::is_some) => {}
        }
        // What came back is to be found again.
        self.searches.clear();
        true
    }

    /// Gives back claims whose lease is nearly over; they are claimed again under a new fence.
    async fn drop_overdue(&mut self) -> Result<(), LedgerError> {
        let soon = Instant::now() + LEASE / 3;
        for place in 0..self.lines.len() {
            let line = &mut self.lines[place];
            if line.waiting.front().is_some_and(|handed| handed.lease_ends < soon) {
                let overdue = std::mem::take(&mut line.waiting);
                self.searches.retain(|search| search.over.contains(&place));
                self.release(overdue).await?;
            }
        }
        Ok(())
    }

    async fn release(&self, claims: impl IntoIterator<Item = Held>) -> Result<(), LedgerError> {
        let entries: Vec<Entry> =
            claims.into_iter().map(|handed| Entry::Release(handed.claim.ticket)).collect();
        if !entries.is_empty() {
            self.run.ledger.enter(&entries).await?;
        }
        Ok(())
    }

    /// Returns unused claims; should the ledger be away, their lease ends by itself.
    async fn give_back(&mut self) {
        let held: Vec<Held> =
            self.lines.iter_mut().flat_map(|line| std::mem::take(&mut line.waiting)).collect();
        self.searches.clear();
        let _ = self.release(held).await;
        // What is not used yet can be given back once its instant has passed, a moment from now.
        if let Some(last) = self.instants.iter().map(|reserved| reserved.due).max() {
            tokio::time::sleep(until_here(last).min(AHEAD)).await;
        }
        let unused = std::mem::take(&mut self.instants);
        self.outs.spare(unused.into_iter().flat_map(Reserved::places));
        self.return_spared().await;
    }

    /// Follows what carriers heard since: the ledger remembers it, and whoever it concerns waits.
    async fn hear(&mut self) -> Result<(), LedgerError> {
        while let Ok(signal) = self.signals.try_recv() {
            let now = self.now_exactly().await?;
            let (name, last, pace) = match &signal.domain {
                None => (self.run.lane.clone(), self.relay.brake.as_ref(), self.pace()),
                Some(domain) => {
                    let provider = provider(domain);
                    let line = self.lines[1..].iter().find(|line| line.provider == provider);
                    let pace = match line {
                        Some(line) => line.pace.per_minute(),
                        None => self.pace_to(provider),
                    };
                    let last = line.and_then(|line| line.brake.as_ref());
                    (Lane::to(&self.run.lane, provider), last, pace)
                }
            };
            let mut dice = [0; 2];
            // Without dice senders only come back together.
            let _ = getrandom::fill(&mut dice);
            let brake = match signal.pause {
                Some(pause) => Brake::pause(last, now, pause, &signal.why),
                None => Brake::slower(last, now, pace, &signal.why, u16::from_le_bytes(dice)),
            };
            if last != Some(&brake) {
                let kept = self.run.ledger.brake(&name, &brake).await;
                let provider = Lane::provider(&self.run.lane, &name).map(str::to_owned);
                let (until, why) = (brake.until, brake.why.clone());
                let _ = self.progress.send(Progress::Braked(Braked { provider, until, why }));
                self.put_on([(name, brake)].into());
                self.trim(now).await?;
                kept?;
            }
        }
        Ok(())
    }

    /// Looks now and then for brakes that somebody else put on or took off.
    async fn look(&mut self) -> Result<(), LedgerError> {
        if self.looked.elapsed() > LOOK {
            self.looked = Instant::now();
            let now = self.now_exactly().await?;
            // A ledger that is busy for a moment is looked at the next time.
            let Ok(mut brakes) = self.run.ledger.brakes(&self.run.lane).await else {
                return Ok(());
            };
            brakes.retain(|_, brake| !brake.is_over(now));
            self.grow(now);
            self.relay.brake = None;
            self.lines.iter_mut().for_each(|line| line.brake = None);
            self.put_on(brakes);
            self.trim(now).await?;
        }
        Ok(())
    }

    /// Puts brakes on their lanes, and gives a provider that has none a line of its own.
    fn put_on(&mut self, brakes: BTreeMap<String, Brake>) {
        for (name, brake) in brakes {
            let Some(provider) = Lane::provider(&self.run.lane, &name) else {
                self.relay.brake = Some(brake);
                continue;
            };
            let its = self.lines[1..].iter_mut().find(|line| line.provider == provider);
            if let Some(line) = its {
                line.brake = Some(brake);
            } else {
                self.lines.push(Line::new(provider, Vec::new(), Some(brake)));
                let rest = std::mem::take(&mut self.lines[0].waiting);
                self.sort(rest);
            }
        }
    }

    /// Returns how many a minute go out altogether.
    fn pace(&self) -> u32 {
        self.lines.iter().map(|line| line.pace.per_minute()).fold(0, u32::saturating_add)
    }

    /// Returns how many a minute go to a provider that has no line: its share of those who wait.
    fn pace_to(&self, name: &str) -> u32 {
        let rest = &self.lines[0];
        let is_its = |held: &&Held| provider(held.claim.reader.address.domain()) == name;
        let its = rest.waiting.iter().filter(is_its).count() as u64 + 1;
        let pace = u64::from(rest.pace.per_minute()) * its / (rest.waiting.len() as u64 + 1);
        u32::try_from(pace).unwrap_or(u32::MAX)
    }

    /// Returns the ledger's time, as it was at most a second ago and has gone on since.
    async fn hour(&mut self) -> Result<Timestamp, LedgerError> {
        match self.hour {
            Some((at, here)) if here.elapsed() < LOOK => Ok(after(at, here.elapsed())),
            _ => self.now_exactly().await,
        }
    }

    async fn now_exactly(&mut self) -> Result<Timestamp, LedgerError> {
        let now = self.run.ledger.now().await?;
        self.hour = Some((now, Instant::now()));
        Ok(now)
    }

    async fn sleep(&mut self, wait: Duration) {
        if wait > Duration::from_secs(2)
            && let Some(reserved) = self.instants.front()
        {
            let _ = self.progress.send(Progress::Waiting(reserved.at));
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = self.stop.wait_for(|stop| *stop != Stop::No) => {}
            _ = self.halted.wait_for(Option::is_some) => {}
        }
    }

    fn is_stopping(&self) -> bool {
        *self.stop.borrow() != Stop::No || self.halted.borrow().is_some()
    }
}

impl Reserved {
    fn is_due(&self) -> bool {
        self.due <= Instant::now()
    }

    fn is_late(&self) -> bool {
        self.due.elapsed() > STALE
    }

    fn places(self) -> Vec<Place> {
        let at = self.at;
        self.lanes.into_iter().map(|lane| Place { lane, at }).collect()
    }
}

impl Search {
    fn new(over: Vec<usize>) -> Self {
        Self { over, slots: 0, missed: None, begun: Instant::now() }
    }
}

/// Tells whether a reader is deferred to about the end of a pause, so that it is the pause that is waited for.
fn is_its_end(retry: Timestamp, braked: &Braked) -> bool {
    after(retry, Duration::from_mins(1)) >= braked.until
}

fn until(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or_default()
}

fn until_here(due: Instant) -> Duration {
    due.saturating_duration_since(Instant::now())
}

fn after(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}
