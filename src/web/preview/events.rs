//! `/events`: tells a page, when it waits there, that what it was made from has changed (server-sent events).

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{RawQuery, State},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;

use super::Shared;

/// Whatever is quiet for longer is taken for dead on the way.
const BEAT: Duration = Duration::from_secs(15);

/// Answers with a stream that says a word after every save. The page names the version it was made from, so that no save in between is missed.
pub(super) async fn answer(State(preview): Shared, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let shown = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "version");
    let shown = shown.map_or_else(|| preview.watch.version(), |(_, version)| version.into_owned());
    let changes = stream::unfold((preview, shown), |(preview, shown)| async move {
        let version = preview.watch.other_than(&shown).await;
        let event = Event::default().event("save").data(&version);
        Some((Ok::<_, Infallible>(event), (preview, version)))
    });
    Sse::new(changes).keep_alive(KeepAlive::new().interval(BEAT)).into_response()
}
