//! `bounces read` and `inbox read`: from mail that lies somewhere to readers who are suppressed, and others who are not.

use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::Value;

use super::{
    env::{Env, Said},
    shows,
    trials::Running,
};
use crate::skip::skipped;

/// The readers of an issue that was sent, and the tokens of their copies.
struct Sent {
    env: Env,
    copies: Vec<Copy>,
}

struct Copy {
    address: String,
    return_path: String,
    unsubscribe: String,
}

/// Sends the sample issue to five readers.
fn sent() -> Sent {
    let env = Env::with_list(
        "email\nann@example.com\nbob@gmail.com\ncyd@example.com\ndan@example.com\neve@example.com\n",
    );
    env.set("# bounces = \"bounces.example.org\"", "bounces = \"bounces.example.org\"");
    env.postrider("send kazakhstan --yes").code(0);
    let mut copies: Vec<Copy> = env.mails().iter().map(|mail| copy(mail)).collect();
    copies.sort_by(|one, other| one.address.cmp(&other.address));
    Sent { env, copies }
}

fn copy(mail: &str) -> Copy {
    let between = |before: &str, after: char| {
        let (_, rest) = mail.split_once(before).expect(before);
        rest.split(after).next().expect("there is always one").trim().to_owned()
    };
    Copy {
        address: between("\nDelivered-To: ", '\r'),
        return_path: between("Return-Path: <", '@'),
        unsubscribe: between("mailto:u-", '@'),
    }
}

impl Sent {
    fn of(&self, name: &str) -> &Copy {
        self.copies.iter().find(|copy| copy.address.starts_with(name)).expect("they got it")
    }

    /// Puts a message into a Maildir.
    fn lies(&self, name: &str, message: &str) {
        self.env.write(&format!("mail/new/{name}"), message);
        fs::create_dir_all(self.env.root.join("mail/cur")).expect("it can be made");
    }

    fn read(&self, line: &str) -> Vec<Value> {
        let said = self.env.postrider(&format!("{line} --json")).code(0);
        said.out.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect()
    }

    fn state(&self, name: &str) -> String {
        let address = &self.of(name).address;
        let said = self.env.postrider(&format!("subscribers show {address} --json")).code(0);
        let document: Value = serde_json::from_str(&said.out).expect("it is JSON");
        document["state"].as_str().expect("it says a state").to_owned()
    }

    fn unseen(&self) -> Vec<String> {
        let new = fs::read_dir(self.env.root.join("mail/new")).expect("it is there");
        let mut names: Vec<_> = new
            .map(|entry| entry.expect("it can be listed").file_name().into_string().expect("text"))
            .collect();
        names.sort();
        names
    }

    fn pipe(&self, line: &str, message: &str) -> Said {
        pipe(&self.env, self.env.command(line), message)
    }
}

fn pipe(env: &Env, mut command: Command, message: &str) -> Said {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let written = child.stdin.take().expect("it has one").write_all(message.as_bytes());
    let said = env.said(child.wait_with_output().expect("it ends"));
    assert!(written.is_ok(), "{said:?}");
    said
}

/// A bounce of one reader's copy.
fn bounce(copy: &Copy, id: &str, status: &str, said: &str) -> String {
    let Copy { address, return_path, .. } = copy;
    format!(
        "From: MAILER-DAEMON@mx.example.net\nTo: {return_path}@bounces.example.org\n\
         Message-ID: <{id}@mx.example.net>\nSubject: Undelivered Mail Returned to Sender\n\
         MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n\
         --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n\
         Final-Recipient: rfc822; {address}\nAction: failed\nStatus: {status}\n\
         Diagnostic-Code: smtp; {said}\n\n--b--\n"
    )
}

#[test]
fn a_maildir_of_bounces_is_read_once_and_told_in_words() {
    let sent = sent();
    let none = Copy {
        address: "eve@example.com".to_owned(),
        return_path: "bounces".to_owned(),
        unsubscribe: String::new(),
    };
    sent.lies("1", &bounce(sent.of("ann"), "1", "5.1.1", "550 5.1.1 user unknown"));
    sent.lies(
        "2",
        &bounce(sent.of("bob"), "2", "5.7.26", "550 5.7.26 unauthenticated email is not accepted"),
    );
    sent.lies("3", &bounce(sent.of("cyd"), "3", "5.2.2", "552 5.2.2 over quota"));
    sent.lies("4", &bounce(&none, "4", "5.1.1", "550 5.1.1 user unknown"));
    sent.lies("5", "From: Fay <fay@example.com>\nSubject: Re: Kazakhstan\n\nThank you.\n");
    sent.lies("6", &format!(
        "From: feedback@isp.example\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary=f\n\n\
         --f\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\n\n\
         --f\nContent-Type: text/rfc822-headers\n\nFrom: report@example.org\nList-Unsubscribe: <mailto:u-{}@bounces.example.org>\n\n--f--\n",
        sent.of("dan").unsubscribe
    ));
    let looked = sent.env.postrider("bounces read --maildir mail --dry-run").code(0);
    looked.tells("6 messages read, and nothing was changed");
    assert_eq!((sent.state("ann").as_str(), sent.unseen().len()), ("active", 6));
    let said = sent.env.postrider("bounces read --maildir mail").code(0);
    shows("bounces_read", &said.shown());
    assert_eq!(sent.unseen(), ["5"], "what a person wrote is left to people");
    for (name, state) in [
        ("ann", "bounced"),
        ("bob", "active"),
        ("cyd", "active"),
        ("dan", "complained"),
        ("eve", "active"),
    ] {
        assert_eq!(sent.state(name), state, "{name}");
    }
    let history = sent.env.postrider("subscribers show ann@example.com").code(0);
    history.tells("no such mailbox: 550 5.1.1 user unknown");
}

#[test]
fn each_message_is_an_object_with_its_own_keys() {
    let sent = sent();
    sent.lies("1", &bounce(sent.of("ann"), "1", "5.1.1", "550 5.1.1 user unknown"));
    let read = sent.read("bounces read --maildir mail --keep");
    let expected = serde_json::json!({
        "file": "1", "kind": "hard", "address": "ann@example.com", "issue": "2003-10-06-kazakhstan",
        "action": "failed", "code": "5.1.1", "diagnostic": "550 5.1.1 user unknown", "did": "bounced",
    });
    assert_eq!(read, [expected]);
    let again = sent.read("bounces read --maildir mail");
    assert_eq!((again[0]["did"].as_str(), again.len()), (Some("known"), 1));
    assert!(sent.unseen().is_empty());
    assert!(sent.env.root.join("mail/cur/1:2,S").is_file());
}

#[test]
fn an_mbox_is_read_whole_and_again_and_what_was_read_elsewhere_is_known() {
    let sent = sent();
    let one = bounce(sent.of("ann"), "1", "5.1.1", "550 5.1.1 user unknown");
    let two = bounce(sent.of("bob"), "2", "5.1.1", "550 5.1.1 user unknown");
    sent.env
        .write("mbox", &format!("From MAILER-DAEMON Mon\n{one}\nFrom MAILER-DAEMON Mon\n{two}\n"));
    let did = |read: Vec<Value>| {
        read.iter()
            .map(|line| line["did"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(did(sent.read("bounces read --mbox mbox")), ["bounced", "bounced"]);
    assert_eq!(did(sent.read("bounces read --mbox mbox")), ["known", "known"]);
    let piped = sent
        .pipe("bounces read --stdin", &format!("Received: by x\r\n{}", one.replace('\n', "\r\n")));
    piped.code(0).tells("known already");
}

#[test]
fn a_forged_return_path_suppresses_nobody_and_is_counted() {
    let sent = sent();
    let mut forged = sent.of("ann").return_path.clone();
    let last = if forged.ends_with('a') { "b" } else { "a" };
    forged.replace_range(10..11, if &forged[10..11] == "a" { "b" } else { "a" });
    forged.replace_range(forged.len() - 1.., last);
    let copy = Copy {
        return_path: forged,
        address: "ann@example.com".to_owned(),
        unsubscribe: String::new(),
    };
    let said =
        sent.pipe("bounces read --stdin", &bounce(&copy, "1", "5.1.1", "550 5.1.1 user unknown"));
    said.code(0).tells("1 tokens that are not ours, ignored").tells("which nothing proves");
    assert_eq!(sent.state("ann"), "active");
}

#[test]
fn the_log_of_a_mail_that_came_back_says_where_to_look_on() {
    let sent = sent();
    assert!(!sent.env.postrider("log ann@example.com").code(0).shown().contains("now:"));
    let message = bounce(sent.of("ann"), "1", "5.1.1", "550 5.1.1 user unknown");
    sent.pipe("bounces read --stdin", &message).code(0);
    let said = sent.env.postrider("log ann@example.com").code(0);
    said.tells("accepted").tells("ann@example.com is bounced now: `subscribers show` tells why");
}

#[test]
fn a_mail_system_is_asked_to_come_again_when_the_ledger_is_away() {
    let sent = sent();
    let message = bounce(sent.of("ann"), "1", "5.1.1", "550 5.1.1 user unknown");
    sent.env.write(".postrider/ledger.sqlite", "this is no ledger");
    sent.pipe("bounces read --stdin", &message).code(75);
    let lost = sent.pipe("-C /nowhere bounces read --stdin", &message);
    lost.code(75).tells("there is no publication.toml");
}

#[test]
fn who_asks_by_mail_to_leave_is_let_go_and_people_are_left_alone() {
    let sent = sent();
    let from = |name: &str, to: &str, subject: &str| {
        format!(
            "From: {name}@example.com\nTo: {to}\nMessage-ID: <{name}@x>\nSubject: {subject}\n\nhello\n"
        )
    };
    let token = &sent.of("ann").unsubscribe;
    sent.lies("1", &from("ann", &format!("u-{token}@bounces.example.org"), "unsubscribe"));
    let token = &sent.of("cyd").unsubscribe;
    sent.lies("2", &from("cyd", "report@example.org", &format!("unsubscribe {token}")));
    sent.lies("3", &from("dan", "report@example.org", "Unsubscribe"));
    sent.lies("4", &from("eve", "report@example.org", "Automatic reply: Kazakhstan"));
    sent.lies("5", &from("eve", "report@example.org", "Re: Kazakhstan"));
    sent.lies("6", &bounce(sent.of("bob"), "6", "5.1.1", "550 5.1.1 user unknown"));
    let said = sent.env.postrider("inbox read --maildir mail").code(0);
    shows("inbox_read", &said.shown());
    assert_eq!(sent.unseen(), ["3", "4", "5"]);
    // Whom nothing proves is told of, and stays unseen, until a person has decided.
    let again = sent.env.postrider("inbox read --maildir mail").code(0);
    assert!(again.err.contains("dan@example.com asks to leave"), "{again:?}");
    assert_eq!(sent.unseen(), ["3", "4", "5"]);
    for (name, state) in [
        ("ann", "unsubscribed"),
        ("bob", "bounced"),
        ("cyd", "unsubscribed"),
        ("dan", "active"),
        ("eve", "active"),
    ] {
        assert_eq!(sent.state(name), state, "{name}");
    }
    sent.env.postrider("subscribers unsubscribe dan@example.com").code(0);
    let decided = sent.env.postrider("inbox read --maildir mail").code(0);
    assert!(!decided.err.contains("dan"), "{decided:?}");
    assert_eq!(sent.unseen(), ["4", "5"]);
}

#[test]
fn who_asks_by_hand_in_any_language_is_named_and_the_token_of_a_copy_is_their_word() {
    let sent = sent();
    let letter = |name: &str, to: &str, subject: &str, text: &str| {
        format!(
            "From: {name}@example.com\nTo: {to}\nMessage-ID: <{name}@x>\n\
             Content-Type: text/plain; charset=utf-8\nSubject: {subject}\n\n{text}\n"
        )
    };
    sent.lies("1", &letter("ann", "report@example.org", "Abmelden", ""));
    sent.lies(
        "2",
        &letter("cyd", "report@example.org", "Re: Kazakhstan", "Отписаться.\n\n> Hello"),
    );
    sent.lies("3", &letter("dan", "report@example.org", "Re: Kazakhstan", "Do not stop, please!"));
    let own = format!("{}@bounces.example.org", sent.of("eve").return_path);
    sent.lies("4", &letter("eve", &own, "Re: Kazakhstan", "Remove me"));
    let said = sent.env.postrider("inbox read --maildir mail").code(0);
    for name in ["ann", "cyd"] {
        assert!(said.err.contains(&format!("{name}@example.com asks to leave")), "{said:?}");
    }
    assert_eq!(sent.unseen(), ["1", "2", "3"]);
    let states = ["ann", "cyd", "dan", "eve"].map(|name| sent.state(name));
    assert_eq!(states, ["active", "active", "active", "unsubscribed"]);
}

#[test]
fn who_asks_without_proof_is_let_go_by_a_yes_on_the_terminal_and_by_nothing_else() {
    if Command::new("script").arg("--version").output().is_err() {
        return skipped("a question on a terminal, without script");
    }
    let sent = sent();
    for name in ["ann", "cyd"] {
        let letter = format!("From: {name}@example.com\nSubject: Unsubscribe\n\n");
        sent.lies(name, &letter);
    }
    let line = format!("{} inbox read --maildir mail", env!("CARGO_BIN_EXE_postrider"));
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &line, "/dev/null"]).current_dir(&sent.env.root);
    let said = pipe(&sent.env, terminal, "yes\n\n");
    said.code(0)
        .tells("Take ann@example.com off the list?")
        .tells("ann@example.com is unsubscribed");
    assert_eq!(["ann", "cyd"].map(|name| sent.state(name)), ["unsubscribed", "active"]);
}

#[test]
fn whom_an_issue_did_not_reach_is_json_with_provider_and_cause_refused_or_come_back() {
    let sent = sent();
    sent.lies("1", &bounce(sent.of("bob"), "1", "5.2.2", "552 5.2.2 mailbox full"));
    sent.read("bounces read --maildir mail");
    let missed = sent.read("status kazakhstan --failed");
    assert_eq!(missed.len(), 1, "{missed:?}");
    for (key, value) in [
        ("address", "bob@gmail.com"),
        ("provider", "gmail"),
        ("kind", "soft"),
        ("cause", "mailbox full"),
        ("did", "counted"),
    ] {
        assert_eq!(missed[0][key], value, "{missed:?}");
    }
    assert_eq!(missed[0]["came_back"], true);
}

#[test]
fn who_was_forgotten_is_counted_among_those_not_reached_and_called_so() {
    let sent = sent();
    for name in ["bob", "cyd"] {
        sent.lies(name, &bounce(sent.of(name), name, "5.2.2", "552 5.2.2 mailbox full"));
    }
    sent.read("bounces read --maildir mail");
    sent.env.set("[list]", "[list]\nretention = \"0s\"");
    sent.env.postrider("due").code(0);
    let said = sent.env.postrider("status kazakhstan --failed").code(0);
    assert!(said.out.starts_with("forgotten: mailbox full, 2 readers\n"), "{said:?}");
    assert!(!said.out.contains("bob") && !said.out.contains("552"), "{said:?}");
}

#[test]
fn whom_an_issue_did_not_reach_is_told_with_what_becomes_of_them_and_what_to_mend() {
    let env = Env::with_list(
        "email\nann@example.com\nblock@example.net\nfull@gmail.com\ndead@gmail.com\nspf@yahoo.com\n",
    );
    env.set("stop_at_rejected = \"5%\"", "stop_at_rejected = \"100%\"");
    let relay = Running::scripted(
        &env,
        "rcpt to=block@ reply 554 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org, see the page of it\n\
         rcpt to=full@ reply 552 5.2.2 mailbox full\n\
         rcpt to=dead@ reply 550 5.1.1 user unknown\n\
         rcpt to=spf@ reply 550 5.7.26 unauthenticated: SPF and DKIM did not pass\n",
    );
    let sent = env.postrider("send kazakhstan --yes").code(75);
    for line in [
        "  refused            1   no such mailbox; 1 reader suppressed",
        "  refused            1   mailbox full",
        "  refused            1   our server is on a blocklist",
    ] {
        assert!(sent.out.contains(line), "{line} in {sent:?}");
    }
    for words in [
        "our server is on a blocklist: look your relay's address up",
        "to mend that, let example.org TXT",
    ] {
        assert!(sent.err.contains(words), "{words} in {sent:?}");
    }
    shows(
        "whom_an_issue_did_not_reach",
        &env.postrider("status kazakhstan --failed").code(0).shown(),
    );
    relay.end();
}

#[test]
fn what_comes_back_of_a_test_mail_does_nothing() {
    let sent = sent();
    sent.env.postrider("test kazakhstan --to ann@example.com --as ann@example.com").code(0);
    let mails = sent.env.mails();
    let test = mails.iter().find(|mail| mail.contains("[Test]")).expect("it is there");
    let copy = copy(test);
    let said = sent.pipe(
        "bounces read --stdin --json",
        &bounce(&copy, "1", "5.1.1", "550 5.1.1 user unknown"),
    );
    let read: Value = serde_json::from_str(&said.code(0).out).expect("it is JSON");
    assert_eq!((read["kind"].as_str(), read["did"].as_str()), (Some("hard"), Some("nothing")));
    assert_eq!(sent.state("ann"), "active");
}

#[test]
fn a_mailbox_that_cannot_be_read_says_why() {
    let env = Env::publication();
    for (line, code, words) in [
        ("bounces read", 2, "required"),
        ("bounces read --maildir nowhere", 66, "a Maildir has the folders"),
        ("bounces read --mbox nowhere", 66, "nowhere"),
        ("bounces read --mbox publication.toml", 65, "it is no mbox"),
        ("bounces read --imap imaps://me:s3cret@host", 2, "a password stands in the folder's URL"),
        (
            "bounces read --imap imaps://me@127.0.0.1:1",
            78,
            "there is no password for the user `me`",
        ),
        ("bounces read --imap http://127.0.0.1", 2, "is not an IMAP folder"),
    ] {
        let said = env.postrider(line);
        assert!(!format!("{said:?}").contains("s3cret"));
        said.code(code).tells(words);
    }
}
