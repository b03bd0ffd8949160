//! `/u/TOKEN`: the way out. A GET shows a button; a POST unsubscribes, from the button or from a mail program (RFC 8058).
//!
//! A mail program sends `List-Unsubscribe=One-Click`, in a form or as multipart, without a cookie, and wants 200 and no
//! redirect. So any POST with a token that verifies is somebody's word, and only the button that takes it back says so.

use std::net::IpAddr;

use axum::{
    Extension,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use jiff::SignedDuration;
use maud::html;

use super::{Shared, Site, busy, event, shell, visitors::Visitor};
use crate::{
    compose::{Purpose, Unsubscribe, preferences_token, read_unsubscribe_token},
    ledger::LedgerError,
    model::{Subscriber, SubscriberState},
};

/// The field of the buttons that leave, and the value of the one that leaves all publications.
const LEAVE: &str = "leave";
const ALL: &str = "all";

/// The field of the button that takes it back.
const UNDO: &str = "undo";

/// How long leaving can be taken back by the same link.
const SECOND_THOUGHTS: SignedDuration = SignedDuration::from_hours(24);

pub(super) async fn ask(State(site): Shared, Path(token): Path<String>) -> Response {
    let words = &site.words;
    let Some(read) = site.read(read_unsubscribe_token(&site.keys(), &token)) else {
        return not_ours(&site);
    };
    if read.purpose == Purpose::Test {
        return a_test(&site);
    }
    let preferences =
        preferences_token(&site.keys(), &site.publication.id, &read.subscriber, read.issue);
    let body = html! {
        h1 { (words.leave) }
        p { (words.leave_text) }
        form method="post" {
            button type="submit" name=(LEAVE) value="1" { (words.leave_button) }
            @if site.gets_others(&read).await {
                button.quiet type="submit" name=(LEAVE) value=(ALL) { (words.leave_all) }
            }
        }
        @if let Ok(token) = preferences { p.onward { a href=(format!("/p/{token}")) { (words.rather) } } }
    };
    shell::page(&site, StatusCode::OK, &words.leave, &body)
}

pub(super) async fn answer(
    State(site): Shared,
    Extension(Visitor(from)): Extension<Visitor>,
    Path(token): Path<String>,
    body: Bytes,
) -> Response {
    let words = &site.words;
    let Some(read) = site.read(read_unsubscribe_token(&site.keys(), &token)) else {
        return not_ours(&site);
    };
    if read.purpose == Purpose::Test {
        return a_test(&site);
    }
    let says = |wanted: &str, value: Option<&str>| {
        let mut fields = form_urlencoded::parse(&body);
        fields.any(|(name, said)| name == wanted && value.is_none_or(|value| said == value))
    };
    let done = if says(UNDO, None) {
        site.come_back(&read, from).await
    } else if says(LEAVE, Some(ALL)) {
        site.leave_all(&read, from).await
    } else {
        site.leave(&read, from).await
    };
    match done {
        Ok(Done::Left) => left(&site, &words.left, &words.left_text),
        Ok(Done::LeftAll) => left(&site, &words.left_all, &words.left_all_text),
        Ok(Done::Back) => shell::told(&site, StatusCode::OK, &words.back, &words.back_text),
        Ok(Done::TooLate) => {
            shell::told(&site, StatusCode::GONE, &words.expired, &words.subscribe_text)
        }
        Err(_) => busy(&site),
    }
}

/// Answers a link that is forged, cut short, or of another list: one answer for all.
pub(super) fn not_ours(site: &Site) -> Response {
    site.memory.counts.forged();
    shell::told(site, StatusCode::NOT_FOUND, &site.words.not_ours, &site.words.not_ours_text)
}

fn a_test(site: &Site) -> Response {
    shell::told(site, StatusCode::OK, &site.words.a_test, &site.words.a_test_text)
}

fn left(site: &Site, title: &str, text: &str) -> Response {
    let body = html! {
        h1 { (title) }
        p { (text) }
        form method="post" { button.quiet type="submit" name=(UNDO) value="1" { (site.words.undo) } }
    };
    shell::page(site, StatusCode::OK, title, &body)
}

/// What came of a press of a button.
enum Done {
    Left,
    LeftAll,
    Back,
    TooLate,
}

impl Site {
    /// Lets the reader go. Whoever is gone already, or was never there, is told the same.
    async fn leave(&self, token: &Unsubscribe, from: IpAddr) -> Result<Done, LedgerError> {
        let Some(reader) = self.reader(token).await? else { return Ok(Done::Left) };
        if matches!(reader.state, SubscriberState::Active | SubscriberState::Pending) {
            let event = event("unsubscribe", &self.issue_of(token).await?, Some(from));
            let to = SubscriberState::Unsubscribed;
            self.ledger.move_subscriber(&self.publication.id, &reader.address, to, &event).await?;
            self.memory.counts.left();
        }
        Ok(Done::Left)
    }

    /// Names the issue in which the link stood, for the record.
    async fn issue_of(&self, token: &Unsubscribe) -> Result<String, LedgerError> {
        let issues = self.ledger.issues(&self.publication.id).await?;
        let issue = issues.into_iter().find(|issue| issue.id == token.issue);
        Ok(issue.map_or_else(
            || "a mail that was no issue".to_owned(),
            |issue| format!("issue {}", issue.slug),
        ))
    }

    /// Lets the reader go from every publication of this ledger.
    async fn leave_all(&self, token: &Unsubscribe, from: IpAddr) -> Result<Done, LedgerError> {
        let Some(reader) = self.reader(token).await? else { return Ok(Done::LeftAll) };
        let detail = format!("{}, and every other publication", self.issue_of(token).await?);
        let event = event("unsubscribe", &detail, Some(from));
        if self.ledger.leave_all(&reader.address, &event).await? > 0 {
            self.memory.counts.left();
        }
        Ok(Done::LeftAll)
    }

    /// Tells whether the reader gets other publications of this ledger too; where nobody knows, that choice is not offered.
    async fn gets_others(&self, token: &Unsubscribe) -> bool {
        let Ok(Some(reader)) = self.reader(token).await else { return false };
        self.ledger.publications(&reader.address).await.is_ok_and(|all| all.len() > 1)
    }

    /// Takes a reader back who left here a moment ago, to all that they left by that press; an old link lying in some mailbox brings nobody back.
    async fn come_back(&self, token: &Unsubscribe, from: IpAddr) -> Result<Done, LedgerError> {
        let Some(reader) = self.reader(token).await? else { return Ok(Done::TooLate) };
        if self.take_back(&reader, from).await? {
            self.memory.counts.back();
            return Ok(Done::Back);
        }
        // Who presses twice is back by one of the two, and told so by both.
        let reader = self.reader(token).await?;
        let is_back = reader.is_some_and(|reader| reader.state == SubscriberState::Active);
        Ok(if is_back { Done::Back } else { Done::TooLate })
    }

    /// Takes it back where leaving here was the last that happened; tells whether it was.
    async fn take_back(&self, reader: &Subscriber, from: IpAddr) -> Result<bool, LedgerError> {
        if reader.state != SubscriberState::Unsubscribed {
            return Ok(false);
        }
        let history = self.ledger.history(&self.publication.id, &reader.address).await?;
        let now = self.ledger.now().await?;
        let left_here = history.last().filter(|last| {
            last.event.name == "unsubscribe"
                && last.event.source == "web"
                && now.duration_since(last.at) < SECOND_THOUGHTS
        });
        let Some(left) = left_here else { return Ok(false) };
        let event = event("resubscribe", "taken back at once", Some(from));
        // Nobody, where they had not confirmed before they left: this makes no reader of them.
        Ok(self.ledger.take_back(&reader.address, left, &event).await? > 0)
    }
}
