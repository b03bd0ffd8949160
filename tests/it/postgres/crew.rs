//! One list that machines share: a relay that counts, the machine with the publication's files, and workers with nothing
//! but a ledger's URL and a key.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use postrider::outbox::{Keep, Outbox, OutboxSettings};
use serde_json::Value;

use super::numbers;
use crate::command::{
    env::{Env, Said},
    stopped::signal,
};

/// So many messages of a worker are on the wire at most.
pub(super) const CONNECTIONS: u64 = 2;

pub(super) struct List {
    /// The machine with the files.
    pub(super) env: Env,
    pub(super) relay: Outbox,
    /// The ledger.
    pub(super) url: String,
    readers: u64,
}

/// What the relay took, held against what the ledger says.
pub(super) struct Balance {
    /// What `status` says.
    pub(super) account: Value,
    /// Everybody the relay took a mail for.
    pub(super) taken: HashSet<String>,
    pub(super) in_doubt: Vec<String>,
}

impl List {
    /// Makes a publication for `readers` readers; `rate` is what stands in the brackets, and `script` says what the relay does wrong.
    pub(super) fn new(url: &str, readers: u64, rate: &str, script: &str) -> Self {
        let script = script.parse().expect("a script");
        let settings = OutboxSettings { script, ..OutboxSettings::new(Keep::Count) };
        let relay = Outbox::start(settings).expect("a relay");
        let lines: Vec<String> = (1..=readers).map(address).collect();
        let env = Env::with_list(&format!("email\n{}\n", lines.join("\n")))
            .relay(&format!("smtp://127.0.0.1:{}?tls=none", relay.address().port()));
        env.set("rate = [\"2000/s\"]", &format!("rate = [{rate}]"));
        env.set("stop_at_rejected = \"5%\"", "stop_at_rejected = \"100%\"");
        let text = env.read("publication.toml");
        env.write("publication.toml", &format!("{text}\n[ledger]\nurl = \"{url}\"\n"));
        Self { env, relay, url: url.to_owned(), readers }
    }

    /// Freezes the issue, says how it goes out, and sends the first.
    pub(super) fn begin(&self) {
        self.env.postrider("send kazakhstan --yes --limit 1 --quiet").code(75);
    }

    /// Makes another machine with the same files.
    pub(super) fn copy(&self, name: &str) -> Machine<'_> {
        let root = self.env.root.with_file_name(name);
        let copied = Command::new("cp").arg("-a").arg(&self.env.root).arg(&root).status();
        assert!(copied.expect("cp runs").success());
        // What a sender keeps of its own is no part of a publication.
        for own in ["sender", "high-water", "outcomes.journal", "send.lock"] {
            let _ = fs::remove_file(root.join(".postrider").join(own));
        }
        Machine { env: &self.env, root }
    }

    pub(super) fn hire(&self, count: usize) -> Crew<'_> {
        let mut crew = Crew { list: self, hired: 0, at_work: Vec::new() };
        for _ in 0..count {
            crew.hire();
        }
        crew
    }

    pub(super) fn numbers(&self, sql: &str) -> Vec<i64> {
        numbers(&self.url, sql)
    }

    pub(super) fn is_finished(&self) -> bool {
        self.numbers("SELECT count(*) FROM issues WHERE state = 'finished'")[0] == 1
    }

    /// Holds what the relay took against what the ledger says: nobody twice, nobody lost.
    pub(super) fn balance(&self) -> Balance {
        let account = self.env.json("status kazakhstan");
        let count = |name: &str| account[name].as_u64().expect("a count");
        assert_eq!((count("planned"), count("remaining")), (self.readers, 0), "{account}");
        let settled = ["accepted", "rejected", "in_doubt", "suppressed", "expired", "cancelled"];
        assert_eq!(settled.iter().map(|name| count(name)).sum::<u64>(), self.readers, "{account}");

        let (mut times, mut ids) = (HashMap::<String, u64>::new(), HashSet::new());
        for acceptance in self.relay.acceptances() {
            assert!(ids.insert(acceptance.message_id), "{} was mailed twice", acceptance.to);
            *times.entry(acceptance.to).or_default() += 1;
        }
        let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "mailed more than once: {twice:?}");
        let taken: HashSet<String> = times.into_keys().collect();

        let (in_doubt, failed) = (self.in_state("--in-doubt"), self.in_state("--failed"));
        for reader in failed {
            assert!(!taken.contains(&reader), "{reader} was refused");
        }
        let known = in_doubt.iter().filter(|reader| taken.contains(*reader)).count() as u64;
        assert_eq!(taken.len() as u64, count("accepted") + known, "{account}");
        Balance { account, taken, in_doubt }
    }

    fn in_state(&self, wish: &str) -> Vec<String> {
        let listed = self.env.postrider(&format!("status kazakhstan {wish} --json")).code(0).out;
        let row = |line| serde_json::from_str::<Value>(line).expect("an object a line");
        listed.lines().map(|line| row(line)["address"].as_str().expect("text").to_owned()).collect()
    }
}

impl Balance {
    pub(super) fn count(&self, name: &str) -> u64 {
        self.account[name].as_u64().expect("a count")
    }
}

/// A machine with the publication's files.
pub(super) struct Machine<'a> {
    env: &'a Env,
    pub(super) root: PathBuf,
}

impl Machine<'_> {
    pub(super) fn start(&self, line: &str) -> Child {
        let mut command = self.env.command(line);
        command.current_dir(&self.root).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("it starts")
    }

    pub(super) fn end(&self, child: Child) -> Said {
        self.env.said(child.wait_with_output().expect("it ends"))
    }

    #[track_caller]
    pub(super) fn postrider(&self, line: &str) -> Said {
        self.end(self.start(line))
    }
}

/// Workers, each with a state folder that outlives it.
pub(super) struct Crew<'a> {
    list: &'a List,
    hired: usize,
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

impl Crew<'_> {
    /// Takes on one more.
    pub(super) fn hire(&mut self) {
        let root = &self.list.env.root;
        self.hired += 1;
        let state = root.join(format!("worker-{}", self.hired));
        fs::create_dir_all(&state).expect("it can be made");
        fs::copy(root.join(".postrider/key"), state.join("key")).expect("it is there");
        let child = self.start(&state);
        self.at_work.push((state, child));
    }

    fn start(&self, state: &Path) -> Child {
        let said = fs::File::options().append(true).create(true).open(state.join("said"));
        self.list
            .env
            .command("worker --quiet")
            .env("POSTRIDER_LEDGER_URL", &self.list.url)
            .env("POSTRIDER_STATE", state)
            .stdout(Stdio::null())
            .stderr(said.expect("it opens"))
            .spawn()
            .expect("it starts")
    }

    /// Kills one, and starts it again.
    pub(super) fn kill(&mut self, number: usize) {
        kill(&mut self.at_work[number].1);
        let again = self.start(&self.at_work[number].0);
        self.at_work[number].1 = again;
    }

    /// Kills one that does not come back.
    pub(super) fn lose(&mut self, number: usize) {
        kill(&mut self.at_work.remove(number).1);
    }

    pub(super) fn process(&self, number: usize) -> u32 {
        self.at_work[number].1.id()
    }

    /// Returns the slots of which a worker has handed a message over in its present run.
    pub(super) fn handed_over(&self, number: usize) -> Vec<i64> {
        let journal = self.at_work[number].0.join("outcomes.journal");
        let text = fs::read_to_string(journal).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter_map(|line| line["HandOver"]["slot"].as_i64()).collect()
    }

    /// Returns what a worker has said, in one line.
    pub(super) fn said(&self, number: usize) -> String {
        let said = fs::read_to_string(self.at_work[number].0.join("said")).unwrap_or_default();
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Ends them as a service is ended.
    pub(super) fn dismiss(mut self) {
        for (_, child) in &mut self.at_work {
            signal(child.id(), "TERM");
        }
        for (state, child) in &mut self.at_work {
            let code = child.wait().expect("it ends").code();
            let said = fs::read_to_string(state.join("said")).unwrap_or_default();
            assert_eq!(code, Some(75), "{said}");
        }
    }
}

fn kill(child: &mut Child) {
    child.kill().expect("it lives");
    child.wait().expect("it is dead");
}

pub(super) fn address(reader: u64) -> String {
    format!("reader{reader}@example.org")
}

/// Waits until something is so, and does something now and then.
#[track_caller]
pub(super) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_mins(2), "{what}: not in two minutes");
        thread::sleep(Duration::from_millis(20));
    }
}
