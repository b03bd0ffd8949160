//! `preview`: an issue on a page of this machine that follows every save, until it is stopped.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    process::{Command, Stdio},
    sync::Arc,
};

use async_trait::async_trait;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

use super::{
    Console, Failure, exit,
    inspection::{self, Inspector},
    newsroom::{self, Newsroom},
    reader,
    test::{self, Way},
};
use crate::{
    cli::{Global, Preview},
    compose::{KeyRing, Press},
    model::{Problem, Subscriber},
    web::{
        Door,
        preview::{self, Found, Galley, Reader, Test, Trouble, Watched},
    },
};

/// Where it listens when nobody says, and nothing else does: always the same, so that an open page finds it again.
const USUAL_PORT: u16 = 8642;

/// Runs the command.
pub(super) async fn run(console: &Console, global: &Global, wish: &Preview) -> Result<u8, Failure> {
    let address = wish.listen.as_deref().map(loopback).transpose()?;
    let newsroom = Newsroom::open(global)?;
    let issue = wish.issue.as_deref().map(|name| newsroom.issue(name)).transpose()?;
    let signals = signals()?;
    let door = open(address).await?;

    let path = issue.map_or_else(String::new, |issue| preview::path(&issue.slug));
    let url = format!("http://{}/{path}", door.address());
    if console.json {
        console.document(&serde_json::json!({ "url": url }));
    } else {
        console.say(&url);
    }
    console.note("a page that follows every save; Ctrl-C stops it");
    console.flush();
    if wish.open {
        open_browser(console, &url);
    }

    let (tell, told) = mpsc::unbounded_channel();
    let desk = Arc::new(Desk { newsroom, global: global.clone(), tell });
    tokio::select! {
        served = preview::serve(door, desk) => served.map_err(|error| {
            Failure::new(exit::BUG, format!("the preview cannot begin: {error}"))
        })?,
        () = note(console, told) => {}
        () = ended(signals) => {}
    }
    Ok(exit::DONE)
}

/// Reads an address that only this machine can reach, or a port of it.
fn loopback(text: &str) -> Result<SocketAddr, Failure> {
    let usual = text.strip_prefix("localhost").unwrap_or(text);
    let port = usual.strip_prefix(':').unwrap_or(usual).parse();
    let address = match port {
        Ok(port) => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        Err(_) => text.parse().map_err(|_| {
            Failure::new(exit::USAGE, format!("`--listen {text}` is not an address with a port"))
                .hint("write it as 127.0.0.1:8642 or [::1]:8642; port 0 takes a free one")
        })?,
    };
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err(Failure::new(exit::USAGE, format!("`--listen {text}` is not this machine alone"))
        .hint("a preview shows readers of your list and sends mail: it listens on 127.0.0.1 or [::1] only")
        .hint("from elsewhere come by `ssh -L 8642:127.0.0.1:8642 HOST`"))
}

/// Opens the door, where nobody named one at any that is free.
async fn open(address: Option<SocketAddr>) -> Result<Door, Failure> {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, USUAL_PORT));
    let opened = match Door::open(address.unwrap_or(usual)).await {
        Err(error) if address.is_none() && error.kind() == ErrorKind::AddrInUse => {
            Door::open(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
        }
        opened => opened,
    };
    opened.map_err(|error| {
        let address = address.unwrap_or(usual);
        Failure::new(exit::UNREACHABLE, format!("failed to listen on {address}: {error}"))
            .hint("name another port with `--listen 127.0.0.1:PORT`; port 0 takes a free one")
    })
}

fn open_browser(console: &Console, url: &str) {
    let browser = std::env::var_os("BROWSER").filter(|browser| !browser.is_empty());
    let usual = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let started = Command::new(browser.unwrap_or_else(|| usual.into()))
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if started.is_err() {
        console.warn("no browser could be started; open the address above yourself");
    }
}

/// Says what happens on the page, for as long as there is one.
async fn note(console: &Console, mut told: mpsc::UnboundedReceiver<String>) {
    while let Some(line) = told.recv().await {
        console.note(line);
    }
}

fn signals() -> Result<[Signal; 2], Failure> {
    let listen = |kind| {
        signal(kind).map_err(|error| {
            Failure::new(exit::BUG, format!("the system gives no signals: {error}"))
        })
    };
    Ok([listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?])
}

async fn ended([mut interrupt, mut terminate]: [Signal; 2]) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Answers what a page asks, from the publication as it is then.
struct Desk {
    /// The publication as it was at the start: its folder does not move.
    newsroom: Newsroom,
    global: Global,
    tell: mpsc::UnboundedSender<String>,
}

impl Desk {
    fn open(&self) -> Result<Newsroom, Failure> {
        let now = newsroom::clock(&self.global)?;
        Newsroom::read(&self.newsroom.root.join(crate::config::FILE_NAME), now)
    }
}

#[async_trait]
impl preview::Newsroom for Desk {
    fn issues(&self) -> Result<Vec<String>, Trouble> {
        Ok(self.newsroom.issues()?.into_iter().map(|issue| issue.slug).collect())
    }

    fn galley(&self, slug: &str) -> Result<Galley, Trouble> {
        let newsroom = self.open()?;
        let title = newsroom.publication.title.clone();
        let relay = newsroom.publication.relay.url.to_string();
        let draft = newsroom.draft(&newsroom.issue(slug)?)?;
        let composed = match newsroom.try_compose(&draft)? {
            Ok(composed) => composed,
            Err(problems) => return Ok(Galley { title, relay, problems, set: None }),
        };
        // Signed with a key that nobody keeps: a link in a preview lets nobody leave.
        let keys = KeyRing::fresh(&[0; 32]);
        let press = Press::new(&composed.edition, 0, newsroom.now, keys)
            .map_err(|error| Failure::new(exit::BAD_DATA, error.to_string()))?;
        Ok(Galley { title, relay, problems: Vec::new(), set: Some((composed, press)) })
    }

    async fn problems(&self, slug: &str) -> Result<Vec<Problem>, Trouble> {
        let newsroom = self.open()?;
        let folder = newsroom.issue(slug)?;
        let mut inspector = Inspector::of(&newsroom).await;
        let last = inspector.before(&folder);
        Ok(inspector.inspect(&folder, last.as_ref())?.problems)
    }

    async fn reader(
        &self,
        reader: &Reader,
        fields: &BTreeMap<String, String>,
    ) -> Result<Subscriber, Trouble> {
        Ok(match reader {
            Reader::Sample => reader::sample(fields.clone())?,
            Reader::Blank => reader::blank()?,
            Reader::Listed(address) => reader::find(&self.open()?, address, false).await?,
        })
    }

    async fn find(&self, words: &str, most: usize) -> Result<Found, Trouble> {
        let mut readers = reader::search(&self.open()?, words, most + 1).await?;
        let more = readers.len() > most;
        readers.truncate(most);
        Ok(Found { readers, more })
    }

    async fn test(&self, slug: &str, test: Test) -> Result<String, Trouble> {
        let newsroom = self.open()?;
        let folder = newsroom.issue(slug)?;
        let composed = if test.force {
            newsroom.compose(&folder)?
        } else {
            inspection::fit_to_send(&newsroom, &folder).await?
        };
        let mut way = Way::open(&newsroom, &composed).await?;
        let wait =
            |until| drop(self.tell.send(format!("[Test] of {slug}: {}", test::waits(until))));
        let sent = way.send(test.reader, &test.to, wait).await?;
        way.close().await;
        let masked = test.to.masked();
        // Where the command has ended, nobody is left to be told.
        let _ = self.tell.send(format!("[Test] of {slug} is on its way to {masked}"));
        Ok(sent.said)
    }

    fn watched(&self) -> Watched {
        let root = &self.newsroom.root;
        let now = self.open();
        let publication = &now.as_ref().unwrap_or(&self.newsroom).publication;
        let list = publication.list.csv.as_ref().map(|name| root.join(name));
        Watched {
            folders: ["issues", "templates"].map(|folder| root.join(folder)).to_vec(),
            files: [root.join(crate::config::FILE_NAME)].into_iter().chain(list).collect(),
        }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        let Failure { message, hints, problems, .. } = failure;
        Self { message, hints, problems }
    }
}
