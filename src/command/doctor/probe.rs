//! What the doctor does not ask the DNS: the publication's own relay, and the page on which readers leave. No mail is sent, and nobody leaves.

use data_encoding::BASE32_NOPAD;

use crate::{
    command::{
        Failure, exit,
        newsroom::{Newsroom, random_bytes},
        pages::{self, Missing},
        reader,
    },
    compose::{KeyRing, Press, Purpose, one_click, unsubscribe_token},
    doctor::{self, Call, Dns, EXTENSIONS_WANTED, Finding, Patient, Trouble, WayOut},
    model::{RelayUrl, Stage},
    smtp::{self, OpenError, Visit},
};

/// Calls at the relay as `send` does, up to the first mail.
pub(super) async fn relay(newsroom: &Newsroom, patient: &Patient, dns: &Dns) -> Vec<Finding> {
    let call = match &patient.relay {
        RelayUrl::Outbox => Call::default(),
        RelayUrl::Server { .. } => match newsroom.relay(None) {
            Err(Failure { message, hints, .. }) => {
                // Without its password nobody is let in, and nobody need be bothered.
                let finding = Finding::wrong("AUTH", "publication.toml", message);
                return vec![finding.mend(hints.join("; "))];
            }
            Ok(relay) => {
                let (visit, ended) = smtp::visit(&relay).await;
                call(visit, ended.err(), copy(newsroom))
            }
        },
    };
    doctor::relay(&call, patient, newsroom.now, dns).await
}

fn call(visit: Visit, error: Option<OpenError>, copy: Option<usize>) -> Call {
    let Visit { stage, peer, certificate, capabilities } = visit;
    Call {
        peer,
        name: capabilities.name().to_owned(),
        certificate,
        offers: EXTENSIONS_WANTED.into_iter().filter(|word| capabilities.offers(word)).collect(),
        size: capabilities.size(),
        trouble: error.map(|error| trouble(stage, &error)),
        copy,
    }
}

fn trouble(reached: Stage, error: &OpenError) -> Trouble {
    let (stage, is_final) = match error {
        OpenError::Refused { stage, reply, .. } => (*stage, reply.is_permanent()),
        OpenError::Broken { stage, .. } => (*stage, false),
        OpenError::NoToken { .. } => (Stage::Auth, false),
        OpenError::Untrusted { .. } => (Stage::Tls, true),
        OpenError::Unsafe { .. } => (reached, true),
    };
    Trouble { stage, is_final, why: error.to_string() }
}

/// Returns how long a copy of the latest issue is; `None` where there is none that can be made.
fn copy(newsroom: &Newsroom) -> Option<usize> {
    let folder = newsroom.issues().ok()?.pop()?;
    let composed = newsroom.compose(&folder).ok()?;
    let reader = reader::sample(composed.edition.samples()).ok()?;
    let keys = newsroom.keys_for_a_look().ok()?;
    let press = Press::new(&composed.edition, 0, newsroom.now, keys).ok()?;
    let press = press.signed_by(newsroom.signer(newsroom.now).ok()?);
    let printed = press.print(&reader, "<doctor@example.org>", 0, Purpose::Real).ok()?;
    Some(printed.bytes.len())
}

/// Asks the page on which readers leave, with a token of nobody.
pub(super) async fn way_out(newsroom: &Newsroom, dns: &Dns) -> Result<Vec<Finding>, Failure> {
    let way = way(newsroom)?;
    let mut findings = doctor::one_click(&way, &[], newsroom.now, dns).await;
    findings.extend(pages::missing(newsroom).into_iter().map(|Missing { key, url, file }| {
        let why = format!("every mail leads to {url} ([links] {key}), and that page is not there");
        Finding::wrong("pages", "the law of many countries wants it", why)
            .mend(format!("write {file}, or name another page"))
    }));
    Ok(findings)
}

fn way(newsroom: &Newsroom) -> Result<WayOut, Failure> {
    let publication = &newsroom.publication;
    let Some(page) = one_click(publication) else { return Ok(WayOut::Mail) };
    if !newsroom.root.join(".postrider/key").exists() {
        return Ok(WayOut::Unsigned);
    }
    let canary = canary(&newsroom.keys_for_a_look()?, &publication.id)?;
    let with = |token: &str| format!("{page}/{token}");
    if page != format!("{}/u", publication.web.as_deref().unwrap_or_default()) {
        return Ok(WayOut::Foreign { canary: with(&canary) });
    }
    let forged = KeyRing::fresh(&random_bytes()?);
    Ok(WayOut::Ours {
        canary: with(&canary),
        forged: with(&self::canary(&forged, &publication.id)?),
    })
}

/// Makes the token of nobody: its reader is not in any ledger, and a test's token does nothing.
fn canary(keys: &KeyRing, list: &str) -> Result<String, Failure> {
    let nobody = BASE32_NOPAD.encode(&random_bytes()?[..8]).to_ascii_lowercase();
    unsubscribe_token(keys, Purpose::Test, list, &nobody, 0)
        .map_err(|error| Failure::new(exit::BUG, error.to_string()))
}
