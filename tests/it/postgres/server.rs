//! A server of the test's own, to be killed.

use std::{fs, path::Path, process::Command};

use postrider::ledger::PostgresSettings;

use crate::skip::skipped;

pub(super) struct Server {
    folder: tempfile::TempDir,
    /// The ledger's URL in it.
    pub(super) url: String,
    /// Whether another took its place.
    is_gone: bool,
}

impl Server {
    /// `None`, and said so, where there is no PostgreSQL.
    #[track_caller]
    pub(super) fn start() -> Option<Self> {
        if std::env::var_os("POSTRIDER_POSTGRES").is_none() {
            skipped("what needs PostgreSQL");
            return None;
        }
        Some(Self::made(|folder| rig(&["start", folder])))
    }

    /// Starts a standby of it, which every commit waits for.
    pub(super) fn standby(&self) -> Self {
        Self::made(|folder| rig(&["standby", self.folder(), folder]))
    }

    fn made(make: impl FnOnce(&str)) -> Self {
        let folder = tempfile::TempDir::new_in("/tmp").expect("a folder");
        make(path(&folder));
        let env = fs::read_to_string(folder.path().join("env")).expect("it is written");
        let url = env.split('\'').nth(1).expect("a URL").to_owned();
        Self { folder, url, is_gone: false }
    }

    /// Kills it as a power cut would, and starts it again.
    pub(super) fn restart(&self) {
        rig(&["restart", self.folder()]);
    }

    /// Kills it for good, and has its standby take its place.
    pub(super) fn fail_over(&mut self, to: &Self) {
        rig(&["fail-over", self.folder(), to.folder()]);
        self.is_gone = true;
    }

    /// Has it speak TLS with this certificate; both as PEM.
    pub(super) fn speak_tls(&self, certificate: &str, key: &str) {
        let [pem, secret] =
            ["certificate", "key"].map(|name| self.folder.path().join(format!("{name}.pem")));
        fs::write(&pem, certificate).expect("it can be written");
        fs::write(&secret, key).expect("it can be written");
        let of = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        rig(&["tls", self.folder(), &of(&pem), &of(&secret)]);
    }

    /// Has it ask everybody who is not its owner for a password, and be restarted.
    pub(super) fn ask_for_passwords(&self) {
        let rules = self.folder.path().join("data/pg_hba.conf");
        let text = fs::read_to_string(&rules).expect("it is there");
        let asks = "host all postrider all trust\nhost all all all scram-sha-256\n";
        fs::write(&rules, format!("{asks}{text}")).expect("it can be written");
        self.restart();
    }

    pub(super) fn settings(&self) -> PostgresSettings {
        PostgresSettings { url: self.url.clone(), password: None, trust: Vec::new() }
    }

    fn folder(&self) -> &str {
        path(&self.folder)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.is_gone {
            rig(&["stop", self.folder()]);
        }
    }
}

fn path(folder: &tempfile::TempDir) -> &str {
    folder.path().to_str().expect("UTF-8")
}

fn rig(words: &[&str]) {
    let rig = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rig/postgres");
    let output = Command::new("sh").arg(rig).args(words).output().expect("a shell");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}
