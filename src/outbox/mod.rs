//! The built-in relay: a loopback SMTP server that keeps what it takes in a Maildir.
//!
//! It speaks RFC 5321 correctly and passes nothing on. A [`Script`] makes it
//! misbehave at chosen steps, which is how the sender's promises are tested. It
//! runs on a thread of its own, so that writing files delays nobody's network.

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use jiff::Timestamp;
use tokio::{net::TcpListener, sync::oneshot, time::sleep};

use crate::model::Secret;

mod body;
mod command;
mod letter;
mod maildir;
mod script;
mod session;
mod stream;

use maildir::Maildir;
pub use script::{Action, Firing, Rule, Script, ScriptError};

/// A relay that is running. It stops when it is dropped.
#[derive(Debug)]
pub struct Outbox {
    address: SocketAddr,
    books: Arc<Books>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// Says what the relay is to be.
#[derive(Clone, Debug)]
pub struct OutboxSettings {
    /// Where to listen: a loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What becomes of messages.
    pub keep: Keep,
    /// Whether to remember every [`Acceptance`]; memory then grows with the list.
    pub record: bool,
    /// How to misbehave; the empty script is a good server.
    pub script: Script,
    /// TLS, where it is to be offered.
    pub tls: Option<Tls>,
    /// The one user who must authenticate, over TLS, before sending.
    pub login: Option<(String, Secret)>,
}

/// What becomes of a message that is taken.
#[derive(Clone, Debug)]
pub enum Keep {
    /// It becomes a file in this Maildir, byte for byte as it came and trace headers on top. Not forced to the disk.
    Maildir(PathBuf),
    /// It stays in memory, for [`Outbox::letters`].
    Memory,
    /// It is counted.
    Count,
}

/// TLS on the server's side.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate and its key.
    pub config: Arc<rustls::ServerConfig>,
    /// Whether TLS begins with the first byte; otherwise STARTTLS is offered.
    pub implicit: bool,
}

/// One message taken for one recipient: what a sender was told yes for, or would have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// The Message-ID with its angle brackets; empty where the message has none.
    pub message_id: String,
    /// The return path.
    pub from: String,
    /// The recipient.
    pub to: String,
    /// When.
    pub at: Timestamp,
}

/// A message kept in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The return path.
    pub from: String,
    /// The recipients.
    pub to: Vec<String>,
    /// The message as its sender had it, dots no longer doubled.
    pub bytes: Vec<u8>,
}

impl OutboxSettings {
    /// Returns a good server on a free port of this machine, without TLS, that remembers acceptances.
    pub fn new(keep: Keep) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            keep,
            record: true,
            script: Script::default(),
            tls: None,
            login: None,
        }
    }
}

impl Outbox {
    /// Starts a relay; when it returns, connections are taken.
    ///
    /// # Errors
    ///
    /// Fails where `listen` is not a loopback address or is taken, and where the Maildir cannot be made.
    pub fn start(settings: OutboxSettings) -> io::Result<Self> {
        if !settings.listen.ip().is_loopback() {
            let why = format!(
                "the built-in relay listens on loopback alone, not on `{}`",
                settings.listen
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let listener = std::net::TcpListener::bind(settings.listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        // Before the runtime: one that is dropped again would panic where the caller is async.
        let books = Arc::new(Books::open(settings)?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let work = Arc::clone(&books);
        let thread = thread::Builder::new().name("outbox".to_owned()).spawn(move || {
            runtime.block_on(async move {
                tokio::select! {
                    () = welcome(listener, work) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { address, books, stop: Some(stop), thread: Some(thread) })
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns how many messages it has taken, each counted once for each recipient.
    pub fn accepted(&self) -> u64 {
        self.books.accepted.load(Ordering::Relaxed)
    }

    /// Returns how many connections it has taken.
    pub fn connections(&self) -> u64 {
        self.books.connections.load(Ordering::Relaxed)
    }

    /// Returns every acceptance in order; none where they are not recorded.
    pub fn acceptances(&self) -> Vec<Acceptance> {
        lock(&self.books.acceptances).clone()
    }

    /// Returns every message kept in memory, in order.
    pub fn letters(&self) -> Vec<Letter> {
        lock(&self.books.letters).clone()
    }

    /// Closes every connection and waits until nothing runs any more.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What all sessions share.
#[derive(Debug)]
struct Books {
    maildir: Option<Maildir>,
    in_memory: bool,
    record: bool,
    script: script::Play,
    tls: Option<Tls>,
    login: Option<(String, Secret)>,
    accepted: AtomicU64,
    connections: AtomicU64,
    open: AtomicUsize,
    acceptances: Mutex<Vec<Acceptance>>,
    letters: Mutex<Vec<Letter>>,
}

impl Books {
    fn open(settings: OutboxSettings) -> io::Result<Self> {
        let OutboxSettings { keep, record, script, tls, login, .. } = settings;
        let in_memory = matches!(keep, Keep::Memory);
        let maildir = match keep {
            Keep::Maildir(path) => Some(Maildir::open(path)?),
            Keep::Memory | Keep::Count => None,
        };
        Ok(Self {
            maildir,
            in_memory,
            record,
            script: script::Play::new(script),
            tls,
            login,
            accepted: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            acceptances: Mutex::default(),
            letters: Mutex::default(),
        })
    }
}

/// Nothing that holds these locks panics half-way, so what is inside is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn welcome(listener: std::net::TcpListener, books: Arc<Books>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    loop {
        match listener.accept().await {
            Ok((tcp, peer)) => {
                books.connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(session::serve(tcp, peer, Arc::clone(&books)));
            }
            // Most likely no file descriptor is free; one may be soon.
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}
