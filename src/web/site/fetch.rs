//! Gets from a provider's own host what it tells us to get: over TLS, in bounded time and size, and wherever it may lead no further.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode, Uri, header::HOST, uri::Scheme},
};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use crate::trust::{self, TrustError};

/// How long it may take in all.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most that is read, in bytes; a certificate has two thousand.
const BYTES_MAX: usize = 64 * 1024;

/// Gets what is at an address.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// Gets it; whoever asks has made sure whose address it is.
    ///
    /// # Errors
    ///
    /// Says why there is nothing, in words.
    async fn get(&self, url: &str) -> Result<Vec<u8>, String>;
}

/// Gets it over HTTPS, from whom the system's certificates vouch for. A redirect is no answer.
#[derive(Default)]
pub struct Https {
    own: Vec<u8>,
    config: OnceLock<Arc<ClientConfig>>,
}

impl Https {
    /// Believes these certificates (PEM) besides the system's.
    pub fn trusting(own: &[u8]) -> Self {
        Self { own: own.to_vec(), config: OnceLock::new() }
    }

    /// Returns whom it believes; the system's certificates are read once.
    fn config(&self) -> Result<Arc<ClientConfig>, TrustError> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let system = rustls_native_certs::load_native_certs().certs;
        let config = Arc::new(trust::client(&self.own, system)?);
        Ok(Arc::clone(self.config.get_or_init(|| config)))
    }
}

#[async_trait]
impl Fetch for Https {
    async fn get(&self, url: &str) -> Result<Vec<u8>, String> {
        match timeout(PATIENCE, self.got(url)).await {
            Ok(got) => got.map_err(|error| error.to_string()),
            Err(_) => Err(format!("nothing came within {PATIENCE:?}")),
        }
    }
}

type Broken = Box<dyn std::error::Error + Send + Sync>;

impl Https {
    async fn got(&self, url: &str) -> Result<Vec<u8>, Broken> {
        let uri: Uri = url.parse()?;
        let authority = uri.authority().filter(|_| uri.scheme() == Some(&Scheme::HTTPS));
        let authority = authority.ok_or("it is no https address")?;
        let host = authority.host().to_owned();
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let tcp = TcpStream::connect((host.as_str(), authority.port_u16().unwrap_or(443))).await?;
        let name = ServerName::try_from(host)?;
        let tls = TlsConnector::from(self.config()?).connect(name, tcp).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(tls)).await?;
        tokio::spawn(connection);
        let request = Request::get(path).header(HOST, authority.as_str()).body(Body::empty())?;
        let response = sender.send_request(request).await?;
        if response.status() != StatusCode::OK {
            return Err(format!("the answer is {}", response.status()).into());
        }
        Ok(to_bytes(Body::new(response.into_body()), BYTES_MAX).await?.to_vec())
    }
}
