//! Our client against Postfix: a relay nobody here wrote, started by `tests/rig/postfix`.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{env, fs, process};

use postrider::model::{Address, Deadlines, Secret, Security, Stage};
use postrider::smtp::{Connection, Credentials, Envelope, Handover, OpenError, Proof, Relay};

use crate::skip::skipped;

mod bounces;
mod program;

/// The throw-away Postfix that `tests/run` started.
pub(crate) struct Postfix {
    ports: HashMap<String, u16>,
    /// Its CA, as PEM.
    trust: Vec<u8>,
    user: String,
    password: String,
    /// The one Maildir where everything lands.
    mail: PathBuf,
}

/// Returns the relay to test against, or says that this was skipped.
pub(crate) fn postfix() -> Option<Postfix> {
    let setting = |name: &str| env::var(format!("POSTRIDER_TEST_{name}")).ok();
    let Some(mail) = setting("MAIL") else {
        skipped("Postfix, which `tests/run` starts as root");
        return None;
    };
    let ports = env::vars().filter_map(|(name, port)| {
        let listener = name.strip_prefix("POSTRIDER_TEST_")?.strip_suffix("_PORT")?.to_lowercase();
        Some((listener, port.parse().ok()?))
    });
    let told = |name| setting(name).expect("tests/rig/postfix tells all or nothing");
    Some(Postfix {
        ports: ports.collect(),
        trust: fs::read(told("CA")).expect("the CA can be read"),
        user: told("USER"),
        password: told("PASSWORD"),
        mail: mail.into(),
    })
}

impl Postfix {
    /// Returns the user of the rig, with this password.
    fn credentials(&self, password: &str) -> Credentials {
        Credentials { user: self.user.clone(), proof: Proof::Password(Secret::new(password)) }
    }

    /// Returns the port of a listener: a name of tests/rig/postfix.
    pub(crate) fn port(&self, listener: &str) -> u16 {
        self.ports[listener]
    }

    /// Returns the way to a listener, with the credentials where it wants some.
    pub(crate) fn relay(&self, listener: &str) -> Relay {
        let security = match listener {
            "starttls" => Security::StartTls,
            "tls" | "login" | "wrong_host" | "expired" => Security::Implicit,
            _ => Security::Plain,
        };
        Relay {
            host: "127.0.0.1".to_owned(),
            port: self.port(listener),
            security,
            credentials: (security != Security::Plain).then(|| self.credentials(&self.password)),
            trust: self.trust.clone(),
            hello: "sender.example".to_owned(),
            deadlines: Deadlines {
                connect: Duration::from_secs(20),
                command: Duration::from_secs(20),
                data: Duration::from_secs(20),
                dot: Duration::from_secs(20),
            },
        }
    }

    /// Returns every mail that has landed for `address`, with LF line ends as Postfix keeps it, once there is one.
    pub(crate) fn mail_for(&self, address: &Address) -> Vec<String> {
        awaited(|| self.mail_now(address))
    }

    /// Returns every mail that has landed for anybody at `domain` and says `words`, once there is one.
    pub(crate) fn mail_at(&self, domain: &str, words: &str) -> Vec<String> {
        let is_one = |mail: &String| {
            let delivered = mail.lines().find_map(|line| line.strip_prefix("Delivered-To: "));
            delivered.is_some_and(|to| to.ends_with(&format!("@{domain}"))) && mail.contains(words)
        };
        awaited(|| self.mail_that(is_one))
    }

    fn mail_now(&self, address: &Address) -> Vec<String> {
        let delivered = format!("\nDelivered-To: {}\n", address.wire());
        self.mail_that(|mail| mail.contains(&delivered))
    }

    fn mail_that(&self, fits: impl Fn(&String) -> bool) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.mail.join("new")) else { return Vec::new() };
        entries
            .filter_map(|entry| fs::read(entry.ok()?.path()).ok())
            .map(|mail| String::from_utf8_lossy(&mail).into_owned())
            .filter(fits)
            .collect()
    }
}

/// Looks again until there is something: the relay answers before it delivers; it needs milliseconds, and a loaded machine more.
fn awaited(look: impl Fn() -> Vec<String>) -> Vec<String> {
    for _ in 0..500 {
        let found = look();
        if !found.is_empty() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Vec::new()
}

/// A reader nobody else has, though several runs share one relay.
pub(crate) fn reader(name: &str) -> Address {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{name}-{}-{count}@readers.example", process::id()).parse().expect("an address")
}

fn message(subject: &str, body: &str) -> String {
    format!("From: TT Report <report@sender.example>\r\nSubject: {subject}\r\n\r\n{body}")
}

pub(crate) async fn deliver(connection: &mut Connection, to: &Address, message: &str) -> Handover {
    let envelope = Envelope { from: "b-1@bounces.sender.example", to, id: None };
    connection.deliver(&envelope, message.as_bytes(), None).await
}

#[track_caller]
pub(crate) fn assert_accepted(handover: &Handover) {
    assert!(matches!(handover, Handover::Accepted(reply) if reply.code == 250), "{handover:?}");
}

/// The stage, code and enhanced code of a refusal.
#[track_caller]
fn refusal(handover: Handover) -> (Stage, u16, Option<(u8, u16, u16)>) {
    match handover {
        Handover::Refused { stage, reply } => (stage, reply.code, reply.enhanced),
        other => panic!("not refused: {other:?}"),
    }
}

#[track_caller]
fn untrusted(opened: Result<Connection, OpenError>) -> String {
    match opened {
        Err(OpenError::Untrusted { why, .. }) => why,
        other => panic!("not untrusted: {other:?}"),
    }
}

#[test]
fn the_rig_stands() {
    let Some(postfix) = postfix() else { return };
    let mut stream = TcpStream::connect(("127.0.0.1", postfix.port("plain"))).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout can be set");
    let mut replies = BufReader::new(stream.try_clone().expect("a socket can be shared")).lines();
    let mut next = || replies.next().expect("a line").expect("of text");
    assert_eq!(next(), "220 relay.rig.example ESMTP Postfix");
    stream.write_all(b"EHLO tests.example\r\n").expect("it reads");
    let mut offers = Vec::new();
    while offers.last().is_none_or(|line: &String| line.starts_with("250-")) {
        offers.push(next());
    }
    assert!(offers.contains(&"250-PIPELINING".to_owned()), "{offers:?}");
    assert!(
        !offers.iter().any(|line| line.contains("STARTTLS") || line.contains("AUTH")),
        "{offers:?}"
    );
    stream.write_all(b"QUIT\r\n").expect("it reads");
    assert_eq!(next(), "221 2.0.0 Bye");
}

#[tokio::test]
async fn mail_arrives_over_every_kind_of_connection() {
    let Some(postfix) = postfix() else { return };
    for listener in ["plain", "narrow", "starttls", "tls", "login"] {
        let to = reader(listener);
        let mut connection = Connection::open(&postfix.relay(listener)).await.expect(listener);
        assert_eq!(connection.capabilities().offers("PIPELINING"), listener != "narrow");
        assert_accepted(
            &deliver(&mut connection, &to, &message(listener, "Good morning.\r\n")).await,
        );
        connection.quit().await;
        let mail = postfix.mail_for(&to);
        assert_eq!(mail.len(), 1, "{listener}");
        assert!(mail[0].starts_with("Return-Path: <b-1@bounces.sender.example>\n"), "{mail:?}");
        assert!(mail[0].ends_with(&format!("Subject: {listener}\n\nGood morning.\n")), "{mail:?}");
    }
}

#[tokio::test]
async fn a_name_in_the_certificate_is_as_good_as_an_address() {
    let Some(postfix) = postfix() else { return };
    let relay = Relay { host: "localhost".to_owned(), ..postfix.relay("tls") };
    Connection::open(&relay).await.expect("the certificate is for localhost too").quit().await;
}

#[tokio::test]
async fn a_wrong_password_is_told_as_the_relay_told_it() {
    let Some(postfix) = postfix() else { return };
    for listener in ["starttls", "tls", "login"] {
        let mut relay = postfix.relay(listener);
        relay.credentials = Some(postfix.credentials("wrong"));
        match Connection::open(&relay).await {
            Err(OpenError::Refused { stage, reply, .. }) => {
                assert_eq!(
                    (stage, reply.code, reply.enhanced),
                    (Stage::Auth, 535, Some((5, 7, 8)))
                );
            }
            other => panic!("{listener}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn who_does_not_say_who_they_are_sends_nothing() {
    let Some(postfix) = postfix() else { return };
    let relay = Relay { credentials: None, ..postfix.relay("tls") };
    let mut connection = Connection::open(&relay).await.expect("it opens all the same");
    let handover = deliver(&mut connection, &reader("stranger"), &message("x", "x\r\n")).await;
    assert_eq!(refusal(handover), (Stage::Rcpt, 554, Some((5, 7, 1))));
}

#[tokio::test]
async fn starttls_is_not_done_without() {
    let Some(postfix) = postfix() else { return };
    let relay = Relay { security: Security::StartTls, ..postfix.relay("plain") };
    let opened = Connection::open(&relay).await;
    assert!(matches!(opened, Err(OpenError::Unsafe { .. })), "{opened:?}");
}

#[tokio::test]
async fn a_certificate_that_proves_nothing_ends_it() {
    let Some(postfix) = postfix() else { return };
    for listener in ["starttls", "tls"] {
        let relay = Relay { trust: Vec::new(), ..postfix.relay(listener) };
        assert_eq!(untrusted(Connection::open(&relay).await), "nobody we trust has signed it");
    }
    let wrong_host = Connection::open(&postfix.relay("wrong_host")).await;
    assert_eq!(untrusted(wrong_host), "it is not for `127.0.0.1`");
    let expired = Connection::open(&postfix.relay("expired")).await;
    assert_eq!(untrusted(expired), "it has expired");
}

#[tokio::test]
async fn a_refused_reader_does_not_hold_up_the_next() {
    let Some(postfix) = postfix() else { return };
    for listener in ["plain", "narrow", "tls"] {
        let mut connection = Connection::open(&postfix.relay(listener)).await.expect(listener);
        for (name, code, enhanced) in
            [("nobody", 550, (5, 1, 1)), ("full", 552, (5, 2, 2)), ("later", 450, (4, 2, 1))]
        {
            let refused = reader(name);
            let handover = deliver(&mut connection, &refused, &message("x", "x\r\n")).await;
            assert_eq!(refusal(handover), (Stage::Rcpt, code, Some(enhanced)), "{listener}");
            let next = reader("next");
            assert_accepted(&deliver(&mut connection, &next, &message("next", "x\r\n")).await);
            assert_eq!(postfix.mail_for(&next).len(), 1);
            assert_eq!(postfix.mail_now(&refused).len(), 0);
        }
        connection.quit().await;
    }
}

#[tokio::test]
async fn a_message_refused_after_its_dot_is_refused_and_not_in_doubt() {
    let Some(postfix) = postfix() else { return };
    let mut connection = Connection::open(&postfix.relay("plain")).await.expect("it opens");
    let to = reader("suspect");
    let suspect = message("x\r\nX-Rig: refuse", "x\r\n");
    assert_eq!(
        refusal(deliver(&mut connection, &to, &suspect).await),
        (Stage::Dot, 550, Some((5, 7, 1)))
    );
    assert_accepted(&deliver(&mut connection, &to, &message("fine", "x\r\n")).await);
    assert_eq!(postfix.mail_for(&to).len(), 1);
}

#[tokio::test]
async fn a_message_over_the_relays_size_is_not_even_begun() {
    let Some(postfix) = postfix() else { return };
    let mut connection = Connection::open(&postfix.relay("small")).await.expect("it opens");
    assert_eq!(connection.capabilities().size(), Some(20_000));
    let to = reader("small");
    let handover =
        deliver(&mut connection, &to, &message("x", &"xxxxxxxx\r\n".repeat(2_000))).await;
    assert!(matches!(handover, Handover::Unwelcome { .. }), "{handover:?}");
    assert_accepted(
        &deliver(&mut connection, &to, &message("x", &"xxxxxxxx\r\n".repeat(1_900))).await,
    );
    assert_eq!(postfix.mail_for(&to).len(), 1);
}

#[tokio::test]
async fn a_relay_that_loses_patience_leaves_nobody_in_doubt() {
    let Some(postfix) = postfix() else { return };
    let mut connection = Connection::open(&postfix.relay("impatient")).await.expect("it opens");
    let mut refused = 0;
    while connection.is_open() && refused < 10 {
        let handover = deliver(&mut connection, &reader("nobody"), &message("x", "x\r\n")).await;
        let (stage, code, _) = refusal(handover);
        assert!(matches!((stage, code), (Stage::Rcpt, 550) | (_, 421)), "{stage:?} {code}");
        refused += 1;
    }
    assert!((1..10).contains(&refused), "it closed after {refused}");
}

#[tokio::test]
async fn a_message_whose_lease_ran_out_before_its_dot_is_with_nobody() {
    let Some(postfix) = postfix() else { return };
    let mut connection = Connection::open(&postfix.relay("plain")).await.expect("it opens");
    let (late, marker) = (reader("late"), reader("marker"));
    let envelope = Envelope { from: "b-1@bounces.sender.example", to: &late, id: None };
    let handover = connection
        .deliver(&envelope, message("x", "x\r\n").as_bytes(), Some(tokio::time::Instant::now()))
        .await;
    assert!(matches!(handover, Handover::NotSent { stage: Stage::Body, .. }), "{handover:?}");
    assert!(!connection.is_open());
    let mut connection = Connection::open(&postfix.relay("plain")).await.expect("it opens again");
    assert_accepted(&deliver(&mut connection, &marker, &message("x", "x\r\n")).await);
    assert_eq!(postfix.mail_for(&marker).len(), 1);
    assert_eq!(postfix.mail_now(&late).len(), 0);
}

#[tokio::test]
async fn fifty_messages_go_over_one_connection() {
    let Some(postfix) = postfix() else { return };
    for listener in ["plain", "tls"] {
        let mut connection = Connection::open(&postfix.relay(listener)).await.expect(listener);
        let readers: Vec<Address> = (0..50).map(|_| reader("fifty")).collect();
        for to in &readers {
            let handover = deliver(&mut connection, to, &message(&to.wire(), "x\r\n")).await;
            assert_accepted(&handover);
        }
        assert_eq!(connection.messages(), 50);
        connection.quit().await;
        for to in &readers {
            let mail = postfix.mail_for(to);
            assert_eq!(mail.len(), 1);
            assert!(mail[0].contains(&format!("\nSubject: {}\n", to.wire())), "{mail:?}");
        }
    }
}

#[tokio::test]
async fn a_body_arrives_byte_for_byte() {
    let Some(postfix) = postfix() else { return };
    let body = format!(
        ".\r\n..\r\n.MAIL FROM:<x@y.example>\r\n\r\n\r\n{}\r\n.{}\r\nFrom here on: Казахстан, größer\r\n \t \r\n.\r\nQUIT\r\n",
        "x".repeat(998),
        ".".repeat(997),
    );
    // Whatever Postfix does at a full buffer's end, a dot stands near it once.
    let long = ".a\r\n".repeat(10_000);
    for listener in ["plain", "narrow", "tls"] {
        let mut connection = Connection::open(&postfix.relay(listener)).await.expect(listener);
        for body in [&body, &long] {
            let to = reader("bytes");
            let sent = message("dots", body);
            assert_accepted(&deliver(&mut connection, &to, &sent).await);
            let mail = postfix.mail_for(&to);
            assert_eq!(mail.len(), 1, "{listener}");
            let start = mail[0].find("From: TT Report").expect("our first header");
            assert!(
                mail[0][start..] == sent.replace("\r\n", "\n"),
                "{listener}: {}",
                &mail[0][start..]
            );
        }
    }
}

#[tokio::test]
async fn messages_by_their_length_arrive_whole_and_a_refused_one_between_them_does_not() {
    let Some(postfix) = postfix() else { return };
    for listener in ["plain", "starttls"] {
        let mut connection = Connection::open(&postfix.relay(listener)).await.expect("it opens");
        assert!(connection.capabilities().offers("CHUNKING"));
        connection.allow_chunking(true);
        let body = format!(".\r\n{}", "words\r\n".repeat(6_000));
        for number in 0..40 {
            let to = reader("chunked");
            assert_accepted(&deliver(&mut connection, &to, &message("whole", &body)).await);
            assert!(connection.is_chunking(), "{listener}, {number}");
            if number % 13 == 0 {
                let mail = postfix.mail_for(&to);
                assert!(mail.len() == 1 && mail[0].ends_with(&body.replace("\r\n", "\n")));
            }
        }
        let suspect = message("x\r\nX-Rig: refuse", &body);
        let refused = deliver(&mut connection, &reader("suspect"), &suspect).await;
        assert_eq!(refusal(refused), (Stage::Dot, 550, Some((5, 7, 1))));
        assert!(!connection.is_open(), "its goodbye made sure that the no was meant");
    }
}
