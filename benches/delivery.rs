//! How fast an issue is delivered: our send with its durable ledger against lettre's pooled transport and Postfix's
//! smtp-source, in one run.
//!
//! `cargo bench --bench delivery`. All hand a 40 KB message over 8 connections
//! to the same loopback relay, which counts and keeps nothing. Ours is
//! personalised and recorded; lettre's is ready-made; smtp-source repeats one
//! body and records nothing. Absolute rates are the machine's; the ratios are ours.

#![allow(clippy::print_stdout, missing_docs)]

mod sample;

use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor, transport::smtp::PoolConfig};
use postrider::{
    compose::{KeyRing, Press, Purpose},
    ledger::{Event, Freeze, IssueRecord, Ledger, Record, SqliteLedger},
    model::{Security, Subscriber, SubscriberState},
    outbox::{Keep, Outbox, OutboxSettings},
    send::{Ended, Run, Stop},
    smtp::{Deadlines, Relay},
};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

const CONNECTIONS: u32 = 8;
const ROUNDS: usize = 3;
const OURS: u32 = 20_000;
const LETTRES: u32 = 400;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let relay = outbox();
    let (mut ours, mut lettres, mut sources) = (Vec::new(), Vec::new(), Vec::new());
    if std::env::args().any(|argument| argument == "ours") {
        // For a profiler: nothing else runs.
        println!("{:.0}", runtime.block_on(send(&relay)));
        return;
    }
    for _ in 0..ROUNDS {
        ours.push(runtime.block_on(send(&relay)));
        lettres.push(runtime.block_on(lettre_pool(&relay)));
        sources.extend(smtp_source(&relay));
    }
    let (ours, lettres) = (median(ours), median(lettres));
    println!(
        "a {} KB message over {CONNECTIONS} connections, medians of {ROUNDS}",
        copy().len() / 1000
    );
    println!("  postrider send, durable ledger   {ours:>9.0} messages a second");
    println!("  lettre, pooled transport         {lettres:>9.0} messages a second");
    println!("  ratio                            {:>9.1}", ours / lettres);
    if sources.is_empty() {
        println!("  smtp-source is not here (it comes with Postfix)");
    } else {
        let source = median(sources);
        println!("  smtp-source -d, no record        {source:>9.0} messages a second");
        println!("  ratio                            {:>9.2}", ours / source);
    }
}

/// Postfix's load generator with the connections kept open; `None` where it is not installed.
fn smtp_source(relay: &Outbox) -> Option<f64> {
    let before = relay.accepted();
    let started = Instant::now();
    let status = Command::new("smtp-source")
        .args(["-d", "-s", &CONNECTIONS.to_string(), "-m", &OURS.to_string()])
        .args(["-l", &copy().len().to_string(), "-f", "report@example.org"])
        .args(["-t", "reader@example.org", &format!("inet:{}", relay.address())])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .ok()?;
    let took = started.elapsed();
    assert!(status.success());
    assert_eq!(relay.accepted() - before, u64::from(OURS));
    Some(per_second(OURS, took))
}

/// A relay on a thread of its own, with nothing to write.
fn outbox() -> Outbox {
    Outbox::start(OutboxSettings { record: false, ..OutboxSettings::new(Keep::Count) })
        .expect("a port is free")
}

async fn send(relay: &Outbox) -> f64 {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder can be made");
    let ledger: Arc<dyn Ledger> =
        Arc::new(SqliteLedger::open(&folder.path().join("ledger.sqlite")).expect("it opens"));
    let issue = freeze(&*ledger).await;
    let run = Run {
        ledger: Arc::clone(&ledger),
        publication: "tt-report".to_owned(),
        press: Arc::new(press(issue.id)),
        issue,
        relay: Relay {
            host: relay.address().ip().to_string(),
            port: relay.address().port(),
            security: Security::Plain,
            credentials: None,
            trust: Vec::new(),
            hello: "example.org".to_owned(),
            deadlines: Deadlines::default(),
        },
        connections: CONNECTIONS as usize,
        lane: "relay bench".to_owned(),
        messages: None,
        rates: Vec::new(),
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
    let before = relay.accepted();
    let started = Instant::now();
    let ended = run.deliver(Box::new(|_| true), stopped, progress).await.expect("it runs");
    let took = started.elapsed();
    assert_eq!(ended, Ended::Finished);
    assert_eq!(relay.accepted() - before, u64::from(OURS));
    per_second(OURS, took)
}

async fn freeze(ledger: &dyn Ledger) -> IssueRecord {
    let records = (0..OURS).map(|number| {
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
    let edition = sample::edition();
    let order = Freeze {
        publication: "tt-report".to_owned(),
        slug: edition.slug.clone(),
        digest: edition.digest(),
        edition: serde_json::to_vec(&edition).expect("it is JSON"),
        date: jiff::Timestamp::UNIX_EPOCH,
        message_domain: "example.org".to_owned(),
        event: Event {
            name: "import".to_owned(),
            source: "bench".to_owned(),
            detail: String::new(),
        },
        catch_up: false,
        rehearse: false,
        expected: None,
        segment: String::new(),
    };
    ledger
        .freeze(order, Some(Box::new(records)), Box::new(|_| Ok(())))
        .await
        .expect("it freezes")
        .issue
}

/// lettre's pool as it comes, handing over bytes that are ready: its best case.
async fn lettre_pool(relay: &Outbox) -> f64 {
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
        .port(relay.address().port())
        .pool_config(PoolConfig::new().max_size(CONNECTIONS))
        .build();
    let envelope = lettre::address::Envelope::new(
        Some("report@example.org".parse().expect("an address")),
        vec!["reader@example.org".parse().expect("an address")],
    )
    .expect("an envelope");
    let bytes = Arc::new(copy());
    let started = Instant::now();
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (transport, envelope, bytes) =
            (transport.clone(), envelope.clone(), Arc::clone(&bytes));
        senders.spawn(async move {
            for _ in 0..LETTRES / CONNECTIONS {
                transport.send_raw(&envelope, &bytes).await.expect("it is taken");
            }
        });
    }
    while let Some(done) = senders.join_next().await {
        done.expect("it sends");
    }
    per_second(LETTRES, started.elapsed())
}

fn press(issue: i64) -> Press {
    Press::new(&sample::edition(), issue, jiff::Timestamp::UNIX_EPOCH, KeyRing::fresh(&[7; 32]))
        .expect("the edition can be printed")
}

fn copy() -> Vec<u8> {
    let reader = Subscriber {
        id: 1,
        token_id: "mfrggzdfmztwq".to_owned(),
        address: "reader@example.org".parse().expect("an address"),
        name: "Reader".to_owned(),
        tags: Vec::new(),
        fields: BTreeMap::new(),
        state: SubscriberState::Active,
    };
    press(1).print(&reader, "<1@example.org>", 1, Purpose::Real).expect("it prints").bytes
}

fn per_second(count: u32, took: Duration) -> f64 {
    f64::from(count) / took.as_secs_f64()
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
