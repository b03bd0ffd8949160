//! What receivers will find when they look us up: the DNS of the sender's domain, read as they read it.
//!
//! Each check is a file with one `check`, listed in [`examine`]. It asks the
//! DNS, and says what it found, who asks for it, how to mend it and what to
//! publish. What could not be reached is `NotChecked`, never `Ok`. Nothing here
//! reads a file or speaks to the relay: what those know comes in a [`Patient`].

mod alignment;
mod dkim;
mod dmarc;
mod dns;
mod finding;
mod mx;
mod provider;
mod reverse;
mod spf;
mod tags;
mod zone;

use futures_util::future::{BoxFuture, join_all};

pub use dmarc::Policy;
pub use dns::{Dns, Patience, Unanswered};
pub use finding::{Finding, Verdict};
pub use spf::{Record as SpfRecord, SpfError};
pub use tags::{TagError, tags};
pub use zone::{Line, strings};

use crate::model::RelayUrl;

/// What is known of the sender before anybody is asked. Domains are A-labels in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patient {
    /// From's domain, which readers see.
    pub from: String,
    /// The domain bounces go to, which SPF is about (RFC 7208 section 2.4).
    pub bounces: String,
    /// As whom messages are signed; `None` leaves that to the relay.
    pub dkim: Option<Signature>,
    /// Where messages are handed over.
    pub relay: RelayUrl,
}

/// As whom messages are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The domain, `d=`.
    pub domain: String,
    /// Selector, and the text its record has to have.
    pub keys: Vec<(String, String)>,
}

/// Asks the DNS everything, all at once, and tells what was found in the order of the checks.
pub async fn examine(patient: &Patient, dns: &Dns) -> Vec<Finding> {
    let checks: [BoxFuture<'_, Vec<Finding>>; 6] = [
        Box::pin(spf::check(patient, dns)),
        Box::pin(dkim::check(patient, dns)),
        Box::pin(dmarc::check(patient, dns)),
        Box::pin(alignment::check(patient, dns)),
        Box::pin(mx::check(patient, dns)),
        Box::pin(reverse::check(patient, dns)),
    ];
    join_all(checks).await.concat()
}

/// Returns what there is to publish, each line once.
pub fn to_publish(findings: &[Finding]) -> Vec<&Line> {
    let mut lines: Vec<&Line> = Vec::new();
    for line in findings.iter().flat_map(|finding| &finding.publish) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}
