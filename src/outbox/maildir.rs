//! A Maildir: each message a file, written in `tmp/` and moved to `new/` when it is whole, so that no reader meets half of one.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use jiff::Timestamp;

/// How much of a message is gathered before it is written.
const GATHERED_MAX: usize = 128 * 1024;

/// A folder with `tmp`, `new` and `cur`, readable by its owner alone.
#[derive(Debug)]
pub(super) struct Maildir {
    path: PathBuf,
}

/// A message on its way into the Maildir, once for each recipient; gone when it is dropped unfinished.
///
/// However many recipients it has, at most two files are open at once.
#[derive(Debug)]
pub(super) struct Incoming {
    maildir: PathBuf,
    /// The trace headers of each recipient.
    headers: Vec<String>,
    /// The first recipient's copy, as soon as there is more than is gathered.
    spilt: Option<Copy>,
    gathered: Vec<u8>,
}

/// A copy that is being written.
#[derive(Debug)]
struct Copy {
    file: File,
    whole: Whole,
}

/// A copy's names; what is left of it in `tmp/` goes with it.
#[derive(Debug)]
struct Whole {
    unfinished: PathBuf,
    finished: PathBuf,
    moved: bool,
}

impl Maildir {
    /// Opens the Maildir at `path`, and makes it where there is none.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        for folder in ["tmp", "new", "cur"] {
            folders().create(path.join(folder))?;
        }
        Ok(Self { path })
    }

    /// Begins a message that becomes one file for each of `headers`, each a recipient's trace headers.
    pub(super) fn begin(&self, headers: impl Iterator<Item = String>) -> Incoming {
        Incoming {
            maildir: self.path.clone(),
            headers: headers.collect(),
            spilt: None,
            gathered: Vec::new(),
        }
    }
}

impl Incoming {
    /// Adds bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() < GATHERED_MAX { Ok(()) } else { self.spill() }
    }

    /// Writes every copy, moves them to where they are seen, and says where that is.
    pub(super) fn finish(mut self) -> io::Result<Vec<PathBuf>> {
        self.spill()?;
        let (Some(mut first), Some(own)) = (self.spilt.take(), self.headers.first()) else {
            return Ok(Vec::new());
        };
        let mut copies = Vec::with_capacity(self.headers.len());
        for header in &self.headers[1..] {
            let mut copy = Copy::begin(&self.maildir, header)?;
            first.file.seek(SeekFrom::Start(own.len() as u64))?;
            io::copy(&mut first.file, &mut copy.file)?;
            copies.push(copy.whole);
        }
        copies.insert(0, first.whole);
        // Only when each is whole: a message is kept for all of its recipients or for none.
        copies.into_iter().map(Whole::publish).collect()
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.spilt.is_none() {
            let Some(header) = self.headers.first() else { return Ok(()) };
            self.spilt = Some(Copy::begin(&self.maildir, header)?);
        }
        if let Some(copy) = &mut self.spilt {
            copy.file.write_all(&self.gathered)?;
        }
        self.gathered.clear();
        Ok(())
    }
}

impl Copy {
    fn begin(maildir: &Path, header: &str) -> io::Result<Self> {
        let name = unique_name();
        let unfinished = maildir.join("tmp").join(&name);
        let file = files().open(&unfinished)?;
        let finished = maildir.join("new").join(&name);
        let mut copy = Self { file, whole: Whole { unfinished, finished, moved: false } };
        copy.file.write_all(header.as_bytes())?;
        Ok(copy)
    }
}

impl Whole {
    fn publish(mut self) -> io::Result<PathBuf> {
        fs::rename(&self.unfinished, &self.finished)?;
        self.moved = true;
        Ok(self.finished.clone())
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if !self.moved {
            // A file left in tmp/ harms nobody; readers remove them after 36 hours.
            let _ = fs::remove_file(&self.unfinished);
        }
    }
}

/// Returns a name no other delivery has: the time, this process, and how many it made before.
fn unique_name() -> String {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let now = Timestamp::now();
    let (seconds, micros) = (now.as_second(), now.subsec_microsecond());
    let made = MADE.fetch_add(1, Ordering::Relaxed);
    format!("{seconds}.M{micros:06}P{}Q{made}.localhost", process::id())
}

#[cfg(unix)]
fn folders() -> DirBuilder {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder
}

#[cfg(not(unix))]
fn folders() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    builder
}

#[cfg(unix)]
fn files() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    options
}

#[cfg(not(unix))]
fn files() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    options
}
