//! `draft`: starts a new issue where the last one ended.

use std::{fs, path::Path, process};

use jiff::{civil::Date, tz::TimeZone};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::{Console, Failure, exit, newsroom::Newsroom, words};
use crate::{
    cli::Global,
    compose,
    schedule::{Every, EveryError},
};

/// What the draft begins with, below its front matter.
const BODY: &str = include_str!("../../templates/starter/draft.md");

/// What is asked for.
pub(super) struct Wish {
    pub(super) slug: String,
    pub(super) date: Option<String>,
    pub(super) like: Option<String>,
    pub(super) edit: bool,
}

/// Runs the command.
pub(super) fn run(console: &Console, global: &Global, wish: &Wish) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    let slug = slug(&wish.slug)?;
    let date = date(&newsroom, wish.date.as_deref())?;
    let name = format!("{date}-{slug}");
    let folder = newsroom.root.join("issues").join(&name);
    if folder.exists() {
        return Err(Failure::new(exit::GUARD, format!("there is an issue {name} already"))
            .hint(format!("edit {}", words::path(&folder.join("issue.md")))));
    }
    let number = next_number(&newsroom)?;
    let text = match &wish.like {
        None => compose::starter(&slug, date, number, BODY),
        Some(like) => {
            let draft = newsroom.draft(&newsroom.issue(like)?)?;
            compose::renumbered(&draft.text, date, number)
        }
    };
    fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, "make", &error))?;
    let path = folder.join("issue.md");
    fs::write(&path, text).map_err(|error| Failure::file(&path, "write", &error))?;
    if wish.edit {
        edit(&path)?;
    }
    if console.json {
        console.document(&serde_json::json!({
            "issue": name, "file": path, "date": date.to_string(), "number": number }));
    } else {
        console.say(words::path(&path));
    }
    Ok(exit::DONE)
}

fn slug(text: &str) -> Result<String, Failure> {
    // Letters with marks keep their letter: `ünïcode` is `unicode`.
    let slug: String = text
        .to_lowercase()
        .nfd()
        .filter(|character| !is_combining_mark(*character))
        .map(|character| if character.is_ascii_alphanumeric() { character } else { '-' })
        .collect::<String>()
        .split('-')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-");
    if slug.is_empty() {
        return Err(Failure::new(
            exit::USAGE,
            format!("`{}` makes no folder name", text.escape_debug()),
        )
        .hint("use letters a to z, digits and hyphens"));
    }
    Ok(slug)
}

/// The date asked for, else that of the next occurrence after the last issue, else today.
fn date(newsroom: &Newsroom, asked: Option<&str>) -> Result<Date, Failure> {
    if let Some(text) = asked {
        return text.parse().map_err(|_| {
            Failure::new(exit::USAGE, format!("`{text}` is not a date"))
                .hint("write it as 2026-11-30")
        });
    }
    let zone = TimeZone::get(&newsroom.publication.timezone).unwrap_or(TimeZone::UTC);
    let today = newsroom.now.to_zoned(zone.clone());
    let Some(every) = &newsroom.publication.schedule.every else { return Ok(today.date()) };
    let every: Every =
        every.parse().map_err(|error: EveryError| Failure::new(exit::CONFIG, error.to_string()))?;
    let last = newsroom
        .issues()?
        .into_iter()
        .filter_map(|issue| issue.slug.get(..10)?.parse::<Date>().ok())
        .max();
    let after = last
        .and_then(|date| date.at(23, 59, 59, 0).to_zoned(zone.clone()).ok())
        .map_or(newsroom.now, |last| last.timestamp().max(newsroom.now));
    Ok(every.next_after(after, &zone).map_or(today.date(), |next| next.date()))
}

/// One more than the highest number of any issue; a draft that does not parse does not count.
fn next_number(newsroom: &Newsroom) -> Result<u32, Failure> {
    let mut highest = 0;
    for issue in newsroom.issues()? {
        let draft = newsroom.draft(&issue)?;
        highest = highest.max(compose::number(&draft.text).unwrap_or(0));
    }
    Ok(highest + 1)
}

fn edit(path: &Path) -> Result<(), Failure> {
    let editor = ["VISUAL", "EDITOR"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| "vi".to_owned());
    // Editors are often commands with arguments, so a shell reads the name; the path travels apart.
    let status = process::Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$1\""))
        .arg("sh")
        .arg(path)
        .status()
        .map_err(|error| Failure::file(Path::new(&editor), "start", &error))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(exit::DISK, format!("the editor `{editor}` ended with {status}"))
        .hint(format!("the draft is {}", words::path(path))))
}
