//! Cells that a spreadsheet would run, and the apostrophe that stops it.

use std::borrow::Cow;

/// Puts an apostrophe before a cell that a spreadsheet would take for a formula.
pub(super) fn guarded(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(opens_formula) { format!("'{cell}").into() } else { cell.into() }
}

/// Takes such an apostrophe away again.
pub(super) fn unguarded(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| rest.starts_with(opens_formula)).unwrap_or(cell)
}

fn opens_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_guarded_and_reads_back() {
        for cell in ["=1+1", "+31 20", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(guarded(cell), format!("'{cell}"));
            assert_eq!(unguarded(&guarded(cell)), cell);
        }
    }

    #[test]
    fn other_cells_stay_as_they_are() {
        for cell in ["", "Anna", "'t Hooft", "1=1", "'"] {
            assert_eq!(guarded(cell), cell);
            assert_eq!(unguarded(cell), cell);
        }
    }
}
