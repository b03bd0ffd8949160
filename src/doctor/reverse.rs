//! PTR: an address that sends has a name, and the name has that address (RFC 1912 section 2.1; Gmail, Yahoo and Microsoft want it).

use std::net::IpAddr;

use super::{Dns, Finding, Patient, Unanswered, provider::Relay, spf::public_addresses};

const CHECK: &str = "PTR";
const SOURCE: &str = "RFC 1912 section 2.1; Gmail and Yahoo want it";
/// How many names of an address are looked at.
const NAMES: usize = 10;

/// Looks at the addresses of a relay of one's own; a provider's are its own to keep.
pub(super) async fn check(patient: &Patient, dns: &Dns) -> Vec<Finding> {
    let host = match Relay::of(&patient.relay) {
        Relay::Own(host) => host,
        Relay::Of(provider) => {
            let why = format!("the names of its addresses are {}'s to keep", provider.name);
            return vec![Finding::not_checked(CHECK, SOURCE, why)];
        }
        Relay::Outbox => {
            let why = "the relay is the outbox on this machine, from which nothing leaves";
            return vec![Finding::not_checked(CHECK, SOURCE, why)];
        }
    };
    let addresses = match public_addresses(&host, dns).await {
        Ok(addresses) if addresses.is_empty() => {
            let why = format!("nobody out there sees the address of the relay {host}");
            return vec![Finding::not_checked(CHECK, SOURCE, why)];
        }
        Ok(addresses) => addresses,
        Err(unanswered) => return vec![Finding::unanswered(CHECK, SOURCE, &unanswered)],
    };
    let mut findings = Vec::new();
    for address in addresses {
        findings.push(match named(address, dns).await {
            Ok(finding) => finding,
            Err(unanswered) => Finding::unanswered(CHECK, SOURCE, &unanswered),
        });
    }
    findings
}

async fn named(address: IpAddr, dns: &Dns) -> Result<Finding, Unanswered> {
    const MEND: &str = "whoever gave you the address sets its name: ask them for the relay's own";
    let names = dns.names(address).await?;
    let Some(first) = names.first() else {
        return Ok(Finding::wrong(CHECK, SOURCE, format!("{address} has no name")).mend(MEND));
    };
    for name in names.iter().take(NAMES) {
        if dns.addresses(name).await?.contains(&address) {
            return Ok(Finding::ok(
                CHECK,
                SOURCE,
                format!("{address} is {name}, and {name} is {address}"),
            ));
        }
    }
    Ok(Finding::wrong(
        CHECK,
        SOURCE,
        format!("{address} is called {first}, which does not lead back to it"),
    )
    .mend(MEND))
}
