//! Questions about issues: bound to an hour, frozen, paused, cancelled, finished.

use std::time::Duration;

use postrider::{
    ledger::{Booking, Entered, Entry, Freeze, LedgerError, Record, Worker},
    model::{
        DeliveryState as D, IssueState, Outcome, Subscriber, SubscriberState as S, Suppressed,
    },
};

use super::{
    Desk, ask_every_ledger,
    desk::{self, LIST, SLUG, accepted, deferred, import, order, record, rejected},
};

ask_every_ledger! {
    finished_needs_every_reader_settled,
    pause_gives_back_claims_and_lets_attempts_finish,
    cancel_stops_what_has_not_begun,
    a_deferral_of_a_cancelled_issue_is_cancelled,
    a_freeze_stands,
    the_reader_is_the_one_frozen,
    each_issue_keeps_the_reader_as_it_froze_them,
    whose_copy_cannot_be_made_is_suppressed_wherever_they_stand,
    who_joins_later_is_mailed_only_when_caught_up,
    whoever_must_not_be_mailed_has_a_row_that_says_why,
    who_left_the_list_file_gets_no_row,
    a_rehearsed_freeze_leaves_nothing,
    a_schedule_may_change_until_the_issue_is_frozen,
    an_unscheduled_issue_is_a_draft_again,
    a_missed_issue_is_told_of_once,
    how_it_goes_out_is_kept_as_it_was_said_last,
    workers_are_known_until_they_sign_out_or_are_not_seen_for_long,
    a_correction_goes_to_whoever_got_the_first_and_answers_their_mail,
}

async fn finished_needs_every_reader_settled(desk: Desk) {
    let issue = desk.send_to(&["ann", "bob"]).await;
    let finish = || desk.turn(IssueState::Sending, IssueState::Finished);
    assert!(!finish().await, "two are planned");
    let ann = desk.begin_one(issue).await;
    desk.enter(Entry::Record(ann, accepted())).await;
    let bob = desk.claim(issue, "host/1", 1).await[0].ticket;
    assert!(!finish().await, "one is claimed");
    desk.enter(Entry::Begin(bob)).await;
    assert!(!finish().await, "one is attempting");
    desk.enter(Entry::Record(bob, deferred(60))).await;
    assert!(!finish().await, "one is deferred");
    desk.pass(60);
    let bob = desk.begin_one(issue).await;
    let doubt = Outcome::InDoubt { said: "the connection closed after the dot".to_owned() };
    desk.enter(Entry::Record(bob, doubt)).await;
    assert!(finish().await);
    let record = desk.ledger.issue(LIST, SLUG).await.expect("it finds").expect("it is there");
    assert_eq!(record.state, IssueState::Finished);
    assert!(record.ended_at > record.started_at && record.started_at.is_some());
    assert!(!finish().await, "it is not sending any more");
}

async fn pause_gives_back_claims_and_lets_attempts_finish(desk: Desk) {
    let issue = desk.send_to(&["ann", "bob"]).await;
    let begun = desk.begin_one(issue).await;
    let claimed = desk.claim(issue, "host/1", 1).await[0].ticket;
    assert!(desk.turn(IssueState::Sending, IssueState::Paused).await);
    assert_eq!(desk.states(issue).await, [D::Attempting, D::Planned]);
    assert_eq!(desk.enter(Entry::Record(begun, accepted())).await, Entered::Done);
    assert!(!desk.turn(IssueState::Sending, IssueState::Paused).await);
    assert!(desk.turn(IssueState::Paused, IssueState::Sending).await);
    assert_eq!(desk.enter(Entry::Begin(claimed)).await, Entered::Refused);
    assert_eq!(desk.begin_one(issue).await.slot, 2);
}

async fn cancel_stops_what_has_not_begun(desk: Desk) {
    let issue = desk.send_to(&["ann", "bob", "cyd", "dan"]).await;
    let ann = desk.begin_one(issue).await;
    desk.enter(Entry::Record(ann, deferred(60))).await;
    let bob = desk.begin_one(issue).await;
    desk.claim(issue, "host/1", 1).await;
    assert!(desk.turn(IssueState::Sending, IssueState::Cancelled).await);
    let states = [D::Cancelled, D::Attempting, D::Cancelled, D::Cancelled];
    assert_eq!(desk.states(issue).await, states);
    assert_eq!(desk.enter(Entry::Record(bob, accepted())).await, Entered::Done);
    let tally = desk.tally(issue).await;
    assert_eq!((tally.cancelled, tally.accepted, tally.remaining), (3, 1, 0));
    let refused =
        desk.ledger.freeze(Freeze { catch_up: true, ..order() }, None, Box::new(|_| Ok(())));
    assert!(matches!(refused.await, Err(LedgerError::Refused(_))));
}

async fn a_deferral_of_a_cancelled_issue_is_cancelled(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    let ticket = desk.begin_one(issue).await;
    assert!(desk.turn(IssueState::Sending, IssueState::Cancelled).await);
    assert_eq!(desk.enter(Entry::Record(ticket, deferred(60))).await, Entered::Done);
    assert_eq!(desk.states(issue).await, [D::Cancelled]);
}

async fn a_freeze_stands(desk: Desk) {
    desk.enrol(&["ann"]).await;
    let first = desk.freeze().await;
    assert!(first.fresh);
    assert_eq!((first.planned, first.recipients), (1, 1));
    desk.enrol(&["bob"]).await;
    let changed = Freeze { digest: "0000".to_owned(), edition: b"another".to_vec(), ..order() };
    let unread =
        std::iter::from_fn(|| -> Option<Result<Record, String>> { panic!("the list was read") });
    let again = desk.ledger.freeze(changed, Some(Box::new(unread)), Box::new(|_| Ok(()))).await;
    let again = again.expect("it freezes");
    assert!(!again.fresh);
    assert_eq!((again.planned, again.issue), (1, first.issue.clone()));
    let edition = desk.ledger.edition(first.issue.id).await.expect("it is kept");
    assert_eq!(edition, b"an edition");
}

async fn the_reader_is_the_one_frozen(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    let changed = Record {
        name: "Anne".to_owned(),
        fields: [("company".to_owned(), "Other".to_owned())].into(),
        ..record(2, "ann")
    };
    let updated = desk::enrol(&*desk.ledger, import(), vec![changed]).await;
    assert_eq!(updated.updated, 1);
    let reader = desk.claim(issue, "host/1", 1).await.remove(0).reader;
    assert_eq!(
        (reader.name.as_str(), reader.fields["company"].as_str()),
        ("ann", "Templeton Thorp")
    );
    assert_eq!(reader.tags, ["energy"]);
}

async fn each_issue_keeps_the_reader_as_it_froze_them(desk: Desk) {
    let renamed = async |name: &str| {
        let record = Record { name: name.to_owned(), ..record(2, "ann") };
        let lists = vec![(import(), Box::new([Ok(record)].into_iter()) as _)];
        desk.ledger.enrol(lists).await.expect("it enrols");
    };
    let mut issues = Vec::new();
    for name in ["Ann", "Anna", "Anne"] {
        // Twice: what nobody was sent is in the way of nothing.
        renamed(&format!("not yet {name}")).await;
        renamed(name).await;
        let order = Freeze { slug: name.to_owned(), ..order() };
        let frozen = desk.ledger.freeze(order, None, Box::new(|_| Ok(()))).await;
        issues.push((frozen.expect("it freezes").issue.id, name));
    }
    renamed("Annabel").await;
    for (issue, name) in issues {
        let claims = desk.claim(issue, "host/1", 9).await;
        let names: Vec<_> = claims.iter().map(|claim| claim.reader.name.as_str()).collect();
        assert_eq!(names, [name]);
    }
}

async fn whose_copy_cannot_be_made_is_suppressed_wherever_they_stand(desk: Desk) {
    let names: Vec<_> = (0..1_000).map(|number| format!("reader{number}")).collect();
    desk.enrol(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut asked = Vec::new();
    let (tell, told) = std::sync::mpsc::channel();
    let admit = move |reader: &Subscriber| {
        tell.send(reader.name.clone()).expect("somebody listens");
        let fails = reader.name.ends_with('7') || reader.name == "reader999";
        if fails { Err(Suppressed::MissingField("account".to_owned())) } else { Ok(()) }
    };
    let frozen = desk.ledger.freeze(order(), None, Box::new(admit)).await.expect("it freezes");
    asked.extend(told);
    assert_eq!(asked, names, "each once, in order");
    assert_eq!((frozen.planned, frozen.recipients), (1_000, 899));
    assert_eq!(frozen.suppressed, [(Suppressed::MissingField("account".to_owned()), 101)].into());
    assert_eq!(desk.tally(frozen.issue.id).await.suppressed, 101);
}

async fn who_joins_later_is_mailed_only_when_caught_up(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    let ann = desk.begin_one(issue).await;
    desk.enter(Entry::Record(ann, accepted())).await;
    assert!(desk.turn(IssueState::Sending, IssueState::Finished).await);
    desk.enrol(&["bob", "cyd unsubscribed"]).await;
    assert_eq!(desk.freeze().await.planned, 1);
    let order = Freeze { catch_up: true, ..order() };
    let caught = desk.ledger.freeze(order.clone(), None, Box::new(|_| Ok(()))).await;
    let caught = caught.expect("it freezes");
    assert_eq!((caught.fresh, caught.planned, caught.recipients), (false, 3, 2));
    assert_eq!(caught.issue.state, IssueState::Sending);
    assert_eq!(desk.states(issue).await, [D::Accepted, D::Planned, D::Suppressed]);
    let again = desk.ledger.freeze(order, None, Box::new(|_| Ok(()))).await;
    assert_eq!(again.expect("it freezes").planned, 3);
}

async fn whoever_must_not_be_mailed_has_a_row_that_says_why(desk: Desk) {
    let states = ["pending", "unsubscribed", "bounced", "complained", "blocked", "erased"];
    let written: Vec<_> = states.iter().map(|state| format!("{state} {state}")).collect();
    let mut names: Vec<_> = written.iter().map(String::as_str).collect();
    names.extend(["ann", "nameless", "unprintable"]);
    let records: Vec<_> = (2..).zip(&names).map(|(line, name)| record(line, name)).collect();
    let admit = |reader: &Subscriber| match reader.name.as_str() {
        "nameless" => Err(Suppressed::MissingField("name".to_owned())),
        "unprintable" => Err(Suppressed::Unprintable("a line is too long".to_owned())),
        "ann" => Ok(()),
        name => panic!("{name} may not be mailed, so nobody asks"),
    };
    let frozen = desk
        .ledger
        .freeze(order(), Some(Box::new(records.into_iter().map(Ok))), Box::new(admit))
        .await;
    let frozen = frozen.expect("it freezes");
    assert_eq!((frozen.planned, frozen.recipients, frozen.enrolled.added), (9, 1, 9));
    let expected = [
        Suppressed::Pending,
        Suppressed::Unsubscribed,
        Suppressed::Bounced,
        Suppressed::Complained,
        Suppressed::Blocked,
        Suppressed::Erased,
        Suppressed::MissingField("name".to_owned()),
        Suppressed::Unprintable("a line is too long".to_owned()),
    ];
    assert_eq!(frozen.suppressed, expected.map(|reason| (reason, 1)).into());
    let suppressed = desk.ledger.suppressed(frozen.issue.id).await.expect("it counts");
    assert_eq!(suppressed, frozen.suppressed);
    desk.tally(frozen.issue.id).await;
}

async fn who_left_the_list_file_gets_no_row(desk: Desk) {
    desk.enrol(&["imported"]).await;
    let freeze = |slug: &str, names: &[&str]| {
        let records: Vec<_> = (2..).zip(names).map(|(line, name)| record(line, name)).collect();
        let order = Freeze { slug: slug.to_owned(), ..order() };
        let ledger = desk.again();
        async move {
            let records = Some(Box::new(records.into_iter().map(Ok)) as _);
            let frozen = ledger.freeze(order, records, Box::new(|_| Ok(()))).await;
            frozen.expect("it freezes").planned
        }
    };
    assert_eq!(freeze("one", &["ann", "bob"]).await, 3);
    assert_eq!(freeze("two", &["bob"]).await, 2);
    assert_eq!(freeze("three", &["ann"]).await, 2);
    desk.tell("bob", S::Active, "add").await;
    desk.tell("bob", S::Unsubscribed, "unsubscribe").await;
    desk.tell("bob", S::Active, "add").await;
    assert_eq!(freeze("four", &["ann"]).await, 3, "bob was added by name");
}

async fn a_rehearsed_freeze_leaves_nothing(desk: Desk) {
    let order = Freeze { rehearse: true, ..order() };
    let records = [record(2, "ann"), record(3, "bob pending")];
    let frozen = desk
        .ledger
        .freeze(order, Some(Box::new(records.into_iter().map(Ok))), Box::new(|_| Ok(())))
        .await;
    let frozen = frozen.expect("it freezes");
    assert_eq!((frozen.planned, frozen.recipients, frozen.fresh), (2, 1, true));
    assert!(desk.ledger.issues(LIST).await.expect("it lists").is_empty());
    assert_eq!(desk.state_of("ann").await, None);
}

async fn a_schedule_may_change_until_the_issue_is_frozen(desk: Desk) {
    let booking = |digest: &str| Booking {
        at: "2026-11-30T07:00:00Z".parse().expect("it is an instant"),
        shown: "2026-11-30T07:00[Europe/London]".to_owned(),
        max_late: Duration::from_hours(6),
        digest: digest.to_owned(),
    };
    for digest in ["1111", "2222"] {
        let bound = desk.ledger.schedule(LIST, SLUG, &booking(digest)).await;
        assert!(bound.expect("it binds"));
    }
    let issue = desk.ledger.issue(LIST, SLUG).await.expect("it finds").expect("it is there");
    assert_eq!((issue.state, issue.digest.as_str()), (IssueState::Scheduled, "2222"));
    assert_eq!(issue.booking, Some(booking("2222")));
    desk.enrol(&["ann"]).await;
    assert!(desk.freeze().await.fresh);
    let bound = desk.ledger.schedule(LIST, SLUG, &booking("3333")).await;
    assert!(!bound.expect("it refuses"));
    assert_eq!(desk.freeze().await.issue.digest, "5e1f");
    assert!(!desk.turn(IssueState::Sending, IssueState::Draft).await, "it is frozen");
}

async fn an_unscheduled_issue_is_a_draft_again(desk: Desk) {
    book(&desk).await;
    assert!(desk.turn(IssueState::Scheduled, IssueState::Draft).await);
    assert_eq!(desk.ledger.issue(LIST, SLUG).await.expect("it finds"), None);
    assert!(!desk.turn(IssueState::Scheduled, IssueState::Draft).await);
}

async fn a_missed_issue_is_told_of_once(desk: Desk) {
    book(&desk).await;
    let told = || async {
        desk.ledger.issue(LIST, SLUG).await.expect("it finds").expect("it is there").told
    };
    assert!(desk.turn(IssueState::Scheduled, IssueState::Missed).await);
    assert!(!told().await);
    assert!(desk.turn(IssueState::Missed, IssueState::Missed).await);
    assert!(told().await);
    book(&desk).await;
    assert!(!told().await, "a new hour may be missed anew");
}

async fn book(desk: &Desk) {
    let booking = Booking {
        at: "2026-11-30T07:00:00Z".parse().expect("it is an instant"),
        shown: String::new(),
        max_late: Duration::from_hours(6),
        digest: "5e1f".to_owned(),
    };
    assert!(desk.ledger.schedule(LIST, SLUG, &booking).await.expect("it binds"));
}

async fn how_it_goes_out_is_kept_as_it_was_said_last(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    let ledger = &desk.ledger;
    assert_eq!(ledger.orders(issue).await.expect("it tells"), None);
    for orders in ["by one relay", "by another"] {
        ledger.instruct(issue, orders.as_bytes()).await.expect("it keeps");
        let kept = desk.again().orders(issue).await.expect("it tells");
        assert_eq!(kept.as_deref(), Some(orders.as_bytes()));
    }
    let named = [(LIST.to_owned(), SLUG.to_owned())];
    assert_eq!(ledger.sending().await.expect("it tells"), named);
    assert!(desk.turn(IssueState::Sending, IssueState::Paused).await);
    assert_eq!(ledger.sending().await.expect("it tells"), []);
}

async fn workers_are_known_until_they_sign_out_or_are_not_seen_for_long(desk: Desk) {
    let worker = |pid, issue: Option<&str>| Worker {
        name: format!("host/{pid}"),
        host: "host".to_owned(),
        pid,
        version: "0.1.0".to_owned(),
        command: "worker".to_owned(),
        publication: issue.map(|_| LIST.to_owned()),
        issue: issue.map(str::to_owned),
        per_second: 12.5,
    };
    let ledger = &desk.ledger;
    for (pid, issue) in [(1, None), (2, None), (1, Some(SLUG))] {
        ledger.sign_in(&worker(pid, issue)).await.expect("it notes");
        desk.pass(60);
    }
    let seen = desk.again().workers().await.expect("it tells");
    let known: Vec<_> = seen.iter().map(|seen| seen.worker.clone()).collect();
    assert_eq!(known, [worker(1, Some(SLUG)), worker(2, None)]);
    assert_eq!(seen[0].at.as_microsecond(), desk.now() - 60_000_000);
    ledger.sign_out("host/2").await.expect("it notes");
    let known = async || {
        let seen = ledger.workers().await.expect("it tells");
        seen.iter().map(|seen| seen.worker.pid).collect::<Vec<_>>()
    };
    desk.pass(1_080);
    ledger.sign_in(&worker(3, None)).await.expect("it notes");
    assert_eq!(known().await, [1, 3]);
    desk.pass(120);
    assert_eq!(known().await, [3]);
    desk.pass(86_400);
    assert!(known().await.is_empty(), "even where nobody signs in any more");
}

async fn a_correction_goes_to_whoever_got_the_first_and_answers_their_mail(desk: Desk) {
    let freeze = async |order: Freeze, names: &[&str]| {
        let records: Vec<_> = (2..).zip(names).map(|(line, name)| record(line, name)).collect();
        let records = Some(Box::new(records.into_iter().map(Ok)) as _);
        desk.ledger.freeze(order, records, Box::new(|_| Ok(()))).await.expect("it freezes")
    };
    let listed = ["ann", "bob", "cyd", "dan", "eve", "fay"];
    let first = freeze(order(), &listed).await.issue;
    assert_eq!(first.corrects, None);
    let doubt = Outcome::InDoubt { said: "the connection closed after the dot".to_owned() };
    for outcome in [accepted(), rejected(false), doubt, accepted(), accepted()] {
        let ticket = desk.begin_one(first.id).await;
        assert_eq!(desk.enter(Entry::Record(ticket, outcome)).await, Entered::Done);
    }
    let sent: Vec<_> =
        desk.deliveries(first.id).await.into_iter().map(|row| row.message_id).collect();
    desk.tell("dan", S::Unsubscribed, "unsubscribe").await;

    // Eve has left the file since, Gil joined it, and Fay is still owed the first.
    let order = Freeze { slug: "erratum".to_owned(), corrects: Some(first.id), ..order() };
    let listed = ["gil", "ann", "bob", "cyd", "dan", "fay"];
    let correction = freeze(order.clone(), &listed).await;
    assert_eq!((correction.planned, correction.recipients, correction.added), (7, 1, 1));
    let left_out = [
        (Suppressed::Unsubscribed, 1),
        (Suppressed::Unlisted, 1),
        (Suppressed::NotSentTheFirst, 4),
    ];
    assert_eq!(correction.suppressed, left_out.into());
    let issue = correction.issue;
    assert_eq!(issue.corrects.as_deref(), Some(SLUG));
    let found = desk.ledger.issue(LIST, "erratum").await.expect("it finds");
    assert_eq!(found, Some(issue.clone()));
    let claims = desk.claim(issue.id, "host/1", 9).await;
    let told: Vec<_> =
        claims.iter().map(|claim| (claim.reader.name.as_str(), claim.answers.as_ref())).collect();
    assert_eq!(told, [("ann", Some(&sent[0]))]);
    assert_ne!(claims[0].message_id, sent[0]);
    desk.tally(issue.id).await;

    // Whoever comes later did not get the first either, and an issue of its own answers nothing.
    let later = freeze(Freeze { catch_up: true, ..order }, &["ann", "hal"]).await;
    assert_eq!((later.planned, later.added), (8, 0));
    assert_eq!(later.suppressed[&Suppressed::NotSentTheFirst], 5);
    assert_eq!(desk.claim(first.id, "host/1", 9).await[0].answers, None);
}
