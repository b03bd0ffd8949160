//! `publication.toml`: a publication as values, or every mistake in it in one run.

use std::{fmt::Write, fs, path::PathBuf};

use postrider::{
    config::{CODES, SecretError, dkim_keys, locate, read, secret},
    model::{DkimSettings, Place, Problem, RelayUrl, Secret, SecretSource},
};
use proptest::prelude::*;

pub(crate) const WHOLE: &str = r#"# Who publishes, how it looks, where it goes.
[publication]
id = "tt-report"
title = "TT Business Intelligence Report"
tagline = "Integrity, attention to detail and international scope, combined"
masthead = ["New York", "London", "Moscow"]
motto = "Intelligence and Recovery"
publisher = "Templeton Thorp"
copyright = "2002 - 2004"
postal_address = """
1 Example Street
London"""
language = "en-GB"
timezone = "Europe/London"
theme = "letter"

[links]
website = "https://example.org"
subscribe = "https://example.org/subscribe"
archive = "https://example.org/issues/"
images = "https://example.org/pictures/"
disclaimer = "https://example.org/disclaimer"
privacy = "https://example.org/privacy"
feedback = "mailto:feedback@example.org?subject=Report"
unsubscribe = "https://example.org/leave"
nav = [{ label = "Debt Recovery", url = "https://example.org/debt" }]

[sender]
from = "TT Business Intelligence Report <report@example.org>"
reply_to = "feedback@example.org"
bounces = "bounces.example.org"

[relay]
url = "smtps://report%40example.org@smtp.example.org"
rate = ["14/s", "50000/day"]
connections = 4
messages_per_connection = 500
chunking = true
warm_up = { from = "200/day", since = "2026-12-01", double_every = "2d" }
ca_file = "relay-ca.pem"
auth = "xoauth2"
password_file = "relay-password"
[relay.deadlines]
connect = "20s"
command = "5m"
data = "3m"
dot = "14m"
[relay.domains."gmail.com"]
rate = ["20/s", "9000/hour"]
[relay.domains."bücher.example"]
rate = "1/s"

[dkim]
domain = "example.org"
keys = [{ selector = "e2026", file = "ed25519.pem" }, { selector = "R2026", file = "rsa.pem" }]
unsigned = ["date", "Message-ID"]

[list]
csv = "subscribers.csv"
[list.fields]
name = { default = "Reader" }
company = {}
account = { required = true }

[schedule]
every = "Mon 07:00"
max_late = "90m"

[send]
stop_at_rejected = "2.5%"
in_doubt = "hold"

[web]
url = "https://news.example.org/"
proxies = ["10.0.0.5", "::1"]
languages = ["en-GB", "ru"]

[web.webhooks]
ses_topic = "arn:aws:sns:eu-west-1:123456789012:bounces"
mailgun_key_file = "secrets/mailgun"
postmark_password_file = "secrets/postmark"

[ledger]
url = "sqlite:ledger.sqlite"
"#;

const LEAST: &str = r#"
[publication]
id = "tt"
title = "TT"
publisher = "Templeton Thorp"
postal_address = "London"
[links]
disclaimer = "https://example.org/disclaimer"
privacy = "https://example.org/privacy"
feedback = "https://example.org/feedback"
[sender]
from = "report@example.org"
"#;

#[test]
fn a_publication_with_every_key() {
    insta::assert_debug_snapshot!(read(WHOLE, "publication.toml").map_err(|p| shown(&p)));
}

#[test]
fn a_publication_with_what_is_needed_and_nothing_else() {
    insta::assert_debug_snapshot!(read(LEAST, "publication.toml").map_err(|p| shown(&p)));
}

#[test]
fn twelve_mistakes_are_told_in_one_run() {
    insta::assert_snapshot!(mistakes(
        r#"[publication]
id = "TT Report"
titel = "TT Business Intelligence Report"
publisher = ""
language = "English"
timezone = "Europe/Lodnon"

[links]
disclaimer = "http://example.org/disclaimer"
privacy = "https://example.org/the privacy"
feedback = "feedback@example.org"
nav = [{ label = "Debt Recovery" }]

[sender]
from = "TT <report@>"
bounces = "bounces"

[relay]
url = "smtp://host?tls=maybe"
rate = ["5/fortnight"]
connections = 65

[list.fields]
Name = { default = "Reader" }
account = { default = "12", required = true }

[schedule]
max_late = "soon"

[send]
stop_at_rejected = 5

[web]
url = "https://news.example.org?x=1"

[ledger]
url = "mysql://localhost/tt"
"#
    ));
}

#[test]
fn a_deadline_that_no_relay_could_keep_or_that_outlives_a_claim_is_a_mistake() {
    insta::assert_snapshot!(mistakes(&format!(
        r#"{LEAST}[relay]
deadlines = {{ connect = "0s", command = "11m", data = "soon", dot = "30s", body = "3m" }}
"#
    )));
    for (dot, is_taken) in [("59s", false), ("1m", true), ("14m", true), ("14m1s", false)] {
        let text = format!("{LEAST}[relay.deadlines]\ndot = \"{dot}\"\n");
        assert_eq!(read(&text, "publication.toml").is_ok(), is_taken, "{dot}");
    }
    insta::assert_snapshot!(mistakes(&format!("{LEAST}[relay.deadlines]\ndot = \"15m\"\n")));
}

#[test]
fn the_pages_have_a_host_of_their_own() {
    let told = mistakes(&format!("{LEAST}\n[web]\nurl = \"https://www.example.org/news/\"\n"));
    assert!(told.contains("`/news` is below a host that is somebody else's"), "{told}");
}

#[test]
fn an_empty_file_names_everything_that_is_needed() {
    insta::assert_snapshot!(mistakes(""));
}

#[test]
fn unknown_keys_and_tables_name_the_nearest_known() {
    let text = format!(
        "{LEAST}replyto = \"a@example.org\"\n[relays]\nurl = \"outbox\"\n[relay]\nwebhook = \"ses\"\n"
    );
    insta::assert_snapshot!(mistakes(&text));
}

#[test]
fn a_password_in_the_file_is_told_and_never_shown() {
    let text = format!("{LEAST}[relay]\nurl = \"smtps://me:hunter2-hunter2@smtp.example.org\"\n");
    let told = mistakes(&text);
    assert!(!told.contains("hunter2"), "{told}");
    insta::assert_snapshot!(told);
}

#[test]
fn a_password_without_anybody_to_log_in_and_a_certificate_without_tls() {
    insta::assert_snapshot!(mistakes(&format!(
        "{LEAST}[relay]\nurl = \"smtp://127.0.0.1:25\"\nca_file = \"ca.pem\"\n\
         auth = \"oauth\"\npassword_file = \"a\"\npassword_command = \"b\"\n"
    )));
}

#[test]
fn what_is_not_toml_is_told_with_its_place_and_nothing_is_missed_for_it() {
    let text = LEAST.replace("title = \"TT\"", "title = \"TT");
    insta::assert_snapshot!(mistakes(&text));
}

#[test]
fn something_else_where_a_table_should_be_is_one_mistake() {
    let text = LEAST.replace("[sender]\nfrom = \"report@example.org\"", "");
    insta::assert_snapshot!(mistakes(&format!("sender = 1{text}")));
}

#[test]
fn a_signature_that_would_count_for_nothing_is_a_mistake() {
    insta::assert_snapshot!(mistakes(&format!(
        r#"{LEAST}[dkim]
domain = "example.com"
keys = [{{ selector = "e_2026" }}, {{ selector = "a", file = "a" }}, {{ selector = "A", file = "b" }}]
unsigned = ["from", "X-Mailer"]
key = "a"
"#
    )));
    insta::assert_snapshot!(mistakes(&format!("{LEAST}[dkim]\nkeys = []\n")));
    insta::assert_snapshot!(mistakes(&format!("{LEAST}[dkim]\ndomain = \"example.org\"\n")));
}

#[test]
fn froms_own_domain_signs_or_one_above_or_below_it() {
    for (from, domain, may_sign) in [
        ("news.example.org", "news.example.org", true),
        ("news.example.org", "example.org", true),
        ("example.org", "news.example.org", true),
        ("news.example.org", "mail.example.org", false),
        ("badexample.org", "example.org", false),
        ("example.org", "badexample.org", false),
        ("b\u{fc}cher.example", "xn--bcher-kva.example", true),
    ] {
        let text = LEAST.replace("report@example.org", &format!("report@{from}"));
        let text = format!(
            "{text}[dkim]\ndomain = \"{domain}\"\nkeys = {{ selector = \"a\", file = \"a\" }}\n"
        );
        assert_eq!(read(&text, "publication.toml").is_ok(), may_sign, "{from} {domain}");
    }
}

#[test]
fn every_key_file_that_cannot_sign_is_told_where_it_is_named() {
    let names = ["weak", "long", "curve", "old", "locked", "public", "none", "open", "missing"];
    let root = folder("keys");
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dkim");
    for name in names {
        let pem = match name {
            "none" => Some("no key\n".to_owned()),
            "open" => fs::read_to_string(fixtures.join("ed25519.pem")).ok(),
            _ => fs::read_to_string(fixtures.join(format!("{name}.pem"))).ok(),
        };
        if let Some(pem) = pem {
            fs::write(root.join(name), pem).expect("a file");
            private(&root.join(name), if name == "open" { 0o644 } else { 0o600 });
        }
    }
    let keys: Vec<String> = names
        .iter()
        .map(|name| format!("  {{ selector = \"{name}\", file = \"{name}\" }},\n"))
        .collect();
    let problems = dkim_keys(&dkim(&keys.concat()), &root).expect_err("none can sign");
    insta::assert_snapshot!(shown(&problems));
}

#[test]
fn both_kinds_of_key_are_fetched_with_their_selectors() {
    let root = folder("good-keys");
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dkim");
    for name in ["rsa.pem", "ed25519.pem"] {
        fs::copy(fixtures.join(name), root.join(name)).expect("a file");
        private(&root.join(name), 0o400);
    }
    let keys =
        "{ selector = \"r\", file = \"rsa.pem\" }, { selector = \"e\", file = \"ed25519.pem\" }";
    let keys = dkim_keys(&dkim(keys), &root).expect("both can sign");
    let records: Vec<String> =
        keys.iter().map(|(selector, key)| format!("{selector}: {}", key.record())).collect();
    insta::assert_snapshot!(records.join("\n"));
}

fn dkim(keys: &str) -> DkimSettings {
    let text = format!("{LEAST}[dkim]\ndomain = \"example.org\"\nkeys = [\n{keys}]\n");
    read(&text, "publication.toml").expect("it can be read").dkim.expect("it signs")
}

#[test]
fn codes_are_numbered_in_order_without_a_gap() {
    for (at, (code, _)) in CODES.iter().enumerate() {
        assert_eq!(*code, format!("PR{}", 901 + at));
    }
}

#[test]
fn a_publication_is_found_from_any_folder_inside_it() {
    let root = folder("found");
    let inside = root.join("issues/2003-10-06-kazakhstan");
    fs::create_dir_all(&inside).expect("a folder");
    assert_eq!(locate(&inside), None);
    fs::write(root.join("publication.toml"), LEAST).expect("a file");
    assert_eq!(locate(&inside), Some(root.clone()));
    assert_eq!(locate(&root), Some(root));
}

#[test]
fn a_secret_comes_from_the_variable_then_from_where_the_file_says() {
    let root = folder("secret");
    fs::write(root.join("password"), "from the file\r\nand more\n").expect("a file");
    private(&root.join("password"), 0o600);
    let file = SecretSource::File("password".to_owned());
    let command = SecretSource::Command("echo from $(cat password | head -c 4); echo x".to_owned());
    for (source, variable, expected) in [
        (None, None, None),
        (None, Some("given"), Some("given")),
        (Some(&file), Some("given"), Some("given")),
        (Some(&file), None, Some("from the file")),
        (Some(&command), None, Some("from from")),
    ] {
        let found = secret(source, &root, variable.map(str::to_owned)).expect("it can be had");
        assert_eq!(found.as_ref().map(Secret::expose), expected);
    }
}

#[cfg(unix)]
#[test]
fn a_secret_file_that_others_can_read_is_refused_with_the_remedy() {
    let root = folder("readable");
    fs::write(root.join("password"), "hunter2").expect("a file");
    private(&root.join("password"), 0o640);
    let source = SecretSource::File("password".to_owned());
    let error = secret(Some(&source), &root, None).expect_err("it is refused");
    assert_eq!(
        error.to_string(),
        "the secret file password can be read by others (its mode is 640); run `chmod 600 password`"
    );
}

#[test]
fn a_secret_that_is_not_there_says_where_it_was_looked_for() {
    let root = folder("missing");
    let file = SecretSource::File("password".to_owned());
    assert!(matches!(secret(Some(&file), &root, None), Err(SecretError::Unreadable { .. })));
    let command = SecretSource::Command("echo no such entry >&2; exit 3".to_owned());
    let error = secret(Some(&command), &root, None).expect_err("it fails");
    assert_eq!(error.to_string(), "the password command failed: exit status: 3: no such entry");
    let nothing = SecretSource::Command("true".to_owned());
    assert!(matches!(secret(Some(&nothing), &root, None), Err(SecretError::Empty(_))));
    assert!(matches!(secret(None, &root, Some(String::new())), Err(SecretError::Empty(_))));
}

proptest! {
    #[test]
    fn no_file_makes_the_reader_panic(text in "\\PC{0,80}|(\\[|\\]|=|\"|\\{|\\}|url|relay|list|fields|\n|é|1|#){0,40}") {
        let _ = read(&text, "publication.toml");
    }

    #[test]
    fn a_file_with_a_change_anywhere_is_read_or_told_of(at in 0..WHOLE.len(), with in "\\PC|\n|\"") {
        let start = (0..=at).rev().find(|at| WHOLE.is_char_boundary(*at)).unwrap_or(0);
        let changed = format!("{}{with}{}", &WHOLE[..start], &WHOLE[start..]);
        if let Err(problems) = read(&changed, "publication.toml") {
            prop_assert!(!problems.is_empty());
        }
    }
}

fn mistakes(text: &str) -> String {
    shown(&read(text, "publication.toml").expect_err("there are mistakes"))
}

fn shown(problems: &[Problem]) -> String {
    problems.iter().fold(String::new(), |mut all, problem| {
        let Place { file, line, column, length, source } = &problem.place;
        writeln!(all, "{file}:{line}:{column}: {} {}", problem.code, problem.message).expect("ok");
        if *column > 0 {
            let carets = "^".repeat(*length);
            writeln!(all, "  | {source}\n  | {carets:>width$}", width = column + length - 1)
                .expect("a string takes everything");
        }
        if let Some(help) = &problem.help {
            writeln!(all, "  help: {help}").expect("a string takes everything");
        }
        all
    })
}

/// Returns an empty folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("config").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn private(path: &std::path::Path, mode: u32) {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).expect("a mode");
    #[cfg(not(unix))]
    let _ = (path, mode);
}

/// `LEAST` with these lines under [relay].
fn with_relay(lines: &str) -> String {
    format!("{LEAST}[relay]\n{lines}\n")
}

#[test]
fn a_preset_says_where_and_how_fast_and_what_is_written_beside_it_wins() {
    let relay = |lines: &str| {
        let read = read(&with_relay(lines), "publication.toml");
        let relay = read.unwrap_or_else(|problems| panic!("{lines}: {}", shown(&problems))).relay;
        let rates: Vec<String> = relay.rate.iter().map(ToString::to_string).collect();
        let user = match &relay.url {
            RelayUrl::Server { user: Some(user), .. } => format!("{user} at "),
            _ => String::new(),
        };
        let (most, rates) = (relay.messages, rates.join(", "));
        format!("{user}{}; {rates}; {} by {most:?}", relay.url, relay.connections)
    };
    for (lines, expected) in [
        (
            "preset = 'gmail'\nuser = 'tt@gmail.com'",
            "tt@gmail.com at smtp.gmail.com:465 (TLS); 500/day; 1 by Some(100)",
        ),
        (
            "preset = 'microsoft365'\nuser = 'tt@example.org'",
            "tt@example.org at smtp.office365.com:587 (STARTTLS); 30/minute, 10000/day; 3 by None",
        ),
        ("preset = 'sendgrid'", "apikey at smtp.sendgrid.net:465 (TLS); ; 8 by Some(5000)"),
        ("preset = 'resend'", "resend at smtp.resend.com:465 (TLS); 5/s; 2 by None"),
        ("preset = 'postfix'", "127.0.0.1:25 (no TLS); ; 4 by None"),
        (
            "preset = 'ses'\nurl = 'smtps://AKIA@email-smtp.eu-west-1.amazonaws.com'\nrate = '14/s'",
            "AKIA at email-smtp.eu-west-1.amazonaws.com:465 (TLS); 14/s; 4 by None",
        ),
        (
            "preset = 'gmail'\nurl = 'smtp://tt@localhost:2525'\nrate = ['90/day', '1/s']\nconnections = 2\nmessages_per_connection = 7",
            "tt at localhost:2525 (STARTTLS); 90/day, 1/s; 2 by Some(7)",
        ),
        (
            "preset = 'gmail'\nuser = 'a'\nrate = []",
            "a at smtp.gmail.com:465 (TLS); ; 1 by Some(100)",
        ),
    ] {
        assert_eq!(relay(lines), expected, "{lines}");
    }
}

#[test]
fn what_a_relay_lacks_is_told_with_its_remedy() {
    let texts = [
        "preset = 'gmial'",
        "preset = 'hermes'",
        "preset = 'gmail'",
        "preset = 'ses'",
        "preset = 'ses'\nuser = 'AKIA'",
        "preset = 'postfix'\nuser = 'me'",
        "preset = 'postfix'\nurl = 'outbox'",
        "user = 'me'",
        "url = 'smtp://host'\nuser = 'me'",
        "messages_per_connection = 0",
        "warm_up = { since = '1 December', double_every = 'often' }",
        "[relay.domains.'-']\nrate = '1/s'",
        "[relay.domains.'gmail.com']\nrates = '1/s'",
        "[send]\nin_doubt = 'resend'",
    ];
    let told: Vec<String> =
        texts.map(|lines| format!("{lines}\n{}", mistakes(&with_relay(lines)))).into();
    insta::assert_snapshot!(told.join("\n\n"));
}
