//! The door: a socket, and a bound on what each who comes through it may send and for how long.

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Extension, Router};
use futures_util::future::BoxFuture;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};

use super::line::Line;

/// The longest head of a request, in bytes.
const HEAD_MAX: usize = 16 * 1024;

/// The most fields of a head.
const FIELDS_MAX: usize = 64;

/// How long a request's head, and then its body, may take to arrive.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How long a request that is on its way may still take to begin, once the door closes.
const MOMENT: Duration = Duration::from_millis(250);

/// How many may be served at once; who comes later waits.
const CONNECTIONS_MAX: usize = 256;

/// A socket that listens on loopback.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    address: SocketAddr,
}

impl Door {
    /// Opens the door; port 0 takes one that is free. Whoever is not on this machine cannot come to it.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        if !address.ip().is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{address} is not an address of this machine alone"),
            ));
        }
        Self::open_to_all(address).await
    }

    /// Opens a door that others may come to, as far as their way leads to this address.
    pub async fn open_to_all(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Returns where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns every `Host` that means this door: its address, and the name that browsers have for loopback.
    pub(super) fn hosts(&self) -> Vec<String> {
        let mut names = vec![self.address.to_string()];
        if self.address.ip() == Ipv4Addr::LOCALHOST || self.address.is_ipv6() {
            names.push(format!("localhost:{}", self.address.port()));
        }
        names
    }

    /// Serves whoever comes, for as long as it is polled.
    pub(super) async fn serve(self, router: Router) {
        self.serve_until(router, std::future::pending()).await;
    }

    /// Serves whoever comes until `stop`; then lets nobody else in, and gives whoever is inside or in line time to leave.
    pub(super) async fn serve_until(self, router: Router, stop: impl Future<Output = ()>) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let (close, closing) = watch::channel(false);
        let welcome = |stream, peer: SocketAddr, place| {
            let router = router.clone().layer(Extension(Peer(peer.ip())));
            tokio::spawn(serve(stream, router, closing.clone(), place));
        };
        let let_in = async {
            loop {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                match self.listener.accept().await {
                    Ok((stream, peer)) => welcome(stream, peer, place),
                    // The system is out of something, such as file descriptors; who is served now will give it back.
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
        };
        tokio::select! {
            () = let_in => {}
            () = stop => {}
        }
        // Who stands in line was told by the system that they came. After them it sends everybody away at once.
        if let Ok(line) = self.listener.into_std() {
            while let Ok(place) = Arc::clone(&places).try_acquire_owned()
                && let Ok((stream, peer)) = line.accept()
                && stream.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(stream)
            {
                welcome(stream, peer, place);
            }
        }
        let _ = close.send(true);
        let everybody = u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(PATIENCE, places.acquire_many(everybody)).await;
    }
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// Serves one connection, whose place is free afterwards. It comes without its type, of which each door and each kind of runtime would have a copy.
fn serve(
    stream: TcpStream,
    router: Router,
    mut closing: watch::Receiver<bool>,
    place: OwnedSemaphorePermit,
) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .max_buf_size(HEAD_MAX)
            .max_headers(FIELDS_MAX)
            .serve_connection(TokioIo::new(Line::new(stream)), TowerToHyperService::new(router));
        let mut served = std::pin::pin!(served);
        // Whoever breaks off, or speaks no HTTP, has nobody here to be told of it.
        tokio::select! {
            served = served.as_mut() => drop(served),
            () = async { drop(closing.wait_for(|is_closing| *is_closing).await) } => {
                // A connection of which nothing was read yet would be closed in the face of its first request.
                if tokio::time::timeout(MOMENT, served.as_mut()).await.is_err() {
                    served.as_mut().graceful_shutdown();
                    drop(served.await);
                }
            }
        }
        drop(place);
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use axum::routing::get;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn whoever_came_before_the_door_closed_is_answered_and_nobody_after() {
        let at = "127.0.0.1:0".parse().expect("an address");
        let door = Door::open(at).await.expect("it opens");
        let address = door.address();
        let mut clients: Vec<_> =
            (0..32).map(|_| std::net::TcpStream::connect(address).expect("it listens")).collect();
        for client in &mut clients {
            client
                .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                .expect("it is sent");
        }
        let router = Router::new().route("/", get(|| async { "all of it" }));
        door.serve_until(router, std::future::ready(())).await;
        for mut client in clients {
            let mut answer = String::new();
            client.read_to_string(&mut answer).expect("it is no reset");
            assert!(answer.ends_with("all of it"), "{answer:?}");
        }
        assert!(std::net::TcpStream::connect(address).is_err());
    }

    // The clock is the test's own, and moves on by itself when nobody has anything to do.
    #[tokio::test(start_paused = true)]
    async fn whoever_takes_no_answer_loses_their_place() {
        let at = "127.0.0.1:0".parse().expect("an address");
        let door = Door::open(at).await.expect("it opens");
        let mut client = std::net::TcpStream::connect(door.address()).expect("it listens");
        client.write_all(&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(64)).expect("it is sent");
        let (stream, _) = door.listener.accept().await.expect("somebody comes");
        let places = Arc::new(Semaphore::new(1));
        let place = Arc::clone(&places).acquire_owned().await.expect("it is free");
        let router = Router::new().route("/", get(|| async { "x".repeat(1 << 20) }));
        let (_close, closing) = watch::channel(false);
        let served = timeout(Duration::from_hours(1), serve(stream, router, closing, place));
        served.await.expect("it ends before the hour is over");
        assert_eq!(places.available_permits(), 1);
    }
}
