//! One record against the header: an entry, or the reason why not.

use std::{collections::BTreeMap, str};

use super::{
    Entry, Note, Reason, Row, Skipped, Wish, cell, doubt, evidence,
    evidence::Fact,
    format::is_on_none,
    format::{Format, Role},
    formula::{is_formula, unguarded},
    header::Header,
};
use crate::model::{Address, AddressError, Mailbox, SubscriberState, is_control, is_unseen};

/// The most bytes a cell may have.
const CELL_MAX: usize = 1 << 16;

/// The most bytes a name may have: it stands in a header of every mail.
const NAME_MAX: usize = 1000;

/// From how many bytes on a cell is reported, though taken.
const LONG: usize = 4096;

/// Where Substack keeps who asked to be forgotten.
const DELETED: &str = "deletion-request.substack.com";

/// What is known of a list when its rows are judged.
pub(super) struct Rules {
    pub(super) header: Header,
    pub(super) format: &'static Format,
    /// Whether somebody vouches for the consent of all who are in it.
    pub(super) is_consented: bool,
    /// What somebody says that all who are in it are.
    said: Option<SubscriberState>,
}

/// Where a record stands: its physical line, and its number.
#[derive(Clone, Copy)]
pub(super) struct Stand {
    pub(super) line: u64,
    pub(super) record: u64,
}

impl Rules {
    pub(super) fn new(header: Header, format: &'static Format, wish: &Wish) -> Self {
        Self { header, format, is_consented: wish.is_consented, said: wish.state }
    }

    /// Judges the cells of a record that was read whole.
    pub(super) fn judge(&self, stand: Stand, cells: &[&[u8]]) -> Row {
        match self.entry(stand, cells) {
            Ok(entry) => Row::Good(entry),
            Err(reason) => Row::Bad(self.skipped(stand, cells, reason)),
        }
    }

    /// Keeps what a report and a file of rejects need of a record that is not taken.
    pub(super) fn skipped(&self, stand: Stand, cells: &[&[u8]], reason: Reason) -> Skipped {
        let roles = self.header.roles.iter();
        let mut candidates =
            roles.zip(cells).filter(|(role, _)| role.holds_address()).map(|(_, cell)| *cell);
        let address = candidates.find(|cell| !cell.trim_ascii().is_empty());
        let raw = cells
            .iter()
            .map(|cell| String::from_utf8_lossy(&cell[..cell.len().min(CELL_MAX)]).into_owned());
        Skipped {
            line: stand.line,
            record: stand.record,
            address: address.map_or_else(String::new, printable),
            reason,
            raw: raw.collect(),
        }
    }

    fn entry(&self, stand: Stand, cells: &[&[u8]]) -> Result<Entry, Reason> {
        let mut draft = Draft::new(self);
        for (at, cell) in cells.iter().enumerate() {
            let cell = self.text(at, cell)?;
            draft.take(at, cell, cells.len())?;
        }
        draft.end_short(cells.len())?;
        draft.finish(stand)
    }

    /// Returns a cell's text, where its size and encoding are right.
    fn text<'a>(&self, at: usize, cell: &'a [u8]) -> Result<&'a str, Reason> {
        if cell.len() > CELL_MAX {
            return Err(Reason::CellTooLong(self.column(at)));
        }
        str::from_utf8(cell).map_err(|_| Reason::NotUtf8(self.column(at)))
    }

    fn column(&self, at: usize) -> String {
        match self.header.names.get(at) {
            Some(name) if !name.is_empty() => name.clone(),
            _ => format!("column {}", at + 1),
        }
    }
}

/// What a record has said so far.
struct Draft<'a> {
    rules: &'a Rules,
    notes: Vec<Note>,
    addresses: Vec<Result<Address, AddressError>>,
    is_exchange: bool,
    name: String,
    first: String,
    last: String,
    /// The name that stood with the address, for want of a column's.
    beside: String,
    tags: Vec<String>,
    fields: BTreeMap<String, String>,
    facts: Vec<(Fact, String)>,
    state: SubscriberState,
}

impl<'a> Draft<'a> {
    fn new(rules: &'a Rules) -> Self {
        let state = match rules.format.base {
            SubscriberState::Pending if rules.is_consented => SubscriberState::Active,
            base => base,
        };
        let mut draft = Self {
            rules,
            notes: Vec::new(),
            addresses: Vec::new(),
            is_exchange: false,
            name: String::new(),
            first: String::new(),
            last: String::new(),
            beside: String::new(),
            tags: Vec::new(),
            fields: BTreeMap::new(),
            facts: Vec::new(),
            state,
        };
        if let Some(said) = rules.said {
            draft.claim(said);
        }
        draft
    }

    /// Takes what one cell says.
    fn take(&mut self, at: usize, cell: &str, found: usize) -> Result<(), Reason> {
        let header = &self.rules.header;
        let Some(role) = header.roles.get(at) else {
            return if cell.trim().is_empty() { Ok(()) } else { Err(self.too_many(found)) };
        };
        match role {
            Role::Status => return self.take_status(cell),
            Role::Lacks(state) => return self.take_answer(cell, at, *state, false),
            Role::Says(state) => return self.take_answer(cell, at, *state, true),
            _ if cell.trim().is_empty() => return Ok(()),
            Role::Unnamed => return Err(self.too_many(found)),
            Role::Address | Role::OtherAddress => self.take_addresses(cell),
            Role::Mailbox => self.take_mailbox(cell),
            Role::Name => self.name = self.clean(cell, at),
            Role::FirstName => self.first = self.take_part(cell, at, "first_name"),
            Role::LastName => self.last = self.take_part(cell, at, "last_name"),
            Role::Lists if is_on_none(cell) => self.claim(SubscriberState::Unsubscribed),
            Role::Tags | Role::Lists => {
                let cell = self.clean(cell, at);
                self.tags.extend(cell::labels(&cell));
            }
            Role::Attributes => self.take_attributes(cell, at),
            Role::Evidence(fact) => {
                let value = self.clean(cell, at);
                self.facts.push((*fact, value));
            }
            Role::Field(field) => {
                let value = self.clean(cell, at);
                if value.len() > LONG {
                    self.notes.push(Note::Long(header.names[at].clone()));
                }
                self.fields.insert(field.to_string(), value);
            }
            Role::LeftOut | Role::Rejected => {}
        }
        Ok(())
    }

    fn take_status(&mut self, cell: &str) -> Result<(), Reason> {
        let word = unguarded(cell.trim());
        let state = self.rules.format.state(word);
        self.claim(state.ok_or_else(|| match word {
            "" => Reason::NoStatus,
            word => Reason::Status(printable(word.as_bytes())),
        })?);
        Ok(())
    }

    /// Takes a yes or no, of which `deciding` puts somebody into `state`.
    fn take_answer(
        &mut self,
        cell: &str,
        at: usize,
        state: SubscriberState,
        deciding: bool,
    ) -> Result<(), Reason> {
        let word = unguarded(cell.trim());
        let answer = cell::is_so(word).ok_or_else(|| Reason::Answer {
            column: self.rules.column(at),
            word: printable(word.as_bytes()),
        })?;
        if answer == deciding {
            self.claim(state);
            if answer && word.len() > 5 {
                let column = &self.rules.header.names[at];
                self.facts.push((Fact::Left, format!("{word} ({column})")));
            }
        }
        Ok(())
    }

    /// Of all that a record says the gravest counts.
    fn claim(&mut self, state: SubscriberState) {
        let weight = |state| SubscriberState::ALL.iter().position(|other| *other == state);
        if weight(state) > weight(self.state) {
            self.state = state;
        }
    }

    /// Reads the addresses in a cell, noting what around them was not their own. Contacts may have several in one.
    fn take_addresses(&mut self, cell: &str) {
        if cell.trim_ascii().get(..3).is_some_and(|start| start.eq_ignore_ascii_case("/o=")) {
            self.is_exchange = true;
            return;
        }
        let pieces = if cell.contains(" ::: ") {
            cell.split(":::").map(str::trim).collect()
        } else {
            vec![cell]
        };
        for piece in pieces {
            let trimmed = piece.trim_matches(is_padding);
            let bare = unguarded(trimmed);
            let address = match bare.parse::<Address>() {
                Ok(address) => Ok(address),
                Err(error) => self.unwrapped(bare).ok_or(error),
            };
            if address.is_ok() && trimmed.len() < piece.len() {
                self.notes.push(Note::Trimmed);
            }
            if address.is_ok() && bare.len() < trimmed.len() {
                self.notes.push(Note::Unguarded);
            }
            self.addresses.push(address);
        }
    }

    /// Reads an address out of what people and programs write around one, `Name <address>` and `mailto:address`.
    fn unwrapped(&mut self, cell: &str) -> Option<Address> {
        let cell = match cell.get(..7) {
            Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => &cell[7..],
            _ if cell.ends_with('>') => cell,
            _ => return None,
        };
        let mailbox: Mailbox = cell.parse().ok()?;
        self.notes.push(Note::Unwrapped(mailbox.address.to_string()));
        self.beside = mailbox.name;
        Some(mailbox.address)
    }

    fn take_mailbox(&mut self, cell: &str) {
        let mailbox: Result<Mailbox, _> = cell.parse();
        self.addresses.push(mailbox.map(|mailbox| {
            self.name = mailbox.name;
            mailbox.address
        }));
    }

    /// Takes a part of the name, which is a merge field too.
    fn take_part(&mut self, cell: &str, at: usize, field: &str) -> String {
        let part = self.clean(cell, at);
        let ours = self.rules.format.is_ours().then(|| self.rules.header.names[at].to_lowercase());
        self.fields.insert(ours.unwrap_or_else(|| field.to_owned()), part.clone());
        part
    }

    fn take_attributes(&mut self, cell: &str, at: usize) {
        let column = &self.rules.header.names[at];
        let Some(attributes) = cell::attributes(cell) else {
            self.notes.push(Note::NotJson(column.clone()));
            let value = self.clean(cell, at);
            self.fields.insert(column.to_lowercase(), value);
            return;
        };
        for (name, value) in attributes {
            let value = clean(&value, &name, &mut self.notes);
            self.fields.insert(clean(&name, column, &mut self.notes), value);
        }
    }

    fn clean(&mut self, cell: &str, at: usize) -> String {
        clean(cell, &self.rules.header.names[at], &mut self.notes)
    }

    fn too_many(&self, found: usize) -> Reason {
        let columns = self.rules.header.names.iter().filter(|name| !name.is_empty()).count();
        Reason::TooManyCells { found, columns }
    }

    /// Judges a record that breaks off before the last column: what is missing may be a "do not mail".
    fn end_short(&mut self, found: usize) -> Result<(), Reason> {
        let header = &self.rules.header;
        let columns = header.names.iter().filter(|name| !name.is_empty()).count();
        let missing = header.roles.get(found..).unwrap_or_default();
        if missing.iter().any(Role::tells_state) {
            return Err(Reason::TooFewCells { found, columns });
        }
        if missing.iter().any(|role| *role != Role::Unnamed) {
            self.notes.push(Note::Short { found, columns });
        }
        Ok(())
    }

    fn finish(mut self, stand: Stand) -> Result<Entry, Reason> {
        let address = self.address()?;
        if address.domain() == DELETED {
            return Err(Reason::Forgotten);
        }
        if self.name.is_empty() {
            self.name = [self.first.as_str(), &self.last].join(" ").trim().into();
        }
        if self.name.is_empty() {
            self.name = self.beside;
        }
        if self.name.len() > NAME_MAX {
            return Err(Reason::NameTooLong(self.name.len()));
        }
        let mut tags: Vec<String> = Vec::new();
        for tag in self.tags {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        let is_vouched = self.rules.is_consented || self.rules.format.is_proven(&self.facts);
        if self.state == SubscriberState::Active && !is_vouched {
            self.state = SubscriberState::Pending;
            self.notes.push(Note::Unproven);
        }
        self.notes.extend(doubt::of(&address));
        Ok(Entry {
            line: stand.line,
            record: stand.record,
            address,
            name: self.name,
            tags,
            fields: self.fields,
            state: self.state,
            evidence: evidence::told(self.facts),
            notes: self.notes,
        })
    }

    /// Returns the first good address, and notes the others, which are the same person's.
    fn address(&mut self) -> Result<Address, Reason> {
        let mut good: Vec<Address> = Vec::new();
        let mut wrong = None;
        for address in std::mem::take(&mut self.addresses) {
            match address {
                Ok(address) if good.iter().any(|known| known.key() == address.key()) => {}
                Ok(address) => good.push(address),
                Err(error) => wrong = wrong.or(Some(error)),
            }
        }
        if good.is_empty() {
            return Err(match wrong {
                Some(error) => Reason::Address(error),
                None if self.is_exchange => Reason::Exchange,
                None if self.rules.format.base == SubscriberState::Pending => Reason::NoAddress,
                None => Reason::Address(AddressError::Empty),
            });
        }
        let address = good.remove(0);
        if !good.is_empty() {
            let others: Vec<_> = good.iter().map(Address::written).collect();
            self.notes.push(Note::OtherAddresses(others.join(", ")));
        }
        Ok(address)
    }
}

/// Returns a cell's text on one line, without control characters.
fn clean(cell: &str, column: &str, notes: &mut Vec<Note>) -> String {
    let cell = unguarded(cell.trim());
    if cell.contains('\u{FFFD}') {
        notes.push(Note::Broken(column.to_owned()));
    }
    if is_formula(cell) {
        notes.push(Note::Formula(column.to_owned()));
    }
    if !cell.contains(is_control) {
        return cell.to_owned();
    }
    notes.push(Note::Controls(column.to_owned()));
    let spaced = cell.replace(char::is_whitespace, " ").replace(is_control, "");
    spaced.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Tells whether a character around an address is none of it: white space, and what copying leaves behind that nobody sees.
fn is_padding(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'
                ..='\u{202E}' | '\u{2060}' | '\u{FEFF}'
        )
}

/// Returns what stands for an address so that a terminal shows it and does not obey it.
fn printable(cell: &[u8]) -> String {
    let text = String::from_utf8_lossy(&cell[..cell.len().min(CELL_MAX)]);
    let mut shown = String::new();
    for c in unguarded(text.trim()).chars().take(254) {
        if is_unseen(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}
