//! A sender of the model, and the journal it keeps on its machine: what `src/send/` does with one delivery after the other.

use super::{
    Rule, Rules,
    ledger::{Ledger, Outcome, READERS},
};

/// How far a starting sender got; between two of them it may die.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Standing {
    Down,
    /// The high-water mark allows the ledger.
    Admitted,
    /// The ledger has heard what the journal knows.
    Heard,
    /// A journal of its own is begun.
    Fresh,
    /// It works.
    Up,
}

/// What a sender does with one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Hand {
    Empty,
    Claimed,
    /// The journal says that the ledger is about to be asked.
    Noted,
    /// The begin is durable.
    Begun,
    /// The message is leaving; its dot is not.
    Leaving,
    /// The dot has left.
    DotOut,
    /// It ended, and nobody was told.
    Ended(Outcome),
    /// The journal knows; the ledger is told in time, and the connection is free.
    Told(Outcome),
}

/// One delivery in a sender's hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Held {
    pub(super) hand: Hand,
    pub(super) fence: u8,
    /// Whether the lease is over by the sender's own clock, which it looks at before the dot.
    pub(super) is_over: bool,
}

/// A sender with one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Sender {
    pub(super) standing: Standing,
    pub(super) held: [Held; READERS],
}

/// The last line of the journal on a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Line {
    Nothing,
    Begin,
    HandOver,
    Record(Outcome),
}

/// A machine's journal, as the page cache has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Journal {
    pub(super) lines: [(Line, u8); READERS],
    /// Whether it was begun in this start of the machine.
    pub(super) of_this_start: bool,
}

impl Held {
    pub(super) const NONE: Self = Self { hand: Hand::Empty, fence: 0, is_over: false };

    /// Tells whether the connection is taken by it.
    pub(super) fn is_on_the_wire(self) -> bool {
        matches!(self.hand, Hand::Leaving | Hand::DotOut | Hand::Ended(_))
    }

    /// Tells whether it counts as begun ahead.
    pub(super) fn is_ahead(self) -> bool {
        matches!(self.hand, Hand::Claimed | Hand::Noted | Hand::Begun)
    }
}

impl Sender {
    pub(super) const DOWN: Self = Self { standing: Standing::Down, held: [Held::NONE; READERS] };
}

impl Journal {
    pub(super) const EMPTY: Self =
        Self { lines: [(Line::Nothing, 0); READERS], of_this_start: true };

    /// Tells the ledger what its lines prove: an outcome always, silence only within the start of the machine it was written in.
    pub(super) fn replay(self, ledger: &mut Ledger, rules: Rules) {
        let silence_proves = self.of_this_start || !rules.has(Rule::SilenceProvesWithinOneStart);
        for (at, (line, fence)) in self.lines.into_iter().enumerate() {
            match line {
                Line::Record(outcome) => ledger.record(at, fence, outcome, rules),
                Line::Begin if silence_proves => ledger.release(at, fence),
                Line::Begin | Line::HandOver | Line::Nothing => {}
            }
        }
    }
}
