//! Lists: CSV files of people, read one record at a time.
//!
//! A list has a header that names its columns (`email,name,tags,status` and any
//! merge field), in UTF-8 with or without a byte order mark, with commas,
//! semicolons or tabs between its cells and any line end. Every record comes
//! out as good or as bad with its reason; none is dropped, none is guessed at.
//! Who is on the list twice or must not be mailed is for the ledger to say.

mod formula;
mod header;
mod opening;
mod records;
mod rejects;
mod row;
mod status;

use std::{
    collections::BTreeMap,
    io::{self, Chain, Cursor, Read},
};

pub use rejects::{Rejects, rejects};

use crate::model::{Address, AddressError, Place, Problem, SubscriberState};
use header::{Header, column_name};
use records::{Fault, Records};
use row::Stand;

/// A record of a list.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// It can be taken.
    Good(Entry),
    /// It cannot.
    Bad(Skipped),
}

/// A person as a list has them.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The physical line it starts on, counted from 1 with the header.
    pub line: u64,
    /// The mailbox.
    pub address: Address,
    /// The name, or the first and the last one; empty where there is none. Holds no control character.
    pub name: String,
    /// The labels, each once.
    pub tags: Vec<String>,
    /// Every other column that is not empty, by its header in lower case. First and last name are among them.
    pub fields: BTreeMap<String, String>,
    /// The state it claims; active where the list says nothing.
    pub state: SubscriberState,
    /// What was put right while reading.
    pub notes: Vec<Note>,
}

/// A record that was not taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Skipped {
    /// The physical line it starts on, counted from 1 with the header.
    pub line: u64,
    /// Which record it is, counted from 1 after the header.
    pub record: u64,
    /// What stands for the address, made printable and at most 254 characters; empty where nothing does.
    pub address: String,
    /// Why.
    pub reason: Reason,
    /// Its cells, for a file of rejects; long ones are cut.
    pub raw: Vec<String>,
}

/// Something put right in a record that is good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    /// Control characters or direction marks, by column.
    #[error("control characters were taken out of `{0}`")]
    Controls(String),
    /// White space around the address.
    #[error("white space around the address was taken away")]
    Trimmed,
    /// The apostrophe that keeps a spreadsheet from running the address as a formula.
    #[error("the apostrophe before the address was taken as a spreadsheet's, and taken away")]
    Unguarded,
}

/// Why a record was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The address is none.
    #[error("{0}")]
    Address(AddressError),
    /// A status that is in no table; it might mean "do not mail".
    #[error("the status `{0}` is not known")]
    Status(String),
    /// Cells beyond the last column.
    #[error("it has {found} cells, and the header names {columns} columns")]
    TooManyCells {
        /// How many it has.
        found: usize,
        /// How many columns have a name.
        columns: usize,
    },
    /// A cell over 64 KiB, by column.
    #[error("the cell in `{0}` is longer than 64 KiB")]
    CellTooLong(String),
    /// Over 1 MiB, or over 4,096 cells.
    #[error("it is longer than 1 MiB or has more than 4,096 cells")]
    RowTooLong,
    /// Some other encoding, by column.
    #[error("the cell in `{0}` is not UTF-8")]
    NotUtf8(String),
    /// A quotation mark that is never closed: nothing to the end of the list was read.
    #[error(
        "a quotation mark opens here and never closes, so lines {line} to {last_line} were not read"
    )]
    Unclosed {
        /// Where the record starts.
        line: u64,
        /// The last line of the list.
        last_line: u64,
    },
    /// The file or stream failed: nothing that follows was read.
    #[error("the rest of the list could not be read: {0}")]
    Unreadable(String),
}

impl Reason {
    /// Tells whether everybody further down the list is missing too, so that nothing should follow from it.
    pub fn ends_the_list(&self) -> bool {
        matches!(self, Self::Unclosed { .. } | Self::Unreadable(_))
    }
}

/// Reads the records of a list one by one; how long the list is makes no difference to memory.
pub struct ListReader<R> {
    records: Records<Chain<Cursor<Vec<u8>>, R>>,
    header: Header,
    delimiter: char,
    read: u64,
    ended: bool,
}

/// Understands the header of a list and readies its records; `file_name` is for the problem.
///
/// # Errors
///
/// A problem where there is no header with a column of addresses, or it cannot be read.
#[expect(clippy::result_large_err, reason = "a list is opened once, and the problem is shown")]
pub fn read<R: Read>(mut reader: R, file_name: &str) -> Result<ListReader<R>, Problem> {
    let problem = |code, line: u64, message: String| {
        let line = usize::try_from(line).unwrap_or(usize::MAX);
        Problem::error(code, Place { line, ..Place::file(file_name) }, message)
    };
    let unreadable =
        |error: io::Error| problem("PR805", 0, format!("the list could not be read: {error}"));

    let opening = opening::read(&mut reader).map_err(unreadable)?;
    if opening.is_utf16 {
        return Err(
            problem("PR802", 0, "the list is in UTF-16".to_owned()).help("save it as `CSV UTF-8`")
        );
    }
    let (delimiter, line) = (opening.delimiter, opening.line);
    let mut records = Records::new(Cursor::new(opening.text).chain(reader), delimiter, line);
    let Some(frame) = records.read().map_err(unreadable)? else {
        return Err(problem("PR801", 0, "the list is empty".to_owned())
            .help("the first line names the columns, such as `email,name`"));
    };
    if frame.fault.is_some() {
        let message = "the first line names no columns: it is too long, or a quotation mark in it never closes";
        return Err(problem("PR803", frame.line, message.to_owned())
            .help("the first line names the columns, such as `email,name`"));
    }
    let names = (0..frame.cells).map(|at| column_name(records.cell(at))).collect();
    let header = Header::of(names)
        .map_err(|unclear| problem(unclear.code, frame.line, unclear.message).help(unclear.help))?;
    Ok(ListReader { records, header, delimiter: delimiter.into(), read: 0, ended: false })
}

impl<R> ListReader<R> {
    /// Returns the names of the columns, as written.
    pub fn columns(&self) -> &[String] {
        &self.header.names
    }

    /// Returns what stands between the cells: a comma, a semicolon or a tab.
    pub fn delimiter(&self) -> char {
        self.delimiter
    }
}

impl<R: Read> Iterator for ListReader<R> {
    type Item = Row;

    /// Reads the next record. Rows of nothing but empty cells, which spreadsheets leave below a list, are none.
    fn next(&mut self) -> Option<Row> {
        while !self.ended {
            let frame = match self.records.read() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => {
                    self.ended = true;
                    let reason = Reason::Unreadable(error.to_string());
                    let stand = Stand { line: self.records.line(), record: self.read + 1 };
                    return Some(Row::Bad(row::skipped(&self.header, stand, &[], reason)));
                }
            };
            let cells: Vec<&[u8]> = (0..frame.cells).map(|at| self.records.cell(at)).collect();
            if frame.fault.is_none() && cells.iter().all(|cell| cell.trim_ascii().is_empty()) {
                continue;
            }
            self.read += 1;
            let stand = Stand { line: frame.line, record: self.read };
            let reason = match frame.fault {
                None => return Some(row::judge(&self.header, stand, &cells)),
                Some(Fault::TooLong) => Reason::RowTooLong,
                Some(Fault::Unclosed { last_line }) => {
                    Reason::Unclosed { line: frame.line, last_line }
                }
            };
            return Some(Row::Bad(row::skipped(&self.header, stand, &cells, reason)));
        }
        None
    }
}
