//! Questions about the run: claim, begin, record, and everything that may happen between them.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use postrider::{
    ledger::{Entered, Entry, Freeze, Recovered, Resolution, Ticket},
    model::{DeliveryState as D, IssueState, Outcome, SubscriberState as S, Suppressed},
};

use super::{
    Desk, ask_every_ledger,
    desk::{
        EVERYBODY, LEASE, LIST, SLUG, TWO_DAYS, accepted, address, deferred, event_named, order,
        rejected,
    },
};

ask_every_ledger! {
    a_reader_goes_from_planned_to_accepted,
    a_begin_is_granted_once,
    no_begin_once_the_lease_is_over,
    no_begin_under_an_older_fence,
    no_begin_while_the_issue_is_paused,
    no_begin_once_the_issue_is_cancelled,
    no_begin_once_the_reader_has_left,
    no_begin_to_a_mailbox_that_bounced_in_another_publication,
    a_record_without_a_begin_is_refused,
    a_stale_fence_records_nothing,
    late_evidence_turns_doubt_into_the_truth,
    a_late_word_that_there_is_more_to_do_opens_the_issue_again,
    a_record_whose_answer_was_lost_may_be_told_again,
    an_attempt_told_again_does_not_end_the_next,
    entries_of_one_group_are_answered_in_order,
    a_claim_given_back_is_taken_again_under_a_new_fence,
    a_begin_given_back_never_was_one_of_the_readers_attempts,
    a_begin_whose_outcome_is_known_is_not_given_back,
    a_dead_senders_claims_are_planned_and_its_attempts_in_doubt,
    a_doubt_names_the_relay_of_its_own_attempt,
    a_doubt_names_its_relay_also_where_the_issue_was_finished_in_between,
    a_living_sender_keeps_what_it_holds,
    a_deferred_reader_is_claimed_again_at_its_hour,
    a_deferral_that_does_not_count_is_not_one_of_the_readers_tries,
    a_reader_deferred_for_two_days_expires,
    a_retry_past_the_end_is_not_waited_for,
    no_wait_is_too_long_to_be_kept,
    a_dead_mailbox_is_suppressed_with_its_last_reply,
    a_person_settles_what_is_in_doubt,
    a_resend_keeps_the_message_id_and_opens_a_finished_issue,
    the_mark_counts_begins,
    an_accepted_rollback_puts_whatever_is_unfinished_in_doubt,
    every_attempt_at_an_address_is_told,
    two_senders_share_an_issue_without_sharing_a_reader,
}

async fn a_reader_goes_from_planned_to_accepted(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    let claims = desk.claim(issue, "host/1", 10).await;
    assert_eq!(claims.len(), 1);
    let claim = &claims[0];
    assert_eq!((claim.ticket.slot, claim.ticket.attempt), (1, 1));
    assert!(claim.message_id.starts_with(&format!("<{SLUG}-")), "{}", claim.message_id);
    assert!(claim.message_id.ends_with(".1@example.org>"), "{}", claim.message_id);
    assert_eq!(desk.states(issue).await, [D::Claimed]);
    assert_eq!(desk.enter(Entry::Begin(claim.ticket)).await, Entered::Done);
    assert_eq!(desk.states(issue).await, [D::Attempting]);
    assert_eq!(desk.enter(Entry::Record(claim.ticket, accepted())).await, Entered::Done);
    let row = &desk.deliveries(issue).await[0];
    assert_eq!((row.state, row.attempts), (D::Accepted, 1));
    assert_eq!(row.said, "250 2.0.0 queued as 4F1");
    assert_eq!(row.message_id, claim.message_id);
    assert_eq!(desk.tally(issue).await.accepted, 1);
    assert!(desk.claim(issue, "host/1", 10).await.is_empty());
}

async fn a_begin_is_granted_once(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    let ticket = desk.begin_one(issue).await;
    assert_eq!(desk.enter(Entry::Begin(ticket)).await, Entered::Refused);
    assert_eq!(desk.states(issue).await, [D::Attempting]);
}

async fn no_begin_once_the_lease_is_over(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    let ticket = desk.claim(issue, "host/1", 1).await[0].ticket;
    desk.pass(LEASE.as_secs().cast_signed());
    assert_eq!(desk.enter(Entry::Begin(ticket)).await, Entered::Refused);
    assert_eq!(desk.states(issue).await, [D::Claimed]);
}

async fn no_begin_under_an_older_fence(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    let old = desk.claim(issue, "host/1", 1).await[0].ticket;
    desk.ledger.recover(issue, Box::new(|_| true)).await.expect("it recovers");
    assert_eq!(desk.enter(Entry::Begin(old)).await, Entered::Refused);
    let new = desk.claim(issue, "host/2", 1).await[0].ticket;
    assert!(new.fence > old.fence);
    assert_eq!(desk.enter(Entry::Begin(old)).await, Entered::Refused);
    assert_eq!(desk.enter(Entry::Begin(new)).await, Entered::Done);
}

async fn no_begin_while_the_issue_is_paused(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    let ticket = desk.claim(issue, "host/1", 1).await[0].ticket;
    assert!(desk.turn(IssueState::Sending, IssueState::Paused).await);
    assert_eq!(desk.enter(Entry::Begin(ticket)).await, Entered::Refused);
    assert!(desk.claim(issue, "host/1", 1).await.is_empty());
}

async fn no_begin_once_the_issue_is_cancelled(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    let ticket = desk.claim(issue, "host/1", 1).await[0].ticket;
    assert!(desk.turn(IssueState::Sending, IssueState::Cancelled).await);
    assert_eq!(desk.enter(Entry::Begin(ticket)).await, Entered::Refused);
    assert_eq!(desk.states(issue).await, [D::Cancelled]);
}

async fn no_begin_once_the_reader_has_left(desk: Desk) {
    for (state, reason) in [
        (S::Unsubscribed, Suppressed::Unsubscribed),
        (S::Bounced, Suppressed::Bounced),
        (S::Complained, Suppressed::Complained),
        (S::Blocked, Suppressed::Blocked),
        (S::Erased, Suppressed::Erased),
    ] {
        let name = state.word();
        desk.enrol(&[name]).await;
        let order = Freeze { slug: name.to_owned(), ..order() };
        let frozen = desk.ledger.freeze(order, None, Box::new(|_| Ok(()))).await;
        let issue = frozen.expect("it freezes").issue.id;
        let ticket = desk.claim(issue, "host/1", 1).await[0].ticket;
        desk.tell(name, state, "unsubscribe").await;
        assert_eq!(desk.enter(Entry::Begin(ticket)).await, Entered::Suppressed, "{name}");
        let last = desk.deliveries(issue).await.pop().expect("there is one");
        assert_eq!((last.state, last.suppressed), (D::Suppressed, Some(reason)), "{name}");
        assert_eq!(desk.enter(Entry::Begin(ticket)).await, Entered::Refused, "{name}");
    }
}

async fn no_begin_to_a_mailbox_that_bounced_in_another_publication(desk: Desk) {
    let issue = desk.send_to(&["ann", "bob"]).await;
    let claims = desk.claim(issue, "host/1", 2).await;
    for (name, state) in [("ann", S::Bounced), ("bob", S::Unsubscribed)] {
        let event = event_named("bounce");
        let moved = desk.ledger.move_subscriber("other", &address(name), state, &event).await;
        assert_eq!(moved.expect("it moves"), None);
    }
    assert_eq!(desk.enter(Entry::Begin(claims[0].ticket)).await, Entered::Suppressed);
    assert_eq!(desk.enter(Entry::Begin(claims[1].ticket)).await, Entered::Done);
}

async fn a_record_without_a_begin_is_refused(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    let ticket = desk.claim(issue, "host/1", 1).await[0].ticket;
    assert_eq!(desk.enter(Entry::Record(ticket, accepted())).await, Entered::Refused);
    assert_eq!(desk.states(issue).await, [D::Claimed]);
}

async fn a_stale_fence_records_nothing(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    let old = desk.begin_one(issue).await;
    desk.ledger.recover(issue, Box::new(|_| true)).await.expect("it recovers");
    let settled = desk.ledger.resolve(issue, &address("ann"), Resolution::Resend).await;
    assert!(settled.expect("it settles"));
    assert_eq!(desk.enter(Entry::Record(old, accepted())).await, Entered::Refused);
    let new = desk.begin_one(issue).await;
    assert_eq!(desk.enter(Entry::Record(old, rejected(true))).await, Entered::Refused);
    let wrong = Ticket { attempt: new.attempt + 1, ..new };
    assert_eq!(desk.enter(Entry::Record(wrong, accepted())).await, Entered::Refused);
    assert_eq!(desk.states(issue).await, [D::Attempting]);
}

async fn late_evidence_turns_doubt_into_the_truth(desk: Desk) {
    for (outcome, state) in
        [(accepted(), D::Accepted), (rejected(false), D::Rejected), (deferred(60), D::Deferred)]
    {
        let name = state.word();
        desk.enrol(&[name]).await;
        let order = Freeze { slug: name.to_owned(), ..order() };
        let frozen = desk.ledger.freeze(order, None, Box::new(|_| Ok(()))).await;
        let issue = frozen.expect("it freezes").issue.id;
        let ticket = desk.begin_one(issue).await;
        desk.pass(LEASE.as_secs().cast_signed() + 1);
        desk.ledger.recover(issue, Box::new(|_| false)).await.expect("it recovers");
        assert_eq!(desk.states(issue).await[0], D::InDoubt);
        assert_eq!(desk.enter(Entry::Record(ticket, outcome)).await, Entered::Done);
        assert_eq!(desk.states(issue).await[0], state);
    }
}

async fn a_late_word_that_there_is_more_to_do_opens_the_issue_again(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    let frozen = desk.begin_one(issue).await;
    desk.ledger.recover(issue, Box::new(|_| true)).await.expect("it recovers");
    assert!(desk.turn(IssueState::Sending, IssueState::Finished).await);
    assert_eq!(desk.enter(Entry::Record(frozen, deferred(900))).await, Entered::Done);
    assert_eq!(desk.states(issue).await, [D::Deferred]);
    desk.pass(900);
    assert_eq!(desk.claim(issue, "host/2", 1).await.len(), 1, "somebody tries again");
}

async fn a_record_whose_answer_was_lost_may_be_told_again(desk: Desk) {
    let issue = desk.send_to(&["ann", "bob"]).await;
    for outcome in [accepted(), deferred(60)] {
        let ticket = desk.begin_one(issue).await;
        let entry = Entry::Record(ticket, outcome);
        assert_eq!(desk.enter(entry.clone()).await, Entered::Done);
        let before = desk.deliveries(issue).await;
        desk.pass(1);
        assert_eq!(desk.enter(entry).await, Entered::Done);
        assert_eq!(desk.deliveries(issue).await, before);
        let other = Entry::Record(ticket, rejected(true));
        assert_eq!(desk.enter(other).await, Entered::Refused);
        assert_eq!(desk.deliveries(issue).await, before);
    }
}

async fn an_attempt_told_again_does_not_end_the_next(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    let busy =
        Outcome::Deferred { said: "421 busy".to_owned(), wait: Duration::ZERO, counted: false };
    let first = desk.begin_one(issue).await;
    assert_eq!(desk.enter(Entry::Record(first, busy.clone())).await, Entered::Done);
    let second = desk.begin_one(issue).await;
    assert_eq!((second.attempt, second.fence), (first.attempt, first.fence + 1));
    assert_eq!(desk.enter(Entry::Record(first, busy)).await, Entered::Done);
    assert_eq!(desk.states(issue).await, [D::Attempting]);
    assert_eq!(desk.enter(Entry::Record(first, accepted())).await, Entered::Refused);
    assert_eq!(desk.states(issue).await, [D::Attempting]);
}

async fn entries_of_one_group_are_answered_in_order(desk: Desk) {
    let issue = desk.send_to(&["ann", "bob", "cyd"]).await;
    let tickets: Vec<_> =
        desk.claim(issue, "host/1", 3).await.iter().map(|claim| claim.ticket).collect();
    desk.tell("bob", S::Unsubscribed, "unsubscribe").await;
    let group = [
        Entry::Begin(tickets[0]),
        Entry::Record(tickets[0], accepted()),
        Entry::Begin(tickets[1]),
        Entry::Release(tickets[2]),
        Entry::Begin(tickets[2]),
    ];
    let answers = desk.ledger.enter(&group).await.expect("it enters");
    let expected =
        [Entered::Done, Entered::Done, Entered::Suppressed, Entered::Done, Entered::Refused];
    assert_eq!(answers, expected);
    assert_eq!(desk.states(issue).await, [D::Accepted, D::Suppressed, D::Planned]);
}

async fn a_claim_given_back_is_taken_again_under_a_new_fence(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    let old = desk.claim(issue, "host/1", 1).await[0].ticket;
    assert_eq!(desk.enter(Entry::Release(old)).await, Entered::Done);
    assert_eq!(desk.enter(Entry::Release(old)).await, Entered::Refused);
    let new = desk.claim(issue, "host/1", 1).await[0].ticket;
    assert_eq!(new, Ticket { fence: old.fence + 1, ..old });
    assert_eq!(desk.enter(Entry::Release(old)).await, Entered::Refused);
}

async fn a_begin_given_back_never_was_one_of_the_readers_attempts(desk: Desk) {
    let issue = desk.send_to(&["ann", "bob"]).await;
    let begun = desk.begin_one(issue).await;
    assert_eq!(desk.enter(Entry::Release(Ticket { attempt: 2, ..begun })).await, Entered::Refused);
    assert_eq!(desk.enter(Entry::Release(begun)).await, Entered::Done);
    assert_eq!(desk.enter(Entry::Release(begun)).await, Entered::Refused);
    assert_eq!(desk.enter(Entry::Record(begun, accepted())).await, Entered::Refused);
    assert_eq!(desk.states(issue).await, [D::Planned, D::Planned]);
    assert_eq!(desk.deliveries(issue).await[0].attempts, 0);
    let again = desk.begin_one(issue).await;
    assert_eq!(again, Ticket { fence: begun.fence + 1, ..begun });
    assert!(desk.turn(IssueState::Sending, IssueState::Cancelled).await);
    assert_eq!(desk.enter(Entry::Release(again)).await, Entered::Done);
    assert_eq!(desk.states(issue).await, [D::Cancelled, D::Cancelled]);
}

async fn a_begin_whose_outcome_is_known_is_not_given_back(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    let ticket = desk.begin_one(issue).await;
    desk.enter(Entry::Record(ticket, accepted())).await;
    assert_eq!(desk.enter(Entry::Release(ticket)).await, Entered::Refused);
    assert_eq!(desk.states(issue).await, [D::Accepted]);
}

async fn a_dead_senders_claims_are_planned_and_its_attempts_in_doubt(desk: Desk) {
    let issue = desk.send_to(&["ann", "bob", "cyd"]).await;
    let claims = desk.claim(issue, "dead", 2).await;
    desk.enter(Entry::Begin(claims[0].ticket)).await;
    desk.claim(issue, "alive", 1).await;
    let recovered = desk.ledger.recover(issue, Box::new(|owner| owner == "dead")).await;
    assert_eq!(recovered.expect("it recovers"), Recovered { planned: 1, in_doubt: 1 });
    assert_eq!(desk.states(issue).await, [D::InDoubt, D::Planned, D::Claimed]);
}

async fn a_doubt_names_the_relay_of_its_own_attempt(desk: Desk) {
    let issue = desk.send_to(&["ann", "bob", "cyd", "dan", "eve", "fay"]).await;
    let note = async |owner: &str, relay: &str| {
        desk.ledger.note_relay(issue, owner, relay).await.expect("it notes");
    };
    let begin = async |owner: &str| {
        let ticket = desk.claim(issue, owner, 1).await[0].ticket;
        assert_eq!(desk.enter(Entry::Begin(ticket)).await, Entered::Done);
        ticket
    };
    let doubt = || Outcome::InDoubt { said: "the relay closed the connection".to_owned() };
    note("host/1", "a:25").await;
    note("host/2", "b:25").await;
    // Two send at once; one hears no answer, and both die. The first goes on through another relay.
    let (ann, _bob, cyd) = (begin("host/1").await, begin("host/2").await, begin("host/1").await);
    let began_at = desk.now();
    assert_eq!(desk.enter(Entry::Record(cyd, doubt())).await, Entered::Done);
    desk.pass(60);
    desk.ledger.recover(issue, Box::new(|_| true)).await.expect("it recovers");
    note("host/1", "c:25").await;
    let dan = begin("host/1").await;
    assert_eq!(desk.enter(Entry::Record(dan, accepted())).await, Entered::Done);
    begin("host/1").await;
    begin("nobody noted it").await;
    desk.ledger.recover(issue, Box::new(|_| true)).await.expect("it recovers");
    // What a dead sender wrote down comes too late to be of another relay.
    assert_eq!(desk.enter(Entry::Record(ann, doubt())).await, Entered::Done);

    let relays = async || {
        let rows = desk.deliveries(issue).await;
        rows.into_iter().map(|row| row.relay.unwrap_or_default()).collect::<Vec<_>>()
    };
    assert_eq!(relays().await, ["a:25", "b:25", "a:25", "", "c:25", ""]);
    let first = &desk.deliveries(issue).await[0];
    assert_eq!((first.state, first.said.as_str()), (D::InDoubt, "the relay closed the connection"));
    assert_eq!(first.began_at.map(Timestamp::as_microsecond), Some(began_at));
    for (name, relay) in [("bob", Some("b:25")), ("dan", None), ("eve", Some("c:25"))] {
        let attempts = desk.ledger.attempts(LIST, &address(name)).await.expect("it tells");
        assert_eq!(attempts[0].relay.as_deref(), relay, "{name}");
    }
    // The issue is over and out again: whoever is asked to be mailed anew is in no doubt.
    assert!(desk.turn(IssueState::Sending, IssueState::Finished).await);
    for name in ["ann", "bob"] {
        let settled = desk.ledger.resolve(issue, &address(name), Resolution::Resend).await;
        assert!(settled.expect("it settles"), "{name}");
    }
    assert_eq!(relays().await, ["", "", "a:25", "", "c:25", ""]);
    note("host/3", "d:25").await;
    begin("host/3").await;
    desk.ledger.accept_rollback(LIST, 0).await.expect("it accepts");
    assert_eq!(relays().await, ["d:25", "", "a:25", "", "c:25", ""], "bob was not begun");
    let began: Vec<_> =
        desk.deliveries(issue).await.into_iter().map(|row| row.began_at.is_some()).collect();
    assert_eq!(began, [true, false, true, false, true, true]);
}

async fn a_doubt_names_its_relay_also_where_the_issue_was_finished_in_between(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    desk.ledger.note_relay(issue, "host/1", "a:25").await.expect("it notes");
    let first = desk.claim(issue, "host/1", 1).await[0].ticket;
    assert_eq!(desk.enter(Entry::Begin(first)).await, Entered::Done);
    // Another sender takes it for dead and finishes the issue, and it is alive.
    desk.ledger.recover(issue, Box::new(|_| true)).await.expect("it recovers");
    assert!(desk.turn(IssueState::Sending, IssueState::Finished).await);
    assert_eq!(desk.enter(Entry::Record(first, deferred(60))).await, Entered::Done);
    desk.pass(60);
    let second = desk.claim(issue, "host/1", 1).await[0].ticket;
    assert_eq!(desk.enter(Entry::Begin(second)).await, Entered::Done);
    desk.ledger.recover(issue, Box::new(|_| true)).await.expect("it recovers");
    let ann = &desk.deliveries(issue).await[0];
    assert_eq!((ann.state, ann.relay.as_deref()), (D::InDoubt, Some("a:25")));
}

async fn a_living_sender_keeps_what_it_holds(desk: Desk) {
    let issue = desk.send_to(&["ann", "bob"]).await;
    desk.begin_one(issue).await;
    desk.pass(LEASE.as_secs().cast_signed() - 1);
    let recovered = desk.ledger.recover(issue, Box::new(|_| false)).await;
    assert_eq!(recovered.expect("it recovers"), Recovered::default());
    desk.pass(1);
    let recovered = desk.ledger.recover(issue, Box::new(|_| false)).await;
    assert_eq!(recovered.expect("it recovers"), Recovered { planned: 0, in_doubt: 1 });
}

async fn a_deferred_reader_is_claimed_again_at_its_hour(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    assert_eq!(desk.ledger.next_retry(issue).await.expect("it looks"), None);
    let first = desk.begin_one(issue).await;
    assert_eq!(desk.enter(Entry::Record(first, deferred(900))).await, Entered::Done);
    let retry = desk.ledger.next_retry(issue).await.expect("it looks").expect("there is one");
    assert_eq!(retry.as_microsecond(), desk.now() + 900_000_000);
    assert_eq!(desk.deliveries(issue).await[0].retry_at, Some(retry));
    desk.pass(899);
    assert!(desk.claim(issue, "host/1", 1).await.is_empty());
    desk.pass(1);
    let second = desk.claim(issue, "host/1", 1).await[0].ticket;
    assert_eq!(second, Ticket { fence: first.fence + 1, attempt: 2, ..first });
    assert_eq!(desk.enter(Entry::Release(second)).await, Entered::Done);
    assert_eq!(desk.states(issue).await, [D::Deferred]);
    let third = desk.begin_one(issue).await;
    assert_eq!(desk.enter(Entry::Record(third, accepted())).await, Entered::Done);
    assert_eq!(desk.deliveries(issue).await[0].attempts, 2);
}

async fn a_deferral_that_does_not_count_is_not_one_of_the_readers_tries(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    let busy = |counted| Outcome::Deferred {
        said: "421 4.3.2 busy".to_owned(),
        wait: Duration::from_hours(24),
        counted,
    };
    for _ in 0..3 {
        let ticket = desk.begin_one(issue).await;
        assert_eq!(ticket.attempt, 1);
        desk.enter(Entry::Record(ticket, busy(false))).await;
        desk.pass(24 * 3_600);
    }
    assert_eq!(desk.states(issue).await, [D::Deferred]);
    let ticket = desk.begin_one(issue).await;
    desk.enter(Entry::Record(ticket, busy(true))).await;
    desk.pass(24 * 3_600);
    assert_eq!(desk.begin_one(issue).await.attempt, 2);
    assert_eq!(desk.deliveries(issue).await[0].attempts, 5);
}

async fn a_reader_deferred_for_two_days_expires(desk: Desk) {
    let issue = desk.send_to(&["ann", "bob"]).await;
    let ann = desk.begin_one(issue).await;
    desk.enter(Entry::Record(ann, deferred(47 * 3_600))).await;
    let bob = desk.begin_one(issue).await;
    desk.enter(Entry::Record(bob, deferred(49 * 3_600))).await;
    desk.pass(47 * 3_600);
    // At the record: the last try came back after the end.
    let ann = desk.begin_one(issue).await;
    desk.pass(3_600);
    assert_eq!(desk.enter(Entry::Record(ann, deferred(60))).await, Entered::Done);
    assert_eq!(desk.states(issue).await, [D::Expired, D::Deferred]);
    // At the claim.
    assert!(desk.claim(issue, "host/1", 9).await.is_empty());
    assert_eq!(desk.states(issue).await, [D::Expired, D::Expired]);
    assert_eq!(desk.deliveries(issue).await[1].said, "451 4.7.1 greylisted");
    assert_eq!(desk.tally(issue).await.expired, 2);
}

async fn a_retry_past_the_end_is_not_waited_for(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    let ticket = desk.begin_one(issue).await;
    desk.enter(Entry::Record(ticket, deferred(1_000_000))).await;
    let retry = desk.ledger.next_retry(issue).await.expect("it looks").expect("there is one");
    let end = i64::try_from(TWO_DAYS.as_micros()).expect("it is short");
    assert_eq!(retry.as_microsecond(), desk.now() + end);
}

async fn no_wait_is_too_long_to_be_kept(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    let claim =
        desk.ledger.claim(issue, "host/1", 1, Duration::MAX, Duration::MAX, &EVERYBODY).await;
    let ticket = claim.expect("it claims")[0].ticket;
    desk.enter(Entry::Begin(ticket)).await;
    for counted in [false, true] {
        let wait = Duration::MAX;
        let outcome = Outcome::Deferred { said: String::new(), wait, counted };
        assert_eq!(desk.enter(Entry::Record(ticket, outcome)).await, Entered::Done);
        let retry = desk.ledger.next_retry(issue).await.expect("it looks");
        assert!(retry.is_some_and(|at| at.as_microsecond() > desk.now()));
    }
}

async fn a_dead_mailbox_is_suppressed_with_its_last_reply(desk: Desk) {
    let issue = desk.send_to(&["ann", "bob"]).await;
    for hard in [true, false] {
        let ticket = desk.begin_one(issue).await;
        desk.enter(Entry::Record(ticket, rejected(hard))).await;
    }
    assert_eq!(desk.state_of("ann").await, Some(S::Bounced));
    assert_eq!(desk.state_of("bob").await, Some(S::Active));
    let history = desk.ledger.history(LIST, &address("ann")).await.expect("it tells");
    let last = &history[history.len() - 1];
    assert_eq!((last.event.name.as_str(), last.event.source.as_str()), ("bounce", SLUG));
    assert_eq!(last.event.detail, "550 5.1.1 user unknown");
    assert_eq!(last.state, S::Bounced);
}

async fn a_person_settles_what_is_in_doubt(desk: Desk) {
    let issue = desk.send_to(&["ann", "bob"]).await;
    desk.begin_one(issue).await;
    desk.ledger.recover(issue, Box::new(|_| true)).await.expect("it recovers");
    let settle = |name, how| {
        let (ledger, address) = (desk.again(), address(name));
        async move { ledger.resolve(issue, &address, how).await.expect("it settles") }
    };
    assert!(!settle("bob", Resolution::Delivered).await, "bob is not in doubt");
    assert!(!settle("nobody", Resolution::Delivered).await);
    assert!(settle("ann", Resolution::Delivered).await);
    assert!(!settle("ann", Resolution::Resend).await, "ann is settled");
    assert_eq!(desk.states(issue).await, [D::Accepted, D::Planned]);
}

async fn a_resend_keeps_the_message_id_and_opens_a_finished_issue(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    let first = desk.claim(issue, "host/1", 1).await.remove(0);
    desk.enter(Entry::Begin(first.ticket)).await;
    desk.ledger.recover(issue, Box::new(|_| true)).await.expect("it recovers");
    assert!(desk.turn(IssueState::Sending, IssueState::Finished).await);
    let settled = desk.ledger.resolve(issue, &address("ann"), Resolution::Resend).await;
    assert!(settled.expect("it settles"));
    let again = desk.claim(issue, "host/1", 1).await.remove(0);
    assert_eq!(again.message_id, first.message_id);
    assert!(again.ticket.fence > first.ticket.fence);
    assert_eq!(again.ticket.attempt, 2);
}

async fn the_mark_counts_begins(desk: Desk) {
    let before = desk.ledger.mark(LIST).await.expect("it is marked");
    assert_eq!(before.begins, 0);
    let issue = desk.send_to(&["ann", "bob"]).await;
    desk.begin_one(issue).await;
    let refused = desk.claim(issue, "host/1", 1).await[0].ticket;
    desk.pass(LEASE.as_secs().cast_signed());
    desk.enter(Entry::Begin(refused)).await;
    let after = desk.again().mark(LIST).await.expect("it is marked");
    assert_eq!((after.begins, after.ledger), (1, before.ledger));
}

async fn an_accepted_rollback_puts_whatever_is_unfinished_in_doubt(desk: Desk) {
    let issue = desk.send_to(&["ann", "bob", "cyd", "dan", "eve"]).await;
    let ann = desk.begin_one(issue).await;
    desk.enter(Entry::Record(ann, accepted())).await;
    let bob = desk.begin_one(issue).await;
    desk.enter(Entry::Record(bob, deferred(60))).await;
    desk.begin_one(issue).await;
    desk.claim(issue, "host/1", 1).await;
    let unfinished = async || desk.ledger.unfinished().await.expect("it counts");
    assert_eq!(unfinished().await, BTreeMap::from([(LIST.to_owned(), 4)]));
    let doubtful = desk.ledger.accept_rollback(LIST, 1_000).await.expect("it accepts");
    assert_eq!(doubtful, 4);
    let states = [D::Accepted, D::InDoubt, D::InDoubt, D::InDoubt, D::InDoubt];
    assert_eq!(desk.states(issue).await, states);
    assert_eq!(unfinished().await, BTreeMap::from([(LIST.to_owned(), 0)]));
    assert_eq!(desk.ledger.mark(LIST).await.expect("it is marked").begins, 1_000);
    desk.ledger.accept_rollback(LIST, 3).await.expect("it accepts");
    assert_eq!(desk.ledger.mark(LIST).await.expect("it is marked").begins, 1_000);
    let eve = desk.ledger.resolve(issue, &address("eve"), Resolution::Resend).await;
    assert!(eve.expect("it settles"));
    assert_eq!(desk.begin_one(issue).await.attempt, 1, "eve was never tried here");
}

async fn every_attempt_at_an_address_is_told(desk: Desk) {
    let issue = desk.send_to(&["ann"]).await;
    let first = desk.begin_one(issue).await;
    desk.ledger.recover(issue, Box::new(|_| true)).await.expect("it recovers");
    desk.pass(1);
    desk.enter(Entry::Record(first, deferred(60))).await;
    desk.pass(60);
    let second = desk.begin_one(issue).await;
    let told = || async {
        let attempts = desk.ledger.attempts(LIST, &address("ann")).await.expect("it tells");
        attempts
            .into_iter()
            .map(|attempt| (attempt.attempt, attempt.state, attempt.ended_at.is_some()))
            .collect::<Vec<_>>()
    };
    let mut expected =
        vec![(1, D::InDoubt, true), (1, D::Deferred, true), (2, D::Attempting, false)];
    assert_eq!(told().await, expected);
    desk.enter(Entry::Record(second, deferred(60))).await;
    assert!(desk.turn(IssueState::Sending, IssueState::Cancelled).await);
    expected[2] = (2, D::Deferred, true);
    expected.push((0, D::Cancelled, false));
    assert_eq!(told().await, expected);
}

async fn two_senders_share_an_issue_without_sharing_a_reader(desk: Desk) {
    let names: Vec<_> = (0..60).map(|n| format!("reader{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let issue = desk.send_to(&names).await;
    let send = |owner: &'static str| {
        let ledger = desk.again();
        tokio::spawn(async move {
            let mut slots = Vec::new();
            loop {
                let claims = ledger.claim(issue, owner, 4, LEASE, TWO_DAYS, &EVERYBODY).await;
                let claims = claims.expect("it claims");
                if claims.is_empty() {
                    return slots;
                }
                for claim in claims {
                    let group =
                        [Entry::Begin(claim.ticket), Entry::Record(claim.ticket, accepted())];
                    let answers = ledger.enter(&group).await.expect("it enters");
                    assert_eq!(answers, [Entered::Done, Entered::Done]);
                    slots.push(claim.ticket.slot);
                }
            }
        })
    };
    let (one, two) = (send("host/1"), send("host/2"));
    let mut slots = one.await.expect("it ends");
    slots.extend(two.await.expect("it ends"));
    slots.sort_unstable();
    assert_eq!(slots, (1..=60).collect::<Vec<i64>>());
    assert_eq!(desk.tally(issue).await.accepted, 60);
    assert_eq!(desk.ledger.mark(LIST).await.expect("it is marked").begins, 60);
}
