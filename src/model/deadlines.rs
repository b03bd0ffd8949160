//! How long a relay may take for each step of the conversation.

use std::time::Duration;

/// How long to wait for each reply as a whole (RFC 5321 section 4.5.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Opening the TCP connection, and the TLS handshake.
    pub connect: Duration,
    /// The greeting and every command.
    pub command: Duration,
    /// The reply to DATA, and writing the body.
    pub data: Duration,
    /// The reply to the final dot.
    pub dot: Duration,
}

impl Deadlines {
    /// The longest that an answer to the final dot is waited for: below the lease of a claim, so that
    /// no other sender takes the delivery for a dead one's while its answer may still come.
    pub const DOT_MAX: Duration = Duration::from_mins(14);
}

impl Default for Deadlines {
    /// Returns what RFC 5321 asks for, shorter where a relay that slow is of no use.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            command: Duration::from_mins(1),
            data: Duration::from_mins(2),
            dot: Duration::from_mins(10),
        }
    }
}
