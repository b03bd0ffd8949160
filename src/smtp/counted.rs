//! A connection whose writes are counted: that a message leaves in one is shown by counting, not by a clock.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpListener, TcpStream},
};

/// TCP, and how often it was written to.
pub(super) struct Counted {
    tcp: TcpStream,
    writes: Arc<AtomicUsize>,
}

impl Counted {
    /// Opens a connection to a relay on loopback that takes every message, and returns what counts its writes.
    pub(super) async fn open() -> (Self, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has one");
        tokio::spawn(async move {
            let (client, _) = listener.accept().await.expect("somebody comes");
            serve(client).await;
        });
        let tcp = TcpStream::connect(address).await.expect("it listens");
        let writes = Arc::new(AtomicUsize::new(0));
        (Self { tcp, writes: Arc::clone(&writes) }, writes)
    }

    pub(super) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }
}

/// Answers commands and messages until the client leaves.
async fn serve(mut client: TcpStream) {
    let (mut input, mut in_data, mut chunk) = (Vec::new(), false, 0);
    while client.read_buf(&mut input).await.is_ok_and(|count| count > 0) {
        let mut answers = String::new();
        loop {
            if chunk > 0 {
                if input.len() < chunk {
                    break;
                }
                input.drain(..std::mem::take(&mut chunk));
                answers.push_str("250 2.0.0 taken\r\n");
            }
            let Some(end) = input.windows(2).position(|two| two == b"\r\n") else { break };
            let line = String::from_utf8_lossy(&input[..end]).into_owned();
            input.drain(..end + 2);
            let answer = match line.split(' ').next().unwrap_or_default() {
                "." if in_data => {
                    in_data = false;
                    "250 2.0.0 taken\r\n"
                }
                _ if in_data => "",
                "MAIL" => "250 2.1.0 ok\r\n",
                "RCPT" => "250 2.1.5 ok\r\n",
                "DATA" => {
                    in_data = true;
                    "354 go on\r\n"
                }
                "BDAT" => {
                    let size = line.split(' ').nth(1).and_then(|size| size.parse().ok());
                    chunk = size.expect("it says how many");
                    ""
                }
                _ => "500 5.5.1 what\r\n",
            };
            answers.push_str(answer);
        }
        if client.write_all(answers.as_bytes()).await.is_err() {
            return;
        }
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, space)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.tcp).poll_write(cx, bytes);
        self.writes.fetch_add(usize::from(polled.is_ready()), Ordering::SeqCst);
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.tcp).poll_write_vectored(cx, slices);
        self.writes.fetch_add(usize::from(polled.is_ready()), Ordering::SeqCst);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
