//! The file of records that were not taken, to be mended and read again.

use std::io::{self, Read, Write};

use super::{Skipped, formula::guarded};

/// Writes skipped records as CSV: where each stood and why, then its cells as they were.
///
/// No cell is a formula to a spreadsheet. `list::read` takes the file back, so
/// mending a row there is enough.
pub struct Rejects<W: Write> {
    csv: csv::Writer<W>,
}

/// The columns before a list's own.
const PLACE: [&str; 4] = ["rejected_file", "rejected_line", "rejected_record", "rejected_reason"];

/// Starts a file of rejects with `columns` as the header of its cells.
///
/// Records of another list, with other columns, may follow: their cells stand in their own order.
///
/// # Errors
///
/// The writer's own.
pub fn rejects<W: Write>(writer: W, columns: &[String]) -> io::Result<Rejects<W>> {
    let csv = csv::WriterBuilder::new().flexible(true).from_writer(writer);
    let mut rejects = Rejects { csv };
    rejects.row(&PLACE, columns)?;
    Ok(rejects)
}

/// Tells whether a file begins as one of rejects does.
pub fn are_rejects(mut file: impl Read) -> bool {
    let mut first = [0; PLACE[0].len()];
    file.read_exact(&mut first).is_ok() && first == *PLACE[0].as_bytes()
}

impl<W: Write> Rejects<W> {
    /// Writes one record of `file`.
    ///
    /// # Errors
    ///
    /// The writer's own.
    pub fn write(&mut self, file: &str, skipped: &Skipped) -> io::Result<()> {
        let Skipped { line, record, reason, .. } = skipped;
        self.row(&[file, &line.to_string(), &record.to_string(), &reason.to_string()], &skipped.raw)
    }

    /// Writes one record that was good, and that the ledger did not take: its address alone, in column `at`.
    ///
    /// # Errors
    ///
    /// The writer's own.
    pub fn write_known(
        &mut self,
        file: &str,
        (line, record): (u64, Option<u64>),
        reason: &str,
        (address, at): (&str, usize),
    ) -> io::Result<()> {
        let mut cells = vec![String::new(); at];
        cells.push(address.to_owned());
        let record = record.map_or_else(String::new, |record| record.to_string());
        self.row(&[file, &line.to_string(), &record, reason], &cells)
    }

    /// Hands everything to the writer beneath and gives it back; to be called at the end, since only here its failure shows.
    ///
    /// # Errors
    ///
    /// The writer's own.
    pub fn finish(self) -> io::Result<W> {
        self.csv.into_inner().map_err(csv::IntoInnerError::into_error)
    }

    fn row(&mut self, place: &[&str], cells: &[String]) -> io::Result<()> {
        let cells = place.iter().copied().chain(cells.iter().map(String::as_str));
        Ok(self.csv.write_record(cells.map(|cell| guarded(cell).into_owned()))?)
    }
}
