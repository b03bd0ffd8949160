//! `/issues`: what has appeared, from the ledger's frozen editions, with nothing in it of any reader.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::{Path, State},
    http::{HeaderName, HeaderValue, StatusCode},
    response::Response,
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use maud::{Markup, html};

use super::{Shared, Site, busy, shell};
use crate::{
    compose::{Edition, Enclosure, Shelved, Up, shelved},
    ledger::{IssueRecord, LedgerError},
    model::IssueState,
    web::answer,
};

/// A mail is a stranger's document: it has no origin, runs nothing, and loads nothing but pictures.
const POLICY: &str = "default-src 'none'; img-src 'self' https:; style-src 'unsafe-inline'; \
    sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation; \
    frame-ancestors 'none'; form-action 'none'; base-uri 'none'";

/// How many issues are kept as they are shown.
const KEPT: usize = 16;

/// An issue that has appeared, or was to.
#[derive(Clone, Debug)]
pub(super) struct Appeared {
    pub(super) slug: String,
    pub(super) title: String,
    /// When it was frozen.
    pub(super) at: Timestamp,
    id: i64,
    digest: String,
}

/// An issue as it is shown.
pub(super) struct Shown {
    pub(super) shelved: Shelved,
    pub(super) enclosures: Vec<Enclosure>,
}

/// What was read of the ledger's editions, by their digest: it never changes.
#[derive(Default)]
pub(super) struct Shelf {
    titles: Mutex<BTreeMap<String, String>>,
    shown: Mutex<Vec<(String, Arc<Shown>)>>,
}

impl Appeared {
    /// Returns the day it is of: that of its folder's name, else the one it was frozen on.
    pub(super) fn day(&self) -> Date {
        let named = self.slug.get(..10).and_then(|day| day.parse().ok());
        named.unwrap_or_else(|| self.at.to_zoned(TimeZone::UTC).date())
    }
}

impl Site {
    /// Returns what has appeared, the newest first.
    pub(super) async fn shelved_issues(&self) -> Result<Vec<Appeared>, LedgerError> {
        let mut appeared = self.frozen_issues(has_appeared).await?;
        appeared.sort_by(|one, other| (other.day(), &other.slug).cmp(&(one.day(), &one.slug)));
        Ok(appeared)
    }

    /// Returns what was frozen and is not shown, or not any more: what waits, and what was paused or cancelled.
    pub(super) async fn withdrawn_issues(&self) -> Result<Vec<Appeared>, LedgerError> {
        self.frozen_issues(|issue| !has_appeared(issue)).await
    }

    async fn frozen_issues(
        &self,
        wanted: fn(&IssueRecord) -> bool,
    ) -> Result<Vec<Appeared>, LedgerError> {
        let mut frozen = Vec::new();
        for issue in self.ledger.issues(&self.publication.id).await? {
            let Some(at) = issue.frozen_at.filter(|_| wanted(&issue)) else { continue };
            let title = self.title(&issue).await?;
            let IssueRecord { id, slug, digest, .. } = issue;
            frozen.push(Appeared { slug, title, at, id, digest });
        }
        Ok(frozen)
    }

    async fn title(&self, issue: &IssueRecord) -> Result<String, LedgerError> {
        let known = self
            .memory
            .shelf
            .titles
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&issue.digest)
            .cloned();
        if let Some(title) = known {
            return Ok(title);
        }
        let title = self.show(issue.id, &issue.digest).await?.shelved.title.clone();
        let mut titles = self.memory.shelf.titles.lock().unwrap_or_else(PoisonError::into_inner);
        titles.insert(issue.digest.clone(), title.clone());
        Ok(title)
    }

    /// Returns an issue as it is shown.
    pub(super) async fn shown(&self, issue: &Appeared) -> Result<Arc<Shown>, LedgerError> {
        self.show(issue.id, &issue.digest).await
    }

    async fn show(&self, id: i64, digest: &str) -> Result<Arc<Shown>, LedgerError> {
        let known = {
            let shown = self.memory.shelf.shown.lock().unwrap_or_else(PoisonError::into_inner);
            shown.iter().find(|(known, _)| known == digest).map(|(_, shown)| Arc::clone(shown))
        };
        if let Some(shown) = known {
            return Ok(shown);
        }
        let bytes = self.ledger.edition(id).await?;
        let edition: Edition = serde_json::from_slice(&bytes)
            .map_err(|error| LedgerError::Damaged(format!("an edition cannot be read: {error}")))?;
        let up = Up { url: &format!("{}/issues", self.base), words: &self.words.issues };
        let shown =
            Arc::new(Shown { shelved: shelved(&edition, up), enclosures: edition.enclosures });
        let mut kept = self.memory.shelf.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push((digest.to_owned(), Arc::clone(&shown)));
        Ok(shown)
    }

    /// Writes an issue's day as the publication's language does.
    pub(super) fn long_date(&self, issue: &Appeared) -> String {
        self.long_day(issue.day())
    }

    /// Writes a day as the publication's language does.
    pub(super) fn long_day(&self, day: Date) -> String {
        self.strings.long_date(day)
    }

    async fn find(&self, slug: &str) -> Result<Option<Appeared>, LedgerError> {
        Ok(self.shelved_issues().await?.into_iter().find(|issue| issue.slug == slug))
    }
}

/// Tells whether readers have an issue: not one that waits for its hour, for a look at its first copies, or for ever.
fn has_appeared(issue: &IssueRecord) -> bool {
    issue.started_at.is_some() && matches!(issue.state, IssueState::Sending | IssueState::Finished)
}

pub(super) async fn list(State(site): Shared) -> Response {
    match site.shelved_issues().await {
        Ok(issues) => {
            shell::page(&site, StatusCode::OK, &site.words.issues, &listed(&site, &issues, ""))
        }
        Err(_) => busy(&site),
    }
}

/// Sets the list of issues; their addresses begin with `root`.
pub(super) fn listed(site: &Site, issues: &[Appeared], root: &str) -> Markup {
    html! {
        h1 { (site.words.issues) }
        @if issues.is_empty() { p { (site.words.none) } }
        ol.issues reversed {
            @for issue in issues {
                li {
                    time datetime=(issue.day()) { (site.long_date(issue)) }
                    a href=(format!("{root}/issues/{}", issue.slug)) { (issue.title) }
                }
            }
        }
    }
}

pub(super) async fn issue(State(site): Shared, Path(slug): Path<String>) -> Response {
    let found = match site.find(&slug).await {
        Ok(Some(issue)) => site.shown(&issue).await,
        Ok(None) => return shell::nowhere(State(site)).await,
        Err(error) => Err(error),
    };
    match found {
        Ok(shown) => {
            let pictures = format!("/issues/{slug}/pictures/");
            let html = with_pictures(&shown.shelved.html, &pictures);
            answer::with_policy(answer::bytes("text/html; charset=utf-8", html), POLICY)
        }
        Err(_) => busy(&site),
    }
}

/// Leads the pictures of a mail to the folder where they lie.
pub(super) fn with_pictures(html: &str, folder: &str) -> String {
    html.replace("src=\"cid:", &format!("src=\"{folder}"))
}

pub(super) async fn picture(
    State(site): Shared,
    Path((slug, id)): Path<(String, String)>,
) -> Response {
    let found = match site.find(&slug).await {
        Ok(Some(issue)) => site.shown(&issue).await,
        Ok(None) => return shell::nowhere(State(site)).await,
        Err(error) => Err(error),
    };
    let Ok(shown) = found else { return busy(&site) };
    let picture = shown.enclosures.iter().find(|enclosure| enclosure.id == id);
    let picture = picture.and_then(|enclosure| {
        let kind = ["image/png", "image/jpeg", "image/gif"];
        let kind = kind.into_iter().find(|kind| *kind == enclosure.media_type)?;
        Some(answer::bytes(kind, enclosure.bytes.clone()))
    });
    let Some(mut response) = picture else { return shell::nowhere(State(site)).await };
    // The mail has no origin, so to a browser even its own pictures are a stranger's.
    let policy = HeaderName::from_static("cross-origin-resource-policy");
    response.headers_mut().insert(policy, HeaderValue::from_static("cross-origin"));
    response
}
