//! Outcomes that the ledger could not take, kept on disk until it can (rule D3).
//!
//! One JSON entry a line, appended and synced before anything else happens.
//! A half-written last line (the machine died) is passed over: its delivery is
//! still `attempting` in the ledger, and so ends in doubt.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::ledger::{Entry, Ledger, LedgerError};

/// An append-only file of entries.
#[derive(Debug)]
pub struct Journal {
    file: File,
    waiting: Vec<Entry>,
}

/// Says why the journal could not be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file failed.
    #[error("the file `outcomes.journal` cannot be used: {0}")]
    File(#[from] io::Error),
    /// The ledger did not take what it holds.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Journal {
    /// Opens the journal and reads what an earlier run left in it.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened or read.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        let text = io::read_to_string(&file)?;
        let waiting = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Ok(Self { file, waiting })
    }

    /// Hands what an earlier run left to the ledger, then empties the file.
    ///
    /// # Errors
    ///
    /// When the ledger does not take it; the file stays as it is.
    pub async fn replay(&self, ledger: &dyn Ledger) -> Result<(), JournalError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        ledger.enter(&self.waiting).await?;
        self.file.set_len(0)?;
        self.file.sync_data()?;
        Ok(())
    }

    /// Appends entries and syncs them to the disk.
    ///
    /// # Errors
    ///
    /// When the disk fails too; then the delivery ends in doubt.
    pub fn append<'a>(&mut self, entries: impl Iterator<Item = &'a Entry>) -> io::Result<()> {
        let mut lines = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut lines, entry)?;
            lines.push(b'\n');
        }
        self.file.seek(SeekFrom::End(0))?;
        self.file.write_all(&lines)?;
        self.file.sync_data()
    }
}
