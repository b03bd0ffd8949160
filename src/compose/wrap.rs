//! Sets a paragraph of plain text in lines of so many columns.
//!
//! Columns are those of a terminal (UAX 11, by unicode-width). Lines break at
//! spaces, and inside wide scripts where UAX 14 allows it; a URL or a word too
//! long for a line is never broken.

use unicode_linebreak::linebreaks;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Returns the lines of a paragraph, none wider than `width` unless one word is.
///
/// Line ends and runs of spaces count as one space. The first line begins with
/// `first`, the others with `rest`; there is always at least one line.
pub(super) fn wrap(text: &str, first: &str, rest: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::with_capacity(text.len() / width.max(1) + 1);
    let mut line = Line::new(first, width);
    for word in text.split_ascii_whitespace() {
        let mut gap = " ";
        for piece in pieces(word) {
            let columns = columns(piece);
            if !line.takes(gap, columns) {
                lines.push(std::mem::replace(&mut line, Line::new(rest, width)).text);
            }
            line.push(gap, piece, columns);
            gap = "";
        }
    }
    lines.push(line.text);
    lines
}

struct Line {
    text: String,
    used: usize,
    width: usize,
    empty: bool,
}

impl Line {
    fn new(indent: &str, width: usize) -> Self {
        let mut text = String::with_capacity(width + 8);
        text.push_str(indent);
        Self { text, used: columns(indent), width, empty: true }
    }

    fn takes(&self, gap: &str, columns: usize) -> bool {
        self.empty || self.used + gap.len() + columns <= self.width
    }

    fn push(&mut self, gap: &str, piece: &str, columns: usize) {
        if !self.empty {
            self.text.push_str(gap);
            self.used += gap.len();
        }
        self.text.push_str(piece);
        self.used += columns;
        self.empty = false;
    }
}

/// Returns how many columns a terminal takes for a text.
pub(super) fn columns(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() + ligatures(text) }
}

/// Counts each alef behind a lam: unicode-width takes the two for one letter, as they are in print, where terminals give
/// each a cell of its own.
fn ligatures(text: &str) -> usize {
    let letters = text.chars().filter(|letter| letter.width() != Some(0));
    let is_alef = |letter| matches!(letter, 'آ' | 'أ' | 'إ' | 'ا');
    letters.clone().zip(letters.skip(1)).filter(|(one, next)| *one == 'ل' && is_alef(*next)).count()
}

/// Cuts a word where a line may break inside it: beside a wide character, and nowhere in a URL.
fn pieces(word: &str) -> impl Iterator<Item = &str> {
    let breakable = !word.is_ascii() && !is_url(word) && word.chars().any(is_wide);
    let mut cuts = breakable.then(|| linebreaks(word)).into_iter().flatten();
    let mut start = 0;
    std::iter::from_fn(move || {
        let end = cuts
            .find(|(at, _)| *at < word.len() && beside_wide(word, *at))
            .map_or(word.len(), |(at, _)| at);
        let piece = word.get(start..end).filter(|piece| !piece.is_empty());
        start = end;
        piece
    })
}

fn is_url(word: &str) -> bool {
    word.contains("://") || word.contains("mailto:")
}

fn beside_wide(word: &str, at: usize) -> bool {
    let before = word[..at].chars().next_back();
    let after = word[at..].chars().next();
    before.into_iter().chain(after).any(is_wide)
}

/// Tells whether a letter takes two columns, and lines may break beside it.
pub(super) fn is_wide(char: char) -> bool {
    char.width() == Some(2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, width: usize, lines: &[&str]) {
        assert_eq!(wrap(text, "", "", width), lines);
    }

    #[test]
    fn lines_break_at_spaces_and_spaces_do_not_add_up() {
        check("one two  three\nfour", 9, &["one two", "three", "four"]);
        check("", 9, &[""]);
        check("   ", 9, &[""]);
    }

    #[test]
    fn the_first_line_and_the_others_have_their_own_indent() {
        assert_eq!(wrap("one two three", "* ", "  ", 9), ["* one two", "  three"]);
    }

    #[test]
    fn urls_and_long_words_are_never_broken() {
        let url = "https://example.org/a-very-long-path?with=a-query&and=more";
        check(&format!("see {url} now"), 20, &["see", url, "now"]);
        let wide = "https://example.org/日本語日本語日本語日本語";
        check(wide, 20, &[wide]);
        check("Donaudampfschifffahrtsgesellschaft", 9, &["Donaudampfschifffahrtsgesellschaft"]);
    }

    #[test]
    fn wide_scripts_break_between_characters_but_not_before_a_full_stop() {
        check("日本語の文章です。終わり", 10, &["日本語の文", "章です。終", "わり"]);
        check("日本語文字。終わり", 10, &["日本語文", "字。終わり"]);
    }

    #[test]
    fn lam_and_alef_are_two_columns() {
        assert_eq!([columns("ألاشانكو"), columns("لَا"), columns("لل"), columns("")], [8, 2, 2, 0]);
    }

    #[test]
    fn an_accent_is_no_column() {
        check("e\u{301}e\u{301} e\u{301}e\u{301}", 5, &["e\u{301}e\u{301} e\u{301}e\u{301}"]);
    }

    proptest! {
        #[test]
        fn no_word_is_lost_and_no_line_too_wide_but_for_one_word(text in "([a-zé日本。👍]{1,12}| ){0,30}") {
            let lines = wrap(&text, "> ", "", 20);
            for line in &lines {
                let words = line.trim_start_matches("> ").split(' ').count();
                prop_assert!(line.width() <= 20 || words == 1, "{line:?}");
            }
            let glued: String = lines.concat().split_ascii_whitespace().collect();
            let words: String = text.split_ascii_whitespace().collect();
            prop_assert_eq!(glued.trim_start_matches('>'), words);
        }
    }
}
