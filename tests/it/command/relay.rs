//! Relays that are down, do not know us, or are not who they say: nothing is lost, and sending again goes on.

use std::sync::Arc;

use postrider::{
    model::Secret,
    outbox::{Keep, Outbox, OutboxSettings, Tls},
};

use super::{
    env::{Env, ISSUE},
    shows,
};
use crate::doctor::nameserver::NameServer;

/// Makes a certificate for these names; returns the server's side and, as PEM, its authority.
pub(crate) fn tls(names: &[&str]) -> (rustls::ServerConfig, String) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .expect("ring speaks them")
    .with_no_client_auth()
    .with_single_cert(vec![made.cert.der().clone()], key.expect("a key"))
    .expect("they fit");
    (config, made.cert.pem())
}

/// Speaks TLS from the first byte.
pub(super) fn server(config: rustls::ServerConfig) -> Tls {
    Tls { config: Arc::new(config), implicit: true }
}

fn scripted(script: &str) -> Outbox {
    let script = script.parse().expect("a script");
    Outbox::start(OutboxSettings { script, ..OutboxSettings::new(Keep::Count) }).expect("a relay")
}

fn plain(relay: &Outbox) -> String {
    format!("smtp://127.0.0.1:{}?tls=none", relay.address().port())
}

/// Says what was said with the port, which differs from run to run, taken out.
fn shows_of(name: &str, said: &super::env::Said, port: u16) {
    shows(name, &said.shown().replace(&port.to_string(), "[port]"));
}

#[test]
fn a_relay_that_is_down_loses_nobody_and_a_later_run_goes_on() {
    let gone = scripted("");
    let port = gone.address().port();
    let env = Env::publication().relay(&plain(&gone));
    gone.stop();
    let tested = env.postrider("test kazakhstan --to me@example.org").code(69);
    shows_of("relay_down_test", &tested, port);
    let child = env
        .command("send kazakhstan --yes")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    // It would try for half a minute; a signal is how an impatient person ends that.
    while env.json("status kazakhstan")["state"] != "sending" {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    super::stopped::signal(child.id(), "TERM");
    let said = env.said(child.wait_with_output().expect("it ends")).code(75);
    shows_of("relay_down", &said, port);
    let relay = scripted("");
    env.set(&format!(":{port}?"), &format!(":{}?", relay.address().port()));
    env.postrider("send kazakhstan").code(0);
    assert_eq!(relay.accepted(), 3);
}

#[test]
fn a_relay_that_says_nothing_is_waited_for_as_long_as_the_publication_says() {
    let relay = scripted("rcpt 1 stall\nhello 4-5 stall");
    let env = Env::with_readers(2).relay(&plain(&relay));
    env.set("connections = 2", "connections = 1\ndeadlines = { command = \"1s\" }");
    // The second connection opens for the one whose recipient command was never answered.
    env.postrider("send kazakhstan --yes").code(0);
    env.postrider("log reader1@example.org").code(0).tells("the relay was silent for 1s");
    assert_eq!(relay.accepted(), 2);
    env.postrider("test kazakhstan --to a@example.org").code(0);
    env.postrider("test kazakhstan --to a@example.org")
        .code(69)
        .tells("failed at EHLO: the relay was silent for 1s");
    env.postrider(&format!("doctor --resolver {}", NameServer::serving("").address))
        .tells("failed at EHLO: the relay was silent for 1s");
}

/// Returns a relay that wants TLS and a password, the certificate to trust, and a publication that sends by it.
pub(super) fn guarded() -> (Outbox, String, Env) {
    guarded_by("")
}

fn guarded_by(script: &str) -> (Outbox, String, Env) {
    let (config, authority) = tls(&["127.0.0.1"]);
    let relay = Outbox::start(OutboxSettings {
        tls: Some(server(config)),
        login: Some(("report".to_owned(), Secret::new("right"))),
        script: script.parse().expect("a script"),
        ..OutboxSettings::new(Keep::Count)
    })
    .expect("a relay");
    let port = relay.address().port();
    let env = Env::publication().relay(&format!("smtps://report@127.0.0.1:{port}"));
    (relay, authority, env)
}

#[test]
fn a_relay_that_does_not_know_us_ends_it_at_once() {
    let (relay, authority, env) = guarded();
    let port = relay.address().port();
    shows("password_missing", &env.postrider("send kazakhstan --yes").code(78).shown());
    env.postrider("status kazakhstan").code(0).tells("is a draft");

    let send = |password: &str, line: &str| {
        let mut command = env.command(line);
        env.said(command.env("POSTRIDER_RELAY_PASSWORD", password).output().expect("it runs"))
    };
    shows_of("certificate", &send("right", "send kazakhstan --yes").code(69), port);
    shows_of(
        "certificate_test",
        &send("right", "test kazakhstan --to a@example.org").code(69),
        port,
    );
    env.set("# ca_file = \"relay-ca.pem\"", "ca_file = \"relay-ca.pem\"");
    env.postrider("status").code(0);
    shows_of("ca_missing", &send("right", "send kazakhstan --yes").code(66), port);
    env.write("relay-ca.pem", &authority);
    shows_of("password_wrong", &send("guess", "send kazakhstan --yes").code(77), port);
    shows_of(
        "password_wrong_test",
        &send("guess", "test kazakhstan --to a@example.org").code(77),
        port,
    );
    assert_eq!(relay.accepted(), 0);

    // Cron does not knock every five minutes where nobody opens.
    shows_of("due_password_wrong", &send("guess", "due").code(77), port);
    let knocks = relay.connections();
    send("guess", "due").code(0).silent();
    assert_eq!(relay.connections(), knocks);
    send("right", "send kazakhstan").code(75).tells("lets it go on");
    send("right", "resume kazakhstan").code(0);
    send("right", "due").code(0).tells("is finished");
    assert_eq!(relay.accepted(), 3);
}

/// The same with tokens: `next` is a script that prints the one of the `$n`-th time.
fn entrusted(script: &str, next: &str) -> (Outbox, Env) {
    let (relay, authority, env) = guarded_by(script);
    env.write("relay-ca.pem", &authority);
    env.write("next", &format!("echo >> asked\nn=$(($(wc -l < asked)))\n{next}\n"));
    env.set("# ca_file = \"relay-ca.pem\"", "ca_file = \"relay-ca.pem\"");
    env.set("# auth = \"xoauth2\"", "auth = \"xoauth2\"");
    env.set("# password_command = \"pass show relay\"", "password_command = \"sh next\"");
    env.set("connections = 2", "connections = 1");
    (relay, env)
}

fn asked(env: &Env) -> usize {
    env.read("asked").lines().count()
}

#[test]
fn a_token_that_has_run_out_is_fetched_anew_and_the_run_goes_on() {
    // Before anything is frozen, and then because the relay refused it.
    let (relay, env) = entrusted("", "test $n = 1 && echo hush1 || echo right");
    env.postrider("send kazakhstan --yes").code(0);
    assert_eq!((relay.accepted(), relay.connections(), asked(&env)), (3, 2, 2));

    // On a connection that was open for longer than the token was good.
    let (relay, env) = entrusted("mail 3 reply 530 5.7.0 your token has expired", "echo right");
    env.postrider("send kazakhstan --yes").code(0);
    assert_eq!((relay.accepted(), relay.connections(), asked(&env)), (3, 2, 2));
}

#[test]
fn a_token_that_is_never_taken_ends_it_with_two_knocks_and_stands_nowhere() {
    let (relay, env) = entrusted("", "echo ya29.hush$n");
    let port = relay.address().port();
    shows_of("token_wrong", &env.postrider("send kazakhstan --yes").code(77), port);
    assert_eq!((relay.accepted(), relay.connections(), asked(&env)), (0, 2, 2));
    env.postrider("test kazakhstan --to a@example.org").code(77);
    let told = env.postrider("status kazakhstan").shown() + &env.postrider("config show").out;
    assert!(!told.contains("ya29"), "{told}");
    for file in env.files().iter().filter(|file| !file.ends_with("next")) {
        let bytes = std::fs::read(file).expect("it can be read");
        assert!(!bytes.windows(4).any(|bytes| bytes == b"ya29"), "{}", file.display());
    }
}

#[test]
fn a_token_that_cannot_be_had_is_told_as_that() {
    let (relay, env) = entrusted("", "test $n = 1 && echo hush1 || exit 3");
    let said = env.postrider("test kazakhstan --to a@example.org").code(69);
    shows_of("token_none", &said, relay.address().port());
    let (relay, env) = entrusted("", "echo Bearer hush1");
    shows("token_odd", &env.postrider("send kazakhstan --yes").code(78).shown());
    env.postrider(&format!("doctor --resolver {}", NameServer::serving("").address))
        .tells("what stands for the token has a sign in it");
    assert_eq!(relay.connections(), 0);
    let (_relay, env) = entrusted("", "exit 3");
    env.set("password_command", "# password_command");
    shows("token_missing", &env.postrider("send kazakhstan --yes").code(78).shown());
}

#[test]
fn a_password_that_others_can_read_is_refused() {
    let env = Env::publication().relay("smtps://report@127.0.0.1:9");
    env.set("# password_file = \"/run/secrets/relay\"", "password_file = \"secret\"");
    env.write("secret", "hush\n");
    shows("password_open", &env.postrider("send kazakhstan --yes").code(78).shown());
    let env = Env::publication().relay("smtps://report@127.0.0.1:9");
    env.set("# password_command = \"pass show relay\"", "password_command = \"false\"");
    shows("password_command", &env.postrider("send kazakhstan --yes").code(78).shown());
}

#[test]
fn refused_deferred_and_doubtful_readers_are_told_with_what_to_do() {
    let relay = scripted(
        "rcpt to=reader2@ reply 550 5.1.1 no such user\n\
         rcpt 2 to=reader3@ reply 450 4.2.1 later\n\
         dot to=reader4@ 1 accept-then-close",
    );
    let env = Env::with_readers(40).relay(&plain(&relay));
    env.set("connections = 2", "connections = 1");
    let sent = env.postrider("send kazakhstan --yes").code(1);
    shows("send_attention", &sent.shown());
    shows("status_failed", &env.postrider("status kazakhstan --failed").code(0).shown());
    let doubt = env.postrider("status kazakhstan --in-doubt").code(0);
    shows_of("status_in_doubt", &doubt, relay.address().port());
    shows("log_rejected", &env.postrider("log reader2@example.org").code(0).shown());
    let doubtful = env.postrider("status kazakhstan --in-doubt --json").code(0).out;
    let doubtful: serde_json::Value = serde_json::from_str(&doubtful).expect("one object");
    assert_eq!(doubtful["address"], "reader4@example.org");
    assert_eq!(doubtful["relay"], relay.address().to_string());
    env.postrider("log reader4@example.org")
        .code(0)
        .tells(&format!("in doubt the relay {}: the relay closed the connection", relay.address()));
    let id = doubtful["message_id"].as_str().expect("an id").to_owned();
    let taken = || relay.acceptances().iter().filter(|taken| taken.message_id == id).count();
    assert_eq!(taken(), 1);

    shows(
        "resolve_other",
        &env.postrider("resolve kazakhstan reader1@example.org --resend").code(66).shown(),
    );
    shows(
        "resolve_resend",
        &env.postrider("resolve kazakhstan reader4@example.org --resend").code(0).shown(),
    );
    env.postrider("send kazakhstan").code(1);
    assert_eq!(taken(), 2, "the same Message-ID");
    env.postrider("status kazakhstan --in-doubt").code(0).tells("nobody");
    env.postrider("status kazakhstan --left").code(0).tells("nobody");
}

#[test]
fn a_delivery_in_doubt_is_settled_by_a_persons_word() {
    let relay = scripted("dot 1 accept-then-close");
    let env = Env::with_readers(2).relay(&plain(&relay));
    env.set("connections = 2", "connections = 1");
    env.postrider("send kazakhstan --yes").code(1);
    shows(
        "resolve_delivered",
        &env.postrider("resolve kazakhstan --all --delivered").code(0).shown(),
    );
    env.postrider("send kazakhstan").code(0).tells("accepted 2");
    assert_eq!(relay.accepted(), 2);
    env.postrider("resolve kazakhstan --all --delivered").code(0);
    Env::publication().postrider("resolve kazakhstan --all --resend").code(76).tells("is a draft");
}

#[test]
fn what_too_many_refusals_stopped_holds_until_a_person_resumes_it() {
    let relay = scripted("rcpt reply 550 not you");
    let env = Env::with_readers(60).relay(&plain(&relay));
    let sent = env.postrider("send kazakhstan --yes").code(75).tells("refused").tells("--failed");
    assert!(sent.out.contains("stopped by a guard"), "{sent:?}");
    sent.tells(&format!("`postrider resume {ISSUE}` lets it go on with the rest"));
    let counts = || {
        let account = env.json("status kazakhstan");
        (account["rejected"].clone(), account["remaining"].clone(), relay.connections())
    };
    let (account, before) = (env.json("status kazakhstan"), counts());
    assert_eq!(account["state"], "paused");
    assert!(account["remaining"].as_u64().expect("a count") > 20, "{account}");
    env.postrider("due").code(0).silent();
    env.postrider("send kazakhstan").code(75).tells("is paused: too many of the last 200 readers");
    assert_eq!(counts(), before, "nobody else was asked, and nobody rang");
    env.postrider("resume kazakhstan").code(0);
    env.postrider("due").code(75).tells("too many of the last 200 readers were refused");
    env.postrider("due").code(0).silent();
    assert_eq!(env.json("status kazakhstan")["state"], "paused");
}

#[test]
fn greylisted_readers_are_tried_later_and_cron_is_silent_meanwhile() {
    let relay = scripted("rcpt to=reader2@ reply 451 4.7.1 greylisted");
    let env = Env::with_readers(3).relay(&plain(&relay));
    let sent = env.postrider("send kazakhstan --yes").code(75);
    assert!(sent.out.contains("some readers wait for another try"), "{sent:?}");
    let sent = sent.tells(&format!("`postrider status {ISSUE} --left` tells who is deferred"));
    assert!(!sent.out.contains("nobody is left"), "{sent:?}");
    env.postrider("status kazakhstan --left")
        .code(0)
        .tells("451 4.7.1 greylisted")
        .tells("next try");
    env.postrider("due").code(75).silent();
}
