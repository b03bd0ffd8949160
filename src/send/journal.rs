//! What a sender knows and the ledger does not yet: which deliveries it set out to begin, which were handed over, and how they ended (rules D1, D3).
//!
//! One JSON line an event, written before the next step is taken. What is
//! written outlives the process, however it dies: after `kill -9` the next
//! sender reads here which of the deliveries that were begun ahead had really
//! left, so that only those whose answer is missing are in doubt. It outlives
//! the machine only where it was synced; so its silence counts as proof within
//! one start of the machine alone, while an outcome in it is always one.
//!
//! Whoever has it open holds a lock on the file itself, so whoever reads its
//! lines knows that their writer is dead: only then does its silence prove
//! that nothing left. A half-written last line is passed over.

use std::{
    collections::HashMap,
    fs::{File, TryLockError},
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

/// How much room is kept on the disk beside the journal before anything is begun: an outcome that can be written nowhere leaves its reader in doubt (rule D14).
const ROOM: usize = 256 << 10;

/// How long the file may grow before what the ledger knows by now is left out of it.
const LONG: usize = 1 << 20;

/// What is mostly written at once, in bytes: how one message ended, and that the next is about to leave.
const LINES: usize = 512;

/// The sender's own memory, on disk.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    place: Place,
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
    /// Outcomes that go out with the next write.
    held: Vec<Line>,
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

/// Where and when lines are written: what they say is of this ledger, and their silence of this start of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Names this start of the machine; where it is empty, silence proves nothing.
    pub boot: String,
    /// The ledger's id.
    pub ledger: String,
}

/// What a journal holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The ledger it is of, by its id; `None` where it does not say.
    pub ledger: Option<String>,
    /// How many outcomes it tells.
    pub outcomes: usize,
    /// How many whole lines say nothing.
    pub unreadable: usize,
}

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Line {
    /// Where what follows was written; the first line.
    Place(Place),
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
    /// A living sender has it open.
    #[error("another sender is at work here: it has the file `outcomes.journal` open")]
    Held,
    /// The ledger did not take what it holds.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Journal {
    /// Opens the journal and reads what an earlier run left in it.
    ///
    /// # Errors
    ///
    /// When a living sender has it open, or the file cannot be opened or read.
    pub fn open(path: &Path, place: Place) -> Result<Self, JournalError> {
        let mut file = append(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let waiting = left_over(&String::from_utf8_lossy(&bytes), &place);
        let book = Mutex::new(Book {
            file,
            length: 0,
            torn: false,
            held: Vec::new(),
            open: HashMap::new(),
        });
        Ok(Self { path: path.to_owned(), place, book, waiting })
    }

    /// Looks into a journal without having it open, also while a sender has; `None` where there is none.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn look(path: &Path) -> io::Result<Option<Look>> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut look = Look::default();
        for line in String::from_utf8_lossy(&bytes).split_inclusive('\n') {
            match serde_json::from_str(line) {
                Ok(Line::Place(place)) => look.ledger = Some(place.ledger),
                Ok(Line::Record(..)) => look.outcomes += 1,
                Ok(Line::Begin(_) | Line::HandOver(_)) => {}
                // The last line is half written while a sender lives, and where it died.
                Err(_) => look.unreadable += usize::from(line.ends_with('\n')),
            }
        }
        Ok(Some(look))
    }

    /// Tells the ledger what an earlier run knew and it may not, then begins an empty journal. Returns how many deliveries were given back.
    ///
    /// # Errors
    ///
    /// When the ledger does not take it, and the file stays as it is; or when the disk has no room.
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
        self.keep_room()?;
        book.write(&[Line::Place(self.place.clone())])?;
        Ok(given_back)
    }

    /// Keeps room on the disk, for outcomes that find no other.
    fn keep_room(&self) -> io::Result<()> {
        let mut own = File::options();
        own.write(true).create(true).truncate(true).mode(0o600);
        let kept = own.open(self.room()).and_then(|mut room| {
            room.write_all(&vec![b'\n'; ROOM])?;
            room.sync_data()
        });
        // What there is of it would only be missed elsewhere.
        kept.inspect_err(|_| self.give_room_up())
    }

    fn give_room_up(&self) {
        // Where it is gone already, so is what it was for.
        let _ = std::fs::remove_file(self.room());
    }

    fn room(&self) -> PathBuf {
        self.path.with_extension("room")
    }

    /// Notes which deliveries the ledger is about to be asked to begin, and writes what `hold` kept.
    ///
    /// # Errors
    ///
    /// When it cannot be written: they must not be begun.
    pub fn begin(&self, tickets: &[Ticket]) -> io::Result<()> {
        let mut book = self.book();
        let begin = (!tickets.is_empty()).then(|| Line::Begin(tickets.to_vec()));
        book.write(begin.as_slice())?;
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

    /// Notes how deliveries ended; where the disk is full, in the room that was kept for that.
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
        if let Err(error) = book.write(&lines) {
            if error.kind() != io::ErrorKind::StorageFull {
                return Err(error);
            }
            self.give_room_up();
            book.write(&lines)?;
        }
        for (ticket, outcome) in outcomes {
            book.open.insert(*ticket, Standing::Ended(outcome.clone()));
        }
        Ok(())
    }

    /// Notes how a delivery ended, to be written with whatever is written next, by whichever connection: none hands a message over before that, so of each still only the last message can be in doubt.
    pub fn hold(&self, ticket: Ticket, outcome: Outcome) {
        let mut book = self.book();
        book.held.push(Line::Record(ticket, outcome.clone()));
        book.open.insert(ticket, Standing::Ended(outcome));
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
        let _ = self.book().shorten(&self.path, &self.place);
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

impl Drop for Journal {
    fn drop(&mut self) {
        self.give_room_up();
    }
}

impl Book {
    /// Appends whole lines, those that were held first, in one write, so that a killed process leaves all of them or a last half.
    fn write(&mut self, lines: &[Line]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(LINES);
        if self.torn {
            bytes.push(b'\n');
        }
        let before = bytes.len();
        for line in self.held.iter().chain(lines) {
            serde_json::to_writer(&mut bytes, line)?;
            bytes.push(b'\n');
        }
        if bytes.len() == before {
            return Ok(());
        }
        self.torn = true;
        self.file.write_all(&bytes)?;
        self.torn = false;
        self.held.clear();
        self.length += bytes.len();
        Ok(())
    }

    /// Writes what is still open to a new file, and puts that in the place of the long one.
    fn shorten(&mut self, path: &Path, place: &Place) -> Result<(), JournalError> {
        let fresh = path.with_extension("new");
        let file = append(&fresh)?;
        file.set_len(0)?;
        let mut book =
            Self { file, length: 0, torn: false, held: Vec::new(), open: self.open.clone() };
        let mut lines = vec![Line::Place(place.clone())];
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

/// Opens a file to append to, and locks it for as long as it is open.
fn append(path: &Path) -> Result<File, JournalError> {
    let file = File::options().read(true).append(true).create(true).mode(0o600).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::Held),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Returns what the lines of a dead sender prove to this ledger: how deliveries ended, and, within one start of the machine, which of those it began never left.
fn left_over(text: &str, here: &Place) -> Vec<Entry> {
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
            // Tickets of another ledger mean somebody else here.
            Ok(Line::Place(place)) if place.ledger != here.ledger => return Vec::new(),
            Ok(Line::Place(place)) => of_this_start = !here.boot.is_empty() && place == *here,
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

    fn place(boot: &str) -> Place {
        Place { boot: boot.to_owned(), ledger: "a ledger".to_owned() }
    }

    fn accepted() -> Outcome {
        Outcome::Accepted { said: "250 ok".to_owned() }
    }

    /// A journal in which 1 ended, 2 was handed over and 3 begun; and its text.
    fn written(folder: &tempfile::TempDir) -> (Journal, String) {
        let path = folder.path().join("outcomes.journal");
        let journal = Journal::open(&path, place("first")).expect("it opens");
        journal.book().write(&[Line::Place(place("first"))]).expect("it is written");
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
        assert_eq!(left_over(&text, &place("first")), [ended.clone(), Entry::Release(ticket(3))]);
        assert_eq!(left_over(&text, &place("second")), std::slice::from_ref(&ended));
        assert_eq!(left_over(&text, &place("")), [ended]);
        let elsewhere = Place { ledger: "another".to_owned(), ..place("first") };
        assert_eq!(left_over(&text, &elsewhere), []);
    }

    #[test]
    fn of_a_living_senders_journal_nothing_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let (journal, _) = written(&folder);
        let path = folder.path().join("outcomes.journal");
        for _ in 0..2 {
            let opened = Journal::open(&path, place("first"));
            assert!(matches!(opened, Err(JournalError::Held)), "{opened:?}");
            journal.shorten();
        }
        drop(journal);
        assert!(Journal::open(&path, place("first")).is_ok());
    }

    #[test]
    fn a_line_that_was_cut_off_is_passed_over() {
        let (_, text) = written(&tempfile::tempdir().expect("a folder"));
        // The last line says that 2 left: without its end, nothing of 2 had left yet.
        let cut = &text[..text.len() - 1];
        let released = [Entry::Release(ticket(2)), Entry::Release(ticket(3))];
        assert_eq!(left_over(cut, &place("first"))[1..], released);
    }

    #[test]
    fn a_long_journal_is_shortened_to_what_is_open() {
        let folder = tempfile::tempdir().expect("a folder");
        let (journal, text) = written(&folder);
        journal.book().length = LONG + 1;
        journal.settle([ticket(1)].into_iter());
        let short = std::fs::read_to_string(&journal.path).expect("it is there");
        assert!(short.len() < text.len(), "{short}");
        assert_eq!(left_over(&short, &place("first")), [Entry::Release(ticket(3))]);
        journal.record(&[(ticket(2), accepted())]).expect("it is written");
        let more = std::fs::read_to_string(&journal.path).expect("it is there");
        let all = left_over(&more, &place("first"));
        assert!(all.contains(&Entry::Record(ticket(2), accepted())) && all.len() == 2, "{all:?}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_journal_that_proves_something_or_nothing(text in any::<String>(), boot in "[a-z]{0,3}") {
            left_over(&text, &place(&boot));
        }
    }
}
