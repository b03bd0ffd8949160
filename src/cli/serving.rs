//! What listens at an address until it is stopped, as it is typed.

use std::path::PathBuf;

use clap::Args;

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
