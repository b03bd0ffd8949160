//! Characters that nobody sees, told wherever a file holds them: as they are, as references of Markdown, as escapes of TOML.
//!
//! They would hide what an issue says, turn its direction, or be taken for a merge field, which is carried as a
//! private-use character (`field.rs`).

use std::ops::Range;

use super::{
    code::{FORBIDDEN_CHARACTER, LOST_LETTER},
    field::is_mark,
    proof::{Help, Proof},
};

/// The references by name (HTML's list) to what nobody sees.
const NAMED: [(&str, char); 7] = [
    ("NegativeMediumSpace", '\u{200b}'),
    ("NegativeThickSpace", '\u{200b}'),
    ("NegativeThinSpace", '\u{200b}'),
    ("NegativeVeryThinSpace", '\u{200b}'),
    ("NewLine", '\n'),
    ("Tab", '\t'),
    ("ZeroWidthSpace", '\u{200b}'),
];

/// Tells whether every letter of a file could be read; the first that was lost on its way here, or before, is marked.
pub(super) fn is_whole(proof: &mut Proof<'_>) -> bool {
    const LOST: char = char::REPLACEMENT_CHARACTER;
    let Some(at) = proof.text().find(LOST) else { return true };
    proof.error(
        LOST_LETTER,
        at..at + LOST.len_utf8(),
        "a letter that cannot be read: the file is not UTF-8 text",
    );
    false
}

/// Marks every hidden character of a draft or a text part.
pub(super) fn refuse(proof: &mut Proof<'_>) {
    let text = proof.text();
    for (at, letter) in text.char_indices() {
        if matches!(letter, ' '..='%' | '\''..='~') {
            continue;
        }
        let is_layout = matches!(letter, '\n' | '\r' | '\t');
        let is_mark_of_order = at == 0 && letter == '\u{feff}';
        if is_hidden(letter) && !is_layout && !is_mark_of_order {
            tell(letter, at..at + letter.len_utf8(), proof);
        } else if letter == '&'
            && let Some((hidden, length)) = reference(&text[at..])
            && is_hidden(hidden)
        {
            tell(hidden, at..at + length, proof);
        }
    }
}

/// Marks what a text between quotes holds by its escapes; what stands there openly is told by `refuse`.
pub(super) fn refuse_escaped(value: &str, span: Range<usize>, proof: &mut Proof<'_>) {
    let source = &proof.text()[span.clone()];
    let is_layout = |letter| matches!(letter, '\n' | '\r' | '\t');
    let escaped = value
        .chars()
        .find(|&letter| is_hidden(letter) && !is_layout(letter) && !source.contains(letter));
    if let Some(letter) = escaped {
        tell(letter, span, proof);
    }
}

fn is_hidden(letter: char) -> bool {
    matches!(letter, '\u{200b}' | '\u{feff}' | '\u{2028}' | '\u{2029}')
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || letter.is_control()
        || is_mark(letter)
}

/// Reads the reference that a text begins with (CommonMark section 2.5); returns what it stands for, and its length.
fn reference(text: &str) -> Option<(char, usize)> {
    // The longest name or number there is fits in thirty-two.
    let end = text.bytes().take(34).position(|byte| byte == b';')?;
    let name = &text[1..end];
    let letter = match name.strip_prefix('#') {
        Some(number) => {
            let number = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(number.ok()?)?
        }
        None => NAMED.iter().find(|(known, _)| *known == name)?.1,
    };
    Some((letter, end + 1))
}

fn tell(letter: char, span: Range<usize>, proof: &mut Proof<'_>) {
    let what = if is_mark(letter) { "private-use" } else { "hidden" };
    let name = format!("a {what} character, U+{:04X}", u32::from(letter));
    proof.error(FORBIDDEN_CHARACTER, span, name).helped("delete it and write what was meant");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let mut proof = Proof::new("issue.md", text);
        refuse(&mut proof);
        let problems = proof.into_problems();
        problems
            .iter()
            .map(|problem| format!("{}:{}", problem.place.line, problem.place.column))
            .collect()
    }

    #[test]
    fn what_nobody_sees_is_told_however_it_is_written() {
        for text in [
            "\u{e001}",
            "\u{202e}",
            "\0",
            "&#xE001;",
            "&#XE001;",
            "&#57345;",
            "&#x202e;",
            "&#13;",
            "&#10;",
            "&#9;",
            "&#xFEFF;",
            "&ZeroWidthSpace;",
            "&NewLine;",
        ] {
            assert_eq!(told(&format!("plain\nab{text}c")), ["2:3"], "{text:?}");
        }
    }

    #[test]
    fn what_people_write_is_left_alone() {
        for text in
            ["\u{feff}plain\ttext\r\n", "&amp; & &#; &#x; &#xZ; &#233; &eacute; &nbsp; &", "&é;"]
        {
            assert_eq!(told(text), [""; 0], "{text:?}");
        }
    }

    #[test]
    fn an_escape_is_told_and_an_open_line_end_is_not() {
        for (source, value, count) in [
            (r#""\uE001""#, "\u{e001}", 1),
            (r#""a\u202eb""#, "a\u{202e}b", 1),
            ("\"\"\"a\nb\"\"\"", "a\nb", 0),
            ("\"plain\"", "plain", 0),
        ] {
            let mut proof = Proof::new("issue.md", source);
            refuse_escaped(value, 0..source.len(), &mut proof);
            assert_eq!(proof.into_problems().len(), count, "{source}");
        }
    }
}
