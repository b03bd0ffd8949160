//! How an issue goes out, as the ledger keeps it for machines that have none of the publication's files.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Failure, exit, newsroom::mistakes};
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
        let orders = Self { settings: settings.to_owned(), key: fingerprint(keys) };
        let bytes = serde_json::to_vec(&orders).expect("orders are always JSON");
        Ok(ledger.instruct(issue, &bytes).await?)
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
        if fingerprint(keys) == self.key {
            return Ok(());
        }
        Err(Failure::new(exit::CONFIG, "the key of the links is not the publication's")
            .hint("copy `.postrider/key` of the publication into this worker's state folder"))
    }
}

fn fingerprint(keys: &KeyRing) -> String {
    let digest = Sha256::digest(format!("postrider key\0{}", keys.to_lines()));
    HEXLOWER.encode(&digest[..8])
}
