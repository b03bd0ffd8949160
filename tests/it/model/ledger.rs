//! The ledger of the model: what `src/ledger/` promises of one issue, in a few bytes. Every method is one transaction.

use postrider::model::{DeliveryState as D, IssueState};

use super::{Rule, Rules};

/// How many readers the issue has.
pub(super) const READERS: usize = 2;

/// One delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Row {
    pub(super) state: D,
    /// Raised by every claim.
    pub(super) fence: u8,
    /// Which sender holds it.
    pub(super) owner: u8,
    /// Whether its lease is over, by the ledger's clock.
    pub(super) is_over: bool,
    /// Whether an attempt was begun since it was last planned by a person.
    has_begun: bool,
}

/// What the ledger's file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ledger {
    pub(super) rows: [Row; READERS],
    pub(super) issue: IssueState,
    /// Whether the first reader has unsubscribed.
    pub(super) has_left: bool,
    /// How many deliveries were ever begun.
    pub(super) begins: u8,
}

/// How an attempt ended, in the words of `Outcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Outcome {
    Accepted,
    Rejected,
    Deferred,
    InDoubt,
}

/// What the ledger answers to a begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entered {
    Done,
    Suppressed,
    Refused,
}

impl Ledger {
    /// An issue frozen for `readers`; the others are settled beforehand.
    pub(super) fn frozen(readers: usize) -> Self {
        let row = |state| Row { state, fence: 0, owner: 0, is_over: false, has_begun: false };
        let mut rows = [row(D::Suppressed); READERS];
        rows[..readers].fill(row(D::Planned));
        Self { rows, issue: IssueState::Sending, has_left: false, begins: 0 }
    }

    /// Tells whether a reader may not be mailed now.
    pub(super) fn forbids(&self, at: usize) -> bool {
        self.issue != IssueState::Sending || (at == 0 && self.has_left)
    }

    pub(super) fn can_claim(&self, at: usize) -> bool {
        self.issue == IssueState::Sending && matches!(self.rows[at].state, D::Planned | D::Deferred)
    }

    /// Takes a delivery; returns the fence to show from now on.
    pub(super) fn claim(&mut self, at: usize, owner: u8, rules: Rules) -> u8 {
        let row = &mut self.rows[at];
        row.state = D::Claimed;
        row.fence += u8::from(rules.has(Rule::FenceRaisedByClaim));
        (row.owner, row.is_over) = (owner, false);
        row.fence
    }

    /// The begin (rules D1, D2).
    pub(super) fn begin(&mut self, at: usize, fence: u8, rules: Rules) -> Entered {
        let gone = at == 0 && self.has_left && rules.has(Rule::ReaderAskedAtBegin);
        let stopped = self.issue != IssueState::Sending && rules.has(Rule::IssueAskedAtBegin);
        let row = &mut self.rows[at];
        let held = row.state == D::Claimed && row.fence == fence && !row.is_over;
        if (!held && rules.has(Rule::ClaimAskedAtBegin)) || stopped {
            return Entered::Refused;
        }
        if gone {
            row.state = D::Suppressed;
            return Entered::Suppressed;
        }
        row.state = D::Attempting;
        row.has_begun = true;
        self.begins += 1;
        Entered::Done
    }

    /// Records how an attempt ended (rule D3): late evidence counts, stale evidence does not.
    pub(super) fn record(&mut self, at: usize, fence: u8, outcome: Outcome, rules: Rules) {
        let cancelled = self.issue == IssueState::Cancelled;
        let row = &mut self.rows[at];
        let mine = row.fence == fence || !rules.has(Rule::RecordFenced);
        if !mine || !row.has_begun || !matches!(row.state, D::Attempting | D::InDoubt) {
            return;
        }
        // The last word may come after another sender has finished the issue: there is something to do again.
        let reopened = outcome == Outcome::Deferred
            && self.issue == IssueState::Finished
            && rules.has(Rule::LateDeferralReopens);
        row.state = match outcome {
            Outcome::Accepted => D::Accepted,
            Outcome::Rejected => D::Rejected,
            Outcome::Deferred if cancelled => D::Cancelled,
            Outcome::Deferred => D::Deferred,
            Outcome::InDoubt => D::InDoubt,
        };
        if reopened {
            self.issue = IssueState::Sending;
        }
    }

    /// Takes back a delivery of whose message nothing left.
    pub(super) fn release(&mut self, at: usize, fence: u8) {
        let cancelled = self.issue == IssueState::Cancelled;
        let row = &mut self.rows[at];
        if matches!(row.state, D::Claimed | D::Attempting) && row.fence == fence {
            row.state = if cancelled { D::Cancelled } else { D::Planned };
        }
    }

    /// Takes back what senders left that no longer live: those of `gone`, and those whose lease is over.
    pub(super) fn recover(&mut self, gone: impl Fn(u8) -> bool, rules: Rules) {
        for row in &mut self.rows {
            let is_dead = row.is_over || gone(row.owner);
            if !is_dead || !rules.has(Rule::LeaseEnds) {
                continue;
            }
            row.state = match row.state {
                D::Attempting if rules.has(Rule::AttemptEndsInDoubt) => D::InDoubt,
                D::Claimed | D::Attempting => D::Planned,
                state => state,
            };
        }
    }

    pub(super) fn turn(&mut self, to: IssueState, rules: Rules) {
        self.issue = to;
        if !rules.has(Rule::IssueAskedAtBegin) {
            return;
        }
        for row in &mut self.rows {
            row.state = match (to, row.state) {
                (IssueState::Paused, D::Claimed) => D::Planned,
                (IssueState::Cancelled, D::Planned | D::Claimed | D::Deferred) => D::Cancelled,
                (_, state) => state,
            };
        }
    }

    /// Finishes where nothing is open (rule D15).
    pub(super) fn finish(&mut self, rules: Rules) -> bool {
        let open = |row: &Row| {
            if rules.has(Rule::FinishedWhenNothingIsOpen) {
                row.state.is_open()
            } else {
                matches!(row.state, D::Planned | D::Claimed)
            }
        };
        let done = self.issue == IssueState::Sending && !self.rows.iter().any(open);
        if done {
            self.issue = IssueState::Finished;
        }
        done
    }

    /// A person looked into it: send it again.
    pub(super) fn resend(&mut self, at: usize) {
        let row = &mut self.rows[at];
        row.state = D::Planned;
        row.fence += 1;
        row.has_begun = false;
        if self.issue == IssueState::Finished {
            self.issue = IssueState::Sending;
        }
    }

    /// Takes a restored backup for the truth (rule D12): whatever is open may have been sent in the days it does not know of.
    pub(super) fn accept_rollback(&mut self, begins: u8, rules: Rules) {
        self.begins = self.begins.max(begins);
        for row in &mut self.rows {
            let doubtful = if rules.has(Rule::AcceptedBackupIsInDoubt) {
                row.state.is_open()
            } else {
                row.state == D::Attempting
            };
            if doubtful {
                row.state = D::InDoubt;
            }
        }
    }
}
