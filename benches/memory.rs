//! What a send takes of memory at 10,000 readers and at 200,000: the list's length must not show.
//!
//! `cargo bench --bench memory`. Runs the program itself, and reads the peak
//! of its resident memory from the kernel (Linux).

#![allow(clippy::print_stdout, missing_docs)]

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use postrider::outbox::{Keep, Outbox, OutboxSettings};
use tempfile::TempDir;

fn main() {
    let relay = Outbox::start(OutboxSettings { record: false, ..OutboxSettings::new(Keep::Count) })
        .expect("a port is free");
    let (few, many) = (peak(&relay, 10_000), peak(&relay, 200_000));
    println!("peak resident memory of `postrider send`");
    println!("   10,000 readers   {few:>6.1} MB");
    println!("  200,000 readers   {many:>6.1} MB");
    println!("  difference        {:>6.1} MB", many - few);
}

/// Sends the sample issue to so many readers and returns the sender's peak in MB.
fn peak(relay: &Outbox, readers: usize) -> f64 {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder can be made");
    let publication = folder.path().join("report");
    run(&publication, &["init"]).wait().expect("it runs");
    point_at(relay, &publication.join("publication.toml"));
    let mut list = String::from("email,name\n");
    for number in 0..readers {
        writeln!(list, "reader{number}@example.org,Reader {number}").expect("a string takes all");
    }
    fs::write(publication.join("subscribers.csv"), list).expect("it can be written");
    let before = relay.accepted();
    let mut send = run(&publication, &["send", "kazakhstan", "--yes", "-q", "-C"]);
    let status = format!("/proc/{}/status", send.id());
    let mut peak = 0.0_f64;
    let ended = loop {
        if let Some(kilobytes) = fs::read_to_string(&status).ok().as_deref().and_then(high_water) {
            peak = peak.max(kilobytes / 1000.0);
        }
        if let Some(ended) = send.try_wait().expect("it can be waited for") {
            break ended;
        }
        thread::sleep(Duration::from_millis(20));
    };
    assert!(ended.success(), "{ended}");
    assert_eq!(relay.accepted() - before, readers as u64);
    peak
}

fn run(publication: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_postrider"))
        .args(arguments)
        .arg(publication)
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts")
}

/// Makes the publication send to the relay, as fast as it can.
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

fn high_water(status: &str) -> Option<f64> {
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
