//! Every fault we can name has a test by name and an expected end: the table in `docs/delivery.md`. Those of the ledger's file, of clocks and of people are here; the table says where the others are.

mod ledger;
mod people;

use std::{collections::BTreeSet, fs, path::Path};

/// The groups a fault may be of, in the order of the table.
const GROUPS: [&str; 17] = [
    "connect", "greeting", "EHLO", "TLS", "AUTH", "envelope", "body", "dot", "replies", "signals",
    "ledger", "disk", "clock", "people", "rates", "process", "machines",
];

/// What the table must name, in words that stand in its rows.
const NAMED: [&str; 59] = [
    "DNS failure",
    "refused",
    "SYN dropped",
    "silent",
    "garbage",
    "dribbled",
    "554",
    "EHLO refused",
    "1,000 lines",
    "10 kB line",
    "NUL",
    "STARTTLS stripped",
    "STARTTLS injected",
    "STARTTLS 454",
    "nobody trusts",
    "expired certificate",
    "another host",
    "AUTH 535",
    "AUTH 454",
    "AUTH expires",
    "MAIL 4yz",
    "MAIL 5yz",
    "RCPT 4yz",
    "RCPT 5yz",
    "DATA 4yz",
    "DATA 5yz",
    "dot 4yz",
    "dot 5yz",
    "greylisted",
    "throttled",
    "quota",
    "reset inside the body",
    "early 552",
    "close after the dot",
    "silence after the dot",
    "garbage after the dot",
    "split",
    "several lines",
    "10 kB reply",
    "250, then close",
    "unsolicited 421",
    "extra reply",
    "PIPELINING",
    "8BITMIME",
    "SMTPUTF8",
    "SIGTERM",
    "SIGKILL",
    "SIGSTOP",
    "two starts",
    "changed draft",
    "acknowledged late",
    "busy",
    "disk is full",
    "read-only",
    "corrupt",
    "restored",
    "back an hour",
    "forward a day",
    "erased",
];

#[test]
fn every_fault_of_the_table_has_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(root.join("docs/delivery.md")).expect("it is there");
    let table = document.split_once("| group | fault |").expect("it has the table").1;
    let mut tests = BTreeSet::new();
    for folder in ["src", "tests/it"] {
        collect(&root.join(folder), &mut tests);
    }
    let (mut groups, mut rows) = (Vec::new(), String::new());
    for row in table.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [group, fault, end, test] = cells[..] else { panic!("{row}") };
        assert!(!fault.is_empty() && !end.is_empty(), "{row}");
        assert!(tests.contains(test.trim_matches('`')), "there is no such test: {row}");
        groups.push(group);
        rows = rows + fault + "\n";
    }
    groups.dedup();
    assert_eq!(groups, GROUPS);
    for name in NAMED {
        assert!(rows.contains(name), "the table does not name `{name}`");
    }
}

/// Collects the names of functions below a folder.
fn collect(folder: &Path, tests: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("it can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, tests);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let code = fs::read_to_string(&path).expect("it is text");
            let names =
                code.lines().filter_map(|line| line.split_once("fn ")?.1.split(['(', '<']).next());
            tests.extend(names.map(str::to_owned));
        }
    }
}
