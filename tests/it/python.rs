//! Python reads what we wrote: parsers that are not ours.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use crate::skip::skipped;

/// Gives `input` to a script of tests/rig and returns what it printed; nothing where there is no Python.
#[track_caller]
pub(crate) fn python(script: &str, arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    python_with("json", script, arguments, input)
}

/// Does so with the first Python that has a package which is not of the standard library; nothing where none has it.
#[track_caller]
pub(crate) fn python_with(
    package: &str,
    script: &str,
    arguments: &[&str],
    input: &[u8],
) -> Option<Vec<u8>> {
    // Debian's packages are seen by Debian's Python alone, which may not be the first.
    let has_package = |program: &&str| {
        let import = Command::new(program).args(["-c", &format!("import {package}")]).output();
        import.is_ok_and(|import| import.status.success())
    };
    let Some(program) = ["python3", "/usr/bin/python3"].into_iter().find(has_package) else {
        skipped(&format!("python3 with `{package}`, to read back what we wrote"));
        return None;
    };
    let rig = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rig");
    let mut python = Command::new(program)
        .arg(rig.join(script))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it started before");
    python.stdin.take().expect("it is piped").write_all(input).expect("it reads");
    let read = python.wait_with_output().expect("it ends");
    assert!(read.status.success(), "{script}: {}", String::from_utf8_lossy(&read.stderr));
    Some(read.stdout)
}
