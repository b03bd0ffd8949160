//! The relay, as who is going to send through it found it: its name, its certificate, whether it lets us in, what it takes.
//!
//! Nothing here speaks to it. Who may, brings what they saw.

use std::net::IpAddr;

use jiff::Timestamp;

use super::{Dns, Finding, Patient, Unanswered, certificate, provider::Relay, public::is_public};
use crate::model::{RelayUrl, Security, Stage};

const RELAY: &str = "relay";
const EHLO: &str = "EHLO";
const TLS: &str = "TLS";
const AUTH: &str = "AUTH";
const SIZE: &str = "SIZE";
const EXTENSIONS: &str = "extensions";
const NAMES: &str = "RFC 5321 section 4.1.1.1, RFC 1912 section 2.1";
const ENCRYPTED: &str = "RFC 8314, RFC 3207";

/// What was seen of the relay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// Whom we reached.
    pub peer: Option<IpAddr>,
    /// What it calls itself, in lower case; empty where it did not come to that.
    pub name: String,
    /// The certificate it showed and that was found good, DER.
    pub certificate: Option<Vec<u8>>,
    /// What it offers, of what we care for.
    pub offers: Vec<&'static str>,
    /// The longest message it takes, in bytes, where it says so.
    pub size: Option<u64>,
    /// What stopped us.
    pub trouble: Option<Trouble>,
    /// How long a copy of the latest issue is, in bytes.
    pub copy: Option<usize>,
}

/// What stopped us on the way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// At which step.
    pub stage: Stage,
    /// Whether it is the relay's word, or a hazard, and no mere silence.
    pub is_final: bool,
    /// What it was, for people.
    pub why: String,
}

/// The extensions we care for: what each is, and what it is worth where it is missing.
pub const EXTENSIONS_WANTED: [&str; 4] = ["PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN"];

/// Judges the relay.
pub async fn relay(call: &Call, patient: &Patient, now: Timestamp, dns: &Dns) -> Vec<Finding> {
    let RelayUrl::Server { security, host, user, .. } = &patient.relay else {
        let why = "it is the outbox on this machine, from which nothing leaves";
        return vec![Finding::not_checked(RELAY, "RFC 5321", why)];
    };
    let mut findings = vec![reached(call, host)];
    if call.name.is_empty() && call.certificate.is_none() && !call.is_untrusted() {
        // Nothing else is known, and once is enough to say so.
        return findings;
    }
    findings.push(
        named(call, patient, dns)
            .await
            .unwrap_or_else(|unanswered| Finding::unanswered(EHLO, NAMES, &unanswered)),
    );
    findings.push(encrypted(call, *security, host, now));
    findings.push(let_in(call, user.as_deref()));
    if call.trouble.as_ref().is_none_or(|trouble| trouble.stage == Stage::Auth) {
        findings.extend([sized(call), extended(call)]);
    }
    findings
}

impl Call {
    /// Returns what stopped us at a step.
    fn trouble_at(&self, stage: Stage) -> Option<&Trouble> {
        self.trouble.as_ref().filter(|trouble| trouble.stage == stage)
    }

    /// Tells whether it came as far as a certificate that was refused.
    fn is_untrusted(&self) -> bool {
        self.trouble_at(Stage::Tls).is_some_and(|trouble| trouble.is_final)
    }
}

fn reached(call: &Call, host: &str) -> Finding {
    const SOURCE: &str = "RFC 5321 section 3.1";
    match &call.trouble {
        Some(trouble) if call.name.is_empty() && !call.is_untrusted() => {
            let why = trouble.why.clone();
            if trouble.is_final {
                Finding::wrong(RELAY, SOURCE, why)
                    .mend("look at `url` under [relay], and at what the relay asks of who connects")
            } else {
                Finding::not_checked(RELAY, SOURCE, why)
            }
        }
        _ => {
            let peer = call.peer.map(|peer| format!(" at {peer}")).unwrap_or_default();
            Finding::ok(RELAY, SOURCE, format!("{host}{peer} answers"))
        }
    }
}

/// Holds what it calls itself against what its address is called.
async fn named(call: &Call, patient: &Patient, dns: &Dns) -> Result<Finding, Unanswered> {
    const MEND: &str =
        "in Postfix it is `myhostname`; the PTR record is set by whoever gave you the address";
    let Call { name, .. } = call;
    if name.is_empty() {
        return Ok(Finding::not_checked(EHLO, NAMES, "it did not come to that"));
    }
    match Relay::of(&patient.relay) {
        Relay::Of(provider) => {
            let why = format!(
                "it is `{name}`, and how it is called out there is {}'s to keep",
                provider.name
            );
            return Ok(Finding::not_checked(EHLO, NAMES, why));
        }
        Relay::Outbox | Relay::Own(_) => {}
    }
    let is_whole = name.contains('.') && !name.starts_with('[') && !name.ends_with(".localdomain");
    if !is_whole {
        let why = format!("it calls itself `{name}`, which is no name that others can look up");
        return Ok(Finding::wrong(EHLO, NAMES, why).mend(MEND));
    }
    let Some(peer) = call.peer.filter(|peer| is_public(*peer)) else {
        let addresses = dns.addresses(name).await?;
        return Ok(if addresses.is_empty() {
            Finding::wrong(EHLO, NAMES, format!("it calls itself `{name}`, which has no address"))
                .mend(MEND)
        } else {
            let why = format!(
                "it calls itself `{name}`; from which address its mail leaves cannot be seen from here"
            );
            Finding::not_checked(EHLO, NAMES, why)
        });
    };
    let names = dns.names(peer).await?;
    Ok(if names.contains(name) {
        Finding::ok(EHLO, NAMES, format!("it calls itself `{name}`, as {peer} is called"))
    } else {
        let called = names.first().map_or("nothing", String::as_str);
        let why = format!("it calls itself `{name}`, and {peer} is called `{called}`");
        Finding::warn(EHLO, NAMES, why).mend(MEND)
    })
}

fn encrypted(call: &Call, security: Security, host: &str, now: Timestamp) -> Finding {
    let how = match security {
        Security::Implicit => "TLS from the first byte",
        Security::StartTls => "STARTTLS",
        Security::Plain => {
            let is_here = call.peer.is_some_and(|peer| peer.is_loopback());
            return if is_here {
                let why = "none, and none needed: it is on this machine";
                Finding::ok(TLS, ENCRYPTED, why)
            } else {
                Finding::warn(
                    TLS,
                    ENCRYPTED,
                    "none: who stands between reads and changes your mail",
                )
                .mend("write `smtps://` or `smtp://` without `tls=none` as `url` under [relay]")
            };
        }
    };
    match (&call.certificate, call.trouble_at(Stage::Tls)) {
        (Some(certificate), _) => {
            certificate::judged(TLS, ENCRYPTED, &format!("{how} with {host}"), certificate, now)
        }
        (None, Some(Trouble { is_final: true, why, .. })) => {
            Finding::wrong(TLS, ENCRYPTED, why.clone()).mend(
                "renew the relay's certificate, or name who signed it as `ca_file` under [relay]",
            )
        }
        (None, Some(Trouble { why, .. })) => Finding::not_checked(TLS, ENCRYPTED, why.clone()),
        (None, None) => Finding::not_checked(TLS, ENCRYPTED, "it did not come to that"),
    }
}

fn let_in(call: &Call, user: Option<&str>) -> Finding {
    const SOURCE: &str = "RFC 4954";
    let Some(user) = user else {
        return Finding::not_checked(
            AUTH,
            SOURCE,
            "`url` under [relay] names no user to log in as",
        );
    };
    match (&call.trouble, call.trouble_at(Stage::Auth)) {
        (None, _) => Finding::ok(AUTH, SOURCE, format!("`{user}` is let in")),
        (_, Some(Trouble { is_final: true, why, .. })) => Finding::wrong(AUTH, SOURCE, why.clone())
            .mend("look at the user in `url` under [relay], and at the password: many providers want one made for programs, or a token (`auth = \"xoauth2\"`)"),
        (_, Some(Trouble { why, .. })) => Finding::not_checked(AUTH, SOURCE, why.clone()),
        (Some(_), None) => Finding::not_checked(AUTH, SOURCE, "it did not come to that"),
    }
}

fn sized(call: &Call) -> Finding {
    const SOURCE: &str = "RFC 1870";
    match (call.size, call.copy) {
        (None, _) => Finding::ok(SIZE, SOURCE, "it names no limit"),
        (Some(limit), None) => {
            Finding::ok(SIZE, SOURCE, format!("it takes {limit} bytes; there is no issue yet"))
        }
        (Some(limit), Some(copy)) => {
            let why = format!("it takes {limit} bytes, and a copy of the latest issue has {copy}");
            if u64::try_from(copy).is_ok_and(|copy| copy <= limit) {
                Finding::ok(SIZE, SOURCE, why)
            } else {
                Finding::wrong(SIZE, SOURCE, why)
                    .mend("use smaller pictures, or links to them; or raise the limit, `message_size_limit` in Postfix")
            }
        }
    }
}

fn extended(call: &Call) -> Finding {
    const SOURCE: &str = "RFC 2920, RFC 6152, RFC 2034, RFC 3461";
    let missing: Vec<&str> =
        EXTENSIONS_WANTED.into_iter().filter(|word| !call.offers.contains(word)).collect();
    let said = match (call.offers.is_empty(), missing.is_empty()) {
        (_, true) => format!("it offers {}", call.offers.join(", ")),
        (true, _) => format!("it offers none of {}: each mail takes longer", missing.join(", ")),
        _ => format!("it offers {}, and not {}", call.offers.join(", "), missing.join(", ")),
    };
    Finding::ok(EXTENSIONS, SOURCE, said)
}
