//! Who is on a list, as a ledger is told and tells it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Address, SubscriberState};

/// How many records are named that were not taken, so that a list of nothing else does not fill the memory; the rest is only counted.
const NAMED_MAX: usize = 100_000;

/// One record of a list file, read and judged by `list/`; its line is where it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The physical line it starts on, counted from 1.
    pub line: u64,
    /// The mailbox.
    pub address: Address,
    /// The name; empty where there is none.
    pub name: String,
    /// The labels.
    pub tags: Vec<String>,
    /// Every other column, by header in lower case.
    pub fields: BTreeMap<String, String>,
    /// The state it claims.
    pub state: SubscriberState,
    /// What it says of how they came to the list, or left: times and places, for the consent log. Empty where it says nothing.
    pub evidence: String,
}

/// Streams the good records of a list; the bad ones were reported by whoever made it. An error says why the list cannot be trusted any further, and undoes everything.
pub type Records = Box<dyn Iterator<Item = Result<Record, String>> + Send>;

/// Says how list records are to be taken.
#[derive(Clone, Debug)]
pub struct Enrol {
    /// Whose list.
    pub publication: String,
    /// What is written in the consent log: who brought them, from where.
    pub event: Event,
    /// Whether these people belong to the publication's list file, and leave the list with their line.
    pub from_list_file: bool,
    /// The reason given for bringing people back who left.
    pub resubscribe: Option<String>,
    /// Whether to undo everything after counting.
    pub rehearse: bool,
}

/// Counts what became of list records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enrolled {
    /// Records read.
    pub read: u64,
    /// New people.
    pub added: u64,
    /// People whose name, tags, fields or state changed.
    pub updated: u64,
    /// People the list knew just so.
    pub unchanged: u64,
    /// Records of an address met before in the same file: line, address, line of the first; the first 100,000 that were met.
    pub duplicates: Vec<(u64, Address, u64)>,
    /// How many there are.
    pub duplicate: u64,
    /// Records claiming active or pending for somebody suppressed: line, address, what they are; the first 100,000 that were met.
    pub suppressed: Vec<(u64, Address, SubscriberState)>,
    /// How many there are.
    pub stayed: u64,
    /// New or changed people by the state their record gave them.
    pub by_state: BTreeMap<&'static str, u64>,
}

impl Enrolled {
    /// Counts a record of an address met before, in line `first`.
    pub(super) fn note_duplicate(&mut self, line: u64, address: Address, first: u64) {
        self.duplicate += 1;
        if self.duplicates.len() < NAMED_MAX {
            self.duplicates.push((line, address, first));
        }
    }

    /// Counts a record of somebody who is suppressed and stays so.
    pub(super) fn note_suppressed(&mut self, line: u64, address: Address, state: SubscriberState) {
        self.stayed += 1;
        if self.suppressed.len() < NAMED_MAX {
            self.suppressed.push((line, address, state));
        }
    }
}

/// Who did something to a person's consent, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// A name from a short list: `import`, `add`, `unsubscribe`, `suppress`, `bounce`, `complaint`, `resubscribe`.
    pub name: String,
    /// Where it came from: a file's name, `command line`, a link.
    pub source: String,
    /// Anything worth keeping as proof; may be empty.
    pub detail: String,
}

/// One line of a person's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event,
    /// What the person was after it.
    pub state: SubscriberState,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_import_did_not_take_is_counted_to_the_last_and_named_up_to_a_bound() {
        let mut enrolled = Enrolled::default();
        let address: Address = "anna@example.org".parse().expect("an address");
        for line in 0..=NAMED_MAX as u64 {
            enrolled.note_duplicate(line, address.clone(), 0);
            enrolled.note_suppressed(line, address.clone(), SubscriberState::Bounced);
        }
        assert_eq!((enrolled.duplicates.len(), enrolled.suppressed.len()), (NAMED_MAX, NAMED_MAX));
        assert_eq!((enrolled.duplicate, enrolled.stayed), (100_001, 100_001));
    }
}
