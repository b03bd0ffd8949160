//! A Maildir: each message a file, written in `tmp/` and moved to `new/` when it is whole, so that no reader meets half of one.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use jiff::Timestamp;

/// How much of a message is gathered before it is written.
const GATHERED_MAX: usize = 256 * 1024;

/// A folder with `tmp`, `new` and `cur`, readable by its owner alone.
#[derive(Debug)]
pub(super) struct Maildir {
    path: PathBuf,
}

/// A message on its way into the Maildir, once for each recipient; gone when it is dropped unfinished.
#[derive(Debug)]
pub(super) struct Incoming {
    copies: Vec<Copy>,
    gathered: Vec<u8>,
}

#[derive(Debug)]
struct Copy {
    file: File,
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

    /// Begins one file for each of `headers`, each a recipient's trace headers.
    pub(super) fn begin(&self, headers: impl Iterator<Item = String>) -> io::Result<Incoming> {
        let copies =
            headers.map(|header| Copy::begin(&self.path, &header)).collect::<Result<_, _>>()?;
        Ok(Incoming { copies, gathered: Vec::new() })
    }
}

impl Incoming {
    /// Adds bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= GATHERED_MAX { self.spill() } else { Ok(()) }
    }

    /// Moves every copy to where it is seen.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.spill()?;
        for copy in &mut self.copies {
            fs::rename(&copy.unfinished, &copy.finished)?;
            copy.moved = true;
        }
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        for copy in &mut self.copies {
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
        let mut file = files().open(&unfinished)?;
        let copy = |file| Self {
            file,
            finished: maildir.join("new").join(&name),
            unfinished,
            moved: false,
        };
        match file.write_all(header.as_bytes()) {
            Ok(()) => Ok(copy(file)),
            Err(error) => {
                drop(copy(file));
                Err(error)
            }
        }
    }
}

impl Drop for Copy {
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
    options.write(true).create_new(true).mode(0o600);
    options
}

#[cfg(not(unix))]
fn files() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    options
}
