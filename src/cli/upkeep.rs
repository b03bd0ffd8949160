//! What keeps a publication well for years: its DNS, ledger, settings and keys, as they are typed.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};

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

/// Reads the address of a resolver.
fn resolver(text: &str) -> Result<SocketAddr, String> {
    let bare = || Some(SocketAddr::new(text.parse().ok()?, 53));
    text.parse()
        .ok()
        .or_else(bare)
        .ok_or_else(|| "write it as 9.9.9.9 or 127.0.0.1:5353".to_owned())
}

/// The ledger's verbs.
#[derive(Debug, Subcommand)]
pub enum LedgerVerb {
    /// Go on with a restored backup: whoever was unfinished in it is put in doubt
    #[command(after_help = "\
A restored backup has forgotten what was sent after it was made, so sending from
it could mail readers twice. It is refused until you run this. It concerns every
publication whose ledger this is: their readers are counted by name, before you
are asked.

Examples:
  postrider ledger accept-rollback
  postrider status kazakhstan --in-doubt")]
    AcceptRollback {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
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
