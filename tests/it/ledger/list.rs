//! Questions about people: who is enrolled, who left, and who may never come back by a file.

use postrider::{
    ledger::{Enrol, Enrolled, Entry, Event, Freeze, LedgerError, Record, Records},
    model::{IssueState, SubscriberState as S},
};
use proptest::prelude::*;

use super::{
    Desk, ask_every_ledger,
    desk::{self, LIST, SLUG, accepted, address, event_named, import, instant, order, record},
};

ask_every_ledger! {
    records_become_people_with_a_history,
    the_same_file_again_changes_nothing,
    a_duplicate_is_reported_with_the_line_of_the_first,
    a_long_list_is_taken_whole_in_any_order,
    suppression_always_wins,
    a_person_comes_back_only_for_a_reason,
    what_bounced_in_one_publication_is_not_mailed_in_another,
    a_list_file_is_the_truth_and_an_import_adds,
    the_graver_word_stays,
    an_unsubscribe_of_a_stranger_is_kept,
    a_rehearsed_enrolment_leaves_nothing,
    several_lists_are_one_transaction_and_each_is_counted_by_itself,
    evidence_is_logged_once_and_never_of_who_left,
    what_ended_long_ago_keeps_its_counts_and_forgets_its_readers,
    an_erased_person_is_only_a_hash_and_is_not_revived,
    people_are_listed_page_by_page,
    a_person_is_found_by_the_id_in_their_links,
    no_text_is_a_statement,
}

async fn enrol(desk: &Desk, order: Enrol, records: Vec<Record>) -> Enrolled {
    desk::enrol(&*desk.ledger, order, records).await
}

async fn records_become_people_with_a_history(desk: Desk) {
    let enrolled = desk.enrol(&["Ann", "bob pending", "cyd unsubscribed"]).await;
    assert_eq!((enrolled.read, enrolled.added), (3, 3));
    assert_eq!(enrolled.by_state, [("active", 1), ("pending", 1), ("unsubscribed", 1)].into());
    let ann = desk.ledger.subscriber(LIST, &address("ANN")).await.expect("it finds");
    let ann = ann.expect("she is there");
    assert_eq!((ann.address.written(), ann.name.as_str()), ("Ann@example.org", "Ann"));
    assert_eq!(ann.fields["company"], "Templeton Thorp");
    assert_eq!(ann.token_id.len(), 13);
    let history = desk.ledger.history(LIST, &address("cyd")).await.expect("it tells");
    assert_eq!(history.len(), 1);
    assert_eq!((&history[0].event, history[0].state), (&event_named("import"), S::Unsubscribed));
    assert_eq!(history[0].at.as_microsecond(), desk.now());
    assert!(desk.ledger.history("other", &address("cyd")).await.expect("it tells").is_empty());
}

async fn the_same_file_again_changes_nothing(desk: Desk) {
    let file = ["ann", "bob pending", "cyd unsubscribed", "dan blocked"];
    desk.enrol(&file).await;
    let before = desk.ledger.subscribers(LIST, None, 9).await.expect("it lists");
    let again = desk.enrol(&file).await;
    assert_eq!((again.read, again.added, again.updated, again.unchanged), (4, 0, 0, 4));
    assert!(again.by_state.is_empty() && again.suppressed.is_empty());
    assert_eq!(desk.ledger.subscribers(LIST, None, 9).await.expect("it lists"), before);
    assert_eq!(desk.ledger.history(LIST, &address("ann")).await.expect("it tells").len(), 1);
}

async fn a_duplicate_is_reported_with_the_line_of_the_first(desk: Desk) {
    let enrolled = desk.enrol(&["ann", "bob", "ANN", "bob unsubscribed", "bob"]).await;
    assert_eq!((enrolled.read, enrolled.added, enrolled.updated), (5, 2, 0));
    assert_eq!(
        enrolled.duplicates,
        [(4, address("ANN"), 2), (5, address("bob"), 3), (6, address("bob"), 3)]
    );
    assert_eq!(desk.state_of("bob").await, Some(S::Unsubscribed), "suppression still acts");
    let ann = desk.ledger.subscriber(LIST, &address("ann")).await.expect("it finds");
    assert_eq!(ann.map(|ann| ann.name), Some("ann".to_owned()));
}

async fn a_long_list_is_taken_whole_in_any_order(desk: Desk) {
    const PEOPLE: u64 = 1_500;
    let name = |number: u64| format!("reader{}", number * 7_919 % PEOPLE);
    let once = (0..PEOPLE).map(|number| record(number + 2, &name(number)));
    let left = |number| record(PEOPLE + number + 2, &format!("{} unsubscribed", name(number)));
    let twice: Vec<_> = once.clone().chain((0..100).map(left)).collect();
    let enrolled = enrol(&desk, import(), twice.clone()).await;
    assert_eq!((enrolled.read, enrolled.added), (PEOPLE + 100, PEOPLE));
    assert_eq!(enrolled.by_state, [("active", PEOPLE), ("unsubscribed", 100)].into());
    let expected: Vec<_> =
        (0..100).map(|number| (PEOPLE + number + 2, address(&name(number)), number + 2)).collect();
    assert_eq!(enrolled.duplicates, expected);
    let frozen = desk.freeze().await;
    assert_eq!((frozen.planned, frozen.recipients), (PEOPLE, PEOPLE - 100));
    let rows = desk.deliveries(frozen.issue.id).await;
    let in_order = (1..).zip(&rows).all(|(slot, row)| {
        row.slot == slot && row.address == address(&name(slot.cast_unsigned() - 1))
    });
    assert!(in_order, "slots are in the order of the file");
    let again = enrol(&desk, import(), once.rev().collect()).await;
    assert_eq!((again.unchanged, again.suppressed.len()), (PEOPLE - 100, 100));
    assert!(again.suppressed.is_sorted_by_key(|(line, ..)| *line));
}

async fn suppression_always_wins(desk: Desk) {
    for state in [S::Unsubscribed, S::Bounced, S::Complained, S::Blocked] {
        let name = state.word();
        desk.enrol(&[name]).await;
        desk.tell(name, state, "suppress").await;
        for claimed in ["active", "pending"] {
            let enrolled = desk.enrol(&[&format!("{name} {claimed}")]).await;
            assert_eq!(enrolled.suppressed, [(2, address(name), state)]);
            assert_eq!((enrolled.added, enrolled.updated, enrolled.unchanged), (0, 0, 0));
            assert_eq!(desk.state_of(name).await, Some(state));
        }
    }
}

async fn a_person_comes_back_only_for_a_reason(desk: Desk) {
    desk.enrol(&["ann unsubscribed", "bob erased"]).await;
    let order = Enrol { resubscribe: Some("asked by letter".to_owned()), ..import() };
    let enrolled = enrol(&desk, order, vec![record(2, "ann"), record(3, "bob")]).await;
    assert_eq!((enrolled.updated, enrolled.by_state["active"]), (2, 2));
    for name in ["ann", "bob"] {
        assert_eq!(desk.state_of(name).await, Some(S::Active));
        let history = desk.ledger.history(LIST, &address(name)).await.expect("it tells");
        let last = history.last().expect("there is one");
        assert_eq!(
            (last.event.name.as_str(), last.event.detail.as_str()),
            ("resubscribe", "asked by letter")
        );
    }
    let bob = desk.ledger.subscriber(LIST, &address("bob")).await.expect("it finds");
    assert_eq!(bob.map(|bob| (bob.address, bob.name)), Some((address("bob"), "bob".to_owned())));
}

async fn what_bounced_in_one_publication_is_not_mailed_in_another(desk: Desk) {
    desk.enrol(&["ann", "bob", "cyd unsubscribed", "eve"]).await;
    for (name, state) in [
        ("ann", S::Bounced),
        ("bob", S::Unsubscribed),
        ("cyd", S::Complained),
        ("dan", S::Bounced),
        ("eve", S::Blocked),
        ("eve", S::Bounced),
    ] {
        let event = event_named("bounce");
        desk.ledger
            .move_subscriber("other", &address(name), state, &event)
            .await
            .expect("it moves");
    }
    assert_eq!(desk.state_of("ann").await, Some(S::Bounced));
    assert_eq!(desk.state_of("bob").await, Some(S::Active), "leaving is for one publication");
    assert_eq!(desk.state_of("cyd").await, Some(S::Unsubscribed));
    assert_eq!(desk.state_of("eve").await, Some(S::Bounced), "blocked there, dead everywhere");
    let history = desk.ledger.history(LIST, &address("ann")).await.expect("it tells");
    assert_eq!(history.last().map(|last| last.state), Some(S::Bounced));
    let enrolled = desk.enrol(&["dan"]).await;
    assert_eq!(enrolled.suppressed, [(2, address("dan"), S::Bounced)]);
    assert_eq!(desk.state_of("dan").await, Some(S::Bounced));
}

async fn a_list_file_is_the_truth_and_an_import_adds(desk: Desk) {
    let file = || Enrol { from_list_file: true, ..import() };
    let person = |name: &str, tags: &[&str], company: Option<&str>| Record {
        name: name.to_owned(),
        tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
        fields: company
            .map(|company| ("company".to_owned(), company.to_owned()))
            .into_iter()
            .collect(),
        ..record(2, "ann")
    };
    let ann = || async {
        let ann = desk.ledger.subscriber(LIST, &address("ann")).await.expect("it finds");
        let ann = ann.expect("she is there");
        (ann.name, ann.tags.join(","), ann.fields.into_values().collect::<Vec<_>>().join(","))
    };
    let expect = |name: &str, tags: &str, company: &str| {
        (name.to_owned(), tags.to_owned(), company.to_owned())
    };
    enrol(&desk, file(), vec![person("Ann", &["energy"], Some("TT"))]).await;
    let emptied = enrol(&desk, file(), vec![person("", &[], None)]).await;
    assert_eq!((emptied.updated, ann().await), (1, expect("", "", "")));
    enrol(&desk, import(), vec![person("Anne", &["gas"], Some("TT"))]).await;
    let silent = enrol(&desk, import(), vec![person("", &[], None)]).await;
    assert_eq!((silent.unchanged, ann().await), (1, expect("Anne", "gas", "TT")));
    let added = enrol(&desk, import(), vec![person("", &["oil"], Some("Other"))]).await;
    assert_eq!((added.updated, ann().await), (1, expect("Anne", "gas,oil", "Other")));
}

async fn the_graver_word_stays(desk: Desk) {
    desk.enrol(&["ann"]).await;
    assert_eq!(desk.tell("ann", S::Complained, "complaint").await, Some(S::Active));
    assert_eq!(desk.tell("ann", S::Unsubscribed, "unsubscribe").await, Some(S::Complained));
    assert_eq!(desk.state_of("ann").await, Some(S::Complained));
    let history = desk.ledger.history(LIST, &address("ann")).await.expect("it tells");
    let told: Vec<_> = history.iter().map(|line| (line.event.name.as_str(), line.state)).collect();
    assert_eq!(
        told,
        [("import", S::Active), ("complaint", S::Complained), ("unsubscribe", S::Complained)]
    );
    assert_eq!(desk.tell("ann", S::Active, "resubscribe").await, Some(S::Complained));
    assert_eq!(desk.state_of("ann").await, Some(S::Active), "a person's word is not a record");
}

async fn an_unsubscribe_of_a_stranger_is_kept(desk: Desk) {
    assert_eq!(desk.tell("ann", S::Unsubscribed, "unsubscribe").await, None);
    assert_eq!(desk.enrol(&["ann"]).await.suppressed.len(), 1);
    assert_eq!(desk.tell("ann", S::Unsubscribed, "unsubscribe").await, Some(S::Unsubscribed));
    assert_eq!(desk.ledger.history(LIST, &address("ann")).await.expect("it tells").len(), 1);
}

async fn a_rehearsed_enrolment_leaves_nothing(desk: Desk) {
    desk.enrol(&["ann"]).await;
    let order = Enrol { rehearse: true, ..import() };
    let records = vec![record(2, "ann unsubscribed"), record(3, "bob")];
    let enrolled = enrol(&desk, order, records).await;
    assert_eq!((enrolled.added, enrolled.updated), (1, 1));
    assert_eq!(desk.state_of("ann").await, Some(S::Active));
    assert_eq!(desk.state_of("bob").await, None);
}

async fn several_lists_are_one_transaction_and_each_is_counted_by_itself(desk: Desk) {
    let list = |names: &[&str]| -> (Enrol, Records) {
        let records: Vec<_> = (2..).zip(names).map(|(line, name)| Ok(record(line, name))).collect();
        (import(), Box::new(records.into_iter()))
    };
    let lists = vec![list(&["ann", "bob"]), list(&["bob unsubscribed"]), list(&["bob", "cyd"])];
    let enrolled = desk.ledger.enrol(lists).await.expect("it enrols");
    let counts: Vec<_> = enrolled.iter().map(|of| (of.read, of.added, of.updated)).collect();
    assert_eq!(counts, [(2, 2, 0), (1, 0, 1), (2, 1, 0)]);
    assert_eq!(enrolled[2].suppressed, [(2, address("bob"), S::Unsubscribed)]);
    assert!(enrolled.iter().all(|of| of.duplicates.is_empty()), "a list is not another's twin");
    let broken: Records = Box::new(std::iter::once(Err("line 3: a mark".to_owned())));
    let half = desk.ledger.enrol(vec![list(&["dan"]), (import(), broken)]).await;
    assert!(matches!(half, Err(LedgerError::Refused(_))), "{half:?}");
    assert_eq!(desk.state_of("dan").await, None);
    let rehearsal = Enrol { rehearse: true, ..import() };
    let lists = vec![list(&["dan"]), (rehearsal, list(&["eve"]).1)];
    desk.ledger.enrol(lists).await.expect("it enrols");
    assert_eq!(desk.state_of("dan").await, None, "nothing is kept when an order rehearses");
}

async fn evidence_is_logged_once_and_never_of_who_left(desk: Desk) {
    let with = |written: &str, evidence: &str| Record {
        evidence: evidence.to_owned(),
        ..record(2, written)
    };
    let details = || async {
        let history = desk.ledger.history(LIST, &address("ann")).await.expect("it tells");
        history.into_iter().map(|line| line.event.detail).collect::<Vec<_>>()
    };
    let order = || Enrol {
        event: Event { detail: "a form".to_owned(), ..event_named("import") },
        ..import()
    };
    enrol(&desk, order(), vec![record(2, "ann pending")]).await;
    for _ in 0..2 {
        enrol(&desk, order(), vec![with("ann pending", "opted in 2019-03-02")]).await;
    }
    enrol(&desk, order(), vec![with("ann", "confirmed 2019-03-03")]).await;
    assert_eq!(
        details().await,
        ["a form", "a form; opted in 2019-03-02", "a form; confirmed 2019-03-03"]
    );
    enrol(&desk, order(), vec![with("ann unsubscribed", "left 2020-01-01")]).await;
    for _ in 0..2 {
        enrol(&desk, order(), vec![with("ann", "opted in 2021-01-01")]).await;
        enrol(&desk, order(), vec![with("ann unsubscribed", "left 2022-01-01")]).await;
    }
    assert_eq!(details().await[3..], ["a form; left 2020-01-01"]);
}

async fn what_ended_long_ago_keeps_its_counts_and_forgets_its_readers(desk: Desk) {
    let issue = desk.send_to(&["ann", "bob"]).await;
    for _ in 0..2 {
        let ticket = desk.begin_one(issue).await;
        desk.enter(Entry::Record(ticket, accepted())).await;
    }
    let open = desk.ledger.prune(LIST, instant(desk.now() + 1)).await.expect("it prunes");
    assert_eq!(open, 0, "it is not over");
    let ended =
        desk.ledger.turn(LIST, SLUG, &[IssueState::Sending], IssueState::Finished, "").await;
    assert!(ended.expect("it turns"));
    let other = desk.ledger.prune("other", instant(desk.now() + 1)).await.expect("it prunes");
    let young = desk.ledger.prune(LIST, instant(desk.now())).await.expect("it prunes");
    assert_eq!((other, young), (0, 0));
    let before = (desk.tally(issue).await, desk.ledger.history(LIST, &address("ann")).await);
    for forgotten in [2, 0] {
        let pruned = desk.ledger.prune(LIST, instant(desk.now() + 1)).await.expect("it prunes");
        assert_eq!(pruned, forgotten);
    }
    for row in desk.deliveries(issue).await {
        assert_eq!((row.address.domain(), row.said.as_str()), ("erased.invalid", ""));
    }
    let after = (desk.tally(issue).await, desk.ledger.history(LIST, &address("ann")).await);
    assert_eq!(before.0, after.0);
    assert_eq!(before.1.expect("it tells"), after.1.expect("it tells"));
    let tried = desk.ledger.attempts(LIST, &address("ann")).await.expect("it tells");
    assert_eq!(tried.len(), 1, "that she got it is still known, by her place on the list");
    assert_eq!(desk.ledger.subscribers(LIST, None, 9).await.expect("it lists").len(), 2);
}

async fn an_erased_person_is_only_a_hash_and_is_not_revived(desk: Desk) {
    let issue = desk.send_to(&["ann", "bob"]).await;
    let ticket = desk.begin_one(issue).await;
    let outcome = Entry::Record(ticket, accepted());
    desk.enter(outcome).await;
    let token = desk.ledger.subscriber(LIST, &address("ann")).await.expect("it finds");
    let token = token.expect("she is there").token_id;
    desk.tell("ann", S::Erased, "erase").await;
    let ann = desk.ledger.subscriber(LIST, &address("ann")).await.expect("it finds");
    let ann = ann.expect("the hash is there");
    assert_eq!((ann.state, ann.name.as_str()), (S::Erased, ""));
    assert!(ann.tags.is_empty() && ann.fields.is_empty());
    assert_eq!(ann.address.domain(), "erased.invalid");
    let by_token = desk.ledger.subscriber_by_token(LIST, &token).await.expect("it finds");
    assert_eq!(by_token, None);
    let rows = desk.deliveries(issue).await;
    assert_eq!((&rows[0].address, rows[0].said.as_str()), (&ann.address, ""));
    assert_eq!(desk.tally(issue).await.accepted, 1);
    let history = desk.ledger.history(LIST, &address("ann")).await.expect("it tells");
    assert_eq!(history.len(), 1, "only the erasure");
    assert_eq!(desk.enrol(&["ann"]).await.suppressed, [(2, address("ann"), S::Erased)]);
    let again = Freeze { slug: "next".to_owned(), ..order() };
    let list_file = Box::new([record(2, "bob")].into_iter().map(Ok));
    let frozen = desk.ledger.freeze(again, Some(list_file), Box::new(|_| Ok(()))).await;
    assert_eq!(frozen.expect("it freezes").planned, 1, "no list names her");
    assert_eq!(desk.tell("ann", S::Active, "add").await, Some(S::Erased));
    let ann = desk.ledger.subscriber(LIST, &address("ann")).await.expect("it finds");
    assert_eq!(ann.map(|ann| ann.address), Some(address("ann")));
}

async fn people_are_listed_page_by_page(desk: Desk) {
    desk.enrol(&["dan", "ann", "erased erased", "cyd", "bob"]).await;
    let other = Enrol { publication: "other".to_owned(), ..import() };
    enrol(&desk, other, vec![record(2, "eve")]).await;
    let mut after: Option<String> = None;
    let mut keys = Vec::new();
    loop {
        let page = desk.ledger.subscribers(LIST, after.as_deref(), 2).await.expect("it lists");
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2);
        after = Some(last.address.key());
        keys.extend(page.into_iter().map(|person| person.address.key()));
    }
    assert_eq!(keys.len(), 5);
    assert!(keys.is_sorted());
}

async fn a_person_is_found_by_the_id_in_their_links(desk: Desk) {
    desk.enrol(&["ann"]).await;
    let ann = desk.ledger.subscriber(LIST, &address("ann")).await.expect("it finds");
    let token = ann.as_ref().expect("she is there").token_id.clone();
    assert_eq!(desk.ledger.subscriber_by_token(LIST, &token).await.expect("it finds"), ann);
    for (list, token) in [("other", token.as_str()), (LIST, "aaaaaaaaaaaaa")] {
        let found = desk.ledger.subscriber_by_token(list, token).await.expect("it finds");
        assert_eq!(found, None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// In any order of files and rows, whoever a record ever suppressed stays so, and the order does not matter.
    #[test]
    fn no_order_of_records_revives_anybody(
        rows in prop::collection::vec((0_usize..3, 0_usize..7), 1..12),
        cuts in prop::collection::vec(any::<bool>(), 12),
    ) {
        let forwards = states_after(&rows, &cuts);
        let backwards: Vec<_> = rows.iter().rev().copied().collect();
        prop_assert_eq!(&forwards, &states_after(&backwards, &cuts));
        for (state, name) in forwards.iter().zip(NAMES) {
            let suppressed = rows.iter().any(|row| {
                NAMES[row.0] == name && S::ALL[row.1].is_suppressed()
            });
            prop_assert_eq!(state.is_some_and(S::is_suppressed), suppressed);
        }
    }
}

const NAMES: [&str; 3] = ["ann", "bob", "cyd"];

/// Enrols `rows` of names and states as files that end at the `cuts`, and returns what each person is; active and pending are one.
fn states_after(rows: &[(usize, usize)], cuts: &[bool]) -> Vec<Option<S>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("it starts");
    runtime.block_on(async {
        let desk = Desk::sqlite();
        let mut file = Vec::new();
        for ((name, state), cut) in rows.iter().zip(cuts) {
            file.push(format!("{} {}", NAMES[*name], S::ALL[*state].word()));
            if *cut {
                let names: Vec<_> = file.iter().map(String::as_str).collect();
                desk.enrol(&names).await;
                file.clear();
            }
        }
        let names: Vec<_> = file.iter().map(String::as_str).collect();
        desk.enrol(&names).await;
        let mut states = Vec::new();
        for name in NAMES {
            let state = desk.state_of(name).await;
            states.push(state.map(|state| if state.is_suppressed() { state } else { S::Active }));
        }
        states
    })
}

async fn no_text_is_a_statement(desk: Desk) {
    desk.enrol(&["ann", "bob unsubscribed"]).await;
    for text in [
        "'; DROP TABLE subscribers; --",
        "' OR '1'='1",
        "\" OR 1=1 --",
        "x'); UPDATE subscribers SET state = 'active'; --",
        "\\'; SELECT pg_sleep(10); --",
        "%' ESCAPE '%",
        "$1; $$",
        "?1",
    ] {
        let event = Event { detail: text.to_owned(), ..event_named(text) };
        let ledger = &desk.ledger;
        assert!(ledger.subscriber(text, &address("ann")).await.expect("it answers").is_none());
        assert!(ledger.subscriber_by_token(LIST, text).await.expect("it answers").is_none());
        assert!(ledger.issue(LIST, text).await.expect("it answers").is_none());
        ledger.subscribers(LIST, Some(text), 9).await.expect("it answers");
        // What can be written is written as it is.
        let mut record = record(2, "ann");
        (record.name, record.tags) = (text.to_owned(), vec![text.to_owned()]);
        record.fields.insert("company".to_owned(), text.to_owned());
        record.evidence = text.to_owned();
        enrol(&desk, Enrol { event: event.clone(), ..import() }, vec![record]).await;
        let ann = ledger.subscriber(LIST, &address("ann")).await.expect("it answers");
        let ann = ann.expect("she is there");
        assert_eq!((ann.name.as_str(), ann.fields["company"].as_str()), (text, text));
        let mailbox = format!("\"{}\"@example.org", text.replace(['\\', '"'], ""));
        if let Ok(quoted) = mailbox.parse() {
            ledger.move_subscriber(LIST, &quoted, S::Blocked, &event).await.expect("it moves");
        }
        assert_eq!(desk.state_of("bob").await, Some(S::Unsubscribed), "{text}");
        assert_eq!(desk.state_of("ann").await, Some(S::Active), "{text}");
    }
}
