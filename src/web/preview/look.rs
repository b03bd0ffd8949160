//! How the preview looks: its own style sheet, script and icon, and the document around every page. Nothing comes from elsewhere.

use axum::response::Response;
use maud::{DOCTYPE, Markup, html};

use crate::web::answer;

/// What a page of the preview may load: its own, and the mail in its frame.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
    connect-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

pub(super) async fn css() -> Response {
    answer::bytes("text/css; charset=utf-8", include_str!("preview.css"))
}

pub(super) async fn js() -> Response {
    answer::bytes("text/javascript; charset=utf-8", include_str!("preview.js"))
}

pub(super) async fn icon() -> Response {
    answer::bytes("image/svg+xml", include_str!("icon.svg"))
}

/// Sets a whole document. One that is told its `version` reloads when there is another.
pub(super) fn document(title: &str, version: Option<&str>, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (title) }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/preview.css";
                script src="/preview.js" defer {}
            }
            body data-version=[version] { (body) }
        }
    }
}
