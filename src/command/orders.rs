//! How an issue goes out, as the ledger keeps it for machines that have none of the publication's files.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    Failure, exit,
    newsroom::{Newsroom, mistakes},
};
use crate::{compose::KeyRing, config, ledger::Ledger, model::Publication};

/// What stands in the ledger beside an edition. It holds no secret, since `publication.toml` never does.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Orders {
    /// What `publication.toml` says.
    settings: String,
    /// Tells the key that signs the links from every other, and nothing more of it.
    key: String,
}

impl Orders {
    /// Puts down how an issue goes out.
    pub(super) async fn give(
        ledger: &dyn Ledger,
        issue: i64,
        settings: &str,
        keys: &KeyRing,
    ) -> Result<(), Failure> {
        let orders = Self { settings: settings.to_owned(), key: fingerprint(&keys.to_lines()) };
        let bytes = serde_json::to_vec(&orders).expect("orders are always JSON");
        Ok(ledger.instruct(issue, &bytes).await?)
    }

    /// Refuses to send from a machine whose key of the links is not the one that the publication's last issue was sent with, on whichever machine: readers could not leave by its links.
    ///
    /// An empty file of the key is a person's word that it is lost for good.
    pub(super) async fn agree(newsroom: &Newsroom, ledger: &dyn Ledger) -> Result<(), Failure> {
        let publication = &newsroom.publication.id;
        let mut last = None;
        for issue in ledger.issues(publication).await?.iter().rev() {
            last = ledger.orders(issue.id).await?;
            if last.is_some() {
                break;
            }
        }
        let Some(last) = last else { return Ok(()) };
        let copy =
            "copy `.postrider/key` from the machine that sent it, for its owner alone (chmod 600)";
        let Some(is_empty) = newsroom.key_is_empty()? else {
            let why = format!(
                "this machine has no key of the links, and {publication} was sent with one"
            );
            return Err(Failure::new(exit::CONFIG, why).hint(copy));
        };
        if is_empty || Self::read(&last)?.knows(&newsroom.keys_for(ledger).await?) {
            return Ok(());
        }
        let why = format!("the key of the links is not the one that {publication} was sent with");
        Err(Failure::new(exit::CONFIG, why).hint(copy).hint(
            "where that is lost for good, make the file empty: a new one is made, and the links of past issues are dead",
        ))
    }

    /// Tells whether a ring is the one these were written with, or that one with newer keys.
    fn knows(&self, keys: &KeyRing) -> bool {
        let lines = keys.to_lines();
        let ends = lines.match_indices('\n').map(|(at, _)| at + 1);
        ends.into_iter().any(|end| fingerprint(&lines[..end]) == self.key)
    }

    /// Reads what another machine put down.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Failure> {
        serde_json::from_slice(bytes).map_err(|error| {
            let why =
                format!("the ledger says what we do not understand of how it goes out: {error}");
            Failure::new(exit::CONFIG, why).hint("install the same postrider everywhere")
        })
    }

    /// Returns the publication as it was.
    pub(super) fn publication(&self) -> Result<Publication, Failure> {
        config::read(&self.settings, "publication.toml").map_err(mistakes)
    }

    /// Refuses a key whose links the publication could not read.
    pub(super) fn same_key(&self, keys: &KeyRing) -> Result<(), Failure> {
        if fingerprint(&keys.to_lines()) == self.key {
            return Ok(());
        }
        Err(Failure::new(exit::CONFIG, "the key of the links is not the publication's")
            .hint("copy `.postrider/key` of the publication into this worker's state folder"))
    }
}

fn fingerprint(keys: &str) -> String {
    let digest = Sha256::digest(format!("postrider key\0{keys}"));
    HEXLOWER.encode(&digest[..8])
}
