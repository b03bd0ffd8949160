//! What goes wrong before anything is sent: each a clear error with its exit code, and nothing half done.

use std::{fs, os::unix::fs::symlink};

use super::{
    env::{Env, ISSUE},
    shows,
};

/// Mistakes of `publication.toml`: what is written instead of what.
const SETTINGS: [(&str, &str, &str); 4] = [
    ("unknown_key", "tagline = ", "taglien = "),
    ("no_postal_address", "postal_address = ", "# postal_address = "),
    ("plain_link", "privacy = \"https:", "privacy = \"http:"),
    ("no_toml", "[links]", "[links"),
];

/// A draft with ten mistakes.
const TEN: &str = r#"+++
titel = "Georgia"
date = "soon"
+++

# [Nowhere]()

Dear {{ nmae }}, and {{ company | defualt: "you" }}.

![A chart](missing.png){widht=520}

[Plain](http://example.org) and [local](../secret.txt).

<script>alert(1)</script>
"#;

#[test]
fn outside_of_a_publication_every_command_says_how_to_make_one() {
    let env = Env::empty();
    for line in [
        "status",
        "check",
        "due",
        "send x --yes",
        "plan x",
        "subscribers list",
        "log a@example.org",
        "schedule x",
        "ledger accept-rollback",
        "draft x",
    ] {
        env.postrider(line).code(66).tells("`postrider init DIR` makes a publication");
    }
    shows("no_publication", &env.postrider("status").shown());
    shows("no_publication_there", &env.postrider("-C nowhere status").shown());
}

#[test]
fn a_publication_is_found_upwards_and_by_its_path() {
    let env = Env::publication();
    let inside = env.root.join("issues").join(ISSUE);
    let output = env.command("status").current_dir(&inside).output().expect("it runs");
    env.said(output).code(0).tells("2003-10-06-kazakhstan  draft");
    let root = env.root.display().to_string();
    let output = env.command(&format!("-C {root} status")).current_dir("/").output();
    env.said(output.expect("it runs")).code(0).tells("draft");
    let output = env.command("status").current_dir("/").env("POSTRIDER_PUBLICATION", root).output();
    env.said(output.expect("it runs")).code(0).tells("draft");
}

#[test]
fn a_mistake_in_the_configuration_is_told_with_its_place() {
    for (name, from, to) in SETTINGS {
        let env = Env::publication();
        env.set(from, to);
        for line in ["status", "send kazakhstan --yes", "due", "check"] {
            env.postrider(line).code(78);
        }
        shows(&format!("config_{name}"), &env.postrider("status").shown());
        assert!(!env.root.join(".postrider").exists());
    }
}

#[test]
fn all_mistakes_of_a_draft_are_told_at_once_and_nothing_is_done() {
    let env = Env::publication();
    env.write("issues/2026-12-07-georgia/issue.md", TEN);
    let checked = env.postrider("check georgia").code(1);
    shows("ten_mistakes", &checked.shown());
    let problems = env.json("check georgia");
    let errors = problems
        .as_array()
        .expect("a list")
        .iter()
        .filter(|problem| problem["severity"] == "error")
        .count();
    assert!(errors >= 10, "{errors}: {problems:#}");
    for line in [
        "render georgia",
        "plan georgia",
        "send georgia --yes",
        "schedule georgia",
        "test georgia --to me@example.org",
    ] {
        let said = env.postrider(line).code(65).tells(&format!("has {errors} mistakes"));
        assert_eq!(said.err.matches("error[").count(), errors, "{line}");
    }
    assert!(env.mails().is_empty());
    env.postrider("status georgia").code(0).tells("is a draft");
}

#[test]
fn a_draft_that_is_no_text_or_far_too_long_is_refused_by_every_command() {
    let env = Env::publication();
    let issue = env.root.join("issues/2026-12-07-oil");
    fs::create_dir(&issue).expect("a folder");
    let head = b"+++\ndate = 2026-12-07\n+++\n\n# Oil\n\n".to_vec();
    for (body, told) in [
        (
            b"\x89PNG\r\n\x1a\n\xff\xfe\0".to_vec(),
            "a letter that cannot be read: the file is not UTF-8 text",
        ),
        (b"word ".repeat(1_000_000), "the draft has 5.1 MB, more than 500 kB"),
        (b"word ".repeat(4_000_000), "the draft is too large to read"),
        (b"\0".repeat(100_000), "a hidden character, U+0000"),
    ] {
        fs::write(issue.join("issue.md"), [head.clone(), body].concat()).expect("a file");
        for command in ["render oil", "plan oil", "send oil --yes"] {
            env.postrider(command).code(65).tells(told);
        }
    }
    assert!(env.mails().is_empty());
}

#[test]
fn a_picture_is_read_from_the_issues_own_folder_and_lies_beside_the_rendered_page() {
    let env = Env::publication();
    let draft = |name: &str| {
        format!("+++\ndate = 2026-12-07\n+++\n\n# Oil {{credit=\"Own\"}}\n\n![A line]({name})\n")
    };
    let write = |name: &str| env.write("issues/2026-12-07-oil/issue.md", &draft(name));
    write("maps/btc.png");
    let picture = include_bytes!("../../fixtures/beside/btc.png");
    let folder = env.root.join("issues/2026-12-07-oil");
    fs::create_dir(folder.join("maps")).expect("a folder");
    fs::write(folder.join("maps/btc.png"), picture).expect("a file");
    fs::write(env.root.join("outside.png"), picture).expect("a file");
    symlink("../../outside.png", folder.join("link.png")).expect("a link");
    symlink("../..", folder.join("up")).expect("a link");

    env.postrider("render oil").code(0);
    let rendered = folder.join("rendered");
    assert_eq!(fs::read(rendered.join("btc.png")).expect("it is there"), picture);
    let page = fs::read_to_string(rendered.join("issue.html")).expect("it is there");
    assert!(page.contains("src=\"btc.png\" alt=\"A line\" width=\"528\" height=\"305\""), "{page}");

    for (name, told) in [
        ("link.png", "`link.png` is a symbolic link"),
        ("up/outside.png", "there is no file `up/outside.png` beside the draft"),
        ("../../outside.png", "`../../outside.png` is outside the issue's folder"),
        ("maps", "there is no file `maps` beside the draft"),
    ] {
        write(name);
        env.postrider("check oil").code(1).tells(told);
    }
}

#[test]
fn an_issue_that_is_not_there_is_told_with_what_was_meant() {
    let env = Env::publication();
    env.write("issues/2026-12-07-kazan/issue.md", &env.read(&format!("issues/{ISSUE}/issue.md")));
    for (name, line) in [
        ("misspelt", "plan kazahkstan"),
        ("unknown", "plan nothing-like-it"),
        ("ambiguous", "plan kaza"),
    ] {
        shows(&format!("issue_{name}"), &env.postrider(line).code(66).shown());
    }
    env.postrider("plan kazakh").code(0);
    env.postrider(&format!("plan issues/{ISSUE}/issue.md")).code(0);
    let none = Env::publication();
    std::fs::remove_dir_all(none.root.join("issues")).expect("it is there");
    none.postrider("plan x").code(66).tells("`postrider draft SLUG` makes one");
    none.postrider("status").code(0).tells("there is no issue yet");
    none.postrider("check").code(0).tells("there is no issue to check");
}

#[test]
fn a_list_that_nobody_can_be_mailed_by_sends_nothing() {
    for (name, list) in [
        ("empty", "email,name\n"),
        ("all_left", "email,status\na@example.org,unsubscribed\nb@example.org,pending\n"),
        ("no_address_column", "name,company\nAnna,ACME\n"),
        ("unclosed", "email,name\na@example.org,\"Anna\nb@example.org,Bolat\n"),
        ("no_file", ""),
    ] {
        let env = Env::with_list(list);
        let code = if list.is_empty() { 66 } else { 65 };
        if list.is_empty() {
            std::fs::remove_file(env.root.join("subscribers.csv")).expect("it is there");
        }
        let sent = env.postrider("send kazakhstan --yes").code(code);
        shows(&format!("list_{name}"), &sent.shown());
        env.postrider("plan kazakhstan").code(code);
        assert!(env.mails().is_empty(), "{name}");
        env.postrider("status kazakhstan").code(0).tells("is a draft");
    }
}

#[test]
fn rows_that_are_not_plain_are_named_by_line_and_the_others_are_served() {
    let env = Env::with_list(
        "email,name,status\n\
         anna@example.org,\"An\rna\",active\n\
         not an address,A Slip,active\n\
         Anna@example.org,Twice,active\n\
         bolat@example.com,Bolat,active\n\
         left@example.net,Left,unsubscribed\n\
         odd@example.net,Odd,perhaps\n",
    );
    let sent = env.postrider("send kazakhstan --yes").code(0);
    shows("list_rows", &sent.shown());
    assert_eq!(env.mails().len(), 2);
    let anna = env.json("subscribers show anna@example.org");
    assert_eq!(anna["name"], "An na");
}

#[test]
fn an_hour_that_cannot_be_is_refused() {
    let env = Env::publication();
    for (name, line) in [
        ("past", "schedule kazakhstan --at '2026-11-20 07:00' --now 2026-11-20T09:00:00Z"),
        ("no_hour", "schedule kazakhstan --at tomorrow"),
        ("no_zone", "schedule kazakhstan --at '2027-11-20T07:00[Mars/Olympus]'"),
        ("no_length", "schedule kazakhstan --max-late soon"),
        ("no_now", "schedule kazakhstan --now yesterday"),
        ("no_date", "draft x --date 2026-02-30"),
        ("no_address", "subscribers add anna"),
        ("no_field", "subscribers add anna@example.org --field company"),
        ("no_state", "subscribers list --state gone"),
    ] {
        shows(&format!("refused_{name}"), &env.postrider(line).code(2).shown());
    }
}

#[test]
fn nothing_is_written_over() {
    let env = Env::publication();
    shows("init_again", &env.postrider("init .").code(76).shown());
    shows("demo_elsewhere", &env.postrider("demo issues").code(76).shown());
    env.postrider("draft georgia --date 2026-12-07").code(0);
    shows("draft_again", &env.postrider("draft georgia --date 2026-12-07").code(76).shown());
    env.postrider("ledger backup x").code(66).tells("there is no ledger yet");
    env.postrider("send kazakhstan --yes").code(0);
    env.postrider("ledger backup copy.sqlite").code(0);
    let again = env.postrider("ledger backup copy.sqlite");
    assert_ne!(again.code, 0, "{again:?}");
}
