//! What the first bytes of a list tell: what stands between its cells.

use std::io::{self, Read};

/// How far the header is looked for.
const OPENING_MAX: u64 = 1 << 16;

/// The first bytes of a list, understood.
pub(super) struct Opening {
    /// They themselves, from the header on.
    pub(super) text: Vec<u8>,
    /// What stands between cells.
    pub(super) delimiter: u8,
    /// The physical line `text` begins on.
    pub(super) line: u64,
}

/// Reads and understands the first bytes of a list.
pub(super) fn read<R: Read>(reader: &mut R) -> io::Result<Opening> {
    let mut text = Vec::new();
    reader.take(OPENING_MAX).read_to_end(&mut text)?;
    if text.starts_with(b"\xEF\xBB\xBF") {
        text.drain(..3);
    }
    // Spreadsheets write this line to tell each other; it is no record.
    if let Some((delimiter, length)) = separator_line(&text) {
        text.drain(..length);
        return Ok(Opening { text, delimiter, line: 2 });
    }
    let delimiter = sniffed(&text);
    Ok(Opening { text, delimiter, line: 1 })
}

/// Understands `sep=;` with its line end: the delimiter, and how many bytes it takes.
fn separator_line(text: &[u8]) -> Option<(u8, usize)> {
    let length = text.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    let (line, end) = text.split_at(length);
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    let (word, delimiter) = line.split_at_checked(4)?;
    match delimiter {
        [delimiter @ (b',' | b';' | b'\t')] if word.eq_ignore_ascii_case(b"sep=") => {
            Some((*delimiter, length + if end.starts_with(b"\r\n") { 2 } else { 1 }))
        }
        _ => None,
    }
}

/// Returns the delimiter that the header has most of, outside quotation marks; a comma where it has none.
fn sniffed(text: &[u8]) -> u8 {
    let mut quoted = false;
    let (mut commas, mut semicolons, mut tabs) = (0, 0, 0);
    let header = text.iter().skip_while(|byte| matches!(byte, b'\r' | b'\n'));
    for byte in header {
        match byte {
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'\r' | b'\n' => break,
            b',' => commas += 1,
            b';' => semicolons += 1,
            b'\t' => tabs += 1,
            _ => {}
        }
    }
    match commas.max(semicolons).max(tabs) {
        most if most == commas => b',',
        most if most == semicolons => b';',
        _ => b'\t',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_tells_what_stands_between_cells() {
        for (text, delimiter) in [
            ("email,name\n", b','),
            ("email;name;a,b\n", b';'),
            ("\n\nemail\tname", b'\t'),
            ("\"a,b,c\";email;name\n1,2,3,4", b';'),
            ("email", b','),
            ("", b','),
        ] {
            assert_eq!(sniffed(text.as_bytes()), delimiter, "{text:?}");
        }
    }

    #[test]
    fn a_separator_line_is_taken_at_its_word() {
        for (text, rest) in [
            ("sep=;\r\nemail;a,b,c", "email;a,b,c"),
            ("\u{FEFF}SEP=;\nemail", "email"),
            ("\"sep=;\"\remail", "email"),
        ] {
            let opening = read(&mut text.as_bytes()).expect("a slice can be read");
            assert_eq!((opening.delimiter, opening.line), (b';', 2));
            assert_eq!(opening.text, rest.as_bytes());
        }
        assert_eq!(separator_line(b"sep=x\nemail"), None);
        assert_eq!(separator_line(b"separate,email\n"), None);
    }
}
