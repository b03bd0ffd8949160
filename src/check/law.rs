//! What the law and the large mailbox providers want in every mail, in both parts.

use super::{
    parity::{letters, shown, without_numbers},
    rule::{Findings, Look, Rule},
    style,
};
use crate::{
    compose::Code,
    model::{
        RelayUrl,
        Severity::{Error, Warning},
        counted,
    },
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code {
            code: "PR181",
            severity: Error,
            meaning: "something that every issue has to say is not in both parts",
            why: "Who publishes, from which address, why one gets it, how one leaves, and where disclaimer, privacy statement and feedback are: the law of many countries wants it in the mail itself, and readers trust what says it.",
            source: "CAN-SPAM Act, 15 U.S.C. 7704 (a)(5); CASL, section 6 (2); GDPR, articles 7 (3) and 13",
            mend: "the layout writes it from publication.toml: please report this",
            bad: "a footer without a postal address",
            good: "Templeton Thorp, 1 Example Street, London EC1A 1AA, United Kingdom",
        },
        look: frame,
    },
    Rule {
        code: Code {
            code: "PR182",
            severity: Error,
            meaning: "the unsubscribe link is not the reader's own, or not the one of List-Unsubscribe",
            why: "A link that is the same for all unsubscribes nobody, or whoever forwards the mail; and the button of the mail program has to do what the link does.",
            source: "RFC 8058, section 3.1; RFC 2369; CAN-SPAM Act, 15 U.S.C. 7704 (a)(3)",
            mend: "postrider signs a link for each reader: please report this",
            bad: "List-Unsubscribe: <https://news.example.org/u>",
            good: "List-Unsubscribe: <https://news.example.org/u/6f2k...>, <mailto:u-6f2k...@bounces.example.org>",
        },
        look: unsubscribe,
    },
    Rule {
        code: Code {
            code: "PR183",
            severity: Warning,
            meaning: "a list of 5,000 readers or more that cannot leave with one click",
            why: "Gmail and Yahoo since 2024 and Microsoft since 2025 want a button that works without a page from whoever sends 5,000 mails a day; without it issues go to the spam folder.",
            source: "RFC 8058; Gmail's and Yahoo's sender requirements of February 2024",
            mend: "give `url` under [web], or `unsubscribe` under [links], an https page that takes the token",
            bad: "[links]\nunsubscribe = \"mailto:leave@example.org\"",
            good: "[web]\nurl = \"https://news.example.org\"",
        },
        look: one_click,
    },
];

/// From how many mails a day on the large providers call a sender a bulk sender.
const BULK: usize = 5_000;

fn frame(look: &Look<'_>, found: &mut Findings) {
    let publication = look.specimen.publication;
    let links = &publication.links;
    let shown_html: String =
        style::shown(&look.dom, &look.styles).map(|(_, words)| words).collect();
    let (html, text) = (letters(&shown_html), letters(&without_numbers(&look.text)));
    let reader = look.mail.field("To").unwrap_or_default();
    let reader = reader.rsplit('<').next().unwrap_or_default().trim_end_matches('>');
    let words = [
        ("title", publication.title.as_str()),
        ("tagline", &publication.tagline),
        ("publisher", &publication.publisher),
        ("postal address", &publication.postal_address),
        ("reader's address", reader),
    ];
    let cities = publication.masthead.iter().map(|city| ("masthead", city.as_str()));
    for (what, value) in words.into_iter().chain(cities) {
        let wanted = letters(value);
        tell(look, found, what, value, html.contains(&wanted), text.contains(&wanted));
    }
    let motto = letters(&publication.motto.to_uppercase());
    let has = |part: &str| part.to_uppercase().contains(&motto);
    tell(look, found, "motto", &publication.motto, has(&html), has(&text));
    let mut wanted = vec![
        ("disclaimer", links.disclaimer.as_str()),
        ("privacy statement", &links.privacy),
        ("feedback", &links.feedback),
    ];
    let view = view(look);
    wanted.extend(view.as_deref().map(|view| ("address on the web", view)));
    for (what, url) in wanted {
        let in_html = look.dom.named("a").any(|(_, link)| link.get("href") == Some(url));
        tell(look, found, what, url, in_html, look.text.contains(shown(url)));
    }
}

fn tell(
    look: &Look<'_>,
    found: &mut Findings,
    what: &str,
    value: &str,
    in_html: bool,
    in_text: bool,
) {
    let part = match (in_html, in_text) {
        (true, true) => return,
        (false, true) => "the HTML",
        (true, false) => "the text part",
        (false, false) => "either part",
    };
    found.mark(
        look.places.setting_or_file(|known| known == value),
        format!("the {what} is not in {part}"),
    );
}

/// Returns where the issue is on the web, where anybody knows.
fn view(look: &Look<'_>) -> Option<String> {
    let publication = look.specimen.publication;
    let knows = publication.links.archive.is_some() || publication.web.is_some();
    let slug = &look.specimen.composed.edition.slug;
    let link = look
        .dom
        .named("a")
        .find_map(|(_, link)| link.get("href").filter(|url| url.ends_with(slug.as_str())));
    let own = look.specimen.composed.issue.canonical_url();
    own.map(str::to_owned)
        .or_else(|| link.map(str::to_owned))
        .or_else(|| knows.then(|| slug.clone()))
}

fn unsubscribe(look: &Look<'_>, found: &mut Findings) {
    let place = || {
        look.places.setting_or_file(|known| {
            Some(known) == look.specimen.publication.links.unsubscribe.as_deref()
        })
    };
    let said = look.mail.field("List-Unsubscribe").unwrap_or_default();
    let ways: Vec<&str> = said.split(',').map(|way| way.trim().trim_matches(['<', '>'])).collect();
    let Some(token) = ways.first().and_then(|way| token(way)) else {
        return found.mark(place(), "List-Unsubscribe holds no token of the reader's own");
    };
    let has_link = |way: &str| look.dom.named("a").any(|(_, link)| link.get("href") == Some(way));
    if let Some(other) = ways.iter().find(|way| !way.contains(token)) {
        found.mark(place(), format!("`{other}` of List-Unsubscribe holds another token"));
    } else if !ways.iter().any(|way| has_link(way)) {
        found.mark(place(), "no link of the HTML is that of List-Unsubscribe");
    } else if !ways.iter().any(|way| look.text.contains(shown(way))) {
        found.mark(place(), "no address of the text part is that of List-Unsubscribe");
    }
}

/// Returns the token at the end of a way out, or before its host.
fn token(way: &str) -> Option<&str> {
    let token = match way.strip_prefix("mailto:") {
        Some(mailbox) if mailbox.contains('?') => mailbox.rsplit("%20").next()?,
        Some(mailbox) => {
            let token = mailbox.split('@').next()?.strip_prefix("u-")?;
            return (token.len() >= 16).then_some(token);
        }
        None => way.rsplit('/').next()?,
    };
    // One token in fifty has no digit; in base64url hardly any is all small letters, as the words of a link are.
    let is_no_word = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
    (token.len() >= 16 && token.bytes().any(is_no_word)).then_some(token)
}

fn one_click(look: &Look<'_>, found: &mut Findings) {
    let publication = look.specimen.publication;
    let is_sent = matches!(publication.relay.url, RelayUrl::Server { .. });
    let readers = look.specimen.readers;
    if is_sent && readers >= BULK && look.mail.field("List-Unsubscribe-Post").is_none() {
        let own = publication.links.unsubscribe.as_deref();
        let place =
            look.places.setting_or_file(|known| Some(known) == own || known.starts_with("smtp"));
        found.mark(
            place,
            format!("{} cannot leave with one click", counted(readers as u64, "reader")),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::token;

    #[test]
    fn a_token_is_one_whatever_its_letters() {
        for (way, found) in [
            ("https://news.example.org/u/abcdefghIJKLmnopqrstuv", true),
            ("mailto:a@example.org?subject=unsubscribe%20abcdefghIJKLmnopqrstuv", true),
            ("https://news.example.org/u/abcdefgh1234mnopqrstuv", true),
            ("mailto:u-abcdefghijklmnopqrstuv@example.org", true),
            ("https://news.example.org/unsubscribe-everybody", false),
            ("https://news.example.org/u/Ab1", false),
        ] {
            assert_eq!(token(way).is_some(), found, "{way}");
        }
    }
}
