//! Tag lists, `name=value; name=value`, as DKIM and DMARC write them (RFC 6376 section 3.2).

use std::collections::BTreeSet;

/// Says why a text is no tag list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// A piece between semicolons that is not `name=value`.
    #[error("`{0}` is not `name=value`")]
    NoTag(String),
    /// A name that is there twice.
    #[error("`{0}=` is there twice")]
    Twice(String),
}

/// Splits a tag list into names and values, blanks around either cut off.
pub fn tags(text: &str) -> Result<Vec<(&str, &str)>, TagError> {
    let (mut found, mut names) = (Vec::new(), BTreeSet::new());
    for piece in text.split(';').map(str::trim).filter(|piece| !piece.is_empty()) {
        let no_tag = || TagError::NoTag(piece.chars().take(40).collect());
        let (name, value) = piece.split_once('=').ok_or_else(no_tag)?;
        let name = name.trim_end();
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(fits) {
            return Err(no_tag());
        }
        if !names.insert(name) {
            return Err(TagError::Twice(name.to_owned()));
        }
        found.push((name, value.trim_start()));
    }
    Ok(found)
}

/// Returns a tag's value.
pub(super) fn value<'a>(tags: &[(&'a str, &'a str)], name: &str) -> Option<&'a str> {
    tags.iter().find(|(there, _)| *there == name).map(|(_, value)| *value)
}

/// Takes every blank out, such as a fold leaves in base64.
pub(super) fn unspaced(text: &str) -> String {
    text.split_ascii_whitespace().collect()
}
