//! Tests that need what this machine lacks say so; they never pass in silence.

use std::io::Write as _;

/// Says on stderr, past the test runner's capture, that a test could not be made.
///
/// Panics when `POSTRIDER_NO_SKIP` is set, as `tests/run` sets it: where everything is installed, nothing is skipped.
pub fn skipped(what: &str) {
    assert!(
        std::env::var_os("POSTRIDER_NO_SKIP").is_none(),
        "SKIPPED: {what} (and `POSTRIDER_NO_SKIP` is set)"
    );
    let line = format!("SKIPPED: {what}\n");
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("stderr can be written");
}
