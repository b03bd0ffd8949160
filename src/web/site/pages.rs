//! `/disclaimer`, `/privacy`, `/feedback`: the publication's own pages, out of the Markdown files in its folder `pages/`.
//!
//! Where there is no such file, the way leads to what `[links]` names, unless that is this very page.

use axum::{extract::State, http::StatusCode, response::Response};
use maud::{PreEscaped, html};

use super::{Shared, Site, shell};
use crate::{compose::page, web::answer};

/// The pages there can be.
pub const NAMES: [&str; 3] = ["disclaimer", "privacy", "feedback"];

pub(super) async fn disclaimer(State(site): Shared) -> Response {
    shown(&site, NAMES[0], &site.publication.links.disclaimer)
}

pub(super) async fn privacy(State(site): Shared) -> Response {
    shown(&site, NAMES[1], &site.publication.links.privacy)
}

pub(super) async fn feedback(State(site): Shared) -> Response {
    shown(&site, NAMES[2], &site.publication.links.feedback)
}

fn shown(site: &Site, name: &str, elsewhere: &str) -> Response {
    if let Some(text) = site.pages.get(name) {
        let (title, html) = page(text);
        let title = title.unwrap_or_else(|| site.publication.title.clone());
        return shell::page(site, StatusCode::OK, &title, &html! { (PreEscaped(html)) });
    }
    if elsewhere == format!("{}/{name}", site.base) || elsewhere.starts_with("mailto:") {
        return shell::told(
            site,
            StatusCode::NOT_FOUND,
            &site.words.nowhere,
            &site.words.nowhere_text,
        );
    }
    answer::see(elsewhere)
}
