//! What an issue costs: rendered once, however long it is, and spliced for each reader.
//!
//! `cargo bench --bench composing`. It ends with an error where a figure misses what this program promises.

#![allow(clippy::print_stdout, missing_docs)]

mod sample;

use std::{
    collections::BTreeMap,
    fs,
    hint::black_box,
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use postrider::{
    compose::{Edition, KeyRing, Press, Purpose},
    model::{Subscriber, SubscriberState},
};

const ROUNDS: u32 = 9;
const COPIES: u32 = 2_000;
const RENDERS: u32 = 40;

/// What a render of the sample issue may take.
const RENDER_MAX: Duration = Duration::from_millis(1);

/// How many times cheaper a copy by splicing is than rendering it, at least.
const SPLICE_RATIO_MIN: f64 = 100.0;

/// How much more a byte of an issue 16 times as long may cost.
const LENGTH_RATIO_MAX: f64 = 1.25;

/// What `postrider render` may take as a whole process.
const PROCESS_MAX: Duration = Duration::from_millis(30);

fn main() -> ExitCode {
    let fine = [rendering(), splicing(), length(), process()];
    if fine.iter().all(|fine| *fine) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The sample issue, from the text of its files to both parts.
fn rendering() -> bool {
    let figure = median(|| each(RENDERS, |_| black_box(sample::starter()).html.len()));
    let dressed = sample::Dressed::new();
    let composing = median(|| each(RENDERS, |_| black_box(dressed.starter()).html.len()));
    println!("the sample issue, from draft to both parts   {composing:>10.1?}");
    println!("  with publication, theme and words read     {figure:>10.1?}");
    told(composing <= RENDER_MAX, format_args!("at most {RENDER_MAX:?}"))
}

/// One reader's copy of the sample issue, spliced, against rendering it whole.
fn splicing() -> bool {
    let press = press(&sample::starter());
    let splice = median(|| each(COPIES, |number| copy(&press, number)));
    let dressed = sample::Dressed::new();
    let render = median(|| each(RENDERS, |number| copy(&self::press(&dressed.starter()), number)));
    let ratio = render.as_secs_f64() / splice.as_secs_f64();
    println!(
        "\na reader's copy of {} KB, spliced             {splice:>10.1?}",
        copy(&press, 1) / 1000
    );
    println!("  rendered whole                             {render:>10.1?}");
    println!("  ratio                                      {ratio:>10.1}");
    told(ratio >= SPLICE_RATIO_MIN, format_args!("at least {SPLICE_RATIO_MIN}"))
}

/// Issues of growing length: a byte costs the same in each.
fn length() -> bool {
    println!();
    let mut costs = Vec::new();
    let dressed = sample::Dressed::new();
    for times in [1, 4, 16, 64] {
        let draft = sample::repeated(times);
        let figure =
            median(|| each((RENDERS / times).max(1), |_| dressed.edition(&draft).html.len()));
        let bytes = u32::try_from(draft.text.len()).expect("it is short");
        let cost = figure.as_secs_f64() * 1e9 / f64::from(bytes);
        println!(
            "an issue of {bytes:>7} bytes                     {figure:>10.1?} {cost:>7.0} ns a byte"
        );
        costs.push(cost);
    }
    let ratio = costs[costs.len() - 1] / costs[1];
    println!("  ratio of the longest to 16 times shorter   {ratio:>10.2}");
    told(ratio <= LENGTH_RATIO_MAX, format_args!("at most {LENGTH_RATIO_MAX}"))
}

/// `postrider render` as a person waits for it: a process from its start to its end.
fn process() -> bool {
    let postrider = env!("CARGO_BIN_EXE_postrider");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("composing");
    let _ = fs::remove_dir_all(&folder);
    let run = |arguments: &[&str]| {
        let mut command = Command::new(postrider);
        command.args(arguments).stdout(Stdio::null());
        assert!(command.status().expect("it starts").success(), "{arguments:?}");
        0
    };
    let publication = folder.display().to_string();
    run(&["init", &publication]);
    let figure = median(|| each(3, |_| run(&["-C", &publication, "render", "kazakhstan"])));
    println!("\n`postrider render` as a whole process         {figure:>10.1?}");
    told(figure <= PROCESS_MAX, format_args!("at most {PROCESS_MAX:?}"))
}

fn told(fine: bool, promise: std::fmt::Arguments<'_>) -> bool {
    println!("  promised: {promise}{}", if fine { "" } else { " (MISSED)" });
    fine
}

/// Sets an edition for printing.
fn press(edition: &Edition) -> Press {
    Press::new(edition, 1, Timestamp::UNIX_EPOCH, KeyRing::fresh(&[7; 32]))
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
        black_box(work(number));
    });
    started.elapsed() / times
}

fn median(mut figure: impl FnMut() -> Duration) -> Duration {
    let mut figures: Vec<Duration> = (0..ROUNDS).map(|_| figure()).collect();
    figures.sort();
    figures[figures.len() / 2]
}
