//! What has appeared: on the site, in its feed, and as files.

use std::{collections::BTreeMap, fs};

use super::{Site, publication};
use crate::command::env::{Env, ISSUE};

#[test]
fn the_archive_shows_an_issue_without_any_reader_in_it() {
    let site = Site::start();
    assert!(site.page("/issues").contains(&format!("href=\"/issues/{ISSUE}\"")));
    let answer = site.get(&format!("/issues/{ISSUE}"));
    assert!(answer.body.contains("Kazakhstan does not mean to choose"), "{answer:?}");
    for personal in ["Anna", "anna@example.org", "reader.invalid", "/u/", "Unsubscribe", "Болат"]
    {
        assert!(!answer.body.contains(personal), "{personal}");
    }
    assert!(answer.body.contains("Dear Reader,"), "a field is its default");
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("sandbox") && policy.contains("default-src 'none'"), "{policy}");
    assert_eq!(site.get("/issues/2003-10-06").status, 404, "a part of a name is none");
}

#[test]
fn an_issue_that_nobody_has_yet_is_not_in_the_archive() {
    let env = publication();
    env.postrider("send kazakhstan --yes --canary 1").code(75);
    let site = Site::of(env);
    assert_eq!(site.get(&format!("/issues/{ISSUE}")).status, 404);
    assert!(site.page("/").contains("No issue has appeared yet."));
    site.env.postrider("resume kazakhstan").code(0);
    site.env.postrider("send kazakhstan --yes").code(0);
    assert_eq!(site.get(&format!("/issues/{ISSUE}")).status, 200, "and then it is");
}

#[test]
fn the_feed_is_atom_that_a_stranger_reads() {
    let site = Site::start();
    let answer = site.get("/feed.xml");
    assert!(answer.header("content-type").starts_with("application/atom+xml"));
    let said = crate::python::python_with("feedparser", "feed.py", &[], answer.body.as_bytes());
    let expected = format!(
        "1 Kazakhstan Confirms Foreign-Policy Balancing Act https://news.example.org/issues/{ISSUE}\n"
    );
    if let Some(said) = said {
        assert_eq!(String::from_utf8_lossy(&said), expected);
    }
}

#[test]
fn the_archive_as_files_is_the_same_byte_for_byte_until_something_appears() {
    let env = publication();
    env.write("pages/privacy.md", "# Privacy\n\nWe keep *little*.\n");
    env.postrider("send kazakhstan --yes").code(0);
    env.postrider("archive public").code(0).tells("6 files in public, 6 of them new or changed");
    let first = files(&env);
    env.postrider("archive public").code(0).tells("0 of them new or changed");
    assert_eq!(files(&env), first);
    for (path, bytes) in &first {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains("anna@") && !text.contains("<form"), "{path}");
    }
    env.postrider("draft next --like kazakhstan --date 2026-12-07").code(0);
    env.postrider("send 2026-12-07-next --yes").code(0);
    env.postrider("archive public").code(0).tells("4 of them new or changed");
    assert_ne!(files(&env), first);
}

#[test]
fn an_issue_that_was_cancelled_leaves_the_folder_and_nothing_else_does() {
    let env = publication();
    env.postrider("send kazakhstan --yes --limit 1").code(75);
    env.postrider("archive public").code(0);
    env.write("public/issues/mine.html", "mine");
    let mut without = files(&env);
    env.postrider("cancel kazakhstan --yes").code(0);
    env.postrider("archive public").code(0).tells("3 of them new or changed; 1 taken away");
    without.retain(|path, _| !path.ends_with(&format!("{ISSUE}/index.html")));
    assert!(files(&env).keys().eq(without.keys()), "{:?}", files(&env).keys());
    assert!(!env.root.join("public/issues").join(ISSUE).exists(), "its folder is empty");
    env.postrider("archive .").code(76).tells("holds a publication");
    assert!(env.root.join("issues").join(ISSUE).join("issue.md").exists());
}

#[test]
fn the_publications_own_pages_are_its_markdown() {
    let env = publication();
    env.write("pages/disclaimer.md", "# Disclaimer\n\nSome *advice* <script>x</script>\n");
    let site = Site::of(env);
    let page = site.page("/disclaimer");
    assert!(page.contains("<em>advice</em> &lt;script&gt;x"), "{page}");
    assert_eq!(site.get("/privacy").header("location"), "https://www.example.org/privacy");
    let page = site.page("/feedback");
    assert!(page.contains("<h1>Feedback</h1>"), "{page}");
    assert!(
        page.contains("<a href=\"mailto:feedback@example.org\"><bdi>feedback@example.org"),
        "{page}"
    );
}

fn files(env: &Env) -> BTreeMap<String, Vec<u8>> {
    let folder = env.root.join("public");
    let all = env.files().into_iter().filter(|path| path.starts_with(&folder));
    all.map(|path| (path.display().to_string(), fs::read(&path).expect("a file"))).collect()
}

#[test]
fn an_archive_that_nobody_serves_promises_no_page_to_leave_on() {
    let env = Env::publication();
    env.postrider("archive public").code(78).tells("where the archive is reached");
    env.set(
        "archive = \"https://www.example.org/report\"",
        "archive = \"https://www.example.org/report/issues\"",
    );
    env.postrider("send kazakhstan --yes").code(0);
    env.postrider("archive public").code(0);
    let base = "https://www.example.org/report";
    let home = env.read("public/index.html");
    assert!(home.contains(&format!("href=\"{base}/issues/{ISSUE}\"")), "{home}");
    assert!(home.contains(&format!("href=\"{base}/site.css\"")), "{home}");
    let issue = env.read(&format!("public/issues/{ISSUE}/index.html"));
    assert!(issue.contains(&format!("href=\"{base}/issues\"")), "the way to the others");
    for mail in env.mails() {
        assert!(!mail.contains("List-Unsubscribe-Post") && !mail.contains("/u/"), "{mail}");
        assert!(mail.contains(&format!("{base}/issues/{ISSUE}")), "{mail}");
    }
}
