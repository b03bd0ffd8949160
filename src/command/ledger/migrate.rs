//! `ledger migrate`: moves everything to another ledger, and closes the old one.

use std::sync::Arc;

use serde_json::json;

use super::{
    super::{Console, Failure, exit, newsroom::Newsroom, progress, words::counted},
    open_for_care,
};
use crate::{
    config,
    ledger::{Ledger, LedgerError, Manifest, Standing, move_to},
    model::{LedgerSettings, LedgerUrl},
    send::guard::HighWater,
};

/// A private certificate to trust for the new ledger, in the publication's private folder.
const CA_FILE: &str = ".postrider/ledger-ca.pem";

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    newsroom: &Newsroom,
    from: &dyn Ledger,
    to: &str,
) -> Result<u8, Failure> {
    let settings = settings(newsroom, to)?;
    // Whoever sends holds this, and whoever comes later finds the ledger moved.
    let _lock = newsroom.lock()?;
    let to = open_for_care(&settings, &newsroom.root)?;
    let address = settings.url.to_string();
    let carried = match from.standing().await? {
        Standing::Open => {
            let mark = from.mark(&newsroom.publication.id).await?;
            HighWater::compare(&newsroom.root.join(".postrider/high-water"), &mark)?;
            Some(carry(console, from, &to, &address).await?)
        }
        // The program was stopped between closing the old one and opening the new one.
        Standing::Moved(there) if there == address => {
            finish(from, &*to, &newsroom.publication.id).await?;
            None
        }
        standing => {
            standing.refuse(&newsroom.publication.ledger.url.to_string())?;
            None
        }
    };
    tell(console, newsroom, &settings, carried.as_ref());
    Ok(exit::DONE)
}

/// Reads where to; a path alone is a file.
fn settings(newsroom: &Newsroom, to: &str) -> Result<LedgerSettings, Failure> {
    let text = if to.contains(':') { to.to_owned() } else { format!("sqlite:{to}") };
    let url = config::ledger_url(&text).map_err(|why| {
        Failure::new(exit::USAGE, why).hint(
            "write it as `sqlite:.postrider/ledger.sqlite` or `postgres://user@host/database`",
        )
    })?;
    let is_here = match (&url, &newsroom.publication.ledger.url) {
        (LedgerUrl::Sqlite(new), LedgerUrl::Sqlite(old)) => {
            newsroom.root.join(new) == newsroom.root.join(old)
        }
        (new, old) => new == old,
    };
    if is_here {
        return Err(Failure::new(exit::USAGE, "the ledger is there already")
            .hint("`--to` names a new one; the old one is [ledger] url in publication.toml"));
    }
    let is_a_server = matches!(url, LedgerUrl::Postgres(_));
    let ca_file = is_a_server && newsroom.root.join(CA_FILE).is_file();
    let ca_file = ca_file.then(|| CA_FILE.to_owned());
    Ok(LedgerSettings { url, password: None, ca_file })
}

/// Moves everything, with what passes shown to whoever watches.
async fn carry(
    console: &Console,
    from: &dyn Ledger,
    to: &Arc<dyn Ledger>,
    address: &str,
) -> Result<Manifest, Failure> {
    let bar = progress::counter(console);
    let carried = move_to(from, &**to, address, |table, rows| {
        bar.inc(rows as u64);
        bar.set_message(table);
    })
    .await;
    bar.finish_and_clear();
    carried.map_err(|error| match error {
        LedgerError::Busy(why) => Failure::new(exit::AGAIN, format!("the ledger is in use: {why}"))
            .hint("stop every sender and worker (`postrider status` lists them), wait half a minute, and run it again"),
        error => error.into(),
    })
}

/// Opens a ledger that everything had arrived in.
async fn finish(from: &dyn Ledger, to: &dyn Ledger, publication: &str) -> Result<(), Failure> {
    let (old, new) = (from.mark(publication).await?, to.mark(publication).await?);
    if to.standing().await? != Standing::Arriving || old.ledger != new.ledger {
        return Err(Failure::new(exit::GUARD, "the ledger has moved there already")
            .hint("name the new one under [ledger] in publication.toml"));
    }
    Ok(to.settle_in().await?)
}

fn tell(
    console: &Console,
    newsroom: &Newsroom,
    settings: &LedgerSettings,
    carried: Option<&Manifest>,
) {
    let (from, to) = (newsroom.publication.ledger.url.to_string(), settings.url.to_string());
    if console.json {
        console.document(&json!({ "from": from, "to": to, "tables": carried }));
        return;
    }
    console.tell_sentence(&format!("the ledger has moved to {to}"));
    if let Some(carried) = carried {
        let rows = carried.values().map(|held| held.rows).sum::<u64>();
        console.advise(&format!(
            "{} in {} were counted and compared; the old ledger sends nothing any more",
            counted(rows, "row"),
            counted(carried.len() as u64, "table")
        ));
    }
    console.tell("\nIn publication.toml, write:\n");
    console.tell(format_args!("[ledger]\nurl = {}", toml::Value::from(to)));
    if let Some(file) = &settings.ca_file {
        console.tell(format_args!("ca_file = {}", toml::Value::from(file.as_str())));
    }
    match settings.url {
        LedgerUrl::Postgres(_) => console.advise(
            "the password: `password_file` or `password_command` there, ~/.pgpass or POSTRIDER_LEDGER_PASSWORD",
        ),
        LedgerUrl::Sqlite(_) => console.advise("a file wants no password and no `ca_file`: take them out"),
    }
}
