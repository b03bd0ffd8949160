//! What providers tell by HTTP, and what others tell in their name.

use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, Mac};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Site, publication};
use crate::http::{self, Answer};

const ANNA: &str = "anna@example.org";
const KEY: &str = "mailgun-signs-with-this";
const PASSWORD: &str = "postmark-shows-this";

/// Serves a publication that listens to Mailgun and Postmark, whose readers have an issue.
fn listening() -> Site {
    let env = publication();
    for (name, secret) in [("mailgun.key", KEY), ("postmark.password", PASSWORD)] {
        env.write(name, secret);
        let path = env.root.join(name);
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .expect("it can be made private");
    }
    let text = env.read("publication.toml");
    let webhooks = "[web.webhooks]\nmailgun_key_file = \"mailgun.key\"\npostmark_password_file = \"postmark.password\"\n";
    env.write("publication.toml", &format!("{text}\n{webhooks}"));
    env.postrider("send kazakhstan --yes").code(0);
    Site::of(env)
}

fn call(site: &Site, provider: &str, fields: &str, body: &str) -> Answer {
    let head = format!(
        "POST /webhooks/{provider} HTTP/1.1\r\nHost: news.example.org\r\nContent-Type: application/json\r\n{fields}"
    );
    http::ask(&site.host, &head, body)
}

/// Signs an event as Mailgun does.
fn mailgun(key: &str, event: &Value) -> String {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let token = format!("token-{}", CALLS.fetch_add(1, Ordering::Relaxed));
    let timestamp = Timestamp::now().as_second().to_string();
    let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes())
        .expect("any key")
        .chain_update(&timestamp)
        .chain_update(&token)
        .finalize()
        .into_bytes();
    let signature =
        json!({"timestamp": timestamp, "token": token, "signature": HEXLOWER.encode(&mac)});
    json!({"signature": signature, "event-data": event}).to_string()
}

fn failed(id: &str, code: u16, words: &str) -> Value {
    json!({"id": id, "event": "failed", "severity": "permanent", "recipient": ANNA,
           "delivery-status": {"code": code, "message": words}})
}

fn count(site: &Site, name: &str) -> u64 {
    let metrics = http::ask(&site.health, "GET /metrics HTTP/1.1\r\nHost: x\r\n", "").body;
    let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("no {name} in {metrics}"))
}

#[test]
fn what_a_provider_signs_suppresses_and_counts_once_however_often_it_is_told() {
    let site = listening();
    let event = failed("1", 550, "5.1.1 no such user");
    for _ in 0..3 {
        assert_eq!(call(&site, "mailgun", "", &mailgun(KEY, &event)).status, 200);
    }
    assert_eq!(site.state(ANNA), "bounced");
    assert_eq!(count(&site, "postrider_web_webhooks_suppressed_total"), 1);
    let told = site.env.postrider("subscribers show anna@example.org").code(0);
    assert_eq!(told.out.matches("bounce (").count(), 1, "{told:?}");
    told.tells("a webhook");
}

#[test]
fn what_bounces_softly_or_for_what_we_are_suppresses_nobody() {
    let site = listening();
    for event in [failed("1", 552, "over quota"), failed("2", 554, "5.7.1 blocked by a blocklist")]
    {
        assert_eq!(call(&site, "mailgun", "", &mailgun(KEY, &event)).status, 200);
    }
    assert_eq!(site.state(ANNA), "active");
}

#[test]
fn a_complaint_told_behind_our_password_unsubscribes() {
    let site = listening();
    let shown = |password: &str| {
        format!(
            "Authorization: Basic {}\r\n",
            BASE64.encode(format!("postrider:{password}").as_bytes())
        )
    };
    let body = json!({"RecordType": "SpamComplaint", "Email": ANNA}).to_string();
    for fields in [String::new(), shown("guessed"), shown(""), shown(PASSWORD) + &shown("guessed")]
    {
        assert_eq!(call(&site, "postmark", &fields, &body).status, 403, "{fields}");
    }
    assert_eq!(site.state(ANNA), "active");
    assert_eq!(call(&site, "postmark", &shown(PASSWORD), &body).status, 200);
    assert_eq!(site.state(ANNA), "complained");
}

#[test]
fn whoever_forges_a_call_changes_nothing_and_is_counted() {
    let site = listening();
    let event = failed("1", 550, "5.1.1 no such user");
    let good = mailgun(KEY, &event);
    let old = good.replace("\"timestamp\":\"1", "\"timestamp\":\"0");
    let deep = "[".repeat(20_000);
    let mut refused = 0;
    for (provider, body, status) in [
        ("mailgun", mailgun("another key", &event), 403),
        ("mailgun", old, 403),
        ("mailgun", event.to_string(), 403),
        ("mailgun", deep, 400),
        ("mailgun", String::new(), 400),
        ("ses", json!({"Type": "Notification"}).to_string(), 404),
        ("sendgrid", good.clone(), 404),
        ("..%2Fmailgun", good.clone(), 404),
    ] {
        let answer = call(&site, provider, "", &body);
        assert_eq!(answer.status, status, "{provider} {body:.60}: {answer:?}");
        refused += 1;
    }
    assert_eq!(count(&site, "postrider_web_webhooks_refused_total"), refused);
    assert_eq!(call(&site, "mailgun", "", &"x".repeat(70_000)).status, 413, "more than is read");
    let get =
        http::ask(&site.host, "GET /webhooks/mailgun HTTP/1.1\r\nHost: news.example.org\r\n", "");
    assert_eq!(get.status, 405);
    let page = "Origin: https://evil.example\r\n";
    assert_eq!(call(&site, "mailgun", page, &good).status, 403, "no browser speaks for a provider");
    assert_eq!(site.state(ANNA), "active");
}

#[test]
fn what_mailgun_signed_says_nothing_of_anybody_else_who_is_put_into_it() {
    let site = listening();
    let heard = mailgun(KEY, &failed("1", 552, "over quota"));
    assert_eq!(call(&site, "mailgun", "", &heard).status, 200);
    let turned = heard.replace("552", "550").replace("over quota", "5.1.1 no such user");
    let of_another = turned.replace(ANNA, "bolat@example.com");
    for forged in [turned, of_another] {
        assert_eq!(call(&site, "mailgun", "", &forged).status, 403);
    }
    assert_eq!(call(&site, "mailgun", "", &heard).status, 200, "Mailgun itself may tell it again");
    assert_eq!([ANNA, "bolat@example.com"].map(|reader| site.state(reader)), ["active"; 2]);
}

#[test]
fn a_provider_that_calls_while_the_ledger_is_held_is_asked_to_call_again() {
    let site = listening();
    let body = mailgun(KEY, &failed("1", 550, "5.1.1 no such user"));
    let ledger = site.env.root.join(".postrider/ledger.sqlite");
    let hold = rusqlite::Connection::open(ledger).expect("it opens");
    hold.execute_batch("BEGIN IMMEDIATE").expect("it can be held");
    let answer = call(&site, "mailgun", "", &body);
    assert_eq!((answer.status, answer.header("retry-after")), (503, "60"), "{answer:?}");
    hold.execute_batch("ROLLBACK").expect("it can be let go");
    assert_eq!(call(&site, "mailgun", "", &body).status, 200);
    assert_eq!(site.state(ANNA), "bounced");
}
