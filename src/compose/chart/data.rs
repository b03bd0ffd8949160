//! A chart's data: a CSV file whose first column holds the labels, and each further column with numbers a series.

use std::ops::Range;

use csv::{ReaderBuilder, StringRecord};

use super::SERIES_MAX;
use crate::compose::{
    code::WRONG_DATA,
    proof::{Help, Proof},
};

/// The most rows; a phone shows no more of them.
const ROWS_MAX: usize = 200;

/// The most bytes of a file.
const BYTES_MAX: usize = 100_000;

/// The longest label or name.
const LABEL_MAX: usize = 60;

/// What a chart shows.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::compose) struct Data {
    /// What the labels are.
    pub(in crate::compose) heading: String,
    pub(in crate::compose) labels: Vec<String>,
    pub(in crate::compose) series: Vec<Series>,
}

/// One column of numbers.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::compose) struct Series {
    pub(in crate::compose) name: String,
    /// One for each label; `None` where the cell is empty.
    pub(in crate::compose) values: Vec<Option<f64>>,
    /// The same as the file has them.
    pub(in crate::compose) written: Vec<String>,
}

/// A record and the bytes of the file it stands at.
struct Row {
    cells: StringRecord,
    span: Range<usize>,
}

impl Data {
    /// Reads a file; `None` after marking what is wrong in `proof`, which is of the file.
    pub(in crate::compose) fn read(proof: &mut Proof<'_>) -> Option<Self> {
        let text = proof.text();
        if text.len() > BYTES_MAX {
            proof.error_of_file(WRONG_DATA, "the file is too large for a chart").helped(format!(
                "a chart shows at most {ROWS_MAX} rows: leave in it only what the chart is to show"
            ));
            return None;
        }
        let delimiter = delimiter(text);
        let mut rows = rows(proof, delimiter)?;
        if rows.len() < 2 {
            let wrong = if rows.is_empty() {
                "the file is empty"
            } else {
                "the file has no row below its header"
            };
            proof.error_of_file(WRONG_DATA, wrong).helped(
                "the first line names the columns, each further one is a label and its numbers",
            );
            return None;
        }
        let header = rows.remove(0);
        if rows.len() > ROWS_MAX {
            let message = format!("the file has {} rows, more than {ROWS_MAX}", rows.len());
            proof.error(WRONG_DATA, rows[ROWS_MAX].span.clone(), message);
            return None;
        }
        check_labels(proof, &header, &rows)?;
        // A column without a number is not meant to be drawn.
        let is_drawn =
            |column: &usize| rows.iter().any(|row| number(cell(row, *column), delimiter).is_some());
        let columns = (1..header.cells.len()).filter(is_drawn);
        let series: Vec<Option<Series>> =
            columns.map(|column| series(proof, &header, &rows, column, delimiter)).collect();
        let series: Vec<Series> = series.into_iter().collect::<Option<_>>()?;
        let wrong = match series.len() {
            0 => "no column but the first holds numbers".to_owned(),
            count if count > SERIES_MAX => {
                format!("{count} columns hold numbers, more than {SERIES_MAX}")
            }
            _ => {
                let labels = rows.iter().map(|row| row.cells[0].trim().to_owned()).collect();
                let heading = header.cells[0].trim().to_owned();
                return Some(Self { heading, labels, series });
            }
        };
        proof.error(WRONG_DATA, header.span, wrong);
        None
    }

    /// Returns every number.
    pub(super) fn numbers(&self) -> impl Iterator<Item = f64> {
        self.series.iter().flat_map(|series| series.values.iter().copied().flatten())
    }
}

/// Returns what parts the cells: a comma, a semicolon or a tab, whichever the first line has most of.
fn delimiter(text: &str) -> u8 {
    let line = text.lines().next().unwrap_or_default();
    let count = |letter: &u8| line.bytes().filter(|byte| byte == letter).count();
    // The first of equals wins `max_by_key` when it stands last.
    [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

/// Reads every record that is not empty; all are as long as the first.
fn rows(proof: &mut Proof<'_>, delimiter: u8) -> Option<Vec<Row>> {
    let text = proof.text();
    let start = text.len() - text.trim_start_matches('\u{feff}').len();
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(&text.as_bytes()[start..]);
    let mut rows: Vec<Row> = Vec::new();
    let mut wrong = false;
    for record in reader.records() {
        // The text is UTF-8 and rows may differ in length, so nothing is left to fail.
        let Ok(cells) = record else { continue };
        let at = cells.position().map_or(0, csv::Position::byte);
        let at = start + usize::try_from(at).unwrap_or(0);
        let line = text[at..].len() - text[at..].trim_start_matches(['\r', '\n']).len() + at;
        let end = text[line..].find(['\r', '\n']).map_or(text.len(), |end| line + end);
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let wanted = rows.first().map_or(cells.len(), |first| first.cells.len());
        if cells.len() != wanted {
            let message = format!("the row has {} cells, the first line {wanted}", cells.len());
            proof.error(WRONG_DATA, line..end, message);
            wrong = true;
        }
        rows.push(Row { cells, span: line..end });
    }
    (!wrong).then_some(rows)
}

fn check_labels(proof: &mut Proof<'_>, header: &Row, rows: &[Row]) -> Option<()> {
    let mut fine = Some(());
    let names = header.cells.iter().map(|name| (header, name, false));
    let labels = rows.iter().map(|row| (row, &row.cells[0], true));
    for (row, label, needed) in names.chain(labels) {
        let label = label.trim();
        let wrong = if needed && label.is_empty() {
            Some("the row has no label".to_owned())
        } else if label.chars().count() > LABEL_MAX {
            Some(format!(
                "`{}...` is too long for a label",
                label.chars().take(20).collect::<String>()
            ))
        } else if label
            .chars()
            .any(|letter| letter.is_control() || crate::compose::field::is_mark(letter))
        {
            Some(format!("`{}` holds a control or private-use character", label.escape_debug()))
        } else {
            None
        };
        if let Some(wrong) = wrong {
            proof.error(WRONG_DATA, row.span.clone(), wrong);
            fine = None;
        }
    }
    fine
}

/// Returns a cell of a row.
fn cell(row: &Row, column: usize) -> &str {
    row.cells.get(column).unwrap_or_default().trim()
}

/// Reads a column of numbers; `None` after marking what is wrong.
fn series(
    proof: &mut Proof<'_>,
    header: &Row,
    rows: &[Row],
    column: usize,
    delimiter: u8,
) -> Option<Series> {
    let written: Vec<String> = rows.iter().map(|row| cell(row, column).to_owned()).collect();
    let values: Vec<Option<f64>> = written.iter().map(|cell| number(cell, delimiter)).collect();
    let name = cell(header, column).to_owned();
    let mut fine = !name.is_empty();
    if !fine {
        proof.error(WRONG_DATA, header.span.clone(), format!("column {} has no name", column + 1));
    }
    for ((row, cell), value) in rows.iter().zip(&written).zip(&values) {
        if value.is_none() && !cell.is_empty() {
            let text = &proof.text()[row.span.clone()];
            let at = text.find(cell.as_str()).map_or(row.span.clone(), |at| {
                row.span.start + at..row.span.start + at + cell.len()
            });
            proof.error(WRONG_DATA, at, format!("`{cell}` is not a number")).helped(format!(
                "`{name}` is a column of numbers: leave a cell empty where there is none"
            ));
            fine = false;
        }
    }
    fine.then_some(Series { name, values, written })
}

/// Reads a number as people write it: `1,100`, `1 100`, `-3.5`, `12 %`; where semicolons part the cells, `3,5` too.
fn number(cell: &str, delimiter: u8) -> Option<f64> {
    let bare = cell.trim_end_matches('%').trim().replace(['\u{2212}', '\u{2013}'], "-");
    let bare: String = bare
        .chars()
        .filter(|letter| !matches!(letter, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\''))
        .collect();
    let digits = bare.strip_prefix('-').unwrap_or(&bare);
    let (whole, fraction) = match digits.rsplit_once('.') {
        Some((whole, fraction)) => (whole, fraction),
        None if delimiter == b';' => digits.rsplit_once(',').unwrap_or((digits, "0")),
        None => (digits, "0"),
    };
    let groups: Vec<&str> = whole.split(',').collect();
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_grouped = groups.len() == 1
        || groups[0].len() <= 3 && groups[1..].iter().all(|group| group.len() == 3);
    if whole.is_empty()
        || !is_grouped
        || !groups.iter().all(|group| is_digits(group))
        || !is_digits(fraction)
    {
        return None;
    }
    let sign = if bare.starts_with('-') { "-" } else { "" };
    let number: f64 = format!("{sign}{}.{fraction}0", groups.concat()).parse().ok()?;
    Some(number).filter(|number| number.abs() < 1e15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_people_write_it() {
        for (cell, delimiter, read) in [
            ("12", b',', Some(12.0)),
            ("1,100", b',', Some(1100.0)),
            ("1 100.5", b',', Some(1100.5)),
            ("-3.5", b',', Some(-3.5)),
            ("−3", b',', Some(-3.0)),
            ("12 %", b',', Some(12.0)),
            (".5", b',', None),
            ("3,5", b';', Some(3.5)),
            ("1.100,5", b';', None),
            ("3,5", b',', None),
            ("1,10", b',', None),
            ("", b',', None),
            ("-", b',', None),
            ("1e5", b',', None),
            ("NaN", b',', None),
            ("9999999999999999", b',', None),
        ] {
            assert_eq!(number(cell, delimiter), read, "{cell}");
        }
    }

    #[test]
    fn columns_of_words_are_left_out_and_empty_cells_are_gaps() {
        let text = "Year;Note;Oil\n1999;a;3,5\n2000;b;\n\n2001;;4\n";
        let mut proof = Proof::new("a.csv", text);
        let data = Data::read(&mut proof).expect("it is fine");
        assert_eq!(proof.into_problems(), []);
        assert_eq!(data.labels, ["1999", "2000", "2001"]);
        assert_eq!(data.series.len(), 1);
        assert_eq!(data.series[0].values, [Some(3.5), None, Some(4.0)]);
    }
}
