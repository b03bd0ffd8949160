//! The site behind a real nginx and a real Caddy, with the configurations that docs/web.md gives its readers.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, pki_types::ServerName};

use super::Site;
use crate::{http::Answer, skip::skipped};

const ANNA: &str = "anna@example.org";
const NAME: &str = "news.example.org";

/// A server that can stand before a site.
struct Make {
    /// As tests/rig and the example in docs/web.md call it.
    name: &'static str,
    /// Where it is.
    programs: [&'static str; 2],
    /// Makes the example one for this machine: of a port, a certificate's file and its key's.
    here: fn(example: &str, port: u16, certificate: &str, key: &str) -> String,
}

const MAKES: [Make; 2] = [
    Make {
        name: "nginx",
        programs: ["/usr/sbin/nginx", "/usr/bin/nginx"],
        here: |example, port, certificate, key| {
            example
                .replace("listen 443 ssl", &format!("listen 127.0.0.1:{port} ssl"))
                .replace("/etc/letsencrypt/live/news.example.org/fullchain.pem", certificate)
                .replace("/etc/letsencrypt/live/news.example.org/privkey.pem", key)
        },
    },
    Make {
        name: "caddy",
        programs: ["/usr/bin/caddy", "/usr/local/bin/caddy"],
        // Nobody out there gives it a certificate for this name, so it is told one.
        here: |example, port, certificate, key| {
            let options =
                format!("{{\n admin off\n auto_https disable_redirects\n https_port {port}\n}}\n");
            let told = format!(" {{\n    bind 127.0.0.1\n    tls {certificate} {key}\n");
            options + &example.replacen(" {\n", &told, 1)
        },
    },
];

/// One that stands before a site, until it is dropped.
struct Front {
    child: Child,
    name: &'static str,
    port: u16,
    trust: Arc<ClientConfig>,
    _folder: tempfile::TempDir,
}

/// Starts each that this machine has before a site, and says of the others that they are not there.
fn fronts(site: &Site) -> Vec<Front> {
    MAKES.iter().filter_map(|make| Front::before(site, make)).collect()
}

impl Front {
    /// Starts it with the example of the documents; only where things are is changed. `None`, and said so, where there is none.
    fn before(site: &Site, make: &Make) -> Option<Self> {
        let name = make.name;
        if !make.programs.iter().any(|path| std::path::Path::new(path).exists()) {
            skipped(&format!("a real {name}, which `tests/run` installs"));
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let made = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).expect("it signs");
        std::fs::write(path("cert.pem"), made.cert.pem()).expect("it can be written");
        std::fs::write(path("key.pem"), made.signing_key.serialize_pem()).expect("so can its key");
        // Another program may take the port before the server does: then another is tried.
        for _ in 0..5 {
            let free = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
            let port = free.local_addr().expect("it has one").port();
            drop(free);
            let example = (make.here)(&example(name), port, &path("cert.pem"), &path("key.pem"));
            let example = example.replace("127.0.0.1:8643", &site.host);
            std::fs::write(path("site.conf"), example).expect("it can be written");
            let mut child = Command::new("sh")
                .arg(format!("{}/tests/rig/{name}", env!("CARGO_MANIFEST_DIR")))
                .args([path("site.conf"), folder.path().display().to_string()])
                .stdin(Stdio::null())
                .spawn()
                .expect("sh is there");
            let until = Instant::now() + Duration::from_secs(30);
            while child.try_wait().expect("it is ours").is_none() && Instant::now() < until {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    let mut roots = RootCertStore::empty();
                    roots.add(made.cert.der().clone()).expect("it is a certificate");
                    let provider = Arc::new(rustls::crypto::ring::default_provider());
                    let trust = ClientConfig::builder_with_provider(provider)
                        .with_safe_default_protocol_versions()
                        .expect("ring speaks TLS")
                        .with_root_certificates(roots)
                        .with_no_client_auth();
                    let trust = Arc::new(trust);
                    return Some(Self { child, name, port, trust, _folder: folder });
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        let log = std::fs::read_to_string(path("error.log")).unwrap_or_default();
        panic!("{name} does not begin: {log}");
    }

    /// Asks over HTTPS; `head` is the request line and fields, each with its line end.
    fn ask(&self, head: &str, body: &str) -> Answer {
        let name = ServerName::try_from(NAME).expect("it is a name");
        let tls = ClientConnection::new(Arc::clone(&self.trust), name).expect("TLS begins");
        let tcp = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        tcp.set_read_timeout(Some(Duration::from_mins(1))).expect("a timeout can be set");
        let mut stream = StreamOwned::new(tls, tcp);
        let length = body.len();
        let said = format!(
            "{head}Host: {NAME}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        stream.write_all(said.as_bytes()).expect("it hears");
        let mut bytes = Vec::new();
        // Some end a connection without ending TLS.
        let _ = stream.read_to_end(&mut bytes);
        Answer::read(&String::from_utf8_lossy(&bytes))
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the example for a server in docs/web.md.
fn example(name: &str) -> String {
    let text = include_str!("../../../docs/web.md");
    let (_, rest) = text.split_once(&format!("```{name}\n")).expect("there is an example");
    let (example, _) = rest.split_once("```").expect("it ends");
    // It stands in a list, so its lines are indented.
    example
        .lines()
        .map(|line| line.strip_prefix("   ").unwrap_or(line))
        .fold(String::new(), |text, line| text + line + "\n")
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

#[test]
fn behind_a_server_that_speaks_https_a_mail_program_unsubscribes_with_one_request() {
    let site = Site::start();
    for front in fronts(&site) {
        let leave = site.link(ANNA, "/u/");
        let looked = front.ask(&format!("GET {leave} HTTP/1.1\r\n"), "");
        assert_eq!(looked.status, 200, "{}: {looked:?}", front.name);
        assert_eq!(site.state(ANNA), "active", "a look changes nothing");
        let one_click =
            front.ask(&format!("POST {leave} HTTP/1.1\r\n{FORM}"), "List-Unsubscribe=One-Click");
        assert_eq!(one_click.status, 200, "{}: {one_click:?}", front.name);
        assert_eq!((one_click.header("location"), one_click.header("set-cookie")), ("", ""));
        assert_eq!(site.state(ANNA), "unsubscribed", "{}", front.name);
        let back = front.ask(&format!("POST {leave} HTTP/1.1\r\n{FORM}"), "undo=1");
        assert_eq!((back.status, site.state(ANNA).as_str()), (200, "active"), "{}", front.name);
    }
}

#[test]
fn behind_a_server_that_speaks_https_a_visitor_is_who_it_says_and_not_who_they_say() {
    let site = Site::start();
    let mut fronts = fronts(&site);
    // All of them stand on this machine and tell of one visitor, whose hour they share.
    let Some(front) = fronts.first() else { return };
    // A form of the page itself, and each time another lie about where it comes from.
    let asked = |front: &Front, n: u32| {
        let head = format!(
            "POST /subscribe HTTP/1.1\r\n{FORM}Origin: https://{NAME}\r\nX-Forwarded-For: 203.0.113.{n}\r\n"
        );
        front.ask(&head, &format!("address=v{n}%40example.org")).status
    };
    let statuses: Vec<u16> = (0..25).map(|n| asked(front, n)).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 20, "{statuses:?}");
    for other in fronts.split_off(1) {
        assert_eq!(asked(&other, 30), 429, "{}: the same visitor, by another way", other.name);
    }
    let confirm = site.link("v1@example.org", "/confirm/");
    let front = &fronts[0];
    assert_eq!(front.ask(&format!("POST {confirm} HTTP/1.1\r\n{FORM}"), "confirm=1").status, 200);
    let told = site.env.postrider("subscribers show v1@example.org").code(0);
    told.tells("the button in the mail was pressed, from 127.0.0.1");
}

#[test]
fn behind_a_server_that_speaks_https_the_bounds_and_the_policies_are_the_same() {
    let site = Site::start();
    for front in fronts(&site) {
        let home = front.ask("GET / HTTP/1.1\r\n", "");
        assert!(
            home.header("content-security-policy").contains("default-src 'none'"),
            "{}: {home:?}",
            front.name
        );
        let long = "x".repeat(20_000);
        let long = front.ask(&format!("POST /subscribe HTTP/1.1\r\n{FORM}"), &long);
        assert_eq!(long.status, 413, "{}", front.name);
        let evil = format!("POST /subscribe HTTP/1.1\r\n{FORM}Origin: https://evil.example\r\n");
        assert_eq!(front.ask(&evil, "address=v%40example.org").status, 403, "{}", front.name);
        let metrics = front.ask("GET /metrics HTTP/1.1\r\n", "");
        assert_eq!(metrics.status, 404, "{}: not for readers", front.name);
    }
}
