//! `/issues/SLUG`: the page. What stands where is decided here; each panel sets itself.

use axum::{
    extract::{Path, RawQuery, State},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use maud::{Markup, html};

use super::{
    Preview, Shared, Told,
    copy::{Copy, Parts},
    error, frame, inbox, issues, look,
    newsroom::{Found, Trouble},
    problems, readers, size, source, test, toolbar,
    wish::{Place, View},
};
use crate::{compose::is_right_to_left, web::answer};

/// What a page says.
struct Page<'a> {
    place: &'a Place,
    issues: &'a [String],
    copy: &'a Copy,
    parts: Option<&'a Result<Parts, Trouble>>,
    found: Result<Found, Trouble>,
    told: Option<Told>,
    preview: &'a Preview,
}

pub(super) async fn answer(
    State(preview): Shared,
    path: Path<String>,
    query: RawQuery,
) -> Response {
    // Before anything is read: a save from here on is another version.
    let version = preview.watch.version();
    let (place, issues) = match preview.place(path, &query) {
        Ok(found) => found,
        Err(refused) => return *refused,
    };
    let mut copy = preview.copy(&place).await;
    preview.look_at(&place, &mut copy).await;
    let parts = copy.parts();
    let page = Page {
        place: &place,
        issues: &issues,
        copy: &copy,
        parts: parts.as_ref(),
        found: preview.newsroom.find(&place.wish.find, readers::SHOWN).await,
        told: place.wish.told.and_then(|number| preview.tests.get(number)),
        preview: &preview,
    };
    let title = format!("{} — preview", place.slug);
    let document = look::document(&title, Some(&version), &page.set());
    let mut response = answer::with_policy(answer::page(StatusCode::OK, document), look::POLICY);
    let headers = response.headers_mut();
    if let Ok(cookie) = HeaderValue::from_str(&preview.gate.cookie()) {
        headers.insert(header::SET_COOKIE, cookie);
    }
    // A browser that may say nothing of where it was says `Origin: null` of our own forms too.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

impl Page<'_> {
    fn set(&self) -> Markup {
        let Self { place, copy, .. } = self;
        html! {
            a.skip href="#copy" { "Skip to the copy" }
            header.masthead data-part="masthead" { (self.masthead()) }
            nav.toolbar data-part="toolbar" aria-label="How it is shown" { (toolbar::set(place, &copy.problems)) }
            div.desk.(if place.wish.is_broad() { "broad" } else { "close" }) {
                main #copy tabindex="-1" {
                    @if copy.is_past {
                        div.stopped data-part="stopped" { (self.stopped()) }
                    } @else {
                        div data-part="stopped" {}
                    }
                    div.stage data-part="stage" { (self.stage()) }
                }
                aside aria-label="About this copy" {
                    div data-part="problems" {
                        @if !copy.is_past { (problems::panel(&copy.problems)) }
                    }
                    div data-part="sizes" {
                        @if let Some(Ok(parts)) = self.parts {
                            (inbox::panel(copy, parts))
                            (size::panel(&parts.printed))
                        }
                    }
                    div data-part="readers" { (readers::panel(place, copy, &self.found)) }
                    div data-part="test" {
                        (test::panel(place, &self.preview.gate, copy, self.told.as_ref()))
                    }
                    div data-part="issues" { (issues::panel(place, self.issues)) }
                }
            }
        }
    }

    fn masthead(&self) -> Markup {
        let title = if self.copy.title.is_empty() { "Preview" } else { &self.copy.title };
        let is_live = self.preview.watch.is_live();
        html! {
            div.nameplate {
                p.name { a href="/" { (title) } }
                p.live #live data-live=(is_live) {
                    @if is_live { "Preview" } @else { "Preview; reload it yourself" }
                }
            }
            (issues::dateline(self.place, self.issues))
        }
    }

    /// Says that the draft cannot be set, and why.
    fn stopped(&self) -> Markup {
        html! {
            div.stop {
                h2 { "This draft cannot be set yet" }
                @if let Some(trouble) = &self.copy.trouble { (error::told(trouble)) }
                (problems::panel(&self.copy.problems))
                @if self.copy.set.is_some() {
                    p.fine { "Below is the issue as it last could be set." }
                }
            }
        }
    }

    fn stage(&self) -> Markup {
        html! {
            @match self.parts {
                Some(Ok(parts)) => @match self.place.wish.view {
                    View::Html => (self.html(parts)),
                    View::Text => (self.text(parts)),
                    View::Source => (source::set(self.place, parts)),
                },
                Some(Err(trouble)) => div.stop { h2 { "There is no such copy" } (error::told(trouble)) },
                None => {}
            }
        }
    }

    fn html(&self, parts: &Parts) -> Markup {
        let wish = &self.place.wish;
        let width = wish.width.pixels();
        let mode = if wish.dark { "night" } else { "day" };
        let path = frame::path(self.place, &parts.html, self.copy.change(&parts.html).is_some());
        html! {
            div.window tabindex="0" role="region" aria-label="The HTML part" {
                iframe.mail.(mode) width=(width) sandbox=(frame::SANDBOX)
                    title={ "The mail at " (width) " pixels, by " (mode) } src=(path) {}
            }
        }
    }

    fn text(&self, parts: &Parts) -> Markup {
        let language = self.copy.set.as_ref().map(|set| set.composed.edition.language.as_str());
        // Lines that hold no letter, such as those below titles, begin where the others do.
        let dir = language.is_some_and(is_right_to_left).then_some("rtl");
        html! {
            div.window tabindex="0" role="region" aria-label="The text part" {
                pre.text dir=[dir] { (parts.text) }
            }
        }
    }
}
