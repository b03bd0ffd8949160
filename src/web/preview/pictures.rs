//! `/issues/SLUG/pictures/ID`: a picture that travels with the mail, by its Content-ID.
//!
//! It is one of the issue as it is set; no name from a URL reaches the disk.

use axum::{
    extract::{Path, RawQuery, State},
    http::{HeaderName, HeaderValue, StatusCode},
    response::Response,
};

use super::{Shared, error, wish::Place};
use crate::web::answer;

pub(super) async fn answer(
    State(preview): Shared,
    Path((slug, id)): Path<(String, String)>,
    query: RawQuery,
) -> Response {
    let place = match preview.place(Path(slug), &query) {
        Ok((place, _)) => place,
        Err(refused) => return *refused,
    };
    let set = preview.copy(&place).await.set;
    let enclosures = set.as_ref().map(|set| set.composed.edition.enclosures.as_slice());
    let mut enclosures = enclosures.unwrap_or_default().iter();
    let found = enclosures.find(|enclosure| enclosure.id == id).and_then(|enclosure| {
        let kind = ["image/png", "image/jpeg", "image/gif"];
        let kind = kind.into_iter().find(|kind| *kind == enclosure.media_type)?;
        Some(answer::bytes(kind, enclosure.bytes.clone()))
    });
    let Some(mut response) = found else {
        return error::answer(StatusCode::NOT_FOUND, "there is no such picture");
    };
    // The frame has no origin, so to a browser even its own pictures are a stranger's.
    let policy = HeaderName::from_static("cross-origin-resource-policy");
    response.headers_mut().insert(policy, HeaderValue::from_static("cross-origin"));
    response
}

/// Leads the pictures of a mail to where they can be had here.
pub(super) fn led(html: &str, place: &Place) -> String {
    let folder = Place::new(place.slug.clone()).below("/pictures/");
    html.replace("src=\"cid:", &format!("src=\"{folder}"))
}
