//! Where the mail lies that came back, as it is typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What to do with bounces.
#[derive(Debug, Subcommand)]
pub enum Bounces {
    /// Read bounces and complaints, and suppress whom they prove dead or unwilling
    #[command(
        override_usage = "postrider bounces read [OPTIONS] PLACE",
        after_help = "\
A dead address is suppressed at once, a complaint too; a full mailbox only after
three issues over 15 days, and a refusal for what we are or wrote never. A
message that was read before changes nothing. What was dealt with is marked as
seen; nothing is deleted. From --stdin every failure ends with 75, so that the
mail system brings the message again.

Examples:
  postrider bounces read --maildir ~/Maildir
  postrider bounces read --imap imaps://bounces@mail.example.org
  postrider bounces read --mbox /var/mail/bounces --dry-run
  bounces: \"|postrider -C /srv/tt-report bounces read --stdin\""
    )]
    Read(Postbag),
}

/// What to do with answers.
#[derive(Debug, Subcommand)]
pub enum Inbox {
    /// Read who asks to leave; leave what people wrote to people
    #[command(
        override_usage = "postrider inbox read [OPTIONS] PLACE",
        after_help = "\
Whoever answers with the token of their own copy is unsubscribed. Whoever only
writes `unsubscribe`, or that in another language, is named with the command
that does it, and on a terminal you are asked: anybody can write in another's
name. Bounces among the answers are dealt with as `bounces read` does. What
people or their machines wrote stays as it is, unread.

Examples:
  postrider inbox read --imap imaps://feedback@mail.example.org
  postrider inbox read --maildir ~/Maildir --dry-run"
    )]
    Read(Postbag),
}

/// Where mail lies.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Place, one of them", group = clap::ArgGroup::new("place").required(true))]
pub struct Postbag {
    /// One message, from a program that delivers it
    #[arg(long, group = "place")]
    pub stdin: bool,
    /// The unseen messages of a Maildir
    #[arg(long, value_name = "DIR", group = "place")]
    pub maildir: Option<PathBuf>,
    /// All messages of an mbox file
    #[arg(long, value_name = "FILE", group = "place")]
    pub mbox: Option<PathBuf>,
    /// The unseen messages of an IMAP folder: imaps://USER@HOST/FOLDER
    #[arg(long, value_name = "URL", group = "place")]
    pub imap: Option<String>,
    /// The file with its password, else POSTRIDER_IMAP_PASSWORD
    #[arg(help_heading = "How", long, value_name = "FILE", requires = "imap")]
    pub password_file: Option<PathBuf>,
    /// A certificate (PEM) to trust besides the system's
    #[arg(help_heading = "How", long, value_name = "FILE", requires = "imap")]
    pub ca_file: Option<PathBuf>,
    /// Mark nothing as seen
    #[arg(help_heading = "How", long)]
    pub keep: bool,
    /// Report, and change nothing
    #[arg(help_heading = "How", long)]
    pub dry_run: bool,
}
