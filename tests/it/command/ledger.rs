//! `ledger`: looked at, moved, lost and restored.

use postrider::{ledger::Ticket, model::Outcome};

use super::{env::Env, shows};

/// A publication whose issue is half sent.
fn half_sent() -> Env {
    let env = Env::with_readers(4);
    env.postrider("send kazakhstan --yes --limit 2").code(75);
    env
}

fn sql(env: &Env, sql: &str) {
    let ledger = rusqlite::Connection::open(env.root.join(".postrider/ledger.sqlite"));
    ledger.expect("it opens").execute_batch(sql).expect("it is written");
}

#[test]
fn a_sound_ledger_is_said_to_be_sound() {
    let env = half_sent();
    shows("verify_sound", &env.postrider("ledger verify").code(0).shown());
    let document = env.json("ledger verify");
    assert_eq!(document, serde_json::json!({ "sound": true, "findings": [] }));
    env.postrider("send kazakhstan").code(0);
    env.postrider("ledger verify").code(0);
}

#[test]
fn what_should_not_be_so_is_told_with_its_mend_and_nothing_is_changed() {
    let env = half_sent();
    sql(&env, "UPDATE issues SET planned = planned + 1; UPDATE editions SET bytes = x'00'");
    let mark = env.read(".postrider/high-water");
    let (first, _) = mark.split_once('\n').expect("a line");
    let seen = format!("{}9\nanother-issue\n", &first[..first.len() - 1]);
    env.write(".postrider/high-water", &seen);
    let ticket = Ticket { issue: 1, slot: 1, fence: 1, attempt: 1 };
    let ended = serde_json::to_string(&(ticket, Outcome::Accepted { said: "250 ok".to_owned() }));
    let journal = format!(
        "no line\n{{\"Place\":{{\"boot\":\"b\",\"ledger\":\"another\"}}}}\n{{\"Record\":{}}}\n{{\"Rec",
        ended.expect("it is JSON")
    );
    env.write(".postrider/outcomes.journal", &journal);
    shows("verify_found", &env.postrider("ledger verify").code(1).shown());
    let document = env.json("ledger verify");
    let kinds: Vec<_> = document["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|finding| finding["kind"].as_str().expect("a word"))
        .collect();
    assert_eq!(kinds, ["sum", "edition", "high_water", "forgotten", "journal", "journal"]);
    assert_eq!(env.read(".postrider/high-water"), seen);
    assert_eq!(env.read(".postrider/outcomes.journal"), journal);
}

#[test]
fn where_there_is_no_ledger_there_is_nothing_to_look_at() {
    Env::publication().postrider("ledger verify").code(66).tells("there is no ledger yet");
}
