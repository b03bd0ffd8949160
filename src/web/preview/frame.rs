//! `/issues/SLUG/mail`: the HTML part as one reader's program shows it, for the frame of the page.
//!
//! It is a stranger's document: no script runs in it, it has no origin, and it loads nothing but pictures. What is
//! changed in it is what a program decides and not the mail: whether the night's rules hold, that a link opens beside,
//! and that no scroll bar takes of its width, so that 320 pixels are 320.

use axum::{
    extract::{Path, RawQuery, State},
    response::Response,
};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::{Shared, change, pictures, wish::Place};
use crate::web::answer;

const POLICY: &str = "default-src 'none'; img-src 'self' https:; style-src 'unsafe-inline'; \
    sandbox allow-popups allow-popups-to-escape-sandbox; frame-ancestors 'self'; form-action 'none'; base-uri 'none'";

/// What stands at the beginning of the mail's head.
const HEAD: &str = "<base target=\"_blank\"><style>html{scrollbar-width:none}</style>";

/// What the page's frame allows; a link may open a page of its own, and no more.
pub(super) const SANDBOX: &str = "allow-popups allow-popups-to-escape-sandbox";

pub(super) async fn answer(
    State(preview): Shared,
    path: Path<String>,
    query: RawQuery,
) -> Response {
    let (place, copy, parts) = match preview.printed(path, &query).await {
        Ok(printed) => printed,
        Err(refused) => return *refused,
    };
    let html = match copy.change(&parts.html) {
        Some(at) => change::marked(&parts.html, at),
        None => parts.html,
    };
    let html = pictures::led(&dressed(&html, place.wish.dark), &place);
    answer::with_policy(answer::bytes("text/html; charset=utf-8", html), POLICY)
}

/// Returns the URL that the page's frame shows: another one whenever the mail is another, and at its last change.
pub(super) fn path(place: &Place, html: &str, changed: bool) -> String {
    let path = place.below("/mail");
    let mark = if path.contains('?') { '&' } else { '?' };
    let digest = HEXLOWER.encode(&Sha256::digest(html)[..6]);
    let place = if changed { change::FRAGMENT } else { "" };
    format!("{path}{mark}v={digest}{place}")
}

/// Shows a mail as a program by day, or by night, shows it, whatever this browser prefers itself.
fn dressed(html: &str, dark: bool) -> String {
    let scheme = if dark { "dark" } else { "light" };
    let mut out = String::with_capacity(html.len() + 64);
    let mut rest = html;
    while let Some((before, sheet, after)) = next_sheet(rest) {
        out.push_str(&marked(before, scheme));
        out.push_str(&decided(sheet, scheme));
        rest = after;
    }
    out.push_str(&marked(rest, scheme));
    out.replacen("<head>", &format!("<head>{HEAD}"), 1)
}

/// Cuts at the next style sheet. In text a `<` is always escaped, so a tag is a tag.
fn next_sheet(html: &str) -> Option<(&str, &str, &str)> {
    let open = html.find("<style")?;
    let close = open + html[open..].find("</style")?;
    Some((&html[..open], &html[open..close], &html[close..]))
}

/// Says which of the schemes that a mail allows its program has.
fn marked(html: &str, scheme: &str) -> String {
    html.replace("content=\"light dark\"", &format!("content=\"{scheme}\""))
}

/// Decides a sheet's questions for the scheme: each becomes one that is always, or never, so.
fn decided(sheet: &str, scheme: &str) -> String {
    const QUESTION: &str = "(prefers-color-scheme";
    let mut out = String::with_capacity(sheet.len());
    let mut rest = sheet;
    while let Some(at) = rest.to_ascii_lowercase().find(QUESTION) {
        let Some(end) = rest[at..].find(')').map(|end| at + end) else { break };
        let asked = rest[at + QUESTION.len()..end].trim_start_matches([' ', ':']).trim();
        let is_so = asked.is_empty() || asked.eq_ignore_ascii_case(scheme);
        out.push_str(&rest[..at]);
        out.push_str(if is_so { "(min-width:0)" } else { "(max-width:0)" });
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    out.replace("color-scheme:light dark", &format!("color-scheme:{scheme}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &str = "<head><meta name=\"color-scheme\" content=\"light dark\"><style>:root{color-scheme:light dark}\
        @media only screen and (Prefers-Color-Scheme: dark){a{b:c}}@media (prefers-color-scheme:light){d{e:f}}</style></head>\
        <p>(prefers-color-scheme:dark)";

    #[test]
    fn a_night_is_a_night_whatever_the_browser_prefers() {
        assert_eq!(
            dressed(MAIL, true),
            "<head><base target=\"_blank\"><style>html{scrollbar-width:none}</style><meta name=\"color-scheme\" content=\"dark\"><style>:root{color-scheme:dark}\
             @media only screen and (min-width:0){a{b:c}}@media (max-width:0){d{e:f}}</style></head>\
             <p>(prefers-color-scheme:dark)"
        );
    }

    #[test]
    fn a_day_is_a_day() {
        let shown = dressed(MAIL, false);
        assert!(shown.contains("and (max-width:0){a{b:c}}@media (min-width:0){d{e:f}}"), "{shown}");
    }

    #[test]
    fn any_text_is_dressed() {
        for html in [
            "",
            "<style",
            "<style>(prefers-color-scheme",
            "<style>(prefers-color-scheme:é)</style>",
        ] {
            dressed(html, true);
        }
    }
}
