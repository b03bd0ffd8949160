//! What the next issue has to know of an issue, to say where it repeats it.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::dom::Dom;
use crate::compose::{Composed, Issue, Origins, Piece};

/// An issue in a few values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gist {
    /// The name of its folder.
    pub slug: String,
    /// Its subject.
    pub subject: String,
    /// Where its articles lead.
    pub links: BTreeSet<String>,
    /// The day it is dated.
    pub date: Option<Date>,
    /// Its number.
    pub number: Option<u32>,
}

impl Gist {
    /// Returns what a draft says of itself, without its links; for one that does not compose.
    pub fn of_issue(slug: &str, issue: &Issue) -> Self {
        Self {
            slug: slug.to_owned(),
            subject: issue.subject().to_owned(),
            links: BTreeSet::new(),
            date: issue.date(),
            number: issue.number(),
        }
    }

    /// Returns the gist of an issue that composes.
    pub fn of(composed: &Composed) -> Self {
        let literals = composed.edition.html.iter().filter_map(|piece| match piece {
            Piece::Literal(text) => Some(text.as_str()),
            Piece::Slot(_) => None,
        });
        let dom = Dom::parse(&literals.collect::<String>());
        let links = links(&dom, &composed.origins).map(|(_, url)| url.to_owned()).collect();
        Self { links, ..Self::of_issue(&composed.edition.slug, &composed.issue) }
    }
}

/// Returns the links that the draft itself brings, each with its element.
pub(super) fn links<'a>(
    dom: &'a Dom,
    origins: &'a Origins,
) -> impl Iterator<Item = (usize, &'a str)> {
    dom.named("a").filter_map(|(id, link)| {
        origins.of(link.tag)?;
        Some((id, link.get("href")?))
    })
}
