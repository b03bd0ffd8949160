//! From a name to a connection that may be given mail: TCP, greeting, EHLO, TLS, AUTH.

use std::{io, net::SocketAddr, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    net::{TcpStream, lookup_host},
    time::{Instant, timeout_at},
};

use super::{
    Capabilities, Credentials, OpenError, Proof, Relay, Visit,
    auth::{self, AuthError, Word},
    reply::Spoken,
    tls::{self, TlsError},
    wire::{Fault, Wire},
};
use crate::model::{Security, Stage};

/// Opens a wire to `relay` and learns what it can do; what was seen on the way is in `visit`, however it ends.
pub(super) async fn open(
    relay: &Relay,
    visit: &mut Visit,
) -> Result<(Wire, Capabilities), OpenError> {
    let opening = Opening { relay };
    opening.is_safe()?;
    let word = opening.word().await?;
    match opening.enter(word.as_ref(), visit).await {
        Err(error) if error.refuses_us() => match opening.another(word.as_ref()).await? {
            Some(word) => opening.enter(Some(&word), visit).await,
            None => Err(error),
        },
        entered => entered,
    }
}

struct Opening<'a> {
    relay: &'a Relay,
}

impl Opening<'_> {
    /// Refuses what must not even be tried.
    fn is_safe(&self) -> Result<(), OpenError> {
        let Relay { security, credentials, hello, .. } = self.relay;
        if *security == Security::Plain
            && let Some(credentials) = credentials
        {
            return Err(self.hazard(match credentials.proof {
                Proof::Password(_) => "a password never goes over a connection without TLS",
                Proof::Token(_) => "a token never goes over a connection without TLS",
            }));
        }
        if hello.is_empty() || hello.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(self.hazard("the name we say in EHLO is empty or has a space in it"));
        }
        Ok(())
    }

    /// Gets what proves who we are, before the relay waits for it.
    async fn word(&self) -> Result<Option<Word>, OpenError> {
        Ok(match self.relay.credentials.as_ref().map(|credentials| &credentials.proof) {
            None => None,
            Some(Proof::Password(password)) => Some(Word::Password(password.clone())),
            Some(Proof::Token(tokens)) => {
                let token = tokens.token().await.map_err(|why| self.no_token(why))?;
                Some(Word::Token(token))
            }
        })
    }

    /// Gets another word than the one that was refused; `None` where there is none, as for a password.
    async fn another(&self, refused: Option<&Word>) -> Result<Option<Word>, OpenError> {
        let proof = self.relay.credentials.as_ref().map(|credentials| &credentials.proof);
        let (Some(Proof::Token(tokens)), Some(Word::Token(refused))) = (proof, refused) else {
            return Ok(None);
        };
        let other = tokens.instead_of(refused).await.map_err(|why| self.no_token(why))?;
        Ok(other.map(Word::Token))
    }

    /// Goes all the way in.
    async fn enter(
        &self,
        word: Option<&Word>,
        visit: &mut Visit,
    ) -> Result<(Wire, Capabilities), OpenError> {
        let Self { relay } = self;
        *visit = Visit::default();
        let tcp = self.connect().await?;
        visit.peer = tcp.peer_addr().ok().map(|address| address.ip());
        let mut wire = match relay.security {
            Security::Implicit => {
                visit.stage = Stage::Tls;
                self.encrypt(tcp).await?
            }
            Security::StartTls | Security::Plain => Wire::plain(tcp),
        };
        visit.certificate = wire.certificate();
        visit.stage = Stage::Greeting;
        self.hear(Stage::Greeting, &mut wire).await.map_err(|error| self.ask_for_tls(error))?;
        visit.stage = Stage::Hello;
        let mut capabilities = self.hello(&mut wire).await?;
        visit.capabilities = capabilities.clone();
        if relay.security == Security::StartTls {
            visit.stage = Stage::Tls;
            wire = self.start_tls(wire, &capabilities).await?;
            visit.certificate = wire.certificate();
            // What was said in the clear may have been said by anybody (RFC 3207 section 4.2).
            capabilities = self.hello(&mut wire).await?;
            visit.capabilities = capabilities.clone();
        }
        visit.stage = Stage::Auth;
        self.authenticate(&mut wire, word, &capabilities).await?;
        Ok((wire, capabilities))
    }

    async fn connect(&self) -> Result<TcpStream, OpenError> {
        let within = self.relay.deadlines.connect;
        let deadline = Instant::now() + within;
        let found = timeout_at(deadline, lookup_host((self.relay.host.as_str(), self.relay.port)));
        let addresses: Vec<SocketAddr> = match found.await {
            Ok(Ok(addresses)) => addresses.collect(),
            Ok(Err(error)) => {
                return Err(self.broken(Stage::Connect, format!("its name is not found: {error}")));
            }
            Err(_) => {
                return Err(
                    self.broken(Stage::Connect, format!("no answer from DNS in {within:?}"))
                );
            }
        };
        let mut why = "its name has no address".to_owned();
        for (tried, address) in addresses.iter().enumerate() {
            // An address that swallows packets leaves the others their share of the time.
            let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            let now = Instant::now();
            let share = deadline.saturating_duration_since(now) / left;
            match timeout_at(now + share, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => {
                    prepare(&tcp)
                        .map_err(|error| self.broken(Stage::Connect, error.to_string()))?;
                    return Ok(tcp);
                }
                Ok(Err(error)) => why = error.to_string(),
                Err(_) => why = format!("no answer in {share:.0?}"),
            }
            if addresses.len() > 1 {
                why = format!("{address}: {why}");
            }
        }
        Err(self.broken(Stage::Connect, why))
    }

    async fn encrypt(&self, tcp: TcpStream) -> Result<Wire, OpenError> {
        let Relay { host, port, trust, deadlines, .. } = self.relay;
        match tls::handshake(tcp, (host, *port), trust, deadlines.connect).await {
            Ok(stream) => Ok(Wire::tls(stream)),
            Err(TlsError::Untrusted(why)) => Err(OpenError::Untrusted { relay: self.name(), why }),
            Err(TlsError::Broken(why)) => Err(self.broken(Stage::Tls, why)),
            Err(TlsError::Trust(why)) => Err(self.hazard(why)),
        }
    }

    /// Says EHLO, or HELO to a server of before 1995 that we need nothing of.
    async fn hello(&self, wire: &mut Wire) -> Result<Capabilities, OpenError> {
        let Relay { hello, .. } = self.relay;
        match self.ask(Stage::Hello, wire, &format!("EHLO {hello}")).await {
            Ok(spoken) => Ok(Capabilities::of(&spoken)),
            Err(OpenError::Refused { reply, .. })
                if reply.is_permanent() && self.relay.security == Security::Plain =>
            {
                self.ask(Stage::Hello, wire, &format!("HELO {hello}")).await?;
                Ok(Capabilities::default())
            }
            Err(error) => Err(error),
        }
    }

    async fn start_tls(
        &self,
        mut wire: Wire,
        capabilities: &Capabilities,
    ) -> Result<Wire, OpenError> {
        if !capabilities.offers("STARTTLS") {
            return Err(self.hazard("it does not offer STARTTLS, which is required"));
        }
        self.ask(Stage::Tls, &mut wire, "STARTTLS").await?;
        // Bytes after the reply came in the clear and would be taken for the server's words inside TLS.
        if wire.has_leftovers() {
            return Err(self.hazard("more than a reply came before TLS: somebody may be injecting"));
        }
        let tcp = wire.into_tcp().expect("a wire before STARTTLS is plain");
        self.encrypt(tcp).await
    }

    async fn authenticate(
        &self,
        wire: &mut Wire,
        word: Option<&Word>,
        capabilities: &Capabilities,
    ) -> Result<(), OpenError> {
        let (Some(Credentials { user, .. }), Some(word)) = (&self.relay.credentials, word) else {
            return Ok(());
        };
        let within = self.relay.deadlines.command;
        auth::authenticate(wire, user, word, capabilities, within).await.map_err(
            |error| match error {
                AuthError::Refused(reply) => {
                    OpenError::Refused { relay: self.name(), stage: Stage::Auth, reply }
                }
                AuthError::Broken(fault) => self.broken(Stage::Auth, fault.to_string()),
                AuthError::Impossible(why) => self.hazard(why),
            },
        )
    }

    async fn ask(&self, stage: Stage, wire: &mut Wire, line: &str) -> Result<Spoken, OpenError> {
        let within = self.relay.deadlines.command;
        let fault = |fault: Fault| self.broken(stage, fault.to_string());
        wire.quiet().await.map_err(fault)?;
        wire.send(format!("{line}\r\n").as_bytes(), within).await.map_err(fault)?;
        self.hear(stage, wire).await
    }

    /// Awaits a yes.
    async fn hear(&self, stage: Stage, wire: &mut Wire) -> Result<Spoken, OpenError> {
        let spoken = match wire.reply(self.relay.deadlines.command).await {
            Ok(spoken) => spoken,
            Err(Fault::TooLong(spoken)) if spoken.code >= 400 => spoken,
            Err(fault) => return Err(self.broken(stage, fault.to_string())),
        };
        match spoken.code {
            200..=299 => Ok(spoken),
            300..=399 => {
                let why = format!("the relay answered `{}`", spoken.reply());
                Err(self.broken(stage, why))
            }
            _ => Err(OpenError::Refused { relay: self.name(), stage, reply: spoken.reply() }),
        }
    }

    /// Says what a server that says nothing may be waiting for: where TLS comes first (RFC 8314 section 3.3), it is the client that begins.
    fn ask_for_tls(&self, error: OpenError) -> OpenError {
        match error {
            OpenError::Broken { relay, stage, why }
                if self.relay.port == 465 && self.relay.security != Security::Implicit =>
            {
                let why = format!("{why}; at port 465 TLS comes first: `smtps://`");
                OpenError::Broken { relay, stage, why }
            }
            error => error,
        }
    }

    fn broken(&self, stage: Stage, why: String) -> OpenError {
        OpenError::Broken { relay: self.name(), stage, why }
    }

    fn no_token(&self, why: String) -> OpenError {
        OpenError::NoToken { relay: self.name(), why }
    }

    fn hazard(&self, why: impl Into<String>) -> OpenError {
        OpenError::Unsafe { relay: self.name(), why: why.into() }
    }

    fn name(&self) -> String {
        self.relay.name()
    }
}

/// Sends small commands at once (Nagle's algorithm waits 40 ms), and notices a peer that is gone.
fn prepare(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(Duration::from_mins(1));
    SockRef::from(tcp).set_tcp_keepalive(&keepalive)
}
