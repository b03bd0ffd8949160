//! The documents cannot lie: what they show to be typed is typed, and what they quote is held against the program.
//!
//! Of every ```` ```console ```` block each line that begins with `$ ` is run by `sh`, in a fresh
//! folder for each document, with lines that begin with `>` as its continuation. It has to end
//! with 0, or with the code in its comment, `# exit 65`. In `docs/` the lines below it have to be
//! among what it printed, in their order; `...` stands for anything.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use postrider::{compose, config};

/// What is for a person's own machine: it fetches, builds, or changes something beside the folder.
const NOT_RUN: [&str; 4] = ["cargo ", "sh tests/run", "git ", "sudo "];

/// A line to be typed, and what it shows.
#[derive(Debug, PartialEq)]
struct Step {
    line: usize,
    typed: String,
    shown: Vec<String>,
}

#[test]
fn what_the_documents_type_ends_as_they_say() {
    std::thread::scope(|scope| {
        let walks: Vec<_> =
            documents().into_iter().map(|path| scope.spawn(move || walk(&path))).collect();
        let lies: Vec<String> = walks
            .into_iter()
            .flat_map(|walk| walk.join().expect("a walk does not panic"))
            .collect();
        assert!(lies.is_empty(), "{}", lies.join("\n"));
    });
}

#[test]
fn every_form_gives_the_text_that_stands_below_it() {
    let document = document("docs/writing.md");
    let forms = blocks(&document, "markdown").map(|(_, body)| body).collect::<Vec<_>>().join("\n");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let step = |typed: &str| run(typed, folder.path()).0;
    assert_eq!(step("postrider init here && mkdir here/issues/2026-11-30-forms"), 0);
    let draft = format!("+++\ndate = 2026-11-30\nsegments = [\"paid\"]\n+++\n\n{forms}");
    let issue = folder.path().join("here/issues/2026-11-30-forms");
    fs::write(issue.join("issue.md"), draft).expect("written");
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/beside");
    for file in fs::read_dir(beside).expect("it is there").flatten() {
        fs::copy(file.path(), issue.join(file.file_name())).expect("copied");
    }
    let (code, said) =
        run("postrider -C here render forms --as anna@example.org --out .", folder.path());
    assert_eq!(code, 0, "{said}");
    let text = fs::read_to_string(folder.path().join("issue.txt")).expect("it was rendered");
    for (line, shown) in blocks(&document, "text") {
        assert!(text.contains(shown.trim_end()), "docs/writing.md:{line}: not so in\n{text}");
    }
}

#[test]
fn every_code_of_a_problem_stands_in_the_documents() {
    let of_drafts: Vec<_> = compose::CODES.iter().map(|code| (code.code, code.meaning)).collect();
    let listed = [("docs/writing.md", &of_drafts[..]), ("docs/publication.md", config::CODES)];
    for (name, codes) in listed {
        let text = document(name);
        for (code, meaning) in codes {
            assert!(text.contains(&format!("| {code} | {meaning} |")), "{name}: {code}");
        }
    }
}

#[test]
fn every_block_of_configuration_can_be_read() {
    let starter = include_str!("../../templates/starter/publication.toml");
    for name in ["docs/publication.md", "docs/dkim.md", "docs/server.md"] {
        for (line, block) in blocks(&document(name), "toml") {
            let whole = tables(block)
                .iter()
                .fold(starter.to_owned(), |whole, table| with_table(&whole, table));
            let read = config::read(&whole, "publication.toml");
            assert!(read.is_ok(), "{name}:{line}: {:?}\n{whole}", read.err());
        }
    }
}

/// Cuts a block into its tables, each with its header.
fn tables(block: &str) -> Vec<String> {
    let mut tables = Vec::new();
    for line in block.split_inclusive('\n') {
        match tables.last_mut() {
            Some(table) if !line.starts_with('[') => *table += line,
            _ => tables.push(line.to_owned()),
        }
    }
    tables
}

/// Puts a block that begins with a table's header in the place of the starter's table of that name.
fn with_table(starter: &str, block: &str) -> String {
    let name = block.lines().next().unwrap_or_default().trim();
    let mut whole: String = starter
        .split_inclusive('\n')
        .scan(false, |inside, line| {
            if line.starts_with('[') {
                *inside = line.starts_with(name);
            }
            Some(if *inside { "" } else { line })
        })
        .collect();
    whole.push_str(block);
    whole
}

#[test]
fn every_variable_of_the_program_stands_in_the_documents() {
    let text = document("docs/publication.md");
    let mut names = Vec::new();
    for source in files_below(&root().join("src"), "rs") {
        let source = fs::read_to_string(&source).expect("a source can be read");
        for (at, _) in source.match_indices("POSTRIDER_") {
            let name: String = source[at..]
                .chars()
                .take_while(|letter| letter.is_ascii_uppercase() || *letter == '_')
                .collect();
            names.push(name);
        }
    }
    assert!(!names.is_empty());
    for name in names {
        assert!(text.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    for path in documents() {
        let text = fs::read_to_string(&path).expect("a document can be read");
        let here = path.parent().expect("a document is in a folder");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next()) {
            if target.contains(':') || !(target.contains(".md") || target.starts_with('#')) {
                continue;
            }
            let (file, section) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { path.clone() } else { here.join(file) };
            assert!(file.exists(), "{}: {target}", path.display());
            if !section.is_empty() {
                let text = fs::read_to_string(&file).expect("a document can be read");
                let found = text
                    .lines()
                    .filter(|line| line.starts_with('#'))
                    .any(|line| anchor(line) == section);
                assert!(found, "{}: {target}", path.display());
            }
        }
    }
}

#[test]
fn every_message_that_is_explained_is_one_of_the_program() {
    let sources: String = files_below(&root().join("src"), "rs")
        .iter()
        .map(|path| fs::read_to_string(path).expect("a source can be read"))
        .collect();
    let text = document("docs/troubleshooting.md");
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let messages = rows.flat_map(|row| row.split('|').nth(1).unwrap_or_default().split('`'));
    for part in messages.flat_map(|message| message.split("...")) {
        let part = part.trim().trim_start_matches([':', ';']).trim();
        // Some are put together of two.
        let of_two = part.match_indices(' ').map(|(at, _)| part.split_at(at));
        let holds =
            |(one, two): (&str, &str)| sources.contains(one) && sources.contains(two.trim());
        let known = sources.contains(part) || of_two.into_iter().any(holds);
        assert!(known, "docs/troubleshooting.md: no message holds `{part}`");
    }
}

/// The messages that docs/troubleshooting.md explains, each as the parts around what differs.
struct Explained(Vec<Vec<String>>);

impl Explained {
    fn read() -> Self {
        let text = document("docs/troubleshooting.md");
        let rows = text.lines().filter(|line| line.starts_with("| `"));
        // Between the bars stand the messages, each in backticks; what they quote is in backticks in the program.
        let messages = rows
            .filter_map(|row| row.split(" | ").next())
            .flat_map(|cell| cell.split('`').skip(1).step_by(2));
        let parts =
            |message: &str| message.split("...").map(|part| part.trim().to_owned()).collect();
        Self(messages.map(parts).collect())
    }

    fn begins(&self, error: &str) -> bool {
        self.0.iter().flatten().any(|part| part.starts_with(error))
    }

    fn has(&self, error: &str) -> bool {
        self.0.iter().any(|parts| {
            let mut rest = error;
            parts.iter().all(|part| match rest.split_once(part.as_str()) {
                Some((_, after)) => {
                    rest = after;
                    true
                }
                None => false,
            })
        })
    }
}

#[test]
fn every_error_that_ends_a_command_is_explained() {
    let explained = Explained::read();
    let (mut met, mut missing) = (0, Vec::new());
    for path in files_below(&root().join("src/command"), "rs") {
        let source = fs::read_to_string(&path).expect("a source can be read");
        for (at, _) in source.match_indices("Failure::new(") {
            let Some(error) = literal(&source[at + "Failure::new(".len()..]) else { continue };
            met += 1;
            // Where more follows than stands in the source, the row may say what.
            if !explained.has(&error) && !explained.begins(error.trim()) {
                missing.push(format!("`{error}`, of {}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "docs/troubleshooting.md has not:\n{}", missing.join("\n"));
    assert!(met > 70, "{met} errors are met");
}

/// Returns the words of a failure that says itself what it is, as they stand in the source; a bug of ours needs no row.
fn literal(call: &str) -> Option<String> {
    let (code, rest) = call.split_once(',')?;
    let rest = rest.trim_start();
    let rest = rest.strip_prefix("format!(").map_or(rest, str::trim_start);
    let text = rest.strip_prefix('"')?.split('"').next()?;
    // What is filled in differs, and stands in the place of nothing.
    let text = text.replace("{count}", "two mistakes");
    let words: String =
        text.split('{').map(|part| part.split_once('}').map_or(part, |(_, after)| after)).collect();
    let words = words.replace(['`', '\\'], "");
    let says = words.split_whitespace().filter(|word| word.len() > 2).count();
    (code.trim() != "exit::BUG" && says > 1).then_some(words)
}

#[test]
fn every_error_that_a_test_shows_is_explained() {
    let explained = Explained::read();
    let mut shown = 0;
    for path in files_below(&root().join("tests/it/snapshots"), "snap") {
        // What is wrong with a command line is told by the parser, with the usage.
        if path.to_string_lossy().contains("__usage_") {
            continue;
        }
        let snapshot = fs::read_to_string(&path).expect("a snapshot can be read");
        let Some((_, after)) = snapshot.split_once("\nerror: ") else { continue };
        let error = after.split("\nhint: ").next().unwrap_or_default().replace('`', "");
        let error = error.split("\n\n").next().unwrap_or_default();
        let error = error.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            explained.has(&error),
            "docs/troubleshooting.md has no `{error}`, of {}",
            path.display()
        );
        shown += 1;
    }
    assert!(shown > 50, "{shown} errors are shown");
}

#[test]
fn every_document_is_listed_for_who_looks_for_it() {
    let list = document("docs/README.md");
    for path in documents().iter().filter_map(|path| path.strip_prefix(root().join("docs")).ok()) {
        let link = format!("]({})", path.display());
        assert!(path == Path::new("README.md") || list.contains(&link), "docs/README.md: {link}");
    }
}

#[test]
fn every_state_and_every_command_that_reports_is_explained() {
    let schema: serde_json::Value =
        serde_json::from_str(&document("docs/json.schema.json")).expect("it is JSON");
    let glossary = document("docs/glossary.md");
    for kind in ["issue-state", "delivery-state", "reader-state"] {
        let states = schema["$defs"][kind]["enum"].as_array().expect("it lists states");
        for state in states.iter().filter_map(serde_json::Value::as_str) {
            let word = state.replace('_', " ");
            assert!(glossary.contains(&format!("**{word}**")), "docs/glossary.md: {word}");
        }
    }
    let table = document("docs/json.md");
    let commands = schema["$defs"].as_object().expect("it has definitions");
    for name in commands.keys().filter(|name| !NOT_COMMANDS.contains(&name.as_str())) {
        assert!(table.contains(&format!("`{name}`")), "docs/json.md: {name}");
    }
}

/// What of docs/json.schema.json no command is named for.
const NOT_COMMANDS: [&str; 3] = ["instant", "happening", "attempt"];

/// Returns how a heading is linked to, as the common viewers do it.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches(['#', ' '])
        .to_lowercase()
        .chars()
        .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'))
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

#[test]
fn a_console_block_is_read_as_its_steps() {
    let text = "```console\n$ cat <<'END'    # exit 65\n> a\n>\n> END\na\n...\n$ git pull\n```\n```sh\n$ no\n```\n";
    let steps = steps(text);
    assert_eq!(
        steps,
        [Step {
            line: 2,
            typed: "cat <<'END'    # exit 65\na\n\nEND".to_owned(),
            shown: vec!["a".to_owned(), "...".to_owned()],
        }]
    );
    assert_eq!(expected(&steps[0].typed), 65);
}

/// Types a document's steps in a folder of its own; returns what did not come out as it says.
fn walk(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a document can be read");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let shows = path.starts_with(root().join("docs"));
    let mut at = folder.path().to_owned();
    let mut lies = Vec::new();
    for step in steps(&text) {
        let (code, said) = run(&step.typed, &at);
        let place = format!("{}:{}: $ {}", path.display(), step.line, step.typed);
        if code != expected(&step.typed) {
            lies.push(format!("{place}\nended with {code}:\n{said}"));
        }
        if let Some(missing) = missing(&step.shown, &said).filter(|_| shows) {
            lies.push(format!("{place}\ndid not print `{missing}`, but\n{said}"));
        }
        at = PathBuf::from(fs::read_to_string(at.join(CWD)).unwrap_or_default().trim_end());
        let _ = fs::remove_file(at.join(CWD));
    }
    lies
}

/// Where a step leaves the folder it ended in.
const CWD: &str = ".cwd";

/// Runs a step by `sh` and returns its exit code and all it printed.
fn run(typed: &str, at: &Path) -> (i32, String) {
    let binary = Path::new(env!("CARGO_BIN_EXE_postrider")).parent().expect("it is in a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let script =
        format!("exec 2>&1\nfrom=$PWD\n{typed}\ncode=$?\npwd > \"$from/{CWD}\"\nexit $code\n");
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(at)
        .env_clear()
        .env("PATH", format!("{}:{path}", binary.display()))
        .env("HOME", at)
        .env("EDITOR", "true")
        .stdin(Stdio::null())
        .output()
        .expect("sh runs");
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Returns the exit code that a step's comment names, 0 without one.
fn expected(typed: &str) -> i32 {
    let first = typed.lines().next().unwrap_or_default();
    let code = first.rsplit_once("# exit ").and_then(|(_, code)| code.trim().parse().ok());
    code.unwrap_or(0)
}

/// Returns the first line shown that was not printed below the one before it.
fn missing<'a>(shown: &'a [String], said: &str) -> Option<&'a str> {
    let mut lines = said.lines();
    shown
        .iter()
        .filter(|line| !line.trim().is_empty() && line.trim() != "...")
        .find(|line| !lines.any(|printed| fits(line.trim_end(), printed.trim_end())))
        .map(String::as_str)
}

/// Tells whether a line is as it is shown, `...` standing for anything.
fn fits(shown: &str, printed: &str) -> bool {
    let mut parts = shown.split("...");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = printed.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

/// Returns what is to be typed, in order.
fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (start, body) in blocks(text, "console") {
        let mut open = false;
        for (offset, line) in body.lines().enumerate() {
            if let Some(typed) = line.strip_prefix("$ ") {
                open = !NOT_RUN.iter().any(|word| typed.starts_with(word))
                    && !typed.contains("crontab");
                if open {
                    let line = start + offset;
                    steps.push(Step { line, typed: typed.to_owned(), shown: Vec::new() });
                }
                continue;
            }
            let Some(step) = steps.last_mut().filter(|_| open) else { continue };
            match line.strip_prefix('>').filter(|_| step.shown.is_empty()) {
                Some(more) => {
                    step.typed.push('\n');
                    step.typed.push_str(more.strip_prefix(' ').unwrap_or(more));
                }
                None => step.shown.push(line.to_owned()),
            }
        }
    }
    steps
}

/// Returns the fenced blocks of a language: the line each begins on, and what it holds.
fn blocks<'a>(text: &'a str, language: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    let mut at = 0;
    let mut number = 0;
    let mut open: Option<(String, String, usize, usize)> = None;
    let mut found = Vec::new();
    for line in text.split_inclusive('\n') {
        number += 1;
        let bare = line.trim_end();
        let fence: String = bare.chars().take_while(|letter| *letter == '`').collect();
        match &open {
            Some((fence, name, start, first)) if bare == fence => {
                if name == language {
                    found.push((*first, &text[*start..at]));
                }
                open = None;
            }
            None if fence.len() >= 3 => {
                let name = bare[fence.len()..].to_owned();
                open = Some((fence, name, at + line.len(), number + 1));
            }
            _ => {}
        }
        at += line.len();
    }
    found.into_iter()
}

/// Returns the documents that are there: README.md and those of `docs/`.
pub(crate) fn documents() -> Vec<PathBuf> {
    let mut paths = files_below(&root().join("docs"), "md");
    paths.extend(Some(root().join("README.md")).filter(|path| path.is_file()));
    paths
}

fn document(name: &str) -> String {
    fs::read_to_string(root().join(name)).expect("the document is there")
}

fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.append(&mut files_below(&path, extension));
        } else if path.extension().is_some_and(|ending| ending == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
