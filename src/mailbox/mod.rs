//! Mail that came to us: a Maildir, an mbox file, an IMAP folder, or one message from a pipe.
//!
//! Messages are read one at a time and cut at 16 MiB. Nothing is ever deleted:
//! what was dealt with is marked as seen, in the way each kind of mailbox has
//! for that.

mod imap;
mod maildir;
mod mbox;
mod pipe;

pub use imap::{Imap, ImapError, ImapUrl};
pub use maildir::Maildir;
pub use mbox::Mbox;
pub use pipe::pipe;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// What it is called where it lies: a file, a number.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// More than any bounce: it is cut there.
const BYTES_MAX: u64 = 16 << 20;
