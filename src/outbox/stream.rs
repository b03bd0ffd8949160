//! Lines in, answers out: what a session of the built-in relay reads and writes through.
//!
//! Answers gather until more input is needed, so commands that came together
//! are answered together, in one write (RFC 2920).

use std::{io, time::Duration};

use memchr::memchr;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::server::TlsStream;

/// How long a client may be silent (RFC 5321 section 4.5.3.2.7).
const IDLE: Duration = Duration::from_mins(5);
/// How much is read at once, and the longest line there may be.
const INPUT_MAX: usize = 64 * 1024;

/// What a session runs over.
pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin {
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
pub(super) enum End {
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

/// A buffered connection to a client.
pub(super) struct Stream<S> {
    transport: S,
    input: Vec<u8>,
    start: usize,
    filled: usize,
    output: Vec<u8>,
}

impl<S: Transport> Stream<S> {
    /// Wraps a connection nothing was read from.
    pub(super) fn new(transport: S) -> Self {
        Self { transport, input: vec![0; INPUT_MAX], start: 0, filled: 0, output: Vec::new() }
    }

    /// Returns what was read and is not used yet.
    pub(super) fn unread(&self) -> &[u8] {
        &self.input[self.start..self.filled]
    }

    /// Marks `count` bytes as used.
    pub(super) fn skip(&mut self, count: usize) {
        self.start += count;
    }

    /// Writes what is left to say and ends; gives the stream back for TLS to begin.
    pub(super) async fn end(mut self, end: End) -> io::Result<Option<S>> {
        match end {
            End::Broken(error) => Err(error),
            End::Reset => self.transport.tcp().set_zero_linger().map(|()| None),
            End::Closed => {
                self.flush().await?;
                self.transport.shutdown().await.map(|()| None)
            }
            End::StartTls => {
                self.flush().await?;
                Ok(Some(self.transport))
            }
        }
    }

    /// Adds an answer; it is written when more input is needed.
    pub(super) fn say(&mut self, answer: &str) {
        self.output.extend(wire(answer));
    }

    /// Writes an answer a byte at a time, with `pause` after each.
    pub(super) async fn dribble(&mut self, answer: &str, pause: Duration) -> io::Result<()> {
        self.flush().await?;
        for byte in wire(answer) {
            self.transport.write_all(&[byte]).await?;
            self.transport.flush().await?;
            sleep(pause).await;
        }
        Ok(())
    }

    /// Writes what was said.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        if !self.output.is_empty() {
            self.transport.write_all(&self.output).await?;
            self.transport.flush().await?;
            self.output.clear();
        }
        Ok(())
    }

    /// Takes the next line; answers all before it where it has not come yet.
    pub(super) async fn line(&mut self) -> Result<String, End> {
        loop {
            let input = self.unread();
            if let Some(end) = memchr(b'\n', input) {
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
    pub(super) async fn fill(&mut self) -> Result<(), End> {
        self.flush().await?;
        self.input.copy_within(self.start..self.filled, 0);
        self.filled -= self.start;
        self.start = 0;
        match timeout(IDLE, self.transport.read(&mut self.input[self.filled..])).await {
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

/// Returns an answer as it is written: LF becomes CRLF, and one ends it.
fn wire(answer: &str) -> Vec<u8> {
    (answer.replace('\n', "\r\n") + "\r\n").into_bytes()
}
