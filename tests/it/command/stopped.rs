//! Runs that are stopped: by a signal, by death at any moment, by a full disk. Then the mail is counted.

use std::{
    collections::{HashMap, HashSet},
    fs,
    io::{self, Write},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use postrider::outbox::{Keep, Outbox, OutboxSettings};
use serde_json::Value;

use super::{
    env::{Env, Said},
    shows,
};
use crate::{postfix::postfix, skip::skipped};

const READERS: usize = 200;
const CONNECTIONS: u64 = 2;

/// Sends a signal by its name.
pub(crate) fn signal(process: u32, name: &str) {
    let line = format!("kill -{name} {process}");
    let status = Command::new("/bin/sh").args(["-c", &line]).status().expect("a shell");
    assert!(status.success(), "{line}");
}

fn relay(script: &str) -> (Outbox, String) {
    let script = script.parse().expect("a script");
    let settings = OutboxSettings { script, ..OutboxSettings::new(Keep::Count) };
    let relay = Outbox::start(settings).expect("a relay");
    let url = format!("smtp://127.0.0.1:{}?tls=none", relay.address().port());
    (relay, url)
}

fn start(env: &Env) -> Child {
    env.command("send kazakhstan --yes --quiet")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts")
}

fn end(env: &Env, child: Child) -> Said {
    env.said(child.wait_with_output().expect("it ends"))
}

/// Waits until something is so; a machine under load may take its time.
#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_mins(1), "{what}: not in a minute");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Says something even where the test passes, so that a seed is never lost.
fn tell(line: &str) {
    writeln!(io::stderr(), "{line}").expect("stderr is open");
}

/// Chance that can be played again: xorshift64* over a seed that is printed.
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let seed = std::env::var("POSTRIDER_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or(u64::from(now.subsec_nanos())) | 1;
        tell(&format!("POSTRIDER_TEST_SEED={seed}"));
        Self(seed)
    }

    fn up_to(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound
    }
}

/// Kills the sender again and again until it comes to its end, and returns how often. Every other death comes at any moment from the start on, the rest while mail is going out: `taken` counts what the relay took.
fn kill_until_done(env: &Env, chance: &mut Chance, taken: impl Fn() -> u64) -> u64 {
    let mut kills = 0;
    loop {
        let mut child = start(env);
        if kills % 2 == 0 {
            thread::sleep(Duration::from_millis(chance.up_to(250)));
        } else {
            let enough = taken() + 1 + chance.up_to(20);
            while taken() < enough && child.try_wait().expect("it can be asked").is_none() {
                thread::sleep(Duration::from_millis(1));
            }
            thread::sleep(Duration::from_micros(chance.up_to(10_000)));
        }
        if let Some(status) = child.try_wait().expect("it can be asked") {
            assert!(matches!(status.code(), Some(0 | 1)), "{:?}", end(env, child));
            return kills;
        }
        child.kill().expect("it can be killed");
        child.wait().expect("it is dead");
        kills += 1;
        assert!(kills < 500, "it never ends");
    }
}

/// Lists who is in doubt.
fn doubtful(env: &Env) -> HashSet<String> {
    let listed = env.postrider("status kazakhstan --in-doubt --json").code(0).out;
    listed
        .lines()
        .map(|line| {
            let row: Value = serde_json::from_str(line).expect("an object a line");
            row["address"].as_str().expect("an address").to_owned()
        })
        .collect()
}

/// Holds what the relay took against what the ledger says.
fn check(env: &Env, readers: &[String], taken: &HashMap<String, u64>, kills: u64) {
    let account = env.json("status kazakhstan");
    let doubtful = doubtful(env);
    assert_eq!(account["state"], "finished", "{account}");
    assert_eq!(account["planned"], readers.len(), "{account}");
    assert_eq!(account["in_doubt"], doubtful.len(), "{account}");
    assert_eq!(account["accepted"], readers.len() - doubtful.len(), "{account}");
    assert!(doubtful.len() as u64 <= kills * CONNECTIONS, "{kills} deaths: {account}");
    for reader in readers {
        match taken.get(reader).copied().unwrap_or(0) {
            0 => assert!(doubtful.contains(reader), "{reader} was missed after {kills} deaths"),
            1 => {}
            times => panic!("{reader} was mailed {times} times after {kills} deaths"),
        }
    }
    tell(&format!("{kills} deaths, {} in doubt", doubtful.len()));
}

#[test]
fn a_sender_killed_at_any_moment_mails_nobody_twice_and_misses_nobody() {
    let (relay, url) = relay("");
    let env = Env::with_readers(READERS).relay(&url);
    env.set("rate = [\"2000/s\"]", "rate = [\"150/s\"]");
    let kills = kill_until_done(&env, &mut Chance::new(), || relay.accepted());
    let (mut taken, mut ids) = (HashMap::new(), HashSet::new());
    for acceptance in relay.acceptances() {
        *taken.entry(acceptance.to).or_insert(0) += 1;
        assert!(ids.insert(acceptance.message_id.clone()), "{} twice", acceptance.message_id);
    }
    let readers: Vec<String> = (1..=READERS).map(|n| format!("reader{n}@example.org")).collect();
    check(&env, &readers, &taken, kills);
}

#[test]
fn the_same_through_postfix() {
    let Some(postfix) = postfix() else { return };
    let domain = format!("p{}.readers.example", std::process::id());
    let readers: Vec<String> = (1..=READERS).map(|n| format!("reader{n}@{domain}")).collect();
    let env = Env::with_list(&format!("email\n{}\n", readers.join("\n")))
        .relay(&format!("smtp://127.0.0.1:{}?tls=none", postfix.port("plain")));
    env.set("rate = [\"2000/s\"]", "rate = [\"150/s\"]");
    let folder = maildir();
    let count = || fs::read_dir(&folder).map_or(0, |entries| entries.count() as u64);
    let kills = kill_until_done(&env, &mut Chance::new(), count);
    let accepted = env.json("status kazakhstan")["accepted"].as_u64().expect("a count");
    let mail = || landed(&domain);
    until("what was accepted has landed", || mail().len() as u64 >= accepted);
    check(&env, &readers, &mail(), kills);
}

fn maildir() -> String {
    std::env::var("POSTRIDER_TEST_MAIL").expect("the rig told it") + "/new"
}

/// Counts the mails that Postfix put into its Maildir, by reader.
fn landed(domain: &str) -> HashMap<String, u64> {
    let mut taken = HashMap::new();
    for entry in fs::read_dir(maildir()).expect("it can be read").flatten() {
        let mail = fs::read(entry.path()).unwrap_or_default();
        let mail = String::from_utf8_lossy(&mail);
        let to = mail.lines().find_map(|line| line.strip_prefix("Delivered-To: "));
        if let Some(to) = to.filter(|to| to.ends_with(domain)) {
            *taken.entry(to.to_owned()).or_insert(0) += 1;
        }
    }
    taken
}

#[test]
fn a_signal_lets_what_is_in_flight_finish_and_sending_again_completes() {
    for name in ["TERM", "INT"] {
        let (relay, url) = relay("dot wait 30");
        let env = Env::with_readers(60).relay(&url);
        let child = start(&env);
        until("some are accepted", || relay.accepted() >= 5);
        signal(child.id(), name);
        end(&env, child).code(75).silent();
        let account = env.json("status kazakhstan");
        assert_eq!(account["accepted"], relay.accepted(), "{name}: {account}");
        assert_eq!(account["in_doubt"], 0, "{name}: {account}");
        assert_eq!(account["state"], "sending", "{name}: {account}");
        assert!(account["remaining"].as_u64().expect("a count") > 0, "{name}: {account}");
        env.postrider("send kazakhstan").code(0);
        assert_eq!(relay.accepted(), 60, "{name}");
    }
}

#[test]
fn a_terminal_that_closes_lets_what_is_in_flight_finish_and_under_nohup_it_goes_on() {
    for (how, ended) in [("env --default-signal=HUP", 75), ("nohup", 0)] {
        let (relay, url) = relay("dot wait 30");
        let env = Env::with_readers(60).relay(&url);
        let mut words = how.split(' ');
        let mut command = Command::new(words.next().expect("a program"));
        command.args(words).arg(env!("CARGO_BIN_EXE_postrider"));
        command.args(["send", "kazakhstan", "--yes", "--quiet"]).current_dir(&env.root);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().expect("it starts");
        until("some are accepted", || relay.accepted() >= 5);
        signal(child.id(), "HUP");
        end(&env, child).code(ended).silent();
        let account = env.json("status kazakhstan");
        assert_eq!(
            (&account["accepted"], &account["in_doubt"]),
            (&relay.accepted().into(), &0.into())
        );
        assert_eq!(relay.accepted() == 60, ended == 0, "{how}");
    }
}

#[test]
fn a_second_signal_ends_it_at_once_and_leaves_a_doubt_that_is_told() {
    let (relay, url) = relay("dot 3 stall");
    let env = Env::with_readers(6).relay(&url);
    env.set("connections = 2", "connections = 1");
    let child = start(&env);
    until("two are accepted", || relay.accepted() == 2);
    let journal = env.root.join(".postrider/outcomes.journal");
    until("the third is on the wire", || {
        fs::read_to_string(&journal).is_ok_and(|text| text.matches("HandOver").count() == 3)
    });
    // Which of those begun ahead it is, the journal knows.
    let lines = fs::read_to_string(&journal).expect("it is there");
    let handed = lines.lines().rfind(|line| line.contains("HandOver")).expect("it was counted");
    let ticket: Value = serde_json::from_str(handed).expect("a line is JSON");
    let third = format!("reader{}@example.org", ticket["HandOver"]["slot"]);
    signal(child.id(), "TERM");
    // Two that come together are one: timeout(1) sends them so.
    signal(child.id(), "TERM");
    thread::sleep(Duration::from_millis(500));
    signal(child.id(), "TERM");
    assert_eq!(end(&env, child).code, 75);
    // The next one goes through another relay; the log to look into is that of the one that died.
    let (other, elsewhere) = self::relay("");
    env.set(&url, &elsewhere);
    let said = env.postrider("send kazakhstan").code(1);
    shows("cut_off", &said.shown());
    assert_eq!(doubtful(&env), HashSet::from([third]));
    assert_eq!((relay.accepted(), other.accepted()), (2, 3));
    let listed = env.postrider("status kazakhstan --in-doubt").code(0);
    listed.tells(&format!(" to the relay {} as <", relay.address()));
}

#[test]
fn a_signal_ends_cron_with_all_its_issues() {
    let (relay, url) = relay("dot wait 30");
    let env = Env::with_readers(30).relay(&url);
    env.postrider("draft georgia --date 2003-10-13").code(0);
    for issue in ["kazakhstan", "georgia"] {
        env.postrider(&format!("send {issue} --yes --limit 1")).code(75);
    }
    let child = env.command("due").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.expect("it starts");
    until("it sends", || relay.accepted() >= 5);
    signal(child.id(), "TERM");
    end(&env, child).code(75).silent();
    assert_eq!(env.json("status georgia")["accepted"], 1, "the next issue is not begun");
    env.postrider("due").code(0);
    assert_eq!(relay.accepted(), 60);
}

#[test]
fn a_send_that_is_cancelled_counts_whom_it_tried_and_nothing_follows_it() {
    let (relay, url) = relay("dot wait 30ms");
    let env = Env::with_readers(READERS).relay(&url);
    let run = |line: &str| {
        let mut command = env.command(line);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let sender = run("send kazakhstan --yes --json");
    until("some are accepted", || relay.accepted() >= 5);
    env.postrider("cancel kazakhstan --yes").code(0);
    let said = end(&env, sender).code(76);
    let account: Value = serde_json::from_str(&said.out).expect("JSON");
    let number = |key: &str| account[key].as_f64().expect("a number");
    let tried = number("deliveries_per_second") * number("seconds");
    assert!((tried - number("accepted")).abs() < 0.5, "{tried} were tried: {account}");
    assert!(number("cancelled") > number("accepted"), "{account}");
    env.postrider("send kazakhstan").code(76).tells("was cancelled");

    // To cron nothing is wrong, neither then nor later.
    env.postrider("draft georgia --date 2003-10-13").code(0);
    env.postrider("send georgia --yes --limit 1").code(75);
    let before = relay.accepted();
    let cron = run("due");
    until("it goes on", || relay.accepted() > before);
    env.postrider("cancel georgia --yes").code(0);
    end(&env, cron).code(0).tells("2003-10-13-georgia is cancelled");
    env.postrider("due").code(0).silent();
}

#[test]
fn a_full_disk_stops_before_the_wire_and_nothing_is_lost() {
    let (relay, url) = relay("");
    let env = Env::with_readers(READERS).relay(&url);
    // No file may grow beyond so many blocks of 512 bytes: the ledger's log meets that sooner or later.
    for (blocks, must_fail) in [(0, true), (64, true), (1000, false), (1500, false), (2000, false)]
    {
        let line = format!(
            "ulimit -f {blocks}; exec {} send kazakhstan --yes",
            env!("CARGO_BIN_EXE_postrider")
        );
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &line]).current_dir(&env.root).env_clear().stdin(Stdio::null());
        let said = env.said(shell.output().expect("it runs"));
        assert!(said.code == 74 || (said.code == 0 && !must_fail), "{blocks}: {said:?}");
        if must_fail {
            assert_eq!(relay.accepted(), 0, "{blocks}");
            said.tells("run it again").tells(".postrider/");
        }
    }
    env.postrider("send kazakhstan --yes").code(0);
    let account = env.json("status kazakhstan");
    assert_eq!((&account["accepted"], &account["in_doubt"]), (&READERS.into(), &0.into()));
    assert_eq!(relay.accepted(), READERS as u64);
}

#[test]
fn a_sender_frozen_past_its_deadlines_wakes_to_what_was_answered_meanwhile() {
    let (relay, url) = relay("dot 6- wait 300ms");
    let env = Env::with_readers(12).relay(&url);
    // The shortest there is.
    env.set("connections = 2", "connections = 2\ndeadlines = { dot = \"1m\" }");
    let child = start(&env);
    until("five are accepted", || relay.accepted() >= 5);
    thread::sleep(Duration::from_millis(100));
    signal(child.id(), "STOP");
    thread::sleep(Duration::from_secs(63));
    signal(child.id(), "CONT");
    end(&env, child).code(0);
    let account = env.json("status kazakhstan");
    assert_eq!((&account["accepted"], &account["in_doubt"]), (&12.into(), &0.into()));
    assert_eq!(relay.accepted(), 12);
}

#[test]
fn a_disk_that_fills_up_while_it_sends_leaves_nobody_in_doubt() {
    let mut filled = 0;
    for kilobytes in [1_000, 1_300, 1_600, 1_900, 2_200, 2_500] {
        let (relay, url) = relay("");
        let env = Env::with_readers(2_000).relay(&url);
        // A disk of its own for all that the sender writes, which is larger the third time.
        let script = format!(
            "mkdir -p .postrider && mount -t tmpfs -o size={kilobytes}k none .postrider || exit 99
             set -- {} send kazakhstan --yes
             \"$@\"; echo $?; \"$@\"; echo $?
             mount -o remount,size=64m .postrider
             \"$@\"; echo $?",
            env!("CARGO_BIN_EXE_postrider")
        );
        let mut shell = Command::new("unshare");
        shell.args(["--user", "--map-root-user", "--mount", "/bin/sh", "-c", &script]);
        let Ok(said) = shell.current_dir(&env.root).stdin(Stdio::null()).output() else {
            return skipped("a small disk, by unshare(1)");
        };
        let said = env.said(said);
        if said.code == 99 || said.err.contains("unshare:") {
            return skipped("a small disk, by unshare(1)");
        }
        let codes: Vec<&str> = said.out.lines().filter(|line| line.len() <= 2).collect();
        assert_eq!(codes.last(), Some(&"0"), "{kilobytes}: {said:?}");
        filled += usize::from(codes[0] == "74" && said.err.contains("make room"));
        assert!(!said.out.contains("in doubt"), "{kilobytes}: {said:?}");
        assert_eq!(relay.accepted(), 2_000, "{kilobytes}");
    }
    assert!(filled > 0, "none of them was full");
}

/// Freezes a sender, and says that every lease is over, as the ledger's clock would after a quarter of an hour.
fn freeze_past_its_lease(env: &Env, sender: u32) {
    let ledger = env.root.join(".postrider/ledger.sqlite");
    let ledger = rusqlite::Connection::open(ledger).expect("it opens");
    // One that is frozen in a commit has to go on soon, or what is on its way is answered meanwhile.
    ledger.busy_timeout(Duration::from_millis(20)).expect("it takes a timeout");
    let begun = "SELECT count(*) FROM deliveries WHERE state = 'attempting'";
    let over = "UPDATE deliveries SET lease_end = 1 WHERE lease_end IS NOT NULL";
    until("it is frozen with mail on its way, and not in the middle of a commit", || {
        signal(sender, "STOP");
        let on_its_way = ledger.query_row(begun, [], |row| row.get::<_, i64>(0)).unwrap_or(0);
        let is_so = on_its_way > 0 && ledger.execute(over, []).is_ok();
        if !is_so {
            signal(sender, "CONT");
            thread::sleep(Duration::from_millis(3));
        }
        is_so
    });
}

#[test]
fn a_sender_frozen_past_its_lease_mails_nobody_twice_when_it_wakes() {
    let (relay, url) = relay("dot 6 wait 3000");
    let env = Env::with_readers(30).relay(&url);
    let child = start(&env);
    until("some are accepted, and one is on its way", || relay.accepted() >= 6);
    freeze_past_its_lease(&env, child.id());
    // It still holds the lock; and who takes that away meets the journal's.
    env.postrider("send kazakhstan").code(75).tells("it is being sent by");
    fs::remove_file(env.root.join(".postrider/send.lock")).expect("it is there");
    let second = env.postrider("send kazakhstan");
    assert_ne!(second.code, 0, "{second:?}");
    second.tells("another sender is at work here");
    // With the journal gone too, nothing proves that what was begun never left: it is in doubt.
    fs::remove_file(env.root.join(".postrider/outcomes.journal")).expect("it is there");
    env.postrider("send kazakhstan").code(1);
    signal(child.id(), "CONT");
    end(&env, child);
    env.postrider("send kazakhstan");
    let mut taken = HashMap::new();
    for acceptance in relay.acceptances() {
        *taken.entry(acceptance.to).or_insert(0) += 1;
    }
    let readers: Vec<String> = (1..=30).map(|n| format!("reader{n}@example.org")).collect();
    // Begun ahead by two connections, and what was on the wire.
    check(&env, &readers, &taken, 2 * 17);
}

#[test]
fn reports_wait_for_nobody_who_writes_and_a_pause_names_who_holds_it_up() {
    let (relay, url) = relay("dot 3 stall");
    let env = Env::with_readers(6).relay(&url);
    env.set("connections = 2", "connections = 1");
    let mut sender = start(&env);
    until("two are accepted", || env.json("status kazakhstan")["accepted"] == 2);
    // As a sender does that is frozen in the middle of a commit.
    let ledger = env.root.join(".postrider/ledger.sqlite");
    let ledger = rusqlite::Connection::open(ledger).expect("it opens");
    ledger.busy_timeout(Duration::from_secs(10)).expect("it takes a timeout");
    ledger.execute_batch("BEGIN IMMEDIATE").expect("it is held");
    let asked = Instant::now();
    for line in [
        "status",
        "status kazakhstan",
        "status kazakhstan --left",
        "log reader1@example.org",
        "subscribers list",
        "ledger verify",
    ] {
        let said = env.postrider(line);
        assert_eq!(said.code, 0, "{line}: {said:?}");
    }
    assert!(asked.elapsed() < Duration::from_secs(9), "one of them waited");
    let named = format!("it is being sent by {}/{}", host(), sender.id());
    env.postrider("pause kazakhstan").code(75).tells("the ledger is busy").tells(&named);
    sender.kill().expect("it is killed");
    sender.wait().expect("it ends");
    drop(ledger);
    env.postrider("pause kazakhstan").code(0);
    assert_eq!(relay.accepted(), 2);
}

fn host() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").expect("it has a name").trim().to_owned()
}

#[test]
fn without_a_file_to_spare_it_says_so_and_loses_nobody() {
    let (relay, url) = relay("");
    let env = Env::with_readers(20).relay(&url);
    let mut refused = 0;
    // How many it takes differs by what this process leaves it open.
    for files in 6..=64 {
        let program = env!("CARGO_BIN_EXE_postrider");
        let line = format!("ulimit -n {files}; exec {program} send kazakhstan --yes --quiet");
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &line]).current_dir(&env.root).env_clear().stdin(Stdio::null());
        let said = env.said(shell.output().expect("it runs"));
        // Below a handful the system cannot even load a program.
        if said.code != 0 && said.code != 127 {
            refused += 1;
            let names_it =
                ["open files", "unable to open"].iter().any(|why| said.err.contains(why));
            assert!(names_it, "{files}: {said:?}");
            assert_eq!(said.code, 75, "{files}: {said:?}");
            // It tried to connect for half a minute: once is enough.
            let is_last = said.err.contains("at connecting");
            said.tells("ulimit -n");
            if is_last {
                break;
            }
        }
    }
    assert!(refused > 0, "it never ran out of files");
    env.postrider("send kazakhstan --yes").code(0);
    let account = env.json("status kazakhstan");
    assert_eq!((&account["accepted"], &account["in_doubt"]), (&20.into(), &0.into()), "{account}");
    assert_eq!(relay.accepted(), 20);
}

/// Runs the program where its folder cannot be written to; `None` where this machine does not let us make it so.
fn read_only(env: &Env, line: &str) -> Option<Said> {
    let script = format!(
        "mount --bind . . && mount -o remount,bind,ro . && cd . && exec {} {line}",
        env!("CARGO_BIN_EXE_postrider")
    );
    let mut shell = Command::new("unshare");
    shell.args(["--user", "--map-root-user", "--mount", "/bin/sh", "-c"]);
    shell.arg(script.replace("cd .", "cd \"$PWD\"")).current_dir(&env.root).stdin(Stdio::null());
    let said = env.said(shell.output().ok()?);
    let is_made = !["unshare:", "mount:"].iter().any(|who| said.err.contains(who));
    is_made.then_some(said)
}

#[test]
fn a_report_is_read_where_nothing_can_be_written() {
    let (relay, url) = relay("dot 3 reply 550 5.1.1 gone");
    let env = Env::with_readers(5).relay(&url);
    env.postrider("send kazakhstan --yes").code(1);
    let Some(status) = read_only(&env, "status kazakhstan") else {
        return skipped("a read-only mount, by unshare(1)");
    };
    let status = status.tells("the ledger cannot be written to from here");
    let (told, before) = (status.code(0), env.postrider("status kazakhstan").code(0));
    assert_eq!(told.out, before.out);
    for line in
        ["status", "status kazakhstan --failed", "log reader1@example.org", "plan kazakhstan"]
    {
        let told = read_only(&env, line).expect("it was made so before").code(0);
        assert_eq!(told.out, env.postrider(line).code(0).out, "{line}");
    }
    for line in [
        "send kazakhstan --catch-up --yes",
        "due",
        "pause kazakhstan",
        "resume kazakhstan",
        "cancel kazakhstan --yes",
        "resolve kazakhstan --all --resend",
        "schedule kazakhstan --at '2031-12-01 07:00'",
        "subscribers add carl@example.org",
    ] {
        let told = read_only(&env, line).expect("it was made so before");
        assert_eq!(told.code, 74, "{line}: {told:?}");
        told.tells("Read-only file system").tells("the disk is read-only: mount it");
    }
    assert_eq!(relay.accepted(), 4);
}

#[test]
fn a_report_is_read_where_the_disk_is_full() {
    let (_relay, url) = relay("dot 40 stall");
    let env = Env::with_readers(READERS).relay(&url);
    let mut sender = start(&env);
    until("forty are sent", || env.json("status kazakhstan")["accepted"].as_u64() >= Some(39));
    let asked = Instant::now();
    full(&env, "status kazakhstan").code(0);
    assert!(asked.elapsed() < Duration::from_secs(9), "a sender at work holds it up");
    sender.kill().expect("it is killed");
    sender.wait().expect("it ends");
    let log = env.root.join(".postrider/ledger.sqlite-wal");
    let index = env.root.join(".postrider/ledger.sqlite-shm");
    // First what the sender left, then what somebody has closed since.
    for is_closed in [false, true] {
        if is_closed {
            env.postrider("status").code(0);
        }
        let length = fs::metadata(&log).map_or(0, |log| log.len());
        assert_eq!(length > 0, !is_closed, "{length}");
        // After a power cut it is not there, or of no use.
        let _ = fs::remove_file(&index);
        for line in
            ["status", "status kazakhstan --left", "log reader1@example.org", "plan kazakhstan"]
        {
            let told = full(&env, line).code(0).tells("the ledger cannot be written to from here");
            let files = fs::metadata(&log).map_or(0, |log| log.len());
            assert_eq!(files, length, "nothing was changed by `{line}`");
            if is_closed {
                assert_eq!(told.out, env.postrider(line).code(0).out, "{line}");
            } else {
                assert!(!told.out.is_empty(), "{line}");
            }
        }
        let status: Value =
            serde_json::from_str(&full(&env, "status kazakhstan --json").out).expect("JSON");
        assert!(status["accepted"].as_u64() >= Some(39), "{status}");
        let _ = fs::remove_file(&index);
        full(&env, "pause kazakhstan").code(74).tells("make room");
    }
    assert_eq!(env.json("status kazakhstan")["state"], "sending");
}

/// Runs the program where no file may grow.
fn full(env: &Env, line: &str) -> Said {
    let line = format!("ulimit -f 0; exec {} {line}", env!("CARGO_BIN_EXE_postrider"));
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &line]).current_dir(&env.root).env_clear().stdin(Stdio::null());
    env.said(shell.output().expect("it runs"))
}

#[test]
fn a_report_is_read_to_its_last_line_where_a_sender_was_killed_and_nothing_can_be_written() {
    let (_relay, url) = relay("dot 40 stall");
    let env = Env::with_readers(READERS).relay(&url);
    let mut sender = start(&env);
    until("forty are sent", || env.json("status kazakhstan")["accepted"].as_u64() >= Some(39));
    sender.kill().expect("it is killed");
    sender.wait().expect("it ends");
    let ledger = env.root.join(".postrider/ledger.sqlite-wal");
    assert!(fs::metadata(ledger).expect("its log is there").len() > 0);
    let Some(status) = read_only(&env, "status kazakhstan --json") else {
        return skipped("a read-only mount, by unshare(1)");
    };
    let status: Value = serde_json::from_str(&status.code(0).out).expect("JSON");
    assert!(status["accepted"].as_u64() >= Some(39), "{status}");
}

#[test]
fn a_pause_tells_when_nothing_is_in_flight_any_more_and_what_still_is() {
    let (relay, url) = relay("dot 12-32 wait 300ms\ndot 33 stall");
    let env = Env::with_readers(READERS).relay(&url);
    env.set("connections = 2", "connections = 1");
    let sender = start(&env);
    // From now on one is always on its way.
    until("eleven are sent", || relay.accepted() >= 11);
    env.postrider("pause kazakhstan").code(0).tells("nothing of it is on its way");
    let accepted = relay.accepted();
    let status = env.json("status kazakhstan");
    assert_eq!(status["accepted"].as_u64(), Some(accepted), "{status}");
    end(&env, sender).code(75);
    assert_eq!(relay.accepted(), accepted);

    // As JSON it is the account after the wait.
    env.postrider("resume kazakhstan").code(0);
    let sender = start(&env);
    until("another is sent", || relay.accepted() > accepted);
    let paused = env.json("pause kazakhstan");
    let accepted = relay.accepted();
    assert_eq!(paused["in_flight"], 0, "{paused}");
    assert_eq!(paused["accepted"].as_u64(), Some(accepted), "{paused}");
    end(&env, sender).code(75);
    assert_eq!(relay.accepted(), accepted);

    env.postrider("resume kazakhstan").code(0);
    let mut sender = start(&env);
    let journal = env.root.join(".postrider/outcomes.journal");
    let handed = usize::try_from(33 - accepted).expect("it is small");
    until("one is not answered", || {
        fs::read_to_string(&journal).is_ok_and(|text| text.matches("HandOver").count() == handed)
    });
    let cancel = env.postrider("cancel kazakhstan --yes").code(0);
    cancel.tells("1 message still on the way, unless the sender died");
    let cancelled = env.json("cancel kazakhstan --yes");
    assert_eq!((&cancelled["in_flight"], &cancelled["remaining"]), (&1.into(), &1.into()));
    sender.kill().expect("it is killed");
    sender.wait().expect("it ends");
}
