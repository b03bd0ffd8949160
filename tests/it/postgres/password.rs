//! A server that asks for a password: where it may come from, which wins, and that nobody ever reads it.

use std::{fs, os::unix::fs::PermissionsExt};

use super::{numbers, server::Server};
use crate::command::env::{Env, Said};

const RIGHT: &str = "right-and-secret";
const WRONG: &str = "wrong-and-secret";

/// Runs the program with these variables.
fn with(env: &Env, variables: &[(&str, &str)]) -> Said {
    let mut command = env.command("subscribers list");
    command.envs(variables.iter().copied());
    let said = env.said(command.output().expect("it runs"));
    for secret in [RIGHT, WRONG] {
        assert!(!format!("{}{}", said.out, said.err).contains(secret), "{said:?}");
    }
    said
}

#[test]
fn a_server_that_asks_for_a_password_gets_it_from_where_it_is_and_nobody_else_does() {
    let Some(server) = Server::start() else { return };
    for sql in [
        "ALTER ROLE postrider SET password_encryption = 'scram-sha-256'",
        &format!("CREATE ROLE news LOGIN PASSWORD '{RIGHT}'"),
        "CREATE DATABASE news OWNER news",
    ] {
        numbers(&server.url, sql);
    }
    server.ask_for_passwords();

    let env = Env::publication();
    let url = server.url.replace("postrider@", "news@").replace("/postgres", "/news");
    let text = env.read("publication.toml");
    env.write("publication.toml", &format!("{text}\n[ledger]\nurl = \"{url}\"\n"));
    let home = env.root.to_str().expect("UTF-8").to_owned();
    let (variable, home) = ("POSTRIDER_LEDGER_PASSWORD", ("HOME", home.as_str()));

    with(&env, &[home]).code(69).tells("it asks for a password, and there is none");
    for wrong in [variable, "PGPASSWORD"] {
        let said = with(&env, &[home, (wrong, WRONG)]).code(69);
        said.tells("password authentication failed").tells("a password comes from");
    }
    with(&env, &[home, (variable, RIGHT)]).code(0);
    with(&env, &[home, ("PGPASSWORD", RIGHT)]).code(0);
    with(&env, &[home, (variable, WRONG), ("PGPASSWORD", RIGHT)]).code(69);

    env.write(".pgpass", &format!("*:*:news:news:{RIGHT}\n"));
    let mode = |mode| {
        let file = env.root.join(".pgpass");
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).expect("it is ours");
    };
    mode(0o644);
    with(&env, &[home]).code(69).tells("can be read by others").tells("chmod 600");
    mode(0o600);
    with(&env, &[home]).code(0);
    // One that is empty is none.
    with(&env, &[home, ("PGPASSWORD", "")]).code(0);
    with(&env, &[home, ("PGPASSWORD", WRONG)]).code(69);
}
