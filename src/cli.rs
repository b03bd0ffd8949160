//! The command line as types: what may be asked, and the help that teaches it. Nothing here acts.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf};

use clap::{
    Args, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum,
    builder::styling,
};

use crate::model::is_control;

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
      was confirmed, a ledger that went back in time)
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
It looks at the longest copy on the list, in both parts, as it would be sent.
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
nobody is left out.

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
written again.

Examples:
  postrider archive public
  postrider archive public && rsync -a public/ www.example.org:/srv/www/")]
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

/// What to look at, and where.
#[derive(Clone, Debug, Args)]
pub struct Preview {
    /// The issue, else the newest
    pub issue: Option<String>,
    /// Where to listen, on this machine alone; port 0 takes a free one. Else
    /// 127.0.0.1:8642, or any port where that is taken
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Open it in a browser: $BROWSER, else the desktop's own
    #[arg(long)]
    pub open: bool,
}

/// Where to serve.
#[derive(Clone, Debug, Args)]
pub struct Web {
    /// Where to listen for readers, else 127.0.0.1:8643
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Where to tell health and metrics, else 127.0.0.1:8644
    #[arg(long, value_name = "ADDR")]
    pub health: Option<String>,
}

/// What `test` is asked.
#[derive(Clone, Debug, Args)]
pub struct Test {
    /// The issue
    pub issue: String,
    /// Where to send it; may be given several times
    #[arg(long, value_name = "ADDR", required = true, num_args = 1..)]
    pub to: Vec<String>,
    /// As which reader, else the address it goes to
    #[arg(long = "as", value_name = "ADDR")]
    pub reader: Option<String>,
    /// Send it although `check` finds errors
    #[arg(long)]
    pub force: bool,
}

/// How to send.
#[derive(Clone, Debug, Args)]
pub struct Send {
    /// The issue
    pub issue: String,
    /// Who says yes
    #[command(flatten)]
    pub consent: Consent,
    /// Stop after this many readers; `send` again goes on
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Send to the first N, then pause: `resume` lets the rest follow
    #[arg(long, value_name = "N", conflicts_with = "limit", value_parser = clap::value_parser!(u64).range(1..))]
    pub canary: Option<u64>,
    /// Also send to people who joined since the issue was frozen
    #[arg(long)]
    pub catch_up: bool,
    /// Only to this segment, such as 'press and not town = Oslo'
    #[arg(long, value_name = "SEGMENT")]
    pub segment: Option<String>,
}

/// Who says that mail may go.
#[derive(Clone, Debug, Args)]
pub struct Consent {
    /// Do not ask
    #[arg(long, conflicts_with = "confirm")]
    pub yes: bool,
    /// Go ahead only if this is the number of readers
    #[arg(long, value_name = "COUNT")]
    pub confirm: Option<u64>,
}

/// What to correct, and how.
#[derive(Clone, Debug, Args)]
pub struct Correct {
    /// The issue that was wrong
    pub issue: String,
    /// The issue that says so
    #[arg(long, value_name = "ISSUE2")]
    pub with: String,
    /// Who says yes
    #[command(flatten)]
    pub consent: Consent,
    /// Stop after this many readers; the same again goes on
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
}

/// What server to be.
#[derive(Clone, Debug, Args)]
// Each is a flag on the command line.
#[allow(clippy::struct_excessive_bools)]
pub struct Relay {
    /// The Maildir to keep mail in, made where it is missing
    #[arg(value_name = "DIR", default_value = "outbox")]
    pub folder: PathBuf,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:2525")]
    pub listen: String,
    /// Let other machines come too; mail still goes no further
    #[arg(long)]
    pub exposed: bool,
    /// How to misbehave, a rule a line
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// Keep nothing, only count
    #[arg(long, conflicts_with = "folder")]
    pub count: bool,
    /// Offer STARTTLS with the certificate and the key in this PEM file
    #[arg(long, value_name = "FILE")]
    pub tls: Option<PathBuf>,
    /// Speak TLS from the first byte
    #[arg(long, requires = "tls")]
    pub implicit: bool,
    /// Take mail only from this user, who logs in over TLS with the password in
    /// POSTRIDER_RELAY_PASSWORD or --password-file
    #[arg(long, value_name = "NAME", requires = "tls")]
    pub user: Option<String>,
    /// The file whose first line is that password; only yours to read
    #[arg(long, value_name = "FILE", requires = "user")]
    pub password_file: Option<PathBuf>,
}

/// Whom to ask.
#[derive(Clone, Debug, Args)]
pub struct Doctor {
    /// Look at this message instead, `-` for one from stdin
    #[arg(long, value_name = "FILE", conflicts_with = "dns")]
    pub eml: Option<PathBuf>,
    /// Ask the DNS alone: speak neither to the relay nor to the pages
    #[arg(long)]
    pub dns: bool,
    /// Ask this resolver, at port 53 where none is named, else the system's
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = resolver)]
    pub resolver: Option<SocketAddr>,
}

/// Takes words that say something: a blank reason is none, and nothing in one steers a terminal.
fn words(text: &str) -> Result<String, String> {
    let said: String = text.chars().filter(|c| !is_control(*c)).collect();
    match said.trim() {
        "" => Err("it says nothing".to_owned()),
        said => Ok(said.to_owned()),
    }
}

/// Reads the address of a resolver.
fn resolver(text: &str) -> Result<SocketAddr, String> {
    let bare = || Some(SocketAddr::new(text.parse().ok()?, 53));
    text.parse()
        .ok()
        .or_else(bare)
        .ok_or_else(|| "write it as 9.9.9.9 or 127.0.0.1:5353".to_owned())
}

/// When to send.
#[derive(Clone, Debug, Args)]
pub struct Schedule {
    /// The issue
    #[arg(required_unless_present_any = ["cron_line", "systemd"])]
    pub issue: Option<String>,
    /// The hour, as wall time with or without a zone, else the next of `[schedule] every`
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// How late it may still go out, else `[schedule] max_late`
    #[arg(long, value_name = "DURATION")]
    pub max_late: Option<String>,
    /// Print the line for crontab
    #[arg(long, conflicts_with_all = ["issue", "at", "max_late"])]
    pub cron_line: bool,
    /// Write a service and a timer for systemd into this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["issue", "at", "max_late", "cron_line"])]
    pub systemd: Option<PathBuf>,
}

/// How a worker is to work.
#[derive(Args, Debug)]
pub struct Worker {
    /// The ledger [default: that of the publication we stand in]
    #[arg(long, env = "POSTRIDER_LEDGER_URL", value_name = "URL", hide_env = true)]
    pub ledger: Option<String>,
    /// The folder of this worker's key, passwords and journal [default: .postrider]
    #[arg(long, env = "POSTRIDER_STATE", value_name = "DIR", hide_env = true)]
    pub state: Option<PathBuf>,
    /// How many connections to the relay at most [default: as the publication says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub connections: Option<u16>,
    /// End when nothing is left to be sent
    #[arg(long)]
    pub until_idle: bool,
}

/// What to show.
#[derive(Clone, Debug, Args)]
// Each is a flag on the command line.
#[allow(clippy::struct_excessive_bools)]
pub struct Status {
    /// The issue, else all
    pub issue: Option<String>,
    /// List those refused for good or given up, with what the relay said
    #[arg(long, requires = "issue")]
    pub failed: bool,
    /// List those in doubt, with what to do
    #[arg(long, requires = "issue")]
    pub in_doubt: bool,
    /// List those not settled yet
    #[arg(long, requires = "issue")]
    pub left: bool,
    /// Look again every second until it is finished; without ISSUE the one that is being sent
    #[arg(long, conflicts_with_all = ["failed", "in_doubt", "left"])]
    pub watch: bool,
}

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

/// Whom to settle, and how.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("how").required(true))]
pub struct Resolve {
    /// The issue
    pub issue: String,
    /// The addresses
    #[arg(value_name = "ADDR", required_unless_present = "all")]
    pub addresses: Vec<String>,
    /// Everybody of the issue who is in doubt
    #[arg(long, conflicts_with = "addresses")]
    pub all: bool,
    /// They have it
    #[arg(long, group = "how")]
    pub delivered: bool,
    /// Send it again, the same bytes
    #[arg(long, group = "how")]
    pub resend: bool,
}

/// The ledger's verbs.
#[derive(Debug, Subcommand)]
pub enum LedgerVerb {
    /// Go on with a restored backup: whoever was unfinished in it is put in doubt
    #[command(after_help = "\
A restored backup has forgotten what was sent after it was made, so sending from
it could mail readers twice. It is refused until you run this.

Examples:
  postrider ledger accept-rollback
  postrider status kazakhstan --in-doubt")]
    AcceptRollback,
    /// Copy the whole ledger to a new file, also while it is being used
    #[command(after_help = "\
Examples:
  postrider ledger backup /srv/backup/ledger-2026-11-30.sqlite")]
    Backup {
        /// The file to make
        #[arg(value_name = "FILE")]
        to: PathBuf,
    },
    /// Move everything to another ledger, from a file to PostgreSQL or back, and close the old one
    #[command(after_help = "\
The new ledger has to be empty. Everything is carried in one transaction, read
back and compared; then the old ledger closes and says where it went, so that
nobody is mailed from both. Stop every sender and worker before. If it is
stopped in the middle, the old ledger is still in use: run it again.

Examples:
  postrider ledger migrate --to postgres://postrider@db.example.org/news
  postrider ledger migrate --to sqlite:.postrider/ledger-2.sqlite")]
    Migrate {
        /// The new ledger
        #[arg(long, value_name = "URL")]
        to: String,
    },
    /// Look for what should not be so in the ledger and in the files beside it; changes nothing
    #[command(after_help = "\
It looks at the file (or the server's rules), at the sum of every issue, at the
editions, the Message-IDs and the links, and holds `.postrider/high-water` and
`.postrider/outcomes.journal` against them. It ends with 1 when it finds
something, and says how to mend it.

Examples:
  postrider ledger verify
  postrider ledger verify --json")]
    Verify,
}

/// The verbs of the settings.
#[derive(Debug, Subcommand)]
pub enum ConfigVerb {
    /// Show every setting as it holds, also those that publication.toml leaves out
    #[command(after_help = "\
What it prints can be a publication.toml again. Of a password it shows where it
is kept.

Examples:
  postrider config show
  postrider config show --origin    and where each comes from")]
    Show {
        /// Say where each comes from: a line of publication.toml, a preset, or nobody said otherwise
        #[arg(long)]
        origin: bool,
    },
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeyKind {
    /// To sign mail
    Dkim,
    /// To sign the links by which readers leave
    Unsubscribe,
}

/// The verbs of keys.
#[derive(Debug, Subcommand)]
pub enum KeysVerb {
    /// Make keys, and say what to do with them
    #[command(after_help = "\
`dkim` keys sign your mail. Without --ed25519 or --rsa it makes one of each: RSA
is known to every receiver, Ed25519 to some. RSA takes the program `openssl`.

The `unsubscribe` key signs the links by which readers leave, and the return
paths. A new one signs what is sent from now on; the earlier ones stay in the
file, so that every link ever sent goes on working.

The files are in .postrider/.

Examples:
  postrider keys new
  postrider keys new dkim --rsa --selector r2027
  postrider keys new unsubscribe")]
    New {
        /// What the key is for: dkim or unsubscribe
        #[arg(value_enum, value_name = "KIND", default_value_t = KeyKind::Dkim, hide_possible_values = true)]
        kind: KeyKind,
        /// Only a key for Ed25519
        #[arg(long, group = "algorithm")]
        ed25519: bool,
        /// Only a key for RSA, of 2,048 bits
        #[arg(long, group = "algorithm")]
        rsa: bool,
        /// What the record is called, else e or r and the year
        #[arg(long, value_name = "NAME", requires = "algorithm")]
        selector: Option<String>,
    },
    /// Show the DNS records of the keys in publication.toml, or of a key file
    #[command(after_help = "\
Examples:
  postrider keys show
  postrider keys show old.pem --selector mail --json")]
    Show {
        /// A private key as PKCS#8 PEM, else those in publication.toml
        #[arg(value_name = "FILE", requires = "selector")]
        file: Option<PathBuf>,
        /// What that file's record is called
        #[arg(long, value_name = "NAME", requires = "file")]
        selector: Option<String>,
    },
}
