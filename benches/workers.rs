//! What many machines cost: the ledger's share of a message on PostgreSQL and in a file, from ten thousand readers to a
//! million, and the rates of one, two and four workers.
//!
//! `. DIR/env` of a throw-away server (`sh tests/rig/postgres start DIR`), then
//! `cargo bench --bench workers`, or with a smaller number of readers:
//! `cargo bench --bench workers -- 100000`. A million take a quarter of an hour
//! and five gigabytes of disk. Rates are the machine's, on which the workers,
//! the server and the relay all run; the costs a message are what to plan with.

#![allow(clippy::print_stdout, missing_docs)]

mod program;
mod sample;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use postrider::{
    ledger::{
        Claim, Entry, Ledger, Passed, PostgresLedger, PostgresSettings, Record, SqliteLedger,
    },
    model::{Outcome, SubscriberState},
    outbox::Outbox,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_postgres::NoTls;

use self::program::{Publication, median};

const ISSUE: &str = "kazakhstan";
const FEW: u32 = 10_000;
const ROUNDS: usize = 3;

/// What a run takes at once, and how many of its connections' entries come together in one transaction.
const CLAIM: usize = 256;
const GROUP: usize = 64;

const LEASE: Duration = Duration::from_mins(15);
const TWO_DAYS: Duration = Duration::from_hours(48);

/// A hundredth of a second, in which the kernel counts the time of a process.
const TICK: f64 = 1e4;

fn main() {
    let most = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let Ok(server) = std::env::var("POSTRIDER_POSTGRES") else {
        println!("there is no POSTRIDER_POSTGRES: `sh tests/rig/postgres start DIR`, `. DIR/env`");
        return;
    };
    let runtime = Runtime::new().expect("a runtime can be made");
    let schema = Schema { server, runtime };
    costs(&schema, most);
    rates(&schema, most);
}

/// Prints what the ledger alone takes for a message.
fn costs(schema: &Schema, most: u32) {
    println!(
        "| ledger | readers | plan, a reader | claim | begin and outcome | a message | last 10,000 against first | our CPU | server's CPU |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let sizes = [FEW, 100_000, 1_000_000];
    for readers in sizes.into_iter().filter(|readers| *readers <= most) {
        let rounds = if readers == FEW { ROUNDS } else { 1 };
        for (name, cost) in [
            ("a file (SQLite)", (|_: &Schema, readers| in_a_file(readers)) as Measure),
            ("PostgreSQL", on_a_server),
        ] {
            let costs: Vec<Cost> = (0..rounds).map(|_| cost(schema, readers)).collect();
            let middle = |part: fn(&Cost) -> f64| median(costs.iter().map(part).collect());
            println!(
                "| {name} | {readers} | {:.1} µs | {:.1} µs | {:.1} µs | {:.1} µs | {:.2} | {:.1} µs | {:.1} µs |",
                middle(|cost| cost.plan),
                middle(|cost| cost.claim),
                middle(|cost| cost.enter),
                middle(|cost| cost.claim + cost.enter),
                middle(|cost| cost.drift),
                middle(|cost| cost.ours),
                middle(|cost| cost.server),
            );
        }
    }
}

type Measure = fn(&Schema, u32) -> Cost;

/// Microseconds a message, but for `drift`.
struct Cost {
    plan: f64,
    claim: f64,
    enter: f64,
    /// What the last ten thousand took against the first.
    drift: f64,
    /// Of the processor, here and at the server, without the plan.
    ours: f64,
    server: f64,
}

fn in_a_file(readers: u32) -> Cost {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder can be made");
    let ledger = SqliteLedger::open(&folder.path().join("ledger.sqlite")).expect("it opens");
    measure(&ledger, None, readers)
}

fn on_a_server(schema: &Schema, readers: u32) -> Cost {
    let settings = PostgresSettings { url: schema.fresh(), password: None, trust: Vec::new() };
    let ledger = PostgresLedger::new(&settings).expect("it is a URL");
    measure(&ledger, Some(schema), readers)
}

/// Plans an issue and delivers it.
fn measure(ledger: &dyn Ledger, schema: Option<&Schema>, readers: u32) -> Cost {
    let runtime = Runtime::new().expect("a runtime can be made");
    let started = Instant::now();
    let issue = runtime.block_on(freeze(ledger, readers));
    let plan = started.elapsed().as_secs_f64() * 1e6 / f64::from(readers);
    let before = Used::now(&[], schema);
    let cost = runtime.block_on(deliver(ledger, issue, readers));
    let after = Used::now(&[], schema);
    Cost {
        plan,
        ours: (after.relay - before.relay) / f64::from(readers),
        server: (after.server - before.server) / f64::from(readers),
        ..cost
    }
}

/// Claims, begins and records every delivery of an issue, as one sender would whose relay takes no time.
async fn deliver(ledger: &dyn Ledger, issue: i64, readers: u32) -> Cost {
    let (mut claim, mut enter) = (Duration::ZERO, Duration::ZERO);
    let (mut done, mut first, mut last) = (0, Duration::ZERO, Duration::ZERO);
    let mut ended: Vec<Entry> = Vec::new();
    loop {
        let began = Instant::now();
        let but = Passed::default();
        let claims = ledger.claim(issue, "bench/1", CLAIM, LEASE, TWO_DAYS, &but).await;
        let claims = claims.expect("it claims");
        claim += began.elapsed();
        let entering = Instant::now();
        for group in claims.chunks(GROUP) {
            ended.extend(group.iter().map(|claim| Entry::Begin(claim.ticket)));
            ledger.enter(&ended).await.expect("it enters");
            ended = group.iter().map(accepted).collect();
        }
        if claims.is_empty() {
            ledger.enter(&ended).await.expect("it enters");
        }
        enter += entering.elapsed();
        done += u32::try_from(claims.len()).expect("they are few");
        if done <= FEW {
            first += began.elapsed();
        }
        if done > readers - FEW {
            last += began.elapsed();
        }
        if claims.is_empty() {
            assert_eq!(done, readers);
            let each = |took: Duration| took.as_secs_f64() * 1e6 / f64::from(readers);
            let drift = last.as_secs_f64() / first.as_secs_f64();
            return Cost {
                plan: 0.0,
                claim: each(claim),
                enter: each(enter),
                drift,
                ours: 0.0,
                server: 0.0,
            };
        }
    }
}

fn accepted(claim: &Claim) -> Entry {
    let said = "250 2.0.0 Ok: queued as 4Rk2qj0hPzz1".to_owned();
    Entry::Record(claim.ticket, Outcome::Accepted { said })
}

async fn freeze(ledger: &dyn Ledger, readers: u32) -> i64 {
    let records = (0..readers).map(|number| {
        let row = program::row(number);
        let (address, name) = row.split_once(',').expect("an address stands first");
        Ok(Record {
            line: u64::from(number) + 2,
            address: address.parse().expect("an address"),
            name: name.to_owned(),
            tags: Vec::new(),
            fields: BTreeMap::new(),
            state: SubscriberState::Active,
            evidence: String::new(),
        })
    });
    let order = sample::order(&sample::starter());
    let frozen = ledger.freeze(order, Some(Box::new(records)), Box::new(|_| Ok(()))).await;
    frozen.expect("it freezes").issue.id
}

/// Prints how fast programs deliver together, and what each message takes of whom.
fn rates(schema: &Schema, most: u32) {
    let relay = program::relay();
    println!();
    println!(
        "| senders | readers | messages/s | against `send` | sender, CPU | server, CPU | relay, CPU | log of the server |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let few = most.min(50_000);
    let alone = delivered(&relay, None, 0, few);
    alone.print("`send`, a file", few, &alone);
    let mut crews = vec![(1, few), (2, few), (4, few)];
    crews.extend((most > few).then_some((4, most)));
    for (workers, readers) in crews {
        let name = if workers == 1 { "1 worker".to_owned() } else { format!("{workers} workers") };
        delivered(&relay, Some(schema), workers, readers).print(&name, readers, &alone);
    }
}

/// How fast it went, and what a message took: microseconds of a processor, and bytes.
struct Delivered {
    per_second: f64,
    senders: f64,
    server: f64,
    relay: f64,
    log: f64,
}

impl Delivered {
    fn print(&self, what: &str, readers: u32, alone: &Self) {
        println!(
            "| {what} | {readers} | {:.0} | {:.2} | {:.0} µs | {:.0} µs | {:.0} µs | {:.0} bytes |",
            self.per_second,
            self.per_second / alone.per_second,
            self.senders,
            self.server,
            self.relay,
            self.log
        );
    }
}

/// Has workers deliver an issue, or without a server `send`; measured from the first tenth to the last.
fn delivered(relay: &Outbox, schema: Option<&Schema>, workers: usize, readers: u32) -> Delivered {
    let publication = Publication::new(relay);
    publication.list(readers);
    let before = relay.accepted();
    let url = schema.map(Schema::fresh);
    if let Some(url) = &url {
        let file = publication.root().join("publication.toml");
        let text = fs::read_to_string(&file).expect("init wrote it");
        let text = format!("{text}\n[ledger]\nurl = \"{url}\"\n");
        fs::write(file, text).expect("it can be written");
    }
    let frozen = publication.run(&["send", ISSUE, "--yes", "--limit", "1", "-q"]);
    assert_eq!(frozen.code, Some(75), "{}", frozen.said);
    let mut senders: Vec<Child> = match &url {
        None => vec![publication.start(&["send", ISSUE, "--yes", "-q"])],
        Some(url) => (0..workers).map(|number| worker(&publication, url, number)).collect(),
    };
    let reached = |share: f64| {
        let enough = before + num(f64::from(readers) * share);
        while relay.accepted() < enough {
            thread::sleep(Duration::from_millis(2));
        }
    };
    reached(0.1);
    let (from, since, used) = (relay.accepted(), Instant::now(), Used::now(&senders, schema));
    reached(0.9);
    let messages = u32::try_from(relay.accepted() - from).expect("they are few");
    let (took, after) = (since.elapsed(), Used::now(&senders, schema));
    for sender in &mut senders {
        assert!(sender.wait().expect("it ends").success());
    }
    assert_eq!(relay.accepted() - before, u64::from(readers), "each once");
    let messages = f64::from(messages);
    Delivered {
        per_second: messages / took.as_secs_f64(),
        senders: (after.senders - used.senders) / messages,
        server: (after.server - used.server) / messages,
        relay: (after.relay - used.relay) / messages,
        log: (after.log - used.log) / messages,
    }
}

fn worker(publication: &Publication, url: &str, number: usize) -> Child {
    let state = publication.root().join(format!("worker-{number}"));
    fs::create_dir_all(&state).expect("it can be made");
    fs::copy(publication.root().join(".postrider/key"), state.join("key")).expect("it is there");
    let state = state.to_str().expect("UTF-8");
    publication.start(&["worker", "--ledger", url, "--state", state, "--until-idle", "-q"])
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
fn num(count: f64) -> u64 {
    count as u64
}

/// What was used of the processor so far, in microseconds, and how long the server's log is.
struct Used {
    senders: f64,
    server: f64,
    /// Of this process, where the relay is.
    relay: f64,
    log: f64,
}

impl Used {
    fn now(senders: &[Child], schema: Option<&Schema>) -> Self {
        let (server, log) = schema.map_or((0.0, 0.0), Schema::used);
        Self {
            senders: senders
                .iter()
                .filter_map(|child| Process::read(child.id()))
                .map(|one| one.used)
                .sum(),
            server,
            relay: Process::read(std::process::id()).map_or(0.0, |one| one.used),
            log,
        }
    }
}

/// A process as the kernel shows it (Linux).
struct Process {
    parent: u32,
    used: f64,
}

impl Process {
    fn read(id: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // Behind the name, which may hold anything: state, parent, and from there the 12th and 13th are its time.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |place: usize| fields.get(place)?.parse::<f64>().ok();
        let parent = fields.get(1)?.parse().ok()?;
        Some(Self { parent, used: (ticks(11)? + ticks(12)?) * TICK })
    }
}

/// A schema of the bench's own in a throw-away server.
struct Schema {
    server: String,
    runtime: Runtime,
}

impl Schema {
    /// Returns the URL of an empty one.
    fn fresh(&self) -> String {
        self.ask("DROP SCHEMA IF EXISTS bench CASCADE");
        self.ask("CREATE SCHEMA bench");
        self.ask("CHECKPOINT");
        format!("{}?options=-csearch_path%3Dbench", self.server)
    }

    /// Returns what its processes used, and how much it has logged.
    fn used(&self) -> (f64, f64) {
        let told = self.ask("SELECT pg_backend_pid(), (pg_current_wal_lsn() - '0/0')::float8");
        let (id, log) = told.expect("a row");
        let postmaster =
            Process::read(u32::try_from(id).expect("a process")).expect("it lives").parent;
        let processes = fs::read_dir("/proc").expect("it can be read").flatten();
        let its = processes
            .filter_map(|entry| Process::read(number(&entry.path())?))
            .filter(|process| process.parent == postmaster);
        (its.map(|process| process.used).sum(), log)
    }

    fn ask(&self, sql: &str) -> Option<(i32, f64)> {
        self.runtime.block_on(async {
            let (client, connection) =
                tokio_postgres::connect(&self.server, NoTls).await.expect("it is up");
            let connection = tokio::spawn(connection);
            let rows = client.query(sql, &[]).await.expect("it answers");
            let told = rows.first().map(|row| (row.get(0), row.get(1)));
            drop(client);
            let _ = connection.await;
            told
        })
    }
}

fn number(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.parse().ok()
}
