//! What people and scripts read when all is well.

use super::{
    env::{Env, ISSUE, document},
    shows,
};

#[test]
fn the_first_issue_from_an_empty_folder_to_every_reader() {
    let env = Env::empty();
    shows("init", &env.postrider("init tt").code(0).shown());
    let env = Env::publication();
    for (name, line) in [
        ("status_draft", "status kazakhstan"),
        ("check", "check"),
        ("render", "render kazakhstan"),
        ("plan", "plan kazakhstan"),
        ("test", "test kazakhstan --to me@example.org"),
        ("send", "send kazakhstan --yes"),
        ("send_again", "send kazakhstan --yes"),
        ("plan_sent", "plan kazakhstan"),
        ("status", "status kazakhstan"),
        ("overview", "status"),
        ("left", "status kazakhstan --left"),
        ("subscribers_list", "subscribers list"),
        ("subscribers_show", "subscribers show anna@example.org"),
        ("log", "log anna@example.org"),
        ("log_nobody", "log nobody@example.org"),
        ("draft", "draft georgia --date 2026-12-07"),
        ("schedule", "schedule georgia --at '2026-12-07 07:00' --now 2026-12-01T00:00:00Z"),
        ("status_scheduled", "status georgia"),
        ("pause_scheduled", "pause georgia"),
        ("resume_scheduled", "resume georgia"),
        ("unschedule", "unschedule georgia"),
        ("backup", "ledger backup copy.sqlite"),
        ("accept_rollback", "ledger accept-rollback --yes"),
    ] {
        let said = env.postrider(line).code(0);
        for line in said.out.lines().chain(said.err.lines()) {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
        shows(&format!("words_{name}"), &said.shown());
    }
}

#[test]
fn the_same_for_scripts() {
    let env = Env::publication();
    for (name, line) in [
        ("check", "check"),
        ("render", "render kazakhstan"),
        ("status_draft", "status kazakhstan"),
        ("plan", "plan kazakhstan"),
        ("test", "test kazakhstan --to me@example.org"),
        ("send", "send kazakhstan --yes"),
        ("send_again", "send kazakhstan --yes"),
        ("status", "status kazakhstan"),
        ("overview", "status"),
        ("subscribers_show", "subscribers show anna@example.org"),
        (
            "subscribers_add",
            "subscribers add new@example.org --name New --tag a --field company=ACME",
        ),
        ("subscribers_unsubscribe", "subscribers unsubscribe new@example.org"),
        ("subscribers_suppress", "subscribers suppress never@example.org"),
        ("log", "log anna@example.org"),
        ("draft", "draft georgia --date 2026-12-07"),
        ("schedule", "schedule georgia --at '2026-12-07 07:00' --now 2026-12-01T00:00:00Z"),
        ("pause", "pause georgia"),
        ("resume", "resume georgia"),
        ("unschedule", "unschedule georgia"),
        ("cron_line", "schedule --cron-line"),
    ] {
        shows(&format!("json_{name}"), &document(env.json(line)));
    }
    let lines = env.postrider("subscribers list --json").code(0).out;
    let people: Vec<_> = lines
        .lines()
        .map(|line| document(serde_json::from_str(line).expect("an object a line")))
        .collect();
    shows("json_subscribers_list", &people.join("\n"));
    shows("json_init", &document(Env::empty().json("init tt")));
}

#[test]
fn documents_have_the_keys_scripts_rely_on_in_the_order_they_are_promised() {
    let env = Env::publication();
    let keys = |line: &str| -> Vec<String> {
        let text = env.postrider(&format!("{line} --json")).out;
        let mut keys = Vec::new();
        for piece in text.split("\",\"").flat_map(|piece| piece.split([',', '{'])) {
            if let Some((key, _)) = piece.split_once("\":") {
                keys.push(key.trim_start_matches('"').to_owned());
            }
        }
        keys
    };
    let account = [
        "issue",
        "digest",
        "state",
        "planned",
        "accepted",
        "rejected",
        "deferred",
        "in_doubt",
        "suppressed",
        "expired",
        "cancelled",
        "remaining",
        "seconds",
        "deliveries_per_second",
    ];
    assert_eq!(
        keys("plan kazakhstan"),
        [
            "issue",
            "digest",
            "recipients",
            "excluded",
            "largest_copy_bytes",
            "starts",
            "ends",
            "rate",
            "problems"
        ]
    );
    assert_eq!(keys("status kazakhstan"), account);
    assert_eq!(keys("send kazakhstan --yes"), account);
    assert_eq!(keys("status kazakhstan"), account);
    assert_eq!(
        keys("subscribers import subscribers.csv"),
        [
            "files",
            "file",
            "format",
            "encoding",
            "delimiter",
            "read",
            "added",
            "updated",
            "unchanged",
            "skipped",
            "unsubscribed",
            "bounced",
            "complained",
            "pending",
            "blocked"
        ]
    );
    assert_eq!(keys("subscribers list")[..5], ["address", "name", "state", "tags", "fields"]);
}

#[test]
fn render_shows_the_issue_as_any_reader_has_it() {
    let env = Env::publication();
    env.postrider("render kazakhstan --as bolat@example.com --out look").code(0);
    let text = env.read("look/issue.txt");
    assert!(text.contains("Болат"), "{text}");
    assert!(env.read("look/issue.eml").contains("To: "));
    env.postrider("render kazakhstan --as stranger@example.org")
        .code(66)
        .tells("stranger@example.org is not on the list");
    env.postrider("render kazakhstan").code(0);
    assert!(env.read(&format!("issues/{ISSUE}/rendered/issue.html")).starts_with("<!"));
}

#[test]
fn the_demo_delivers_and_a_second_one_says_so_and_mails_nobody() {
    let mut env = Env::empty();
    shows("demo", &env.postrider("demo tt").code(0).shown());
    let again = env.postrider("demo tt").code(0);
    shows("demo_again", &again.shown());
    let account = env.json("demo tt");
    assert_eq!((&account["accepted"], &account["state"]), (&13.into(), &"finished".into()));
    env.root = env.root.join("tt");
    assert_eq!(env.mails().len(), 13);
}
