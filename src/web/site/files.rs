//! The archive as files: what `/`, `/issues`, the issues, the feed and the publication's pages would answer, for any server.

use maud::{PreEscaped, html};

use super::{Site, archive, feed, home, pages, shell};
use crate::{compose::page, ledger::LedgerError};

/// A file of the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where it lies, from the archive's folder, with `/` between.
    pub path: String,
    /// What it holds. It is the same as long as nothing new has appeared.
    pub bytes: Vec<u8>,
}

/// Sets every page as a file; each that a server answers at `/issues/SLUG` lies at `issues/SLUG/index.html`.
///
/// # Errors
///
/// The ledger cannot be read.
pub async fn files(site: &Site) -> Result<Vec<File>, LedgerError> {
    let issues = site.shelved_issues().await?;
    let whole = |title: &str, body| shell::document(site, title, &body, true).into_string();
    let mut files = vec![
        file("index.html", whole(&site.publication.title, home::body(site, true).await?)),
        file(
            "issues/index.html",
            whole(&site.words.issues, archive::listed(site, &issues, &site.base)),
        ),
        file("feed.xml", feed::document(site, &issues)),
        file("site.css", shell::css(&site.theme)),
    ];
    for name in pages::NAMES {
        if let Some(text) = site.pages.get(name) {
            let (title, body) = page(text);
            let title = title.unwrap_or_else(|| site.publication.title.clone());
            files.push(file(
                &format!("{name}/index.html"),
                whole(&title, html! { (PreEscaped(body)) }),
            ));
        }
    }
    for issue in &issues {
        let shown = site.shown(issue).await?;
        let folder = format!("issues/{}", issue.slug);
        let html = archive::with_pictures(
            &shown.shelved.html,
            &format!("{}/{folder}/pictures/", site.base),
        );
        files.push(file(&format!("{folder}/index.html"), html));
        for enclosure in &shown.enclosures {
            let path = format!("{folder}/pictures/{}", enclosure.id);
            files.push(File { path, bytes: enclosure.bytes.clone() });
        }
    }
    Ok(files)
}

fn file(path: &str, text: String) -> File {
    File { path: path.to_owned(), bytes: text.into_bytes() }
}
