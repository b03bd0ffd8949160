//! `ledger`: care for the ledger itself.

mod accept_rollback;
mod migrate;
mod verify;

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Console, Failure, exit,
    newsroom::{Newsroom, secret_of},
};
use crate::{
    cli::{Global, LedgerVerb},
    config::SecretError,
    ledger::{Ledger, LedgerError, PostgresLedger, PostgresSettings, SqliteLedger},
    model::{LedgerSettings, LedgerUrl},
};

/// The variable that holds the password of a server.
const PASSWORD: &str = "POSTRIDER_LEDGER_PASSWORD";

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    global: &Global,
    verb: LedgerVerb,
) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    if !newsroom.has_ledger()? {
        return Err(Failure::new(exit::NO_INPUT, "there is no ledger yet")
            .hint("the first `send`, `schedule` or `subscribers` makes it"));
    }
    let ledger = open_for_care(&newsroom.publication.ledger, &newsroom.root)?;
    match verb {
        LedgerVerb::AcceptRollback { yes } => {
            return accept_rollback::run(console, &newsroom, &*ledger, yes).await;
        }
        LedgerVerb::Migrate { to } => return migrate::run(console, &newsroom, &*ledger, &to).await,
        LedgerVerb::Verify => return verify::run(console, &newsroom, &*ledger).await,
        LedgerVerb::Backup { to } => {
            ledger.backup(&to).await?;
            console.tell(format_args!("the ledger is copied to {}", to.display()));
        }
    }
    Ok(exit::DONE)
}

/// Opens a ledger, making it where there is none; paths are relative to `root`. Refuses one that has moved.
pub(super) fn open(settings: &LedgerSettings, root: &Path) -> Result<Arc<dyn Ledger>, Failure> {
    match &settings.url {
        LedgerUrl::Sqlite(path) => Ok(Arc::new(SqliteLedger::open(&file(path, root)?)?)),
        LedgerUrl::Postgres(url) => Ok(Arc::new(server(url, settings, root)?)),
    }
}

/// Opens one also where it has moved, or is not finished.
fn open_for_care(settings: &LedgerSettings, root: &Path) -> Result<Arc<dyn Ledger>, Failure> {
    match &settings.url {
        LedgerUrl::Sqlite(path) => Ok(Arc::new(SqliteLedger::open_for_care(&file(path, root)?)?)),
        LedgerUrl::Postgres(url) => Ok(Arc::new(server(url, settings, root)?.for_care())),
    }
}

/// Returns where a ledger's file is, in a folder for its owner alone.
fn file(path: &str, root: &Path) -> Result<PathBuf, Failure> {
    let private = root.join(".postrider");
    if root.join(path).starts_with(&private) {
        make_private(&private)?;
    }
    Ok(root.join(path))
}

/// Names a server, with what lets us in.
fn server(url: &str, settings: &LedgerSettings, root: &Path) -> Result<PostgresLedger, Failure> {
    let source = settings.password.as_ref();
    let password =
        secret_of(source, root, PASSWORD, "ledger-password").map_err(|error| match error {
            SecretError::Empty("the variable") => Failure::new(
                exit::CONFIG,
                format!("the variable {PASSWORD} gives no secret: its first line is empty or no text"),
            )
            .hint("set it to the ledger's password, or unset it: then the credential, [ledger] and ~/.pgpass are looked at"),
            error => Failure::new(exit::CONFIG, error.to_string()).hint(
                "the password of the ledger is looked for where [ledger] in publication.toml says",
            ),
        })?;
    let trust = match &settings.ca_file {
        Some(file) => {
            let path = root.join(file);
            fs::read(&path).map_err(|error| {
                Failure::file(&path, "read", &error)
                    .hint("it is `ca_file` under [ledger] in publication.toml")
            })?
        }
        None => Vec::new(),
    };
    let settings = PostgresSettings { url: url.to_owned(), password, trust };
    PostgresLedger::new(&settings).map_err(|error| match error {
        LedgerError::Refused(why) => Failure::new(exit::CONFIG, why).hint(
            "it is `url` under [ledger] in publication.toml, --ledger or POSTRIDER_LEDGER_URL",
        ),
        error => error.into(),
    })
}

/// Makes a folder for its owner alone, where it is missing.
pub(super) fn make_private(folder: &Path) -> Result<(), Failure> {
    if folder.is_dir() {
        return Ok(());
    }
    not_for_another(folder.parent().unwrap_or(folder))?;
    fs::DirBuilder::new()
        .mode(0o700)
        .recursive(true)
        .create(folder)
        .map_err(|error| Failure::file(folder, "make", &error))
}

/// Refuses root in a folder of somebody else's: what root makes there its owner cannot read, and whatever they run from then on finds no ledger.
pub(super) fn not_for_another(folder: &Path) -> Result<(), Failure> {
    let owner = |path: &Path| fs::metadata(path).map(|metadata| metadata.uid());
    // Linux alone tells so who runs a program; elsewhere nobody is refused.
    let (Ok(0), Ok(owner @ 1..)) = (owner(Path::new("/proc/self")), owner(folder)) else {
        return Ok(());
    };
    let why = format!("`{}` belongs to another user, not to root", folder.display());
    Err(Failure::new(exit::GUARD, why).hint(format!(
        "run it as them, `sudo --user='#{owner}' postrider ...`: what root makes there they could not read"
    )))
}
