//! How wide words are about, in ems of a plain sans serif: whether a table fits a phone has to be known before anybody sets it.
//!
//! Real faces are up to a tenth narrower or wider. Letters of a narrow face, such
//! as those of listings, are all of one width.

use unicode_width::UnicodeWidthChar;

use super::wrap::is_wide;

/// How wide a letter of a face is in which all are of one width.
const EVEN: f32 = 0.6;

/// Returns how wide a word is.
pub fn ems(word: &str) -> f32 {
    word.chars().map(letter).sum()
}

/// Returns how wide a word is in a face in which all letters are of one width.
pub fn even_ems(word: &str) -> f32 {
    word.chars().map(|letter| if letter.width() == Some(0) { 0.0 } else { EVEN }).sum()
}

/// Tells whether a line may end behind a letter, or beside a wide one.
pub(super) fn ends_word(letter: char) -> bool {
    letter.is_whitespace() || "-–—".contains(letter) || is_wide(letter)
}

fn letter(letter: char) -> f32 {
    match letter {
        'i' | 'j' | 'l' | 't' | 'f' | 'r' | 'I' | '.' | ',' | ':' | ';' | '(' | ')' | '/' => 0.28,
        'c' | 'k' | 's' | 'v' | 'x' | 'y' | 'z' => 0.5,
        'm' | 'w' | 'M' | 'W' => 0.83,
        _ if is_wide(letter) => 1.0,
        _ if letter.width() == Some(0) => 0.0,
        _ if letter.is_uppercase() => 0.7,
        _ if letter.is_whitespace() => 0.28,
        _ => 0.56,
    }
}
