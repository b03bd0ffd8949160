//! Answers: a page, a file, a way to another page, each with the headers that keep a browser from more than was meant.

use axum::{
    body::Body,
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
    response::Response,
};
use maud::Markup;

/// An answer that nothing may be loaded for and nothing may frame.
const NOTHING: &str =
    "default-src 'none'; frame-ancestors 'none'; form-action 'none'; base-uri 'none'";

/// Makes an answer of bytes.
pub(super) fn bytes(kind: &'static str, bytes: impl Into<Body>) -> Response {
    let mut response = Response::new(bytes.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Makes an answer of a page.
pub(super) fn page(status: StatusCode, page: Markup) -> Response {
    let mut response = bytes("text/html; charset=utf-8", page.into_string());
    *response.status_mut() = status;
    response
}

/// Sends a browser on to another page with a GET, also after a POST.
pub(super) fn see(path: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    // Our own paths are percent-encoded, so they always fit.
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(LOCATION, path);
    }
    response
}

/// Says what a page may load; without it, nothing.
pub(super) fn with_policy(mut response: Response, policy: &'static str) -> Response {
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

/// Adds what every answer says, where it does not say otherwise itself.
pub(super) fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, NOTHING),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
