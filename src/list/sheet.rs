//! A list written for others: CSV that `read` takes back, and that a spreadsheet opens without running anything.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use super::{cell::joined, formula::guarded};
use crate::model::Subscriber;

/// Writes people as CSV, one a row.
pub struct Sheet<W: Write> {
    csv: csv::Writer<W>,
    fields: Vec<String>,
    is_raw: bool,
}

/// Starts a sheet whose columns are `email`, `name`, `tags`, `status` and the merge fields named. A raw one leaves formulas as they are.
///
/// # Errors
///
/// The writer's own.
pub fn sheet<W: Write>(writer: W, fields: Vec<String>, is_raw: bool) -> io::Result<Sheet<W>> {
    let mut sheet = Sheet { csv: csv::Writer::from_writer(writer), fields, is_raw };
    let columns = ["email", "name", "tags", "status"].map(str::to_owned);
    sheet.row(columns.into_iter().chain(sheet.fields.clone()))?;
    Ok(sheet)
}

impl<W: Write> Sheet<W> {
    /// Writes one person.
    ///
    /// # Errors
    ///
    /// The writer's own.
    pub fn write(&mut self, reader: &Subscriber) -> io::Result<()> {
        let of = |fields: &BTreeMap<String, String>, field: &String| {
            fields.get(field).cloned().unwrap_or_default()
        };
        let fields: Vec<String> =
            self.fields.iter().map(|field| of(&reader.fields, field)).collect();
        let cells = [
            reader.address.written().to_owned(),
            reader.name.clone(),
            joined(&reader.tags),
            reader.state.word().to_owned(),
        ];
        self.row(cells.into_iter().chain(fields))
    }

    /// Hands everything to the writer beneath and gives it back; to be called at the end, since only here its failure shows.
    ///
    /// # Errors
    ///
    /// The writer's own.
    pub fn finish(self) -> io::Result<W> {
        self.csv.into_inner().map_err(csv::IntoInnerError::into_error)
    }

    fn row(&mut self, cells: impl Iterator<Item = String>) -> io::Result<()> {
        let is_raw = self.is_raw;
        let cells = cells.map(|cell| if is_raw { cell } else { guarded(&cell).into_owned() });
        Ok(self.csv.write_record(cells)?)
    }
}
