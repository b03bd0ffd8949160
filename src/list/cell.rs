//! What stands inside a cell: labels, a yes or no, a JSON object.

use std::collections::BTreeMap;

use serde_json::Value;

/// What yes is called, in the languages of tools that translate it.
const YES: [&str; 14] =
    ["1", "true", "yes", "y", "t", "on", "x", "ja", "oui", "sí", "si", "sì", "sim", "да"];

/// What no is called.
const NO: [&str; 10] = ["0", "false", "no", "n", "f", "off", "nein", "non", "nee", "нет"];

/// Understands a cell that says yes or no, or since when it is so; `None` where it is neither.
pub(super) fn is_so(cell: &str) -> Option<bool> {
    let word = cell.trim().to_lowercase();
    match word.as_str() {
        "" | "null" | "none" | "-" | "não" | "nej" => Some(false),
        word if NO.contains(&word) => Some(false),
        word if YES.contains(&word) => Some(true),
        word if is_date(word) => Some(true),
        _ => None,
    }
}

/// Tells whether a word begins as dates do: figures with something between that dates have there.
fn is_date(word: &str) -> bool {
    let figures = word.bytes().take_while(u8::is_ascii_digit).count();
    let after = word.as_bytes().get(figures);
    matches!((figures, after), (1 | 2 | 4, Some(b'-' | b'/' | b'.')))
}

/// Splits a cell of labels: a JSON array, or CSV with commas, semicolons or ` ::: ` between. Each is there once.
pub(super) fn labels(cell: &str) -> Vec<String> {
    let cell = cell.trim();
    let split = match serde_json::from_str(cell) {
        Ok(Value::Array(values)) if cell.starts_with('[') => {
            values.iter().map(|value| text(value).trim().to_owned()).collect()
        }
        _ => split(cell),
    };
    let mut labels: Vec<String> = Vec::new();
    for label in split {
        let label = label.trim();
        // Google marks the groups so that it makes itself, and everybody is in.
        let is_own = label.starts_with("* ");
        if !label.is_empty() && !is_own && !labels.iter().any(|other| other == label) {
            labels.push(label.to_owned());
        }
    }
    labels
}

/// Splits at what stands between labels, but inside quotation marks, where a doubled one is one.
fn split(cell: &str) -> Vec<String> {
    let cell = cell.replace(":::", ";");
    let (mut labels, mut label, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut chars = cell.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                chars.next();
                label.push('"');
            }
            '"' if is_quoted || label.trim().is_empty() => is_quoted = !is_quoted,
            ',' | ';' if !is_quoted => labels.push(std::mem::take(&mut label).trim().to_owned()),
            c => label.push(c),
        }
    }
    labels.push(label.trim().to_owned());
    labels
}

/// Joins labels so that `labels` reads them back.
pub(super) fn joined(labels: &[String]) -> String {
    let quoted = |label: &String| {
        let is_plain = !label.contains(['"', ',', ';']) && !label.contains(":::");
        let is_plain = is_plain && !label.starts_with('[');
        if is_plain { label.clone() } else { format!("\"{}\"", label.replace('"', "\"\"")) }
    };
    labels.iter().map(quoted).collect::<Vec<_>>().join("; ")
}

/// Reads a JSON object of merge fields, or one as Python writes it, one inside another by `outer.inner`; `None` where it is none.
pub(super) fn attributes(cell: &str) -> Option<BTreeMap<String, String>> {
    let read = |text: &str| serde_json::from_str(text).ok();
    let value: Value = read(cell.trim()).or_else(|| read(&as_json(cell.trim())))?;
    let mut fields = BTreeMap::new();
    if value.is_null() {
        return Some(fields);
    }
    for (name, value) in value.as_object()? {
        gather(&name.trim().to_lowercase(), value, &mut fields);
    }
    Some(fields)
}

/// Writes a Python literal as JSON: strings in double quotation marks, `None` and its kin in lower case.
fn as_json(literal: &str) -> String {
    let (mut json, mut chars) = (String::with_capacity(literal.len()), literal.chars());
    let mut quote = None;
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '\'' | '"') => {
                quote = Some(c);
                json.push('"');
            }
            (Some(open), c) if c == open => {
                quote = None;
                json.push('"');
            }
            (Some(_), '"') => json.push_str("\\\""),
            (Some(_), '\\') => match chars.next() {
                Some('\'') => json.push('\''),
                Some(c) => json.extend(['\\', c]),
                None => json.push('\\'),
            },
            (None, 'T' | 'F' | 'N') => match c {
                'N' => {
                    json.push_str("null");
                    chars = chars.as_str().strip_prefix("one").unwrap_or(chars.as_str()).chars();
                }
                c => json.push(c.to_ascii_lowercase()),
            },
            (_, c) => json.push(c),
        }
    }
    json
}

/// Goes as deep as the parser, which stops at 128.
fn gather(name: &str, value: &Value, fields: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(inner) => {
            for (key, value) in inner {
                gather(&format!("{name}.{}", key.trim().to_lowercase()), value, fields);
            }
        }
        Value::Null => {}
        value => {
            fields.insert(name.to_owned(), text(value));
        }
    }
}

/// Says a JSON value as a cell would.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join("; "),
        Value::Null => String::new(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_split_at_whatever_stands_between_them() {
        for (cell, expected) in [
            ("a, b;c;a", &["a", "b", "c"][..]),
            (r#""Gold, 2019","press""#, &["Gold, 2019", "press"]),
            (r#"say "hi"; b"#, &[r#"say "hi""#, "b"]),
            (r#"["a","b, c"]"#, &["a", "b, c"]),
            ("* myContacts ::: Friends ::: * starred", &["Friends"]),
            ("[draft]", &["[draft]"]),
            ("", &[]),
            (" ; ,", &[]),
        ] {
            assert_eq!(labels(cell), expected, "{cell}");
        }
    }

    #[test]
    fn labels_that_are_joined_read_back() {
        let odd = ["plain", "a, b", "x;y", r#"say "hi""#, "[1]", "a:::b"];
        let odd = odd.map(str::to_owned);
        assert_eq!(labels(&joined(&odd)), ["plain", "a, b", "x;y", r#"say "hi""#, "[1]", "a;b"]);
    }

    #[test]
    fn yes_no_and_dates_are_understood_and_nothing_else() {
        for cell in ["true", "1", "Ja", "2020-01-02 03:04:05", "3/1/2021", "01.02.2021"] {
            assert_eq!(is_so(cell), Some(true), "{cell}");
        }
        for cell in ["", "False", "0", "nein", "null"] {
            assert_eq!(is_so(cell), Some(false), "{cell}");
        }
        for cell in ["perhaps", "12", "-1", "2020"] {
            assert_eq!(is_so(cell), None, "{cell}");
        }
    }

    #[test]
    fn a_json_object_is_fields() {
        let fields = attributes(r#"{"City":"Oslo","age":41,"a":{"b":["x",1]},"none":null}"#);
        let fields = fields.expect("it is an object");
        assert_eq!(
            fields.into_iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(),
            ["a.b=x; 1", "age=41", "city=Oslo"]
        );
        let python =
            r#"{'staff': 'true', "it's": "a \"b\"", 'n': None, 'yes': True, 'deep': {'x': 1}}"#;
        let fields = attributes(python).expect("it is one of Python's");
        assert_eq!(
            fields.into_iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(),
            ["deep.x=1", "it's=a \"b\"", "staff=true", "yes=true"]
        );
        assert_eq!(attributes("{'oops"), None);
        assert_eq!(attributes("[1]"), None);
        assert_eq!(attributes("{oops"), None);
    }
}
