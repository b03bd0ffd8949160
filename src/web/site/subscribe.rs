//! `POST /subscribe`: somebody leaves an address, and a mail asks whether they are its owner. Nothing else comes of it.
//!
//! Whoever types an address here may type anybody's. So the answer never tells whether the list knows it, the mail holds
//! nothing that was typed, and how often it goes out is bounded: to one mailbox once in fifteen minutes and three times a
//! day, however its address is varied; from one visitor and in all so often an hour. A field that no person sees is left
//! empty by people alone.

use std::{net::IpAddr, time::Duration};

use axum::{Extension, body::Bytes, extract::State, http::StatusCode, response::Response};
use data_encoding::HEXLOWER;
use maud::{Markup, html};
use sha2::{Digest, Sha256};

use super::{Shared, Site, busy, event, post::Asked, shell, visitors::Visitor};
use crate::{
    compose::confirm_token,
    ledger::{Lane, LedgerError, Wish},
    model::{Address, Rate, SubscriberState},
};

/// The field that people leave empty.
const TRAP: &str = "website";

/// How often a mailbox may be asked.
const TO_ONE: [(u32, u64); 2] = [(1, 15 * 60), (3, 24 * 60 * 60)];

/// How often anybody may be.
const TO_ALL: (u32, u64) = (500, 60 * 60);

/// How long the answer takes at least, so that a clock tells no more than the page does: of whom the list knows less is written down.
const AS_LONG: Duration = Duration::from_millis(200);

/// Sets the form; `mistake` is what was wrong with what it held.
pub(super) fn form(site: &Site, mistake: Option<&str>) -> Markup {
    let words = &site.words;
    html! {
        section aria-labelledby="subscribe" {
            @match mistake {
                // It is the whole page then.
                Some(_) => h1 #subscribe { (words.subscribe) },
                None => h2 #subscribe { (words.subscribe) },
            }
            p #about { (words.subscribe_text) }
            form method="post" action="/subscribe" {
                label for="address" { (words.address) }
                @if let Some(mistake) = mistake { p.mistake #mistake role="alert" { (mistake) } }
                input #address name="address" type="email" autocomplete="email" required maxlength="254"
                    aria-describedby=(if mistake.is_some() { "mistake" } else { "about" })
                    aria-invalid=[mistake.map(|_| "true")];
                div.trap aria-hidden="true" {
                    label for="website" { (words.trap) }
                    input #website name=(TRAP) type="text" tabindex="-1" autocomplete="off";
                }
                button type="submit" { (words.subscribe) }
            }
        }
    }
}

pub(super) async fn answer(
    State(site): Shared,
    Extension(Visitor(from)): Extension<Visitor>,
    body: Bytes,
) -> Response {
    let field = |wanted: &str| {
        let mut fields = form_urlencoded::parse(&body);
        fields.find(|(name, _)| name == wanted).map(|(_, value)| value.trim().to_owned())
    };
    let words = &site.words;
    if !site.memory.visitors.may(from) {
        site.memory.counts.limited();
        return shell::told(
            &site,
            StatusCode::TOO_MANY_REQUESTS,
            &words.too_often,
            &words.too_often_text,
        );
    }
    let Ok(address) = field("address").unwrap_or_default().parse::<Address>() else {
        let body = form(&site, Some(&words.not_an_address));
        return shell::page(&site, StatusCode::UNPROCESSABLE_ENTITY, &words.subscribe, &body);
    };
    let is_person = field(TRAP).is_none_or(|trap| trap.is_empty());
    let ask = async { if is_person { site.ask(&address, from).await } else { Ok(()) } };
    let (asked, ()) = tokio::join!(ask, tokio::time::sleep(AS_LONG));
    if asked.is_err() {
        return busy(&site);
    }
    shell::told(&site, StatusCode::OK, &words.asked, &words.asked_text)
}

impl Site {
    /// Asks the owner of an address whether they want to read, where that may be asked.
    async fn ask(&self, address: &Address, from: IpAddr) -> Result<(), LedgerError> {
        let publication = &self.publication.id;
        let known = self.ledger.subscriber(publication, address).await?;
        let state = known.map(|reader| reader.state);
        let may_be_asked = matches!(
            state,
            None | Some(
                SubscriberState::Pending | SubscriberState::Unsubscribed | SubscriberState::Bounced
            )
        );
        if !self.is_within_bounds(address).await? || !may_be_asked {
            self.memory.counts.unasked();
            return Ok(());
        }
        if state.is_none() {
            let event = event("ask", "the form was sent", Some(from));
            self.ledger
                .move_subscriber(publication, address, SubscriberState::Pending, &event)
                .await?;
        }
        let Some(reader) = self.ledger.subscriber(publication, address).await? else {
            return Ok(());
        };
        let minute = self.ledger.now().await?.as_second() / 60;
        let token = confirm_token(&self.keys(), publication, &reader.token_id, minute);
        let token = token.map_err(|error| LedgerError::Damaged(error.to_string()))?;
        let url = format!("{}/confirm/{token}", self.base);
        if self.post.take(Asked { reader, url }) {
            self.memory.counts.asked();
            Ok(())
        } else {
            Err(LedgerError::Busy("too many confirmations wait to be sent".to_owned()))
        }
    }

    /// Counts that an address is asked; the ledger remembers it, whatever restarts.
    async fn is_within_bounds(&self, address: &Address) -> Result<bool, LedgerError> {
        // The address itself is nobody's business there.
        let digest = Sha256::digest(format!("{}\n{}", self.publication.id, mailbox(address)));
        let rate =
            |(count, seconds): (u32, u64)| Rate { count, window: Duration::from_secs(seconds) };
        let all =
            Lane { name: format!("subscribe {}", self.publication.id), rates: vec![rate(TO_ALL)] };
        let one = Lane {
            name: format!("subscribe {} {}", self.publication.id, HEXLOWER.encode(&digest[..16])),
            rates: TO_ONE.map(rate).to_vec(),
        };
        let wish = Wish { lane: Some(one), count: 1 };
        let reserved = self.ledger.reserve(&all, &[wish], Duration::ZERO).await?;
        Ok(!reserved.at.is_empty())
    }
}

/// Names the mailbox that an address leads to, as far as its spelling tells: what follows a `+` is its owner's own note (RFC 5233), and Gmail reads over dots.
fn mailbox(address: &Address) -> String {
    let key = address.key();
    let Some((local, domain)) = key.rsplit_once('@') else { return key };
    let local = local.split_once('+').map_or(local, |(local, _)| local);
    match domain {
        "gmail.com" | "googlemail.com" => format!("{}@gmail.com", local.replace('.', "")),
        _ => format!("{local}@{domain}"),
    }
}
