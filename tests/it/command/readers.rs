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
