//! How fast: what a plan foretells, who is paused and what is said of it, the first few before the rest, and watching.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use postrider::outbox::{Keep, Outbox, OutboxSettings};
use serde_json::json;

use super::{
    env::{Env, ISSUE},
    shows,
    stopped::signal,
};
use crate::skip::skipped;

fn scripted(script: &str, keep: Keep) -> Outbox {
    let script = script.parse().expect("a script");
    Outbox::start(OutboxSettings { script, ..OutboxSettings::new(keep) }).expect("a relay")
}

fn through(relay: &Outbox, env: Env) -> Env {
    env.relay(&format!("smtp://127.0.0.1:{}?tls=none", relay.address().port()))
}

/// So many readers at each domain.
fn at(domains: &[(&str, usize)]) -> Env {
    let lines = domains
        .iter()
        .flat_map(|(domain, count)| (1..=*count).map(move |n| format!("reader{n}@{domain}\n")));
    Env::with_list(&format!("email\n{}", lines.collect::<String>()))
}

#[test]
fn a_plan_counts_what_was_used_and_who_waits_for_whom() {
    let env = at(&[("gmail.com", 5), ("example.org", 4), ("googlemail.com", 2)]);
    env.set("rate = [\"2000/s\"]", "rate = [\"1000/s\", \"8/day\"]");
    env.set("[list]", "[relay.domains.\"gmail.com\"]\nrate = [\"3/hour\"]\n[list]");
    let plan = env.postrider("plan kazakhstan").code(0);
    plan.tells("to gmail      3/hour, for 7 readers")
        .tells("takes         about 24 h 0 min, until");
    env.postrider("send kazakhstan --yes --limit 3").code(75);
    let plan = env.postrider("plan kazakhstan").code(0);
    let plan = plan.tells("rate          1000/s, 8/day (3 used)");
    plan.tells("8 left of 11").tells("nothing was written");
    let takes_a_day = takes(&env);
    assert!((86_000..=86_403).contains(&takes_a_day), "{takes_a_day}");
    env.set("8/day", "80/day");
    let sent = env.postrider("send kazakhstan").code(75);
    assert!(sent.out.contains("the rate is used up for now; it goes on at"), "{sent:?}");
    assert_eq!(env.mails().len(), 7, "four of example.org, and three of gmail's two domains");
    let takes = takes(&env);
    assert!((3_500..=7_206).contains(&takes), "{takes}");
}

/// How many seconds an issue takes, as its plan has it.
fn takes(env: &Env) -> i64 {
    let plan = env.json("plan kazakhstan");
    let [starts, ends] = ["starts", "ends"].map(|key| {
        let at: jiff::Timestamp = plan[key].as_str().expect("a time").parse().expect("one");
        at.as_second()
    });
    ends - starts
}

#[test]
fn a_plan_knows_that_a_warm_up_grows() {
    let env = at(&[("example.org", 60)]);
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let warm_up = format!("warm_up = {{ from = \"20/day\", since = \"{today}\" }}\n[list]");
    env.set("[list]", &warm_up);
    // 20 today, 20 more from midnight on, and the last when the first are a day old: not after two days.
    let takes = takes(&env);
    assert!((80_000..=86_410).contains(&takes), "{takes}");
}

#[test]
fn no_end_is_promised_on_a_terminal_that_the_rates_do_not_allow() {
    let env = at(&[("example.org", 60)]);
    env.set("rate = [\"2000/s\"]", "rate = [\"30/s\", \"40/day\"]");
    let on_a_terminal = |line| env.on_a_terminal(line, 120);
    let Some(mut sending) = on_a_terminal("send kazakhstan --yes") else {
        return skipped("what stands on a terminal while an issue is sent, without script");
    };
    let sent = sending.output().expect("it runs");
    let seen = String::from_utf8_lossy(&sent.stdout);
    assert_eq!(env.mails().len(), 40, "{seen}");
    // A quota's day is over three seconds later than a day.
    let is_a_day = |shown: &str, before: &str| {
        let ends = ["23 h 59 min", "24 h 0 min"];
        ends.iter().any(|end| shown.contains(&format!("{before}{end} left, until ")))
    };
    assert!(is_a_day(&seen, "/s  "), "{seen}");
    assert!(!seen.contains(" s left"), "{seen}");

    let watching = on_a_terminal("status --watch").expect("it was there before").spawn();
    let mut watching = watching.expect("it starts");
    let mut screen = BufReader::new(watching.stdout.take().expect("a pipe")).lines();
    let told = screen.find_map(|line| line.ok().filter(|line| line.contains(" until ")));
    watching.kill().expect("it is killed");
    watching.wait().expect("it ends");
    let told = told.expect("a line of when it goes on");
    assert!(told.contains("the rate is used up until "), "{told}");

    env.postrider("cancel kazakhstan --yes").code(0);
    let over = on_a_terminal("status kazakhstan --watch").expect("it was there before").output();
    let over = over.expect("it runs");
    let seen = String::from_utf8_lossy(&over.stdout);
    assert!(seen.contains("40 of 60 accepted, 20 cancelled"), "{seen}");
    assert!(!seen.contains("/s now"), "what is over goes at no pace: {seen}");
}

#[test]
fn the_line_of_a_send_is_as_wide_as_its_terminal() {
    for columns in [72, 80, 120] {
        let env = at(&[("example.org", 12)]);
        // An end of another day takes the most room.
        env.set("rate = [\"2000/s\"]", "rate = [\"30/s\", \"10/day\"]");
        let Some(mut sending) = env.on_a_terminal("send kazakhstan --yes", columns) else {
            return skipped("what stands on a terminal while an issue is sent, without script");
        };
        let seen = sending.output().expect("it runs").stdout;
        let seen = String::from_utf8(seen).expect("UTF-8");
        let drawn: Vec<String> = seen
            .split("\r\x1b[2K")
            .map(without_colours)
            .filter(|line| line.contains(" of 12  "))
            .collect();
        assert!(drawn.iter().any(|line| line.contains("left, until ")), "{seen}");
        for line in drawn {
            assert_eq!(line.chars().count(), columns, "{line:?}");
            assert!(line.starts_with("  ━") || line.starts_with("  ╸") || line.starts_with("  ─"));
        }
    }
}

/// Takes out what sets colours.
fn without_colours(text: &str) -> String {
    let mut pieces = text.split("\x1b[");
    let first = pieces.next().unwrap_or_default();
    let rest = pieces.map(|piece| piece.split_once('m').map_or(piece, |(_, after)| after));
    std::iter::once(first).chain(rest).collect()
}

#[test]
fn the_status_says_until_when_those_who_are_left_wait() {
    let relay = scripted("rcpt 3 reply 450 4.2.1 later", Keep::Count);
    let env = through(&relay, Env::with_readers(6));
    env.set("rate = [\"2000/s\"]", "rate = [\"1000/s\", \"4/day\"]");
    env.postrider("send kazakhstan --yes").code(75);
    let status = env.postrider("status kazakhstan").code(0);
    status.tells("who is deferred is tried again from").tells("the rate is used up until");
    env.set("4/day", "40/day");
    let status = env.postrider("status kazakhstan").code(0);
    let status = status.tells("who is deferred is tried again from");
    assert!(!status.out.contains("used up"), "{status:?}");
}

#[test]
fn a_test_takes_its_place_in_the_rates_and_is_told_when_there_is_none() {
    let env = at(&[("example.org", 4)]);
    env.set("rate = [\"2000/s\"]", "rate = [\"1000/s\", \"3/day\"]");
    env.set("[list]", "[relay.domains.\"gmail.com\"]\nrate = [\"1/day\"]\n[list]");
    env.postrider("test kazakhstan --to me@gmail.com").code(0);
    let said = env.postrider("test kazakhstan --to me@googlemail.com").code(75);
    said.tells("the rate is used up until");
    env.postrider("test kazakhstan --to me@example.org").code(0);
    env.postrider("plan kazakhstan").code(0).tells("3/day (2 used)");
    env.postrider("send kazakhstan --yes").code(75).tells("the rate is used up for now");
    env.postrider("test kazakhstan --to me@example.org").code(75);
    assert_eq!(env.mails().len(), 3, "one reader, after two tests");
}

#[test]
fn a_test_without_rates_makes_no_ledger() {
    let env = at(&[("example.org", 4)]);
    env.set("rate = [\"2000/s\"]", "rate = []");
    env.postrider("test kazakhstan --to me@example.org").code(0);
    assert!(!env.root.join(".postrider/ledger.sqlite").exists());
}

#[test]
fn a_quota_that_is_used_up_is_told_by_whoever_is_asked() {
    let env = at(&[("example.org", 4), ("gmail.com", 2)]);
    env.set("rate = [\"2000/s\"]", "rate = [\"1000/s\", \"40/day\"]");
    env.set("[list]", "[relay.domains.\"gmail.com\"]\nrate = [\"1/day\"]\n[list]");
    let plan = env.json("plan kazakhstan");
    assert!(plan["used_up"].is_null(), "{plan}");
    env.postrider("send kazakhstan --yes").code(75);

    for line in ["status", "status kazakhstan", "plan kazakhstan"] {
        let said = env.postrider(line).code(0).tells("the rate to gmail is used up until");
        assert!(!said.out.contains("the rate is used up"), "{said:?}");
    }
    let all = env.json("status");
    for document in
        [&all["issues"][0], &env.json("status kazakhstan"), &env.json("plan kazakhstan")]
    {
        let used_up = document["used_up"].as_array().expect("a list");
        assert_eq!(used_up.len(), 1, "{document}");
        assert_eq!(used_up[0]["provider"], "gmail");
        assert!(used_up[0]["until"].is_string(), "{document}");
    }

    // The relay's own holds for everybody, and for longer.
    env.set("40/day", "1/day");
    env.postrider("status").code(0).tells("the rate is used up until");
    let used_up = env.json("status kazakhstan")["used_up"].take();
    assert_eq!(
        (used_up.as_array().map(Vec::len), &used_up[0]["provider"]),
        (Some(1), &json!(null))
    );

    env.postrider("cancel kazakhstan --yes").code(0);
    let said = env.postrider("status kazakhstan").code(0);
    assert!(!said.out.contains("used up"), "nobody waits for it: {said:?}");
}

#[test]
fn a_run_that_waits_stays_where_a_quota_is_used_up_until_it_is_told_to_end() {
    let env = at(&[("example.org", 6)]);
    env.set("rate = [\"2000/s\"]", "rate = [\"1000/s\", \"4/day\"]");
    let mut waiting = env
        .command("send kazakhstan --yes --wait")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut told = BufReader::new(waiting.stderr.take().expect("a pipe")).lines();
    let waits = told.find_map(|line| line.ok().filter(|line| line.ends_with("; this waits")));
    let waits = waits.expect("it says that it waits");
    assert!(waits.contains("the rate is used up for now; it goes on at"), "{waits}");
    assert!(waiting.try_wait().expect("it can be asked").is_none(), "it ended");
    signal(waiting.id(), "TERM");
    let said = env.said(waiting.wait_with_output().expect("it ends")).code(75);
    said.tells("accepted           4").tells("remaining          2");
    assert_eq!(env.mails().len(), 4);
}

#[test]
fn without_a_rate_a_plan_promises_nothing() {
    let env = Env::publication();
    env.set("rate = [\"2000/s\"]", "rate = []");
    let plan = env.postrider("plan kazakhstan").code(0);
    plan.tells("rate          no limit").tells("takes         as long as the relay does");
}

#[test]
fn a_paused_provider_is_told_with_its_hour_and_resume_lets_it_go_on() {
    let relay = scripted("dot 1 to=@gmail.com reply 550 5.7.27 no SPF", Keep::Count);
    let env = through(&relay, at(&[("gmail.com", 5), ("example.org", 3)]));
    // Over two, the second reader may be refused only after the person's word, on a machine that is busy.
    env.set("connections = 2", "connections = 1");
    let sent = env.postrider("send kazakhstan --yes").code(75);
    let sent = sent.tells("gmail is paused: our SPF record is missing or wrong: 550 5.7.27 no SPF");
    sent.tells("accepted           3").tells("remaining          5");
    let status = env.postrider("status kazakhstan").code(0);
    status.tells("paused until").tells("gmail, which said our SPF record is missing or wrong");
    env.postrider("due").code(75).silent();
    let plan = env.postrider("plan kazakhstan").code(0);
    plan.tells("held back     paused until");
    let resumed = env.postrider("resume kazakhstan").code(0);
    resumed.tells("no longer paused until").tells("gmail");
    env.postrider("send kazakhstan").code(0).tells("accepted           8");
    assert_eq!(relay.accepted(), 8);
}

#[test]
fn the_first_few_get_it_and_the_rest_wait_for_a_persons_word() {
    let env = Env::with_readers(7);
    shows("canary", &env.postrider("send kazakhstan --yes --canary 2").code(75).shown());
    assert_eq!(env.mails().len(), 2);
    env.postrider("due").code(0).silent();
    env.postrider("send kazakhstan").code(75).tells("is paused: the first readers have it");
    assert_eq!(env.mails().len(), 2);
    env.postrider("resume kazakhstan").code(0);
    env.postrider("send kazakhstan --canary 9").code(0).tells("is finished");
    assert_eq!(env.mails().len(), 7);
    env.postrider("send kazakhstan --canary 2 --limit 2").code(2);
    env.postrider("send kazakhstan --canary 0").code(2);
}

#[test]
fn a_sender_killed_among_the_first_few_does_not_let_cron_mail_the_rest() {
    let env = Env::with_readers(60);
    env.set("rate = [\"2000/s\"]", "rate = [\"20/s\"]");
    let mut child = env
        .command("send kazakhstan --yes --canary 50")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let begun = Instant::now();
    while env.mails().len() < 3 && begun.elapsed() < Duration::from_secs(30) {
        thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
    let met = env.mails().len();
    assert!((3..40).contains(&met), "{met}");
    env.postrider("due").code(75);
    env.postrider("due").code(0).silent();
    let status = env.postrider("status kazakhstan").code(0);
    status.tells("paused: it was stopped among the first readers of --canary");
    assert_eq!(env.mails().len(), met);
}

#[test]
fn watching_tells_each_change_and_ends_with_the_issue() {
    let env = Env::with_readers(30);
    env.postrider("status --watch").code(0).tells("nothing is being sent");
    let mut early = env.command("status kazakhstan --watch");
    let early = early.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    env.set("rate = [\"2000/s\"]", "rate = [\"25/s\"]");
    let mut child = env
        .command("send kazakhstan --yes")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    while env.mails().is_empty() {
        thread::sleep(Duration::from_millis(10));
    }
    let watched = env.postrider("status --watch").code(0);
    assert!(child.wait().expect("it ends").success());
    let lines: Vec<&str> = watched.out.lines().collect();
    assert!(lines.len() >= 2, "{lines:?}");
    assert!(lines[0].starts_with(&format!("{ISSUE} is sending: ")), "{lines:?}");
    let last = format!("{ISSUE} is finished: 30 of 30 accepted");
    assert_eq!(lines.last(), Some(&last.as_str()));
    let early = env.said(early.wait_with_output().expect("it ends"));
    let early = early.tells("is a draft; this waits until somebody sends it");
    assert_eq!(early.out.lines().last(), Some(last.as_str()), "{early:?}");
    let json = env.json("status kazakhstan --watch");
    assert_eq!((&json["state"], &json["accepted"]), (&"finished".into(), &30.into()));
}

#[test]
fn watching_says_when_nobody_sends_and_goes_on() {
    let env = Env::with_readers(8);
    env.postrider("send kazakhstan --yes --limit 3").code(75);
    let nobody = format!("{ISSUE} is not finished, and nobody is sending it now: 3 of 8 accepted");
    let watch = |mut command: std::process::Command| {
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut watching = command.spawn().expect("it starts");
        let mut screen = BufReader::new(watching.stdout.take().expect("a pipe")).lines();
        let first = screen.next().expect("a line").expect("it is UTF-8");
        (watching, screen, first)
    };
    let Some(terminal) = env.on_a_terminal("status --watch", 120) else {
        return skipped("what stands on a terminal while nobody sends, without script");
    };
    let (mut drawn, mut screen, first) = watch(terminal);
    // On a terminal the line is broken before its last words.
    let drawn_nobody = nobody.trim_end_matches(" accepted");
    assert!(first.contains(drawn_nobody), "{first}");
    assert_eq!(screen.next().expect("a line").expect("it is UTF-8").trim(), "accepted, 5 left");
    // No pace stands below it: the next line is the next look's first.
    let again = screen.next().expect("a line").expect("it is UTF-8");
    assert!(again.contains(drawn_nobody), "{again}");
    let (mut piped, lines, first) = watch(env.command("status --watch"));
    assert!(first.starts_with(&nobody), "{first}");
    env.postrider("send kazakhstan").code(0);
    let last = format!("{ISSUE} is finished: 8 of 8 accepted");
    let rest: Vec<String> = lines.map(|line| line.expect("it is UTF-8")).collect();
    assert_eq!(rest.last(), Some(&last), "{rest:?}");
    let drawn_last = screen.last().expect("a line").expect("it is UTF-8");
    assert!(drawn_last.contains(&last), "{drawn_last}");
    for watching in [&mut drawn, &mut piped] {
        assert!(watching.wait().expect("it ends").success());
    }
}

#[test]
fn a_message_that_is_sent_again_is_the_same_byte_for_byte() {
    let relay = scripted("dot 1 accept-then-close", Keep::Memory);
    let env = through(&relay, Env::with_readers(1));
    env.postrider("send kazakhstan --yes").code(1).tells("RFC 1047");
    env.postrider("resolve kazakhstan --all --resend").code(0);
    env.postrider("send kazakhstan").code(0);
    let letters = relay.letters();
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[0].bytes, letters[1].bytes);
}
