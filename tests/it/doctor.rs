//! The doctor's checks, each against a name server of our own: as it should be, wrong, and nobody there.

mod letter;
pub(crate) mod nameserver;
mod one_click;
mod relay;

use std::time::Duration;

use jiff::Timestamp;
use postrider::{
    compose::{DkimKey, Signer},
    doctor::{self, Dns, Finding, Patience, Patient, Policy, Signature, SpfRecord, Verdict, tags},
    model::{RelayUrl, Security},
};
use proptest::prelude::*;
use ring::rand::SystemRandom;

use self::nameserver::{NameServer, reverse};

const KEY: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

/// A domain where everything is as it should be, and mail goes by Google.
const WELL: &str = "
    example.org TXT v=spf1 include:_spf.google.com ~all
    _spf.google.com TXT v=spf1 ip4:8.8.8.0/24 ~all
    e1._domainkey.example.org TXT v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
    _dmarc.example.org TXT v=DMARC1; p=quarantine; rua=mailto:dmarc@example.org
    example.org MX 10 mail.example.org
    mail.example.org A 8.8.8.8
";

/// What is asked of the doctor beside the zone.
#[derive(Clone, Copy)]
enum Via {
    Google,
    Amazon,
    /// A server of one's own.
    Own,
    Loopback,
    Outbox,
}

fn patient(via: Via) -> Patient {
    let server = |host: &str| RelayUrl::Server {
        security: Security::Implicit,
        host: host.to_owned(),
        port: 465,
        user: None,
    };
    Patient {
        from: "example.org".to_owned(),
        bounces: "example.org".to_owned(),
        dkim: Some(Signature {
            domain: "example.org".to_owned(),
            keys: vec![("e1".to_owned(), KEY.to_owned())],
            sample: sample("example.org"),
        }),
        relay: match via {
            Via::Google => server("smtp.gmail.com"),
            Via::Amazon => server("email-smtp.eu-west-1.amazonaws.com"),
            Via::Own => server("mail.example.org"),
            Via::Loopback => server("127.0.0.1"),
            Via::Outbox => RelayUrl::Outbox,
        },
    }
}

/// A message signed by the key of RFC 8463, which is `KEY` too.
fn sample(domain: &str) -> Vec<u8> {
    let seed = data_encoding::BASE64.decode(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=");
    let seed = seed.expect("it is base64").try_into().expect("it has 32 bytes");
    let key = DkimKey::from_pem(DkimKey::ed25519_pem(&seed).as_bytes()).expect("a key");
    assert_eq!(key.record(), KEY);
    let (keys, random) = (vec![("e1".to_owned(), key)], SystemRandom::new());
    let mut message = b"From: a@example.org\r\nSubject: a sample\r\n\r\nA sample.\r\n".to_vec();
    Signer::new(domain.to_owned(), keys, &[], Timestamp::UNIX_EPOCH, random)
        .sign(&mut message)
        .expect("it signs");
    message
}

async fn examine(patient: &Patient, zone: &str) -> Vec<Finding> {
    let server = NameServer::serving(zone);
    // Long enough for a busy machine, short enough for silence.
    let patience = Patience { timeout: Duration::from_millis(700), retries: 0 };
    let dns = Dns::at(server.address, patience).expect("a resolver");
    doctor::examine(patient, &dns).await
}

/// A zone that differs from the one that is well: lines taken out by how they begin, others put in.
fn zone(without: &[&str], with: &str) -> String {
    let keep = |line: &&str| !without.iter().any(|start| line.trim().starts_with(start));
    WELL.lines().filter(keep).chain(with.lines()).collect::<Vec<_>>().join("\n")
}

/// A name, the relay, lines taken out of the zone, lines put in, and what is said of it.
type Case<'a> = (&'a str, Via, &'a [&'a str], &'a str, Verdict, &'a str);

/// Asserts what a check says in each case.
async fn says(check: &str, cases: &[Case<'_>]) {
    for (case, via, without, with, verdict, words) in cases {
        let findings = examine(&patient(*via), &zone(without, with)).await;
        let found: Vec<&Finding> =
            findings.iter().filter(|finding| finding.check == check).collect();
        let is_said =
            found.iter().any(|finding| finding.verdict == *verdict && finding.why.contains(words));
        assert!(is_said, "{case}: no {verdict:?} {words:?} in {found:#?}");
        let is_mendable = |finding: &&Finding| {
            !matches!(finding.verdict, Verdict::Wrong | Verdict::Warn) || finding.mend.is_some()
        };
        assert!(found.iter().all(is_mendable), "{case}: {found:#?}");
    }
}

#[tokio::test]
async fn a_healthy_sender_is_told_so() {
    let findings = examine(&patient(Via::Google), WELL).await;
    for finding in &findings {
        // A provider's names are its own to keep.
        let expected = if finding.check == "PTR" { Verdict::NotChecked } else { Verdict::Ok };
        assert_eq!(finding.verdict, expected, "{finding:#?}");
    }
    assert!(doctor::to_publish(&findings).is_empty());
}

#[tokio::test]
async fn where_nobody_answers_nothing_is_ok_and_nothing_is_wrong() {
    let closed = "127.0.0.1:9".parse().expect("an address");
    let dns = Dns::at(closed, Patience { timeout: Duration::from_millis(200), retries: 0 });
    for via in [Via::Google, Via::Own, Via::Outbox] {
        let findings = doctor::examine(&patient(via), dns.as_ref().expect("a resolver")).await;
        for finding in findings {
            assert_eq!(finding.verdict, Verdict::NotChecked, "{finding:#?}");
        }
    }
}

const SPF: &[&str] = &["example.org TXT"];

#[tokio::test]
async fn spf_is_one_record_that_can_be_read() {
    use Verdict::{NotChecked, Ok, Warn, Wrong};
    use Via::Google;
    says(
        "SPF",
        &[
            ("well", Google, &[], "", Ok, "one record"),
            ("none", Google, SPF, "", Wrong, "no SPF record"),
            ("other texts", Google, SPF, "example.org TXT v=spf10 all", Wrong, "no SPF record"),
            ("two", Google, &[], "example.org TXT v=spf1 mx -all", Wrong, "2 SPF records"),
            (
                "nonsense",
                Google,
                SPF,
                "example.org TXT v=spf1 ipv4:8.8.8.8 ~all",
                Wrong,
                "`ipv4:8.8.8.8` is no mechanism",
            ),
            (
                "a bad network",
                Google,
                SPF,
                "example.org TXT v=spf1 ip4:8.8.8.8/33 ~all",
                Wrong,
                "length",
            ),
            ("the world", Google, SPF, "example.org TXT v=spf1 +all", Wrong, "whole world"),
            (
                "no end",
                Google,
                SPF,
                "example.org TXT v=spf1 include:_spf.google.com",
                Warn,
                "no `all`",
            ),
            ("neutral", Google, SPF, "example.org TXT v=spf1 ?all", Warn, "?all"),
            (
                "redirected",
                Google,
                SPF,
                "example.org TXT v=spf1 redirect=_spf.google.com",
                Ok,
                "one record",
            ),
            ("failing", Google, SPF, "example.org TXT !servfail", NotChecked, "Server Failure"),
            ("silent", Google, SPF, "example.org TXT !silence", NotChecked, "silence"),
            ("garbled", Google, SPF, "example.org TXT !garbage", NotChecked, "no answer on TXT"),
        ],
    )
    .await;
}

#[tokio::test]
async fn spf_takes_ten_look_ups_and_two_that_find_nothing() {
    use Verdict::{NotChecked, Ok, Warn, Wrong};
    use Via::Google;
    let hosts = |count: usize| {
        let names: Vec<String> = (0..count).map(|at| format!("a:h{at}.example.org")).collect();
        let there: Vec<String> =
            (0..count).map(|at| format!("h{at}.example.org A 8.8.4.{at}")).collect();
        format!("example.org TXT v=spf1 {} ~all\n{}", names.join(" "), there.join("\n"))
    };
    let (ten, eleven) = (hosts(10), hosts(11));
    says(
        "SPF look-ups",
        &[
            ("one", Google, &[], "", Ok, "1 of 10"),
            ("ten", Google, SPF, &ten, Ok, "10 of 10"),
            ("eleven", Google, SPF, &eleven, Wrong, "11 look-ups"),
            (
                "a circle",
                Google,
                SPF,
                "example.org TXT v=spf1 include:example.org ~all",
                Wrong,
                "40 look-ups",
            ),
            (
                "two voids",
                Google,
                SPF,
                "example.org TXT v=spf1 a:x.example.org mx:y.example.org ~all",
                Warn,
                "x.example.org has no address",
            ),
            (
                "three voids",
                Google,
                SPF,
                "example.org TXT v=spf1 a:x.example.org a:y.example.org exists:z.example.org ~all",
                Wrong,
                "3 look-ups find nothing",
            ),
            (
                "behind all",
                Google,
                SPF,
                "example.org TXT v=spf1 ~all a:x.example.org",
                Ok,
                "0 of 10",
            ),
            (
                "an include of nothing",
                Google,
                SPF,
                "example.org TXT v=spf1 include:x.example.org ~all",
                Wrong,
                "no SPF record",
            ),
            (
                "a mistake further on",
                Google,
                &["_spf.google.com"],
                "_spf.google.com TXT v=spf1 foo ~all",
                Wrong,
                "the record of _spf.google.com is wrong",
            ),
            (
                "a failure further on",
                Google,
                &["_spf.google.com"],
                "_spf.google.com TXT !servfail",
                NotChecked,
                "_spf.google.com",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn spf_lets_the_relay_send() {
    use Verdict::{NotChecked, Ok, Wrong};
    use Via::{Amazon, Google, Loopback, Outbox, Own};
    says(
        "SPF relay",
        &[
            ("included", Google, &[], "", Ok, "lets Gmail send"),
            (
                "not included",
                Google,
                SPF,
                "example.org TXT v=spf1 mx ~all",
                Wrong,
                "`include:_spf.google.com` is missing",
            ),
            ("unreachable", Google, SPF, "example.org TXT !servfail", NotChecked, "Server Failure"),
            (
                "a path of its own",
                Amazon,
                &[],
                "",
                NotChecked,
                "Amazon SES puts in a return path of its own",
            ),
            (
                "own, by mx",
                Own,
                SPF,
                "example.org TXT v=spf1 mx -all",
                Ok,
                "lets mail.example.org send (8.8.8.8)",
            ),
            ("own, by network", Own, &[], "", Ok, "lets mail.example.org send"),
            (
                "own, left out",
                Own,
                SPF,
                "example.org TXT v=spf1 ip4:9.9.9.9 -all",
                Wrong,
                "says `fail` of 8.8.8.8",
            ),
            (
                "own, excluded first",
                Own,
                SPF,
                "example.org TXT v=spf1 -ip4:8.8.8.8 mx ~all",
                Wrong,
                "says `fail` of 8.8.8.8",
            ),
            (
                "own, not found",
                Own,
                &["mail.example.org"],
                "mail.example.org A !servfail",
                NotChecked,
                "mail.example.org",
            ),
            ("on this machine", Loopback, &[], "", NotChecked, "nobody out there sees"),
            ("the outbox", Outbox, &[], "", NotChecked, "nothing leaves"),
        ],
    )
    .await;
}

#[tokio::test]
async fn dkim_records_hold_our_keys() {
    use Verdict::{NotChecked, Ok, Warn, Wrong};
    use Via::Google;
    const OURS: &[&str] = &["e1._domainkey"];
    let with = |text: &str| format!("e1._domainkey.example.org TXT {text}");
    let split = with("v=DKIM1;k=ed25519;p=11qYAYKxCrfVS/7TyWQHOg7h  cvPapiMlrwIaaPcHURo=;");
    let other = with("v=DKIM1; k=ed25519; p=22qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    let withdrawn = with("v=DKIM1; k=ed25519; p=");
    let rsa = with("v=DKIM1; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    let (tried, sha1) = (with(&format!("{KEY}; t=y:s")), with(&format!("{KEY}; h=sha1")));
    let (failing, broken) = (with("!servfail"), with("a DKIM record"));
    says(
        "DKIM",
        &[
            ("well", Google, &[], "", Ok, "holds our key"),
            ("with blanks", Google, OURS, &split, Ok, "holds our key"),
            ("none", Google, OURS, "", Wrong, "no record"),
            ("another", Google, OURS, &other, Wrong, "another key"),
            ("withdrawn", Google, OURS, &withdrawn, Wrong, "withdrawn"),
            ("of another kind", Google, OURS, &rsa, Wrong, "for `rsa`"),
            ("for SHA-1", Google, OURS, &sha1, Wrong, "SHA-256"),
            ("being tried", Google, OURS, &tried, Warn, "t=y"),
            ("no tags", Google, OURS, &broken, Wrong, "cannot be read"),
            ("two", Google, &[], &other, Wrong, "2 records"),
            ("failing", Google, OURS, &failing, NotChecked, "Server Failure"),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_is_signed_here_verifies_by_the_record_that_was_found() {
    let mut patient = patient(Via::Google);
    let mut signature = patient.dkim.take().expect("it signs");
    let last = signature.sample.len() - 5;
    for (sample, verdict, words) in [
        (signature.sample.clone(), Verdict::Ok, "a sample signed here verifies"),
        ([&signature.sample[..last], b"x.\r\n"].concat(), Verdict::Wrong, "does not verify"),
        (sample("example.com"), Verdict::Wrong, "does not verify"),
        (Vec::new(), Verdict::Wrong, "does not verify"),
    ] {
        signature.sample = sample;
        patient.dkim = Some(signature.clone());
        let findings = examine(&patient, WELL).await;
        let found = findings.iter().find(|finding| finding.check == "DKIM");
        assert!(
            found.is_some_and(|found| found.verdict == verdict && found.why.contains(words)),
            "{words}: {found:#?}"
        );
    }
}

#[tokio::test]
async fn dmarc_is_found_by_its_walk_and_judged_by_rfc_9989() {
    use Verdict::{NotChecked, Ok, Warn, Wrong};
    use Via::Google;
    const OURS: &[&str] = &["_dmarc"];
    says(
        "DMARC",
        &[
            ("well", Google, &[], "", Ok, "asks for `quarantine`"),
            ("none", Google, OURS, "", Wrong, "neither example.org nor a domain above"),
            (
                "above",
                Google,
                OURS,
                "_dmarc.org TXT v=DMARC1; p=reject; psd=y; rua=mailto:a@org",
                Ok,
                "_dmarc.org asks for `reject`",
            ),
            ("two", Google, &[], "_dmarc.example.org TXT v=DMARC1; p=none", Wrong, "more than one"),
            (
                "obsolete",
                Google,
                OURS,
                "_dmarc.example.org TXT v=DMARC1; p=none; pct=50; ri=3600; rf=afrf",
                Warn,
                "pct=, rf=, ri=",
            ),
            (
                "tried",
                Google,
                OURS,
                "_dmarc.example.org TXT v=DMARC1; p=reject; t=y; rua=mailto:a@example.org",
                Warn,
                "t=y",
            ),
            (
                "no reports",
                Google,
                OURS,
                "_dmarc.example.org TXT v=DMARC1; p=reject",
                Warn,
                "no reports",
            ),
            (
                "no request",
                Google,
                OURS,
                "_dmarc.example.org TXT v=DMARC1; rua=mailto:a@example.org",
                Wrong,
                "has no p=",
            ),
            (
                "a request nobody knows",
                Google,
                OURS,
                "_dmarc.example.org TXT v=DMARC1; p=block",
                Wrong,
                "`block`",
            ),
            (
                "no version",
                Google,
                OURS,
                "_dmarc.example.org TXT p=none; v=DMARC1",
                Wrong,
                "neither",
            ),
            (
                "failing",
                Google,
                OURS,
                "_dmarc.example.org TXT !servfail",
                NotChecked,
                "Server Failure",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn froms_domain_goes_with_what_dkim_and_spf_prove() {
    use Verdict::{NotChecked, Ok, Warn, Wrong};
    let cases = [
        ("both", Some("example.org"), "example.org", Via::Google, "", Ok),
        ("below", Some("news.example.org"), "b.example.org", Via::Google, "", Ok),
        ("signed alone", Some("example.org"), "example.com", Via::Google, "", Ok),
        ("a provider's path", Some("example.org"), "example.org", Via::Amazon, "", Ok),
        ("the path alone", None, "example.org", Via::Google, "", Warn),
        ("neither", Some("example.com"), "example.com", Via::Google, "", Wrong),
        (
            "strict",
            Some("news.example.org"),
            "b.example.org",
            Via::Google,
            "_dmarc.example.org TXT v=DMARC1; p=none; adkim=s; aspf=s",
            Wrong,
        ),
        ("all the provider's", None, "example.org", Via::Amazon, "", NotChecked),
        (
            "failing",
            Some("example.org"),
            "b.example.org",
            Via::Google,
            "_dmarc.example.org TXT !servfail",
            NotChecked,
        ),
    ];
    for (case, domain, bounces, via, with, verdict) in cases {
        let mut patient = patient(via);
        patient.bounces = bounces.to_owned();
        patient.dkim = domain.map(|domain| Signature {
            domain: domain.to_owned(),
            keys: vec![],
            sample: vec![],
        });
        let without: &[&str] = if with.is_empty() { &[] } else { &["_dmarc"] };
        let findings = examine(&patient, &zone(without, with)).await;
        let found = findings.iter().find(|finding| finding.check == "alignment");
        assert_eq!(found.map(|finding| finding.verdict), Some(verdict), "{case}: {found:#?}");
    }
}

#[tokio::test]
async fn answers_and_bounces_find_their_way_back() {
    use Verdict::{NotChecked, Ok, Warn, Wrong};
    use Via::Google;
    const OURS: &[&str] = &["example.org MX"];
    says(
        "MX",
        &[
            ("well", Google, &[], "", Ok, "mail.example.org takes answers"),
            ("null", Google, OURS, "example.org MX 0 .", Wrong, "null MX"),
            ("none", Google, OURS, "", Wrong, "neither MX nor address"),
            ("only an address", Google, OURS, "example.org A 8.8.8.8", Warn, "no MX"),
            ("to nowhere", Google, &["mail.example.org"], "", Wrong, "has no address"),
            ("failing", Google, OURS, "example.org MX !servfail", NotChecked, "Server Failure"),
        ],
    )
    .await;
    let mut patient = patient(Google);
    patient.bounces = "bounces.example.org".to_owned();
    let findings = examine(&patient, WELL).await;
    let lines: Vec<String> =
        doctor::to_publish(&findings).into_iter().map(ToString::to_string).collect();
    assert!(
        lines.contains(&"bounces.example.org. IN MX 10 mail.example.org.".to_owned()),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_relay_of_ones_own_has_a_name_that_leads_back() {
    use Verdict::{NotChecked, Ok, Wrong};
    use Via::{Google, Loopback, Outbox, Own};
    let name = reverse("8.8.8.8");
    let well = format!("{name} PTR mail.example.org");
    let away = format!("{name} PTR other.example.com\nother.example.com A 9.9.9.9");
    let failing = format!("{name} PTR !servfail");
    says(
        "PTR",
        &[
            ("well", Own, &[], &well, Ok, "8.8.8.8 is mail.example.org"),
            ("none", Own, &[], "", Wrong, "8.8.8.8 has no name"),
            ("away", Own, &[], &away, Wrong, "does not lead back"),
            ("failing", Own, &[], &failing, NotChecked, "Server Failure"),
            ("a provider's", Google, &[], "", NotChecked, "Gmail's to keep"),
            ("on this machine", Loopback, &[], "", NotChecked, "nobody out there"),
            ("the outbox", Outbox, &[], "", NotChecked, "nothing leaves"),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_is_to_be_published_has_what_was_there() {
    for (with, via, line) in [
        ("", Via::Google, "example.org. IN TXT \"v=spf1 include:_spf.google.com ~all\""),
        (
            "example.org TXT v=spf1 mx -all",
            Via::Google,
            "example.org. IN TXT \"v=spf1 mx include:_spf.google.com -all\"",
        ),
        (
            "example.org TXT v=spf1 mx ~all\nexample.org TXT v=spf1 mx a -all",
            Via::Google,
            "example.org. IN TXT \"v=spf1 mx a include:_spf.google.com -all\"",
        ),
        (
            "example.org TXT v=spf1 a:w.example.org ~all\nw.example.org A 9.9.9.9",
            Via::Own,
            "example.org. IN TXT \"v=spf1 a:w.example.org ip4:8.8.8.8 ~all\"",
        ),
        (
            "example.org TXT v=spf1 include:_spf.google.com +all",
            Via::Google,
            "example.org. IN TXT \"v=spf1 include:_spf.google.com ~all\"",
        ),
    ] {
        let findings = examine(&patient(via), &zone(SPF, with)).await;
        let lines: Vec<String> =
            doctor::to_publish(&findings).into_iter().map(ToString::to_string).collect();
        assert!(lines.contains(&line.to_owned()), "{with}: {lines:?}");
    }
}

proptest! {
    #[test]
    fn no_record_of_a_stranger_makes_a_reader_panic(
        text in "(v=spf1|v=DMARC1;|v=DKIM1;)?([ ;:/=%+~?-]|[a-z0-9.]{1,6}|\\PC){0,40}"
    ) {
        let _ = (SpfRecord::read(&text), Policy::read("example.org", &text), tags(&text));
        let strings: Vec<&str> = doctor::strings(&text).collect();
        prop_assert_eq!(strings.concat(), text);
    }

    #[test]
    fn every_network_that_a_record_can_name_is_read(
        four in any::<std::net::Ipv4Addr>(), bits in 0_u8..=32, six in any::<std::net::Ipv6Addr>(), more in 0_u8..=128,
    ) {
        let record = SpfRecord::read(&format!("v=spf1 ip4:{four}/{bits} ip6:{six}/{more} a/{bits}//{more} -all"));
        prop_assert_eq!(record.map(|record| record.directives.len()), Ok(4));
    }
}
