//! What a relay's reply means: for the reader, for the run, for the list.
//!
//! MAIL and AUTH errors concern us, RCPT errors the address, DATA and dot
//! errors the message or our reputation (RFC 5321 section 4.2, RFC 3463, and
//! what the large providers write about themselves). A pure table: nothing
//! here knows a connection or a ledger.

use std::{collections::VecDeque, time::Duration};

use crate::model::{Outcome, Reply, Stage};

/// How long a reader may stay deferred before the delivery expires.
pub const EXPIRE_AFTER: Duration = Duration::from_hours(48);

/// The waits between tries of a reader who was refused for now; the last one repeats.
const WAITS: [Duration; 6] = [
    Duration::from_mins(15),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(4),
    Duration::from_hours(8),
];

/// What follows from a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// For this delivery.
    pub outcome: Outcome,
    /// For the connection and the run.
    pub effect: Effect,
}

/// What the run does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Goes on.
    GoOn,
    /// Closes this connection, waits, and opens another.
    BackOff,
    /// Closes this connection; three in a run stop it.
    Desync,
    /// Stops: the relay does not know us.
    Credentials,
    /// Stops: something of ours is refused, and would be for every reader.
    Halt(String),
}

/// Judges a negative reply to the `attempt`-th try (from 1) at one reader.
pub fn judge(stage: Stage, reply: &Reply, attempt: u32) -> Ruling {
    let said = reply.to_string();
    let kind = kind(stage, reply);
    let later = |wait, counted| Outcome::Deferred { said: said.clone(), wait, counted };
    let never = |hard| Outcome::Rejected { said: said.clone(), hard };
    let (outcome, effect) = match kind {
        Kind::Busy => (later(Duration::from_secs(30), false), Effect::BackOff),
        Kind::Throttled => (later(Duration::from_mins(5), false), Effect::BackOff),
        Kind::Greylisted => {
            (later(Duration::from_mins(5) * attempt.clamp(1, 3), true), Effect::GoOn)
        }
        Kind::Later => (later(wait(attempt), true), Effect::GoOn),
        Kind::Dead => (never(true), Effect::GoOn),
        Kind::Refused => (never(false), Effect::GoOn),
        Kind::Desync => (later(Duration::from_secs(30), false), Effect::Desync),
        Kind::Credentials => (later(Duration::ZERO, false), Effect::Credentials),
        Kind::Sender => (
            later(Duration::ZERO, false),
            Effect::Halt(format!("the relay refuses our sender address: {said}")),
        ),
        Kind::Identity => (
            later(Duration::ZERO, false),
            Effect::Halt(format!(
                "the relay says that our SPF, DKIM, DMARC or PTR record is wrong: {said}"
            )),
        ),
        Kind::Message => (
            later(Duration::ZERO, false),
            Effect::Halt(format!("the relay refuses the message itself: {said}")),
        ),
    };
    Ruling { outcome, effect }
}

/// What the relay says beforehand that it does not take: no reader is the reason.
pub fn unwelcome(why: &str) -> Ruling {
    Ruling {
        outcome: Outcome::Deferred { said: why.to_owned(), wait: Duration::ZERO, counted: false },
        effect: Effect::Halt(why.to_owned()),
    }
}

/// What broke before any byte of the dot had left: tried again soon, then ever later, not counted against the reader.
pub fn broken(stage: Stage, why: &str, attempt: u32) -> Ruling {
    let wait = match attempt {
        0 | 1 => Duration::from_secs(1),
        2 => Duration::from_secs(30),
        more => wait(more - 2),
    };
    Ruling {
        outcome: Outcome::Deferred { said: format!("at {stage}: {why}"), wait, counted: false },
        effect: Effect::BackOff,
    }
}

/// Returns how long to wait after the `attempt`-th try.
fn wait(attempt: u32) -> Duration {
    let step = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
    WAITS[step.min(WAITS.len() - 1)]
}

enum Kind {
    Busy,
    Throttled,
    Greylisted,
    Later,
    Dead,
    Refused,
    Desync,
    Credentials,
    Sender,
    Identity,
    Message,
}

fn kind(stage: Stage, reply: &Reply) -> Kind {
    let text = reply.text.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match (reply.code, reply.enhanced) {
        (530 | 534 | 535, _) => Kind::Credentials,
        (_, Some((4, 7, 26 | 27 | 30 | 32) | (5, 7, 25 | 26 | 27 | 30 | 515))) => Kind::Identity,
        (432 | 454, _) | (421 | 451, Some((4, 7, 28))) | (452, Some((4, 4, 5))) => Kind::Throttled,
        (421, _) => Kind::Busy,
        (500..=503, _) => Kind::Desync,
        (450 | 451, Some((4, 7, _))) => Kind::Greylisted,
        (450 | 451, _) if says(&["greylist", "graylist"]) => Kind::Greylisted,
        (400..=499, _) => Kind::Later,
        (_, Some((5, 3, 4) | (5, 6, _))) => Kind::Message,
        (552, None) if stage != Stage::Rcpt && says(&["size", "large", "big"]) => Kind::Message,
        _ if stage == Stage::Mail => Kind::Sender,
        (_, Some((5, 1, 1 | 2 | 3 | 6 | 10))) => Kind::Dead,
        (_, Some((5, 2, 1))) if says(&["disabled", "inactive", "deactivated", "closed"]) => {
            Kind::Dead
        }
        (550 | 551 | 553, None) if stage == Stage::Rcpt && says(UNKNOWN_USER) => Kind::Dead,
        _ => Kind::Refused,
    }
}

/// How servers without enhanced codes say that nobody is there.
const UNKNOWN_USER: &[&str] = &[
    "user unknown",
    "unknown user",
    "no such user",
    "no such recipient",
    "no such mailbox",
    "no mailbox",
    "mailbox not found",
    "mailbox unavailable",
    "does not exist",
    "doesn't exist",
    "not exist",
    "recipient unknown",
    "unknown recipient",
    "invalid recipient",
    "recipient rejected: unknown",
    "recipient not found",
    "unknown or illegal alias",
    "account disabled",
];

/// Watches the share of permanent refusals among the last 200 outcomes.
#[derive(Debug)]
pub struct Refusals {
    recent: VecDeque<bool>,
    share: f64,
}

impl Refusals {
    /// How many outcomes back the share is taken over.
    pub const WINDOW: u32 = 200;

    /// Starts to watch; `share` is 0 to 1.
    pub fn new(share: f64) -> Self {
        Self { recent: VecDeque::new(), share }
    }

    /// Notes an outcome and tells whether the share is passed. It is always of 200, so a short list with two dead addresses does not stop.
    pub fn note(&mut self, outcome: &Outcome) -> bool {
        self.recent.push_back(matches!(outcome, Outcome::Rejected { .. }));
        if self.recent.len() > Self::WINDOW as usize {
            self.recent.pop_front();
        }
        let refused = u32::try_from(self.recent.iter().filter(|refused| **refused).count());
        f64::from(refused.unwrap_or(Self::WINDOW)) > self.share * f64::from(Self::WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(line: &str) -> Reply {
        let (code, rest) = line.split_at(3);
        let rest = rest.trim_start();
        let digits: Vec<u16> = rest
            .split(' ')
            .next()
            .unwrap_or_default()
            .split('.')
            .filter_map(|part| part.parse().ok())
            .collect();
        let (enhanced, text) = match digits[..] {
            [class, subject, detail] => (
                Some((u8::try_from(class).expect("one digit"), subject, detail)),
                rest.split_once(' ').map_or("", |(_, text)| text),
            ),
            _ => (None, rest),
        };
        Reply { code: code.parse().expect("three digits"), enhanced, text: text.to_owned() }
    }

    #[test]
    fn every_line_of_the_table_is_judged_as_it_says() {
        use Stage::{Body, Data, Dot, Mail, Rcpt};
        let table = [
            (Rcpt, "550 5.1.1 user unknown", "hard", "go on"),
            (Rcpt, "550 No such user here", "hard", "go on"),
            (Rcpt, "550 rejected for reasons of our own", "rejected", "go on"),
            (Rcpt, "550 5.2.1 mailbox disabled", "hard", "go on"),
            (Rcpt, "553 5.1.3 bad address syntax", "hard", "go on"),
            (Rcpt, "550 5.1.10 null mx", "hard", "go on"),
            (Rcpt, "552 5.2.2 mailbox full", "rejected", "go on"),
            (Rcpt, "550 5.7.1 blocked", "rejected", "go on"),
            (Dot, "554 5.7.1 spam", "rejected", "go on"),
            (Rcpt, "450 4.2.0 try later", "900 s", "go on"),
            (Rcpt, "452 4.2.2 mailbox full", "900 s", "go on"),
            (Dot, "451 4.3.0 local error", "900 s", "go on"),
            (Rcpt, "451 4.7.1 greylisted", "300 s", "go on"),
            (Rcpt, "450 greylisted, come again", "300 s", "go on"),
            (Mail, "421 4.3.2 shutting down", "30 s uncounted", "back off"),
            (Dot, "421 4.7.28 rate", "300 s uncounted", "back off"),
            (Mail, "454 4.7.0 Throttling failure", "300 s uncounted", "back off"),
            (Data, "452 4.4.5 insufficient", "300 s uncounted", "back off"),
            (Mail, "530 5.7.0 authenticate first", "0 s uncounted", "credentials"),
            (Mail, "535 5.7.8 no", "0 s uncounted", "credentials"),
            (Mail, "550 5.7.1 sender not allowed", "0 s uncounted", "halt"),
            (Mail, "553 sender rejected", "0 s uncounted", "halt"),
            (Dot, "550 5.7.515 access denied", "0 s uncounted", "halt"),
            (Dot, "421 4.7.27 no SPF", "0 s uncounted", "halt"),
            (Mail, "552 5.3.4 too big", "0 s uncounted", "halt"),
            (Body, "552 message size exceeds limit", "0 s uncounted", "halt"),
            (Dot, "554 5.6.0 malformed", "0 s uncounted", "halt"),
            (Data, "503 bad sequence", "30 s uncounted", "desync"),
            (Rcpt, "500 what", "30 s uncounted", "desync"),
        ];
        for (stage, line, outcome, effect) in table {
            let ruling = judge(stage, &reply(line), 1);
            let shown = match &ruling.outcome {
                Outcome::Rejected { hard: true, .. } => "hard".to_owned(),
                Outcome::Rejected { hard: false, .. } => "rejected".to_owned(),
                Outcome::Deferred { wait, counted, .. } => {
                    format!("{} s{}", wait.as_secs(), if *counted { "" } else { " uncounted" })
                }
                other => format!("{other:?}"),
            };
            let done = match ruling.effect {
                Effect::GoOn => "go on",
                Effect::BackOff => "back off",
                Effect::Desync => "desync",
                Effect::Credentials => "credentials",
                Effect::Halt(_) => "halt",
            };
            assert_eq!((shown.as_str(), done), (outcome, effect), "{stage}: {line}");
        }
    }

    #[test]
    fn the_waits_grow_to_eight_hours() {
        let hours: Vec<u64> = (1..=8).map(|attempt| wait(attempt).as_secs() / 60).collect();
        assert_eq!(hours, [15, 30, 60, 120, 240, 480, 480, 480]);
    }

    #[test]
    fn eleven_refusals_of_two_hundred_pass_five_per_cent_and_ten_do_not() {
        let refused = Outcome::Rejected { said: String::new(), hard: false };
        let taken = Outcome::Accepted { said: String::new() };
        let mut watch = Refusals::new(0.05);
        assert!((0..10).all(|_| !watch.note(&refused)));
        assert!(watch.note(&refused));
        assert!(
            (0..190).filter(|_| watch.note(&taken)).count() == 189,
            "the eleventh leaves after 200"
        );
    }
}
