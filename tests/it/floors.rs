//! Holds the house to its floors: a room leans only downwards, and the lower two know nothing of the world.
//!
//! This reads `src/` as text: comments and literals are put aside, every path is spelt out (`use` groups, `super`,
//! inline modules), and each is held against [`FLOORS`]. A macro that builds a path would deceive it.

use std::fs;
use std::path::Path;

/// The rooms from the ground up, as DESIGN.md has them. A room may use every room below it and none beside it.
const FLOORS: [&[&str]; 5] = [
    &["model"],
    &[
        "compose",
        "check",
        "bounce",
        "schedule",
        "list",
        "trust",
        "send::brake",
        "send::policy",
        "send::provider",
        "send::throttle",
    ],
    &["ledger", "mailbox", "smtp", "outbox", "config", "doctor"],
    &["send", "web"],
    &["command", "cli", "main", "lib"],
];

/// The one tie between neighbours below the counter, whose own files may all use each other.
const TIES: [(&str, &str); 1] = [("check", "compose")];

/// Up to here rooms are pure: they cannot fail for the world's reasons.
const HIGHEST_PURE_FLOOR: usize = 1;
const COUNTER: usize = 4;

/// What a pure room does not name: clock, files, network, environment, randomness, async. (`core::net` is fine: there
/// an address is just a value. So is ring: it computes. Its source of randomness comes as an argument.)
const WORLD: [&str; 17] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "io::stdin",
    "io::stdout",
    "io::stderr",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "TimeZone::system",
    "tokio",
    "getrandom",
    "SystemRandom::new",
    "async",
];

#[test]
fn no_room_leans_upwards() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let faults: Vec<String> = sources(root, "src")
        .iter()
        .flat_map(|file| {
            faults(file, &fs::read_to_string(root.join(file)).expect("a source file is text"))
        })
        .collect();
    assert!(faults.is_empty(), "the house leans:\n{}", faults.join("\n"));
}

#[test]
fn every_room_stands_on_one_floor() {
    let mut rooms = FLOORS.concat();
    let all = rooms.len();
    rooms.sort_unstable();
    rooms.dedup();
    assert_eq!(rooms.len(), all);
}

#[test]
fn a_room_that_leans_upwards_is_named_with_its_line() {
    let cases: [(&str, &str, &[&str]); 18] = [
        (
            "src/compose/text.rs",
            "//! Text.\n\nuse crate::model::Issue;\nuse crate::ledger::Ledger;\n",
            &["src/compose/text.rs:4: `compose` (floor 1) leans on `ledger` (floor 2)"],
        ),
        (
            "src/smtp/mod.rs",
            "use crate::{\n    model::{Address, Reply},\n    outbox::{self, Outbox},\n    send::policy::judge,\n};",
            &["src/smtp/mod.rs:3: `smtp` (floor 2) leans on `outbox` (floor 2)"],
        ),
        (
            "src/list/csv/read.rs",
            "fn f() -> super::super::super::config::Config { super::super::g() }",
            &["src/list/csv/read.rs:1: `list` (floor 1) leans on `config` (floor 2)"],
        ),
        (
            "src/send/policy.rs",
            "use super::throttle::Throttle;\nuse super::Run;",
            &[
                "src/send/policy.rs:1: `send::policy` (floor 1) leans on `send::throttle` (floor 1)",
                "src/send/policy.rs:2: `send::policy` (floor 1) leans on `send` (floor 3)",
            ],
        ),
        (
            "src/ledger/sqlite.rs",
            "mod inner {\n    use super::super::Ledger;\n    mod deep { use super::super::super::super::web; }\n}\nuse super::Claim;",
            &["src/ledger/sqlite.rs:3: `ledger` (floor 2) leans on `web` (floor 3)"],
        ),
        ("src/check/law.rs", "use crate::compose::Issue;", &[]),
        (
            "src/compose/law.rs",
            "use crate::check::Rule;",
            &["src/compose/law.rs:1: `compose` (floor 1) leans on `check` (floor 1)"],
        ),
        ("src/send/run.rs", "use super::{policy, throttle};\nuse crate::smtp::Relay;", &[]),
        (
            "src/web/mod.rs",
            "use crate::command;",
            &["src/web/mod.rs:1: `web` (floor 3) leans on `command` (floor 4)"],
        ),
        (
            "src/main.rs",
            "use postrider::command;\nmod cli;\nfn main() { command::run(cli::parse()) }",
            &[],
        ),
        (
            "src/compose/mod.rs",
            "// crate::web\n/* /* crate::web */ crate::send */\nconst A: &str = \"crate::ledger \\\" crate::web\";\n\
             const B: &str = r#\"\"crate::web\"#;\nconst C: char = '\"';\nfn f<'a>(x: &'a str) { let _ = '\\''; }",
            &[],
        ),
        (
            "src/util/mod.rs",
            "",
            &[
                "src/util/mod.rs:1: `util` stands on no floor: give it one in tests/it/floors.rs, or another home",
            ],
        ),
        (
            "src/smtp/tls.rs",
            "use crate::VERSION;\nuse crate::*;",
            &[
                "src/smtp/tls.rs:1: `VERSION` stands on no floor",
                "src/smtp/tls.rs:2: `*` stands on no floor",
            ],
        ),
        (
            "src/list/mod.rs",
            "use std::{\n    collections::BTreeMap,\n    fs::{self, File},\n    time::{Duration, SystemTime},\n};\nuse tokio::net;",
            &[
                "src/list/mod.rs:3: `list` is pure and names `std::fs`",
                "src/list/mod.rs:4: `list` is pure and names `SystemTime`",
                "src/list/mod.rs:6: `list` is pure and names `tokio`",
            ],
        ),
        (
            "src/compose/dkim/mod.rs",
            "use ring::rand::{self, SystemRandom};\nfn f(random: &SystemRandom) {}\nfn g() { f(&rand::SystemRandom::new()) }",
            &["src/compose/dkim/mod.rs:3: `compose` is pure and names `SystemRandom::new`"],
        ),
        (
            "src/send/throttle.rs",
            "use std::time::Instant;\nfn f(now: Instant) -> Instant {\n    Instant::now()\n}\npub async fn g() {}",
            &[
                "src/send/throttle.rs:3: `send::throttle` is pure and names `Instant::now`",
                "src/send/throttle.rs:5: `send::throttle` is pure and names `async`",
            ],
        ),
        (
            "src/schedule/mod.rs",
            "#[cfg(test)]\nmod tests {\n    use std::fs;\n    fn f() { { Zoned::now(); } }\n}\n#[cfg(test)]\nuse std::env;\n\
             fn g() { jiff::Zoned::now(); }",
            &["src/schedule/mod.rs:8: `schedule` is pure and names `Zoned::now`"],
        ),
        (
            "src/send/journal.rs",
            "use std::fs;\nuse crate::model::Outcome;\npub async fn f() {}",
            &[],
        ),
    ];
    for (file, source, expected) in cases {
        assert_eq!(faults(file, source), expected, "{source}");
    }
}

/// Every Rust file below `folder`, as paths from `root` with `/`, in order.
fn sources(root: &Path, folder: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root.join(folder))
        .expect("a folder of sources can be read")
        .map(|entry| {
            entry
                .expect("so can its entries")
                .file_name()
                .into_string()
                .expect("their names are text")
        })
        .collect();
    names.sort();
    let mut found = Vec::new();
    for name in names {
        let path = format!("{folder}/{name}");
        if root.join(&path).is_dir() {
            found.extend(sources(root, &path));
        } else if Path::new(&path).extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// What is wrong with one file of `src/`, each as `file:line: words`.
fn faults(file: &str, source: &str) -> Vec<String> {
    let module = module_of(file);
    let here = room_of(&module);
    let Some(floor) = floor_of(&here) else {
        return vec![format!(
            "{file}:1: `{here}` stands on no floor: give it one in tests/it/floors.rs, or another home"
        )];
    };
    let mut faults = Vec::new();
    for name in names(&module, source) {
        let line = name.line;
        if name.segments.first().is_some_and(|first| first == "crate") {
            let there = room_of(&name.segments[1..]);
            match floor_of(&there) {
                None => faults.push(format!("{file}:{line}: `{there}` stands on no floor")),
                Some(below) if may_lean(&here, floor, &there, below) => {}
                Some(other) => {
                    faults.push(format!(
                        "{file}:{line}: `{here}` (floor {floor}) leans on `{there}` (floor {other})"
                    ));
                }
            }
        } else if floor <= HIGHEST_PURE_FLOOR && !name.in_test {
            let path = format!("::{}::", name.segments.join("::"));
            if let Some(world) = WORLD.iter().find(|world| path.contains(&format!("::{world}::"))) {
                faults.push(format!("{file}:{line}: `{here}` is pure and names `{world}`"));
            }
        }
    }
    faults.dedup();
    faults
}

fn may_lean(here: &str, floor: usize, there: &str, below: usize) -> bool {
    here == there
        || below < floor
        || (floor == COUNTER && below == COUNTER)
        || TIES.contains(&(here, there))
}

/// `src/a/b.rs` and `src/a/b/mod.rs` are both `[a, b]`.
fn module_of(file: &str) -> Vec<String> {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').map(str::to_owned).collect()
}

/// The room a module belongs to: its first name, or its first two where they are a room of their own.
fn room_of(module: &[String]) -> String {
    let pair = module.iter().take(2).cloned().collect::<Vec<_>>().join("::");
    if floor_of(&pair).is_some() {
        pair
    } else {
        module.first().cloned().unwrap_or_else(|| "lib".to_owned())
    }
}

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// A path as it stands in a source, spelt out from `crate` where it starts there.
struct Name {
    line: usize,
    segments: Vec<String>,
    in_test: bool,
}

/// Every path in a source whose module is `module`.
fn names(module: &[String], source: &str) -> Vec<Name> {
    let tokens = tokens(&prose_blanked(source));
    let mut reader = Reader { tokens: &tokens, at: 0, names: Vec::new(), in_test: false };
    let mut inner: Vec<(String, usize)> = Vec::new();
    let (mut depth, mut test_ends) = (0_usize, None);
    while let Some(token) = tokens.get(reader.at) {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                inner.pop_if(|(_, outside)| *outside == depth);
            }
            "#" if reader.starts(&["#", "[", "cfg", "(", "test", ")", "]"])
                && test_ends.is_none() =>
            {
                test_ends = Some(depth);
            }
            "mod" if reader.text(2) == "{" => inner.push((reader.text(1).to_owned(), depth)),
            _ => {}
        }
        reader.in_test = test_ends.is_some() || inner.iter().any(|(name, _)| name == "tests");
        // What `cfg(test)` covers ends with its item: at a semicolon, or where its braces close.
        if test_ends == Some(depth) && matches!(token.text.as_str(), ";" | "}") {
            test_ends = None;
        }
        let here: Vec<String> =
            module.iter().cloned().chain(inner.iter().map(|(name, _)| name.clone())).collect();
        reader.path(&here);
    }
    reader.names
}

/// A place in the tokens, and the paths read before it.
struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    names: Vec<Name>,
    in_test: bool,
}

impl Reader<'_> {
    fn text(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", |token| token.text.as_str())
    }

    fn starts(&self, expected: &[&str]) -> bool {
        expected.iter().enumerate().all(|(ahead, text)| self.text(ahead) == *text)
    }

    /// Reads one path, or one token that begins none.
    fn path(&mut self, module: &[String]) {
        let first = self.text(0).to_owned();
        let start = match first.as_str() {
            "crate" | "postrider" => vec!["crate".to_owned()],
            "super" | "self" if self.text(1) == "::" => {
                let mut start = vec!["crate".to_owned()];
                start.extend_from_slice(module);
                if first == "super" {
                    start.pop();
                }
                start
            }
            _ if is_word(&first) => vec![first],
            _ => {
                self.at += 1;
                return;
            }
        };
        let line = self.tokens[self.at].line;
        self.at += 1;
        self.rest(start, line);
    }

    /// Reads what follows `so_far`: further names, or a group with a path for each of its entries.
    fn rest(&mut self, mut so_far: Vec<String>, mut line: usize) {
        while self.text(0) == "::" {
            self.at += 1;
            let next = self.text(0).to_owned();
            if next == "{" {
                self.at += 1;
                self.group(&so_far);
                return;
            }
            if !is_word(&next) && next != "*" {
                break;
            }
            line = self.tokens[self.at].line;
            self.at += 1;
            match next.as_str() {
                "super" => drop(so_far.pop()),
                "self" => {}
                _ => so_far.push(next),
            }
        }
        // A lone `crate` is a visibility: `pub(crate)`.
        if so_far.len() > 1 || so_far[0] != "crate" {
            self.names.push(Name { line, segments: so_far, in_test: self.in_test });
        }
    }

    fn group(&mut self, prefix: &[String]) {
        while !matches!(self.text(0), "}" | "") {
            let (next, line) = (self.text(0).to_owned(), self.tokens[self.at].line);
            self.at += 1;
            if is_word(&next) || next == "*" {
                let mut so_far = prefix.to_vec();
                match next.as_str() {
                    "super" => drop(so_far.pop()),
                    "self" => {}
                    "as" => {
                        self.at += 1;
                        continue;
                    }
                    _ => so_far.push(next),
                }
                self.rest(so_far, line);
            }
        }
        self.at += 1;
    }
}

struct Token {
    text: String,
    line: usize,
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Words, `::`, and every other sign for itself.
fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (number, text) in source.lines().enumerate() {
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let length = match word {
                0 if rest.starts_with("::") => 2,
                0 => first.len_utf8(),
                _ => word,
            };
            let (token, after) = rest.split_at(length);
            tokens.push(Token { text: token.to_owned(), line: number + 1 });
            rest = after.trim_start();
        }
    }
    tokens
}

/// The source with comments, strings and characters blanked; lines stay where they were.
fn prose_blanked(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let in_word = code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let (length, is_prose) = match prose(rest, in_word) {
            Some(length) => (length, true),
            None => (first.len_utf8(), false),
        };
        let (piece, after) = rest.split_at(length);
        if is_prose {
            code.extend(piece.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        } else {
            code.push_str(piece);
        }
        rest = after;
    }
    code
}

/// How many bytes of comment, string or character the text begins with.
fn prose(text: &str, in_word: bool) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(block_comment(text));
    }
    if text.starts_with('"') {
        return Some(quoted(text, '"'));
    }
    if text.starts_with('\'') {
        return character(text);
    }
    // `r"`, `br#"`, `cr##"`: a word may end in `r`, so only where none is being read.
    let hashes = text
        .strip_prefix("br")
        .or_else(|| text.strip_prefix("cr"))
        .or_else(|| text.strip_prefix('r'))?;
    let body = hashes.trim_start_matches('#');
    if in_word || !body.starts_with('"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes.len() - body.len()));
    let opening = text.len() - body.len() + 1;
    Some(body[1..].find(&end).map_or(text.len(), |at| opening + at + end.len()))
}

/// Block comments nest.
fn block_comment(text: &str) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// A character literal; a lifetime is none.
fn character(text: &str) -> Option<usize> {
    let inside = text[1..].chars().next()?;
    let is_literal = inside == '\\' || text[1 + inside.len_utf8()..].starts_with('\'');
    is_literal.then(|| quoted(text, '\''))
}

fn quoted(text: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == mark => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}
