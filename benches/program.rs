//! The program itself, run on a publication of its own, for benches that measure what a person would.

#![allow(dead_code, reason = "each bench uses its own part")]

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use postrider::outbox::{Keep, Outbox, OutboxSettings};
use tempfile::TempDir;

/// A publication in a folder of its own, gone with it.
pub(crate) struct Publication {
    folder: TempDir,
}

/// How a run of the program went.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) took: Duration,
    /// The most memory it held, in MB.
    pub(crate) peak: f64,
    pub(crate) code: Option<i32>,
    /// What it said on stdout.
    pub(crate) said: String,
}

impl Publication {
    /// Begins one that sends to `relay`, as fast as it can.
    pub(crate) fn new(relay: &Outbox) -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder can be made");
        let publication = Self { folder };
        let status = program().arg("init").arg("-q").arg(publication.root()).status();
        assert!(status.expect("it starts").success());
        point_at(relay, &publication.root().join("publication.toml"));
        publication
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("report")
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.root().join(".postrider/ledger.sqlite")
    }

    /// Writes the list file: so many readers.
    pub(crate) fn list(&self, readers: u32) {
        let mut list = String::from("email,name,company\n");
        for number in 0..readers {
            writeln!(list, "{}", row(number)).expect("a string takes all");
        }
        fs::write(self.root().join("subscribers.csv"), list).expect("it can be written");
    }

    /// Starts the program; what it says goes nowhere unless `said` is asked for.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let mut command = program();
        command.arg("-C").arg(self.root()).args(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts")
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let started = Instant::now();
        let mut child = self.start(arguments);
        let mut stdout = child.stdout.take().expect("it is piped");
        let reading = thread::spawn(move || {
            let mut said = String::new();
            stdout.read_to_string(&mut said).expect("it is UTF-8");
            said
        });
        let mut peak = 0.0_f64;
        let ended = loop {
            peak = peak.max(high_water(child.id()).unwrap_or(0.0));
            if let Some(ended) = child.try_wait().expect("it can be waited for") {
                break ended;
            }
            // A run that is over soon is looked at often, for the time it took.
            thread::sleep(if started.elapsed() < Duration::from_secs(1) {
                Duration::from_millis(1)
            } else {
                Duration::from_millis(20)
            });
        };
        let took = started.elapsed();
        Ran { took, peak, code: ended.code(), said: reading.join().expect("it is read") }
    }

    /// Returns how long the first line takes to come; whoever reads it then goes away.
    pub(crate) fn first_line(&self, arguments: &[&str]) -> Duration {
        let started = Instant::now();
        let mut child = self.start(arguments);
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        assert!(lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())));
        let took = started.elapsed();
        drop(lines);
        child.wait().expect("it ends");
        took
    }
}

/// A relay that takes everything and keeps a count.
pub(crate) fn relay() -> Outbox {
    Outbox::start(OutboxSettings { record: false, ..OutboxSettings::new(Keep::Count) })
        .expect("a port is free")
}

/// A row of a list: a person's address in no order, their name and a company.
pub(crate) fn row(number: u32) -> String {
    // An odd factor turns the numbers below 2^32 into one another.
    let scattered = number.wrapping_mul(2_654_435_761);
    format!("reader{scattered:08x}@example.org,Reader {number},Company {}", number % 5_000)
}

/// Returns the middle one.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_postrider"))
}

fn point_at(relay: &Outbox, file: &Path) {
    let text = fs::read_to_string(file).expect("init wrote it");
    let url = format!("url = \"smtp://{}?tls=none\"", relay.address());
    let text = text
        .lines()
        .map(|line| match line.split('=').next().map(str::trim) {
            Some("url") if line.contains("outbox") => url.clone(),
            Some("rate") => "rate = []".to_owned(),
            Some("connections") => "connections = 8".to_owned(),
            _ => line.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("\n");
    fs::write(file, text).expect("it can be written");
}

/// Returns the peak of a process's resident memory in MB, as the kernel has it (Linux).
fn high_water(process: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1000.0)
}
