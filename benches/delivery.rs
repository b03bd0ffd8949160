//! How fast an issue is delivered: our send with its durable ledger against lettre's pooled transport and Postfix's
//! smtp-source, in one run.
//!
//! `cargo bench --profile dist --bench delivery -- table` prints the table of `docs/delivery.md`;
//! `-- near` and `-- far` print the part on loopback and the one at a distance,
//! and `-- ours`, `-- ours ed25519` and `-- ours rsa` send over and over for a
//! profiler, which finds names where `CARGO_PROFILE_DIST_STRIP=false` kept them. All hand a 40 KB message
//! to the same loopback relay, which counts and keeps nothing. Ours is
//! personalised and recorded; lettre's is built for each reader by its builder,
//! and once more ready-made; smtp-source repeats one body and records nothing. Absolute rates are the machine's; the ratios are
//! ours, each the median of those within one round.

#![allow(clippy::print_stdout, missing_docs)]

mod distance;
mod peers;
mod sample;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use data_encoding::BASE64;
use postrider::{
    compose::{DkimKey, Edition, KeyRing, Press, Purpose, Signer},
    ledger::{IssueRecord, Ledger, Record, SqliteLedger},
    model::{Deadlines, Security, Subscriber, SubscriberState},
    outbox::{Keep, Outbox, OutboxSettings},
    send::{Ended, Run, Stop},
    smtp::Relay,
};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use tempfile::TempDir;
use tokio::{
    runtime::Runtime,
    sync::{mpsc, watch},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CONNECTIONS: u32 = 8;
const ROUNDS: usize = 5;

/// The row of ring alone.
const RING: usize = 5;
const RSA: &str = include_str!("../tests/fixtures/dkim/rsa.pem");
const ED25519: &str = include_str!("../tests/fixtures/dkim/ed25519.pem");

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let asked = |part: &str| std::env::args().any(|argument| argument == part);
    let all = asked("table") || !["near", "far", "ours"].into_iter().any(asked);
    if asked("ours") {
        let relay = outbox("hello without CHUNKING");
        let key = [("ed25519", ED25519), ("rsa", RSA)];
        let key = key.into_iter().find(|(name, _)| asked(name)).map(|(_, pem)| pem);
        for _ in 0..ROUNDS {
            println!("{:.0}", ours(&runtime, &relay, 20_000, key));
        }
        return;
    }
    println!("| sender | messages/s | within one round |");
    println!("|---|---|---|");
    if all || asked("near") {
        near(&runtime);
    }
    if all || asked("far") {
        for round_trip in [20, 80] {
            far(&runtime, Duration::from_millis(round_trip));
        }
    }
}

/// Measures over 8 connections on loopback.
fn near(runtime: &Runtime) {
    let (relay, data) = (outbox(""), outbox("hello without CHUNKING"));
    let copy: Arc<[u8]> = copy().into();
    let (text, html) = parts();
    let mut rounds = Rounds::default();
    for _ in 0..ROUNDS {
        let source = smtp_source(&relay, 20_000, copy.len());
        rounds.note("smtp-source -d, one body, no record", source, None);
        rounds.note("postrider, DATA chained", ours(runtime, &data, 20_000, None), Some(0));
        rounds.note("postrider, BDAT", ours(runtime, &relay, 20_000, None), Some(0));
        let ed25519 = ours(runtime, &data, 12_000, Some(ED25519));
        rounds.note("postrider, DATA chained, signed with Ed25519", ed25519, Some(0));
        let ed25519 = ours(runtime, &relay, 12_000, Some(ED25519));
        rounds.note("postrider, BDAT, signed with Ed25519", ed25519, Some(0));
        let ring = ring_alone();
        rounds.note("RSA-2048 by ring alone, 2 threads", ring, None);
        let both = source.map(|source| 1.0 / (1.0 / ring + 1.0 / source));
        rounds.note("each by ring and then by smtp-source, reckoned", both, Some(RING));
        let rsa = ours(runtime, &data, 4_000, Some(RSA));
        rounds.note("postrider, DATA chained, signed with RSA-2048", rsa, Some(RING));
        let rsa = ours(runtime, &relay, 4_000, Some(RSA));
        rounds.note("postrider, BDAT, signed with RSA-2048", rsa, Some(RING));
        let (text, html) = (Arc::clone(&text), Arc::clone(&html));
        let make = move |number| peers::lettre_builds(&text, &html, number);
        let peer = peers::lettre_nodelay(relay.address(), CONNECTIONS, 2_000, make);
        let builds = per_second(2_000, runtime.block_on(peer));
        rounds.note("lettre with nodelay forced, each message built", builds, Some(1));
        let ready = Arc::clone(&copy);
        let make = move |_| Arc::clone(&ready);
        let peer = peers::lettre_nodelay(relay.address(), CONNECTIONS, 4_000, make);
        let nodelay = per_second(4_000, runtime.block_on(peer));
        rounds.note("lettre with nodelay forced, one message, ready", nodelay, Some(1));
        let peer = peers::lettre_pool(relay.address(), CONNECTIONS, 160, &copy);
        let pool = per_second(160, runtime.block_on(peer));
        rounds.note("lettre's pool as it comes, one message, ready", pool, Some(1));
    }
    rounds.print("8 connections");
}

/// Measures over two connections to a relay at a distance; figures are for one connection.
fn far(runtime: &Runtime, round_trip: Duration) {
    let relay = outbox("");
    let data = outbox("hello without CHUNKING");
    let [here, there] = [&relay, &data].map(|relay| distance::away(relay.address(), round_trip));
    let copy: Arc<[u8]> = copy().into();
    let mut rounds = Rounds::default();
    let one = |count: u32, took: Duration| per_second(count, took) / 2.0;
    for _ in 0..ROUNDS.min(3) {
        let ready = Arc::clone(&copy);
        let make = move |_| Arc::clone(&ready);
        let took = runtime.block_on(peers::lettre_nodelay(here, 2, 20, make));
        rounds.note("lettre with nodelay forced", one(20, took), None);
        let took = runtime.block_on(peers::lettre_pool(here, 2, 20, &copy));
        rounds.note("lettre's pool as it comes", one(20, took), Some(0));
        let took = runtime.block_on(send(there, 2, 160, None));
        rounds.note("postrider, DATA chained", one(160, took), Some(0));
        let took = runtime.block_on(send(here, 2, 160, None));
        rounds.note("postrider, BDAT", one(160, took), Some(0));
    }
    rounds.print(&format!("one connection, {} ms away", round_trip.as_millis()));
}

/// What was measured, round by round.
#[derive(Default)]
struct Rounds {
    rows: Vec<Row>,
}

/// A sender, its figures, and the row they are compared with.
struct Row {
    what: &'static str,
    figures: Vec<Option<f64>>,
    against: Option<usize>,
}

impl Rounds {
    fn note(&mut self, what: &'static str, figure: impl Into<Option<f64>>, against: Option<usize>) {
        let place = self.rows.iter().position(|row| row.what == what).unwrap_or_else(|| {
            self.rows.push(Row { what, figures: Vec::new(), against });
            self.rows.len() - 1
        });
        self.rows[place].figures.push(figure.into());
    }

    fn print(&self, how: &str) {
        for row in &self.rows {
            let Some(rate) = median(row.figures.iter().copied()) else {
                println!("| {}, {how} | not here | |", row.what);
                continue;
            };
            let ratio = row.against.map_or_else(String::new, |against| self.ratio(row, against));
            println!("| {}, {how} | {rate:.0} | {ratio} |", row.what);
        }
    }

    fn ratio(&self, row: &Row, against: usize) -> String {
        let other = &self.rows[against];
        let rounds = row.figures.iter().zip(&other.figures);
        let ratio = median(rounds.map(|(ours, theirs)| Some((*ours)? / (*theirs)?)));
        ratio.map_or_else(String::new, |ratio| format!("{ratio:.2} of {}", other.what))
    }
}

fn smtp_source(relay: &Outbox, count: u32, length: usize) -> Option<f64> {
    let before = relay.accepted();
    let took = peers::smtp_source(relay.address(), CONNECTIONS, count, length)?;
    assert_eq!(relay.accepted() - before, u64::from(count));
    Some(per_second(count, took))
}

/// Computes RSA-2048 signatures on both cores and nothing else.
fn ring_alone() -> f64 {
    let lines = RSA.lines().filter(|line| !line.starts_with('-'));
    let der = BASE64.decode(lines.collect::<String>().as_bytes()).expect("it is base64");
    let key = RsaKeyPair::from_pkcs8(&der).expect("it is a key");
    let started = Instant::now();
    let signed: u32 = std::thread::scope(|scope| {
        let sign = || {
            let (random, mut signature) =
                (SystemRandom::new(), vec![0; key.public().modulus_len()]);
            let mut signed = 0;
            while started.elapsed() < Duration::from_secs(1) {
                key.sign(&RSA_PKCS1_SHA256, &random, &[b'a'; 1_600], &mut signature)
                    .expect("it signs");
                signed += 1;
            }
            signed
        };
        let threads = [scope.spawn(sign), scope.spawn(sign)];
        threads.into_iter().map(|thread| thread.join().expect("it signs")).sum()
    });
    per_second(signed, started.elapsed())
}

/// A relay on a thread of its own, with nothing to write.
fn outbox(script: &str) -> Outbox {
    let script = script.parse().expect("it is a script");
    Outbox::start(OutboxSettings { record: false, script, ..OutboxSettings::new(Keep::Count) })
        .expect("a port is free")
}

fn ours(runtime: &Runtime, relay: &Outbox, count: u32, key: Option<&str>) -> f64 {
    let before = relay.accepted();
    let took = runtime.block_on(send(relay.address(), CONNECTIONS, count, key));
    assert_eq!(relay.accepted() - before, u64::from(count));
    per_second(count, took)
}

/// Sends an issue to so many readers, recorded durably and signed where there is a key.
async fn send(relay: SocketAddr, connections: u32, count: u32, key: Option<&str>) -> Duration {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder can be made");
    let ledger: Arc<dyn Ledger> =
        Arc::new(SqliteLedger::open(&folder.path().join("ledger.sqlite")).expect("it opens"));
    let issue = freeze(&*ledger, count).await;
    let run = Run {
        ledger: Arc::clone(&ledger),
        publication: "tt-report".to_owned(),
        press: Arc::new(press(issue.id).signed_by(key.map(signer))),
        issue,
        relay: Relay {
            host: relay.ip().to_string(),
            port: relay.port(),
            security: Security::Plain,
            credentials: None,
            trust: Vec::new(),
            hello: "example.org".to_owned(),
            deadlines: Deadlines::default(),
        },
        connections: connections as usize,
        lane: "relay bench".to_owned(),
        messages: None,
        chunking: true,
        rates: Vec::new(),
        warm_up: None,
        domains: std::collections::BTreeMap::new(),
        limit: None,
        stop_at_rejected: 0.05,
        owner: "bench/1".to_owned(),
        journal: folder.path().join("outcomes.journal"),
        boot: "a start".to_owned(),
        high_water: folder.path().join("high-water"),
    };
    let (_stop, stopped) = watch::channel(Stop::No);
    let (progress, _news) = mpsc::unbounded_channel();
    let started = Instant::now();
    let ended = run.deliver(Box::new(|_| true), stopped, progress).await.expect("it runs");
    let took = started.elapsed();
    assert_eq!(ended, Ended::Finished);
    took
}

fn signer(pem: &str) -> Signer {
    let key = DkimKey::from_pem(pem.as_bytes()).expect("it is a key");
    let keys = vec![("e2026".to_owned(), key)];
    let date = jiff::Timestamp::UNIX_EPOCH;
    Signer::new("example.org".to_owned(), keys, &[], date, SystemRandom::new())
}

async fn freeze(ledger: &dyn Ledger, count: u32) -> IssueRecord {
    let records = (0..count).map(|number| {
        Ok(Record {
            line: u64::from(number) + 2,
            address: format!("reader{number}@example.org").parse().expect("an address"),
            name: format!("Reader {number}"),
            tags: Vec::new(),
            fields: BTreeMap::new(),
            state: SubscriberState::Active,
            evidence: String::new(),
        })
    });
    let order = sample::order(edition());
    ledger
        .freeze(order, Some(Box::new(records)), Box::new(|_| Ok(())))
        .await
        .expect("it freezes")
        .issue
}

/// Composed once: that is not what is measured.
fn edition() -> &'static Edition {
    static EDITION: OnceLock<Edition> = OnceLock::new();
    EDITION.get_or_init(sample::edition)
}

fn press(issue: i64) -> Press {
    Press::new(edition(), issue, jiff::Timestamp::UNIX_EPOCH, KeyRing::fresh(&[7; 32]))
        .expect("the edition can be printed")
}

fn copy() -> Vec<u8> {
    press(1).print(&reader(), "<1@example.org>", 1, Purpose::Real).expect("it prints").bytes
}

/// Returns the text and the HTML of one copy, for others to put a name in.
fn parts() -> (Arc<str>, Arc<str>) {
    let (press, reader) = (press(1), reader());
    let text = press.part_text(&reader, Purpose::Real).expect("it prints");
    let html = press.part_html(&reader, Purpose::Real).expect("it prints");
    (text.into(), html.into())
}

fn reader() -> Subscriber {
    Subscriber {
        id: 1,
        token_id: "mfrggzdfmztwq".to_owned(),
        address: "reader@example.org".parse().expect("an address"),
        name: peers::NAME.to_owned(),
        tags: Vec::new(),
        fields: BTreeMap::new(),
        state: SubscriberState::Active,
    }
}

fn per_second(count: u32, took: Duration) -> f64 {
    f64::from(count) / took.as_secs_f64()
}

/// Returns the middle of what was measured; `None` where nothing was.
fn median(figures: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let mut figures: Vec<f64> = figures.flatten().collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}
