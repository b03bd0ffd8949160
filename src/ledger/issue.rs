//! An issue and what it owes each reader, as a ledger is told and tells it.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Enrolled, Event};
use crate::model::{Address, DeliveryState, IssueState, Subscriber, SubscriberState, Suppressed};

/// An issue as the ledger knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct IssueRecord {
    /// The ledger's number of it.
    pub id: i64,
    /// The folder's name.
    pub slug: String,
    /// Where it stands.
    pub state: IssueState,
    /// Why it stands there, where somebody or something said so; may be empty.
    pub why: String,
    /// SHA-256 of the edition it is bound to, in hexadecimal; empty before it is bound.
    pub digest: String,
    /// When it was bound to go out.
    pub booking: Option<Booking>,
    /// When it was frozen: the Date of every message. `None` before.
    pub frozen_at: Option<Timestamp>,
    /// When the first delivery began.
    pub started_at: Option<Timestamp>,
    /// When it was finished or cancelled.
    pub ended_at: Option<Timestamp>,
    /// Whether somebody was told that it was missed; `turn` from `Missed` to `Missed` notes it.
    pub told: bool,
    /// The segment of readers it was frozen for, as it was typed; empty for all of them.
    pub segment: String,
    /// The slug of the issue it corrects, where it was frozen as a correction.
    pub corrects: Option<String>,
}

/// An hour an issue is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booking {
    /// The instant.
    pub at: Timestamp,
    /// As a person reads it: wall time and zone (RFC 9557).
    pub shown: String,
    /// How late it may still go out.
    pub max_late: Duration,
    /// SHA-256 of the edition it is bound to, in hexadecimal.
    pub digest: String,
}

/// Asks for an issue to be frozen.
#[derive(Clone, Debug)]
pub struct Freeze {
    /// Whose.
    pub publication: String,
    /// The folder's name.
    pub slug: String,
    /// SHA-256 of the edition, in hexadecimal.
    pub digest: String,
    /// The edition; opaque to the ledger.
    pub edition: Vec<u8>,
    /// The Date of every message.
    pub date: Timestamp,
    /// The domain of every Message-ID: From's.
    pub message_domain: String,
    /// What the consent log says of people first met in the list file.
    pub event: Event,
    /// Whether to add the rows of people who joined since the first freeze.
    pub catch_up: bool,
    /// Whether to undo everything after counting (`plan`).
    pub rehearse: bool,
    /// How many readers somebody agreed to mail anew; another count undoes everything.
    pub expected: Option<u64>,
    /// The segment it is for, kept with the issue at its first freeze; who is in it is for `admit` to say.
    pub segment: String,
    /// The issue it corrects, kept with it at its first freeze: it goes only to whoever got that one.
    pub corrects: Option<i64>,
}

/// Judges whether a reader's copy can be made; called once for each person who may be mailed, in the order of their slots, on one thread.
pub type Admit = Box<dyn FnMut(&Subscriber) -> Result<(), Suppressed> + Send>;

/// What a freeze found.
#[derive(Clone, Debug, PartialEq)]
pub struct Frozen {
    /// The issue.
    pub issue: IssueRecord,
    /// Whether this call froze it (or would have).
    pub fresh: bool,
    /// How many deliveries there are in all.
    pub planned: u64,
    /// How many of them will be tried.
    pub recipients: u64,
    /// How many of those this call added (or would have): all of them at the first freeze.
    pub added: u64,
    /// Those that will not, by reason.
    pub suppressed: BTreeMap<Suppressed, u64>,
    /// What became of the list file's records.
    pub enrolled: Enrolled,
}

/// One delivery, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryRecord {
    /// Its number within the issue.
    pub slot: i64,
    /// The reader's mailbox.
    pub address: Address,
    /// What the reader is on the list by now.
    pub reader: SubscriberState,
    /// Where it stands.
    pub state: DeliveryState,
    /// Why it is suppressed.
    pub suppressed: Option<Suppressed>,
    /// How many attempts were begun, those that do not count too.
    pub attempts: u32,
    /// What the relay said last, or what happened instead.
    pub said: String,
    /// When that was.
    pub at: Timestamp,
    /// When the attempt began that is under way or in doubt.
    pub began_at: Option<Timestamp>,
    /// Which relay that attempt went through, where it is in doubt and somebody noted it.
    pub relay: Option<String>,
    /// When it is tried again.
    pub retry_at: Option<Timestamp>,
    /// Its Message-ID.
    pub message_id: String,
}

/// One attempt, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptRecord {
    /// The issue's slug.
    pub slug: String,
    /// The attempt's number, from 1; 0 for a row that tells why nothing was tried.
    pub attempt: u32,
    /// When it began.
    pub began_at: Timestamp,
    /// When its outcome was recorded.
    pub ended_at: Option<Timestamp>,
    /// The delivery's state after it.
    pub state: DeliveryState,
    /// What the relay said.
    pub said: String,
    /// Which relay it was, of an attempt that ended in doubt and where somebody noted it.
    pub relay: Option<String>,
}

/// A person's word on a delivery in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// It arrived.
    Delivered,
    /// Send it again, the same bytes.
    Resend,
}
