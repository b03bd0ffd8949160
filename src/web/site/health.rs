//! `/healthz` and `/metrics`, at an address of their own: they are for whoever runs the site, not for its readers.

use std::{future::Future, sync::Arc};

use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};

use super::{Shared, Site};
use crate::web::{answer, door::Door};

/// Serves both until `stop`.
pub async fn serve(site: Arc<Site>, door: Door, stop: impl Future<Output = ()> + Send) {
    let router = Router::new()
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .with_state(site);
    door.serve_until(router, stop).await;
}

/// Well is a site whose ledger answers.
async fn health(State(site): Shared) -> Response {
    let (status, said) = match site.ledger.now().await {
        Ok(_) => (StatusCode::OK, "well\n".to_owned()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    };
    let mut response = answer::bytes("text/plain; charset=utf-8", said);
    *response.status_mut() = status;
    answer::guarded(response)
}

async fn metrics(State(site): Shared) -> Response {
    answer::guarded(answer::bytes("text/plain; version=0.0.4", site.memory.counts.exposed()))
}
