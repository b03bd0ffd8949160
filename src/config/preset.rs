//! What the well-known relays want: where they are, how fast they may be, and where that is written.
//!
//! A provider changes its figures without asking us, so each says whose they
//! are; what the publisher writes beside `preset` always wins.

use super::mistake::Mistake;
use crate::model::{Rate, RelayUrl, Security};

/// A relay that many use.
pub(super) struct Preset {
    /// As it is written.
    pub(super) name: &'static str,
    /// Its server; `None` where everybody has one of their own.
    pub(super) host: Option<&'static str>,
    pub(super) security: Security,
    pub(super) port: u16,
    pub(super) user: User,
    /// As `rate` is written; empty where the provider names none, or one for each account.
    pub(super) rates: &'static [&'static str],
    pub(super) connections: usize,
    /// How many messages a connection carries at most.
    pub(super) messages: Option<u32>,
    /// Where the figures come from. The table of `docs/publication.md` says it to people.
    pub(super) source: &'static str,
}

/// Who logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum User {
    /// Nobody.
    None,
    /// Everybody under one name; the password tells who it is.
    Everybody(&'static str),
    /// Each under a name of their own.
    Own,
}

/// Every preset.
pub(super) const PRESETS: [Preset; 13] = [
    Preset {
        name: "ses",
        host: None,
        security: Security::Implicit,
        port: 465,
        user: User::Own,
        rates: &[],
        connections: 4,
        messages: None,
        source: "docs.aws.amazon.com/ses, sending quotas: each account has a rate a second and a day's quota of its own",
    },
    Preset {
        name: "gmail",
        host: Some("smtp.gmail.com"),
        security: Security::Implicit,
        port: 465,
        user: User::Own,
        rates: &["500/day"],
        connections: 1,
        messages: Some(100),
        source: "support.google.com/mail/answer/22839: 500 recipients in any 24 hours; the rest is caution",
    },
    Preset {
        name: "workspace",
        host: Some("smtp.gmail.com"),
        security: Security::Implicit,
        port: 465,
        user: User::Own,
        rates: &["2000/day"],
        connections: 2,
        messages: Some(100),
        source: "support.google.com/a/answer/166852: 2,000 messages in any 24 hours; the rest is caution",
    },
    Preset {
        name: "microsoft365",
        host: Some("smtp.office365.com"),
        security: Security::StartTls,
        port: 587,
        user: User::Own,
        rates: &["30/minute", "10000/day"],
        connections: 3,
        messages: None,
        source: "learn.microsoft.com, SMTP authenticated submission: 30 a minute, 10,000 recipients a day, 3 connections",
    },
    Preset {
        name: "postmark",
        host: Some("smtp-broadcasts.postmarkapp.com"),
        security: Security::StartTls,
        port: 587,
        user: User::Own,
        rates: &[],
        connections: 4,
        messages: None,
        source: "postmarkapp.com/developer: no figure is named; newsletters go through the broadcast stream",
    },
    Preset {
        name: "mailgun",
        host: Some("smtp.mailgun.org"),
        security: Security::Implicit,
        port: 465,
        user: User::Own,
        rates: &[],
        connections: 4,
        messages: None,
        source: "documentation.mailgun.com: limits belong to the plan; the EU has smtp.eu.mailgun.org",
    },
    Preset {
        name: "sendgrid",
        host: Some("smtp.sendgrid.net"),
        security: Security::Implicit,
        port: 465,
        user: User::Everybody("apikey"),
        rates: &[],
        connections: 8,
        messages: Some(5_000),
        source: "twilio.com/docs/sendgrid, SMTP: 5,000 messages a connection; a day's limit belongs to the plan",
    },
    Preset {
        name: "brevo",
        host: Some("smtp-relay.brevo.com"),
        security: Security::StartTls,
        port: 587,
        user: User::Own,
        rates: &[],
        connections: 4,
        messages: None,
        source: "help.brevo.com: limits belong to the plan",
    },
    Preset {
        name: "resend",
        host: Some("smtp.resend.com"),
        security: Security::Implicit,
        port: 465,
        user: User::Everybody("resend"),
        rates: &["5/s"],
        connections: 2,
        messages: None,
        source: "resend.com/docs, rate limits: 5 a second for a team; older pages say 2",
    },
    Preset {
        name: "mailjet",
        host: Some("in-v3.mailjet.com"),
        security: Security::Implicit,
        port: 465,
        user: User::Own,
        rates: &[],
        connections: 4,
        messages: None,
        source: "documentation.mailjet.com: limits belong to the account",
    },
    Preset {
        name: "fastmail",
        host: Some("smtp.fastmail.com"),
        security: Security::Implicit,
        port: 465,
        user: User::Own,
        rates: &["4000/day"],
        connections: 1,
        messages: Some(100),
        source: "fastmail.com/help/account/limits.html: the day's limit belongs to the plan; this is for the smallest",
    },
    Preset {
        name: "zoho",
        host: Some("smtp.zoho.com"),
        security: Security::Implicit,
        port: 465,
        user: User::Own,
        rates: &["50/hour"],
        connections: 1,
        messages: Some(50),
        source: "zoho.com/mail/help/adminconsole/rates-and-limits.html: 50 to 500 an hour by reputation, and no bulk mail",
    },
    Preset {
        name: "postfix",
        host: Some("127.0.0.1"),
        security: Security::Plain,
        port: 25,
        user: User::None,
        rates: &[],
        connections: 4,
        messages: None,
        source: "your own: it queues and paces by itself",
    },
];

impl Preset {
    /// Returns its server, with `user` to log in as.
    pub(super) fn url(&self, user: Option<String>) -> Result<RelayUrl, Mistake> {
        let name = self.name;
        let Some(host) = self.host else {
            return Err(Mistake::new(format!(
                "`{name}` has no server for all, and no `url` says which"
            ))
            .help(format!(
                "add `url = \"smtps://USER@HOST\"` with the server of your region ({})",
                self.source
            )));
        };
        let user = match (self.user, user) {
            (User::None, None) => None,
            (User::None, Some(user)) => {
                return Err(Mistake::new(format!("nobody logs in to `{name}`, not even `{user}`"))
                    .help("leave `user` out, or write a `url`"));
            }
            (User::Everybody(all), user) => Some(user.unwrap_or_else(|| all.to_owned())),
            (User::Own, Some(user)) => Some(user),
            (User::Own, None) => {
                return Err(Mistake::new(format!("`{name}` wants somebody to log in"))
                    .help("add `user = \"...\"` as the provider calls you"));
            }
        };
        Ok(RelayUrl::Server {
            security: self.security,
            host: host.to_owned(),
            port: self.port,
            user,
        })
    }

    /// Returns the rates that its provider allows everybody.
    pub(super) fn rates(&self) -> Vec<Rate> {
        self.rates.iter().filter_map(|rate| rate.parse().ok()).collect()
    }
}

/// Finds a preset by its name.
pub(super) fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_can_be_used_and_says_whose_its_figures_are() {
        for preset in &PRESETS {
            assert!(
                preset.rates.iter().all(|rate| rate.parse::<Rate>().is_ok()),
                "{}",
                preset.name
            );
            assert!((1..=64).contains(&preset.connections), "{}", preset.name);
            assert!(preset.messages != Some(0), "{}", preset.name);
            assert!(!preset.source.is_empty(), "{}", preset.name);
            assert_eq!(
                preset.security == Security::Plain,
                preset.user == User::None,
                "{}",
                preset.name
            );
        }
    }

    #[test]
    fn the_page_for_people_has_every_preset_and_its_source() {
        let page = include_str!("../../docs/publication.md");
        for preset in &PRESETS {
            let row = page.lines().find(|line| line.starts_with(&format!("| `{}` |", preset.name)));
            let row = row.unwrap_or_else(|| panic!("`{}` is not in the table", preset.name));
            assert!(row.contains(preset.host.unwrap_or("your region's")), "{row}");
            for rate in preset.rates {
                assert!(row.contains(rate), "{row}");
            }
            assert!(row.contains(preset.source), "{row}");
        }
    }
}
