//! A page over TLS on this machine, vouched for by an authority of the tests' own.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use crate::command::relay::tls;

/// Answers by method and path; what it was asked is kept.
pub(crate) struct Page {
    /// Where it is, without a path.
    pub(crate) url: String,
    /// Who vouches for it, as PEM.
    pub(crate) authority: String,
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

/// What a page says to a method and a path.
pub(crate) type Answers = fn(&str, &str) -> &'static str;

impl Page {
    /// Serves a page by this name, on this machine.
    pub(crate) async fn serving(name: &str, answers: Answers) -> Self {
        let (config, authority) = tls(&[name]);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("https://{name}:{}", port(&listener));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, kept) = (acceptor.clone(), Arc::clone(&kept));
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(tcp).await else { return };
                    let mut request = Vec::new();
                    // The head, and what of the body came along with it; the client says no more.
                    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                        let mut bytes = [0; 4096];
                        let Ok(read @ 1..) = stream.read(&mut bytes).await else { return };
                        request.extend_from_slice(&bytes[..read]);
                    }
                    let request = String::from_utf8_lossy(&request).into_owned();
                    let mut words = request.split(' ');
                    let (method, path) = (words.next(), words.next());
                    let said = answers(method.unwrap_or_default(), path.unwrap_or_default());
                    kept.lock().expect("nobody panicked").push(request);
                    let _ = stream.write_all(said.as_bytes()).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { url, authority, asked }
    }
}

pub(crate) fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().expect("it has one").port()
}
