//! `/feed.xml`: what has appeared, as Atom (RFC 4287).

use axum::{extract::State, response::Response};
use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};

use super::{Shared, Site, archive::Appeared, busy};
use crate::web::answer;

/// How many issues a feed holds.
const ENTRIES: usize = 20;

pub(super) async fn answer(State(site): Shared) -> Response {
    match site.shelved_issues().await {
        Ok(issues) => {
            answer::bytes("application/atom+xml; charset=utf-8", document(&site, &issues))
        }
        Err(_) => busy(&site),
    }
}

/// Writes the feed. It says nothing that changes while nothing appears.
pub(super) fn document(site: &Site, issues: &[Appeared]) -> String {
    let publication = &site.publication;
    let base = &site.base;
    let updated = issues.iter().map(|issue| issue.at).max().unwrap_or(Timestamp::UNIX_EPOCH);
    let entry = |issue: &Appeared| -> Markup {
        let url = format!("{base}/issues/{}", issue.slug);
        html! {
            entry {
                title { (issue.title) }
                id { (url) }
                link rel="alternate" type="text/html" href=(url) {}
                published { (seconds(issue.at)) }
                updated { (seconds(issue.at)) }
            }
        }
    };
    let feed = html! {
        (PreEscaped("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"))
        feed xmlns="http://www.w3.org/2005/Atom" xml:lang=(publication.language) {
            title { (publication.title) }
            @if !publication.tagline.is_empty() { subtitle { (publication.tagline) } }
            id { (base) "/" }
            link rel="alternate" type="text/html" href=(format!("{base}/")) {}
            link rel="self" type="application/atom+xml" href=(format!("{base}/feed.xml")) {}
            updated { (seconds(updated)) }
            author { name { (publication.publisher) } }
            @for issue in issues.iter().take(ENTRIES) { (entry(issue)) }
        }
    };
    feed.into_string()
}

fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
