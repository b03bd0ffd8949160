//! Which server belongs to a provider: what of SPF is theirs to say, and whose return path a message then has.

use crate::model::RelayUrl;

/// Somebody who relays for many.
#[derive(Debug)]
pub(super) struct Provider {
    /// As people know it.
    pub(super) name: &'static str,
    /// What its servers' names end with.
    suffix: &'static str,
    /// Whose SPF record lists its servers.
    pub(super) include: &'static str,
    /// Whether it puts a return path of its own in, unless one is set up with it.
    pub(super) takes_bounces: bool,
}

/// Who a relay is.
#[derive(Debug)]
pub(super) enum Relay {
    /// Nobody: mail stays on this machine.
    Outbox,
    /// A provider's.
    Of(&'static Provider),
    /// One's own, by its name or address.
    Own(String),
}

/// Every provider. Nobody has held these against the providers' own pages lately, so what they lead to is advice: the record that is found decides.
const PROVIDERS: [Provider; 12] = [
    own_path("Amazon SES", "amazonaws.com", "amazonses.com"),
    kept_path("Gmail", "smtp.gmail.com", "_spf.google.com"),
    kept_path("Google Workspace", "smtp-relay.gmail.com", "_spf.google.com"),
    kept_path("Microsoft 365", "office365.com", "spf.protection.outlook.com"),
    own_path("Postmark", "postmarkapp.com", "spf.mtasv.net"),
    own_path("Mailgun", "mailgun.org", "mailgun.org"),
    own_path("SendGrid", "sendgrid.net", "sendgrid.net"),
    own_path("Brevo", "brevo.com", "spf.brevo.com"),
    own_path("Resend", "resend.com", "amazonses.com"),
    own_path("Mailjet", "mailjet.com", "spf.mailjet.com"),
    kept_path("Fastmail", "fastmail.com", "spf.messagingengine.com"),
    kept_path("Zoho", "zoho.com", "zohomail.com"),
];

const fn own_path(name: &'static str, suffix: &'static str, include: &'static str) -> Provider {
    Provider { name, suffix, include, takes_bounces: true }
}

const fn kept_path(name: &'static str, suffix: &'static str, include: &'static str) -> Provider {
    Provider { name, suffix, include, takes_bounces: false }
}

impl Relay {
    /// Tells who a relay is, by its host's name.
    pub(super) fn of(url: &RelayUrl) -> Self {
        let RelayUrl::Server { host, .. } = url else { return Self::Outbox };
        let host = host.to_ascii_lowercase();
        let is_of = |provider: &&Provider| {
            host.strip_suffix(provider.suffix)
                .is_some_and(|before| before.is_empty() || before.ends_with('.'))
        };
        match PROVIDERS.iter().find(is_of) {
            Some(provider) => Self::Of(provider),
            None => Self::Own(host),
        }
    }

    /// Returns the provider, where it is one's.
    pub(super) fn provider(&self) -> Option<&'static Provider> {
        match self {
            Self::Of(provider) => Some(provider),
            Self::Outbox | Self::Own(_) => None,
        }
    }
}
