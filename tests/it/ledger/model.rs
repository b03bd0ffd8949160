//! Any sequence of claims, begins, crashes, late words, clicks and hours, asked of the ledger and of a model that fits on two pages.
//!
//! Two senders, each of whom may die and speak on as a ghost; a relay whose
//! answer is fixed when an attempt begins. After every step the ledger says
//! what the model says. At the end everybody is settled, and nobody was
//! accepted by the relay more often than a person asked for.

use std::collections::BTreeSet;

use postrider::{
    ledger::{Entered, Entry, Resolution, Ticket},
    model::{DeliveryState as D, IssueState, Outcome, SubscriberState as S},
};
use proptest::prelude::*;

use super::{
    Desk,
    desk::{LEASE, LIST, TWO_DAYS, accepted, address, deferred, rejected},
};

const NAMES: [&str; 4] = ["ann", "bob", "cyd", "dan"];
const OWNERS: [&str; 2] = ["host/1", "host/2"];

#[derive(Clone, Debug)]
enum Step {
    Claim {
        owner: usize,
        limit: usize,
    },
    Begin {
        pick: usize,
        truth: usize,
    },
    Record {
        pick: usize,
    },
    Release {
        pick: usize,
    },
    Recover {
        gone: Option<usize>,
    },
    /// A sender is taken for dead, and the other claims what it held.
    TakeOver {
        gone: usize,
    },
    Pass {
        seconds: i64,
    },
    Leave {
        reader: usize,
    },
    Turn {
        from: IssueState,
        to: IssueState,
    },
    Resolve {
        reader: usize,
        resend: bool,
    },
    Reopen,
}

/// What the relay answers; which, is decided when the attempt begins.
fn truth(number: usize) -> Outcome {
    let busy = Outcome::Deferred {
        said: "421 busy".to_owned(),
        wait: std::time::Duration::from_mins(1),
        counted: false,
    };
    let silence = Outcome::InDoubt { said: "no reply".to_owned() };
    [accepted(), deferred(900), deferred(200_000), busy, rejected(false), rejected(true), silence]
        [number]
        .clone()
}

fn is_taken(truth: &Outcome) -> bool {
    matches!(truth, Outcome::Accepted { .. } | Outcome::InDoubt { .. })
}

fn any_step() -> impl Strategy<Value = Step> {
    use IssueState::{Cancelled, Finished, Paused, Sending};
    let pick = 0_usize..64;
    let turn = prop::sample::select(vec![
        (Sending, Paused),
        (Paused, Sending),
        (Paused, Sending),
        (Sending, Finished),
        (Sending, Cancelled),
    ]);
    prop_oneof![
        6 => (0_usize..2, 1_usize..3).prop_map(|(owner, limit)| Step::Claim { owner, limit }),
        8 => (pick.clone(), 0_usize..7).prop_map(|(pick, truth)| Step::Begin { pick, truth }),
        8 => pick.clone().prop_map(|pick| Step::Record { pick }),
        2 => pick.prop_map(|pick| Step::Release { pick }),
        3 => prop::option::of(0_usize..2).prop_map(|gone| Step::Recover { gone }),
        3 => (0_usize..2).prop_map(|gone| Step::TakeOver { gone }),
        4 => prop::sample::select(vec![1, 60, 300, 900, 86_400, 172_800])
            .prop_map(|seconds| Step::Pass { seconds }),
        1 => (0_usize..4).prop_map(|reader| Step::Leave { reader }),
        2 => turn.prop_map(|(from, to)| Step::Turn { from, to }),
        2 => (0_usize..4, any::<bool>())
            .prop_map(|(reader, resend)| Step::Resolve { reader, resend }),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_ledger_does_what_the_model_does(steps in prop::collection::vec(any_step(), 1..60)) {
        play(Desk::sqlite, &steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn so_does_the_one_that_many_machines_share(steps in prop::collection::vec(any_step(), 1..60)) {
        if let Some(desk) = Desk::postgres() {
            play(move || desk, &steps);
        }
    }
}

fn play(desk: impl FnOnce() -> Desk, steps: &[Step]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("it starts").block_on(async {
        let mut run = Run::start(desk()).await;
        for step in steps {
            run.step(step).await;
            let states: Vec<_> = run.model.rows.iter().map(|row| row.state).collect();
            assert_eq!(run.desk.states(run.issue).await, states, "after {step:?}");
            run.desk.tally(run.issue).await;
        }
        run.finish().await;
    });
}

/// One reader in the model.
#[derive(Clone, Debug)]
struct Row {
    state: D,
    fence: i64,
    tries: u32,
    owner: usize,
    lease_end: i64,
    first_at: Option<i64>,
    retry_at: Option<i64>,
    active: bool,
    told: BTreeSet<(i64, &'static str)>,
    taken_by_relay: u32,
    resends: u32,
    settled_by_hand: bool,
}

struct Model {
    rows: Vec<Row>,
    issue: IssueState,
    begins: u64,
}

/// A ticket somebody holds, dead or alive, and what the relay answered it.
struct Held {
    ticket: Ticket,
    truth: Option<Outcome>,
}

struct Run {
    desk: Desk,
    issue: i64,
    model: Model,
    held: Vec<Held>,
}

fn micros(length: std::time::Duration) -> i64 {
    i64::try_from(length.as_micros()).expect("it is short")
}

impl Model {
    fn row(&mut self, ticket: Ticket) -> &mut Row {
        let place = usize::try_from(ticket.slot - 1).expect("slots count from 1");
        &mut self.rows[place]
    }

    fn claim(&mut self, now: i64, owner: usize, limit: usize) -> Vec<i64> {
        if self.issue != IssueState::Sending {
            return Vec::new();
        }
        let mut due: Vec<_> = (0..self.rows.len())
            .filter(|&at| self.rows[at].state == D::Deferred)
            .filter_map(|at| Some((self.rows[at].retry_at?, at)).filter(|(hour, _)| *hour <= now))
            .collect();
        due.sort_unstable();
        let mut taken = Vec::new();
        for (_, at) in due {
            if taken.len() == limit {
                break;
            }
            let row = &mut self.rows[at];
            if row.first_at.is_some_and(|first| first + micros(TWO_DAYS) <= now) {
                row.state = D::Expired;
            } else {
                taken.push(at);
            }
        }
        let planned = (0..self.rows.len()).filter(|&at| self.rows[at].state == D::Planned);
        taken.extend(planned.take(limit - taken.len()).collect::<Vec<_>>());
        for &at in &taken {
            let row = &mut self.rows[at];
            row.state = D::Claimed;
            row.fence += 1;
            (row.owner, row.lease_end) = (owner, now + micros(LEASE));
        }
        taken.into_iter().map(|at| i64::try_from(at).expect("it is small") + 1).collect()
    }

    fn begin(&mut self, now: i64, ticket: Ticket) -> Entered {
        let sending = self.issue == IssueState::Sending;
        let row = self.row(ticket);
        let mine = row.state == D::Claimed && row.fence == ticket.fence && row.lease_end > now;
        if !mine || !sending {
            return Entered::Refused;
        }
        if !row.active {
            row.state = D::Suppressed;
            return Entered::Suppressed;
        }
        row.state = D::Attempting;
        row.first_at = row.first_at.or(Some(now));
        self.begins += 1;
        Entered::Done
    }

    fn release(&mut self, ticket: Ticket) -> Entered {
        let cancelled = self.issue == IssueState::Cancelled;
        let row = self.row(ticket);
        match row.state {
            _ if row.fence != ticket.fence => return Entered::Refused,
            D::Claimed => row.give_back(),
            D::Attempting => {
                row.state = if cancelled { D::Cancelled } else { D::Planned };
                row.retry_at = None;
                row.first_at = row.first_at.filter(|_| row.tries > 0);
            }
            _ => return Entered::Refused,
        }
        Entered::Done
    }

    fn record(&mut self, now: i64, ticket: Ticket, outcome: &Outcome) -> Entered {
        let cancelled = self.issue == IssueState::Cancelled;
        let row = self.row(ticket);
        let known = (ticket.fence, outcome.state().word());
        let open = matches!(row.state, D::Attempting | D::InDoubt) && row.fence == ticket.fence;
        if !open {
            return if row.told.contains(&known) { Entered::Done } else { Entered::Refused };
        }
        row.told.insert(known);
        row.state = outcome.state();
        if let Outcome::Deferred { wait, counted, .. } = outcome {
            if !counted && row.tries == 0 {
                row.first_at = None;
            }
            row.tries += u32::from(*counted);
            let end = row.first_at.map_or(i64::MAX, |first| first + micros(TWO_DAYS));
            row.retry_at = Some(end.min(now + micros(*wait)));
            row.state = match (cancelled, end <= now) {
                (true, _) => D::Cancelled,
                (_, true) => D::Expired,
                _ => D::Deferred,
            };
        }
        row.active &= *outcome != rejected(true);
        let is_open = row.state == D::Deferred;
        if is_open && self.issue == IssueState::Finished {
            self.issue = IssueState::Sending;
        }
        Entered::Done
    }

    fn recover(&mut self, now: i64, gone: Option<usize>) {
        for row in &mut self.rows {
            let dead = row.lease_end <= now || Some(row.owner) == gone;
            match row.state {
                D::Claimed if dead => row.give_back(),
                D::Attempting if dead => {
                    row.told.insert((row.fence, D::InDoubt.word()));
                    row.state = D::InDoubt;
                }
                _ => {}
            }
        }
    }

    fn turn(&mut self, from: IssueState, to: IssueState) -> bool {
        let open = self.rows.iter().any(|row| row.state.is_open());
        if self.issue != from || to == IssueState::Finished && open {
            return false;
        }
        self.issue = to;
        for row in &mut self.rows {
            match (to, row.state) {
                (IssueState::Paused, D::Claimed) => row.give_back(),
                (IssueState::Cancelled, D::Planned | D::Claimed | D::Deferred) => {
                    row.state = D::Cancelled;
                }
                _ => {}
            }
        }
        true
    }

    /// Returns what a person's word does, or `None` where it is refused.
    fn resolve(&mut self, reader: usize, resend: bool) -> Option<bool> {
        let cancelled = self.issue == IssueState::Cancelled;
        let row = &mut self.rows[reader];
        if row.state != D::InDoubt {
            return Some(false);
        }
        if !resend {
            row.state = D::Accepted;
            row.told.insert((row.fence, D::Accepted.word()));
            row.settled_by_hand = true;
            return Some(true);
        }
        if cancelled {
            return None;
        }
        row.state = D::Planned;
        row.fence += 1;
        row.tries += 1;
        row.resends += 1;
        (row.first_at, row.retry_at) = (None, None);
        if self.issue == IssueState::Finished {
            self.issue = IssueState::Sending;
        }
        Some(true)
    }
}

impl Row {
    fn give_back(&mut self) {
        self.state = if self.retry_at.is_none() { D::Planned } else { D::Deferred };
    }
}

impl Run {
    async fn start(desk: Desk) -> Self {
        let issue = desk.send_to(&NAMES).await;
        let row = Row {
            state: D::Planned,
            fence: 0,
            tries: 0,
            owner: 0,
            lease_end: 0,
            first_at: None,
            retry_at: None,
            active: true,
            told: BTreeSet::new(),
            taken_by_relay: 0,
            resends: 0,
            settled_by_hand: false,
        };
        let rows = vec![row; NAMES.len()];
        let model = Model { rows, issue: IssueState::Sending, begins: 0 };
        Self { desk, issue, model, held: Vec::new() }
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Claim { owner, limit } => self.claim(*owner, *limit).await,
            Step::Begin { pick, truth: number } => self.begin(*pick, truth(*number)).await,
            Step::Record { pick } => self.record(*pick).await,
            Step::Release { pick } => {
                let Some(Held { ticket, truth }) = self.pick(*pick) else { return };
                let (ticket, left) = (*ticket, truth.as_ref().is_some_and(is_taken));
                // Only who knows that nothing left gives a begin back.
                if !left {
                    let expected = self.model.release(ticket);
                    assert_eq!(self.desk.enter(Entry::Release(ticket)).await, expected);
                }
            }
            Step::Recover { gone } => self.recover(*gone).await,
            Step::TakeOver { gone } => {
                self.recover(Some(*gone)).await;
                self.claim(1 - gone, 2).await;
            }
            Step::Pass { seconds } => self.desk.pass(*seconds),
            Step::Leave { reader } => {
                self.model.rows[*reader].active = false;
                self.desk.tell(NAMES[*reader], S::Unsubscribed, "unsubscribe").await;
            }
            Step::Turn { from, to } => {
                assert_eq!(self.desk.turn(*from, *to).await, self.model.turn(*from, *to));
            }
            Step::Resolve { reader, resend } => {
                let how = if *resend { Resolution::Resend } else { Resolution::Delivered };
                let said =
                    self.desk.ledger.resolve(self.issue, &address(NAMES[*reader]), how).await;
                assert_eq!(said.ok(), self.model.resolve(*reader, *resend));
            }
            Step::Reopen => self.desk.ledger = self.desk.again(),
        }
    }

    async fn recover(&mut self, gone: Option<usize>) {
        self.model.recover(self.desk.now(), gone);
        let gone = gone.map(|owner| OWNERS[owner]);
        let gone = Box::new(move |owner: &str| Some(owner) == gone);
        self.desk.ledger.recover(self.issue, gone).await.expect("it recovers");
    }

    async fn claim(&mut self, owner: usize, limit: usize) {
        let claims = self.desk.claim(self.issue, OWNERS[owner], limit).await;
        let slots: Vec<_> = claims.iter().map(|claim| claim.ticket.slot).collect();
        assert_eq!(slots, self.model.claim(self.desk.now(), owner, limit));
        for claim in claims {
            let row = self.model.row(claim.ticket);
            assert_eq!((claim.ticket.fence, claim.ticket.attempt), (row.fence, row.tries + 1));
            self.held.push(Held { ticket: claim.ticket, truth: None });
        }
    }

    async fn begin(&mut self, pick: usize, truth: Outcome) {
        let now = self.desk.now();
        let Some(ticket) = self.pick(pick).map(|held| held.ticket) else { return };
        let answer = self.desk.enter(Entry::Begin(ticket)).await;
        assert_eq!(answer, self.model.begin(now, ticket));
        if answer == Entered::Done {
            self.model.row(ticket).taken_by_relay += u32::from(is_taken(&truth));
            self.pick(pick).expect("it is held").truth = Some(truth);
        }
    }

    /// The relay's answer is told, maybe again, maybe long after its sender was given up.
    async fn record(&mut self, pick: usize) {
        let now = self.desk.now();
        let Some(Held { ticket, truth: Some(truth) }) = self.pick(pick) else { return };
        let (ticket, truth) = (*ticket, truth.clone());
        let expected = self.model.record(now, ticket, &truth);
        assert_eq!(self.desk.enter(Entry::Record(ticket, truth)).await, expected);
    }

    fn pick(&mut self, pick: usize) -> Option<&mut Held> {
        // Mostly of the youngest, so that most picks are of somebody alive.
        let count = self.held.len().clamp(1, if pick < 48 { 4 } else { 64 });
        self.held.iter_mut().rev().nth(pick % count)
    }

    /// Sends the rest without mishap, and draws the balance.
    async fn finish(mut self) {
        self.step(&Step::Turn { from: IssueState::Paused, to: IssueState::Sending }).await;
        for _ in 0..12 {
            self.desk.pass(172_800);
            self.recover(None).await;
            for _ in NAMES {
                self.claim(0, 1).await;
                self.begin(0, accepted()).await;
                self.record(0).await;
            }
        }
        let tally = self.desk.tally(self.issue).await;
        assert_eq!(tally.remaining, 0, "nobody is stuck");
        let finished = self.desk.turn(IssueState::Sending, IssueState::Finished).await;
        assert_eq!(finished, self.model.issue == IssueState::Sending);
        assert_eq!(
            self.desk.ledger.mark(LIST).await.expect("it is marked").begins,
            self.model.begins
        );
        for row in &self.model.rows {
            assert!(row.taken_by_relay <= 1 + row.resends, "{row:?}");
            let known = row.taken_by_relay > 0 || row.settled_by_hand;
            assert!(row.state != D::Accepted || known, "{row:?}");
        }
    }
}
