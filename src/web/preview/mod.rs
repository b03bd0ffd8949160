//! `preview`: an issue as its readers will see it, on a page that is there as long as the command runs and follows every save.
//!
//! What is shown, and how, stands in the URL (`wish.rs`), so every button is a link and nothing but the reload needs a
//! script. The publication is read afresh for each page through [`Newsroom`]; what is kept is the last copy of an issue
//! that could be made, and what became of the last test mails.

mod change;
mod copy;
mod error;
mod events;
mod frame;
mod inbox;
mod issues;
mod look;
mod newsroom;
mod page;
mod pictures;
mod problems;
mod readers;
mod size;
mod source;
mod test;
mod toolbar;
mod watch;
mod wish;

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    extract::{Path, RawQuery, State},
    middleware,
    response::Response,
    routing::{get, post},
};

pub use newsroom::{Found, Galley, Newsroom, Reader, Test, Trouble, Watched};

use super::{
    answer,
    door::Door,
    gate::{self, Gate},
    token::Token,
};
use copy::Copies;
use watch::Watch;
use wish::Place;

/// What every page is made from.
struct Preview {
    newsroom: Arc<dyn Newsroom>,
    gate: Gate,
    copies: Copies,
    tests: Tests,
    watch: Watch,
}

/// The way a handler is given it.
type Shared = State<Arc<Preview>>;

/// Serves the preview for as long as it is polled.
pub async fn serve(door: Door, newsroom: Arc<dyn Newsroom>) -> io::Result<()> {
    let gate = Gate {
        hosts: door.hosts(),
        token: Token::random()?,
        cookie: format!("preview-{}", door.address().port()),
        refusal: error::page,
    };
    let watch = Watch::start(&newsroom, &Token::random()?);
    let (copies, tests) = (Copies::default(), Tests::default());
    let preview = Preview { newsroom, gate: gate.clone(), copies, tests, watch };
    let router = Router::new()
        .route("/", get(newest))
        .route("/issues/{slug}", get(page::answer))
        .route("/issues/{slug}/mail", get(frame::answer))
        .route("/issues/{slug}/mail.eml", get(source::answer))
        .route("/issues/{slug}/pictures/{id}", get(pictures::answer))
        .route("/issues/{slug}/test", post(test::answer))
        .route("/events", get(events::answer))
        .route("/preview.css", get(look::css))
        .route("/preview.js", get(look::js))
        .route("/icon.svg", get(look::icon))
        .fallback(error::nowhere)
        .method_not_allowed_fallback(error::not_so)
        .layer(middleware::from_fn_with_state(gate, gate::pass))
        .with_state(Arc::new(preview));
    door.serve(router).await;
    Ok(())
}

/// Returns the path of an issue's page, without its first slash.
pub fn path(slug: &str) -> String {
    Place::new(slug.to_owned()).path().split_off(1)
}

/// Leads to the newest issue.
async fn newest(State(preview): Shared) -> Response {
    let version = preview.watch.version();
    match preview.newsroom.issues() {
        Ok(issues) => match issues.into_iter().next_back() {
            Some(slug) => answer::see(&Place::new(slug).path()),
            None => {
                error::not_yet("there is no issue yet: `postrider draft SLUG` begins one", &version)
            }
        },
        Err(trouble) => error::trouble(&trouble),
    }
}

impl Preview {
    /// Returns what was asked for, where there is such an issue. A name from a URL goes no further than this comparison.
    fn place(
        &self,
        Path(slug): Path<String>,
        query: &RawQuery,
    ) -> Result<(Place, Vec<String>), Box<Response>> {
        let version = self.watch.version();
        let issues =
            self.newsroom.issues().map_err(|trouble| Box::new(error::trouble(&trouble)))?;
        if !issues.contains(&slug) {
            return Err(Box::new(error::not_yet("there is no such issue", &version)));
        }
        let wish = wish::Wish::read(query.0.as_deref().unwrap_or_default());
        Ok((Place { slug, wish }, issues))
    }
}

/// What became of a test mail.
#[derive(Clone, Debug)]
struct Told {
    to: String,
    result: Result<String, Trouble>,
}

/// The last test mails by number, so that a page can tell of one after it was sent on.
#[derive(Default)]
struct Tests(Mutex<BTreeMap<u64, Told>>);

impl Tests {
    /// How many are remembered.
    const KEPT: usize = 16;

    fn keep(&self, told: Told) -> u64 {
        let mut tests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = tests.last_key_value().map_or(1, |(last, _)| last + 1);
        tests.insert(number, told);
        while tests.len() > Self::KEPT {
            tests.pop_first();
        }
        number
    }

    fn get(&self, number: u64) -> Option<Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
    }
}
