//! What SQLite says went wrong, in the ledger's words. No SQL type leaves this room.

use rusqlite::ErrorCode;

use crate::ledger::LedgerError;

/// Carries an error inside the room, so that `?` takes SQLite's as well as the ledger's.
#[derive(Debug)]
pub(super) struct Fault(pub(super) LedgerError);

impl From<LedgerError> for Fault {
    fn from(error: LedgerError) -> Self {
        Self(error)
    }
}

impl From<Fault> for LedgerError {
    fn from(fault: Fault) -> Self {
        fault.0
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        let said = error.to_string();
        Self(match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LedgerError::Busy(said),
            Some(
                ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::OutOfMemory,
            ) => LedgerError::Disk(said),
            _ => LedgerError::Damaged(said),
        })
    }
}

impl From<getrandom::Error> for Fault {
    fn from(error: getrandom::Error) -> Self {
        Self(LedgerError::Refused(format!("the system gives no random numbers: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    fn code(code: i32) -> LedgerError {
        Fault::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)).into()
    }

    #[test]
    fn every_failure_has_its_word() {
        for full in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_READONLY] {
            assert!(matches!(code(full), LedgerError::Disk(_)), "{full}");
        }
        for busy in [ffi::SQLITE_BUSY, ffi::SQLITE_BUSY_SNAPSHOT, ffi::SQLITE_LOCKED] {
            assert!(matches!(code(busy), LedgerError::Busy(_)), "{busy}");
        }
        for damaged in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB, ffi::SQLITE_CONSTRAINT] {
            assert!(matches!(code(damaged), LedgerError::Damaged(_)), "{damaged}");
        }
    }
}
