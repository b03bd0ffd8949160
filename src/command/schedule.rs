//! `schedule`: binds an issue to an hour and to what it says now.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use jiff::{Zoned, tz::TimeZone};

use super::{Console, Failure, console::Tone, exit, inspection, newsroom::Newsroom, send};
use crate::{
    cli::{self, Global},
    ledger::Booking,
    model::{SecretSource, duration_words, parse_duration},
    schedule::{self, AtError, Every, EveryError},
};

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    global: &Global,
    wish: &cli::Schedule,
) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    let Some(name) = wish.issue.as_deref() else {
        return match &wish.systemd {
            Some(folder) => systemd(console, &newsroom, folder),
            None => cron_line(console, &newsroom),
        };
    };
    let folder = newsroom.issue(name)?;
    let composed = inspection::fit_to_send(&newsroom, &folder).await?;
    console.problems(&composed.warnings);
    let at = hour(&newsroom, wish.at.as_deref())?;
    if at.timestamp() <= newsroom.now {
        return Err(Failure::new(exit::USAGE, format!("{} is in the past", shown(&at)))
            .hint("`postrider send` sends it now"));
    }
    let max_late = match &wish.max_late {
        Some(text) => {
            parse_duration(text).map_err(|error| Failure::new(exit::USAGE, error.to_string()))?
        }
        None => newsroom.publication.schedule.max_late,
    };
    let booking = Booking {
        at: at.timestamp(),
        shown: shown(&at),
        max_late,
        digest: composed.edition.digest(),
    };
    newsroom.dkim_keys()?;
    let ledger = newsroom.ledger()?;
    let known = ledger.issue(&newsroom.publication.id, &folder.slug).await?;
    // What would be refused at its hour is refused now, while somebody looks.
    send::remembered(&newsroom, &*ledger, &folder.slug, known.as_ref()).await?;
    // A key that is made only when cron runs could be made by another user: make it now.
    newsroom.keys_for(&*ledger).await?;
    if !ledger.schedule(&newsroom.publication.id, &folder.slug, &booking).await? {
        let issue = ledger.issue(&newsroom.publication.id, &folder.slug).await?;
        let state = issue.map_or("unknown", |issue| issue.state.word());
        return Err(Failure::new(
            exit::GUARD,
            format!("{} is {state}: it cannot be scheduled", folder.slug),
        ));
    }
    if console.json {
        console.document(&serde_json::json!({
            "issue": folder.slug,
            "digest": booking.digest,
            "state": "scheduled",
            "at": at.timestamp(),
            "shown": booking.shown,
            "max_late_seconds": max_late.as_secs(),
        }));
        return Ok(exit::DONE);
    }
    console.tell(format_args!(
        "{} goes out on {}",
        console.paint(Tone::Strong, &folder.slug),
        booking.shown
    ));
    let late = duration_words(max_late);
    console.advise(&format!("if that is missed by more than {late}, it does not go out by itself"));
    console.advise("what it says now is bound: after an edit, schedule it again");
    console.advise("`postrider schedule --cron-line` prints the line that lets cron send it");
    Ok(exit::DONE)
}

/// The hour asked for, else the next one of `[schedule] every`.
fn hour(newsroom: &Newsroom, asked: Option<&str>) -> Result<Zoned, Failure> {
    let zone = TimeZone::get(&newsroom.publication.timezone).unwrap_or(TimeZone::UTC);
    if let Some(text) = asked {
        return schedule::parse_at(text, &zone, jiff::tz::db()).map_err(|error| {
            let failure = Failure::new(exit::USAGE, error.to_string());
            match error {
                AtError::Zone(_) => failure.hint("zones are named as in Europe/London"),
                _ => failure,
            }
        });
    }
    let Some(every) = &newsroom.publication.schedule.every else {
        return Err(Failure::new(exit::USAGE, "no hour is named")
            .hint("add --at '2026-11-30 07:00', or `every = \"Mon 07:00\"` under [schedule] in publication.toml"));
    };
    let every: Every =
        every.parse().map_err(|error: EveryError| Failure::new(exit::CONFIG, error.to_string()))?;
    every
        .next_after(newsroom.now, &zone)
        .ok_or_else(|| Failure::new(exit::USAGE, "that hour never comes"))
}

fn shown(at: &Zoned) -> String {
    let zone = at.time_zone().iana_name().unwrap_or("UTC");
    format!("{} ({zone})", at.strftime("%a %-d %b %Y, %H:%M"))
}

fn cron_line(console: &Console, newsroom: &Newsroom) -> Result<u8, Failure> {
    let line = schedule::cron_line(&this_program()?, &newsroom.root)
        .map_err(|error| Failure::new(exit::CONFIG, error.to_string()))?;
    if console.json {
        console.document(&serde_json::json!({ "cron": line }));
    } else {
        console.say(line.trim_end());
    }
    Ok(exit::DONE)
}

fn systemd(console: &Console, newsroom: &Newsroom, folder: &Path) -> Result<u8, Failure> {
    let publication = &newsroom.publication;
    let owner = newsroom.root.metadata().map(|metadata| metadata.uid());
    let owner = owner.map_err(|error| Failure::file(&newsroom.root, "look at", &error))?;
    let password = match &publication.relay.password {
        Some(SecretSource::File(file)) => Some(newsroom.root.join(file)),
        _ => None,
    };
    let units = schedule::units(&schedule::Service {
        binary: &this_program()?,
        publication: &newsroom.root,
        id: &publication.id,
        title: &publication.title,
        user: Some(owner).filter(|owner| *owner != 0),
        password_file: password.as_deref(),
    })
    .map_err(|error| Failure::new(exit::CONFIG, error.to_string()))?;
    fs::create_dir_all(folder).map_err(|error| Failure::file(folder, "make", &error))?;
    let mut written = Vec::new();
    for unit in &units {
        let file = folder.join(&unit.name);
        fs::write(&file, &unit.text).map_err(|error| Failure::file(&file, "write", &error))?;
        written.push(file);
    }
    if console.json {
        console.document(&serde_json::json!({ "units": written }));
        return Ok(exit::DONE);
    }
    for file in &written {
        console.tell(format_args!("wrote {}", file.display()));
    }
    if owner == 0 {
        console.warn(
            "the publication belongs to root, and so will the service: a user of its own is safer",
        );
    }
    console.advise(&format!("start it with `systemctl enable --now {}`", units[1].name));
    Ok(exit::DONE)
}

fn this_program() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|error| Failure::new(exit::BUG, format!("failed to find this program: {error}")))
}
