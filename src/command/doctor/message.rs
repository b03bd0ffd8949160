//! A message from a file or a pipe, no longer than anybody's.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use crate::{
    command::{Failure, exit},
    doctor::LETTER_BYTES,
};

/// Returns what a file is called, `-` being the standard input.
pub(super) fn name(file: &Path) -> String {
    if file == Path::new("-") { "stdin".to_owned() } else { file.display().to_string() }
}

/// Reads a message, `-` for one from stdin.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error| Failure::file(file, "read", &error);
    let source: Box<dyn Read> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(fs::File::open(file).map_err(failed)?)
    };
    let mut bytes = Vec::new();
    let limit = u64::try_from(LETTER_BYTES).unwrap_or(u64::MAX);
    source.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    let refused = |why| Failure::new(exit::BAD_DATA, format!("`{}` {why}", name(file)));
    match bytes.len() {
        0 => {
            Err(refused("is empty")
                .hint("save a mail with its headers: `show original`, or as .eml"))
        }
        length if length > LETTER_BYTES => Err(refused("is longer than any mail that arrives")),
        _ => Ok(bytes),
    }
}
