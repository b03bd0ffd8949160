//! What a link of an issue may lead to, and how it is written into both parts.

use std::fmt::Write as _;

use super::field::is_mark;

/// Says what is wrong with a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It leads nowhere.
    Empty,
    /// It has no scheme of ours, or no host that every reader can reach.
    Scheme,
    /// Its host is local, an IP address or no name at all.
    Host,
    /// A reader's data stands in its scheme or host.
    Field,
}

/// Checks a link from the source; the characters of merge fields are allowed as a whole link, or after the host.
pub(super) fn check(url: &str) -> Result<(), Wrong> {
    let mut letters = url.chars();
    match (letters.next(), letters.next()) {
        (None, _) => return Err(Wrong::Empty),
        (Some(first), None) if is_mark(first) => return Ok(()),
        (Some(first), _) if is_mark(first) => return Err(Wrong::Field),
        _ => {}
    }
    let lower = url.to_ascii_lowercase();
    if let Some(mailbox) = lower.strip_prefix("mailto:") {
        let mailbox = mailbox.split('?').next().unwrap_or_default();
        let is_mailbox = mailbox.split_once('@').is_some_and(|(local, host)| {
            !local.is_empty() && !local.contains(is_mark) && host.contains('.')
        });
        return if mailbox.contains(is_mark) {
            Err(Wrong::Field)
        } else if is_mailbox {
            Ok(())
        } else {
            Err(Wrong::Host)
        };
    }
    if let Some(number) = lower.strip_prefix("tel:") {
        let is_number = number.chars().all(|c| c.is_ascii_digit() || "+-.();=".contains(c));
        return if !number.is_empty() && is_number { Ok(()) } else { Err(Wrong::Scheme) };
    }
    let rest = lower.strip_prefix("https://").ok_or(Wrong::Scheme)?;
    check_host(rest.split(['/', '?', '#']).next().unwrap_or_default())
}

/// Tells whether a text is an absolute `https:` address without a reader's data.
pub(super) fn is_page(url: &str) -> bool {
    url.starts_with("https://") && !url.contains(is_mark) && check(url).is_ok()
}

/// Tells whether a reader's own value, or what stands for it, may be a whole link: `merge.rs` lets no others through.
pub(super) fn leads_on(value: &str) -> bool {
    !value.to_ascii_lowercase().starts_with("tel:") && check(value).is_ok()
}

/// Writes a checked link as it is transmitted: no spaces, quotes or letters outside ASCII; merge fields stay.
pub(super) fn encoded(url: &str) -> String {
    let (host, rest) = split_host(url);
    let ascii = host.and_then(|host| idna::domain_to_ascii(host).ok());
    let mut encoded = match (host, ascii) {
        (Some(_), Some(ascii)) => format!("https://{ascii}"),
        (Some(host), None) => format!("https://{host}"),
        (None, _) => String::new(),
    };
    for letter in rest.chars() {
        let is_plain = letter.is_ascii_graphic() && !"\"<>\\^`{|}".contains(letter);
        if is_plain || is_mark(letter) {
            encoded.push(letter);
            continue;
        }
        for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Splits an `https:` address into its bare host and what follows; other addresses have no host to translate.
fn split_host(url: &str) -> (Option<&str>, &str) {
    let Some(rest) = url.get(..8).filter(|scheme| scheme.eq_ignore_ascii_case("https://")) else {
        return (None, url);
    };
    let rest = &url[rest.len()..];
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = &rest[..end];
    if host.is_ascii() { (None, url) } else { (Some(host), &rest[end..]) }
}

fn check_host(authority: &str) -> Result<(), Wrong> {
    if authority.contains(is_mark) {
        return Err(Wrong::Field);
    }
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.chars().all(|digit| digit.is_ascii_digit()) => host,
        _ => authority,
    };
    let is_name = host.contains('.')
        && !host.starts_with('.')
        && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
    let top = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let is_local = matches!(top, "localhost" | "local" | "localdomain" | "internal")
        || top.chars().all(|digit| digit.is_ascii_digit());
    if is_name && !is_local { Ok(()) } else { Err(Wrong::Host) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_somewhere_every_reader_can_go() {
        for (url, verdict) in [
            ("https://example.org/a?b=c#d", Ok(())),
            ("mailto:feedback@example.org?subject=Hello", Ok(())),
            ("tel:+442012345678", Ok(())),
            ("\u{e000}", Ok(())),
            ("https://example.org/?n=\u{e000}", Ok(())),
            ("", Err(Wrong::Empty)),
            ("http://example.org/", Err(Wrong::Scheme)),
            ("//example.org/", Err(Wrong::Scheme)),
            ("/a/b", Err(Wrong::Scheme)),
            ("#top", Err(Wrong::Scheme)),
            ("javascript:alert(1)", Err(Wrong::Scheme)),
            ("data:text/html,x", Err(Wrong::Scheme)),
            ("https://localhost/", Err(Wrong::Host)),
            ("https://127.0.0.1/", Err(Wrong::Host)),
            ("https://[::1]/", Err(Wrong::Host)),
            ("https://user@example.org/", Err(Wrong::Host)),
            ("https://example/", Err(Wrong::Host)),
            ("https://\u{e000}.example.org/", Err(Wrong::Field)),
            ("\u{e000}/path", Err(Wrong::Field)),
            ("mailto:\u{e000}@example.org", Err(Wrong::Field)),
        ] {
            assert_eq!(check(url), verdict, "{url}");
        }
    }

    #[test]
    fn what_is_transmitted_is_ascii() {
        for (written, sent) in [
            ("https://example.org/a b\"c", "https://example.org/a%20b%22c"),
            ("https://example.org/%20é", "https://example.org/%20%C3%A9"),
            ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
            ("mailto:a@example.org", "mailto:a@example.org"),
        ] {
            assert_eq!(encoded(written), sent);
        }
    }
}
