//! Where mail that came back lies, and how each message there is gone through.

use std::{
    fs::File,
    io::{BufReader, ErrorKind},
    path::Path,
    sync::Arc,
};

use super::{
    Console, Failure, exit,
    newsroom::Newsroom,
    returned::{Clerk, Returned},
    words,
};
use crate::{
    cli::{self, Global},
    config,
    mailbox::{Imap, ImapError, ImapUrl, Maildir, Mbox, pipe},
    model::SecretSource,
};

/// Says of a message that was dealt with whether it may be marked as seen.
pub(super) type MaySee = fn(&Returned) -> bool;

/// Goes through a mailbox and returns what every message came to, in order.
///
/// Each is marked as seen as soon as the ledger has it, so that stopping half
/// way loses nothing. From a pipe, whatever goes wrong ends with 75: the mail
/// system keeps the message and brings it again.
pub(super) async fn empty(
    console: &Console,
    global: &Global,
    wish: &cli::Postbag,
    may_see: MaySee,
) -> Result<Vec<Returned>, Failure> {
    let emptied = gone_through(console, global, wish, may_see).await;
    emptied.map_err(
        |failure| {
            if wish.stdin { Failure { code: exit::AGAIN, ..failure } } else { failure }
        },
    )
}

async fn gone_through(
    console: &Console,
    global: &Global,
    wish: &cli::Postbag,
    may_see: MaySee,
) -> Result<Vec<Returned>, Failure> {
    let newsroom = Newsroom::open(global)?;
    let has_ledger = newsroom.has_ledger()?;
    let keys = Arc::new(newsroom.keys_for_a_look()?);
    let clerk = Clerk {
        keys: Box::new(move || Arc::clone(&keys)),
        ledger: if has_ledger { Some(newsroom.ledger()?) } else { None },
        publication: newsroom.publication.id.clone(),
        rehearse: wish.dry_run,
        source: wish.name(),
    };
    let bag =
        Bag { console, newsroom: &newsroom, clerk, marks: !wish.keep && !wish.dry_run, may_see };
    match (&wish.maildir, &wish.mbox, &wish.imap) {
        (Some(folder), ..) => bag.maildir(folder).await,
        (_, Some(file), _) => bag.mbox(file).await,
        (.., Some(url)) => bag.imap(url, wish).await,
        _ => bag.stdin().await,
    }
}

struct Bag<'a> {
    console: &'a Console,
    newsroom: &'a Newsroom,
    clerk: Clerk,
    /// Whether what was dealt with is marked as seen.
    marks: bool,
    may_see: MaySee,
}

impl Bag<'_> {
    async fn take(&self, name: String, bytes: &[u8]) -> Result<(Returned, bool), Failure> {
        let returned = self.clerk.take(name, bytes).await?;
        if self.console.json {
            self.console.document(&returned.document());
        }
        let may = self.marks && (self.may_see)(&returned);
        Ok((returned, may))
    }

    async fn stdin(&self) -> Result<Vec<Returned>, Failure> {
        let bytes = pipe(std::io::stdin().lock()).map_err(|error| {
            Failure::new(exit::DISK, format!("failed to read the message: {error}"))
        })?;
        Ok(vec![self.take("-".to_owned(), &bytes).await?.0])
    }

    async fn maildir(&self, folder: &Path) -> Result<Vec<Returned>, Failure> {
        let failed = |error: std::io::Error| {
            Failure::file(folder, "read the Maildir", &error)
                .hint("a Maildir has the folders `new` and `cur`")
        };
        let maildir = Maildir::open(folder).map_err(failed)?;
        let mut all = Vec::new();
        for name in maildir.unseen().map_err(failed)? {
            let Some(mail) = maildir.read(&name).map_err(failed)? else { continue };
            let (returned, may_see) = self.take(name.clone(), &mail.bytes).await?;
            if may_see {
                maildir.see(&name).map_err(failed)?;
            }
            all.push(returned);
        }
        Ok(all)
    }

    async fn mbox(&self, path: &Path) -> Result<Vec<Returned>, Failure> {
        let failed = |error: std::io::Error| {
            let failure = Failure::file(path, "read", &error);
            if error.kind() == ErrorKind::InvalidData {
                return Failure { code: exit::BAD_DATA, ..failure }.hint(
                    "one message by itself goes to `--stdin`, a folder of them to `--maildir`",
                );
            }
            failure
        };
        let file = File::open(path).map_err(failed)?;
        let mut all = Vec::new();
        for mail in Mbox::new(BufReader::new(file)) {
            let mail = mail.map_err(failed)?;
            all.push(self.take(mail.name, &mail.bytes).await?.0);
        }
        Ok(all)
    }

    async fn imap(&self, url: &str, wish: &cli::Postbag) -> Result<Vec<Returned>, Failure> {
        let url = ImapUrl::read(url)?;
        let root = &self.newsroom.root;
        let variable = std::env::var("POSTRIDER_IMAP_PASSWORD").ok();
        let here = std::env::current_dir().unwrap_or_else(|_| root.clone());
        let file =
            wish.password_file.as_ref().map(|file| SecretSource::File(file.display().to_string()));
        let password = config::secret(file.as_ref(), &here, variable)
            .map_err(|error| Failure::new(exit::CONFIG, error.to_string()))?
            .ok_or_else(|| {
                Failure::new(exit::CONFIG, format!("there is no password for the user `{}` of the mailbox", url.user))
                    .hint("set POSTRIDER_IMAP_PASSWORD, or name a file of yours alone with --password-file")
            })?;
        let trust = match &wish.ca_file {
            Some(file) => {
                std::fs::read(file).map_err(|error| Failure::file(file, "read", &error))?
            }
            None => Vec::new(),
        };
        // The connection is one that blocks; each step of it goes where it may.
        let marks = self.marks;
        let mut imap = tokio::task::block_in_place(|| Imap::open(&url, &password, &trust, !marks))?;
        let mut all = Vec::new();
        for number in tokio::task::block_in_place(|| imap.unseen())? {
            let Some(mail) = tokio::task::block_in_place(|| imap.read(number))? else { continue };
            let (returned, may_see) = self.take(mail.name, &mail.bytes).await?;
            if may_see {
                tokio::task::block_in_place(|| imap.see(number))?;
            }
            all.push(returned);
        }
        tokio::task::block_in_place(|| imap.close());
        Ok(all)
    }
}

impl cli::Postbag {
    /// Says where the mail lies, for the consent log; never with what a URL may hide.
    fn name(&self) -> String {
        match (&self.maildir, &self.mbox, &self.imap) {
            (Some(folder), ..) => words::path(folder),
            (_, Some(file), _) => words::path(file),
            (.., Some(url)) => match ImapUrl::read(url) {
                Ok(url) => format!("{} on {}", url.folder, url.host),
                Err(_) => "IMAP".to_owned(),
            },
            _ => "a pipe".to_owned(),
        }
    }
}

impl From<ImapError> for Failure {
    fn from(error: ImapError) -> Self {
        let (code, hint) = match &error {
            ImapError::Url(_) => (exit::USAGE, "write it as imaps://user@mail.example.org/INBOX"),
            ImapError::Password => (
                exit::USAGE,
                "take it out, change it, and keep the new one in POSTRIDER_IMAP_PASSWORD or a --password-file",
            ),
            ImapError::Broken { .. } => (
                exit::UNREACHABLE,
                "look at its name and port, and whether it speaks TLS from the first byte (port 993)",
            ),
            ImapError::Login { .. } => {
                (exit::CREDENTIALS, "check the user in the URL, and the password")
            }
            ImapError::Refused { .. } => {
                (exit::UNREACHABLE, "look at the folder's name, as the server writes it")
            }
        };
        Self::new(code, error.to_string()).hint(hint)
    }
}
