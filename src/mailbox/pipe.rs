//! One message from a program that delivers it to us, as Postfix does by an alias.

use std::io::{self, Read};

use super::BYTES_MAX;

/// Reads it to its end, and keeps what fits: a program that is not listened to would think that it failed.
pub fn pipe(mut from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.by_ref().take(BYTES_MAX).read_to_end(&mut bytes)?;
    io::copy(&mut from, &mut io::sink())?;
    Ok(bytes)
}
