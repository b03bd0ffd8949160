//! Lists: files of people that any tool wrote, read one record at a time.
//!
//! The header says which tool (`format/`), the bytes say in which encoding
//! (`encoding.rs`), the first lines what stands between the cells. Every record
//! comes out as good or as bad with its reason; none is dropped, none is guessed
//! at. Who is on the list twice or must not be mailed is for the ledger to say.

mod cell;
mod doubt;
mod encoding;
mod evidence;
mod foreign;
mod format;
mod formula;
mod header;
mod opening;
mod records;
mod rejects;
mod remark;
mod row;
mod sheet;

use std::{
    collections::BTreeMap,
    io::{self, Chain, Cursor, Read},
};

pub use rejects::{Rejects, are_rejects, rejects};
pub use remark::{Note, Reason};
pub use sheet::{Sheet, sheet};

use crate::model::{Address, Place, Problem, SubscriberState};
use encoding::Decoded;
use encoding_rs::Encoding;
use format::Format;
use header::{Header, column_name};
use records::{Fault, Records};
use row::{Rules, Stand};

/// What whoever brings a list says of it; nothing, by default.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// What columns hold, each as `(email, Column)`.
    pub map: Vec<(String, String)>,
    /// Its encoding, by any name of the Encoding Standard, such as `windows-1250`.
    pub encoding: Option<String>,
    /// Whether everybody in it has agreed to be mailed, also where the format says nothing of it.
    pub is_consented: bool,
    /// What everybody in it is, unless a row says worse of somebody.
    pub state: Option<SubscriberState>,
    /// Whether to refuse a list with a column that may say whom not to mail and is not understood, or a name that says so.
    pub is_wary: bool,
}

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
    /// Which record it is, counted from 1 after the header.
    pub record: u64,
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
    /// What it says of how they came to the list, or left: proof for the consent log. Empty where it says nothing.
    pub evidence: String,
    /// What was put right while reading, or is doubtful.
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

/// Reads the records of a list one by one; how long the list is makes no difference to memory.
pub struct ListReader<R> {
    records: Records<Text<R>>,
    rules: Rules,
    delimiter: char,
    read: u64,
    ended: bool,
}

/// A list's text: its beginning, which was looked at, and the rest.
type Text<R> = Chain<Cursor<Vec<u8>>, Decoded<R>>;

/// Understands the header of a list and readies its records; `file_name` is for the problem.
///
/// # Errors
///
/// A problem where there is no header with a column of addresses, or it cannot be read.
#[expect(clippy::result_large_err, reason = "a list is opened once, and the problem is shown")]
pub fn read<R: Read>(reader: R, file_name: &str) -> Result<ListReader<R>, Problem> {
    read_as(reader, file_name, &Wish::default())
}

/// As `read`, with what somebody says of the list.
///
/// # Errors
///
/// Those of `read`; and where a wish cannot be met, such as a column that is not there.
#[expect(clippy::result_large_err, reason = "a list is opened once, and the problem is shown")]
pub fn read_as<R: Read>(reader: R, file_name: &str, wish: &Wish) -> Result<ListReader<R>, Problem> {
    let problem = |code, line: u64, message: String| {
        let line = usize::try_from(line).unwrap_or(usize::MAX);
        Problem::error(code, Place { line, ..Place::file(file_name) }, message)
    };
    let unreadable =
        |error: io::Error| problem("PR805", 0, format!("the list could not be read: {error}"));

    let encoding = said(wish).map_err(|why| problem("PR802", 0, why))?;
    let mut decoded = Decoded::new(reader, encoding);
    let opening = opening::read(&mut decoded).map_err(unreadable)?;
    if let Some(foreign) = decoded.foreign() {
        return Err(
            problem("PR805", 0, format!("it is {}, and no list", foreign.what)).help(foreign.help)
        );
    }
    let sounds_bad = |header: &Header, format: &Format| {
        let is_silent = format.base == SubscriberState::Active && !header.tells_state();
        (wish.is_wary && wish.state.is_none() && is_silent && header::is_warning(file_name)).then(|| {
            let message = "the name of the file says that nobody in it is to be mailed, and no column of it says of whom";
            problem("PR809", 0, message.to_owned()).help(
                "say what they are: `--as unsubscribed`, `bounced`, `complained` or `blocked`; or `--as active` where the name is wrong",
            )
        })
    };
    if wish.map.is_empty() && format::is_roster(&opening.text) {
        let (header, format) = (Header::of_roster(), Format::roster());
        if let Some(problem) = sounds_bad(&header, format) {
            return Err(problem);
        }
        let rules = Rules::new(header, format, wish);
        let records = Records::of_lines(Cursor::new(opening.text).chain(decoded));
        return Ok(ListReader { records, rules, delimiter: '\n', read: 0, ended: false });
    }
    let (delimiter, line) = (opening.delimiter, opening.line);
    let mut records = Records::new(Cursor::new(opening.text).chain(decoded), delimiter, line);
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
    let (header, format) = Header::of(names, &wish.map)
        .map_err(|unclear| problem(unclear.code, frame.line, unclear.message).help(unclear.help))?;
    if let Some(column) = header.doubtful().filter(|_| wish.is_wary) {
        let message = format!("the column `{column}` may say who is not to be mailed");
        return Err(problem("PR807", frame.line, message).help(format!(
            "say what it holds: `--map unsubscribed='{column}'` where a yes or a date in it means that they left, \
             `--map status='{column}'` for words such as `active`, or `--map field='{column}'` where it is a merge field"
        )));
    }
    let format = format.of_file(file_name);
    if let Some(problem) = sounds_bad(&header, format) {
        return Err(problem);
    }
    let rules = Rules::new(header, format, wish);
    Ok(ListReader { records, rules, delimiter: delimiter.into(), read: 0, ended: false })
}

/// Returns the encoding that somebody said.
fn said(wish: &Wish) -> Result<Option<&'static Encoding>, String> {
    let Some(label) = &wish.encoding else { return Ok(None) };
    let known = Encoding::for_label(label.trim().as_bytes());
    known.map(Some).ok_or_else(|| format!("`{label}` is no encoding that is known"))
}

/// Says what is doubtful about an address that is well formed: a team's mailbox, a provider's name misspelled.
pub fn doubt(address: &Address) -> Option<Note> {
    doubt::of(address)
}

impl<R> ListReader<R> {
    /// Returns the names of the columns, as written.
    pub fn columns(&self) -> &[String] {
        &self.rules.header.names
    }

    /// Returns what stands between the cells: a comma, a semicolon or a tab; a line end where a record is one cell.
    pub fn delimiter(&self) -> char {
        self.delimiter
    }

    /// Returns the name of its format for machines: `mailchimp`, `google`, ours `postrider`.
    pub fn format(&self) -> &'static str {
        self.rules.format.name
    }

    /// Returns the name of its format for people.
    pub fn title(&self) -> &'static str {
        self.rules.format.title
    }

    /// Tells whether being in it is no consent, as with an address book, and nobody vouched for it.
    pub fn is_unconsented(&self) -> bool {
        self.rules.format.base == SubscriberState::Pending && !self.rules.is_consented
    }

    /// Returns which column the address stands in.
    pub fn address_column(&self) -> usize {
        let mut roles = self.rules.header.roles.iter();
        roles.position(format::Role::holds_address).unwrap_or_default()
    }

    /// Returns the columns that are of use to the tool that wrote them alone, and are left out.
    pub fn left_out(&self) -> Vec<String> {
        self.rules.header.left_out().into_iter().map(str::to_owned).collect()
    }
}

impl<R: Read> ListReader<R> {
    /// Returns its encoding, as far as it was read by now: a list in ASCII is in `utf-8`.
    pub fn encoding(&self) -> String {
        self.records.input().get_ref().1.encoding().name().to_ascii_lowercase()
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
                    return Some(Row::Bad(self.rules.skipped(stand, &[], reason)));
                }
            };
            let cells: Vec<&[u8]> = (0..frame.cells).map(|at| self.records.cell(at)).collect();
            if frame.fault.is_none() && cells.iter().all(|cell| cell.trim_ascii().is_empty()) {
                continue;
            }
            self.read += 1;
            let stand = Stand { line: frame.line, record: self.read };
            let reason = match frame.fault {
                None => return Some(self.rules.judge(stand, &cells)),
                Some(Fault::TooLong) => Reason::RowTooLong,
                Some(Fault::Endless) => {
                    self.ended = true;
                    Reason::Endless
                }
                Some(Fault::Unclosed { last_line }) => {
                    Reason::Unclosed { line: frame.line, last_line }
                }
            };
            return Some(Row::Bad(self.rules.skipped(stand, &cells, reason)));
        }
        None
    }
}
