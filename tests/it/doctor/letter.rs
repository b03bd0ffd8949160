//! `doctor --eml`: a message of ours is well, every harm done to one is seen, and no bytes do any to the reader.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use postrider::doctor::{self, Dns, Finding, Patience, Seal, SealError, Verdict};
use proptest::prelude::*;

use super::nameserver::NameServer;
use crate::dkim::{records, signed};

/// When the messages of these tests are read.
const NOW: &str = "2026-11-26T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

/// The records of our keys, as a zone, with a policy.
fn zone() -> String {
    let keys: Vec<String> =
        records().iter().map(|record| record.trim_end().replacen(' ', " TXT ", 1)).collect();
    format!(
        "{}\n_dmarc.example.org TXT v=DMARC1; p=reject; rua=mailto:dmarc@example.org",
        keys.join("\n")
    )
}

async fn read(message: &str, zone: &str) -> Vec<Finding> {
    let server = NameServer::serving(zone);
    let patience = Patience { timeout: Duration::from_millis(700), retries: 0 };
    let dns = Dns::at(server.address, patience).expect("a resolver");
    doctor::read_letter(message.as_bytes(), now(), &dns).await
}

#[tokio::test]
async fn a_mail_of_ours_is_well_whatever_ends_its_lines() {
    let mail = signed();
    for mail in [mail.clone(), mail.replace("\r\n", "\n"), format!("From me Mon Oct 6\n{mail}")] {
        for finding in read(&mail, &zone()).await {
            assert_eq!(finding.verdict, Verdict::Ok, "{finding:#?}");
        }
    }
}

/// What it is called, what is done to the mail, to the zone, which check sees it, how it stands, and what is said.
type Case =
    (&'static str, fn(&str) -> String, fn(&str) -> String, &'static str, Verdict, &'static str);

fn same(text: &str) -> String {
    text.to_owned()
}

fn without(mail: &str, field: &str) -> String {
    let (header, body) = mail.split_once("\r\n\r\n").expect("it has a body");
    let unfolded = header.replace("\r\n ", "\u{1}").replace("\r\n\t", "\u{2}");
    let kept: Vec<&str> = unfolded
        .split("\r\n")
        .filter(|line| !line.to_ascii_lowercase().starts_with(&field.to_ascii_lowercase()))
        .collect();
    let header = kept.join("\r\n").replace('\u{1}', "\r\n ").replace('\u{2}', "\r\n\t");
    format!("{header}\r\n\r\n{body}")
}

#[tokio::test]
async fn every_harm_is_seen_and_told_with_how_to_mend_it() {
    use Verdict::{NotChecked, Warn, Wrong};
    let cases: &[Case] = &[
        ("no Date", |mail| without(mail, "Date:"), same, "headers", Wrong, "Date is missing"),
        ("no From", |mail| without(mail, "From:"), same, "headers", Wrong, "From is missing"),
        (
            "no id",
            |mail| without(mail, "Message-ID:"),
            same,
            "headers",
            Wrong,
            "Message-ID is missing",
        ),
        (
            "no Subject",
            |mail| without(mail, "Subject:"),
            same,
            "headers",
            Warn,
            "Subject is missing",
        ),
        (
            "two From",
            |mail| format!("From: x@example.com\r\n{mail}"),
            same,
            "headers",
            Wrong,
            "From is there 2 times",
        ),
        (
            "two Subject",
            |mail| format!("Subject: x\r\n{mail}"),
            same,
            "headers",
            Wrong,
            "Subject is there 2 times",
        ),
        (
            "two authors",
            |mail| format!("From: a@example.org, b@example.com\r\n{}", without(mail, "From:")),
            same,
            "headers",
            Wrong,
            "From is not one address",
        ),
        (
            "no date",
            |mail| format!("Date: yesterday\r\n{}", without(mail, "Date:")),
            same,
            "headers",
            Wrong,
            "Date is no date",
        ),
        (
            "tomorrow",
            |mail| format!("Date: Sat, 28 Nov 2026 12:00:00 +0000\r\n{}", without(mail, "Date:")),
            same,
            "headers",
            Warn,
            "Date is in the future",
        ),
        (
            "a bad id",
            |mail| format!("Message-ID: 41.7\r\n{}", without(mail, "Message-ID:")),
            same,
            "headers",
            Wrong,
            "Message-ID is not",
        ),
        (
            "no field",
            |mail| format!("hello\r\n{mail}"),
            same,
            "headers",
            Wrong,
            "a line is no field: `hello`",
        ),
        ("a NUL", |mail| format!("X-A: \0\r\n{mail}"), same, "headers", Wrong, "a NUL is in it"),
        (
            "a bare CR",
            |mail| format!("X-A: a\rb\r\n{mail}"),
            same,
            "headers",
            Wrong,
            "a CR stands alone",
        ),
        ("a raw name", |mail| format!("X-A: é\r\n{mail}"), same, "headers", Warn, "not ASCII"),
        (
            "a monster",
            |mail| format!("X-A: {}\r\n{mail}", "a\r\n ".repeat(30_000)),
            same,
            "headers",
            Wrong,
            "more than receivers take",
        ),
        (
            "unsigned",
            |mail| without(mail, "DKIM-Signature:"),
            same,
            "DKIM",
            Wrong,
            "no DKIM-Signature",
        ),
        (
            "unsigned, and whose",
            |mail| without(mail, "DKIM-Signature:"),
            same,
            "alignment",
            NotChecked,
            "whether SPF passed",
        ),
        (
            "another body",
            |mail| format!("{mail}x\r\n"),
            same,
            "DKIM",
            Wrong,
            "the body was changed",
        ),
        (
            "another subject",
            |mail| mail.replacen("\r\nSubject: ", "\r\nSubject: Re: ", 1),
            same,
            "DKIM",
            Wrong,
            "a header field was changed",
        ),
        (
            "a second To",
            |mail| format!("To: x@example.com\r\n{mail}"),
            same,
            "DKIM",
            Wrong,
            "a header field was changed",
        ),
        ("a length", |mail| mail.replace("; t=", "; l=10; t="), same, "DKIM", Wrong, "`l=`"),
        ("SHA-1", |mail| mail.replace("-sha256;", "-sha1;"), same, "DKIM", Wrong, "algorithm"),
        (
            "run out",
            |mail| mail.replace("; t=", "; x=1000; t="),
            same,
            "DKIM",
            Wrong,
            "believed until 1970",
        ),
        (
            "for another",
            |mail| mail.replace("; t=", "; i=@example.com; t="),
            same,
            "DKIM",
            Wrong,
            "`i=`",
        ),
        (
            "for a part of the name",
            |mail| mail.replace("; t=", "; i=@otherexample.org; t="),
            same,
            "DKIM",
            Wrong,
            "`i=`",
        ),
        (
            "no name",
            |mail| mail.replace("; t=", "; s=a b; t="),
            same,
            "DKIM",
            Wrong,
            "cannot be read",
        ),
        ("no record", same, |_| String::new(), "DKIM", Wrong, "has no record"),
        ("withdrawn", same, |zone| zone.replace("p=M", "p=; n=M"), "DKIM", Wrong, "withdrawn"),
        (
            "another kind",
            same,
            |zone| zone.replace("k=rsa", "k=ed448"),
            "DKIM",
            Wrong,
            "another kind",
        ),
        ("tried", same, |zone| zone.replace("v=DKIM1;", "v=DKIM1; t=y;"), "DKIM", Warn, "t=y"),
        (
            "nobody there",
            same,
            |zone| {
                zone.replace("v=DKIM1", "!servfail")
                    .replace("!servfail; k=ed25519", "!servfail")
                    .lines()
                    .map(|line| {
                        if line.contains("!servfail") {
                            format!("{} TXT !servfail", line.split(' ').next().unwrap_or_default())
                        } else {
                            line.to_owned()
                        }
                    })
                    .collect::<Vec<_>>()
                    .join("\n")
            },
            "DKIM",
            NotChecked,
            "Server Failure",
        ),
        (
            "another's",
            |mail| mail.replace("@example.org>\r\nTo:", "@example.com>\r\nTo:"),
            same,
            "DKIM",
            Wrong,
            "a header field was changed",
        ),
        (
            "no policy",
            same,
            |zone| zone.replace("_dmarc", "_other"),
            "DMARC",
            Wrong,
            "DMARC record",
        ),
        (
            "no way out",
            |mail| without(mail, "List-Unsubscribe:"),
            same,
            "unsubscribe",
            Wrong,
            "List-Unsubscribe is missing",
        ),
        (
            "no button",
            |mail| without(mail, "List-Unsubscribe-Post:"),
            same,
            "unsubscribe",
            Wrong,
            "List-Unsubscribe-Post",
        ),
        (
            "a mail to leave",
            |mail| {
                format!(
                    "List-Unsubscribe: <mailto:a@example.org>\r\n{}",
                    without(mail, "List-Unsubscribe:")
                )
            },
            same,
            "unsubscribe",
            Wrong,
            "no https link",
        ),
        (
            "a way out that anybody wrote",
            |mail| without(mail, "DKIM-Signature:"),
            same,
            "unsubscribe",
            NotChecked,
            "no signature",
        ),
        (
            "a long line",
            |mail| format!("{mail}{}\r\n", "x".repeat(999)),
            same,
            "lines",
            Wrong,
            "999 bytes",
        ),
        ("eight bits", |mail| format!("{mail}é\r\n"), same, "letters", Warn, "eight bits"),
        (
            "a bare CR in the body",
            |mail| format!("{mail}a\rb\r\n"),
            same,
            "letters",
            Wrong,
            "a CR stands alone",
        ),
        ("a NUL in the body", |mail| format!("{mail}\0\r\n"), same, "letters", Wrong, "a NUL"),
        (
            "too large",
            |mail| format!("{mail}{}", "0123456\r\n".repeat(1_200_000)),
            same,
            "size",
            Warn,
            "bytes",
        ),
        ("bulk", |mail| without(mail, "Date:"), same, "bulk rules", Wrong, "headers"),
    ];
    for (case, harm, hide, check, verdict, words) in cases {
        let mail = harm(&signed());
        let findings = read(&mail, &hide(&zone())).await;
        let found: Vec<&Finding> =
            findings.iter().filter(|finding| finding.check == *check).collect();
        let is_said =
            found.iter().any(|finding| finding.verdict == *verdict && finding.why.contains(words));
        assert!(is_said, "{case}: no {verdict:?} {words:?} in {found:#?}");
        for finding in &findings {
            let is_bad = matches!(finding.verdict, Wrong | Warn);
            assert!(!is_bad || finding.mend.is_some(), "{case}: {finding:#?}");
        }
    }
}

#[tokio::test]
async fn a_signature_of_another_domain_holds_and_is_not_froms() {
    let zone = format!("{}\nexample.com MX 10 a.example.com", zone());
    let mail = signed();
    let from = mail.lines().find(|line| line.starts_with("From:")).expect("it has a From");
    assert!(from.contains("@example.org>"), "{from}");
    // The domain alone is told by another name, and its signatures by the same keys.
    let moved = zone.replace("_domainkey.example.org", "_domainkey.example.com");
    let said = read(&mail.replace("d=example.org", "d=example.com"), &moved).await;
    assert!(
        said.iter().any(|finding| finding.check == "DKIM" && finding.why.contains("header field")),
        "a signature is over its own domain too: {said:#?}"
    );
}

/// The message and the records of RFC 8463 appendix A, which nobody here made.
const STANDARD: &str = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n \
    d=football.example.com; i=@football.example.com;\r\n \
    q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n \
    subject : date : message-id : from : subject : date;\r\n \
    bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n \
    b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n\
    DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n \
    d=football.example.com; i=@football.example.com;\r\n \
    q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n \
    date : message-id : from : subject : date;\r\n \
    bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n \
    b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2JzdA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n\
    From: Joe SixPack <joe@football.example.com>\r\n\
    To: Suzie Q <suzie@shopping.example.net>\r\n\
    Subject: Is dinner ready?\r\n\
    Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
    Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\
    \r\n\
    Hi.\r\n\
    \r\n\
    We lost the game.  Are you hungry yet?\r\n\
    \r\n\
    Joe.\r\n";
const STANDARDS_ZONE: &str = "
    brisbane._domainkey.football.example.com TXT v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
    test._domainkey.football.example.com TXT v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB
";

#[tokio::test]
async fn the_standards_own_message_holds_and_its_short_key_is_told() {
    let findings = read(STANDARD, STANDARDS_ZONE).await;
    let of: Vec<(Verdict, &str)> = findings
        .iter()
        .filter(|finding| finding.check == "DKIM")
        .map(|finding| (finding.verdict, finding.why.as_str()))
        .collect();
    let [(Verdict::Ok, ed25519), (Verdict::Warn, rsa)] = of.as_slice() else {
        panic!("{findings:#?}")
    };
    assert!(ed25519.contains("brisbane") && ed25519.contains("holds"), "{ed25519}");
    assert!(rsa.contains("1024 bits"), "{rsa}");
    let alignment = findings.iter().find(|finding| finding.check == "alignment");
    assert!(alignment.is_some_and(|finding| finding.verdict == Verdict::Ok), "{alignment:?}");
}

#[test]
fn no_key_that_anybody_may_have_taken_apart_is_believed() {
    // 512 bits, of which OpenSSL still makes some.
    let weak = "v=DKIM1; k=rsa; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBANa6pwB30uXd4qisDnwLA+WKufY1fyhe7fGdntWltQIiEUsnDjpcPtku8bkhdjzCuEHPXOeaKjjR2o1Oi1qqHXcCAwEAAQ==";
    let message = STANDARD.as_bytes();
    let seals = Seal::all(message);
    let [_, Ok(rsa)] = seals.as_slice() else { panic!("{seals:?}") };
    assert_eq!(rsa.verify(message, weak, now()), Err(SealError::Bits(512)));
}

#[tokio::test]
async fn monsters_are_read_in_bounded_time() {
    let head = "From: a@example.org\nDate: Fri, 11 Jul 2003 21:00:37 -0700\nMessage-ID: <a@b>\n";
    let mut nested = String::new();
    for depth in 0..500 {
        write!(nested, "Content-Type: multipart/mixed; boundary=\"b{depth}\"\n\n--b{depth}\n")
            .expect("a string grows");
    }
    let mut tags = String::new();
    for at in 0..100_000 {
        write!(tags, "t{at}=;").expect("a string grows");
    }
    let names = "a:".repeat(500_000);
    let messages = [
        ("nested parts", format!("{head}{nested}")),
        ("nested messages", format!("{head}{}", "Content-Type: message/rfc822\n\n".repeat(30_000))),
        ("a long field", format!("{head}X: {}\n\n", "x".repeat(1_000_000))),
        ("many fields", format!("{}\n", "X-Header: value\n".repeat(70_000))),
        (
            "many signatures",
            format!("{head}{}\n", "DKIM-Signature: v=1; a=rsa-sha256\n".repeat(30_000)),
        ),
        (
            "a signature over everything",
            format!(
                "{head}DKIM-Signature: v=1; a=rsa-sha256; d=a; s=b; bh=; b=; h=from:{names}\n{}\n",
                "a:\n".repeat(300_000)
            ),
        ),
        ("many tags", format!("{head}DKIM-Signature: {tags}\n\n")),
        ("many links", format!("{head}List-Unsubscribe: {}\n\n", "<https://a>,".repeat(90_000))),
        ("many authors", format!("From: {}\n\n", "a@example.org,".repeat(70_000))),
        ("many folds", format!("Subject: a\n{}\n\n", " b\n".repeat(300_000))),
        ("encoded words", format!("From: {} <a@b>\n\n", "=?utf-8?b?w6k=?= ".repeat(50_000))),
        ("zeros", "\0".repeat(2_000_000)),
        ("line ends", "\n".repeat(2_000_000)),
        ("carriage returns", "\r".repeat(2_000_000)),
        ("spaces", format!("{head}\n{}", " ".repeat(2_000_000))),
        ("nothing", String::new()),
    ];
    for (name, message) in messages {
        let began = Instant::now();
        let findings = read(&message, "").await;
        let is_bad = |finding: &Finding| finding.verdict == Verdict::Wrong;
        assert!(findings.iter().any(is_bad), "{name}: {findings:#?}");
        assert!(findings.iter().all(|finding| finding.why.len() < 2_000), "{name}");
        // So much more than any takes that a slow machine does not matter, and so much less than a quadratic reader would.
        assert!(began.elapsed() < Duration::from_secs(20), "{name}: {:?}", began.elapsed());
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        start in "(From: a@b.org\r\n|DKIM-Signature: v=1; a=rsa-sha256; d=a.org; s=b; h=from; bh=; b=\r\n|Content-Type: multipart/mixed; boundary=a\r\n){0,4}",
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let message = [start.as_bytes(), &bytes].concat();
        prop_assert!(doctor::glance(&message, now()).iter().any(|finding| finding.verdict != Verdict::Ok));
        for seal in Seal::all(&message).into_iter().flatten() {
            let _ = seal.verify(&message, "v=DKIM1; p=MEgCQQCo9+BpMRYQ", now());
        }
    }

    #[test]
    fn no_record_makes_it_panic(key in prop::collection::vec(any::<u8>(), 0..200), kind in "(rsa|ed25519|x)") {
        let record = format!("v=DKIM1; k={kind}; p={}", data_encoding::BASE64.encode(&key));
        for seal in Seal::all(STANDARD.as_bytes()).into_iter().flatten() {
            prop_assert!(seal.verify(STANDARD.as_bytes(), &record, now()).is_err());
        }
    }

    #[test]
    fn no_changed_byte_passes(at in 0..STANDARD.len(), by in 1..=255_u8) {
        let mut message = STANDARD.as_bytes().to_vec();
        message[at] ^= by;
        let records: Vec<&str> = STANDARDS_ZONE.lines().filter_map(|line| line.split_once(" TXT ")).map(|(_, text)| text).collect();
        let holding = Seal::all(&message)
            .into_iter()
            .flatten()
            .filter(|seal| records.iter().any(|record| seal.verify(&message, record, now()).is_ok()))
            .count();
        // What is not signed, as a signature's `q=`, or is the same in the relaxed form, may be another.
        let same = relaxed(&message) == relaxed(STANDARD.as_bytes());
        prop_assert!(holding < 2 || same, "byte {at}");
    }
}

/// As near to both relaxed forms as this test needs: case and white space put aside.
fn relaxed(message: &[u8]) -> Vec<u8> {
    message.to_ascii_lowercase().into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect()
}
