//! Several machines, each with its own part of the truth: what one does holds on all, and what one does not live to do,
//! another does.

use std::{collections::HashSet, fs, os::unix::fs::PermissionsExt};

use serde_json::Value;

use super::{
    Schema,
    clock::Clock,
    crew::{Crew, List, address, until},
};
use crate::command::stopped::signal;

const HOUR: &str = "schedule kazakhstan --at '2026-11-30 07:00' --now 2026-11-23T09:00:00Z";

/// Freezes a worker that has mail on its way, and not in the middle of a transaction: nobody could take over from one that holds locks.
fn freeze(list: &List, crew: &Crew) {
    until("it is frozen with mail on its way", || {
        signal(crew.process(0), "STOP");
        let held = list.numbers(
            "SELECT (SELECT count(*) FROM deliveries WHERE state = 'attempting') * (
                 SELECT (count(*) = 0)::int FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                 WHERE c.relnamespace = current_schema()::regnamespace AND l.pid <> pg_backend_pid())",
        );
        if held[0] == 0 {
            signal(crew.process(0), "CONT");
        }
        held[0] > 0
    });
}

#[test]
fn a_worker_frozen_past_its_lease_hands_nothing_over_when_it_wakes() {
    let Some(schema) = Schema::new() else { return };
    let list = List::new(&schema.url(), 400, "\"100/s\"", "dot wait 20");
    list.begin();
    let clock = Clock::of(&list.url);
    let mut crew = list.hire(1);
    until("it sends", || list.relay.accepted() >= 40);
    freeze(&list, &crew);
    let handed_over: HashSet<i64> = crew.handed_over(0).into_iter().collect();
    clock.pass(3_600);
    crew.hire();
    until("another has taken over, and is done", || list.is_finished());
    // What was on the wire when it froze has arrived by now; the rest is no longer its own.
    let before: HashSet<String> = ids(&list).collect();
    signal(crew.process(0), "CONT");
    crew.dismiss();
    for id in ids(&list).filter(|id| !before.contains(id)) {
        let slot = id.split(['.', '@']).find_map(|part| part.parse().ok());
        assert!(slot.is_some_and(|slot| handed_over.contains(&slot)), "{id} left after it woke");
    }
    let balance = list.balance();
    assert!(balance.in_doubt.len() < 20, "{}", balance.account);
}

fn ids(list: &List) -> impl Iterator<Item = String> {
    list.relay.acceptances().into_iter().map(|acceptance| acceptance.message_id)
}

#[test]
fn cron_on_three_machines_sends_a_scheduled_issue_once() {
    let Some(schema) = Schema::new() else { return };
    let list = List::new(&schema.url(), 300, "\"300/s\"", "");
    list.env.postrider(HOUR).code(0);
    let machines = ["first", "second", "third"].map(|name| list.copy(name));
    let due = "due --now 2026-11-30T07:00:00Z";
    let started = machines.each_ref().map(|machine| machine.start(due));
    let mut codes = Vec::new();
    for (machine, child) in machines.iter().zip(started) {
        let said = machine.end(child);
        assert!(matches!(said.code, 0 | 75), "{said:?}");
        codes.push(said.code);
    }
    assert!(codes.contains(&0), "{codes:?}");
    let balance = list.balance();
    assert_eq!((balance.count("accepted"), balance.taken.len()), (300, 300), "{}", balance.account);
    for machine in &machines {
        machine.postrider("due --now 2026-11-30T07:05:00Z").code(0).silent();
    }
    assert_eq!(list.relay.accepted(), 300);
}

#[test]
fn a_machine_with_another_key_of_the_links_sends_nothing() {
    let Some(schema) = Schema::new() else { return };
    let list = List::new(&schema.url(), 40, "\"300/s\"", "");
    let [keyless, other] = ["keyless", "other"].map(|name| list.copy(name));
    // Before anything is sent a machine may make a key of its own.
    other.postrider("keys new unsubscribe").code(0);
    assert!(other.root.join(".postrider/key").exists());
    list.begin();
    for (machine, words) in [
        (&keyless, "this machine has no key of the links, and tt-report was sent with one"),
        (&other, "the key of the links is not the one that tt-report was sent with"),
    ] {
        for line in ["send kazakhstan --yes", "due"] {
            machine.postrider(line).code(78).tells(words).tells("copy `.postrider/key`");
        }
    }
    assert!(!keyless.root.join(".postrider/key").exists());
    assert_eq!(list.relay.accepted(), 1);

    let mut crew = list.hire(1);
    until("it has the right one", || list.is_finished());
    assert_eq!(list.relay.accepted(), 40);
    // An empty file is a person's word that it is lost for good.
    list.env.postrider("draft georgia --date 2003-10-13").code(0);
    fs::write(list.env.root.join(".postrider/key"), "").expect("it can be written");
    list.env.postrider("send georgia --yes --limit 1 --quiet").code(75);
    until("the worker says that its key is not the one", || {
        crew.said(0).contains("the key of the links is not the publication's")
    });
    crew.hire();
    until("one with the new key sends it", || list.relay.accepted() == 80);
    crew.dismiss();
}

#[test]
fn workers_share_a_window_fairly_and_a_dead_one_wastes_none_of_it() {
    const RATE: usize = 150;
    let Some(schema) = Schema::new() else { return };
    // The long window has the ledger remember every beginning.
    let list = List::new(&schema.url(), 1_500, "\"150/s\", \"100000/hour\"", "");
    list.begin();
    let clock = Clock::of(&list.url);
    let mut crew = list.hire(3);
    let counts = |crew: &Crew| [0, 1, 2].map(|number| crew.handed_over(number).len());
    until("all three send", || counts(&crew).iter().all(|count| *count > 0));
    let (before, enough) = (counts(&crew), list.relay.accepted() + 450);
    until("they have sent more together", || list.relay.accepted() >= enough);
    let after = counts(&crew);
    let shares = [0, 1, 2].map(|number| after[number].saturating_sub(before[number]));
    let least = shares.iter().sum::<usize>() / 6;
    assert!(shares.iter().all(|share| *share >= least), "{shares:?}");

    crew.lose(0);
    let ahead = list.numbers("SELECT at - ledger_now() FROM beginnings WHERE at > ledger_now()");
    assert!(ahead.iter().all(|micros| *micros <= 60_000), "{ahead:?}");
    assert!(ahead.len() <= RATE * 60 / 1_000 + 1, "{ahead:?}");
    clock.pass(3_600);
    until("the others have sent the rest", || list.is_finished());
    crew.dismiss();
    list.balance();
    let begun = list.numbers("SELECT at FROM beginnings ORDER BY number");
    let too_many = begun.windows(RATE + 1).find(|window| window[RATE] - window[0] < 1_000_000);
    assert_eq!(too_many, None, "more than {RATE} in a second");
}

#[test]
fn who_leaves_at_any_machine_gets_nothing_from_any_other() {
    let Some(schema) = Schema::new() else { return };
    let list = List::new(&schema.url(), 400, "\"60/s\"", "");
    list.begin();
    let elsewhere = list.copy("elsewhere");
    let crew = list.hire(2);
    until("they send", || list.relay.accepted() >= 20);
    let leavers: Vec<u64> = (301..=400).step_by(9).collect();
    let mut gone = HashSet::new();
    for reader in &leavers {
        let line = format!("subscribers unsubscribe {}", address(*reader));
        elsewhere.postrider(&line).code(0);
        let taken = list.relay.acceptances();
        if taken.iter().all(|acceptance| acceptance.to != address(*reader)) {
            gone.insert(address(*reader));
        }
    }
    until("the rest have it", || list.is_finished());
    crew.dismiss();
    let balance = list.balance();
    // One whose message was on the wire when they left may still get it.
    let late = gone.intersection(&balance.taken).count();
    assert!(late <= 2, "{late} of {}", gone.len());
    assert_eq!(
        balance.count("suppressed"),
        (leavers.len() - overtaken(&balance.taken, &leavers)) as u64
    );
    assert!(balance.count("suppressed") > 0, "{}", balance.account);
}

fn overtaken(taken: &HashSet<String>, leavers: &[u64]) -> usize {
    leavers.iter().filter(|reader| taken.contains(&address(**reader))).count()
}

#[test]
fn status_says_who_works_and_who_is_gone_and_forgets_the_dead_soon() {
    let Some(schema) = Schema::new() else { return };
    let list = List::new(&schema.url(), 100, "\"5/s\"", "");
    list.begin();
    let clock = Clock::of(&list.url);
    let mut crew = list.hire(2);
    let workers = || {
        let seen = list.env.json("status");
        seen["workers"].as_array().cloned().unwrap_or_default()
    };
    let sends = |worker: &Value| worker["issue"] == "2003-10-06-kazakhstan";
    until("both send", || workers().iter().filter(|worker| sends(worker)).count() == 2);
    assert!(workers().iter().all(|worker| worker["gone"] == false), "{:?}", workers());
    list.env.postrider("status kazakhstan").code(0).tells("is being sent by 2 workers");

    let lost = crew.process(0);
    crew.lose(0);
    clock.pass(60);
    until("the living one is seen", || workers().iter().any(|worker| worker["gone"] == false));
    let dead: Vec<_> = workers().into_iter().filter(|worker| worker["gone"] == true).collect();
    assert_eq!((dead.len(), &dead[0]["pid"]), (1, &Value::from(lost)), "{dead:?}");
    list.env.postrider("status").code(0).tells(&format!("process {lost}: gone since"));
    let one = list.env.postrider("status kazakhstan").code(0);
    one.tells("is being sent by 1 worker");
    clock.pass(1_800);
    until("it is forgotten", || workers().len() == 1);
    // And even where nobody lives to forget anybody.
    crew.lose(0);
    clock.pass(3_600);
    assert_eq!(workers(), Vec::<Value>::new());
}

#[test]
fn a_worker_that_starts_again_takes_the_place_of_the_one_that_died() {
    let Some(schema) = Schema::new() else { return };
    let list = List::new(&schema.url(), 100, "\"5/s\"", "");
    list.begin();
    let mut crew = list.hire(1);
    let names = || {
        let seen = list.env.json("status");
        seen["workers"].as_array().map_or(0, Vec::len)
    };
    until("it is known", || names() == 1);
    crew.kill(0);
    let again = crew.process(0);
    until("it is known by its new process", || {
        let seen = list.env.json("status");
        seen["workers"].as_array().is_some_and(|all| all.iter().any(|one| one["pid"] == again))
    });
    assert_eq!(names(), 1);
    crew.dismiss();
    assert_eq!(names(), 0);
}

#[test]
fn an_issue_that_a_worker_cannot_help_with_keeps_no_other_waiting() {
    let Some(schema) = Schema::new() else { return };
    let named = |id: &str| {
        let list = List::new(&schema.url(), 20, "\"300/s\"", "");
        list.env.set("id = \"tt-report\"", &format!("id = \"{id}\""));
        list
    };
    let [dead, keyed, boxed, last] = ["dead", "keyed", "boxed", "last"].map(named);
    last.env.postrider("keys new unsubscribe").code(0);
    for other in [&dead, &boxed] {
        other.env.write(".postrider/key", &last.env.read(".postrider/key"));
        let key = other.env.root.join(".postrider/key");
        fs::set_permissions(key, fs::Permissions::from_mode(0o600)).expect("it is ours");
    }
    let port = boxed.relay.address().port();
    boxed.env.set(&format!("smtp://127.0.0.1:{port}?tls=none"), "outbox");
    for list in [&dead, &keyed, &boxed, &last] {
        list.begin();
    }
    drop(dead.relay);

    let state = last.env.root.join("worker");
    fs::create_dir(&state).expect("it can be made");
    fs::copy(last.env.root.join(".postrider/key"), state.join("key")).expect("it is there");
    let mut worker = last.env.command("worker --until-idle");
    worker.env("POSTRIDER_LEDGER_URL", schema.url()).env("POSTRIDER_STATE", &state);
    // Of those that failed, the first in the ledger is the one that scripts hear of.
    let mut said = last.env.said(worker.output().expect("it runs")).code(69);
    assert_eq!(last.relay.accepted(), 20, "{said:?}");
    for (id, words) in [
        ("dead", "Connection refused"),
        ("keyed", "the key of the links is not the publication's"),
        ("boxed", "it goes to the built-in outbox"),
    ] {
        let told = format!("error: 2003-10-06-kazakhstan of {id}: ");
        assert_eq!(said.err.matches(&told).count(), 1, "{id}: {said:?}");
        said = said.tells(words);
    }
    assert_eq!(keyed.relay.accepted(), 1);
}

#[test]
fn status_says_of_whose_issue_each_sends_and_calls_no_send_a_worker() {
    let Some(schema) = Schema::new() else { return };
    let list = List::new(&schema.url(), 500, "\"20/s\"", "");
    list.begin();
    let [second, other] = ["second", "other"].map(|name| list.copy(name));
    let settings = other.root.join("publication.toml");
    let text = fs::read_to_string(&settings).expect("it is there");
    let text = text.replace("id = \"tt-report\"", "id = \"another\"");
    fs::write(&settings, text).expect("it can be written");

    let sending = second.start("send kazakhstan --yes --quiet");
    let crew = list.hire(1);
    let workers = || {
        let seen = list.env.json("status");
        seen["workers"].as_array().cloned().unwrap_or_default()
    };
    let at_work = |command: &str| {
        workers().into_iter().any(|one| {
            one["command"] == command
                && one["issue"] == "2003-10-06-kazakhstan"
                && one["per_second"].as_f64().is_some_and(|rate| rate > 0.0)
        })
    };
    until("both send", || at_work("send") && at_work("worker"));
    let said = other.postrider("status").code(0);
    let said = said.tells("sends 2003-10-06-kazakhstan of tt-report").tells("send on ");
    assert_eq!(said.out.matches("worker on ").count(), 1, "{said:?}");
    list.env.postrider("status kazakhstan").code(0).tells("is being sent by 2 senders");

    list.env.postrider("cancel kazakhstan --yes").code(0);
    second.end(sending);
    until("the worker waits", || workers().iter().all(|one| one["issue"].is_null()));
    assert!(workers().iter().all(|one| one["per_second"] == 0.0), "{:?}", workers());
    crew.dismiss();
}
