//! A folder of its own for each test, and the program run in it with an empty environment.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// The sample issue, as `init` names it.
pub(crate) const ISSUE: &str = "2003-10-06-kazakhstan";

/// A temporary folder, and where in it the program runs.
pub(crate) struct Env {
    folder: TempDir,
    pub(crate) root: PathBuf,
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Said {
    /// The exit code; -1 for a signal.
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
    folder: PathBuf,
}

impl Env {
    /// Makes an empty folder.
    pub(crate) fn empty() -> Self {
        // Always as long a path, since sentences are broken where they get too long.
        let folder = TempDir::new_in("/tmp").expect("a folder can be made");
        let root = folder.path().canonicalize().expect("it is there");
        Self { folder, root }
    }

    /// Makes what `init` makes, with a rate that keeps no test waiting.
    pub(crate) fn publication() -> Self {
        let mut env = Self::empty();
        assert_eq!(env.postrider("init tt").code, 0);
        env.root = env.root.join("tt");
        env.set("rate = [\"5/s\"]", "rate = [\"2000/s\"]");
        env
    }

    /// Makes one whose list has `count` readers.
    pub(super) fn with_readers(count: usize) -> Self {
        let env = Self::publication();
        let lines: Vec<String> =
            (1..=count).map(|n| format!("reader{n}@example.org,Reader {n}")).collect();
        env.write("subscribers.csv", &format!("email,name\n{}\n", lines.join("\n")));
        env
    }

    /// Makes one with no readers but these lines of a list.
    pub(crate) fn with_list(list: &str) -> Self {
        let env = Self::publication();
        env.write("subscribers.csv", list);
        env
    }

    /// Names another relay.
    pub(crate) fn relay(self, url: &str) -> Self {
        self.set("url = \"outbox\"", &format!("url = \"{url}\""));
        self
    }

    /// Changes a piece of `publication.toml`.
    #[track_caller]
    pub(crate) fn set(&self, from: &str, to: &str) {
        self.change("publication.toml", from, to);
    }

    #[track_caller]
    fn change(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} has no {from:?}");
        self.write(name, &text.replacen(from, to, 1));
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.root.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
        // Put in place whole, as editors do: a program that is at work may read it at any moment.
        let fresh = path.with_extension("fresh");
        fs::write(&fresh, text).expect("it can be written");
        fs::rename(fresh, path).expect("it can be put in place");
    }

    #[track_caller]
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.root.join(name)).expect(name)
    }

    /// Returns the program with these arguments and nothing in its environment; quotes keep a blank inside an argument.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
        command.args(arguments(line)).current_dir(&self.root).env_clear();
        command.env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        command
    }

    /// Returns the program on a terminal of so many columns, by script(1), with nobody there to answer it; `None` where this machine has none.
    pub(super) fn on_a_terminal(&self, line: &str, columns: usize) -> Option<Command> {
        Command::new("script").arg("--version").output().ok()?;
        // One that has no rows is taken for none, and drawn on as if it had 80 columns.
        let line =
            format!("stty rows 24 cols {columns}; {} {line}", env!("CARGO_BIN_EXE_postrider"));
        let mut terminal = Command::new("script");
        terminal.args(["-qec", &line, "/dev/null"]).current_dir(&self.root).env("TERM", "xterm");
        terminal.stdin(Stdio::null()).stdout(Stdio::piped());
        Some(terminal)
    }

    /// Runs the program to its end.
    #[track_caller]
    pub(crate) fn postrider(&self, line: &str) -> Said {
        self.said(self.command(line).output().expect("it runs"))
    }

    /// Runs it and parses its one JSON document.
    #[track_caller]
    pub(crate) fn json(&self, line: &str) -> Value {
        let said = self.postrider(&format!("{line} --json"));
        serde_json::from_str(&said.out).unwrap_or_else(|why| panic!("{line}: {why}: {said:?}"))
    }

    pub(crate) fn said(&self, output: Output) -> Said {
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("results are UTF-8"),
            err: String::from_utf8(output.stderr).expect("messages are UTF-8"),
            folder: self.folder.path().canonicalize().expect("it is there"),
        }
    }

    /// Returns the mails of the outbox, each as text.
    pub(crate) fn mails(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.root.join("outbox/new")) else { return Vec::new() };
        entries
            .map(|entry| fs::read_to_string(entry.expect("a mail").path()).expect("7-bit text"))
            .collect()
    }

    /// Returns every file of the publication, however deep.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        walk(&self.root, &mut files);
        files
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("it can be read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}

fn arguments(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, piece) in line.split('\'').enumerate() {
        if at % 2 == 1 {
            found.push(piece.to_owned());
        } else {
            found.extend(piece.split_whitespace().map(str::to_owned));
        }
    }
    found
}

impl Said {
    /// Asserts the exit code and hands itself on.
    #[track_caller]
    pub(crate) fn code(self, code: u8) -> Self {
        assert_eq!(self.code, i32::from(code), "{self:?}");
        self
    }

    /// Asserts that there was nothing to say.
    #[track_caller]
    pub(crate) fn silent(self) -> Self {
        assert_eq!((self.out.as_str(), self.err.as_str()), ("", ""), "{self:?}");
        self
    }

    /// Asserts that these words stand in what was said, however its lines were broken.
    #[track_caller]
    pub(crate) fn tells(self, words: &str) -> Self {
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = flat(&format!("{} {}", self.out, self.err));
        assert!(said.contains(&flat(words)), "no {words:?} in {self:?}");
        self
    }

    /// Returns all of it, without what differs from run to run and from look to look.
    pub(super) fn shown(&self) -> String {
        let mut shown = format!("exit {}\n", self.code);
        for (name, text) in [("stdout", &self.out), ("stderr", &self.err)] {
            if !text.is_empty() {
                shown = format!("{shown}--- {name}\n{}", scrub(text, &self.folder));
            }
        }
        shown
    }
}

/// Takes out the temporary folder, instants, durations, digests, the ledger's tag in a Message-ID, and sizes.
fn scrub(text: &str, folder: &Path) -> String {
    let mut text = text.replace(&folder.display().to_string(), "[tmp]");
    for (pattern, name) in [
        ("9999-99-99 99:99:99Z", "[instant]"),
        ("9999-99-99T99:99:99.999999999Z", "[instant]"),
        ("9999-99-99T99:99:99.999999Z", "[instant]"),
        (&"f".repeat(64), "[digest]"),
        ("-ffffffff.", "-[tag]."),
    ] {
        text = mask(&text, pattern, name);
    }
    text.lines().map(|line| size(line) + "\n").collect()
}

/// Puts `name` where `pattern` fits: a 9 stands for a digit, an f for a hexadecimal one.
fn mask(text: &str, pattern: &str, name: &str) -> String {
    let fits = |start: usize| {
        let found = text.as_bytes().get(start..start + pattern.len())?;
        let same = found.iter().zip(pattern.bytes()).all(|(found, wanted)| match wanted {
            b'9' => found.is_ascii_digit(),
            b'f' => found.is_ascii_hexdigit(),
            _ => *found == wanted,
        });
        same.then_some(pattern.len())
    };
    let (mut masked, mut at) = (String::new(), 0);
    while let Some(character) = text[at..].chars().next() {
        if let Some(length) = fits(at) {
            masked.push_str(name);
            at += length;
        } else {
            masked.push(character);
            at += character.len_utf8();
        }
    }
    masked
}

/// Takes out how large something is and how long it took: the number before such a word.
fn size(line: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    for at in 1..words.len() {
        let is_measure = matches!(words[at].trim_end_matches(','), "kB" | "s" | "a");
        if is_measure && words[at - 1].parse::<f64>().is_ok() {
            words[at - 1] = "[n]";
        }
    }
    words.join(" ")
}

/// Returns a document on many lines, without what differs from run to run and from look to look.
pub(super) fn document(mut value: Value) -> String {
    blank(&mut value);
    serde_json::to_string_pretty(&value).expect("it was JSON")
}

fn blank(value: &mut Value) {
    const VARYING: [&str; 14] = [
        "at",
        "began_at",
        "bytes",
        "deliveries_per_second",
        "digest",
        "ended_at",
        "ends",
        "file",
        "folder",
        "largest_copy_bytes",
        "message_id",
        "seconds",
        "starts",
        "cron",
    ];
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if VARYING.contains(&key.as_str()) {
                    *value = Value::String(format!("[{key}]"));
                } else {
                    blank(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(blank),
        _ => {}
    }
}
