//! The promise, explored: every order in which two senders, a relay, a person, a crash and a power cut can meet one issue.
//!
//! The states are those of `src/ledger/mod.rs`, the steps those of `src/send/`:
//! between any two of them a sender may be frozen for as long as the others
//! like, or die. A breadth-first search visits every state that can be reached
//! within the bounds of a [`World`] and holds each against the invariants. Then
//! each rule is taken away in turn, and the search has to find how that goes
//! wrong: a rule that nothing needs is none, and a model that finds nothing
//! proves nothing.

use std::io::{self, Write};

mod ledger;
mod search;
mod sender;
mod world;

use search::{Broken, explore};
use world::World;

/// What must never stop to be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Invariant {
    /// I1: the relay took no reader's copy more often than once, and once more for each time a person asked for it.
    NobodyTwice,
    /// I2: what the ledger says of a settled reader is true.
    LedgerTrue,
    /// I3: whatever happened, the next run settles everybody, and an issue is finished only then.
    NobodyStuck,
    /// I4: nothing is begun for a reader who has left, or of an issue that was paused or cancelled.
    NobodyAfterLeaving,
    /// I5: no more readers are in doubt than messages were on the wire when something broke.
    FewInDoubt,
    /// I6: whoever ends a message still holds its delivery.
    OneTransmitter,
}

/// The rules of delivery, each of which can be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    BegunBeforeItLeaves,
    BeginSynced,
    ClaimAskedAtBegin,
    ReaderAskedAtBegin,
    IssueAskedAtBegin,
    RecordFenced,
    OutcomeKept,
    SilenceIsDoubt,
    FailureBeforeTheDotIsNone,
    LeaseAskedBeforeTheDot,
    FenceRaisedByClaim,
    LeaseEnds,
    AttemptEndsInDoubt,
    HighWaterAsked,
    HighWaterSynced,
    AcceptedBackupIsInDoubt,
    FinishedWhenNothingIsOpen,
    LateDeferralReopens,
    HandOverNoted,
    BeginNoted,
    SilenceProvesWithinOneStart,
    OneReaderOfTheJournal,
    ReplayedBeforeRecovery,
}

/// Which rules hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules(Option<Rule>);

impl Rules {
    pub(crate) const ALL: Self = Self(None);

    pub(crate) fn without(rule: Rule) -> Self {
        Self(Some(rule))
    }

    pub(crate) fn has(self, rule: Rule) -> bool {
        self.0 != Some(rule)
    }
}

/// Says something even where the test passes: how much was searched.
fn tell(line: &str) {
    writeln!(io::stderr(), "{line}").expect("stderr is open");
}

/// Every bounded world, by what it is about.
fn worlds() -> Vec<(&'static str, World)> {
    vec![
        ("two senders, one of them frozen", World::frozen()),
        ("two senders, answers that are lost", World::lost()),
        ("two senders, one after the other", World::taken_over()),
        ("two senders on one machine", World::one_machine()),
        ("one sender that begins ahead", World::ahead()),
        ("one sender without a journal", World::without_journal()),
        ("a person who pauses, resumes, cancels", World::person()),
        ("a restored backup", World::restored()),
        ("a power cut and a restored backup", World::unplugged()),
    ]
}

#[test]
fn every_reachable_state_keeps_every_invariant() {
    let mut total = 0;
    for (name, world) in worlds() {
        let found = explore(&world, Rules::ALL, None);
        if let Some(broken) = found.broken {
            panic!("{name}: {broken}");
        }
        tell(&format!("{name}: {} states", found.states));
        total += found.states;
    }
    tell(&format!("{total} states, no invariant broken"));
    assert!(total > 100_000, "only {total} states were reached");
}

/// A rule of delivery.md, the world in which its absence shows, and what breaks.
type Mutant = (&'static str, Rule, fn() -> World, Invariant);

#[rustfmt::skip]
const MUTANTS: &[Mutant] = &[
    ("D1 the begin comes before the message", Rule::BegunBeforeItLeaves, World::lost, Invariant::NobodyTwice),
    ("D1 the begin is synced", Rule::BeginSynced, World::ahead, Invariant::NobodyTwice),
    ("D2 the begin asks for the claim", Rule::ClaimAskedAtBegin, World::taken_over, Invariant::NobodyTwice),
    ("D2, D8 the begin asks for the reader", Rule::ReaderAskedAtBegin, World::lost, Invariant::NobodyAfterLeaving),
    ("D2, D9 a pause or cancel stops the begins", Rule::IssueAskedAtBegin, World::person, Invariant::NobodyAfterLeaving),
    ("D3 a record shows its fence", Rule::RecordFenced, World::frozen, Invariant::OneTransmitter),
    ("D3 an outcome is told until it is heard", Rule::OutcomeKept, World::ahead, Invariant::FewInDoubt),
    ("D4 silence after the dot is doubt", Rule::SilenceIsDoubt, World::frozen, Invariant::NobodyTwice),
    ("D4 a failure before the dot is none", Rule::FailureBeforeTheDotIsNone, World::ahead, Invariant::FewInDoubt),
    ("D6 the lease is looked at before the dot", Rule::LeaseAskedBeforeTheDot, World::frozen, Invariant::OneTransmitter),
    ("D10 a claim raises the fence", Rule::FenceRaisedByClaim, World::lost, Invariant::NobodyTwice),
    ("D10 a lease ends", Rule::LeaseEnds, World::lost, Invariant::NobodyStuck),
    ("an attempt whose sender is gone is in doubt", Rule::AttemptEndsInDoubt, World::lost, Invariant::NobodyTwice),
    ("D12 an older ledger is refused", Rule::HighWaterAsked, World::restored, Invariant::NobodyTwice),
    ("D12 the count of begins is on the disk", Rule::HighWaterSynced, World::unplugged, Invariant::NobodyTwice),
    ("D12 whatever an accepted backup has open is in doubt", Rule::AcceptedBackupIsInDoubt, World::restored, Invariant::NobodyTwice),
    ("D15 finished is when nothing is open", Rule::FinishedWhenNothingIsOpen, World::person, Invariant::NobodyStuck),
    ("D15 a late word that there is more to do opens it again", Rule::LateDeferralReopens, World::frozen, Invariant::NobodyStuck),
    ("the journal says what leaves, before it leaves", Rule::HandOverNoted, World::ahead, Invariant::NobodyTwice),
    ("the journal says what is begun, before it is begun", Rule::BeginNoted, World::ahead, Invariant::FewInDoubt),
    ("the journal's silence proves within one start of the machine", Rule::SilenceProvesWithinOneStart, World::ahead, Invariant::NobodyTwice),
    ("the journal of a living sender is nobody else's", Rule::OneReaderOfTheJournal, World::one_machine, Invariant::NobodyTwice),
    ("the journal is heard before attempts are given up", Rule::ReplayedBeforeRecovery, World::ahead, Invariant::FewInDoubt),
];

#[test]
fn without_any_one_rule_an_invariant_breaks() {
    let mut wrong = Vec::new();
    for (name, rule, world, expected) in MUTANTS {
        let found = explore(&world(), Rules::without(*rule), Some(*expected));
        match found.broken {
            Some(broken) => {
                let Broken { invariant, .. } = broken;
                tell(&format!("without `{name}`: {invariant:?} after {} states", found.states));
            }
            None => wrong.push(format!("without `{name}`: nothing in {} states", found.states)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
