//! Who publishes, how it looks, where it goes: `publication.toml` as values already checked.

use std::{collections::BTreeMap, fmt, time::Duration};

use core::net::IpAddr;

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{Address, Deadlines, Mailbox, Place, Rate};

/// The newsletter and its identity. Every field is checked when it is read, so a value of this type can be composed and sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Publication {
    /// The label of List-Id (RFC 2919): `[a-z0-9-]`, not empty.
    pub id: String,
    /// The masthead's title.
    pub title: String,
    /// The line below it; may be empty.
    pub tagline: String,
    /// The places above it, as in New York : London : Moscow.
    pub masthead: Vec<String>,
    /// The footer's motto; may be empty.
    pub motto: String,
    /// The publisher's name, after the © sign.
    pub publisher: String,
    /// The years of the copyright, as they are to be shown.
    pub copyright: String,
    /// The postal address the law wants in every issue.
    pub postal_address: String,
    /// The language an issue has unless it says otherwise (BCP 47).
    pub language: String,
    /// The IANA time zone that schedules and dates are told in.
    pub timezone: String,
    /// The theme's name.
    pub theme: String,
    /// Where its pages are.
    pub links: Links,
    /// Who the mail is from.
    pub sender: Sender,
    /// Where it is handed over.
    pub relay: RelaySettings,
    /// As whom it is signed; `None` leaves that to the relay.
    pub dkim: Option<DkimSettings>,
    /// Who reads it.
    pub list: ListSettings,
    /// What `draft` and `schedule` propose.
    pub schedule: ScheduleSettings,
    /// When to stop.
    pub send: SendSettings,
    /// Where `postrider web` can be reached from outside, without a final slash; `None` without it.
    pub web: Option<String>,
    /// The proxies that say for whom they come, besides those on its own machine.
    pub proxies: Vec<IpAddr>,
    /// The languages a reader may ask for; with fewer than two nobody is asked.
    pub languages: Vec<String>,
    /// Whose webhooks are believed.
    pub webhooks: WebhookSettings,
    /// Where its ledger is.
    pub ledger: LedgerSettings,
}

/// What the providers prove themselves by who tell of bounces and complaints by HTTP; whose is `None` is not listened to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookSettings {
    /// The topic of Amazon SNS (an ARN) that SES tells into; what comes is signed by Amazon.
    pub ses_topic: Option<String>,
    /// Where the key is that Mailgun signs with.
    pub mailgun_key: Option<SecretSource>,
    /// Where the password is that Postmark shows, as the user `postrider`.
    pub postmark_password: Option<SecretSource>,
}

/// Where the ledger is, and how to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerSettings {
    /// Where.
    pub url: LedgerUrl,
    /// Where the password is; `None` to look where PostgreSQL's own programs look.
    pub password: Option<SecretSource>,
    /// A certificate to trust besides the system's, as a path relative to the publication.
    pub ca_file: Option<String>,
}

impl fmt::Display for LedgerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{path}"),
            Self::Postgres(url) => f.write_str(url),
        }
    }
}

/// A ledger as an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerUrl {
    /// A file of this machine, relative to the publication.
    Sqlite(String),
    /// A database that machines share; holds no password.
    Postgres(String),
}

/// The pages of a publication. Every one is an absolute `https:` URL; feedback may be `mailto:`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// The publisher's site.
    pub website: Option<String>,
    /// Where one subscribes.
    pub subscribe: Option<String>,
    /// Where past issues are; an issue's own page is this, a slash and its slug.
    pub archive: Option<String>,
    /// Where the publisher puts the pictures of issues; without it they travel with the mail.
    pub images: Option<String>,
    /// The disclaimer.
    pub disclaimer: String,
    /// The privacy statement.
    pub privacy: String,
    /// Where readers answer.
    pub feedback: String,
    /// Where readers leave, when not at `[web] url` or the reply address: an https page that takes the token after a slash, or a `mailto:`.
    pub unsubscribe: Option<String>,
    /// Links beside the tagline.
    pub nav: Vec<NavLink>,
}

/// A link with its label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NavLink {
    /// What is shown.
    pub label: String,
    /// Where it goes.
    pub url: String,
}

/// Who the mail is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The From header.
    pub from: Mailbox,
    /// Where answers go; From's address where `None`.
    pub reply_to: Option<Mailbox>,
    /// The domain of VERP return paths; From's address is the return path where `None`.
    pub bounces: Option<String>,
}

/// Where messages are handed over, and how fast.
#[derive(Clone, Debug, PartialEq)]
pub struct RelaySettings {
    /// The server.
    pub url: RelayUrl,
    /// Every window holds at once; empty is no limit.
    pub rate: Vec<Rate>,
    /// A limit that grows while mailboxes get to know the sender.
    pub warm_up: Option<WarmUp>,
    /// The same for the readers at one domain, and at every other that the same provider keeps.
    pub domains: BTreeMap<String, Vec<Rate>>,
    /// How many connections at most; at least 1.
    pub connections: usize,
    /// How many messages a connection carries before another takes its place; `None` for any number.
    pub messages: Option<u32>,
    /// Whether messages go by their length (BDAT, RFC 3030) where it takes that.
    pub chunking: bool,
    /// How long it may take for each step.
    pub deadlines: Deadlines,
    /// A certificate to trust besides the system's, as a path relative to the publication.
    pub ca_file: Option<String>,
    /// What the password is: that, or a token.
    pub auth: Auth,
    /// Where the password is; `None` where the server wants none.
    pub password: Option<SecretSource>,
}

/// What proves to a relay who we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// A password.
    Password,
    /// A token that runs out after about an hour (XOAUTH2, Google's and Microsoft's).
    Xoauth2,
}

impl fmt::Display for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password => "password",
            Self::Xoauth2 => "xoauth2",
        })
    }
}

/// A limit for a new sender: it begins low and doubles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarmUp {
    /// What it is in the beginning.
    pub from: Rate,
    /// The day of the beginning, from midnight UTC.
    pub since: Date,
    /// How long until it is twice as much; not zero.
    pub double_every: Duration,
}

impl RelaySettings {
    /// Returns who logs in; `None` where nobody does.
    pub fn user(&self) -> Option<&str> {
        match &self.url {
            RelayUrl::Server { user, .. } => user.as_deref(),
            RelayUrl::Outbox => None,
        }
    }

    /// Returns every rate that holds at an instant.
    pub fn rates(&self, now: Timestamp) -> Vec<Rate> {
        let warming = self.warm_up.as_ref().and_then(|warm_up| warm_up.rate(now));
        self.rate.iter().copied().chain(warming).collect()
    }

    /// Tells whether any rate limits what goes out, to everybody or to one provider.
    pub fn is_limited(&self) -> bool {
        !self.rate.is_empty() || self.warm_up.is_some() || !self.domains.is_empty()
    }

    /// Returns when other rates hold than at an instant; `None` where these stay.
    pub fn rates_change(&self, now: Timestamp) -> Option<Timestamp> {
        self.warm_up.as_ref().and_then(|warm_up| warm_up.doubles(now))
    }
}

impl WarmUp {
    /// Returns what it has come to; `None` once it is beyond all counting.
    pub fn rate(&self, now: Timestamp) -> Option<Rate> {
        let twice = 1_u32.checked_shl(u32::try_from(self.doublings(now)?).ok()?)?;
        Some(Rate { count: self.from.count.checked_mul(twice)?, ..self.from })
    }

    /// Returns when it is twice what it is at an instant; `None` where it holds nothing back any more.
    pub fn doubles(&self, now: Timestamp) -> Option<Timestamp> {
        self.rate(now)?;
        let doublings = i64::try_from(self.doublings(now)? + 1).ok()?;
        let seconds = i64::try_from(self.every()).ok()?.checked_mul(doublings)?;
        self.begun()?.checked_add(SignedDuration::from_secs(seconds)).ok()
    }

    fn doublings(&self, now: Timestamp) -> Option<u64> {
        let age = Duration::try_from(now.duration_since(self.begun()?)).unwrap_or_default();
        Some(age.as_secs() / self.every())
    }

    fn begun(&self) -> Option<Timestamp> {
        Some(self.since.to_zoned(TimeZone::UTC).ok()?.timestamp())
    }

    fn every(&self) -> u64 {
        self.double_every.as_secs().max(1)
    }
}

/// A relay as an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelayUrl {
    /// The SMTP server inside the program, which keeps a Maildir in `outbox/`.
    Outbox,
    /// A server.
    Server {
        /// How the connection is protected.
        security: Security,
        /// Its DNS name or IP address, without brackets.
        host: String,
        /// Its port.
        port: u16,
        /// The user to authenticate as; `None` does not authenticate.
        user: Option<String>,
    },
}

impl RelayUrl {
    /// Returns what its limits are counted under: the same for every publication that uses it.
    pub fn lane(&self) -> String {
        match self {
            Self::Outbox => "relay outbox".to_owned(),
            Self::Server { host, port, .. } => format!("relay {host}:{port}"),
        }
    }
}

impl fmt::Display for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outbox => f.write_str("outbox (on this machine)"),
            Self::Server { security, host, port, .. } => {
                let how = match security {
                    Security::Implicit => "TLS",
                    Security::StartTls => "STARTTLS",
                    Security::Plain => "no TLS",
                };
                write!(f, "{host}:{port} ({how})")
            }
        }
    }
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (`smtps://`, RFC 8314).
    Implicit,
    /// STARTTLS, required (`smtp://`, RFC 3207).
    StartTls,
    /// None (`?tls=none`): no credentials ever cross it.
    Plain,
}

/// Where a secret is kept; never the configuration file itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// The first line of a file, relative to the publication.
    File(String),
    /// The first line of what a command prints.
    Command(String),
}

/// As whom messages are signed (RFC 6376).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkimSettings {
    /// The domain, as A-labels; From's, one above it, or one below it.
    pub domain: String,
    /// The keys; at least one, each with a selector of its own.
    pub keys: Vec<DkimKeyFile>,
    /// The header fields that stay unsigned, because the relay rewrites them.
    pub unsigned: Vec<String>,
}

/// A key that signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkimKeyFile {
    /// The name its DNS record has, below `_domainkey`.
    pub selector: String,
    /// The file of the private key, relative to the publication.
    pub file: String,
    /// Where `file` stands in the configuration, for what is wrong with it.
    pub place: Place,
}

/// Who reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListSettings {
    /// A list file read afresh at every plan, relative to the publication.
    pub csv: Option<String>,
    /// How long an issue that ended keeps who its readers were; `None` keeps it for good.
    pub retention: Option<Duration>,
    /// The merge fields an issue may use, by name.
    pub fields: BTreeMap<String, Field>,
}

/// What is known of a merge field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Used where a reader has no value.
    pub default: Option<String>,
    /// Whether a reader without a value is left out.
    pub required: bool,
}

/// What `draft` and `schedule` propose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleSettings {
    /// `Mon 07:00`, as written; `None` proposes nothing.
    pub every: Option<String>,
    /// How late an issue may still go out.
    pub max_late: Duration,
}

/// When a run stops by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct SendSettings {
    /// The share of permanent refusals among the last 200 that stops the run, 0 to 1.
    pub stop_at_rejected: f64,
}

impl Publication {
    /// Returns the mailbox that readers' answers reach.
    pub fn reply_address(&self) -> &Address {
        self.sender.reply_to.as_ref().map_or(&self.sender.from.address, |mailbox| &mailbox.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warm_up_doubles_from_its_day_on() {
        let warm_up = WarmUp {
            from: Rate { count: 200, window: Duration::from_hours(24) },
            since: "2026-12-01".parse().expect("it is a day"),
            double_every: Duration::from_hours(24),
        };
        for (now, count) in [
            ("2026-11-20T12:00:00Z", Some(200)),
            ("2026-12-01T23:59:59Z", Some(200)),
            ("2026-12-02T00:00:00Z", Some(400)),
            ("2026-12-05T00:00:00Z", Some(3_200)),
            ("2026-12-30T00:00:00Z", None),
            ("9999-12-30T00:00:00Z", None),
        ] {
            let now = now.parse().expect("it is an instant");
            let rate = warm_up.rate(now);
            let doubles = warm_up.doubles(now);
            assert_eq!(doubles.is_some(), rate.is_some(), "{now}");
            if let (Some(doubles), Some(rate)) = (doubles, rate) {
                let then = |at| warm_up.rate(at).map(|rate| rate.count);
                assert_eq!(then(doubles - Duration::from_micros(1)), Some(rate.count), "{now}");
                assert_eq!(then(doubles), rate.count.checked_mul(2), "{now}");
            }
            assert_eq!(rate.map(|rate| rate.count), count, "{now}");
        }
    }
}
