//! The page of the way out, asked by the doctor: ours, somebody's own, and all that can be wrong with either.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use postrider::doctor::{self, Dns, Finding, Patience, Verdict, WayOut};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::nameserver::NameServer;
use crate::{
    command::{env::Env, relay::tls},
    secure::{Answers, Page, port},
    site::Site,
};

fn ours(page: &Page) -> WayOut {
    let Page { url, .. } = page;
    WayOut::Ours { canary: format!("{url}/u/canary"), forged: format!("{url}/u/forged") }
}

fn foreign(page: &Page) -> WayOut {
    WayOut::Foreign { canary: format!("{}/u/canary", page.url) }
}

/// Where every page of these tests is.
const NAME: &str = "news.example.org";
const HERE: &str = "news.example.org A 127.0.0.1";

fn now() -> Timestamp {
    "2026-11-26T12:00:00Z".parse().expect("a time")
}

async fn asked(way: &WayOut, trust: &str, zone: &str) -> Vec<Finding> {
    let server = NameServer::serving(zone);
    let patience = Patience { timeout: Duration::from_millis(700), retries: 0 };
    let dns = Dns::at(server.address, patience).expect("a resolver");
    doctor::one_click(way, trust.as_bytes(), now(), &dns).await
}

const YES: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const NO: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
const BUSY: &str = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
const ON: &str =
    "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:9/u\r\nContent-Length: 0\r\n\r\n";
const REFUSED: &str = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn a_page_is_judged_by_what_a_mail_program_would_get() {
    use Verdict::{NotChecked, Ok, Warn, Wrong};
    let well: Answers = |_, path| if path.ends_with("canary") { YES } else { NO };
    let cases: [(&str, Answers, bool, &str, Verdict, &str); 17] = [
        ("well", well, true, "one click", Ok, "as it should be"),
        ("well", well, true, "a look at the page", Ok, "changes nothing"),
        ("well", well, true, "page", Ok, "days are left"),
        ("another key", |_, _| NO, true, "one click", Wrong, "does not know our key"),
        ("takes all", |_, _| YES, true, "one click", Wrong, "a forged link"),
        (
            "sent on",
            |method, path| match (method, path.ends_with("canary")) {
                ("POST", _) => ON,
                (_, true) => YES,
                _ => NO,
            },
            true,
            "one click",
            Wrong,
            "301 to `http://127.0.0.1:9/u`",
        ),
        (
            "wants a cookie",
            |method, path| match (method, path.ends_with("canary")) {
                ("POST", _) => REFUSED,
                (_, true) => YES,
                _ => NO,
            },
            true,
            "one click",
            Wrong,
            "refused (403)",
        ),
        (
            "busy",
            |method, path| match (method, path.ends_with("canary")) {
                ("POST", _) => BUSY,
                (_, true) => YES,
                _ => NO,
            },
            true,
            "one click",
            Wrong,
            "fails (503)",
        ),
        (
            "look sent on",
            |method, path| match (method, path.ends_with("canary")) {
                ("GET", true) => ON,
                (_, true) => YES,
                _ => NO,
            },
            true,
            "a look at the page",
            Warn,
            "sent on",
        ),
        ("nonsense", |_, _| "SSH-2.0-x\r\n", true, "page", NotChecked, "does not answer"),
        ("nothing", |_, _| "", true, "page", NotChecked, "does not answer"),
        ("foreign", |_, _| YES, false, "one click", Ok, "as it should be"),
        (
            "foreign, and its look",
            |_, _| YES,
            false,
            "a look at the page",
            NotChecked,
            "its owner knows",
        ),
        (
            "foreign, no such reader",
            |_, _| NO,
            false,
            "one click",
            NotChecked,
            "a reader's may be taken",
        ),
        ("foreign, no such page", |_, _| NO, false, "a look at the page", Warn, "refused (404)"),
        ("foreign, sent on", |_, _| ON, false, "one click", Wrong, "301"),
        (
            "foreign, for clicks alone",
            |method, _| {
                if method == "GET" { "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n" } else { YES }
            },
            false,
            "a look at the page",
            NotChecked,
            "405",
        ),
    ];
    for (case, answers, is_ours, check, verdict, words) in cases {
        let page = Page::serving(NAME, answers).await;
        let way = if is_ours { ours(&page) } else { foreign(&page) };
        let findings = asked(&way, &page.authority, HERE).await;
        let found = findings.iter().find(|finding| finding.check == check);
        assert!(
            found.is_some_and(|found| found.verdict == verdict && found.why.contains(words)),
            "{case}: no {verdict:?} {words:?} in {findings:#?}"
        );
        for finding in &findings {
            let is_bad = matches!(finding.verdict, Wrong | Warn);
            assert!(!is_bad || finding.mend.is_some(), "{case}: {finding:#?}");
        }
        let asked = page.asked.lock().expect("nobody panicked").clone();
        assert!(asked.iter().all(|head| !head.contains("Cookie:")), "{asked:?}");
        let posts: Vec<&String> = asked.iter().filter(|head| head.starts_with("POST")).collect();
        assert!(posts.iter().all(|head| head.starts_with("POST /u/canary ")), "{posts:?}");
        assert!(posts.iter().all(|head| head.contains("application/x-www-form-urlencoded")));
    }
}

#[tokio::test]
async fn a_page_that_nobody_out_there_reaches_is_not_asked() {
    use Verdict::{NotChecked, Wrong};
    let page = Page::serving(NAME, |_, _| YES).await;
    let port = page.url.rsplit(':').next().and_then(|rest| rest.split('/').next());
    let port = port.expect("it has a port");
    let hidden = WayOut::Foreign { canary: format!("https://hidden.example.org:{port}/u/canary") };
    for (zone, verdict, words) in [
        ("hidden.example.org A 169.254.169.254", NotChecked, "nobody out there"),
        ("hidden.example.org AAAA ::ffff:10.0.0.1", NotChecked, "nobody out there"),
        ("hidden.example.org AAAA fd00::1", NotChecked, "nobody out there"),
        ("hidden.example.org A !servfail", NotChecked, "Server Failure"),
        ("", Wrong, "has no address"),
    ] {
        let findings = asked(&hidden, &page.authority, zone).await;
        let found = findings.first().expect("it says something");
        assert_eq!((found.verdict, found.check), (verdict, "page"), "{zone}: {findings:#?}");
        assert!(found.why.contains(words), "{zone}: {found:#?}");
        assert_eq!(findings[1].verdict, NotChecked, "{findings:#?}");
    }
    let stranger = asked(&ours(&page), "", HERE).await;
    assert!(
        stranger[0].verdict == Wrong && stranger[0].why.contains("is not trusted"),
        "{stranger:#?}"
    );
    assert!(page.asked.lock().expect("nobody panicked").is_empty(), "nothing was said to it");
    let plain = WayOut::Foreign { canary: "http://news.example.org/u/canary".to_owned() };
    let plain = asked(&plain, "", "").await;
    assert!(plain[0].why.contains("no https address"), "{plain:#?}");
    for way in [WayOut::Mail, WayOut::Unsigned] {
        assert!(asked(&way, "", "").await[0].verdict != Verdict::Ok);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_pages_answer_the_canary_and_lose_no_reader() {
    let (config, authority) = tls(&["news.example.org"]);
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("https://news.example.org:{}", port(&listener));
    let env = Env::publication();
    let text = env.read("publication.toml");
    env.write("publication.toml", &format!("{text}\n[web]\nurl = \"{url}\"\n"));
    env.write("authority.pem", &authority);
    env.postrider("send kazakhstan --yes").code(0);
    let site = Site::of(env);
    let host = site.host.clone();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (acceptor, host) = (acceptor.clone(), host.clone());
            tokio::spawn(async move {
                let Ok(mut outer) = acceptor.accept(tcp).await else { return };
                let Ok(mut inner) = TcpStream::connect(host).await else { return };
                let _ = copy_bidirectional(&mut outer, &mut inner).await;
            });
        }
    });
    let names = NameServer::serving(HERE);
    let doctor = |env: &Env| {
        let mut command = env.command(&format!("doctor --json --resolver {}", names.address));
        let output = command.env("SSL_CERT_FILE", site.env.root.join("authority.pem")).output();
        let said = env.said(output.expect("it runs")).code(1);
        let said: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
        let findings = said["findings"].as_array().expect("a list").clone();
        ["page", "a look at the page", "one click"].map(|check| {
            let found = findings.iter().find(|finding| finding["check"] == check);
            found.map_or("none", |found| found["verdict"].as_str().expect("a word")).to_owned()
        })
    };
    assert_eq!(doctor(&site.env), ["ok", "ok", "ok"]);
    let states = site.env.postrider("subscribers list --json").code(0).out;
    assert_eq!(states.matches("\"active\"").count(), 3, "{states}");
    // The same pages, as a machine sees them that has made a key of its own.
    let other = Env::publication();
    let text = other.read("publication.toml");
    other.write("publication.toml", &format!("{text}\n[web]\nurl = \"{url}\"\n"));
    assert_eq!(doctor(&other), ["none", "none", "not_checked"], "nothing was ever signed");
    other.postrider("keys new unsubscribe").code(0);
    assert_eq!(doctor(&other), ["ok", "none", "wrong"]);
}
