//! `/disclaimer`, `/privacy`, `/feedback`: the publication's own pages, out of the Markdown files in its folder `pages/`.
//!
//! Where there is no such file, the way leads to what `[links]` names, unless that is this very page. To an address of mail
//! no browser can be led, so a page tells it.

use axum::{extract::State, http::StatusCode, response::Response};
use maud::{PreEscaped, html};

use super::{Shared, Site, shell};
use crate::{compose::page, web::answer};

/// The pages there can be.
pub const NAMES: [&str; 3] = ["disclaimer", "privacy", "feedback"];

pub(super) async fn disclaimer(State(site): Shared) -> Response {
    shown(&site, 0, &site.publication.links.disclaimer)
}

pub(super) async fn privacy(State(site): Shared) -> Response {
    shown(&site, 1, &site.publication.links.privacy)
}

pub(super) async fn feedback(State(site): Shared) -> Response {
    shown(&site, 2, &site.publication.links.feedback)
}

/// Answers with the page at `place` among [`NAMES`], or with the way `elsewhere`.
fn shown(site: &Site, place: usize, elsewhere: &str) -> Response {
    let name = NAMES[place];
    if let Some(text) = site.pages.get(name) {
        let (title, html) = page(text);
        let title = title.unwrap_or_else(|| site.publication.title.clone());
        return shell::page(site, StatusCode::OK, &title, &html! { (PreEscaped(html)) });
    }
    if let Some(address) = elsewhere.strip_prefix("mailto:") {
        // A mail may be written by hand: what follows the address is for programs.
        let address = address.split('?').next().unwrap_or_default();
        let title = site.strings.legal()[place];
        let body = html! { h1 { (title) } p { a href=(elsewhere) { bdi { (address) } } } };
        return shell::page(site, StatusCode::OK, title, &body);
    }
    if elsewhere == format!("{}/{name}", site.base) {
        return shell::told(
            site,
            StatusCode::NOT_FOUND,
            &site.words.nowhere,
            &site.words.nowhere_text,
        );
    }
    answer::see(elsewhere)
}
