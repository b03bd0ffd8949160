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

/// Tells whether a spreadsheet would run a cell, or fail at it. Numbers and telephone numbers, which begin with a sign too, are none.
pub(super) fn is_formula(cell: &str) -> bool {
    let is_number = |rest: &str| rest.chars().all(|c| c.is_ascii_digit() || " ()-./+,".contains(c));
    match cell.chars().next() {
        Some('=' | '@' | '＝' | '＋' | '－' | '＠') => true,
        Some('+' | '-') => !is_number(&cell[1..]),
        _ => false,
    }
}

/// The full-width signs are formulas where a spreadsheet is set to Chinese or Japanese.
fn opens_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '＝' | '＋' | '－' | '＠')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_guarded_and_reads_back() {
        for cell in ["=1+1", "+31 20", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1"] {
            assert_eq!(guarded(cell), format!("'{cell}"));
            assert_eq!(unguarded(&guarded(cell)), cell);
        }
    }

    #[test]
    fn numbers_and_telephone_numbers_are_no_formulas() {
        for cell in ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3+cmd|x", "-A1", "＝1"] {
            assert!(is_formula(cell), "{cell}");
        }
        for cell in ["+47 22 33 44 55", "-1.5", "-", "+(0)20/123", "Anna", ""] {
            assert!(!is_formula(cell), "{cell}");
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
