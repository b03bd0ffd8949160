//! How many messages that came back one core reads in a second: at least 5,000.
//!
//! `cargo bench --bench bounces`. The fixtures of `tests/`, over and over, and
//! beside them how long it takes to take the same bytes apart alone.

#![allow(clippy::print_stdout, missing_docs)]

use std::{fs, hint::black_box, path::Path, time::Instant};

use postrider::bounce;

const ROUNDS: usize = 5;
const PASSES: usize = 200;

fn main() {
    let messages = fixtures();
    let bytes: usize = messages.iter().map(Vec::len).sum();
    let count = messages.len() * PASSES;
    println!("{} messages of {} bytes in the mean", messages.len(), bytes / messages.len());
    let parse = median(|| {
        for message in &messages {
            black_box(mail_parser::MessageParser::default().parse(message.as_slice()));
        }
    });
    let read = median(|| {
        for message in &messages {
            black_box(bounce::read(message));
        }
    });
    let rate = |seconds: f64| f64::from(u32::try_from(count).expect("not so many")) / seconds;
    println!("take apart  {:>8.0} messages/s", rate(parse));
    println!("read        {:>8.0} messages/s, {:.1} times as long", rate(read), read / parse);
}

/// Returns the median time of some rounds, in seconds.
fn median(mut work: impl FnMut()) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            (0..PASSES).for_each(|_| work());
            began.elapsed().as_secs_f64()
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

fn fixtures() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bounces");
    let mut messages = Vec::new();
    for kind in fs::read_dir(root).expect("they are there") {
        for file in fs::read_dir(kind.expect("it can be listed").path()).expect("it is a folder") {
            messages
                .push(fs::read(file.expect("it can be listed").path()).expect("it can be read"));
        }
    }
    messages
}
