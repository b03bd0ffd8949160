//! The list by the command line: who comes, who leaves, who stays away.

use super::{
    env::{Env, document},
    shows,
};

const MIXED: &str = "\
E-Mail;Name;Status;Company
anna@example.org;Anna;active;ACME
not an address;A Slip;active;
ANNA@example.org;Twice;active;
left@example.net;Left;unsubscribed;
dead@example.net;Dead;bounced;
wait@example.net;Wait;pending;
spam@example.net;Spam;complained;
never@example.net;Never;blocked;
";

#[test]
fn an_import_says_what_became_of_every_row_and_again_changes_nothing() {
    let env = Env::publication();
    env.write("people.csv", MIXED);
    shows("import_dry", &env.postrider("subscribers import people.csv --dry-run").code(65).shown());
    env.postrider("subscribers list").code(0).tells("nobody yet");
    shows(
        "import",
        &env.postrider("subscribers import people.csv --rejects bad.csv").code(65).shown(),
    );
    shows("import_again", &env.postrider("subscribers import people.csv").code(65).shown());
    shows("json_import", &document(env.json("subscribers import people.csv")));
    assert!(env.read("bad.csv").contains("not an address"), "{}", env.read("bad.csv"));
    env.write("good.csv", "email\nnew@example.org\n");
    env.postrider("subscribers import good.csv").code(0).tells("1 added");
    env.postrider("subscribers import nowhere.csv").code(66);
    shows("import_no_list", &{
        env.write("odd.csv", "name,company\nAnna,ACME\n");
        env.postrider("subscribers import odd.csv").code(65).shown()
    });
}

#[test]
fn who_left_is_never_brought_back_by_a_file_but_only_by_a_new_consent() {
    let env = Env::publication();
    env.write("people.csv", "email,status\nanna@example.org,active\nbolat@example.com,active\n");
    env.postrider("subscribers import people.csv").code(0);
    env.postrider("subscribers unsubscribe anna@example.org").code(0);
    env.postrider("subscribers suppress bolat@example.com --reason 'asked by letter'").code(0);
    let state = |who: &str| env.json(&format!("subscribers show {who}"))["state"].clone();
    env.postrider("subscribers import people.csv").code(0).tells("is unsubscribed and stays so");
    env.postrider("subscribers add anna@example.org").code(76).tells("stays so");
    // subscribers.csv, which `send` reads, claims both as active too.
    env.postrider("send kazakhstan --yes").code(0);
    assert_eq!(
        (state("anna@example.org"), state("bolat@example.com")),
        ("unsubscribed".into(), "blocked".into())
    );
    assert_eq!(env.mails().len(), 1);
    env.postrider("subscribers import people.csv --resubscribe 'signed up again on 1 December'")
        .code(0);
    assert_eq!(state("anna@example.org"), "active");
    shows("subscribers_history", &env.postrider("subscribers show anna@example.org").shown());
}

#[test]
fn a_reason_that_says_nothing_brings_nobody_back() {
    let env = Env::publication();
    env.write("people.csv", "email,status\nleft@example.org,unsubscribed\n");
    env.postrider("subscribers import people.csv").code(0);
    env.write("back.csv", "email\nleft@example.org\n");
    for option in ["--resubscribe ''", "--resubscribe ' '", "--consent ''", "--tag ' '"] {
        env.postrider(&format!("subscribers import back.csv {option}"))
            .code(2)
            .tells("it says nothing");
    }
    env.postrider("subscribers add new@example.org --tag ''").code(2);
    assert_eq!(env.json("subscribers show left@example.org")["state"], "unsubscribed");
}

#[test]
fn rejects_are_written_over_no_list_and_no_device_is_replaced() {
    let env = Env::publication();
    let list = "email\nno address\nanna@example.org\n";
    env.write("people.csv", list);
    env.write("notes.txt", "mine");
    std::fs::hard_link(env.root.join("people.csv"), env.root.join("same.csv")).expect("linked");
    for (name, why) in [
        ("people.csv", "one of the lists"),
        ("same.csv", "one of the lists"),
        ("notes.txt", "holds no rejects"),
    ] {
        env.postrider(&format!("subscribers import people.csv --rejects {name}"))
            .code(2)
            .tells(why);
    }
    assert_eq!((env.read("people.csv").as_str(), env.read("notes.txt").as_str()), (list, "mine"));
    env.postrider("subscribers list").tells("nobody yet");
    std::os::unix::fs::symlink("/dev/null", env.root.join("away")).expect("linked");
    env.postrider("subscribers import people.csv --rejects away").code(65).tells("1 added");
    let away = env.root.join("away").symlink_metadata().expect("it is there");
    assert!(away.is_symlink(), "a device was replaced");
    // Earlier rejects are, and an empty file.
    env.write("bad.csv", "");
    for _ in 0..2 {
        env.postrider("subscribers import people.csv --rejects bad.csv").code(65);
    }
    assert!(env.read("bad.csv").contains("no address"));
}

#[test]
fn a_list_is_taken_from_a_pipe() {
    let env = Env::publication();
    env.write("people.csv", "email\nanna@example.org\n");
    let mut command = env.command("subscribers import -");
    let file = std::fs::File::open(env.root.join("people.csv")).expect("it is there");
    let said = env.said(command.stdin(file).output().expect("it runs"));
    said.code(0).tells("1 added");
    env.postrider("subscribers show anna@example.org").tells("import (a pipe) -> active");
}

#[test]
fn people_are_added_changed_and_looked_up_one_at_a_time() {
    let env = Env::publication();
    for (name, line, code) in [
        ("nobody", "subscribers list", 0),
        ("unknown", "subscribers show anna@example.org", 66),
        (
            "added",
            "subscribers add anna@example.org --name Anna --tag partner --field company=ACME",
            0,
        ),
        (
            "unchanged",
            "subscribers add anna@example.org --name Anna --tag partner --field company=ACME",
            0,
        ),
        ("updated", "subscribers add anna@example.org --name 'Anna O’Neill'", 0),
        ("shown", "subscribers show anna@example.org", 0),
        ("unsubscribed", "subscribers unsubscribe anna@example.org", 0),
        ("suppressed", "subscribers suppress anna@example.org --reason 'asked by letter'", 0),
        ("stranger_left", "subscribers unsubscribe stranger@example.org", 0),
        ("listed", "subscribers list", 0),
        ("listed_blocked", "subscribers list --state blocked", 0),
        ("listed_none", "subscribers list --state erased", 0),
    ] {
        shows(&format!("people_{name}"), &env.postrider(line).code(code).shown());
    }
}

#[test]
fn a_name_that_would_steer_the_terminal_is_told_harmlessly() {
    let env = Env::publication();
    env.write(
        "people.csv",
        "email,name\n\"a\u{1b}[2Jb\",Bad\nanna@example.org,\"A\u{202e}nna\u{1b}[31m\"\n",
    );
    for line in
        ["subscribers import people.csv", "subscribers list", "subscribers show anna@example.org"]
    {
        let said = env.postrider(line);
        for text in [&said.out, &said.err] {
            assert!(!text.contains(['\u{1b}', '\u{202e}']), "{line}: {said:?}");
        }
    }
}

/// The files of Mailchimp, as they lie among the fixtures.
fn mailchimp(env: &Env) {
    for name in ["members", "unsubscribed", "cleaned"] {
        let file = format!("tests/fixtures/list/mailchimp-{name}.csv");
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text = std::fs::read_to_string(path).expect("the fixture is there");
        env.write(&format!("{name}.csv"), &text);
    }
}

#[test]
fn mailchimps_three_files_mean_the_same_in_any_order_and_twice_change_nothing() {
    let mut lists = Vec::new();
    for order in [
        "members.csv unsubscribed.csv cleaned.csv",
        "cleaned.csv unsubscribed.csv members.csv",
        "unsubscribed.csv members.csv cleaned.csv",
    ] {
        let env = Env::publication();
        mailchimp(&env);
        let said = env.postrider(&format!("subscribers import {order}")).code(0);
        if lists.is_empty() {
            shows("import_mailchimp", &said.shown());
            shows(
                "show_mailchimp",
                &env.postrider("subscribers show anna@example.org").code(0).shown(),
            );
        }
        let again = env.json(&format!("subscribers import {order}"));
        for file in again["files"].as_array().expect("files") {
            assert_eq!((&file["added"], &file["updated"]), (&0.into(), &0.into()), "{file}");
        }
        let words = |line: &str| env.postrider(line).code(0).out;
        lists.push(words("subscribers list").replace("  Lea Vik", "").replace("  Dora Maar", ""));
    }
    assert_eq!(lists[0], lists[1]);
    assert_eq!(lists[0], lists[2]);
    assert!(lists[0].contains("unsubscribed left@") && lists[0].contains("bounced      dead@"));
}

#[test]
fn a_file_that_cannot_be_read_keeps_the_others_out_too() {
    let env = Env::publication();
    env.write("good.csv", "email\nanna@example.org\n");
    env.write("odd.csv", "name,company\nAnna,ACME\n");
    env.postrider("subscribers import good.csv odd.csv").code(65);
    env.postrider("subscribers import good.csv .").code(65).tells("is a folder, not a list");
    env.postrider("subscribers import good.csv /dev/zero").code(65).tells("names no columns");
    env.postrider("subscribers show anna@example.org").code(66);
}

#[test]
fn a_dirty_file_is_told_by_line_and_what_was_skipped_is_written() {
    let env = Env::publication();
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/list/dirty.csv");
    std::fs::copy(path, env.root.join("dirty.csv")).expect("it can be copied");
    let line = "subscribers import dirty.csv --rejects bad.csv";
    shows("import_dirty", &env.postrider(line).code(65).shown());
    env.postrider(&format!("{line} --lenient")).code(0);
    let bad = env.read("bad.csv");
    let lines: Vec<_> =
        bad.lines().map(|line| line.chars().take(100).collect::<String>()).collect();
    shows("import_dirty_rejects", &lines.join("\n"));
    shows(
        "export_dirty",
        &env.postrider("subscribers export").code(0).shown().replace(&"y".repeat(10_240), "[ys]"),
    );
    assert!(env.postrider("subscribers export --raw").code(0).out.contains(",=1+1\n"));
}

#[test]
fn tags_columns_and_consent_can_be_said_on_the_command_line() {
    let env = Env::publication();
    env.write("crm.csv", "Kontakt;Firma;Weg\nanna@example.org;ACME;\nbo@example.org;;2020-01-01\n");
    env.postrider("subscribers import crm.csv").code(65).tells("no column holds the address");
    env.postrider("subscribers import crm.csv --map email").code(2);
    env.postrider("subscribers import crm.csv --map email=Mail").code(65).tells("PR806");
    let line = "subscribers import crm.csv --map email=Kontakt --map company=Firma --map unsubscribed=Weg --tag fair --consent 'signed at our stand'";
    env.postrider(line).code(0);
    let anna = env.json("subscribers show anna@example.org");
    assert_eq!((&anna["tags"][0], &anna["fields"]["company"]), (&"fair".into(), &"ACME".into()));
    assert_eq!(anna["history"][0]["detail"], "consent: signed at our stand");
    assert_eq!(env.json("subscribers show bo@example.org")["state"], "unsubscribed");
}

#[test]
fn a_segment_lists_exports_and_sends_to_its_readers_alone() {
    let env = Env::with_list(
        "email,name,tags,town\nanna@example.org,Anna,press,Oslo\nbo@example.org,Bo,,Bergen\ncy@example.org,Cy,press,Bergen\n",
    );
    shows(
        "segment_mistake",
        &env.postrider("send kazakhstan --yes --segment 'press and'").code(2).shown(),
    );
    env.postrider("plan kazakhstan --segment 'press and not town = oslo'")
        .code(0)
        .tells("  left out      2 not in the segment")
        .tells(" --segment 'press and not town = oslo'`\n  mails 1 reader");
    let line = "send kazakhstan --yes --segment 'press and not town = oslo'";
    let sent = env.json(line);
    assert_eq!(
        (&sent["planned"], &sent["accepted"], &sent["suppressed"]),
        (&3.into(), &1.into(), &2.into())
    );
    assert_eq!(env.mails().len(), 1);
    env.postrider("send kazakhstan --yes --segment press")
        .code(76)
        .tells("was frozen for the segment");
    env.postrider("send kazakhstan --yes --segment 'press and not town = oslo'").code(0);
    env.write("subscribers.csv", "email,name,tags,town\nanna@example.org,Anna,press,Oslo\nbo@example.org,Bo,,Bergen\ncy@example.org,Cy,press,Bergen\ndi@example.org,Di,,Bergen\ned@example.org,Ed,press,Bergen\n");
    assert_eq!(env.json("send kazakhstan --yes --catch-up")["accepted"], 2, "nobody from outside");
    let listed = env.postrider("subscribers list --segment 'town = bergen and not press'").code(0);
    assert!(
        listed.out.contains("bo@") && listed.out.contains("di@") && !listed.out.contains("cy@")
    );
    let csv = env.postrider("subscribers export --segment press --state active").code(0).out;
    assert_eq!(csv.lines().count(), 4, "{csv}");
}

#[test]
fn one_persons_copy_holds_everything_and_an_erased_one_is_not_brought_back() {
    let env = Env::with_list("email,name,company\nanna@example.org,Anna,ACME\n");
    env.postrider("send kazakhstan --yes").code(0);
    let mut copy = env.json("subscribers export anna@example.org");
    for varying in ["exported_at", "link_id"] {
        assert!(copy[varying].is_string(), "{copy}");
        copy[varying] = format!("[{varying}]").into();
    }
    shows("json_export_person", &document(copy));
    env.postrider("subscribers export anna@example.org").code(0).tells("subscribers.csv:2");
    env.postrider("subscribers erase anna@example.org")
        .code(0)
        .tells("subscribers.csv:2 still names");
    env.postrider("subscribers import subscribers.csv").code(0).tells("is erased and stays so");
    let listed = env.postrider("subscribers list --json").code(0).out;
    assert!(listed.contains("erased.invalid") && !listed.contains("anna"), "{listed}");
    assert_eq!(env.json("status kazakhstan")["accepted"], 1);
}

#[test]
fn what_ended_long_ago_is_forgotten_by_due_where_the_publisher_wants_that() {
    let env = Env::with_list("email,name\nanna@example.org,Anna\n");
    env.postrider("send kazakhstan --yes").code(0);
    let delivered = || env.postrider("status kazakhstan --json").code(0).out;
    let before = delivered();
    env.postrider("due").code(0).silent();
    env.set("[list]", "[list]\nretention = \"0s\"");
    env.postrider("due").code(0).silent();
    assert_eq!(delivered(), before, "the counts stay");
    let ledger = std::fs::read(env.root.join(".postrider/ledger.sqlite")).expect("it is there");
    assert!(!ledger.is_empty());
    assert_eq!(env.json("subscribers show anna@example.org")["state"], "active");
    assert_eq!(env.json("log anna@example.org")["attempts"][0]["said"], "");
}

#[test]
fn what_ended_is_kept_for_as_many_days_as_the_publisher_says() {
    let env = Env::with_list("email,name\nanna@example.org,Anna\n");
    env.set("[list]", "[list]\nretention = \"30d\"");
    env.postrider("send kazakhstan --yes").code(0);
    let ledger = env.root.join(".postrider/ledger.sqlite");
    let said = || env.json("log anna@example.org")["attempts"][0]["said"].to_string();
    for (days, kept) in [(29, true), (2, false)] {
        // As if it had ended so many days earlier: a ledger goes by its own clock.
        rusqlite::Connection::open(&ledger)
            .expect("it opens")
            .execute(
                "UPDATE issues SET ended_at = ended_at - ?1",
                [days * 24 * 3_600 * 1_000_000_i64],
            )
            .expect("it is moved");
        env.postrider("due").code(0).silent();
        assert_eq!(said().contains("250"), kept, "{days} days more");
    }
}

#[test]
fn a_file_of_people_who_left_and_does_not_say_so_is_asked_about() {
    let env = Env::publication();
    env.write("unsubscribed.csv", "email\nleft@example.net\n");
    shows(
        "a_file_that_sounds_bad",
        &env.postrider("subscribers import unsubscribed.csv").code(65).shown(),
    );
    let line = "subscribers import unsubscribed.csv --as unsubscribed";
    assert_eq!(env.json(line)["files"][0]["unsubscribed"], 1);
    let listed = env.postrider("subscribers list --state unsubscribed").code(0).out;
    assert!(listed.contains("left@example.net"), "{listed}");
    env.postrider("subscribers import unsubscribed.csv --as erased").code(2);
    env.postrider("subscribers import unsubscribed.csv --as gone").code(2);
}

#[test]
fn what_an_open_quotation_mark_swallowed_is_among_the_rejects() {
    let env = Env::publication();
    env.write(
        "open.csv",
        "email,name\nann@example.org,Ann\nnia@example.org,\"Nia\nole@example.org,Ole\n",
    );
    env.postrider("subscribers import open.csv --rejects bad.csv").code(65);
    let rejects = env.read("bad.csv");
    assert!(rejects.contains("\"Nia\nole@example.org,Ole\n\""), "{rejects}");
}
