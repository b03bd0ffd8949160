//! `inbox read`: who asks by mail to leave, in the mailbox that people answer to.
//!
//! What a person or a person's machine wrote is theirs to read who owns the
//! mailbox: it stays where it is, unread.

use super::{Console, Failure, bounces, exit, newsroom::Newsroom, postbag, returned::Returned};
use crate::{
    bounce::Kind,
    cli::{Global, Inbox},
    ledger::Did,
};

/// Runs the command.
pub(super) async fn run(console: &Console, global: &Global, verb: Inbox) -> Result<u8, Failure> {
    let Inbox::Read(wish) = verb;
    let all = postbag::empty(console, global, &wish, is_dealt_with).await?;
    if !console.json {
        bounces::tell(console, &Newsroom::open(global)?, &all, wish.dry_run);
    }
    Ok(exit::DONE)
}

/// Tells whether nobody has to read a message any more.
fn is_dealt_with(returned: &Returned) -> bool {
    let is_ours = !matches!(returned.report.kind, Kind::Unknown | Kind::AutoReply);
    // What nothing proves waits for a person's word.
    is_ours && !matches!(returned.did, Did::Listed | Did::Nobody | Did::Nothing)
}
