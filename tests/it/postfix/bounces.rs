//! A real bounce: the relay takes the message, finds nobody, and says so by a mail of its own to the return path.

use std::{
    fs,
    io::Write as _,
    process::{Child, Stdio},
};

use serde_json::Value;

use super::{postfix, reader};
use crate::command::env::{Env, ISSUE, Said};

/// Gives a message to the program as an alias of Postfix does.
fn piped(env: &Env, message: &str) -> Said {
    let mut command = env.command("bounces read --stdin --json");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child: Child = command.spawn().expect("it starts");
    let mut to = child.stdin.take().expect("it has one");
    to.write_all(message.as_bytes()).expect("it listens");
    drop(to);
    env.said(child.wait_with_output().expect("it ends"))
}

#[test]
fn without_addresses_for_bounces_a_bounce_names_its_reader_by_what_the_relay_was_told() {
    let Some(postfix) = postfix() else { return };
    let (gone, here) = (reader("gone"), reader("here"));
    let env = Env::with_list(&format!("email\n{}\n{}\n", gone.wire(), here.wire()))
        .relay(&format!("smtp://127.0.0.1:{}?tls=none", postfix.port("plain")));
    env.json(&format!("send {ISSUE} --yes"));
    let found = postfix.mail_at("example.org", &gone.wire());
    assert_eq!(found.len(), 1, "one bounce, to the sender");
    let (_, id) = found[0].split_once("\nOriginal-Envelope-Id: b-").expect("it was told one");
    assert_eq!(id.split(char::is_whitespace).next().map(str::len), Some(31));
    // Only the name that was told is left: what was returned may be anybody's.
    let (report, _) = found[0].split_once("\nContent-Description: Undelivered").expect("a part");
    let report = format!("{report}\nContent-Type: text/rfc822-headers\n\nSubject: x\n");
    let read: Value = serde_json::from_str(&piped(&env, &report).code(0).out).expect("JSON");
    assert_eq!(
        (read["did"].as_str(), read["address"].as_str()),
        (Some("bounced"), gone.to_string().as_str().into())
    );
}

#[test]
fn a_bounce_that_comes_later_suppresses_the_right_reader() {
    let Some(postfix) = postfix() else { return };
    let (gone, here) = (reader("gone"), reader("here"));
    let env = Env::with_list(&format!("email\n{}\n{}\n", gone.wire(), here.wire()))
        .relay(&format!("smtp://127.0.0.1:{}?tls=none", postfix.port("plain")));
    env.set("# bounces = \"bounces.example.org\"", "bounces = \"bounces.example.org\"");
    // Taken, both of them: nothing is wrong so far.
    let account = env.json(&format!("send {ISSUE} --yes"));
    assert_eq!(account["accepted"], 2);
    let mail = postfix.mail_for(&here);
    let (_, path) = mail[0].split_once("Return-Path: <b-").expect("it has one");
    let path = format!("b-{}", path.split('>').next().expect("there is always one"));
    // The two tokens differ in their slot and their MAC; the issue is the same.
    let found = postfix.mail_at("bounces.example.org", &gone.wire());
    assert_eq!(found.len(), 1, "one bounce, to the return path");
    assert!(!found[0].contains(&format!("\nDelivered-To: {path}\n")), "and not to another's");

    let read: Value = serde_json::from_str(&piped(&env, &found[0]).code(0).out).expect("JSON");
    assert_eq!(
        (read["kind"].as_str(), read["did"].as_str(), read["code"].as_str()),
        (Some("hard"), Some("bounced"), Some("5.1.1"))
    );
    assert_eq!(read["address"], gone.wire());
    assert_eq!(read["issue"], ISSUE);
    let state = |address: &str| env.json(&format!("subscribers show {address}"))["state"].take();
    assert_eq!(state(&gone.wire()), "bounced");
    assert_eq!(state(&here.wire()), "active");

    // The same one from a Maildir is no news.
    fs::create_dir_all(env.root.join("returned/cur")).expect("it can be made");
    env.write("returned/new/1", &found[0]);
    let again = env.json("bounces read --maildir returned");
    assert_eq!(again["did"], "known");
    env.postrider(&format!("status {ISSUE} --failed")).code(0).tells("no such mailbox, 1 reader");
}
