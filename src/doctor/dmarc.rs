//! DMARC (RFC 9989, which replaces RFC 7489): what receivers are to do with mail that is not ours, found by a walk up the tree.

use super::{
    Dns, Finding, Patient, Unanswered,
    tags::{tags, value},
    zone::Line,
};

const CHECK: &str = "DMARC";
const RECORD: &str = "RFC 9989 section 4.7";
/// From so many labels on, the walk leaps (section 4.10).
const LABELS: usize = 8;

/// What a record asks for.
// Each is a tag of its own.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The domain whose record it is.
    pub domain: String,
    /// What is to be done with mail that fails: `none`, `quarantine` or `reject`.
    pub request: String,
    /// Whether DKIM's domain has to be From's own.
    pub strict_dkim: bool,
    /// Whether SPF's domain has to be From's own.
    pub strict_spf: bool,
    /// Whether reports go anywhere.
    pub is_reported: bool,
    /// Whether it is only tried (`t=y`).
    pub is_tried: bool,
    /// Whether its domain is one below which others register (`psd=y`), or says that it is not (`psd=n`).
    psd: Option<bool>,
    /// Tags that RFC 9989 took out.
    pub obsolete: Vec<&'static str>,
    /// What `p=` says where that is none of the three.
    pub unknown: Option<String>,
}

impl Policy {
    /// Reads a record; `None` where a text is no DMARC record.
    pub fn read(domain: &str, text: &str) -> Option<Self> {
        // The version comes first, and its case counts (section 4.7).
        let (version, rest) = text.split_once(';').unwrap_or((text, ""));
        let (name, number) = version.split_once('=')?;
        if name.trim() != "v" || number.trim() != "DMARC1" {
            return None;
        }
        // What cannot be read of it is ignored.
        let read: Vec<(&str, &str)> =
            rest.split(';').filter_map(|piece| tags(piece).ok()?.into_iter().next()).collect();
        let is = |tag: &str, word: &str| {
            value(&read, tag).is_some_and(|value| value.eq_ignore_ascii_case(word))
        };
        let is_reported = value(&read, "rua").is_some_and(|rua| !rua.is_empty());
        let request = value(&read, "p").map(str::to_ascii_lowercase);
        let is_known =
            |request: &String| matches!(request.as_str(), "none" | "quarantine" | "reject");
        Some(Self {
            domain: domain.to_owned(),
            unknown: Some(request.clone().unwrap_or_default()).filter(|request| !is_known(request)),
            request: request.filter(is_known).unwrap_or_else(|| "none".to_owned()),
            strict_dkim: is("adkim", "s"),
            strict_spf: is("aspf", "s"),
            is_reported,
            is_tried: is("t", "y"),
            psd: if is("psd", "y") {
                Some(true)
            } else if is("psd", "n") {
                Some(false)
            } else {
                None
            },
            obsolete: ["pct", "rf", "ri"]
                .into_iter()
                .filter(|tag| value(&read, tag).is_some())
                .collect(),
        })
    }
}

/// What a walk up the tree found: the records on its way, the deepest first.
#[derive(Debug)]
pub(super) struct Walk {
    /// Where it began.
    pub(super) start: String,
    found: Vec<Policy>,
    /// Domains with several records, which count as none.
    pub(super) torn: Vec<String>,
}

impl Walk {
    /// Walks up from a domain (section 4.10).
    pub(super) async fn from(domain: &str, dns: &Dns) -> Result<Self, Unanswered> {
        let mut walk = Self { start: domain.to_owned(), found: Vec::new(), torn: Vec::new() };
        for domain in steps(domain) {
            let texts = dns.texts(&format!("_dmarc.{domain}")).await?;
            let mut read: Vec<Policy> =
                texts.iter().filter_map(|text| Policy::read(domain, text)).collect();
            match (read.pop(), read.is_empty()) {
                (Some(policy), true) => {
                    let is_end = policy.psd.is_some();
                    walk.found.push(policy);
                    if is_end {
                        break;
                    }
                }
                (Some(_), false) => walk.torn.push(domain.to_owned()),
                (None, _) => {}
            }
        }
        Ok(walk)
    }

    /// Returns the policy that holds: the start's own, else the organization's, else that of whoever registers below it.
    pub(super) fn policy(&self) -> Option<&Policy> {
        let of = |domain: &str| self.found.iter().find(|policy| policy.domain == domain);
        of(&self.start).or_else(|| of(&self.organization())).or_else(|| self.found.last())
    }

    /// Returns the organizational domain (section 4.10.2).
    pub(super) fn organization(&self) -> String {
        for policy in &self.found {
            match policy.psd {
                Some(false) => return policy.domain.clone(),
                Some(true) if policy.domain != self.start => {
                    return below(&self.start, &policy.domain).to_owned();
                }
                _ => {}
            }
        }
        self.found.last().map_or(&self.start, |policy| &policy.domain).clone()
    }
}

/// Returns the domains a walk asks, at most eight.
fn steps(domain: &str) -> impl Iterator<Item = &str> {
    let mut next = Some(domain);
    std::iter::from_fn(move || {
        let here = next?;
        let labels = here.split('.').count();
        let cut = if labels >= LABELS { labels - (LABELS - 1) } else { 1 };
        next = here.match_indices('.').nth(cut - 1).map(|(at, _)| &here[at + 1..]);
        Some(here)
    })
}

/// Returns the domain one label below `parent` on the way to `domain`.
fn below<'a>(domain: &'a str, parent: &str) -> &'a str {
    let before = domain.strip_suffix(parent).map_or("", |before| before.trim_end_matches('.'));
    let start = before.rfind('.').map_or(0, |at| at + 1);
    &domain[start..]
}

/// Looks at the policy that holds for From's domain.
pub(super) async fn check(patient: &Patient, dns: &Dns) -> Vec<Finding> {
    vec![of(&patient.from, dns).await]
}

/// Looks at the policy that holds for a domain.
pub(super) async fn of(domain: &str, dns: &Dns) -> Finding {
    let walk = match Walk::from(domain, dns).await {
        Ok(walk) => walk,
        Err(unanswered) => return Finding::unanswered(CHECK, RECORD, &unanswered),
    };
    let first = Line::txt(
        format!("_dmarc.{domain}"),
        format!("v=DMARC1; p=none; rua=mailto:postmaster@{domain}"),
    );
    if let Some(torn) = walk.torn.first() {
        return Finding::wrong(
            CHECK,
            "RFC 9989 section 4.10",
            format!("_dmarc.{torn} has more than one record; receivers then take none"),
        )
        .mend("leave one of them");
    }
    let Some(policy) = walk.policy() else {
        return Finding::wrong(
            CHECK,
            "RFC 9989 section 4.10; Gmail, Yahoo and Microsoft want it of bulk senders",
            format!("neither {domain} nor a domain above it has a DMARC record"),
        )
        .mend("publish the line below; its reports come to an address that somebody should read")
        .publish(first);
    };
    judged(domain, policy, first)
}

fn judged(domain: &str, policy: &Policy, first: Line) -> Finding {
    let whose = &policy.domain;
    let record = format!("_dmarc.{whose}");
    if let Some(unknown) = &policy.unknown {
        let said = if unknown.is_empty() {
            "has no p=".to_owned()
        } else {
            format!("asks for `{unknown}`, which nobody knows")
        };
        let finding = Finding::wrong(CHECK, RECORD, format!("{record} {said}"))
            .mend("write p=none, p=quarantine or p=reject");
        return if whose == domain { finding.publish(first) } else { finding };
    }
    if !policy.obsolete.is_empty() {
        let tags: Vec<String> = policy.obsolete.iter().map(|tag| format!("{tag}=")).collect();
        return Finding::warn(
            CHECK,
            "RFC 9989",
            format!(
                "{record} has {}, which RFC 9989 took out: receivers ignore it",
                tags.join(", ")
            ),
        )
        .mend("take it out; t=y now says that a policy is only tried");
    }
    if policy.is_tried {
        return Finding::warn(
            CHECK,
            RECORD,
            format!("{record} asks for `{}` and says it is only tried (t=y)", policy.request),
        )
        .mend("take t=y out once the reports show no mail of yours that fails");
    }
    if !policy.is_reported {
        return Finding::warn(
            CHECK,
            RECORD,
            format!(
                "{record} asks for `{}` and for no reports, so you will not learn who sends as you",
                policy.request
            ),
        )
        .mend("add rua=mailto: and an address that somebody reads");
    }
    let further = if policy.request == "none" {
        "; when the reports show nothing of yours that fails, `quarantine` protects you"
    } else {
        ""
    };
    Finding::ok(CHECK, RECORD, format!("{record} asks for `{}`{further}", policy.request))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_asks_each_domain_above_and_leaps_where_there_are_many() {
        for (domain, asked) in [
            ("example.org", vec!["example.org", "org"]),
            ("a.b.example.org", vec!["a.b.example.org", "b.example.org", "example.org", "org"]),
            ("org", vec!["org"]),
        ] {
            assert_eq!(steps(domain).collect::<Vec<_>>(), asked);
        }
        let deep = "a.b.c.d.e.f.g.h.i.j.example.org";
        let asked: Vec<&str> = steps(deep).collect();
        assert_eq!((asked.len(), asked[1]), (8, "f.g.h.i.j.example.org"));
    }

    #[test]
    fn the_organization_is_where_the_tree_says_it_is() {
        for (start, records, organization) in [
            ("a.example.org", vec![("example.org", "v=DMARC1; p=none")], "example.org"),
            ("a.example.org", vec![], "a.example.org"),
            (
                "a.example.org",
                vec![("a.example.org", "v=DMARC1; p=none"), ("example.org", "v=DMARC1; p=none")],
                "example.org",
            ),
            ("a.b.co.example", vec![("co.example", "v=DMARC1; psd=y")], "b.co.example"),
            ("co.example", vec![("co.example", "v=DMARC1; psd=y")], "co.example"),
            (
                "a.b.example.org",
                vec![("b.example.org", "v=DMARC1; p=none; psd=n")],
                "b.example.org",
            ),
        ] {
            let found =
                records.iter().filter_map(|(domain, text)| Policy::read(domain, text)).collect();
            let walk = Walk { start: start.to_owned(), found, torn: Vec::new() };
            assert_eq!(walk.organization(), organization, "{start} {records:?}");
        }
    }
}
