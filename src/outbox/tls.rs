//! TLS on the server's side, from a PEM file that holds a certificate and its key.

use std::sync::Arc;

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// TLS on the server's side.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate and its key.
    pub config: Arc<rustls::ServerConfig>,
    /// Whether TLS begins with the first byte; otherwise STARTTLS is offered.
    pub implicit: bool,
}

/// Says why a file is of no use for TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsFileError {
    /// No certificate stands in it.
    #[error("it holds no certificate that can be read")]
    Certificate,
    /// No key stands in it.
    #[error("it holds no private key that can be read")]
    Key,
    /// They do not belong together, or cannot be used.
    #[error("its certificate and its key are of no use: {0}")]
    Unusable(rustls::Error),
}

impl Tls {
    /// Reads a certificate, those that sign it, and its key.
    pub fn from_pem(pem: &[u8], implicit: bool) -> Result<Self, TlsFileError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|_| TlsFileError::Certificate)?;
        if chain.is_empty() {
            return Err(TlsFileError::Certificate);
        }
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| TlsFileError::Key)?;
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()
            .and_then(|versions| versions.with_no_client_auth().with_single_cert(chain, key))
            .map_err(TlsFileError::Unusable)?;
        Ok(Self { config: Arc::new(config), implicit })
    }
}
