//! `/`: what the publication is, its latest issue, and the form to subscribe.

use axum::{extract::State, http::StatusCode, response::Response};
use maud::{Markup, html};

use super::{Shared, Site, busy, shell, subscribe};

pub(super) async fn answer(State(site): Shared) -> Response {
    match body(&site, false).await {
        Ok(body) => shell::page(&site, StatusCode::OK, &site.publication.title, &body),
        Err(_) => busy(&site),
    }
}

/// Sets the front page; as a file among files it has no form, since nobody would read it.
pub(super) async fn body(site: &Site, is_file: bool) -> Result<Markup, crate::ledger::LedgerError> {
    let latest = site.shelved_issues().await?.into_iter().next();
    let root = if is_file { site.base.as_str() } else { "" };
    Ok(html! {
        section aria-labelledby="latest" {
            h1 #latest { (site.words.latest) }
            @match &latest {
                Some(issue) => {
                    p.headline { a href=(format!("{root}/issues/{}", issue.slug)) { (issue.title) } }
                    p.date { time datetime=(issue.day()) { (site.long_date(issue)) } }
                    p.onward { a href=(format!("{root}/issues")) { (site.words.issues) } }
                }
                None => p { (site.words.none) },
            }
        }
        @if !is_file { (subscribe::form(site, None)) }
    })
}
