//! What the page says, of an issue that can be set and of one that cannot.

use std::io::Read;

use super::{Running, draft, http, issue, shows};
use crate::command::env::{Env, ISSUE};

#[test]
fn an_issue_is_shown_with_all_that_is_to_be_said_of_it() {
    shows(&Running::start(Env::publication()), "an_issue", &issue(""));
}

#[test]
fn a_draft_that_cannot_be_set_is_shown_with_what_stops_it() {
    let env = Env::publication();
    env.edit("Dear {{ name }}", "Dear {{ nam }}");
    env.edit("(https://www.example.org/asia-society)", "(javascript:alert)");
    let running = Running::start(env);
    shows(&running, "what_stops_a_draft", &issue(""));
    assert_eq!(running.get(&issue("/mail")).status, 404);
}

#[test]
fn the_last_good_copy_stays_in_sight_below_what_stops_the_next() {
    let running = Running::start(Env::publication());
    running.page(&issue(""));
    running.env.edit("Dear {{ name }}", "Dear {{ nam }}");
    let page = running.page(&issue(""));
    for words in
        ["This draft cannot be set yet", "as it last could be set", "<iframe", "did you mean"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(running.page(&issue("/mail")).contains("Dear Anna Reader"));
    running.env.set("[relay]", "[relya]");
    let page = running.page(&issue(""));
    assert!(page.contains("publication.toml") && page.contains("<iframe"), "{page}");
    running.env.set("[relya]", "[relay]");
    running.env.edit("Dear {{ nam }}", "Dear {{ name }}");
    assert!(!running.page(&issue("")).contains("cannot be set"));
}

#[test]
fn every_reader_has_their_own_copy() {
    let running = Running::start(Env::publication());
    for (reader, said) in [
        ("", "Dear Anna Reader,"),
        ("as=blank", "Dear Reader,"),
        ("as=anna%40example.org", "Dear Anna O’Neill,"),
        ("as=bolat%40example.com", "Dear Болат Әбдіров,"),
    ] {
        assert!(running.page(&issue(&format!("/mail?{reader}"))).contains(said), "{reader}");
        let text = running.page(&issue(&format!("?view=text&{reader}")));
        assert!(text.contains(said), "{reader}");
    }
    let page = running.page(&issue("?as=nobody%40example.org"));
    assert!(page.contains("There is no such copy"), "{page}");
    assert!(page.contains("nobody@example.org is not on the list"), "{page}");
    let found = running.page(&issue("?find=%D0%91%D0%BE%D0%BB%D0%B0%D1%82"));
    let (_, list) = found.split_once("class=\"list people\"").expect("readers are listed");
    assert!(list.contains("bolat@example.com") && !list.contains("anna@example.org"), "{list}");
    assert!(running.page(&issue("?find=zzz")).contains("Nobody is called so."));
}

#[test]
fn a_reader_who_would_be_left_out_is_told_why() {
    let env = Env::publication();
    env.set("# account = { required = true }", "account = { required = true }");
    env.edit("Dear {{ name }}", "Dear {{ name }} of {{ account }}");
    let running = Running::start(env);
    assert!(running.page(&issue("/mail")).contains("of [account]"));
    let page = running.page(&issue("?as=blank"));
    assert!(page.contains("reader@example.org would be left out"), "{page}");
}

#[test]
fn the_whole_message_can_be_saved() {
    let running = Running::start(Env::publication());
    let answer = running.get(&issue("/mail.eml?as=anna%40example.org"));
    assert_eq!(answer.header("content-type"), "message/rfc822");
    assert!(answer.header("content-disposition").starts_with("attachment"));
    assert!(answer.body.contains("Subject: Kazakhstan Confirms"), "{}", answer.body);
    assert!(answer.body.contains("Date: Mon, 6 Oct 2003 06:00:00 +0000"), "{}", answer.body);
}

#[test]
fn a_picture_that_travels_along_is_shown_and_nothing_else_beside_the_draft() {
    let env = Env::publication();
    with_picture(&env);
    let running = Running::start(env);
    let mail = running.page(&issue("/mail"));
    let (_, rest) = mail.split_once(&format!("src=\"{}", issue("/pictures/"))).expect("a picture");
    let id = rest.split('"').next().unwrap_or_default();
    let answer = running.get(&issue(&format!("/pictures/{id}")));
    assert_eq!((answer.status, answer.header("content-type")), (200, "image/png"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    for other in ["issue.md", "btc.png", "..%2fissue.md", "", "x"] {
        assert_eq!(running.get(&issue(&format!("/pictures/{other}"))).status, 404, "{other}");
    }
}

/// Puts a picture beside the draft and into it.
pub(super) fn with_picture(env: &Env) {
    let bytes = include_bytes!("../../fixtures/beside/btc.png");
    std::fs::write(env.root.join(format!("issues/{ISSUE}/btc.png")), bytes).expect("written");
    env.edit("## Security and Iraq", "![The pipeline on a map](btc.png)\n\n## Security and Iraq");
}

#[test]
fn a_mail_that_gmail_would_clip_is_told() {
    for (paragraphs, class) in [(60, "near"), (90, "over")] {
        let env = Env::publication();
        let long = format!("{}\n\n", "word ".repeat(220)).repeat(paragraphs);
        env.edit("## Security and Iraq", &format!("{long}## Security and Iraq"));
        let page = Running::start(env).page(&issue(""));
        assert!(page.contains(&format!("<strong class=\"{class}\">")), "{paragraphs}: {page}");
    }
}

#[test]
fn a_publication_without_an_issue_says_how_to_begin_one() {
    let env = Env::publication();
    std::fs::remove_dir_all(env.root.join("issues")).expect("it was there");
    let running = Running::start(env);
    let answer = running.get("/");
    assert_eq!(answer.status, 404);
    assert!(
        answer.body.contains("<code>postrider draft SLUG</code> begins one"),
        "{}",
        answer.body
    );
}

#[test]
fn the_newest_issue_is_the_first_page_and_the_others_are_linked() {
    let env = Env::publication();
    env.postrider("draft georgia --date 2026-11-30").code(0);
    let running = Running::start(env);
    let answer = running.get("/");
    assert_eq!(answer.header("location"), "/issues/2026-11-30-georgia");
    let page = running.page("/issues/2026-11-30-georgia?view=text&as=blank");
    let before = format!("rel=\"prev\" href=\"{}\"", issue("?view=text&amp;as=blank"));
    assert!(page.contains(&before), "the choice goes along: {page}");
}

#[test]
fn every_save_is_told_and_reading_is_not() {
    let running = Running::start(Env::publication());
    let page = running.page(&issue(""));
    let (_, rest) = page.split_once("data-version=\"").expect("a version");
    let version = rest.split('"').next().unwrap_or_default();
    let head = format!("GET /events?version={version} HTTP/1.1\r\nHost: {}\r\n\r\n", running.host);
    let mut stream = http::say(&running.host, head.as_bytes());
    // Pages are read in between; only the saves are told, each as another version.
    for save in 1..=2 {
        running.page(&issue("?view=text"));
        running.env.write(&draft(), &(running.env.read(&draft()) + "\nMore.\n"));
        let (run, _) = version.rsplit_once('-').expect("a run and a count");
        let told = until(&mut stream, "\n\n");
        assert!(told.contains("event: save"), "{told}");
        assert!(told.contains(&format!("data: {run}-{save}")), "{told}");
    }
}

/// Reads up to an end that comes after the stream's own head.
fn until(stream: &mut impl Read, end: &str) -> String {
    let mut told = String::new();
    let mut byte = [0];
    while !told.contains("data: ") || !told.ends_with(end) {
        let read = stream.read(&mut byte).expect("the next byte comes");
        assert_eq!(read, 1, "it was hung up on after {told}");
        told.push(char::from(byte[0]));
    }
    told
}

#[test]
fn every_file_that_a_page_is_made_from_is_watched() {
    for (file, text) in [
        ("templates/theme.css", ".p { color: $accent }\n"),
        ("subscribers.csv", "email\nnew@example.org\n"),
        ("issues/2026-11-30-new/issue.md", "+++\ndate = 2026-11-30\n+++\n\n# New\n\nNews.\n"),
    ] {
        let running = Running::start(Env::publication());
        let head = format!("GET /events HTTP/1.1\r\nHost: {}\r\n\r\n", running.host);
        let mut stream = http::say(&running.host, head.as_bytes());
        // The stream's head tells that the version it waits to pass is known.
        let mut first = [0];
        stream.read_exact(&mut first).expect("it begins to answer");
        running.env.write(file, text);
        until(&mut stream, "\n\n");
    }
}
