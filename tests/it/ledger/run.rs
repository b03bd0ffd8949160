//! Questions about the run: claim, begin, record, and everything that may happen between them.

use std::time::Duration;

use postrider::{
    ledger::{Entered, Entry, Freeze, LedgerError, Record, Recovered, Resolution, Ticket},
    model::{DeliveryState as D, IssueState, Outcome, Rate, SubscriberState as S, Suppressed},
};

use super::{
    Desk, ask_every_ledger,
    desk::{
        LEASE, LIST, SLUG, TWO_DAYS, accepted, address, deferred, event_named, order, record,
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
    a_record_whose_answer_was_lost_may_be_told_again,
    an_attempt_told_again_does_not_end_the_next,
    entries_of_one_group_are_answered_in_order,
    a_claim_given_back_is_taken_again_under_a_new_fence,
    a_dead_senders_claims_are_planned_and_its_attempts_in_doubt,
    a_living_sender_keeps_what_it_holds,
    a_deferred_reader_is_claimed_again_at_its_hour,
    a_deferral_that_does_not_count_is_not_one_of_the_readers_tries,
    a_reader_deferred_for_two_days_expires,
    a_retry_past_the_end_is_not_waited_for,
    a_dead_mailbox_is_suppressed_with_its_last_reply,
    pause_gives_back_claims_and_lets_attempts_finish,
    cancel_stops_what_has_not_begun,
    a_deferral_of_a_cancelled_issue_is_cancelled,
    finished_needs_every_reader_settled,
    a_person_settles_what_is_in_doubt,
    a_resend_keeps_the_message_id_and_opens_a_finished_issue,
    a_freeze_stands,
    the_reader_is_the_one_frozen,
    who_joins_later_is_mailed_only_when_caught_up,
    whoever_must_not_be_mailed_has_a_row_that_says_why,
    who_left_the_list_file_gets_no_row,
    a_rehearsed_freeze_leaves_nothing,
    a_schedule_may_change_until_the_issue_is_frozen,
    an_unscheduled_issue_is_a_draft_again,
    a_missed_issue_is_told_of_once,
    beginnings_keep_every_rate_across_processes_and_restarts,
    a_clock_set_right_does_not_hold_a_lane,
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

async fn a_dead_senders_claims_are_planned_and_its_attempts_in_doubt(desk: Desk) {
    let issue = desk.send_to(&["ann", "bob", "cyd"]).await;
    let claims = desk.claim(issue, "dead", 2).await;
    desk.enter(Entry::Begin(claims[0].ticket)).await;
    desk.claim(issue, "alive", 1).await;
    let recovered = desk.ledger.recover(issue, Box::new(|owner| owner == "dead")).await;
    assert_eq!(recovered.expect("it recovers"), Recovered { planned: 1, in_doubt: 1 });
    assert_eq!(desk.states(issue).await, [D::InDoubt, D::Planned, D::Claimed]);
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

async fn a_freeze_stands(desk: Desk) {
    desk.enrol(&["ann"]).await;
    let first = desk.freeze().await;
    assert!(first.fresh);
    assert_eq!((first.planned, first.recipients), (1, 1));
    desk.enrol(&["bob"]).await;
    let changed = Freeze { digest: "0000".to_owned(), edition: b"another".to_vec(), ..order() };
    let unread = std::iter::from_fn(|| -> Option<Record> { panic!("the list was read") });
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
    let updated = desk.ledger.enrol(super::desk::import(), Box::new([changed].into_iter())).await;
    assert_eq!(updated.expect("it enrols").updated, 1);
    let reader = desk.claim(issue, "host/1", 1).await.remove(0).reader;
    assert_eq!(
        (reader.name.as_str(), reader.fields["company"].as_str()),
        ("ann", "Templeton Thorp")
    );
    assert_eq!(reader.tags, ["energy"]);
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
    let admit = |reader: &postrider::model::Subscriber| match reader.name.as_str() {
        "nameless" => Err(Suppressed::MissingField("name".to_owned())),
        "unprintable" => Err(Suppressed::Unprintable("a line is too long".to_owned())),
        "ann" => Ok(()),
        name => panic!("{name} may not be mailed, so nobody asks"),
    };
    let frozen =
        desk.ledger.freeze(order(), Some(Box::new(records.into_iter())), Box::new(admit)).await;
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
            let records = Some(Box::new(records.into_iter()) as _);
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
    let frozen =
        desk.ledger.freeze(order, Some(Box::new(records.into_iter())), Box::new(|_| Ok(()))).await;
    let frozen = frozen.expect("it freezes");
    assert_eq!((frozen.planned, frozen.recipients, frozen.fresh), (2, 1, true));
    assert!(desk.ledger.issues(LIST).await.expect("it lists").is_empty());
    assert_eq!(desk.state_of("ann").await, None);
}

async fn a_schedule_may_change_until_the_issue_is_frozen(desk: Desk) {
    let booking = |digest: &str| postrider::ledger::Booking {
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
    let booking = postrider::ledger::Booking {
        at: "2026-11-30T07:00:00Z".parse().expect("it is an instant"),
        shown: String::new(),
        max_late: Duration::from_hours(6),
        digest: "5e1f".to_owned(),
    };
    assert!(desk.ledger.schedule(LIST, SLUG, &booking).await.expect("it binds"));
}

async fn beginnings_keep_every_rate_across_processes_and_restarts(desk: Desk) {
    let rates: Vec<Rate> =
        ["2/s", "5/minute"].iter().map(|rate| rate.parse().expect("it is a rate")).collect();
    let start = desk.now();
    let mut begun = Vec::new();
    for (count, pause) in [(3, 0), (1, 1), (4, 90), (3, 400)] {
        let other = desk.again();
        let instants = other.reserve("relay", &rates, count).await.expect("it reserves");
        begun.extend(instants.iter().map(|at| (at.as_microsecond() - start) / 1_000));
        desk.pass(pause);
    }
    assert_eq!(
        begun,
        [0, 500, 1_000, 1_500, 2_000, 60_000, 60_500, 61_000, 91_000, 91_500, 120_000]
    );
    let free = desk.ledger.reserve("another lane", &rates, 1).await.expect("it reserves");
    assert_eq!(free[0].as_microsecond(), desk.now());
    let unlimited = desk.ledger.reserve("relay", &[], 2).await.expect("it reserves");
    assert!(unlimited.iter().all(|at| at.as_microsecond() == desk.now()));
}

async fn a_clock_set_right_does_not_hold_a_lane(desk: Desk) {
    let rates = ["1/minute".parse().expect("it is a rate")];
    desk.pass(86_400);
    desk.ledger.reserve("relay", &rates, 2).await.expect("it reserves");
    desk.pass(-86_400);
    let next = desk.ledger.reserve("relay", &rates, 1).await.expect("it reserves");
    assert_eq!(next[0].as_microsecond(), desk.now() + 120_000_000);
}

async fn the_mark_counts_begins(desk: Desk) {
    let before = desk.ledger.mark().await.expect("it is marked");
    assert_eq!(before.begins, 0);
    let issue = desk.send_to(&["ann", "bob"]).await;
    desk.begin_one(issue).await;
    let refused = desk.claim(issue, "host/1", 1).await[0].ticket;
    desk.pass(LEASE.as_secs().cast_signed());
    desk.enter(Entry::Begin(refused)).await;
    let after = desk.again().mark().await.expect("it is marked");
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
    let doubtful = desk.ledger.accept_rollback(1_000).await.expect("it accepts");
    assert_eq!(doubtful, 4);
    let states = [D::Accepted, D::InDoubt, D::InDoubt, D::InDoubt, D::InDoubt];
    assert_eq!(desk.states(issue).await, states);
    assert_eq!(desk.ledger.mark().await.expect("it is marked").begins, 1_000);
    desk.ledger.accept_rollback(3).await.expect("it accepts");
    assert_eq!(desk.ledger.mark().await.expect("it is marked").begins, 1_000);
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
                let claims = ledger.claim(issue, owner, 4, LEASE, TWO_DAYS).await;
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
    assert_eq!(desk.ledger.mark().await.expect("it is marked").begins, 60);
}
