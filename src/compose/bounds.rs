//! What no issue needs and no parser should have to read, refused before Markdown sees it.
//!
//! A reader of Markdown takes time with the square of how deep or wide a text
//! is. Within these bounds a draft composes, or is refused, in moments.

use super::{
    beside::size,
    code::{TOO_DEEP, TOO_LARGE},
    hidden,
    proof::{Help, Proof},
};

/// The most bytes of a draft: five times what Gmail shows of an issue.
const BYTES_MAX: usize = 500_000;

/// The most blocks that begin in one another on one line.
const OPENINGS_MAX: usize = 32;

/// The most columns of a table.
const COLUMNS_MAX: usize = 40;

/// The longest line of colons: so deep do directives stand in one another at most.
const COLONS_MAX: usize = 16;

/// Tells whether the proof's text can be read; what is out of bounds is marked.
pub(super) fn are_kept(proof: &mut Proof<'_>) -> bool {
    if !hidden::is_whole(proof) {
        return false;
    }
    let text = proof.text();
    if text.len() > BYTES_MAX {
        let (has, most) = (size(text.len() as u64), size(BYTES_MAX as u64));
        proof.error_of_file(TOO_LARGE, format!("the draft has {has}, more than {most}")).helped(
            "Gmail cuts off what is longer than 102 kB: let it lead to the rest on the web",
        );
        return false;
    }
    let before = proof.count();
    let mut at = 0;
    for line in text.split_inclusive(['\n', '\r']) {
        let span = at..at + line.trim_end().len();
        at += line.len();
        if openings(line) > OPENINGS_MAX {
            proof.error(TOO_DEEP, span, "blocks are nested too deep");
        } else if let Some(columns) = columns(line).filter(|columns| *columns > COLUMNS_MAX) {
            let message = format!("the table has {columns} columns, more than {COLUMNS_MAX}");
            proof
                .error(TOO_LARGE, span, message)
                .helped("set it as several tables, or as a picture");
        } else if colons(line) > COLONS_MAX {
            proof.error(TOO_DEEP, span, "directives are nested too deep");
        }
    }
    proof.count() == before
}

/// Counts the quotations, list items and notes that begin on a line, one within the other.
fn openings(line: &str) -> usize {
    let mut count = 0;
    let mut rest = line.trim_start();
    loop {
        let marker = match rest.as_bytes() {
            [b'>', ..] | [b'-' | b'+' | b'*', b' ' | b'\t', ..] => 1,
            [b'0'..=b'9', ..] => {
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                match rest.as_bytes().get(digits) {
                    Some(b'.' | b')') if digits < 10 => digits + 1,
                    _ => return count,
                }
            }
            [b'[', b'^', ..] => match rest.find("]:") {
                Some(end) => end + 2,
                None => return count,
            },
            _ => return count,
        };
        count += 1;
        rest = rest[marker..].trim_start();
    }
}

/// Counts the columns that a line below a table's head marks off; `None` for any other line.
fn columns(line: &str) -> Option<usize> {
    let marks = line.trim_start_matches(['>', ' ', '\t']).trim();
    let is_rule = marks.contains('-') && marks.bytes().all(|byte| b"|-: \t".contains(&byte));
    is_rule.then(|| marks.trim_matches('|').split('|').count())
}

/// Counts the colons a line begins with.
fn colons(line: &str) -> usize {
    let line = line.trim_start_matches(['>', ' ', '\t']);
    line.bytes().take_while(|byte| *byte == b':').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_on_a_line_is_counted() {
        for (line, count) in [
            ("words", 0),
            ("  > words", 1),
            ("> - 1. words", 3),
            (">>> words", 3),
            ("[^a]: > words", 2),
            ("-words", 0),
            ("2003. A year", 1),
            ("2003 was a year", 0),
            ("[^a] is a mark", 0),
            ("", 0),
        ] {
            assert_eq!(openings(line), count, "{line}");
        }
    }

    #[test]
    fn the_columns_of_a_table_are_those_of_the_line_below_its_head() {
        for (line, count) in [
            ("|---|:--:|", Some(2)),
            ("--- | ---", Some(2)),
            ("> | - | - | - |\n", Some(3)),
            ("---", Some(1)),
            ("| a | b |", None),
            ("", None),
        ] {
            assert_eq!(columns(line), count, "{line}");
        }
    }
}
