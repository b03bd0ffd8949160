//! Signed mail, held against verifiers that are not ours: what we sign holds, and nothing holds once it was changed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use postrider::{
    compose::{DkimKey, Passage, Printed, Purpose, SIGNED_FIELDS, Signer},
    model::Subscriber,
    smtp::Connection,
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use ring::rand::SystemRandom;

use crate::{
    message::{edition, press, reader, text},
    postfix,
};
use judges::{Case, judge};

pub(crate) mod judges;

const RSA: &str = include_str!("../fixtures/dkim/rsa.pem");
const ED25519: &str = include_str!("../fixtures/dkim/ed25519.pem");

#[test]
fn every_mail_we_print_holds_with_both_keys() {
    let mut cyrillic = edition();
    cyrillic.subject = vec![text(&"Казахстан: отчёт по долгам. ".repeat(8))];
    cyrillic.html.push(text(&"Казахстан".repeat(200)));
    cyrillic.text = vec![Passage::Fixed("Уважаемые читатели!\n".repeat(40))];
    let mut ragged = edition();
    ragged.text = vec![Passage::Fixed("\n\n a  \t b \n\t\n.\n..\n\n\n\n".to_owned())];
    ragged.html.push(text("\n\n\n   \n\n"));
    let hostile = hostile();
    let anne = reader("Anne Example");
    let cases = [
        ("as usual", &edition(), &anne, Purpose::Real),
        ("a test mail", &edition(), &anne, Purpose::Test),
        ("hostile values", &edition(), &hostile, Purpose::Real),
        ("base64 and a folded subject", &cyrillic, &anne, Purpose::Real),
        ("a long folded name", &edition(), &reader(&"é".repeat(10_000)), Purpose::Real),
        ("ragged white space", &ragged, &anne, Purpose::Real),
    ];
    let mails: Vec<Case> = cases
        .into_iter()
        .map(|(what, edition, reader, purpose)| {
            let printed = press(edition)
                .signed_by(Some(signer(&[])))
                .print(reader, "<41.7@example.org>", 7, purpose)
                .expect("it prints");
            (what.to_owned(), printed.bytes)
        })
        .collect();
    judge(&records(), &mails, 2);
}

/// What is done to a mail on its way.
type Edit = (&'static str, fn(&str) -> String);

#[test]
fn what_a_relay_may_do_breaks_nothing() {
    let mail = signed();
    let edits: [Edit; 6] = [
        ("a trace before it", |mail| {
            format!("Received: from a by b;\r\n Mon, 6 Oct 2003 06:00:01 +0000\r\n{mail}")
        }),
        ("another fold", |mail| mail.replacen("Subject: ", "Subject:\r\n\t", 1)),
        ("a name in capitals", |mail| mail.replacen("\r\nTo: ", "\r\nTO:  ", 1)),
        ("empty lines at the end", |mail| format!("{mail}\r\n \r\n\r\n")),
        ("white space at the ends of lines", |mail| {
            let (header, body) = mail.split_once("\r\n\r\n").expect("it has a body");
            format!("{header}\r\n\r\n{}", body.replace("\r\n", " \t\r\n"))
        }),
        ("a field that is nobody's", |mail| mail.replacen("\r\n\r\n", "\r\nX-Spam: no\r\n\r\n", 1)),
    ];
    let mails: Vec<Case> =
        edits.into_iter().map(|(what, edit)| (what.to_owned(), edit(&mail).into_bytes())).collect();
    judge(&records(), &mails, 2);
}

#[test]
fn a_signed_field_changed_removed_or_doubled_breaks_both_signatures() {
    let mail = signed();
    let mut mails: Vec<Case> = Vec::new();
    for field in SIGNED_FIELDS {
        let second = match field {
            "Content-Transfer-Encoding" => "7bit".to_owned(),
            _ => "second@example.org".to_owned(),
        };
        let second = format!("{field}: {second}\r\n");
        mails.push((format!("{field} before it"), format!("{second}{mail}").into_bytes()));
        let after = mail.replacen("\r\n\r\n", &format!("\r\n{second}\r\n"), 1);
        mails.push((format!("{field} after it"), after.into_bytes()));
        let Some((start, end)) = place_of(&mail, field) else { continue };
        let (before, rest) = (&mail[..start], &mail[end..]);
        let whole = &mail[start..end];
        mails.push((format!("no {field}"), format!("{before}{rest}").into_bytes()));
        let longer = whole.replacen("\r\n", "x\r\n", 1);
        mails.push((format!("{field} changed"), format!("{before}{longer}{rest}").into_bytes()));
    }
    assert!(mails.len() > 60, "most fields occur");
    judge(&records(), &mails, 0);
}

#[test]
fn a_byte_of_the_body_changed_breaks_both_signatures() {
    let mail = signed().into_bytes();
    let start = mail.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a body") + 4;
    let visible: Vec<usize> =
        (start..mail.len()).filter(|at| mail[*at].is_ascii_graphic()).collect();
    let mut mails: Vec<Case> = visible
        .iter()
        .step_by(visible.len() / 24)
        .chain(visible.last())
        .map(|at| {
            let mut changed = mail.clone();
            changed[*at] ^= 1;
            (format!("byte {at}"), changed)
        })
        .collect();
    let last_line = mail.len()
        - 2
        - mail[..mail.len() - 2].rsplit(|b| *b == b'\n').next().map_or(0, <[u8]>::len);
    mails.push(("the last line gone".to_owned(), mail[..last_line].to_vec()));
    mails.push(("a line more".to_owned(), [&mail[..], b"And this.\r\n"].concat()));
    mails.push(("no body".to_owned(), mail[..start].to_vec()));
    judge(&records(), &mails, 0);
}

#[test]
fn what_is_left_unsigned_may_be_rewritten_and_the_rest_may_not() {
    let unsigned = ["Date".to_owned(), "Message-ID".to_owned()];
    let mail = print(&signer(&unsigned)).bytes;
    let mail = String::from_utf8(mail).expect("it is text");
    let (start, end) = place_of(&mail, "Date").expect("it has one");
    let date =
        format!("{}Date: Mon, 6 Oct 2003 09:00:00 +0000\r\n{}", &mail[..start], &mail[end..]);
    let id = mail.replacen("Message-ID: <41.7@example.org>", "Message-ID: <0100@ses.example>", 1);
    assert_ne!(id, mail);
    let mails: [Case; 2] =
        [("Date".to_owned(), date.into_bytes()), ("Message-ID".to_owned(), id.into_bytes())];
    judge(&records(), &mails, 2);
    let subject = mail.replacen("Subject: ", "Subject: Re: ", 1);
    judge(&records(), &[("Subject".to_owned(), subject.into_bytes())], 0);
}

/// Messages that no press would print, but a signer may not stumble over.
#[test]
fn white_space_anywhere_is_read_as_others_read_it() {
    let strategy = (
        prop::collection::vec(
            ("List-Help|LIST-OWNER|list-id|Cc|X", "([a-z:;=]{1,9}|[ \t]|\r\n[ \t]){0,12}"),
            0..4,
        ),
        "([a-z=.]{1,40}|[ \t]{1,3}|(\r\n){1,3}){0,30}",
    );
    let mut runner = TestRunner::deterministic();
    let signer = signer(&[]);
    let mails: Vec<Case> = (0..150)
        .map(|_| {
            let (fields, body) = strategy.new_tree(&mut runner).expect("it is made").current();
            // A fold without a word behind it would end the header for some readers.
            let fields: String = fields
                .iter()
                .flat_map(|(name, value)| [name.as_str(), ": ", value.as_str(), "z\r\n"])
                .collect();
            let mail =
                format!("From: a@example.org\r\nSubject: \t a \r\n  b\r\n{fields}\r\n{body}\r\n");
            let mut bytes = mail.clone().into_bytes();
            signer.sign(&mut bytes).expect("it signs");
            (format!("{mail:?}"), bytes)
        })
        .collect();
    judge(&records(), &mails, 2);
}

#[tokio::test]
async fn it_still_holds_at_the_far_side_of_postfix() {
    let Some(postfix) = postfix::postfix() else { return };
    let to = postfix::reader("signed");
    let mut connection = Connection::open(&postfix.relay("plain")).await.expect("it opens");
    postfix::assert_accepted(&postfix::deliver(&mut connection, &to, &signed()).await);
    connection.quit().await;
    let arrived = postfix.mail_for(&to);
    assert!(arrived[0].contains("\nReceived: "), "{arrived:?}");
    let mail = arrived[0].replace('\n', "\r\n").into_bytes();
    judge(&records(), &[("delivered".to_owned(), mail)], 2);
}

#[test]
fn a_second_attempt_has_the_same_bytes() {
    let first = print(&signer(&[]));
    assert_eq!(first, print(&signer(&[])));
    let unsigned = press(&edition())
        .print(&reader("Anne Example"), "<41.7@example.org>", 7, Purpose::Real)
        .expect("it prints");
    assert!(first.bytes.ends_with(&unsigned.bytes), "signatures stand before the message");
}

#[test]
fn the_quicker_signature_stands_first_and_no_line_is_long() {
    let mut message =
        b"From: report@example.org\r\nTo: anne@example.org\r\n\r\nGood morning.\r\n".to_vec();
    signer(&[]).sign(&mut message).expect("it signs");
    let signed = String::from_utf8(message).expect("it is text");
    assert!(signed.lines().all(|line| line.len() <= 76), "{signed}");
    insta::assert_snapshot!(signed.replace("\r\n", "\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_message_makes_the_signer_stumble(bytes in prop::collection::vec(any::<u8>(), 0..300), header in "([A-Za-z-]{1,12}:?| |\t|\r\n|\n|\r|é){0,40}") {
        let ed25519 = DkimKey::from_pem(ED25519.as_bytes()).expect("it is a key");
        let keys = vec![("a".repeat(63), ed25519)];
        let date = Timestamp::MIN;
        let signer = Signer::new(format!("{}.example.org", "a".repeat(63)), keys, &[], date, SystemRandom::new());
        let mut message = [header.as_bytes(), &bytes].concat();
        let before = message.clone();
        signer.sign(&mut message).expect("it signs");
        prop_assert!(message.ends_with(&before));
        let signature = &message[..message.len() - before.len()];
        let signature = std::str::from_utf8(signature).expect("it is text");
        prop_assert!(signature.ends_with("\r\n") && signature.lines().all(|line| line.len() <= 80), "{}", signature);
    }
}

/// The keys of the fixtures, as `[dkim]` would name them.
fn keys() -> Vec<(String, DkimKey)> {
    [("r2026", RSA), ("e2026", ED25519)]
        .map(|(selector, pem)| {
            (selector.to_owned(), DkimKey::from_pem(pem.as_bytes()).expect("it is a key"))
        })
        .into()
}

/// Returns what signs with both keys, all but the `unsigned` fields.
pub(crate) fn signer(unsigned: &[String]) -> Signer {
    let date = "2003-10-06T06:00:00Z".parse().expect("a date");
    Signer::new("example.org".to_owned(), keys(), unsigned, date, SystemRandom::new())
}

/// What stands in the DNS of the keys' domain: name and text, a line each.
pub(crate) fn records() -> Vec<String> {
    keys()
        .iter()
        .map(|(selector, key)| format!("{selector}._domainkey.example.org {}\n", key.record()))
        .collect()
}

fn print(signer: &Signer) -> Printed {
    let unsigned = press(&edition());
    let mut printed = unsigned
        .print(&reader("Anne Example"), "<41.7@example.org>", 7, Purpose::Real)
        .expect("it prints");
    signer.sign(&mut printed.bytes).expect("it signs");
    printed
}

/// A mail of ours with both signatures.
pub(crate) fn signed() -> String {
    String::from_utf8(print(&signer(&[])).bytes).expect("it is text")
}

/// Finds a field of the message itself, folds and line end included; the signatures name it too.
fn place_of(mail: &str, field: &str) -> Option<(usize, usize)> {
    let start = mail.find(&format!("\r\n{field}: "))? + 2;
    let lines = mail[start..].split_inclusive("\r\n").enumerate();
    let length: usize = lines
        .take_while(|(number, line)| *number == 0 || line.starts_with([' ', '\t']))
        .map(|(_, line)| line.len())
        .sum();
    Some((start, start + length))
}

fn hostile() -> Subscriber {
    let mut reader = reader("Anne\r\nBcc: victim@example.org\u{202e}\0");
    reader.fields = BTreeMap::from([
        ("company".to_owned(), "<b>\r\n.\r\nDKIM-Signature: v=1; a=none\r\n\r\n".to_owned()),
        ("site".to_owned(), "https://example.org/\"><b>&x='y'".to_owned()),
    ]);
    reader
}
