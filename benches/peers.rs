//! Who our delivery is measured against: lettre's pool and Postfix's smtp-source.

#![allow(dead_code, reason = "each bench uses its own part")]

use std::{
    net::SocketAddr,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    transport::smtp::{PoolConfig, client::AsyncSmtpConnection, extension::ClientId},
};
use tokio::{net::TcpStream, task::JoinSet};

/// What stands in a text where a reader's name belongs.
pub(crate) const NAME: &str = "A. Reader of No. 0";
const FROM: &str = "report@example.org";
const TO: &str = "reader@example.org";

/// Sends `count` messages over lettre's pool as it comes, handing over bytes that are ready: its best case.
pub(crate) async fn lettre_pool(
    relay: SocketAddr,
    connections: u32,
    count: u32,
    message: &Arc<[u8]>,
) -> Duration {
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
        .port(relay.port())
        .pool_config(PoolConfig::new().max_size(connections))
        .build();
    let started = Instant::now();
    let mut senders = JoinSet::new();
    for _ in 0..connections {
        let (transport, message) = (transport.clone(), Arc::clone(message));
        senders.spawn(async move {
            for _ in 0..count / connections {
                transport.send_raw(&envelope(), &message).await.expect("it is taken");
            }
        });
    }
    while let Some(done) = senders.join_next().await {
        done.expect("it sends");
    }
    started.elapsed()
}

/// Sends as lettre's pool does, a NOOP before each message, but over sockets that wait for nothing (`TCP_NODELAY`), which lettre 0.11 has no switch for: each connection is made for it. `make` gives the bytes of each message.
pub(crate) async fn lettre_nodelay<M: AsRef<[u8]> + Send>(
    relay: SocketAddr,
    connections: u32,
    count: u32,
    make: impl Fn(u32) -> M + Clone + Send + 'static,
) -> Duration {
    let hello = ClientId::Domain("example.org".to_owned());
    let mut open = Vec::new();
    for _ in 0..connections {
        let tcp = TcpStream::connect(relay).await.expect("it listens");
        tcp.set_nodelay(true).expect("it can be set");
        let connection = AsyncSmtpConnection::connect_with_transport(Box::new(tcp), &hello).await;
        open.push(connection.expect("it greets"));
    }
    let started = Instant::now();
    let mut senders = JoinSet::new();
    for mut connection in open {
        let make = make.clone();
        senders.spawn(async move {
            for number in 0..count / connections {
                assert!(connection.test_connected().await);
                let message = make(number);
                connection.send(&envelope(), message.as_ref()).await.expect("it is taken");
            }
        });
    }
    while let Some(done) = senders.join_next().await {
        done.expect("it sends");
    }
    started.elapsed()
}

/// Makes a reader's message as a program does that has lettre alone: both parts with `NAME` put in wherever it stands, built by lettre's builder.
pub(crate) fn lettre_builds(text: &str, html: &str, number: u32) -> Vec<u8> {
    let name = format!("Reader {number}");
    let put_in = |part: &str| part.replace(NAME, &name);
    let mailbox = |name: &str, address: &str| {
        lettre::message::Mailbox::new(Some(name.to_owned()), address.parse().expect("an address"))
    };
    lettre::Message::builder()
        .from(mailbox("A report", FROM))
        .to(mailbox(&name, TO))
        .subject("An issue")
        .message_id(Some(format!("<{number}@example.org>")))
        .multipart(lettre::message::MultiPart::alternative_plain_html(put_in(text), put_in(html)))
        .expect("it is a message")
        .formatted()
}

fn envelope() -> lettre::address::Envelope {
    let address = |text: &str| text.parse().expect("an address");
    lettre::address::Envelope::new(Some(address(FROM)), vec![address(TO)]).expect("an envelope")
}

/// Sends by Postfix's load generator with the connections kept open; `None` where it is not installed.
pub(crate) fn smtp_source(
    relay: SocketAddr,
    connections: u32,
    count: u32,
    length: usize,
) -> Option<Duration> {
    let started = Instant::now();
    let status = Command::new("smtp-source")
        .args(["-d", "-s", &connections.to_string(), "-m", &count.to_string()])
        .args(["-l", &length.to_string(), "-f", FROM, "-t", TO, &format!("inet:{relay}")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .ok()?;
    let took = started.elapsed();
    assert!(status.success());
    Some(took)
}
