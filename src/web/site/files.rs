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

/// The archive as it should lie in its folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// What it holds.
    pub files: Vec<File>,
    /// Where files may lie of an issue that is not in it any more, as a cancelled one.
    pub withdrawn: Vec<String>,
}

/// Sets every page as a file; each that a server answers at `/issues/SLUG` lies at `issues/SLUG/index.html`.
///
/// # Errors
///
/// The ledger cannot be read.
pub async fn files(site: &Site) -> Result<Files, LedgerError> {
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
        let pictures = format!("{}/{}/", site.base, pictures_of(&issue.slug));
        files.push(file(
            &page_of(&issue.slug),
            archive::with_pictures(&shown.shelved.html, &pictures),
        ));
        for enclosure in &shown.enclosures {
            let path = format!("{}/{}", pictures_of(&issue.slug), enclosure.id);
            files.push(File { path, bytes: enclosure.bytes.clone() });
        }
    }
    let mut withdrawn = Vec::new();
    for issue in site.withdrawn_issues().await? {
        withdrawn.push(page_of(&issue.slug));
        let pictures = pictures_of(&issue.slug);
        let shown = site.shown(&issue).await?;
        withdrawn.extend(shown.enclosures.iter().map(|one| format!("{pictures}/{}", one.id)));
    }
    Ok(Files { files, withdrawn })
}

fn page_of(slug: &str) -> String {
    format!("issues/{slug}/index.html")
}

fn pictures_of(slug: &str) -> String {
    format!("issues/{slug}/pictures")
}

fn file(path: &str, text: String) -> File {
    File { path: path.to_owned(), bytes: text.into_bytes() }
}
