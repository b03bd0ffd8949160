//! A courtesy between processes of one machine: who sends says so. The fence in the ledger is the safety (rule D10).

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::Duration,
};

use data_encoding::HEXLOWER;

use super::{
    Failure, exit,
    newsroom::{random_bytes, write_private},
    words,
};
use crate::ledger::Gone;

/// Held until it is dropped or the process ends, however it ends.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock or says who has it.
    pub(super) fn take(path: &Path) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::file(path, "open", &error);
        // A folder from elsewhere may bring a link that leads to a file of the sender's own.
        if path.is_symlink() {
            let why = format!("`{}` is a link", words::path(path));
            return Err(Failure::new(exit::DISK, why).hint("remove it, and look who made it"));
        }
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        match try_twice(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = signature(&mut file);
                return Err(Failure::new(exit::AGAIN, format!("it is being sent by {holder}"))
                    .hint("wait for it, or look with `postrider status`"));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", sender_name()))
            .map_err(failed)?;
        Ok(Self { _file: file })
    }

    /// Says who holds the lock now; `None` where nobody does.
    pub(super) fn holder(path: &Path) -> Option<String> {
        let mut file = File::open(path).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(signature(&mut file)),
            _ => None,
        }
    }
}

/// Tries again a moment later: `holder` takes the lock too, for as long as a look takes.
fn try_twice(file: &File) -> Result<(), TryLockError> {
    file.try_lock().or_else(|_| {
        std::thread::sleep(Duration::from_millis(20));
        file.try_lock()
    })
}

/// Reads who took the lock. Whoever took it a moment ago may not have signed yet.
fn signature(file: &mut File) -> String {
    let mut holder = String::new();
    let _ = file.read_to_string(&mut holder);
    match holder.trim() {
        "" => "another sender".to_owned(),
        holder => holder.to_owned(),
    }
}

/// A sender on a ledger that machines share: its name, and what tells it from every other state folder's.
pub(super) struct Sender {
    /// `host/pid-folder`.
    pub(super) name: String,
    /// The folder's own mark, made once.
    mark: String,
}

impl Sender {
    /// Names the sender of a state folder whose lock we hold.
    pub(super) fn of(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join("sender");
        let mark = match fs::read_to_string(&path) {
            Ok(mark) if !mark.trim().is_empty() => mark.trim().to_owned(),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Failure::file(&path, "read", &error));
            }
            _ => {
                let random = random_bytes()?;
                let mark = HEXLOWER.encode(&random[..6]);
                write_private(&path, mark.as_bytes())?;
                mark
            }
        };
        Ok(Self { name: format!("{}-{mark}", sender_name()), mark })
    }

    /// Tells of a name whether its sender is dead: all of this folder's are, but for ourselves, who hold nothing yet.
    pub(super) fn gone(&self) -> Gone {
        let ending = format!("-{}", self.mark);
        Box::new(move |owner: &str| owner.ends_with(&ending))
    }
}

/// Names this sender: `host/pid`.
pub(super) fn sender_name() -> String {
    format!("{}/{}", host(), std::process::id())
}

pub(super) fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "this machine".to_owned(), |name| name.trim().to_owned())
}

/// Names this start of the machine; empty where the system does not.
pub(super) fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| String::new(), |id| id.trim().to_owned())
}
