//! Questions about what comes back: who is suppressed by it, who is not, and that it counts once.

use std::time::Duration;

use postrider::{
    bounce::{Cause, Kind, Missing},
    ledger::{About, Did, Entry, Freeze, Note, Noted},
    model::{IssueState, Outcome, SubscriberState as S},
};

use super::{
    Desk, ask_every_ledger,
    desk::{LIST, accepted, address, instant, order},
};

ask_every_ledger! {
    a_hard_bounce_suppresses_at_first_and_counts_once,
    the_third_soft_bounce_in_fifteen_days_suppresses,
    an_issue_that_did_not_bounce_begins_the_count_anew,
    soft_bounces_of_one_issue_count_once,
    a_refusal_by_policy_suppresses_nobody,
    who_complains_or_leaves_is_suppressed_at_once,
    what_nothing_proves_is_only_listed,
    a_report_on_nobody_is_noted_and_does_nothing,
    a_rehearsed_report_leaves_nothing,
    the_words_of_a_report_go_with_the_erased,
    refused_softly_issue_after_issue_counts_like_a_bounce,
    a_bounce_and_refusals_at_delivery_make_one_row,
    what_is_said_of_us_or_by_nobody_gives_up_no_reader,
    an_accepted_issue_begins_the_count_of_refusals_anew,
    who_comes_back_begins_the_count_anew,
    what_nothing_proves_is_listed_until_somebody_decides,
    what_came_back_is_forgotten_in_days,
}

const DAY: i64 = 24 * 3_600;

fn note(digest: &str, kind: Kind, about: About) -> Note {
    Note {
        digest: digest.to_owned(),
        about,
        kind,
        cause: Some(Cause::NoMailbox).filter(|_| kind == Kind::Hard),
        code: "5.1.1".to_owned(),
        said: format!("550 {digest}"),
        source: "a test".to_owned(),
        rehearse: false,
    }
}

async fn tell(desk: &Desk, note: &Note) -> Noted {
    desk.ledger.report(LIST, note).await.expect("it notes")
}

/// Sends another issue to everybody on the list and finishes it; returns its number.
async fn send(desk: &Desk, slug: &str) -> i64 {
    let order = Freeze { slug: slug.to_owned(), ..order() };
    let frozen = desk.ledger.freeze(order, None, Box::new(|_| Ok(()))).await.expect("it freezes");
    let issue = frozen.issue.id;
    for claim in desk.claim(issue, "ann/1", 9).await {
        desk.enter(Entry::Begin(claim.ticket)).await;
        desk.enter(Entry::Record(claim.ticket, accepted())).await;
    }
    let from = [IssueState::Sending];
    let turned = desk.ledger.turn(LIST, slug, &from, IssueState::Finished, "").await;
    assert!(turned.expect("it turns"));
    issue
}

async fn a_hard_bounce_suppresses_at_first_and_counts_once(desk: Desk) {
    desk.enrol(&["ann", "bob"]).await;
    let issue = send(&desk, "one").await;
    let hard = note("a", Kind::Hard, About::Delivery { issue, slot: 1 });
    let noted = tell(&desk, &hard).await;
    assert_eq!(noted.did, Did::Moved(S::Bounced));
    assert_eq!((noted.address.as_str(), noted.issue.as_deref()), ("ann@example.org", Some("one")));
    assert_eq!(desk.state_of("ann").await, Some(S::Bounced));
    assert_eq!(tell(&desk, &hard).await, Noted { did: Did::Known, ..noted });
    let again = tell(&desk, &Note { digest: "b".to_owned(), ..hard }).await;
    assert_eq!(again.did, Did::Stays(S::Bounced));
    let history = desk.ledger.history(LIST, &address("ann")).await.expect("it tells");
    assert_eq!(history.len(), 2);
    let last = &history[1].event;
    assert_eq!((last.name.as_str(), last.source.as_str()), ("bounce", "a test"));
    assert_eq!(last.detail, "no such mailbox: 550 a");
    let listed = desk.ledger.reports(LIST, Some(issue), 0, 9).await.expect("it lists");
    assert_eq!(listed.len(), 2);
    assert_eq!((listed[0].kind, listed[0].cause), (Kind::Hard, Some(Cause::NoMailbox)));
    assert_eq!(listed[0].at.as_microsecond(), desk.now());
    let rest = desk.ledger.reports(LIST, None, listed[0].number, 9).await.expect("it lists");
    assert_eq!(rest, listed[1..]);
    assert!(desk.ledger.reports("other", None, 0, 9).await.expect("it lists").is_empty());
}

async fn the_third_soft_bounce_in_fifteen_days_suppresses(desk: Desk) {
    desk.enrol(&["ann", "bob"]).await;
    for (slug, days, did) in [
        ("one", 7, Did::Counted),
        ("two", 7, Did::Counted),
        ("three", 0, Did::Counted),
        ("four", 1, Did::Counted),
        ("five", 0, Did::Moved(S::Bounced)),
    ] {
        let issue = send(&desk, slug).await;
        let soft = note(slug, Kind::Soft, About::Delivery { issue, slot: 1 });
        assert_eq!(tell(&desk, &soft).await.did, did, "{slug}");
        desk.pass(days * DAY);
    }
    assert_eq!(desk.state_of("ann").await, Some(S::Bounced));
    assert_eq!(desk.state_of("bob").await, Some(S::Active));
}

async fn an_issue_that_did_not_bounce_begins_the_count_anew(desk: Desk) {
    desk.enrol(&["ann"]).await;
    for (slug, bounces) in
        [("1", true), ("2", true), ("3", false), ("4", true), ("5", true), ("6", false)]
    {
        let issue = send(&desk, slug).await;
        if bounces {
            let soft = note(slug, Kind::Soft, About::Delivery { issue, slot: 1 });
            assert_eq!(tell(&desk, &soft).await.did, Did::Counted, "{slug}");
        }
        desk.pass(10 * DAY);
    }
    // The sixth is out already when the seventh bounces: that one did arrive.
    let issue = send(&desk, "7").await;
    let soft = note("7", Kind::Soft, About::Delivery { issue, slot: 1 });
    assert_eq!(tell(&desk, &soft).await.did, Did::Counted);
    assert_eq!(desk.state_of("ann").await, Some(S::Active));
}

async fn soft_bounces_of_one_issue_count_once(desk: Desk) {
    desk.enrol(&["ann"]).await;
    let issue = send(&desk, "one").await;
    for digest in ["a", "b", "c", "d"] {
        let soft = note(digest, Kind::Soft, About::Delivery { issue, slot: 1 });
        assert_eq!(tell(&desk, &soft).await.did, Did::Counted);
        desk.pass(10 * DAY);
    }
}

async fn a_refusal_by_policy_suppresses_nobody(desk: Desk) {
    desk.enrol(&["ann"]).await;
    for slug in ["1", "2", "3", "4"] {
        let issue = send(&desk, slug).await;
        let policy = Note {
            cause: Some(Cause::Records(Missing::Spf)),
            ..note(slug, Kind::Policy, About::Delivery { issue, slot: 1 })
        };
        assert_eq!(tell(&desk, &policy).await.did, Did::Alarmed);
        desk.pass(10 * DAY);
    }
    assert_eq!(desk.state_of("ann").await, Some(S::Active));
    let listed = desk.ledger.reports(LIST, None, 0, 9).await.expect("it lists");
    assert_eq!(listed[3].cause, Some(Cause::Records(Missing::Spf)));
}

async fn who_complains_or_leaves_is_suppressed_at_once(desk: Desk) {
    desk.enrol(&["ann", "bob"]).await;
    let issue = send(&desk, "one").await;
    let complaint = note("a", Kind::Complaint, About::Delivery { issue, slot: 1 });
    assert_eq!(tell(&desk, &complaint).await.did, Did::Moved(S::Complained));
    let bob = desk.ledger.subscriber(LIST, &address("bob")).await.expect("it finds");
    let token_id = bob.expect("he is there").token_id;
    let leaving = note("b", Kind::Unsubscribe, About::Reader { issue, token_id });
    let noted = tell(&desk, &leaving).await;
    assert_eq!((noted.did, noted.issue.as_deref()), (Did::Moved(S::Unsubscribed), Some("one")));
    let names = |history: Vec<postrider::ledger::Happening>| {
        history.into_iter().map(|line| line.event.name).collect::<Vec<_>>()
    };
    let ann = desk.ledger.history(LIST, &address("ann")).await.expect("it tells");
    let bob = desk.ledger.history(LIST, &address("bob")).await.expect("it tells");
    assert_eq!(
        (names(ann), names(bob)),
        (vec!["import".into(), "complaint".into()], vec!["import".into(), "unsubscribe".into()])
    );
}

async fn what_nothing_proves_is_only_listed(desk: Desk) {
    desk.enrol(&["ann"]).await;
    let about = |is_vouched| About::Mailbox { address: address("ann"), is_vouched };
    for (digest, kind) in
        [("a", Kind::Hard), ("b", Kind::Complaint), ("c", Kind::Unsubscribe), ("d", Kind::Soft)]
    {
        assert_eq!(tell(&desk, &note(digest, kind, about(false))).await.did, Did::Listed);
    }
    assert_eq!(desk.state_of("ann").await, Some(S::Active));
    let noted = tell(&desk, &note("e", Kind::Hard, about(true))).await;
    assert_eq!((noted.did, noted.issue), (Did::Moved(S::Bounced), None));
}

async fn a_report_on_nobody_is_noted_and_does_nothing(desk: Desk) {
    desk.enrol(&["ann"]).await;
    let issue = send(&desk, "one").await;
    let token_id = "aaaaaaaaaaaaa".to_owned();
    for (digest, about) in [
        ("a", About::Delivery { issue, slot: 9 }),
        ("b", About::Delivery { issue: 99, slot: 1 }),
        ("c", About::Reader { issue, token_id }),
        ("d", About::Mailbox { address: address("eve"), is_vouched: true }),
    ] {
        assert_eq!(tell(&desk, &note(digest, Kind::Hard, about)).await.did, Did::Nobody);
    }
    let elsewhere = note("e", Kind::Hard, About::Delivery { issue, slot: 1 });
    let noted = desk.ledger.report("other", &elsewhere).await.expect("it notes");
    assert_eq!(noted.did, Did::Nobody, "another publication's token says nothing of ours");
    assert_eq!(desk.state_of("ann").await, Some(S::Active));
}

async fn a_rehearsed_report_leaves_nothing(desk: Desk) {
    desk.enrol(&["ann"]).await;
    let issue = send(&desk, "one").await;
    let hard = note("a", Kind::Hard, About::Delivery { issue, slot: 1 });
    let noted = tell(&desk, &Note { rehearse: true, ..hard.clone() }).await;
    assert_eq!(noted.did, Did::Moved(S::Bounced));
    assert_eq!(desk.state_of("ann").await, Some(S::Active));
    assert_eq!(tell(&desk, &hard).await, noted);
}

async fn the_words_of_a_report_go_with_the_erased(desk: Desk) {
    desk.enrol(&["ann"]).await;
    let issue = send(&desk, "one").await;
    tell(&desk, &note("a", Kind::Hard, About::Delivery { issue, slot: 1 })).await;
    desk.tell("ann", S::Erased, "erase").await;
    tell(&desk, &note("b", Kind::Soft, About::Delivery { issue, slot: 1 })).await;
    for report in desk.ledger.reports(LIST, None, 0, 9).await.expect("it lists") {
        assert_eq!(report.said, "");
        assert!(report.address.ends_with("@erased.invalid"), "{}", report.address);
    }
}

/// Sends another issue, of which the relay says `outcome` to everybody, and finishes it.
async fn send_with(desk: &Desk, slug: &str, outcome: &Outcome) {
    let order = Freeze { slug: slug.to_owned(), ..order() };
    let frozen = desk.ledger.freeze(order, None, Box::new(|_| Ok(()))).await.expect("it freezes");
    for claim in desk.claim(frozen.issue.id, "ann/1", 9).await {
        desk.enter(Entry::Begin(claim.ticket)).await;
        desk.enter(Entry::Record(claim.ticket, outcome.clone())).await;
    }
    if matches!(outcome, Outcome::Deferred { .. }) {
        // Their two days are over: the next claim finds nobody to try.
        desk.pass(2 * DAY);
        assert!(desk.claim(frozen.issue.id, "ann/1", 9).await.is_empty());
    }
    let from = [IssueState::Sending];
    let turned = desk.ledger.turn(LIST, slug, &from, IssueState::Finished, "").await;
    assert!(turned.expect("it turns"), "{slug}");
}

fn refused(said: &str) -> Outcome {
    Outcome::Rejected { said: said.to_owned(), hard: false }
}

fn deferred(said: &str) -> Outcome {
    Outcome::Deferred { said: said.to_owned(), wait: Duration::from_mins(15), counted: true }
}

async fn refused_softly_issue_after_issue_counts_like_a_bounce(desk: Desk) {
    desk.enrol(&["ann"]).await;
    let full = refused("552 5.2.2 mailbox full");
    for (slug, days) in [("1", 7), ("2", 7), ("3", 1)] {
        send_with(&desk, slug, &full).await;
        assert_eq!(desk.state_of("ann").await, Some(S::Active), "{slug}: not fifteen days yet");
        desk.pass(days * DAY);
    }
    send_with(&desk, "4", &full).await;
    assert_eq!(desk.state_of("ann").await, Some(S::Bounced));
    let history = desk.ledger.history(LIST, &address("ann")).await.expect("it tells");
    let last = &history.last().expect("an event").event;
    assert_eq!((last.name.as_str(), last.source.as_str()), ("bounce", "4"));
    assert_eq!(last.detail, "mailbox full, issue after issue: 552 5.2.2 mailbox full");
}

async fn a_bounce_and_refusals_at_delivery_make_one_row(desk: Desk) {
    desk.enrol(&["ann"]).await;
    send_with(&desk, "1", &refused("550 not now, and not said why")).await;
    desk.pass(8 * DAY);
    send_with(&desk, "2", &deferred("452 4.2.2 mailbox full")).await;
    desk.pass(8 * DAY);
    let issue = send(&desk, "3").await;
    let soft = note("a", Kind::Soft, About::Delivery { issue, slot: 1 });
    assert_eq!(tell(&desk, &soft).await.did, Did::Moved(S::Bounced));
}

async fn what_is_said_of_us_or_by_nobody_gives_up_no_reader(desk: Desk) {
    desk.enrol(&["ann"]).await;
    let said = [
        refused("550 5.7.1 blocked using zen.example.org"),
        refused("554 5.7.1 spam"),
        deferred("451 4.3.0 our own disk is full"),
        deferred("450 4.7.1 greylisted"),
        deferred("at connect: connection refused"),
    ];
    for (number, outcome) in said.iter().cycle().take(15).enumerate() {
        send_with(&desk, &number.to_string(), outcome).await;
        desk.pass(8 * DAY);
    }
    assert_eq!(desk.state_of("ann").await, Some(S::Active));
}

async fn an_accepted_issue_begins_the_count_of_refusals_anew(desk: Desk) {
    desk.enrol(&["ann"]).await;
    let full = refused("552 5.2.2 mailbox full");
    for outcome in [&full, &full, &accepted(), &full, &full] {
        let slug = format!("issue-{}", desk.now());
        send_with(&desk, &slug, outcome).await;
        desk.pass(10 * DAY);
    }
    assert_eq!(desk.state_of("ann").await, Some(S::Active));
}

async fn who_comes_back_begins_the_count_anew(desk: Desk) {
    desk.enrol(&["ann"]).await;
    let full = refused("552 5.2.2 mailbox full");
    for slug in ["1", "2", "3"] {
        send_with(&desk, slug, &full).await;
        desk.pass(8 * DAY);
    }
    assert_eq!(desk.state_of("ann").await, Some(S::Bounced));
    desk.tell("ann", S::Active, "her own word").await;
    desk.pass(DAY);
    send_with(&desk, "4", &full).await;
    assert_eq!(desk.state_of("ann").await, Some(S::Active));
}

async fn what_nothing_proves_is_listed_until_somebody_decides(desk: Desk) {
    desk.enrol(&["ann"]).await;
    let about = |name| About::Mailbox { address: address(name), is_vouched: false };
    let leaving = note("a", Kind::Unsubscribe, about("ann"));
    for _ in 0..2 {
        assert_eq!(tell(&desk, &leaving).await.did, Did::Listed);
    }
    desk.tell("ann", S::Unsubscribed, "unsubscribe").await;
    assert_eq!(tell(&desk, &leaving).await.did, Did::Known);
    let stranger = note("b", Kind::Unsubscribe, about("eve"));
    for _ in 0..2 {
        assert_eq!(tell(&desk, &stranger).await.did, Did::Nobody);
    }
    desk.enrol(&["eve"]).await;
    assert_eq!(tell(&desk, &stranger).await.did, Did::Listed);
    let reports = desk.ledger.reports(LIST, None, 0, 9).await.expect("it lists");
    assert_eq!(reports.len(), 2, "each is one row, however often it was told");
}

async fn what_came_back_is_forgotten_in_days(desk: Desk) {
    desk.enrol(&["ann"]).await;
    let issue = send(&desk, "one").await;
    tell(&desk, &note("a", Kind::Policy, About::Delivery { issue, slot: 1 })).await;
    let stranger = About::Mailbox { address: address("eve"), is_vouched: false };
    tell(&desk, &note("b", Kind::Hard, stranger)).await;
    desk.pass(29 * DAY);
    tell(&desk, &note("c", Kind::Policy, About::Delivery { issue, slot: 1 })).await;
    let kept = async |days: i64| {
        let before = instant(desk.now() - days * DAY * 1_000_000);
        desk.ledger.prune(LIST, before).await.expect("it prunes");
        let reports = desk.ledger.reports(LIST, None, 0, 9).await.expect("it lists");
        reports.iter().filter(|report| !report.said.is_empty()).count()
    };
    assert_eq!(kept(30).await, 3);
    desk.pass(2 * DAY);
    assert_eq!(kept(30).await, 0, "the issue ended 31 days ago");
    tell(&desk, &note("d", Kind::Policy, About::Delivery { issue, slot: 1 })).await;
    assert_eq!(kept(30).await, 1, "it came late, and is two days old");
    desk.pass(31 * DAY);
    assert_eq!(kept(30).await, 0);
}
