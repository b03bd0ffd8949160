//! What a check found: how it stands, why, who asks for it, how to mend it.

use std::fmt;

use super::{Unanswered, zone::Line};

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and should be better.
    Warn,
    /// Receivers will refuse mail for it, or distrust it.
    Wrong,
    /// Nobody could be asked, or there was nothing to ask.
    NotChecked,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at, in a word or two.
    pub check: &'static str,
    /// How it stands.
    pub verdict: Verdict,
    /// What was found: a sentence without its full stop.
    pub why: String,
    /// Who asks for it: an RFC and its section, or a provider's rules.
    pub source: &'static str,
    /// How to mend it.
    pub mend: Option<String>,
    /// What the DNS should say instead.
    pub publish: Vec<Line>,
}

impl Finding {
    fn new(check: &'static str, verdict: Verdict, source: &'static str, why: String) -> Self {
        Self { check, verdict, why, source, mend: None, publish: Vec::new() }
    }

    /// Makes good news.
    pub fn ok(check: &'static str, source: &'static str, why: impl Into<String>) -> Self {
        Self::new(check, Verdict::Ok, source, why.into())
    }

    /// Makes one of what works and should be better.
    pub fn warn(check: &'static str, source: &'static str, why: impl Into<String>) -> Self {
        Self::new(check, Verdict::Warn, source, why.into())
    }

    /// Makes bad news.
    pub fn wrong(check: &'static str, source: &'static str, why: impl Into<String>) -> Self {
        Self::new(check, Verdict::Wrong, source, why.into())
    }

    /// Makes one of what nobody could be asked about.
    pub fn not_checked(check: &'static str, source: &'static str, why: impl Into<String>) -> Self {
        Self::new(check, Verdict::NotChecked, source, why.into())
    }

    /// Makes one of a question that got no answer.
    pub(super) fn unanswered(
        check: &'static str,
        source: &'static str,
        unanswered: &Unanswered,
    ) -> Self {
        Self::not_checked(check, source, unanswered.to_string())
    }

    /// Says how to mend it.
    #[must_use]
    pub fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
        self
    }

    /// Says what the DNS should hold.
    #[must_use]
    pub(super) fn publish(mut self, line: Line) -> Self {
        self.publish.push(line);
        self
    }
}

impl Verdict {
    /// Returns its stable name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Wrong => "wrong",
            Self::NotChecked => "not_checked",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NotChecked => "not checked",
            verdict => verdict.name(),
        })
    }
}
