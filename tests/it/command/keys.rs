//! Keys that sign mail: made, shown, and used by every command that makes a mail.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, process::Command};

use serde_json::Value;

use super::{env::Env, shows};
use crate::dkim::judges::{Case, judge};

/// Makes a publication that signs with new keys; returns it with their records.
fn signing() -> (Env, Vec<String>) {
    let env = Env::publication();
    let made = env.json("keys new");
    let keys = made["keys"].as_array().expect("a list of keys");
    let entries: Vec<String> = keys
        .iter()
        .map(|key| format!("{{ selector = {}, file = {} }}", key["selector"], key["file"]))
        .collect();
    let publication = env.read("publication.toml");
    let dkim = format!("[dkim]\ndomain = {}\nkeys = [{}]\n", made["domain"], entries.join(", "));
    env.write("publication.toml", &format!("{publication}\n{dkim}"));
    (env, records(&made))
}

fn records(keys: &Value) -> Vec<String> {
    let text = |key: &Value, name: &str| key[name].as_str().expect("a text").to_owned();
    let keys = keys["keys"].as_array().expect("a list of keys");
    keys.iter().map(|key| format!("{} {}\n", text(key, "name"), text(key, "text"))).collect()
}

#[test]
fn every_mail_that_the_program_makes_is_signed() {
    let (env, records) = signing();
    env.postrider("check").code(0);
    env.postrider("render kazakhstan --out rendered").code(0);
    env.postrider("test kazakhstan --to me@example.org").code(0);
    let plan = env.json("plan kazakhstan");
    env.postrider("send kazakhstan --yes").code(0);
    let mut mails: Vec<Case> = env
        .mails()
        .into_iter()
        // The outbox puts fields of its own before a mail, with LF.
        .map(|mail| {
            ("sent".to_owned(), mail.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes())
        })
        .collect();
    let readers = 3;
    assert_eq!(mails.len(), readers + 1, "a test and everybody's");
    let largest = mails.iter().map(|(_, mail)| mail.len()).max().expect("there are mails");
    let counted = plan["largest_copy_bytes"].as_u64().expect("a number");
    assert!(
        largest.abs_diff(usize::try_from(counted).expect("it is small")) < 300,
        "{largest} {plan}"
    );
    mails.push(("rendered".to_owned(), env.read("rendered/issue.eml").into_bytes()));
    judge(&records, &mails, 2);
}

#[test]
fn a_new_key_is_the_owners_alone_and_openssl_reads_it_as_the_record_tells() {
    let (env, records) = signing();
    assert_eq!(records, self::records(&env.json("keys show")));
    let made: BTreeMap<&str, &str> =
        records.iter().filter_map(|record| record.trim_end().split_once(" v=DKIM1; k=")).collect();
    assert_eq!(made.len(), 2);
    for (name, public) in made {
        let (kind, public) = public.split_once("; p=").expect("it has a public key");
        let selector = name.split('.').next().expect("it has a selector");
        let file = env.root.join(format!(".postrider/dkim-{selector}.pem"));
        let mode = fs::metadata(&file).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{selector}");
        let openssl = Command::new("openssl")
            .args(["pkey", "-pubout", "-outform", "DER", "-in"])
            .arg(&file)
            .output()
            .expect("openssl made one of them");
        let told = data_encoding::BASE64.encode(match kind {
            // A record has the bare 32 bytes (RFC 8463 section 4).
            "ed25519" => openssl.stdout.get(12..).unwrap_or_default(),
            _ => &openssl.stdout,
        });
        assert_eq!(told, public, "{kind}");
    }
}

#[test]
fn no_string_of_a_record_is_longer_than_dns_lets_it_be() {
    let env = Env::publication();
    let keys = env.json("keys new --rsa --selector Mail.1");
    let key = &keys["keys"][0];
    assert_eq!(key["name"], "mail.1._domainkey.example.org");
    let strings: Vec<&str> =
        key["strings"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert!(strings.len() > 1 && strings.iter().all(|string| string.len() <= 255), "{strings:?}");
    assert_eq!(strings.concat(), key["text"].as_str().expect("a text"));
}

#[test]
fn a_key_is_never_written_over_and_the_way_to_replace_one_is_told() {
    let (env, records) = signing();
    env.postrider("keys new").code(76).tells("there is a key `.postrider/dkim-e2");
    let said = env.postrider("keys new --ed25519 --selector next").code(0);
    let said = said.tells("next._domainkey.example.org. IN TXT \"v=DKIM1; k=ed25519; p=");
    let said = said.tells("in place of the one it follows:");
    said.tells("{ selector = \"next\", file = \".postrider/dkim-next.pem\" },");
    assert_eq!(records, self::records(&env.json("keys show")), "it is not used yet");
    env.postrider("keys show .postrider/dkim-next.pem --selector other")
        .code(0)
        .tells("other._domainkey.example.org. IN TXT");
}

#[test]
fn the_first_keys_come_with_the_lines_that_use_them() {
    let env = Env::publication();
    env.postrider("keys show").code(66).tells("`postrider keys new` makes some");
    let said = env.postrider("keys new --ed25519 --selector e1").code(0);
    let lines = said.out.lines().skip_while(|line| !line.contains("[dkim]"));
    let lines: String = lines.flat_map(|line| [line.trim_start(), "\n"]).collect();
    let publication = env.read("publication.toml");
    env.write("publication.toml", &format!("{publication}\n{lines}"));
    env.postrider("check").code(0);
    env.postrider("keys show").code(0).tells("e1._domainkey.example.org. IN TXT");
}

#[test]
fn a_key_that_is_gone_stops_a_send_before_anything_is_bound() {
    let (env, _) = signing();
    let year = jiff::Timestamp::now().strftime("%Y").to_string();
    let file = format!(".postrider/dkim-r{year}.pem");
    fs::remove_file(env.root.join(&file)).expect("it was there");
    for line in [
        "check",
        "render kazakhstan",
        "test kazakhstan --to me@example.org",
        "plan kazakhstan",
        "schedule kazakhstan --at '2099-01-01 07:00'",
        "send kazakhstan --yes",
    ] {
        env.postrider(line).code(78).tells(&format!("the key `{file}` cannot be read"));
    }
    assert!(env.mails().is_empty());
    assert_eq!(env.json("status")["issues"][0]["state"], "draft");
}

/// The tokens of the mails to leave, as they stand in every mail of the outbox.
fn tokens(env: &Env) -> Vec<String> {
    let mails = env.mails();
    let mut tokens: Vec<String> = mails
        .iter()
        .filter_map(|mail| mail.split_once("unsubscribe%20")?.1.get(..44).map(str::to_owned))
        .collect();
    tokens.sort();
    tokens
}

#[test]
fn a_new_key_signs_the_next_links_and_ends_none_of_those_sent_before() {
    let env = Env::publication();
    env.postrider("send kazakhstan --yes").code(0);
    let before = tokens(&env);
    assert_eq!(before.len(), 3, "everybody's");
    let key = env.read(".postrider/key");
    shows("keys_unsubscribe", &env.postrider("keys new unsubscribe").shown());
    let ring = env.read(".postrider/key");
    assert!(ring.starts_with(&key) && ring.lines().count() == 2, "the earlier one is kept first");
    let mode = fs::metadata(env.root.join(".postrider/key")).expect("it is there").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);

    env.postrider("draft next --like kazakhstan").code(0);
    env.postrider("send next --yes").code(0);
    let after: Vec<String> =
        tokens(&env).into_iter().filter(|token| !before.contains(token)).collect();
    assert_eq!(after.len(), 3);
    assert_ne!(before[0][..2], after[0][..2], "another key signs");
    for token in [&before[0], &after[1]] {
        env.postrider(&format!("subscribers unsubscribe {token}")).code(0).tells("unsubscribed");
    }
    let made = env.json("keys new unsubscribe");
    assert_eq!((&made["file"], &made["retired"]), (&".postrider/key".into(), &2.into()));
}

#[test]
fn a_key_is_not_renewed_while_an_issue_is_under_way_nor_in_place_of_one_that_is_lost() {
    let env = Env::publication();
    env.postrider("keys new unsubscribe --rsa").code(2).tells("keys new dkim");
    env.postrider("keys new unsubscribe").code(0).tells("holds a new key");
    assert_eq!(env.read(".postrider/key").lines().count(), 1, "the first is enough");
    env.postrider("send kazakhstan --yes --limit 1").code(75);
    let key = env.read(".postrider/key");
    env.postrider("keys new unsubscribe").code(76).tells("is under way");
    assert_eq!(env.read(".postrider/key"), key);
    env.postrider("send kazakhstan --yes").code(0);
    fs::remove_file(env.root.join(".postrider/key")).expect("it was there");
    env.postrider("keys new unsubscribe").code(78).tells("is gone");
    assert!(!env.root.join(".postrider/key").exists(), "nothing was put in its place");
    env.write(".postrider/key", "");
    env.postrider("keys new unsubscribe").code(0).tells("holds a new key");
}

#[test]
fn a_lost_key_is_noticed_by_the_ledger_alone_too() {
    let env = Env::publication();
    env.postrider("send kazakhstan --yes").code(0);
    for file in ["key", "high-water"] {
        fs::remove_file(env.root.join(".postrider").join(file)).expect("it was there");
    }
    env.postrider("ledger accept-rollback --yes").code(0);
    env.set("[links]", "[web]\nurl = \"https://news.example.org\"\n\n[links]");
    for line in ["web --listen 127.0.0.1:0 --health 127.0.0.1:0", "archive pages"] {
        env.postrider(line).code(78).tells("is gone");
    }
    env.postrider("draft next --like kazakhstan").code(0);
    for line in [
        "send next --yes",
        "test next --to me@example.org",
        "schedule next --at '2099-01-01 07:00'",
        "keys new unsubscribe",
    ] {
        env.postrider(line).code(78).tells("is gone");
    }
    assert!(!env.root.join(".postrider/key").exists(), "no other is made, by whatever is asked");
}

#[test]
fn what_is_no_selector_and_what_is_no_key_are_told() {
    let env = Env::publication();
    env.postrider("keys new --rsa --selector ../x").code(2).tells("`../x` is no selector");
    env.postrider("keys new --selector x").code(2);
    env.postrider("keys show missing.pem --selector x").code(78).tells("cannot be read");
    env.write("old.pem", include_str!("../../fixtures/dkim/old.pem"));
    env.postrider("keys show old.pem --selector x").code(78).tells("run `chmod 600 old.pem`");
    fs::set_permissions(env.root.join("old.pem"), fs::Permissions::from_mode(0o600))
        .expect("it can be closed");
    env.postrider("keys show old.pem --selector x").code(78).tells("openssl pkcs8 -topk8 -nocrypt");
}
