//! What a worker cannot help with now: each issue is told of once and left alone for a while, so that the others go on.

use std::{
    cell::RefCell,
    collections::HashMap,
    time::{Duration, Instant},
};

use super::{Console, Failure, exit};
use crate::{ledger::LedgerError, send::SendError};

/// How long a relay that failed is left alone.
const RELAY_REST: Duration = Duration::from_mins(1);

/// What keeps a worker from going on.
pub(super) enum Trouble {
    /// It is that of one issue: its relay, its keys, its settings.
    Issue(Failure),
    /// It is that of the ledger or of this machine, and so of every issue.
    All(Failure),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Issue(failure)
    }
}

impl From<LedgerError> for Trouble {
    fn from(error: LedgerError) -> Self {
        Self::All(error.into())
    }
}

impl From<SendError> for Trouble {
    fn from(error: SendError) -> Self {
        Self::All(error.into())
    }
}

/// The issues that are left alone, by their numbers in the ledger.
#[derive(Default)]
pub(super) struct Aside(RefCell<HashMap<i64, Left>>);

struct Left {
    code: u8,
    said: String,
    until: Instant,
}

impl Aside {
    /// Returns the exit code of what an issue failed with, while it is left alone.
    pub(super) fn resting(&self, issue: i64) -> Option<u8> {
        let all = self.0.borrow();
        all.get(&issue).filter(|left| Instant::now() < left.until).map(|left| left.code)
    }

    /// Leaves an issue alone, and says why where that is news. What a person mends here is looked for in each round.
    pub(super) fn put(&self, console: &Console, issue: i64, name: &str, failure: Failure) {
        let is_the_relay = [exit::UNREACHABLE, exit::CREDENTIALS].contains(&failure.code);
        let rest = if is_the_relay { RELAY_REST } else { Duration::ZERO };
        let left = Left {
            code: failure.code,
            said: failure.message.clone(),
            until: Instant::now() + rest,
        };
        let before = self.0.borrow_mut().insert(issue, left);
        if before.is_none_or(|before| before.said != failure.message) {
            let message = format!("{name}: {}", failure.message);
            console.failure(&Failure { message, ..failure });
        }
    }

    /// Forgets every issue but those.
    pub(super) fn keep(&self, issues: &[i64]) {
        self.0.borrow_mut().retain(|issue, _| issues.contains(issue));
    }

    /// Forgets one, which goes on.
    pub(super) fn take_back(&self, issue: i64) {
        self.0.borrow_mut().remove(&issue);
    }
}
