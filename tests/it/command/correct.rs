//! `correct`: who gets an erratum, who does not, and what it hangs below.

use serde_json::json;

use super::{
    env::{Env, ISSUE},
    shows,
    trials::Running,
};

const ERRATUM: &str = "2003-10-07-erratum";

/// Five readers; the second was refused, and the list has changed since.
fn sent() -> Env {
    let env = Env::with_readers(5);
    env.postrider("draft erratum --date 2003-10-07").code(0);
    env.write(
        &format!("issues/{ERRATUM}/issue.md"),
        "+++\ndate = 2003-10-07\npreheader = \"The debt is in dollars, and not in tenge as we wrote.\"\n+++\n\n# A correction {credit=\"Own\"}\n\nThe debt is in dollars.\n",
    );
    let relay = Running::scripted(&env, "rcpt to=reader2@ reply 550 5.5.0 not today\n");
    env.postrider("send kazakhstan --yes").code(1).tells("rejected 1");
    env.set(&relay.url, "outbox");
    let (_, sum) = relay.end();
    assert_eq!(sum["kept"], 4);
    env.postrider("subscribers unsubscribe reader3@example.org").code(0);
    env.postrider("subscribers add late@example.org").code(0);
    env
}

fn field<'a>(mail: &'a str, name: &str) -> &'a str {
    let (_, rest) = mail.split_once(&format!("\r\n{name}: ")).expect(name);
    rest.split("\r\n").next().expect("an end")
}

#[test]
fn a_correction_goes_below_the_first_to_exactly_those_who_got_it() {
    let env = sent();
    let firsts: Vec<String> = std::fs::read_dir(env.root.join("box/new"))
        .expect("it kept mail")
        .map(|file| std::fs::read_to_string(file.expect("a mail").path()).expect("text"))
        .collect();
    shows("correct_unasked", &env.postrider("correct kazakhstan --with erratum").code(2).shown());
    env.postrider("correct kazakhstan --with erratum --confirm 4").code(76);
    assert!(env.mails().is_empty());
    env.postrider("correct kazakhstan --with erratum --confirm 3 --limit 1").code(75);
    shows("plan_correction", &env.postrider("plan erratum").code(0).shown());
    shows("correct", &env.postrider("correct kazakhstan --with erratum").code(0).shown());
    env.postrider("send erratum").code(0).tells("nothing was left to send");

    let mails = env.mails();
    let mut to: Vec<_> = mails.iter().map(|mail| field(mail, "Delivered-To")).collect();
    to.sort_unstable();
    assert_eq!(to, ["reader1@example.org", "reader4@example.org", "reader5@example.org"]);
    for mail in &mails {
        let reader = field(mail, "Delivered-To");
        let first = firsts.iter().find(|first| field(first, "Delivered-To") == reader);
        let first = field(first.expect("they got the first"), "Message-ID");
        assert_eq!((field(mail, "In-Reply-To"), field(mail, "References")), (first, first));
        assert_ne!(field(mail, "Message-ID"), first);
    }
    assert!(firsts.iter().all(|first| !first.contains("In-Reply-To")));
    let account = env.json("status erratum");
    assert_eq!(account["corrects"], ISSUE);
    assert_eq!(
        (&account["planned"], &account["accepted"], &account["suppressed"]),
        (&json!(6), &json!(3), &json!(3))
    );
    let excluded = &env.json("plan erratum")["excluded"];
    assert_eq!(*excluded, json!({ "unsubscribed": 1, "did not get the issue it corrects": 2 }));
    shows("status_corrected", &env.postrider("status").code(0).shown());
}

#[test]
fn what_cannot_be_corrected_is_refused() {
    let env = Env::with_readers(3);
    env.postrider("draft erratum --date 2003-10-07 --like kazakhstan").code(0);
    let early = env.postrider("correct kazakhstan --with erratum --yes").code(76);
    shows("correct_early", &early.shown());
    env.postrider("correct kazakhstan --with kazakhstan --yes").code(2).tells("correct itself");
    env.postrider("correct nothing --with erratum --yes").code(66);
    env.postrider("correct kazakhstan --with nothing --yes").code(66);
    env.postrider("send kazakhstan --yes --limit 1").code(75);
    let halfway = env.postrider("correct kazakhstan --with erratum --yes").code(0);
    shows("correct_halfway", &halfway.shown());
    assert_eq!(env.mails().len(), 2);
    env.postrider("draft another --date 2003-10-08 --like kazakhstan").code(0);
    env.postrider("send another --yes --limit 1").code(75);
    env.postrider("correct kazakhstan --with another --yes")
        .code(76)
        .tells("was sent as an issue of its own");
    env.postrider("correct another --with erratum --yes")
        .code(76)
        .tells(&format!("{ERRATUM} corrects {ISSUE}, and nothing else"));
    assert_eq!(env.mails().len(), 3);
}
