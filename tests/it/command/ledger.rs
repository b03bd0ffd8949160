//! `ledger`: looked at, moved, lost and restored.

use std::{fs, io::Write, process::Stdio, thread, time::Duration};

use postrider::{ledger::Ticket, model::Outcome};

use super::{
    env::{Env, ISSUE},
    shows,
};
use crate::{postgres::Schema, skip::skipped};

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

/// Names another ledger, whichever it was.
fn point_at(env: &Env, url: &str) {
    let text = env.read("publication.toml");
    let (kept, _) = text.split_once("\n[ledger]").unwrap_or((&text, ""));
    env.write("publication.toml", &format!("{kept}\n[ledger]\nurl = \"{url}\"\n"));
}

/// Returns who got a mail, in order; whoever got two stands there twice.
fn mailed(env: &Env) -> Vec<String> {
    let of = |mail: String| {
        let (_, rest) = mail.split_once("\r\nTo: ").expect("it goes to somebody");
        let (_, rest) = rest.split_once('<').expect("an address");
        rest.split('>').next().expect("an address").to_owned()
    };
    let mut readers: Vec<_> = env.mails().into_iter().map(of).collect();
    readers.sort();
    readers
}

fn readers(numbers: &[u32]) -> Vec<String> {
    numbers.iter().map(|number| format!("reader{number}@example.org")).collect()
}

#[test]
fn an_issue_that_is_half_sent_goes_on_at_a_server_and_comes_back() {
    let Some(schema) = Schema::new() else { return };
    let env = half_sent();
    let url = schema.url();
    env.postrider(&format!("ledger migrate --to {url}")).code(0).tells("has moved to");
    // The old one says where it went, and takes nothing.
    for line in [
        "send kazakhstan --yes",
        "due",
        "subscribers unsubscribe reader4@example.org",
        "status kazakhstan",
    ] {
        env.postrider(line).code(76).tells("has moved to");
    }
    env.postrider("ledger verify").code(1).tells("has moved to");
    env.postrider(&format!("ledger migrate --to {url}")).code(76).tells("moved there already");
    point_at(&env, &url);
    env.postrider("subscribers unsubscribe reader4@example.org").code(0);
    env.postrider("send kazakhstan").code(0);
    assert_eq!(mailed(&env), readers(&[1, 2, 3]));
    env.postrider("ledger verify").code(0).tells("the ledger is sound");
    let back = env.json("ledger migrate --to .postrider/back.sqlite");
    assert_eq!(back["to"], "sqlite:.postrider/back.sqlite");
    assert_eq!(back["tables"]["deliveries"]["rows"], 4);
    env.postrider("send kazakhstan").code(76).tells("has moved to sqlite:.postrider/back.sqlite");
    point_at(&env, "sqlite:.postrider/back.sqlite");
    env.postrider("send kazakhstan").code(0).tells("nothing was left to send");
    assert_eq!(env.json("status kazakhstan")["accepted"], 3);
    env.postrider("ledger verify").code(0);
}

#[test]
fn a_file_moves_to_another_and_where_it_cannot_it_says_why() {
    let env = half_sent();
    env.postrider("ledger migrate --to nowhere:5").code(2).tells("is not where a ledger can be");
    env.postrider("ledger migrate --to .postrider/ledger.sqlite").code(2).tells("is there already");
    env.postrider("ledger backup copy.sqlite").code(0);
    env.postrider("ledger migrate --to copy.sqlite").code(76).tells("is not empty: name a new one");
    env.write("notes.txt", &"this is no ledger ".repeat(300));
    env.postrider("ledger migrate --to notes.txt").code(69).tells("file is not a database");
    env.postrider("status kazakhstan").code(0);
    shows(
        "migrate",
        &env.postrider("ledger migrate --to .postrider/second.sqlite").code(0).shown(),
    );
    shows("moved", &env.postrider("send kazakhstan --yes").code(76).shown());
    point_at(&env, "sqlite:.postrider/second.sqlite");
    env.postrider("send kazakhstan").code(0);
    assert_eq!(mailed(&env), readers(&[1, 2, 3, 4]));
}

#[test]
fn a_moved_ledger_whose_new_one_is_lost_is_opened_by_a_person() {
    let env = half_sent();
    env.postrider("ledger migrate --to .postrider/second.sqlite").code(0);
    fs::remove_file(env.root.join(".postrider/second.sqlite")).expect("it is lost");
    env.postrider("send kazakhstan")
        .code(76)
        .tells("`postrider ledger accept-rollback` opens this one");
    env.postrider("ledger accept-rollback --yes").code(0).tells("in doubt now: 2 readers");
    env.postrider("send kazakhstan").code(1).tells("in doubt 2");
    assert_eq!(mailed(&env).len(), 2);
}

#[test]
fn a_move_that_is_killed_leaves_one_ledger_in_use_and_is_finished_by_the_next() {
    let Some(schema) = Schema::new() else { return };
    let env = Env::with_readers(400);
    env.postrider("send kazakhstan --yes --limit 100").code(75);
    let migrate = format!("ledger migrate --to {}", schema.url());
    let mut in_use = 0;
    for wait in [20, 60, 120, 200, 300, 450] {
        let mut child = env.command(&migrate).spawn().expect("it starts");
        thread::sleep(Duration::from_millis(wait));
        child.kill().expect("it is killed");
        child.wait().expect("it ends");
        let status = env.postrider("status kazakhstan");
        match status.code {
            0 => {
                in_use += 1;
                env.postrider("ledger verify").code(0);
            }
            _ => drop(status.code(76).tells("has moved to")),
        }
    }
    assert!(in_use > 0, "some were killed before the end");
    let last = env.postrider(&migrate);
    assert!(
        last.code == 0 || last.out.is_empty() && last.err.contains("moved there already"),
        "{last:?}"
    );
    point_at(&env, &schema.url());
    env.postrider("ledger verify").code(0);
    env.postrider("send kazakhstan").code(0);
    let all = mailed(&env);
    assert_eq!(all.len(), 400);
    assert!(all.is_sorted_by(|one, other| one < other), "nobody is mailed twice");
}

/// Makes a publication with a ledger, and another one that keeps its own there too.
fn neighbours() -> (Env, Env) {
    let (first, second) = (Env::with_readers(4), Env::with_readers(3));
    second.set("id = \"tt-report\"", "id = \"gas-weekly\"");
    let ledger = first.root.join(".postrider/ledger.sqlite");
    fs::create_dir(first.root.join(".postrider")).expect("it is made");
    point_at(&second, &format!("sqlite:{}", ledger.display()));
    (first, second)
}

/// Puts a copy of the ledger in its place.
fn restore(env: &Env, copy: &str) {
    for file in ["ledger.sqlite-wal", "ledger.sqlite-shm"] {
        let _ = fs::remove_file(env.root.join(".postrider").join(file));
    }
    fs::copy(env.root.join(copy), env.root.join(".postrider/ledger.sqlite"))
        .expect("it is restored");
}

#[test]
fn publications_of_one_file_send_beside_each_other() {
    let (first, second) = neighbours();
    first.postrider("send kazakhstan --yes --limit 1").code(75);
    // The other is new to a ledger that began something, and is no restored backup.
    second.postrider("plan kazakhstan").code(0);
    second.postrider("send kazakhstan --yes --limit 1").code(75);
    let senders = [&first, &second]
        .map(|env| env.command("send kazakhstan --quiet").stderr(Stdio::null()).spawn())
        .map(|sender| sender.expect("it starts").wait().expect("it ends").code());
    // One of them at least; where both come at once, the other is told to wait.
    assert!(senders.contains(&Some(0)), "{senders:?}");
    assert!(senders.iter().all(|code| matches!(code, Some(0 | 75))), "{senders:?}");
    for (env, numbers) in [(&first, &[1, 2, 3, 4][..]), (&second, &[1, 2, 3])] {
        env.postrider("send kazakhstan").code(0);
        env.postrider("draft next --like kazakhstan").code(0);
        env.postrider("send next --yes").code(0);
        env.postrider("ledger verify").code(0).tells("the ledger is sound");
        let twice: Vec<u32> = numbers.iter().flat_map(|number| [*number, *number]).collect();
        assert_eq!(mailed(env), readers(&twice), "an issue each");
    }
    // To each the loss of its own mark is a loss.
    fs::remove_file(second.root.join(".postrider/high-water")).expect("it is lost");
    second.postrider("send next").code(76).tells("of the 6 begun deliveries");
    first.postrider("send next").code(0);
}

#[test]
fn what_one_publication_begins_hides_nothing_that_another_of_its_ledger_forgot() {
    let (first, second) = neighbours();
    first.postrider("send kazakhstan --yes --limit 1").code(75);
    second.postrider("send kazakhstan --yes --limit 1").code(75);
    first.postrider("ledger backup copy.sqlite").code(0);
    first.postrider("send kazakhstan --limit 1").code(75);
    restore(&first, "copy.sqlite");
    // The second lost nothing, and begins more than the first has ever seen.
    second.postrider("send kazakhstan").code(0);
    second.postrider("draft next --like kazakhstan").code(0);
    second.postrider("send next --yes --limit 1").code(75);
    first.postrider("send kazakhstan").code(76).tells("knows of 1 begun deliveries, and 2 were");
    assert_eq!(mailed(&first).len(), 2);
}

#[test]
fn a_person_is_told_whom_of_which_publication_a_restored_ledger_puts_in_doubt() {
    let (first, second) = neighbours();
    second.postrider("send kazakhstan --yes --limit 1").code(75);
    first.postrider("ledger backup copy.sqlite").code(0);
    first.postrider("send kazakhstan --yes --limit 1").code(75);
    first.postrider("ledger backup later.sqlite").code(0);
    second.postrider("send kazakhstan --limit 1").code(75);
    restore(&first, "later.sqlite");
    second.postrider("send kazakhstan").code(76).tells("of every publication in it");
    // Nobody is there who could say yes.
    shows("accept_unasked", &second.postrider("ledger accept-rollback").code(2).shown());
    for env in [&first, &second] {
        assert_eq!(env.json("status kazakhstan")["in_doubt"], 0);
    }
    shows("accepted", &second.postrider("ledger accept-rollback --yes").code(0).shown());
    // It holds for both: nobody is mailed by guesswork.
    first.postrider("send kazakhstan").code(1).tells("in doubt 3");
    second.postrider("send kazakhstan").code(1).tells("in doubt 2");
    assert_eq!((mailed(&first).len(), mailed(&second).len()), (1, 2));
    // Of the first's issue the older copy knows nothing at all.
    restore(&first, "copy.sqlite");
    first.postrider("ledger accept-rollback --yes").code(0).tells("gas-weekly: 2 readers");
    first.postrider("send kazakhstan --yes").code(76).tells("was sent before");
    assert_eq!(mailed(&first).len(), 1);
}

#[test]
fn a_rollback_is_accepted_at_a_terminal_by_the_word_yes_alone() {
    let env = Env::with_readers(3);
    env.postrider("send kazakhstan --yes --limit 1").code(75);
    env.postrider("ledger backup copy.sqlite").code(0);
    env.postrider("send kazakhstan --limit 1").code(75);
    restore(&env, "copy.sqlite");
    for (answer, code) in [("", 76), ("y", 76), ("no", 76), ("Yes", 76), ("yes", 0)] {
        let Some(mut asking) = env.on_a_terminal("ledger accept-rollback", 80) else {
            return skipped("a question on a terminal, without script");
        };
        let mut asked = asking.stdin(Stdio::piped()).spawn().expect("it starts");
        let mut typed = asked.stdin.take().expect("a pipe");
        typed.write_all(format!("{answer}\n").as_bytes()).expect("it is typed");
        let said = env.said(asked.wait_with_output().expect("it ends")).code(code);
        let said = said.tells("will be in doubt, of every publication in it: tt-report: 2 readers");
        let said = said.tells("Accept that it went back in time? Type yes:");
        let in_doubt = if code == 0 {
            said.tells("accepted; in doubt now: 2 readers");
            2
        } else {
            said.tells("that is not yes: nothing was accepted");
            0
        };
        assert_eq!(env.json("status kazakhstan")["in_doubt"], in_doubt, "{answer}");
    }
}

#[test]
fn an_issue_that_its_ledger_forgot_is_told_as_sent() {
    let env = Env::with_readers(2);
    env.postrider("schedule kazakhstan --at '2003-10-13 07:00' --now 2003-10-01T00:00:00Z").code(0);
    env.postrider("unschedule kazakhstan").code(0);
    env.postrider("ledger backup copy.sqlite").code(0);
    env.postrider("status kazakhstan").code(0).tells("is a draft");
    env.postrider("send kazakhstan --yes").code(0);
    restore(&env, "copy.sqlite");
    let said = format!(
        "{}\n{}",
        env.postrider("status kazakhstan").code(0).shown(),
        env.postrider("status").code(0).shown()
    );
    shows("forgotten", &said);
    let all = env.json("status");
    for document in [&env.json("status kazakhstan"), &all["issues"][0]] {
        assert_eq!(document["state"], "forgotten", "{document}");
    }
    env.postrider("status kazakhstan --watch").code(0).tells("the ledger has forgotten it");
    env.postrider("cancel kazakhstan --yes").code(76).tells("was sent before");
    env.postrider("ledger accept-rollback --yes").code(0).tells("nobody will be in doubt");
    env.postrider("send kazakhstan --yes").code(76).tells("was sent before");
    let schedule = "schedule kazakhstan --at '2026-12-07 07:00' --now 2026-12-01T00:00:00Z";
    env.postrider(schedule)
        .code(76)
        .tells("was sent before, and this ledger does not know to whom");
    assert_eq!(env.json("status kazakhstan")["state"], "forgotten");
    // Nor is it lost by its folder.
    std::fs::remove_dir_all(env.root.join("issues").join(ISSUE)).expect("it is removed");
    env.postrider("status kaz").code(0).tells("the ledger has forgotten it");
    assert_eq!(env.mails().len(), 2);
}

/// The drill of docs/ledger.md: back up, go on, lose the folder, restore, accept, settle, go on.
fn drill(env: &Env, restore: impl FnOnce(&Env)) {
    env.postrider("send kazakhstan --yes --limit 2").code(75);
    env.postrider("ledger backup copy.sqlite").code(0);
    fs::copy(env.root.join(".postrider/key"), env.root.join("copy.key")).expect("it is copied");
    env.postrider("send kazakhstan --limit 2").code(75);
    env.postrider("subscribers unsubscribe reader6@example.org").code(0);
    assert_eq!(mailed(env).len(), 4);
    fs::remove_dir_all(env.root.join(".postrider")).expect("it is lost");
    fs::create_dir(env.root.join(".postrider")).expect("it is made");
    fs::copy(env.root.join("copy.key"), env.root.join(".postrider/key")).expect("it is restored");
    restore(env);
    env.postrider("send kazakhstan").code(76).tells("ledger accept-rollback");
    env.postrider("due").code(76);
    env.postrider("ledger accept-rollback --yes").code(0).tells("in doubt now: 4 readers");
    // Nothing goes to anybody by itself.
    env.postrider("send kazakhstan").code(1).tells("in doubt 4");
    assert_eq!(mailed(env).len(), 4);
    let doubtful = env.postrider("status kazakhstan --in-doubt").code(0);
    let doubtful = doubtful.tells("nobody noted which it was; it is now outbox").out;
    for number in 3..=6 {
        assert!(doubtful.contains(&format!("reader{number}@example.org")), "{doubtful}");
    }
    // What the backup does not know is told again; whom the relay's log names have it.
    env.postrider("subscribers unsubscribe reader6@example.org").code(0);
    env.postrider("resolve kazakhstan reader3@example.org reader4@example.org --delivered").code(0);
    env.postrider("resolve kazakhstan --all --resend").code(0);
    env.postrider("send kazakhstan").code(0);
    assert_eq!(mailed(env), readers(&[1, 2, 3, 4, 5]), "nobody twice, and not who left");
    let status = env.json("status kazakhstan");
    assert_eq!((&status["accepted"], &status["suppressed"]), (&5.into(), &1.into()));
    env.postrider("ledger verify").code(0).tells("the ledger is sound");
}

#[test]
fn a_lost_folder_is_restored_by_the_drill_and_nobody_is_mailed_twice() {
    drill(&Env::with_readers(6), |env| {
        fs::copy(env.root.join("copy.sqlite"), env.root.join(".postrider/ledger.sqlite"))
            .expect("it is restored");
    });
}

#[test]
fn a_lost_server_is_restored_by_the_drill_and_nobody_is_mailed_twice() {
    let (Some(first), Some(second)) = (Schema::new(), Schema::new()) else { return };
    let env = Env::with_readers(6);
    point_at(&env, &first.url());
    let migrate = format!("ledger migrate --to {}", second.url());
    drill(&env, |env| {
        // The copy is a ledger in a file. What nobody has accepted yet is not moved either.
        point_at(env, "sqlite:copy.sqlite");
        env.postrider(&migrate).code(76).tells("accept-rollback");
    });
    env.postrider(&migrate).code(0);
    point_at(&env, &second.url());
    assert_eq!(env.json("status kazakhstan")["accepted"], 5);
    env.postrider("ledger verify").code(0);
}
