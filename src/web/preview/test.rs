//! `/issues/SLUG/test`: sends this copy to an address, as `postrider test` does, and says what became of it.

use axum::{
    body::Bytes,
    extract::{Path, RawQuery, State},
    response::Response,
};
use maud::{Markup, html};

use super::{
    Preview, Shared, Told,
    copy::Copy,
    error,
    newsroom::{Test, Trouble},
    wish::{Place, Wish},
};
use crate::{
    model::{Address, Problem},
    web::{
        answer,
        gate::{self, Gate},
    },
};

/// Answers by sending, and then leads back to the page.
pub(super) async fn answer(
    State(preview): Shared,
    path: Path<String>,
    query: RawQuery,
    body: Bytes,
) -> Response {
    let mut place = match preview.place(path, &query) {
        Ok((place, _)) => place,
        Err(refused) => return *refused,
    };
    let form = String::from_utf8_lossy(&body);
    place.wish = Wish::read(&form);
    let field = |wanted| form_urlencoded::parse(form.as_bytes()).find(|(name, _)| name == wanted);
    let to = field("to").map(|(_, to)| to.trim().to_owned()).unwrap_or_default();
    let result = preview.send(&place, &to, field("force").is_some()).await;
    place.wish.told = Some(preview.tests.keep(Told { to, result }));
    answer::see(&(place.path() + "#test"))
}

impl Preview {
    async fn send(&self, place: &Place, to: &str, force: bool) -> Result<String, Trouble> {
        let to: Address = to.parse().map_err(|error| Trouble {
            message: format!("`{}` is not an address: {error}", to.escape_debug()),
            ..Trouble::default()
        })?;
        let reader = self.copy(place).await.reader?;
        self.newsroom.test(&place.slug, Test { reader, to, force }).await
    }
}

/// Sets the panel.
pub(super) fn panel(place: &Place, gate: &Gate, copy: &Copy, told: Option<&Told>) -> Markup {
    let to = told.map_or("", |told| told.to.as_str());
    html! {
        section.panel.test #test tabindex="-1" aria-labelledby="test-title" {
            h2 #test-title { "Send a test" }
            @if let Some(told) = told { (outcome(told)) }
            form action={ (Place::new(place.slug.clone()).below("/test")) } method="post" {
                input type="hidden" name=(gate::FIELD) value=(gate.token.shown());
                @for (name, value) in place.wish.pairs() {
                    @if name != "told" { input type="hidden" name=(name) value=(value); }
                }
                label for="to" { "This copy, marked [Test], to" }
                div.row {
                    input #to type="text" inputmode="email" name="to" value=(to) placeholder="me@example.org"
                        required autocomplete="email" spellcheck="false" maxlength="320";
                    button { "Send" }
                }
                @if !copy.is_past && copy.problems.iter().any(Problem::is_error) {
                    label.force { input type="checkbox" name="force" value="yes"; " although it has mistakes" }
                }
            }
            @if !copy.relay.is_empty() { p.fine { "By " (copy.relay) "." } }
        }
    }
}

fn outcome(told: &Told) -> Markup {
    html! {
        @match &told.result {
            Ok(said) => p.outcome.sent role="status" { "[Test] is on its way to " strong { (told.to) } ". " span.said { (said) } },
            Err(trouble) => div.outcome.failed role="alert" { (error::told(trouble)) },
        }
    }
}
