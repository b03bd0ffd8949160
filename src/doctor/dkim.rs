//! DKIM (RFC 6376): the DNS holds the public halves of the keys we sign with.

use jiff::Timestamp;

use super::{
    Dns, Finding, Patient,
    record::KeyRecord,
    seal::{Seal, SealError},
    zone::Line,
};

const CHECK: &str = "DKIM";
const RECORD: &str = "RFC 6376 section 3.6.1";

/// Holds the record of each key against the key.
pub(super) async fn check(patient: &Patient, dns: &Dns) -> Vec<Finding> {
    let Some(signature) = &patient.dkim else {
        return vec![
            Finding::not_checked(
                CHECK,
                "RFC 6376",
                "publication.toml names no keys: either the relay signs, or nobody does",
            )
            .mend("send a test to a mailbox elsewhere and look for dkim=pass in its headers; or sign here: `postrider keys new`"),
        ];
    };
    let mut findings = Vec::new();
    for (selector, wanted) in &signature.keys {
        let name = format!("{selector}._domainkey.{}", signature.domain);
        findings.push(match dns.texts(&name).await {
            Err(unanswered) => Finding::unanswered(CHECK, RECORD, &unanswered),
            Ok(found) => compare(&name, wanted, &found, &signature.sample),
        });
    }
    findings
}

fn compare(name: &str, wanted: &str, found: &[String], sample: &[u8]) -> Finding {
    let wrong = |why: String| {
        Finding::wrong(CHECK, RECORD, why)
            .mend("publish the line below, and sign with that key only once it is there")
            .publish(Line::txt(name, wanted))
    };
    let text = match found {
        [] => return wrong(format!("{name} has no record, so every signature of that key fails")),
        [text] => text,
        _ => {
            return wrong(format!(
                "{name} has {} records, and which one counts is anybody's guess",
                found.len()
            ));
        }
    };
    let (theirs, ours) = match (KeyRecord::read(text), KeyRecord::read(wanted)) {
        (Ok(theirs), Ok(ours)) => (theirs, ours),
        (Err(error), _) | (_, Err(error)) => {
            return wrong(format!("the record of {name} {error}"));
        }
    };
    if theirs.key != ours.key {
        return wrong(format!("the record of {name} holds another key than we sign with"));
    }
    if theirs.kind != ours.kind {
        return wrong(format!(
            "the record of {name} is for `{}`, the key is `{}`",
            theirs.kind, ours.kind
        ));
    }
    if let Err(error) = verified(name, text, sample) {
        return Finding::wrong(CHECK, "RFC 6376 section 6", format!("what we sign does not verify by {name}: {error}"))
            .mend("look whether `postrider keys show` tells the same record; if it does, it is a bug: tell us");
    }
    if theirs.is_tried {
        return Finding::warn(
            CHECK,
            RECORD,
            format!("{name} holds our key, and says it is only being tried (t=y)"),
        )
        .mend("publish the line below, without t=y")
        .publish(Line::txt(name, wanted));
    }
    Finding::ok(
        CHECK,
        RECORD,
        format!("{name} holds our key, and a sample signed here verifies by it"),
    )
}

/// Verifies the sample as a receiver does, by the record that was found.
fn verified(name: &str, record: &str, sample: &[u8]) -> Result<(), SealError> {
    for seal in Seal::all(sample) {
        let seal = seal?;
        if seal.record_name().eq_ignore_ascii_case(name) {
            // What we sign never runs out, so any time is as good.
            return seal.verify(sample, record, Timestamp::UNIX_EPOCH).map(drop);
        }
    }
    Err(SealError::Unreadable)
}
