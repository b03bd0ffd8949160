//! The verbs of the list, as they are typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::model::is_control;

/// The list's verbs.
#[derive(Debug, Subcommand)]
pub enum Subscribers {
    /// Bring people from the files of any tool: the header tells which one wrote it
    #[command(after_help = "\
Mailchimp, Substack, Ghost, listmonk, Beehiiv, Kit, Buttondown, phpList,
Mailman, Google Contacts, Outlook, or any CSV with a column of addresses. All
the files are one step: all of them or none. Whoever left stays away, whatever a
file says and in whatever order. Bad rows are named by line and reason, and the
exit code is then 65; the good ones are taken. Importing a file again changes
nothing.

Examples:
  postrider subscribers import readers.csv --dry-run --rejects bad.csv
  postrider subscribers import subscribed.csv unsubscribed.csv cleaned.csv
  postrider subscribers import crm.csv --map email=Kontakt --tag customer
  postrider subscribers import contacts.csv --consent 'signed at our stand'")]
    Import(Import),
    /// Add one person
    #[command(after_help = "\
Examples:
  postrider subscribers add anna@example.org --name 'Anna Reader'
  postrider subscribers add hans@example.com --tag partner --field company=ACME")]
    Add {
        /// Their address
        address: String,
        /// Their name
        #[arg(long)]
        name: Option<String>,
        /// A merge field, as field=value; may be given several times
        #[arg(long = "field", value_name = "FIELD=VALUE")]
        fields: Vec<String>,
        /// A label; may be given several times
        #[arg(long = "tag", value_name = "TAG", value_parser = words)]
        tags: Vec<String>,
    },
    /// Let somebody go: they asked to leave
    #[command(after_help = "\
No import and no list file brings them back.

Examples:
  postrider subscribers unsubscribe anna@example.org
  postrider subscribers unsubscribe u-AZ3k...@bounces.example.org")]
    Unsubscribe {
        /// Their address, or the token of their unsubscribe mail
        address: String,
    },
    /// Never mail an address again, by the publisher's own word
    #[command(after_help = "\
Examples:
  postrider subscribers suppress anna@example.org --reason 'asked by letter'")]
    Suppress {
        /// The address
        address: String,
        /// Why, for the record
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// List everybody
    #[command(after_help = "\
A segment is a tag, or a field and its value, with `and`, `or`, `not` and
parentheses.

Examples:
  postrider subscribers list
  postrider subscribers list --state unsubscribed --json
  postrider subscribers list --segment 'press and not town = Oslo'")]
    List {
        /// Only people in this state: active, pending, unsubscribed, bounced,
        /// complained, blocked or erased
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// Only people in this segment
        #[arg(long, value_name = "SEGMENT")]
        segment: Option<String>,
    },
    /// Tell what is known of one person, and how it came about
    #[command(after_help = "\
Examples:
  postrider subscribers show anna@example.org")]
    Show {
        /// The address
        address: String,
    },
    /// Write the list as CSV, or all that is held of one person
    #[command(after_help = "\
Cells that a spreadsheet would run as a formula begin with an apostrophe, which
an import takes away again; --raw leaves them as they are. With ADDR it is that
person's own copy: what is known of them, their consent, and every mail.

Examples:
  postrider subscribers export > list.csv
  postrider subscribers export --segment press --state active > press.csv
  postrider subscribers export anna@example.org --json")]
    Export {
        /// The one person
        #[arg(value_name = "ADDR", conflicts_with_all = ["state", "segment", "raw"])]
        address: Option<String>,
        /// Only people in this state
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// Only people in this segment
        #[arg(long, value_name = "SEGMENT")]
        segment: Option<String>,
        /// Leave formulas as they are
        #[arg(long)]
        raw: bool,
    },
    /// Forget somebody for good, so that no file brings them back
    #[command(after_help = "\
Name, tags, fields, history and address go, here and in what was sent. A keyed
hash stays, so that a later import is known to be of somebody erased. Counts of
issues stay too. It cannot be undone.

Examples:
  postrider subscribers erase anna@example.org")]
    Erase {
        /// The address
        address: String,
    },
}

/// What to bring, and how to read it.
#[derive(Clone, Debug, Args)]
pub struct Import {
    /// The files; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Report, and keep nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write the rows that were skipped to this file
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// What a column holds: email, name, tags, status, a state, or any field
    #[arg(long, value_name = "FIELD=COLUMN")]
    pub map: Vec<String>,
    /// A label for everybody in the files; may be given several times
    #[arg(long = "tag", value_name = "TAG", value_parser = words)]
    pub tags: Vec<String>,
    /// What everybody in the files is, unless a row says worse: unsubscribed,
    /// bounced, complained, blocked, pending or active
    #[arg(long = "as", value_name = "STATE")]
    pub state: Option<String>,
    /// How everybody in the files agreed to be mailed, for the record
    #[arg(long, value_name = "TEXT", value_parser = words)]
    pub consent: Option<String>,
    /// Bring back people who left, for this reason (a new consent)
    #[arg(long, value_name = "REASON", value_parser = words)]
    pub resubscribe: Option<String>,
    /// Their encoding, such as windows-1250, where it is not recognised
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
    /// End with 0 although rows were skipped
    #[arg(long)]
    pub lenient: bool,
}

/// Takes words that say something: a blank reason is none, and nothing in one steers a terminal.
fn words(text: &str) -> Result<String, String> {
    let said: String = text.chars().filter(|c| !is_control(*c)).collect();
    match said.trim() {
        "" => Err("it says nothing".to_owned()),
        said => Ok(said.to_owned()),
    }
}
