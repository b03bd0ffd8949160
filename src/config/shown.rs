//! Every setting as it holds, and where it comes from: `publication.toml` read the other way round.

use std::time::Duration;

use jiff::SignedDuration;
use toml::{Table, Value, de::DeTable};

use super::relay::written;
use crate::model::{Field, Place, Publication, Rate, SecretSource, WarmUp};

/// One setting as it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The table it belongs to, as `relay`.
    pub table: &'static str,
    /// Its key in that table.
    pub key: String,
    /// Its value, as the file would write it.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The line of `publication.toml`, from 1.
    Line(usize),
    /// What a relay's preset says.
    Preset(String),
    /// Nobody said otherwise.
    Default,
}

/// Returns every setting of `publication` that has a value, table by table; `text` is the file it was read from.
///
/// Written down as TOML they read back as the same publication. Of secrets they
/// say where they are kept.
pub fn settings(publication: &Publication, text: &str) -> Vec<Setting> {
    let (file, _) = DeTable::parse_recoverable(text);
    let file = file.get_ref();
    let preset =
        entry(file, "relay", "preset").and_then(|(value, _)| Some(value.as_str()?.to_owned()));
    let origin = |table: &str, key: &str| match (entry(file, table, key), &preset) {
        (Some((_, at)), _) => Origin::Line(Place::of_span("", text, at).line),
        (None, Some(preset)) if table == "relay" && PRESET.contains(&key) => {
            Origin::Preset(preset.clone())
        }
        _ => Origin::Default,
    };
    let mut settings = Vec::new();
    for (table, entries) in tables(publication) {
        for (key, value) in entries {
            let origin = origin(table, &key);
            settings.extend(value.map(|value| Setting { table, key, value, origin }));
        }
    }
    settings
}

/// What a preset sets where the file does not.
const PRESET: [&str; 4] = ["url", "rate", "connections", "messages_per_connection"];

/// Finds what stands under a key of a table, and where.
fn entry<'a>(
    file: &'a DeTable<'_>,
    table: &str,
    key: &str,
) -> Option<(&'a toml::de::DeValue<'a>, std::ops::Range<usize>)> {
    let inner = table.split('.').try_fold(file, |file, name| file.get(name)?.get_ref().as_table());
    let value = inner?.get(key)?;
    Some((value.get_ref(), value.span()))
}

type Entries = Vec<(String, Option<Value>)>;

fn tables(publication: &Publication) -> Vec<(&'static str, Entries)> {
    let Publication { links, sender, relay, list, schedule, send, .. } = publication;
    let nav = links
        .nav
        .iter()
        .map(|link| table([("label", Some(text(&link.label))), ("url", Some(text(&link.url)))]));
    let domains = relay
        .domains
        .iter()
        .map(|(domain, rates)| (domain.clone(), Some(table([("rate", Some(rates_of(rates)))]))));
    let dkim = publication.dkim.as_ref().map_or_else(Vec::new, |dkim| {
        let keys = dkim.keys.iter();
        let keys = keys.map(|key| {
            table([("selector", Some(text(&key.selector))), ("file", Some(text(&key.file)))])
        });
        entries([
            ("domain", Some(text(&dkim.domain))),
            ("keys", Some(Value::Array(keys.collect()))),
            ("unsigned", texts(&dkim.unsigned)),
        ])
    });
    vec![
        (
            "publication",
            entries([
                ("id", Some(text(&publication.id))),
                ("title", Some(text(&publication.title))),
                ("tagline", filled(&publication.tagline)),
                ("masthead", texts(&publication.masthead)),
                ("motto", filled(&publication.motto)),
                ("publisher", Some(text(&publication.publisher))),
                ("copyright", filled(&publication.copyright)),
                ("postal_address", Some(text(&publication.postal_address))),
                ("language", Some(text(&publication.language))),
                ("timezone", Some(text(&publication.timezone))),
                ("theme", Some(text(&publication.theme))),
            ]),
        ),
        (
            "links",
            entries([
                ("website", links.website.as_ref().map(text)),
                ("subscribe", links.subscribe.as_ref().map(text)),
                ("archive", links.archive.as_ref().map(text)),
                ("images", links.images.as_ref().map(text)),
                ("disclaimer", Some(text(&links.disclaimer))),
                ("privacy", Some(text(&links.privacy))),
                ("feedback", Some(text(&links.feedback))),
                ("unsubscribe", links.unsubscribe.as_ref().map(text)),
                ("nav", Some(Value::Array(nav.collect())).filter(|_| !links.nav.is_empty())),
            ]),
        ),
        (
            "sender",
            entries([
                ("from", Some(text(&sender.from))),
                ("reply_to", sender.reply_to.as_ref().map(text)),
                ("bounces", sender.bounces.as_ref().map(text)),
            ]),
        ),
        (
            "relay",
            entries([
                ("url", Some(text(&written(&relay.url)))),
                ("rate", Some(rates_of(&relay.rate))),
                ("connections", number(relay.connections)),
                ("messages_per_connection", relay.messages.and_then(number)),
                ("chunking", Some(Value::Boolean(relay.chunking))),
                ("warm_up", relay.warm_up.as_ref().map(warm_up)),
                ("ca_file", relay.ca_file.as_ref().map(text)),
                ("auth", Some(text(&relay.auth)).filter(|_| relay.user().is_some())),
                ("password_file", password_file(relay.password.as_ref())),
                ("password_command", password_command(relay.password.as_ref())),
            ]),
        ),
        (
            "relay.deadlines",
            entries([
                ("connect", span(relay.deadlines.connect)),
                ("command", span(relay.deadlines.command)),
                ("data", span(relay.deadlines.data)),
                ("dot", span(relay.deadlines.dot)),
            ]),
        ),
        ("relay.domains", domains.collect()),
        ("dkim", dkim),
        (
            "list",
            entries([
                ("csv", list.csv.as_ref().map(text)),
                ("retention", list.retention.and_then(span)),
            ]),
        ),
        (
            "list.fields",
            list.fields.iter().map(|(name, known)| (name.clone(), Some(field(known)))).collect(),
        ),
        (
            "schedule",
            entries([
                ("every", schedule.every.as_ref().map(text)),
                ("max_late", span(schedule.max_late)),
            ]),
        ),
        (
            "send",
            entries([
                ("stop_at_rejected", Some(text(&format!("{}%", send.stop_at_rejected * 100.0)))),
                // The only answer there is.
                ("in_doubt", Some(text("hold"))),
            ]),
        ),
        (
            "web",
            entries([
                ("url", publication.web.as_ref().map(text)),
                ("proxies", texts(&publication.proxies)),
                ("languages", texts(&publication.languages)),
            ]),
        ),
        (
            "web.webhooks",
            entries([
                ("ses_topic", publication.webhooks.ses_topic.as_ref().map(text)),
                ("mailgun_key_file", password_file(publication.webhooks.mailgun_key.as_ref())),
                (
                    "postmark_password_file",
                    password_file(publication.webhooks.postmark_password.as_ref()),
                ),
            ]),
        ),
        (
            "ledger",
            entries([
                ("url", Some(text(&publication.ledger.url))),
                ("ca_file", publication.ledger.ca_file.as_ref().map(text)),
                ("password_file", password_file(publication.ledger.password.as_ref())),
                ("password_command", password_command(publication.ledger.password.as_ref())),
            ]),
        ),
    ]
}

fn password_file(source: Option<&SecretSource>) -> Option<Value> {
    match source {
        Some(SecretSource::File(file)) => Some(text(file)),
        _ => None,
    }
}

fn password_command(source: Option<&SecretSource>) -> Option<Value> {
    match source {
        Some(SecretSource::Command(command)) => Some(text(command)),
        _ => None,
    }
}

fn entries<const N: usize>(entries: [(&str, Option<Value>); N]) -> Entries {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn table<const N: usize>(entries: [(&str, Option<Value>); N]) -> Value {
    let filled = entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Table(filled.collect::<Table>())
}

fn text(value: &(impl ToString + ?Sized)) -> Value {
    Value::String(value.to_string())
}

fn filled(value: &str) -> Option<Value> {
    Some(text(value)).filter(|_| !value.is_empty())
}

fn texts(values: &[impl ToString]) -> Option<Value> {
    let all = values.iter().map(text).collect();
    Some(Value::Array(all)).filter(|_| !values.is_empty())
}

fn rates_of(rates: &[Rate]) -> Value {
    Value::Array(rates.iter().map(text).collect())
}

fn number(value: impl TryInto<i64>) -> Option<Value> {
    value.try_into().ok().map(Value::Integer)
}

fn span(value: Duration) -> Option<Value> {
    let value = SignedDuration::try_from(value).ok()?;
    Some(text(&format!("{value:#}")))
}

fn warm_up(warm_up: &WarmUp) -> Value {
    table([
        ("from", Some(text(&warm_up.from))),
        ("since", Some(text(&warm_up.since))),
        ("double_every", span(warm_up.double_every)),
    ])
}

fn field(field: &Field) -> Value {
    let required = Some(Value::Boolean(true)).filter(|_| field.required);
    table([("default", field.default.as_ref().map(text)), ("required", required)])
}
