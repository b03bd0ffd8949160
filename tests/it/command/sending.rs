//! Sending: who says yes, what stops it, what running it again does.

use std::{thread, time::Duration};

use postrider::outbox::{Keep, Outbox, OutboxSettings};

use super::{
    env::{Env, ISSUE},
    shows,
};

#[test]
fn without_a_terminal_somebody_must_have_said_yes() {
    let env = Env::publication();
    shows("send_unasked", &env.postrider("send kazakhstan").code(2).shown());
    shows("send_miscounted", &env.postrider("send kazakhstan --confirm 4").code(76).shown());
    assert!(env.mails().is_empty());
    env.postrider("status kazakhstan").code(0).tells("is a draft");
    env.postrider("send kazakhstan --confirm 3").code(0);
    assert_eq!(env.mails().len(), 3);
    shows("cancel_unasked", &env.postrider("cancel kazakhstan").code(2).shown());
}

#[test]
fn a_limit_stops_and_sending_again_goes_on() {
    let env = Env::with_readers(7);
    shows("send_limit", &env.postrider("send kazakhstan --yes --limit 3").code(75).shown());
    assert_eq!(env.mails().len(), 3);
    shows("plan_halfway", &env.postrider("plan kazakhstan").code(0).shown());
    shows("status_halfway", &env.postrider("status kazakhstan --left").code(0).shown());
    shows("send_agreed_to_less", &env.postrider("send kazakhstan --confirm 3").code(76).shown());
    shows("send_rest", &env.postrider("send kazakhstan").code(0).shown());
    assert_eq!(env.mails().len(), 7);
}

#[test]
fn readers_get_what_is_for_their_segments_by_every_door() {
    let list =
        "email,name,tags\na@example.org,A,paid\nb@example.org,B,\nc@example.org,C,\"vip, Paid\"\n";
    let env = Env::with_list(list);
    let draft = "+++\ndate = 2026-12-07\nsegments = [\"paid\"]\npreheader = \"What oil does to those who have it, and to those who pay.\"\n+++\n\n# Oil {credit=\"Own\"}\n\n:::if segment=\"paid\"\nSecret words.\n:::else\nOpen words.\n:::\n";
    env.write("issues/2026-12-07-oil/issue.md", draft);
    for (reader, words) in [("a@example.org", "Secret"), ("b@example.org", "Open")] {
        env.postrider(&format!("render oil --as {reader} --out shown")).code(0);
        for file in ["shown/issue.html", "shown/issue.txt", "shown/issue.eml"] {
            let shown = env.read(file);
            assert!(shown.contains(words), "{file}: {shown}");
            assert_ne!(shown.contains("Secret"), shown.contains("Open"), "{file}: {shown}");
        }
    }
    env.postrider("test oil --to me@example.net --as a@example.org").code(0);
    let told = |words: &str| env.mails().iter().filter(|mail| mail.contains(words)).count();
    assert_eq!((told("Secret"), told("Open")), (1, 0));
    assert_eq!(env.json("plan oil")["recipients"], 3);
    env.postrider("send oil --yes --limit 1").code(75);
    env.write("issues/2026-12-07-oil/issue.md", &draft.replace("Secret", "Other"));
    env.postrider("send oil").code(76).tells("was edited since it was frozen");
    env.write("issues/2026-12-07-oil/issue.md", draft);
    // Whom a reader is among was frozen with the rest.
    env.write("subscribers.csv", &list.replace("paid", "").replace("Paid", ""));
    env.postrider("send oil").code(0);
    assert_eq!((told("Secret"), told("Open")), (3, 1));
}

#[test]
fn paused_cancelled_and_resumed_issues_say_what_they_are() {
    let env = Env::with_readers(5);
    env.postrider("pause kazakhstan").code(76).tells("is a draft: there is nothing to do");
    env.postrider("send kazakhstan --yes --limit 2").code(75);
    shows("pause", &env.postrider("pause kazakhstan").code(0).shown());
    shows("send_paused", &env.postrider("send kazakhstan").code(75).shown());
    shows("plan_paused", &env.postrider("plan kazakhstan").code(0).shown());
    let plan = env.json("plan kazakhstan");
    assert!(plan["largest_copy_bytes"].is_null(), "no copy is printed again: {plan}");
    shows("status_paused", &env.postrider("status kazakhstan").code(0).shown());
    env.postrider("due").code(0).silent();
    shows("resume", &env.postrider("resume kazakhstan").code(0).shown());
    env.postrider("send kazakhstan --limit 1").code(75);
    shows("cancel", &env.postrider("cancel kazakhstan --yes").code(0).shown());
    shows("send_cancelled", &env.postrider("send kazakhstan --yes").code(76).shown());
    shows("status_cancelled", &env.postrider("status kazakhstan").code(0).shown());
    env.postrider("schedule kazakhstan").code(76).tells("it cannot be scheduled");
    assert_eq!(env.mails().len(), 3);
}

#[test]
fn an_issue_edited_halfway_is_refused_until_it_is_put_back() {
    let env = Env::with_readers(4);
    env.postrider("send kazakhstan --yes --limit 2").code(75);
    let text = env.read(&format!("issues/{ISSUE}/issue.md"));
    env.write(&format!("issues/{ISSUE}/issue.md"), &format!("{text}\nOne more thing.\n"));
    shows("send_edited", &env.postrider("send kazakhstan").code(76).shown());
    shows("plan_edited", &env.postrider("plan kazakhstan").code(0).shown());
    env.write(&format!("issues/{ISSUE}/issue.md"), &text);
    env.postrider("send kazakhstan").code(0);
    assert_eq!(env.mails().len(), 4);
}

#[test]
fn an_issue_whose_folder_is_gone_is_told_so_until_it_is_put_back() {
    let env = Env::with_readers(4);
    env.postrider("send kazakhstan --yes --limit 1").code(75);
    let (there, away) = (env.root.join("issues").join(ISSUE), env.root.join("away"));
    std::fs::rename(&there, &away).expect("it is moved");
    for line in ["send kazakhstan --yes", "due"] {
        let gone = env.postrider(line).code(66);
        let gone = gone.tells("is gone, and not everybody has the issue");
        gone.tells(&format!("`postrider cancel {ISSUE}`"));
    }
    env.postrider("send another --yes").code(66).tells("there is no issue `another`");
    std::fs::rename(&away, &there).expect("it is moved back");
    env.postrider("send kazakhstan").code(0);
    assert_eq!(env.mails().len(), 4);
}

#[test]
fn what_is_frozen_goes_on_without_a_question() {
    let env = Env::with_readers(2);
    env.postrider("send kazakhstan --limit 0").code(2).tells("nobody is here to say yes");
    env.postrider("send kazakhstan --yes --limit 0").code(75);
    assert!(env.mails().is_empty());
    env.postrider("send kazakhstan").code(0);
    assert_eq!(env.mails().len(), 2);
    env.postrider("send kazakhstan --catch-up").code(2).tells("nobody is here to say yes");
}

#[test]
fn counts_are_said_as_people_say_them() {
    let env = Env::with_readers(1_001);
    let told = "the list has 1,001 readers to mail, not 1,002: nothing was sent";
    env.postrider("send kazakhstan --confirm 1002").code(76).tells(told);
    env.write("subscribers.csv", "email\nanna@example.org\n");
    let told = "the list has 1 reader to mail, not 2: nothing was sent";
    env.postrider("send kazakhstan --confirm 2").code(76).tells(told);
    env.write("subscribers.csv", &format!("email\nanna@example.org\n{}", "nobody\n".repeat(11)));
    env.postrider("plan kazakhstan").code(0).tells("1 more row cannot be mailed");
    env.write("subscribers.csv", &format!("email\nanna@example.org\n{}", "nobody\n".repeat(12)));
    env.postrider("plan kazakhstan").code(0).tells("2 more rows cannot be mailed");
}

#[test]
fn a_part_of_its_name_is_enough_for_an_issue_whose_folder_is_gone() {
    let env = Env::with_readers(4);
    env.postrider("send kazakhstan --yes --limit 1").code(75);
    std::fs::remove_dir_all(env.root.join("issues").join(ISSUE)).expect("it is removed");
    for (line, code, told) in [
        ("status kaz", 0, "accepted 1"),
        ("status kaz --left", 0, "reader4@example.org"),
        ("status kaz --in-doubt", 0, "nobody"),
        ("resolve kaz --all --delivered", 0, "nobody of 2003-10-06-kazakhstan is in doubt"),
        ("pause kaz", 0, "2003-10-06-kazakhstan is paused"),
        ("resume kaz", 0, "2003-10-06-kazakhstan may go on"),
        ("send kaz --yes", 66, "the folder of 2003-10-06-kazakhstan is gone"),
    ] {
        env.postrider(line).code(code).tells(told);
    }
    // Where it fits folders too, those are meant; and of two nobody is guessed.
    env.postrider("draft kazan --date 2026-12-07").code(0);
    env.postrider("status kaz").code(0).tells("2026-12-07-kazan is a draft");
    env.postrider("draft kazbegi --date 2026-12-14").code(0);
    env.postrider("cancel kaz --yes")
        .code(66)
        .tells("`kaz` could be 2003-10-06-kazakhstan, 2026-12-07-kazan or 2026-12-14-kazbegi");
    env.postrider("send kaz --yes").code(66).tells("`kaz` could be");
    env.postrider("cancel kazakh --yes").code(0).tells("2003-10-06-kazakhstan is cancelled");
    env.postrider("status georgia").code(66).tells("there is no issue `georgia`");
    env.postrider("status ''").code(66).tells("there is no issue ``");
}

#[test]
fn who_joins_later_gets_it_when_asked_and_who_leaves_meanwhile_does_not() {
    let env = Env::with_readers(3);
    env.postrider("send kazakhstan --yes --limit 1").code(75);
    env.postrider("subscribers unsubscribe reader3@example.org").code(0);
    env.postrider("subscribers add late@example.org").code(0);
    env.postrider("send kazakhstan").code(0).tells("suppressed 1 unsubscribed");
    assert_eq!(env.mails().len(), 2);
    env.postrider("send kazakhstan --yes --catch-up").code(0);
    assert_eq!(env.mails().len(), 3);
    env.postrider("log late@example.org").code(0).tells("accepted");
    env.postrider("log reader3@example.org").code(0);
}

#[test]
fn of_two_senders_at_once_the_second_names_the_first_and_nobody_is_mailed_twice() {
    let relay = Outbox::start(OutboxSettings::new(Keep::Count)).expect("a relay");
    let url = format!("smtp://127.0.0.1:{}?tls=none", relay.address().port());
    let env = Env::with_readers(20).relay(&url);
    env.set("rate = [\"2000/s\"]", "rate = [\"20/s\"]");
    let mut first = env.command("send kazakhstan --yes").spawn().expect("it starts");
    while relay.accepted() == 0 {
        thread::sleep(Duration::from_millis(5));
    }
    for line in ["send kazakhstan --yes", "ledger accept-rollback"] {
        env.postrider(line)
            .code(75)
            .tells("it is being sent by ")
            .tells(&format!("/{}", first.id()));
    }
    env.postrider("due").code(75).silent();
    env.postrider("status kazakhstan").code(0).tells(&format!("/{}", first.id()));
    assert!(first.wait().expect("it ends").success());
    assert_eq!(relay.accepted(), 20);
}

#[test]
fn a_ledger_of_a_newer_version_is_left_alone() {
    let env = Env::publication();
    env.postrider("send kazakhstan --yes --limit 1").code(75);
    let path = env.root.join(".postrider/ledger.sqlite");
    let ledger = rusqlite::Connection::open(&path).expect("it opens");
    ledger.pragma_update(None, "user_version", 9999).expect("it is written");
    drop(ledger);
    for line in ["send kazakhstan", "status", "due", "subscribers list", "plan kazakhstan"] {
        env.postrider(line).code(69).tells("was written by a newer postrider");
    }
    shows("ledger_newer", &env.postrider("status").shown());
    assert_eq!(env.mails().len(), 1);
}

#[test]
fn a_damaged_ledger_sends_nothing() {
    let env = Env::publication();
    env.postrider("send kazakhstan --yes --limit 1").code(75);
    env.write(".postrider/ledger.sqlite", &"this is no ledger ".repeat(300));
    shows("ledger_damaged", &env.postrider("send kazakhstan").code(69).shown());
    assert_eq!(env.mails().len(), 1);
}

#[test]
fn a_restored_backup_is_refused_until_a_person_accepts_it() {
    let env = Env::with_readers(4);
    env.postrider("send kazakhstan --yes --limit 1").code(75);
    env.postrider("ledger backup copy.sqlite").code(0);
    env.postrider("send kazakhstan").code(0);
    for name in ["ledger.sqlite-wal", "ledger.sqlite-shm"] {
        let _ = std::fs::remove_file(env.root.join(".postrider").join(name));
    }
    std::fs::copy(env.root.join("copy.sqlite"), env.root.join(".postrider/ledger.sqlite"))
        .expect("it is copied back");
    shows("rolled_back", &env.postrider("send kazakhstan").code(76).shown());
    // A rehearsal and a look tell it too.
    for line in ["plan kazakhstan", "status kazakhstan"] {
        env.postrider(line).code(0).tells("`send` would stop: the ledger went back in time");
    }
    shows("rolled_back_accepted", &env.postrider("ledger accept-rollback --yes").code(0).shown());
    env.postrider("status kazakhstan").code(0).tells("nobody is left to be mailed");
    let doubt = env.postrider("status kazakhstan --in-doubt").code(0);
    let doubt = doubt.tells("does not know what was sent after it was copied");
    assert!(!doubt.err.contains("was handed over"), "nobody knows that: {doubt:?}");
    env.postrider("send kazakhstan");
    assert_eq!(env.mails().len(), 4, "nobody is mailed twice");
}

#[test]
fn a_test_mail_is_marked_and_harmless_and_touches_nobodys_delivery() {
    let env = Env::publication();
    env.postrider("test kazakhstan --to me@example.org other@example.org --as anna@example.org")
        .code(0);
    let mails = env.mails();
    assert_eq!(mails.len(), 2);
    assert!(mails.iter().all(|mail| mail.contains("Subject: [Test] ")), "{}", mails[0]);
    let token = token(&mails[0]);
    env.postrider(&format!("subscribers unsubscribe {token}"))
        .code(76)
        .tells("that link is from a test mail: it does nothing");
    env.postrider("status kazakhstan").code(0).tells("is a draft");
    env.postrider("log anna@example.org").code(0).tells("nothing was ever sent");
    env.postrider("send kazakhstan --yes").code(0);
    env.postrider("test kazakhstan --to anna@example.org").code(0);
    let account = env.json("status kazakhstan");
    assert_eq!((&account["planned"], &account["accepted"]), (&3.into(), &3.into()));
    env.postrider("test kazakhstan --to anna").code(2).tells("`anna` is not an address");
}

#[test]
fn who_asks_to_leave_by_the_mail_they_have_is_let_go_and_stays_away() {
    let env = Env::publication();
    env.postrider("send kazakhstan --yes").code(0);
    let mail = env
        .mails()
        .into_iter()
        .find(|mail| mail.contains("To: anna") || mail.contains("<anna@example.org>"))
        .expect("anna's mail");
    env.postrider(&format!("subscribers unsubscribe {}", token(&mail)))
        .code(0)
        .tells("anna@example.org is unsubscribed (was active)");
    env.postrider("subscribers unsubscribe u-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
        .code(66)
        .tells("neither an address nor a token of this publication");
    env.postrider("draft georgia --date 2026-12-07").code(0);
    env.postrider("send georgia --yes")
        .code(0)
        .tells("anna@example.org is unsubscribed and stays so");
    assert_eq!(env.mails().len(), 5);
}

/// Takes the token out of a mail's List-Unsubscribe.
fn token(mail: &str) -> String {
    let flat = mail.replace("\r\n ", " ").replace("\n ", " ");
    let header = flat
        .lines()
        .find(|line| line.starts_with("List-Unsubscribe:"))
        .expect("the header")
        .to_owned();
    let after = header.split("unsubscribe%20").nth(1).expect("a mailto with the token");
    after.split('>').next().expect("its end").to_owned()
}
