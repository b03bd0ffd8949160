//! The publication's own pages, out of its folder `pages/`: which there are, and which ones mails lead to in vain.

use std::{collections::BTreeMap, fs, io::ErrorKind};

use super::{Failure, newsroom::Newsroom};
use crate::web::site;

/// Reads those that are there, Markdown by name.
pub(super) fn read(newsroom: &Newsroom) -> Result<BTreeMap<String, String>, Failure> {
    let mut pages = BTreeMap::new();
    for name in site::PAGES {
        let path = newsroom.root.join(file(name));
        match fs::read_to_string(&path) {
            Ok(text) => {
                pages.insert(name.to_owned(), text);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::file(&path, "read", &error)),
        }
    }
    Ok(pages)
}

/// A page that every mail leads to, and that is not there.
pub(super) struct Missing {
    /// Its key under `[links]`.
    pub(super) key: &'static str,
    /// Where the mails lead.
    pub(super) url: String,
    /// The file it would come from.
    pub(super) file: String,
}

/// Finds the pages of our own site that `[links]` names and `pages/` lacks.
pub(super) fn missing(newsroom: &Newsroom) -> Vec<Missing> {
    let publication = &newsroom.publication;
    let Some(base) = &publication.web else { return Vec::new() };
    let links = &publication.links;
    let named = [&links.disclaimer, &links.privacy, &links.feedback];
    let ours = site::PAGES.into_iter().zip(named).filter(|(key, url)| {
        let is_ours = **url == format!("{base}/{key}");
        is_ours && !newsroom.root.join(file(key)).exists()
    });
    ours.map(|(key, url)| Missing { key, url: url.clone(), file: file(key) }).collect()
}

fn file(name: &str) -> String {
    format!("pages/{name}.md")
}
