//! The client against a relay that misbehaves in every way we know, one table row each.
//!
//! After every row the relay is asked what it took: never a message the client
//! said was not handed over, never two.

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use data_encoding::BASE64;

use postrider::{
    model::{Address, Deadlines, Secret, Security},
    outbox::{Acceptance, Keep, Outbox, OutboxSettings, Tls},
    smtp::{Connection, Credentials, Envelope, Handover, OpenError, Proof, Relay, Tokens},
};
use proptest::prelude::*;
use tokio::time::Instant;

/// Where silence is what a row is about.
const SHORT: Duration = Duration::from_millis(400);
/// Everywhere else, so that a busy machine changes no outcome.
const LONG: Duration = Duration::from_secs(20);
const SMALL: usize = 100;
/// More than sockets buffer, so that the end cannot leave before the relay has read.
const LARGE: usize = 8_000_000;

fn settings(script: &str) -> OutboxSettings {
    let script = script.parse().expect("it is a script");
    OutboxSettings { script, ..OutboxSettings::new(Keep::Count) }
}

fn start(settings: OutboxSettings) -> Outbox {
    Outbox::start(settings).expect("loopback has a free port")
}

pub(crate) fn relay(outbox: &Outbox) -> Relay {
    Relay {
        host: "127.0.0.1".into(),
        port: outbox.address().port(),
        security: Security::Plain,
        credentials: None,
        trust: Vec::new(),
        hello: "sender.example".into(),
        deadlines: deadlines(LONG),
    }
}

fn deadlines(all: Duration) -> Deadlines {
    Deadlines { connect: all, command: all, data: all, dot: all }
}

/// Waits no longer than a row needs that expects these words.
fn patient(relay: Relay, expected: &str) -> Relay {
    let waits = if expected.contains("silent") { SHORT } else { LONG };
    Relay { deadlines: deadlines(waits), ..relay }
}

fn address(text: &str) -> Address {
    text.parse().expect("it is an address")
}

fn message(number: u32, size: usize) -> Vec<u8> {
    let head = format!("Message-ID: <{number}@sender.example>\r\nSubject: test\r\n\r\n");
    let line = [b"x".repeat(76), b"\r\n".to_vec()].concat();
    [head.into_bytes(), line.repeat(size.div_ceil(line.len()))].concat()
}

async fn deliver(connection: &mut Connection, number: u32, size: usize) -> Handover {
    let to = address("reader@example.com");
    let envelope = Envelope { from: "bounce@sender.example", to: &to, id: None };
    connection.deliver(&envelope, &message(number, size), None).await
}

/// Opens a connection that is not what is tested, also where a short patience is too short for a busy machine.
async fn open(relay: &Relay) -> Connection {
    loop {
        match Connection::open(relay).await {
            Ok(connection) => return connection,
            Err(error) => assert!(error.to_string().contains("silent"), "{error}"),
        }
    }
}

/// Says what became of a message in a few words.
pub(crate) fn told(handover: &Handover) -> String {
    match handover {
        Handover::Accepted(reply) => format!("accepted: {reply}"),
        Handover::Refused { stage, reply } => format!("refused at {stage}: {reply}"),
        Handover::Unfit { why } => format!("unfit: {why}"),
        Handover::Unwelcome { why } => format!("unwelcome: {why}"),
        Handover::NotSent { stage, why } => format!("not sent at {stage}: {why}"),
        Handover::InDoubt { why } => format!("in doubt: {why}"),
    }
}

fn taken(outbox: &Outbox, number: u32) -> usize {
    let id = format!("<{number}@sender.example>");
    let is_it = |acceptance: &&Acceptance| acceptance.message_id == id;
    outbox.acceptances().iter().filter(is_it).count()
}

/// Hands over a first message while `script` is played, and then a second one; checks both against what the relay took.
async fn check(name: &str, script: &str, size: usize, expected: &str, stays_open: bool) {
    let outbox = start(settings(script));
    let relay = relay(&outbox);
    let mut connection = open(&patient(relay.clone(), expected)).await;
    let first = deliver(&mut connection, 1, size).await;
    let words = told(&first);
    assert!(words.starts_with(expected), "{name}: {words}");
    assert_eq!(connection.is_open(), stays_open, "{name}");
    let took = taken(&outbox, 1);
    match first {
        Handover::Accepted(_) => assert_eq!(took, 1, "{name}"),
        Handover::InDoubt { .. } => assert!(took <= 1, "{name}"),
        _ => assert_eq!(took, 0, "{name}"),
    }
    if !stays_open {
        let again = told(&deliver(&mut connection, 2, SMALL).await);
        assert_eq!(again, "not sent at MAIL FROM: the connection is closed", "{name}");
        connection = Connection::open(&relay).await.expect(name);
    }
    let second = deliver(&mut connection, 2, SMALL).await;
    assert!(matches!(second, Handover::Accepted(_)), "{name}: {}", told(&second));
    assert_eq!((taken(&outbox, 1), taken(&outbox, 2)), (took, 1), "{name}");
    connection.quit().await;
}

#[tokio::test]
async fn a_refusal_is_told_with_its_step_and_the_connection_goes_on() {
    let rows = [
        ("MAIL 4yz", "mail 1 reply 451 4.3.0 later", "refused at MAIL FROM: 451 4.3.0 later"),
        ("MAIL 5yz", "mail 1 reply 550 5.7.1 not you", "refused at MAIL FROM: 550 5.7.1 not you"),
        ("AUTH wanted midway", "mail 1 reply 530 5.7.0 expired", "refused at MAIL FROM: 530"),
        (
            "RCPT 4yz",
            "rcpt 1 reply 450 4.2.0 greylisted",
            "refused at RCPT TO: 450 4.2.0 greylisted",
        ),
        ("RCPT 5yz", "rcpt 1 reply 550 5.1.1 unknown", "refused at RCPT TO: 550 5.1.1 unknown"),
        ("over quota", "rcpt 1 reply 452 4.2.2 mailbox full", "refused at RCPT TO: 452 4.2.2"),
        ("throttled", "rcpt 1 reply 454 4.7.0 slow down", "refused at RCPT TO: 454 4.7.0"),
        ("DATA 4yz", "data 1 reply 451 4.3.0 later", "refused at DATA: 451 4.3.0 later"),
        ("DATA 5yz", "data 1 reply 554 5.5.1 no", "refused at DATA: 554 5.5.1 no"),
        ("dot 4yz", "dot 1 reply 451 4.7.1 later", "refused at the end of the message: 451"),
        ("dot 5yz", "dot 1 reply 554 5.6.0 spam", "refused at the end of the message: 554 5.6.0"),
        (
            "multi-line",
            "rcpt 1 reply 550-5.1.1 no\\n550-5.1.1 such\\n550 5.1.1 user",
            "refused at RCPT TO: 550 5.1.1 no such user",
        ),
        (
            "a lone dot after a refused recipient, answered no",
            "rcpt 1 reply 550 5.1.1 unknown\ndata 1 reply 354 go on",
            "refused at RCPT TO: 550 5.1.1 unknown",
        ),
        (
            "a lone dot after a refused recipient, answered yes",
            "rcpt 1 reply 550 5.1.1 unknown\ndata 1 reply 354 go on\ndot 1 reply 250 ok",
            "refused at RCPT TO: 550 5.1.1 unknown",
        ),
    ];
    for (name, script, expected) in rows {
        check(name, script, SMALL, expected, true).await;
        let one_by_one = format!("hello without PIPELINING\n{script}");
        let name = format!("{name}, one by one");
        if !script.contains("354") {
            check(&name, &one_by_one, SMALL, expected, true).await;
        }
    }
}

#[tokio::test]
async fn odd_but_good_answers_are_a_yes() {
    let ten_kilobytes = format!("dot 1 reply 250 2.0.0 {}", "x".repeat(10_000));
    let thousand_lines = format!("dot 1 reply {}250 ok", "250-x\\n".repeat(999));
    for (name, script) in [
        ("a good server", ""),
        ("a split reply", "mail 1 dribble 0\nrcpt 1 dribble 0\ndata 1 dribble 0\ndot 1 dribble 0"),
        ("a slow reply", "dot 1 wait 50"),
        ("251 at RCPT", "rcpt 1 reply 251 will forward"),
        ("no PIPELINING", "hello without PIPELINING"),
        ("no 8BITMIME, no SMTPUTF8", "hello without 8BITMIME SMTPUTF8"),
        ("no SIZE", "hello without SIZE"),
        ("HELO only", "hello 1 reply 502 what\nhello 3 reply 502 what"),
        ("a 10 kB reply", &ten_kilobytes),
        ("a reply of 1,000 lines", &thousand_lines),
    ] {
        check(name, script, SMALL, "accepted: 250", true).await;
    }
    check("a large message", "body wait 20", 2_000_000, "accepted: 250", true).await;
}

#[tokio::test]
async fn a_break_before_the_dot_is_not_sent() {
    let rows = [
        ("close at MAIL", "mail 1 close", "not sent at MAIL FROM: the relay closed"),
        ("reset at MAIL", "mail 1 reset", "not sent at MAIL FROM: the connection broke"),
        (
            "silence at MAIL",
            "mail 1 stall",
            "not sent at MAIL FROM: the relay was silent for 400ms",
        ),
        ("garbage at MAIL", "mail 1 garbage", "not sent at MAIL FROM: what the relay said is no"),
        ("dribble at MAIL", "mail 1 dribble 60", "not sent at MAIL FROM: the relay was silent"),
        ("3yz at MAIL", "mail 1 reply 354 what", "not sent at MAIL FROM: the relay is out of step"),
        ("close at RCPT", "rcpt 1 close", "not sent at RCPT TO: the relay closed"),
        ("silence at RCPT", "rcpt 1 stall", "not sent at RCPT TO: the relay was silent"),
        ("garbage at RCPT", "rcpt 1 garbage", "not sent at RCPT TO: what the relay said is no"),
        ("close at DATA", "data 1 close", "not sent at DATA: the relay closed"),
        ("2yz at DATA", "data 1 reply 250 ok", "not sent at DATA: the relay is out of step"),
        ("silence at DATA", "data 1 stall", "not sent at DATA: the relay was silent"),
        ("an extra reply at MAIL", "mail 1 also 250 again", "not sent at "),
        ("an extra reply at DATA", "data 1 also 250 again", "not sent at the message body: the"),
    ];
    for (name, script, expected) in rows {
        check(name, script, SMALL, expected, false).await;
        let one_by_one = format!("hello without PIPELINING\n{script}");
        check(&format!("{name}, one by one"), &one_by_one, SMALL, expected, false).await;
    }
}

#[tokio::test]
async fn an_empty_message_is_sent_to_nobody() {
    let script = "mail 1 reply 550 5.7.1 no\nrcpt 1 reply 250 ok\ndata 1 reply 354 go on";
    check("a mad relay", script, SMALL, "refused at MAIL FROM: 550 5.7.1 no", false).await;
}

#[tokio::test]
async fn a_421_closes_the_connection_wherever_it_comes() {
    for (step, stage) in [
        ("mail", "MAIL FROM"),
        ("rcpt", "RCPT TO"),
        ("data", "DATA"),
        ("dot", "the end of the message"),
    ] {
        let script = format!("{step} 1 reply 421 4.3.2 going down");
        let expected = format!("refused at {stage}: 421 4.3.2 going down");
        check(step, &script, SMALL, &expected, false).await;
        check(step, &format!("hello without PIPELINING\n{script}"), SMALL, &expected, false).await;
    }
}

#[tokio::test]
async fn a_break_inside_the_body_is_not_sent_but_a_waiting_refusal_counts() {
    for (name, script, expected) in [
        ("reset inside the body", "body 1 reset", "not sent at the message body: the connection"),
        ("close inside the body", "body 1 close", "not sent at the message body: "),
        (
            "silence inside the body",
            "body 1 stall",
            "not sent at the message body: the relay was silent",
        ),
        (
            "early 552 and close",
            "body 1 reply 552 5.3.4 big",
            "refused at the message body: 552 5.3.4",
        ),
        (
            "early 552 and silence",
            "body 1 also 552 5.3.4 big",
            "refused at the message body: 552 5.3.4 big",
        ),
        ("early 421", "body 1 reply 421 4.3.2 bye", "refused at the message body: 421"),
    ] {
        check(name, script, LARGE, expected, false).await;
    }
}

#[tokio::test]
async fn anything_but_a_reply_after_the_dot_is_in_doubt() {
    for (name, script, expected) in [
        ("close", "dot 1 close", "in doubt: the relay closed the connection"),
        ("taken, and the reply lost", "dot 1 accept-then-close", "in doubt: the relay closed"),
        ("reset", "dot 1 reset", "in doubt: the connection broke"),
        ("silence", "dot 1 stall", "in doubt: the relay was silent for 400ms"),
        ("dribble", "dot 1 dribble 60", "in doubt: the relay was silent for 400ms"),
        ("garbage", "dot 1 garbage", "in doubt: what the relay said is no SMTP reply"),
        ("3yz", "dot 1 reply 354 what", "in doubt: the relay answered `354 what`"),
        ("6yz", "dot 1 reply 650 what", "in doubt: what the relay said is no SMTP reply: `650"),
        (
            "codes that differ",
            "dot 1 reply 250-yes\\n550 no",
            "in doubt: what the relay said is no",
        ),
        ("reset in a small body, all of it sent", "body 1 reset", "in doubt: the connection broke"),
    ] {
        check(name, script, SMALL, expected, false).await;
    }
}

#[tokio::test]
async fn an_over_long_reply_after_the_dot_counts_by_its_first_digits() {
    let long = "x".repeat(20_000);
    for (code, expected) in [
        ("250", "accepted: 250"),
        ("451", "refused at the end of the message: 451"),
        ("554", "refused at the end of the message: 554"),
        ("354", "in doubt: the relay answered `354"),
    ] {
        check(code, &format!("dot 1 reply {code} {long}"), SMALL, expected, false).await;
    }
}

#[tokio::test]
async fn what_a_relay_says_unasked_closes_the_connection_before_the_next_message() {
    for (name, script, expected) in [
        (
            "an unsolicited 421",
            "dot 1 also 421 4.4.2 idle",
            "not sent at MAIL FROM: the relay spoke out of turn: `421 4.4.2 idle`",
        ),
        (
            "an extra reply",
            "dot 1 also 250 2.0.0 kept",
            "not sent at MAIL FROM: the relay spoke out of turn: `250 2.0.0 kept`",
        ),
        (
            "250 then close",
            "dot 1 hang-up",
            "not sent at MAIL FROM: the relay closed the connection",
        ),
    ] {
        let outbox = start(settings(script));
        let mut connection = Connection::open(&relay(&outbox)).await.expect(name);
        assert!(
            matches!(deliver(&mut connection, 1, SMALL).await, Handover::Accepted(_)),
            "{name}"
        );
        // It may come a moment after the reply.
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(told(&deliver(&mut connection, 2, SMALL).await), expected, "{name}");
        assert!(!connection.is_open(), "{name}");
        assert_eq!((taken(&outbox, 1), taken(&outbox, 2)), (1, 0), "{name}");

        let outbox = start(settings(script));
        let mut connection = Connection::open(&relay(&outbox)).await.expect(name);
        assert!(connection.is_alive().await, "{name}");
        deliver(&mut connection, 1, SMALL).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!connection.is_alive().await, "{name}");
        assert!(!connection.is_open(), "{name}");
    }
}

#[tokio::test]
async fn a_delivery_that_is_dropped_takes_its_connection_with_it() {
    for step in ["mail", "rcpt", "data", "body", "dot"] {
        let outbox = start(settings(&format!("{step} 1 wait 60")));
        let mut connection = Connection::open(&relay(&outbox)).await.expect(step);
        let dropped =
            tokio::time::timeout(Duration::from_millis(20), deliver(&mut connection, 1, SMALL));
        assert!(dropped.await.is_err(), "{step}");
        assert!(!connection.is_open(), "{step}");
        tokio::time::sleep(Duration::from_millis(80)).await;
        let next = told(&deliver(&mut connection, 2, SMALL).await);
        assert_eq!(next, "not sent at MAIL FROM: the connection is closed", "{step}");
        assert_eq!(taken(&outbox, 2), 0, "{step}");
    }
}

#[tokio::test]
async fn the_dot_does_not_leave_once_the_lease_is_over() {
    let outbox = start(settings("data 1 wait 60"));
    let mut connection = Connection::open(&relay(&outbox)).await.expect("it opens");
    let to = address("reader@example.com");
    let envelope = Envelope { from: "", to: &to, id: None };
    let over = Instant::now() + Duration::from_millis(20);
    let handover = connection.deliver(&envelope, &message(1, SMALL), Some(over)).await;
    assert_eq!(told(&handover), "not sent at the message body: our own time for it was over");
    assert!(!connection.is_open());

    let outbox = start(settings("body 1 stall"));
    let mut connection = Connection::open(&relay(&outbox)).await.expect("it opens");
    let over = Instant::now() + Duration::from_millis(50);
    let handover = connection.deliver(&envelope, &message(1, LARGE), Some(over)).await;
    assert_eq!(told(&handover), "not sent at the message body: our own time for it was over");
    assert_eq!(outbox.accepted(), 0);
}

#[tokio::test]
async fn what_may_not_be_put_on_a_wire_is_unfit_and_the_connection_goes_on() {
    let outbox = start(settings("hello reply 250-x\\n250-SIZE 1000\\n250 PIPELINING"));
    let mut connection = Connection::open(&relay(&outbox)).await.expect("it opens");
    assert_eq!(connection.capabilities().size(), Some(1000));
    let (plain, utf8) = (address("reader@example.com"), address("jörg@example.com"));
    let big = message(1, 1000);
    for (from, to, message, expected) in [
        ("a@b.example", &plain, b"a\nb".as_slice(), "unfit: line 1 ends in a bare LF"),
        ("a@b.example", &plain, b"", "unfit: the message is empty"),
        ("a@b.example> X", &plain, b"a\r\n", "unfit: the return path is no mailbox"),
        (
            "a@b.example",
            &plain,
            &big,
            "unwelcome: the message has 1063 bytes, and the relay takes at most 1000",
        ),
        (
            "a@b.example",
            &plain,
            "é\r\n".as_bytes(),
            "unwelcome: the message has 8-bit bytes, and the relay does not offer 8BITMIME",
        ),
        (
            "a@b.example",
            &utf8,
            b"a\r\n",
            "unfit: the address is not ASCII, and the relay does not offer SMTPUTF8",
        ),
    ] {
        let handover = connection.deliver(&Envelope { from, to, id: None }, message, None).await;
        assert_eq!(told(&handover), expected);
        assert!(connection.is_open());
    }
    assert!(matches!(deliver(&mut connection, 1, SMALL).await, Handover::Accepted(_)));
    assert_eq!(connection.messages(), 1);
}

#[tokio::test]
async fn a_message_arrives_byte_for_byte() {
    let outbox = start(OutboxSettings::new(Keep::Memory));
    let mut connection = Connection::open(&relay(&outbox)).await.expect("it opens");
    let to = address("jörg@example.com");
    let envelope = Envelope { from: "a@b.example", to: &to, id: None };
    let bodies = [".\r\n..\r\n.a\r\n", "\r\n.\r\nMAIL FROM:<x@y.example>\r\n", "é\r\n", "\r\n"];
    for body in bodies {
        let handover = connection.deliver(&envelope, body.as_bytes(), None).await;
        assert!(matches!(handover, Handover::Accepted(_)), "{}", told(&handover));
    }
    let letters = outbox.letters();
    for (letter, body) in letters.iter().zip(bodies) {
        assert_eq!(String::from_utf8_lossy(&letter.bytes), body);
        assert_eq!(letter.to, ["jörg@example.com"]);
    }
    assert_eq!(letters.len(), bodies.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_a_relay_does_nobody_is_lost_or_told_of_falsely(
        rules in proptest::collection::vec(misdeed(), 1..9),
        pipelining: bool,
    ) {
        let offer = if pipelining { "" } else { "hello without PIPELINING\n" };
        let script = format!("{offer}{}", rules.join("\n"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("it can be built").block_on(survive(&script));
    }
}

/// One rule that acts once, among the first messages.
pub(crate) fn misdeed() -> impl Strategy<Value = String> {
    let steps = proptest::sample::select(vec!["mail", "rcpt", "data", "dot"]);
    let actions = proptest::sample::select(vec![
        "close",
        "reset",
        "hang-up",
        "accept-then-close",
        "garbage",
        "wait 1",
        "dribble 0",
        "reply 250 yes",
        "reply 354 go on",
        "reply 421 4.3.2 bye",
        "reply 451 4.3.0 later",
        "reply 550 5.1.1 no",
        "reply 250-yes\\n550 no",
        "also 250 again",
        "also 354 again",
        "also 550 again",
        "also 421 4.4.2 idle",
    ]);
    (steps, 1..7, actions).prop_map(|(step, time, action)| format!("{step} {time} {action}"))
}

async fn survive(script: &str) {
    let outbox = start(settings(script));
    let relay = relay(&outbox);
    let mut connection = Connection::open(&relay).await.expect("nothing is wrong with the opening");
    for number in 1..=9 {
        if !connection.is_open() {
            connection = Connection::open(&relay).await.expect("nothing is wrong with the opening");
        }
        let handover = deliver(&mut connection, number, SMALL).await;
        let took = taken(&outbox, number);
        let told_truly = match handover {
            Handover::Accepted(_) => took == 1,
            Handover::InDoubt { .. } => took <= 1,
            _ => took == 0,
        };
        assert!(
            told_truly,
            "{script}: message {number} was taken {took} times: {}",
            told(&handover)
        );
    }
}

// Opening.

async fn opened(relay: &Relay) -> String {
    match Connection::open(relay).await {
        Ok(connection) => {
            connection.quit().await;
            "open".to_owned()
        }
        Err(error) => error.to_string().replace(&relay.name(), "R"),
    }
}

#[tokio::test]
async fn a_server_that_does_not_begin_well_is_named_with_its_step() {
    let ten_kilobytes = format!("hello reply 250-x\\n250 {}", "x".repeat(10_000));
    let thousand_lines = format!("hello reply {}250 PIPELINING", "250-X\\n".repeat(999));
    let endless = format!("hello reply {}250 PIPELINING", "250-X\\n".repeat(1_000));
    for (name, script, expected) in [
        (
            "silent",
            "greeting stall",
            "the relay R failed at the greeting: the relay was silent for 400ms",
        ),
        (
            "dribbled",
            "greeting dribble 60",
            "the relay R failed at the greeting: the relay was silent",
        ),
        (
            "garbage",
            "greeting garbage",
            "the relay R failed at the greeting: what the relay said is no",
        ),
        (
            "close",
            "greeting close",
            "the relay R failed at the greeting: the relay closed the connection",
        ),
        ("554", "greeting reply 554 5.7.1 no", "the relay R refused at the greeting: 554 5.7.1 no"),
        (
            "421",
            "greeting reply 421 4.3.2 busy",
            "the relay R refused at the greeting: 421 4.3.2 busy",
        ),
        (
            "a word too many",
            "greeting also 250 hm",
            "the relay R failed at EHLO: the relay spoke out",
        ),
        (
            "EHLO and HELO refused",
            "hello reply 550 5.7.1 no",
            "the relay R refused at EHLO: 550 5.7.1 no",
        ),
        (
            "EHLO refused for now",
            "hello reply 451 4.3.0 no",
            "the relay R refused at EHLO: 451 4.3.0 no",
        ),
        ("EHLO 421", "hello reply 421 4.3.0 no", "the relay R refused at EHLO: 421 4.3.0 no"),
        ("EHLO unknown, HELO known", "hello 1 reply 500 what", "open"),
        ("1,000 lines", &thousand_lines, "open"),
        ("1,001 lines", &endless, "the relay R failed at EHLO: the reply of the relay is too long"),
        ("a 10 kB line", &ten_kilobytes, "open"),
        ("NUL", "hello reply 250-x\0y\\n250 PIPE\0LINING", "open"),
        (
            "close at EHLO",
            "hello close",
            "the relay R failed at EHLO: the relay closed the connection",
        ),
    ] {
        let outbox = start(settings(script));
        let words = opened(&patient(relay(&outbox), expected)).await;
        assert!(words.starts_with(expected), "{name}: {words}");
    }
}

#[tokio::test]
async fn a_relay_that_cannot_be_reached_is_named() {
    let unused = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let port = unused.local_addr().expect("it is bound").port();
    drop(unused);
    let outbox = start(settings(""));
    let refused = opened(&Relay { port, ..relay(&outbox) }).await;
    assert!(
        refused.starts_with("the relay R failed at connecting: Connection refused"),
        "{refused}"
    );
    let unknown = opened(&Relay { host: "a..b".into(), ..relay(&outbox) }).await;
    assert!(unknown.starts_with("the relay R failed at connecting: its name is not"), "{unknown}");
    let found = opened(&Relay { host: "localhost".into(), ..relay(&outbox) }).await;
    assert_eq!(found, "open");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_relay_that_swallows_the_first_packet_is_given_up() {
    use socket2::{Domain, Socket, Type};
    // A full queue of connections makes Linux drop what comes on top.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are sockets");
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("there is a port");
    socket.listen(0).expect("it listens");
    let full = TcpListener::from(socket);
    let address = full.local_addr().expect("it is bound");
    let wait = Duration::from_millis(100);
    let waiting: Vec<_> =
        std::iter::from_fn(|| std::net::TcpStream::connect_timeout(&address, wait).ok()).collect();
    assert!(waiting.len() < 10);
    let outbox = start(settings(""));
    let swallowing = Relay { port: address.port(), ..relay(&outbox) };
    let words = opened(&Relay { deadlines: deadlines(SHORT), ..swallowing }).await;
    assert_eq!(words, "the relay R failed at connecting: no answer in 400ms");
}

// TLS and AUTH.

/// A certificate for `name`, signed by an authority of its own; both as PEM and for the server.
pub(crate) struct Identity {
    pub(crate) authority: Vec<u8>,
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) config: Arc<rustls::ServerConfig>,
}

impl Identity {
    pub(crate) fn of(name: &str, last_year: i32) -> Self {
        use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
        let mut params = CertificateParams::new(Vec::new()).expect("no names are good names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("there is randomness");
        let authority = params.self_signed(&key).expect("it can sign");
        let issuer = Issuer::new(params, key);
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("it is a name");
        params.not_after = date_time_ymd(last_year, 1, 1);
        let key = KeyPair::generate().expect("there is randomness");
        let certificate = params.signed_by(&key, &issuer).expect("it can be signed");
        let pem = key.serialize_pem();
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("the key fits");
        Self {
            authority: authority.pem().into_bytes(),
            certificate: certificate.pem(),
            key: pem,
            config: Arc::new(config),
        }
    }
}

const BOTH: [Security; 2] = [Security::Implicit, Security::StartTls];

fn encrypted(script: &str, identity: &Identity, security: Security) -> (Outbox, Relay) {
    let login = Some(("report".to_owned(), Secret::new("pass word")));
    guarded_by(login, script, identity, security)
}

fn guarded_by(
    login: Option<(String, Secret)>,
    script: &str,
    identity: &Identity,
    security: Security,
) -> (Outbox, Relay) {
    let tls =
        Tls { config: Arc::clone(&identity.config), implicit: security == Security::Implicit };
    let outbox = start(OutboxSettings { tls: Some(tls), login, ..settings(script) });
    let relay = Relay {
        host: "localhost".into(),
        security,
        trust: identity.authority.clone(),
        credentials: Some(with_password("report", "pass word")),
        ..relay(&outbox)
    };
    (outbox, relay)
}

#[tokio::test]
async fn messages_are_handed_over_inside_tls() {
    let identity = Identity::of("localhost", 2100);
    for security in BOTH {
        let (outbox, relay) = encrypted("", &identity, security);
        let mut connection = Connection::open(&relay).await.expect("it opens");
        for (number, size) in [(1, SMALL), (2, 2_000_000), (3, SMALL)] {
            let handover = deliver(&mut connection, number, size).await;
            assert!(matches!(handover, Handover::Accepted(_)), "{}", told(&handover));
        }
        connection.quit().await;
        assert_eq!(outbox.accepted(), 3);
    }
}

#[tokio::test]
async fn inside_tls_a_break_is_judged_as_outside() {
    let identity = Identity::of("localhost", 2100);
    for (script, size, expected) in [
        ("mail 1 close", SMALL, "not sent at MAIL FROM: the relay closed the connection"),
        ("rcpt 1 reply 550 5.1.1 no", SMALL, "refused at RCPT TO: 550 5.1.1 no"),
        ("body 1 stall", LARGE, "not sent at the message body: the relay was silent"),
        ("body 1 reset", LARGE, "not sent at the message body: the connection broke"),
        ("body 1 reply 552 5.3.4 big", LARGE, "refused at the message body: 552 5.3.4 big"),
        ("dot 1 close", SMALL, "in doubt: the relay closed the connection"),
        ("dot 1 reset", SMALL, "in doubt: the connection broke"),
        ("dot 1 stall", SMALL, "in doubt: the relay was silent"),
        ("dot 1 accept-then-close", SMALL, "in doubt: the relay closed the connection"),
    ] {
        let (outbox, relay) = encrypted(script, &identity, Security::Implicit);
        let mut connection = open(&patient(relay, expected)).await;
        let words = told(&deliver(&mut connection, 1, size).await);
        assert!(words.starts_with(expected), "{script}: {words}");
        assert_eq!(outbox.accepted(), u64::from(script.contains("accept")), "{script}");
    }
    for (script, expected) in [
        ("dot 1 also 421 4.4.2 idle", "not sent at MAIL FROM: the relay spoke out of turn: `421"),
        ("dot 1 hang-up", "not sent at MAIL FROM: the relay closed the connection"),
    ] {
        let (_outbox, relay) = encrypted(script, &identity, Security::Implicit);
        let mut connection = Connection::open(&relay).await.expect(script);
        assert!(matches!(deliver(&mut connection, 1, SMALL).await, Handover::Accepted(_)));
        tokio::time::sleep(Duration::from_millis(20)).await;
        let words = told(&deliver(&mut connection, 2, SMALL).await);
        assert!(words.starts_with(expected), "{script}: {words}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_good_is_refused_before_anything_secret_is_said() {
    let good = Identity::of("localhost", 2100);
    let nobody = Vec::new();
    for (name, identity, trust, why) in [
        ("self-signed", &good, &nobody, "nobody we trust has signed it"),
        ("expired", &Identity::of("localhost", 2020), &good.authority, "it has expired"),
        (
            "another host",
            &Identity::of("relay.example", 2100),
            &good.authority,
            "it is not for `localhost`",
        ),
    ] {
        for security in BOTH {
            let (outbox, relay) = encrypted("", identity, security);
            let own = if name == "self-signed" { trust } else { &identity.authority };
            let relay = Relay { trust: own.clone(), ..relay };
            let expected = format!("the certificate of the relay R is not trusted: {why}");
            assert_eq!(opened(&relay).await, expected, "{name}");
            assert_eq!(outbox.accepted(), 0);
        }
    }
    let (_outbox, relay) = encrypted("", &good, Security::Implicit);
    let words = opened(&Relay { trust: b"not PEM".to_vec(), ..relay }).await;
    assert_eq!(words, "the relay R: the file of certificates to trust holds none");
}

#[tokio::test]
async fn starttls_that_is_required_is_never_gone_without() {
    let identity = Identity::of("localhost", 2100);
    for (name, script, expected) in [
        (
            "stripped",
            "hello without STARTTLS",
            "the relay R: it does not offer STARTTLS, which is required",
        ),
        (
            "refused",
            "tls reply 454 4.7.0 not now",
            "the relay R refused at STARTTLS: 454 4.7.0 not now",
        ),
        (
            "injected",
            "tls also 250-localhost\\n250 AUTH PLAIN",
            "the relay R: more than a reply came before TLS: somebody may be injecting",
        ),
        (
            "EHLO refused",
            "hello reply 502 5.5.1 what",
            "the relay R refused at EHLO: 502 5.5.1 what",
        ),
        ("EHLO refused inside", "hello 2 reply 451 4.3.0 no", "the relay R refused at EHLO: 451"),
        ("close", "tls close", "the relay R failed at STARTTLS: the relay closed the connection"),
        (
            "no handshake",
            "tls garbage",
            "the relay R failed at STARTTLS: what the relay said is no",
        ),
    ] {
        let (_outbox, relay) = encrypted(script, &identity, Security::StartTls);
        let words = opened(&relay).await;
        assert!(words.starts_with(expected), "{name}: {words}");
    }
    let plain = start(settings(""));
    let handshake = Relay { security: Security::Implicit, ..relay(&plain) };
    let words = opened(&handshake).await;
    assert!(words.starts_with("the relay R failed at STARTTLS: no TLS with it"), "{words}");
}

#[tokio::test]
async fn who_we_are_is_said_inside_tls_and_in_no_error() {
    let identity = Identity::of("localhost", 2100);
    let echo = "auth reply 535 5.7.8 AHJlcG9ydABwYXNzIHdvcmQ= is pass word no cGFzcyB3b3Jk";
    let login = "hello reply 250-x\\n250 AUTH LOGIN";
    for (name, script, expected) in [
        ("PLAIN", "", "open"),
        ("LOGIN", login, "open"),
        ("refused", "auth reply 535 5.7.8 no", "the relay R refused at AUTH: 535 5.7.8 no"),
        ("not now", "auth reply 454 4.7.0 later", "the relay R refused at AUTH: 454 4.7.0 later"),
        ("closed", "auth close", "the relay R failed at AUTH: the relay closed the connection"),
        ("echoed", echo, "the relay R refused at AUTH: 535 5.7.8 … is … no cGFzcyB3b3Jk"),
        (
            "echoed, LOGIN",
            &format!("{login}\n{echo}"),
            "the relay R refused at AUTH: 535 5.7.8 AHJlcG9ydABwYXNzIHdvcmQ= is … no …",
        ),
        (
            "garbage",
            "auth garbage",
            "the relay R failed at AUTH: what the relay said is no SMTP reply: `…`",
        ),
        ("no way", "hello reply 250 x", "the relay R: it offers neither AUTH PLAIN nor AUTH LOGIN"),
        (
            "only others",
            "hello reply 250-x\\n250 AUTH CRAM-MD5",
            "the relay R: it offers neither AUTH",
        ),
    ] {
        let (_outbox, relay) = encrypted(script, &identity, Security::Implicit);
        let words = opened(&relay).await;
        assert!(words.starts_with(expected), "{name}: {words}");
    }
    let (_outbox, relay) = encrypted("", &identity, Security::Implicit);
    let wrong = with_password("report", "guess");
    let words = opened(&Relay { credentials: Some(wrong), ..relay }).await;
    assert_eq!(words, "the relay R refused at AUTH: 535 5.7.8 wrong user or password");
}

#[tokio::test]
async fn a_password_never_goes_over_a_plain_connection() {
    let outbox = start(settings(""));
    for (credentials, what) in
        [(with_password("a", "secret"), "password"), (with_token("a", &["secret"]).0, "token")]
    {
        let relay = Relay { credentials: Some(credentials), ..relay(&outbox) };
        let error = Connection::open(&relay).await.expect_err("it is not safe");
        assert!(matches!(error, OpenError::Unsafe { .. }), "{error}");
        let why = format!("a {what} never goes over a connection without TLS");
        assert!(error.to_string().ends_with(&why), "{error}");
    }
    assert_eq!(outbox.connections(), 0);
}

fn with_password(user: &str, password: &str) -> Credentials {
    Credentials { user: user.to_owned(), proof: Proof::Password(Secret::new(password)) }
}

/// Has these tokens, one after the other, and then no other one; counts how often it is asked for one.
fn with_token(user: &str, tokens: &[&str]) -> (Credentials, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let later: Vec<Secret> = tokens.iter().map(|token| Secret::new(*token)).collect();
    let again = move || {
        let time = counter.fetch_add(1, Ordering::SeqCst) + 1;
        later.get(time).or(later.last()).cloned().ok_or_else(|| "there is none".to_owned())
    };
    let tokens = Tokens::new(Secret::new(tokens[0]), again).expect("it is a token");
    (Credentials { user: user.to_owned(), proof: Proof::Token(tokens) }, asked)
}

#[tokio::test]
async fn a_token_is_said_as_a_token_inside_tls_and_in_no_error() {
    let identity = Identity::of("localhost", 2100);
    let said = BASE64.encode(b"user=report\x01auth=Bearer ya29.token\x01\x01");
    let echo = format!("auth reply 535 5.7.8 {said} is ya29.token no");
    for (name, script, token, expected) in [
        ("accepted", "", "ya29.token", "open"),
        // The relay says why with 334, hears an empty line, and refuses.
        (
            "refused",
            "",
            "ya29.old",
            "the relay R refused at AUTH: 535 5.7.8 wrong user or password",
        ),
        ("echoed", &echo, "ya29.token", "the relay R refused at AUTH: 535 5.7.8 … is … no"),
        (
            "not now",
            "auth reply 454 4.7.0 later",
            "ya29.token",
            "the relay R refused at AUTH: 454 4.7.0 later",
        ),
        (
            "closed",
            "auth close",
            "ya29.token",
            "the relay R failed at AUTH: the relay closed the connection",
        ),
        (
            "asked twice",
            "auth reply 334 e30=",
            "ya29.old",
            "the relay R failed at AUTH: what the relay said is no SMTP reply: `334`",
        ),
        (
            "not offered",
            "hello reply 250-x\\n250-STARTTLS\\n250 AUTH PLAIN LOGIN",
            "ya29.token",
            "the relay R: it does not offer AUTH XOAUTH2, which `auth = \"xoauth2\"` under [relay] asks for",
        ),
    ] {
        for security in BOTH {
            let (outbox, relay) = entrusted(script, &identity, security);
            let (credentials, asked) = with_token("report", &[token]);
            let words = opened(&Relay { credentials: Some(credentials), ..relay }).await;
            assert_eq!(words, expected, "{name}");
            // Where there is no other token, the relay is not asked a second time.
            assert_eq!(outbox.connections(), 1, "{name}");
            assert_eq!(
                asked.load(Ordering::SeqCst),
                usize::from(words.contains(" 535 ")),
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn a_password_is_never_said_as_a_token() {
    let identity = Identity::of("localhost", 2100);
    let script = "hello reply 250-x\\n250 AUTH XOAUTH2";
    let (_outbox, relay) = encrypted(script, &identity, Security::Implicit);
    let words = opened(&relay).await;
    assert_eq!(
        words,
        "the relay R: it takes no password, only a token (XOAUTH2): `auth = \"xoauth2\"` under [relay]"
    );
}

#[tokio::test]
async fn a_token_that_has_run_out_is_asked_for_anew_once() {
    let identity = Identity::of("localhost", 2100);
    for (tokens, knocks, expected) in [
        (&["ya29.old", "ya29.token"][..], 2, "open"),
        (&["ya29.old", "ya29.wrong", "ya29.token"], 2, "the relay R refused at AUTH: 535"),
    ] {
        let (outbox, relay) = entrusted("", &identity, Security::Implicit);
        let (credentials, asked) = with_token("report", tokens);
        let relay = Relay { credentials: Some(credentials), ..relay };
        let words = opened(&relay).await;
        assert!(words.starts_with(expected), "{tokens:?}: {words}");
        assert_eq!((outbox.connections(), asked.load(Ordering::SeqCst)), (knocks, 1), "{tokens:?}");
    }
}

#[tokio::test]
async fn where_no_token_can_be_had_the_relay_is_left_alone() {
    let identity = Identity::of("localhost", 2100);
    let (outbox, relay) = entrusted("", &identity, Security::Implicit);
    let none = || Err("the password command failed: exit status: 1".to_owned());
    let tokens = Tokens::new(Secret::new("ya29.old"), none).expect("it is a token");
    let credentials = Some(Credentials { user: "report".into(), proof: Proof::Token(tokens) });
    let relay = Relay { credentials, ..relay };
    let expected = "there is no token for the relay R: the password command failed: exit status: 1";
    assert_eq!(opened(&relay).await, expected);
    assert_eq!(opened(&relay).await, expected);
    assert_eq!(outbox.connections(), 1, "with the one that was refused");
}

/// A relay that takes the token `ya29.token`.
fn entrusted(script: &str, identity: &Identity, security: Security) -> (Outbox, Relay) {
    let login = Some(("report".to_owned(), Secret::new("ya29.token")));
    guarded_by(login, script, identity, security)
}
