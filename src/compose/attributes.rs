//! The attributes of a directive: `key="value"` or `key=value`, blanks between them.

/// Returns each key with its value; `None` where the text is something else.
pub(super) fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_at(after.find(char::is_whitespace).unwrap_or(after.len())),
        };
        let is_apart = after.is_empty() || after.starts_with(char::is_whitespace);
        if !is_key || !is_apart || value.is_empty() && !text.contains("\"\"") {
            return None;
        }
        pairs.push((key.to_owned(), value.to_owned()));
        rest = after.trim_start();
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use super::pairs;

    #[test]
    fn a_value_stands_in_quotes_or_has_no_blank() {
        for (text, read) in [
            ("", Some(vec![])),
            (" segment=\"paid\" ", Some(vec![("segment", "paid")])),
            ("a=1  b=\"two words\"", Some(vec![("a", "1"), ("b", "two words")])),
            ("a=\"\"", Some(vec![("a", "")])),
            ("a", None),
            ("a=", None),
            ("=a", None),
            ("a=\"open", None),
            ("a=\"b\"c=d", None),
            ("a b=c", None),
        ] {
            let wanted = read.map(|pairs| {
                pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
            });
            assert_eq!(pairs(text), wanted, "{text}");
        }
    }
}
