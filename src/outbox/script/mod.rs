//! How the built-in relay misbehaves, as data: at which step, which time, for whom, and what it does then.
//!
//! `read` has its text form, one rule a line, which `docs/relay.md` explains; `play` acts it out.

use std::time::Duration;

use crate::model::{Rate, Stage};

mod play;
mod read;

pub(super) use play::Play;
pub use read::NOT_A_RULE;

/// The rules, in the order they are tried: the first that fires is played.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The rules.
    pub rules: Vec<Rule>,
}

/// One departure from good behaviour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The line of the script that it stands on, counted from 1; 0 for one that no file holds.
    pub line: usize,
    /// At which step.
    pub stage: Stage,
    /// Which of the times that the step is reached, over all connections.
    pub firing: Firing,
    /// A part of the recipient's address, where `*` stands for anything; empty for everybody. Only RCPT and what follows it know one.
    pub to: String,
    /// What happens.
    pub action: Action,
}

/// Which times a rule acts, of those that its step is reached for whom it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firing {
    /// Every time.
    Always,
    /// From the first of these to the last, counted from 1.
    Between(u64, u64),
    /// Each time the count is a multiple of this.
    Every(u64),
    /// So many of every million, spread evenly.
    Share(u32),
    /// The first time of each recipient, and all times within this of it.
    First(Duration),
    /// Whenever more than this many come in its window; those it fires for do not count.
    Over(Rate),
}

/// What the relay does at a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Says this instead, lines parted by LF, and holds to it: 2 and 3 are a yes, all else a no. A 421 closes, as RFC 5321 section 3.8 wants. Inside the body it is said at once, and the connection closed.
    Reply(String),
    /// Answers as usual and says this besides, in the same write; a 421 closes. Inside the body it is said at once.
    Also(String),
    /// Answers as usual, then closes.
    HangUp,
    /// Closes without an answer.
    Close,
    /// Takes the message and closes without an answer; at the dot only, elsewhere it is `Close`.
    AcceptThenClose,
    /// Resets the connection.
    Reset,
    /// Says and reads nothing any more.
    Stall,
    /// Answers what is no SMTP.
    Garbage,
    /// Answers as usual, a byte at a time with this between them.
    Dribble(Duration),
    /// Answers as usual, after this.
    Wait(Duration),
    /// Does not offer these keywords; at EHLO only.
    Without(Vec<String>),
}

impl Script {
    /// Returns a script of one rule that acts every time.
    pub fn always(stage: Stage, action: Action) -> Self {
        let rule = Rule { line: 0, stage, firing: Firing::Always, to: String::new(), action };
        Self { rules: vec![rule] }
    }
}
