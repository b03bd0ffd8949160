//! What a test does when the thing it needs is not on this machine.

use std::{
    env, fs,
    io::{self, Write},
    path::PathBuf,
};

/// Says loudly that `what` was skipped; where POSTRIDER_NO_SKIP is set, as in `tests/run`, fails instead.
#[track_caller]
pub(crate) fn skipped(what: &str) {
    tell(what);
    assert!(
        env::var_os("POSTRIDER_NO_SKIP").is_none(),
        "nothing may be skipped here, and `{what}` would be"
    );
}

/// Reads a file of the folder `shared` beside the repository: what is its owner's is never in it.
///
/// Where the whole folder is missing, as it is for a stranger, `tests/run` sets POSTRIDER_NO_SHARED, and the test may be
/// skipped whatever POSTRIDER_NO_SKIP says.
#[track_caller]
pub(crate) fn shared(path: &str) -> Option<String> {
    shared_bytes(path).map(|bytes| String::from_utf8(bytes).expect("it is text"))
}

/// Reads one as bytes.
#[track_caller]
pub(crate) fn shared_bytes(path: &str) -> Option<Vec<u8>> {
    let folder = env::var_os("POSTRIDER_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let bytes = fs::read(folder.join(path));
    if bytes.is_err() {
        let what = format!("what needs `../shared/{path}`");
        if env::var_os("POSTRIDER_NO_SHARED").is_some() { tell(&what) } else { skipped(&what) }
    }
    bytes.ok()
}

fn tell(what: &str) {
    // Not `eprintln!`: the test harness keeps that to itself when a test passes.
    writeln!(io::stderr(), "SKIPPED: {what}").expect("stderr is open");
}
