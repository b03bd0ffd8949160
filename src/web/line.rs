//! The line to whoever came: what they do not take of an answer in time is not kept for them.
//!
//! A client that asks and never reads would hold its place for ever: HTTP has bounds for a request that is slow to
//! arrive, and none for an answer that is slow to be taken.

use std::{
    io::{Error, ErrorKind, IoSlice, Result},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

/// How many bytes of answers the system keeps for one client. It asks for more when a third of them are taken.
const KEPT: usize = 256 * 1024;

/// How long nothing more may be asked for: a line of 3 kB a second is quick enough.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that ends when what is written to it is not taken.
pub(super) struct Line {
    tcp: TcpStream,
    /// When it has had its time, while a write waits.
    end: Option<Pin<Box<Sleep>>>,
}

impl Line {
    pub(super) fn new(tcp: TcpStream) -> Self {
        // Where it cannot be set the system's own measure holds, and the end comes all the same.
        let _ = SockRef::from(&tcp).set_send_buffer_size(KEPT);
        Self { tcp, end: None }
    }

    /// Looks whether a write that waits has waited for too long.
    fn timed<T>(&mut self, context: &mut Context<'_>, written: Poll<Result<T>>) -> Poll<Result<T>> {
        if written.is_ready() {
            self.end = None;
            return written;
        }
        let end = self.end.get_or_insert_with(|| Box::pin(sleep(PATIENCE)));
        ready!(end.as_mut().poll(context));
        Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the answer is not taken")))
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, into)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write(context, bytes);
        self.timed(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write_vectored(context, pieces);
        self.timed(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}
