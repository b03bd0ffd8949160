//! What a command says when it cannot do what was asked: what, where, how to mend, and the exit code.

use std::{io::ErrorKind, path::Path};

use super::{exit, words};
use crate::{
    ledger::{Lack, LedgerError},
    model::{AddressError, Place, Problem, SegmentError},
    send::{Ended, Halt, JournalError, SendError, guard::RolledBack},
    smtp::OpenError,
};

/// A command that stopped.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What went wrong: lower case, no full stop.
    pub message: String,
    /// How to mend it, a line each.
    pub hints: Vec<String>,
    /// The mistakes of a draft, a list or a configuration that it is about.
    pub problems: Vec<Problem>,
}

impl Failure {
    /// Makes a failure.
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hints: Vec::new(), problems: Vec::new() }
    }

    /// Makes one of the mistakes of a file.
    pub fn problems(code: u8, message: impl Into<String>, problems: Vec<Problem>) -> Self {
        Self { problems, ..Self::new(code, message) }
    }

    /// Adds a line on how to mend it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Makes one of a file that could not be read or written.
    pub fn file(path: &Path, doing: &str, error: &std::io::Error) -> Self {
        let (code, hint) = match error.kind() {
            _ if is_out_of_files(error) => (exit::AGAIN, Some(FILES)),
            ErrorKind::NotFound => (exit::NO_INPUT, None),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                (exit::DISK, Some(ROOM))
            }
            ErrorKind::ReadOnlyFilesystem => (exit::DISK, Some(READ_ONLY)),
            ErrorKind::PermissionDenied => {
                (exit::DISK, Some("look at who owns it and who may read and write it"))
            }
            _ => (exit::DISK, None),
        };
        let message = format!("failed to {doing} `{}`: {error}", words::path(path));
        Self { hints: hint.iter().map(ToString::to_string).collect(), ..Self::new(code, message) }
    }

    /// Makes one of a program that the system does not let begin.
    pub fn start(error: &std::io::Error) -> Self {
        let message = format!("failed to start: {error}");
        if is_out_of_files(error) {
            return Self::new(exit::AGAIN, message).hint(FILES);
        }
        Self::new(exit::AGAIN, message)
            .hint("the system has no process, memory or file to spare; run it again when it has")
    }

    /// Makes one of an address nobody can deliver to.
    pub fn address(text: &str, error: AddressError) -> Self {
        Self::new(exit::USAGE, format!("`{}` is not an address: {error}", text.escape_debug()))
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let (code, hint) = match &error {
            LedgerError::Unreachable { why, .. } if why.contains("certificate") => (
                exit::UNREACHABLE,
                "if its authority is a private one you trust, name that with `ca_file` under [ledger], or lay it into a worker's state folder as `ledger-ca.pem`",
            ),
            LedgerError::Unprepared { lack: Lack::Rights, .. } => (
                exit::UNREACHABLE,
                "as the database's owner: `GRANT USAGE, CREATE ON SCHEMA ... TO ...`, and rights on the tables that are there, or make the user the owner of the database",
            ),
            LedgerError::Unprepared { lack: Lack::Database, .. } => (
                exit::UNREACHABLE,
                "make it, as the server's superuser: `CREATE DATABASE ... OWNER ...`; or mend the name in the URL",
            ),
            LedgerError::Unreachable { place, .. } if place.starts_with("postgres://") => (
                exit::UNREACHABLE,
                "see that the server answers there; a password comes from POSTRIDER_LEDGER_PASSWORD, the credential `ledger-password`, [ledger] or ~/.pgpass",
            ),
            LedgerError::Unreachable { why, .. } if why.contains(OPEN_FILES) => {
                (exit::AGAIN, FILES)
            }
            LedgerError::Unreachable { .. } => (
                exit::UNREACHABLE,
                "look at [ledger] url in publication.toml, and at who may write to that folder",
            ),
            LedgerError::Newer { .. } => (
                exit::UNREACHABLE,
                "install the postrider that wrote it, or a later one; nothing was changed",
            ),
            LedgerError::Moved { to, .. } => {
                return Self::new(exit::GUARD, error.to_string())
                    .hint(format!("write `url = {to:?}` under [ledger] in publication.toml"))
                    .hint("if the new one is lost for good, `postrider ledger accept-rollback` opens this one again: whoever was unfinished in it is then put in doubt, of every publication");
            }
            LedgerError::Arriving { .. } => (
                exit::GUARD,
                "run `postrider ledger migrate` again, from the old ledger: until it says that the ledger has moved, that one is in use",
            ),
            LedgerError::Disk(why) => (exit::DISK, disk(why)),
            LedgerError::Busy(_) => (exit::AGAIN, "run it again in a moment"),
            LedgerError::Damaged(_) => (
                exit::UNREACHABLE,
                "restore the last backup of the ledger, then run `postrider ledger accept-rollback`",
            ),
            LedgerError::Refused(_) => return Self::new(exit::GUARD, error.to_string()),
        };
        Self::new(code, error.to_string()).hint(hint)
    }
}

impl From<SegmentError> for Failure {
    fn from(error: SegmentError) -> Self {
        let SegmentError { text, column, length, why } = error;
        let place = Place {
            file: "--segment".to_owned(),
            line: 1,
            column,
            length,
            // What is missing at the end stands behind the last character.
            source: text + " ",
        };
        let problem = Problem::error("PR808", place, why)
            .help("write it as `press and not (town = Oslo or town = Bergen)`: a tag, or a field and its value");
        Self::problems(exit::USAGE, "that is no segment", vec![problem])
    }
}

impl From<RolledBack> for Failure {
    fn from(error: RolledBack) -> Self {
        match &error {
            RolledBack::File(cause) if is_out_of_files(cause) => {
                Self::new(exit::AGAIN, error.to_string()).hint(FILES)
            }
            RolledBack::File(_) => Self::new(exit::DISK, error.to_string()),
            RolledBack::Fewer { .. } | RolledBack::Other { .. } | RolledBack::Forgotten { .. } => Self::new(exit::GUARD, error.to_string())
                .hint("sending from it could mail readers twice, so nothing was sent")
                .hint("if this is a restored backup and you accept that, run `postrider ledger accept-rollback`: whoever was unfinished is then put in doubt, of every publication in it"),
        }
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Ledger(error) | SendError::Journal(JournalError::Ledger(error)) => {
                error.into()
            }
            SendError::RolledBack(error) => error.into(),
            SendError::Journal(JournalError::File(error))
                if error.kind() == ErrorKind::StorageFull =>
            {
                Self::new(exit::DISK, format!("the disk has no room: {error}")).hint(ROOM)
            }
            SendError::Journal(JournalError::File(ref cause)) if is_out_of_files(cause) => {
                Self::new(exit::AGAIN, error.to_string()).hint(FILES)
            }
            SendError::Journal(error @ JournalError::File(_)) => {
                Self::new(exit::DISK, error.to_string()).hint(disk(&error.to_string()))
            }
            SendError::Journal(error @ JournalError::Held) => {
                Self::new(exit::AGAIN, error.to_string())
            }
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let (code, hint) = match &error {
            _ if error.refuses_us() => (exit::CREDENTIALS, CREDENTIALS),
            OpenError::NoToken { .. } => (exit::UNREACHABLE, TOKEN),
            OpenError::Untrusted { .. } => (exit::UNREACHABLE, CERTIFICATE),
            OpenError::Unsafe { .. } | OpenError::Refused { .. } | OpenError::Broken { .. } => {
                (exit::UNREACHABLE, SERVER)
            }
        };
        Self::new(code, error.to_string()).hint(hint)
    }
}

impl Failure {
    /// Makes one of a run that stopped before its end.
    pub(super) fn halted(halt: &Halt, slug: &str) -> Self {
        let failure = Self::new(code_of_halt(halt), halt.why());
        match halt {
            Halt::Credentials(_) => failure.hint(CREDENTIALS).hint(AGAIN),
            Halt::Token(_) => failure.hint(TOKEN).hint(AGAIN),
            Halt::Untrusted(_) => failure.hint(CERTIFICATE).hint(AGAIN),
            Halt::Relay(why) if why.contains(OPEN_FILES) => failure.hint(FILES),
            Halt::Relay(_) => failure.hint(SERVER).hint(AGAIN),
            Halt::Refused(_) => failure.hint(REFUSED).hint(AGAIN),
            Halt::Copy(_) => failure
                .hint(REFUSED)
                .hint(format!("`postrider status {slug} --left` names whose copy it was, and `postrider render {slug} --as ADDR --out DIR` writes it"))
                .hint(AGAIN),
            Halt::Refusals(_) => failure
                .hint(format!("`postrider status {slug} --failed` lists who was refused and why"))
                .hint(format!("it is paused, and nobody was lost: once you know why, `postrider resume {slug}` lets it go on with the rest")),
            Halt::Ledger(_) => failure.hint(
                "what is known is kept in .postrider/outcomes.journal; run it again when the ledger is back",
            ),
            Halt::Disk(why) => failure.hint(disk(why)),
        }
    }
}

/// Tells whether no more files may be opened, by this process (EMFILE) or by the whole system (ENFILE).
fn is_out_of_files(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

/// Says how to mend a disk that cannot be written to, by what the system or SQLite said of it.
fn disk(why: &str) -> &'static str {
    let is_read_only = ["Read-only file system", "readonly database"];
    if is_read_only.iter().any(|words| why.contains(words)) { READ_ONLY } else { ROOM }
}

/// How both say so.
const OPEN_FILES: &str = "open files";
const FILES: &str = "raise the limit (`ulimit -n`, `LimitNOFILE=` of a systemd unit), then run it again: nothing is lost";
const AGAIN: &str = "nobody was lost: run it again after mending, and it goes on with the rest";
const CERTIFICATE: &str = "if its authority is a private one you trust, name that with `ca_file` under [relay]; a wrong host name or a date gone by is the server's to mend";
const CREDENTIALS: &str = "check the user in [relay] url, and the password, or with `auth = \"xoauth2\"` the token, in POSTRIDER_RELAY_PASSWORD, `password_file` or `password_command`";
const TOKEN: &str = "run the `password_command` under [relay] by hand, as the same user: it has to print a token and nothing else";
const ROOM: &str = "make room and run it again: nothing is lost, and nobody is mailed twice";
const READ_ONLY: &str = "the disk is read-only: mount it for writing and run it again, nothing is lost; where it became so by itself, see what `dmesg` says of it";
const REFUSED: &str = "no reader was rejected for it: what the relay refuses is ours to mend";
const SERVER: &str = "look at [relay] url in publication.toml, and whether the server is up";

fn code_of_halt(halt: &Halt) -> u8 {
    match halt {
        Halt::Credentials(_) => exit::CREDENTIALS,
        Halt::Relay(why) if why.contains(OPEN_FILES) => exit::AGAIN,
        Halt::Token(_) | Halt::Untrusted(_) | Halt::Relay(_) | Halt::Ledger(_) => exit::UNREACHABLE,
        Halt::Refused(_) | Halt::Copy(_) | Halt::Refusals(_) => exit::AGAIN,
        Halt::Disk(_) => exit::DISK,
    }
}

/// Returns the exit code of a run that ended without a halt.
pub(super) fn code_of(ended: &Ended, needs_attention: bool) -> u8 {
    match ended {
        Ended::Finished if needs_attention => exit::ATTENTION,
        Ended::Finished => exit::DONE,
        // As whoever sends it from now on is told: what was to follow the send does not follow.
        Ended::Cancelled => exit::GUARD,
        Ended::Halted(halt) => code_of_halt(halt),
        _ => exit::AGAIN,
    }
}
