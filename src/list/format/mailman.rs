//! Mailman 3's roster: a member a line, `Name <address>` or the address alone, and no header.

use super::{Format, SubscriberState::Active};
use crate::model::Mailbox;

pub(super) const FORMAT: Format = Format {
    name: "mailman",
    title: "Mailman's roster",
    marks: &[],
    columns: &[],
    words: &[],
    base: Active,
    keeps_fields: false,
};

/// Tells whether a file that begins with this text is a roster: its first line is somebody, not the names of columns.
pub(in crate::list) fn is_roster(text: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&text[..text.len().min(4096)]);
    let first = start.split(['\r', '\n']).find(|line| !line.trim().is_empty());
    first.is_some_and(|line| line.parse::<Mailbox>().is_ok())
}
