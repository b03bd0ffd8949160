//! Floods: requests that nobody would write, made up by a seed, slow clients, more connections than there is room for.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
};

use super::Site;
use crate::http;

const ANNA: &str = "anna@example.org";

/// How much more memory a flood may take, in KiB; a connection has a head of 16 KiB and a body of 64 KiB at most.
const GROWTH_MAX_KIB: u64 = 64 * 1024;

/// Numbers that are the same for the same seed (xorshift64*).
struct Dice(u64);

impl Dice {
    /// Takes the seed of `POSTRIDER_SEED`, else always the same.
    fn new() -> Self {
        let seed = std::env::var("POSTRIDER_SEED").ok().and_then(|seed| seed.parse().ok());
        Self(seed.unwrap_or(20_261_126))
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let end = u64::try_from(end).expect("small");
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % end).expect("small")
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).expect("a byte")
    }
}

const METHODS: [&str; 12] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "get", "",
    "GET /",
];
const PATHS: [&str; 16] = [
    "/",
    "/subscribe",
    "/confirm/",
    "/u/",
    "/p/",
    "/issues",
    "/issues/",
    "/feed.xml",
    "/site.css",
    "/webhooks/ses",
    "/webhooks/mailgun",
    "/%00",
    "/..%2f..%2f",
    "*",
    "http://evil.example/",
    "/é",
];
const FIELDS: [&str; 18] = [
    "Host: news.example.org\r\n",
    "Host: evil.example\r\n",
    "Host: news.example.org\r\nHost: evil.example\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: -1\r\n",
    "Content-Length: 99999999999999999999\r\n",
    "Content-Length: 5\r\nContent-Length: 6\r\n",
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Content-Type: application/x-www-form-urlencoded\r\n",
    "Content-Type: multipart/form-data; boundary=\r\n",
    "Origin: https://news.example.org\r\n",
    "Origin: null\r\n",
    "X-Forwarded-For: ::ffff:1.2.3.4, \"x\", 999.1.1.1\r\n",
    "Authorization: Basic ====\r\n",
    "Expect: 100-continue\r\n",
    " folded: line\r\n",
];
const BODIES: [&str; 10] = [
    "",
    "List-Unsubscribe=One-Click",
    "leave=all",
    "confirm=1",
    "address=flood%40example.org",
    "address=%00%ff%0d%0aBcc:%20a%40b.org",
    "5\r\nhello\r\n0\r\n\r\n",
    "ffffffffffffffff\r\n",
    "name=%e2%80%ae&pause=6-months",
    "{\"Type\":\"Notification\"}",
];

/// Makes up a request; what it names of a reader's links is never whole.
fn request(dice: &mut Dice, leave: &str) -> Vec<u8> {
    let mut path = dice.one(&PATHS).to_owned();
    if path.ends_with('/') && path.len() > 1 && dice.below(2) == 0 {
        // A token of a reader's, of which one letter is another.
        let mut token: Vec<char> = leave.trim_start_matches("/u/").chars().collect();
        let at = dice.below(40);
        token[at] = if token[at] == '!' { '~' } else { '!' };
        path.extend(token);
    }
    let mut text = format!("{} {path} HTTP/1.{}\r\n", dice.one(&METHODS), dice.below(3));
    for _ in 0..dice.below(7) {
        text.push_str(dice.one(&FIELDS));
    }
    if dice.below(40) == 0 {
        text.extend(["X: ", &"x".repeat(dice.below(40_000)), "\r\n"]);
    }
    if dice.below(40) == 0 {
        text.push_str(&"A: b\r\n".repeat(dice.below(2_000)));
    }
    text.push_str("Connection: close\r\n\r\n");
    text.push_str(dice.one(&BODIES));
    let mut bytes = text.into_bytes();
    for _ in 0..dice.below(6) {
        let at = dice.below(bytes.len());
        bytes[at] = dice.byte();
    }
    if dice.below(3) == 0 {
        bytes.truncate(dice.below(bytes.len()));
    }
    bytes
}

/// Returns the most memory a process ever had, in KiB.
fn memory_kib(site: &Site) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", site.child.id()));
    let status = status.expect("Linux tells it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it is there");
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("a number")
}

fn readers(site: &Site) -> Vec<(String, String)> {
    let listed = site.env.postrider("subscribers list --json").code(0).out;
    let reader = |line: &str| {
        let reader: serde_json::Value = serde_json::from_str(line).expect("JSON");
        (reader["address"].to_string(), reader["state"].to_string())
    };
    listed.lines().map(reader).filter(|(_, state)| state != "\"pending\"").collect()
}

#[test]
fn ten_thousand_malformed_requests_slow_clients_and_a_thousand_connections_leave_it_serving() {
    let site = Site::start();
    let leave = site.link(ANNA, "/u/");
    let (before, memory) = (readers(&site), memory_kib(&site));
    let mut dice = Dice::new();
    // Some say half of a request, and then nothing: they hold their places all along.
    let slow: Vec<TcpStream> = (0..100)
        .map(|n| match n % 3 {
            0 => http::say(&site.host, b"GET / HT"),
            1 => http::say(&site.host, b"GET / HTTP/1.1\r\nHost: news.example.org\r\nX: "),
            _ => http::say(&site.host, b"POST /subscribe HTTP/1.1\r\nHost: news.example.org\r\nContent-Length: 900\r\n\r\nadd"),
        })
        .collect();
    for round in 0..10_000 {
        let mut stream = TcpStream::connect(&site.host).expect("it listens");
        let _ = stream.write_all(&request(&mut dice, &leave));
        let _ = stream.shutdown(Shutdown::Write);
        if round % 20 == 0 {
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
        }
        if round % 1_000 == 0 {
            assert_eq!(site.get("/").status, 200, "after {round}");
        }
    }
    drop(slow);
    let held: Vec<_> = (0..1_000).map(|_| http::say(&site.host, b"GET / HTTP/1.1\r\n")).collect();
    // There are fewer places than that: whoever comes now waits until those of the slow are taken back.
    assert_eq!(site.get("/").status, 200, "while a thousand hold on");
    drop(held);
    assert_eq!(site.get("/").status, 200);
    let health = http::ask(&site.health, "GET /healthz HTTP/1.1\r\nHost: x\r\n", "");
    assert_eq!(health.body, "well\n");
    assert_eq!(
        readers(&site),
        before,
        "nobody left who did not ask, nobody came who did not confirm"
    );
    let grown = memory_kib(&site) - memory;
    assert!(grown < GROWTH_MAX_KIB, "{grown} KiB more");
    assert!(!site.stop().contains("panicked"));
}
