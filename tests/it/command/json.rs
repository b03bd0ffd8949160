//! `--json` of every command, held against docs/json.schema.json by a validator that is not ours.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    process::Stdio,
};

use clap::CommandFactory;
use postrider::cli::Cli;
use serde_json::{Value, json};

use super::env::Env;
use crate::{doctor::nameserver::NameServer, python::python_with};

/// What prints no JSON, and why; and what others show.
const NONE: [(&str, &str); 4] = [
    ("completions", "it writes a program for a shell"),
    ("ledger-backup", "the exit code tells"),
    ("ledger-accept-rollback", "the exit code tells"),
    ("worker", "it needs PostgreSQL; what it prints is what `send` prints"),
];

/// What is typed one after another in one publication, and how each ends. Between them they print every kind of document.
const WALK: [(&str, u8); 49] = [
    ("render kazakhstan", 0),
    ("check", 1),
    ("explain", 0),
    ("explain PR112", 0),
    ("draft georgia --date 2026-11-30", 0),
    ("check faulty", 1),
    ("test kazakhstan --to me@example.org", 0),
    ("subscribers import people.csv", 65),
    ("subscribers add carl@example.org --tag press", 0),
    ("subscribers list", 0),
    ("subscribers show carl@example.org", 0),
    ("subscribers unsubscribe carl@example.org", 0),
    ("subscribers suppress never@example.org", 0),
    ("subscribers erase never@example.org", 0),
    ("subscribers export", 0),
    ("subscribers export dora@example.org", 0),
    ("plan kazakhstan", 0),
    ("status kazakhstan", 0),
    ("schedule kazakhstan --at '2031-12-01 07:00'", 0),
    ("schedule --cron-line", 0),
    ("schedule --systemd units", 0),
    ("pause kazakhstan", 0),
    ("resume kazakhstan", 0),
    ("unschedule kazakhstan", 0),
    ("send kazakhstan --yes --limit 1", 75),
    ("status kazakhstan --left", 0),
    ("subscribers export anna@example.org", 0),
    ("resolve kazakhstan --all --delivered", 0),
    ("send kazakhstan --yes", 0),
    ("send kazakhstan --yes", 0),
    ("status", 0),
    ("status kazakhstan --watch", 0),
    ("log anna@example.org", 0),
    ("log nobody@example.org", 0),
    ("draft erratum --date 2003-10-08 --like kazakhstan", 0),
    ("plan erratum", 0),
    ("correct kazakhstan --with erratum --yes", 0),
    ("draft armenia --date 2026-12-14 --like kazakhstan", 0),
    ("--now 2026-12-01T00:00:00Z schedule armenia --at '2026-12-14 07:00'", 0),
    ("--now 2026-12-14T07:00:00Z due", 0),
    ("schedule georgia --at '2031-12-08 07:00'", 0),
    ("cancel georgia --yes", 0),
    ("bounces read --maildir mail", 0),
    ("status kazakhstan --failed", 0),
    ("inbox read --maildir answers", 0),
    ("config show --origin", 0),
    ("keys new", 0),
    ("archive public", 0),
    ("man pages", 0),
];

/// What runs until it is ended, and tells first where it is.
const SERVERS: [&str; 3] = [
    "preview kazakhstan --listen 127.0.0.1:0",
    "web --listen 127.0.0.1:0 --health 127.0.0.1:0",
    "relay trial --listen 127.0.0.1:0",
];

#[test]
fn what_every_command_prints_with_json_is_as_its_schema_says() {
    let schema: Value = serde_json::from_str(include_str!("../../../docs/json.schema.json"))
        .expect("the schema is JSON");
    let commands = commands();
    let reporting: BTreeSet<&str> = commands
        .iter()
        .map(String::as_str)
        .filter(|name| !NONE.iter().any(|(none, _)| none == name))
        .collect();
    let undescribed: Vec<_> =
        reporting.iter().filter(|name| schema["$defs"][**name].is_null()).collect();
    assert!(undescribed.is_empty(), "docs/json.schema.json has no {undescribed:?}");

    let told = walk(&commands);
    let shown: BTreeSet<&str> = told.iter().map(|told| told.name.as_str()).collect();
    let unseen: Vec<_> = reporting.difference(&shown).collect();
    assert!(unseen.is_empty(), "nothing here has them print JSON: {unseen:?}");

    let lines: Vec<String> = told
        .iter()
        .map(|Told { name, said, document }| {
            json!({ "name": name, "said": said, "document": document }).to_string()
        })
        .collect();
    if let Some(found) = python_with("jsonschema", "schema.py", &[], lines.join("\n").as_bytes()) {
        let found = String::from_utf8(found).expect("it is UTF-8");
        assert_eq!(found, "", "{found}");
    }
}

/// A document that a command printed.
struct Told {
    name: String,
    said: String,
    document: Value,
}

/// Runs all of it and returns what was printed.
fn walk(commands: &BTreeSet<String>) -> Vec<Told> {
    let mut env = Env::empty();
    let mut told = Vec::new();
    tell(&mut told, commands, "demo demo", &env.postrider("demo demo --json").out);
    tell(&mut told, commands, "init tt", &env.postrider("init tt --json").out);
    env.root = env.root.join("tt");
    env.set("rate = [\"5/s\"]", "rate = [\"2000/s\"]");
    let settings = env.read("publication.toml");
    env.write(
        "publication.toml",
        &format!("{settings}\n[web]\nurl = \"https://news.example.org\"\n"),
    );
    env.write("people.csv", "email,name\ndora@example.org,Dora\nnobody,Nobody\n");
    env.write(
        "issues/2026-11-23-faulty/issue.md",
        "+++\ndate = 2026-11-23\n+++\n\nDear {{ nmae }},\n",
    );
    for (folder, message) in [
        ("mail", include_str!("../../fixtures/bounces/hard/postfix-no-user.eml")),
        ("answers", include_str!("../../fixtures/bounces/unsubscribe/by-a-word.eml")),
    ] {
        env.write(&format!("{folder}/new/1"), message);
        std::fs::create_dir_all(env.root.join(folder).join("cur")).expect("it can be made");
    }
    for (line, code) in WALK {
        let said = env.postrider(&format!("{line} --json"));
        assert_eq!(said.code, i32::from(code), "{line}: {said:?}");
        tell(&mut told, commands, line, &said.out);
    }
    let settings = env.read("publication.toml");
    let keys = told.iter().rfind(|told| told.name == "keys-new").expect("they were made");
    let (selector, file) =
        (&keys.document["keys"][0]["selector"], &keys.document["keys"][0]["file"]);
    env.write("publication.toml", &format!(
        "{settings}\n[dkim]\ndomain = \"example.org\"\nkeys = [{{ selector = {selector}, file = {file} }}]\n"
    ));
    tell(&mut told, commands, "keys show", &env.postrider("keys show --json").code(0).out);
    let server = NameServer::serving("example.org TXT v=spf1 -all");
    let line = format!("doctor --resolver {}", server.address);
    tell(&mut told, commands, &line, &env.postrider(&format!("{line} --json")).code(1).out);
    for line in SERVERS {
        tell(&mut told, commands, line, &first_line(&env, line));
    }
    // After that nothing works with the old one any more.
    for line in ["ledger verify", "ledger migrate --to .postrider/moved.sqlite"] {
        tell(&mut told, commands, line, &env.postrider(&format!("{line} --json")).code(0).out);
    }
    told
}

/// Takes down what a command printed, a document a line.
fn tell(told: &mut Vec<Told>, commands: &BTreeSet<String>, line: &str, out: &str) {
    let words = line.split(' ').skip_while(|word| word.starts_with("--now") || word.ends_with('Z'));
    let words: Vec<&str> = words.take(2).collect();
    let name = [words.join("-"), words[0].to_owned()]
        .into_iter()
        .find(|name| commands.contains(name))
        .unwrap_or_else(|| panic!("`{line}` is no command"));
    for document in out.lines() {
        let document = serde_json::from_str(document)
            .unwrap_or_else(|error| panic!("{line}: {error}: {document}"));
        told.push(Told { name: name.clone(), said: line.to_owned(), document });
    }
}

/// Starts what runs until it is ended, and returns the first line it prints.
fn first_line(env: &Env, line: &str) -> String {
    let mut server = env
        .command(&format!("{line} --json"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut first = String::new();
    let out = server.stdout.take().expect("it is piped");
    BufReader::new(out).read_line(&mut first).expect("it says where it is");
    server.kill().expect("it is ours");
    server.wait().expect("it ends");
    first
}

/// Every command that does something, the verbs of groups as `subscribers-import`.
fn commands() -> BTreeSet<String> {
    let program = Cli::command();
    let mut all = BTreeSet::new();
    for command in program.get_subcommands() {
        let verbs = command.get_subcommands().map(clap::Command::get_name);
        all.extend(verbs.map(|verb| format!("{}-{verb}", command.get_name())));
        if !command.has_subcommands() {
            all.insert(command.get_name().to_owned());
        }
    }
    all
}
