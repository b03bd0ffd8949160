//! TLS to a relay (RFC 8314, RFC 3207). Certificates are always verified; there is no switch.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, ServerName},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::trust;

/// Kept under what is trusted, and at which port.
type Configs = HashMap<(Vec<u8>, u16), Arc<ClientConfig>>;

/// How many are remembered; a program has one for each relay.
const TRUSTS_MAX: usize = 16;

/// Says why there is no TLS.
#[derive(Debug)]
pub(super) enum TlsError {
    /// The certificate, in words that follow "is not trusted".
    Untrusted(String),
    /// The handshake or the network.
    Broken(String),
    /// The certificates we were told to trust.
    Trust(String),
}

/// Begins TLS with the server called `host`, trusting the system's certificates and those of `trust` (PEM).
pub(super) async fn handshake(
    tcp: TcpStream,
    (host, port): (&str, u16),
    trust: &[u8],
    within: Duration,
) -> Result<TlsStream<TcpStream>, TlsError> {
    let config = client_config(trust, port)?;
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| TlsError::Broken(format!("`{host}` is no name a certificate can have")))?;
    match timeout(within, TlsConnector::from(config).connect(name, tcp)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(judge(&error, host)),
        Err(_) => Err(TlsError::Broken(format!("no TLS handshake within {within:?}"))),
    }
}

/// Returns how to begin TLS at `port` when `own` is trusted: the same each time, for with it come the sessions that a server may resume.
///
/// A session is kept under the name its certificate was verified for, and here under the port and
/// those who were trusted to say so: no other name, port or trust ever resumes it. Ports matter,
/// since Postfix takes on one what it gave out on another, whatever certificate is there.
fn client_config(own: &[u8], port: u16) -> Result<Arc<ClientConfig>, TlsError> {
    static KNOWN: OnceLock<Mutex<Configs>> = OnceLock::new();
    let known = KNOWN.get_or_init(Mutex::default);
    // What is in it is whole at any time.
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (own.to_owned(), port);
    if let Some(config) = known.get(&key) {
        return Ok(Arc::clone(config));
    }
    let config = trust::client(own, system_certificates().iter().cloned())
        .map_err(|error| TlsError::Trust(error.to_string()))?;
    let config = Arc::new(config);
    if known.len() == TRUSTS_MAX {
        known.clear();
    }
    known.insert(key, Arc::clone(&config));
    Ok(config)
}

/// Reads the system's certificates once. A machine without any can still trust `trust`.
fn system_certificates() -> &'static [CertificateDer<'static>] {
    static CERTIFICATES: OnceLock<Vec<CertificateDer<'static>>> = OnceLock::new();
    CERTIFICATES.get_or_init(|| rustls_native_certs::load_native_certs().certs)
}

fn judge(error: &io::Error, host: &str) -> TlsError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(fault)) = inner else {
        return TlsError::Broken(match error.kind() {
            io::ErrorKind::UnexpectedEof => "the relay closed the connection".to_owned(),
            _ => format!("no TLS with it: {error}"),
        });
    };
    TlsError::Untrusted(trust::fault(fault, Some(host)))
}
