//! The command line as types: what may be asked, and the help that teaches it. Nothing here acts.
//!
//! A verb and its help stand here, in the order in which they are listed; what it takes, where that is much, is in the file of its family.

mod returned;
mod sending;
mod serving;
mod subscribers;
mod upkeep;

use std::{ffi::OsString, path::PathBuf};

use clap::{
    Args, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum,
    builder::styling,
};

pub use returned::{Bounces, Inbox, Postbag};
pub use sending::{Consent, Correct, Resolve, Schedule, Send, Status, Test, Worker};
pub use serving::{Preview, Relay, Web};
pub use subscribers::{Import, Subscribers};
pub use upkeep::{ConfigVerb, Doctor, KeyKind, KeysVerb, LedgerVerb};

const STYLES: styling::Styles = styling::Styles::styled()
    .header(styling::AnsiColor::Red.on_default().bold())
    .usage(styling::AnsiColor::Red.on_default().bold())
    .literal(styling::Style::new().bold())
    .placeholder(styling::Style::new().italic());

/// What the help begins its end with.
macro_rules! first_steps {
    () => {
        "\
First steps:
  postrider demo                see it work: nothing to set up
  postrider init tt-report      a publication of your own
  cd tt-report
  postrider render kazakhstan   look at the HTML, the text and the mail
  postrider test kazakhstan --to me@example.org
  postrider plan kazakhstan     who gets it, how fast, until when
  postrider send kazakhstan     send it; run it again and it resumes

An ISSUE is its folder's name or any part of it that fits only one."
    };
}

/// What `-h` ends with.
const SHORT_HELP: &str = concat!(
    first_steps!(),
    "\n`postrider COMMAND -h` has examples, `postrider --help` the exit codes."
);

/// What `--help` ends with; the exit codes are those of `command/exit.rs`.
const LONG_HELP: &str = concat!(
    first_steps!(),
    "\n`postrider COMMAND --help` has examples.

Exit codes:
   0  done, or nothing to do
   1  finished, and some readers were rejected or are in doubt; or `check`
      found errors
   2  wrong usage
  65  bad draft or list
  66  no such issue or file
  69  relay or ledger unreachable
  70  a bug of ours
  74  disk
  75  not finished, run it again (deferred, paused, daily limit, stopped by a
      signal, held by another sender)
  76  refused by a guard (edited since scheduled, too late, another count than
      was confirmed, a ledger that went back in time), or cancelled
  77  the relay refused our credentials
  78  bad configuration"
);

/// Compose a newsletter and deliver it, so that every reader is accounted for
#[derive(Debug, Parser)]
#[command(
    name = "postrider",
    version,
    styles = STYLES,
    max_term_width = 80,
    disable_help_subcommand = true,
    after_help = SHORT_HELP,
    after_long_help = LONG_HELP
)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Reads what was typed. `--color` counts for the help too, which the parser writes before it has read everything.
    ///
    /// # Errors
    ///
    /// Help, the version, or a mistake of usage.
    pub fn read(typed: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let typed: Vec<OsString> = typed.into_iter().collect();
        let mut command = Self::command().color(asked_colour(&typed));
        let matches = command.try_get_matches_from_mut(typed)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

/// Finds the last `--color` among what was typed.
fn asked_colour(typed: &[OsString]) -> ColorChoice {
    let written = |at: usize| {
        let argument = typed[at].to_str()?;
        match argument.strip_prefix("--color=") {
            Some(when) => Some(when),
            None if argument == "--color" => typed.get(at + 1)?.to_str(),
            None => None,
        }
    };
    let when = (0..typed.len()).rev().find_map(written);
    when.and_then(|when| when.parse().ok()).unwrap_or(ColorChoice::Auto)
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The publication's folder, else the nearest one upwards from here
    #[arg(
        short = 'C',
        long,
        global = true,
        value_name = "DIR",
        env = "POSTRIDER_PUBLICATION",
        hide_env_values = true
    )]
    pub publication: Option<PathBuf>,
    /// Print JSON instead of words: one document, or one a line in listings
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing but warnings and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// When to use colours: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Colour::Auto,
        hide_possible_values = true, hide_default_value = true)]
    pub color: Colour,
    /// The time to go by, for schedules and the Date header (RFC 3339)
    #[arg(long, global = true, value_name = "TIME")]
    pub now: Option<String>,
}

/// How `check` tells what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Each with its line, a caret and help
    Human,
    /// One JSON document
    Json,
    /// SARIF 2.1.0
    Sarif,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// See it work: a sample publication, composed and delivered
    #[command(after_help = "\
Everything happens on this machine: the relay is a small SMTP server inside the
program, and the mails end in DIR/outbox. Running it again sends nothing twice.

Examples:
  postrider demo
  postrider demo /somewhere/else --json")]
    Demo {
        /// Where to make it
        #[arg(value_name = "DIR", default_value = "demo")]
        folder: PathBuf,
    },
    /// Make a new publication that renders and sends at once
    #[command(after_help = "\
It writes publication.toml, in which every key is explained, a first issue, and
a list of three. Mail stays on this machine until you name a relay.

Examples:
  postrider init tt-report
  cd tt-report && $EDITOR publication.toml")]
    Init {
        /// The folder to make; must be empty or not exist
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Start a new issue: the next number, the next date of `every`
    #[command(after_help = "\
Prints the path of the draft.

Examples:
  postrider draft georgia
  postrider draft georgia --date 2026-12-07
  postrider draft georgia --like kazakhstan --edit")]
    Draft {
        /// What the issue is about, in a word or two, for the folder's name
        slug: String,
        /// The date of the issue, else the next one of `[schedule] every`, else today
        #[arg(long, value_name = "YYYY-MM-DD")]
        date: Option<String>,
        /// Begin with the text of another issue
        #[arg(long, value_name = "ISSUE")]
        like: Option<String>,
        /// Open it in $VISUAL or $EDITOR
        #[arg(long)]
        edit: bool,
    },
    /// Find every mistake of a draft, at file:line:column
    #[command(after_help = "\
It looks at a copy as it would be sent, in both parts, with the defaults of all
merge fields; and at how large the longest copy on the list is.
Without ISSUE, checks every issue of the publication. Errors stop `test`, `send`
and `schedule`; warnings stop nothing.

Examples:
  postrider check
  postrider check kazakhstan --json
  postrider check --format sarif > check.sarif")]
    Check {
        /// The issues to check: folder names, or any unambiguous part
        #[arg(value_name = "ISSUE")]
        issues: Vec<String>,
        /// How to tell it: human, json, or sarif (2.1.0) for the tools of a code host
        #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Human,
            hide_possible_values = true, hide_default_value = true)]
        format: Format,
    },
    /// Say what a code of `check` means and how to mend it
    #[command(after_help = "\
Without CODE, lists every code there is.

Examples:
  postrider explain PR112
  postrider explain")]
    Explain {
        /// The code, such as PR112
        code: Option<String>,
    },
    /// Write the issue as one reader gets it: HTML, text and mail
    #[command(after_help = "\
Examples:
  postrider render kazakhstan
  postrider render kazakhstan --as anna@example.org --out /tmp/look")]
    Render {
        /// The issue: its folder's name, any unambiguous part of it, or a path
        issue: String,
        /// As which reader, else a made-up one
        #[arg(long = "as", value_name = "ADDR")]
        reader: Option<String>,
        /// Where to write, else beside the draft in `rendered/`
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Look at an issue on a page that follows every save
    #[command(after_help = "\
HTML at three widths by day and night, text, headers and source; its problems
beside their lines; the copy of any reader; a test mail. The page is there for
this machine alone, until Ctrl-C. What it shows stands in its address.

Examples:
  postrider preview
  postrider preview kazakhstan --open
  postrider preview --listen 127.0.0.1:0 --json")]
    Preview(Preview),
    /// Send one real mail to yourself, marked [Test]
    #[command(after_help = "\
It is exactly what that reader would get, through the relay of publication.toml.
Its unsubscribe link does nothing, and nobody's delivery is touched. An issue in
which `check` finds errors is not sent without --force.

Examples:
  postrider test kazakhstan --to me@example.org
  postrider test kazakhstan --to me@example.org --as anna@example.org")]
    Test(Test),
    /// The list: bring people, let them go, look them up
    #[command(subcommand)]
    Subscribers(Subscribers),
    /// Show what `send` would do, and write nothing
    #[command(after_help = "\
Who gets it, who does not and why, how long it takes, what would stop it.

Examples:
  postrider plan kazakhstan
  postrider plan kazakhstan --segment 'press and not town = Oslo'
  postrider plan kazakhstan --json")]
    Plan {
        /// The issue
        issue: String,
        /// Only for this segment, as `send` takes it
        #[arg(long, value_name = "SEGMENT")]
        segment: Option<String>,
    },
    /// Freeze an issue and deliver it; run again, it resumes
    #[command(after_help = "\
On a terminal it asks for the number of readers to be typed. Elsewhere it needs
--yes, or --confirm with that number. Whatever stops it (a signal, a power cut,
a full disk), running it again goes on where it was: nobody is mailed twice,
nobody is left out. What is frozen goes on without a question, also what
--limit 0 froze and sent to nobody.

Examples:
  postrider send kazakhstan
  postrider send kazakhstan --confirm 1204
  postrider send kazakhstan --yes --limit 100
  postrider send kazakhstan --canary 50    look at these, then `resume`")]
    Send(Send),
    /// Send an erratum to exactly those who got an issue, below it
    #[command(after_help = "\
Whoever did not get ISSUE is left out and counted as such, and so is who has
left since. Who is in doubt counts as not having it: `resolve` settles that
first. Run again, or `send ISSUE2`, it goes on where it was.

Examples:
  postrider draft kazakhstan-erratum
  postrider correct kazakhstan --with kazakhstan-erratum
  postrider correct kazakhstan --with kazakhstan-erratum --confirm 1198")]
    Correct(Correct),
    /// Bind an issue to an hour; `due` sends it then
    #[command(after_help = "\
What the issue says now is bound: after an edit it is not sent until you
schedule it again. Without --at it is the next hour of `[schedule] every`. A time
without a zone is in the publication's.

Examples:
  postrider schedule kazakhstan
  postrider schedule kazakhstan --at '2026-11-30 07:00' --max-late 2h
  postrider schedule kazakhstan --at '2026-11-30T07:00[Asia/Almaty]'
  (crontab -l; postrider schedule --cron-line) | crontab -
  postrider schedule --systemd /etc/systemd/system")]
    Schedule(Schedule),
    /// Take an issue off the schedule
    #[command(after_help = "\
Examples:
  postrider unschedule kazakhstan")]
    Unschedule {
        /// The issue
        issue: String,
    },
    /// Send what is due, resume what is unfinished: what cron runs
    #[command(after_help = "\
Silent when there is nothing to do. `postrider schedule --cron-line` prints the
line for cron. An issue that is found too late is not sent, and that is said
once. Where the relay refuses us or too many readers, the issue is paused.

Examples:
  postrider -C /srv/tt-report due")]
    Due,
    /// Send whatever a shared ledger is sending, on a machine without the publication's files
    #[command(after_help = "\
It needs the URL of the ledger and a state folder of its own, with the file
`key` of the publication's `.postrider` in it, and the passwords of ledger and
relay where there are any (`ledger-password`, `relay-password`). Everything else
comes from the ledger. It waits for the next issue until a signal ends it; what
is in flight is finished first.

Examples:
  postrider -C /srv/tt-report worker
  postrider worker --ledger postgres://postrider@db.example.org/news --state /var/lib/postrider
  postrider worker --until-idle")]
    Worker(Worker),
    /// Hold an issue that is being sent or scheduled
    #[command(after_help = "\
What is in flight finishes; nothing else begins until `resume`.

Examples:
  postrider pause kazakhstan
  postrider resume kazakhstan && postrider send kazakhstan")]
    Pause {
        /// The issue
        issue: String,
    },
    /// Let a held issue go on
    #[command(after_help = "\
It sends nothing by itself: `send`, or `due` run by cron, goes on with the rest.

Examples:
  postrider resume kazakhstan && postrider send kazakhstan")]
    Resume {
        /// The issue
        issue: String,
    },
    /// Stop an issue for good; whoever has it keeps it
    #[command(after_help = "\
Examples:
  postrider cancel kazakhstan
  postrider cancel kazakhstan --yes")]
    Cancel {
        /// The issue
        issue: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Show where every reader of an issue stands, and what to do next
    #[command(after_help = "\
Examples:
  postrider status
  postrider status kazakhstan
  postrider status kazakhstan --in-doubt
  postrider status kazakhstan --failed --json
  postrider status --watch")]
    Status(Status),
    /// Tell everything that was ever sent to an address
    #[command(after_help = "\
Examples:
  postrider log anna@example.org")]
    Log {
        /// The address
        address: String,
    },
    /// Bounces and complaints: read what came back after an issue
    #[command(subcommand)]
    Bounces(Bounces),
    /// Answers to an issue: read who asks by mail to leave
    #[command(subcommand)]
    Inbox(Inbox),
    /// Settle deliveries in doubt: they arrived, or send them again
    #[command(after_help = "\
In doubt means: the whole message was handed over, and the relay's answer never
came. Only the relay's log or the reader knows. Until you say so, postrider
neither counts them as delivered nor mails them again.

Examples:
  postrider status kazakhstan --in-doubt
  postrider resolve kazakhstan anna@example.org --delivered
  postrider resolve kazakhstan --all --resend && postrider send kazakhstan")]
    Resolve(Resolve),
    /// Care for the ledger
    #[command(subcommand)]
    Ledger(LedgerVerb),
    /// Run an SMTP server for trials: it keeps mail in a Maildir, and misbehaves
    #[command(after_help = "\
It speaks SMTP as a relay does and passes nothing on. --script makes it refuse,
stall, lose its answers, greylist or throttle: docs/relay.md has the language.
It prints the url to write under [relay], and runs until Ctrl-C, which lets
messages in flight finish.

Examples:
  postrider relay
  postrider relay /tmp/trial --script greylist.txt --json
  postrider relay --count --listen 127.0.0.1:0
  postrider relay --tls relay.pem --user report --password-file secret")]
    Relay(Relay),
    /// Look the sender up as receivers do: DNS, relay, the way out
    #[command(after_help = "\
Looks at SPF, DKIM, DMARC, MX and PTR, calls at the relay as `send` does, and
asks the page on which readers leave with a link of nobody. It sends no mail.

Says how each stands, why, who asks for it and how to mend it, and ends with the
DNS records to publish. What could not be reached is `not checked`, never `ok`.
Ends with 1 where something is wrong, with 69 where nobody could be asked.

With --eml it reads any message as a receiver does, of whatever program: its
headers, signatures, alignment, one-click unsubscribe, parts, lines and size.
`--now` says when that was.

Examples:
  postrider doctor
  postrider doctor --eml message.eml
  postrider doctor --resolver 9.9.9.9:53 --json")]
    Doctor(Doctor),
    /// Keys that sign your mail (DKIM) and your links: make them, show what to publish
    #[command(subcommand)]
    Keys(KeysVerb),
    /// Serve the public pages: subscribe, confirm, leave, the archive, the feed
    #[command(after_help = "\
Put it behind a server that speaks HTTPS: docs/web.md has nginx and Caddy. The
pages need no script. One-click unsubscribe (RFC 8058) works as soon as
[web] url is set and leads here.

Examples:
  postrider web
  postrider web --listen 0.0.0.0:8643 --health 127.0.0.1:9100")]
    Web(Web),
    /// Write the archive and the feed as files, for any web server
    #[command(after_help = "\
The pages are those of `web`, without its forms. What has not changed is not
written again; of an issue that was paused or cancelled since, what lies there
is taken away.

Examples:
  postrider archive public
  postrider archive public && rsync -a --delete public/ www.example.org:www/")]
    Archive {
        /// The folder to write into
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// The settings of the publication
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Teach a shell to complete commands and options
    #[command(after_help = "\
Examples:
  postrider completions bash > /etc/bash_completion.d/postrider
  postrider completions zsh > ~/.zfunc/_postrider
  postrider completions fish > ~/.config/fish/completions/postrider.fish")]
    Completions {
        /// The shell: bash, zsh, fish, elvish or powershell
        #[arg(value_enum, hide_possible_values = true)]
        shell: clap_complete::Shell,
    },
    /// Write the manual: a page for the program and one for each command
    #[command(after_help = "\
Without DIR it prints the program's own page. With DIR it writes a file for each
page into it, which `man -M` and packages take.

Examples:
  postrider man | man -l -
  postrider man /usr/local/share/man/man1")]
    Man {
        /// The folder to write the pages into
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}
