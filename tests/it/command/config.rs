//! `config show`: what holds, and why.

use postrider::config;

use super::{env::Env, shows};
use crate::config::WHOLE;

#[test]
fn settings_that_are_shown_read_back_as_the_same_publication() {
    let env = Env::publication();
    let starter = env.read("publication.toml");
    let odd_user = starter.replace("\"outbox\"", "\"smtps://a%3Ab%2f%25@[::1]\"");
    for file in [&starter, WHOLE, &odd_user] {
        env.write("publication.toml", file);
        for line in ["config show", "config show --origin"] {
            let said = env.postrider(line).code(0);
            let read = |text: &str| {
                let mut publication =
                    config::read(text, "publication.toml").expect("it can be read");
                // Where a key's line stands is no setting.
                publication.dkim.iter_mut().flat_map(|dkim| &mut dkim.keys).for_each(|key| {
                    key.place = postrider::model::Place::file("");
                });
                publication
            };
            assert_eq!(read(&said.out), read(file), "{}", said.out);
        }
    }
}

#[test]
fn each_setting_says_where_it_comes_from() {
    let env = Env::publication();
    env.set(
        "url = \"outbox\"",
        "preset = \"gmail\"\nuser = \"me@example.org\"\npassword_file = \"secret\"",
    );
    env.set("rate = [", "# rate = [");
    env.set("connections = 2", "");
    shows("config_show", &env.postrider("config show --origin").code(0).out);
    let all = env.json("config show");
    let rate = all.as_array().expect("a list").iter().find(|setting| setting["key"] == "rate");
    assert_eq!(rate.expect("it is there")["origin"], "preset gmail");
    let mut command = env.command("config show --origin");
    command.env("POSTRIDER_RELAY_PASSWORD", "hunter2");
    let said = env.said(command.output().expect("it runs")).code(0);
    let said = said.tells("the relay's password comes from the variable POSTRIDER_RELAY_PASSWORD");
    assert!(!said.out.contains("hunter2"));
}
