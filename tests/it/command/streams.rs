//! The three streams: pipes that close, disks that are full, colours where they are wanted.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    process::Stdio,
};

use super::env::Env;

#[test]
fn a_reader_of_a_listing_may_go_when_they_have_enough() {
    let env = Env::publication();
    let list: Vec<String> = (0..20_000).map(|n| format!("reader{n}@example.org")).collect();
    env.write("people.csv", &format!("email\n{}\n", list.join("\n")));
    env.postrider("subscribers import people.csv").code(0);
    for line in ["subscribers list", "subscribers list --json"] {
        let mut child = env
            .command(line)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut first = String::new();
        let pipe = child.stdout.take().expect("a pipe");
        BufReader::with_capacity(64, pipe).read_line(&mut first).expect("a line");
        assert!(first.contains("reader0@example.org"), "{first}");
        let said = env.said(child.wait_with_output().expect("it ends")).code(0);
        assert_eq!(said.err, "", "{line}");
    }
}

#[test]
fn results_that_cannot_be_written_are_no_success() {
    let env = Env::publication();
    for line in ["status", "subscribers list", "plan kazakhstan --json", "--help", "check"] {
        let full = File::options().write(true).open("/dev/full").expect("it is there");
        let output = env.command(line).stdout(full).output().expect("it runs");
        let said = env.said(output);
        // Nobody is listed yet, so there is no result to lose.
        let code = if line == "subscribers list" { 0 } else { 74 };
        assert_eq!(said.code, code, "{line}: {said:?}");
    }
    let full = File::options().write(true).open("/dev/full").expect("it is there");
    let output = env.command("send kazakhstan --yes").stdout(full).output().expect("it runs");
    env.said(output).code(74).tells("failed to write the result");
    assert_eq!(env.mails().len(), 3, "the issue goes out all the same");
}

#[test]
fn streams_that_are_closed_stop_nothing() {
    let env = Env::publication();
    for (line, close) in [("status", ">&-"), ("send kazakhstan --yes", ">&- 2>&- <&-")] {
        let script = format!("exec {} {line} {close}", env!("CARGO_BIN_EXE_postrider"));
        let mut shell = std::process::Command::new("/bin/sh");
        shell.args(["-c", &script]).current_dir(&env.root).env_clear();
        assert_eq!(shell.status().expect("it runs").code(), Some(0), "{line}");
    }
    assert_eq!(env.mails().len(), 3);
}

#[test]
fn colours_are_where_they_are_wanted() {
    let env = Env::publication();
    let coloured = |line: &str, variable: (&str, &str)| {
        let output = env.command(line).env(variable.0, variable.1).output().expect("it runs");
        [output.stdout, output.stderr].map(|bytes| bytes.contains(&0x1b))
    };
    let none = ("NOTHING", "");
    assert_eq!(coloured("plan kazakhstan", none), [false, false], "a pipe is no terminal");
    assert_eq!(coloured("plan kazakhstan --color always", none), [true, false]);
    assert_eq!(coloured("plan nothing --color always", none), [false, true]);
    assert_eq!(coloured("plan kazakhstan --color always", ("NO_COLOR", "1")), [true, false]);
    assert_eq!(coloured("plan nothing --color never", none), [false, false]);
}

#[test]
fn quiet_says_nothing_where_all_is_well() {
    let env = Env::publication();
    for line in [
        "send kazakhstan --yes -q",
        "check -q",
        "subscribers add new@example.org -q",
        "schedule kazakhstan -q",
    ] {
        let said = env.postrider(line);
        if said.code == 0 {
            said.silent();
        }
    }
    let said = env.postrider("plan nothing -q").code(66);
    assert!(said.err.starts_with("error: "), "{said:?}");
}

#[test]
fn the_help_is_coloured_as_asked() {
    let env = Env::empty();
    for (line, is_coloured) in [
        ("--color always --help", true),
        ("--color never --help", false),
        ("send --help --color=always", true),
        ("send --color always --help --color=never", false),
    ] {
        assert_eq!(env.postrider(line).code(0).out.contains('\u{1b}'), is_coloured, "{line}");
    }
}
