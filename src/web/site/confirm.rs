//! `/confirm/TOKEN`: the second half of subscribing. A GET shows a button; only its POST subscribes.

use std::net::IpAddr;

use axum::{
    Extension,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use maud::html;

use super::{Shared, Site, busy, event, leave, shell, visitors::Visitor};
use crate::{
    compose::{Unsubscribe, read_confirm_token},
    ledger::LedgerError,
    model::SubscriberState,
};

/// How long a confirmation holds, in minutes.
const MINUTES: i64 = 7 * 24 * 60;

pub(super) async fn ask(State(site): Shared, Path(token): Path<String>) -> Response {
    let words = &site.words;
    let Some(read) = site.read(read_confirm_token(&site.keys(), &token)) else {
        return leave::not_ours(&site);
    };
    match site.is_fresh(&read).await {
        Ok(true) => {}
        Ok(false) => return expired(&site),
        Err(_) => return busy(&site),
    }
    let body = html! {
        h1 { (words.confirm) }
        p { (words.confirm_text) }
        form method="post" { button type="submit" name="confirm" value="1" { (words.confirm_button) } }
    };
    shell::page(&site, StatusCode::OK, &words.confirm, &body)
}

pub(super) async fn answer(
    State(site): Shared,
    Extension(Visitor(from)): Extension<Visitor>,
    Path(token): Path<String>,
) -> Response {
    let words = &site.words;
    let Some(read) = site.read(read_confirm_token(&site.keys(), &token)) else {
        return leave::not_ours(&site);
    };
    match site.confirm(&read, from).await {
        Ok(true) => shell::told(&site, StatusCode::OK, &words.confirmed, &words.confirmed_text),
        Ok(false) => expired(&site),
        Err(_) => busy(&site),
    }
}

fn expired(site: &Site) -> Response {
    shell::told(site, StatusCode::GONE, &site.words.expired, &site.words.expired_text)
}

impl Site {
    async fn is_fresh(&self, token: &Unsubscribe) -> Result<bool, LedgerError> {
        let minute = self.ledger.now().await?.as_second() / 60;
        Ok((token.issue..=token.issue + MINUTES).contains(&minute))
    }

    /// Subscribes whoever confirms; `false` where the link has had its time, or its reader is gone.
    async fn confirm(&self, token: &Unsubscribe, from: IpAddr) -> Result<bool, LedgerError> {
        let Some(reader) = self.reader(token).await?.filter(|reader| {
            !matches!(
                reader.state,
                SubscriberState::Blocked | SubscriberState::Complained | SubscriberState::Erased
            )
        }) else {
            return Ok(false);
        };
        if !self.is_fresh(token).await? {
            return Ok(false);
        }
        if reader.state == SubscriberState::Active {
            return Ok(true);
        }
        // Whoever left after the mail was asked for has said the last word.
        let history = self.ledger.history(&self.publication.id, &reader.address).await?;
        let asked_until = (token.issue + 1) * 60;
        if reader.state == SubscriberState::Unsubscribed
            && history.last().is_some_and(|last| last.at.as_second() >= asked_until)
        {
            return Ok(false);
        }
        let event = event("confirm", "the button in the mail was pressed", Some(from));
        self.ledger
            .move_subscriber(&self.publication.id, &reader.address, SubscriberState::Active, &event)
            .await?;
        self.memory.counts.confirmed();
        Ok(true)
    }
}
