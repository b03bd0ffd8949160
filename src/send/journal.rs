//! What a sender knows and the ledger does not yet: which deliveries it set out to begin, which were handed over, and how they ended (rules D1, D3).
//!
//! One JSON line an event, written before the next step is taken. What is
//! written outlives the process, however it dies: after `kill -9` the next
//! sender reads here which of the deliveries that were begun ahead had really
//! left, so that only those whose answer is missing are in doubt. It outlives
//! the machine only where it was synced; so its silence counts as proof within
//! one start of the machine alone, while an outcome in it is always one.
//!
//! Only one sender writes it at a time; whoever opens it knows that the last
//! one is dead (the lock in `command/lock.rs`). A half-written last line is
//! passed over.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::{
    ledger::{Entered, Entry, Ledger, LedgerError, Ticket},
    model::Outcome,
};

/// How long the file may grow before what the ledger knows by now is left out of it.
const LONG: usize = 1 << 20;

/// The sender's own memory, on disk.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    boot: String,
    book: Mutex<Book>,
    /// What an earlier sender left for the ledger to hear.
    waiting: Vec<Entry>,
}

#[derive(Debug)]
struct Book {
    file: File,
    length: usize,
    /// Whether the last write may have left half a line.
    torn: bool,
    /// What the ledger has not answered for yet.
    open: HashMap<Ticket, Standing>,
}

/// How far a delivery got.
#[derive(Clone, Debug)]
enum Standing {
    Begun,
    HandedOver,
    Ended(Outcome),
}

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Line {
    /// Which start of the machine what follows was written in; the first line.
    Boot(String),
    /// The ledger is about to be asked to begin these.
    Begin(Vec<Ticket>),
    /// Its message is about to leave.
    HandOver(Ticket),
    /// It ended.
    Record(Ticket, Outcome),
}

/// Says why the journal could not be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file failed.
    #[error("the file `outcomes.journal` cannot be used: {0}")]
    File(#[from] io::Error),
    /// The ledger did not take what it holds.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Journal {
    /// Opens the journal and reads what an earlier run left in it. `boot` names this start of the machine; where it is empty, an earlier run's silence proves nothing.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened or read.
    pub fn open(path: &Path, boot: &str) -> Result<Self, JournalError> {
        let mut file = append(path, false)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let waiting = left_over(&String::from_utf8_lossy(&bytes), boot);
        let book = Mutex::new(Book { file, length: 0, torn: false, open: HashMap::new() });
        Ok(Self { path: path.to_owned(), boot: boot.to_owned(), book, waiting })
    }

    /// Tells the ledger what an earlier run knew and it may not, then begins an empty journal. Returns how many deliveries were given back.
    ///
    /// # Errors
    ///
    /// When the ledger does not take it; the file stays as it is.
    pub async fn replay(&self, ledger: &dyn Ledger) -> Result<u64, JournalError> {
        let mut given_back = 0;
        if !self.waiting.is_empty() {
            let entered = ledger.enter(&self.waiting).await?;
            let answers = self.waiting.iter().zip(entered);
            given_back = answers
                .filter(|(entry, entered)| {
                    matches!(entry, Entry::Release(_)) && *entered == Entered::Done
                })
                .count() as u64;
        }
        let mut book = self.book();
        book.file.set_len(0)?;
        book.file.sync_data()?;
        book.write(&[Line::Boot(self.boot.clone())])?;
        Ok(given_back)
    }

    /// Notes which deliveries the ledger is about to be asked to begin.
    ///
    /// # Errors
    ///
    /// When it cannot be written: they must not be begun.
    pub fn begin(&self, tickets: &[Ticket]) -> io::Result<()> {
        if tickets.is_empty() {
            return Ok(());
        }
        let mut book = self.book();
        book.write(&[Line::Begin(tickets.to_vec())])?;
        book.open.extend(tickets.iter().map(|ticket| (*ticket, Standing::Begun)));
        Ok(())
    }

    /// Notes that a message is about to leave.
    ///
    /// # Errors
    ///
    /// When it cannot be written: it must not leave.
    pub fn hand_over(&self, ticket: Ticket) -> io::Result<()> {
        let mut book = self.book();
        book.write(&[Line::HandOver(ticket)])?;
        book.open.insert(ticket, Standing::HandedOver);
        Ok(())
    }

    /// Notes how deliveries ended.
    ///
    /// # Errors
    ///
    /// When it cannot be written: only the ledger can keep it now.
    pub fn record(&self, outcomes: &[(Ticket, Outcome)]) -> io::Result<()> {
        let mut book = self.book();
        let lines: Vec<Line> = outcomes
            .iter()
            .map(|(ticket, outcome)| Line::Record(*ticket, outcome.clone()))
            .collect();
        book.write(&lines)?;
        for (ticket, outcome) in outcomes {
            book.open.insert(*ticket, Standing::Ended(outcome.clone()));
        }
        Ok(())
    }

    /// Forgets deliveries that the ledger has settled.
    pub fn settle(&self, tickets: impl Iterator<Item = Ticket>) {
        let mut book = self.book();
        for ticket in tickets {
            book.open.remove(&ticket);
        }
        let is_long = book.length > LONG;
        drop(book);
        if is_long {
            self.shorten();
        }
    }

    /// Leaves out what the ledger knows by now. Where that fails, the longer one says the same.
    pub fn shorten(&self) {
        let _ = self.book().shorten(&self.path, &self.boot);
    }

    /// Brings everything noted to the disk.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn sync(&self) -> io::Result<()> {
        self.book().file.sync_data()
    }

    /// Whoever panicked while holding it had written whole lines.
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Appends whole lines in one write, so that a killed process leaves all of them or a last half.
    fn write(&mut self, lines: &[Line]) -> io::Result<()> {
        let mut bytes = Vec::new();
        if self.torn {
            bytes.push(b'\n');
        }
        for line in lines {
            serde_json::to_writer(&mut bytes, line)?;
            bytes.push(b'\n');
        }
        self.torn = true;
        self.file.write_all(&bytes)?;
        self.torn = false;
        self.length += bytes.len();
        Ok(())
    }

    /// Writes what is still open to a new file, and puts that in the place of the long one.
    fn shorten(&mut self, path: &Path, boot: &str) -> io::Result<()> {
        let fresh = path.with_extension("new");
        let file = append(&fresh, true)?;
        let mut book = Self { file, length: 0, torn: false, open: self.open.clone() };
        let mut lines = vec![Line::Boot(boot.to_owned())];
        lines.extend(self.open.iter().map(|(ticket, standing)| match standing {
            Standing::Begun => Line::Begin(vec![*ticket]),
            Standing::HandedOver => Line::HandOver(*ticket),
            Standing::Ended(outcome) => Line::Record(*ticket, outcome.clone()),
        }));
        book.write(&lines)?;
        std::fs::rename(&fresh, path)?;
        *self = book;
        Ok(())
    }
}

fn append(path: &Path, empty: bool) -> io::Result<File> {
    let file = File::options().read(true).append(true).create(true).mode(0o600).open(path)?;
    if empty {
        file.set_len(0)?;
    }
    Ok(file)
}

/// Returns what the lines of a dead sender prove: how deliveries ended, and, within one start of the machine, which of those it began never left.
fn left_over(text: &str, boot: &str) -> Vec<Entry> {
    let mut of_this_start = false;
    let mut order = Vec::new();
    let mut last = HashMap::new();
    let mut note = |ticket: Ticket, standing| {
        if last.insert(ticket, standing).is_none() {
            order.push(ticket);
        }
    };
    // A line without its end was cut off with its sender.
    for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        match serde_json::from_str(line) {
            Ok(Line::Boot(written)) => of_this_start = !boot.is_empty() && written == boot,
            Ok(Line::Begin(tickets)) => {
                for ticket in tickets {
                    note(ticket, Standing::Begun);
                }
            }
            Ok(Line::HandOver(ticket)) => note(ticket, Standing::HandedOver),
            Ok(Line::Record(ticket, outcome)) => note(ticket, Standing::Ended(outcome)),
            Err(_) => {}
        }
    }
    let entry = |ticket| match &last[&ticket] {
        Standing::Ended(outcome) => Some(Entry::Record(ticket, outcome.clone())),
        Standing::Begun if of_this_start => Some(Entry::Release(ticket)),
        Standing::Begun | Standing::HandedOver => None,
    };
    order.into_iter().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ticket(slot: i64) -> Ticket {
        Ticket { issue: 1, slot, fence: 1, attempt: 1 }
    }

    fn accepted() -> Outcome {
        Outcome::Accepted { said: "250 ok".to_owned() }
    }

    /// A journal in which 1 ended, 2 was handed over and 3 begun; and its text.
    fn written(folder: &tempfile::TempDir) -> (Journal, String) {
        let path = folder.path().join("outcomes.journal");
        let journal = Journal::open(&path, "first").expect("it opens");
        journal.book().write(&[Line::Boot("first".to_owned())]).expect("it is written");
        journal.begin(&[ticket(1), ticket(2), ticket(3)]).expect("it is written");
        journal.hand_over(ticket(1)).expect("it is written");
        journal.record(&[(ticket(1), accepted())]).expect("it is written");
        journal.hand_over(ticket(2)).expect("it is written");
        let text = std::fs::read_to_string(&path).expect("it is there");
        (journal, text)
    }

    #[test]
    fn what_never_left_is_given_back_within_one_start_of_the_machine_only() {
        let (_, text) = written(&tempfile::tempdir().expect("a folder"));
        let ended = Entry::Record(ticket(1), accepted());
        assert_eq!(left_over(&text, "first"), [ended.clone(), Entry::Release(ticket(3))]);
        assert_eq!(left_over(&text, "second"), std::slice::from_ref(&ended));
        assert_eq!(left_over(&text, ""), [ended]);
    }

    #[test]
    fn a_line_that_was_cut_off_is_passed_over() {
        let (_, text) = written(&tempfile::tempdir().expect("a folder"));
        // The last line says that 2 left: without its end, nothing of 2 had left yet.
        let cut = &text[..text.len() - 1];
        let released = [Entry::Release(ticket(2)), Entry::Release(ticket(3))];
        assert_eq!(left_over(cut, "first")[1..], released);
    }

    #[test]
    fn a_long_journal_is_shortened_to_what_is_open() {
        let folder = tempfile::tempdir().expect("a folder");
        let (journal, text) = written(&folder);
        journal.book().length = LONG + 1;
        journal.settle([ticket(1)].into_iter());
        let short = std::fs::read_to_string(&journal.path).expect("it is there");
        assert!(short.len() < text.len(), "{short}");
        assert_eq!(left_over(&short, "first"), [Entry::Release(ticket(3))]);
        journal.record(&[(ticket(2), accepted())]).expect("it is written");
        let more = std::fs::read_to_string(&journal.path).expect("it is there");
        let all = left_over(&more, "first");
        assert!(all.contains(&Entry::Record(ticket(2), accepted())) && all.len() == 2, "{all:?}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_journal_that_proves_something_or_nothing(text in any::<String>(), boot in "[a-z]{0,3}") {
            left_over(&text, &boot);
        }
    }
}
