//! Breaks a paragraph into lines of 72 columns, as the text part and every reader's copy of it do.

use unicode_linebreak::{BreakOpportunity, linebreaks};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The columns of a line.
pub(super) const COLUMNS: usize = 72;

/// Wraps one paragraph without line ends: `first` begins the first line, `rest` the others; every line ends with LF.
///
/// Lines break at spaces, and within wide scripts where UAX 14 allows it. A
/// word that is longer than a line, such as a URL, is never broken.
pub(super) fn wrap(paragraph: &str, first: &str, rest: &str) -> String {
    let mut lines = String::new();
    let mut line = String::from(first);
    let mut is_empty = true;
    for word in words(paragraph.trim()) {
        let fits = line.width() + word.trim_end().width() <= COLUMNS;
        if !is_empty && !fits {
            push_line(&mut lines, &line);
            line.clear();
            line.push_str(rest);
        }
        line.push_str(word);
        is_empty = false;
    }
    push_line(&mut lines, &line);
    lines
}

fn push_line(lines: &mut String, line: &str) {
    lines.push_str(line.trim_end_matches([' ', '\t']));
    lines.push('\n');
}

/// Splits where a line may break; a word keeps the spaces after it.
fn words(paragraph: &str) -> impl Iterator<Item = &str> {
    let mut start = 0;
    linebreaks(paragraph).filter_map(move |(at, opportunity)| {
        let is_end = at == paragraph.len();
        if !is_end && opportunity == BreakOpportunity::Allowed && !may_break(paragraph, start, at) {
            return None;
        }
        let word = &paragraph[start..at];
        start = at;
        (!word.is_empty()).then_some(word)
    })
}

/// Tells whether a break that UAX 14 allows is one of ours: after a space, or beside a wide letter outside a URL.
fn may_break(paragraph: &str, start: usize, at: usize) -> bool {
    let before = paragraph[..at].chars().next_back();
    if before.is_some_and(|letter| letter == ' ' || letter == '\t') {
        return true;
    }
    let after = paragraph[at..].chars().next();
    let is_wide = |letter: Option<char>| letter.and_then(UnicodeWidthChar::width) == Some(2);
    (is_wide(before) || is_wide(after)) && !paragraph[start..at].contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_never_within_a_url() {
        let url = format!("https://example.org/{}", "a-long/path/".repeat(8));
        let wrapped = wrap(&format!("See {url} for more."), "- ", "  ");
        assert_eq!(wrapped, format!("- See\n  {url}\n  for more.\n"));
    }

    #[test]
    fn hyphenated_words_stay_whole() {
        let wrapped = wrap(&format!("{} Baku-Tbilisi-Ceyhan pipeline", "x".repeat(60)), "", "");
        assert_eq!(wrapped, format!("{}\nBaku-Tbilisi-Ceyhan pipeline\n", "x".repeat(60)));
    }

    #[test]
    fn wide_scripts_break_between_letters_by_their_width() {
        let wrapped = wrap(&"字".repeat(40), "", "");
        assert_eq!(wrapped, format!("{}\n{}\n", "字".repeat(36), "字".repeat(4)));
    }

    #[test]
    fn nothing_is_one_empty_line() {
        assert_eq!(wrap("", "> ", "> "), ">\n");
    }
}
