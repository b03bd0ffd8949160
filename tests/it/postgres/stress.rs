//! Many machines, one list, and everything goes wrong at once: workers are killed, the server is, readers leave, and
//! the relay refuses, defers and loses its answers. Then everybody is accounted for.

use std::{
    io,
    io::Write,
    sync::Arc,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use postrider::{
    ledger::{Event, Ledger, PostgresLedger},
    model::SubscriberState,
};

use super::{
    clock::Clock,
    crew::{CONNECTIONS, List, address, until},
    server::Server,
};

/// The id that `init` gives.
const LIST: &str = "tt-report";
const READERS: u64 = 5_200;
const WORKERS: usize = 4;
const KILLS: usize = 25;
const RESTARTS: usize = 3;
const LEAVERS: usize = 60;

/// What the relay does wrong.
const SCRIPT: &str = "\
rcpt /97 reply 550 5.1.1 unknown user
rcpt /53 reply 450 4.2.1 try later
dot /131 accept-then-close
dot /211 reply 451 4.3.0 not now";

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

#[test]
fn four_workers_account_for_everybody_whatever_is_killed() {
    let Some(server) = Server::start() else { return };
    let list = List::new(&server.url, READERS, "\"400/s\"", SCRIPT);
    list.begin();
    let clock = Clock::of(&server.url);
    let mut chance = Chance::new();
    let mut crew = list.hire(WORKERS);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("it starts");
    let ledger = Arc::new(PostgresLedger::new(&server.settings()).expect("it is a URL"));
    let mut leaving = Vec::new();
    for (at, mishap) in mishaps(&mut chance) {
        until("the workers get that far", || list.relay.accepted() >= at);
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
    finish(&list, &clock);
    crew.dismiss();
    check(&list);
}

/// Waits for the end; whoever is deferred waits for an hour that the clock skips, once nothing else is left.
fn finish(list: &List, clock: &Clock) {
    let count = |states: &str| {
        list.numbers(&format!("SELECT count(*) FROM deliveries WHERE state IN ({states})"))[0]
    };
    until("it is finished", || {
        if count("'planned', 'claimed', 'attempting'") == 0 && count("'deferred'") > 0 {
            clock.pass(3_600);
        }
        thread::sleep(Duration::from_millis(300));
        list.is_finished()
    });
}

/// Holds what the relay took against what the ledger says.
fn check(list: &List) {
    let balance = list.balance();
    let late = list.numbers(
        "SELECT c.subscriber FROM consent c
              JOIN deliveries d ON d.subscriber = c.subscriber
              LEFT JOIN attempts a ON a.issue = d.issue AND a.slot = d.slot
         WHERE c.event = 'unsubscribe' AND (d.began_at > c.at OR a.began_at > c.at)",
    );
    assert!(late.is_empty(), "begun after they had left: {late:?}");
    let left = list.numbers("SELECT count(*) FROM consent WHERE event = 'unsubscribe'")[0];
    assert!(left > 50, "{left} left");
    // Of those who left, many had not been mailed yet.
    let suppressed = balance.count("suppressed");
    assert!(suppressed > 10, "{}", balance.account);

    let lost_answers = READERS / 131 + 1;
    let on_the_wire = (KILLS + RESTARTS * WORKERS) as u64 * CONNECTIONS + lost_answers;
    let in_doubt = balance.in_doubt.len();
    assert!(in_doubt as u64 <= on_the_wire, "{in_doubt} in doubt: {}", balance.account);
    writeln!(io::stderr(), "{in_doubt} in doubt, {suppressed} suppressed").expect("stderr is open");
}
