//! Addresses that are well formed and still doubtful: a team's mailbox, a provider's name misspelled. Reported, never changed.

use super::Note;
use crate::model::Address;

/// Mailboxes that belong to a function and not to a person (RFC 2142, and what is usual).
const ROLES: [&str; 33] = [
    "abuse",
    "accounts",
    "admin",
    "administrator",
    "billing",
    "contact",
    "enquiries",
    "feedback",
    "help",
    "helpdesk",
    "hostmaster",
    "hr",
    "info",
    "jobs",
    "mail",
    "marketing",
    "news",
    "newsletter",
    "no-reply",
    "noreply",
    "office",
    "orders",
    "postmaster",
    "press",
    "root",
    "sales",
    "security",
    "service",
    "support",
    "team",
    "webmaster",
    "kontakt",
    "bounce",
];

/// Providers whose name many people misspell, long enough that a name one letter off is hardly somebody else's.
const PROVIDERS: [&str; 14] = [
    "gmail.com",
    "googlemail.com",
    "yahoo.com",
    "hotmail.com",
    "outlook.com",
    "icloud.com",
    "protonmail.com",
    "comcast.net",
    "verizon.net",
    "yandex.ru",
    "rambler.ru",
    "t-online.de",
    "orange.fr",
    "wanadoo.fr",
];

/// Names one letter off that are other providers.
const OTHERS: [&str; 4] = ["email.com", "mail.com", "ymail.com", "yahoo.ca"];

/// Ways to write `.com` that no such provider has.
const COMS: [&str; 10] = ["con", "cmo", "ocm", "comm", "vom", "cim", "xom", "cpm", "om", "cm"];

/// Says what is doubtful about an address.
pub(super) fn of(address: &Address) -> Option<Note> {
    if let Some(meant) = meant(address.domain()) {
        return Some(Note::Typo { address: address.to_string(), meant: meant.to_owned() });
    }
    let local = address.local().to_ascii_lowercase();
    ROLES.contains(&local.as_str()).then(|| Note::RoleAccount(address.to_string()))
}

/// Returns the provider that was probably meant.
fn meant(domain: &str) -> Option<&'static str> {
    if PROVIDERS.contains(&domain) || OTHERS.contains(&domain) || !domain.is_ascii() {
        return None;
    }
    let (name, top) = domain.split_once('.')?;
    PROVIDERS.into_iter().find(|provider| {
        let (right, right_top) = provider.split_once('.').expect("a provider has a dot");
        if name == right && right_top == "com" {
            return COMS.contains(&top) || top == "co";
        }
        top == right_top && is_one_slip(name, right)
    })
}

/// Tells whether one letter is missing, too many, wrong, or changed places with its neighbour.
fn is_one_slip(written: &str, meant: &str) -> bool {
    let (written, meant) = (written.as_bytes(), meant.as_bytes());
    let same = written.iter().zip(meant).take_while(|(one, other)| one == other).count();
    let (written, meant) = (&written[same..], &meant[same..]);
    let is_turned = matches!((written, meant), ([a, b, ..], [c, d, ..]) if a == d && b == c);
    let rests = |of_written: usize, of_meant: usize| {
        let rest: Option<&[u8]> = written.get(of_written..);
        rest.is_some() && rest == meant.get(of_meant..)
    };
    is_turned && rests(2, 2) || rests(1, 1) || rests(1, 0) || rests(0, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_big_providers_are_seen_and_other_providers_are_not() {
        for (domain, expected) in [
            ("gmial.com", "gmail.com"),
            ("gmal.com", "gmail.com"),
            ("gmaill.com", "gmail.com"),
            ("gnail.com", "gmail.com"),
            ("gmail.con", "gmail.com"),
            ("hotmial.com", "hotmail.com"),
            ("hotmai.com", "hotmail.com"),
            ("yaho.com", "yahoo.com"),
            ("outlok.com", "outlook.com"),
            ("iclod.com", "icloud.com"),
            ("yandx.ru", "yandex.ru"),
            ("yahoo.co", "yahoo.com"),
        ] {
            assert_eq!(meant(domain), Some(expected), "{domain}");
        }
        for domain in [
            "gmail.com",
            "mail.com",
            "email.com",
            "ymail.com",
            "yahoo.co.uk",
            "hotmail.fr",
            "outlook.de",
            "example.org",
            "gmx.net",
            "mail.ru",
            "bücher.example",
            "yahoo.ca",
        ] {
            assert_eq!(meant(domain), None, "{domain}");
        }
    }

    #[test]
    fn a_teams_mailbox_is_seen() {
        let note = |text: &str| of(&text.parse().expect("an address"));
        assert!(matches!(note("Info@example.org"), Some(Note::RoleAccount(_))));
        assert_eq!(note("anna@example.org"), None);
    }
}
