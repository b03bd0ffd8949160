//! One client's session with the built-in relay.

use std::{
    convert::Infallible,
    future::pending,
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use data_encoding::BASE64;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::{
    Action, Books,
    body::BodyReader,
    command::{self, Command},
    letter::{Arriving, Envelope, SIZE_MAX},
    stream::{End, Stream, Transport},
};
use crate::model::Stage;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_mins(1);
/// How many recipients a message may have (RFC 5321 section 4.5.3.1.8).
const RECIPIENTS_MAX: usize = 100;
/// How many commands may be wrong before the client is sent away.
const WRONG_MAX: usize = 20;

/// Serves a client to the end of its connection.
pub(super) async fn serve(tcp: TcpStream, peer: SocketAddr, books: Arc<Books>) {
    let open = books.open.fetch_add(1, Ordering::Relaxed);
    // A client that breaks off is its own affair; what it was told is in the books.
    let _ = session(tcp, peer, &books, open >= books.connections_max).await;
    books.open.fetch_sub(1, Ordering::Relaxed);
}

async fn session(tcp: TcpStream, peer: SocketAddr, books: &Books, full: bool) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let tls = books.tls.as_ref();
    let mut plain = Session::new(tcp, peer, books, false);
    let end = match plain.interrupt(books.act(Stage::Connect, &[])).await {
        Err(end) => end,
        Ok(()) if tls.is_some_and(|tls| tls.implicit) => End::StartTls,
        Ok(()) => plain.converse(true, full).await,
    };
    if let (Some(tcp), Some(tls)) = (plain.client.end(end).await?, tls) {
        let accepting = TlsAcceptor::from(Arc::clone(&tls.config)).accept(tcp);
        let stream = timeout(HANDSHAKE, accepting).await??;
        let mut encrypted = Session::new(stream, peer, books, true);
        let end = encrypted.converse(tls.implicit, full).await;
        encrypted.client.end(end).await?;
    }
    Ok(())
}

struct Session<'a, S> {
    client: Stream<S>,
    peer: SocketAddr,
    books: &'a Books,
    encrypted: bool,
    hello: Option<String>,
    authenticated: bool,
    envelope: Option<Envelope>,
    /// A message whose last chunk has not come yet.
    chunked: Option<Arriving>,
    wrong: usize,
}

impl<'a, S: Transport> Session<'a, S> {
    fn new(transport: S, peer: SocketAddr, books: &'a Books, encrypted: bool) -> Self {
        Self {
            client: Stream::new(transport),
            peer,
            books,
            encrypted,
            hello: None,
            authenticated: false,
            envelope: None,
            chunked: None,
            wrong: 0,
        }
    }

    /// Talks until the session ends.
    async fn converse(&mut self, greet: bool, full: bool) -> End {
        if full {
            self.client.say("421 4.3.2 too many connections");
            return End::Closed;
        }
        match self.talk(greet).await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn talk(&mut self, greet: bool) -> Result<Infallible, End> {
        if greet {
            self.play(Stage::Greeting, "220 localhost ESMTP postrider outbox").await?;
        }
        loop {
            let line = self.client.line().await?;
            self.obey(&line).await?;
            if self.wrong >= WRONG_MAX {
                self.client.say("421 4.7.0 too many errors");
                return Err(End::Closed);
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
            Command::Bdat { size, last } => self.chunk(size, last).await,
            Command::Rset => {
                self.forget();
                self.client.say("250 2.0.0 forgotten");
                Ok(())
            }
            Command::Noop => {
                self.client.say("250 2.0.0 fine");
                Ok(())
            }
            Command::Vrfy => {
                self.client.say("252 2.1.5 mail it and see");
                Ok(())
            }
            Command::Help => {
                self.client.say("214 2.0.0 see RFC 5321");
                Ok(())
            }
            Command::Quit => {
                self.client.say("221 2.0.0 goodbye");
                Err(End::Closed)
            }
            Command::Lost(answer) => {
                self.client.say(answer);
                Err(End::Closed)
            }
            Command::Wrong(answer) => {
                self.wrong += 1;
                self.client.say(answer);
                Ok(())
            }
        }
    }

    /// Begins anew, with no message.
    fn forget(&mut self) {
        self.envelope = None;
        self.chunked = None;
    }

    async fn hello(&mut self, name: &str, extended: bool) -> Result<(), End> {
        self.forget();
        let action = self.books.act(Stage::Hello, &[]);
        let without: &[String] = match action {
            Some(Action::Without(keywords)) => keywords,
            _ => &[],
        };
        let size = format!("SIZE {SIZE_MAX}");
        let mut keywords =
            vec!["PIPELINING", &size, "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES"];
        match (&self.books.tls, &self.books.login) {
            (Some(_), _) if !self.encrypted => keywords.push("STARTTLS"),
            (_, Some(_)) if self.encrypted => keywords.push("AUTH PLAIN LOGIN XOAUTH2"),
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
            self.client.say("503 5.5.1 not here");
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
            self.client.say("502 5.5.1 nobody needs to here");
            return Ok(());
        };
        if !self.encrypted {
            self.client.say("538 5.7.11 not without TLS");
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
            "XOAUTH2" => {
                let said = match response {
                    Some(response) => response.to_owned(),
                    None => self.challenge("").await?,
                };
                let token = password.expose();
                let right = format!("user={user}\u{1}auth=Bearer {token}\u{1}\u{1}");
                let known = said == BASE64.encode(right.as_bytes());
                if !known {
                    // Why not, in the words that Google has for it; the client says with an empty line that it saw them.
                    let why = "{\"status\":\"400\",\"schemes\":\"Bearer\"}";
                    if !self.challenge(why).await?.is_empty() {
                        self.client.say("501 5.5.2 an empty line was to come");
                        return Ok(());
                    }
                }
                known
            }
            _ => {
                self.client.say("504 5.5.4 PLAIN, LOGIN or XOAUTH2");
                return Ok(());
            }
        };
        let answer = if known { "235 2.7.0 welcome" } else { "535 5.7.8 wrong user or password" };
        self.authenticated = self.play(Stage::Auth, answer).await? && known;
        Ok(())
    }

    async fn challenge(&mut self, question: &str) -> Result<String, End> {
        let question = BASE64.encode(question.as_bytes());
        self.client.say(&format!("334 {question}"));
        self.client.line().await
    }

    async fn mail(&mut self, path: &str, size: u64) -> Result<(), End> {
        if self.books.is_closing() {
            self.client.say("421 4.3.2 closing; come back later");
            return Err(End::Closed);
        }
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
        let action = self.books.act(Stage::Rcpt, &to);
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
            Some(_) if self.chunked.is_some() => "503 5.5.1 go on with BDAT",
            Some(_) => "354 end with a dot on its own line",
        };
        let action = self.books.act(Stage::Data, self.recipients());
        if self.perform(action, answer).await? { self.message().await } else { Ok(()) }
    }

    /// Takes a chunk of a message (RFC 3030), and with the last one the message.
    async fn chunk(&mut self, size: u64, last: bool) -> Result<(), End> {
        let mut refusal = match &self.envelope {
            None => Some("503 5.5.1 say MAIL first"),
            Some(envelope) if envelope.to.is_empty() => Some("554 5.5.1 there is no recipient"),
            Some(_) => None,
        };
        let is_first = refusal.is_none() && self.chunked.is_none();
        if is_first {
            match self.books.act(Stage::Data, self.recipients()) {
                Some(Action::Reply(text)) if !text.starts_with(['2', '3']) => refusal = Some(text),
                Some(Action::Reply(_)) => {}
                action => self.interrupt(action).await?,
            }
        }
        let mut arriving = match refusal {
            Some(_) => None,
            None => Some(self.chunked.take().unwrap_or_else(|| self.begin())),
        };
        if is_first && arriving.is_some() {
            self.interrupt(self.books.act(Stage::Body, self.recipients())).await?;
        }
        let _flight = self.books.flight();
        let mut left = size;
        while left > 0 {
            let unread = self.client.unread();
            let count = unread.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            if let Some(arriving) = &mut arriving {
                arriving.write(&unread[..count]);
            }
            self.client.skip(count);
            left -= count as u64;
            if left > 0 {
                self.client.fill().await?;
            }
        }
        match (arriving, refusal) {
            (Some(arriving), _) if last => {
                let envelope = self.envelope.take().unwrap_or_default();
                self.end_message(arriving, envelope).await
            }
            (Some(arriving), _) => {
                self.chunked = Some(arriving);
                self.client.say("250 2.0.0 go on");
                Ok(())
            }
            (None, refusal) => {
                self.forget();
                let refusal = refusal.unwrap_or_default();
                self.client.say(refusal);
                if refusal.starts_with("421") { Err(End::Closed) } else { Ok(()) }
            }
        }
    }

    fn begin(&self) -> Arriving {
        let nobody = Envelope::default();
        let envelope = self.envelope.as_ref().unwrap_or(&nobody);
        let hello = self.hello.as_deref().unwrap_or_default();
        Arriving::begin(self.books, envelope, hello, self.peer)
    }

    async fn message(&mut self) -> Result<(), End> {
        let _flight = self.books.flight();
        let mut arriving = self.begin();
        let envelope = self.envelope.take().unwrap_or_default();
        let mut reader = BodyReader::default();
        let mut spoken = false;
        loop {
            let taken = reader.take(self.client.unread(), |bytes| arriving.write(bytes));
            self.client.skip(taken.count);
            if taken.ended {
                break;
            }
            self.client.fill().await?;
            if !spoken {
                spoken = true;
                self.interrupt(self.books.act(Stage::Body, &envelope.to)).await?;
            }
        }
        self.end_message(arriving, envelope).await
    }

    /// Takes a message that has come whole, or says why not.
    async fn end_message(&mut self, arriving: Arriving, envelope: Envelope) -> Result<(), End> {
        let objection = if envelope.to.is_empty() {
            Some("554 5.5.1 there is no recipient".to_owned())
        } else {
            arriving.objection()
        };
        let action = self.books.act(Stage::Dot, &envelope.to);
        let answer = match objection {
            Some(objection) => {
                self.books.refused(&envelope, &objection);
                objection
            }
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
    async fn interrupt(&mut self, action: Option<&Action>) -> Result<(), End> {
        match action {
            Some(Action::Reply(text)) => {
                self.client.say(text);
                self.client.flush().await?;
                Err(End::Closed)
            }
            Some(Action::Also(text)) => {
                self.client.say(text);
                Ok(self.client.flush().await?)
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
        let action = self.books.act(stage, self.recipients());
        self.perform(action, answer).await
    }

    async fn perform(&mut self, action: Option<&Action>, answer: &str) -> Result<bool, End> {
        let mut said = answer;
        match action {
            None | Some(Action::Without(_)) => self.client.say(answer),
            Some(Action::Reply(text)) => {
                self.client.say(text);
                said = text;
            }
            Some(Action::Also(text)) => {
                self.client.say(answer);
                self.client.say(text);
                if text.starts_with("421") {
                    return Err(End::Closed);
                }
            }
            Some(Action::HangUp) => {
                self.client.say(answer);
                return Err(End::Closed);
            }
            Some(Action::Close | Action::AcceptThenClose) => return Err(End::Closed),
            Some(Action::Reset) => return Err(End::Reset),
            Some(Action::Stall) => {
                self.client.flush().await?;
                return pending().await;
            }
            Some(Action::Garbage) => {
                self.client.say("\0\u{7f} lorem ipsum");
                return Ok(false);
            }
            Some(Action::Dribble(pause)) => self.client.dribble(answer, *pause).await?,
            Some(Action::Wait(pause)) => {
                self.client.flush().await?;
                sleep(*pause).await;
                self.client.say(answer);
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
}

/// Tells whether a message is taken when its dot is answered so.
fn accepts(action: Option<&Action>) -> bool {
    match action {
        Some(Action::Reply(text)) => text.starts_with('2'),
        Some(Action::Close | Action::Reset | Action::Stall | Action::Garbage) => false,
        _ => true,
    }
}
