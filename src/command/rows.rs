//! The rows of a list file on their way to the ledger, and what is to be said of those that are not plain.

use std::{
    fs::File,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    Console, Failure, exit,
    words::{grouped, printable},
};
use crate::{
    ledger::{Enrolled, Record, Records},
    list::{self, Note, Skipped},
};

/// How many rows are named before the rest is only counted.
const NAMED: usize = 10;

/// What was met while a list was read.
#[derive(Default)]
pub(super) struct Met {
    /// The rows that cannot be taken.
    pub(super) bad: Vec<Skipped>,
    /// What was put right in the first rows that needed it, by line.
    noted: Vec<(u64, Note)>,
    /// In how many rows something was put right.
    put_right: usize,
}

/// Shares what is met with whoever takes the records.
pub(super) type Meeting = Arc<Mutex<Met>>;

/// What becomes of a list that breaks off, such as at a quotation mark that nothing closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Break {
    /// Nothing is taken: whoever stands below would be left out in silence.
    Refuse,
    /// What was read is taken, and the break is named.
    Name,
}

/// Opens a list file called `name` among people: its header is read, its rows are streamed.
pub(super) fn open(path: &Path, name: &str) -> Result<list::ListReader<File>, Failure> {
    let file = File::open(path).map_err(|error| Failure::file(path, "read", &error))?;
    list::read(file, name).map_err(|problem| {
        Failure::problems(exit::BAD_DATA, format!("the list {name} cannot be read"), vec![problem])
    })
}

/// Streams the good rows and keeps what is to be said of the others.
pub(super) fn records(rows: list::ListReader<File>, at_break: Break) -> (Records, Meeting) {
    let meeting = Meeting::default();
    let met = Arc::clone(&meeting);
    let records = rows.filter_map(move |row| {
        let mut met = met.lock().unwrap_or_else(PoisonError::into_inner);
        match row {
            list::Row::Good(entry) => {
                met.note(entry.line, entry.notes.into_iter().next());
                Some(Ok(Record {
                    line: entry.line,
                    address: entry.address,
                    name: entry.name,
                    tags: entry.tags,
                    fields: entry.fields,
                    state: entry.state,
                    evidence: String::new(),
                }))
            }
            list::Row::Bad(skipped) => {
                let breaks = at_break == Break::Refuse && skipped.reason.ends_the_list();
                let broken =
                    breaks.then(|| Err(format!("line {}: {}", skipped.line, skipped.reason)));
                met.bad.push(skipped);
                broken
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
    fn note(&mut self, line: u64, note: Option<Note>) {
        let Some(note) = note else { return };
        self.put_right += 1;
        if self.noted.len() < NAMED {
            self.noted.push((line, note));
        }
    }

    /// Returns the row at which the list breaks off.
    pub(super) fn broken(&self) -> Option<&Skipped> {
        self.bad.iter().find(|row| row.reason.ends_the_list())
    }

    /// Names the rows that are not plain, in the order of the file: the first few of each kind, and how many more.
    pub(super) fn tell(&self, console: &Console, file: &str, enrolled: &Enrolled) {
        let mut lines: Vec<(u64, String)> = Vec::new();
        lines.extend(self.bad.iter().take(NAMED).map(|row| (row.line, bad(row))));
        lines.extend(self.noted.iter().map(|(line, note)| (*line, note.to_string())));
        lines.extend(enrolled.duplicates.iter().take(NAMED).map(|(line, address, first)| {
            (*line, format!("{address} stands in line {first} already: one reader, one mail"))
        }));
        lines.extend(enrolled.suppressed.iter().take(NAMED).map(|(line, address, state)| {
            let state = state.word();
            (*line, format!("{address} is {state} and stays so, whatever the file says"))
        }));
        lines.sort();
        for (line, words) in lines {
            console.warn(format_args!("{file}:{line}: {words}"));
        }
        for (count, words) in [
            (self.bad.len(), "rows cannot be mailed"),
            (self.put_right, "rows had something put right"),
            (enrolled.duplicates.len(), "rows stand in the list already"),
            (enrolled.suppressed.len(), "people left and stay away"),
        ] {
            if count > NAMED {
                let more = grouped((count - NAMED) as u64);
                console.warn(format_args!("{file}: {more} more {words}"));
            }
        }
    }
}

/// Says what is wrong with a row.
pub(super) fn bad(row: &Skipped) -> String {
    match printable(&row.address) {
        address if address.is_empty() => row.reason.to_string(),
        address => format!("`{address}`: {}", row.reason),
    }
}
