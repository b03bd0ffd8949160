//! The guard against a ledger that went back in time (rule D12).
//!
//! A restored backup or a cloned machine has forgotten deliveries that were
//! begun; sending from it would mail those readers twice. So the count of
//! begins is also kept in a small file outside the ledger, and a ledger that
//! counts fewer than the file is refused until a person accepts it. The file
//! also names the issues that were begun, so that an accepted ledger which
//! never heard of one does not send it to everybody again.
//!
//! Publications may share a ledger's file, and each has its own count there: what
//! one begins must not make up for what the file forgot of another.
//!
//! Where machines share a ledger each has a file of its own, with what the
//! ledger counted when it was last looked at, at most a second ago. The ledger
//! counts what all of them begin, so it is never behind any file; a machine that comes
//! to it for the first time takes its word. What a person accepted on one
//! machine holds on all: the ledger counts that too.

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
    time::{Duration, Instant},
};

use crate::ledger::Mark;

/// Keeps the highest count of a publication's begins ever seen, and the slugs of the issues they were of, a line each.
#[derive(Debug)]
pub struct HighWater {
    file: File,
    mark: Mark,
    synced: Instant,
}

/// Says that the ledger is older than what was begun.
#[derive(Debug, thiserror::Error)]
pub enum RolledBack {
    /// It counts fewer begins than were seen.
    #[error(
        "the ledger went back in time: it knows of {found} begun deliveries, and {seen} were begun"
    )]
    Fewer {
        /// What the ledger counts.
        found: u64,
        /// What was seen.
        seen: u64,
    },
    /// It is another ledger altogether.
    #[error("this is another ledger than the one that sent before ({found}, not {seen})")]
    Other {
        /// The ledger's id.
        found: String,
        /// The id seen before.
        seen: String,
    },
    /// What was seen is not known any more.
    #[error(
        "the file `.postrider/high-water` is gone or damaged: of the {found} begun deliveries this ledger knows of, nobody can say whether they are all"
    )]
    Forgotten {
        /// What the ledger counts.
        found: u64,
    },
    /// The file cannot be read or written.
    #[error("the file `high-water` cannot be used: {0}")]
    File(#[from] io::Error),
}

impl HighWater {
    /// Holds `mark` against what was seen before. Writes nothing.
    ///
    /// # Errors
    ///
    /// When the ledger counts fewer begins than the file, or is another one; or when it counts some, and the file is gone.
    pub fn compare(path: &Path, mark: &Mark) -> Result<(), RolledBack> {
        let Some(seen) = read(path)? else {
            // Before the first begin the file is not there yet, or was never finished; after it, its loss hides what was begun.
            let is_new_here = mark.is_shared && !path.exists();
            let found = mark.begins;
            let is_known = found == 0 || is_new_here;
            return if is_known { Ok(()) } else { Err(RolledBack::Forgotten { found }) };
        };
        if seen.ledger != mark.ledger {
            return Err(RolledBack::Other { found: mark.ledger.clone(), seen: seen.ledger });
        }
        // A count from before a rollback that a person accepted since, here or elsewhere, says nothing any more.
        if (seen.rollbacks, seen.begins) > (mark.rollbacks, mark.begins) {
            return Err(RolledBack::Fewer { found: mark.begins, seen: seen.begins });
        }
        Ok(())
    }

    /// Holds `mark` against what was seen before, and goes on from there.
    ///
    /// # Errors
    ///
    /// Those of `compare`, and when the file cannot be written.
    pub fn check(path: &Path, mark: &Mark) -> Result<Self, RolledBack> {
        Self::compare(path, mark)?;
        Self::accept(path, mark)
    }

    /// Takes `mark` as the truth from now on.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn accept(path: &Path, mark: &Mark) -> Result<Self, RolledBack> {
        let file =
            File::options().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let water = Self { file, mark: mark.clone(), synced: Instant::now() };
        let line = water.line()?;
        let text = std::fs::read(path)?;
        if let Some(end) = text.iter().position(|byte| *byte == b'\n')
            && end + 1 != line.len()
        {
            // The names that follow would be written over.
            let whole = [&line, &text[end + 1..]].concat();
            water.file.write_all_at(&whole, 0)?;
            water.file.set_len(whole.len() as u64)?;
        }
        water.write()?;
        water.file.sync_data()?;
        Ok(water)
    }

    /// Tells whether deliveries of an issue were begun from here, whatever the ledger remembers.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn knows(path: &Path, slug: &str) -> Result<bool, RolledBack> {
        Ok(Self::issues(path)?.iter().any(|known| known == slug))
    }

    /// Returns the slugs of the issues that were begun from here.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn issues(path: &Path) -> Result<Vec<String>, RolledBack> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(text.lines().skip(1).map(str::to_owned).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Remembers that deliveries of an issue are about to begin; on the disk when it returns.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn remember(&self, path: &Path, slug: &str) -> Result<(), RolledBack> {
        if !Self::knows(path, slug)? {
            let mut file = File::options().append(true).open(path)?;
            file.write_all(format!("{slug}\n").as_bytes())?;
            file.sync_data()?;
        }
        Ok(())
    }

    /// Returns the count of begins in the file, 0 where there is none.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn seen(path: &Path) -> Result<u64, RolledBack> {
        Ok(read(path)?.map_or(0, |mark| mark.begins))
    }

    /// Counts `begins` more. On the disk within a second: a file that lags for longer after a power loss would let an older backup pass.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn raise(&mut self, begins: u64) -> io::Result<()> {
        self.mark.begins += begins;
        self.write()?;
        if self.synced.elapsed() >= Duration::from_secs(1) {
            self.file.sync_data()?;
            self.synced = Instant::now();
        }
        Ok(())
    }

    /// Takes note of what all machines began together, where they share the ledger.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn reach(&mut self, begins: u64) -> io::Result<()> {
        let more = begins.saturating_sub(self.mark.begins);
        self.raise(more)
    }

    /// Tells whether other machines begin deliveries in the same ledger, so that it alone can count them.
    pub fn is_shared(&self) -> bool {
        self.mark.is_shared
    }

    /// Tells whether it is a moment since the count of a shared ledger was taken over.
    pub fn is_behind(&self) -> bool {
        self.mark.is_shared && self.synced.elapsed() >= Duration::from_secs(1)
    }

    /// Writes the line in one call at the file's start; the count has a fixed width, so a shorter one never leaves a tail.
    fn write(&self) -> io::Result<()> {
        self.file.write_all_at(&self.line()?, 0)
    }

    fn line(&self) -> io::Result<Vec<u8>> {
        let Mark { ledger, begins, rollbacks, .. } = &self.mark;
        let mut line = Vec::with_capacity(96);
        match rollbacks {
            0 => writeln!(line, "{ledger} {begins:020}")?,
            _ => writeln!(line, "{ledger} {begins:020} {rollbacks:06}")?,
        }
        Ok(line)
    }
}

fn read(path: &Path) -> Result<Option<Mark>, RolledBack> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mark = text.lines().next().and_then(|line| {
        let mut words = line.split(' ').filter(|word| !word.is_empty());
        Some(Mark {
            ledger: words.next()?.to_owned(),
            begins: words.next()?.parse().ok()?,
            rollbacks: words.next().map_or(Ok(0), str::parse).ok()?,
            is_shared: false,
        })
    });
    Ok(mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(begins: u64) -> Mark {
        Mark { ledger: "abc".to_owned(), begins, rollbacks: 0, is_shared: false }
    }

    /// A ledger that machines share, as it is after so many accepted rollbacks.
    fn shared(begins: u64, rollbacks: u64) -> Mark {
        Mark { rollbacks, is_shared: true, ..mark(begins) }
    }

    #[test]
    fn machines_share_a_ledger_and_none_of_them_a_restored_backup() {
        let folder = tempfile::tempdir().expect("a folder");
        let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
        let mut first = HighWater::check(&one, &shared(0, 0)).expect("it is new");
        first.remember(&one, "kazakhstan").expect("it can be written");
        first.raise(40).expect("it can be written");
        // The other comes later, and begins on.
        let mut second = HighWater::check(&two, &shared(40, 0)).expect("it takes its word");
        second.raise(10).expect("it can be written");
        first.reach(50).expect("it can be written");
        drop((first, second));
        for path in [&one, &two] {
            assert!(HighWater::compare(path, &shared(50, 0)).is_ok());
            let restored = HighWater::compare(path, &shared(49, 0));
            assert!(matches!(restored, Err(RolledBack::Fewer { found: 49, seen: 50 })));
        }
        // A person accepts it on one machine, and the other follows.
        HighWater::accept(&one, &shared(50, 1)).expect("it can be written");
        assert!(HighWater::check(&two, &shared(20, 1)).is_ok());
        assert!(HighWater::compare(&two, &shared(60, 0)).is_err(), "from before it was accepted");
        assert_eq!(HighWater::knows(&one, "kazakhstan").ok(), Some(true));
        std::fs::write(&two, "no mark").expect("it can be written");
        let damaged = HighWater::compare(&two, &shared(20, 1));
        assert!(matches!(damaged, Err(RolledBack::Forgotten { found: 20 })));
    }

    #[test]
    fn a_ledger_that_counts_fewer_begins_than_were_seen_is_refused_until_accepted() {
        let folder = std::env::temp_dir().join(format!("postrider-guard-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder can be made");
        let path = folder.join("high-water");
        let mut water = HighWater::accept(&path, &mark(10)).expect("it can be written");
        water.raise(5).expect("it can be written");
        assert!(HighWater::check(&path, &mark(15)).is_ok());
        assert!(HighWater::check(&path, &mark(16)).is_ok(), "the file may lag behind");
        assert!(matches!(
            HighWater::check(&path, &mark(12)),
            Err(RolledBack::Fewer { found: 12, seen: 16 })
        ));
        assert!(HighWater::accept(&path, &mark(12)).is_ok());
        let water = HighWater::check(&path, &mark(12)).expect("it was accepted");
        water.remember(&path, "kazakhstan").expect("it can be written");
        water.remember(&path, "kazakhstan").expect("it can be written");
        HighWater::accept(&path, &mark(13)).expect("it can be written");
        assert_eq!(HighWater::knows(&path, "kazakhstan").ok(), Some(true));
        assert_eq!(HighWater::knows(&path, "kazakh").ok(), Some(false));
        for text in [Some(""), Some("no mark"), None] {
            match text {
                Some(text) => std::fs::write(&path, text).expect("it can be written"),
                None => std::fs::remove_file(&path).expect("it can be removed"),
            }
            let known = HighWater::compare(&path, &mark(1));
            assert!(matches!(known, Err(RolledBack::Forgotten { found: 1 })), "{text:?}");
            assert!(HighWater::compare(&path, &mark(0)).is_ok(), "nothing was begun: {text:?}");
        }
        std::fs::remove_dir_all(&folder).expect("it can be removed");
    }
}
