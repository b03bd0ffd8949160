//! What has to be mended, by whoever sends: the cause of a refusal, and the DNS record to look at.

use crate::{
    bounce::{Cause, Missing, cause},
    model::Publication,
};

/// Says how to mend what made others refuse our mail; `None` where a cause is nobody's to mend.
pub(super) fn remedy(cause: Cause, publication: &Publication) -> Option<String> {
    let domain = publication.sender.from.address.domain();
    let envelope = publication.sender.bounces.as_deref().unwrap_or(domain);
    let signed = publication.dkim.as_ref();
    Some(match cause {
        Cause::Records(Missing::Spf) => spf(envelope),
        Cause::Records(Missing::Dkim) => match signed {
            Some(dkim) => dkim_records(&dkim.domain, dkim.keys.iter().map(|key| key.selector.as_str())),
            None => format!(
                "sign your mail: ask your relay to sign for {domain}, or set [dkim] (`postrider keys new` makes the keys and prints their records)"
            ),
        },
        Cause::Records(Missing::Dmarc) => format!(
            "publish _dmarc.{domain} TXT \"v=DMARC1; p=none\", and make one of SPF and DKIM speak for {domain} itself: the return path is at {envelope}{}",
            signed.map_or_else(String::new, |dkim| format!(", the signature of {}", dkim.domain))
        ),
        Cause::Records(Missing::Ptr) => {
            "whoever runs your relay has to give its address a PTR record, and that name an A or AAAA record that leads back to it".to_owned()
        }
        Cause::Records(Missing::Authentication) => match signed {
            Some(dkim) => format!(
                "{}; and {}",
                spf(envelope),
                dkim_records(&dkim.domain, dkim.keys.iter().map(|key| key.selector.as_str()))
            ),
            None => format!("{}; and let your mail be signed for {domain} ([dkim], or your relay)", spf(envelope)),
        },
        Cause::Blocked => {
            "look your relay's address up on the list that the words of the refusal name, mend what it says there, and ask to be taken off".to_owned()
        }
        Cause::Spam => {
            "look at the issue with `postrider check`, and at who was added lately: complaints and dead addresses make a sender look like one of spam".to_owned()
        }
        Cause::Size => "make the issue smaller: fewer pictures within, or `[links] images`".to_owned(),
        Cause::Rule => "read the words of the refusal: it is a rule of theirs, and the reader is the one to ask them".to_owned(),
        _ => return None,
    })
}

/// Says which DNS record to publish, where that is what a relay's or a provider's words ask for.
pub(super) fn record(said: &str, publication: &Publication) -> Option<String> {
    match cause(None, said) {
        missing @ Cause::Records(_) => remedy(missing, publication),
        _ => None,
    }
}

fn spf(domain: &str) -> String {
    format!(
        "let {domain} TXT \"v=spf1 ... -all\" name your relay, as its provider says (`include:` or `ip4:`)"
    )
}

fn dkim_records<'a>(domain: &str, selectors: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> =
        selectors.map(|selector| format!("{selector}._domainkey.{domain} TXT")).collect();
    format!("publish {}, as `postrider keys show` prints it", names.join(" and "))
}
