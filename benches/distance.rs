//! A relay as far away as one likes: a proxy on loopback that passes every byte on half a round trip late.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
};

/// Starts the proxy on a thread of its own, which ends with the program, and returns where it listens.
pub(crate) fn away(relay: SocketAddr, round_trip: Duration) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.set_nonblocking(true).expect("it can be set");
    let address = listener.local_addr().expect("it has one");
    let half = round_trip / 2;
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime can be made").block_on(async move {
            let listener = TcpListener::from_std(listener).expect("it listens");
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(relay).await.expect("the relay listens");
                for end in [&near, &far] {
                    end.set_nodelay(true).expect("it can be set");
                }
                let ((near_in, near_out), (far_in, far_out)) =
                    (near.into_split(), far.into_split());
                tokio::spawn(pass(near_in, far_out, half));
                tokio::spawn(pass(far_in, near_out, half));
            }
        });
    });
    address
}

/// Passes bytes on after a while; any number may be on their way.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, after: Duration) {
    let (on_its_way, mut arriving) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        while let Some((due, bytes)) = arriving.recv().await {
            tokio::time::sleep_until(due.into()).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if on_its_way.send((Instant::now() + after, buffer[..count].to_vec())).is_err() {
            return;
        }
    }
}
