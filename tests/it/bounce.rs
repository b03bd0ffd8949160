//! What comes back, read: fixtures of ours in the dialects of the world, the corpus beside the repository, hostile bytes.

mod hostile;
pub(crate) mod webhook;

use std::{fmt::Write as _, fs, path::Path};

use postrider::bounce::{self, Kind, Report};

use crate::skip;

/// Every fixture: the folder is the kind it is to be read as.
fn fixtures() -> Vec<(String, Kind, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bounces");
    let mut found = Vec::new();
    for kind in Kind::ALL {
        for entry in fs::read_dir(root.join(kind.word())).expect("there is one of every kind") {
            let path = entry.expect("it can be listed").path();
            let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
            found.push((
                format!("{}/{name}", kind.word()),
                kind,
                fs::read(path).expect("it can be read"),
            ));
        }
    }
    found.sort();
    found
}

#[test]
fn every_fixture_is_of_the_kind_its_folder_says() {
    let mut wrong = Vec::new();
    let mut shown = String::new();
    for (name, kind, bytes) in fixtures() {
        let report = bounce::read(&bytes);
        if report.kind != kind {
            wrong.push(format!("{name}: {report:#?}"));
        }
        tell(&name, &report, &mut shown);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    insta::assert_snapshot!(shown);
}

fn tell(name: &str, report: &Report, shown: &mut String) {
    let cause = report.cause.map_or_else(String::new, |cause| format!(" ({cause})"));
    let action = report.action.unwrap_or("-");
    let Report { address, code, diagnostic, evidence, .. } = report;
    writeln!(shown, "{name}{cause}\n  {address} {action} {code}\n  {diagnostic}")
        .expect("a string grows");
    for (what, tokens) in [
        ("return path", &evidence.return_paths),
        ("asked", &evidence.asked),
        ("returned", &evidence.returned),
    ] {
        for token in tokens {
            writeln!(shown, "  {what} {token}").expect("a string grows");
        }
    }
}

#[test]
fn of_the_corpus_nothing_soft_is_called_hard_and_nine_of_ten_are_right() {
    let Some(manifest) = skip::shared("corpus/dsn.manifest.json") else { return };
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("it is JSON");
    let messages = manifest["messages"].as_array().expect("it lists messages");
    let (mut right, mut wrong, mut unsafe_ones) = (0, Vec::new(), Vec::new());
    for message in messages {
        let file = message["file"].as_str().expect("it names a file");
        let expected = match message["expected_class"].as_str().expect("it says a class") {
            "autoreply" | "challenge" => "auto_reply",
            "delay" => "delayed",
            class => class,
        };
        let Some(bytes) = skip::shared_bytes(&format!("corpus/dsn/{file}")) else { return };
        let report = bounce::read(&bytes);
        if report.kind.word() == expected {
            right += 1;
            continue;
        }
        let line = format!(
            "{file}: {expected}, read as {} ({:?} {} {})",
            report.kind.word(),
            report.cause,
            report.code,
            report.diagnostic
        );
        if report.kind == Kind::Hard {
            unsafe_ones.push(line.clone());
        }
        wrong.push(line);
    }
    assert!(unsafe_ones.is_empty(), "called hard:\n{}", unsafe_ones.join("\n"));
    assert!(
        right * 10 >= messages.len() * 9,
        "{right} of {}:\n{}",
        messages.len(),
        wrong.join("\n")
    );
}
