//! What a person reads whose ledger on a server cannot be used: the cause by its name, and what mends it.

use std::time::Duration;

use postrider::ledger::{Ledger, PostgresLedger};

use super::{Schema, apart};
use crate::command::env::Env;

fn with_ledger(url: &str) -> Env {
    let env = Env::publication();
    let text = env.read("publication.toml");
    env.write("publication.toml", &format!("{text}\n[ledger]\nurl = \"{url}\"\n"));
    env
}

#[test]
fn a_url_that_no_server_would_know_is_a_mistake_of_the_configuration() {
    for (url, words) in [
        ("postgres://u@localhost/d?foo=bar", "the ledger's URL has no parameter `foo`"),
        ("postgres://u@localhost/d?hostaddr=192.0.2.2", "the ledger's URL holds a `hostaddr`"),
        ("postgres://u@localhost/d%0aerror:%20forged", "holds a line break"),
        ("postgres://u@localhost/d?target_session_attrs=x", "option `target_session_attrs`"),
        ("postgres://u@db.example.org/d?sslmode=disable", "which is for this machine alone"),
        ("postgres:///d?user=u", "names no server"),
    ] {
        let said = with_ledger(url).postrider("subscribers list").code(78).tells(words);
        assert!(!said.err.contains("\nerror: forged"), "{said:?}");
        let worker = Env::empty().postrider(&format!("worker --ledger '{url}' --state state"));
        worker.code(78).tells(words);
    }
}

#[test]
fn an_empty_variable_is_named() {
    let env = with_ledger("postgres://u@localhost/d");
    let mut command = env.command("subscribers list");
    command.env("POSTRIDER_LEDGER_PASSWORD", "");
    let said = env.said(command.output().expect("it runs"));
    said.code(78).tells("the variable POSTRIDER_LEDGER_PASSWORD gives no secret");
}

#[test]
fn who_lacks_rights_or_a_database_is_told_how_to_give_them() {
    let Some(schema) = Schema::new() else { return };
    let url = schema.url();
    let (before, rest) = url.split_once("/postgres?").expect("its database");
    let nowhere = with_ledger(&format!("{before}/nowhere_at_all?{rest}"));
    let said = nowhere.postrider("subscribers list").code(69);
    said.tells("there is no such database").tells("CREATE DATABASE");

    let user = format!("guest_{}", std::process::id());
    schema.sql(&format!("CREATE ROLE {user} LOGIN"));
    let guest = with_ledger(&url.replacen("postrider@", &format!("{user}@"), 1));
    let said = guest.postrider("subscribers list");
    schema.sql(&format!("DROP ROLE {user}"));
    let said = said.code(69).tells("its user lacks rights").tells("GRANT USAGE, CREATE ON SCHEMA");
    assert!(!said.err.contains("a password comes from"), "{said:?}");
}

#[test]
fn a_program_that_runs_is_refused_by_a_ledger_that_a_newer_one_has_changed() {
    let Some(schema) = Schema::new() else { return };
    let settings = schema.settings();
    let newer = {
        let ledger = PostgresLedger::new(&settings).expect("it is a URL");
        async move {
            ledger.now().await.expect("it answers");
            schema.sql("INSERT INTO postrider_version VALUES (999)");
            loop {
                if let Err(error) = ledger.now().await {
                    return error.to_string();
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    };
    let why = apart(async { tokio::time::timeout(Duration::from_mins(1), newer).await })
        .expect("it looks again");
    assert!(why.contains("was written by a newer postrider (its version is 999"), "{why}");
}
