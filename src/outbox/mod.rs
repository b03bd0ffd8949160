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
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc::SyncSender,
    },
    thread,
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    net::TcpListener,
    sync::oneshot,
    time::{sleep, timeout},
};

use crate::model::{Secret, Stage};

mod body;
mod command;
mod letter;
mod maildir;
mod news;
mod script;
mod session;
mod stream;
mod tls;

use letter::Envelope;
use maildir::Maildir;
pub use news::News;
use script::Play;
pub use script::{Action, Firing, NOT_A_RULE, Rule, Script};
pub use tls::{Tls, TlsFileError};

/// How many connections are served at once where nobody says.
const CONNECTIONS_MAX: usize = 1_000;

/// A relay that is running. It stops when it is dropped.
#[derive(Debug)]
pub struct Outbox {
    address: SocketAddr,
    books: Arc<Books>,
    /// Says how long messages in flight may take to finish.
    stop: Option<oneshot::Sender<Duration>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// Says what the relay is to be.
#[derive(Clone, Debug)]
pub struct OutboxSettings {
    /// Where to listen: a loopback address unless `exposed`; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether other machines may reach it. It still passes nothing on.
    pub exposed: bool,
    /// How many connections are served at once; each has at most three files open.
    pub connections: usize,
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
    /// Who is told what happens; the relay waits for them.
    pub news: Option<SyncSender<News>>,
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
            exposed: false,
            connections: CONNECTIONS_MAX,
            keep,
            record: true,
            script: Script::default(),
            tls: None,
            login: None,
            news: None,
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
        if !settings.exposed && !settings.listen.ip().is_loopback() {
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
                let grace = tokio::select! {
                    () = welcome(listener, Arc::clone(&work)) => Duration::ZERO,
                    grace = stopped => grace.unwrap_or_default(),
                };
                land(&work, grace).await;
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

    /// Returns how many bytes of messages it has taken.
    pub fn bytes(&self) -> u64 {
        self.books.bytes.load(Ordering::Relaxed)
    }

    /// Returns how many connections are open.
    pub fn open(&self) -> usize {
        self.books.open.load(Ordering::Relaxed)
    }

    /// Returns how many messages it refused for what they are.
    pub fn refused(&self) -> u64 {
        self.books.refused.load(Ordering::Relaxed)
    }

    /// Returns how many times each rule of its script was played, by the rule's line.
    pub fn played(&self) -> Vec<(usize, u64)> {
        self.books.script.played()
    }

    /// Takes no connection and no message any more and lets those in flight finish, for at most `grace`; then closes what is left.
    pub fn close(&mut self, grace: Duration) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself.
            let _ = stop.send(grace);
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }

    /// Closes every connection and waits until nothing runs any more.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.close(Duration::ZERO);
    }
}

/// What all sessions share.
#[derive(Debug)]
struct Books {
    maildir: Option<Maildir>,
    in_memory: bool,
    record: bool,
    script: Play,
    tls: Option<Tls>,
    login: Option<(String, Secret)>,
    accepted: AtomicU64,
    connections: AtomicU64,
    open: AtomicUsize,
    connections_max: usize,
    bytes: AtomicU64,
    refused: AtomicU64,
    closing: AtomicBool,
    in_flight: AtomicUsize,
    news: Option<SyncSender<News>>,
    acceptances: Mutex<Vec<Acceptance>>,
    letters: Mutex<Vec<Letter>>,
}

impl Books {
    fn open(settings: OutboxSettings) -> io::Result<Self> {
        let OutboxSettings { keep, record, script, tls, login, connections, news, .. } = settings;
        let in_memory = matches!(keep, Keep::Memory);
        let maildir = match keep {
            Keep::Maildir(path) => Some(Maildir::open(path)?),
            Keep::Memory | Keep::Count => None,
        };
        Ok(Self {
            maildir,
            in_memory,
            record,
            script: Play::new(script),
            tls,
            login,
            accepted: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            connections_max: connections,
            bytes: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            news,
            acceptances: Mutex::default(),
            letters: Mutex::default(),
        })
    }
}

impl Books {
    /// Tells what the script has for `stage`, where `to` are the recipients it is about; `None` for the usual.
    fn act(&self, stage: Stage, to: &[String]) -> Option<&Action> {
        let rule = self.script.act(stage, to)?;
        self.tell(|| News::Played { line: rule.line, stage, to: to.to_vec() });
        Some(&rule.action)
    }

    /// Tells whoever wants to know; they set the pace.
    fn tell(&self, news: impl FnOnce() -> News) {
        if let Some(told) = &self.news {
            // Where nobody listens any more, there is nothing to be said.
            let _ = told.send(news());
        }
    }

    /// Notes a message that was refused for what it is.
    fn refused(&self, envelope: &Envelope, reply: &str) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.tell(|| News::Refused {
            from: envelope.from.clone(),
            to: envelope.to.clone(),
            reply: reply.to_owned(),
        });
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Counts a message as being in flight for as long as what it returns lives.
    fn flight(&self) -> Flight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Flight(&self.in_flight)
    }
}

/// A message between DATA and the answer to its dot.
struct Flight<'a>(&'a AtomicUsize);

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
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

/// Waits until no message is in flight. All sessions run on this thread, so the answer to each was written when its flight is over.
async fn land(books: &Books, grace: Duration) {
    books.closing.store(true, Ordering::Relaxed);
    let landed = async {
        while books.in_flight.load(Ordering::Relaxed) > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    // What is not there in time is cut off: its sender knows that it was not taken, or is in doubt.
    let _ = timeout(grace, landed).await;
}
