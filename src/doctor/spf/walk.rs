//! A record followed to its end, as a receiver does (RFC 7208 section 4.6.4): through includes and redirects, with every look-up counted.

use std::{collections::BTreeSet, net::IpAddr};

use futures_util::future::{BoxFuture, FutureExt};

use super::record::{Mechanism, Qualifier, Record, SpfError, is_record, is_within};
use crate::doctor::{Dns, Unanswered};

/// How many look-ups a receiver makes.
pub(super) const LOOKUPS: usize = 10;
/// How many of them may find nothing.
pub(super) const VOIDS: usize = 2;
/// Where counting ends: enough to say by how much it is too many.
const COUNTED: usize = 40;
/// How many mail servers of a domain are looked up.
const EXCHANGES: usize = 10;

/// What following a record came to.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Look-ups so far.
    pub(super) lookups: usize,
    /// Those that found nothing.
    pub(super) voids: Vec<String>,
    /// Every domain whose record was read.
    pub(super) through: BTreeSet<String>,
    /// Whether a term depends on the message, which nobody can follow without one.
    pub(super) has_macros: bool,
}

/// Says why a record could not be followed.
#[derive(Debug)]
pub(super) enum Lost {
    /// The record is wrong: `permerror`, with the domain it is of.
    Wrong(String, String),
    /// Somebody did not answer: `temperror`.
    Unanswered(Unanswered),
}

impl From<Unanswered> for Lost {
    fn from(unanswered: Unanswered) -> Self {
        Self::Unanswered(unanswered)
    }
}

/// Returns a domain's records.
pub(super) async fn records(domain: &str, dns: &Dns) -> Result<Vec<String>, Unanswered> {
    Ok(dns.texts(domain).await?.into_iter().filter(|text| is_record(text)).collect())
}

impl Walk {
    /// Follows a record and returns what it says of `address`: the first directive that fits. All of it is followed, since a receiver may see any other address.
    pub(super) fn follow<'a>(
        &'a mut self,
        domain: &'a str,
        record: &'a Record,
        address: Option<IpAddr>,
        dns: &'a Dns,
    ) -> BoxFuture<'a, Result<Option<Qualifier>, Lost>> {
        async move {
            self.through.insert(domain.to_owned());
            let mut said = None;
            for directive in &record.directives {
                if self.lookups >= COUNTED {
                    return Ok(said);
                }
                let fits = match &directive.mechanism {
                    Mechanism::All => {
                        // What stands behind it is never reached (section 5.1).
                        said.get_or_insert(directive.qualifier);
                        return Ok(said);
                    }
                    Mechanism::Network(network, bits) => {
                        address.is_some_and(|address| is_within(address, *network, *bits))
                    }
                    Mechanism::Include(name) if self.is_plain(name) => {
                        self.lookups += 1;
                        self.include(domain, name, address, dns).await? == Some(Qualifier::Pass)
                    }
                    Mechanism::A(host, bits) => {
                        let host = host.as_deref().unwrap_or(domain);
                        let is_plain = self.is_plain(host);
                        self.lookups += 1;
                        let found = if is_plain { dns.addresses(host).await? } else { Vec::new() };
                        self.void(is_plain && found.is_empty(), host, "address");
                        found.iter().any(|one| address.is_some_and(|it| bits.agree(it, *one)))
                    }
                    Mechanism::Mx(host, bits) => {
                        let host = host.as_deref().unwrap_or(domain);
                        let is_plain = self.is_plain(host);
                        self.lookups += 1;
                        let found = if is_plain {
                            self.exchanges(domain, host, dns).await?
                        } else {
                            Vec::new()
                        };
                        found.iter().any(|one| address.is_some_and(|it| bits.agree(it, *one)))
                    }
                    Mechanism::Exists(name) => {
                        let is_plain = self.is_plain(name);
                        self.lookups += 1;
                        let found = if is_plain { dns.addresses(name).await? } else { Vec::new() };
                        self.void(is_plain && found.is_empty(), name, "address");
                        !found.is_empty()
                    }
                    // Nobody's names are looked up for it: it ought to go.
                    Mechanism::Include(_) | Mechanism::Ptr(_) => {
                        self.lookups += 1;
                        false
                    }
                };
                if fits {
                    said.get_or_insert(directive.qualifier);
                }
            }
            let Some(next) = record.redirect.as_deref().filter(|next| self.is_plain(next)) else {
                return Ok(said);
            };
            self.lookups += 1;
            let further = self.include(domain, next, address, dns).await?;
            Ok(said.or(further))
        }
        .boxed()
    }

    /// Follows another domain's record; that it has none is an error (section 5.2).
    async fn include(
        &mut self,
        domain: &str,
        name: &str,
        address: Option<IpAddr>,
        dns: &Dns,
    ) -> Result<Option<Qualifier>, Lost> {
        let wrong = |why: String| Lost::Wrong(domain.to_owned(), why);
        let found = records(name, dns).await?;
        let [text] = found.as_slice() else {
            let many = if found.is_empty() { "no SPF record" } else { "more than one SPF record" };
            return Err(wrong(format!("it leads to `{name}`, which has {many}")));
        };
        let record = Record::read(text).map_err(|SpfError { term, why }| {
            Lost::Wrong(name.to_owned(), format!("`{term}` {why}"))
        })?;
        self.follow(name, &record, address, dns).await
    }

    async fn exchanges(
        &mut self,
        domain: &str,
        host: &str,
        dns: &Dns,
    ) -> Result<Vec<IpAddr>, Lost> {
        let names = dns.exchanges(host).await?;
        self.void(names.is_empty(), host, "mail server");
        if names.len() > EXCHANGES {
            let why = format!("`mx` finds more than {EXCHANGES} mail servers of `{host}`");
            return Err(Lost::Wrong(domain.to_owned(), why));
        }
        let mut addresses = Vec::new();
        for name in names.iter().filter(|name| !name.is_empty()) {
            let found = dns.addresses(name).await?;
            self.void(found.is_empty(), name, "address");
            addresses.extend(found);
        }
        Ok(addresses)
    }

    /// Tells whether a name can be followed without a message (section 7).
    fn is_plain(&mut self, name: &str) -> bool {
        let is_plain = !name.contains('%');
        self.has_macros |= !is_plain;
        is_plain
    }

    fn void(&mut self, is_void: bool, name: &str, what: &str) {
        if is_void {
            self.voids.push(format!("{name} has no {what}"));
        }
    }
}
