//! What a send takes of memory at 10,000 readers and at 200,000: the list's length must not show.
//!
//! `cargo bench --bench memory`. Runs the program itself, and reads the peak
//! of its resident memory from the kernel (Linux).

#![allow(clippy::print_stdout, missing_docs)]

mod program;

use postrider::outbox::Outbox;

use self::program::Publication;

fn main() {
    let relay = program::relay();
    let (few, many) = (peak(&relay, 10_000), peak(&relay, 200_000));
    println!("peak resident memory of `postrider send`");
    println!("   10,000 readers   {few:>6.1} MB");
    println!("  200,000 readers   {many:>6.1} MB");
    println!("  difference        {:>6.1} MB", many - few);
}

/// Sends the sample issue to so many readers and returns the sender's peak in MB.
fn peak(relay: &Outbox, readers: u32) -> f64 {
    let publication = Publication::new(relay);
    publication.list(readers);
    let before = relay.accepted();
    let ran = publication.run(&["send", "kazakhstan", "--yes", "-q"]);
    assert_eq!(ran.code, Some(0));
    assert_eq!(relay.accepted() - before, u64::from(readers));
    ran.peak
}
