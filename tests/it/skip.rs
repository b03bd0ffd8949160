//! What a test does when the thing it needs is not on this machine.

use std::io::{self, Write};

/// Says loudly that `what` was skipped; where POSTRIDER_NO_SKIP is set, as in `tests/run`, fails instead.
pub(crate) fn skipped(what: &str) {
    // Not `eprintln!`: the test harness keeps that to itself when a test passes.
    writeln!(io::stderr(), "SKIPPED: {what}").expect("stderr is open");
    assert!(
        std::env::var_os("POSTRIDER_NO_SKIP").is_none(),
        "nothing may be skipped here, and `{what}` would be"
    );
}
