//! Schedules and cron: once, on time or not at all, and silent in between.

use std::{fs, os::unix::fs::symlink, process::Stdio};

use super::{
    env::{Env, ISSUE},
    shows,
};
use crate::skip::skipped;

const HOUR: &str = "schedule kazakhstan --at '2026-11-30 07:00' --now 2026-11-23T09:00:00Z";

#[test]
fn cron_sends_a_scheduled_issue_once_and_says_how_it_ended() {
    let env = Env::publication();
    env.postrider("due").code(0).silent();
    assert!(!env.root.join(".postrider").exists(), "a look makes nothing");
    env.postrider(HOUR).code(0);
    env.postrider("due --now 2026-11-30T06:59:59Z").code(0).silent();
    assert!(env.mails().is_empty());
    shows("due", &env.postrider("due --now 2026-11-30T07:00:00Z").code(0).shown());
    assert_eq!(env.mails().len(), 3);
    env.postrider("due --now 2026-11-30T07:05:00Z").code(0).silent();
    env.postrider("due --now 2026-12-07T07:05:00Z").code(0).silent();
    assert_eq!(env.mails().len(), 3);
}

#[test]
fn cron_has_no_environment_and_no_folder() {
    let env = Env::publication();
    env.postrider(HOUR).code(0);
    let line = env.postrider("schedule --cron-line").code(0).out;
    let line = line.lines().last().expect("a line").replace("\\%", "%");
    let command = line.strip_prefix("*/5 * * * * ").expect("every five minutes");
    let output = std::process::Command::new("/usr/bin/env")
        .args(["-i", "/bin/sh", "-c"])
        .arg(format!("{command} --now 2026-11-30T07:01:00Z"))
        .current_dir("/")
        .stdin(Stdio::null())
        .output();
    let said = env.said(output.expect("it runs")).code(0);
    assert!(said.out.contains("is finished") && said.err.is_empty(), "{said:?}");
    assert_eq!(env.mails().len(), 3);
}

#[test]
fn systemd_finds_nothing_wrong_with_its_units() {
    let env = Env::publication();
    env.set("url = \"outbox\"", "url = \"smtps://me@localhost\"\npassword_file = \"the secret\"");
    let said = env.postrider("schedule --systemd units").code(0);
    let [service, timer] =
        ["service", "timer"].map(|kind| env.read(&format!("units/postrider-tt-report.{kind}")));
    let shown = |text: &str| {
        let text = text.replace(env!("CARGO_BIN_EXE_postrider"), "/usr/bin/postrider");
        text.replace(env.root.to_str().expect("UTF-8"), "/srv/tt-report")
    };
    shows(
        "systemd",
        &format!(
            "{}\n{}\n{}",
            said.out.replace(env.root.to_str().expect("UTF-8"), ""),
            shown(&service),
            shown(&timer)
        ),
    );
    let verify = std::process::Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .args(["units/postrider-tt-report.service", "units/postrider-tt-report.timer"])
        .current_dir(&env.root)
        .output();
    match verify {
        Ok(output) => {
            assert_eq!(String::from_utf8_lossy(&output.stderr), "");
            assert!(output.status.success());
        }
        Err(_) => skipped("reading units as systemd does, which needs systemd-analyze"),
    }
}

#[test]
fn a_password_that_systemd_hands_over_is_taken_before_the_file() {
    let env = Env::publication();
    env.set("url = \"outbox\"", "url = \"smtps://me@127.0.0.1:1\"\npassword_file = \"none\"");
    let line = "test kazakhstan --to me@example.org";
    env.postrider(line).code(78).tells("the secret file none cannot be read");
    env.write("handed/relay-password", "from systemd\n");
    let mut command = env.command(line);
    command.env("CREDENTIALS_DIRECTORY", env.root.join("handed"));
    env.said(command.output().expect("it runs")).code(69);
    env.write("handed/relay-password", "\n");
    env.said(command.output().expect("it runs")).code(78).tells("the credential gives no secret");
    // Handed over, and out of reach: that is what is wrong, and not the file.
    fs::remove_file(env.root.join("handed/relay-password")).expect("it is there");
    symlink("relay-password", env.root.join("handed/relay-password")).expect("it can be made");
    env.said(command.output().expect("it runs")).code(78).tells("handed/relay-password cannot");
}

#[test]
fn an_issue_edited_after_it_was_scheduled_is_refused_and_that_is_said_once() {
    let env = Env::publication();
    env.postrider(HOUR).code(0);
    let draft = format!("issues/{ISSUE}/issue.md");
    let text = env.read(&draft);
    env.write(&draft, &format!("{text}\nOne more thing.\n"));
    let now = "--now 2026-11-30T07:01:00Z";
    shows("due_edited", &env.postrider(&format!("due {now}")).code(76).shown());
    env.postrider(&format!("due {now}")).code(76).silent();
    env.postrider(&format!("send kazakhstan --yes {now}")).code(76).tells("was edited since");
    assert!(env.mails().is_empty());
    env.postrider(HOUR).code(0);
    env.postrider(&format!("due {now}")).code(0).tells("is finished");
    assert_eq!(env.mails().len(), 3);
}

#[test]
fn an_issue_found_too_late_is_not_sent_and_that_is_said_once() {
    let env = Env::publication();
    env.postrider(HOUR).code(0);
    let late = "--now 2026-11-30T13:00:01Z";
    shows("due_missed", &env.postrider(&format!("due {late}")).code(76).shown());
    env.postrider(&format!("due {late}")).code(0).silent();
    assert!(env.mails().is_empty());
    shows("status_missed", &env.postrider("status kazakhstan").code(0).shown());
    assert_eq!(env.json("status kazakhstan")["state"], "missed");
    env.postrider("schedule kazakhstan --at '2026-12-07 07:00' --now 2026-12-01T09:00:00Z").code(0);
    env.postrider("due --now 2026-12-07T13:00:00Z").code(0).tells("is finished");
    assert_eq!(env.mails().len(), 3);
}

#[test]
fn an_hour_that_the_clocks_skip_is_the_first_after_it() {
    let env = Env::publication();
    let now = "--now 2026-03-01T00:00:00Z";
    let line = format!("schedule kazakhstan --at '2026-03-29 01:30' {now}");
    env.postrider(&line).code(0).tells("Sun 29 Mar 2026, 02:00 (Europe/London)");
    let line = format!("schedule kazakhstan --at '2026-03-29T02:30[Europe/Berlin]' {now}");
    env.postrider(&line).code(0).tells("Sun 29 Mar 2026, 03:00 (Europe/Berlin)");
    let line = format!("schedule kazakhstan {now}");
    env.postrider(&line).code(0).tells("Mon 2 Mar 2026, 07:00 (Europe/London)");
}

#[test]
fn an_issue_off_the_schedule_is_a_draft_again() {
    let env = Env::publication();
    env.postrider("unschedule kazakhstan").code(76).tells("is a draft");
    env.postrider(HOUR).code(0);
    env.postrider("unschedule kazakhstan").code(0);
    env.postrider("due --now 2026-11-30T07:01:00Z").code(0).silent();
    env.postrider("status kazakhstan").code(0).tells("is a draft");
    env.postrider("send kazakhstan --yes").code(0);
    env.postrider("unschedule kazakhstan").code(76).tells("is finished");
    assert_eq!(env.mails().len(), 3);
}

#[test]
fn a_paused_issue_is_not_due() {
    let env = Env::publication();
    env.postrider(HOUR).code(0);
    env.postrider("pause kazakhstan").code(0);
    env.postrider("due --now 2026-11-30T07:01:00Z").code(0).silent();
    env.postrider("resume kazakhstan").code(0);
    env.postrider("due --now 2026-11-30T07:02:00Z").code(0).tells("is finished");
}

#[test]
fn a_draft_that_broke_after_it_was_scheduled_is_told_once_and_not_sent() {
    let env = Env::publication();
    env.postrider(HOUR).code(0);
    let draft = format!("issues/{ISSUE}/issue.md");
    let text = env.read(&draft);
    env.write(&draft, &format!("{text}\n![gone](gone.png)\n"));
    let now = "--now 2026-11-30T07:01:00Z";
    env.postrider(&format!("due {now}")).code(65).tells("gone.png");
    env.postrider(&format!("due {now}")).code(65).silent();
    std::fs::remove_dir_all(env.root.join("issues")).expect("it is there");
    env.postrider(&format!("due {now}")).code(66).tells("there is no issue");
    env.postrider("status kazakhstan").code(0).tells("scheduled for");
}

#[test]
fn a_crontab_takes_the_line_whatever_the_folder_is_called() {
    let env = Env::empty();
    env.postrider("init '100% of it, at once'").code(0);
    let said = env.postrider("-C '100% of it, at once' schedule --cron-line").code(0);
    assert!(said.out.contains("100\\% of it, at once"), "{said:?}");
}
