//! Bytes that nobody would send who means well: read in bounded time, without a panic, and never as a death.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use postrider::bounce::{self, Kind};
use proptest::prelude::*;

use super::fixtures;

/// So much more than any message takes that a slow machine does not matter, and so much less than a quadratic reader would.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn monsters_are_read_in_bounded_time_and_are_nobodys_death() {
    let mut nested = String::new();
    for depth in 0..500 {
        write!(nested, "Content-Type: multipart/mixed; boundary=\"b{depth}\"\n\n--b{depth}\n")
            .expect("a string grows");
    }
    let messages = "Content-Type: message/rfc822\n\n".repeat(30_000);
    let long_header =
        format!("Subject: {}\nTo: {}\n\ntext\n", "x".repeat(500_000), "a@b.org,".repeat(60_000));
    let many_headers = "X-Header: value\n".repeat(70_000);
    let folded = format!("Subject: a\n{}\n\n", " b\n".repeat(300_000));
    let reports = format!(
        "From: MAILER-DAEMON@a.org\nContent-Type: multipart/report; boundary=r\n\n--r\n\
         Content-Type: message/delivery-status\n\n{}",
        "Final-Recipient: rfc822; a@b.org\nAction: failed\n\n".repeat(20_000)
    );
    let text = format!(
        "From: MAILER-DAEMON@a.org\nSubject: failure notice\n\n{}",
        "<a@b.org>: 550 \u{e9}\n".repeat(50_000)
    );
    let boundaries =
        format!("Content-Type: multipart/mixed; boundary=-\n\n{}", "---".repeat(300_000));
    let unclosed = format!(
        "Content-Type: multipart/mixed; boundary=\"b\"\n\n{}",
        "--b\nContent-Type: text/html\n\n<".repeat(20_000)
    );
    let encoded = format!("Subject: {}\n\n", "=?utf-8?b?w6k=?= ".repeat(50_000));
    let began = Instant::now();
    for (name, bytes) in [
        ("nested parts", nested.into_bytes()),
        ("nested messages", messages.into_bytes()),
        ("a long header", long_header.into_bytes()),
        ("many headers", many_headers.into_bytes()),
        ("a folded header", folded.into_bytes()),
        ("many recipients", reports.into_bytes()),
        ("many lines", text.into_bytes()),
        ("hyphens", boundaries.into_bytes()),
        ("unclosed parts", unclosed.into_bytes()),
        ("encoded words", encoded.into_bytes()),
        // Fuzzing found it: the part's boundary ends the message inside it, and with it the whole.
        ("half a message", include_bytes!("../../fixtures/half-a-message.eml").to_vec()),
        ("nothing", Vec::new()),
        ("zeros", vec![0; 2_000_000]),
        ("ones", vec![0xff; 2_000_000]),
        ("line ends", vec![b'\n'; 2_000_000]),
    ] {
        let report = bounce::read(&bytes);
        assert_ne!(report.kind, Kind::Hard, "{name}");
        assert!(report.diagnostic.len() <= 500, "{name}");
        assert!(began.elapsed() < PATIENCE, "{name} takes too long");
    }
}

#[test]
fn a_bounce_that_was_cut_off_anywhere_is_read_as_far_as_it_goes() {
    for (name, kind, bytes) in fixtures() {
        for end in (0..bytes.len()).step_by(7) {
            let report = bounce::read(&bytes[..end]);
            // A cut between the code and the words that make it milder cannot be noticed; no other makes it graver.
            if report.kind == Kind::Hard {
                let is_told_last = ["two-readers", "code-of-the-dead", "as-unknown"];
                let may_be = is_told_last.iter().any(|known| name.contains(known));
                assert!(kind == Kind::Hard || may_be, "{name} cut at {end}");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let report = bounce::read(&bytes);
        prop_assert!(report.evidence.return_paths.len() <= 4);
    }

    #[test]
    fn a_fixture_with_holes_and_twists_is_read(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_usize..40), 1..12),
    ) {
        let all = fixtures();
        let mut bytes = which.get(&all).2.clone();
        for (at, byte, length) in changes {
            let at = at.index(bytes.len().max(1)).min(bytes.len());
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, [byte, b'\n', byte]);
        }
        let report = bounce::read(&bytes);
        prop_assert!(report.diagnostic.len() <= 500);
        prop_assert!(!report.diagnostic.chars().any(char::is_control));
    }
}
