//! How an issue is tried, sent, put on the clock and followed, as it is typed.

use std::path::PathBuf;

use clap::Args;

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
    /// Stay until it is finished, also where a rate, a pause or a server makes the rest wait for hours
    #[arg(long, conflicts_with_all = ["limit", "canary"])]
    pub wait: bool,
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
    /// Look again every second until it is finished, a draft or an issue on the schedule from when it is sent; without ISSUE the one that is being sent
    #[arg(long, conflicts_with_all = ["failed", "in_doubt", "left"])]
    pub watch: bool,
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
