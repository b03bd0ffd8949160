//! The real sender in a world that a seed makes up: crashes, lost answers, a full disk, frozen clocks, people, and a relay that misbehaves.
//!
//! A seed decides how many readers and connections there are, whether copies are signed, what the relay
//! does at which step, and the lives of one or two senders: at which call of
//! the ledger each dies (before it, or after it and before it hears so), what
//! else befalls it there, and what happens between two lives. Then one run
//! without mishap has to settle everybody, and the relay is the oracle: nobody
//! has it twice, nobody is missing, nobody who had left before got it, and what
//! the ledger says of each is true.
//!
//! The sender's clock runs 200 times as fast as ours, the ledger's is the
//! test's own. The wire is loopback: a seed replays the decisions, the kernel
//! has its say in which order they meet.
//!
//! `POSTRIDER_SEED` plays one seed, `POSTRIDER_RUNS` as many new ones as it says. A seed
//! that fails is printed, and kept in `tests/proptest-regressions/`: from then
//! on it is played first.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jiff::{SignedDuration, Timestamp};
use postrider::{
    compose::{KeyRing, Press},
    ledger::{Event, Ledger, SqliteLedger},
    model::{Deadlines, DeliveryState as D, IssueState, SubscriberState},
    outbox::{Keep, Outbox, OutboxSettings},
    send::{Ended, Run, Stop},
    smtp::Relay,
};
use tempfile::TempDir;
use tokio::sync::{Notify, mpsc, watch};

use crate::{
    dkim::signer,
    send::{PUBLICATION, SLUG, edition, freeze, issue, people, relay},
    watched::{Fate, Watched},
};

/// How many seeds are played where nobody says otherwise, always the same.
const RUNS: u64 = 2_000;

/// Where the seeds are kept that once failed, a line each.
const KEPT: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/proptest-regressions/simulation.txt");

/// How long a life may take by its own clock, and by how much that is put on at once.
const HANGS: Duration = Duration::from_hours(1);
const TICK: Duration = Duration::from_millis(200);

/// How many messages a connection may have begun: sixteen ahead, and the one on the wire.
const BEGUN_AHEAD: usize = 17;

/// How many are played at once; most of them wait.
const AT_ONCE: usize = 8;

/// Chance that can be played again: splitmix64.
#[derive(Clone)]
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).expect("it is small")]
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

/// What befalls a sender at one call of the ledger.
#[derive(Clone, Copy, Debug)]
enum Mishap {
    DieBefore,
    DieAfter,
    LoseAnswer,
    DiskFull,
    Pause,
    /// The ledger's clock jumps by so many hours.
    Jump(i64),
}

/// One sender's machine.
struct Machine {
    name: &'static str,
    boot: AtomicU64,
}

struct Trial {
    seed: u64,
    folder: TempDir,
    outbox: Outbox,
    clock: Arc<AtomicI64>,
    machines: [Machine; 2],
    readers: usize,
    connections: usize,
    /// How many readers may be in doubt in the end.
    excuses: AtomicU64,
    story: Mutex<Vec<String>>,
    /// Who has left, and how often the relay had taken their copy by then.
    left: Mutex<HashMap<String, usize>>,
}

impl Trial {
    fn new(seed: u64, chance: &mut Chance) -> Self {
        let readers = usize::try_from(3 + chance.below(10)).expect("it is small");
        let connections = usize::try_from(1 + chance.below(3)).expect("it is small");
        let (script, silences) = script(chance);
        let settings = OutboxSettings {
            script: script.parse().expect("it is a script"),
            ..OutboxSettings::new(Keep::Count)
        };
        let folder = if std::path::Path::new("/dev/shm").is_dir() {
            TempDir::new_in("/dev/shm")
        } else {
            TempDir::new()
        };
        Self {
            seed,
            folder: folder.expect("a folder can be made"),
            outbox: Outbox::start(settings).expect("a loopback port is free"),
            clock: Arc::new(AtomicI64::new(1_065_420_000_000_000)),
            machines: ["here/1", "there/1"].map(|name| Machine { name, boot: AtomicU64::new(0) }),
            readers,
            connections,
            excuses: AtomicU64::new(silences),
            story: Mutex::new(vec![
                format!("{readers} readers, {connections} connections"),
                script,
            ]),
            left: Mutex::default(),
        }
    }

    /// Tells whether copies are signed, with RSA as well, so that they are printed ahead on threads of their own.
    fn is_signed(&self) -> bool {
        self.seed.is_multiple_of(4)
    }

    fn tell(&self, line: String) {
        self.story.lock().expect("nobody panicked").push(line);
    }

    fn excuse(&self, readers: usize) {
        self.excuses.fetch_add(readers as u64, Ordering::SeqCst);
    }

    fn ledger(&self) -> Arc<dyn Ledger> {
        let clock = Arc::clone(&self.clock);
        let now = move || {
            let micros = clock.fetch_add(1, Ordering::SeqCst);
            Timestamp::from_microsecond(micros).expect("it is a time")
        };
        let path = self.folder.path().join("ledger.sqlite");
        Arc::new(SqliteLedger::open_with_clock(&path, Arc::new(now)).expect("it opens"))
    }

    fn jump(&self, hours: i64) {
        let micros = SignedDuration::from_hours(hours).as_micros();
        self.clock.fetch_add(i64::try_from(micros).expect("it is short"), Ordering::SeqCst);
    }

    fn file(&self, name: &str, machine: usize) -> PathBuf {
        self.folder.path().join(format!("{name}-{machine}"))
    }

    async fn run(&self, machine: usize, ledger: Arc<dyn Ledger>, patience: Duration) -> Run {
        let this = &self.machines[machine];
        let issue = issue(&*self.ledger()).await;
        let date = issue.frozen_at.expect("it is frozen");
        let press = Press::new(&edition(), issue.id, date, KeyRing::fresh(&[7; 32]));
        let press = press.expect("the edition can be printed");
        Run {
            ledger,
            publication: PUBLICATION.to_owned(),
            issue,
            press: Arc::new(press.signed_by(self.is_signed().then(|| signer(&[])))),
            relay: Relay {
                deadlines: Deadlines {
                    connect: patience,
                    command: patience,
                    data: patience,
                    dot: patience,
                },
                ..relay(&self.outbox)
            },
            connections: self.connections,
            rates: Vec::new(),
            warm_up: None,
            domains: std::collections::BTreeMap::new(),
            lane: "relay".to_owned(),
            messages: None,
            chunking: true,
            limit: None,
            stop_at_rejected: 1.0,
            owner: this.name.to_owned(),
            journal: self.file("outcomes.journal", machine),
            boot: format!("start {}", this.boot.load(Ordering::SeqCst)),
            high_water: self.folder.path().join("high-water"),
        }
    }

    /// One sender's life, until it ends by itself or dies; `None` where it died.
    async fn live(
        &self,
        machine: usize,
        mishaps: Vec<(u64, Mishap)>,
        patience: Duration,
    ) -> Option<Result<Ended, String>> {
        let died = Arc::new(Notify::new());
        let (calls, death) = (AtomicU64::new(0), Arc::clone(&died));
        let (ledger, clock) = (self.ledger(), Arc::clone(&self.clock));
        let other = Arc::clone(&ledger);
        let watched = Watched::new(Arc::clone(&ledger), move |_| {
            let call = calls.fetch_add(1, Ordering::SeqCst);
            match mishaps.iter().find(|(at, _)| *at == call) {
                None => Fate::Live,
                Some((_, Mishap::DieBefore)) => Fate::DieBefore(Arc::clone(&death)),
                Some((_, Mishap::DieAfter)) => Fate::DieAfter(Arc::clone(&death)),
                Some((_, Mishap::LoseAnswer)) => Fate::LoseAnswer,
                Some((_, Mishap::DiskFull)) => Fate::Fail,
                Some((_, Mishap::Pause)) => Fate::Turn(Arc::clone(&other), IssueState::Paused),
                Some((_, Mishap::Jump(hours))) => {
                    clock.fetch_add(hours * 3_600_000_000, Ordering::SeqCst);
                    Fate::Live
                }
            }
        });
        let host = self.machines[machine].name;
        let gone = Box::new(move |owner: &str| owner == host);
        let (_stop, stopped) = watch::channel(Stop::No);
        let (progress, _news) = mpsc::unbounded_channel();
        let run = self.run(machine, Arc::new(watched), patience).await;
        tokio::select! {
            ended = run.deliver(gone, stopped, progress) => {
                Some(ended.map_err(|error| error.to_string()))
            }
            () = died.notified() => None,
        }
    }

    /// One or two senders at once, and what becomes of them.
    fn chapter(&self, chance: &mut Chance) {
        let machines = if chance.one_in(3) { vec![0, 1] } else { vec![0] };
        let lives: Vec<_> = machines.into_iter().map(|m| (m, mishaps(chance))).collect();
        for (machine, mishaps) in &lives {
            self.tell(format!("sender {machine}: {mishaps:?}"));
            for (_, mishap) in mishaps {
                match mishap {
                    // The second machine may never come back, and its journal with it: all it had begun is in doubt,
                    // also what it could not tell a ledger whose disk was full.
                    Mishap::DieBefore | Mishap::DieAfter | Mishap::DiskFull if *machine == 1 => {
                        self.excuse(BEGUN_AHEAD * self.connections);
                    }
                    Mishap::DieBefore | Mishap::DieAfter => self.excuse(self.connections),
                    // A begin that was answered into the void is asked again and refused.
                    Mishap::LoseAnswer | Mishap::Jump(_) => self.excuse(self.readers),
                    Mishap::DiskFull | Mishap::Pause => {}
                }
            }
        }
        let ended = fast(&self.clock, async {
            let mut lives = lives
                .into_iter()
                .map(|(machine, mishaps)| self.live(machine, mishaps, Duration::from_secs(40)));
            let (first, second) = (lives.next(), lives.next());
            tokio::join!(lived(first), lived(second))
        });
        self.tell(format!("ended: {ended:?}"));
    }

    /// What happens while nobody sends.
    fn interlude(&self, chance: &mut Chance) {
        if chance.one_in(3) {
            self.cut_power(chance);
        }
        if chance.one_in(3) {
            let reader = 1 + chance.below(self.readers as u64);
            let address = format!("reader{reader}@example.org");
            self.tell(format!("{address} leaves"));
            fast(&self.clock, async {
                let event = Event {
                    name: "unsubscribe".to_owned(),
                    source: "a test".to_owned(),
                    detail: String::new(),
                };
                let parsed = address.parse().expect("an address");
                let left = self.ledger();
                left.move_subscriber(PUBLICATION, &parsed, SubscriberState::Unsubscribed, &event)
                    .await
                    .expect("it is taken");
            });
            let taken = self.taken_by(&address);
            self.left.lock().expect("nobody panicked").entry(address).or_insert(taken);
        }
        fast(&self.clock, async {
            let ledger = self.ledger();
            let paused = &[IssueState::Paused];
            ledger
                .turn(PUBLICATION, SLUG, paused, IssueState::Sending, "")
                .await
                .expect("it turns");
        });
        self.jump(chance.of(&[0, 0, 1, 9]));
    }

    /// Another start of the machine: of the journal any beginning may have reached the disk.
    fn cut_power(&self, chance: &mut Chance) {
        self.excuse(self.readers);
        for (number, machine) in self.machines.iter().enumerate() {
            machine.boot.fetch_add(1, Ordering::SeqCst);
            let path = self.file("outcomes.journal", number);
            if let Ok(bytes) = std::fs::read(&path) {
                let kept = usize::try_from(chance.below(bytes.len() as u64 + 1)).unwrap_or(0);
                self.tell(format!("the power goes; {kept} bytes of journal {number} are kept"));
                std::fs::write(&path, &bytes[..kept]).expect("it can be written");
            }
        }
    }

    fn taken_by(&self, address: &str) -> usize {
        self.outbox.acceptances().iter().filter(|taken| taken.to == address).count()
    }

    /// Settles everybody, without mishap.
    fn finish(&self) {
        for _ in 0..30 {
            // What a dead sender elsewhere held is over by then, and who was deferred is due.
            self.jump(9);
            let ended = fast(&self.clock, self.live(0, Vec::new(), Duration::from_mins(10)));
            self.tell(format!("and then: {ended:?}"));
            if ended == Some(Ok(Ended::Finished)) {
                return;
            }
        }
        panic!("it never ends");
    }

    /// Holds the ledger's account against what the relay took.
    fn check(&self) {
        let mut taken: HashMap<String, u64> = HashMap::new();
        for acceptance in self.outbox.acceptances() {
            *taken.entry(acceptance.message_id).or_default() += 1;
        }
        let (tally, deliveries) = fast(&self.clock, async {
            let ledger = self.ledger();
            let issue = issue(&*ledger).await;
            let all = ledger.deliveries(issue.id, &D::ALL, None, usize::MAX).await;
            (ledger.tally(issue.id).await.expect("it counts"), all.expect("it lists"))
        });
        assert!(tally.balances() && tally.remaining == 0, "{tally:?}");
        assert_eq!(deliveries.len(), self.readers, "{tally:?}");
        let doubtful: Vec<_> = deliveries.iter().filter(|it| it.state == D::InDoubt).collect();
        assert!(tally.in_doubt <= self.excuses.load(Ordering::SeqCst), "{tally:?} {doubtful:#?}");
        for delivery in deliveries {
            let times = taken.remove(&delivery.message_id).unwrap_or(0);
            let fits = match delivery.state {
                D::Accepted => times == 1,
                D::InDoubt => times <= 1,
                D::Rejected | D::Suppressed | D::Expired => times == 0,
                _ => false,
            };
            let (address, state) = (&delivery.address, delivery.state);
            assert!(fits, "{address} is {state:?} and was accepted {times} times");
        }
        assert!(taken.is_empty(), "mail that nobody was owed: {taken:?}");
        for (address, before) in self.left.lock().expect("nobody panicked").iter() {
            assert_eq!(self.taken_by(address), *before, "{address} was mailed after leaving");
        }
    }
}

/// Lives a life, where there is one.
async fn lived<T>(life: Option<impl Future<Output = T>>) -> Option<T> {
    match life {
        Some(life) => Some(life.await),
        None => None,
    }
}

/// Makes up what the relay does wrong, and how many answers it swallows after the dot.
fn script(chance: &mut Chance) -> (String, u64) {
    let mut lines = Vec::new();
    let mut silences = 0;
    for _ in 0..chance.below(4) {
        let stage = chance.of(&["greeting", "hello", "mail", "rcpt", "data", "body", "dot", "dot"]);
        let time = 1 + chance.below(8);
        let action = chance.of(&[
            "reply 421 4.3.2 going down",
            "reply 450 4.2.1 later",
            "reply 451 4.7.1 greylisted",
            // Of a relay that speaks before the end of a message and then takes it nobody can tell.
            if stage == "body" { "close" } else { "also 421 4.4.2 bye" },
            if stage == "body" { "reset" } else { "also 250 once more" },
            "close",
            "reset",
            "garbage",
            "stall",
            "hang-up",
            "accept-then-close",
            "dribble 0",
        ]);
        // A small message has left whole before a relay that reads it can break off, or that invited it and closes.
        let swallows = matches!(stage, "body" | "dot") || (stage, action) == ("data", "hang-up");
        // Where the next envelope left with the end of a message, a reset at it takes along the answer to the end, which
        // this relay, like Postfix, sends together with the answers to the envelope.
        let takes_along = action == "reset" && matches!(stage, "mail" | "rcpt" | "data");
        silences += u64::from(swallows || takes_along);
        lines.push(format!("{stage} {time} {action}"));
    }
    if chance.one_in(3) {
        lines.push("rcpt to=reader2@ reply 550 5.1.1 no such user".to_owned());
    }
    if chance.one_in(3) {
        lines.push("hello without PIPELINING".to_owned());
    } else if chance.one_in(2) {
        lines.push("hello without CHUNKING".to_owned());
    } else {
        // A message that leaves in one write with its envelope has left whole before a relay can break off at that.
        silences = lines.iter().filter(|line| breaks_off(line)).count() as u64;
    }
    (lines.join("\n"), silences)
}

/// Tells whether a misdeed may leave a message without a clear answer that left with its envelope.
fn breaks_off(line: &str) -> bool {
    let stage = line.split(' ').next().unwrap_or_default();
    let is_late = matches!(stage, "mail" | "rcpt" | "data" | "body" | "dot");
    // After a 421 in the place of the last answer no goodbye shows that it was one (tests/it/chunked.rs), and what is said in
    // the middle of a message may be lost with the rest of it.
    let is_last = matches!(stage, "data" | "dot") && line.contains(" reply 421");
    let is_clear = line.contains(" reply 4") && stage != "body" && !is_last;
    is_late && !line.contains("to=") && !is_clear
}

fn mishaps(chance: &mut Chance) -> Vec<(u64, Mishap)> {
    let count = 1 + chance.below(2);
    let mut mishaps: Vec<_> = (0..count)
        .map(|_| {
            let mishap = chance.of(&[
                Mishap::DieBefore,
                Mishap::DieBefore,
                Mishap::DieAfter,
                Mishap::DieAfter,
                Mishap::LoseAnswer,
                Mishap::DiskFull,
                Mishap::Pause,
                Mishap::Jump(-1),
                Mishap::Jump(24),
            ]);
            (chance.below(24), mishap)
        })
        .collect();
    mishaps.sort_by_key(|(call, _)| *call);
    mishaps
}

/// Runs on a clock some 200 times as fast as ours, and the ledger's goes with it.
fn fast<T>(ledger: &AtomicI64, future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime can be made");
    let done = runtime.block_on(async {
        let clock = async {
            for _ in 0..HANGS.as_millis() / TICK.as_millis() {
                // While a thread is at work the clock stands, so that it goes by these steps alone.
                let tick = || std::thread::sleep(Duration::from_millis(1));
                tokio::task::spawn_blocking(tick).await.expect("it sleeps");
                tokio::time::advance(TICK).await;
                ledger.fetch_add(200_000, Ordering::SeqCst);
            }
        };
        tokio::select! {
            done = future => done,
            () = clock => panic!("it hangs"),
        }
    });
    // What a killed sender had asked the disk for still happens.
    runtime.shutdown_timeout(Duration::from_secs(5));
    done
}

/// Plays one seed; an error tells its story.
fn play(seed: u64) -> Result<(), String> {
    let mut chance = Chance(seed);
    let trial = Trial::new(seed, &mut chance);
    let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        fast(&trial.clock, async {
            let ledger = trial.ledger();
            freeze(&*ledger, people(trial.readers), None).await.expect("it freezes");
        });
        for _ in 0..=chance.below(4) {
            trial.chapter(&mut chance);
            trial.interlude(&mut chance);
        }
        trial.finish();
        trial.check();
    }));
    played.map_err(|panic| {
        let why = panic.downcast_ref::<String>().cloned();
        let why = why.or_else(|| panic.downcast_ref::<&str>().map(|why| (*why).to_owned()));
        let story = trial.story.lock().expect("nobody panicked").join("\n  ");
        format!("POSTRIDER_SEED={}: {}\n  {story}", trial.seed, why.unwrap_or_default())
    })
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn kept() -> Vec<u64> {
    let text = fs::read_to_string(KEPT).expect("the seeds are there");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.parse().expect("each is a number")).collect()
}

/// Keeps a seed that failed, so that it is played for ever.
fn keep(seed: u64) {
    let kept = fs::File::options().append(true).open(KEPT);
    // From a read-only checkout it is only printed.
    let _ = kept.and_then(|mut kept| writeln!(kept, "{seed}"));
}

#[test]
fn whatever_a_seed_makes_up_nobody_is_mailed_twice_or_missed() {
    let (first, runs) = match number("POSTRIDER_RUNS") {
        Some(runs) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
            (u64::from(now.subsec_nanos()) << 20, runs)
        }
        // A change is judged by the same worlds as the one before it.
        None => (0, RUNS),
    };
    let (known, new) = match number("POSTRIDER_SEED") {
        Some(seed) => (vec![seed], first..first),
        None => (kept(), first..first + runs),
    };
    let seeds = Mutex::new(known.iter().copied().chain(new.clone()));
    let next = || seeds.lock().expect("nobody panicked").next();
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(seed) = next() {
                    if let Err(failure) = play(seed) {
                        failures.lock().expect("nobody panicked").push(failure);
                        if !known.contains(&seed) {
                            keep(seed);
                        }
                    }
                }
            });
        }
    });
    let count = known.len();
    let line =
        format!("{count} known seeds were played, and {} more from {first} on\n", new.count());
    io::stderr().write_all(line.as_bytes()).expect("stderr is open");
    let failures = failures.into_inner().expect("nobody panicked");
    let count = failures.len();
    assert!(count == 0, "{count} failed:\n{}", failures[..count.min(5)].join("\n\n"));
}
