//! Python reads what we wrote: parsers that are not ours.

use std::{
    io::{ErrorKind, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use crate::skip::skipped;

/// Gives `input` to a script of tests/rig and returns what it printed; nothing where there is no Python.
#[track_caller]
pub(crate) fn python(script: &str, arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let rig = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rig");
    // The modules that tests/run installs are the system's.
    let system = Path::new("/usr/bin/python3");
    let started = Command::new(if system.exists() { system } else { Path::new("python3") })
        .arg(rig.join(script))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut python = match started {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            skipped("python3, to read back what we wrote");
            return None;
        }
        started => started.expect("python3 starts"),
    };
    python.stdin.take().expect("it is piped").write_all(input).expect("it reads");
    let read = python.wait_with_output().expect("it ends");
    assert!(read.status.success(), "{script}: {}", String::from_utf8_lossy(&read.stderr));
    Some(read.stdout)
}
