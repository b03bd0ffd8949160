//! `subscribers import`: brings people from the files of any tool, all or nothing, and says of every row what became of it.

use std::{
    fmt::Write,
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};
use serde::Serialize;

use super::{
    super::{
        Console, Failure,
        console::Tone,
        exit,
        newsroom::{Newsroom, PrivateFile},
        rows::{self, Bin, Break, Meeting, Met},
        words::grouped,
    },
    people::state_of,
};
use crate::{
    cli::Import,
    ledger::{Enrol, Enrolled, Event},
    list::{self, ListReader, Wish},
    model::SubscriberState,
};

/// The keys of `import --json`, which scripts rely on.
#[derive(Serialize)]
struct ImportReport {
    files: Vec<FileReport>,
}

#[derive(Serialize)]
struct FileReport {
    file: String,
    format: &'static str,
    encoding: String,
    delimiter: String,
    read: u64,
    added: u64,
    updated: u64,
    unchanged: u64,
    skipped: Vec<SkippedReport>,
    unsubscribed: u64,
    bounced: u64,
    complained: u64,
    pending: u64,
    blocked: u64,
}

#[derive(Serialize)]
struct SkippedReport {
    line: u64,
    record: Option<u64>,
    address: String,
    reason: String,
}

/// What was recognised of a file.
struct Sort {
    file: String,
    format: &'static str,
    title: &'static str,
    delimiter: char,
    columns: Vec<String>,
    address_column: usize,
    left_out: Vec<String>,
    is_unconsented: bool,
}

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    newsroom: &Newsroom,
    wish: &Import,
) -> Result<u8, Failure> {
    let of_list = list_wish(wish)?;
    if let Some(rejects) = &wish.rejects {
        spare_others(rejects, &wish.files)?;
    }
    let bar = bar(console, wish);
    let mut opened = Vec::new();
    for path in &wish.files {
        let (path, name) = match path.to_str() {
            Some("-") => (Path::new("/dev/stdin"), "a pipe".to_owned()),
            _ => (path.as_path(), path.display().to_string()),
        };
        let rows = rows::open_as(path, &name, &of_list, |file| bar.wrap_read(file))?;
        opened.push((sort(name, &rows), rows));
    }
    let bin = wish.rejects.as_deref().map(|path| begin_rejects(path, &opened[0].0)).transpose()?;

    let (mut sorts, mut meetings, mut lists) = (Vec::new(), Vec::new(), Vec::new());
    for (sort, rows) in opened {
        let tags = wish.tags.clone();
        let (records, meeting) =
            rows::records_of(rows, sort.file.clone(), Break::Name, tags, bin.clone());
        lists.push((order(newsroom, wish, &sort.file), records));
        sorts.push(sort);
        meetings.push(meeting);
    }
    let enrolled = newsroom.ledger()?.enrol(lists).await;
    bar.finish_and_clear();
    tell_all(console, wish, &sorts, &meetings, enrolled?, bin)
}

/// Tells what became of every file, and completes the rejects.
fn tell_all(
    console: &Console,
    wish: &Import,
    sorts: &[Sort],
    meetings: &[Meeting],
    enrolled: Vec<Enrolled>,
    bin: Option<Bin>,
) -> Result<u8, Failure> {
    let mut reports = Vec::new();
    let mut faults = 0;
    for ((sort, meeting), enrolled) in sorts.iter().zip(meetings).zip(enrolled) {
        let mut met = rows::met(meeting);
        if let (Some(error), Some(path)) = (met.take_unwritten(), &wish.rejects) {
            return Err(Failure::file(path, "write", &error));
        }
        faults += met.faults;
        let report = report(sort, &met, &enrolled);
        if let (Some(bin), Some(path)) = (&bin, &wish.rejects) {
            reject_known(bin, sort, &met, &enrolled)
                .map_err(|error| Failure::file(path, "write", &error))?;
            let unnamed = enrolled.duplicate + enrolled.stayed - known(&enrolled).count() as u64;
            if unnamed > 0 {
                let rows = match unnamed {
                    1 => "1 more row of people it knows is".to_owned(),
                    many => format!("{} more rows of people it knows are", grouped(many)),
                };
                console
                    .warn(format_args!("{}: {rows} counted, and not among the rejects", sort.file));
            }
        }
        met.tell(console, &sort.file, &enrolled);
        tell(console, sort, &met, &report);
        reports.push(report);
    }
    if let (Some(bin), Some(path)) = (bin, &wish.rejects) {
        keep_rejects(bin, path)?;
    }
    if wish.dry_run {
        console.tell(console.paint(Tone::Quiet, "a dry run: nothing was kept"));
    }
    if console.json {
        console.document(&ImportReport { files: reports });
    }
    Ok(if faults == 0 || wish.lenient { exit::DONE } else { exit::BAD_DATA })
}

/// Understands what was typed about the lists.
fn list_wish(wish: &Import) -> Result<Wish, Failure> {
    let map = wish.map.iter().map(|pair| match pair.split_once('=') {
        Some((to, from)) if !to.trim().is_empty() => Ok((to.trim().to_owned(), from.to_owned())),
        _ => Err(Failure::new(exit::USAGE, format!("`{pair}` is not FIELD=COLUMN")).hint(
            "write `--map email='Customer address'`: what it is, and what its column is called",
        )),
    });
    Ok(Wish {
        map: map.collect::<Result<_, _>>()?,
        encoding: wish.encoding.clone(),
        is_consented: wish.consent.is_some(),
        state: wish.state.as_deref().map(said_state).transpose()?,
        is_wary: true,
    })
}

/// Understands what somebody says that everybody in a list is.
fn said_state(word: &str) -> Result<SubscriberState, Failure> {
    match state_of(word)? {
        SubscriberState::Erased => {
            Err(Failure::new(exit::USAGE, "nobody is brought as erased").hint(
                "`postrider subscribers erase ADDR` forgets a person and keeps files from bringing them",
            ))
        }
        state => Ok(state),
    }
}

fn order(newsroom: &Newsroom, wish: &Import, file: &str) -> Enrol {
    let detail =
        wish.consent.as_ref().map_or_else(String::new, |consent| format!("consent: {consent}"));
    Enrol {
        publication: newsroom.publication.id.clone(),
        event: Event { name: "import".to_owned(), source: file.to_owned(), detail },
        from_list_file: false,
        resubscribe: wish.resubscribe.clone(),
        rehearse: wish.dry_run,
    }
}

fn sort<R>(file: String, rows: &ListReader<R>) -> Sort {
    Sort {
        file,
        format: rows.format(),
        title: rows.title(),
        delimiter: rows.delimiter(),
        columns: rows.columns().to_vec(),
        address_column: rows.address_column(),
        left_out: rows.left_out(),
        is_unconsented: rows.is_unconsented(),
    }
}

fn report(sort: &Sort, met: &Met, enrolled: &Enrolled) -> FileReport {
    let of = |state: SubscriberState| enrolled.by_state.get(state.word()).copied().unwrap_or(0);
    let mut skipped: Vec<SkippedReport> = met
        .bad
        .iter()
        .map(|row| SkippedReport {
            line: row.line,
            record: Some(row.record),
            address: row.address.clone(),
            reason: row.reason.to_string(),
        })
        .chain(known(enrolled).map(|(line, address, reason)| SkippedReport {
            line,
            record: met.record_on(line),
            address,
            reason,
        }))
        .collect();
    skipped.sort_by_key(|row| row.line);
    FileReport {
        file: sort.file.clone(),
        format: sort.format,
        encoding: met.encoding.clone(),
        delimiter: sort.delimiter.to_string(),
        read: enrolled.read + met.skipped,
        added: enrolled.added,
        updated: enrolled.updated,
        unchanged: enrolled.unchanged,
        skipped,
        unsubscribed: of(SubscriberState::Unsubscribed),
        bounced: of(SubscriberState::Bounced),
        complained: of(SubscriberState::Complained),
        pending: of(SubscriberState::Pending),
        blocked: of(SubscriberState::Blocked),
    }
}

/// Returns the good records that the ledger did not take: line, address, why.
fn known(enrolled: &Enrolled) -> impl Iterator<Item = (u64, String, String)> {
    let twins = enrolled.duplicates.iter().map(|(line, address, first)| {
        (*line, address.to_string(), format!("duplicate of line {first}"))
    });
    twins.chain(enrolled.suppressed.iter().map(|(line, address, state)| {
        (*line, address.to_string(), format!("is {} and stays so", state.word()))
    }))
}

/// Tells a file's report to a person.
fn tell(console: &Console, sort: &Sort, met: &Met, report: &FileReport) {
    let between = match sort.delimiter {
        ';' => ", semicolons",
        '\t' => ", tabs",
        '\n' => "",
        _ => ", commas",
    };
    let what = format!("{}, {}{between}", sort.title, met.encoding.to_uppercase());
    console.tell(format_args!("{}: {what}", console.paint(Tone::Strong, &sort.file)));
    let mut parts = vec![
        format!("{} added", grouped(report.added)),
        format!("{} updated", grouped(report.updated)),
        format!("{} unchanged", grouped(report.unchanged)),
    ];
    let skipped = report.read - report.added - report.updated - report.unchanged;
    if skipped > 0 {
        parts.push(format!("{} skipped", grouped(skipped)));
    }
    console.advise(&format!("{} read: {}", grouped(report.read), parts.join(", ")));
    let states: Vec<String> = [
        (report.pending, SubscriberState::Pending),
        (report.unsubscribed, SubscriberState::Unsubscribed),
        (report.bounced, SubscriberState::Bounced),
        (report.complained, SubscriberState::Complained),
        (report.blocked, SubscriberState::Blocked),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, state)| format!("{} {}", grouped(count), state.word()))
    .collect();
    if !states.is_empty() {
        console.advise(&format!("among them {}", states.join(", ")));
    }
    if met.with_evidence > 0 {
        console.advise(&format!(
            "with proof of how they came or left: {}",
            grouped(met.with_evidence)
        ));
    }
    if !sort.left_out.is_empty() {
        console.advise(&format!("columns left out: {}", sort.left_out.join(", ")));
    }
    if sort.is_unconsented && report.pending > 0 {
        console.advise(
            "to be in it is no consent, so nobody of it is mailed yet: if they agreed, import it again with `--consent 'how and when'`",
        );
    }
}

/// Refuses to write the rejects over one of the lists they come from, by whatever name, or over a file that is something else.
fn spare_others(rejects: &Path, lists: &[PathBuf]) -> Result<(), Failure> {
    let Some(there) = rejects.metadata().ok().filter(fs::Metadata::is_file) else { return Ok(()) };
    let is_same = |list: &PathBuf| {
        list.metadata().is_ok_and(|list| (list.dev(), list.ino()) == (there.dev(), there.ino()))
    };
    let what = if lists.iter().any(is_same) {
        "one of the lists"
    } else if there.len() > 0 && !File::open(rejects).is_ok_and(list::are_rejects) {
        "a file that holds no rejects"
    } else {
        return Ok(());
    };
    let rejects = rejects.display();
    Err(Failure::new(exit::USAGE, format!("`{rejects}` is {what}, and would be written over"))
        .hint("give `--rejects` the name of a new file"))
}

fn begin_rejects(path: &Path, first: &Sort) -> Result<Bin, Failure> {
    let failed = |error| Failure::file(path, "write", &error);
    let rejects = list::rejects(PrivateFile::create(path)?, &first.columns).map_err(failed)?;
    Ok(Arc::new(Mutex::new(rejects)))
}

/// Adds what the ledger did not take.
fn reject_known(bin: &Bin, sort: &Sort, met: &Met, enrolled: &Enrolled) -> std::io::Result<()> {
    let mut rejects = bin.lock().unwrap_or_else(PoisonError::into_inner);
    known(enrolled).try_for_each(|(line, address, reason)| {
        let stand = (line, met.record_on(line));
        rejects.write_known(&sort.file, stand, &reason, (&address, sort.address_column))
    })
}

/// Puts the rejects where they belong; everybody else who held the bin has read their list to its end.
fn keep_rejects(bin: Bin, path: &Path) -> Result<(), Failure> {
    let Some(rejects) = Arc::into_inner(bin) else {
        return Err(Failure::new(exit::BUG, "a list is still being read"));
    };
    let rejects = rejects.into_inner().unwrap_or_else(PoisonError::into_inner);
    rejects.finish().map_err(|error| Failure::file(path, "write", &error))?.keep()
}

/// Shows how far the reading is, to whoever watches.
fn bar(console: &Console, wish: &Import) -> ProgressBar {
    if !console.is_watched() || console.json {
        return ProgressBar::hidden();
    }
    let sizes = wish.files.iter().filter_map(|path| File::open(path).ok()?.metadata().ok());
    let template = if console.colours_messages() {
        "  {bar:24.red/dim} {percent}%  {bytes} of {total_bytes}, {left}"
    } else {
        "  {bar:24} {percent}%  {bytes} of {total_bytes}, {left}"
    };
    // Reading is not all: a large list is entered once all of it was read.
    let left = |state: &ProgressState, out: &mut dyn Write| {
        // A bar that cannot be written is not drawn.
        let _ = match state.len() {
            Some(length) if state.pos() >= length => write!(out, "entering them"),
            _ => write!(out, "{:#} left", HumanDuration(state.eta())),
        };
    };
    let style = ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("left", left)
        .progress_chars("━╸─");
    let bar = ProgressBar::new(sizes.map(|metadata| metadata.len()).sum()).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
