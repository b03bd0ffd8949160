//! `/p/TOKEN`: how a reader wants to be addressed, in which language, and whether they want a pause. The way there is on the page to leave.

use std::net::IpAddr;

use axum::{
    Extension,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use jiff::{Span, Timestamp, ToSpan, tz::TimeZone};
use maud::{Markup, html};

use super::{Shared, Site, Words, busy, event, leave, shell, visitors::Visitor};
use crate::{
    compose::{Unsubscribe, read_preferences_token},
    ledger::{LedgerError, Preferences},
    model::{Subscriber, is_control},
};

/// The longest name that is kept, in characters.
const NAME_MAX: usize = 200;

/// What the choice is called that leaves a pause as it is.
const AS_IT_IS: &str = "as-it-is";

/// The pauses there are to choose from; the first is none.
fn pauses(words: &Words) -> [(&'static str, &str, Span); 5] {
    [
        ("none", &words.every_issue, Span::new()),
        ("2-weeks", &words.pause_2_weeks, 2.weeks()),
        ("1-month", &words.pause_1_month, 1.month()),
        ("3-months", &words.pause_3_months, 3.months()),
        ("6-months", &words.pause_6_months, 6.months()),
    ]
}

pub(super) async fn ask(State(site): Shared, Path(token): Path<String>) -> Response {
    let words = &site.words;
    let Some(read) = site.read(read_preferences_token(&site.keys(), &token)) else {
        return leave::not_ours(&site);
    };
    let Ok(known) = site.known(&read).await else { return busy(&site) };
    let body = html! {
        h1 { (words.preferences) }
        p { (words.preferences_text) }
        (form(&site, known.as_ref()))
    };
    shell::page(&site, StatusCode::OK, &words.preferences, &body)
}

/// Sets the form, as it was filled in last.
fn form(site: &Site, known: Option<&Known>) -> Markup {
    let words = &site.words;
    let name = known.map(|known| known.reader.name.as_str()).unwrap_or_default();
    let language = known.map(Known::language).filter(|language| !language.is_empty());
    let language = language.unwrap_or(&site.publication.language);
    let paused = known.and_then(|known| known.paused_until);
    html! {
        form method="post" {
            label for="name" { (words.name) }
            input #name name="name" type="text" autocomplete="name" maxlength=(NAME_MAX) value=(name);
            @if site.publication.languages.len() > 1 {
                label for="language" { (words.language) }
                select #language name="language" {
                    @for tag in &site.publication.languages {
                        option value=(tag) lang=(tag) selected[tag == language] { (Words::endonym(tag)) }
                    }
                }
            }
            label for="pause" { (words.pause) }
            select #pause name="pause" {
                @if let Some(until) = paused {
                    option value=(AS_IT_IS) selected { (words.paused_until.replace("{date}", &site.day(until))) }
                }
                @for (value, label, _) in pauses(words) { option value=(value) { (label) } }
            }
            button type="submit" { (words.save) }
        }
    }
}

pub(super) async fn answer(
    State(site): Shared,
    Extension(Visitor(from)): Extension<Visitor>,
    Path(token): Path<String>,
    body: Bytes,
) -> Response {
    let words = &site.words;
    let Some(read) = site.read(read_preferences_token(&site.keys(), &token)) else {
        return leave::not_ours(&site);
    };
    match site.prefer(&read, &Wish::read(&body), from).await {
        Ok(true) => shell::told(&site, StatusCode::OK, &words.saved, &words.saved_text),
        Ok(false) => shell::told(&site, StatusCode::GONE, &words.expired, &words.subscribe_text),
        Err(_) => busy(&site),
    }
}

/// What the form held.
struct Wish {
    name: String,
    language: String,
    pause: String,
}

impl Wish {
    fn read(body: &[u8]) -> Self {
        let field = |wanted: &str| {
            let mut fields = form_urlencoded::parse(body);
            let found =
                fields.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned());
            let typed = found.unwrap_or_default();
            let typed: String = typed.chars().filter(|c| !is_control(*c)).take(NAME_MAX).collect();
            typed.trim().to_owned()
        };
        Self { name: field("name"), language: field("language"), pause: field("pause") }
    }
}

/// A reader, what they said of themselves, and until when they want no issue, where that is still to come.
struct Known {
    reader: Subscriber,
    said: Preferences,
    paused_until: Option<Timestamp>,
}

impl Known {
    fn language(&self) -> &str {
        let listed = self.reader.fields.get("language").map_or("", String::as_str);
        if self.said.language.is_empty() { listed } else { &self.said.language }
    }
}

impl Site {
    async fn known(&self, token: &Unsubscribe) -> Result<Option<Known>, LedgerError> {
        let Some(reader) = self.reader(token).await? else { return Ok(None) };
        let said = self.ledger.preferences(&self.publication.id, &token.subscriber).await?;
        let now = self.ledger.now().await?;
        let paused_until = said.paused_until.filter(|until| *until > now);
        Ok(Some(Known { reader, said, paused_until }))
    }

    /// Writes down what a reader wishes; `false` where there is none, or they left.
    async fn prefer(
        &self,
        token: &Unsubscribe,
        wish: &Wish,
        from: IpAddr,
    ) -> Result<bool, LedgerError> {
        let Some(Known { reader, said, paused_until }) = self.known(token).await? else {
            return Ok(false);
        };
        let mut wanted = Preferences { paused_until, ..said.clone() };
        let mut changes = Vec::new();
        if !wish.name.is_empty() && wish.name != reader.name {
            wanted.name.clone_from(&wish.name);
            changes.push("wrote their name".to_owned());
        }
        let is_offered = self.publication.languages.contains(&wish.language);
        if is_offered && wish.language != said.language {
            wanted.language.clone_from(&wish.language);
            changes.push(format!("would read {}", wish.language));
        }
        let pause = pauses(&self.words).into_iter().find(|(value, ..)| *value == wish.pause);
        if let Some((.., span)) = pause {
            wanted.paused_until = self.after(span).await?;
            if wanted.paused_until != paused_until {
                changes.push(match wanted.paused_until {
                    Some(until) => format!("wants no issue until {until:.0}"),
                    None => "wants every issue again".to_owned(),
                });
            }
        }
        if changes.is_empty() {
            return Ok(!reader.state.is_suppressed());
        }
        let event = event("preferences", &changes.join(", "), Some(from));
        self.ledger.prefer(&self.publication.id, &token.subscriber, &wanted, &event).await
    }

    /// Returns when a pause is over that begins now; `None` for no pause.
    async fn after(&self, span: Span) -> Result<Option<Timestamp>, LedgerError> {
        if span.is_zero() {
            return Ok(None);
        }
        let now = self.ledger.now().await?.to_zoned(self.zone());
        Ok(now.checked_add(span).ok().map(|until| until.timestamp()))
    }

    /// Writes a day as the publication's language does.
    fn day(&self, at: Timestamp) -> String {
        self.long_day(at.to_zoned(self.zone()).date())
    }

    fn zone(&self) -> TimeZone {
        TimeZone::get(&self.publication.timezone).unwrap_or(TimeZone::UTC)
    }
}
