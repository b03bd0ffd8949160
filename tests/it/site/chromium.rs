//! The site in a real Chromium: by keys alone, and with a browser as the victim.

use std::{future::Future, sync::PoisonError, time::Duration};

use fantoccini::{Client, key::Key};
use serde_json::Value;

use super::Site;
use crate::{
    command::env::ISSUE,
    preview::chromium::{Driver, ONE},
};

const ANNA: &str = "anna@example.org";

/// Longer than a page takes on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// A site, and a browser that looks at it from this machine.
struct Visit {
    site: Site,
    client: Client,
}

/// Runs a test with the site open; says so where there is no browser to drive.
fn visiting<F: Future<Output = ()>>(test: impl FnOnce(Visit) -> F) {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(driver) = Driver::start() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("one");
    runtime.block_on(async {
        let client = driver.client().await;
        let ends = client.clone();
        test(Visit { site: Site::start(), client }).await;
        ends.close().await.expect("the browser ends");
    });
}

impl Visit {
    async fn goto(&self, path: &str) {
        let url = format!("http://{}{path}", self.site.host);
        self.client.goto(&url).await.expect("the page opens");
    }

    async fn script(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap_or(Value::Null)
    }

    /// Waits until a script returns true.
    async fn until(&self, script: &str) {
        let ends = tokio::time::Instant::now() + PATIENCE;
        while self.script(script).await != true {
            assert!(tokio::time::Instant::now() < ends, "never so: {script}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Types where the focus is.
    async fn press(&self, keys: &str) {
        let at = self.client.active_element().await.expect("something has the focus");
        at.send_keys(keys).await.expect("keys can be typed");
    }

    /// Goes on with Tab until what has the focus is this, and asserts that it is seen.
    async fn tab_to(&self, css: &str) {
        for _ in 0..20 {
            self.press(&Key::Tab.to_string()).await;
            if self.script(&format!("return document.activeElement.matches('{css}')")).await == true
            {
                let seen = "const of = document.activeElement, at = of.getBoundingClientRect(); \
                    return at.left >= 0 && at.right <= innerWidth && at.width > 0 \
                        && getComputedStyle(of).outlineStyle !== 'none'";
                assert_eq!(
                    self.script(seen).await,
                    true,
                    "{css} has the focus, and nobody sees it"
                );
                return;
            }
        }
        panic!("no Tab leads to {css}");
    }
}

#[test]
fn a_reader_subscribes_pauses_and_leaves_by_keys_alone() {
    visiting(async |visit| {
        visit.goto("/").await;
        visit.tab_to(".skip").await;
        visit.press(&Key::Enter.to_string()).await;
        visit.until("return location.hash === '#page'").await;
        visit.tab_to("#address").await;
        visit.press(&format!("new@example.org{}", char::from(Key::Enter))).await;
        visit
            .until("return document.querySelector('h1').innerText === 'Look into your mailbox'")
            .await;
        let confirm = visit.site.link("new@example.org", "/confirm/");
        visit.goto(&confirm).await;
        visit.tab_to("main button").await;
        visit.press(&Key::Enter.to_string()).await;
        visit.until("return document.querySelector('h1').innerText === 'You are subscribed'").await;
        assert_eq!(visit.site.state("new@example.org"), "active");

        let leave = visit.site.link(ANNA, "/u/");
        visit.goto(&leave).await;
        visit.tab_to("main .onward a").await;
        visit.press(&Key::Enter.to_string()).await;
        visit.until("return !!document.querySelector('#pause')").await;
        visit.tab_to("#pause").await;
        visit.press("None for a m").await;
        visit.tab_to("main button").await;
        visit.press(&Key::Enter.to_string()).await;
        visit.until("return document.querySelector('h1').innerText === 'Saved'").await;
        visit.goto(&leave).await;
        visit.tab_to("main button").await;
        visit.press(&Key::Enter.to_string()).await;
        visit.until("return document.querySelector('h1').innerText === 'You have left'").await;
        assert_eq!(visit.site.state(ANNA), "unsubscribed");
    });
}

#[test]
fn a_script_in_an_issue_does_nothing_in_the_archive() {
    visiting(async |visit| {
        let ledger = visit.site.env.root.join(".postrider/ledger.sqlite");
        let ledger = rusqlite::Connection::open(ledger).expect("it opens");
        let edition: Vec<u8> =
            ledger.query_row("SELECT bytes FROM editions", [], |row| row.get(0)).expect("one");
        // As if the composer had let it through.
        let evil = "<script>document.title = 'owned'</script><img src=x onerror=\\\"document.title = 'owned'\\\">\
            <iframe src='https://evil.example/'></iframe><h1 id=evil>evil</h1></body>";
        let evil = String::from_utf8(edition).expect("JSON").replacen("</body>", evil, 1);
        assert!(evil.contains("owned"));
        ledger
            .execute("UPDATE editions SET bytes = ?1", [evil.into_bytes()])
            .expect("it is changed");
        visit.goto(&format!("/issues/{ISSUE}")).await;
        visit.until("return !!document.querySelector('#evil')").await;
        let title = visit.script("return document.title").await;
        assert!(title.as_str().is_some_and(|title| !title.contains("owned")), "{title}");
        assert_eq!(visit.script("return origin").await, "null", "it has no origin of ours");
    });
}

#[test]
fn a_strangers_page_subscribes_nobody() {
    visiting(async |visit| {
        let leave = visit.site.link(ANNA, "/u/");
        visit.client.goto("data:text/html,<title>stranger</title>").await.expect("it opens");
        for path in ["/subscribe", &leave] {
            let post = format!(
                "document.body.innerHTML = '<form method=post action=\"http://{}{path}\"><input name=address value=v@example.org></form>';\
                 document.forms[0].submit()",
                visit.site.host
            );
            visit.script(&post).await;
            visit.until("return document.title.startsWith('That cannot be done this way')").await;
            visit.client.goto("data:text/html,<title>stranger</title>").await.expect("it opens");
        }
        assert_eq!(visit.site.state("v@example.org"), "unknown");
        assert_eq!(visit.site.state(ANNA), "active");
    });
}
