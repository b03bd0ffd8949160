//! What readers do: subscribe, confirm, leave, take it back, say their name.

use std::{
    io::Read,
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use postrider::outbox::{Keep, Outbox, OutboxSettings};

use super::{Site, publication};

const ANNA: &str = "anna@example.org";

#[test]
fn a_new_reader_confirms_before_anything_is_sent_to_them() {
    let site = Site::start();
    assert!(site.page("/").contains("action=\"/subscribe\""));
    let asked = site.send("/subscribe", "address=new%40example.org&website=");
    assert_eq!(asked.status, 200);
    assert!(asked.body.contains("Look into your mailbox"), "{asked:?}");
    assert_eq!(site.state("new@example.org"), "pending");
    let confirm = site.link("new@example.org", "/confirm/");
    assert!(site.page(&confirm).contains("<button"));
    assert_eq!(site.state("new@example.org"), "pending", "a look changes nothing");
    assert!(site.send(&confirm, "confirm=1").body.contains("You are subscribed"));
    assert_eq!(site.state("new@example.org"), "active");
    assert_eq!(site.send(&confirm, "confirm=1").status, 200, "twice is as good as once");
    let told = site.env.postrider("subscribers show new@example.org").code(0);
    told.tells("the button in the mail was pressed, from 127.0.0.1");
}

#[test]
fn a_mail_that_asks_counts_from_when_it_left_although_the_relay_was_slow_to_greet() {
    let script = "greeting wait 3200ms".parse().expect("a script");
    let settings = OutboxSettings { script, ..OutboxSettings::new(Keep::Count) };
    let relay = Outbox::start(settings).expect("a relay");
    let env = publication();
    env.set("rate = [\"2000/s\"]", "rate = [\"1/hour\"]");
    let env = env.relay(&format!("smtp://127.0.0.1:{}?tls=none", relay.address().port()));
    let site = Site::of(env);
    let asked = Timestamp::now();
    assert_eq!(site.send("/subscribe", "address=new%40example.org&website=").status, 200);
    let until = Instant::now() + Duration::from_mins(1);
    while relay.accepted() == 0 {
        assert!(Instant::now() < until, "it is never sent");
        thread::sleep(Duration::from_millis(50));
    }
    let ledger = rusqlite::Connection::open(site.env.root.join(".postrider/ledger.sqlite"));
    let sql = "SELECT max(at), count(*) FROM beginnings WHERE lane LIKE 'relay %'";
    let row = ledger.expect("it opens").query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
    let (at, count): (i64, i64) = row.expect("it counts");
    assert_eq!(count, 1, "its first turn is another's");
    assert!(at >= asked.as_microsecond() + 3_200_000, "{at} is before it left");
}

#[test]
fn the_mail_that_asks_holds_nothing_that_was_typed_and_lets_its_reader_leave() {
    let site = Site::start();
    let typed = "address=new%40example.org&name=%3Cscript%3E&note=buy%20pills";
    site.send("/subscribe", typed);
    site.link("new@example.org", "/confirm/");
    let mails = site.env.mails();
    let mail = mails.iter().find(|mail| mail.contains("Please confirm")).expect("it was sent");
    assert!(!mail.contains("pills") && !mail.contains("<script"), "{mail}");
    assert!(mail.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"), "{mail}");
    let leave = site.link("new@example.org", "/u/");
    site.send(&leave, "leave=1");
    assert_eq!(site.state("new@example.org"), "unsubscribed");
    let confirm = site.link("new@example.org", "/confirm/");
    let answer = site.send(&confirm, "confirm=1");
    // Within the minute of the mail the two cannot be told apart, so the button still counts.
    assert!(matches!(answer.status, 200 | 410), "{answer:?}");
}

#[test]
fn a_mail_program_unsubscribes_with_one_request_as_rfc_8058_says() {
    for (kind, body) in [
        ("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click".to_owned()),
        (
            "multipart/form-data; boundary=x",
            "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n".to_owned(),
        ),
        ("text/plain", String::new()),
    ] {
        let site = Site::start();
        let leave = site.link(ANNA, "/u/");
        let head = format!("POST {leave} HTTP/1.1\r\nHost: news.example.org\r\nContent-Type: {kind}\r\n");
        let answer = crate::http::ask(&site.host, &head, &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!((answer.header("location"), answer.header("set-cookie")), ("", ""));
        assert_eq!(site.state(ANNA), "unsubscribed", "{kind}");
    }
}

#[test]
fn a_new_key_ends_no_link_and_nobody_starts_the_pages_anew_for_it() {
    let site = Site::start();
    let old = site.link(ANNA, "/u/");
    site.env.postrider("keys new unsubscribe").code(0);
    site.send("/subscribe", "address=new%40example.org&website=");
    let new = site.link("new@example.org", "/u/");
    assert_ne!(old[3..5], new[3..5], "another key signed it: {old} {new}");
    let until = Instant::now() + Duration::from_mins(1);
    while site.get(&new).status != 200 {
        assert!(Instant::now() < until, "the pages never know the new key");
        thread::sleep(Duration::from_millis(50));
    }
    assert!(site.page(&old).contains("Leave the TT Business Intelligence Report?"));
    site.send(&old, "leave=1");
    site.send(&new, "leave=1");
    let states = [ANNA, "new@example.org"].map(|reader| site.state(reader));
    assert_eq!(states, ["unsubscribed", "unsubscribed"]);
}

#[test]
fn leaving_is_one_press_and_can_be_taken_back() {
    let site = Site::start();
    let leave = site.link(ANNA, "/u/");
    for _ in 0..2 {
        assert!(site.page(&leave).contains("Leave the TT Business Intelligence Report?"));
        assert_eq!(site.state(ANNA), "active", "a look changes nothing");
    }
    assert!(site.send(&leave, "leave=1").body.contains("You have left"));
    assert_eq!(site.state(ANNA), "unsubscribed");
    assert!(site.send(&leave, "undo=1").body.contains("You are subscribed again"));
    assert_eq!(site.state(ANNA), "active");
    site.send(&leave, "leave=1");
    site.env.postrider("subscribers unsubscribe bolat@example.com").code(0);
    let other = site.link("bolat@example.com", "/u/");
    assert_eq!(
        site.send(&other, "undo=1").status,
        410,
        "who left elsewhere is not brought back here"
    );
    assert_eq!(site.state("bolat@example.com"), "unsubscribed");
}

#[test]
fn whoever_presses_twice_to_come_back_is_told_by_both_answers_that_they_are() {
    let site = Site::start();
    let leave = site.link(ANNA, "/u/");
    for _ in 0..10 {
        site.send(&leave, "leave=1");
        let press = || site.send(&leave, "undo=1").status;
        let statuses = thread::scope(|scope| {
            [scope.spawn(press), scope.spawn(press)].map(|press| press.join().expect("an answer"))
        });
        assert_eq!(statuses, [200, 200]);
        assert_eq!(site.state(ANNA), "active");
    }
}

#[test]
fn whoever_left_is_not_mailed_by_the_next_issue_and_may_subscribe_anew() {
    let site = Site::start();
    let leave = site.link(ANNA, "/u/");
    site.send(&leave, "leave=1");
    site.send("/subscribe", "address=Anna%40EXAMPLE.org");
    assert_eq!(site.state(ANNA), "unsubscribed", "a form alone changes nothing");
    let confirm = site.link(ANNA, "/confirm/");
    site.env.postrider("draft next --date 2026-12-07").code(0);
    assert_eq!(site.env.json("plan 2026-12-07-next")["recipients"], 2);
    site.send(&confirm, "confirm=1");
    assert_eq!(site.state(ANNA), "active");
}

#[test]
fn a_reader_says_how_they_are_called() {
    let site = Site::start();
    let path = preferences(&site, ANNA);
    assert!(site.page(&path).contains("Anna O’Neill"));
    site.send(&path, "name=Anna%0D%0ABcc%3A+x%40example.org+%3Cb%3E");
    let page = site.page(&path);
    assert!(page.contains("value=\"AnnaBcc: x@example.org &lt;b&gt;\""), "{page}");
}

/// Returns the path of a reader's preferences.
fn preferences(site: &Site, address: &str) -> String {
    let page = site.page(&site.link(address, "/u/"));
    let (_, rest) = page.split_once("href=\"/p/").expect("a link to the preferences");
    format!("/p/{}", rest.split('"').next().expect("its end"))
}

#[test]
fn a_reader_pauses_and_is_told_by_plan_and_by_the_issue_that_they_do() {
    let site = Site::start();
    let path = preferences(&site, ANNA);
    assert!(site.send(&path, "name=&pause=1-month").body.contains("Saved"));
    let page = site.page(&path);
    assert!(page.contains("selected>None until ") && page.contains("Anna O’Neill"), "{page}");
    site.env.postrider("draft next --date 2026-12-07").code(0);
    let plan = site.env.json("plan 2026-12-07-next");
    assert_eq!(
        (&plan["recipients"], &plan["excluded"]["paused by the reader"]),
        (&2.into(), &1.into()),
        "{plan}"
    );
    site.env.postrider("send 2026-12-07-next --yes").code(0).tells("paused by the reader");
    site.env.postrider("log anna@example.org").code(0).tells("paused by the reader");
    let told = site.env.postrider("subscribers show anna@example.org").code(0);
    told.tells("wants no issue until");
    assert_eq!(site.state(ANNA), "active");
    // The form as it stands changes nothing; another choice ends the pause.
    site.send(&path, "pause=as-it-is");
    assert!(site.page(&path).contains("selected>None until "));
    site.send(&path, "pause=none");
    assert!(!site.page(&path).contains("None until "));
    site.env.postrider("draft third --date 2026-12-14").code(0);
    assert_eq!(site.env.json("plan 2026-12-14-third")["recipients"], 3);
}

#[test]
fn a_readers_own_words_stand_over_the_list_file() {
    let env = publication();
    let text = env.read("publication.toml");
    env.write("publication.toml", &format!("{text}languages = [\"en\", \"de\"]\n"));
    env.postrider("send kazakhstan --yes").code(0);
    let site = Site::of(env);
    let path = preferences(&site, ANNA);
    assert!(site.page(&path).contains("<option value=\"de\" lang=\"de\">Deutsch</option>"));
    site.send(&path, "name=Dr.+Anna&language=de&pause=none");
    // A language that nobody offers is nobody's.
    site.send(&path, "name=Dr.+Anna&language=tlh&pause=none");
    site.env.postrider("draft next --date 2026-12-07").code(0);
    site.env.postrider("send 2026-12-07-next --yes").code(0);
    let person = site.env.json("subscribers show anna@example.org");
    assert_eq!(
        (&person["name"], &person["fields"]["language"]),
        (&"Dr. Anna".into(), &"de".into())
    );
    let german = site.env.postrider("subscribers list --segment 'language = de' --json").code(0);
    assert_eq!(german.out.lines().count(), 1);
}

#[test]
fn a_reader_of_several_publications_may_leave_them_all_at_once() {
    let site = Site::start();
    let leave = site.link(ANNA, "/u/");
    assert!(!site.page(&leave).contains("value=\"all\""), "there is only one");
    let text = site.env.read("publication.toml");
    site.env.write(
        "other/publication.toml",
        &text.replace("id = \"tt-report\"", "id = \"weekly\"").replace(
            "[publication]",
            "[ledger]\nurl = \"sqlite:../.postrider/ledger.sqlite\"\n\n[publication]",
        ),
    );
    site.env.postrider("-C other subscribers add anna@example.org").code(0);
    let page = site.page(&leave);
    assert!(page.contains("value=\"all\"") && page.contains("value=\"1\""), "{page}");
    assert!(site.send(&leave, "leave=all").body.contains("You have left them all"));
    assert_eq!(site.state(ANNA), "unsubscribed");
    site.env.postrider("-C other subscribers show anna@example.org").code(0).tells("unsubscribed");
    let other = |words: &str| {
        site.env.postrider("-C other subscribers show anna@example.org").code(0).tells(words);
    };
    other("and every other publication");
    assert!(site.send(&leave, "undo=1").body.contains("You are subscribed again"));
    assert_eq!(site.state(ANNA), "active");
    other("taken back at once");
    // What was left by another press stays left.
    site.env.postrider("-C other subscribers unsubscribe anna@example.org").code(0);
    site.send(&leave, "leave=all");
    site.send(&leave, "undo=1");
    assert_eq!(site.state(ANNA), "active");
    other("unsubscribed anna@example.org");
}

#[test]
fn the_link_of_a_test_mail_says_so_and_does_nothing() {
    let site = Site::of(publication());
    site.env.postrider("test kazakhstan --to anna@example.org").code(0);
    let leave = site.link(ANNA, "/u/");
    assert!(site.page(&leave).contains("This link is from a test"));
    assert!(site.send(&leave, "leave=1").body.contains("This link is from a test"));
    assert_ne!(site.state(ANNA), "unsubscribed");
}

#[test]
fn a_site_ends_when_it_is_asked_to_and_tells_how_it_was() {
    let site = Site::start();
    let get = |path: &str| {
        crate::http::ask(&site.health, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n"), "")
    };
    assert_eq!(get("/healthz").body, "well\n");
    site.page("/");
    let metrics = get("/metrics").body;
    assert!(metrics.contains("\npostrider_web_requests_total 1\n"), "{metrics}");
    assert!(!site.get("/metrics").body.contains("postrider_web"), "not for readers");
    assert_eq!(site.stop(), "");
}

#[test]
fn a_site_whose_ledger_moves_ends_and_says_where_the_new_one_is() {
    let mut site = Site::start();
    site.env.postrider("ledger migrate --to .postrider/second.sqlite").code(0);
    let ended = site.child.wait().expect("it is ours");
    assert_eq!(ended.code(), Some(76), "nothing that readers say would be kept");
    let mut said = String::new();
    site.child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert!(said.contains("has moved to") && said.contains("second.sqlite"), "{said}");
    site.env.set("[links]", "[ledger]\nurl = \"sqlite:.postrider/second.sqlite\"\n\n[links]");
    let site = Site::of(std::mem::replace(&mut site.env, publication()));
    site.send(&site.link(ANNA, "/u/"), "leave=1");
    assert_eq!(site.state(ANNA), "unsubscribed");
}
