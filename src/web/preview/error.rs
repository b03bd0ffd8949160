//! Errors as pages: what is wrong, and how to mend it.

use axum::{http::StatusCode, response::Response};
use maud::{Markup, html};

use super::{look, newsroom::Trouble, problems};
use crate::web::answer;

/// Answers with an error.
pub(super) fn answer(status: StatusCode, why: &str) -> Response {
    answer::with_policy(answer::page(status, page(status, why)), look::POLICY)
}

/// Answers that there is no such thing, with a page that looks again after the next save: an editor may be about to write it.
pub(super) fn not_yet(why: &str, version: &str) -> Response {
    let status = StatusCode::NOT_FOUND;
    answer::with_policy(answer::page(status, set(status, why, Some(version))), look::POLICY)
}

/// Answers where nothing can be shown.
pub(super) fn trouble(trouble: &Trouble) -> Response {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    let page = look::document(
        "This cannot be shown",
        None,
        &html! {
            main.lone {
                h1 { "This cannot be shown" }
                (told(trouble))
                @if !trouble.problems.is_empty() { (problems::list(&trouble.problems)) }
            }
        },
    );
    answer::with_policy(answer::page(status, page), look::POLICY)
}

/// Says what a trouble is, and how to mend it.
pub(super) fn told(trouble: &Trouble) -> Markup {
    html! {
        p.trouble { (sentence(&trouble.message)) }
        @for hint in &trouble.hints { p.help { (problems::words(hint)) } }
    }
}

pub(super) async fn nowhere() -> Response {
    answer(StatusCode::NOT_FOUND, "there is nothing at this address")
}

pub(super) async fn not_so() -> Response {
    answer(StatusCode::METHOD_NOT_ALLOWED, "this is not done so")
}

/// Sets an error as a page.
pub(super) fn page(status: StatusCode, why: &str) -> Markup {
    set(status, why, None)
}

fn set(status: StatusCode, why: &str, version: Option<&str>) -> Markup {
    let title = status.canonical_reason().unwrap_or("Error");
    look::document(
        title,
        version,
        &html! {
            main.lone {
                p.kicker { "Preview " (status.as_u16()) }
                h1 { (title) }
                p.trouble { (sentence(why)) }
                p { a href="/" { "Go to the newest issue" } }
            }
        },
    )
}

/// Sets a fragment as a sentence, unless it begins with a name or an address.
fn sentence(fragment: &str) -> Markup {
    let first = fragment.split(' ').next().unwrap_or_default();
    let is_word = first.chars().all(|letter| letter.is_ascii_lowercase());
    let begin = if is_word { fragment.len().min(1) } else { 0 };
    let (begin, rest) = fragment.split_at(begin);
    problems::words(&format!("{}{rest}.", begin.to_ascii_uppercase()))
}
