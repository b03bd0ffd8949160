//! Every theme on every sample before judges nobody here wrote.
//!
//! A judge reads the whole gallery in one run of its program. Where it finds something that is right for a mail, the
//! test lists that with the reason; a line of the list that nothing needs any more is a mistake too. And each is shown
//! something broken on purpose: a judge that cannot refuse says nothing.

mod axe;
mod caniemail;
mod html_validate;
mod mime;
mod parity;
mod spamassassin;
mod vnu;

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    gallery::{Copy, gallery, hung},
    skip::skipped,
};

/// What a judge finds, and why it is right for a mail.
type Allowed<'a> = &'a [(&'a str, &'a str)];

/// Panics where a judge found what is not allowed, or no longer finds what is. A finding is where and what.
#[track_caller]
fn assert_allowed(found: &[(String, String)], allowed: Allowed<'_>) {
    let faults = faults(found, allowed);
    assert!(faults.is_empty(), "{faults:#?}");
    for (start, why) in allowed {
        let is_needed = found.iter().any(|(_, what)| what.starts_with(start));
        assert!(is_needed, "nothing says `{start}` any more, so it need not be allowed: {why}");
    }
}

/// Panics unless a judge finds each of these in a page, and that it is not allowed.
#[track_caller]
fn assert_refused(found: &[(String, String)], allowed: Allowed<'_>, wanted: &[&str]) {
    let faults = faults(found, allowed);
    for wanted in wanted {
        let is_refused = faults.keys().any(|what| what.contains(wanted));
        assert!(is_refused, "nothing says `{wanted}`, but {faults:#?}");
    }
}

/// Returns what is not allowed, and where: what is wrong in many places once, with the first.
fn faults<'a>(found: &'a [(String, String)], allowed: Allowed<'_>) -> BTreeMap<&'a str, &'a str> {
    let is_allowed = |what: &str| allowed.iter().any(|(start, _)| what.starts_with(start));
    found
        .iter()
        .rev()
        .filter(|(_, what)| !is_allowed(what))
        .map(|(at, what)| (what.as_str(), at.as_str()))
        .collect()
}

/// Returns the gallery as HTML files in a folder.
fn pages(folder: &Path) -> Vec<PathBuf> {
    hung(folder, "html", |copy: &Copy| copy.html.as_bytes())
}

/// Returns the sample issue in a folder with something put before the end of its page, to see a judge refuse it.
#[track_caller]
fn broken(folder: &Path, fault: &str) -> Vec<PathBuf> {
    let sound = &gallery()[0].html;
    let (before, after) = sound.rsplit_once("</body>").expect("a page has a body");
    let path = folder.join("broken.html");
    fs::write(&path, format!("{before}{fault}</body>{after}")).expect("it can be written");
    vec![path]
}

/// Runs a script of `tests/rig/judges` where its packages are.
#[track_caller]
fn node(script: &str, arguments: &[PathBuf]) -> Option<String> {
    let judges = installed("node_modules/.package-lock.json")?;
    let judges = judges.ancestors().nth(2).expect("it is two levels below");
    let mut node = Command::new("node");
    node.current_dir(judges).args(["--input-type=module", "--eval", script]).args(arguments);
    run(&mut node, "node, for judges of our mail")
}

/// Returns a file that `tests/run` installs with the judges.
#[track_caller]
fn installed(file: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/judges").join(file);
    if path.exists() {
        return Some(path);
    }
    skipped("a judge of our mail, which `tests/run` installs");
    None
}

/// Runs a judge to its end, however long that takes on a busy machine, and returns what it printed.
#[track_caller]
fn run(command: &mut Command, what: &str) -> Option<String> {
    let output = match command.output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            skipped(what);
            return None;
        }
        output => output.expect("it runs"),
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {stderr}");
    Some(String::from_utf8(output.stdout).expect("it prints UTF-8"))
}

/// Returns the name of the copy that a path is of.
fn name(path: &str) -> String {
    let stem = Path::new(path).file_stem().and_then(OsStr::to_str);
    stem.unwrap_or_default().to_owned()
}
