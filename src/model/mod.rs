//! The words postrider thinks in, as plain values: floor 0 of the house.
//!
//! Nothing here reads the clock, a file or the network, and nothing here knows
//! of SMTP, SQL or Markdown. Every other room may lean on this one; this one
//! leans on none.

mod address;
mod count;
mod deadlines;
mod delivery;
mod duration;
mod issue;
mod problem;
mod publication;
mod rate;
mod said;
mod secret;
mod segment;
mod subscriber;

pub use address::{Address, AddressError, Mailbox, is_control, is_unseen};
pub use count::{counted, grouped};
pub use deadlines::Deadlines;
pub use delivery::{DeliveryState, Outcome, Reply, Stage, Suppressed, Tally};
pub use duration::{DurationError, duration_words, parse_duration};
pub use issue::IssueState;
pub use problem::{Place, Problem, Severity};
pub use publication::{
    Auth, DkimKeyFile, DkimSettings, Field, LedgerSettings, LedgerUrl, Links, ListSettings,
    NavLink, Publication, RelaySettings, RelayUrl, ScheduleSettings, SecretSource, Security,
    SendSettings, Sender, WarmUp, WebhookSettings,
};
pub use rate::{Rate, RateError};
pub use said::own_words;
pub use secret::Secret;
pub use segment::{Segment, SegmentError, folded, is_tag};
pub use subscriber::{Subscriber, SubscriberState};
