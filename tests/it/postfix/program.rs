//! The whole program through Postfix: what `init` writes, a list of readers, the real binary, and the mail that arrived.

use std::{
    collections::BTreeMap,
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;

use super::{Postfix, postfix, reader};
use crate::{
    command::env::{Env, ISSUE, Said},
    python::python,
    seed::Seed,
};

/// As many as `publication.toml` says below.
const CONNECTIONS: u64 = 4;

/// Names as people have them, one of them empty.
const NAMES: [&str; 10] = [
    "Anna Reader",
    "Анна Аркадьевна Каренина",
    "山田 太郎",
    "سارة العلي",
    "שרה לוי",
    "Ελένη Παπαδοπούλου",
    "Zoë \"Zo\" O’Neill, Jr.",
    "Владимир Ильич Тот-Кто-Любит-Очень-Длинные-Имена-И-Ещё-Длиннее",
    "Søren 👍 Åkesson (København)",
    "",
];

/// A publication that goes out through Postfix.
struct Newsroom {
    env: Env,
    password: String,
}

/// A mail as Python read it.
#[derive(Debug, serde::Deserialize)]
struct Mail {
    /// Who the relay gave it to.
    receiver: String,
    address: String,
    name: String,
    /// By their names in small letters.
    headers: BTreeMap<String, String>,
    text: String,
    html: String,
    defects: Vec<String>,
}

impl Newsroom {
    /// Makes the publication that `init` makes, with a listener for its relay and so many deliveries a second.
    fn new(postfix: &Postfix, listener: &str, readers: &[(String, &str)], rate: u32) -> Self {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let rows = readers.iter().map(|(address, name)| format!("{address},{}\n", quoted(name)));
        let env = Env::with_list(&format!("email,name\n{}", rows.collect::<String>()));

        let scheme = if listener == "starttls" { "smtp" } else { "smtps" };
        let user = postfix.user.replace('@', "%40");
        let env = env.relay(&format!("{scheme}://{user}@127.0.0.1:{}", postfix.port(listener)));
        env.write("ca.pem", &String::from_utf8_lossy(&postfix.trust));
        env.set("# ca_file = \"relay-ca.pem\"", "ca_file = \"ca.pem\"");
        env.set("rate = [\"2000/s\"]", &format!("rate = [\"{rate}/s\"]"));
        env.set("connections = 2", &format!("connections = {CONNECTIONS}"));
        Self { env, password: postfix.password.clone() }
    }

    fn start(&self, line: &str) -> Child {
        let mut command = self.env.command(line);
        command.env("POSTRIDER_RELAY_PASSWORD", &self.password);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    }

    fn run(&self, line: &str) -> Said {
        self.env.said(self.start(line).wait_with_output().expect("it ends"))
    }

    /// Sends, and returns the exit code and the account, whose sum balances.
    #[track_caller]
    fn send(&self) -> (i32, Value) {
        let said = self.run(&format!("send {ISSUE} --yes --json"));
        let account = serde_json::from_str(&said.out);
        let account = account.unwrap_or_else(|why| panic!("{why}: {said:?}"));
        assert_balances(&account);
        (said.code, account)
    }

    /// Returns where the issue stands.
    #[track_caller]
    fn status(&self) -> Value {
        let account = self.env.json(&format!("status {ISSUE}"));
        assert_balances(&account);
        account
    }

    /// Returns what the ledger calls a reader.
    #[track_caller]
    fn state(&self, address: &str) -> Value {
        self.env.json(&format!("subscribers show {address}"))["state"].take()
    }
}

#[track_caller]
fn assert_balances(account: &Value) {
    let settled =
        ["accepted", "rejected", "in_doubt", "suppressed", "expired", "cancelled", "remaining"];
    let sum: u64 = settled.iter().map(|state| count(account, state)).sum();
    assert_eq!(count(account, "planned"), sum, "{account}");
}

#[track_caller]
fn count(account: &Value, state: &str) -> u64 {
    account[state].as_u64().unwrap_or_else(|| panic!("`{state}` is counted in {account}"))
}

/// Returns a number of readers nobody else has, with names in many scripts.
fn readers(name: &str, number: usize) -> Vec<(String, &'static str)> {
    (0..number).map(|at| (reader(name).to_string(), NAMES[at % NAMES.len()])).collect()
}

/// Returns the mail of these readers, once each has some or so many seconds are over.
fn mail_of(postfix: &Postfix, readers: &[(String, &str)], seconds: u32) -> Vec<Mail> {
    let addresses: Vec<&str> = readers.iter().map(|(address, _)| address.as_str()).collect();
    let folder = postfix.mail.to_str().expect("UTF-8");
    let json =
        python("maildir.py", &[folder, &seconds.to_string()], addresses.join("\n").as_bytes());
    serde_json::from_slice(&json.expect("the rig has Python")).expect("it writes JSON")
}

/// Returns the commands by which mail leaves.
fn both_ways_out(readers: &[(String, &str)]) -> [String; 2] {
    [format!("send {ISSUE} --yes"), format!("test {ISSUE} --to {}", readers[0].0)]
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn an_issue_reaches_two_hundred_readers_and_accounts_for_everybody_else() {
    let Some(postfix) = postfix() else { return };
    let (good, dead, busy) = (readers("issue", 200), readers("nobody", 5), readers("later", 1));
    let newsroom = Newsroom::new(&postfix, "starttls", &[&good[..], &dead, &busy].concat(), 1000);
    // The report itself where it may be had, else its story in words of our own.
    let seed = Seed::read();
    if let Some(seed) = &seed {
        newsroom.env.write(&format!("issues/{ISSUE}/issue.md"), &seed.draft());
    }

    let (code, account) = newsroom.send();
    assert_eq!(code, 75, "{account}");
    for (state, number) in
        [("planned", 206), ("accepted", 200), ("rejected", 5), ("deferred", 1), ("remaining", 1)]
    {
        assert_eq!(count(&account, state), number, "{state}: {account}");
    }

    let mails = mail_of(&postfix, &good, 60);
    assert_eq!(mails.len(), 200);
    for (address, name) in &good {
        let mails: Vec<&Mail> = mails.iter().filter(|mail| mail.receiver == *address).collect();
        let [mail] = mails[..] else { panic!("{address} has {} mails", mails.len()) };
        assert_eq!((&mail.address, mail.name.as_str()), (address, *name));
        assert_eq!(mail.defects, Vec::<String>::new());
        let subject = mail.headers["subject"].trim_end_matches('.');
        assert_eq!(subject, "Kazakhstan Confirms Foreign-Policy Balancing Act");
        assert!(mail.headers["list-unsubscribe"].starts_with("<mailto:"), "{:?}", mail.headers);
        for part in [&mail.text, &mail.html] {
            assert!(part.contains(address), "{part}");
        }
        let text = folded(&mail.text);
        for paragraph in seed.iter().flat_map(Seed::story) {
            assert!(text.contains(paragraph), "`{paragraph}` is not in:\n{text}");
        }
    }

    let (code, again) = newsroom.send();
    assert_eq!(code, 75, "{again}");
    assert_eq!((count(&again, "accepted"), count(&again, "rejected")), (200, 5));
    let refused = [&dead[..], &busy].concat();
    assert_eq!(mail_of(&postfix, &refused, 0).len(), 0);
    assert_eq!(mail_of(&postfix, &good, 0).len(), 200);
    for (address, _) in &dead {
        assert_eq!(newsroom.state(address), "bounced");
    }
    assert_eq!(newsroom.state(&busy[0].0), "active");
}

#[test]
fn an_issue_is_finished_when_everybody_has_it_or_never_will() {
    let Some(postfix) = postfix() else { return };
    let (good, dead) = (readers("finished", 3), readers("nobody", 1));
    let newsroom = Newsroom::new(&postfix, "starttls", &[&good[..], &dead].concat(), 1000);
    for _ in 0..2 {
        let (code, account) = newsroom.send();
        assert_eq!((code, &account["state"]), (1, &Value::from("finished")), "{account}");
        assert_eq!((count(&account, "accepted"), count(&account, "rejected")), (3, 1));
        assert_eq!(mail_of(&postfix, &good, 60).len(), 3);
    }
}

#[test]
fn a_test_mail_goes_to_oneself_alone() {
    let Some(postfix) = postfix() else { return };
    let (good, me) = (readers("untouched", 2), readers("me", 1));
    let newsroom = Newsroom::new(&postfix, "tls", &good, 1000);
    newsroom.run(&format!("test {ISSUE} --to {}", me[0].0)).code(0).tells(&me[0].0);
    let mails = mail_of(&postfix, &me, 60);
    let [mail] = &mails[..] else { panic!("{mails:?}") };
    assert_eq!(mail.headers["subject"], "[Test] Kazakhstan Confirms Foreign-Policy Balancing Act");
    assert_eq!((&mail.address, &mail.defects), (&me[0].0, &Vec::new()));
    assert!(mail.text.contains("Dear Reader,"), "{}", mail.text);
    assert_eq!(mail_of(&postfix, &good, 0).len(), 0);
    assert_eq!(newsroom.status()["state"], "draft");
}

#[test]
fn a_wrong_password_sends_nothing_and_loses_nobody() {
    let Some(postfix) = postfix() else { return };
    let good = readers("locked-out", 3);
    let mut newsroom = Newsroom::new(&postfix, "starttls", &good, 1000);
    let password = std::mem::replace(&mut newsroom.password, "wrong".to_owned());
    for line in both_ways_out(&good) {
        let said =
            newsroom.run(&line).code(77).tells("535 5.7.8").tells("POSTRIDER_RELAY_PASSWORD");
        assert!(!said.err.contains("wrong"), "{said:?}");
    }
    assert_eq!(mail_of(&postfix, &good, 0).len(), 0);
    newsroom.password = password;
    let (code, account) = newsroom.send();
    assert_eq!((code, count(&account, "accepted")), (0, 3), "{account}");
    assert_eq!(mail_of(&postfix, &good, 60).len(), 3);
}

#[test]
fn a_certificate_that_proves_nothing_is_told_and_nothing_is_sent() {
    let Some(postfix) = postfix() else { return };
    for (listener, why) in
        [("wrong_host", "it is not for `127.0.0.1`"), ("expired", "it has expired")]
    {
        let good = readers("untrusting", 2);
        let newsroom = Newsroom::new(&postfix, listener, &good, 1000);
        for line in both_ways_out(&good) {
            newsroom.run(&line).code(69).tells(why).tells("hint: ");
        }
        assert_eq!(mail_of(&postfix, &good, 0).len(), 0);
        assert_eq!(count(&newsroom.status(), "remaining"), 2);
    }
}

#[test]
fn a_sender_killed_three_times_mails_nobody_twice() {
    let Some(postfix) = postfix() else { return };
    let good = readers("killed", 200);
    let newsroom = Newsroom::new(&postfix, "starttls", &good, 50);
    let mut in_doubt = 0;
    for kill in 1..=3 {
        let mut sender = newsroom.start(&format!("send {ISSUE} --yes"));
        let account = loop {
            let account = newsroom.status();
            if account["state"] == "sending" && count(&account, "accepted") >= kill * 30 {
                break account;
            }
            assert_eq!(sender.try_wait().expect("it can be asked"), None, "it ended by itself");
            thread::sleep(Duration::from_millis(20));
        };
        sender.kill().expect("it runs");
        sender.wait().expect("it ends");
        assert!(count(&account, "in_doubt") <= in_doubt + CONNECTIONS, "{account}");
        in_doubt = count(&account, "in_doubt");
    }

    let (code, account) = newsroom.send();
    let doubted = count(&account, "in_doubt");
    assert_eq!(code, i32::from(doubted > 0), "{account}");
    assert!(doubted <= in_doubt + CONNECTIONS, "{account}");
    assert_eq!(count(&account, "accepted") + doubted, 200, "{account}");

    let certain = usize::try_from(count(&account, "accepted")).expect("200 at most");
    let mails = mail_of(&postfix, &good, 10);
    assert!((certain..=200).contains(&mails.len()), "{} arrived: {account}", mails.len());
    let mut ids: Vec<&str> = mails.iter().map(|mail| mail.headers["message-id"].as_str()).collect();
    let mut receivers: Vec<&str> = mails.iter().map(|mail| mail.receiver.as_str()).collect();
    for each in [&mut ids, &mut receivers] {
        each.sort_unstable();
        each.dedup();
        assert_eq!(each.len(), mails.len(), "somebody was mailed twice");
    }
}
