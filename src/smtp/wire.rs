//! Bytes to and from a relay, over TCP or TLS, with a deadline on every wait.
//!
//! A reply is awaited as a whole, so a server that dribbles gains nothing. A
//! wire whose reply could not be read is not to be used again: nobody knows
//! where the next one starts.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::client::TlsStream;

use super::{
    gate::Framed,
    reply::{ReplyError, ReplyReader, Spoken, printable},
};

/// How long what has come by the deadline may take to be read.
const HEARD_OUT: Duration = Duration::from_secs(1);

/// One end of a conversation.
pub(super) struct Wire {
    transport: Transport,
    inbox: Vec<u8>,
    reader: ReplyReader,
    /// Replies that came while we were writing.
    heard: VecDeque<Spoken>,
}

enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    #[cfg(test)]
    Counted(super::counted::Counted),
}

/// What both ways of transport can do.
trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

impl Transport {
    fn stream(&mut self) -> Pin<&mut dyn Stream> {
        match self {
            Self::Plain(tcp) => Pin::new(tcp),
            Self::Tls(tls) => Pin::new(tls),
            #[cfg(test)]
            Self::Counted(counted) => Pin::new(counted),
        }
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref().0,
            #[cfg(test)]
            Self::Counted(counted) => counted.tcp(),
        }
    }
}

/// Says why a wire is of no more use.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("the relay closed the connection")]
    Closed,
    #[error("the connection broke: {0}")]
    Broken(io::Error),
    #[error("the relay was silent for {0:?}")]
    Silent(Duration),
    #[error("what the relay said is no SMTP reply: `{0}`")]
    Garbage(String),
    #[error("the reply of the relay is too long: `{}`", .0.reply())]
    TooLong(Spoken),
    #[error("the relay spoke out of turn: `{0}`")]
    OutOfTurn(String),
    #[error("our own time for it was over")]
    Aborted,
}

/// A message that was not written whole.
pub(super) struct CutShort {
    pub(super) fault: Fault,
    /// Whether any byte of its end may have left.
    pub(super) dot_left: bool,
}

impl Wire {
    /// Takes over a fresh TCP connection.
    pub(super) fn plain(tcp: TcpStream) -> Self {
        Self::over(Transport::Plain(tcp))
    }

    /// Takes over a connection whose TLS handshake is done.
    pub(super) fn tls(tls: TlsStream<TcpStream>) -> Self {
        Self::over(Transport::Tls(Box::new(tls)))
    }

    /// Takes over a connection whose writes are counted.
    #[cfg(test)]
    pub(super) fn counted(counted: super::counted::Counted) -> Self {
        Self::over(Transport::Counted(counted))
    }

    fn over(transport: Transport) -> Self {
        Self {
            transport,
            inbox: Vec::new(),
            reader: ReplyReader::default(),
            heard: VecDeque::new(),
        }
    }

    /// Returns the certificate by which the relay proved its name, DER; `None` without TLS.
    pub(super) fn certificate(&self) -> Option<Vec<u8>> {
        let Transport::Tls(tls) = &self.transport else { return None };
        tls.get_ref().1.peer_certificates()?.first().map(|certificate| certificate.to_vec())
    }

    /// Gives the TCP connection back, to begin TLS on; `None` where TLS runs already.
    pub(super) fn into_tcp(self) -> Option<TcpStream> {
        if let Transport::Plain(tcp) = self.transport { Some(tcp) } else { None }
    }

    /// Tells whether bytes have been read that no reply has used. Looks at no socket.
    pub(super) fn has_leftovers(&self) -> bool {
        !self.inbox.is_empty()
    }

    /// Awaits the next reply, all of it within `within`.
    pub(super) async fn reply(&mut self, within: Duration) -> Result<Spoken, Fault> {
        if let Some(spoken) = self.heard.pop_front() {
            return Ok(spoken);
        }
        let (mut deadline, mut is_heard_out) = (Instant::now() + within, false);
        loop {
            if let Some(spoken) = self.read()? {
                return Ok(spoken);
            }
            match timeout_at(deadline, poll_fn(|cx| self.poll_fill(cx))).await {
                Ok(Ok(0)) => return Err(Fault::Closed),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(broken(error)),
                // Perhaps it was us: who was frozen meanwhile (SIGSTOP, a suspended machine) wakes to its deadline before it hears what has come.
                Err(_) if !is_heard_out && self.has_come() => {
                    is_heard_out = true;
                    deadline = Instant::now() + HEARD_OUT;
                }
                Err(_) => return Err(Fault::Silent(within)),
            }
        }
    }

    /// Tells whether bytes wait in the kernel, or the end of the connection does.
    fn has_come(&self) -> bool {
        SockRef::from(self.transport.tcp()).peek(&mut [MaybeUninit::uninit()]).is_ok()
    }

    /// Takes the next reply out of what has come; `None` where it is not whole yet.
    fn read(&mut self) -> Result<Option<Spoken>, Fault> {
        if self.inbox.is_empty() {
            return Ok(None);
        }
        let (taken, spoken) = self.reader.feed(&self.inbox);
        self.inbox.drain(..taken);
        match spoken.transpose() {
            Ok(spoken) => Ok(spoken),
            Err(ReplyError::Garbage(line)) => Err(Fault::Garbage(line)),
            Err(ReplyError::TooLong(spoken)) => Err(Fault::TooLong(spoken)),
        }
    }

    /// Makes sure that nothing waits to be read: what a relay says before it is asked answers nothing.
    ///
    /// The kernel is asked and not only the runtime, which may not have heard yet.
    pub(super) async fn quiet(&mut self) -> Result<(), Fault> {
        if let Some(spoken) = self.heard.pop_front() {
            return Err(Fault::OutOfTurn(spoken.reply().to_string()));
        }
        loop {
            if !self.inbox.is_empty() {
                return Err(Fault::OutOfTurn(self.overheard()));
            }
            match poll_fn(|cx| Poll::Ready(self.poll_fill(cx))).await {
                Poll::Ready(Ok(0)) => return Err(Fault::Closed),
                Poll::Ready(Ok(_)) => continue,
                Poll::Ready(Err(error)) => return Err(broken(error)),
                Poll::Pending => {}
            }
            match SockRef::from(self.transport.tcp()).peek(&mut [MaybeUninit::uninit()]) {
                Ok(0) => return Err(Fault::Closed),
                Ok(_) => self.transport.tcp().readable().await.map_err(broken)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(broken(error)),
            }
        }
    }

    /// Writes commands, all of them within `within`.
    pub(super) async fn send(&mut self, commands: &[u8], within: Duration) -> Result<(), Fault> {
        self.push([commands, b"", b""], 0, within, None).await.map_err(|(_, fault)| fault)
    }

    /// Writes the commands `before` a message, it, and the commands `behind` it, in one write where nothing hinders it. Gives up where nothing moves for `pace`, where the relay speaks while we cannot, and, while the end has not begun to leave, at `abort_at` (rule D6).
    pub(super) async fn write_message(
        &mut self,
        before: &str,
        framed: &Framed<'_>,
        behind: &str,
        pace: Duration,
        abort_at: Option<Instant>,
    ) -> Result<(), CutShort> {
        // What is answered before the message is: all commands but the one that it belongs to.
        let owed = before.matches("\r\n").count().saturating_sub(1);
        let (before, Framed { body, end }) = (before.as_bytes(), framed);
        let end = &[end, behind.as_bytes()].concat();
        if let Transport::Tls(_) = self.transport {
            // TLS may send what it was given and then report an error, so it is given the end only
            // when all else has left.
            let pushed = self.push([before, body, b""], owed, pace, abort_at).await;
            pushed.map_err(|(_, fault)| CutShort { fault, dot_left: false })?;
            let pushed = self.push([b"", b"", end], owed, pace, abort_at).await;
            pushed.map_err(|(_, fault)| CutShort {
                dot_left: !matches!(fault, Fault::Aborted),
                fault,
            })
        } else {
            // Of TCP it is known which bytes have left, so one write does.
            let pushed = self.push([before, body, end], owed, pace, abort_at).await;
            let without_end = before.len() + body.len();
            pushed.map_err(|(written, fault)| CutShort { fault, dot_left: written > without_end })
        }
    }

    /// Writes and flushes all parts, while up to `owed` replies may come; on failure says how many bytes were taken. Aborts only while none of the last part was.
    async fn push(
        &mut self,
        parts: [&[u8]; 3],
        owed: usize,
        pace: Duration,
        abort_at: Option<Instant>,
    ) -> Result<(), (usize, Fault)> {
        let last = parts[0].len() + parts[1].len();
        let mut written = 0;
        while written < last + parts[2].len() {
            let abort_at = abort_at.filter(|_| written <= last);
            let now = Instant::now();
            if abort_at.is_some_and(|at| at <= now) {
                return Err((written, Fault::Aborted));
            }
            let deadline = abort_at.map_or(now + pace, |at| at.min(now + pace));
            let mut rest = parts.map(IoSlice::new);
            let mut rest = rest.as_mut_slice();
            IoSlice::advance_slices(&mut rest, written);
            match timeout_at(deadline, poll_fn(|cx| self.poll_write(cx, rest, owed))).await {
                Ok(Ok(0)) => return Err((written, Fault::Closed)),
                Ok(Ok(count)) => written += count,
                Ok(Err(fault)) => return Err((written, fault)),
                Err(_) if abort_at == Some(deadline) => return Err((written, Fault::Aborted)),
                Err(_) => return Err((written, Fault::Silent(pace))),
            }
        }
        match timeout_at(Instant::now() + pace, poll_fn(|cx| self.poll_flush(cx, owed))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(fault)) => Err((written, fault)),
            Err(_) => Err((written, Fault::Silent(pace))),
        }
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        rest: &[IoSlice<'_>],
        owed: usize,
    ) -> Poll<Result<usize, Fault>> {
        let polled = self.transport.stream().poll_write_vectored(cx, rest);
        match polled {
            Poll::Ready(result) => Poll::Ready(result.map_err(broken)),
            Poll::Pending => self.poll_overhear(cx, owed),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>, owed: usize) -> Poll<Result<(), Fault>> {
        let polled = self.transport.stream().poll_flush(cx);
        match polled {
            Poll::Ready(result) => Poll::Ready(result.map_err(broken)),
            Poll::Pending => self.poll_overhear(cx, owed),
        }
    }

    /// Listens while writing is blocked: a relay that refuses a message in its middle may read no further. What it owes is put aside.
    fn poll_overhear<T>(&mut self, cx: &mut Context<'_>, owed: usize) -> Poll<Result<T, Fault>> {
        loop {
            match ready!(self.poll_fill(cx)) {
                Ok(0) => return Poll::Ready(Err(Fault::Closed)),
                Ok(_) if self.heard.len() == owed => {
                    return Poll::Ready(Err(Fault::OutOfTurn(self.overheard())));
                }
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(broken(error))),
            }
            while self.heard.len() < owed
                && let Some(spoken) = self.read()?
            {
                let is_end = spoken.code == 421;
                self.heard.push_back(spoken);
                if is_end {
                    return Poll::Ready(Err(Fault::OutOfTurn("421".to_owned())));
                }
            }
            if self.heard.len() == owed && !self.inbox.is_empty() {
                return Poll::Ready(Err(Fault::OutOfTurn(self.overheard())));
            }
        }
    }

    /// Reads once into the inbox.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [MaybeUninit::uninit(); 2048];
        let mut space = ReadBuf::uninit(&mut space);
        ready!(self.transport.stream().poll_read(cx, &mut space))?;
        self.inbox.extend_from_slice(space.filled());
        Poll::Ready(Ok(space.filled().len()))
    }

    /// Returns the first line of what waits, for people.
    fn overheard(&self) -> String {
        let line = self.inbox.split(|&byte| byte == b'\n').next().unwrap_or_default();
        printable(&line[..line.len().min(200)]).trim().to_owned()
    }
}

/// A connection that ends without TLS's goodbye is as closed as any.
fn broken(error: io::Error) -> Fault {
    if error.kind() == io::ErrorKind::UnexpectedEof { Fault::Closed } else { Fault::Broken(error) }
}
