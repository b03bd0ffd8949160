//! Help, which is most people's only manual.

use clap::CommandFactory;
use postrider::cli::Cli;

use super::{env::Env, shows};

/// Every command and every verb of a group, as they are typed; the program itself is the empty one.
fn commands() -> Vec<(String, bool)> {
    let program = Cli::command();
    let mut all = vec![(String::new(), true)];
    for command in program.get_subcommands() {
        let name = command.get_name();
        all.push((name.to_owned(), command.has_subcommands()));
        all.extend(
            command.get_subcommands().map(|verb| (format!("{name} {}", verb.get_name()), false)),
        );
    }
    all
}

#[test]
fn every_command_says_what_it_does_with_examples_in_80_columns() {
    let env = Env::empty();
    for (command, is_group) in commands() {
        for option in ["-h", "--help"] {
            let said = env.postrider(&format!("{command} {option}")).code(0);
            assert_eq!(said.err, "", "{command}");
            for line in said.out.lines() {
                assert!(line.chars().count() <= 80, "{command} {option}: {line}");
            }
            assert!(is_group || said.out.contains("\nExamples:\n  "), "{command} {option}");
            let is_short = option == "-h";
            if is_short || command.is_empty() {
                let name = if command.is_empty() { "postrider" } else { &command };
                let length = if command.is_empty() && !is_short { "_at_length" } else { "" };
                shows(&format!("help_{}{length}", name.replace([' ', '-'], "_")), &said.out);
            }
        }
    }
}

#[test]
fn every_exit_code_stands_in_the_help() {
    let help = Env::empty().postrider("--help").out;
    for code in [0, 1, 2, 65, 66, 69, 70, 74, 75, 76, 77, 78] {
        assert!(help.contains(&format!("\n  {code:>2}  ")), "{code}");
    }
}

#[test]
fn the_version_is_told() {
    let said = Env::empty().postrider("--version").code(0);
    assert_eq!(said.out, format!("postrider {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_says_what_was_meant() {
    let env = Env::empty();
    for (name, line) in [
        ("command", "sned kazakhstan"),
        ("option", "send kazakhstan --comfirm 3"),
        ("nothing", "send"),
        ("both", "send kazakhstan --yes --confirm 3"),
        ("resolve", "resolve kazakhstan anna@example.org"),
    ] {
        let said = env.postrider(line).code(2);
        shows(&format!("usage_{name}"), &said.shown());
    }
}
