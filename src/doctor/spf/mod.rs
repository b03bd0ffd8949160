//! SPF (RFC 7208): which servers may send as the domain of the return path.

mod record;
mod walk;

use std::net::IpAddr;

pub use record::{Record, SpfError};

use self::{
    record::Qualifier,
    walk::{LOOKUPS, Lost, VOIDS, Walk, records},
};
use super::{
    Dns, Finding, Patient, Unanswered,
    provider::{Provider, Relay},
    public::is_public,
    zone::Line,
};

const RECORD: &str = "SPF";
const COUNT: &str = "SPF look-ups";
const RELAY: &str = "SPF relay";

/// Looks at the record, at what following it costs, and at whether the relay is in it.
pub(super) async fn check(patient: &Patient, dns: &Dns) -> Vec<Finding> {
    let domain = patient.bounces.as_str();
    let relay = Relay::of(&patient.relay);
    let found = match records(domain, dns).await {
        Ok(found) => found,
        Err(unanswered) => {
            return [(RECORD, "RFC 7208 section 4.4"), (COUNT, LIMITS), (RELAY, PASSES)]
                .map(|(check, source)| Finding::unanswered(check, source, &unanswered))
                .to_vec();
        }
    };
    let [text] = found.as_slice() else { return vec![not_one(domain, &found, &relay)] };
    let record = match Record::read(text) {
        Ok(record) => record,
        Err(error) => {
            return vec![
                Finding::wrong(
                    RECORD,
                    "RFC 7208 section 4.6",
                    format!("the record of {domain} cannot be read: {error}"),
                )
                .mend("receivers take a record with a mistake for none: mend that term"),
            ];
        }
    };
    let mut walk = Walk::default();
    let followed = walk.follow(domain, &record, None, dns).await;
    let costs = cost(domain, &walk, followed.as_ref().err());
    vec![
        strictness(domain, text, &record),
        costs,
        passes(domain, text, &record, &walk, &relay, dns).await,
    ]
}

const LIMITS: &str = "RFC 7208 section 4.6.4";
const PASSES: &str = "RFC 7208 section 8.3";

/// Says that there is no record, or more than one.
fn not_one(domain: &str, found: &[String], relay: &Relay) -> Finding {
    let line = Line::txt(domain, merged(found, term(relay).as_deref()));
    if found.is_empty() {
        return Finding::wrong(
            RECORD,
            "RFC 7208 section 4.5",
            format!(
                "{domain} has no SPF record, so receivers cannot tell your relay from a forger"
            ),
        )
        .mend("publish the line below")
        .publish(line);
    }
    Finding::wrong(
        RECORD,
        "RFC 7208 section 4.5",
        format!("{domain} has {} SPF records; receivers then take none", found.len()),
    )
    .mend("put one in the place of all: the line below has their terms")
    .publish(line)
}

/// Says what the record says of everybody else.
fn strictness(domain: &str, text: &str, record: &Record) -> Finding {
    const ALL: &str = "RFC 7208 section 5.1";
    let strict = Line::txt(domain, merged(&[text.to_owned()], None));
    match (record.all(), &record.redirect) {
        (Some(Qualifier::Pass), _) => {
            Finding::wrong(RECORD, ALL, format!("{domain} lets the whole world send: `+all`"))
                .mend("end the record with `~all`")
                .publish(strict)
        }
        (Some(Qualifier::Neutral), _) => {
            Finding::warn(RECORD, ALL, format!("{domain} says nothing of strangers: `?all`"))
                .mend("end the record with `~all`")
                .publish(strict)
        }
        (None, None) => {
            Finding::warn(RECORD, ALL, format!("{domain} says nothing of strangers: no `all`"))
                .mend("end the record with `~all`")
                .publish(strict)
        }
        _ => Finding::ok(RECORD, "RFC 7208", format!("{domain} has one record: `{text}`")),
    }
}

/// Says what following the record costs a receiver.
fn cost(domain: &str, walk: &Walk, lost: Option<&Lost>) -> Finding {
    let Walk { lookups, voids, .. } = walk;
    if *lookups > LOOKUPS {
        return Finding::wrong(
            COUNT,
            LIMITS,
            format!(
                "the record of {domain} takes {lookups} look-ups; after {LOOKUPS} receivers give up"
            ),
        )
        .mend("take out the providers you have left, or write their networks as ip4: and ip6:");
    }
    match lost {
        Some(Lost::Unanswered(unanswered)) => {
            return Finding::unanswered(COUNT, LIMITS, unanswered);
        }
        Some(Lost::Wrong(whose, why)) => {
            return Finding::wrong(
                COUNT,
                "RFC 7208 section 5.2",
                format!("the record of {whose} is wrong: {why}"),
            )
            .mend("receivers take the whole for an error: mend or take out that term");
        }
        None => {}
    }
    let spent = format!("{lookups} of {LOOKUPS} look-ups");
    if voids.len() > VOIDS {
        return Finding::wrong(
            COUNT,
            LIMITS,
            format!(
                "{} look-ups find nothing, and more than {VOIDS} are an error: {}",
                voids.len(),
                voids.join(", ")
            ),
        )
        .mend("take these names out of the record");
    }
    if !voids.is_empty() {
        return Finding::warn(COUNT, LIMITS, format!("{spent}; for nothing: {}", voids.join(", ")))
            .mend("take these names out of the record");
    }
    Finding::ok(COUNT, LIMITS, spent)
}

/// Says whether the relay may send.
async fn passes(
    domain: &str,
    text: &str,
    record: &Record,
    walk: &Walk,
    relay: &Relay,
    dns: &Dns,
) -> Finding {
    match relay {
        Relay::Outbox => Finding::not_checked(
            RELAY,
            PASSES,
            "the relay is the outbox on this machine, from which nothing leaves",
        ),
        Relay::Of(provider) => included(domain, text, walk, provider),
        Relay::Own(host) => match own(domain, text, record, host, dns).await {
            Ok(finding) => finding,
            Err(Lost::Unanswered(unanswered)) => Finding::unanswered(RELAY, PASSES, &unanswered),
            Err(Lost::Wrong(..)) => Finding::not_checked(RELAY, PASSES, "the record is wrong"),
        },
    }
}

fn included(domain: &str, text: &str, walk: &Walk, provider: &Provider) -> Finding {
    let Provider { name, include, takes_bounces, .. } = provider;
    if walk.through.contains(*include) {
        return Finding::ok(RELAY, PASSES, format!("{domain} lets {name} send: `{include}`"));
    }
    let line = Line::txt(domain, merged(&[text.to_owned()], Some(&format!("include:{include}"))));
    if *takes_bounces {
        return Finding::not_checked(
            RELAY,
            PASSES,
            format!("{name} puts in a return path of its own, whose SPF is its own to keep"),
        )
        .mend(format!("where you set up {domain} with it as a custom return path, publish what it shows you there"));
    }
    Finding::wrong(
        RELAY,
        PASSES,
        format!("{domain} does not let {name} send: `include:{include}` is missing"),
    )
    .mend("publish the line below in the place of what is there")
    .publish(line)
}

/// Evaluates the record for each address of a relay of one's own.
async fn own(
    domain: &str,
    text: &str,
    record: &Record,
    host: &str,
    dns: &Dns,
) -> Result<Finding, Lost> {
    let addresses = public_addresses(host, dns).await?;
    if addresses.is_empty() {
        return Ok(Finding::not_checked(
            RELAY,
            PASSES,
            format!("nobody out there sees the address of the relay {host}"),
        )
        .mend("send a test to a mailbox elsewhere and look for spf=pass in its headers"));
    }
    let mut refused = Vec::new();
    for address in &addresses {
        let said = Walk::default().follow(domain, record, Some(*address), dns).await?;
        if said != Some(Qualifier::Pass) {
            let said = said.map_or_else(|| "nothing".to_owned(), |said| said.to_string());
            refused.push((address, said));
        }
    }
    let Some((address, said)) = refused.first() else {
        let all: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        return Ok(Finding::ok(
            RELAY,
            PASSES,
            format!("{domain} lets {host} send ({})", all.join(", ")),
        ));
    };
    let terms: Vec<String> = refused.iter().map(|(address, _)| network_term(**address)).collect();
    let line = Line::txt(domain, merged(&[text.to_owned()], Some(&terms.join(" "))));
    Ok(Finding::wrong(
        RELAY,
        PASSES,
        format!("{domain} says `{said}` of {address}, an address of the relay {host}"),
    )
    .mend("publish the line below in the place of what is there")
    .publish(line))
}

fn network_term(address: IpAddr) -> String {
    format!("{}:{address}", if address.is_ipv4() { "ip4" } else { "ip6" })
}

/// Returns the addresses of a host that others see.
pub(super) async fn public_addresses(host: &str, dns: &Dns) -> Result<Vec<IpAddr>, Unanswered> {
    let mut addresses = match host.parse() {
        Ok(address) => vec![address],
        Err(_) => dns.addresses(host).await?,
    };
    addresses.retain(|address| is_public(*address));
    Ok(addresses)
}

/// Returns the term that lets a relay send, as far as it is known without asking.
fn term(relay: &Relay) -> Option<String> {
    match relay {
        Relay::Of(provider) if !provider.takes_bounces => {
            Some(format!("include:{}", provider.include))
        }
        Relay::Of(_) | Relay::Outbox => None,
        Relay::Own(host) => Some(match host.parse::<IpAddr>() {
            Ok(address) if is_public(address) => network_term(address),
            Ok(_) => "mx".to_owned(),
            Err(_) => format!("a:{host}"),
        }),
    }
}

/// Returns one record with the terms of all, each once, and `more`; strangers are a softfail, or a fail where the last record says so.
fn merged(records: &[String], more: Option<&str>) -> String {
    let mut terms: Vec<&str> = Vec::new();
    let mut all = "~all";
    let given = records.iter().flat_map(|record| record.split(' ').skip(1));
    for term in given.chain(more.into_iter().flat_map(|more| more.split(' '))) {
        match term {
            "-all" => all = "-all",
            "" | "all" | "+all" | "?all" | "~all" => {}
            term if terms.contains(&term) => {}
            term => terms.push(term),
        }
    }
    // A redirect is not followed where there is an `all` (RFC 7208 section 6.1).
    let is_redirected = terms.iter().any(|term| term.starts_with("redirect="));
    let end = if is_redirected { None } else { Some(all) };
    ["v=spf1"].into_iter().chain(terms).chain(end).collect::<Vec<_>>().join(" ")
}
