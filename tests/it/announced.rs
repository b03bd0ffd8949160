//! Envelopes that leave behind the message before (RFC 2920 section 3.1): what each message is told, whatever happens to its neighbours.

use postrider::{
    model::Address,
    outbox::{Keep, Outbox, OutboxSettings},
    smtp::{Connection, Envelope, Handover, Inspected, Parcel},
};

use crate::smtp::{relay, told};

const MESSAGES: usize = 4;

fn message(number: usize) -> Inspected<'static> {
    let text = format!("Message-ID: <{number}@sender.example>\r\nSubject: test\r\n\r\nWords.\r\n");
    Inspected::new(text.into_bytes())
}

/// Hands over four messages, each announcing the next while the connection stands, and returns what each was told.
async fn hand_over(connection: &mut Connection) -> Vec<Handover> {
    let to: Address = "reader@example.com".parse().expect("it is an address");
    let messages: Vec<_> = (1..=MESSAGES).map(message).collect();
    let envelope = Envelope { from: "bounce@sender.example", to: &to, id: None };
    let mut told = Vec::new();
    for at in 0..MESSAGES {
        let next = messages.get(at + 1).map(|message| Parcel { envelope, message });
        let this = Parcel { envelope, message: &messages[at] };
        told.push(connection.hand_over(this, next, None, || Ok(())).await);
    }
    told
}

#[tokio::test]
async fn each_message_is_told_its_own_fate() {
    let yes = "accepted: 250 2.0.0 kept";
    let gone = "not sent at MAIL FROM: the connection is closed";
    for (script, expected) in [
        ("", [yes, yes, yes, yes]),
        (
            "rcpt 2 reply 550 5.1.1 no such user",
            [yes, "refused at RCPT TO: 550 5.1.1 no such user", yes, yes],
        ),
        ("data 3 reply 451 4.3.0 later", [yes, yes, "refused at DATA: 451 4.3.0 later", yes]),
        (
            "dot 2 reply 554 5.7.1 spam",
            [yes, "refused at the end of the message: 554 5.7.1 spam", yes, yes],
        ),
        (
            "dot 2 reply 421 4.3.2 enough",
            [yes, "refused at the end of the message: 421 4.3.2 enough", gone, gone],
        ),
        ("dot 2 accept-then-close", [yes, "in doubt: the relay closed the connection", gone, gone]),
        (
            "mail 2 close",
            [yes, "not sent at MAIL FROM: the relay closed the connection", gone, gone],
        ),
        // The answer to the end of the first waits with those to the envelope behind it, and goes with the connection.
        (
            "mail 2 reset",
            [
                "in doubt: the connection broke: Connection reset by peer (os error 104)",
                gone,
                gone,
                gone,
            ],
        ),
        // Without PIPELINING nothing is announced.
        ("hello without PIPELINING", [yes, yes, yes, yes]),
        // A reply too many is the next message's, whose conversation then makes no sense: it is not sent.
        (
            "dot 1 also 250 2.0.0 once more",
            [
                yes,
                "not sent at DATA: the relay is out of step: it answered `250 2.1.5 recipient ok`",
                gone,
                gone,
            ],
        ),
    ] {
        let settings = OutboxSettings {
            script: script.parse().expect("it is a script"),
            ..OutboxSettings::new(Keep::Count)
        };
        let outbox = Outbox::start(settings).expect("a port is free");
        let mut connection = Connection::open(&relay(&outbox)).await.expect("it opens");
        let handovers = hand_over(&mut connection).await;
        let said: Vec<String> = handovers.iter().map(told).collect();
        assert_eq!(said, expected, "{script}");
        connection.quit().await;
        // The relay took what it said yes to, once; and of the others at most one whose answer was lost.
        let taken: Vec<String> =
            outbox.acceptances().into_iter().map(|acceptance| acceptance.message_id).collect();
        let owed = |(at, handover): (usize, &Handover)| match handover {
            Handover::Accepted(_) | Handover::InDoubt { .. } => {
                Some(format!("<{}@sender.example>", at + 1))
            }
            _ => None,
        };
        let owed: Vec<String> = handovers.iter().enumerate().filter_map(owed).collect();
        assert_eq!(taken, owed, "{script}");
    }
}

#[tokio::test]
async fn a_message_kept_back_at_the_last_moment_has_not_left() {
    let outbox = Outbox::start(OutboxSettings::new(Keep::Count)).expect("a port is free");
    let mut connection = Connection::open(&relay(&outbox)).await.expect("it opens");
    let to: Address = "reader@example.com".parse().expect("it is an address");
    let envelope = Envelope { from: "bounce@sender.example", to: &to, id: None };
    let messages = [message(1), message(2)];
    let [first, second] = messages.each_ref().map(|message| Parcel { envelope, message });
    let handover = connection.hand_over(first, Some(second), None, || Ok(())).await;
    assert!(matches!(handover, Handover::Accepted(_)), "{}", told(&handover));
    assert!(connection.is_ahead());
    let kept = connection.hand_over(second, None, None, || Err("not now".to_owned())).await;
    assert_eq!(told(&kept), "not sent at the message body: not now");
    assert!(!connection.is_open(), "the relay waits for a message that does not come");
    assert_eq!(outbox.accepted(), 1);
}

#[tokio::test]
async fn after_an_announced_envelope_no_other_message_may_follow() {
    let outbox = Outbox::start(OutboxSettings::new(Keep::Count)).expect("a port is free");
    let mut connection = Connection::open(&relay(&outbox)).await.expect("it opens");
    let [one, other]: [Address; 2] =
        ["one@example.com", "other@example.com"].map(|text| text.parse().expect("an address"));
    let to = |to| Envelope { from: "bounce@sender.example", to, id: None };
    let message = message(1);
    let parcel = |envelope| Parcel { envelope, message: &message };
    connection.hand_over(parcel(to(&one)), Some(parcel(to(&one))), None, || Ok(())).await;
    let strange = connection.hand_over(parcel(to(&other)), None, None, || Ok(())).await;
    assert_eq!(told(&strange), "not sent at MAIL FROM: the connection waits for another message");
    assert_eq!(outbox.accepted(), 1);
}

#[tokio::test]
async fn a_message_that_may_not_go_is_not_announced() {
    let outbox = Outbox::start(OutboxSettings::new(Keep::Count)).expect("a port is free");
    let mut connection = Connection::open(&relay(&outbox)).await.expect("it opens");
    let to: Address = "reader@example.com".parse().expect("it is an address");
    let envelope = Envelope { from: "bounce@sender.example", to: &to, id: None };
    let messages = [message(1), Inspected::new(&b"a bare\nline feed\r\n"[..]), message(3)];
    let [first, unfit, third] = messages.each_ref().map(|message| Parcel { envelope, message });
    let handover = connection.hand_over(first, Some(unfit), None, || Ok(())).await;
    assert!(matches!(handover, Handover::Accepted(_)), "{}", told(&handover));
    assert!(!connection.is_ahead(), "its envelope would have to be taken back");
    let kept = connection.hand_over(unfit, None, None, || Ok(())).await;
    assert!(matches!(kept, Handover::Unfit { .. }), "{}", told(&kept));
    let handover = connection.hand_over(third, None, None, || Ok(())).await;
    assert!(matches!(handover, Handover::Accepted(_)), "{}", told(&handover));
    assert_eq!(outbox.accepted(), 2);
}
