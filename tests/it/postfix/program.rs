//! The whole program through Postfix: what `init` writes, a list of readers, the real binary, and the mail that arrived.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{Postfix, postfix, reader};
use crate::{python::python, seed::Seed};

const ISSUE: &str = "2003-10-06-kazakhstan";

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
    folder: TempDir,
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
        let folder = tempfile::tempdir().expect("a folder");
        let newsroom = Self { folder, password: postfix.credentials.password.expose().to_owned() };
        let made = newsroom.run(&["init", newsroom.root().to_str().expect("UTF-8")]);
        assert_eq!(made.status.code(), Some(0), "{made:?}");

        let scheme = if listener == "starttls" { "smtp" } else { "smtps" };
        let user = postfix.credentials.user.replace('@', "%40");
        let url = format!("{scheme}://{user}@127.0.0.1:{}", postfix.port(listener));
        newsroom.edit(
            "publication.toml",
            "url = \"outbox\"",
            &format!("url = \"{url}\"\nca_file = \"ca.pem\""),
        );
        newsroom.edit("publication.toml", "rate = [\"5/s\"]", &format!("rate = [\"{rate}/s\"]"));
        newsroom.edit(
            "publication.toml",
            "connections = 2",
            &format!("connections = {CONNECTIONS}"),
        );
        newsroom.write("ca.pem", &String::from_utf8_lossy(&postfix.trust));

        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let rows = readers.iter().map(|(address, name)| format!("{address},{}\n", quoted(name)));
        newsroom.write("subscribers.csv", &format!("email,name\n{}", rows.collect::<String>()));
        newsroom
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.root().join(file), text).expect("it can be written");
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.root().join(file)).expect("it is there");
        assert_eq!(text.matches(from).count(), 1, "`{from}` in {file}");
        self.write(file, &text.replace(from, to));
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("POSTRIDER_")) {
            command.env_remove(name);
        }
        command
            .arg("-C")
            .arg(self.root())
            .args(arguments)
            .env("POSTRIDER_RELAY_PASSWORD", &self.password)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.start(arguments).wait_with_output().expect("it ends")
    }

    /// Runs a command with `--json` and returns its exit code and its document.
    #[track_caller]
    fn ask(&self, arguments: &[&str]) -> (i32, Value) {
        let output = self.run(&[arguments, &["--json"]].concat());
        let document = serde_json::from_slice(&output.stdout);
        let document = document.unwrap_or_else(|error| panic!("{error}: {output:?}"));
        (output.status.code().expect("it exits"), document)
    }

    /// Sends, and returns the exit code and the account, whose sum balances.
    #[track_caller]
    fn send(&self) -> (i32, Value) {
        let (code, account) = self.ask(&["send", ISSUE, "--yes"]);
        assert_balances(&account);
        (code, account)
    }

    /// Returns what the ledger calls a reader.
    #[track_caller]
    fn state(&self, address: &str) -> Value {
        self.ask(&["subscribers", "show", address]).1["state"].take()
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
        newsroom.write(&format!("issues/{ISSUE}/issue.md"), &seed.draft());
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
    let (code, told) = newsroom.ask(&["test", ISSUE, "--to", &me[0].0]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(told["sent"][0]["to"], me[0].0.as_str());
    let mails = mail_of(&postfix, &me, 60);
    let [mail] = &mails[..] else { panic!("{mails:?}") };
    assert_eq!(mail.headers["subject"], "[Test] Kazakhstan Confirms Foreign-Policy Balancing Act");
    assert_eq!((&mail.address, &mail.defects), (&me[0].0, &Vec::new()));
    assert!(mail.text.contains("Dear Reader,"), "{}", mail.text);
    assert_eq!(mail_of(&postfix, &good, 0).len(), 0);
    assert_eq!(newsroom.ask(&["status", ISSUE]).1["state"], "draft");
}

#[test]
fn a_wrong_password_sends_nothing_and_loses_nobody() {
    let Some(postfix) = postfix() else { return };
    let good = readers("locked-out", 3);
    let mut newsroom = Newsroom::new(&postfix, "starttls", &good, 1000);
    let password = std::mem::replace(&mut newsroom.password, "wrong".to_owned());
    for arguments in [&["send", ISSUE, "--yes"][..], &["test", ISSUE, "--to", &good[0].0]] {
        let refused = newsroom.run(arguments);
        assert_eq!(refused.status.code(), Some(77), "{refused:?}");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains("535") && said.contains("POSTRIDER_RELAY_PASSWORD"), "{said}");
        assert!(!said.contains("wrong"), "{said}");
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
        for arguments in [&["send", ISSUE, "--yes"][..], &["test", ISSUE, "--to", &good[0].0]] {
            let refused = newsroom.run(arguments);
            assert_eq!(refused.status.code(), Some(69), "{refused:?}");
            let said = String::from_utf8_lossy(&refused.stderr);
            assert!(said.contains(why) && said.contains("hint: "), "{said}");
        }
        assert_eq!(mail_of(&postfix, &good, 0).len(), 0);
        let account = newsroom.ask(&["status", ISSUE]).1;
        assert_balances(&account);
        assert_eq!(count(&account, "remaining"), 2, "{account}");
    }
}

#[test]
fn a_sender_killed_three_times_mails_nobody_twice() {
    let Some(postfix) = postfix() else { return };
    let good = readers("killed", 200);
    let newsroom = Newsroom::new(&postfix, "starttls", &good, 50);
    let mut in_doubt = 0;
    for kill in 1..=3 {
        let mut sender = newsroom.start(&["send", ISSUE, "--yes"]);
        let account = loop {
            let account = newsroom.ask(&["status", ISSUE]).1;
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
