//! Mail back: From's domain takes answers, the return path's takes bounces (RFC 5321 section 5, RFC 7505).

use super::{Dns, Finding, Patient, Unanswered, zone::Line};

const CHECK: &str = "MX";
const SOURCE: &str = "RFC 5321 section 5.1";

/// Looks at who takes mail for both domains.
pub(super) async fn check(patient: &Patient, dns: &Dns) -> Vec<Finding> {
    let mut domains = vec![(patient.from.as_str(), "answers")];
    if patient.bounces != patient.from {
        domains.push((&patient.bounces, "bounces"));
    }
    let mut findings = Vec::new();
    for (domain, what) in domains {
        let found = taken(domain, what, &patient.from, dns).await;
        findings.push(
            found.unwrap_or_else(|unanswered| Finding::unanswered(CHECK, SOURCE, &unanswered)),
        );
    }
    findings
}

async fn taken(domain: &str, what: &str, from: &str, dns: &Dns) -> Result<Finding, Unanswered> {
    let exchanges = dns.exchanges(domain).await?;
    if exchanges.iter().any(String::is_empty) {
        return Ok(Finding::wrong(
            CHECK,
            "RFC 7505",
            format!("{domain} says that it takes no mail at all (a null MX), so {what} cannot come back"),
        )
        .mend("many receivers refuse mail from such a domain: publish an MX, or send from another domain")
        .publish(wanted(domain, from, dns).await));
    }
    if let Some(best) = exchanges.first() {
        for exchange in &exchanges {
            if !dns.addresses(exchange).await?.is_empty() {
                return Ok(Finding::ok(CHECK, SOURCE, format!("{best} takes {what} for {domain}")));
            }
        }
        return Ok(Finding::wrong(
            CHECK,
            SOURCE,
            format!("{domain} has an MX, `{best}`, that has no address"),
        )
        .mend("name a host that is there"));
    }
    if dns.addresses(domain).await?.is_empty() {
        return Ok(Finding::wrong(
            CHECK,
            SOURCE,
            format!("nobody takes {what} for {domain}: it has neither MX nor address"),
        )
        .mend("publish the line below, with the name of your mail server")
        .publish(wanted(domain, from, dns).await));
    }
    Ok(Finding::warn(CHECK, SOURCE, format!("{domain} has no MX; {what} go to its own address, where a web server may be all there is"))
        .mend("publish the line below, with the name of your mail server")
        .publish(wanted(domain, from, dns).await))
}

/// Returns an MX to publish: where From's mail goes, else a name to be filled in.
async fn wanted(domain: &str, from: &str, dns: &Dns) -> Line {
    let known =
        if domain == from { Vec::new() } else { dns.exchanges(from).await.unwrap_or_default() };
    let host = known.into_iter().find(|host| !host.is_empty());
    Line::mx(domain, host.unwrap_or_else(|| format!("mail.{from}")))
}
