//! A relay written as one line: `outbox`, `smtps://user@host`, `smtp://host`, `smtp://127.0.0.1:25?tls=none`.

use std::net::IpAddr;

use super::mistake::Mistake;
use crate::model::{RelayUrl, Security};

const FORMS: &str = "write it as `outbox`, `smtps://user@smtp.example.org` (port 465), \
     `smtp://user@smtp.example.org` (port 587, STARTTLS) or `smtp://127.0.0.1:25?tls=none`";

/// Reads the relay's URL. A password in it is a mistake, and so is a user where there is no TLS.
///
/// `smtp://` means STARTTLS. Without TLS goes what says `tls=none`, and what
/// stays on this machine: a loopback address without a user, unless
/// `tls=starttls` insists.
pub(super) fn relay_url(text: &str) -> Result<RelayUrl, Mistake> {
    if text == "outbox" {
        return Ok(RelayUrl::Outbox);
    }
    // Before anything else is said about the URL, so that no message can quote it.
    if let Some(password) = password_in(text) {
        return Err(Mistake::unsafe_secret("a password stands in the relay's URL")
            .help(
                "take it out, change it, and keep the new one in `password_file`, \
                 `password_command` or the variable POSTRIDER_RELAY_PASSWORD",
            )
            .hiding(password));
    }
    let wrong = || Mistake::new(format!("`{text}` is not a relay")).help(FORMS);
    let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
    let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let (user, server) = match authority.rsplit_once('@') {
        Some((user, server)) => (Some(login(user)?), server),
        None => (None, authority),
    };
    let (host, port) = host_and_port(server)?;
    let security = match (scheme, tls(query)?) {
        ("smtps", None) => Security::Implicit,
        ("smtps", Some(_)) => {
            let message = format!("`smtps` is TLS from the first byte, and `{query}` is not");
            return Err(Mistake::new(message).help("leave out one of the two"));
        }
        ("smtp", Some(asked)) => asked,
        ("smtp", None) if is_loopback(&host) && user.is_none() => Security::Plain,
        ("smtp", None) => Security::StartTls,
        _ => return Err(wrong()),
    };
    if security == Security::Plain && user.is_some() {
        let message = "there is no TLS, so no user can log in: \
                       credentials never cross a plain connection";
        return Err(Mistake::unsafe_secret(message).help("leave out `tls=none`, or the user"));
    }
    let port = port.unwrap_or(match security {
        Security::Implicit => 465,
        Security::StartTls => 587,
        Security::Plain => 25,
    });
    Ok(RelayUrl::Server { security, host, port, user })
}

/// Writes a relay as [`relay_url`] reads it.
pub(super) fn written(url: &RelayUrl) -> String {
    let RelayUrl::Server { security, host, port, user } = url else {
        return "outbox".to_owned();
    };
    let (scheme, tls) = match security {
        Security::Implicit => ("smtps", ""),
        Security::StartTls => ("smtp", "?tls=starttls"),
        Security::Plain => ("smtp", "?tls=none"),
    };
    let user = user.as_ref().map(|user| format!("{}@", percent(user))).unwrap_or_default();
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    format!("{scheme}://{user}{host}:{port}{tls}")
}

/// Writes a user's name so that none of its signs ends it.
fn percent(user: &str) -> String {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+@".contains(&byte);
    let write =
        |byte| if fits(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    user.bytes().map(write).collect()
}

/// Returns what stands where a password would, however wrong the rest is.
fn password_in(text: &str) -> Option<&str> {
    let (before, _) = text.rsplit_once('@')?;
    let bare = || {
        let scheme = ["smtps:", "smtp:"].into_iter().find(|scheme| before.starts_with(scheme));
        before[scheme.map_or(0, str::len)..].trim_start_matches('/')
    };
    let login = match before.split_once("://") {
        Some((scheme, login)) if scheme.bytes().all(|byte| byte.is_ascii_alphabetic()) => login,
        _ => bare(),
    };
    login.split_once(':').map(|(_, password)| password)
}

fn tls(query: &str) -> Result<Option<Security>, Mistake> {
    match query {
        "" => Ok(None),
        "tls=none" => Ok(Some(Security::Plain)),
        "tls=starttls" => Ok(Some(Security::StartTls)),
        _ => Err(Mistake::new(format!("`{query}` says nothing about a relay"))
            .help("only `tls=none` or `tls=starttls` may follow the `?`")),
    }
}

/// Reads the user before the `@`: percent-encoded, though an `@` of their own is understood as it is.
fn login(text: &str) -> Result<String, Mistake> {
    percent_decoded(text)
        .filter(|user| !user.is_empty() && !user.chars().any(char::is_control))
        .ok_or_else(|| Mistake::new(format!("`{text}` is not a user")))
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), Mistake> {
    let (host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(port.strip_prefix(':').unwrap_or(port))),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map(|port| {
        port.parse().ok().filter(|port: &u16| *port > 0).ok_or_else(|| {
            Mistake::new(format!("`{port}` is not a port")).help("a number from 1 to 65535")
        })
    });
    let host = match host.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        // One label is enough: in a container the relay may be called `postfix`.
        Err(_) => idna::domain_to_ascii_strict(host)
            .ok()
            .filter(|host| !host.is_empty())
            .ok_or_else(|| Mistake::new(format!("`{host}` is not a host")).help(FORMS))?,
    };
    Ok((host, port.transpose()?))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn server(security: Security, host: &str, port: u16, user: Option<&str>) -> RelayUrl {
        RelayUrl::Server { security, host: host.to_owned(), port, user: user.map(str::to_owned) }
    }

    #[test]
    fn every_form_of_a_relay_is_read() {
        use Security::{Implicit, Plain, StartTls};
        for (text, relay) in [
            ("outbox", RelayUrl::Outbox),
            ("smtps://me@smtp.example.org", server(Implicit, "smtp.example.org", 465, Some("me"))),
            ("smtps://a%40b.c@host:2465/", server(Implicit, "host", 2465, Some("a@b.c"))),
            ("smtps://a@b.c@host", server(Implicit, "host", 465, Some("a@b.c"))),
            ("smtp://smtp.example.org", server(StartTls, "smtp.example.org", 587, None)),
            ("smtp://bücher.example:25", server(StartTls, "xn--bcher-kva.example", 25, None)),
            ("smtp://127.0.0.1:2525", server(Plain, "127.0.0.1", 2525, None)),
            ("smtp://localhost", server(Plain, "localhost", 25, None)),
            ("smtp://[::1]:25?tls=none", server(Plain, "::1", 25, None)),
            ("smtp://[::1]?tls=starttls", server(StartTls, "::1", 587, None)),
            ("smtp://me@127.0.0.1", server(StartTls, "127.0.0.1", 587, Some("me"))),
            ("smtp://postfix:25?tls=none", server(Plain, "postfix", 25, None)),
        ] {
            assert_eq!(relay_url(text).expect(text), relay);
        }
    }

    #[test]
    fn what_is_no_relay_or_unsafe_is_told() {
        for (text, message) in [
            ("", "`` is not a relay"),
            ("smtp.example.org", "`smtp.example.org` is not a relay"),
            ("https://example.org", "`https://example.org` is not a relay"),
            ("smtp://", "`` is not a host"),
            ("smtp://a b", "`a b` is not a host"),
            ("smtp://host:0", "`0` is not a port"),
            ("smtp://host:99999", "`99999` is not a port"),
            ("smtp://@host", "`` is not a user"),
            ("smtp://host?tls=maybe", "`tls=maybe` says nothing about a relay"),
            ("smtps://host?tls=none", "`smtps` is TLS from the first byte, and `tls=none` is not"),
        ] {
            let mistake = relay_url(text).expect_err(text);
            assert_eq!(mistake.message, message);
        }
        for text in ["smtp://me@host?tls=none", "smtp://me@127.0.0.1?tls=none"] {
            let mistake = relay_url(text).expect_err(text);
            assert_eq!(mistake.code, crate::config::code::UNSAFE_SECRET);
        }
    }

    proptest! {
        #[test]
        fn a_password_is_never_quoted(secret in "[a-z0-9][a-z0-9/?#%@:]{6,20}", scheme in "smtps?:/{0,2}|") {
            let mistake = relay_url(&format!("{scheme}me:{secret}@host")).expect_err("no relay");
            prop_assert!(!mistake.message.contains(&secret));
            prop_assert!(mistake.hidden.is_some_and(|hidden| hidden.contains(&secret)));
        }

        #[test]
        fn any_text_is_judged(text in "(smtps?://)?\\PC{0,30}") {
            let _ = relay_url(&text);
        }
    }
}
