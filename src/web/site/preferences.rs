//! `/p/TOKEN`: how a reader wants to be addressed. The way there is on the page to leave.

use std::{collections::BTreeMap, net::IpAddr};

use axum::{
    Extension,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use maud::html;

use super::{Shared, Site, busy, event, leave, shell, visitors::Visitor};
use crate::{
    compose::{Unsubscribe, read_preferences_token},
    ledger::{Enrol, LedgerError, Record},
    model::{SubscriberState, is_control},
};

/// The longest name that is kept, in characters.
const NAME_MAX: usize = 200;

pub(super) async fn ask(State(site): Shared, Path(token): Path<String>) -> Response {
    let words = &site.words;
    let Some(read) = site.read(read_preferences_token(&site.keys, &token)) else {
        return leave::not_ours(&site);
    };
    let Ok(reader) = site.reader(&read).await else { return busy(&site) };
    let name = reader.map(|reader| reader.name).unwrap_or_default();
    let body = html! {
        h1 { (words.preferences) }
        p { (words.preferences_text) }
        form method="post" {
            label for="name" { (words.name) }
            input #name name="name" type="text" autocomplete="name" maxlength=(NAME_MAX) value=(name);
            button type="submit" { (words.save) }
        }
    };
    shell::page(&site, StatusCode::OK, &words.preferences, &body)
}

pub(super) async fn answer(
    State(site): Shared,
    Extension(Visitor(from)): Extension<Visitor>,
    Path(token): Path<String>,
    body: Bytes,
) -> Response {
    let words = &site.words;
    let Some(read) = site.read(read_preferences_token(&site.keys, &token)) else {
        return leave::not_ours(&site);
    };
    let name = form_urlencoded::parse(&body).find(|(key, _)| key == "name");
    let name: String = name.map(|(_, name)| name.into_owned()).unwrap_or_default();
    let name: String = name.chars().filter(|c| !is_control(*c)).take(NAME_MAX).collect();
    match site.prefer(&read, name.trim(), from).await {
        Ok(()) => shell::told(&site, StatusCode::OK, &words.saved, &words.saved_text),
        Err(_) => busy(&site),
    }
}

impl Site {
    /// Writes down a reader's name, where there is such a reader and a name.
    async fn prefer(
        &self,
        token: &Unsubscribe,
        name: &str,
        from: IpAddr,
    ) -> Result<(), LedgerError> {
        let Some(reader) = self.reader(token).await? else { return Ok(()) };
        let keeps = matches!(reader.state, SubscriberState::Active | SubscriberState::Pending);
        if !keeps || name.is_empty() || name == reader.name {
            return Ok(());
        }
        let record = Record {
            line: 1,
            address: reader.address,
            name: name.to_owned(),
            tags: Vec::new(),
            fields: BTreeMap::new(),
            state: reader.state,
            evidence: String::new(),
        };
        let order = Enrol {
            publication: self.publication.id.clone(),
            event: event("preferences", "the reader wrote their name", Some(from)),
            from_list_file: false,
            resubscribe: None,
            rehearse: false,
        };
        self.ledger.enrol(vec![(order, Box::new(std::iter::once(Ok(record))))]).await?;
        Ok(())
    }
}
