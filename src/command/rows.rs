//! The rows of a list file on their way to the ledger, and what is to be said of those that are not plain.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    mem::{Discriminant, discriminant},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    Console, Failure, exit,
    newsroom::PrivateFile,
    words::{grouped, printable},
};
use crate::{
    ledger::{Enrolled, Record, Records},
    list::{self, ListReader, Note, Rejects, Row, Skipped, Wish},
};

/// How many rows of a kind are named before the rest is only counted.
const NAMED: usize = 10;

/// How many bad rows are kept, so that a file of nothing else does not fill the memory; the rest is only counted.
const KEPT: usize = 100_000;

/// What was met while a list was read.
#[derive(Default)]
pub(super) struct Met {
    /// The rows that cannot be taken, without their cells: the first 100,000.
    pub(super) bad: Vec<Skipped>,
    /// How many there are.
    pub(super) skipped: u64,
    /// How many of them have something wrong with them, and are not just nobody who could be mailed.
    pub(super) faults: u64,
    /// The encoding the list turned out to be in.
    pub(super) encoding: String,
    /// How many rows held proof of consent.
    pub(super) with_evidence: u64,
    /// Which record stands on which line.
    numbers: Numbers,
    /// The row at which the list breaks off.
    broken: Option<Skipped>,
    /// What was put right or is doubtful, by kind: how many times, and the first by line.
    noted: Vec<(Discriminant<Note>, u64, BTreeMap<u64, Note>)>,
    /// Why the rejects could not be written.
    unwritten: Option<io::Error>,
}

/// Which record stands on which line: kept only where the distance between the two changes, which it seldom does.
#[derive(Default)]
struct Numbers(Vec<(u64, u64)>);

impl Numbers {
    fn note(&mut self, line: u64, record: u64) {
        let goes_on = self.0.last().is_some_and(|(at, number)| at - number == line - record);
        if !goes_on && self.0.len() < KEPT {
            self.0.push((line, record));
        }
    }

    /// Returns the number of the record on a line; `None` where too much was between the records to know.
    fn of(&self, line: u64) -> Option<u64> {
        let before = self.0.partition_point(|(at, _)| *at <= line);
        let (at, number) = before.checked_sub(1).map(|before| self.0[before])?;
        (before < KEPT).then(|| line - (at - number))
    }
}

/// Shares what is met with whoever takes the records.
pub(super) type Meeting = Arc<Mutex<Met>>;

/// Where rows that are not taken are written, whichever file they are from.
pub(super) type Bin = Arc<Mutex<Rejects<PrivateFile>>>;

/// What becomes of a list that breaks off, such as at a quotation mark that nothing closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Break {
    /// Nothing is taken: whoever stands below would be left out in silence.
    Refuse,
    /// What was read is taken, and the break is named.
    Name,
}

/// Opens a list file called `name` among people: its header is read, its rows are streamed.
pub(super) fn open(path: &Path, name: &str) -> Result<ListReader<File>, Failure> {
    open_as(path, name, &Wish::default(), |file| file)
}

/// As `open`, with what somebody says of the list, and read through something that watches.
pub(super) fn open_as<R: Read>(
    path: &Path,
    name: &str,
    wish: &Wish,
    watched: impl FnOnce(File) -> R,
) -> Result<ListReader<R>, Failure> {
    let file = File::open(path).map_err(|error| Failure::file(path, "read", &error))?;
    if path.is_dir() {
        return Err(Failure::new(exit::BAD_DATA, format!("`{name}` is a folder, not a list")));
    }
    list::read_as(watched(file), name, wish).map_err(|problem| {
        Failure::problems(exit::BAD_DATA, format!("the list {name} cannot be read"), vec![problem])
    })
}

/// Streams the good rows and keeps what is to be said of the others.
pub(super) fn records<R: Read + Send + 'static>(
    rows: ListReader<R>,
    at_break: Break,
) -> (Records, Meeting) {
    records_of(rows, String::new(), at_break, Vec::new(), None)
}

/// As `records`, of a file called `name`: gives everybody `tags`, and throws what cannot be taken into `bin`.
pub(super) fn records_of<R: Read + Send + 'static>(
    mut rows: ListReader<R>,
    name: String,
    at_break: Break,
    tags: Vec<String>,
    bin: Option<Bin>,
) -> (Records, Meeting) {
    let meeting = Meeting::default();
    let met = Arc::clone(&meeting);
    let records = std::iter::from_fn(move || {
        let mut met = met.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let Some(row) = rows.next() else {
                met.encoding = rows.encoding();
                return None;
            };
            match row {
                Row::Good(entry) => {
                    for note in entry.notes {
                        met.note(entry.line, note);
                    }
                    met.numbers.note(entry.line, entry.record);
                    met.with_evidence += u64::from(!entry.evidence.is_empty());
                    let mut labels = entry.tags;
                    labels.extend(
                        tags.iter()
                            .filter(|tag| !labels.contains(tag))
                            .cloned()
                            .collect::<Vec<_>>(),
                    );
                    return Some(Ok(Record {
                        line: entry.line,
                        address: entry.address,
                        name: entry.name,
                        tags: labels,
                        fields: entry.fields,
                        state: entry.state,
                        evidence: entry.evidence,
                    }));
                }
                Row::Bad(skipped) => {
                    let breaks = at_break == Break::Refuse && skipped.reason.ends_the_list();
                    let why = format!("line {}: {}", skipped.line, skipped.reason);
                    met.skip(skipped, &name, bin.as_ref());
                    if breaks {
                        return Some(Err(why));
                    }
                }
            }
        }
    });
    (Box::new(records), meeting)
}

/// Takes out what was met, once the records are read.
pub(super) fn met(meeting: &Meeting) -> Met {
    std::mem::take(&mut meeting.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Met {
    fn skip(&mut self, mut skipped: Skipped, file: &str, bin: Option<&Bin>) {
        if let Some(bin) = bin {
            let mut rejects = bin.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = rejects.write(file, &skipped) {
                self.unwritten.get_or_insert(error);
            }
        }
        skipped.raw = Vec::new();
        self.skipped += 1;
        self.faults += u64::from(skipped.reason.is_fault());
        if skipped.reason.ends_the_list() {
            self.broken = Some(skipped.clone());
        }
        if self.bad.len() < KEPT {
            self.bad.push(skipped);
        }
    }

    fn note(&mut self, line: u64, note: Note) {
        let kind = discriminant(&note);
        let at = self.noted.iter().position(|(known, ..)| *known == kind).unwrap_or_else(|| {
            self.noted.push((kind, 0, BTreeMap::new()));
            self.noted.len() - 1
        });
        let (_, count, first) = &mut self.noted[at];
        *count += 1;
        if first.len() < NAMED {
            first.insert(line, note);
        }
    }

    /// Returns which record stands on a line, where a good one does.
    pub(super) fn record_on(&self, line: u64) -> Option<u64> {
        self.numbers.of(line)
    }

    /// Returns the row at which the list breaks off.
    pub(super) fn broken(&self) -> Option<&Skipped> {
        self.broken.as_ref()
    }

    /// Returns why the rejects could not be written.
    pub(super) fn take_unwritten(&mut self) -> Option<io::Error> {
        self.unwritten.take()
    }

    /// Names the rows that are not plain, in the order of the file: the first few of each kind, and how many more.
    pub(super) fn tell(&self, console: &Console, file: &str, enrolled: &Enrolled) {
        let mut lines: Vec<(u64, String)> = Vec::new();
        lines.extend(self.bad.iter().take(NAMED).map(|row| (row.line, bad(row))));
        lines.extend(enrolled.duplicates.iter().take(NAMED).map(|(line, address, first)| {
            (*line, format!("{address} stands in line {first} already: one reader, one mail"))
        }));
        lines.extend(enrolled.suppressed.iter().take(NAMED).map(|(line, address, state)| {
            let state = state.word();
            (*line, format!("{address} is {state} and stays so, whatever the file says"))
        }));
        for (_, _, first) in &self.noted {
            lines.extend(first.iter().map(|(line, note)| (*line, note.to_string())));
        }
        lines.sort();
        for (line, words) in lines {
            console.warn(format_args!("{file}:{line}: {words}"));
        }
        let put_right = self.noted.iter().map(|(_, count, first)| count - first.len() as u64).sum();
        for (more, one, many) in [
            (more(self.skipped), "row cannot be mailed", "rows cannot be mailed"),
            (
                more(enrolled.duplicate),
                "row stands in the list already",
                "rows stand in the list already",
            ),
            (more(enrolled.stayed), "person left and stays away", "people left and stay away"),
            (
                put_right,
                "row had something put right, or is doubtful",
                "rows had something put right, or are doubtful",
            ),
        ] {
            if more > 0 {
                let words = if more == 1 { one } else { many };
                console.warn(format_args!("{file}: {} more {words}", grouped(more)));
            }
        }
    }
}

fn more(count: u64) -> u64 {
    count.saturating_sub(NAMED as u64)
}

/// Says what is wrong with a row.
pub(super) fn bad(row: &Skipped) -> String {
    match printable(&row.address) {
        address if address.is_empty() => row.reason.to_string(),
        address => format!("`{address}`: {}", row.reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_found_by_its_line_although_only_changes_are_kept() {
        let mut numbers = Numbers::default();
        // The third holds a line end, and empty lines stand before the fifth.
        let stands = [(2, 1), (3, 2), (4, 3), (6, 4), (9, 5), (10, 6)];
        for (line, record) in stands {
            numbers.note(line, record);
        }
        for (line, record) in stands {
            assert_eq!(numbers.of(line), Some(record), "line {line}");
        }
        assert_eq!((numbers.of(1), numbers.0.len()), (None, 3));
    }
}
