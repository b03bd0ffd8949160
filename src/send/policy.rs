//! What a relay's reply means: for the reader, for the run, for the list.
//!
//! MAIL and AUTH errors concern us, RCPT errors the address, DATA and dot
//! errors the message or our reputation (RFC 5321 section 4.2, RFC 3463, and
//! what the large providers write about themselves). A pure table: nothing
//! here knows a connection or a ledger.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::{Duration, Instant},
};

use crate::model::{Outcome, Reply, Stage, own_words};

/// How long a reader may stay deferred before the delivery expires.
pub const EXPIRE_AFTER: Duration = Duration::from_hours(48);

/// How long a provider is left alone that refuses one message after the other.
pub const POLICY_PAUSE: Duration = Duration::from_hours(2);

/// How long a provider is left alone that finds our DNS records wrong: nothing but a person helps.
pub const RECORDS_PAUSE: Duration = Duration::from_hours(24);

/// How many providers have to find our DNS records wrong before all others are taken to.
pub const PROVIDERS_STOPPED: usize = 3;

/// How long a relay is left alone whose daily quota is used up: only it knows when the day is over, and it is asked once an hour.
const QUOTA_PAUSE: Duration = Duration::from_hours(1);

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
    /// Goes on; who keeps the reader's mailbox did not want our message, and not the reader.
    Policy,
    /// Closes this connection, waits, and opens another.
    BackOff,
    /// Goes slower.
    Slow(Scope),
    /// Leaves them alone for so long, for this reason.
    Pause(Scope, Duration, String),
    /// Leaves the reader's provider alone until somebody mended our DNS: which record.
    Records(String),
    /// Closes this connection; three in a run stop it, where all at one recipient are one.
    Desync,
    /// Stops: the relay does not know us.
    Credentials,
    /// Stops: something of ours is refused, and would be for every reader.
    Halt(String),
    /// Stops: this copy is refused as a message, and others would be.
    HaltAtCopy(String),
}

/// Whom a reply speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The relay: it concerns everybody.
    Relay,
    /// Whoever keeps the reader's mailbox.
    Provider,
}

/// Judges a negative reply to the `attempt`-th try (from 1) at one reader.
pub fn judge(stage: Stage, reply: &Reply, attempt: u32) -> Ruling {
    let said = reply.to_string();
    let later = |wait, counted| Outcome::Deferred { said: said.clone(), wait, counted };
    let never = |hard| Outcome::Rejected { said: said.clone(), hard };
    let halt = |why: String| (later(Duration::ZERO, false), Effect::Halt(why));
    let (outcome, effect) = match kind(stage, reply) {
        Kind::Busy => (later(Duration::from_secs(30), false), Effect::BackOff),
        Kind::TooFast(scope) => (later(Duration::from_mins(5), false), Effect::Slow(scope)),
        Kind::Quota => (
            later(QUOTA_PAUSE, false),
            Effect::Pause(Scope::Relay, QUOTA_PAUSE, format!("the daily quota is used up: {said}")),
        ),
        Kind::Unwelcome(length) => {
            (later(length, false), Effect::Pause(Scope::Provider, length, said.clone()))
        }
        Kind::Greylisted => {
            (later(Duration::from_mins(5) * attempt.clamp(1, 3), true), Effect::GoOn)
        }
        Kind::Later => (later(wait(attempt), true), Effect::GoOn),
        Kind::Dead => (never(true), Effect::GoOn),
        Kind::Refused => (never(false), Effect::GoOn),
        Kind::Policy => (never(false), Effect::Policy),
        Kind::Records(Scope::Relay, record) => {
            halt(format!("the relay says that our {record} is missing or wrong: {said}"))
        }
        Kind::Records(Scope::Provider, record) => (
            later(RECORDS_PAUSE, false),
            Effect::Records(format!("our {record} is missing or wrong: {said}")),
        ),
        Kind::Desync => (later(soon(attempt), stage == Stage::Rcpt), Effect::Desync),
        Kind::Credentials => (later(Duration::ZERO, false), Effect::Credentials),
        Kind::Sender => halt(format!("the relay refuses our sender address: {said}")),
        Kind::NoRelaying => {
            halt(format!("the relay takes no mail for other domains from us: {said}"))
        }
        Kind::Message => {
            let why = format!("the relay refuses the message itself: {said}");
            (later(Duration::ZERO, false), Effect::HaltAtCopy(why))
        }
    };
    Ruling { outcome, effect }
}

/// What the relay says beforehand that it does not take: no reader is the reason.
pub fn unwelcome(why: &str) -> Ruling {
    Ruling {
        outcome: Outcome::Deferred { said: why.to_owned(), wait: Duration::ZERO, counted: false },
        effect: Effect::HaltAtCopy(why.to_owned()),
    }
}

/// What broke before any byte of the dot had left: tried again soon, then ever later, not counted against the reader.
pub fn broken(stage: Stage, why: &str, attempt: u32) -> Ruling {
    let wait = if attempt <= 1 { Duration::from_secs(1) } else { soon(attempt - 1) };
    Ruling {
        outcome: Outcome::Deferred { said: format!("at {stage}: {why}"), wait, counted: false },
        effect: Effect::BackOff,
    }
}

/// Returns how long to wait after the `attempt`-th try where something broke: half a minute, then as else.
fn soon(attempt: u32) -> Duration {
    if attempt <= 1 { Duration::from_secs(30) } else { wait(attempt - 1) }
}

/// Returns how long to wait after the `attempt`-th try.
fn wait(attempt: u32) -> Duration {
    let step = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
    WAITS[step.min(WAITS.len() - 1)]
}

enum Kind {
    Busy,
    TooFast(Scope),
    Quota,
    /// A provider wants no mail of ours for so long.
    Unwelcome(Duration),
    Greylisted,
    Later,
    Dead,
    Refused,
    Policy,
    /// Who says so, and which DNS record of ours is wrong.
    Records(Scope, &'static str),
    Desync,
    Credentials,
    Sender,
    NoRelaying,
    Message,
}

/// Reads the first line that fits; so what is said of us stands before what is said of a reader.
fn kind(stage: Stage, reply: &Reply) -> Kind {
    // Servers repeat the reader's address, and nobody may steer a run by choosing one.
    let text = own_words(&reply.text);
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    // A relay that asked the reader's server first tells what that one said, which is not about us.
    let of_itself = stage != Stage::Rcpt || !says(QUOTING);
    let is_of_sender = stage == Stage::Rcpt
        && of_itself
        && (matches!(reply.enhanced, Some((_, 1, 7 | 8))) || says(NOT_THAT_SENDER));
    let of_reader = matches!(reply.enhanced, Some((_, 2, _)));
    // What comes before a recipient is named can only be about us.
    let scope = match stage {
        Stage::Rcpt | Stage::Data | Stage::Body | Stage::Dot => Scope::Provider,
        _ => Scope::Relay,
    };
    match (reply.code, reply.enhanced) {
        (530 | 534 | 535, _) => Kind::Credentials,
        (501 | 510..=599, Some((5, 1, 1 | 2 | 3 | 6 | 10))) if stage == Stage::Rcpt => Kind::Dead,
        _ if says(&["tss05"]) => Kind::Unwelcome(Duration::from_hours(4)),
        _ if says(&["[tss0", "[ts0"]) => Kind::Unwelcome(Duration::from_hours(2)),
        (_, Some((4 | 5, 7, detail @ (25 | 26 | 27 | 30 | 32)))) => {
            Kind::Records(scope, record(detail))
        }
        (_, Some((5, 7, 515))) => Kind::Records(scope, "SPF, DKIM or DMARC record"),
        _ if says(&["submissionquotaexceeded"]) => Kind::Quota,
        _ if of_itself && !of_reader && says(&["daily"]) && says(&["quota", "limit"]) => {
            Kind::Quota
        }
        (_, Some((5, 4, 5) | (5, 1, 90))) => Kind::Quota,
        (432 | 454, _) | (452, Some((4, 4, 5))) => Kind::TooFast(Scope::Relay),
        (400..=499, Some((4, 7, 28 | 500..=699))) => Kind::TooFast(scope),
        (400..=499, _) if !of_reader && says(TOO_FAST) => Kind::TooFast(scope),
        (421, _) => Kind::Busy,
        (500..=503, _) => Kind::Desync,
        (450 | 451, Some((4, 7, _))) => Kind::Greylisted,
        (450 | 451, _) if says(&["greylist", "graylist", "grey list", "gray list"]) => {
            Kind::Greylisted
        }
        // What comes before a recipient is named is not theirs to wait for: the relay is asked again as a whole.
        (400..=499, _) if stage == Stage::Mail || is_of_sender => Kind::Busy,
        (400..=499, _) => Kind::Later,
        (_, Some((5, 3, 4) | (5, 6, _))) => Kind::Message,
        (552, None) if stage != Stage::Rcpt && says(&["size", "large", "big"]) => Kind::Message,
        _ if stage == Stage::Mail || is_of_sender => Kind::Sender,
        _ if of_itself && says(NO_RELAYING) => Kind::NoRelaying,
        (_, Some((5, 1, 1 | 2 | 3 | 6 | 10))) => Kind::Dead,
        (_, Some((5, 2, 1))) if says(&["disabled", "inactive", "deactivated", "closed"]) => {
            Kind::Dead
        }
        (_, Some((_, 7, _))) => Kind::Policy,
        (550 | 551 | 553, None) if stage == Stage::Rcpt && says(UNKNOWN_USER) => Kind::Dead,
        (_, None) if says(POLICY) => Kind::Policy,
        _ => Kind::Refused,
    }
}

/// Names the record behind the detail of an X.7.X code, as RFC 7372, RFC 9989 and the large providers use them.
fn record(detail: u16) -> &'static str {
    match detail {
        25 => "relay's PTR record",
        27 => "SPF record",
        30 => "DKIM signature or its record",
        32 => "DMARC alignment (the domain of From, against those of SPF and DKIM)",
        _ => "SPF record or DKIM signature",
    }
}

/// How servers say that we are too fast, where no code does.
const TOO_FAST: &[&str] = &[
    "throttl",
    "rate limit",
    "ratelimit",
    "rate-limit",
    "sending rate",
    "too many messages",
    "too much mail",
    "messages per second",
    "rp-001",
    "rp-002",
    "rp-003",
];

/// How a relay begins to tell what the reader's server said to it.
const QUOTING: &[&str] = &[" said:", " was:", "responded:", "responded with"];

/// How a relay says that it is not ours.
const NO_RELAYING: &[&str] = &[
    "relay access denied",
    "relaying denied",
    "relay denied",
    "unable to relay",
    "not permitted to relay",
    "relay not permitted",
    "relaying not allowed",
    "relaying is not allowed",
];

/// How a relay says that it takes no mail from our sender address, where it waits with that until a recipient is named: Postfix does (`smtpd_delay_reject`), and Exim verifies a sender then. A bare "sender address rejected" may be one recipient's own rule.
const NOT_THAT_SENDER: &[&str] = &[
    "sender address rejected: not owned",
    "sender address rejected: not logged in",
    "sender address rejected: domain not found",
    "sender address rejected: need fully-qualified",
    "sender address rejected: user unknown",
    "sender address rejected: unverified",
    "sender verify failed",
    "send as this sender",
];

/// How servers without enhanced codes say that they do not want our message.
const POLICY: &[&str] = &[
    "spam",
    "block",
    "blacklist",
    "denylist",
    "reputation",
    "policy",
    "spamhaus",
    "rejected for content",
    "content rejected",
    "banned",
];

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

/// Watches who keeps refusing our messages as such, provider by provider.
#[derive(Debug, Default)]
pub struct Providers {
    /// Only those who ever refused one: what anybody else did before changes no count.
    watched: HashMap<String, Recent>,
    /// Those who find our DNS records wrong.
    stopped: HashSet<String>,
}

/// What a provider did lately.
#[derive(Debug, Default)]
struct Recent {
    /// When it refused, as far as ten minutes back.
    refused: VecDeque<Instant>,
    /// Its last outcomes: whether each was a refusal.
    last: VecDeque<bool>,
}

/// How many refusals of a provider, within how long, are too many.
const REFUSALS: (usize, Duration) = (5, Duration::from_mins(10));

/// Of a provider's last outcomes, how many may be refusals: 5 % of 200.
const SHARE: (usize, usize) = (10, 200);

impl Providers {
    /// Notes an outcome at `now` and tells whether its provider, whose name is asked for only where it matters, is to be left alone. Then its count begins anew.
    pub fn note<'a>(
        &mut self,
        provider: impl FnOnce() -> &'a str,
        is_policy: bool,
        now: Instant,
    ) -> bool {
        if self.watched.is_empty() && !is_policy {
            return false;
        }
        let provider = provider();
        let recent = match self.watched.get_mut(provider) {
            Some(recent) => recent,
            None if is_policy => self.watched.entry(provider.to_owned()).or_default(),
            None => return false,
        };
        recent.last.push_back(is_policy);
        if recent.last.len() > SHARE.1 {
            recent.last.pop_front();
        }
        if is_policy {
            recent.refused.push_back(now);
        }
        let (most, within) = REFUSALS;
        recent.refused.retain(|at| now.saturating_duration_since(*at) < within);
        let of_last = recent.last.iter().filter(|refused| **refused).count();
        let is_too_much = recent.refused.len() >= most || of_last > SHARE.0;
        if is_too_much {
            self.watched.remove(provider);
        }
        is_too_much
    }

    /// Notes that a provider finds our DNS records wrong, and says how many do.
    pub fn stop(&mut self, provider: &str) -> usize {
        self.stopped.insert(provider.to_owned());
        self.stopped.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reply(line: &str) -> Reply {
        let (code, rest) = line.split_at(3);
        let rest = rest.trim_start();
        let first = rest.split(' ').next().unwrap_or_default();
        let digits: Result<Vec<u16>, _> = first.split('.').map(str::parse).collect();
        let digits = digits.unwrap_or_default();
        let (enhanced, text) = match digits[..] {
            [class, subject, detail] => (
                Some((u8::try_from(class).expect("one digit"), subject, detail)),
                rest.split_once(' ').map_or("", |(_, text)| text),
            ),
            _ => (None, rest),
        };
        Reply { code: code.parse().expect("three digits"), enhanced, text: text.to_owned() }
    }

    /// Says a ruling in a few words, as the table does.
    fn shown(ruling: &Ruling) -> (String, String) {
        let outcome = match &ruling.outcome {
            Outcome::Rejected { hard: true, .. } => "hard".to_owned(),
            Outcome::Rejected { hard: false, .. } => "rejected".to_owned(),
            Outcome::Deferred { wait, counted, .. } => {
                format!("{} s{}", wait.as_secs(), if *counted { "" } else { " uncounted" })
            }
            other => format!("{other:?}"),
        };
        let hours = |length: &Duration| length.as_secs() / 3_600;
        let effect = match &ruling.effect {
            Effect::GoOn => "go on".to_owned(),
            Effect::Policy => "policy".to_owned(),
            Effect::BackOff => "back off".to_owned(),
            Effect::Slow(scope) => format!("slow {scope:?}"),
            Effect::Pause(scope, length, _) => format!("pause {scope:?} {} h", hours(length)),
            Effect::Records(why) => {
                why.split(" is missing").next().unwrap_or_default().replace("our ", "records: ")
            }
            Effect::Desync => "desync".to_owned(),
            Effect::Credentials => "credentials".to_owned(),
            Effect::Halt(_) | Effect::HaltAtCopy(_) => "halt".to_owned(),
        };
        (outcome, effect)
    }

    #[test]
    fn every_line_of_the_table_is_judged_as_it_says() {
        use Stage::{Body, Data, Dot, Mail, Rcpt};
        let unpaid = "0 s uncounted";
        let table = [
            // Nobody is there.
            (Rcpt, "550 5.1.1 user unknown", "hard", "go on"),
            (Rcpt, "550 5.1.2 no such domain", "hard", "go on"),
            (Rcpt, "553 5.1.3 bad address syntax", "hard", "go on"),
            (Rcpt, "501 5.1.3 Bad recipient address syntax", "hard", "go on"),
            (Rcpt, "551 5.1.6 has moved", "hard", "go on"),
            (Rcpt, "550 5.1.10 null mx", "hard", "go on"),
            (Rcpt, "550 5.2.1 mailbox disabled", "hard", "go on"),
            (Rcpt, "550 No such user here", "hard", "go on"),
            (Rcpt, "551 user unknown", "hard", "go on"),
            (Rcpt, "550 Requested action not taken: mailbox unavailable", "hard", "go on"),
            (Dot, "550 5.1.1 user unknown", "hard", "go on"),
            // Whatever their address is called.
            (Rcpt, "550 5.1.1 <daily-limit@a.example>: user unknown", "hard", "go on"),
            (Rcpt, "550 5.1.1 daily limit quota user unknown", "hard", "go on"),
            (Rcpt, "550 <daily-limit@a.example>: no such user", "hard", "go on"),
            (Rcpt, "550 \"daily limit\"@a.example: no such user", "hard", "go on"),
            (Rcpt, "550 5.1.1 <tss05@a.example>: user unknown", "hard", "go on"),
            (Rcpt, "450 4.2.0 <[tss04@a.example>: later", "900 s", "go on"),
            (Rcpt, "450 4.2.1 <ratelimit@throttle.example> is full", "900 s", "go on"),
            (Rcpt, "550 <spam@block.example> refused", "rejected", "go on"),
            // Refused, and the person is not to blame.
            (Rcpt, "550 rejected for reasons of our own", "rejected", "go on"),
            (Rcpt, "550 5.2.1 not now", "rejected", "go on"),
            (Rcpt, "552 5.2.2 mailbox full", "rejected", "go on"),
            (Rcpt, "554 no", "rejected", "go on"),
            // Our reputation.
            (Rcpt, "550 5.7.1 blocked", "rejected", "policy"),
            (Dot, "554 5.7.1 spam", "rejected", "policy"),
            (
                Dot,
                "550 5.7.1 [1.2.3.4] user unknown, likely unsolicited mail",
                "rejected",
                "policy",
            ),
            (Rcpt, "550 5.7.606 Access denied, banned sending IP", "rejected", "policy"),
            (Rcpt, "554 IP=1.2.3.4 - A problem occurred (bad reputation)", "rejected", "policy"),
            (Dot, "550 SC-001 Mail rejected for policy reasons", "rejected", "policy"),
            (Rcpt, "554 5.7.9 Message not accepted for policy reasons", "rejected", "policy"),
            (Rcpt, "571 blocked using Spamhaus", "rejected", "policy"),
            // Not now.
            (Rcpt, "450 4.2.0 try later", "900 s", "go on"),
            (
                Rcpt,
                "450 4.2.1 the user is receiving mail at a rate that prevents more",
                "900 s",
                "go on",
            ),
            (Rcpt, "452 4.2.2 mailbox full", "900 s", "go on"),
            (Rcpt, "452 4.2.2 over quota, daily limit", "900 s", "go on"),
            (Dot, "451 4.3.0 local error", "900 s", "go on"),
            (Rcpt, "451 4.4.1 no answer from host", "900 s", "go on"),
            (Rcpt, "451 4.7.1 greylisted", "300 s", "go on"),
            (Rcpt, "450 greylisted, come again", "300 s", "go on"),
            // Too busy.
            (Mail, "421 4.3.2 shutting down", "30 s uncounted", "back off"),
            (Rcpt, "421 too many connections", "30 s uncounted", "back off"),
            (Mail, "452 4.3.1 Insufficient system storage", "30 s uncounted", "back off"),
            (Mail, "450 4.1.8 sender's domain not found", "30 s uncounted", "back off"),
            (Mail, "451 4.7.1 greylisted", "300 s", "go on"),
            (
                Rcpt,
                "450 4.1.8 <me@b.c>: Sender address rejected: Domain not found",
                "30 s uncounted",
                "back off",
            ),
            // Too fast.
            (Dot, "421 4.7.28 unusual rate", "300 s uncounted", "slow Provider"),
            (Dot, "451 4.7.28 unusual rate", "300 s uncounted", "slow Provider"),
            (Mail, "421 4.7.28 unusual rate", "300 s uncounted", "slow Relay"),
            (Rcpt, "451 4.7.500 Server busy", "300 s uncounted", "slow Provider"),
            (
                Rcpt,
                "421 RP-001 some messages were not delivered",
                "300 s uncounted",
                "slow Provider",
            ),
            (Rcpt, "451 Ratelimit exceeded for your address", "300 s uncounted", "slow Provider"),
            (
                Mail,
                "454 4.7.0 Throttling failure: Maximum sending rate exceeded",
                "300 s uncounted",
                "slow Relay",
            ),
            (
                Dot,
                "454 Throttling failure: Maximum sending rate exceeded.",
                "300 s uncounted",
                "slow Relay",
            ),
            (
                Mail,
                "432 4.3.2 Concurrent connections limit exceeded",
                "300 s uncounted",
                "slow Relay",
            ),
            (Data, "452 4.4.5 insufficient", "300 s uncounted", "slow Relay"),
            // The day's quota.
            (
                Mail,
                "454 Throttling failure: Daily message quota exceeded",
                "3600 s uncounted",
                "pause Relay 1 h",
            ),
            (
                Dot,
                "550 5.4.5 Daily user sending quota exceeded",
                "3600 s uncounted",
                "pause Relay 1 h",
            ),
            (Mail, "452 4.5.3 Daily message limit reached", "3600 s uncounted", "pause Relay 1 h"),
            (
                Dot,
                "550 5.1.90 you have reached your daily limit for message recipients",
                "3600 s uncounted",
                "pause Relay 1 h",
            ),
            (
                Dot,
                "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException",
                "3600 s uncounted",
                "pause Relay 1 h",
            ),
            // Yahoo.
            (
                Mail,
                "421 4.7.0 [TSS04] Messages temporarily deferred",
                "7200 s uncounted",
                "pause Provider 2 h",
            ),
            (
                Rcpt,
                "421 4.7.0 [TS01] Messages temporarily deferred",
                "7200 s uncounted",
                "pause Provider 2 h",
            ),
            (
                Rcpt,
                "421 4.7.0 [TSS05] Messages temporarily deferred",
                "14400 s uncounted",
                "pause Provider 4 h",
            ),
            // Our DNS.
            (
                Dot,
                "550 5.7.515 Access denied, sending domain does not meet the level",
                "86400 s uncounted",
                "records: SPF, DKIM or DMARC record",
            ),
            (Dot, "550 5.7.25 no PTR", "86400 s uncounted", "records: relay's PTR record"),
            (
                Dot,
                "550 5.7.26 unauthenticated",
                "86400 s uncounted",
                "records: SPF record or DKIM signature",
            ),
            (Dot, "550 5.7.27 no SPF", "86400 s uncounted", "records: SPF record"),
            (
                Dot,
                "550 5.7.30 no DKIM",
                "86400 s uncounted",
                "records: DKIM signature or its record",
            ),
            (
                Dot,
                "421 4.7.26 unauthenticated",
                "86400 s uncounted",
                "records: SPF record or DKIM signature",
            ),
            (Dot, "421 4.7.27 no SPF", "86400 s uncounted", "records: SPF record"),
            (
                Dot,
                "421 4.7.30 no DKIM",
                "86400 s uncounted",
                "records: DKIM signature or its record",
            ),
            (
                Dot,
                "421 4.7.32 not aligned",
                "86400 s uncounted",
                "records: DMARC alignment (the domain of From, against those of SPF and DKIM)",
            ),
            // Us, whoever the reader is.
            (Mail, "530 5.7.0 authenticate first", unpaid, "credentials"),
            (Mail, "534 5.7.9 mechanism too weak", unpaid, "credentials"),
            (Mail, "535 5.7.8 no", unpaid, "credentials"),
            (Mail, "550 5.7.1 sender not allowed", unpaid, "halt"),
            (Mail, "553 sender rejected", unpaid, "halt"),
            (Mail, "550 5.1.1 no such sender", unpaid, "halt"),
            (Mail, "550 5.7.26 unauthenticated", unpaid, "halt"),
            (
                Rcpt,
                "553 5.7.1 <me@b.c>: Sender address rejected: not owned by user me",
                unpaid,
                "halt",
            ),
            (
                Rcpt,
                "550 5.1.0 <me@b.c>: Sender address rejected: User unknown in local table",
                unpaid,
                "halt",
            ),
            (Rcpt, "550 5.1.8 <me@b.c>: sender's domain does not exist", unpaid, "halt"),
            (Rcpt, "550 Sender verify failed", unpaid, "halt"),
            (
                Rcpt,
                "554 5.7.1 <me@b.c>: Sender address rejected: Access denied",
                "rejected",
                "policy",
            ),
            (
                Rcpt,
                "550 5.1.0 undeliverable: host b.c said: 550 5.1.8 Sender verify failed",
                "rejected",
                "go on",
            ),
            (Rcpt, "554 5.7.1 <a@b.c>: Relay access denied", unpaid, "halt"),
            (
                Rcpt,
                "554 5.7.1 <a@b.c>: undeliverable: host b.c[1.2.3.4] said: 550 relay access denied",
                "rejected",
                "policy",
            ),
            (Rcpt, "550 host b.c said: 550 daily limit exceeded", "rejected", "go on"),
            (Mail, "552 5.3.4 too big", unpaid, "halt"),
            (Body, "552 message size exceeds limit", unpaid, "halt"),
            (Dot, "554 5.6.0 malformed", unpaid, "halt"),
            // Out of step.
            (Data, "503 bad sequence", "30 s uncounted", "desync"),
            (Rcpt, "500 what", "30 s", "desync"),
            (Mail, "501 5.5.4 syntax", "30 s uncounted", "desync"),
        ];
        for (stage, line, outcome, effect) in table {
            let (shown, done) = shown(&judge(stage, &reply(line), 1));
            assert_eq!((shown.as_str(), done.as_str()), (outcome, effect), "{stage}: {line}");
        }
    }

    fn any_reply() -> impl Strategy<Value = Reply> {
        let words = prop::sample::select(vec![
            "user unknown",
            "No such user",
            "mailbox disabled",
            "spam",
            "blocked",
            "greylisted",
            "throttling",
            "daily quota",
            "[TSS04]",
            "relay access denied",
            "size",
            "\u{fffd}",
            "",
        ]);
        let codes = prop_oneof![
            200_u16..600,
            prop::sample::select(vec![421, 432, 450, 451, 452, 454, 530, 550, 551, 552, 553, 554]),
        ];
        let detail = prop_oneof![0_u16..40, 500_u16..700, Just(515), Just(90), any::<u16>()];
        let enhanced =
            prop::option::of((prop_oneof![Just(4_u8), Just(5), any::<u8>()], 0_u16..9, detail));
        (
            codes,
            enhanced,
            prop::collection::vec(
                prop_oneof![words, ".{0,20}".prop_map(|text| &*text.leak())],
                0..4,
            ),
        )
            .prop_map(|(code, enhanced, words)| Reply {
                code,
                enhanced,
                text: words.join(" "),
            })
    }

    fn any_stage() -> impl Strategy<Value = Stage> {
        use Stage::{Auth, Body, Connect, Data, Dot, Greeting, Hello, Mail, Rcpt, Tls};
        prop::sample::select(vec![Connect, Greeting, Hello, Tls, Auth, Mail, Rcpt, Data, Body, Dot])
    }

    proptest! {
        #[test]
        fn any_reply_gets_a_ruling_and_only_what_is_listed_buries_a_reader(
            reply in any_reply(), stage in any_stage(), attempt in any::<u32>(),
        ) {
            let ruling = judge(stage, &reply, attempt);
            prop_assert_eq!(ruling.outcome.said(), reply.to_string());
            match &ruling.outcome {
                Outcome::Rejected { hard, .. } => {
                    prop_assert!(!(400..500).contains(&reply.code), "a 4yz is never for good");
                    prop_assert!(stage != Stage::Mail, "nobody is rejected for our sender's sake");
                    prop_assert!(matches!(ruling.effect, Effect::GoOn | Effect::Policy));
                    let text = reply.text.to_ascii_lowercase();
                    let by_code = match reply.enhanced {
                        Some((5, 1, detail)) => [1, 2, 3, 6, 10].contains(&detail),
                        Some((5, 2, 1)) => true,
                        Some(_) => false,
                        None => UNKNOWN_USER.iter().any(|words| text.contains(words)),
                    };
                    prop_assert!(!hard || by_code);
                    prop_assert!(!hard || reply.enhanced.is_none_or(|(_, subject, _)| subject != 7));
                }
                Outcome::Deferred { wait, .. } => prop_assert!(*wait <= Duration::from_hours(24)),
                other => prop_assert!(false, "{other:?} is not a reply's to bring about"),
            }
        }
    }

    #[test]
    fn five_refusals_in_ten_minutes_or_eleven_of_two_hundred_pause_a_provider() {
        let start = Instant::now();
        let after = |minutes: u64| start + Duration::from_mins(minutes);
        let mut watch = Providers::default();
        assert!((0..4).all(|minute| !watch.note(|| "gmail", true, after(minute))));
        assert!(!watch.note(|| "yahoo", true, after(4)), "each counts for itself");
        assert!(watch.note(|| "gmail", true, after(5)));
        assert!(!watch.note(|| "gmail", true, after(5)), "the count begins anew");

        let mut watch = Providers::default();
        let mut tripped = Vec::new();
        for number in 0..300_u64 {
            // One in fifteen, three minutes apart: never five in ten minutes.
            let is_policy = number % 15 == 0;
            if watch.note(|| "gmail", is_policy, after(number / 15 * 3)) {
                tripped.push(number);
            }
        }
        assert_eq!(tripped, [150], "the eleventh");
        assert!(!Providers::default().note(|| unreachable!("nobody is watched"), false, start));
    }

    #[test]
    fn providers_that_find_our_records_wrong_are_counted_once_each() {
        let mut watch = Providers::default();
        assert_eq!(["gmail", "gmail", "yahoo"].map(|provider| watch.stop(provider)), [1, 1, 2]);
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
