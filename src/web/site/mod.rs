//! The public side of a publication: what it is, how to subscribe and to leave, and what has appeared. No page needs a script.
//!
//! Who may do what is in the link: a token that only the reader's own mails hold. GET and HEAD change nothing, so that a
//! scanner that follows links changes nothing either. What is known of a reader is never shown but to their own token, and
//! every answer about an address is the same whether the list knows it or not. A ledger that cannot be written is told
//! as that, never as a success.

mod archive;
mod confirm;
mod counts;
mod feed;
mod fetch;
mod files;
mod gate;
mod health;
mod home;
mod leave;
mod pages;
mod post;
mod preferences;
mod shell;
mod subscribe;
mod tokens;
mod visitors;
mod webhook;
mod words;

use std::{collections::BTreeMap, future::Future, net::IpAddr, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    middleware,
    response::Response,
    routing::{get, post as posted},
};
use tokio::sync::watch;

use super::door::Door;
use crate::{
    compose::{KeyRing, Strings, Theme, Unsubscribe},
    ledger::{Event, Ledger, LedgerError},
    model::{Publication, Subscriber},
};
use archive::Shelf;
use counts::Counts;
use visitors::Visitors;

pub use fetch::{Fetch, Https};
pub use files::{File, Files, files};
pub use health::serve as serve_health;
pub use pages::NAMES as PAGES;
pub use post::{Asked, Post};
pub use tokens::Tokens;
pub use webhook::{Certificates, Clerk, Webhooks};
pub use words::Words;

/// A site: what it is made from, and what it remembers while it is served.
pub struct Site {
    /// The publication.
    pub publication: Publication,
    /// Where it is reached from outside, without a final slash.
    pub base: String,
    /// What dresses the pages.
    pub theme: Theme,
    /// The pages' own words.
    pub words: Words,
    /// The words around an issue in the publication's language.
    pub strings: Strings,
    /// The publication's own pages, Markdown by name: `disclaimer`, `privacy`, `feedback`.
    pub pages: BTreeMap<String, String>,
    /// What signs the links, which may be renewed while the site is served.
    pub keys: watch::Receiver<Arc<KeyRing>>,
    /// Who reads, and what has appeared.
    pub ledger: Arc<dyn Ledger>,
    /// Where mails that ask for confirmation are dropped.
    pub post: Arc<dyn Post>,
    /// Which providers are listened to.
    pub webhooks: Webhooks,
    /// What it remembers: nothing, to begin with.
    pub memory: Memory,
}

/// What a site remembers while it is served.
#[derive(Default)]
pub struct Memory {
    shelf: Shelf,
    visitors: Visitors,
    counts: Counts,
}

/// The way a handler is given it.
type Shared = State<Arc<Site>>;

impl Site {
    /// Returns what signs the links now.
    fn keys(&self) -> Arc<KeyRing> {
        Arc::clone(&self.keys.borrow())
    }

    /// Finds whom a token is of; `None` for one that is forged, or of another list.
    fn read<E>(&self, token: Result<Unsubscribe, E>) -> Option<Unsubscribe> {
        token.ok().filter(|token| token.is_of(&self.publication.id))
    }

    /// Finds the reader of a token that was read.
    async fn reader(&self, token: &Unsubscribe) -> Result<Option<Subscriber>, LedgerError> {
        self.ledger.subscriber_by_token(&self.publication.id, &token.subscriber).await
    }
}

/// Serves the site until `stop`, then for as long as whoever is inside needs, within bounds.
pub async fn serve(site: Arc<Site>, door: Door, stop: impl Future<Output = ()> + Send) {
    let gate = gate::Gate::new(&site, &door);
    let router = Router::new()
        .route("/", get(home::answer))
        .route("/subscribe", posted(subscribe::answer).get(home::answer))
        .route("/confirm/{token}", get(confirm::ask).post(confirm::answer))
        .route("/u/{token}", get(leave::ask).post(leave::answer))
        .route("/p/{token}", get(preferences::ask).post(preferences::answer))
        .route("/issues", get(archive::list))
        .route("/issues/{slug}", get(archive::issue))
        .route("/issues/{slug}/pictures/{id}", get(archive::picture))
        .route("/feed.xml", get(feed::answer))
        .route("/disclaimer", get(pages::disclaimer))
        .route("/privacy", get(pages::privacy))
        .route("/feedback", get(pages::feedback))
        .route("/webhooks/{provider}", posted(webhook::answer))
        .route("/site.css", get(shell::sheet))
        .fallback(shell::nowhere)
        .method_not_allowed_fallback(shell::not_so)
        .layer(middleware::from_fn_with_state(gate, gate::pass))
        .with_state(site);
    door.serve_until(router, stop).await;
}

/// Makes what is written down of somebody's own word.
fn event(name: &str, detail: &str, from: Option<IpAddr>) -> Event {
    let from = from.map(|ip| format!("from {ip}"));
    let detail: Vec<&str> = [Some(detail), from.as_deref()]
        .into_iter()
        .flatten()
        .filter(|text| !text.is_empty())
        .collect();
    Event { name: name.to_owned(), source: "web".to_owned(), detail: detail.join(", ") }
}

/// Answers where the ledger could not be read or written: nothing has changed, and it is worth another try.
fn busy(site: &Site) -> Response {
    site.memory.counts.failed();
    let words = &site.words;
    let mut response =
        shell::told(site, StatusCode::SERVICE_UNAVAILABLE, &words.busy, &words.busy_text);
    response.headers_mut().insert("retry-after", axum::http::HeaderValue::from_static("60"));
    response
}
