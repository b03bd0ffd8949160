//! How long a list takes to import against sqlite3: its own `.import` and a de-duplicating insert of the same file.
//!
//! `cargo bench --bench import`, or with another number of rows:
//! `cargo bench --bench import -- 100000`. 1,000,000 rows, 29,000 of them
//! duplicates. sqlite3 only copies the columns; ours checks every address,
//! keeps who brought whom, and names each duplicate with the line of the first.

#![allow(clippy::print_stdout, missing_docs)]

mod program;

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use self::program::{Publication, Ran, median, row};

const ROUNDS: usize = 3;

const SQL: &str = "
.mode csv
.import list.csv raw
CREATE TABLE subscribers (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT, company TEXT);
INSERT OR IGNORE INTO subscribers (email, name, company) SELECT lower(email), name, company FROM raw;
";

fn main() {
    let rows = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let relay = program::relay();
    let publication = Publication::new(&relay);
    let list = publication.root().join("list.csv");
    write(&list, rows / 10);
    let tenth = import(&publication);
    write(&list, rows);
    let (mut ours, mut theirs, mut peaks) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let ran = import(&publication);
        peaks.push(ran.peak);
        ours.push(ran.took.as_secs_f64());
        theirs.extend(sqlite3(&publication.root()).map(|took| took.as_secs_f64()));
    }
    let again = publication.run(&["subscribers", "import", &list.display().to_string(), "-q"]);
    let ours = median(ours);
    println!("{rows} rows, 29 in 1,000 of them duplicates, medians of {ROUNDS}");
    println!("  postrider subscribers import   {ours:>7.2} s");
    if theirs.is_empty() {
        println!("  sqlite3 is not here");
    } else {
        let theirs = median(theirs);
        println!("  sqlite3 .import and insert     {theirs:>7.2} s");
        println!("  ratio                          {:>7.2}", ours / theirs);
    }
    println!("  the same file again            {:>7.2} s", again.took.as_secs_f64());
    println!("  peak memory                    {:>7.1} MB", median(peaks));
    println!("  at a tenth of the rows         {:>7.1} MB", tenth.peak);
}

/// Imports the list into a new ledger.
fn import(publication: &Publication) -> Ran {
    let _ = fs::remove_dir_all(publication.root().join(".postrider"));
    let list = publication.root().join("list.csv").display().to_string();
    let ran = publication.run(&["subscribers", "import", &list, "-q"]);
    assert_eq!(ran.code, Some(0), "{}", ran.said);
    ran
}

fn sqlite3(folder: &Path) -> Option<Duration> {
    let _ = fs::remove_file(folder.join("theirs.sqlite"));
    let script = folder.join("theirs.sql");
    fs::write(&script, SQL).expect("it can be written");
    let started = Instant::now();
    let status = Command::new("sqlite3")
        .current_dir(folder)
        .args(["theirs.sqlite", ".read theirs.sql"])
        .stdout(Stdio::null())
        .status()
        .ok()?;
    let took = started.elapsed();
    assert!(status.success());
    Some(took)
}

/// Writes a list in which every row behind the first 971 of 1,000 stands there already.
fn write(path: &Path, rows: u32) {
    let people = rows / 1000 * 971;
    let mut list = String::from("email,name,company\n");
    for number in 0..rows {
        let number = if number < people { number } else { (number - people) * 33 };
        writeln!(list, "{}", row(number)).expect("a string takes all");
    }
    fs::write(path, list).expect("it can be written");
}
