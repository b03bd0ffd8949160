//! A random token: made once for a run, shown in its own pages, asked for at every POST.

use std::io;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// A secret of 128 bits that only our own pages know.
#[derive(Clone)]
pub(super) struct Token(String);

impl Token {
    /// Makes one.
    pub(super) fn random() -> io::Result<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self(HEXLOWER.encode(&bytes)))
    }

    /// Returns it, to be put into a page.
    pub(super) fn shown(&self) -> &str {
        &self.0
    }

    /// Tells whether this is it. How long that takes tells nothing of where they differ, since only digests are compared.
    pub(super) fn is(&self, said: &str) -> bool {
        Sha256::digest(said) == Sha256::digest(&self.0)
    }
}
