//! DKIM (RFC 6376): the DNS holds the public halves of the keys we sign with.

use super::{
    Dns, Finding, Patient,
    tags::{tags, unspaced, value},
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
            Ok(found) => compare(&name, wanted, &found),
        });
    }
    findings
}

fn compare(name: &str, wanted: &str, found: &[String]) -> Finding {
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
    let read = match tags(text) {
        Ok(read) => read,
        Err(error) => return wrong(format!("the record of {name} cannot be read: {error}")),
    };
    let ours = tags(wanted).unwrap_or_default();
    let key = |of: &[(&str, &str)]| value(of, "p").map(unspaced);
    match key(&read) {
        None => return wrong(format!("the record of {name} has no key in it")),
        Some(key) if key.is_empty() => {
            return wrong(format!("the record of {name} says that its key is withdrawn"));
        }
        theirs if theirs != key(&ours) => {
            return wrong(format!("the record of {name} holds another key than we sign with"));
        }
        Some(_) => {}
    }
    let kind = |of: &[(&str, &str)]| value(of, "k").unwrap_or("rsa").to_owned();
    if kind(&read) != kind(&ours) {
        return wrong(format!(
            "the record of {name} is for `{}`, the key is `{}`",
            kind(&read),
            kind(&ours)
        ));
    }
    if value(&read, "v").is_some_and(|version| version != "DKIM1") {
        return wrong(format!("the record of {name} is not of version DKIM1"));
    }
    let allows = |tag, word: &str| {
        value(&read, tag).is_none_or(|list| {
            list.split(':').any(|one| matches!(one.trim(), "*") || one.trim() == word)
        })
    };
    if !allows("h", "sha256") {
        return wrong(format!("the record of {name} does not allow SHA-256"));
    }
    if !allows("s", "email") {
        return wrong(format!("the record of {name} is not for mail"));
    }
    if value(&read, "t").is_some_and(|flags| flags.split(':').any(|flag| flag.trim() == "y")) {
        return Finding::warn(
            CHECK,
            RECORD,
            format!("{name} holds our key, and says it is only being tried (t=y)"),
        )
        .mend("publish the line below, without t=y")
        .publish(Line::txt(name, wanted));
    }
    Finding::ok(CHECK, RECORD, format!("{name} holds our key"))
}
