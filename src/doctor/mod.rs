//! What receivers will find when they look us up: our DNS, our relay, our way out and our messages, read as they read them.
//!
//! Each check of the DNS is a file with one `check`, listed in [`examine`]. It
//! says what it found, who asks for it, how to mend it and what to publish.
//! What could not be reached is `NotChecked`, never `Ok`. Nothing here reads a
//! file or speaks to the relay: what is known of us comes in a [`Patient`], what
//! was seen of the relay in a [`Call`]. The page of the way out is asked here
//! ([`one_click`]), and any message is read ([`read_letter`]).

mod alignment;
mod certificate;
mod dkim;
mod dmarc;
mod dns;
mod finding;
mod https;
mod letter;
mod mx;
mod one_click;
mod provider;
mod public;
mod record;
mod relay;
mod reverse;
mod seal;
mod spf;
mod tags;
mod zone;

use futures_util::future::{BoxFuture, join_all};

pub use dmarc::Policy;
pub use dns::{Dns, Patience, Unanswered};
pub use finding::{Finding, Verdict};
pub use letter::{LETTER_BYTES, glance, read as read_letter};
pub use one_click::{WayOut, one_click};
pub use record::{KeyRecord, RecordError};
pub use relay::{Call, EXTENSIONS_WANTED, Trouble, relay};
pub use seal::{Seal, SealError, Strength};
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
    /// A message that was signed with all of them.
    pub sample: Vec<u8>,
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
