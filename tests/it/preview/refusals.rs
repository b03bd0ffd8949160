//! What a stranger's page, or a stranger's bytes, may not do.

use std::{fs, io::Read};

use super::{Running, http, issue};
use crate::command::env::{Env, ISSUE};

/// A preview, with what its own page would send.
struct Own {
    running: Running,
    token: String,
    cookie: String,
}

impl Own {
    fn new() -> Self {
        let running = Running::start(Env::publication());
        let page = running.get(&issue(""));
        let (_, rest) = page.body.split_once("name=\"token\" value=\"").expect("a token");
        let token = rest.split('"').next().unwrap_or_default().to_owned();
        let cookie = page.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
        assert!(token.len() >= 22 && cookie.contains(&token), "{cookie}");
        Self { running, token, cookie }
    }

    fn post(&self, host: &str, origin: &str, cookie: &str, body: &str) -> http::Answer {
        let mut head = format!("POST {} HTTP/1.1\r\nHost: {host}\r\n", issue("/test"));
        for (name, value) in [("Origin", origin), ("Cookie", cookie)] {
            if !value.is_empty() {
                head.extend([name, ": ", value, "\r\n"]);
            }
        }
        head.push_str("Content-Type: application/x-www-form-urlencoded\r\n");
        http::ask(&self.running.host, &head, body)
    }
}

#[test]
fn a_test_mail_is_sent_by_our_own_page_alone() {
    let own = Own::new();
    let host = own.running.host.as_str();
    let (port, origin) = (host.rsplit(':').next().unwrap_or_default(), format!("http://{host}"));
    let body = format!("token={}&to=me%40example.org", own.token);
    let cookie = own.cookie.as_str();
    let foreign = format!("{cookie}x");
    for (why, host, origin, cookie, body) in [
        ("no token", host, origin.as_str(), cookie, "to=me%40example.org"),
        (
            "a wrong token",
            host,
            &origin,
            cookie,
            "token=AAAAAAAAAAAAAAAAAAAAAA&to=me%40example.org",
        ),
        ("an empty token", host, &origin, cookie, "token=&to=me%40example.org"),
        ("no cookie", host, &origin, "", &body),
        ("a wrong cookie", host, &origin, &foreign, &body),
        ("no origin", host, "", cookie, &body),
        ("a frame's origin", host, "null", cookie, &body),
        ("a stranger's origin", host, "http://evil.example", cookie, &body),
        ("another port's origin", host, "http://127.0.0.1:1", cookie, &body),
        ("a safer origin", host, &format!("https://{host}"), cookie, &body),
    ] {
        let answer = own.post(host, origin, cookie, body);
        assert_eq!(answer.status, 403, "{why}: {answer:?}");
        assert!(answer.body.contains("<h1>Forbidden</h1>"), "{why}: {}", answer.body);
    }
    assert_eq!(own.running.env.mails().len(), 0, "nothing was sent");

    let answer = own.post(host, &origin, cookie, &body);
    assert_eq!(answer.status, 303, "{answer:?}");
    let told = own.running.page(answer.header("location").trim_end_matches("#test"));
    assert!(told.contains("is on its way to <strong>me@example.org</strong>"), "{told}");
    let local = format!("localhost:{port}");
    let answer = own.post(&local, &format!("http://{local}"), cookie, &body);
    assert_eq!(answer.status, 303, "localhost is this machine too: {answer:?}");
    let mails = own.running.env.mails();
    assert_eq!(mails.len(), 2);
    assert!(mails[0].contains("\nSubject: [Test] Kazakhstan Confirms"), "{}", mails[0]);
    let said = own.running.stop();
    assert!(said.contains("m…@example.org") && !said.contains("me@example.org"), "{said}");
}

#[test]
fn a_test_of_an_issue_that_may_not_be_sent_has_to_be_insisted_on() {
    let own = Own::new();
    own.running.env.edit("[Asia Society]", "[click here]");
    let page = own.running.page(&issue(""));
    assert!(page.contains("<article class=\"problem error\">"), "{page}");
    assert!(page.contains("<iframe") && !page.contains("cannot be set"), "it is shown: {page}");
    let origin = format!("http://{}", own.running.host);
    let send = |body: &str| {
        let body = format!("token={}&to=me%40example.org{body}", own.token);
        let answer = own.post(&own.running.host, &origin, &own.cookie, &body);
        own.running.page(answer.header("location").trim_end_matches("#test"))
    };
    let told = send("");
    assert!(told.contains(&format!("issues/{ISSUE}/issue.md has 1 mistake.")), "{told}");
    assert_eq!(own.running.env.mails().len(), 0);
    send("&force=yes");
    assert_eq!(own.running.env.mails().len(), 1);
}

#[test]
fn a_name_that_is_not_ours_gets_nothing() {
    let running = Running::start(Env::publication());
    let port = running.host.rsplit(':').next().unwrap_or_default();
    let path = issue("");
    for head in [
        format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\n"),
        format!("GET {path} HTTP/1.1\r\nHost: evil.example:{port}\r\n"),
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"),
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:1\r\n"),
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1.evil.example:{port}\r\n"),
        format!("GET {path} HTTP/1.1\r\nHost: {0}\r\nHost: {0}\r\n", running.host),
        format!("GET {path} HTTP/1.1\r\nHost: {}, evil.example\r\n", running.host),
        format!("GET http://evil.example{path} HTTP/1.1\r\nHost: {}\r\n", running.host),
        format!("GET {path} HTTP/1.1\r\n"),
        format!("GET {path} HTTP/1.0\r\n"),
    ] {
        let answer = http::ask(&running.host, &head, "");
        assert!(matches!(answer.status, 400 | 421), "{head}: {answer:?}");
        assert!(!answer.body.contains("anna@example.org"), "{head}");
    }
    let head = format!("GET {path} HTTP/1.1\r\nHost: LocalHost:{port}\r\n");
    assert_eq!(http::ask(&running.host, &head, "").status, 200);
}

#[test]
fn no_path_leads_out_of_the_issues() {
    let env = Env::publication();
    fs::create_dir(env.root.join("issues/secret")).expect("a folder");
    fs::write(env.root.join("issues/secret/secret.txt"), "x").expect("a file");
    let running = Running::start(env);
    for path in [
        "/../publication.toml".to_owned(),
        "/publication.toml".to_owned(),
        "//etc/passwd".to_owned(),
        "/issues/..".to_owned(),
        "/issues/../subscribers.csv".to_owned(),
        "/issues/%2e%2e".to_owned(),
        "/issues/%2e%2e%2fsubscribers.csv".to_owned(),
        "/issues/..%5c..%5csubscribers.csv".to_owned(),
        "/issues/secret".to_owned(),
        "/issues/secret/mail".to_owned(),
        "/issues/%00".to_owned(),
        "/issues/%ff".to_owned(),
        "/issues/".to_owned(),
        issue("%2f..%2f..%2fsubscribers.csv"),
        issue("%00"),
        issue("/"),
        issue("/issue.md"),
        issue("/../../subscribers.csv"),
        issue("/%2e%2e/%2e%2e/subscribers.csv"),
        issue("/mail/../../../subscribers.csv"),
        // A part of a name finds an issue in the terminal, never here.
        "/issues/kazakhstan".to_owned(),
    ] {
        let answer = running.get(&path);
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
        assert!(!answer.body.contains("anna@example.org"), "{path}");
    }
}

#[test]
fn what_is_too_much_is_refused() {
    let own = Own::new();
    let host = own.running.host.as_str();
    let origin = format!("http://{host}");
    let body = format!("token={}&to={}", own.token, "x".repeat(17_000));
    assert_eq!(own.post(host, &origin, &own.cookie, &body).status, 413);
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        issue("/test")
    );
    let mut stream = http::say(host, format!("{head}{chunk}{chunk}0\r\n\r\n").as_bytes());
    let mut said = String::new();
    let _ = stream.read_to_string(&mut said);
    assert!(said.starts_with("HTTP/1.1 413 "), "{said}");

    let long = format!("GET / HTTP/1.1\r\nHost: {host}\r\nX: {}\r\n", "x".repeat(20_000));
    assert_eq!(http::ask(host, &long, "").status, 431);
    let many = format!("GET / HTTP/1.1\r\nHost: {host}\r\n{}", "X: y\r\n".repeat(100));
    assert_eq!(http::ask(host, &many, "").status, 431);
    let target = format!("GET /?{} HTTP/1.1\r\nHost: {host}\r\n", "x".repeat(20_000));
    assert!(matches!(http::ask(host, &target, "").status, 414 | 431));
    assert_eq!(own.running.get("/").status, 303, "it goes on");
}

#[test]
fn whoever_dawdles_keeps_nobody_waiting() {
    let running = Running::start(Env::publication());
    let dawdlers: Vec<_> =
        (0..64).map(|_| http::say(&running.host, b"GET / HTTP/1.1\r\nHost:")).collect();
    assert_eq!(running.get(&issue("")).status, 200);
    drop(dawdlers);
}

#[test]
fn only_reading_and_posting_are_done_here() {
    let running = Running::start(Env::publication());
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
        for path in [issue(""), issue("/test"), "/events".to_owned()] {
            let head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", running.host);
            assert_eq!(http::ask(&running.host, &head, "").status, 405, "{method} {path}");
        }
    }
    assert_eq!(running.get(&issue("/test")).status, 405);
    let head = format!("HEAD {} HTTP/1.1\r\nHost: {}\r\n", issue(""), running.host);
    let answer = http::ask(&running.host, &head, "");
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    for noise in [&b"\x16\x03\x01\x02\x00"[..], b"\r\n\r\n", b"EHLO x\r\n", b"GET / HTTP/9\r\n\r\n"]
    {
        drop(http::say(&running.host, noise));
    }
    assert_eq!(running.get("/").status, 303, "it goes on");
}

#[test]
fn looking_changes_nothing() {
    let running = Running::start(Env::publication());
    let before = running.env.files();
    for path in [
        "/".to_owned(),
        issue(""),
        issue("?view=text&as=anna%40example.org&find=o"),
        issue("?view=source&as=blank"),
        issue("/mail?mode=dark"),
        issue("/mail.eml"),
        issue("/nothing"),
    ] {
        running.get(&path);
    }
    assert_eq!(running.env.files(), before, "no ledger, no key, no mail");
}

#[test]
fn every_answer_says_what_a_browser_may_not_do_with_it() {
    let running = Running::start(Env::publication());
    let policy = "default-src 'none';";
    for (path, status) in [
        ("/".to_owned(), 303),
        (issue(""), 200),
        (issue("/mail"), 200),
        (issue("/mail.eml"), 200),
        ("/preview.css".to_owned(), 200),
        ("/preview.js".to_owned(), 200),
        ("/icon.svg".to_owned(), 200),
        ("/nothing".to_owned(), 404),
        ("/issues/nothing".to_owned(), 404),
    ] {
        let answer = running.get(&path);
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.header("content-security-policy").starts_with(policy), "{path}: {answer:?}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{path}");
        let own = path == issue("");
        let referrer = if own { "same-origin" } else { "no-referrer" };
        assert_eq!(answer.header("referrer-policy"), referrer, "{path}");
        let cookie = answer.header("set-cookie");
        assert_eq!(
            own,
            cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"),
            "{path}: {cookie}"
        );
    }
    let mail = running.get(&issue("/mail"));
    let policy = mail.header("content-security-policy");
    for word in ["sandbox allow-popups allow-popups-to-escape-sandbox;", "frame-ancestors 'self'"] {
        assert!(policy.contains(word), "{policy}");
    }
    for word in ["script", "allow-same-origin"] {
        assert!(!policy.contains(word), "{policy}");
    }
    let page = running.page(&issue(""));
    assert!(page.contains("sandbox=\"allow-popups allow-popups-to-escape-sandbox\""), "{page}");
    assert!(!page.contains(" style=") && !page.contains("<script>") && !page.contains(" onclick"));
}

#[test]
fn what_strangers_wrote_is_text() {
    let hostile = "\"><script>alert(1)</script>";
    let list = "email,name\nmallory@example.org,\"\"\"><script>alert(1)</script>\"\n";
    let env = Env::with_list(list);
    env.edit("> Kazakhstan is", "`</pre><script>alert(2)</script>` {{ nme }}\n\n> Kazakhstan is");
    let running = Running::start(env);
    let find = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    for path in [
        issue(&format!("?find={find}")),
        issue(&format!("?as={find}")),
        issue("?as=mallory%40example.org"),
        issue(&format!("?view={find}&width={find}&told={find}")),
        format!("/issues/{find}"),
    ] {
        let answer = running.get(&path);
        assert!(matches!(answer.status, 200 | 404), "{path}: {answer:?}");
        assert!(!answer.body.contains(hostile) && !answer.body.contains("<script>"), "{path}");
    }
    running.env.edit(" {{ nme }}", "");
    for path in [
        "?as=mallory%40example.org",
        "?view=text",
        "?view=source",
        "/mail?as=mallory%40example.org",
    ] {
        assert!(!running.page(&issue(path)).contains("<script>alert"), "{path} of {ISSUE}");
    }
}
