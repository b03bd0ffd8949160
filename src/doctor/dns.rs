//! Questions to the DNS. "There is nothing" is an answer; silence, a failure or nonsense is none.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hickory_resolver::{
    Resolver, TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{Name, RData, RecordType},
    },
};

/// A resolver: the system's, or one by its address.
#[derive(Clone)]
pub struct Dns {
    resolver: TokioResolver,
    name: String,
    is_local: bool,
}

/// How long to wait for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For each try.
    pub timeout: Duration,
    /// How often a question is asked anew after silence.
    pub retries: usize,
}

/// A question that got no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{resolver} gave no answer on {kind} of `{name}`: {why}")]
pub struct Unanswered {
    /// Who was asked.
    pub resolver: String,
    /// The record's type.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// What came instead, for people.
    pub why: String,
}

impl Default for Patience {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(3), retries: 1 }
    }
}

impl Dns {
    /// Asks whom this machine asks (`/etc/resolv.conf`).
    ///
    /// # Errors
    ///
    /// Says why it names nobody.
    pub fn system(patience: Patience) -> Result<Self, String> {
        let mut builder = TokioResolver::builder_tokio().map_err(|error| error.to_string())?;
        set(builder.options_mut(), patience);
        let resolver = builder.build().map_err(|error| error.to_string())?;
        Ok(Self { resolver, name: "the system's resolver".to_owned(), is_local: false })
    }

    /// Asks one resolver.
    ///
    /// # Errors
    ///
    /// Says why it cannot be asked.
    pub fn at(address: SocketAddr, patience: Patience) -> Result<Self, String> {
        let (mut udp, mut tcp) = (ConnectionConfig::udp(), ConnectionConfig::tcp());
        (udp.port, tcp.port) = (address.port(), address.port());
        let server = NameServerConfig::new(address.ip(), true, vec![udp, tcp]);
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
        set(builder.options_mut(), patience);
        let resolver = builder.build().map_err(|error| error.to_string())?;
        Ok(Self { resolver, name: address.to_string(), is_local: address.ip().is_loopback() })
    }

    /// Returns who is asked, for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells whether somebody named a resolver of this machine.
    pub(super) fn is_local(&self) -> bool {
        self.is_local
    }

    /// Returns the texts of a name, the strings of each joined.
    pub async fn texts(&self, name: &str) -> Result<Vec<String>, Unanswered> {
        self.ask(name, RecordType::TXT, "TXT", |data| match data {
            RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
            _ => None,
        })
        .await
    }

    /// Returns the addresses of a host.
    pub async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Unanswered> {
        let four = self.ask(name, RecordType::A, "A", |data| match data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            _ => None,
        });
        let six = self.ask(name, RecordType::AAAA, "AAAA", |data| match data {
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        });
        let (four, six) = tokio::join!(four, six);
        let mut addresses = four?;
        addresses.extend(six?);
        Ok(addresses)
    }

    /// Returns who takes mail for a domain, best first; a null MX (RFC 7505) is one empty name.
    pub async fn exchanges(&self, name: &str) -> Result<Vec<String>, Unanswered> {
        let mut found = self
            .ask(name, RecordType::MX, "MX", |data| match data {
                RData::MX(mx) => Some((mx.preference, plain(&mx.exchange))),
                _ => None,
            })
            .await?;
        found.sort();
        Ok(found.into_iter().map(|(_, exchange)| exchange).collect())
    }

    /// Returns the names of an address.
    pub async fn names(&self, address: IpAddr) -> Result<Vec<String>, Unanswered> {
        let name = Name::from(address).to_ascii();
        self.ask(&name, RecordType::PTR, "PTR", |data| match data {
            RData::PTR(name) => Some(plain(&name.0)),
            _ => None,
        })
        .await
    }

    async fn ask<T>(
        &self,
        name: &str,
        kind: RecordType,
        word: &'static str,
        read: impl Fn(&RData) -> Option<T>,
    ) -> Result<Vec<T>, Unanswered> {
        let unanswered = |why: String| Unanswered {
            resolver: self.name.clone(),
            kind: word,
            name: name.trim_end_matches('.').to_owned(),
            why,
        };
        // The whole name, so that no search list is tried.
        let mut whole = match Name::from_ascii(name) {
            Ok(whole) => whole,
            Err(error) => return Err(unanswered(format!("it is no name: {error}"))),
        };
        whole.set_fqdn(true);
        match self.resolver.lookup(whole, kind).await {
            Ok(found) => {
                Ok(found.answers().iter().filter_map(|record| read(&record.data)).collect())
            }
            Err(error) => match why(&error) {
                None => Ok(Vec::new()),
                Some(why) => Err(unanswered(why)),
            },
        }
    }
}

impl fmt::Debug for Dns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dns").field("name", &self.name).finish_non_exhaustive()
    }
}

fn set(options: &mut ResolverOpts, patience: Patience) {
    options.timeout = patience.timeout;
    options.attempts = patience.retries;
    // A receiver does not know our hosts file.
    options.use_hosts_file = ResolveHosts::Never;
    options.edns0 = true;
}

/// Says why there is no answer; `None` where the answer is that there is nothing.
fn why(error: &NetError) -> Option<String> {
    Some(match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain | ResponseCode::NoError => return None,
            code => code.to_str().to_owned(),
        },
        NetError::Dns(DnsError::ResponseCode(code)) => code.to_str().to_owned(),
        NetError::Timeout => "silence".to_owned(),
        NetError::NoConnections => "nobody is there".to_owned(),
        error => error.to_string(),
    })
}

fn plain(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}
