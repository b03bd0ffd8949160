//! What is wrong with one value, before it is known where the value stands.

use super::code::{UNSAFE_SECRET, UNUSABLE_KEY, WRONG_VALUE};
use crate::model::{Place, Problem};

/// Says why a value cannot be used, and how to mend it.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// A text that no report may show.
    pub(super) hidden: Option<String>,
}

impl Mistake {
    /// Makes a mistake of a value.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { code: WRONG_VALUE, message: message.into(), help: None, hidden: None }
    }

    /// Makes a mistake that would give a secret away.
    pub(super) fn unsafe_secret(message: impl Into<String>) -> Self {
        Self { code: UNSAFE_SECRET, ..Self::new(message) }
    }

    /// Makes a mistake of a DKIM key.
    pub(super) fn unusable_key(message: impl Into<String>) -> Self {
        Self { code: UNUSABLE_KEY, ..Self::new(message) }
    }

    /// Says it of a place that is known by now.
    pub(super) fn at(self, place: Place) -> Problem {
        Problem { help: self.help, ..Problem::error(self.code, place, self.message) }
    }

    /// Adds how to mend it.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Keeps a text out of every report.
    pub(super) fn hiding(mut self, secret: impl Into<String>) -> Self {
        self.hidden = Some(secret.into());
        self
    }
}
