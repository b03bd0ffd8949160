//! Everything there is: the ledger, two senders, their journals, what the relay took, and what a person and the power company may still do.

use postrider::model::{DeliveryState as D, IssueState};

use super::{
    Invariant, Rule, Rules,
    ledger::{Entered, Ledger, Outcome, READERS},
    sender::{Hand, Held, Journal, Line, Sender, Standing},
};

/// What may still happen, so that the search ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    kills: u8,
    power_cuts: u8,
    /// Answers of the ledger that are lost.
    lost_answers: u8,
    /// 4yz, and connections that break before the dot.
    deferrals: u8,
    /// Answers of the relay that are lost.
    silences: u8,
    /// Pauses and cancels.
    turns: u8,
    unsubscribes: u8,
    backups: u8,
    resends: u8,
    /// Leases that end while their sender lives.
    leases: u8,
    /// Deliveries given back unsent.
    returns: u8,
}

/// One state of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(super) ledger: Ledger,
    /// What of it survives a power cut.
    disk: Ledger,
    backup: Option<Ledger>,
    /// Whether the ledger was restored and forgot begins, and nobody has said so yet.
    forgot: bool,
    /// The count of begins outside the ledger, and what of it survives a power cut.
    seen: (u8, u8),
    senders: [Sender; 2],
    journals: [Journal; 2],
    /// How often the relay took each reader's copy.
    taken: [u8; READERS],
    resent: [u8; READERS],
    /// How many readers may be in doubt by now.
    excuses: u8,
    budget: Budget,
    // What does not change.
    second: Second,
    /// How many deliveries a sender claims and begins ahead of its connection.
    ahead: u8,
    /// Whether senders keep a journal of what they set out to do. Without one every begin and outcome waits for the ledger.
    journal: bool,
}

/// The second sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Second {
    None,
    /// On the same machine, with the same journal and lock.
    Here,
    /// On another machine.
    Elsewhere,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[rustfmt::skip]
pub(crate) enum Event {
    Start { sender: usize },
    Claim { sender: usize, reader: usize },
    NoteBegin { sender: usize, reader: usize },
    Begin { sender: usize, reader: usize, is_answer_lost: bool },
    GiveBack { sender: usize, reader: usize },
    HandOver { sender: usize, reader: usize },
    BreakBeforeDot { sender: usize, reader: usize },
    Dot { sender: usize, reader: usize },
    Answer { sender: usize, reader: usize, outcome: Outcome },
    NoAnswer { sender: usize, reader: usize, is_taken: bool },
    NoteOutcome { sender: usize, reader: usize },
    Record { sender: usize, reader: usize, is_answer_lost: bool },
    Finish { sender: usize },
    Kill { sender: usize, is_taken: bool },
    PowerCut { is_taken: bool, kept: Kept, is_mark_kept: bool },
    LeaseEnds { reader: usize },
    Expire { reader: usize },
    Unsubscribe,
    Turn { to: IssueState },
    BackUp,
    Restore,
    AcceptRollback,
    Resend { reader: usize },
}

/// Every reader.
const ALL: u8 = 2;

/// Which lines of a journal are on the disk when the power goes: the kernel writes them in any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    All,
    Begins,
    None,
}

impl World {
    fn new(readers: usize, second: Second, ahead: u8, journal: bool, budget: Budget) -> Self {
        let ledger = Ledger::frozen(readers);
        Self {
            ledger,
            disk: ledger,
            backup: None,
            forgot: false,
            seen: (0, 0),
            senders: [Sender { standing: Standing::Up, ..Sender::DOWN }, Sender::DOWN],
            journals: [Journal::EMPTY; 2],
            taken: [0; READERS],
            resent: [0; READERS],
            excuses: 0,
            budget,
            second,
            ahead,
            journal,
        }
    }

    const NOTHING: Budget = Budget {
        kills: 0,
        power_cuts: 0,
        lost_answers: 0,
        deferrals: 0,
        silences: 0,
        turns: 0,
        unsubscribes: 0,
        backups: 0,
        resends: 0,
        leases: 0,
        returns: 0,
    };

    /// Two senders on two machines after one reader: one is frozen past its lease, the relay keeps silent, a person asks for another copy.
    pub(crate) fn frozen() -> Self {
        let budget = Budget { leases: 1, silences: 1, deferrals: 1, resends: 1, ..Self::NOTHING };
        Self::new(1, Second::Elsewhere, 1, true, budget)
    }

    /// The same: the ledger's answers are lost, a sender is killed, the reader leaves.
    pub(crate) fn lost() -> Self {
        let budget =
            Budget { lost_answers: 1, kills: 1, deferrals: 1, unsubscribes: 1, ..Self::NOTHING };
        Self::new(1, Second::Elsewhere, 1, true, budget)
    }

    /// The same: somebody pauses, and another sender goes on.
    pub(crate) fn taken_over() -> Self {
        let budget = Budget { turns: 1, leases: 1, deferrals: 1, returns: 1, ..Self::NOTHING };
        Self::new(1, Second::Elsewhere, 1, true, budget)
    }

    /// Two senders on one machine, one lock and one journal.
    pub(crate) fn one_machine() -> Self {
        let budget = Budget { kills: 2, silences: 1, ..Self::NOTHING };
        Self::new(2, Second::Here, 2, true, budget)
    }

    /// One sender that begins ahead: killed, unplugged.
    pub(crate) fn ahead() -> Self {
        let budget = Budget { kills: 1, power_cuts: 1, deferrals: 1, returns: 1, ..Self::NOTHING };
        Self::new(2, Second::None, 2, true, budget)
    }

    /// The same without a journal, as it was before: every begin and outcome waits for the ledger.
    pub(crate) fn without_journal() -> Self {
        Self { ahead: 1, journal: false, ..Self::ahead() }
    }

    /// Somebody leaves, and a person pauses, resumes, cancels.
    pub(crate) fn person() -> Self {
        let budget = Budget {
            kills: 1,
            turns: 2,
            deferrals: 1,
            unsubscribes: 1,
            returns: 1,
            ..Self::NOTHING
        };
        Self::new(1, Second::None, 1, true, budget)
    }

    /// A backup is restored at any time.
    pub(crate) fn restored() -> Self {
        let budget = Budget { kills: 1, deferrals: 1, backups: 1, resends: 1, ..Self::NOTHING };
        Self::new(1, Second::None, 1, true, budget)
    }

    /// The same after a power cut.
    pub(crate) fn unplugged() -> Self {
        let budget = Budget { power_cuts: 1, backups: 1, ..Self::NOTHING };
        Self::new(1, Second::None, 1, true, budget)
    }

    /// Returns everything that may happen next.
    pub(crate) fn events(&self, rules: Rules) -> Vec<Event> {
        let mut events = Vec::new();
        for sender in 0..2 {
            self.events_of(sender, rules, &mut events);
        }
        let all_down = self.senders.iter().all(|sender| sender.standing == Standing::Down);
        for (reader, row) in self.ledger.rows.iter().enumerate() {
            if matches!(row.state, D::Claimed | D::Attempting)
                && !row.is_over
                && self.budget.leases > 0
            {
                events.push(Event::LeaseEnds { reader });
            }
            let is_up = |sender: &Sender| sender.standing == Standing::Up;
            if row.state == D::Deferred && self.senders.iter().any(is_up) {
                events.push(Event::Expire { reader });
            }
            if row.state == D::InDoubt
                && self.budget.resends > 0
                && self.ledger.issue != IssueState::Cancelled
            {
                events.push(Event::Resend { reader });
            }
        }
        if self.budget.unsubscribes > 0 {
            events.push(Event::Unsubscribe);
        }
        match self.ledger.issue {
            IssueState::Sending if self.budget.turns > 0 => events.extend([
                Event::Turn { to: IssueState::Paused },
                Event::Turn { to: IssueState::Cancelled },
            ]),
            IssueState::Paused => events.push(Event::Turn { to: IssueState::Sending }),
            _ => {}
        }
        if self.budget.power_cuts > 0 {
            for &is_taken in self.ends_of_a_dot() {
                for kept in [Kept::All, Kept::Begins, Kept::None] {
                    for is_mark_kept in [true, false] {
                        events.push(Event::PowerCut { is_taken, kept, is_mark_kept });
                    }
                }
            }
        }
        if self.budget.backups > 0 && self.backup.is_none() {
            events.push(Event::BackUp);
        }
        // Who restores a ledger does so while nobody sends.
        if self.budget.backups > 0 && self.backup.is_some() && all_down {
            events.push(Event::Restore);
        }
        if all_down && self.is_refused(rules) {
            events.push(Event::AcceptRollback);
        }
        events
    }

    fn events_of(&self, sender: usize, rules: Rules, events: &mut Vec<Event>) {
        let this = &self.senders[sender];
        if this.standing == Standing::Up {
            let steps = (0..READERS).flat_map(|reader| self.steps(sender, reader));
            events.extend(steps.filter(|step| self.affords(*step)));
            if this.held.iter().all(|held| held.hand == Hand::Empty) {
                events.push(Event::Finish { sender });
            }
        } else if self.can_start(sender, rules) {
            events.push(Event::Start { sender });
        }
        if self.budget.kills > 0 && this.standing != Standing::Down {
            for &is_taken in self.ends_of_a_dot() {
                events.push(Event::Kill { sender, is_taken });
            }
        }
    }

    /// Returns what may become of one delivery in a living sender's hands.
    fn steps(&self, sender: usize, reader: usize) -> Vec<Event> {
        let held = &self.senders[sender].held;
        let is_wire_taken = held.iter().any(|held| {
            held.is_on_the_wire() || !self.journal && matches!(held.hand, Hand::Told(_))
        });
        match held[reader].hand {
            Hand::Empty => {
                let ahead = held.iter().filter(|held| held.is_ahead()).count();
                let has_room = ahead < usize::from(self.ahead) && (self.journal || !is_wire_taken);
                // Claims are made in the order of the list.
                let is_next = (0..reader).all(|before| !self.ledger.can_claim(before));
                let claims = has_room && is_next && self.ledger.can_claim(reader);
                claims.then_some(Event::Claim { sender, reader }).into_iter().collect()
            }
            Hand::Claimed => vec![Event::NoteBegin { sender, reader }],
            Hand::Noted => vec![
                Event::Begin { sender, reader, is_answer_lost: false },
                Event::Begin { sender, reader, is_answer_lost: true },
            ],
            Hand::Begun if is_wire_taken => vec![Event::GiveBack { sender, reader }],
            Hand::Begun => {
                vec![Event::HandOver { sender, reader }, Event::GiveBack { sender, reader }]
            }
            Hand::Leaving => {
                vec![Event::Dot { sender, reader }, Event::BreakBeforeDot { sender, reader }]
            }
            Hand::DotOut => vec![
                Event::Answer { sender, reader, outcome: Outcome::Accepted },
                Event::Answer { sender, reader, outcome: Outcome::Rejected },
                Event::Answer { sender, reader, outcome: Outcome::Deferred },
                Event::NoAnswer { sender, reader, is_taken: true },
                Event::NoAnswer { sender, reader, is_taken: false },
            ],
            Hand::Ended(_) => vec![Event::NoteOutcome { sender, reader }],
            Hand::Told(_) => vec![
                Event::Record { sender, reader, is_answer_lost: false },
                Event::Record { sender, reader, is_answer_lost: true },
            ],
        }
    }

    fn affords(&self, event: Event) -> bool {
        match event {
            Event::Begin { is_answer_lost: true, .. }
            | Event::Record { is_answer_lost: true, .. } => self.budget.lost_answers > 0,
            Event::BreakBeforeDot { .. } | Event::Answer { outcome: Outcome::Deferred, .. } => {
                self.budget.deferrals > 0
            }
            Event::NoAnswer { .. } => self.budget.silences > 0,
            Event::GiveBack { .. } => self.budget.returns > 0,
            _ => true,
        }
    }

    /// Returns whether the relay may, and may not, take a message whose sender dies with its dot out.
    fn ends_of_a_dot(&self) -> &'static [bool] {
        let mut held = self.senders.iter().flat_map(|sender| sender.held);
        if held.any(|held| held.hand == Hand::DotOut) { &[true, false] } else { &[false] }
    }

    fn can_start(&self, sender: usize, rules: Rules) -> bool {
        let other = &self.senders[1 - sender];
        match self.senders[sender].standing {
            Standing::Up => false,
            Standing::Admitted | Standing::Heard | Standing::Fresh => true,
            Standing::Down => {
                let locked_out =
                    other.standing != Standing::Down && rules.has(Rule::OneReaderOfTheJournal);
                let may = match (sender, self.second) {
                    (1, Second::None) => false,
                    (_, Second::Here) => !locked_out,
                    _ => true,
                };
                may && !self.is_refused(rules)
            }
        }
    }

    /// Tells whether the ledger counts fewer begins than were seen (rule D12).
    fn is_refused(&self, rules: Rules) -> bool {
        self.seen.0 > self.ledger.begins && rules.has(Rule::HighWaterAsked)
    }

    fn journal_of(&mut self, sender: usize) -> &mut Journal {
        let machine = if self.second == Second::Here { 0 } else { sender };
        &mut self.journals[machine]
    }

    /// Lets something happen, and says which invariant that breaks by itself.
    pub(crate) fn after(&self, event: Event, rules: Rules) -> (Self, Vec<Invariant>) {
        let mut next = *self;
        let mut broken: Vec<Invariant> = next.happen(event, rules).into_iter().collect();
        broken.extend(next.broken());
        (next, broken)
    }

    fn happen(&mut self, event: Event, rules: Rules) -> Option<Invariant> {
        let before = self.ledger;
        let mut is_synced = true;
        match event {
            Event::Start { sender } => self.start(sender, rules),
            Event::Claim { sender, reader } => {
                let fence = self.ledger.claim(reader, owner(sender), rules);
                self.senders[sender].held[reader] =
                    Held { hand: Hand::Claimed, fence, is_over: false };
            }
            Event::NoteBegin { sender, reader } => {
                if rules.has(Rule::BeginNoted) {
                    self.note(sender, reader, Line::Begin);
                }
                self.senders[sender].held[reader].hand = Hand::Noted;
            }
            Event::Begin { sender, reader, is_answer_lost } => {
                is_synced = rules.has(Rule::BeginSynced);
                if let Some(broken) = self.begin(sender, reader, is_answer_lost, rules) {
                    return Some(broken);
                }
            }
            Event::GiveBack { sender, reader } => {
                self.budget.returns -= 1;
                let held = &mut self.senders[sender].held[reader];
                self.ledger.release(reader, held.fence);
                *held = Held::NONE;
                self.settle(sender, reader);
            }
            Event::HandOver { sender, reader } => {
                if rules.has(Rule::HandOverNoted) {
                    self.note(sender, reader, Line::HandOver);
                }
                self.senders[sender].held[reader].hand = Hand::Leaving;
            }
            Event::BreakBeforeDot { sender, reader } => {
                self.budget.deferrals -= 1;
                let outcome = if rules.has(Rule::FailureBeforeTheDotIsNone) {
                    Outcome::Deferred
                } else {
                    Outcome::InDoubt
                };
                self.senders[sender].held[reader].hand = Hand::Ended(outcome);
            }
            Event::Dot { sender, reader } => {
                let held = &mut self.senders[sender].held[reader];
                if held.is_over && rules.has(Rule::LeaseAskedBeforeTheDot) {
                    held.hand = Hand::Ended(Outcome::Deferred);
                } else {
                    held.hand = Hand::DotOut;
                    if held.fence != self.ledger.rows[reader].fence {
                        return Some(Invariant::OneTransmitter);
                    }
                }
            }
            Event::Answer { sender, reader, outcome } => {
                self.taken[reader] += u8::from(outcome == Outcome::Accepted);
                self.budget.deferrals -= u8::from(outcome == Outcome::Deferred);
                self.senders[sender].held[reader].hand = Hand::Ended(outcome);
            }
            Event::NoAnswer { sender, reader, is_taken } => {
                self.budget.silences -= 1;
                self.excuse(1);
                self.taken[reader] += u8::from(is_taken);
                let outcome = if rules.has(Rule::SilenceIsDoubt) {
                    Outcome::InDoubt
                } else {
                    Outcome::Deferred
                };
                self.senders[sender].held[reader].hand = Hand::Ended(outcome);
            }
            Event::NoteOutcome { sender, reader } => {
                let held = self.senders[sender].held[reader];
                if let Hand::Ended(outcome) = held.hand {
                    if rules.has(Rule::OutcomeKept) {
                        self.note(sender, reader, Line::Record(outcome));
                    }
                    self.senders[sender].held[reader].hand = Hand::Told(outcome);
                }
            }
            Event::Record { sender, reader, is_answer_lost } => {
                let held = self.senders[sender].held[reader];
                if let Hand::Told(outcome) = held.hand {
                    self.ledger.record(reader, held.fence, outcome, rules);
                }
                if before.rows[reader].fence != held.fence && before != self.ledger {
                    return Some(Invariant::OneTransmitter);
                }
                if is_answer_lost {
                    self.budget.lost_answers -= 1;
                } else {
                    self.senders[sender].held[reader] = Held::NONE;
                    self.settle(sender, reader);
                }
            }
            Event::Finish { .. } => {
                self.ledger.finish(rules);
            }
            Event::Kill { sender, is_taken } => {
                self.budget.kills -= 1;
                self.die(sender, is_taken);
                // One connection, one message.
                self.excuse(1);
            }
            Event::PowerCut { is_taken, kept, is_mark_kept } => {
                self.cut_power(is_taken, kept, is_mark_kept);
            }
            Event::LeaseEnds { reader } => {
                self.budget.leases -= 1;
                self.end_lease(reader);
            }
            Event::Expire { reader } => self.ledger.rows[reader].state = D::Expired,
            Event::Unsubscribe => {
                self.budget.unsubscribes -= 1;
                self.ledger.has_left = true;
            }
            Event::Turn { to } => {
                self.budget.turns -= u8::from(to != IssueState::Sending);
                self.ledger.turn(to, rules);
            }
            Event::BackUp => self.backup = Some(self.ledger),
            Event::Restore => {
                self.budget.backups -= 1;
                if let Some(backup) = self.backup {
                    self.forgot = self.ledger.begins > backup.begins;
                    self.ledger = backup;
                }
            }
            Event::AcceptRollback => {
                self.ledger.accept_rollback(self.seen.0, rules);
                self.forgot = false;
                self.excuse(ALL);
            }
            Event::Resend { reader } => {
                self.budget.resends -= 1;
                self.resent[reader] += 1;
                self.ledger.resend(reader);
            }
        }
        // Whatever is synced later brings along what was not.
        if is_synced && self.ledger != before {
            self.disk = self.ledger;
        }
        None
    }

    /// One step of a start: the mark, the journal, the recovery.
    fn start(&mut self, sender: usize, rules: Rules) {
        let journal = *self.journal_of(sender);
        let first = !rules.has(Rule::ReplayedBeforeRecovery);
        let standing = match self.senders[sender].standing {
            Standing::Down => {
                self.seen.0 = self.seen.0.max(self.ledger.begins);
                self.seen.1 = self.seen.0;
                if first {
                    self.recover(sender, rules);
                }
                Standing::Admitted
            }
            Standing::Admitted => {
                journal.replay(&mut self.ledger, rules);
                Standing::Heard
            }
            Standing::Heard => {
                *self.journal_of(sender) = Journal::EMPTY;
                Standing::Fresh
            }
            Standing::Fresh | Standing::Up => {
                self.recover(sender, rules);
                Standing::Up
            }
        };
        self.senders[sender].standing = standing;
    }

    /// Takes back what is known to be dead: everything of this machine's senders, whose lock is now ours.
    fn recover(&mut self, sender: usize, rules: Rules) {
        let here = self.second == Second::Here;
        self.ledger.recover(|holder| here || holder == owner(sender), rules);
    }

    fn begin(
        &mut self,
        sender: usize,
        reader: usize,
        is_answer_lost: bool,
        rules: Rules,
    ) -> Option<Invariant> {
        let fence = self.senders[sender].held[reader].fence;
        let forbidden = self.ledger.forbids(reader);
        let entered = if rules.has(Rule::BegunBeforeItLeaves) {
            self.ledger.begin(reader, fence, rules)
        } else {
            Entered::Done
        };
        if entered == Entered::Done {
            self.seen.0 = self.seen.0.max(self.ledger.begins);
            if rules.has(Rule::HighWaterSynced) && rules.has(Rule::BeginSynced) {
                self.seen.1 = self.seen.0;
            }
            if forbidden && rules.has(Rule::BegunBeforeItLeaves) {
                return Some(Invariant::NobodyAfterLeaving);
            }
        }
        if is_answer_lost {
            // Asked again, the ledger refuses: nothing leaves, and the reader ends in doubt.
            self.budget.lost_answers -= 1;
            self.excuse(1);
            return None;
        }
        let held = &mut self.senders[sender].held[reader];
        match entered {
            Entered::Done => held.hand = Hand::Begun,
            Entered::Suppressed | Entered::Refused => {
                *held = Held::NONE;
                self.settle(sender, reader);
            }
        }
        None
    }

    fn note(&mut self, sender: usize, reader: usize, line: Line) {
        let fence = self.senders[sender].held[reader].fence;
        if self.journal {
            self.journal_of(sender).lines[reader] = (line, fence);
        }
    }

    /// The ledger has answered for it, so the journal may forget it.
    fn settle(&mut self, sender: usize, reader: usize) {
        self.journal_of(sender).lines[reader] = (Line::Nothing, 0);
    }

    fn excuse(&mut self, readers: u8) {
        self.excuses = (self.excuses + readers).min(ALL);
    }

    fn die(&mut self, sender: usize, is_taken: bool) {
        for (reader, held) in self.senders[sender].held.iter().enumerate() {
            self.taken[reader] += u8::from(held.hand == Hand::DotOut && is_taken);
        }
        self.senders[sender] = Sender::DOWN;
    }

    fn cut_power(&mut self, is_taken: bool, kept: Kept, is_mark_kept: bool) {
        self.budget.power_cuts -= 1;
        for sender in 0..2 {
            self.die(sender, is_taken);
            let journal = &mut self.journals[sender];
            journal.of_this_start = false;
            for line in &mut journal.lines {
                *line = match (kept, line.0) {
                    (Kept::All, _) => *line,
                    (Kept::None, _) | (Kept::Begins, Line::Nothing) => (Line::Nothing, 0),
                    (Kept::Begins, _) => (Line::Begin, line.1),
                };
            }
        }
        self.ledger = self.disk;
        if !is_mark_kept {
            self.seen.0 = self.seen.1;
        }
        // Whatever was begun and not recorded.
        self.excuse(ALL);
    }

    fn end_lease(&mut self, reader: usize) {
        if self.ledger.rows[reader].state == D::Attempting {
            self.excuse(1);
        }
        let fence = self.ledger.rows[reader].fence;
        self.ledger.rows[reader].is_over = true;
        for sender in &mut self.senders {
            let held = &mut sender.held[reader];
            held.is_over |= held.hand != Hand::Empty && held.fence == fence;
        }
    }

    /// Returns the invariants that do not hold in this state.
    fn broken(&self) -> Vec<Invariant> {
        let mut broken = Vec::new();
        for (at, row) in self.ledger.rows.iter().enumerate() {
            if self.taken[at] > 1 + self.resent[at] {
                broken.push(Invariant::NobodyTwice);
            }
            let denies = !matches!(row.state, D::Accepted | D::InDoubt | D::Attempting);
            if (row.state == D::Accepted && self.taken[at] == 0)
                || (denies && self.taken[at] > self.resent[at] && !self.forgot)
            {
                broken.push(Invariant::LedgerTrue);
            }
            if self.ledger.issue == IssueState::Finished && row.state.is_open() {
                broken.push(Invariant::NobodyStuck);
            }
        }
        let doubtful = self.ledger.rows.iter().filter(|row| row.state == D::InDoubt).count();
        if doubtful > usize::from(self.excuses) {
            broken.push(Invariant::FewInDoubt);
        }
        broken
    }

    /// Tells whether a last run, with nothing in its way, settles everybody. Asked where nobody sends.
    pub(crate) fn is_settled_by_one_more_run(mut self, rules: Rules) -> bool {
        if self.senders.iter().any(|sender| sender.standing != Standing::Down) {
            return true;
        }
        if self.ledger.issue == IssueState::Paused {
            self.ledger.turn(IssueState::Sending, rules);
        }
        if self.is_refused(rules) {
            self.ledger.accept_rollback(self.seen.0, rules);
        }
        for reader in 0..READERS {
            self.end_lease(reader);
        }
        while self.senders[0].standing != Standing::Up {
            self.start(0, rules);
        }
        for reader in 0..READERS {
            if self.ledger.can_claim(reader) {
                let fence = self.ledger.claim(reader, 0, rules);
                if self.ledger.begin(reader, fence, rules) == Entered::Done {
                    self.ledger.record(reader, fence, Outcome::Accepted, rules);
                }
            }
        }
        self.ledger.finish(rules);
        let open = self.ledger.rows.iter().any(|row| row.state.is_open());
        !open && matches!(self.ledger.issue, IssueState::Finished | IssueState::Cancelled)
    }
}

/// Names a sender in the ledger.
fn owner(sender: usize) -> u8 {
    u8::from(sender == 1)
}
