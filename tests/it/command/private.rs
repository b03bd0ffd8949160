//! Secrets and readers: who may see them.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
};

use postrider::{
    model::Secret,
    outbox::{Keep, Outbox, OutboxSettings},
};

use super::{
    env::Env,
    relay::{server, tls},
};
use crate::skip::skipped;

const PASSWORD: &str = "correct-horse-battery-staple-4711";

#[test]
fn every_file_that_holds_readers_is_the_owners_alone() {
    let env = Env::publication();
    env.write("people.csv", "email\nnot an address\nanna@example.org\n");
    env.postrider("subscribers import people.csv --rejects bad.csv").code(65);
    env.postrider("render kazakhstan --as anna@example.org").code(0);
    env.postrider("send kazakhstan --yes").code(0);
    env.postrider("ledger backup copy.sqlite").code(0);
    let mut private = 0;
    for path in env.files() {
        let name = path.strip_prefix(&env.root).expect("it is inside").display().to_string();
        let holds_readers = ["subscribers.csv", ".postrider/", "outbox/", "bad.csv", "copy.sqlite"]
            .iter()
            .any(|part| name.starts_with(part))
            || name.contains("/rendered/");
        if holds_readers && name != "subscribers.csv" {
            let mode = fs::metadata(&path).expect("it is there").permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{name}");
            private += 1;
        }
    }
    assert!(private >= 10, "{private}");
    for folder in [".postrider", "outbox"] {
        let mode = fs::metadata(env.root.join(folder)).expect(folder).permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{folder}");
    }
    let fresh = Env::empty();
    fresh.postrider("init tt").code(0);
    let list = fs::metadata(fresh.root.join("tt/subscribers.csv")).expect("the list");
    assert_eq!(list.permissions().mode() & 0o777, 0o600);
    let ignored = fresh.root.join("tt/.gitignore");
    let ignored = fs::read_to_string(ignored).expect("it is written");
    for name in ["/subscribers.csv", "/.postrider/", "/outbox/", "/returned/", "rendered/"] {
        assert!(ignored.contains(name), "{name}");
    }
}

#[test]
fn a_key_that_others_can_read_signs_nothing() {
    let env = Env::publication();
    env.postrider("test kazakhstan --to me@example.org").code(0);
    let key = env.root.join(".postrider/key");
    let mode = |mode| fs::set_permissions(&key, fs::Permissions::from_mode(mode)).expect("ours");
    mode(0o644);
    let said = env.postrider("send kazakhstan --yes").code(78);
    said.tells("the key `.postrider/key` can be read by others (its mode is 644)");
    env.postrider("status kazakhstan").code(0).tells("is a draft");
    mode(0o600);
    env.postrider("send kazakhstan --yes").code(0);
}

#[test]
fn a_password_is_nowhere_but_where_it_was_put() {
    let (config, authority) = tls(&["127.0.0.1"]);
    let relay = Outbox::start(OutboxSettings {
        tls: Some(server(config)),
        login: Some(("report".to_owned(), Secret::new(PASSWORD))),
        ..OutboxSettings::new(Keep::Count)
    })
    .expect("a relay");
    for (name, password, code) in [("right", PASSWORD, 0), ("wrong", "wrong-horse-0815", 77)] {
        let env = Env::publication()
            .relay(&format!("smtps://report@127.0.0.1:{}", relay.address().port()));
        env.set("# ca_file = \"relay-ca.pem\"", "ca_file = \"relay-ca.pem\"");
        env.write("relay-ca.pem", &authority);
        for line in
            ["send kazakhstan --yes -v", "status kazakhstan", "test kazakhstan --to a@example.org"]
        {
            let mut command = env.command(line);
            let output = command.env("POSTRIDER_RELAY_PASSWORD", password).output();
            let said = env.said(output.expect("it runs"));
            if !line.starts_with("status") {
                assert_eq!(said.code, code, "{name} {line}: {said:?}");
            }
            for text in [&said.out, &said.err] {
                assert!(!text.contains(password), "{name}: {said:?}");
            }
        }
        for path in env.files() {
            let bytes = fs::read(&path).expect("it can be read");
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains(password), "{name}: {}", path.display());
        }
    }
    assert_eq!(relay.accepted(), 4);
}

/// Somebody who is not root, and owns nothing here.
const STRANGER: u32 = 65534;

/// Whether these tests run as root; only root can make files another user's.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0)
}

/// Gives all of a publication to another user.
fn give(env: &Env, user: u32) {
    let folders = [env.root.clone(), env.root.join("issues")];
    for path in env.files().into_iter().chain(folders) {
        chown(&path, Some(user), Some(user)).expect("root may");
    }
}

#[test]
fn root_makes_nothing_in_somebody_elses_publication() {
    if !is_root() {
        return skipped("files of another user, which only root can make");
    }
    let env = Env::publication();
    give(&env, STRANGER);
    for line in [
        "send kazakhstan --yes",
        "schedule kazakhstan --at '2099-01-01 07:00'",
        "test kazakhstan --to me@example.org",
        "subscribers add anna@example.org",
        "keys new unsubscribe",
    ] {
        env.postrider(line).code(76).tells("belongs to another user, not to root");
    }
    assert!(!env.root.join(".postrider").exists());
    assert!(env.mails().is_empty());
    for line in ["check", "plan kazakhstan", "status", "render kazakhstan"] {
        env.postrider(line).code(0);
    }
    give(&env, 0);
    env.postrider("send kazakhstan --yes").code(0);
}

#[test]
fn a_ledger_that_is_not_ours_to_read_is_never_taken_for_none() {
    let env = Env::publication();
    env.postrider("send kazakhstan --yes").code(0);
    let private = env.root.join(".postrider");
    let mut said = Vec::new();
    for line in ["status", "status kazakhstan", "due", "log anna@example.org", "plan kazakhstan"] {
        let mut command = env.command(line);
        if is_root() {
            // What keeps others out of the folder of the test itself is not what is tried here.
            let above = env.root.parent().expect("it is in a folder");
            fs::set_permissions(above, fs::Permissions::from_mode(0o755)).expect("ours");
            command.uid(STRANGER);
        } else {
            fs::set_permissions(&private, fs::Permissions::from_mode(0o000)).expect("ours");
        }
        match command.output() {
            Ok(output) => said.push((line, env.said(output))),
            Err(why) => return skipped(&format!("the program, run by another user: {why}")),
        }
    }
    fs::set_permissions(&private, fs::Permissions::from_mode(0o700)).expect("ours");
    for (line, said) in said {
        assert_eq!(said.code, 74, "{line}: {said:?}");
        assert!(said.err.contains("ermission denied"), "{line}: {said:?}");
        assert!(!said.out.contains("draft"), "{line}: {said:?}");
    }
}
