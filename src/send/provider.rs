//! Who keeps a mailbox: the large providers by the domains of their readers.
//!
//! One provider serves many domains and counts our mail to all of them
//! together, so one limit, and one pause, has to cover them all. A table of
//! well-known domains, since that is what can be known without asking the DNS;
//! a company whose mailboxes a provider hosts under the company's own domain
//! is a provider of its own here.

/// The large providers, each with the domains that it hands out addresses in.
const PROVIDERS: [(&str, &[&str]); 24] = [
    ("gmail", &["gmail.com", "googlemail.com"]),
    (
        "microsoft",
        &[
            "outlook.com",
            "hotmail.com",
            "live.com",
            "msn.com",
            "passport.com",
            "windowslive.com",
            "outlook.at",
            "outlook.be",
            "outlook.com.ar",
            "outlook.com.au",
            "outlook.com.br",
            "outlook.com.tr",
            "outlook.co.id",
            "outlook.co.th",
            "outlook.cz",
            "outlook.de",
            "outlook.dk",
            "outlook.es",
            "outlook.fr",
            "outlook.hu",
            "outlook.ie",
            "outlook.in",
            "outlook.it",
            "outlook.jp",
            "outlook.kr",
            "outlook.lv",
            "outlook.my",
            "outlook.ph",
            "outlook.pt",
            "outlook.sa",
            "outlook.sg",
            "outlook.sk",
            "hotmail.be",
            "hotmail.ca",
            "hotmail.ch",
            "hotmail.cl",
            "hotmail.co.il",
            "hotmail.co.jp",
            "hotmail.co.nz",
            "hotmail.co.th",
            "hotmail.co.uk",
            "hotmail.com.ar",
            "hotmail.com.au",
            "hotmail.com.br",
            "hotmail.com.tr",
            "hotmail.de",
            "hotmail.dk",
            "hotmail.es",
            "hotmail.fi",
            "hotmail.fr",
            "hotmail.gr",
            "hotmail.hu",
            "hotmail.it",
            "hotmail.nl",
            "hotmail.no",
            "hotmail.se",
            "live.at",
            "live.be",
            "live.ca",
            "live.cl",
            "live.cn",
            "live.co.uk",
            "live.co.za",
            "live.com.ar",
            "live.com.au",
            "live.com.mx",
            "live.com.my",
            "live.com.pt",
            "live.com.sg",
            "live.de",
            "live.dk",
            "live.fi",
            "live.fr",
            "live.hk",
            "live.ie",
            "live.in",
            "live.it",
            "live.jp",
            "live.nl",
            "live.no",
            "live.ru",
            "live.se",
        ],
    ),
    (
        "yahoo",
        &[
            "yahoo.com",
            "ymail.com",
            "rocketmail.com",
            "myyahoo.com",
            "aol.com",
            "aim.com",
            "aol.de",
            "aol.fr",
            "aol.it",
            "aol.co.uk",
            "love.com",
            "games.com",
            "wow.com",
            "verizon.net",
            "yahoo.at",
            "yahoo.be",
            "yahoo.ca",
            "yahoo.cl",
            "yahoo.co.id",
            "yahoo.co.il",
            "yahoo.co.in",
            "yahoo.co.nz",
            "yahoo.co.th",
            "yahoo.co.uk",
            "yahoo.co.za",
            "yahoo.com.ar",
            "yahoo.com.au",
            "yahoo.com.br",
            "yahoo.com.co",
            "yahoo.com.hk",
            "yahoo.com.mx",
            "yahoo.com.my",
            "yahoo.com.pe",
            "yahoo.com.ph",
            "yahoo.com.sg",
            "yahoo.com.tr",
            "yahoo.com.tw",
            "yahoo.com.ve",
            "yahoo.com.vn",
            "yahoo.cz",
            "yahoo.de",
            "yahoo.dk",
            "yahoo.es",
            "yahoo.fi",
            "yahoo.fr",
            "yahoo.gr",
            "yahoo.hu",
            "yahoo.ie",
            "yahoo.in",
            "yahoo.it",
            "yahoo.nl",
            "yahoo.no",
            "yahoo.pl",
            "yahoo.pt",
            "yahoo.ro",
            "yahoo.se",
        ],
    ),
    // Yahoo Japan is another house than Yahoo, with servers and rules of its own.
    ("yahoo japan", &["yahoo.co.jp", "ybb.ne.jp"]),
    ("icloud", &["icloud.com", "me.com", "mac.com"]),
    (
        "gmx and web.de",
        &[
            "gmx.de",
            "gmx.net",
            "gmx.at",
            "gmx.ch",
            "gmx.com",
            "gmx.eu",
            "gmx.fr",
            "gmx.info",
            "gmx.org",
            "gmx.us",
            "gmx.co.uk",
            "web.de",
            "email.de",
            "mail.com",
        ],
    ),
    ("t-online", &["t-online.de", "magenta.de"]),
    ("freenet", &["freenet.de"]),
    ("mail.ru", &["mail.ru", "bk.ru", "inbox.ru", "list.ru", "internet.ru", "xmail.ru"]),
    (
        "yandex",
        &[
            "yandex.ru",
            "yandex.com",
            "yandex.by",
            "yandex.kz",
            "yandex.ua",
            "yandex.com.tr",
            "ya.ru",
            "narod.ru",
        ],
    ),
    ("rambler", &["rambler.ru", "lenta.ru", "autorambler.ru", "myrambler.ru", "ro.ru"]),
    ("proton", &["proton.me", "protonmail.com", "protonmail.ch", "pm.me"]),
    ("orange", &["orange.fr", "wanadoo.fr"]),
    ("free", &["free.fr", "aliceadsl.fr"]),
    ("sfr", &["sfr.fr", "neuf.fr", "cegetel.net", "club-internet.fr"]),
    ("laposte", &["laposte.net"]),
    ("libero", &["libero.it", "virgilio.it", "iol.it", "inwind.it", "blu.it", "giallo.it"]),
    ("comcast", &["comcast.net"]),
    ("bt", &["btinternet.com", "btopenworld.com", "talk21.com"]),
    ("seznam", &["seznam.cz", "email.cz", "post.cz", "spoluzaci.cz"]),
    ("wp", &["wp.pl", "o2.pl", "go2.pl", "tlen.pl"]),
    ("onet", &["onet.pl", "onet.eu", "op.pl", "poczta.onet.pl", "vp.pl", "autograf.pl"]),
    ("naver", &["naver.com"]),
    ("netease", &["163.com", "126.com", "yeah.net"]),
];

/// Returns the name of who keeps the mailboxes of `domain` (an A-label in lower case): a large provider, or the domain itself.
pub fn provider(domain: &str) -> &str {
    let mut known = PROVIDERS.iter();
    known.find(|(_, domains)| domains.contains(&domain)).map_or(domain, |(name, _)| name)
}

/// Returns every domain whose mailboxes `provider` keeps.
pub fn domains(provider: &str) -> Vec<&str> {
    let mut known = PROVIDERS.iter();
    known
        .find(|(name, _)| *name == provider)
        .map_or_else(|| vec![provider], |(_, domains)| domains.to_vec())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn domains_of_one_provider_are_one() {
        for (one, other) in [
            ("gmail.com", "googlemail.com"),
            ("outlook.com", "hotmail.co.uk"),
            ("live.com", "msn.com"),
            ("yahoo.com", "aol.com"),
            ("ymail.com", "yahoo.de"),
            ("icloud.com", "mac.com"),
            ("gmx.de", "web.de"),
            ("mail.ru", "bk.ru"),
        ] {
            assert_eq!(provider(one), provider(other));
            assert!(domains(provider(one)).contains(&other));
        }
        assert_ne!(provider("yahoo.co.jp"), provider("yahoo.com"));
    }

    #[test]
    fn a_domain_of_its_own_is_its_own_provider() {
        assert_eq!(provider("example.org"), "example.org");
        assert_eq!(domains("example.org"), ["example.org"]);
    }

    #[test]
    fn no_domain_has_two_providers_and_each_is_written_as_addresses_are() {
        let all: Vec<&str> =
            PROVIDERS.iter().flat_map(|(_, domains)| domains.iter().copied()).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        for domain in all {
            let address: crate::model::Address = format!("a@{domain}").parse().expect(domain);
            assert_eq!(address.domain(), domain);
        }
        assert!(PROVIDERS.iter().all(|(name, domains)| !name.is_empty() && !domains.is_empty()));
    }
}
