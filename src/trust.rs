//! Whom we believe over TLS: whoever the system's certificates vouch for, and those that a person names.
//!
//! Every certificate is verified, by ring; there is no switch. Each door brings
//! the system's certificates along, since reading them is its own affair.

use std::sync::Arc;

use rustls::{
    CertificateError, ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

/// Says why nobody can be believed by the certificates that a person named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// One of them is no certificate.
    #[error("the certificate to trust cannot be read")]
    Unreadable,
    /// There is none.
    #[error("the file of certificates to trust holds none")]
    Empty,
}

/// Returns how to begin TLS with who is vouched for by the certificates in `own` (PEM, empty for none) or by those of the system.
///
/// # Errors
///
/// When `own` holds something, and not certificates alone.
pub fn client(
    own: &[u8],
    system: impl IntoIterator<Item = CertificateDer<'static>>,
) -> Result<ClientConfig, TrustError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(own) {
        let certificate = certificate.map_err(|_| TrustError::Unreadable)?;
        roots.add(certificate).map_err(|_| TrustError::Unreadable)?;
    }
    if !own.is_empty() && roots.is_empty() {
        return Err(TrustError::Empty);
    }
    roots.add_parsable_certificates(system);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// Says what is wrong with a certificate, in words that follow "is not trusted"; `host` is whose it was to be, where that is known.
pub fn fault(fault: &CertificateError, host: Option<&str>) -> String {
    use CertificateError as E;
    match fault {
        E::Expired | E::ExpiredContext { .. } => "it has expired".to_owned(),
        E::NotValidYet | E::NotValidYetContext { .. } => "it is not valid yet".to_owned(),
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            host.map_or_else(|| fault.to_string(), |host| format!("it is not for `{host}`"))
        }
        E::UnknownIssuer => "nobody we trust has signed it".to_owned(),
        // So it is with one that was made anew where we still trust the old one.
        E::BadSignature => {
            "nobody we trust has signed it, only somebody of the same name".to_owned()
        }
        E::Revoked => "it has been revoked".to_owned(),
        // What the verifier says of its own has no kind, but this name.
        other if other.to_string().contains("CaUsedAsEndEntity") => {
            "it is an authority's, and no server's: make it with `basicConstraints=CA:FALSE`"
                .to_owned()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_was_made_anew_is_told_from_the_one_that_is_trusted() {
        let said = fault(&CertificateError::BadSignature, Some("localhost"));
        assert!(said.contains("only somebody of the same name"), "{said}");
    }

    #[test]
    fn what_a_person_names_is_certificates_or_refused() {
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (own, expected) in [
            ("", None),
            ("no certificate at all", Some(TrustError::Empty)),
            (broken, Some(TrustError::Unreadable)),
        ] {
            assert_eq!(client(own.as_bytes(), []).err(), expected, "{own}");
        }
    }
}
