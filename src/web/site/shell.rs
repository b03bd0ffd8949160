//! What is around every page: the document, the masthead and the foot, in the colours and faces of the publication's theme.

use std::{fmt::Write, sync::Arc};

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header::REFERRER_POLICY},
    response::Response,
};
use maud::{DOCTYPE, Markup, html};

use super::{Shared, Site};
use crate::{compose::Theme, web::answer};

/// What a page of the site may load: its own sheet, and nothing from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
    frame-ancestors 'none'; base-uri 'none'";

/// Writes the site's sheet: the theme's tokens, and the rules that use them.
pub(super) fn css(theme: &Theme) -> String {
    let mut day = String::new();
    let mut night = String::new();
    for (name, light, dark) in theme.tokens() {
        let name = name.replace('_', "-");
        // Writing into a text cannot fail.
        let _ = write!(day, "--{name}: {light}; ");
        let _ = write!(night, "--{name}: {dark}; ");
    }
    format!(
        ":root {{ color-scheme: light dark; {day}}}\n\
         @media (prefers-color-scheme: dark) {{ :root {{ {night}}} }}\n{}",
        include_str!("site.css")
    )
}

pub(super) async fn sheet(State(site): Shared) -> Response {
    let mut response = answer::bytes("text/css; charset=utf-8", css(&site.theme));
    response.headers_mut().insert("cache-control", HeaderValue::from_static("max-age=300"));
    response
}

/// Answers with a page.
pub(super) fn page(site: &Site, status: StatusCode, title: &str, body: &Markup) -> Response {
    let page = answer::page(status, document(site, title, body, false));
    let mut page = answer::with_policy(page, POLICY);
    // A browser names no origin for a form of a page that lets none of its address be known, not even to ourselves.
    page.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    page
}

/// Answers with a page that says one thing.
pub(super) fn told(site: &Site, status: StatusCode, title: &str, text: &str) -> Response {
    page(site, status, title, &html! { h1 { (title) } @if !text.is_empty() { p { (text) } } })
}

pub(super) async fn nowhere(State(site): State<Arc<Site>>) -> Response {
    told(&site, StatusCode::NOT_FOUND, &site.words.nowhere, &site.words.nowhere_text)
}

pub(super) async fn not_so(State(site): State<Arc<Site>>) -> Response {
    told(&site, StatusCode::METHOD_NOT_ALLOWED, &site.words.not_so, "")
}

/// Sets a whole document; one that `may_move` is a file among files, and its links lead from where it lies.
pub(super) fn document(site: &Site, title: &str, body: &Markup, may_move: bool) -> Markup {
    let publication = &site.publication;
    let is_front = title == publication.title;
    let dir = crate::compose::is_right_to_left(&publication.language).then_some("rtl");
    let root = if may_move { site.base.as_str() } else { "" };
    let ours =
        [("/", &site.words.home), ("/issues", &site.words.issues), ("/feed.xml", &site.words.feed)];
    let ours = ours.into_iter().filter(|(path, _)| !is_front || *path != "/");
    let links = &publication.links;
    let legal = [&links.disclaimer, &links.privacy, &links.feedback];
    html! {
        (DOCTYPE)
        html lang=(publication.language) dir=[dir] {
            head {
                meta charset="utf-8";
                title { (title) @if !is_front { " | " (publication.title) } }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="stylesheet" href=(format!("{root}/site.css"));
                link rel="alternate" type="application/atom+xml" href=(format!("{root}/feed.xml")) title=(publication.title);
            }
            body {
                a.skip href="#page" { (site.words.skip) }
                header {
                    @if !publication.masthead.is_empty() { p.cities { (publication.masthead.join(" : ")) } }
                    p.nameplate { a href=(format!("{root}/")) { (publication.title) } }
                    @if !publication.tagline.is_empty() { p.tagline { (publication.tagline) } }
                }
                main #page { (body) }
                footer {
                    nav aria-label=(publication.title) { ul {
                        @for (path, words) in ours {
                            li { a href=(format!("{root}{path}")) { (words) } }
                        }
                        @for (url, words) in legal.into_iter().zip(site.strings.legal()) {
                            li { a href=(url) { (words) } }
                        }
                    } }
                    p { bdi { "© " @if !publication.copyright.is_empty() { (publication.copyright) " " } (publication.publisher) } }
                    p { bdi { (publication.postal_address) } }
                }
            }
        }
    }
}
