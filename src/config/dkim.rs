//! `[dkim]`: as whom messages are signed, and the keys fetched from their files.

use std::path::Path;

use super::{
    mistake::Mistake,
    secret::{SecretError, read_private},
    table::{Page, Table, Value},
    value,
};
use crate::{
    compose::{DkimKey, SIGNED_FIELDS, is_selector},
    model::{DkimKeyFile, DkimSettings, Problem, Sender},
};

const NEW: &str = "`postrider keys new` makes a key and says what to publish";

const KEYS: &str = "keys = [{ selector = \"e2026\", file = \".postrider/dkim-e2026.pem\" }]";

/// Reads the table; `None` where there is none.
pub(super) fn settings(
    root: &mut Table<'_>,
    sender: Option<&Sender>,
    page: &mut Page<'_>,
) -> Option<DkimSettings> {
    root.span_of("dkim")?;
    let mut table = root.table("dkim", page);
    let from = sender.map(|sender| sender.from.address.domain());
    let domain = table.needed("domain", "domain = \"example.org\"", page, |text| {
        value::domain(text).and_then(|domain| aligned(domain, from))
    });
    let mut keys: Vec<DkimKeyFile> = Vec::new();
    for value in table.needed_values("keys", KEYS, page) {
        keys.extend(key(value, &keys, page));
    }
    let unsigned = table.values("unsigned").into_iter();
    let unsigned =
        unsigned.filter_map(|value| value.text("unsigned", page, unsigned_field)).collect();
    table.finish(page);
    Some(DkimSettings { domain: domain?, keys, unsigned })
}

fn key(value: Value<'_>, known: &[DkimKeyFile], page: &mut Page<'_>) -> Option<DkimKeyFile> {
    let mut table = value.table("dkim.keys".to_owned(), page);
    let selector = table.needed("selector", "selector = \"e2026\"", page, |text| {
        let selector = selector(text)?;
        if known.iter().any(|key| key.selector == selector) {
            return Err(Mistake::new(format!("there is a key with the selector `{selector}`"))
                .help("each key has a DNS record, and so a selector, of its own"));
        }
        Ok(selector)
    });
    let span = table.span_of("file");
    let line = "file = \".postrider/dkim-e2026.pem\"";
    let file = table.needed("file", line, page, value::line);
    table.finish(page);
    Some(DkimKeyFile { selector: selector?, file: file?, place: page.place(span?) })
}

/// Lets a domain pass that counts as From's own.
///
/// Receivers hold a signature against From (DMARC, RFC 9989 section 4.4): it
/// counts only for a domain of the same organisation. Which domains those are
/// is the public's knowledge and changes; that one is the other, or stands
/// above it, can be seen.
fn aligned(domain: String, from: Option<&str>) -> Result<String, Mistake> {
    let is_below = |one: &str, other: &str| {
        one.strip_suffix(other).is_some_and(|front| front.is_empty() || front.ends_with('.'))
    };
    match from {
        Some(from) if !is_below(from, &domain) && !is_below(&domain, from) => {
            let message = format!("`{domain}` cannot sign for `from`, which is at {from}");
            let help =
                "a signature counts only for From's own domain, or one above or below it (DMARC)";
            Err(Mistake::new(message).help(help))
        }
        _ => Ok(domain),
    }
}

fn selector(text: &str) -> Result<String, Mistake> {
    if is_selector(text) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(Mistake::new(format!("`{text}` is no selector"))
        .help("use letters, digits and hyphens between them, such as `e2026`"))
}

/// Reads the name of a field that may stay unsigned.
fn unsigned_field(text: &str) -> Result<String, Mistake> {
    match SIGNED_FIELDS.into_iter().find(|field| field.eq_ignore_ascii_case(text)) {
        Some("From") => Err(Mistake::new("a signature without From is none (RFC 6376)")
            .help("a relay that rewrites From has to sign by itself")),
        Some(field) => Ok(field.to_owned()),
        None => Err(Mistake::new(format!("`{text}` is not signed anyway"))
            .help(format!("what is signed: {}", SIGNED_FIELDS.join(", ")))),
    }
}

/// Fetches the keys with their selectors, or tells everything that is wrong with their files.
///
/// A file is relative to `root` and must be the owner's alone.
pub fn dkim_keys(
    settings: &DkimSettings,
    root: &Path,
) -> Result<Vec<(String, DkimKey)>, Vec<Problem>> {
    let (mut keys, mut problems) = (Vec::new(), Vec::new());
    for DkimKeyFile { selector, file, place } in &settings.keys {
        match fetch(file, root) {
            Ok(key) => keys.push((selector.clone(), key)),
            Err(mistake) => problems.push(mistake.at(place.clone())),
        }
    }
    if problems.is_empty() { Ok(keys) } else { Err(problems) }
}

fn fetch(file: &str, root: &Path) -> Result<DkimKey, Mistake> {
    let text = read_private(file, root).map_err(|error| match error {
        SecretError::NotPrivate { mode, .. } => Mistake::unusable_key(format!(
            "the key `{file}` can be read by others (its mode is {mode:03o})"
        ))
        .help(format!("run `chmod 600 {file}`")),
        SecretError::Unreadable { why, .. } => {
            Mistake::unusable_key(format!("the key `{file}` cannot be read: {why}")).help(NEW)
        }
        error => Mistake::unusable_key(error.to_string()),
    })?;
    DkimKey::from_pem(&text).map_err(|error| {
        Mistake::unusable_key(format!("`{file}` {error}")).help(error.remedy(file))
    })
}
