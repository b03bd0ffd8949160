//! What the site fetches for its webhooks, from a host over TLS that is as it should be, and from those that are not.

use postrider::web::site::{Fetch, Https};

use crate::secure::{Answers, Page};

const NAME: &str = "localhost";

async fn got(page: &Page, path: &str) -> Result<Vec<u8>, String> {
    Https::trusting(page.authority.as_bytes()).get(&format!("{}{path}", page.url)).await
}

#[tokio::test]
async fn what_is_fetched_is_what_lies_there() {
    let page =
        Page::serving(NAME, |_, _| "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nKEY\n").await;
    assert_eq!(got(&page, "/SimpleNotificationService-1.pem?x=1").await, Ok(b"KEY\n".to_vec()));
    let asked = page.asked.lock().expect("nobody panicked").join("");
    assert!(asked.starts_with("GET /SimpleNotificationService-1.pem?x=1 HTTP/1.1\r\n"), "{asked}");
    let host = page.url.trim_start_matches("https://");
    assert!(asked.to_lowercase().contains(&format!("host: {host}\r\n")), "{asked}");
}

#[tokio::test]
async fn nothing_is_taken_from_who_is_not_vouched_for_or_sends_us_on_or_says_too_much() {
    let ok: Answers = |_, _| "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
    let stranger = Page::serving(NAME, ok).await;
    let refused = Https::default().get(&stranger.url).await.expect_err("nobody vouches for it");
    assert!(refused.contains("certificate"), "{refused}");
    let misnamed = Page::serving("sns.eu-west-1.amazonaws.com", ok).await;
    let port = misnamed.url.rsplit(':').next().expect("it has a port");
    let trusting = Https::trusting(misnamed.authority.as_bytes());
    let refused = trusting.get(&format!("https://localhost:{port}/")).await;
    let refused = refused.expect_err("the certificate is of another name");
    assert!(refused.contains("certificate"), "{refused}");
    for page in [&stranger, &misnamed] {
        assert!(page.asked.lock().expect("nobody panicked").is_empty(), "nothing was said to it");
    }

    let cases: [(Answers, &str); 4] = [
        (
            |_, _| "HTTP/1.1 302 Found\r\nLocation: https://localhost/\r\nContent-Length: 0\r\n\r\n",
            "the answer is 302",
        ),
        (|_, _| "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "the answer is 500"),
        (|_, _| far_too_much(), "length limit exceeded"),
        (|_, _| "SSH-2.0-x\r\n", "HTTP"),
    ];
    for (answers, why) in cases {
        let page = Page::serving(NAME, answers).await;
        let refused = got(&page, "/").await.expect_err(why);
        assert!(refused.contains(why), "{why}: {refused}");
        assert_eq!(page.asked.lock().expect("nobody panicked").len(), 1, "it is asked once");
    }
    for url in ["http://localhost/", "localhost", "file:///etc/hostname", "https://"] {
        assert!(Https::default().get(url).await.is_err(), "{url}");
    }
    let broken = Https::trusting(b"no certificate").get(&stranger.url).await;
    assert!(broken.expect_err("it trusts nobody").contains("certificates to trust"));
}

/// Says more than any certificate has.
fn far_too_much() -> &'static str {
    static LONG: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        format!("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{}", "x".repeat(100_000))
    });
    &LONG
}
