//! What a signed copy costs: printed and signed, against ring alone computing nothing but the signature, in one run.
//!
//! `cargo bench --bench signing`. Absolute rates are the machine's; the ratios are ours.

#![allow(clippy::print_stdout, missing_docs)]

mod sample;

use std::{
    collections::BTreeMap,
    hint::black_box,
    time::{Duration, Instant},
};

use data_encoding::BASE64;
use jiff::Timestamp;
use postrider::{
    compose::{DkimKey, KeyRing, Press, Purpose, Signer},
    model::{Subscriber, SubscriberState},
};
use ring::{
    digest,
    rand::SystemRandom,
    signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};

const ROUNDS: usize = 5;
const LENGTH: Duration = Duration::from_millis(400);
const RSA: &str = include_str!("../tests/fixtures/dkim/rsa.pem");
const ED25519: &str = include_str!("../tests/fixtures/dkim/ed25519.pem");

/// About as much as the signed fields of a copy and the signature's own come to.
const HEADER: [u8; 1_600] = [b'a'; 1_600];

fn main() {
    let rsa = RsaKeyPair::from_pkcs8(&der(RSA)).expect("it is a key");
    let ed25519 = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der(ED25519)).expect("it is a key");
    let random = SystemRandom::new();
    let ring_rsa = || {
        let mut signature = vec![0; rsa.public().modulus_len()];
        rsa.sign(&RSA_PKCS1_SHA256, &random, &HEADER, &mut signature).expect("it signs");
        black_box(&signature);
    };
    let ring_ed25519 = || {
        black_box(ed25519.sign(digest::digest(&digest::SHA256, &HEADER).as_ref()));
    };
    let plain = press(&[]);
    println!("a {} KB copy, medians of {ROUNDS}, a second:", copy(&plain) / 1000);
    println!("{:<28}{:>10}{:>12}{:>8}", "", "copies", "ring alone", "ratio");
    for threads in [1, 2] {
        let copies = [ED25519, RSA].map(|key| press(&[key]));
        let [by_ed25519, by_rsa] = &copies;
        row("Ed25519", threads, &|| print(by_ed25519), &ring_ed25519);
        row("RSA-2048", threads, &|| print(by_rsa), &ring_rsa);
        let both = press(&[ED25519, RSA]);
        row("both", threads, &|| print(&both), &|| {
            ring_ed25519();
            ring_rsa();
        });
        let none = median((0..ROUNDS).map(|_| rate(threads, &|| print(&plain))));
        println!("{:<28}{none:>10.0}", on("not signed", threads));
    }
}

/// Measures our work and ring's in turn, and prints both.
fn row(what: &str, threads: usize, ours: &(dyn Fn() + Sync), alone: &(dyn Fn() + Sync)) {
    let rounds: Vec<(f64, f64)> =
        (0..ROUNDS).map(|_| (rate(threads, ours), rate(threads, alone))).collect();
    let (ours, alone) =
        (median(rounds.iter().map(|round| round.0)), median(rounds.iter().map(|round| round.1)));
    println!("{:<28}{ours:>10.0}{alone:>12.0}{:>8.2}", on(what, threads), ours / alone);
}

fn on(what: &str, threads: usize) -> String {
    format!("{what}, {threads} thread{}", if threads == 1 { "" } else { "s" })
}

/// Does `work` on so many threads for a while, and returns how often a second.
fn rate(threads: usize, work: &(dyn Fn() + Sync)) -> f64 {
    let started = Instant::now();
    let done: u32 = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut done = 0_u32;
                    while started.elapsed() < LENGTH {
                        work();
                        done += 1;
                    }
                    done
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("it works")).sum()
    });
    f64::from(done) / started.elapsed().as_secs_f64()
}

fn press(keys: &[&str]) -> Press {
    let press = Press::new(&sample::edition(), 1, Timestamp::UNIX_EPOCH, KeyRing::fresh(&[7; 32]))
        .expect("it can be printed");
    let keys: Vec<(String, DkimKey)> = keys
        .iter()
        .map(|pem| ("e2026".to_owned(), DkimKey::from_pem(pem.as_bytes()).expect("it is a key")))
        .collect();
    let date = Timestamp::UNIX_EPOCH;
    let signer = (!keys.is_empty())
        .then(|| Signer::new("example.org".to_owned(), keys, &[], date, SystemRandom::new()));
    press.signed_by(signer)
}

fn print(press: &Press) {
    black_box(copy(press));
}

/// Prints a copy and signs it, and returns how long it is.
fn copy(press: &Press) -> usize {
    let reader = Subscriber {
        id: 1,
        token_id: "mfrggzdfmztwq".to_owned(),
        address: "reader@example.org".parse().expect("an address"),
        name: "Anna Reader".to_owned(),
        tags: Vec::new(),
        fields: BTreeMap::from([("company".to_owned(), "Templeton Thorp".to_owned())]),
        state: SubscriberState::Active,
    };
    press.print(&reader, "<1@example.org>", 1, Purpose::Real).expect("it prints").bytes.len()
}

fn der(pem: &str) -> Vec<u8> {
    let lines = pem.lines().filter(|line| !line.starts_with('-'));
    BASE64.decode(lines.collect::<String>().as_bytes()).expect("it is base64")
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
