//! Many machines, one list, and everything goes wrong at once: workers are killed, the server is, readers leave, and
//! the relay refuses, defers and loses its answers. Then everybody is accounted for.

use std::{
    collections::HashMap,
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use postrider::{
    ledger::{Event, Ledger, PostgresLedger, PostgresSettings},
    model::SubscriberState,
    outbox::{Keep, Outbox, OutboxSettings},
};
use serde_json::Value;
use tokio_postgres::NoTls;

use super::apart;
use crate::{command::env::Env, skip::skipped};

/// The id that `init` gives.
const LIST: &str = "tt-report";
const READERS: u64 = 5_200;
const WORKERS: usize = 4;
const KILLS: usize = 25;
const RESTARTS: usize = 3;
const LEAVERS: usize = 60;

/// Every ledger has at most so many messages of a dead worker on the wire.
const CONNECTIONS: u64 = 2;

/// What the relay does wrong.
const SCRIPT: &str = "\
rcpt /97 reply 550 5.1.1 unknown user
rcpt /53 reply 450 4.2.1 try later
dot /131 accept-then-close
dot /211 reply 451 4.3.0 not now";

/// A server of the test's own, to be killed.
struct Server {
    folder: tempfile::TempDir,
    url: String,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::TempDir::new_in("/tmp").expect("a folder");
        rig("start", folder.path());
        let env = fs::read_to_string(folder.path().join("env")).expect("it is written");
        let url = env.split('\'').nth(1).expect("a URL").to_owned();
        Self { folder, url }
    }

    /// Kills it as a power cut would, and starts it again.
    fn restart(&self) {
        rig("restart", self.folder.path());
    }

    fn settings(&self) -> PostgresSettings {
        PostgresSettings { url: self.url.clone(), password: None, trust: Vec::new() }
    }

    /// Returns the first column of every row.
    fn numbers(&self, sql: &str) -> Vec<i64> {
        let (url, sql) = (self.url.clone(), sql.to_owned());
        apart(async move {
            let (client, connection) =
                tokio_postgres::connect(&url, NoTls).await.expect("it is up");
            let connection = tokio::spawn(connection);
            let rows = client.query(&sql, &[]).await.expect("it answers");
            drop(client);
            let _ = connection.await;
            rows.iter().map(|row| row.get(0)).collect()
        })
    }

    /// Lets the ledger's clock run ahead by an hour more.
    fn pass_an_hour(&self) {
        self.numbers("UPDATE ahead SET micros = micros + 3600000000 RETURNING micros");
    }

    fn keep_a_clock_that_can_run_ahead(&self) {
        self.numbers("CREATE TABLE ahead AS SELECT 0::bigint AS micros");
        self.numbers(
            "CREATE OR REPLACE FUNCTION ledger_now() RETURNS bigint LANGUAGE sql VOLATILE AS
             'SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
                     + (SELECT micros FROM ahead)'",
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        rig("stop", self.folder.path());
    }
}

fn rig(word: &str, folder: &Path) {
    let rig = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rig/postgres");
    let output = Command::new("sh").arg(rig).arg(word).arg(folder).output().expect("a shell");
    assert!(output.status.success(), "{word}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Workers, each with a state folder that outlives it.
struct Crew<'a> {
    env: &'a Env,
    url: &'a str,
    at_work: Vec<(PathBuf, Child)>,
}

impl Drop for Crew<'_> {
    /// Nobody works on when the test has failed.
    fn drop(&mut self) {
        for (_, child) in &mut self.at_work {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl<'a> Crew<'a> {
    fn hire(env: &'a Env, url: &'a str) -> Self {
        let mut crew = Self { env, url, at_work: Vec::new() };
        for number in 0..WORKERS {
            let state = env.root.join(format!("worker-{number}"));
            fs::create_dir_all(&state).expect("it can be made");
            fs::copy(env.root.join(".postrider/key"), state.join("key")).expect("it is there");
            let child = crew.start(&state);
            crew.at_work.push((state, child));
        }
        crew
    }

    fn start(&self, state: &Path) -> Child {
        let said = fs::File::options().append(true).create(true).open(state.join("said"));
        self.env
            .command("worker --quiet")
            .env("POSTRIDER_LEDGER_URL", self.url)
            .env("POSTRIDER_STATE", state)
            .stdout(Stdio::null())
            .stderr(said.expect("it opens"))
            .spawn()
            .expect("it starts")
    }

    fn kill(&mut self, number: usize) {
        let child = &mut self.at_work[number].1;
        child.kill().expect("it lives");
        child.wait().expect("it is dead");
        let again = self.start(&self.at_work[number].0);
        self.at_work[number].1 = again;
    }

    /// Ends them as a service is ended.
    fn dismiss(mut self) {
        for (_, child) in &mut self.at_work {
            crate::command::stopped::signal(child.id(), "TERM");
        }
        for (state, child) in &mut self.at_work {
            let code = child.wait().expect("it ends").code();
            let said = fs::read_to_string(state.join("said")).unwrap_or_default();
            assert_eq!(code, Some(75), "{said}");
        }
    }
}

/// Chance that can be played again: xorshift64* over a seed that is printed.
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let seed = std::env::var("POSTRIDER_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or(u64::from(now.subsec_nanos())) | 1;
        writeln!(io::stderr(), "POSTRIDER_TEST_SEED={seed}").expect("stderr is open");
        Self(seed)
    }

    fn up_to(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound
    }
}

#[derive(Clone, Copy)]
enum Mishap {
    Kill(usize),
    Restart,
    Leave(u64),
}

/// What goes wrong, and after how many messages.
fn mishaps(chance: &mut Chance) -> Vec<(u64, Mishap)> {
    let mut mishaps = Vec::new();
    let when = |chance: &mut Chance| chance.up_to(READERS * 8 / 10);
    for _ in 0..KILLS {
        let who = usize::try_from(chance.up_to(WORKERS as u64)).expect("it is small");
        mishaps.push((when(chance), Mishap::Kill(who)));
    }
    for _ in 0..RESTARTS {
        mishaps.push((when(chance), Mishap::Restart));
    }
    for _ in 0..LEAVERS {
        let reader = 1 + chance.up_to(READERS);
        mishaps.push((when(chance), Mishap::Leave(reader)));
    }
    mishaps.sort_by_key(|(at, _)| *at);
    mishaps
}

fn address(reader: u64) -> String {
    format!("reader{reader}@example.org")
}

/// Takes a reader off the list, however long the ledger is away.
async fn leave(ledger: Arc<PostgresLedger>, reader: u64) {
    let address = address(reader).parse().expect("it is an address");
    let event =
        Event { name: "unsubscribe".into(), source: "a test".into(), detail: String::new() };
    let to = SubscriberState::Unsubscribed;
    while ledger.move_subscriber(LIST, &address, to, &event).await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until something is so, and does something now and then.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_mins(2), "{what}: not in two minutes");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn four_workers_account_for_everybody_whatever_is_killed() {
    if std::env::var_os("POSTRIDER_POSTGRES").is_none() {
        return skipped("what needs PostgreSQL");
    }
    let server = Server::start();
    let settings = OutboxSettings {
        script: SCRIPT.parse().expect("a script"),
        ..OutboxSettings::new(Keep::Count)
    };
    let relay = Outbox::start(settings).expect("a relay");
    let lines: Vec<String> = (1..=READERS).map(address).collect();
    let env = Env::with_list(&format!("email\n{}\n", lines.join("\n")))
        .relay(&format!("smtp://127.0.0.1:{}?tls=none", relay.address().port()));
    env.set("rate = [\"2000/s\"]", "rate = [\"400/s\"]");
    env.set("stop_at_rejected = \"5%\"", "stop_at_rejected = \"100%\"");
    let text = env.read("publication.toml");
    env.write("publication.toml", &format!("{text}\n[ledger]\nurl = \"{}\"\n", server.url));
    // Freezes it, and says how it goes out.
    env.postrider("send kazakhstan --yes --limit 1 --quiet").code(75);
    server.keep_a_clock_that_can_run_ahead();
    let mut chance = Chance::new();
    let mut crew = Crew::hire(&env, &server.url);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("it starts");
    let ledger = Arc::new(PostgresLedger::new(&server.settings()).expect("it is a URL"));
    let mut leaving = Vec::new();
    for (at, mishap) in mishaps(&mut chance) {
        until("the workers get that far", || relay.accepted() >= at);
        match mishap {
            Mishap::Kill(who) => crew.kill(who),
            Mishap::Restart => server.restart(),
            Mishap::Leave(reader) => {
                leaving.push(runtime.spawn(leave(Arc::clone(&ledger), reader)));
            }
        }
    }
    runtime.block_on(async {
        for one in leaving {
            one.await.expect("they left");
        }
    });
    finish(&server);
    crew.dismiss();
    check(&server, &env, &relay);
}

/// Waits for the end; whoever is deferred waits for an hour that the clock skips, once nothing else is left.
fn finish(server: &Server) {
    until("it is finished", || {
        let count = |states: &str| {
            server.numbers(&format!("SELECT count(*) FROM deliveries WHERE state IN ({states})"))[0]
        };
        if count("'planned', 'claimed', 'attempting'") == 0 && count("'deferred'") > 0 {
            server.pass_an_hour();
        }
        thread::sleep(Duration::from_millis(300));
        server.numbers("SELECT count(*) FROM issues WHERE state = 'finished'")[0] == 1
    });
}

/// Holds what the relay took against what the ledger says.
fn check(server: &Server, env: &Env, relay: &Outbox) {
    let account = env.json("status kazakhstan");
    let count = |name: &str| account[name].as_u64().expect("a count");
    assert_eq!((count("planned"), count("remaining")), (READERS, 0), "{account}");
    let settled = ["accepted", "rejected", "in_doubt", "suppressed", "expired", "cancelled"];
    assert_eq!(settled.iter().map(|name| count(name)).sum::<u64>(), READERS, "{account}");

    let mut taken: HashMap<String, u64> = HashMap::new();
    for acceptance in relay.acceptances() {
        *taken.entry(acceptance.to).or_default() += 1;
    }
    let twice: Vec<_> = taken.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "mailed more than once: {twice:?}");

    let in_state = |wish: &str| -> Vec<String> {
        let listed = env.postrider(&format!("status kazakhstan {wish} --json")).code(0).out;
        let row = |line| serde_json::from_str::<Value>(line).expect("an object a line");
        listed.lines().map(|line| row(line)["address"].as_str().expect("text").to_owned()).collect()
    };
    let (doubtful, failed) = (in_state("--in-doubt"), in_state("--failed"));
    for reader in failed {
        assert_eq!(taken.get(&reader), None, "{reader} was refused");
    }
    let known = doubtful.iter().filter(|reader| taken.contains_key(*reader)).count() as u64;
    assert_eq!(taken.len() as u64, count("accepted") + known, "{account}");

    let late = server.numbers(
        "SELECT c.subscriber FROM consent c
              JOIN deliveries d ON d.subscriber = c.subscriber
              LEFT JOIN attempts a ON a.issue = d.issue AND a.slot = d.slot
         WHERE c.event = 'unsubscribe' AND (d.began_at > c.at OR a.began_at > c.at)",
    );
    assert!(late.is_empty(), "begun after they had left: {late:?}");
    let left = server.numbers("SELECT count(*) FROM consent WHERE event = 'unsubscribe'")[0];
    assert!(left > 50, "{left} left");
    // Of those who left, many had not been mailed yet.
    assert!(count("suppressed") > 10, "{account}");

    let lost_answers = READERS / 131 + 1;
    let on_the_wire = (KILLS + RESTARTS * WORKERS) as u64 * CONNECTIONS + lost_answers;
    assert!(doubtful.len() as u64 <= on_the_wire, "{} in doubt: {account}", doubtful.len());
    writeln!(io::stderr(), "{} in doubt, {} suppressed", doubtful.len(), count("suppressed"))
        .expect("stderr is open");
}
