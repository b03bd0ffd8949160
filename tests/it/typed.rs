//! Whatever the documents say to type is something the program takes: each command in them is read as the program would read it.
//!
//! That is every `postrider ...` in a block or in a sentence, and every verb with an option or a placeholder
//! (`status ISSUE --failed`) in a sentence. What is run as well is the business of `docs.rs`.

use std::{collections::BTreeSet, fs};

use clap::{CommandFactory, error::ErrorKind};
use postrider::cli::Cli;

use crate::docs::documents;

#[test]
fn every_command_in_the_documents_is_one_that_the_program_takes() {
    let verbs: BTreeSet<String> = Cli::command()
        .get_subcommands()
        .filter(|verb| verb.get_name() != "help")
        .map(|verb| verb.get_name().to_owned())
        .collect();
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    for path in documents() {
        let text = fs::read_to_string(&path).expect("a document can be read");
        for (line, typed) in commands(&text, &verbs) {
            let words = words(&typed);
            used.extend(words.iter().find(|word| verbs.contains(*word)).cloned());
            let read = Cli::read(words.into_iter().map(Into::into));
            let is_name =
                !typed.contains("--") && !typed.contains(|letter: char| letter.is_uppercase());
            let is_fine = read.as_ref().err().is_none_or(|error| match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
                // A sentence may name a command without saying what it is asked.
                ErrorKind::MissingRequiredArgument
                | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => is_name,
                _ => false,
            });
            if !is_fine {
                let error = read.err().map(|error| error.to_string()).unwrap_or_default();
                let error = error.lines().next().unwrap_or_default();
                wrong.push(format!("{}:{line}: `{typed}`: {error}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let silent: Vec<_> = verbs.difference(&used).collect();
    assert!(silent.is_empty(), "no document shows how {silent:?} is typed");
}

#[test]
fn a_command_is_found_wherever_it_stands() {
    let verbs = BTreeSet::from(["status".to_owned()]);
    let text = "Type `status ISSUE --failed`, not `status`, or `postrider due`.\n\
        ```sh\n(crontab -l; postrider -C '/a b' due) | sort   # now\ncargo install postrider\n```\n";
    let found = commands(text, &verbs);
    assert_eq!(
        found,
        [
            (1, "postrider status ISSUE --failed".to_owned()),
            (1, "postrider due".to_owned()),
            (3, "postrider -C '/a b' due".to_owned()),
        ]
    );
    assert_eq!(words(&found[2].1), ["postrider", "-C", "/a b", "due"]);
}

/// Finds what is to be typed, with the number of its line.
fn commands(text: &str, verbs: &BTreeSet<String>) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fence: Option<String> = None;
    for (at, line) in text.lines().enumerate() {
        let ticks: String = line.trim_start().chars().take_while(|letter| *letter == '`').collect();
        if ticks.len() >= 3 {
            let closes = fence.as_ref().is_some_and(|open| *open == ticks);
            fence = if closes { None } else { fence.or(Some(ticks)) };
        } else if fence.is_some() {
            found.extend(in_block(line).map(|typed| (at + 1, typed)));
        } else {
            found.extend(in_sentence(line, verbs).into_iter().map(|typed| (at + 1, typed)));
        }
    }
    found
}

/// Finds the commands of a line of a shell, a unit or a workflow.
fn in_block(line: &str) -> impl Iterator<Item = String> {
    // What builds or fetches it names it too.
    let is_about_it =
        ["cargo ", "git ", "docker build", "dpkg ", "apt", "systemctl ", "adduser", "install "]
            .iter()
            .any(|word| line.contains(word));
    let starts: Vec<usize> = line
        .match_indices("postrider ")
        .filter(|(at, _)| {
            let before = line[..*at].chars().next_back();
            before.is_none_or(|letter| matches!(letter, ' ' | '(' | '|' | '/' | '"' | '`'))
        })
        .map(|(at, _)| at)
        .filter(|_| !is_about_it)
        .collect();
    starts
        .into_iter()
        .map(|at| until_the_shell_takes_over(&line[at..]))
        .collect::<Vec<_>>()
        .into_iter()
}

/// Finds the commands that a sentence or a table names.
fn in_sentence(line: &str, verbs: &BTreeSet<String>) -> Vec<String> {
    let spans = line.split('`').skip(1).step_by(2);
    spans
        .filter(|span| !span.contains(['[', '=', '{', '<']) && !span.contains("COMMAND"))
        .filter_map(|span| {
            let (first, rest) = span.split_once(' ')?;
            let says_how = rest.contains("--") || rest.split(' ').any(is_placeholder);
            if first == "postrider" {
                Some(until_the_shell_takes_over(span))
            } else if verbs.contains(first) && says_how {
                Some(until_the_shell_takes_over(&format!("postrider {span}")))
            } else {
                None
            }
        })
        .collect()
}

/// Cuts off a pipe, a comment, and whatever else is not the program's.
fn until_the_shell_takes_over(typed: &str) -> String {
    let mut quote = None;
    let mut before = ' ';
    for (at, letter) in typed.char_indices() {
        match quote {
            Some(open) if letter == open => quote = None,
            None if letter == '\'' || letter == '"' => quote = Some(letter),
            None if matches!(letter, '|' | '&' | ';' | '>' | ')' | '<') => {
                return typed[..at].trim_end().to_owned();
            }
            None if letter == '#' && before == ' ' => return typed[..at].trim_end().to_owned(),
            Some(_) | None => {}
        }
        before = letter;
    }
    // A quote that opened before it ends it.
    let whole = if quote.is_some() { typed.trim_end_matches(['"', '\'']) } else { typed };
    whole.trim_end().to_owned()
}

/// Splits a command as a shell does, and puts something in the place of each placeholder.
fn words(typed: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for letter in typed.chars().chain([' ']) {
        match quote {
            Some(open) if letter == open => quote = None,
            None if letter == '\'' || letter == '"' => quote = Some(letter),
            None if letter == ' ' => {
                words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
            }
            _ => word.push(letter),
        }
    }
    let stands_in = |word: String| match word.trim_end_matches("...") {
        "" => None,
        "N" | "COUNT" => Some("1".to_owned()),
        "ADDR:PORT" => Some("127.0.0.1:53".to_owned()),
        word => Some(word.to_owned()),
    };
    words.into_iter().filter_map(stands_in).collect()
}

/// Tells whether a word is written in capitals, as in `ISSUE` and `ADDR...`.
fn is_placeholder(word: &str) -> bool {
    let word = word.trim_end_matches("...");
    word.len() > 2 && word.chars().all(|letter| letter.is_ascii_uppercase() || letter == ':')
}
