//! Those who are no readers: scanners, forgers, floods, other people's pages.

use std::{
    io::Read,
    net::Shutdown,
    time::{Duration, Instant},
};

use super::{Site, publication};
use crate::http;

const ANNA: &str = "anna@example.org";

#[test]
fn a_scanner_that_follows_every_link_changes_nothing() {
    let site = Site::start();
    let leave = site.link(ANNA, "/u/");
    for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"] {
        let head = format!("{method} {leave} HTTP/1.1\r\nHost: news.example.org\r\n");
        http::ask(&site.host, &head, "");
        assert_eq!(site.state(ANNA), "active", "{method}");
    }
}

#[test]
fn a_forged_link_is_answered_like_any_other_that_is_not_ours() {
    let site = Site::start();
    let leave = site.link(ANNA, "/u/");
    let mut forged =
        vec!["/u/x".to_owned(), format!("/u/{}", "A".repeat(44)), format!("/u/{}", "é")];
    for at in [5, 20, 40] {
        let mut letters: Vec<char> = leave.chars().collect();
        letters[at] = if letters[at] == 'A' { 'B' } else { 'A' };
        forged.push(letters.into_iter().collect());
    }
    let said = |answer: http::Answer| (answer.status, answer.body);
    let first = said(site.get(&forged[0]));
    assert_eq!(first.0, 404);
    for path in &forged {
        let other = path.replace("/u/", "/confirm/");
        for path in [path, &other] {
            assert_eq!(said(site.get(path)), first, "{path}");
            assert_eq!(said(site.send(path, "leave=1")), first, "{path}");
        }
    }
    assert_eq!(site.state(ANNA), "active");
}

#[test]
fn the_answer_does_not_tell_whether_the_list_knows_an_address() {
    let site = Site::start();
    site.env.postrider("subscribers suppress blocked@example.org").code(0);
    let said = |address: &str| {
        let asked = Instant::now();
        let answer = site.send("/subscribe", &format!("address={address}"));
        // Far longer than the ledger takes for anybody, so that a clock tells nothing either.
        assert!(asked.elapsed() >= Duration::from_millis(200), "{address}");
        (answer.status, answer.body, answer.headers.get("content-length").cloned())
    };
    let unknown = said("unknown%40example.org");
    for address in ["anna%40example.org", "blocked%40example.org", "unknown%40example.org"] {
        assert_eq!(said(address), unknown, "{address}");
    }
    assert_eq!(site.state("blocked@example.org"), "blocked");
}

#[test]
fn one_address_is_asked_once_however_often_somebody_types_it() {
    let site = Site::start();
    for _ in 0..5 {
        assert_eq!(site.send("/subscribe", "address=victim%40example.org").status, 200);
    }
    site.link("victim@example.org", "/confirm/");
    let mails = site.env.mails();
    assert_eq!(mails.iter().filter(|mail| mail.contains("Please confirm")).count(), 1);
    let metrics = http::ask(&site.health, "GET /metrics HTTP/1.1\r\nHost: x\r\n", "").body;
    assert!(metrics.contains("postrider_web_confirmations_withheld_total 4\n"), "{metrics}");
}

#[test]
fn one_mailbox_is_asked_once_however_its_address_is_varied() {
    let site = Site::start();
    for address in [
        "victim@gmail.com",
        "VICTIM@gmail.com",
        "victim%2B1@gmail.com",
        "v.i.c.t.i.m@googlemail.com",
        "%22victim%22@gmail.com",
        "anybody@example.org",
        "anybody%2Bnews@example.org",
        // Elsewhere a dot makes somebody else of it.
        "any.body@example.org",
    ] {
        assert_eq!(site.send("/subscribe", &format!("address={address}")).status, 200);
    }
    for address in ["victim@gmail.com", "anybody@example.org", "any.body@example.org"] {
        site.link(address, "/confirm/");
    }
    let metrics = http::ask(&site.health, "GET /metrics HTTP/1.1\r\nHost: x\r\n", "").body;
    assert!(metrics.contains("postrider_web_confirmations_withheld_total 5\n"), "{metrics}");
}

#[test]
fn one_visitor_cannot_have_us_write_to_the_whole_world() {
    let site = Site::of(publication());
    let statuses: Vec<u16> = (0..25)
        .map(|n| site.send("/subscribe", &format!("address=v{n}%40example.org")).status)
        .collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 20, "{statuses:?}");
    assert!(statuses[20..].iter().all(|status| *status == 429), "{statuses:?}");
    // Another visitor, whom the proxy on this machine names.
    let other = "X-Forwarded-For: 203.0.113.9\r\n";
    assert_eq!(site.post("/subscribe", other, "address=w%40example.org").status, 200);
}

#[test]
fn a_program_that_fills_every_field_is_thanked_and_forgotten() {
    let site = Site::start();
    let answer = site.send("/subscribe", "address=bot%40example.org&website=https%3A%2F%2Fx");
    assert_eq!(answer.status, 200);
    assert_eq!(site.state("bot@example.org"), "unknown");
}

#[test]
fn a_page_of_a_strangers_and_another_name_for_us_are_refused() {
    let site = Site::start();
    let evil = "Origin: https://evil.example\r\n";
    assert_eq!(site.post("/subscribe", evil, "address=v%40example.org").status, 403);
    assert_eq!(site.post("/subscribe", "Origin: null\r\n", "address=v%40example.org").status, 403);
    for host in ["evil.example", "news.example.org.evil.example", "127.0.0.1", ""] {
        let answer = http::ask(&site.host, &format!("GET / HTTP/1.1\r\nHost: {host}\r\n"), "");
        assert_eq!(answer.status, 421, "{host}");
    }
    let named = ["http://evil.example/", "http://news.example.org@evil.example/"];
    for address in named {
        let head = format!("GET {address} HTTP/1.1\r\nHost: news.example.org\r\n");
        assert_eq!(http::ask(&site.host, &head, "").status, 421, "{address}");
    }
    for ours in [&site.host, "NEWS.example.org", "news.example.org:443"] {
        let answer = http::ask(&site.host, &format!("GET / HTTP/1.1\r\nHost: {ours}\r\n"), "");
        assert_eq!(answer.status, 200, "{ours}");
    }
}

#[test]
fn a_request_hidden_in_another_is_not_heard() {
    let site = Site::start();
    let leave = site.link(ANNA, "/u/");
    let hidden = format!(
        "POST {leave} HTTP/1.1\r\nHost: news.example.org\r\nContent-Length: 26\r\n\r\nList-Unsubscribe=One-Click"
    );
    for framing in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 0\r\nContent-Length: 5",
        "Content-Length: 0, 5",
        "Content-Length: +0",
        "Content-Length: 0x0",
        "Content-Length: -1",
        "Content-Length: 99999999999999999999",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity",
        "Transfer-Encoding : chunked",
        "X: y\r\n Transfer-Encoding: chunked",
        "X: a\rContent-Length: 0",
        "X: a\0b",
    ] {
        let head = format!("POST /subscribe HTTP/1.1\r\nHost: news.example.org\r\n{framing}\r\n");
        let mut stream = http::say(&site.host, format!("{head}\r\n0\r\n\r\n{hidden}").as_bytes());
        // Whoever was answered early may have hung up.
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert_eq!(answer.matches("HTTP/1.1 4").count(), 1, "{framing}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{framing}: {answer}");
        assert_eq!(site.state(ANNA), "active", "{framing}");
    }
}

#[test]
fn an_address_that_leads_nowhere_says_so_on_a_page_of_ours() {
    let site = Site::start();
    for path in [
        "//",
        "/./",
        "/../publication.toml",
        "/issues/../../publication.toml",
        "/issues/..%2f..%2fpublication.toml",
        "/issues/%2e%2e%2f%2e%2e%2fpublication.toml",
        "/issues/%00",
        "/issues/%ff",
        "/issues/%",
        "/issues/2003-10-06-kazakhstan%00",
        "/issues/2003-10-06-kazakhstan%2f",
        "/issues/2003-10-06-kazakhstan/pictures/..%2f..%2fpublication.toml",
        "/feed.xml%00",
        "/u/%ff",
        "/confirm/%ff",
        "/p/%ff",
        "/metrics",
        "/healthz",
    ] {
        let answer = site.get(path);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(
            answer.body.contains("TT Business Intelligence Report</title>"),
            "{path}: {answer:?}"
        );
    }
}

#[test]
fn what_is_no_address_is_told_in_the_form_and_never_shown_again() {
    let site = Site::start();
    for typed in ["", "x", "%3Cscript%3Ealert(1)%3C/script%3E", "a%40b%0D%0ABcc%3A+c%40d.example"] {
        let answer = site.send("/subscribe", &format!("address={typed}"));
        assert_eq!(answer.status, 422, "{typed}");
        assert!(
            answer.body.contains("role=\"alert\"") && !answer.body.contains("alert(1)"),
            "{answer:?}"
        );
    }
}

#[test]
fn a_ledger_that_is_held_is_told_as_that_and_never_as_a_success() {
    let site = Site::start();
    let leave = site.link(ANNA, "/u/");
    let ledger = site.env.root.join(".postrider/ledger.sqlite");
    let hold = rusqlite::Connection::open(ledger).expect("it opens");
    hold.execute_batch("BEGIN IMMEDIATE").expect("it can be held");
    let answer = site.send(&leave, "leave=1");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.header("retry-after"), "60");
    assert!(answer.body.contains("Nothing has changed"), "{answer:?}");
    hold.execute_batch("ROLLBACK").expect("it can be let go");
    assert_eq!(site.send(&leave, "leave=1").status, 200);
    assert_eq!(site.state(ANNA), "unsubscribed");
}
