//! `/webhooks/PROVIDER`: what a provider tells of bounces and complaints. It is believed by what that provider proves itself by, and by nothing else.
//!
//! A call that proves nothing changes nothing. An event told twice counts once, so a provider may call until it is
//! answered; where the ledger is busy it is asked to call again. Nothing that a call holds makes us look anywhere but at
//! Amazon's own host for our own topic.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{AUTHORIZATION, RETRY_AFTER},
    },
    response::Response,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{Shared, Site, Tokens, fetch::Fetch};
use crate::{
    bounce::{
        Report,
        webhook::{WebhookError, digest, mailgun, postmark, ses, sns},
    },
    ledger::{Did, LedgerError},
    model::Secret,
    web::{answer, gate::one},
};

/// Where the paths of all of them begin.
pub(super) const ROOT: &str = "/webhooks/";

/// The largest call, in bytes: it quotes the head of a mail, and the words of a relay.
pub(super) const BODY_MAX: usize = 64 * 1024;

/// The user that Postmark shows its password as.
const POSTMARK_USER: &str = "postrider";

/// How many certificates are kept.
const CERTIFICATES_MAX: usize = 4;

/// How long after a certificate was asked for the next one is.
const REST: Duration = Duration::from_secs(10);

/// Does what a report asks for, as `bounces read` does.
#[async_trait]
pub trait Clerk: Send + Sync {
    /// Notes a report under what names its event; one noted before changes nothing.
    async fn note(&self, digest: String, report: Report) -> Result<Did, LedgerError>;
}

/// Who is listened to.
pub struct Webhooks {
    /// The topic of Amazon SNS that SES tells into.
    pub ses_topic: Option<String>,
    /// What Mailgun signs with.
    pub mailgun_key: Option<Secret>,
    /// What Postmark shows, as the user `postrider`.
    pub postmark_password: Option<Secret>,
    /// Who does what is asked for.
    pub clerk: Arc<dyn Clerk>,
    /// Where Amazon's certificates come from.
    pub fetch: Arc<dyn Fetch>,
    /// What was fetched.
    pub certificates: Certificates,
    /// What Mailgun signed lately.
    pub tokens: Tokens,
}

/// Amazon's certificates by their address, and when one was asked for last.
#[derive(Default)]
pub struct Certificates(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    known: BTreeMap<String, Vec<u8>>,
    asked_at: Option<Instant>,
}

/// What a call tells.
struct Told {
    /// What names its event.
    event: Vec<u8>,
    reports: Vec<Report>,
}

/// Why a call is not taken.
enum Refused {
    /// Nobody here listens to that provider.
    Unknown,
    /// It proves nothing, or says nothing.
    By(WebhookError),
    /// Not now: it is worth another call.
    Busy,
}

impl From<WebhookError> for Refused {
    fn from(error: WebhookError) -> Self {
        Self::By(error)
    }
}

impl From<LedgerError> for Refused {
    fn from(_: LedgerError) -> Self {
        Self::Busy
    }
}

pub(super) async fn answer(
    State(site): Shared,
    Path(provider): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (status, said) = match site.hear(&provider, &headers, &body).await {
        Ok(()) => (StatusCode::OK, "taken\n".to_owned()),
        Err(Refused::Busy) => {
            site.memory.counts.failed();
            (StatusCode::SERVICE_UNAVAILABLE, "not now: please call again\n".to_owned())
        }
        Err(Refused::Unknown) => {
            site.memory.counts.refused();
            (StatusCode::NOT_FOUND, "nobody listens here\n".to_owned())
        }
        Err(Refused::By(why)) => {
            site.memory.counts.refused();
            let status = match why {
                WebhookError::Malformed => StatusCode::BAD_REQUEST,
                WebhookError::Forged | WebhookError::Stale => StatusCode::FORBIDDEN,
            };
            (status, format!("{why}\n"))
        }
    };
    let mut response = answer::bytes("text/plain; charset=utf-8", said);
    *response.status_mut() = status;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("60"));
    }
    response
}

impl Site {
    /// Takes a call: nothing of it before its provider is proven.
    async fn hear(&self, provider: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), Refused> {
        let hooks = &self.webhooks;
        let told = match (provider, hooks) {
            ("ses", Webhooks { ses_topic: Some(topic), .. }) => hooks.hear_ses(topic, body).await?,
            ("mailgun", Webhooks { mailgun_key: Some(key), .. }) => {
                let mailgun::Call { token, report } =
                    mailgun::read(body, key, self.ledger.now().await?)?;
                if !hooks.tokens.take(&token, body, Instant::now()) {
                    return Err(WebhookError::Forged.into());
                }
                Told { event: body.to_vec(), reports: report.into_iter().collect() }
            }
            ("postmark", Webhooks { postmark_password: Some(password), .. }) => {
                let shown = one(headers, AUTHORIZATION).unwrap_or_default();
                let report = postmark::read(body, shown, POSTMARK_USER, password)?;
                Told { event: body.to_vec(), reports: report.into_iter().collect() }
            }
            _ => return Err(Refused::Unknown),
        };
        self.memory.counts.told();
        for report in told.reports {
            let named = digest(provider, &told.event, &report.address);
            if let Did::Moved(_) = hooks.clerk.note(named, report).await? {
                self.memory.counts.suppressed();
            }
        }
        Ok(())
    }
}

impl Webhooks {
    /// Reads what Amazon tells into our topic, and says once that we want the topic's messages.
    async fn hear_ses(&self, topic: &str, body: &[u8]) -> Result<Told, Refused> {
        let envelope = sns::Envelope::read(body)?;
        let host = sns::host(topic).ok_or(WebhookError::Forged)?;
        let is_at_host = |url: &str| {
            url.strip_prefix("https://")
                .and_then(|rest| rest.strip_prefix(host.as_str()))
                .is_some_and(|rest| rest.starts_with('/'))
        };
        let certificate = envelope.certificate_url()?;
        if envelope.claimed_topic() != topic || !is_at_host(certificate) {
            return Err(WebhookError::Forged.into());
        }
        let certificate = self.certificate(certificate).await?;
        let said = envelope.verified(&certificate)?;
        if let Some(url) = said.subscribe {
            if !is_at_host(url) {
                return Err(WebhookError::Forged.into());
            }
            self.fetch.get(url).await.map_err(|_| Refused::Busy)?;
            return Ok(Told { event: Vec::new(), reports: Vec::new() });
        }
        let event = said.message.as_bytes().to_vec();
        // What SES says to try its topic out is no notification.
        let reports = ses::read(&event).unwrap_or_default();
        Ok(Told { event, reports })
    }

    /// Returns a certificate (DER), fetched once; strangers cannot make us fetch more than one at a time.
    async fn certificate(&self, url: &str) -> Result<Vec<u8>, Refused> {
        {
            let mut kept = self.certificates.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = kept.known.get(url) {
                return Ok(known.clone());
            }
            let now = Instant::now();
            if kept.asked_at.is_some_and(|at| now.duration_since(at) < REST) {
                return Err(Refused::Busy);
            }
            kept.asked_at = Some(now);
        }
        let pem = self.fetch.get(url).await.map_err(|_| Refused::Busy)?;
        let der = CertificateDer::from_pem_slice(&pem).map_err(|_| WebhookError::Forged)?.to_vec();
        let mut kept = self.certificates.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.known.len() >= CERTIFICATES_MAX {
            kept.known.clear();
        }
        kept.known.insert(url.to_owned(), der.clone());
        Ok(der)
    }
}
