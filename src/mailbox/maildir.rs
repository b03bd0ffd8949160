//! A Maildir: a message is a file, in `new/` until somebody saw it, in `cur/` from then on.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{BYTES_MAX, Mail};

/// A Maildir that was opened.
#[derive(Debug)]
pub struct Maildir {
    root: PathBuf,
}

impl Maildir {
    /// Opens the one at `root`; it has a folder `new`.
    pub fn open(root: &Path) -> io::Result<Self> {
        fs::read_dir(root.join("new"))?;
        Ok(Self { root: root.to_owned() })
    }

    /// Returns the names of the messages nobody has seen, in the order they came: a name begins with its second.
    pub fn unseen(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.root.join("new"))? {
            let entry = entry?;
            // Only a file of its own is a message: whoever delivers here might place a link to another.
            if entry.file_type()?.is_file()
                && let Ok(name) = entry.file_name().into_string()
                && !name.starts_with('.')
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Reads one. `None`: somebody else has taken it meanwhile.
    pub fn read(&self, name: &str) -> io::Result<Option<Mail>> {
        let file = match File::open(self.root.join("new").join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(Some(Mail { name: name.to_owned(), bytes }))
    }

    /// Marks one as seen: moves it to `cur/`, with the flag `S`.
    pub fn see(&self, name: &str) -> io::Result<()> {
        let cur = self.root.join("cur");
        if !cur.is_dir() {
            fs::create_dir(&cur)?;
        }
        let bare = name.split(":2,").next().unwrap_or(name);
        match fs::rename(self.root.join("new").join(name), cur.join(format!("{bare}:2,S"))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            moved => moved,
        }
    }
}
