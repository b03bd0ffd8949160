//! What one value of `publication.toml` has to be, each rule with the words for a person who got it wrong.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo, civil::Date, tz::TimeZoneDatabase};

use super::{
    mistake::Mistake,
    preset::{self, PRESETS, Preset},
    table::nearest,
};
use crate::{
    bounce::webhook::sns,
    model::{Address, Auth, Deadlines, Mailbox, Rate},
};

type Checked<T> = Result<T, Mistake>;

/// What a step of the conversation with a relay may take at least, and at most.
const STEP_MIN: Duration = Duration::from_secs(1);
const STEP_MAX: Duration = Duration::from_mins(10);
/// What the answer to a message may take at least.
const DOT_MIN: Duration = Duration::from_mins(1);

/// Reads a text of one line that says something.
pub(super) fn line(text: &str) -> Checked<String> {
    lines(text).and_then(|text| {
        if text.contains('\n') { Err(Mistake::new("this has to be one line")) } else { Ok(text) }
    })
}

/// Reads a text that says something, of one or more lines.
pub(super) fn lines(text: &str) -> Checked<String> {
    match text_or_nothing(text)? {
        empty if empty.is_empty() => Err(Mistake::new("this says nothing")),
        text => Ok(text),
    }
}

/// Reads a text that may be empty.
pub(super) fn text_or_nothing(text: &str) -> Checked<String> {
    let text = text.trim().replace("\r\n", "\n");
    if text.chars().any(|char| char.is_control() && char != '\n') {
        return Err(Mistake::new("there is a control character in this"));
    }
    Ok(text)
}

/// Reads the label of List-Id (RFC 2919).
pub(super) fn id(text: &str) -> Checked<String> {
    let fits = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-';
    if (1..=63).contains(&text.len())
        && text.chars().all(fits)
        && !text.starts_with('-')
        && !text.ends_with('-')
    {
        return Ok(text.to_owned());
    }
    Err(Mistake::new(format!("`{text}` is no id"))
        .help("use small letters a to z, digits, and hyphens between them, such as `tt-report`"))
}

/// Reads a language tag that is well-formed (BCP 47), known or not.
pub(super) fn language(text: &str) -> Checked<String> {
    let mut subtags = text.split('-');
    let primary = subtags.next().unwrap_or_default();
    if (2..=3).contains(&primary.len())
        && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
        && subtags.all(|subtag| {
            (1..=8).contains(&subtag.len())
                && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    {
        return Ok(text.to_owned());
    }
    Err(Mistake::new(format!("`{text}` is not a language tag")).help("such as `en-GB` or `ru`"))
}

/// Reads the name of an IANA time zone.
pub(super) fn timezone(text: &str) -> Checked<String> {
    // The zones built into the program: this room reads no file for a name.
    let zones = TimeZoneDatabase::bundled();
    if zones.get(text).is_ok() {
        return Ok(text.to_owned());
    }
    let names: Vec<String> = zones.available().map(|name| name.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Err(Mistake::new(format!("`{text}` is not a time zone")).help(match nearest(text, &names) {
        Some(name) => format!("perhaps `{name}` is meant"),
        None => "use a name of the IANA list, such as `Europe/London`".to_owned(),
    }))
}

/// Reads a link to a page.
pub(super) fn https(text: &str) -> Checked<String> {
    let rest = text.strip_prefix("https://").ok_or_else(|| {
        Mistake::new(format!("`{text}` is not an https link")).help("write it as `https://...`")
    })?;
    url_characters(text)?;
    let (host, _) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (host, port) = host.split_once(':').unwrap_or((host, "443"));
    if port.parse::<u16>().is_err() {
        return Err(Mistake::new(format!("`{port}` is not a port")));
    }
    domain(host)?;
    Ok(text.to_owned())
}

/// Reads a link to a page whose address is built upon: without a final slash, query or fragment.
pub(super) fn https_base(text: &str) -> Checked<String> {
    let base = https(text)?;
    if base.contains(['?', '#']) {
        return Err(Mistake::new(format!(
            "`{text}` is to be continued with a path, and cannot be"
        ))
        .help("leave out everything from the `?` or `#` on"));
    }
    Ok(base.trim_end_matches('/').to_owned())
}

/// Reads a link to a host whose every path is ours: without a path of its own, and without a final slash.
pub(super) fn https_host(text: &str) -> Checked<String> {
    let base = https_base(text)?;
    let host = base.strip_prefix("https://").unwrap_or(&base);
    if let Some((_, path)) = host.split_once('/') {
        return Err(Mistake::new(format!("`/{path}` is below a host that is somebody else's"))
            .help("the pages need a host of their own, as `https://news.example.org`"));
    }
    Ok(base)
}

/// Reads a link to a page or a mailbox.
pub(super) fn https_or_mailto(text: &str) -> Checked<String> {
    if text.starts_with("https://") {
        return https(text);
    }
    let mailbox = text.strip_prefix("mailto:").ok_or_else(|| {
        Mistake::new(format!("`{text}` is neither an https link nor a mailto"))
            .help("write it as `https://...` or `mailto:...`")
    })?;
    url_characters(text)?;
    address(mailbox.split('?').next().unwrap_or_default())?;
    Ok(text.to_owned())
}

/// Reads a DNS name as A-labels (RFC 5890).
pub(super) fn domain(text: &str) -> Checked<String> {
    idna::domain_to_ascii_strict(text)
        .ok()
        .filter(|ascii| {
            ascii.contains('.')
                && !ascii.ends_with('.')
                && ascii.parse::<std::net::IpAddr>().is_err()
        })
        .ok_or_else(|| {
            Mistake::new(format!("`{text}` is not a domain name")).help("such as `example.org`")
        })
}

/// Reads a mailbox with or without a name.
pub(super) fn mailbox(text: &str) -> Checked<Mailbox> {
    text.parse().map_err(|why| {
        Mistake::new(format!("`{text}` is not a mail address: {why}"))
            .help("such as `TT Report <report@example.org>`")
    })
}

/// Reads a rate such as `5/s`.
pub(super) fn rate(text: &str) -> Checked<Rate> {
    text.parse().map_err(|why: crate::model::RateError| Mistake::new(why.to_string()))
}

/// Reads the name of a relay that many use.
pub(super) fn preset(text: &str) -> Checked<&'static Preset> {
    preset::preset(text).ok_or_else(|| {
        let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        let mistake = Mistake::new(format!("`{text}` is no relay with a preset"));
        match nearest(text, &names) {
            Some(name) => mistake.help(format!("perhaps `{name}` is meant")),
            None => mistake.help(format!("there are {}", names.join(", "))),
        }
    })
}

/// Reads what becomes of whoever is in doubt: nothing, before a person says so.
pub(super) fn hold(text: &str) -> Checked<()> {
    match text {
        "hold" => Ok(()),
        _ => Err(Mistake::new(format!("`in_doubt` can only be `hold`, and not `{text}`"))
            .help("nobody in doubt is mailed again by itself; `postrider resolve` settles it")),
    }
}

/// Reads a day such as `2026-12-01`.
pub(super) fn date(text: &str) -> Checked<Date> {
    text.parse().map_err(|_| Mistake::new(format!("`{text}` is not a day such as `2026-12-01`")))
}

/// Reads a span of time such as `6h`.
pub(super) fn span(text: &str) -> Checked<Duration> {
    text.parse::<Span>()
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| {
            Mistake::new(format!("`{text}` is not a span of time such as `6h`, `90m` or `2d`"))
        })
}

/// Reads what proves to the relay who we are.
pub(super) fn auth(text: &str) -> Checked<Auth> {
    [Auth::Password, Auth::Xoauth2].into_iter().find(|auth| auth.to_string() == text).ok_or_else(
        || {
            Mistake::new(format!("`{text}` is no way to log in"))
                .help("`password`, or `xoauth2` where the password is a token")
        },
    )
}

/// Reads how long a relay may take for a step.
pub(super) fn deadline(text: &str) -> Checked<Duration> {
    let wait = span(text)?;
    if (STEP_MIN..=STEP_MAX).contains(&wait) {
        return Ok(wait);
    }
    Err(Mistake::new(format!("`{text}` is no time to wait for a relay"))
        .help("from one second to ten minutes"))
}

/// Reads how long a relay may take to answer a message.
pub(super) fn dot_deadline(text: &str) -> Checked<Duration> {
    let wait = span(text)?;
    let why = if wait < DOT_MIN {
        "from one minute to 14, and RFC 5321 asks for ten: who hangs up sooner never learns \
         whether the message was taken, and its reader is in doubt"
    } else if wait > Deadlines::DOT_MAX {
        "14 minutes at most: after 15 another sender may take yours for dead, and put the reader \
         in doubt whose answer is still to come"
    } else {
        return Ok(wait);
    };
    Err(Mistake::new(format!("`{text}` is no time to wait for the answer to a message")).help(why))
}

/// Reads a share such as `5%`, as a number from 0 to 1.
pub(super) fn share(text: &str) -> Checked<f64> {
    text.strip_suffix('%')
        .and_then(|number| number.trim().parse::<f64>().ok())
        .filter(|percent| *percent > 0.0 && *percent <= 100.0)
        .map(|percent| percent / 100.0)
        .ok_or_else(|| {
            Mistake::new(format!("`{text}` is not a share such as `5%`"))
                .help("more than 0%, and at most 100%, which never stops")
        })
}

/// Reads the address of a machine.
pub(super) fn ip(text: &str) -> Checked<std::net::IpAddr> {
    text.parse().map_err(|_| {
        Mistake::new(format!("`{text}` is not the address of a machine")).help("such as `10.0.0.5`")
    })
}

/// Reads a topic of Amazon SNS by its ARN.
pub(super) fn topic(text: &str) -> Checked<String> {
    match sns::host(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err(Mistake::new(format!("`{text}` is not a topic of Amazon SNS"))
            .help("write its ARN, such as `arn:aws:sns:eu-west-1:123456789012:bounces`")),
    }
}

/// Reads the name of a merge field, as an issue and a list's header write it.
pub(super) fn field_name(text: &str) -> Checked<String> {
    let fits = |char: char| char.is_alphanumeric() || char == '_' || char == '-';
    if !text.is_empty() && text.chars().all(fits) && text.to_lowercase() == text {
        return Ok(text.to_owned());
    }
    Err(Mistake::new(format!("`{text}` is no name of a merge field"))
        .help("use small letters, digits, `_` and `-`"))
}

fn address(text: &str) -> Checked<Address> {
    text.parse().map_err(|why| Mistake::new(format!("`{text}` is not a mail address: {why}")))
}

fn url_characters(text: &str) -> Checked<()> {
    let bad =
        |char: &char| char.is_whitespace() || char.is_control() || "<>\"'`\\{}|^".contains(*char);
    match text.chars().find(bad) {
        Some(char) => Err(Mistake::new(format!("a link cannot hold {char:?}"))
            .help("percent-encode it, as in `%20` for a space")),
        None => Ok(()),
    }
}
