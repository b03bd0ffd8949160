//! A record as a line of a zone file (RFC 1035 section 5).

use std::fmt;

/// As many bytes as one string of a TXT record holds (RFC 1035 section 3.3).
const STRING_BYTES: usize = 255;

/// A record to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its name, without the final dot.
    pub name: String,
    /// What it says.
    pub data: Data,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// A text.
    Txt(String),
    /// The host that takes mail.
    Mx(String),
}

impl Line {
    pub(super) fn txt(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), data: Data::Txt(text.into()) }
    }

    pub(super) fn mx(name: impl Into<String>, host: impl Into<String>) -> Self {
        Self { name: name.into(), data: Data::Mx(host.into()) }
    }

    /// Returns the record's type.
    pub fn kind(&self) -> &'static str {
        match self.data {
            Data::Txt(_) => "TXT",
            Data::Mx(_) => "MX",
        }
    }

    /// Returns the data as a zone file writes it.
    pub fn value(&self) -> String {
        match &self.data {
            Data::Txt(text) => {
                let quoted =
                    |one: &str| format!("\"{}\"", one.replace('\\', "\\\\").replace('"', "\\\""));
                strings(text).map(quoted).collect::<Vec<_>>().join(" ")
            }
            Data::Mx(host) => format!("10 {host}."),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. IN {} {}", self.name, self.kind(), self.value())
    }
}

/// Cuts a record's text into the strings that a zone file writes it as; receivers join them.
pub fn strings(record: &str) -> impl Iterator<Item = &str> {
    let mut rest = record;
    std::iter::from_fn(move || {
        let end = rest.floor_char_boundary(STRING_BYTES);
        let (one, after) = rest.split_at(end);
        rest = after;
        (!one.is_empty()).then_some(one)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_255_bytes_and_quotation_marks_are_escaped() {
        let line = Line::txt("a.example.org", "x".repeat(300));
        let shown = format!("a.example.org. IN TXT \"{}\" \"{}\"", "x".repeat(255), "x".repeat(45));
        assert_eq!(line.to_string(), shown);
        assert_eq!(Line::txt("a", "b\"\\").to_string(), "a. IN TXT \"b\\\"\\\\\"");
        assert_eq!(
            Line::mx("b.example.org", "mail.example.org").to_string(),
            "b.example.org. IN MX 10 mail.example.org."
        );
        assert_eq!(strings(&"é".repeat(200)).map(str::len).collect::<Vec<_>>(), [254, 146]);
    }
}
