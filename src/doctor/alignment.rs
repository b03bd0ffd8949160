//! Alignment (RFC 9989 section 4.4): DMARC passes only where the domain that DKIM or SPF proves is From's.

use super::{
    Dns, Finding, Patient, Unanswered,
    dmarc::Walk,
    provider::{Provider, Relay},
};

const CHECK: &str = "alignment";
const SOURCE: &str = "RFC 9989 section 4.4";

/// Holds From's domain against what DKIM and SPF prove.
pub(super) async fn check(patient: &Patient, dns: &Dns) -> Vec<Finding> {
    vec![
        compared(patient, dns)
            .await
            .unwrap_or_else(|unanswered| Finding::unanswered(CHECK, SOURCE, &unanswered)),
    ]
}

async fn compared(patient: &Patient, dns: &Dns) -> Result<Finding, Unanswered> {
    let from = Walk::from(&patient.from, dns).await?;
    let (strict_dkim, strict_spf) =
        from.policy().map_or((false, false), |policy| (policy.strict_dkim, policy.strict_spf));
    let signed = match &patient.dkim {
        Some(signature) => Some(aligns(&from, &signature.domain, strict_dkim, dns).await?),
        None => None,
    };
    let relay = Relay::of(&patient.relay);
    let away = relay.provider().filter(|provider| provider.takes_bounces);
    let returned = match away {
        Some(_) => None,
        None => Some(aligns(&from, &patient.bounces, strict_spf, dns).await?),
    };
    Ok(judged(patient, signed, returned, away))
}

/// Tells whether a domain is From's own or, unless `is_strict`, of the same organization.
pub(super) async fn aligns(
    from: &Walk,
    domain: &str,
    is_strict: bool,
    dns: &Dns,
) -> Result<bool, Unanswered> {
    if domain == from.start || is_strict {
        return Ok(domain == from.start);
    }
    Ok(Walk::from(domain, dns).await?.organization() == from.organization())
}

fn judged(
    patient: &Patient,
    signed: Option<bool>,
    returned: Option<bool>,
    away: Option<&Provider>,
) -> Finding {
    let Patient { from, bounces, dkim, .. } = patient;
    let signer = dkim.as_ref().map_or("", |signature| signature.domain.as_str());
    match (signed, returned) {
        (Some(true), Some(true)) => Finding::ok(
            CHECK,
            SOURCE,
            format!("From's {from} goes with d={signer} and the return path at {bounces}"),
        ),
        (Some(true), _) => {
            let but = match away {
                Some(provider) => format!("the return path is {}'s", provider.name),
                None => format!("the return path at {bounces} does not go with it"),
            };
            Finding::ok(CHECK, SOURCE, format!("From's {from} goes with d={signer}; {but}, and one of the two is enough"))
        }
        (_, Some(true)) if signed.is_none() => Finding::warn(
            CHECK,
            SOURCE,
            format!("From's {from} goes with the return path at {bounces} alone, which a forwarder replaces"),
        )
        .mend("sign as From's domain too: `postrider keys new`, or switch signing on at the relay"),
        (_, Some(true)) => Finding::warn(
            CHECK,
            SOURCE,
            format!("d={signer} is not From's {from}; only the return path at {bounces} goes with it, and a forwarder replaces that"),
        )
        .mend("set `domain` under [dkim] to From's domain"),
        (Some(false), _) => Finding::wrong(
            CHECK,
            SOURCE,
            format!("neither d={signer} nor the return path goes with From's {from}, so DMARC fails"),
        )
        .mend("set `domain` under [dkim] to From's domain, or one of its organization"),
        (None, Some(false)) => Finding::wrong(
            CHECK,
            SOURCE,
            format!("the return path at {bounces} does not go with From's {from}, and nothing is signed here"),
        )
        .mend("set [sender] bounces to a domain below From's, or sign: `postrider keys new`"),
        (None, None) => Finding::not_checked(
            CHECK,
            SOURCE,
            "signature and return path are the relay's, and only a mail that arrived shows them",
        )
        .mend("send a test to a mailbox elsewhere and look for dmarc=pass in its headers"),
    }
}
