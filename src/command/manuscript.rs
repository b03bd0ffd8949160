//! A draft and the files beside it, read from an issue's folder. Nothing outside of that folder is opened.

use std::{collections::BTreeMap, fs, path::Path};

use percent_encoding::percent_decode_str;

use super::{Failure, exit, newsroom::IssueFolder};
use crate::compose::{Beside, Draft};

/// The draft's own file.
const DRAFT: &str = "issue.md";

/// What stands in the place of its text part; it is read without being named.
const TEXT: &str = "text.md";

/// The largest draft that is read. What is a mistake of the draft `check` says long before.
const DRAFT_MAX: u64 = 16 * 1024 * 1024;

/// The largest file beside a draft that is read.
const FILE_MAX: u64 = 10 * 1024 * 1024;

/// The most that is read of all files beside a draft together.
const FILES_MAX: u64 = 64 * 1024 * 1024;

/// The most files of a folder that are looked at.
const ENTRIES_MAX: usize = 2_000;

/// How deep folders may stand in an issue's.
const DEPTH_MAX: usize = 3;

/// Reads a draft and the files beside it that it names; `root` is the publication's folder.
pub(super) fn read(root: &Path, issue: &IssueFolder) -> Result<Draft, Failure> {
    let path = issue.path.join(DRAFT);
    let shown = path.strip_prefix(root).unwrap_or(&path).display().to_string();
    let failed = |error| Failure::file(&path, "read", &error);
    let meta = fs::symlink_metadata(&path).map_err(failed)?;
    if meta.is_symlink() {
        return Err(Failure::new(exit::BAD_DATA, format!("{shown}: the draft is a symbolic link"))
            .hint("put the file itself into the issue's folder"));
    }
    if meta.len() > DRAFT_MAX {
        return Err(Failure::new(
            exit::BAD_DATA,
            format!("{shown}: the draft is too large to read"),
        )
        .hint("Gmail cuts off what is longer than 102 kB"));
    }
    let bytes = fs::read(&path).map_err(failed)?;
    // What is not UTF-8 text the composer tells, with its place, beside all else that is to be mended.
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let beside = text_file(&issue.path.join(TEXT));
    let named = [TEXT, &written(&text), &written(&beside)].join("\n");
    let mut folder = Folder { named, left: FILES_MAX, files: BTreeMap::new() };
    folder.look(&issue.path, "", 0);
    Ok(Draft { slug: issue.slug.clone(), path: shown, text, files: folder.files })
}

/// Returns what `text.md` says, if it is a file of its own that can be read; why it cannot is told with the others.
fn text_file(path: &Path) -> String {
    let is_fine =
        fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() <= DRAFT_MAX);
    if is_fine { fs::read_to_string(path).unwrap_or_default() } else { String::new() }
}

/// Returns a draft as names of files stand in it, without what Markdown puts before a punctuation mark, and for a blank.
fn written(text: &str) -> String {
    let text = text.replace('\\', "").replace("&amp;", "&");
    let decoded = percent_decode_str(&text).decode_utf8_lossy();
    [text.as_str(), &decoded].join("\n")
}

/// An issue's folder while it is looked through.
struct Folder {
    /// Where names are looked for: a file that the draft does not name is not read.
    named: String,
    /// How many bytes may still be read.
    left: u64,
    files: BTreeMap<String, Beside>,
}

impl Folder {
    fn look(&mut self, folder: &Path, prefix: &str, depth: usize) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        let mut entries: Vec<_> = entries.flatten().take(ENTRIES_MAX).collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            if self.files.len() >= ENTRIES_MAX {
                return;
            }
            let Some(name) = entry.file_name().to_str().map(|name| format!("{prefix}{name}"))
            else {
                continue;
            };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth < DEPTH_MAX => {
                    self.look(&entry.path(), &format!("{name}/"), depth + 1);
                }
                Ok(kind) if kind.is_dir() => {}
                _ if name == DRAFT => {}
                Ok(kind) => {
                    let beside = self.read(&entry, &name, kind);
                    self.files.insert(name, beside);
                }
                Err(_) => {}
            }
        }
    }

    fn read(&mut self, entry: &fs::DirEntry, name: &str, kind: fs::FileType) -> Beside {
        if !self.named.contains(name) {
            return Beside::Unnamed;
        }
        if kind.is_symlink() {
            return Beside::Link;
        }
        if !kind.is_file() {
            return Beside::Unreadable("it is not a file".to_owned());
        }
        match entry.metadata() {
            Ok(meta) if meta.len() > FILE_MAX.min(self.left) => Beside::Large(meta.len()),
            Ok(meta) => {
                self.left -= meta.len();
                fs::read(entry.path())
                    .map_or_else(|error| Beside::Unreadable(error.to_string()), Beside::Held)
            }
            Err(error) => Beside::Unreadable(error.to_string()),
        }
    }
}
