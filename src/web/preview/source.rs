//! The message as it travels: its headers, its source, and the whole of it as a file.

use axum::{
    extract::{Path, RawQuery, State},
    http::{HeaderValue, header},
    response::Response,
};
use maud::{Markup, html};

use super::{Shared, copy::Parts, wish::Place};
use crate::web::answer;

/// How much of the source is shown; the file has all of it.
const SHOWN: usize = 256 * 1024;

/// Answers with the whole message.
pub(super) async fn answer(
    State(preview): Shared,
    path: Path<String>,
    query: RawQuery,
) -> Response {
    let bytes = match preview.printed(path, &query).await {
        Ok((.., parts)) => parts.printed.bytes,
        Err(refused) => return *refused,
    };
    let mut response = answer::bytes("message/rfc822", bytes);
    let saved = HeaderValue::from_static("attachment; filename=\"mail.eml\"");
    response.headers_mut().insert(header::CONTENT_DISPOSITION, saved);
    response
}

/// Sets headers and source.
pub(super) fn set(place: &Place, parts: &Parts) -> Markup {
    let bytes = &parts.printed.bytes;
    let source = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]).replace("\r\n", "\n");
    let (head, body) = source.split_once("\n\n").unwrap_or((&source, ""));
    html! {
        div.window.source tabindex="0" role="region" aria-label="Headers and source" {
            h2 { "Headers" }
            dl.headers {
                div { dt { "MAIL FROM" } dd { "<" (parts.printed.return_path) ">" } }
                @for (name, value) in fields(head) {
                    div { dt { (name) } dd { (value) } }
                }
            }
            h2 { "Source" }
            p.fine {
                a href=(place.below("/mail.eml")) { "Save it as mail.eml" }
                @if bytes.len() > SHOWN { ", all " (bytes.len()) " bytes of it; here are the first " (SHOWN) }
            }
            pre { (body) }
        }
    }
}

/// Returns the fields of a head, their folded lines kept.
fn fields(head: &str) -> Vec<(&str, String)> {
    let mut fields: Vec<(&str, String)> = Vec::new();
    for line in head.lines() {
        match (line.split_once(':'), fields.last_mut()) {
            (_, Some((_, value))) if line.starts_with([' ', '\t']) => {
                value.push('\n');
                value.push_str(line.trim());
            }
            (Some((name, value)), _) => fields.push((name, value.trim().to_owned())),
            (None, _) => {}
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folded_field_is_one() {
        let read = fields("A: 1\nB: <x>,\n <y>\nodd\nC:");
        assert_eq!(
            read,
            [("A", "1".to_owned()), ("B", "<x>,\n<y>".to_owned()), ("C", String::new())]
        );
    }
}
