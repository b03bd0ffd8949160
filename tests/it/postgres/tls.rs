//! TLS to a real server: required, and its certificate verified.

use postrider::ledger::{Ledger, PostgresLedger, PostgresSettings};

use super::{apart, server::Server};
use crate::smtp::Identity;

/// Asks the ledger something, by a URL that wants TLS, with an authority to trust.
fn asked(url: &str, authority: &[u8]) -> Result<(), String> {
    let url = format!("{url}?sslmode=verify-full");
    let settings = PostgresSettings { url, password: None, trust: authority.to_vec() };
    apart(async move {
        let ledger = PostgresLedger::new(&settings).map_err(|error| error.to_string())?;
        ledger.now().await.map(drop).map_err(|error| error.to_string())
    })
}

#[test]
fn a_ledger_over_tls_is_believed_by_its_certificate_alone() {
    let Some(server) = Server::start() else { return };
    let here = Identity::of("127.0.0.1", 2100);
    let refused = |url: &str, authority: &[u8], words: &str| {
        let why = asked(url, authority).expect_err("it is refused");
        assert!(why.contains(words), "{why}");
    };
    let url = &server.url;
    refused(url, &here.authority, "server does not support TLS");

    server.speak_tls(&here.certificate, &here.key);
    assert_eq!(asked(url, &here.authority), Ok(()));
    refused(url, b"", "its certificate is not trusted: nobody we trust has signed it");
    // One who calls itself as ours does.
    let impostor = Identity::of("127.0.0.1", 2100);
    refused(
        url,
        &impostor.authority,
        "its certificate is not trusted: nobody we trust has signed it, only",
    );
    let by_name = url.replace("127.0.0.1", "localhost");
    refused(&by_name, &here.authority, "certificate not valid for name \"localhost\"");

    let expired = Identity::of("127.0.0.1", 2020);
    server.speak_tls(&expired.certificate, &expired.key);
    refused(url, &expired.authority, "its certificate is not trusted: it has expired");
}
