//! Questions about what readers say of themselves: a pause that ends by itself, a name that no list takes away, and leaving everything.

use jiff::Timestamp;
use postrider::{
    ledger::{Enrol, Entered, Entry, Freeze, Happening, Preferences},
    model::{DeliveryState, IssueState, SubscriberState as S, Suppressed},
};

use super::{
    Desk, ask_every_ledger,
    desk::{self, LIST, SLUG, accepted, address, event_named, import, order, record},
};

ask_every_ledger! {
    who_asked_for_a_pause_is_left_out_with_that_reason_and_comes_back_by_themselves,
    a_pause_counts_at_the_begin_too,
    a_correction_obeys_a_pause,
    what_readers_say_of_themselves_stands_over_every_list,
    only_who_is_on_the_list_is_asked_how_they_want_it,
    an_erased_reader_leaves_no_words,
    one_word_leaves_every_publication,
    leaving_is_taken_back_wherever_that_one_act_reached,
}

/// Says something for a reader.
async fn prefer(desk: &Desk, name: &str, said: &Preferences) -> bool {
    let found = desk.ledger.subscriber(LIST, &address(name)).await.expect("it finds");
    let token = found.expect("they are there").token_id;
    let event = event_named("preferences");
    desk.ledger.prefer(LIST, &token, said, &event).await.expect("it keeps")
}

fn paused(desk: &Desk, seconds: i64) -> Preferences {
    let until = Timestamp::from_microsecond(desk.now() + seconds * 1_000_000);
    Preferences { paused_until: until.ok(), ..Preferences::default() }
}

async fn freeze(desk: &Desk, order: Freeze) -> postrider::ledger::Frozen {
    desk.ledger.freeze(order, None, Box::new(|_| Ok(()))).await.expect("it freezes")
}

async fn who_asked_for_a_pause_is_left_out_with_that_reason_and_comes_back_by_themselves(
    desk: Desk,
) {
    desk.enrol(&["ann", "bob", "cyd unsubscribed"]).await;
    assert!(prefer(&desk, "ann", &paused(&desk, 60)).await);
    let rehearsed = freeze(&desk, Freeze { rehearse: true, ..order() }).await;
    assert_eq!(rehearsed.recipients, 1, "plan says the same");
    let first = freeze(&desk, order()).await;
    assert_eq!((first.planned, first.recipients), (3, 1));
    assert_eq!(first.suppressed, [(Suppressed::Paused, 1), (Suppressed::Unsubscribed, 1)].into());
    let rows = desk.deliveries(first.issue.id).await;
    assert_eq!(rows[0].suppressed, Some(Suppressed::Paused));
    assert_eq!(desk.state_of("ann").await, Some(S::Active), "they are still on the list");
    desk.pass(60);
    let next = freeze(&desk, Freeze { slug: "next".to_owned(), ..order() }).await;
    assert_eq!((next.planned, next.recipients), (3, 2), "nobody did anything");
}

async fn a_pause_counts_at_the_begin_too(desk: Desk) {
    let issue = desk.send_to(&["ann", "bob"]).await;
    let claims = desk.claim(issue, "a", 2).await;
    assert!(prefer(&desk, "ann", &paused(&desk, 60)).await);
    assert_eq!(desk.enter(Entry::Begin(claims[0].ticket)).await, Entered::Suppressed);
    assert_eq!(desk.enter(Entry::Begin(claims[1].ticket)).await, Entered::Done);
    let rows = desk.deliveries(issue).await;
    assert_eq!(rows[0].suppressed, Some(Suppressed::Paused));
    assert_eq!(rows[0].state, DeliveryState::Suppressed);
    // A pause that is over before the begin is none.
    let other = Freeze { slug: "next".to_owned(), ..order() };
    let next = freeze(&desk, other).await.issue.id;
    assert_eq!(desk.claim(next, "a", 9).await.len(), 1, "of two readers one is paused");
}

async fn a_correction_obeys_a_pause(desk: Desk) {
    let issue = desk.send_to(&["ann", "bob"]).await;
    for claim in desk.claim(issue, "a", 2).await {
        desk.enter(Entry::Begin(claim.ticket)).await;
        desk.enter(Entry::Record(claim.ticket, accepted())).await;
    }
    assert!(desk.turn(IssueState::Sending, IssueState::Finished).await);
    assert!(prefer(&desk, "bob", &paused(&desk, 60)).await);
    let correction = Freeze { slug: "erratum".to_owned(), corrects: Some(issue), ..order() };
    let frozen = freeze(&desk, correction).await;
    assert_eq!(frozen.suppressed, [(Suppressed::Paused, 1)].into());
    assert_eq!(frozen.recipients, 1);
    assert_eq!(SLUG, desk.ledger.issues(LIST).await.expect("it lists")[0].slug);
}

async fn what_readers_say_of_themselves_stands_over_every_list(desk: Desk) {
    let file = || Enrol { from_list_file: true, ..import() };
    let read = || vec![record(2, "ann"), record(3, "bob")];
    desk::enrol(&*desk.ledger, file(), read()).await;
    let said =
        Preferences { name: "Anna".to_owned(), language: "de".to_owned(), paused_until: None };
    assert!(prefer(&desk, "ann", &said).await);
    for order in [file(), import()] {
        let again = desk::enrol(&*desk.ledger, order, read()).await;
        assert_eq!((again.updated, again.unchanged), (0, 2), "the list says nothing new");
        let ann = desk.ledger.subscriber(LIST, &address("ann")).await.expect("it finds");
        let ann = ann.expect("she is there");
        assert_eq!((ann.name.as_str(), ann.fields["language"].as_str()), ("Anna", "de"));
        assert_eq!(ann.fields["company"], "Templeton Thorp", "the rest is the list's");
        let kept = desk.ledger.preferences(LIST, &ann.token_id).await.expect("it tells");
        assert_eq!(kept, said);
    }
    let history = desk.ledger.history(LIST, &address("ann")).await.expect("it tells");
    let last = history.last().expect("there is one");
    assert_eq!((last.event.name.as_str(), last.state), ("preferences", S::Active));
}

async fn only_who_is_on_the_list_is_asked_how_they_want_it(desk: Desk) {
    desk.enrol(&["ann unsubscribed", "bob pending"]).await;
    let said = Preferences { name: "Anna".to_owned(), ..Preferences::default() };
    assert!(!prefer(&desk, "ann", &said).await);
    assert!(prefer(&desk, "bob", &said).await);
    let event = event_named("preferences");
    for (list, token) in [(LIST, "nobody"), (LIST, ""), (LIST, "\0"), ("other", "nobody")] {
        assert!(!desk.ledger.prefer(list, token, &said, &event).await.expect("it answers"));
        let none = desk.ledger.preferences(list, token).await.expect("it answers");
        assert_eq!(none, Preferences::default());
    }
    assert_eq!(desk.state_of("ann").await, Some(S::Unsubscribed));
}

async fn an_erased_reader_leaves_no_words(desk: Desk) {
    desk.enrol(&["ann"]).await;
    let said = Preferences { name: "Anna".to_owned(), ..paused(&desk, 60) };
    assert!(prefer(&desk, "ann", &said).await);
    let erase = event_named("erase");
    desk.ledger.move_subscriber(LIST, &address("ann"), S::Erased, &erase).await.expect("it moves");
    let left = desk.ledger.subscriber(LIST, &address("ann")).await.expect("it finds");
    let token = left.expect("a hash is left").token_id;
    let kept = desk.ledger.preferences(LIST, &token).await.expect("it tells");
    assert_eq!(kept, Preferences::default());
}

async fn one_word_leaves_every_publication(desk: Desk) {
    for (publication, who) in [
        (LIST, "ann"),
        ("weekly", "ann"),
        ("daily", "ann pending"),
        ("old", "ann bounced"),
        ("weekly", "bob"),
    ] {
        let order = Enrol { publication: publication.to_owned(), ..import() };
        desk::enrol(&*desk.ledger, order, vec![record(2, who)]).await;
    }
    let ann = address("ANN");
    // Somebody whose mailbox is dead in one publication is mailed in none that existed before.
    let before = desk.ledger.publications(&ann).await.expect("it lists");
    let gone = desk.ledger.leave_all(&ann, &event_named("unsubscribe")).await.expect("they leave");
    assert_eq!(gone, before.len() as u64);
    assert!(desk.ledger.publications(&ann).await.expect("it lists").is_empty());
    for publication in before {
        let history = desk.ledger.history(&publication, &ann).await.expect("it tells");
        assert_eq!(history.last().map(|last| last.state), Some(S::Unsubscribed), "{publication}");
    }
    let bob = desk.ledger.publications(&address("bob")).await.expect("it lists");
    assert_eq!(bob, ["weekly"]);
    let again = desk.ledger.leave_all(&ann, &event_named("unsubscribe")).await.expect("it answers");
    assert_eq!(again, 0);
}

async fn leaving_is_taken_back_wherever_that_one_act_reached(desk: Desk) {
    for (publication, who) in
        [(LIST, "ann"), ("weekly", "ann"), ("daily", "ann pending"), ("old", "ann")]
    {
        let order = Enrol { publication: publication.to_owned(), ..import() };
        desk::enrol(&*desk.ledger, order, vec![record(2, who)]).await;
    }
    let (ann, leave, back) =
        (address("ann"), event_named("unsubscribe"), event_named("resubscribe"));
    let gone = S::Unsubscribed;
    desk.ledger.move_subscriber("old", &ann, gone, &leave).await.expect("they leave one");
    desk.pass(1);
    desk.ledger.leave_all(&ann, &leave).await.expect("they leave the rest");
    let history = desk.ledger.history(LIST, &ann).await.expect("it tells");
    let act = history.last().expect("they left").clone();

    let other = Happening { event: event_named("another"), ..act.clone() };
    assert_eq!(desk.ledger.take_back(&ann, &other, &back).await.expect("it answers"), 0);
    let nobody = desk.ledger.take_back(&address("bob"), &act, &back).await;
    assert_eq!(nobody.expect("it answers"), 0);
    assert_eq!(desk.ledger.take_back(&ann, &act, &back).await.expect("they are back"), 2);
    let all = desk.ledger.publications(&ann).await.expect("it lists");
    let mut all: Vec<&str> = all.iter().map(String::as_str).collect();
    all.sort_unstable();
    let mut expected = [LIST, "weekly"];
    expected.sort_unstable();
    assert_eq!(all, expected, "not what they left before, nor what they had not confirmed");
    assert_eq!(desk.ledger.take_back(&ann, &act, &back).await.expect("it answers"), 0, "once");
}
