//! The page in a real Chromium, driven over WebDriver: what follows a save by itself, what a key does, what a mail looks like by night.

use std::{
    future::Future,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use fantoccini::{Client, ClientBuilder, Locator, key::Key};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use super::{Running, issue};
use crate::{command::env::Env, skip::skipped};

/// Longer than a page takes on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// A preview in a browser of its own.
struct Desk {
    running: Running,
    client: Client,
}

/// Held while a browser runs: several at once only make each other late.
pub(crate) static ONE: Mutex<()> = Mutex::new(());

/// Runs a test with a page of the sample issue open; says so where there is no browser to drive.
fn at_desk<F: Future<Output = ()>>(path: &str, test: impl FnOnce(Desk) -> F) {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(driver) = Driver::start() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("one");
    runtime.block_on(async {
        let client = driver.client().await;
        let running = Running::start(Env::publication());
        client.goto(&format!("http://{}{path}", running.host)).await.expect("the page opens");
        let ends = client.clone();
        test(Desk { running, client }).await;
        ends.close().await.expect("the browser ends");
    });
}

/// A chromedriver on a port of its own.
pub(crate) struct Driver {
    child: Child,
    port: u16,
    /// Where the browser keeps what it keeps.
    profile: tempfile::TempDir,
}

impl Driver {
    pub(crate) fn start() -> Option<Self> {
        // The free port that it finds may be taken before it listens there.
        for _ in 0..5 {
            let started = Command::new("chromedriver")
                .arg("--port=0")
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn();
            let Ok(mut child) = started else {
                skipped("a page driven in Chromium, which needs chromedriver");
                return None;
            };
            let out = BufReader::new(child.stdout.take().expect("a pipe"));
            let port = out.lines().map_while(Result::ok).find_map(|line| {
                line.trim_end_matches('.').rsplit_once("successfully on port ")?.1.parse().ok()
            });
            let profile = tempfile::tempdir().expect("a folder can be made");
            let driver = Self { child, port: port.unwrap_or(0), profile };
            if port.is_some() {
                return Some(driver);
            }
        }
        panic!("chromedriver does not begin");
    }

    pub(crate) async fn client(&self) -> Client {
        let profile = format!("--user-data-dir={}", self.profile.path().display());
        let options = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            // No name resolves: nothing leaves this machine, and nothing waits for what would.
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--window-size=1440,900",
            &profile,
        ];
        let capabilities = json!({ "goog:chromeOptions": { "args": options } });
        let Value::Object(capabilities) = capabilities else { unreachable!("it is an object") };
        ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", self.port))
            .await
            .expect("a browser begins")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Desk {
    async fn script(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.expect("the script runs")
    }

    /// Waits until a script returns something that is so.
    async fn until(&self, script: &str) -> Value {
        let ends = tokio::time::Instant::now() + PATIENCE;
        loop {
            // A page that is just being left answers no script.
            let said = self.client.execute(script, Vec::new()).await.unwrap_or(Value::Null);
            if !matches!(said, Value::Null | Value::Bool(false)) {
                return said;
            }
            assert!(tokio::time::Instant::now() < ends, "never so: {script}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Asks a script within the mail; the frame may be a new one by now, so it is entered afresh.
    async fn in_mail(&self, script: &str) -> Value {
        let ends = tokio::time::Instant::now() + PATIENCE;
        loop {
            let said = self.try_in_mail(script).await;
            self.client.enter_parent_frame().await.expect("there is a page around it");
            match said {
                Some(said) if !matches!(said, Value::Null | Value::Bool(false)) => return said,
                _ => assert!(tokio::time::Instant::now() < ends, "never so in the mail: {script}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn try_in_mail(&self, script: &str) -> Option<Value> {
        let frame = self.client.find(Locator::Css("iframe:not(.loading)")).await.ok()?;
        frame.enter_frame().await.ok()?;
        self.client.execute(script, Vec::new()).await.ok()
    }

    /// Types on the page, wherever it has its focus.
    async fn press(&self, keys: &str) {
        let at = self.client.active_element().await.expect("something has the focus");
        at.send_keys(keys).await.expect("keys can be typed");
    }

    async fn click(&self, css: &str) {
        // What is found may be replaced by a newer page before it is clicked.
        for _ in 0..10 {
            let found = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await;
            if found.expect(css).click().await.is_ok() {
                return;
            }
        }
        panic!("`{css}` cannot be clicked");
    }
}

/// The colours of the mail: its ground, its sheet and its copy.
const COLOURS: &str = "const of = (css, name) => getComputedStyle(document.querySelector(css))[name];\
    return [of('body', 'backgroundColor'), of('.sheet', 'backgroundColor'), of('.p', 'color')].join(' ')";
const DAY: &str = "rgb(238, 235, 228) rgb(255, 255, 255) rgb(27, 26, 24)";
const NIGHT: &str = "rgb(15, 16, 18) rgb(23, 25, 28) rgb(233, 230, 223)";

#[test]
fn a_save_is_followed_without_a_hand_on_the_page() {
    at_desk(&issue("?width=320&mode=dark"), async |desk| {
        desk.script("window.stays = 1; document.querySelector('#to').focus()").await;
        desk.press("me@exa").await;
        desk.running.env.edit("On security, Tokaev", "On surety, Tokaev");
        desk.in_mail("return document.body.innerText.includes('On surety, Tokaev')").await;
        // It is shown where it changed, far below the fold.
        desk.in_mail("return scrollY > 1000").await;
        assert_eq!(desk.in_mail(COLOURS).await, NIGHT, "the night stays");
        let kept = "return [window.stays, innerHeight > 0, document.activeElement.id, document.activeElement.value, \
            document.querySelector('iframe').width].join(' ')";
        assert_eq!(desk.script(kept).await, "1 true to me@exa 320");

        // What does not change the mail leaves it where it is.
        desk.in_mail("return document.readyState === 'complete'").await;
        desk.in_mail("scrollTo(0, 777); return scrollY === 777").await;
        desk.running.env.write("subscribers.csv", "email,name\nnew@example.org,New\n");
        desk.until(
            "return document.querySelector('.people').innerText.includes('new@example.org')",
        )
        .await;
        assert_eq!(desk.in_mail("return scrollY").await, 777);
    });
}

#[test]
fn a_mistake_is_shown_with_its_line_and_goes_when_it_is_mended() {
    at_desk(&issue(""), async |desk| {
        desk.running.env.edit("Dear {{ name }}", "Dear {{ nam }}");
        desk.until("return !!document.querySelector('.stop .problem')").await;
        let said = desk.script("return document.querySelector('.problem').innerText").await;
        let said = said.as_str().expect("text");
        let line = desk.running.env.read(&super::draft());
        let line = line.lines().position(|line| line.contains("{{ nam }}")).expect("it is there");
        assert!(said.contains(&format!("issue.md:{}:9", line + 1)), "{said}");
        for words in ["no merge field is named nam", "Dear {{ nam }},", "did you mean name?"] {
            assert!(said.contains(words), "{words}: {said}");
        }
        let mark = desk.script("return document.querySelector('mark').innerText").await;
        assert_eq!(mark, "nam");
        let dimmed = "return getComputedStyle(document.querySelector('.stage')).opacity < 1";
        assert_eq!(desk.script(dimmed).await, true, "the last good copy is below");
        desk.in_mail("return document.body.innerText.includes('Dear Anna Reader,')").await;
        desk.running.env.edit("Dear {{ nam }}", "Dear {{ name }}");
        desk.until("return !document.querySelector('.stop')").await;
        desk.until("return document.querySelector('.verdict').innerText === 'nothing to mend'")
            .await;
    });
}

#[test]
fn an_issue_that_an_editor_takes_away_and_writes_anew_is_shown_again() {
    at_desk(&issue("?width=320"), async |desk| {
        let env = &desk.running.env;
        let text = env.read(&super::draft());
        std::fs::remove_file(env.root.join(super::draft())).expect("it can be removed");
        desk.until("return document.body.innerText.includes('There is no such issue.')").await;
        env.write(&super::draft(), &text.replace("On security, Tokaev", "On surety, Tokaev"));
        desk.in_mail("return document.body.innerText.includes('On surety, Tokaev')").await;
        assert_eq!(desk.script("return location.search").await, "?width=320");
    });
}

#[test]
fn widths_and_night_are_a_key_or_a_click_away() {
    at_desk(&issue(""), async |desk| {
        assert_eq!(desk.in_mail(COLOURS).await, DAY);
        assert_eq!(desk.in_mail("return innerWidth").await, 600);
        desk.press("1").await;
        desk.until("return location.search === '?width=320'").await;
        assert_eq!(desk.in_mail("return innerWidth").await, 320);
        // Scroll bars, which this browser draws beside what they scroll, are none of the mail's.
        assert_eq!(desk.in_mail("return document.documentElement.clientWidth").await, 320);
        let small =
            desk.in_mail("return getComputedStyle(document.querySelector('.headline')).fontSize");
        assert_eq!(small.await, "28px", "the rules for small screens hold");
        desk.press("d").await;
        desk.until("return location.search === '?width=320&mode=dark'").await;
        assert_eq!(desk.in_mail(COLOURS).await, NIGHT);
        desk.press("3").await;
        desk.until("return location.search === '?width=1200&mode=dark'").await;
        assert_eq!(desk.in_mail("return innerWidth").await, 1200);
        desk.click(".toolbar .choices ul:nth-of-type(3) li:first-child a").await;
        desk.until("return location.search === '?width=1200'").await;
        assert_eq!(desk.in_mail(COLOURS).await, DAY);
    });
}

#[test]
fn a_browser_by_night_shows_a_day_as_a_day() {
    at_desk(&issue(""), async |desk| {
        // The browser's own wish, which a mail is not to follow here.
        desk.look("dark", 1440).await;
        let chrome = "return getComputedStyle(document.body).backgroundColor";
        assert_eq!(desk.script(chrome).await, "rgb(15, 16, 18)", "the page follows it");
        assert_eq!(desk.in_mail(COLOURS).await, DAY);
    });
}

#[test]
fn the_keys_lead_everywhere() {
    let path = issue("");
    at_desk(&path, async |desk| {
        desk.running.env.postrider("draft georgia --date 2026-11-30").code(0);
        desk.until("return !!document.querySelector('[rel=next]')").await;
        desk.press("t").await;
        desk.until("return location.search === '?view=text'").await;
        let text = desk.script("return document.querySelector('pre.text').innerText").await;
        let text = text.as_str().expect("text");
        assert!(
            text.contains("\nKazakhstan Confirms Foreign-Policy Balancing Act\n====="),
            "{text}"
        );
        desk.press("k").await;
        desk.until("return location.pathname === '/issues/2026-11-30-georgia'").await;
        assert_eq!(
            desk.script("return location.search").await,
            "?view=text",
            "the view goes along"
        );
        desk.press(&Key::Left.to_string()).await;
        desk.until("return location.pathname.endsWith('kazakhstan')").await;
        desk.press("s").await;
        desk.until("return location.search === '?view=source'").await;
        let source = desk.script("return document.querySelector('.headers').innerText").await;
        assert!(source.as_str().is_some_and(|text| text.contains("List-Unsubscribe")), "{source}");
        desk.press("h").await;
        desk.until("return !!document.querySelector('iframe')").await;
        desk.press("p").await;
        desk.until("return document.activeElement.id === 'problems'").await;
        desk.press("?").await;
        desk.until("return document.querySelector('.keys').open").await;
        desk.press(&Key::Escape.to_string()).await;
        desk.until("return !document.querySelector('.keys').open").await;
        // In a field a key is a letter.
        desk.script("document.querySelector('#find').focus()").await;
        desk.press("d1t?").await;
        assert_eq!(desk.script("return document.querySelector('#find').value").await, "d1t?");
    });
}

#[test]
fn a_test_mail_of_any_readers_copy_is_sent_from_the_page() {
    at_desk(&issue(""), async |desk| {
        desk.script("document.querySelector('#find').value = 'Болат'").await;
        desk.click(".find button").await;
        desk.click(".people a").await;
        desk.until("return location.search.includes('as=bolat%40example.com')").await;
        desk.in_mail("return document.body.innerText.includes('Dear Болат Әбдіров,')").await;
        desk.script("document.querySelector('#to').focus()").await;
        desk.press("me@example.net").await;
        desk.click(".test button").await;
        let told = desk.until("return document.querySelector('.outcome')?.innerText").await;
        let told = told.as_str().expect("text");
        assert!(told.starts_with("[Test] is on its way to me@example.net."), "{told}");
        let mails = desk.running.env.mails();
        assert_eq!(mails.len(), 1);
        for words in ["\nSubject: [Test] Kazakhstan", "<me@example.net>"] {
            assert!(mails[0].contains(words), "{words}: {}", mails[0]);
        }
        // The page after it is a page to look at: a reload sends nothing.
        desk.client.refresh().await.expect("it reloads");
        desk.until("return !!document.querySelector('.outcome')").await;
        assert_eq!(desk.running.env.mails().len(), 1);

        desk.script("document.querySelector('#to').value = 'nobody'").await;
        desk.click(".test button").await;
        desk.until("return document.querySelector('.outcome.failed')?.innerText.includes('is not an address')")
            .await;
    });
}

#[test]
fn a_picture_that_travels_along_is_seen() {
    at_desk(&issue(""), async |desk| {
        super::page::with_picture(&desk.running.env);
        desk.in_mail("return document.querySelector('.picture')?.naturalWidth > 0").await;
    });
}

#[test]
fn a_page_of_another_site_can_neither_read_nor_post() {
    at_desk("/nothing", async |desk| {
        let own = format!("http://{}", desk.running.host);
        // The same machine by a name that is another origin.
        let port = own.rsplit(':').next().unwrap_or_default().to_owned();
        desk.client.goto(&format!("{own}{}", issue(""))).await.expect("our page sets its cookie");
        desk.client.goto(&format!("http://127.0.0.2:{port}/")).await.ok();
        let stranger = "data:text/html,<title>stranger</title>";
        desk.client.goto(stranger).await.expect("a stranger's page opens");
        let read = format!(
            "const done = arguments[0]; fetch('{own}{}').then(a => a.text()).then(() => done('read'), () => done('kept'))",
            issue("")
        );
        let read = desk.client.execute_async(&read, Vec::new()).await.expect("it runs");
        assert_eq!(read, "kept");
        let post = format!(
            "document.body.innerHTML = '<form method=post action=\"{own}{}\"><input name=to value=a@example.org></form>';\
             document.forms[0].submit()",
            issue("/test")
        );
        desk.script(&post).await;
        desk.until("return document.title === 'Forbidden'").await;
        assert_eq!(desk.running.env.mails().len(), 0);
    });
}

#[test]
fn axe_finds_nothing_wrong_with_any_page() {
    let axe = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/judges/node_modules/axe-core/axe.min.js");
    let Ok(axe) = std::fs::read_to_string(axe) else {
        return skipped("axe-core, which `tests/run` installs");
    };
    at_desk(&issue(""), async |desk| {
        desk.running.env.postrider("draft georgia --date 2026-11-30").code(0);
        for (scheme, width, path) in [
            ("light", 320, ""),
            ("light", 800, "?view=text"),
            ("light", 1440, "?view=source&find=a"),
            ("dark", 320, "?view=text&mode=dark"),
            ("dark", 800, "?width=1200&as=blank"),
            ("dark", 1440, ""),
            ("light", 800, "-that-is-not-there"),
            ("dark", 320, "?as=nobody"),
        ] {
            desk.look(scheme, width).await;
            desk.judge(&axe, &issue(path), &format!("{scheme}, {width} px, {path}")).await;
        }
        desk.running.env.edit("Dear {{ name }}", "Dear {{ nam }}");
        desk.running.env.edit("> — Kasym", "> Kasym");
        for (scheme, width) in [("light", 1440), ("dark", 320)] {
            desk.look(scheme, width).await;
            desk.judge(&axe, &issue(""), &format!("{scheme}, what stops a draft")).await;
        }
    });
}

impl Desk {
    /// Makes the browser prefer a scheme, and its window as wide as this.
    async fn look(&self, scheme: &str, width: u32) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        let size =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        for (name, what) in [
            ("setEmulatedMedia", json!({ "features": features })),
            ("setDeviceMetricsOverride", size),
        ] {
            self.devtools(json!({ "cmd": format!("Emulation.{name}"), "params": what })).await;
        }
    }

    /// Gives the browser a command of its own protocol.
    async fn devtools(&self, command: Value) {
        #[derive(Debug)]
        struct Devtools(Value);
        impl fantoccini::wd::WebDriverCompatibleCommand for Devtools {
            fn endpoint(
                &self,
                base: &url::Url,
                session: Option<&str>,
            ) -> Result<url::Url, url::ParseError> {
                base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
            }

            fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
                (http::Method::POST, Some(self.0.to_string()))
            }
        }
        self.client.issue_cmd(Devtools(command)).await.expect("the browser obeys");
    }

    async fn judge(&self, axe: &str, path: &str, what: &str) {
        let url = format!("http://{}{path}", self.running.host);
        self.client.goto(&url).await.expect("the page opens");
        self.script(axe).await;
        let run = "const done = arguments[0]; axe.run({ iframes: false }).then(({ violations }) => done( \
            violations.flatMap(({ id, nodes }) => nodes.map(({ target, any }) => `${id}: ${target}: ${any.map(a => a.message)}`))))";
        let faults = self.client.execute_async(run, Vec::new()).await.expect("axe runs");
        assert_eq!(faults, json!([]), "{what}");
        let wide = "return document.documentElement.scrollWidth > innerWidth";
        assert_eq!(self.script(wide).await, false, "{what}: it scrolls sideways");
    }
}
