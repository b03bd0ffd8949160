//! What there is to say of a record: what was put right or is doubtful in a good one, and why another was not taken.

use crate::model::AddressError;

/// Something put right or doubtful in a record that is good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    /// Control characters or direction marks, by column.
    #[error("control characters were taken out of `{0}`")]
    Controls(String),
    /// White space around the address.
    #[error("white space around the address was taken away")]
    Trimmed,
    /// A name or a scheme around the address.
    #[error("{0} was taken out of what stands around it")]
    Unwrapped(String),
    /// The apostrophe that keeps a spreadsheet from running the address as a formula.
    #[error("the apostrophe before the address was taken as a spreadsheet's, and taken away")]
    Unguarded,
    /// A cell that a spreadsheet would run, by column.
    #[error(
        "the cell in `{0}` begins as a formula does; no export of ours lets a spreadsheet run it"
    )]
    Formula(String),
    /// A contact of whom nothing says that they asked for letters.
    #[error("nothing says that they opted in, so they are pending; `--consent` says how they did")]
    Unproven,
    /// The row ends before columns that hold nothing one must know.
    #[error("it ends after cell {found} of {columns}: the rest is empty")]
    Short {
        /// How many it has.
        found: usize,
        /// How many columns have a name.
        columns: usize,
    },
    /// A character that could not be read, by column.
    #[error("a character of `{0}` is broken (`\u{FFFD}`)")]
    Broken(String),
    /// A cell of over 4 KiB that is taken, by column.
    #[error("the cell in `{0}` is very long")]
    Long(String),
    /// Attributes that are no JSON object, by column.
    #[error("`{0}` holds no JSON object, and is kept as it is")]
    NotJson(String),
    /// Further addresses of the same person.
    #[error("the same person has more addresses, which are not taken: {0}")]
    OtherAddresses(String),
    /// A team's mailbox.
    #[error("{0} belongs to a team rather than a person")]
    RoleAccount(String),
    /// A big provider's name, misspelled.
    #[error("{address} may be meant for {meant}; it is taken as it stands")]
    Typo {
        /// The address as written.
        address: String,
        /// The provider's domain.
        meant: String,
    },
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
    /// No status where every row has one.
    #[error("the status is missing")]
    NoStatus,
    /// An answer in a column of yes and no that is neither.
    #[error("`{word}` in `{column}` is neither yes nor no")]
    Answer {
        /// The column.
        column: String,
        /// The answer.
        word: String,
    },
    /// A name too long for the header of a mail.
    #[error("the name has {0} bytes, which no name has")]
    NameTooLong(usize),
    /// A contact without an address.
    #[error("this contact has no address")]
    NoAddress,
    /// An address inside an Exchange server.
    #[error("the address is Exchange's own, which is none on the internet")]
    Exchange,
    /// Somebody who asked their tool to be forgotten.
    #[error("they asked to be deleted")]
    Forgotten,
    /// Cells beyond the last column.
    #[error("it has {found} cells, and the header names {columns} columns")]
    TooManyCells {
        /// How many it has.
        found: usize,
        /// How many columns have a name.
        columns: usize,
    },
    /// A row that ends before a column that may say "do not mail".
    #[error("it ends after cell {found} of {columns}: whether to mail is among what is missing")]
    TooFewCells {
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
    /// Bytes that are not of the list's encoding, by column.
    #[error("the cell in `{0}` is not UTF-8")]
    NotUtf8(String),
    /// Tens of megabytes without an end of the row: nothing that follows was read.
    #[error("no end of it in 64 MiB, so this is no list, and the rest was not read")]
    Endless,
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
        matches!(self, Self::Unclosed { .. } | Self::Unreadable(_) | Self::Endless)
    }

    /// Tells whether something is wrong with the record; else it is whole, and nobody who could be mailed.
    pub fn is_fault(&self) -> bool {
        !matches!(self, Self::NoAddress | Self::Exchange | Self::Forgotten)
    }
}
