//! Gets from a provider's own host what it tells us to get: over TLS, in bounded time and size, and wherever it may lead no further.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode, Uri, header::HOST},
};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use crate::trust;

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
pub struct Https;

#[async_trait]
impl Fetch for Https {
    async fn get(&self, url: &str) -> Result<Vec<u8>, String> {
        match timeout(PATIENCE, got(url)).await {
            Ok(got) => got.map_err(|error| error.to_string()),
            Err(_) => Err(format!("nothing came within {PATIENCE:?}")),
        }
    }
}

type Broken = Box<dyn std::error::Error + Send + Sync>;

async fn got(url: &str) -> Result<Vec<u8>, Broken> {
    let uri: Uri = url.parse()?;
    let host = uri.host().ok_or("the address names no host")?.to_owned();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let tcp = TcpStream::connect((host.as_str(), 443)).await?;
    let name = ServerName::try_from(host.clone())?;
    let tls = TlsConnector::from(system()).connect(name, tcp).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(tls)).await?;
    tokio::spawn(connection);
    let request = Request::get(path).header(HOST, host).body(Body::empty())?;
    let response = sender.send_request(request).await?;
    if response.status() != StatusCode::OK {
        return Err(format!("the answer is {}", response.status()).into());
    }
    Ok(to_bytes(Body::new(response.into_body()), BYTES_MAX).await?.to_vec())
}

/// Trusts whom the system trusts.
fn system() -> Arc<ClientConfig> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| {
        let system = rustls_native_certs::load_native_certs().certs;
        Arc::new(trust::client(&[], system).expect("nobody named any other"))
    });
    Arc::clone(config)
}
