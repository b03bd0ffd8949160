//! One record against the header: an entry, or the reason why not.

use std::{collections::BTreeMap, str};

use super::{
    Entry, Note, Reason, Row, Skipped,
    formula::unguarded,
    header::{Header, Role},
    status,
};
use crate::model::{Address, AddressError, SubscriberState, is_control};

/// The most bytes a cell may have.
const CELL_MAX: usize = 1 << 16;

/// Where a record stands: its physical line, and its number.
#[derive(Clone, Copy)]
pub(super) struct Stand {
    pub(super) line: u64,
    pub(super) record: u64,
}

/// Judges the cells of a record that was read whole.
pub(super) fn judge(header: &Header, stand: Stand, cells: &[&[u8]]) -> Row {
    match entry(header, stand.line, cells) {
        Ok(entry) => Row::Good(entry),
        Err(reason) => Row::Bad(skipped(header, stand, cells, reason)),
    }
}

/// Keeps what a report and a file of rejects need of a record that is not taken.
pub(super) fn skipped(header: &Header, stand: Stand, cells: &[&[u8]], reason: Reason) -> Skipped {
    let at = header.roles.iter().position(|role| *role == Role::Address);
    let address = at.and_then(|at| cells.get(at)).map_or_else(String::new, |cell| printable(cell));
    let raw = cells
        .iter()
        .map(|cell| String::from_utf8_lossy(&cell[..cell.len().min(CELL_MAX)]).into_owned());
    Skipped { line: stand.line, record: stand.record, address, reason, raw: raw.collect() }
}

fn entry(header: &Header, line: u64, cells: &[&[u8]]) -> Result<Entry, Reason> {
    let mut notes = Vec::new();
    let (mut address, mut state) = (Err(AddressError::Empty), SubscriberState::Active);
    let (mut name, mut first, mut last) = (String::new(), String::new(), String::new());
    let (mut tags, mut fields) = (Vec::new(), BTreeMap::new());

    for (at, cell) in cells.iter().enumerate() {
        let cell = text(header, at, cell)?;
        if cell.trim().is_empty() {
            continue;
        }
        let mut clean = || clean(cell, &header.names[at], &mut notes);
        match header.roles.get(at) {
            None | Some(Role::Unnamed) => {
                let columns = header.names.iter().filter(|name| !name.is_empty()).count();
                return Err(Reason::TooManyCells { found: cells.len(), columns });
            }
            Some(Role::Address) => address = mailbox(cell, &mut notes),
            Some(Role::Name) => name = clean(),
            Some(Role::FirstName) => {
                first = clean();
                fields.insert(header.names[at].to_lowercase(), first.clone());
            }
            Some(Role::LastName) => {
                last = clean();
                fields.insert(header.names[at].to_lowercase(), last.clone());
            }
            Some(Role::Tags) => tags = labels(&clean()),
            Some(Role::Status) => {
                state = status::state(cell).ok_or_else(|| Reason::Status(clean()))?;
            }
            Some(Role::Field(field)) => {
                fields.insert(field.clone(), clean());
            }
            Some(Role::Rejected) => {}
        }
    }
    let address = address.map_err(Reason::Address)?;
    if name.is_empty() {
        name = [first, last].join(" ").trim().into();
    }
    Ok(Entry { line, address, name, tags, fields, state, notes })
}

/// Returns a cell's text, where its size and encoding are right.
fn text<'a>(header: &Header, at: usize, cell: &'a [u8]) -> Result<&'a str, Reason> {
    let column = || match header.names.get(at) {
        Some(name) if !name.is_empty() => name.clone(),
        _ => format!("column {}", at + 1),
    };
    if cell.len() > CELL_MAX {
        return Err(Reason::CellTooLong(column()));
    }
    str::from_utf8(cell).map_err(|_| Reason::NotUtf8(column()))
}

/// Reads the address in a cell, noting what around it was not its own.
fn mailbox(cell: &str, notes: &mut Vec<Note>) -> Result<Address, AddressError> {
    let trimmed = cell.trim_ascii();
    let bare = unguarded(trimmed);
    let address = bare.parse()?;
    if trimmed.len() < cell.len() {
        notes.push(Note::Trimmed);
    }
    if bare.len() < trimmed.len() {
        notes.push(Note::Unguarded);
    }
    Ok(address)
}

/// Returns a cell's text on one line, without control characters.
fn clean(cell: &str, column: &str, notes: &mut Vec<Note>) -> String {
    let cell = unguarded(cell.trim());
    if !cell.contains(is_control) {
        return cell.to_owned();
    }
    notes.push(Note::Controls(column.to_owned()));
    let spaced = cell.replace(char::is_whitespace, " ").replace(is_control, "");
    spaced.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Splits a cell of tags at its semicolons and commas.
fn labels(cell: &str) -> Vec<String> {
    let mut labels = Vec::new();
    for label in cell.split([';', ',']).map(str::trim) {
        if !label.is_empty() && !labels.iter().any(|other| other == label) {
            labels.push(label.to_owned());
        }
    }
    labels
}

/// Returns what stands for an address so that a terminal shows it and does not obey it.
fn printable(cell: &[u8]) -> String {
    let text = String::from_utf8_lossy(&cell[..cell.len().min(CELL_MAX)]);
    let mut shown = String::new();
    for c in unguarded(text.trim()).chars().take(254) {
        if is_control(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}
