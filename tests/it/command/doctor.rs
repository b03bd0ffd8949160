//! `doctor` as people meet it: the report, the JSON, the exit codes.

use std::{io::Write, process::Stdio};

use postrider::outbox::{Keep, Outbox, OutboxSettings};

use super::{env::Env, relay::guarded, shows};
use crate::doctor::nameserver::NameServer;

/// The report of a publication at this zone, without the port.
fn report(env: &Env, server: &NameServer, line: &str) -> String {
    let asked = server.address.to_string();
    let said = env.postrider(&format!("doctor --resolver {asked} {line}"));
    said.shown().replace(&asked, "[resolver]")
}

#[test]
fn a_report_says_how_each_stands_and_what_to_publish() {
    let env = Env::publication().relay("smtps://report@smtp.gmail.com");
    let server = NameServer::serving(
        "example.org TXT v=spf1 mx ~all
         example.org MX 10 mail.example.org
         mail.example.org A 8.8.8.8
         _dmarc.example.org TXT v=DMARC1; p=none; pct=100",
    );
    shows("doctor_wrong", &report(&env, &server, "--dns"));
    shows("doctor_json", &report(&env, &server, "--dns --json"));
}

#[test]
fn a_sender_without_any_record_is_told_all_of_them() {
    let env = Env::publication().relay("smtp://203.0.113.9");
    env.set("[relay]", "[dkim]\ndomain = \"example.org\"\nkeys = [{ selector = \"r1\", file = \"r1.pem\" }]\n\n[relay]");
    env.write("r1.pem", include_str!("../../fixtures/dkim/rsa.pem"));
    let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
    std::fs::set_permissions(env.root.join("r1.pem"), mode).expect("it can be closed");
    shows("doctor_nothing", &report(&env, &NameServer::serving(""), "--dns"));
}

#[test]
fn the_exit_code_says_whether_all_is_well_something_is_wrong_or_nobody_is_there() {
    let env = Env::publication().relay("smtps://report@smtp.gmail.com");
    let well = NameServer::serving(
        "example.org TXT v=spf1 include:_spf.google.com ~all
         _spf.google.com TXT v=spf1 ip4:8.8.8.0/24 ~all
         _dmarc.example.org TXT v=DMARC1; p=none; rua=mailto:a@example.org
         example.org MX 10 mail.example.org
         mail.example.org A 8.8.8.8",
    );
    env.postrider(&format!("doctor --dns --resolver {}", well.address)).code(0);
    let wrong = NameServer::serving("");
    env.postrider(&format!("doctor --dns --resolver {}", wrong.address)).code(1);
    env.postrider("doctor --dns --resolver 127.0.0.1:9").code(69).tells("nobody");
    env.postrider("doctor --resolver nowhere").code(2);
}

#[test]
fn any_message_is_read_as_a_receiver_does_without_a_publication() {
    let env = Env::empty();
    let mut zone: String =
        crate::dkim::records().iter().map(|record| record.replacen(' ', " TXT ", 1)).collect();
    zone.push_str("_dmarc.example.org TXT v=DMARC1; p=reject; rua=mailto:a@example.org");
    let server = NameServer::serving(&zone);
    let mail = crate::dkim::signed();
    env.write("well.eml", &mail);
    env.write("changed.eml", &mail.replacen("\r\nSubject: ", "\r\nSubject: [list] ", 1));
    env.write("hostile.eml", "From: \u{1b}[31m a\r\nSubject: \u{202e}x\r\nhello\u{7}\r\n\r\n\0");
    let well = report(&env, &server, "--eml well.eml");
    shows("doctor_eml", &well);
    shows("doctor_eml_changed", &report(&env, &server, "--eml changed.eml"));
    shows("doctor_eml_hostile", &report(&env, &server, "--eml hostile.eml"));
    let mut child = env
        .command(&format!("doctor --resolver {} --eml -", server.address))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(mail.as_bytes()).expect("it reads");
    drop(stdin);
    let piped = env.said(child.wait_with_output().expect("it ends"));
    piped.code(0).tells("stdin, as a receiver reads it");
    env.write("empty.eml", "");
    env.postrider("doctor --eml empty.eml").code(65).tells("is empty");
    env.postrider("doctor --eml missing.eml").code(66);
    env.postrider("doctor --eml .").code(74);
}

#[test]
fn the_relay_is_called_as_send_does_and_gets_no_mail() {
    let (relay, authority, env) = guarded();
    let names = NameServer::serving("");
    let doctor = |password: &str| {
        let mut command = env.command(&format!("doctor --resolver {}", names.address));
        let output = command.env("POSTRIDER_RELAY_PASSWORD", password).output();
        let said = env.said(output.expect("it runs")).code(1);
        assert!(!said.out.contains(password) && !said.err.contains(password), "{said:?}");
        said
    };
    env.postrider(&format!("doctor --resolver {}", names.address))
        .code(1)
        .tells("there is no password for the user `report`");
    doctor("right").tells("TLS: the certificate of the relay").tells("is not trusted");
    env.write("relay-ca.pem", &authority);
    env.set("# ca_file = \"relay-ca.pem\"", "ca_file = \"relay-ca.pem\"");
    doctor("guess").tells("AUTH: the relay").tells("SIZE: it takes");
    let well = doctor("right");
    for words in [
        "ok           relay: 127.0.0.1 at 127.0.0.1 answers",
        "ok           TLS: TLS from the first byte with 127.0.0.1, by a certificate until 4096-01-01",
        "ok           AUTH: `report` is let in",
        "ok           SIZE: it takes",
        "and a copy of the latest issue has",
        "extensions: it offers PIPELINING",
    ] {
        assert!(unwrapped(&well.out).contains(words), "{words}: {}", well.out);
    }
    assert_eq!(relay.accepted(), 0);
    relay.stop();
    let away = doctor("right");
    let away = unwrapped(&away.out);
    assert!(away.contains("not checked  relay: the relay"), "{away}");
    assert!(!away.contains("ok           relay"), "{away}");
}

/// Takes the line breaks of a report out, but for those between findings.
fn unwrapped(report: &str) -> String {
    report.replace("\n             ", " ")
}

#[test]
fn a_relay_that_is_small_or_says_no_is_told_so() {
    for (script, words) in [
        (
            "hello reply 250-mail.example.org\\n250 SIZE 1000",
            &["wrong        SIZE: it takes 1000 bytes", "it offers none of PIPELINING"][..],
        ),
        ("greeting reply 554 5.7.1 go away", &["wrong        relay: the relay"]),
        ("greeting reply 421 4.3.2 busy", &["not checked  relay: the relay"]),
        ("greeting garbage", &["not checked  relay: the relay"]),
        ("hello close", &["not checked  relay: the relay"]),
    ] {
        let script = script.parse().expect("a script");
        let relay = Outbox::start(OutboxSettings { script, ..OutboxSettings::new(Keep::Count) })
            .expect("a relay");
        let url = format!("smtp://127.0.0.1:{}?tls=none", relay.address().port());
        let env = Env::publication().relay(&url);
        let names = NameServer::serving("mail.example.org A 8.8.8.8");
        let said = env.postrider(&format!("doctor --resolver {}", names.address)).code(1);
        let said = unwrapped(&said.out);
        for words in words {
            assert!(said.contains(words), "{words}: {said}");
        }
    }
}
