//! One client's session with the built-in relay.
//!
//! Commands that came together are answered together, in one write (RFC 2920).

use std::{
    future::pending, io, net::SocketAddr, sync::Arc, sync::atomic::Ordering, time::Duration,
};

use data_encoding::BASE64;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{
    Action, Books,
    body::BodyReader,
    command::{self, Command},
    letter::{Arriving, Envelope, SIZE_MAX},
};
use crate::model::Stage;

/// How long a client may be silent (RFC 5321 section 4.5.3.2.7).
const IDLE: Duration = Duration::from_mins(5);
/// How much is read at once, and the longest line there may be.
const INPUT_MAX: usize = 64 * 1024;
/// How many connections are served at once.
const CONNECTIONS_MAX: usize = 1_000;
/// How many recipients a message may have (RFC 5321 section 4.5.3.1.8).
const RECIPIENTS_MAX: usize = 100;
/// How many commands may be wrong before the client is sent away.
const WRONG_MAX: usize = 20;

/// Serves a client to the end of its connection.
pub(super) async fn serve(tcp: TcpStream, peer: SocketAddr, books: Arc<Books>) {
    let open = books.open.fetch_add(1, Ordering::Relaxed);
    // A client that breaks off is its own affair; what it was told is in the books.
    let _ = session(tcp, peer, &books, open >= CONNECTIONS_MAX).await;
    books.open.fetch_sub(1, Ordering::Relaxed);
}

async fn session(tcp: TcpStream, peer: SocketAddr, books: &Books, full: bool) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let acceptor = books.tls.as_ref().map(|tls| TlsAcceptor::from(Arc::clone(&tls.config)));
    let implicit = books.tls.as_ref().is_some_and(|tls| tls.implicit);
    let mut plain = Session::new(tcp, peer, books, false);
    if let Err(end) = plain.interrupt(Stage::Connect, &[]).await {
        return plain.end(end).await.map(drop);
    }
    match (acceptor, implicit) {
        (Some(acceptor), true) => {
            let tls = acceptor.accept(plain.stream).await?;
            let mut session = Session::new(tls, peer, books, true);
            let end = session.converse(true, full).await;
            session.end(end).await.map(drop)
        }
        (acceptor, _) => {
            let end = plain.converse(true, full).await;
            let (Some(acceptor), Some(tcp)) = (acceptor, plain.end(end).await?) else {
                return Ok(());
            };
            let mut session = Session::new(acceptor.accept(tcp).await?, peer, books, true);
            let end = session.converse(false, full).await;
            session.end(end).await.map(drop)
        }
    }
}

/// What a session runs over.
trait Transport: AsyncRead + AsyncWrite + Unpin {
    fn tcp(&self) -> &TcpStream;
}

impl Transport for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Transport for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// How a session ends.
#[derive(Debug)]
enum End {
    /// Closed, what was said having been written.
    Closed,
    /// Reset.
    Reset,
    /// TLS begins on the same connection.
    StartTls,
    /// The client or the network broke it.
    Broken(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

struct Session<'a, S> {
    stream: S,
    peer: SocketAddr,
    books: &'a Books,
    encrypted: bool,
    input: Vec<u8>,
    start: usize,
    filled: usize,
    output: Vec<u8>,
    hello: Option<String>,
    authenticated: bool,
    envelope: Option<Envelope>,
    wrong: usize,
}

impl<'a, S: Transport> Session<'a, S> {
    fn new(stream: S, peer: SocketAddr, books: &'a Books, encrypted: bool) -> Self {
        Self {
            stream,
            peer,
            books,
            encrypted,
            input: vec![0; INPUT_MAX],
            start: 0,
            filled: 0,
            output: Vec::new(),
            hello: None,
            authenticated: false,
            envelope: None,
            wrong: 0,
        }
    }

    /// Talks until the session ends.
    async fn converse(&mut self, greet: bool, full: bool) -> End {
        if full {
            self.say("421 4.3.2 too many connections");
            return End::Closed;
        }
        match self.talk(greet).await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn talk(&mut self, greet: bool) -> Result<std::convert::Infallible, End> {
        if greet {
            self.play(Stage::Greeting, "220 localhost ESMTP postrider outbox").await?;
        }
        loop {
            let line = self.line().await?;
            self.obey(&line).await?;
            if self.wrong >= WRONG_MAX {
                self.say("421 4.7.0 too many errors");
                return Err(End::Closed);
            }
        }
    }

    /// Writes what is left to say and ends; gives the stream back for TLS to begin.
    async fn end(mut self, end: End) -> io::Result<Option<S>> {
        match end {
            End::Broken(error) => Err(error),
            End::Reset => self.stream.tcp().set_zero_linger().map(|()| None),
            End::Closed => {
                self.flush().await?;
                self.stream.shutdown().await.map(|()| None)
            }
            End::StartTls => {
                self.flush().await?;
                Ok(Some(self.stream))
            }
        }
    }

    async fn obey(&mut self, line: &str) -> Result<(), End> {
        match command::parse(line) {
            Command::Hello { name, extended } => self.hello(name, extended).await,
            Command::StartTls => self.start_tls().await,
            Command::Auth { mechanism, response } => self.authenticate(mechanism, response).await,
            Command::Mail { path, size } => self.mail(path, size).await,
            Command::Rcpt { path } => self.recipient(path).await,
            Command::Data => self.data().await,
            Command::Rset => {
                self.envelope = None;
                self.say("250 2.0.0 forgotten");
                Ok(())
            }
            Command::Noop => {
                self.say("250 2.0.0 fine");
                Ok(())
            }
            Command::Vrfy => {
                self.say("252 2.1.5 mail it and see");
                Ok(())
            }
            Command::Help => {
                self.say("214 2.0.0 see RFC 5321");
                Ok(())
            }
            Command::Quit => {
                self.say("221 2.0.0 goodbye");
                Err(End::Closed)
            }
            Command::Wrong(answer) => {
                self.wrong += 1;
                self.say(answer);
                Ok(())
            }
        }
    }

    async fn hello(&mut self, name: &str, extended: bool) -> Result<(), End> {
        self.envelope = None;
        let action = self.books.script.act(Stage::Hello, &[]);
        let without: &[String] = match action {
            Some(Action::Without(keywords)) => keywords,
            _ => &[],
        };
        let size = format!("SIZE {SIZE_MAX}");
        let mut keywords = vec!["PIPELINING", &size, "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"];
        match (&self.books.tls, &self.books.login) {
            (Some(_), _) if !self.encrypted => keywords.push("STARTTLS"),
            (_, Some(_)) if self.encrypted => keywords.push("AUTH PLAIN LOGIN"),
            _ => {}
        }
        keywords.retain(|offered| {
            let keyword = offered.split(' ').next().unwrap_or_default();
            !without.iter().any(|without| without == keyword)
        });
        let answer = if extended {
            let lines: Vec<&str> = std::iter::once("localhost").chain(keywords).collect();
            let (last, first) = lines.split_last().expect("it has the server's name");
            first.iter().fold(String::new(), |all, line| all + "250-" + line + "\n") + "250 " + last
        } else {
            "250 localhost".to_owned()
        };
        if self.perform(action, &answer).await? {
            self.hello = Some(name.to_owned());
        }
        Ok(())
    }

    async fn start_tls(&mut self) -> Result<(), End> {
        if self.books.tls.is_none() || self.encrypted {
            self.say("503 5.5.1 not here");
            return Ok(());
        }
        if self.play(Stage::Tls, "220 2.0.0 begin").await? {
            // What came behind STARTTLS in the clear is nobody's command.
            return Err(End::StartTls);
        }
        Ok(())
    }

    async fn authenticate(&mut self, mechanism: &str, response: Option<&str>) -> Result<(), End> {
        let Some((user, password)) = &self.books.login else {
            self.say("502 5.5.1 nobody needs to here");
            return Ok(());
        };
        if !self.encrypted {
            self.say("538 5.7.11 not without TLS");
            return Ok(());
        }
        let known = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                let said = match response {
                    Some(response) => response.to_owned(),
                    None => self.challenge("").await?,
                };
                said == BASE64.encode(format!("\0{user}\0{}", password.expose()).as_bytes())
            }
            "LOGIN" => {
                let name = self.challenge("Username:").await?;
                let word = self.challenge("Password:").await?;
                name == BASE64.encode(user.as_bytes())
                    && word == BASE64.encode(password.expose().as_bytes())
            }
            _ => {
                self.say("504 5.5.4 PLAIN or LOGIN");
                return Ok(());
            }
        };
        let answer = if known { "235 2.7.0 welcome" } else { "535 5.7.8 wrong user or password" };
        self.authenticated = self.play(Stage::Auth, answer).await? && known;
        Ok(())
    }

    async fn challenge(&mut self, question: &str) -> Result<String, End> {
        let question = BASE64.encode(question.as_bytes());
        self.say(&format!("334 {question}"));
        self.line().await
    }

    async fn mail(&mut self, path: &str, size: u64) -> Result<(), End> {
        let answer = if self.hello.is_none() {
            "503 5.5.1 say EHLO first"
        } else if self.books.login.is_some() && !self.authenticated {
            "530 5.7.0 authenticate first"
        } else if self.envelope.is_some() {
            "503 5.5.1 there is a return path already"
        } else if size > SIZE_MAX as u64 {
            "552 5.3.4 too big"
        } else {
            "250 2.1.0 sender ok"
        };
        if self.play(Stage::Mail, answer).await? {
            self.envelope = Some(Envelope { from: path.to_owned(), to: Vec::new() });
        }
        Ok(())
    }

    async fn recipient(&mut self, path: &str) -> Result<(), End> {
        let recipients = self.envelope.as_ref().map(|envelope| envelope.to.len());
        let answer = match recipients {
            None => "503 5.5.1 say MAIL first",
            Some(RECIPIENTS_MAX..) => "452 4.5.3 too many recipients",
            Some(_) => "250 2.1.5 recipient ok",
        };
        let to = [path.to_owned()];
        let action = self.books.script.act(Stage::Rcpt, &to);
        if self.perform(action, answer).await?
            && let Some(envelope) = &mut self.envelope
        {
            envelope.to.extend(to);
        }
        Ok(())
    }

    async fn data(&mut self) -> Result<(), End> {
        let answer = match &self.envelope {
            None => "503 5.5.1 say MAIL first",
            Some(envelope) if envelope.to.is_empty() => "554 5.5.1 there is no recipient",
            Some(_) => "354 end with a dot on its own line",
        };
        let action = self.books.script.act(Stage::Data, self.recipients());
        if self.perform(action, answer).await? { self.message().await } else { Ok(()) }
    }

    async fn message(&mut self) -> Result<(), End> {
        let envelope = self.envelope.take().unwrap_or_default();
        let hello = self.hello.clone().unwrap_or_default();
        let mut arriving = Arriving::begin(self.books, &envelope, &hello, self.peer);
        let mut reader = BodyReader::default();
        let mut spoken = false;
        loop {
            let taken =
                reader.take(&self.input[self.start..self.filled], |bytes| arriving.write(bytes));
            self.start += taken.count;
            if taken.ended {
                break;
            }
            self.fill().await?;
            if !spoken {
                spoken = true;
                self.interrupt(Stage::Body, &envelope.to).await?;
            }
        }
        let objection = if envelope.to.is_empty() {
            Some("554 5.5.1 there is no recipient".to_owned())
        } else {
            arriving.objection()
        };
        let action = self.books.script.act(Stage::Dot, &envelope.to);
        let answer = match objection {
            Some(objection) => objection,
            None if !accepts(action) => "451 4.3.0 not taken".to_owned(),
            None => match arriving.accept(self.books, envelope) {
                Ok(()) => "250 2.0.0 kept".to_owned(),
                Err(error) => format!("452 4.3.1 cannot keep it: {error}"),
            },
        };
        self.perform(action, &answer).await?;
        Ok(())
    }

    /// Plays what the script has for a step that has no answer of its own.
    async fn interrupt(&mut self, stage: Stage, to: &[String]) -> Result<(), End> {
        match self.books.script.act(stage, to) {
            Some(Action::Reply(text)) => {
                self.say(text);
                self.flush().await?;
                Err(End::Closed)
            }
            Some(Action::Also(text)) => {
                self.say(text);
                Ok(self.flush().await?)
            }
            Some(Action::Wait(pause) | Action::Dribble(pause)) => {
                sleep(*pause).await;
                Ok(())
            }
            Some(Action::Close | Action::HangUp | Action::AcceptThenClose) => Err(End::Closed),
            Some(Action::Reset) => Err(End::Reset),
            Some(Action::Stall) => pending().await,
            Some(Action::Garbage | Action::Without(_)) | None => Ok(()),
        }
    }

    /// Answers a step as usual or as the script has it; tells whether that was a yes.
    async fn play(&mut self, stage: Stage, answer: &str) -> Result<bool, End> {
        let action = self.books.script.act(stage, self.recipients());
        self.perform(action, answer).await
    }

    async fn perform(&mut self, action: Option<&Action>, answer: &str) -> Result<bool, End> {
        let mut said = answer;
        match action {
            None | Some(Action::Without(_)) => self.say(answer),
            Some(Action::Reply(text)) => {
                self.say(text);
                said = text;
            }
            Some(Action::Also(text)) => {
                self.say(answer);
                self.say(text);
                if text.starts_with("421") {
                    return Err(End::Closed);
                }
            }
            Some(Action::HangUp) => {
                self.say(answer);
                return Err(End::Closed);
            }
            Some(Action::Close | Action::AcceptThenClose) => return Err(End::Closed),
            Some(Action::Reset) => return Err(End::Reset),
            Some(Action::Stall) => {
                self.flush().await?;
                return pending().await;
            }
            Some(Action::Garbage) => {
                self.output.extend_from_slice(b"\x00\xfe\xff lorem ipsum\r\n");
                return Ok(false);
            }
            Some(Action::Dribble(pause)) => {
                self.flush().await?;
                for byte in wire(answer) {
                    self.stream.write_all(&[byte]).await?;
                    self.stream.flush().await?;
                    sleep(*pause).await;
                }
            }
            Some(Action::Wait(pause)) => {
                self.flush().await?;
                sleep(*pause).await;
                self.say(answer);
            }
        }
        if said.starts_with("421") {
            return Err(End::Closed);
        }
        Ok(said.starts_with(['2', '3']))
    }

    fn recipients(&self) -> &[String] {
        self.envelope.as_ref().map_or(&[], |envelope| &envelope.to)
    }

    fn say(&mut self, answer: &str) {
        self.output.extend(wire(answer));
    }

    async fn flush(&mut self) -> io::Result<()> {
        if !self.output.is_empty() {
            self.stream.write_all(&self.output).await?;
            self.stream.flush().await?;
            self.output.clear();
        }
        Ok(())
    }

    /// Takes the next line; answers all before it where it has not come yet.
    async fn line(&mut self) -> Result<String, End> {
        loop {
            let input = &self.input[self.start..self.filled];
            if let Some(end) = memchr::memchr(b'\n', input) {
                let line = input[..end].strip_suffix(b"\r").unwrap_or(&input[..end]);
                let line = String::from_utf8_lossy(line).into_owned();
                self.start += end + 1;
                return Ok(line);
            }
            if input.len() == INPUT_MAX {
                self.say("500 5.5.2 that line has no end");
                return Err(End::Closed);
            }
            self.fill().await?;
        }
    }

    /// Writes what was said, then reads more.
    async fn fill(&mut self) -> Result<(), End> {
        self.flush().await?;
        self.input.copy_within(self.start..self.filled, 0);
        self.filled -= self.start;
        self.start = 0;
        match timeout(IDLE, self.stream.read(&mut self.input[self.filled..])).await {
            Ok(Ok(0)) => Err(End::Closed),
            Ok(Ok(count)) => {
                self.filled += count;
                Ok(())
            }
            Ok(Err(error)) => Err(End::Broken(error)),
            Err(_) => {
                self.say("421 4.4.2 nothing came");
                Err(End::Closed)
            }
        }
    }
}

/// Tells whether a message is taken when its dot is answered so.
fn accepts(action: Option<&Action>) -> bool {
    match action {
        Some(Action::Reply(text)) => text.starts_with('2'),
        Some(Action::Close | Action::Reset | Action::Stall | Action::Garbage) => false,
        _ => true,
    }
}

/// Returns an answer as it is written: LF becomes CRLF, and one ends it.
fn wire(answer: &str) -> Vec<u8> {
    (answer.replace('\n', "\r\n") + "\r\n").into_bytes()
}
