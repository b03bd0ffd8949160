//! How counts, times and sentences are said to people. Pure, but for the machine's time zone and the current folder.

use std::{path::Path, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use unicode_width::UnicodeWidthStr;

pub(super) use crate::model::{counted, grouped};

/// How wide a line of prose may be.
const WIDTH: usize = 80;

/// Says a length of time as a person would.
pub(super) fn spoken(length: Duration) -> String {
    let seconds = length.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{} s", seconds.max(1)),
        (0, _) => format!("{minutes} min {} s", seconds % 60),
        (1..48, _) => format!("{hours} h {minutes} min"),
        _ => format!("{} days {} h", hours / 24, hours % 24),
    }
}

/// Shows the hour of an instant in this machine's zone, and the day where that is not today.
pub(super) fn clock_time(at: Timestamp) -> String {
    let zone = TimeZone::system();
    let (at, now) = (at.to_zoned(zone.clone()), Timestamp::now().to_zoned(zone));
    let pattern = if at.date() == now.date() { "%H:%M" } else { "%a %-d %b, %H:%M" };
    at.strftime(pattern).to_string()
}

/// Shows an instant to the second, in UTC.
pub(super) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Breaks a sentence into lines of at most 80 columns. The first has `used` columns less; the others begin with `indent` spaces. What stands in backticks is never broken, so that a command can be copied.
pub(super) fn wrapped(text: &str, used: usize, indent: usize) -> String {
    let mut shown = String::with_capacity(text.len() + 16);
    let (mut column, mut is_first) = (used, true);
    for word in unbroken(text) {
        let width = word.width();
        if !is_first && column + 1 + width > WIDTH {
            shown.push('\n');
            shown.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else if !is_first {
            shown.push(' ');
            column += 1;
        }
        shown.push_str(word);
        column += width;
        is_first = false;
    }
    shown
}

/// Splits at the blanks outside of backticks.
fn unbroken(text: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |character| {
        is_quoted ^= character == '`';
        character == ' ' && !is_quoted
    })
}

/// Shows a path as seen from the current folder, where it is inside it.
pub(super) fn path(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let inside = here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    match inside {
        Some(inside) if inside.as_os_str().is_empty() => ".".to_owned(),
        Some(inside) => inside.display().to_string(),
        None => path.display().to_string(),
    }
}

/// Takes the system's error numbers out of a sentence: `(os error 2)` helps nobody.
pub(super) fn plain(sentence: &str) -> String {
    const MARK: &str = " (os error ";
    let Some((before, after)) = sentence.split_once(MARK) else { return sentence.to_owned() };
    match after.split_once(')') {
        Some((number, behind)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
            before.to_owned() + &plain(behind)
        }
        _ => before.to_owned() + MARK + &plain(after),
    }
}

/// Returns `text` with control and direction characters escaped, so that a stranger's bytes cannot steer a terminal.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let is_direction = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if (character.is_control() && character != '\n') || is_direction {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Returns `text` as `printable` does, but for our own colours, which steer nothing.
pub(super) fn steady(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        shown.push_str(&printable(&rest[..at]));
        let length = colour(&rest[at..]);
        shown.push_str(if length > 1 { &rest[at..at + length] } else { "\\u{1b}" });
        rest = &rest[at + length..];
    }
    shown + &printable(rest)
}

/// Returns the length of the colour that a text begins with, `ESC [ digits and semicolons m`; else 1, the escape alone.
fn colour(text: &str) -> usize {
    let is_of_one = |c: char| c.is_ascii_digit() || c == ';';
    let Some(arguments) = text.strip_prefix("\u{1b}[") else { return 1 };
    let end = arguments.trim_start_matches(is_of_one);
    if end.starts_with('m') { text.len() - end.len() + 1 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_said_as_people_say_them() {
        for (seconds, words) in
            [(0, "1 s"), (61, "1 min 1 s"), (3_700, "1 h 1 min"), (200_000, "2 days 7 h")]
        {
            assert_eq!(spoken(Duration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn a_sentence_is_broken_between_words_and_never_inside_a_command() {
        let command = "`postrider status 2003-10-06-kazakhstan --in-doubt`";
        let text =
            format!("whoever is in doubt is listed by the command {command} and by no other");
        assert_eq!(
            wrapped(&text, 6, 6),
            format!(
                "whoever is in doubt is listed by the command\n      {command} and by no other"
            )
        );
        assert_eq!(wrapped("short", 70, 2), "short");
        assert_eq!(wrapped(&"x".repeat(100), 6, 6), "x".repeat(100), "a word alone stays whole");
    }

    #[test]
    fn the_systems_error_numbers_are_left_out() {
        for (sentence, shown) in [
            ("No such file or directory (os error 2)", "No such file or directory"),
            ("refused (os error 111); trying again", "refused; trying again"),
            ("(os error x) stays", "(os error x) stays"),
            ("an end (os error ", "an end (os error "),
        ] {
            assert_eq!(plain(sentence), shown);
        }
    }

    #[test]
    fn a_strangers_name_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}c"), "a\\u{1b}[2Jb\\u{202e}c");
        assert_eq!(steady("\u{1b}[1mbold\u{1b}[0m"), "\u{1b}[1mbold\u{1b}[0m");
        assert_eq!(steady("a\u{1b}[2J\u{1b}\rb"), "a\\u{1b}[2J\\u{1b}\\u{d}b");
    }
}
