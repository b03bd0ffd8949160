//! TLS sessions that are resumed (RFC 8446 section 2.2): the second connection to a relay costs no second proof of who it is, and belongs to no other name or trust.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use postrider::{
    model::{Deadlines, Security},
    smtp::{Connection, OpenError, Relay},
};
use rustls::{HandshakeKind, ServerConnection, StreamOwned};

use crate::smtp::Identity;

/// A relay that greets inside TLS, says what kind each handshake was, and leaves.
fn relay(identity: &Identity) -> (Relay, mpsc::Receiver<HandshakeKind>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it has one").port();
    let (kinds, heard) = mpsc::channel();
    let config = Arc::clone(&identity.config);
    thread::spawn(move || {
        for tcp in listener.incoming() {
            let tls = ServerConnection::new(Arc::clone(&config)).expect("it can be begun");
            let mut client = BufReader::new(StreamOwned::new(tls, tcp.expect("it came")));
            // A client that does not trust us leaves before it hears this.
            if client.get_mut().write_all(b"220 relay.example\r\n").is_err() {
                continue;
            }
            let mut line = String::new();
            while client.read_line(&mut line).is_ok_and(|count| count > 0) {
                let kind = client.get_ref().conn.handshake_kind();
                let answer = if line.starts_with("QUIT") { "221 bye\r\n" } else { "250 ok\r\n" };
                if client.get_mut().write_all(answer.as_bytes()).is_err() {
                    break;
                }
                if line.starts_with("EHLO") && kinds.send(kind.expect("it is done")).is_err() {
                    return;
                }
                line.clear();
            }
        }
    });
    let all = Duration::from_secs(20);
    let relay = Relay {
        host: "localhost".to_owned(),
        port,
        security: Security::Implicit,
        credentials: None,
        trust: identity.authority.clone(),
        hello: "sender.example".to_owned(),
        deadlines: Deadlines { connect: all, command: all, data: all, dot: all },
    };
    (relay, heard)
}

#[tokio::test]
async fn the_second_connection_resumes_the_session_of_the_first() {
    let identity = Identity::of("localhost", 2100);
    let (relay, kinds) = relay(&identity);
    let mut seen = Vec::new();
    for _ in 0..3 {
        Connection::open(&relay).await.expect("it opens").quit().await;
        seen.push(kinds.recv().expect("it was greeted"));
    }
    assert_eq!(seen, [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed]);
}

#[tokio::test]
async fn a_session_is_resumed_under_its_own_name_and_trust_alone() {
    let identity = Identity::of("localhost", 2100);
    let (good, kinds) = relay(&identity);
    Connection::open(&good).await.expect("it opens").quit().await;
    assert_eq!(kinds.recv(), Ok(HandshakeKind::Full));
    let stranger = Identity::of("localhost", 2100);
    for (relay, why) in [
        (Relay { host: "127.0.0.1".to_owned(), ..good.clone() }, "it is not for `127.0.0.1`"),
        (Relay { trust: Vec::new(), ..good.clone() }, "nobody we trust has signed it"),
        // Another authority, though of the same name.
        (
            Relay { trust: stranger.authority, ..good.clone() },
            "nobody we trust has signed it, only somebody of the same name",
        ),
    ] {
        match Connection::open(&relay).await {
            Err(OpenError::Untrusted { why: said, .. }) => assert_eq!(said, why),
            other => panic!("{other:?}"),
        }
    }
    Connection::open(&good).await.expect("it opens").quit().await;
    assert_eq!(kinds.recv(), Ok(HandshakeKind::Resumed));
}

#[tokio::test]
async fn a_server_at_another_port_is_verified_anew() {
    let identity = Identity::of("localhost", 2100);
    let (first, kinds) = relay(&identity);
    Connection::open(&first).await.expect("it opens").quit().await;
    assert_eq!(kinds.recv(), Ok(HandshakeKind::Full));
    // The two share their sessions, as listeners of one Postfix do.
    let (second, kinds) = relay(&identity);
    Connection::open(&second).await.expect("it opens").quit().await;
    assert_eq!(kinds.recv(), Ok(HandshakeKind::Full));
    // Another server of that name, which has a certificate of its own.
    let (mut other, kinds) = relay(&Identity::of("localhost", 2100));
    other.trust = first.trust;
    let error = Connection::open(&other).await.expect_err("nobody trusted has signed it");
    assert!(matches!(error, OpenError::Untrusted { .. }), "{error}");
    assert!(kinds.try_recv().is_err());
}
