//! A list of millions is read, and an issue frozen for it, for a minute: on a server nobody waits for that who wants to
//! leave, and what they say holds.

use std::sync::{
    Arc,
    mpsc::{Receiver, Sender, channel},
};

use postrider::{
    ledger::{Admit, Entered, Entry, Freeze, Ledger, Record, Records},
    model::{DeliveryState as D, SubscriberState as S},
};

use super::{
    Desk,
    desk::{LIST, SLUG, address, event_named, order, record},
};

/// A place where what is being done stops, says so, and waits until somebody lets it go on.
struct Stop {
    reached: Sender<()>,
    go_on: Receiver<()>,
}

/// Whoever waits for it to stop there, and then lets it go on.
struct Watch {
    reached: Receiver<()>,
    go_on: Sender<()>,
}

fn stop() -> (Stop, Watch) {
    let ((reached, there), (go, on)) = (channel(), channel());
    (Stop { reached, go_on: on }, Watch { reached: there, go_on: go })
}

impl Stop {
    fn here(&self) {
        let _ = self.reached.send(());
        let _ = self.go_on.recv();
    }
}

impl Watch {
    /// Waits until it has stopped there; returns who lets it go on.
    async fn there(self) -> Sender<()> {
        let Self { reached, go_on } = self;
        let waited = tokio::task::spawn_blocking(move || reached.recv());
        waited.await.expect("nothing panics").expect("it stops there");
        go_on
    }
}

/// A list file that stops before its end.
fn list(rows: Vec<Record>, stop: Stop) -> Records {
    let mut rows = rows.into_iter();
    Box::new(std::iter::from_fn(move || {
        let next = rows.next();
        if next.is_none() {
            stop.here();
        }
        next.map(Ok)
    }))
}

/// Makes everybody's copy, and stops at the first.
fn copies(stop: Stop) -> Admit {
    let mut stop = Some(stop);
    Box::new(move |_| {
        if let Some(stop) = stop.take() {
            stop.here();
        }
        Ok(())
    })
}

async fn say(ledger: &dyn Ledger, name: &str, to: S) {
    let event = event_named("by their own word");
    ledger.move_subscriber(LIST, &address(name), to, &event).await.expect("it moves");
}

/// Freezes the issue for a list file, and at each of two stops has somebody do something beside it.
async fn freeze_beside(
    desk: &Desk,
    order: Freeze,
    rows: Vec<Record>,
    reading: impl AsyncFnOnce(Arc<dyn Ledger>),
    planning: impl AsyncFnOnce(Arc<dyn Ledger>, Sender<()>),
) -> i64 {
    let ((at_end, read), (at_copies, planned)) = (stop(), stop());
    let freeze = desk.ledger.freeze(order, Some(list(rows, at_end)), copies(at_copies));
    let beside = async {
        let go_on = read.there().await;
        reading(desk.again()).await;
        go_on.send(()).expect("it waits");
        let go_on = planned.there().await;
        planning(desk.again(), go_on).await;
    };
    let (frozen, ()) = tokio::join!(freeze, beside);
    frozen.expect("it freezes").issue.id
}

fn rows(names: &[&str]) -> Vec<Record> {
    (2..).zip(names).map(|(line, name)| record(line, name)).collect()
}

/// Names everybody with a delivery, and where it stands.
async fn standing(desk: &Desk, issue: i64) -> Vec<String> {
    let rows = desk.deliveries(issue).await.into_iter();
    let mut standing: Vec<_> =
        rows.map(|row| format!("{} {}", row.address.local(), row.state.word())).collect();
    standing.sort();
    standing
}

async fn first_issue(desk: &Desk, names: &[&str]) {
    let first = Freeze { slug: "first".to_owned(), ..order() };
    let records: Records = Box::new(rows(names).into_iter().map(Ok));
    desk.ledger.freeze(first, Some(records), Box::new(|_| Ok(()))).await.expect("it freezes");
}

#[tokio::test]
async fn who_leaves_while_an_issue_is_frozen_does_not_wait_and_gets_nothing() {
    let Some(desk) = Desk::postgres() else { return };
    first_issue(&desk, &["ann", "bob", "cyd", "dan", "eve"]).await;
    let mut file = rows(&["ann", "bob", "cyd", "dan", "fay", "gus"]);
    // One of whom the file says something new, and eve is gone from it.
    "Dan the second".clone_into(&mut file[3].name);
    let issue = freeze_beside(
        &desk,
        order(),
        file,
        async |ledger| {
            say(&*ledger, "ann", S::Unsubscribed).await;
            // Whom the file is about to bring, and who says no before.
            say(&*ledger, "gus", S::Unsubscribed).await;
        },
        async |ledger, go_on| {
            say(&*ledger, "bob", S::Unsubscribed).await;
            say(&*ledger, "dan", S::Complained).await;
            say(&*ledger, "eve", S::Unsubscribed).await;
            go_on.send(()).expect("it waits");
        },
    )
    .await;
    assert_eq!(
        standing(&desk, issue).await,
        [
            "ann suppressed",
            "bob planned",
            "cyd planned",
            "dan suppressed",
            "fay planned",
            "gus suppressed"
        ]
    );
    for (name, state) in
        [("ann", S::Unsubscribed), ("dan", S::Complained), ("eve", S::Unsubscribed)]
    {
        assert_eq!(desk.state_of(name).await, Some(state), "{name}");
    }
    for claim in desk.claim(issue, "host/1", 9).await {
        let begun = desk.enter(Entry::Begin(claim.ticket)).await;
        let is_bob = claim.reader.address == address("bob");
        assert_eq!(begun, if is_bob { Entered::Suppressed } else { Entered::Done });
    }
    desk.tally(issue).await;
    assert_eq!(desk.ledger.verify().await.expect("it looks"), []);
}

#[tokio::test]
async fn who_is_erased_while_an_issue_is_frozen_is_nowhere_in_it() {
    let Some(desk) = Desk::postgres() else { return };
    first_issue(&desk, &["ann", "bob"]).await;
    let eraser = desk.again();
    let erased = std::sync::Mutex::new(None);
    let issue = freeze_beside(
        &desk,
        order(),
        rows(&["ann", "bob"]),
        async |_| {},
        async |_, go_on| {
            // It waits for the end of the freeze.
            let erasing = tokio::spawn(async move { say(&*eraser, "ann", S::Erased).await });
            *erased.lock().expect("nobody panicked") = Some(erasing);
            go_on.send(()).expect("it waits");
        },
    )
    .await;
    let erasing = erased.lock().expect("nobody panicked").take().expect("it was begun");
    erasing.await.expect("they were erased");
    let named = desk.deliveries(issue).await;
    assert!(named.iter().all(|row| row.address != address("ann")), "{named:?}");
    assert_eq!(desk.ledger.verify().await.expect("it looks"), []);
}

#[tokio::test]
async fn who_joins_while_the_file_that_names_them_is_read_is_told_to_try_again() {
    let Some(desk) = Desk::postgres() else { return };
    let issue = freeze_beside(
        &desk,
        order(),
        rows(&["ann", "new"]),
        async |_| {},
        async |ledger, go_on| {
            let event = event_named("subscribe");
            let joined = ledger.move_subscriber(LIST, &address("new"), S::Pending, &event).await;
            let told = joined.expect_err("the file brings them").to_string();
            assert!(told.contains("a list that names them is being read"), "{told}");
            // And nobody waits behind them.
            say(&*ledger, "old", S::Unsubscribed).await;
            go_on.send(()).expect("it waits");
        },
    )
    .await;
    assert_eq!(standing(&desk, issue).await, ["ann planned", "new planned"]);
}

#[tokio::test]
async fn who_is_added_to_an_issue_that_is_cancelled_meanwhile_is_not() {
    let Some(desk) = Desk::postgres() else { return };
    let first = Freeze { slug: SLUG.to_owned(), ..order() };
    let records: Records = Box::new(rows(&["ann"]).into_iter().map(Ok));
    desk.ledger.freeze(first, Some(records), Box::new(|_| Ok(()))).await.expect("it freezes");
    let ((at_end, read), (at_copies, planned)) = (stop(), stop());
    let late = Freeze { catch_up: true, ..order() };
    let freeze =
        desk.ledger.freeze(late, Some(list(rows(&["ann", "bob"]), at_end)), copies(at_copies));
    let beside = async {
        read.there().await.send(()).expect("it waits");
        let go_on = planned.there().await;
        let from = [postrider::model::IssueState::Sending];
        let to = postrider::model::IssueState::Cancelled;
        assert!(desk.again().turn(LIST, SLUG, &from, to, "").await.expect("it turns"));
        go_on.send(()).expect("it waits");
    };
    let (frozen, ()) = tokio::join!(freeze, beside);
    let refused = frozen.expect_err("it was cancelled").to_string();
    assert!(refused.contains("was cancelled"), "{refused}");
    let issue = desk.ledger.issue(LIST, SLUG).await.expect("it finds").expect("it is there").id;
    assert_eq!(desk.states(issue).await, [D::Cancelled]);
}
