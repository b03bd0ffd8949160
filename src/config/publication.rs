//! The tables of `publication.toml`, one function each.

use std::{collections::BTreeMap, time::Duration};

use super::{
    dkim, ledger,
    mistake::Mistake,
    relay::relay_url,
    table::{Page, Table, Value},
    value,
};
use crate::model::{
    Auth, Deadlines, Field, Links, ListSettings, NavLink, Problem, Publication, Rate,
    RelaySettings, RelayUrl, ScheduleSettings, SecretSource, Security, SendSettings, Sender,
    WarmUp, WebhookSettings,
};

const CONNECTIONS: usize = 2;
const CONNECTIONS_MAX: usize = 64;
const MESSAGES_PER_CONNECTION_MAX: usize = 1_000_000;
const DOUBLE_EVERY: Duration = Duration::from_hours(24);
const MAX_LATE: Duration = Duration::from_hours(6);
const STOP_AT_REJECTED: f64 = 0.05;

/// Reads a publication, or returns every mistake in it, in the order of the file.
///
/// `file_name` is the path as the editor knows it. Nothing is looked up: files
/// that the publication names need not be there.
pub fn read(text: &str, file_name: &str) -> Result<Publication, Vec<Problem>> {
    let (mut page, mut root) = Page::open(file_name, text);
    let publication = publication(&mut root, &mut page);
    root.finish(&mut page);
    match (publication, page.close()) {
        (Some(publication), problems) if problems.is_empty() => Ok(publication),
        (_, problems) => Err(problems),
    }
}

fn publication(root: &mut Table<'_>, page: &mut Page<'_>) -> Option<Publication> {
    let mut table = root.table("publication", page);
    let id = table.needed("id", "id = \"my-report\"", page, value::id);
    let title = table.needed("title", "title = \"My Report\"", page, value::line);
    let tagline = table.text("tagline", page, value::text_or_nothing);
    let masthead = texts(table.values("masthead"), "masthead", page, value::line);
    let motto = table.text("motto", page, value::text_or_nothing);
    let publisher = table.needed("publisher", "publisher = \"My House\"", page, value::line);
    let copyright = table.text("copyright", page, value::text_or_nothing);
    let line = "postal_address = \"1 My Street, My Town\"";
    let postal_address = table.needed("postal_address", line, page, value::lines);
    let language = table.text("language", page, value::language);
    let timezone = table.text("timezone", page, value::timezone);
    let theme = table.text("theme", page, value::line);
    table.finish(page);

    let links = links(root, page);
    let sender = sender(root, page);
    let relay = relay(root, page);
    let dkim = dkim::settings(root, sender.as_ref(), page);
    let list = list(root, page);
    let schedule = schedule(root, page);
    let send = send(root, page);
    let mut table = root.table("web", page);
    let web = table.text("url", page, value::https_host);
    let proxies = texts(table.values("proxies"), "proxies", page, value::ip);
    let languages = texts(table.values("languages"), "languages", page, value::language);
    let webhooks = webhooks(&mut table, page);
    table.finish(page);
    let ledger = ledger::settings(root, page);

    Some(Publication {
        id: id?,
        title: title?,
        tagline: tagline.unwrap_or_default(),
        masthead,
        motto: motto.unwrap_or_default(),
        publisher: publisher?,
        copyright: copyright.unwrap_or_default(),
        postal_address: postal_address?,
        language: language.unwrap_or_else(|| "en".to_owned()),
        timezone: timezone.unwrap_or_else(|| "UTC".to_owned()),
        theme: theme.unwrap_or_else(|| "broadsheet".to_owned()),
        links: links?,
        sender: sender?,
        relay,
        dkim,
        list,
        schedule,
        send,
        web,
        proxies,
        languages,
        webhooks,
        ledger,
    })
}

fn links(root: &mut Table<'_>, page: &mut Page<'_>) -> Option<Links> {
    let mut table = root.table("links", page);
    let website = table.text("website", page, value::https);
    let subscribe = table.text("subscribe", page, value::https);
    let archive = table.text("archive", page, value::https_base);
    let images = table.text("images", page, value::https_base);
    let line = "disclaimer = \"https://...\"";
    let disclaimer = table.needed("disclaimer", line, page, value::https);
    let privacy = table.needed("privacy", "privacy = \"https://...\"", page, value::https);
    let line = "feedback = \"https://...\"";
    let feedback = table.needed("feedback", line, page, value::https_or_mailto);
    let unsubscribe = table.text("unsubscribe", page, value::https_or_mailto);
    let nav = table.values("nav").into_iter().filter_map(|link| nav_link(link, page)).collect();
    table.finish(page);
    Some(Links {
        website,
        subscribe,
        archive,
        images,
        disclaimer: disclaimer?,
        privacy: privacy?,
        feedback: feedback?,
        unsubscribe,
        nav,
    })
}

fn nav_link(link: Value<'_>, page: &mut Page<'_>) -> Option<NavLink> {
    let mut table = link.table("links.nav".to_owned(), page);
    let label = table.needed("label", "label = \"...\"", page, value::line);
    let url = table.needed("url", "url = \"https://...\"", page, value::https);
    table.finish(page);
    Some(NavLink { label: label?, url: url? })
}

fn sender(root: &mut Table<'_>, page: &mut Page<'_>) -> Option<Sender> {
    let mut table = root.table("sender", page);
    let line = "from = \"My Report <report@example.org>\"";
    let from = table.needed("from", line, page, value::mailbox);
    let reply_to = table.text("reply_to", page, value::mailbox);
    let bounces = table.text("bounces", page, value::domain);
    table.finish(page);
    Some(Sender { from: from?, reply_to, bounces })
}

fn relay(root: &mut Table<'_>, page: &mut Page<'_>) -> RelaySettings {
    let mut table = root.table("relay", page);
    let preset_span = table.span_of("preset");
    let preset = table.text("preset", page, value::preset);
    let user_span = table.span_of("user");
    let user = table.text("user", page, value::line);
    let url_is_there = table.span_of("url").is_some();
    let mut url = table.text("url", page, relay_url);
    if let Some(span) = user_span.clone().filter(|_| url_is_there) {
        let mistake = Mistake::new("the user of this relay belongs into its URL");
        page.mistake(span, mistake.help("write `url = \"smtps://user@host\"`"));
    } else if let (Some(preset), Some(span)) = (preset, preset_span) {
        if url == Some(RelayUrl::Outbox) {
            let name = preset.name;
            let mistake = format!("mail is to go to `{name}`, and `url` keeps it in the outbox");
            let help = "take out one of the lines `preset` and `url = \"outbox\"`";
            page.mistake(span.clone(), Mistake::new(mistake).help(help));
        }
        match preset.url(user) {
            _ if url_is_there => {}
            Ok(its) => url = Some(its),
            Err(mistake) => page.mistake(span, mistake),
        }
    } else if let Some(span) = user_span {
        let mistake = Mistake::new("there is a user, and no relay to log in to");
        page.mistake(span, mistake.help("write `url = \"smtps://user@host\"`"));
    }
    // What was told to be wrong already is not told again.
    let is_known = url.is_some() || !(url_is_there || preset.is_some());
    let url = url.unwrap_or(RelayUrl::Outbox);
    if is_known {
        tls_and_user_are_there_for_what_needs_them(&url, &table, page);
    }
    let rate_is_there = table.span_of("rate").is_some();
    let mut rate = texts(table.values("rate"), "rate", page, value::rate);
    if let Some(preset) = preset.filter(|_| !rate_is_there) {
        rate = preset.rates();
    }
    let connections = table
        .take("connections")
        .and_then(|value| value.number("connections", 1..=CONNECTIONS_MAX, page));
    let messages = table.take("messages_per_connection").and_then(|value| {
        value.number("messages_per_connection", 1..=MESSAGES_PER_CONNECTION_MAX, page)
    });
    let messages = messages.and_then(|messages| u32::try_from(messages).ok());
    let chunking = table.take("chunking").and_then(|value| value.switch("chunking", page));
    let warm_up = table.take("warm_up").and_then(|value| warm_up(value, page));
    let domains = domains(&mut table, page);
    let deadlines = deadlines(&mut table, page);
    let ca_file = table.text("ca_file", page, value::line);
    let auth = table.text("auth", page, value::auth);
    let both = table.span_of("password_file").and(table.span_of("password_command"));
    if let Some(span) = both {
        let mistake = Mistake::new("the password is to come from a file and from a command");
        page.mistake(span, mistake.help("keep one of `password_file` and `password_command`"));
    }
    let file = table.text("password_file", page, value::line).map(SecretSource::File);
    let command = table.text("password_command", page, value::line).map(SecretSource::Command);
    table.finish(page);
    RelaySettings {
        url,
        rate,
        warm_up,
        domains,
        connections: connections.or(preset.map(|preset| preset.connections)).unwrap_or(CONNECTIONS),
        chunking: chunking.unwrap_or(false),
        messages: messages.or(preset.and_then(|preset| preset.messages)),
        deadlines,
        ca_file,
        auth: auth.unwrap_or(Auth::Password),
        password: file.or(command),
    }
}

fn warm_up(value: Value<'_>, page: &mut Page<'_>) -> Option<WarmUp> {
    let mut table = value.table("relay.warm_up".to_owned(), page);
    let line = "from = \"200/day\"";
    let from = table.needed("from", line, page, value::rate);
    let since = table.needed("since", "since = \"2026-12-01\"", page, value::date);
    let double_every = table.text("double_every", page, value::span);
    table.finish(page);
    let double_every = double_every.unwrap_or(DOUBLE_EVERY).max(Duration::from_mins(1));
    Some(WarmUp { from: from?, since: since?, double_every })
}

/// Reads how long the relay may take for each step.
fn deadlines(relay: &mut Table<'_>, page: &mut Page<'_>) -> Deadlines {
    let mut table = relay.table("deadlines", page);
    let usual = Deadlines::default();
    let mut step = |key, usual| table.text(key, page, value::deadline).unwrap_or(usual);
    let deadlines = Deadlines {
        connect: step("connect", usual.connect),
        command: step("command", usual.command),
        data: step("data", usual.data),
        dot: table.text("dot", page, value::dot_deadline).unwrap_or(usual.dot),
    };
    table.finish(page);
    deadlines
}

/// Reads how fast to whom: a table for each domain.
fn domains(relay: &mut Table<'_>, page: &mut Page<'_>) -> BTreeMap<String, Vec<Rate>> {
    let mut known = BTreeMap::new();
    for (name, span, value) in relay.table("domains", page).into_entries() {
        let domain = value::domain(&name);
        let mut table = value.table(format!("relay.domains.\"{name}\""), page);
        let rates: Vec<Rate> = texts(table.values("rate"), "rate", page, value::rate);
        table.finish(page);
        match domain {
            Ok(domain) => known.entry(domain).or_insert_with(Vec::new).extend(rates),
            Err(mistake) => page.mistake(span, mistake),
        }
    }
    known
}

/// Reports what would be ignored in silence: a certificate without TLS, a password without a user.
fn tls_and_user_are_there_for_what_needs_them(
    url: &RelayUrl,
    table: &Table<'_>,
    page: &mut Page<'_>,
) {
    let (plain, user) = match url {
        RelayUrl::Outbox => (true, None),
        RelayUrl::Server { security, user, .. } => (*security == Security::Plain, user.as_ref()),
    };
    if let Some(span) = table.span_of("ca_file").filter(|_| plain) {
        let mistake = Mistake::new("there is no TLS on the way to this relay, so no certificate");
        page.mistake(span, mistake.help("take `ca_file` out, or add `?tls=starttls` to the URL"));
    }
    for (key, what) in [
        ("password_file", "a password"),
        ("password_command", "a password"),
        ("auth", "a way to log in"),
    ] {
        if let Some(span) = table.span_of(key).filter(|_| user.is_none()) {
            let mistake = Mistake::new(format!("there is {what}, and nobody to log in"));
            page.mistake(span, mistake.help("name the user in the URL: `smtps://user@host`"));
        }
    }
}

fn list(root: &mut Table<'_>, page: &mut Page<'_>) -> ListSettings {
    let mut table = root.table("list", page);
    let csv = table.text("csv", page, value::line);
    let retention = table.text("retention", page, value::span);
    let fields = table.table("fields", page);
    table.finish(page);
    let mut known = BTreeMap::new();
    for (name, span, value) in fields.into_entries() {
        match value::field_name(&name) {
            Ok(name) => {
                let field = field(&name, value, page);
                known.insert(name, field);
            }
            Err(mistake) => page.mistake(span, mistake),
        }
    }
    ListSettings { csv, retention, fields: known }
}

fn field(name: &str, value: Value<'_>, page: &mut Page<'_>) -> Field {
    let mut table = value.table(format!("list.fields.{name}"), page);
    let default_span = table.span_of("default");
    let default = table.text("default", page, value::line);
    let required = table.take("required").and_then(|value| value.switch("required", page));
    table.finish(page);
    let required = required.unwrap_or(false);
    if let Some(span) = default_span.filter(|_| required) {
        let message = format!("`{name}` is required, so its default would never be used");
        page.mistake(span, Mistake::new(message).help("keep one of `default` and `required`"));
    }
    Field { default, required }
}

fn schedule(root: &mut Table<'_>, page: &mut Page<'_>) -> ScheduleSettings {
    let mut table = root.table("schedule", page);
    let every = table.text("every", page, value::line);
    let max_late = table.text("max_late", page, value::span);
    table.finish(page);
    ScheduleSettings { every, max_late: max_late.unwrap_or(MAX_LATE) }
}

fn send(root: &mut Table<'_>, page: &mut Page<'_>) -> SendSettings {
    let mut table = root.table("send", page);
    let stop = table.text("stop_at_rejected", page, value::share);
    // There is one answer, and it may be written down.
    let _ = table.text("in_doubt", page, value::hold);
    table.finish(page);
    SendSettings { stop_at_rejected: stop.unwrap_or(STOP_AT_REJECTED) }
}

/// Reads by what each provider proves itself.
fn webhooks(web: &mut Table<'_>, page: &mut Page<'_>) -> WebhookSettings {
    let mut table = web.table("webhooks", page);
    let ses_topic = table.text("ses_topic", page, value::topic);
    let mailgun_key = table.text("mailgun_key_file", page, value::line).map(SecretSource::File);
    let password = table.text("postmark_password_file", page, value::line);
    table.finish(page);
    let postmark_password = password.map(SecretSource::File);
    WebhookSettings { ses_topic, mailgun_key, postmark_password }
}

/// Reads every text of a list that can be read.
fn texts<T>(
    values: Vec<Value<'_>>,
    key: &str,
    page: &mut Page<'_>,
    read: impl Fn(&str) -> Result<T, Mistake>,
) -> Vec<T> {
    values.into_iter().filter_map(|value| value.text(key, page, &read)).collect()
}
