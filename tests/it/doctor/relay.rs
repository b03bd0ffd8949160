//! What the doctor says of a relay, by what was seen of it.

use jiff::Timestamp;
use postrider::{
    doctor::{self, Call, Dns, EXTENSIONS_WANTED, Finding, Patience, Trouble, Verdict},
    model::{RelayUrl, Security, Stage},
};

use super::{
    Via,
    nameserver::{NameServer, reverse},
    patient,
};

fn now() -> Timestamp {
    "2026-11-26T12:00:00Z".parse().expect("a time")
}

/// A certificate that ends on the first of a month.
fn certificate(year: i32, month: u8) -> Vec<u8> {
    let mut params =
        rcgen::CertificateParams::new(vec!["mail.example.org".to_owned()]).expect("it is a name");
    params.not_after = rcgen::date_time_ymd(year, month, 1);
    let key = rcgen::KeyPair::generate().expect("there is randomness");
    params.self_signed(&key).expect("it can be signed").der().to_vec()
}

/// A call that went as it should.
fn well() -> Call {
    Call {
        peer: Some("8.8.8.8".parse().expect("an address")),
        name: "mail.example.org".to_owned(),
        certificate: Some(certificate(2027, 3)),
        offers: EXTENSIONS_WANTED.to_vec(),
        size: Some(10_000_000),
        trouble: None,
        copy: Some(60_000),
    }
}

fn trouble(stage: Stage, is_final: bool) -> Trouble {
    Trouble { stage, is_final, why: "it said so".to_owned() }
}

async fn judged(call: &Call, via: Via, security: Security, user: Option<&str>) -> Vec<Finding> {
    let zone = format!(
        "{} PTR mail.example.org\nmail.example.org A 8.8.8.8\nfail.example.org A !servfail",
        reverse("8.8.8.8")
    );
    let server = NameServer::serving(&zone);
    let dns = Dns::at(server.address, Patience::default()).expect("a resolver");
    let mut patient = patient(via);
    if let RelayUrl::Server { security: kept, user: name, .. } = &mut patient.relay {
        (*kept, *name) = (security, user.map(str::to_owned));
    }
    doctor::relay(call, &patient, now(), &dns).await
}

#[tokio::test]
async fn a_relay_that_is_as_it_should_be_is_told_so() {
    let findings = judged(&well(), Via::Own, Security::StartTls, Some("report")).await;
    assert_eq!(findings.len(), 6, "{findings:#?}");
    assert!(findings.iter().all(|finding| finding.verdict == Verdict::Ok), "{findings:#?}");
}

#[tokio::test]
async fn each_fault_of_a_relay_is_told_and_what_was_not_reached_is_never_ok() {
    use Security::{Implicit, Plain, StartTls};
    use Verdict::{NotChecked, Ok, Warn, Wrong};
    use Via::{Google, Loopback, Outbox, Own};
    let named = |name: &str| Call { name: name.to_owned(), ..well() };
    let until = |year, month| Call { certificate: Some(certificate(year, month)), ..well() };
    let stopped = |stage, is_final| Call {
        name: String::new(),
        certificate: None,
        trouble: Some(trouble(stage, is_final)),
        ..well()
    };
    let untrusted = Call { certificate: None, trouble: Some(trouble(Stage::Tls, true)), ..well() };
    let unanswered =
        Call { certificate: None, trouble: Some(trouble(Stage::Tls, false)), ..well() };
    let local = Call { peer: Some("127.0.0.1".parse().expect("one")), ..well() };
    let local_named = |name: &str| Call { name: name.to_owned(), ..local.clone() };
    let shut = |is_final| Call { trouble: Some(trouble(Stage::Auth, is_final)), ..well() };
    let cases = [
        (
            "silence",
            stopped(Stage::Connect, false),
            Own,
            StartTls,
            "relay",
            NotChecked,
            "it said so",
        ),
        ("a no", stopped(Stage::Greeting, true), Own, StartTls, "relay", Wrong, "it said so"),
        ("no TLS", stopped(Stage::Tls, false), Own, Implicit, "relay", NotChecked, "it said so"),
        ("a stranger's", stopped(Stage::Tls, true), Own, Implicit, "TLS", Wrong, "it said so"),
        ("nobody's", well(), Outbox, StartTls, "relay", NotChecked, "nothing leaves"),
        (
            "another name",
            named("a.example.org"),
            Own,
            StartTls,
            "EHLO",
            Warn,
            "is called `mail.example.org`",
        ),
        ("no name", named("localhost"), Own, StartTls, "EHLO", Wrong, "no name that others"),
        ("a bracket", named("[8.8.8.8]"), Own, StartTls, "EHLO", Wrong, "no name that others"),
        ("usual of Debian", named("vm.localdomain"), Own, StartTls, "EHLO", Wrong, "no name"),
        (
            "a provider's",
            named("smtp.gmail.com"),
            Google,
            StartTls,
            "EHLO",
            NotChecked,
            "Gmail's to keep",
        ),
        (
            "on this machine",
            local.clone(),
            Loopback,
            Plain,
            "EHLO",
            NotChecked,
            "from which address",
        ),
        (
            "unknown there",
            local_named("x.example.org"),
            Loopback,
            Plain,
            "EHLO",
            Wrong,
            "no address",
        ),
        ("no DNS", local_named("fail.example.org"), Loopback, Plain, "EHLO", NotChecked, "Failure"),
        ("96 days", well(), Own, Implicit, "TLS", Ok, "94 days are left"),
        ("five days", until(2026, 12), Own, Implicit, "TLS", Warn, "4 days are left"),
        ("over", until(2026, 11), Own, Implicit, "TLS", Wrong, "ended 2026-11-01"),
        ("untrusted", untrusted, Own, Implicit, "TLS", Wrong, "it said so"),
        ("no handshake", unanswered, Own, StartTls, "TLS", NotChecked, "it said so"),
        ("plain, away", well(), Own, Plain, "TLS", Warn, "who stands between"),
        ("plain, here", local, Loopback, Plain, "TLS", Ok, "none needed"),
        ("shut out", shut(true), Own, StartTls, "AUTH", Wrong, "it said so"),
        ("no answer", shut(false), Own, StartTls, "AUTH", NotChecked, "it said so"),
        ("no limit", Call { size: None, ..well() }, Own, StartTls, "SIZE", Ok, "no limit"),
        ("small", Call { size: Some(59_999), ..well() }, Own, StartTls, "SIZE", Wrong, "60000"),
        ("just so", Call { size: Some(60_000), ..well() }, Own, StartTls, "SIZE", Ok, "60000"),
        ("no issue", Call { copy: None, ..well() }, Own, StartTls, "SIZE", Ok, "no issue yet"),
        ("bare", Call { offers: vec![], ..well() }, Own, StartTls, "extensions", Ok, "none of"),
        (
            "some",
            Call { offers: vec!["DSN"], ..well() },
            Own,
            StartTls,
            "extensions",
            Ok,
            "and not",
        ),
        (
            "garbled",
            Call { certificate: Some(vec![1]), ..well() },
            Own,
            Implicit,
            "TLS",
            NotChecked,
            "cannot be read",
        ),
    ];
    for (case, call, via, security, check, verdict, words) in cases {
        let findings = judged(&call, via, security, Some("report")).await;
        let found = findings.iter().find(|finding| finding.check == check);
        assert!(
            found.is_some_and(|found| found.verdict == verdict && found.why.contains(words)),
            "{case}: no {verdict:?} {words:?} in {findings:#?}"
        );
        let is_mendable =
            |finding: &Finding| !matches!(finding.verdict, Wrong | Warn) || finding.mend.is_some();
        assert!(findings.iter().all(is_mendable), "{case}: {findings:#?}");
        if call.trouble.as_ref().is_some_and(|trouble| trouble.stage != Stage::Auth) {
            let is_claimed = |finding: &&Finding| {
                ["AUTH", "SIZE", "extensions"].contains(&finding.check) && finding.verdict == Ok
            };
            assert!(!findings.iter().any(|finding| is_claimed(&finding)), "{case}: {findings:#?}");
        }
    }
    let nobody = judged(&well(), Own, StartTls, None).await;
    let auth = nobody.iter().find(|finding| finding.check == "AUTH");
    assert!(auth.is_some_and(|auth| auth.verdict == NotChecked), "{auth:?}");
}
