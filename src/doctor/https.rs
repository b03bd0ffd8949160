//! One request over HTTPS to a host that the world can see, and the head of what comes back.
//!
//! The address that was looked at is the one that is connected to, so that no
//! second look-up leads elsewhere; a redirect is told, never followed; and all
//! of it has ten seconds. An address of this machine is asked only where it
//! comes from a resolver of this machine that a person named.

use std::{net::IpAddr, sync::Arc, time::Duration};

use hyper::{
    Method, Request, Uri,
    client::conn::http1,
    header::{CONTENT_TYPE, HOST, LOCATION},
};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Dns, Unanswered, public::is_public};
use crate::trust;

/// How long one request may take, from the name to the head of the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest head of an answer, in bytes.
const HEAD_MAX: usize = 16 * 1024;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// A look.
    Get,
    /// What a mail program says (RFC 8058 section 3.2).
    OneClick,
}

/// The head of what came back.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Where it sends us.
    pub(super) location: Option<String>,
    /// By which the server proved its name, DER.
    pub(super) certificate: Vec<u8>,
}

/// Says why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Silence {
    /// It is none that can be asked.
    #[error("`{0}` is no https address")]
    Url(String),
    /// Nobody could be asked where it is.
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    /// It has no address.
    #[error("{0} has no address")]
    Nowhere(String),
    /// It is where the world cannot see it.
    #[error("{0} is at {1}, which nobody out there can reach")]
    Private(String, IpAddr),
    /// Its certificate is not to be trusted.
    #[error("the certificate of {0} is not trusted: {1}")]
    Untrusted(String, String),
    /// The network, or what speaks there.
    #[error("{0} does not answer: {1}")]
    Broken(String, String),
}

/// Asks once. Besides the system's certificates those of `trust` (PEM) are believed.
pub(super) async fn ask(url: &str, ask: Ask, trust: &[u8], dns: &Dns) -> Result<Answer, Silence> {
    let no_url = || Silence::Url(url.to_owned());
    let uri: Uri = url.parse().map_err(|_| no_url())?;
    let host = uri.host().filter(|_| uri.scheme_str() == Some("https")).ok_or_else(no_url)?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    match timeout(PATIENCE, asked(&uri, &host, ask, trust, dns)).await {
        Ok(answer) => answer,
        Err(_) => Err(Silence::Broken(host, format!("nothing within {PATIENCE:?}"))),
    }
}

async fn asked(
    uri: &Uri,
    host: &str,
    ask: Ask,
    trust: &[u8],
    dns: &Dns,
) -> Result<Answer, Silence> {
    let broken = |why: String| Silence::Broken(host.to_owned(), why);
    let address = address(host, dns).await?;
    let tcp = TcpStream::connect((address, uri.port_u16().unwrap_or(443)))
        .await
        .map_err(|error| broken(error.to_string()))?;
    let tls = encrypted(tcp, host, trust).await?;
    let certificate = tls.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let certificate = certificate.map(|certificate| certificate.to_vec()).unwrap_or_default();
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_MAX)
        .handshake(TokioIo::new(tls))
        .await
        .map_err(|error| broken(error.to_string()))?;
    let request = request(uri, ask).map_err(|error| broken(error.to_string()))?;
    // It is driven for as long as the head takes; the body is never read.
    let driver = tokio::spawn(connection);
    let answer = sender.send_request(request).await;
    driver.abort();
    let answer = answer.map_err(|error| broken(error.to_string()))?;
    let location = answer.headers().get(LOCATION);
    Ok(Answer {
        status: answer.status().as_u16(),
        location: location
            .map(|location| String::from_utf8_lossy(location.as_bytes()).into_owned()),
        certificate,
    })
}

/// Finds where a host is, as the world sees it.
async fn address(host: &str, dns: &Dns) -> Result<IpAddr, Silence> {
    let found = match host.parse() {
        Ok(address) => vec![address],
        Err(_) => dns.addresses(host).await?,
    };
    chosen(host, &found, dns.is_local())
}

fn chosen(host: &str, found: &[IpAddr], is_local: bool) -> Result<IpAddr, Silence> {
    let may_be_asked =
        |address: &&IpAddr| is_public(**address) || (is_local && address.is_loopback());
    match (found.iter().find(may_be_asked), found.first()) {
        (Some(address), _) => Ok(*address),
        (None, Some(address)) => Err(Silence::Private(host.to_owned(), *address)),
        (None, None) => Err(Silence::Nowhere(host.to_owned())),
    }
}

async fn encrypted(
    tcp: TcpStream,
    host: &str,
    own: &[u8],
) -> Result<TlsStream<TcpStream>, Silence> {
    let broken = |why: &str| Silence::Broken(host.to_owned(), why.to_owned());
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| broken("no certificate can have that name"))?;
    let config = trust::client(own, rustls_native_certs::load_native_certs().certs)
        .map_err(|error| broken(&error.to_string()))?;
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(|error| {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match inner {
            Some(rustls::Error::InvalidCertificate(why)) => {
                Silence::Untrusted(host.to_owned(), trust::fault(why, Some(host)))
            }
            _ => broken(&error.to_string()),
        }
    })
}

fn request(uri: &Uri, ask: Ask) -> Result<Request<String>, hyper::http::Error> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let request = Request::builder().uri(path).header(HOST, host);
    match ask {
        Ask::Get => request.method(Method::GET).body(String::new()),
        Ask::OneClick => request
            .method(Method::POST)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body("List-Unsubscribe=One-Click".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_within_somebodys_walls_is_asked_by_nobody_from_afar() {
        for (found, is_local, asked) in [
            (vec!["8.8.8.8"], false, Some("8.8.8.8")),
            (vec!["10.0.0.1", "8.8.8.8"], false, Some("8.8.8.8")),
            (vec!["127.0.0.1"], false, None),
            (vec!["::1"], false, None),
            (vec!["127.0.0.1"], true, Some("127.0.0.1")),
            (vec!["169.254.169.254"], true, None),
            (vec!["10.0.0.1", "::ffff:192.168.0.1"], true, None),
            (vec![], true, None),
        ] {
            let parse = |text: &str| text.parse::<IpAddr>().expect("an address");
            let found: Vec<IpAddr> = found.into_iter().map(parse).collect();
            assert_eq!(chosen("a", &found, is_local).ok(), asked.map(parse), "{found:?}");
        }
    }
}
