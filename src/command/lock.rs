//! A courtesy between processes of one machine: who sends says so. The fence in the ledger is the safety (rule D10).

use std::{
    fs::{File, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use super::{Failure, exit};

/// Held until it is dropped or the process ends, however it ends.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock or says who has it.
    pub(super) fn take(path: &Path) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::file(path, "open", &error);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                // Whoever took it a moment ago may not have signed yet.
                let holder = Some(holder.trim()).filter(|holder| !holder.is_empty());
                let holder = holder.unwrap_or("another sender");
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
}

/// Names this sender: `host/pid`.
pub(super) fn sender_name() -> String {
    format!("{}/{}", host(), std::process::id())
}

pub(super) fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "this machine".to_owned(), |name| name.trim().to_owned())
}
