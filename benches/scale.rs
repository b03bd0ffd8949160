//! What a million readers cost: plan, send, a crash in the middle, and every look at it afterwards.
//!
//! `cargo bench --bench scale`, or with another number of readers:
//! `cargo bench --bench scale -- 100000`. Runs the program itself with the
//! sample issue over 8 connections to a loopback relay that counts. The costs
//! of a message are ratios within one run; times are the machine's. A million
//! messages take minutes and two gigabytes of disk.

#![allow(clippy::print_stdout, missing_docs)]

mod program;

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use postrider::outbox::Outbox;

use self::program::{Publication, Ran, median, row};

const ISSUE: &str = "kazakhstan";
const FEW: u32 = 10_000;
const ROUNDS: usize = 3;

fn main() {
    let many = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let relay = program::relay();
    let few = median((0..ROUNDS).map(|_| sent(&relay, FEW).cost).collect());
    let big = sent(&relay, many);
    println!("a message at {FEW:>9} readers   {few:>8.1} µs (median of {ROUNDS})");
    println!("a message at {many:>9} readers   {:>8.1} µs", big.cost);
    println!("ratio                            {:>8.2}", big.cost / few);
    println!("at {many} readers");
    for (what, Ran { took, peak, .. }) in &big.runs {
        println!("  {what:<28} {:>9.3} s {peak:>7.1} MB", took.as_secs_f64());
    }
    let resumed = big.resumed.as_secs_f64();
    println!("  first message after kill -9  {resumed:>9.3} s");
    println!("  `subscribers list | head -1` {:>9.3} s", big.first_line.as_secs_f64());
    println!("  the ledger's file            {:>9.1} MB, its log {:.1} MB", big.file, big.log);
}

/// What sending to a list came to.
struct Sent {
    /// Microseconds from one message to the next.
    cost: f64,
    runs: Vec<(&'static str, Ran)>,
    resumed: Duration,
    first_line: Duration,
    /// Megabytes.
    file: f64,
    log: f64,
}

fn sent(relay: &Outbox, readers: u32) -> Sent {
    let publication = Publication::new(relay);
    publication.list(readers);
    let before = relay.accepted();
    let mut runs = Vec::new();
    let mut run = |what, arguments: &[&str], code| {
        let ran = publication.run(arguments);
        assert_eq!(ran.code, Some(code), "{what}: {}", ran.said);
        runs.push((what, ran.clone()));
        ran
    };
    run("plan, no ledger yet", &["plan", ISSUE], 0);
    // One to begin with, so that the freeze is not counted as delivering.
    run("freeze, and one message", &["send", ISSUE, "--yes", "--limit", "1", "-q"], 75);
    run("plan, when it is under way", &["plan", ISSUE], 0);

    let half = u64::from(readers / 2);
    let cost = deliver_and_kill(&publication, relay, before + half);
    let log = megabytes(&publication, "-wal");
    let (rest, resumed) = resume(&publication, relay);
    runs.push(("the second half", rest));

    let mut run = |what, arguments: &[&str], code| {
        let ran = publication.run(arguments);
        assert_eq!(ran.code, Some(code), "{what}: {}", ran.said);
        runs.push((what, ran));
    };
    // Whoever was on the wire at the kill is in doubt: a person says what became of them.
    publication.run(&["resolve", ISSUE, "--all", "--delivered"]);
    let code = publication.run(&["send", ISSUE, "--yes"]).code.expect("it ends by itself");
    run("`send` when it is finished", &["send", ISSUE, "--yes"], code);
    run("`status ISSUE`", &["status", ISSUE], 0);
    run("`status ISSUE --failed`", &["status", ISSUE, "--failed"], 0);
    let somebody = row(readers / 3);
    let somebody = somebody.split(',').next().expect("an address stands first").to_owned();
    run("`log ADDR`", &["log", &somebody], 0);
    run("`subscribers show ADDR`", &["subscribers", "show", &somebody], 0);
    let first_line = publication.first_line(&["subscribers", "list"]);
    let file = megabytes(&publication, "");
    Sent { cost, runs, resumed, first_line, file, log }
}

/// Sends until the relay has `enough`, kills the sender, and returns the microseconds a message took once it was going.
fn deliver_and_kill(publication: &Publication, relay: &Outbox, enough: u64) -> f64 {
    let begun = relay.accepted();
    let mut sender = publication.start(&["send", ISSUE, "--yes", "-q"]);
    let warm = begun + (enough - begun) / 10;
    while relay.accepted() < warm {
        thread::sleep(Duration::from_millis(1));
    }
    let (from, since) = (relay.accepted(), Instant::now());
    while relay.accepted() < enough {
        assert!(sender.try_wait().expect("it can be asked").is_none(), "it ended by itself");
        thread::sleep(Duration::from_millis(1));
    }
    let took = since.elapsed();
    let messages = u32::try_from(relay.accepted() - from).expect("they are few");
    sender.kill().expect("it can be killed");
    sender.wait().expect("it ends");
    took.as_secs_f64() * 1e6 / f64::from(messages)
}

/// Sends the rest, and returns how that went and how long the first message took to come.
fn resume(publication: &Publication, relay: &Outbox) -> (Ran, Duration) {
    // What the dead one had on the wire is counted before the clock starts.
    thread::sleep(Duration::from_millis(50));
    let before = relay.accepted();
    let started = Instant::now();
    thread::scope(|scope| {
        let watching = scope.spawn(|| {
            while relay.accepted() == before {
                thread::sleep(Duration::from_millis(1));
            }
            started.elapsed()
        });
        let rest = publication.run(&["send", ISSUE, "--yes", "-q"]);
        assert!(matches!(rest.code, Some(0 | 1)), "finished, or some in doubt: {rest:?}");
        (rest, watching.join().expect("it watches"))
    })
}

#[expect(clippy::cast_precision_loss, reason = "a megabyte more or less does not show")]
fn megabytes(publication: &Publication, ending: &str) -> f64 {
    let mut path = publication.ledger().into_os_string();
    path.push(ending);
    fs::metadata(path).map_or(0.0, |file| file.len() as f64 / 1e6)
}
