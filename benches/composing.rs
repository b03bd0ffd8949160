//! What a copy costs: the issue rendered once and spliced for each reader, against rendering it whole for each.
//!
//! `cargo bench --bench composing`.

#![allow(clippy::print_stdout, missing_docs)]

mod sample;

use std::{
    collections::BTreeMap,
    hint::black_box,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use postrider::{
    compose::{KeyRing, Press, Purpose},
    model::{Subscriber, SubscriberState},
};

const ROUNDS: u32 = 5;
const COPIES: u32 = 5_000;
const RENDERS: u32 = 100;

fn main() {
    let (mut splices, mut renders) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let press = press();
        splices.push(each(COPIES, |number| black_box(copy(&press, number))));
        renders.push(each(RENDERS, |number| black_box(copy(&self::press(), number))));
    }
    let (splice, render) = (median(splices), median(renders));
    let bytes = copy(&press(), 1);
    println!("one reader's copy of {} KB, medians of {ROUNDS}", bytes / 1000);
    println!("  spliced          {splice:>10.1?}");
    println!("  rendered whole   {render:>10.1?}");
    println!("  ratio            {:>10.1}", render.as_secs_f64() / splice.as_secs_f64());
}

/// Composes the issue and sets it for printing.
fn press() -> Press {
    Press::new(&sample::edition(), 1, Timestamp::UNIX_EPOCH, KeyRing::fresh(&[7; 32]))
        .expect("it can be printed")
}

fn copy(press: &Press, number: u32) -> usize {
    let reader = Subscriber {
        id: 1,
        token_id: "mfrggzdfmztwq".to_owned(),
        address: "reader@example.org".parse().expect("an address"),
        name: format!("Reader {number}"),
        tags: Vec::new(),
        fields: BTreeMap::from([("company".to_owned(), "Templeton Thorp".to_owned())]),
        state: SubscriberState::Active,
    };
    press.print(&reader, "<1@example.org>", 1, Purpose::Real).expect("it prints").bytes.len()
}

fn each(times: u32, mut work: impl FnMut(u32) -> usize) -> Duration {
    let started = Instant::now();
    (0..times).for_each(|number| {
        work(number);
    });
    started.elapsed() / times
}

fn median(mut figures: Vec<Duration>) -> Duration {
    figures.sort();
    figures[figures.len() / 2]
}
