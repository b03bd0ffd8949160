//! `publication.toml`, read whole: a publication that can be composed and sent, or every mistake in it at once.
//!
//! Past this door nothing is checked again: links are https, domains are
//! A-labels, rates and times are values. Secrets never stand in the file;
//! [`secret`] and [`dkim_keys`] fetch them from where the file says they are.

mod code;
mod dkim;
mod ledger;
mod mistake;
mod preset;
mod publication;
mod relay;
mod secret;
mod shown;
mod table;
mod value;

use std::path::{Path, PathBuf};

pub use code::CODES;
pub use dkim::dkim_keys;
pub use ledger::ledger_url;
pub use publication::read;
pub use secret::{SecretError, credential, secret};
pub use shown::{Origin, Setting, settings};

/// The name of the file that makes a folder a publication.
pub const FILE_NAME: &str = "publication.toml";

/// Finds the publication that `start` is in: the nearest folder, upwards, that holds a `publication.toml`.
pub fn locate(start: &Path) -> Option<PathBuf> {
    let start = std::path::absolute(start).ok()?;
    start.ancestors().find(|folder| folder.join(FILE_NAME).is_file()).map(Path::to_owned)
}
