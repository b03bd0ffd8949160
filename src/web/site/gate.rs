//! The gate of the public site: every request has to name us, be of a size we read, and come from no page of a stranger's.

use std::{net::IpAddr, sync::Arc};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{
        HeaderMap, Method, StatusCode, Uri,
        header::{HOST, ORIGIN},
    },
    middleware::Next,
    response::Response,
};
use percent_encoding::percent_decode_str;

use super::{Site, shell, visitors::Visitor, webhook};
use crate::web::{
    answer,
    door::{Door, Peer},
    gate::{FORM_MAX, one, read},
};

/// Who is let in.
#[derive(Clone)]
pub(super) struct Gate {
    site: Arc<Site>,
    /// Every `Host` that means us: that of `[web] url`, also where its usual port is said, and the door's own for whoever looks from this machine.
    hosts: Vec<String>,
    /// Every `Origin` that a form of ours has.
    origins: Vec<String>,
    proxies: Vec<IpAddr>,
}

impl Gate {
    pub(super) fn new(site: &Arc<Site>, door: &Door) -> Self {
        let outside = site.base.split("://").nth(1).unwrap_or_default();
        let outside = outside.split('/').next().unwrap_or_default().to_owned();
        let inside = door.hosts();
        let origins = inside.iter().map(|host| format!("http://{host}"));
        let origins = origins.chain([format!("https://{outside}")]).collect();
        let with_port = format!("{outside}:443");
        let hosts = inside.into_iter().chain([outside, with_port]).collect();
        let proxies = site.publication.proxies.clone();
        Self { site: Arc::clone(site), hosts, origins, proxies }
    }

    /// Tells whether a request names us, and nobody else beside: in `Host`, and where it has one in its address.
    fn is_for_us(&self, headers: &HeaderMap, uri: &Uri) -> bool {
        let is_us = |host: &str| self.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(host));
        one(headers, HOST).is_some_and(is_us)
            && uri.authority().is_none_or(|authority| is_us(authority.as_str()))
    }

    /// Tells whether a form, if it is one, is ours. A mail program that unsubscribes (RFC 8058) names no origin at all.
    fn is_of_ours(&self, method: &Method, headers: &HeaderMap) -> bool {
        let origins: Vec<_> = headers.get_all(ORIGIN).iter().collect();
        *method != Method::POST
            || origins.is_empty()
            || one(headers, ORIGIN)
                .is_some_and(|origin| self.origins.iter().any(|ours| ours == origin))
    }
}

/// Lets a request pass, or answers it.
pub(super) async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let site = &gate.site;
    site.memory.counts.request();
    let (mut parts, body) = request.into_parts();
    let words = &site.words;
    let refused = |status, title: &str| answer::guarded(shell::told(site, status, title, ""));
    if !gate.is_for_us(&parts.headers, &parts.uri) {
        return refused(StatusCode::MISDIRECTED_REQUEST, &words.nowhere);
    }
    // No page of ours has such an address, and no link of ours.
    if percent_decode_str(parts.uri.path()).decode_utf8().is_err() {
        return refused(StatusCode::NOT_FOUND, &words.nowhere);
    }
    if !gate.is_of_ours(&parts.method, &parts.headers) {
        return refused(StatusCode::FORBIDDEN, &words.not_so);
    }
    let bytes_max =
        if parts.uri.path().starts_with(webhook::ROOT) { webhook::BODY_MAX } else { FORM_MAX };
    let body = match read(body, bytes_max).await {
        Ok(body) => body,
        Err((status, _)) => return refused(status, &words.too_much),
    };
    let peer = parts.extensions.get::<Peer>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0);
    parts.extensions.insert(Visitor::of(peer, &parts.headers, &gate.proxies));
    answer::guarded(next.run(Request::from_parts(parts, Body::from(body))).await)
}
