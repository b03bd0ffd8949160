//! Its DKIM signatures, each verified by the key that the DNS holds, and whether one is From's (RFC 6376, RFC 9989).

use futures_util::future::join_all;
use jiff::Timestamp;

use super::{BULK, Letter};
use crate::doctor::{
    Dns, Finding, Unanswered,
    alignment::aligns,
    dmarc::Walk,
    seal::{Seal, SealError, Strength},
};

const CHECK: &str = "DKIM";
const SOURCE: &str = "RFC 6376 section 6.1";
const ALIGNMENT: &str = "alignment";
const SAME: &str = "RFC 9989 section 4.4";

/// Verifies every signature, and keeps those that hold.
pub(super) async fn check(letter: &mut Letter, now: Timestamp, dns: &Dns) -> Vec<Finding> {
    let seals = Seal::all(&letter.bytes);
    if seals.is_empty() {
        return vec![
            Finding::wrong(CHECK, BULK, "it has no DKIM-Signature")
                .mend("switch signing on at the relay, or sign here: `postrider keys new`"),
        ];
    }
    // All at once: where nobody answers, each would be waited for anew.
    let looked_at = join_all(seals.into_iter().map(async |seal| match seal {
        Err(error) => (proves_nothing("a signature", &error), None),
        Ok(seal) => verified(seal, &letter.bytes, now, dns).await,
    }));
    let (findings, proven): (Vec<Finding>, Vec<Option<Seal>>) = looked_at.await.into_iter().unzip();
    letter.proven.extend(proven.into_iter().flatten());
    findings
}

async fn verified(
    seal: Seal,
    message: &[u8],
    now: Timestamp,
    dns: &Dns,
) -> (Finding, Option<Seal>) {
    let name = seal.record_name();
    let texts = match dns.texts(&name).await {
        Err(unanswered) => return (Finding::unanswered(CHECK, SOURCE, &unanswered), None),
        Ok(texts) => texts,
    };
    let [record] = texts.as_slice() else {
        let why = match texts.len() {
            0 => format!("{name} has no record"),
            count => format!("{name} has {count} records, and which one counts is anybody's guess"),
        };
        let mend = "publish the record of the key it was signed with, and no other of that name";
        return (Finding::wrong(CHECK, SOURCE, why).mend(mend), None);
    };
    match seal.verify(message, record, now) {
        Err(error) => (proves_nothing(&format!("the signature by {name}"), &error), None),
        Ok(strength) => (holds(&name, strength), Some(seal)),
    }
}

fn proves_nothing(what: &str, error: &SealError) -> Finding {
    let mend = match error {
        SealError::Body | SealError::Header => {
            "see that the record holds the key, and that nothing changes the mail after it was signed"
        }
        SealError::Expired(_) => "that of a mail just sent would hold; `--now` says when it came",
        SealError::Record(_) | SealError::Kind => {
            "publish the record of the key it was signed with"
        }
        _ => {
            "have it signed by a program that keeps to RFC 6376 and RFC 8301; `postrider keys new` makes keys"
        }
    };
    Finding::wrong(CHECK, SOURCE, format!("{what} proves nothing: {error}")).mend(mend)
}

fn holds(name: &str, Strength { is_tried, short_bits }: Strength) -> Finding {
    let why = format!("the signature by {name} holds");
    if let Some(bits) = short_bits {
        return Finding::warn(
            CHECK,
            "RFC 8301 section 3.2",
            format!("{why}, by a key of {bits} bits, where 2,048 are asked for"),
        )
        .mend("sign with a new key: `postrider keys new`");
    }
    if is_tried {
        return Finding::warn(
            CHECK,
            "RFC 6376 section 3.6.1",
            format!("{why}, and its record says that it is only being tried (t=y)"),
        )
        .mend("publish the record without t=y");
    }
    Finding::ok(CHECK, SOURCE, why)
}

/// Holds From's domain against those of the signatures that hold.
pub(super) async fn alignment(letter: &Letter, dns: &Dns) -> Finding {
    let Some(from) = &letter.from else {
        return Finding::not_checked(ALIGNMENT, SAME, "From is not one address");
    };
    if letter.proven.is_empty() {
        let why = "no signature is known to hold; whether SPF passed, a file does not tell";
        return Finding::not_checked(ALIGNMENT, SAME, why);
    }
    match aligned(from, &letter.proven, dns).await {
        Err(unanswered) => Finding::unanswered(ALIGNMENT, SAME, &unanswered),
        Ok(Some(domain)) => {
            Finding::ok(ALIGNMENT, SAME, format!("From's {from} goes with d={domain}"))
        }
        Ok(None) => {
            let domains: Vec<&str> =
                letter.proven.iter().map(|seal| seal.domain.as_str()).collect();
            let why = format!(
                "d={} is not From's {from}, so DMARC passes only where SPF is",
                domains.join(", d=")
            );
            Finding::wrong(ALIGNMENT, SAME, why)
                .mend("sign as From's domain: set it up with the relay, or `domain` under [dkim]")
        }
    }
}

/// Returns the domain of a signature that goes with From.
async fn aligned<'a>(
    from: &str,
    proven: &'a [Seal],
    dns: &Dns,
) -> Result<Option<&'a str>, Unanswered> {
    let walk = Walk::from(from, dns).await?;
    let is_strict = walk.policy().is_some_and(|policy| policy.strict_dkim);
    for Seal { domain, .. } in proven {
        if aligns(&walk, domain, is_strict, dns).await? {
            return Ok(Some(domain));
        }
    }
    Ok(None)
}
