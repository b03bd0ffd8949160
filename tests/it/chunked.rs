//! Messages that go by their length (BDAT, RFC 3030): what each is told, whatever the relay does.

use postrider::{
    model::Address,
    outbox::{Keep, Outbox, OutboxSettings},
    smtp::{Connection, Envelope, Handover, Inspected, Parcel, Relay},
};
use proptest::prelude::*;

use crate::smtp::{misdeed, relay, told};

fn start(script: &str) -> Outbox {
    let script = script.parse().expect("it is a script");
    let settings = OutboxSettings { script, ..OutboxSettings::new(Keep::Memory) };
    Outbox::start(settings).expect("a port is free")
}

fn message(number: usize, size: usize) -> Vec<u8> {
    let head = format!("Message-ID: <{number}@sender.example>\r\n\r\n.\r\n..\r\n");
    [head.into_bytes(), [b"x".repeat(76), b"\r\n".to_vec()].concat().repeat(size / 78)].concat()
}

async fn open(relay: &Relay) -> Connection {
    let mut connection = Connection::open(relay).await.expect("it opens");
    connection.allow_chunking(true);
    connection
}

async fn deliver(connection: &mut Connection, number: usize, size: usize) -> Handover {
    let to: Address = "reader@example.com".parse().expect("it is an address");
    let envelope = Envelope { from: "bounce@sender.example", to: &to, id: None };
    let message = Inspected::new(message(number, size));
    let parcel = Parcel { envelope, message: &message };
    connection.hand_over(parcel, None, None, || Ok(())).await
}

fn taken(outbox: &Outbox, number: usize) -> usize {
    let id = format!("<{number}@sender.example>");
    outbox.acceptances().iter().filter(|one| one.message_id == id).count()
}

const YES: &str = "accepted: 250 2.0.0 kept";

/// Hands over a first message, by which the relay is got to know, a second by its length, at which `script` is played, and a third.
async fn check(script: &str, size: usize, expected: &str, stays_open: bool) {
    let outbox = start(script);
    let relay = relay(&outbox);
    let mut connection = open(&relay).await;
    assert_eq!(told(&deliver(&mut connection, 1, 100).await), YES, "{script}");
    assert!(connection.is_chunking(), "{script}");
    let second = deliver(&mut connection, 2, size).await;
    let words = told(&second);
    assert!(words.starts_with(expected), "{script}: {words}");
    assert_eq!(connection.is_open(), stays_open, "{script}");
    match second {
        Handover::Accepted(_) => assert_eq!(taken(&outbox, 2), 1, "{script}"),
        Handover::InDoubt { .. } => assert!(taken(&outbox, 2) <= 1, "{script}"),
        _ => assert_eq!(taken(&outbox, 2), 0, "{script}"),
    }
    if !stays_open {
        connection = open(&relay).await;
    }
    assert_eq!(told(&deliver(&mut connection, 3, 100).await), YES, "{script}");
    assert_eq!((taken(&outbox, 1), taken(&outbox, 3)), (1, 1), "{script}");
    connection.quit().await;
}

#[tokio::test]
async fn a_message_by_its_length_is_told_its_fate() {
    for (script, expected, stays_open) in [
        ("", YES, true),
        ("mail 2 dribble 0\nrcpt 2 wait 5\ndot 2 dribble 0", YES, true),
        ("mail 2 reply 451 4.3.0 later", "refused at MAIL FROM: 451 4.3.0 later", true),
        ("rcpt 2 reply 550 5.1.1 unknown", "refused at RCPT TO: 550 5.1.1 unknown", true),
        ("rcpt 2 reply 450 4.2.0 grey", "refused at RCPT TO: 450 4.2.0 grey", true),
        ("data 2 reply 451 4.3.0 full", "refused at the end of the message: 451 4.3.0", false),
        ("data 2 reply 503 5.5.1 what", "refused at the end of the message: 503 5.5.1", false),
        ("data 2 reply 502 5.5.1 no BDAT", "refused at the end of the message: 502 5.5.1", false),
        ("dot 2 reply 554 5.6.0 spam", "refused at the end of the message: 554 5.6.0", false),
        ("dot 2 reply 451 4.7.1 grey", "refused at the end of the message: 451 4.7.1", false),
        // No goodbye shows that it was the answer to the message.
        ("dot 2 reply 421 4.3.2 bye", "in doubt: the relay closed the connection", false),
        ("data 2 reply 421 4.3.2 bye", "in doubt: the relay closed the connection", false),
        ("mail 2 reply 421 4.3.2 bye", "refused at MAIL FROM: 421 4.3.2 bye", false),
        ("dot 2 close", "in doubt: the relay closed the connection", false),
        ("dot 2 accept-then-close", "in doubt: the relay closed the connection", false),
        ("dot 2 reset", "in doubt: the connection broke", false),
        ("dot 2 garbage", "in doubt: what the relay said is no SMTP reply", false),
        ("dot 2 reply 354 what", "in doubt: the relay", false),
        // It has left whole before the relay could break off.
        ("mail 2 close", "in doubt: the relay closed the connection", false),
        ("rcpt 2 garbage", "in doubt: what the relay said is no SMTP reply", false),
        ("data 2 close", "in doubt: the relay closed the connection", false),
        // One answer too many could be taken for the next command's.
        ("mail 2 also 250 again", "in doubt: the relay is out of step", false),
        ("mail 2 also 550 again", "in doubt: the relay is out of step", false),
        ("mail 2 also 421 4.4.2 idle", "refused at RCPT TO: 421 4.4.2 idle", false),
        ("rcpt 2 also 421 4.4.2 idle", "in doubt: the relay", false),
        ("rcpt 2 also 250 again", "in doubt: the relay is out of step", false),
        ("rcpt 2 also 550 5.7.1 again", "in doubt: the relay is out of step", false),
        ("rcpt 2 reply 550 5.1.1 no\ndot 2 reply 250 2.0.0 kept", "refused at RCPT TO", true),
    ] {
        check(script, 100, expected, stays_open).await;
    }
}

#[tokio::test]
async fn a_large_message_by_its_length_hears_what_is_said_while_it_leaves() {
    for (script, expected, stays_open) in [
        ("body 2 wait 20", YES, true),
        ("rcpt 2 reply 550 5.1.1 unknown", "refused at RCPT TO: 550 5.1.1 unknown", true),
        ("body 2 reply 552 5.3.4 big", "refused at the message body: 552 5.3.4 big", false),
        ("body 2 also 552 5.3.4 big", "refused at the message body: 552 5.3.4 big", false),
        ("body 2 close", "not sent at the message body: ", false),
        ("mail 2 reply 421 4.3.2 bye", "refused at MAIL FROM: 421 4.3.2 bye", false),
    ] {
        // More than the buffers of both ends hold, so that the relay speaks while it is leaving.
        check(script, 24_000_000, expected, stays_open).await;
    }
}

#[tokio::test]
async fn only_a_relay_whose_answers_tell_themselves_apart_gets_messages_by_length() {
    for (script, expected) in [
        ("", true),
        ("hello without CHUNKING", false),
        ("hello without PIPELINING", false),
        ("hello without ENHANCEDSTATUSCODES", false),
        ("mail reply 250 ok", false),
        ("rcpt reply 250 2.0.0 ok", false),
        ("dot reply 250 ok", false),
        ("dot reply 250 2.1.5 ok", false),
    ] {
        let outbox = start(script);
        let mut connection = open(&relay(&outbox)).await;
        assert!(!connection.is_chunking(), "{script}: nothing is known of it yet");
        for number in 1..=2 {
            let handover = deliver(&mut connection, number, 100).await;
            assert!(matches!(handover, Handover::Accepted(_)), "{script}: {}", told(&handover));
            assert_eq!(connection.is_chunking(), expected, "{script}");
        }
        connection.allow_chunking(false);
        assert!(!connection.is_chunking(), "{script}");
        let arrived: Vec<_> = outbox.letters().into_iter().map(|letter| letter.bytes).collect();
        assert_eq!(arrived, [message(1, 100), message(2, 100)], "{script}");
    }
}

#[tokio::test]
async fn a_message_by_its_length_that_is_kept_back_has_not_left() {
    let outbox = start("");
    let mut connection = open(&relay(&outbox)).await;
    assert_eq!(told(&deliver(&mut connection, 1, 100).await), YES);
    let to: Address = "reader@example.com".parse().expect("it is an address");
    let message = Inspected::new(message(2, 100));
    let envelope = Envelope { from: "", to: &to, id: None };
    let parcel = Parcel { envelope, message: &message };
    let kept = connection.hand_over(parcel, None, None, || Err("not now".to_owned())).await;
    assert_eq!(told(&kept), "not sent at the message body: not now");
    let over = tokio::time::Instant::now();
    let mut connection = open(&relay(&outbox)).await;
    assert_eq!(told(&deliver(&mut connection, 3, 100).await), YES);
    let late = connection.hand_over(parcel, None, Some(over), || Ok(())).await;
    assert_eq!(told(&late), "not sent at the message body: our own time for it was over");
    assert_eq!(outbox.accepted(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_a_relay_does_to_messages_by_length_nobody_is_lost_or_told_of_falsely(
        rules in proptest::collection::vec(misdeed(), 1..9),
    ) {
        let script = rules.join("\n");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("it can be built").block_on(async {
            let outbox = start(&script);
            let relay = relay(&outbox);
            let mut connection = open(&relay).await;
            for number in 1..=9 {
                if !connection.is_open() {
                    connection = open(&relay).await;
                }
                let handover = deliver(&mut connection, number, 100).await;
                let took = taken(&outbox, number);
                let told_truly = match handover {
                    Handover::Accepted(_) => took == 1,
                    Handover::InDoubt { .. } => took <= 1,
                    _ => took == 0,
                };
                assert!(told_truly, "{script}: {number} was taken {took} times: {}", told(&handover));
            }
        });
    }
}
