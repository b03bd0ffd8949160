//! One message that came back: read, its evidence verified, the ledger told.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;

use super::Failure;
use crate::{
    bounce::{self, Kind, Report},
    compose::{self, KeyRing, Purpose},
    ledger::{About, Did, Ledger, LedgerError, Note, Noted},
    model::SubscriberState,
    web::site,
};

/// A message that was read, and what became of it.
pub(super) struct Returned {
    /// What it is called where it lies.
    pub(super) file: String,
    pub(super) report: Report,
    /// The reader's address, where we know who it is; else the one the report names.
    pub(super) address: String,
    /// The slug of the issue, where it is known which.
    pub(super) issue: Option<String>,
    pub(super) did: Did,
    /// How many of its tokens are not ours.
    pub(super) forged: usize,
}

/// The keys of `--json`, one object a message, which scripts rely on.
#[derive(Serialize)]
struct Document<'a> {
    file: &'a str,
    kind: Kind,
    address: Option<&'a str>,
    issue: Option<&'a str>,
    action: Option<&'a str>,
    code: Option<&'a str>,
    diagnostic: Option<&'a str>,
    did: &'a str,
}

/// Reads messages for one publication.
pub(super) struct Clerk {
    /// Its id.
    pub(super) publication: String,
    /// Returns the keys as they are now: whoever serves for months sees them renewed.
    pub(super) keys: Box<dyn Fn() -> Arc<KeyRing> + Send + Sync>,
    /// `None` where there is none yet: then nothing was ever sent from here.
    pub(super) ledger: Option<Arc<dyn Ledger>>,
    pub(super) rehearse: bool,
    /// What the consent log says of where it came from.
    pub(super) source: String,
}

impl Clerk {
    /// Reads a message and does what it asks for.
    pub(super) async fn take(&self, file: String, bytes: &[u8]) -> Result<Returned, Failure> {
        let report = bounce::read(bytes);
        let mut forged = 0;
        let noted = self.noted(bounce::digest(bytes), &report, &mut forged).await?;
        let address = match &noted {
            Some(noted) if !noted.address.is_empty() => noted.address.clone(),
            _ => report.address.clone(),
        };
        let (issue, did) = noted.map_or((None, Did::Nothing), |noted| (noted.issue, noted.did));
        Ok(Returned { file, report, address, issue, did, forged })
    }

    /// Tells the ledger of a report, where that asks for something; `digest` names what was read.
    async fn noted(
        &self,
        digest: String,
        report: &Report,
        forged: &mut usize,
    ) -> Result<Option<Noted>, LedgerError> {
        let about = self.about(report, forged);
        let (Some(about), Some(ledger)) = (about, &self.ledger) else { return Ok(None) };
        if !report.kind.acts() {
            return Ok(None);
        }
        let note = Note {
            digest,
            about,
            kind: report.kind,
            cause: report.cause,
            code: report.code.clone(),
            said: report.diagnostic.clone(),
            source: self.source.clone(),
            rehearse: self.rehearse,
        };
        Ok(Some(ledger.report(&self.publication, &note).await?))
    }

    /// Finds what a report is about, by the best evidence that verifies; counts what does not.
    fn about(&self, report: &Report, forged: &mut usize) -> Option<About> {
        let evidence = &report.evidence;
        let keys = (self.keys)();
        let mut proven = None;
        let mut is_test = false;
        for token in &evidence.return_paths {
            match compose::read_return_path(&keys, token) {
                Ok(read) if read.purpose == Purpose::Test => is_test = true,
                Ok(read) => {
                    proven.get_or_insert(About::Delivery { issue: read.issue, slot: read.slot });
                }
                Err(_) => *forged += 1,
            }
        }
        for token in evidence.asked.iter().chain(&evidence.returned) {
            match compose::read_unsubscribe_token(&keys, token) {
                Ok(read) if read.purpose == Purpose::Test => is_test = true,
                Ok(read) if read.is_of(&self.publication) => {
                    let about = About::Reader { issue: read.issue, token_id: read.subscriber };
                    proven.get_or_insert(about);
                }
                _ => *forged += 1,
            }
        }
        // A test mail that comes back says nothing of any reader.
        if proven.is_some() || is_test {
            return proven;
        }
        let address = report.address.parse().ok()?;
        Some(About::Mailbox { address, is_vouched: evidence.is_vouched })
    }
}

#[async_trait]
impl site::Clerk for Clerk {
    async fn note(&self, digest: String, report: Report) -> Result<Did, LedgerError> {
        let noted = self.noted(digest, &report, &mut 0).await?;
        Ok(noted.map_or(Did::Nothing, |noted| noted.did))
    }
}

impl Returned {
    /// Returns what is to be JSON.
    pub(super) fn document(&self) -> impl Serialize + '_ {
        let filled = |text| Some(text).filter(|text: &&str| !text.is_empty());
        Document {
            file: &self.file,
            kind: self.report.kind,
            address: filled(&self.address),
            issue: self.issue.as_deref(),
            action: self.report.action,
            code: filled(&self.report.code),
            diagnostic: filled(&self.report.diagnostic),
            did: self.did.word(),
        }
    }

    /// Tells whether a reader is suppressed by it who was not before.
    pub(super) fn suppressed(&self) -> Option<SubscriberState> {
        match self.did {
            Did::Moved(state) => Some(state),
            _ => None,
        }
    }

    /// Says why in a few words: the cause, its code, the issue.
    pub(super) fn why(&self) -> String {
        let cause = match (self.report.cause, self.report.kind) {
            (Some(cause), _) => cause.to_string(),
            (None, Kind::Complaint) => "called it spam".to_owned(),
            (None, Kind::Unsubscribe) => "asked to leave".to_owned(),
            (None, kind) => kind.word().replace('_', " "),
        };
        let details = [self.report.code.as_str(), self.issue.as_deref().unwrap_or_default()];
        let details: Vec<_> = details.into_iter().filter(|detail| !detail.is_empty()).collect();
        if details.is_empty() { cause } else { format!("{cause} ({})", details.join(", ")) }
    }
}
