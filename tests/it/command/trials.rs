//! `relay`: the built-in relay as a server of its own, with the trials of its page.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt,
    process::{Child, ChildStdout, Stdio},
};

use serde_json::{Value, json};

use super::{env::Env, shows, stopped::signal};

/// A `relay --json` that runs.
pub(super) struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
    pub(super) url: String,
}

impl Running {
    fn start(env: &Env, line: &str) -> Self {
        let mut child = env
            .command(&format!("relay --json --listen 127.0.0.1:0 {line}"))
            .env("POSTRIDER_RELAY_PASSWORD", "pass word")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        let first = next(&mut out);
        assert_eq!(first["event"], "listening");
        let url = first["url"].as_str().expect("a url").to_owned();
        Self { child, out, url }
    }

    /// Starts one that plays a script, and makes it the relay of the publication.
    pub(super) fn scripted(env: &Env, script: &str) -> Self {
        env.write("script.txt", script);
        let relay = Self::start(env, "box --script script.txt");
        env.set("url = \"outbox\"", &format!("url = \"{}\"", relay.url));
        relay
    }

    fn address(&self) -> SocketAddr {
        let (_, address) = self.url.split_once("://").expect("a url");
        address.trim_end_matches("?tls=none").parse().expect("an address")
    }

    /// Ends it by a signal; returns what it told since, the sum last.
    pub(super) fn end(self) -> (Vec<Value>, Value) {
        signal(self.child.id(), "TERM");
        self.told()
    }

    fn told(mut self) -> (Vec<Value>, Value) {
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).expect("it is text");
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0));
        let mut told: Vec<Value> =
            rest.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let sum = told.pop().expect("a sum");
        assert_eq!(sum["event"], "closed");
        (told, sum)
    }
}

impl Drop for Running {
    /// A test that fails leaves none behind.
    fn drop(&mut self) {
        // Where it has ended there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn next(out: &mut impl BufRead) -> Value {
    let mut line = String::new();
    out.read_line(&mut line).expect("it is text");
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
}

/// Returns the scripts of the page, in order.
fn scripts() -> Vec<String> {
    let page = include_str!("../../../docs/relay.md");
    let blocks = page.split("```script\n").skip(1);
    blocks.map(|block| block.split("```").next().expect("an end").to_owned()).collect()
}

fn readers() -> Env {
    let env = Env::with_readers(300);
    env.set("connections = 2", "connections = 1");
    env
}

#[test]
fn it_keeps_what_it_takes_and_tells_each_and_the_sum() {
    let env = Env::publication();
    let relay = Running::scripted(&env, "# none\n");
    env.postrider("send kazakhstan --yes").code(0);
    let (told, sum) = relay.end();
    assert_eq!(told.len(), 3);
    for one in &told {
        assert_eq!(
            (&one["event"], &one["files"].as_array().map(Vec::len)),
            (&json!("kept"), &Some(1))
        );
        let file = env.root.join(one["files"][0].as_str().expect("a path"));
        let metadata = fs::metadata(&file).expect("it is there");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        let mail = fs::read_to_string(&file).expect("text");
        assert!(mail.contains(one["message_id"].as_str().expect("an id")), "{one}");
        assert!(mail.contains(&format!(
            "Delivered-To: {}\r\n",
            one["to"][0].as_str().expect("a recipient")
        )));
    }
    assert_eq!((&sum["kept"], &sum["refused"], &sum["played"]), (&json!(3), &json!(0), &json!([])));
    assert_eq!(
        fs::metadata(env.root.join("box")).expect("it is there").permissions().mode() & 0o777,
        0o700
    );
}

#[test]
fn the_greylisting_of_its_page_defers_everybody_and_loses_nobody() {
    let env = readers();
    let relay = Running::scripted(&env, &scripts()[0]);
    env.postrider("send kazakhstan --yes")
        .code(75)
        .tells("some readers wait for another try, which is due at");
    let account = env.json("status kazakhstan");
    assert_eq!((&account["remaining"], &account["deferred"]), (&json!(300), &json!(300)));
    let (told, sum) = relay.end();
    assert_eq!((&sum["kept"], &sum["played"]), (&json!(0), &json!([{ "line": 2, "times": 300 }])));
    assert_eq!((&told[0]["event"], &told[0]["step"]), (&json!("played"), &json!("rcpt")));
}

#[test]
fn the_lost_answer_of_its_page_is_settled_by_a_look_into_the_maildir() {
    let env = readers();
    let relay = Running::scripted(&env, &scripts()[1]);
    env.postrider("send kazakhstan --yes").code(1).tells("in doubt 1");
    let doubtful = env.json("status kazakhstan --in-doubt");
    let (told, sum) = relay.end();
    assert_eq!(sum["kept"], 300);
    let is_kept = told.iter().any(|one| one["message_id"] == doubtful["message_id"]);
    assert!(is_kept, "the mail in doubt is in the Maildir");
    let address = doubtful["address"].as_str().expect("an address");
    env.postrider(&format!("resolve kazakhstan {address} --delivered")).code(0);
    env.postrider("send kazakhstan").code(0).tells("accepted 300");
}

#[test]
fn the_refusals_of_its_page_stop_a_send_and_half_of_them_do_not() {
    let env = readers();
    let relay = Running::scripted(&env, &scripts()[2]);
    env.postrider("send kazakhstan --yes").code(75).tells("too many of the last 200 readers");
    relay.end();
    let env = readers();
    let relay = Running::scripted(&env, &scripts()[2].replace("8%", "4%"));
    env.postrider("send kazakhstan --yes").code(1).tells("rejected 12");
    let (_, sum) = relay.end();
    assert_eq!((&sum["kept"], &sum["played"]), (&json!(288), &json!([{ "line": 1, "times": 12 }])));
}

#[test]
fn the_other_scripts_of_its_page_can_be_played() {
    let env = readers();
    let relay = Running::scripted(&env, &scripts()[3]);
    env.postrider("send kazakhstan --yes")
        .code(75)
        .tells("the relay is paused: 454 4.7.0 Throttling");
    let (_, sum) = relay.end();
    assert_eq!(sum["kept"], 5);
    assert_eq!(scripts().len(), 4);
}

#[test]
fn a_message_in_flight_finishes_when_it_is_told_to_end() {
    let env = Env::empty();
    let relay = Running::start(&env, "box");
    let mut client = TcpStream::connect(relay.address()).expect("it listens");
    let mut answers = BufReader::new(client.try_clone().expect("a socket"));
    let mut say = |text: &str| client.write_all(text.as_bytes()).expect("it reads");
    let mut hear = |count: usize| -> Vec<String> {
        let lines = (&mut answers).lines().take(count);
        lines.map(|line| line.expect("text")[..3].to_owned()).collect()
    };
    say("HELO me\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nhel");
    assert_eq!(hear(5), ["220", "250", "250", "250", "354"]);
    signal(relay.child.id(), "TERM");
    while TcpStream::connect(relay.address()).is_ok() {
        std::thread::yield_now();
    }
    // It closes once this message is answered, be it before or after it hears of another.
    say("lo\r\n.\r\n");
    assert_eq!(hear(1), ["250"]);
    let (_, sum) = relay.told();
    assert_eq!((&sum["kept"], &sum["bytes"]), (&json!(1), &json!(7)));
}

#[test]
fn it_speaks_tls_to_the_one_user_it_knows() {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("one");
    let pem = made.cert.pem() + &made.signing_key.serialize_pem();
    for (options, scheme) in [("", "smtp"), ("--implicit", "smtps")] {
        let env = Env::publication();
        env.write("relay.pem", &pem);
        let relay = Running::start(&env, &format!("box --tls relay.pem {options} --user report"));
        assert!(relay.url.starts_with(&format!("{scheme}://report@127.0.0.1:")), "{}", relay.url);
        env.set("url = \"outbox\"", &format!("url = \"{}\"", relay.url));
        env.set("# ca_file = \"relay-ca.pem\"", "ca_file = \"relay.pem\"");
        let send = |password: &str| {
            let mut command = env.command("send kazakhstan --yes");
            let command = command.env("POSTRIDER_RELAY_PASSWORD", password);
            env.said(command.output().expect("it runs"))
        };
        send("guess").code(77);
        send("pass word").code(0);
        assert_eq!(relay.end().1["kept"], 3);
    }
}

#[test]
fn what_it_cannot_be_is_told_before_it_begins() {
    let env = Env::empty();
    env.write("script.txt", "rcpt frist close\n# fine\nmail to=a close\ndot 5% explode\n");
    env.write("full/notes.txt", "mine");
    env.write("no.pem", "nothing");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    for (name, line, code) in [
        ("script", "relay --script script.txt".to_owned(), 65),
        ("script_missing", "relay --script other.txt".to_owned(), 66),
        ("folder", "relay full".to_owned(), 76),
        ("address", "relay --listen here".to_owned(), 2),
        ("exposed", "relay --listen 0.0.0.0:2525".to_owned(), 2),
        ("port", format!("relay --listen 127.0.0.1:{port}"), 69),
        ("tls", "relay --tls no.pem".to_owned(), 78),
    ] {
        let said = env.postrider(&line).code(code);
        let shown = said.shown().replace(&port.to_string(), "[port]");
        shows(&format!("trials_{name}"), &shown);
    }
    env.write("relay.pem", "nothing");
    assert!(!env.root.join("outbox").exists(), "nothing was made");
}
