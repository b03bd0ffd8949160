//! Verifiers, with our public keys in a file instead of the DNS: dkimpy and OpenDKIM, which nobody here wrote, and the doctor's, which is held against them.

use std::{env, fs, io::ErrorKind, path::Path, process::Command};

use jiff::Timestamp;
use postrider::doctor::Seal;

use crate::{python::python_with, skip::skipped};

/// A mail with what it is called when it is judged wrongly.
pub(crate) type Case = (String, Vec<u8>);

/// Has every verifier there is look at `mails`; in each so many signatures have to hold, not more and not fewer.
#[track_caller]
pub(crate) fn judge(records: &[String], mails: &[Case], holding: usize) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let keys = folder.path().join("keys");
    fs::write(&keys, records.concat()).expect("it can be written");
    let names: Vec<String> = (0..mails.len())
        .map(|number| folder.path().join(format!("{number:03}.eml")).display().to_string())
        .collect();
    for (name, (_, mail)) in names.iter().zip(mails) {
        fs::write(name, mail).expect("it can be written");
    }
    for (judge, counts) in [
        ("dkimpy", dkimpy(&keys, &names)),
        ("OpenDKIM", opendkim(folder.path(), &keys, &names)),
        ("the doctor", Some(mails.iter().map(|(_, mail)| ours(records, mail)).collect())),
    ] {
        let Some(counts) = counts else { continue };
        assert_eq!(counts.len(), mails.len(), "{judge} judges each");
        let wrong: Vec<&str> = mails
            .iter()
            .zip(counts)
            .filter(|(_, count)| *count != holding)
            .map(|((what, _), _)| what.as_str())
            .collect();
        assert!(wrong.is_empty(), "{judge} does not find {holding} to hold of: {wrong:?}");
    }
}

/// Counts the signatures that the doctor finds to hold.
fn ours(records: &[String], mail: &[u8]) -> usize {
    let record_of = |seal: &Seal| {
        let name = seal.record_name();
        records.iter().find_map(|record| record.trim_end().strip_prefix(&name))
    };
    Seal::all(mail)
        .into_iter()
        .flatten()
        .filter(|seal| {
            record_of(seal)
                .is_some_and(|record| seal.verify(mail, record, Timestamp::now()).is_ok())
        })
        .count()
}

#[track_caller]
fn dkimpy(keys: &Path, names: &[String]) -> Option<Vec<usize>> {
    let keys = keys.display().to_string();
    let arguments: Vec<&str> = std::iter::once(&keys).chain(names).map(String::as_str).collect();
    let told = python_with("dkim", "signatures.py", &arguments, b"")?;
    let told = String::from_utf8(told).expect("it tells numbers");
    Some(told.lines().map(|count| count.parse().expect("a number")).collect())
}

#[track_caller]
fn opendkim(folder: &Path, keys: &Path, names: &[String]) -> Option<Vec<usize>> {
    let settings = folder.join("opendkim.conf");
    fs::write(&settings, format!("TestPublicKeys {}\n", keys.display())).expect("it is written");
    let path = env::var("PATH").unwrap_or_default();
    let ran = Command::new("opendkim")
        .arg("-x")
        .arg(settings)
        .args(["-vv", "-t", &names.join(",")])
        .env("PATH", format!("{path}:/usr/sbin"))
        .output();
    let told = match ran {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            skipped("opendkim, to verify our signatures");
            return None;
        }
        ran => ran.expect("it runs"),
    };
    // For each mail it tells the field it would insert.
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let results = told.split("### INSHEADER:").skip(1);
    Some(results.map(|result| result.matches("dkim=pass").count()).collect())
}
