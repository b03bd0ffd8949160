//! When issues go out, across the nights when clocks are changed.

use std::{path::Path, process::Command};

use jiff::{
    Timestamp, ToSpan, Zoned,
    civil::{DateTime, Weekday},
    tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase},
};
use postrider::schedule::{self, AtError, Every};
use proptest::prelude::*;

/// Zones whose clocks change, by an hour, by half an hour, by a day, and not at all.
const ZONES: [&str; 8] = [
    "Europe/London",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "UTC",
];

fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).expect("it is bundled")
}

fn at(text: &str) -> Result<Zoned, AtError> {
    schedule::parse_at(text, &zone("Europe/London"), &TimeZoneDatabase::bundled())
}

fn check_at(cases: &[(&str, &str)]) {
    for (written, expected) in cases {
        let at = at(written).map_or_else(|error| error.to_string(), |at| at.to_string());
        assert_eq!(at, *expected, "{written}");
    }
}

#[test]
fn a_time_is_read_in_its_own_zone_or_else_in_the_publications() {
    check_at(&[
        ("2026-11-30 07:00", "2026-11-30T07:00:00+00:00[Europe/London]"),
        (" 2026-07-01T07:00:30 ", "2026-07-01T07:00:30+01:00[Europe/London]"),
        ("2026-11-30T07:00[Europe/London]", "2026-11-30T07:00:00+00:00[Europe/London]"),
        ("2026-11-30 07:00[Asia/Kolkata]", "2026-11-30T07:00:00+05:30[Asia/Kolkata]"),
        ("2026-07-01T07:00:00Z", "2026-07-01T08:00:00+01:00[Europe/London]"),
        ("2026-07-01T07:00:00-04:00", "2026-07-01T12:00:00+01:00[Europe/London]"),
        ("2026-07-01T07:00-04:00[America/New_York]", "2026-07-01T07:00:00-04:00[America/New_York]"),
        ("2026-07-01T07:00Z[America/New_York]", "2026-07-01T03:00:00-04:00[America/New_York]"),
        ("2028-02-29 07:00", "2028-02-29T07:00:00+00:00[Europe/London]"),
        ("2026-12-31 23:59", "2026-12-31T23:59:00+00:00[Europe/London]"),
    ]);
}

#[test]
fn a_time_that_clocks_skip_is_the_first_instant_after_the_gap() {
    check_at(&[
        ("2026-03-29 00:59", "2026-03-29T00:59:00+00:00[Europe/London]"),
        ("2026-03-29 01:00", "2026-03-29T02:00:00+01:00[Europe/London]"),
        ("2026-03-29 01:30", "2026-03-29T02:00:00+01:00[Europe/London]"),
        ("2026-03-29 02:00", "2026-03-29T02:00:00+01:00[Europe/London]"),
        ("2026-03-08T02:30[America/New_York]", "2026-03-08T03:00:00-04:00[America/New_York]"),
        ("2026-10-04T02:15[Australia/Lord_Howe]", "2026-10-04T02:30:00+11:00[Australia/Lord_Howe]"),
        ("2011-12-30T12:00[Pacific/Apia]", "2011-12-31T00:00:00+14:00[Pacific/Apia]"),
        // Beyond the zone's table, where its rule goes on.
        ("2199-03-31 01:30", "2199-03-31T02:00:00+01:00[Europe/London]"),
    ]);
}

#[test]
fn a_time_that_clocks_show_twice_is_the_first_of_the_two() {
    check_at(&[
        ("2026-10-25 01:30", "2026-10-25T01:30:00+01:00[Europe/London]"),
        ("2026-10-25 02:00", "2026-10-25T02:00:00+00:00[Europe/London]"),
        ("2026-10-25T01:30+00:00[Europe/London]", "2026-10-25T01:30:00+00:00[Europe/London]"),
        ("2026-11-01T01:30[America/New_York]", "2026-11-01T01:30:00-04:00[America/New_York]"),
        ("2026-04-05T01:45[Australia/Lord_Howe]", "2026-04-05T01:45:00+11:00[Australia/Lord_Howe]"),
    ]);
}

#[test]
fn what_is_no_instant_is_refused_with_its_reason() {
    for (written, expected) in [
        ("", AtError::Malformed as fn(String) -> AtError),
        ("tomorrow", AtError::Malformed),
        ("07:00", AtError::Malformed),
        ("2027-02-29 07:00", AtError::Malformed),
        ("2026-11-30 25:00", AtError::Malformed),
        ("2026-11-30", AtError::NoTime),
        ("2026-11-30T07:00[Europe/Londno]", AtError::Zone),
        ("2026-07-01T07:00-03:00[America/New_York]", AtError::Conflict),
        ("9999-12-31T23:59-23:00", AtError::TooFar),
    ] {
        assert_eq!(at(written), Err(expected(written.to_owned())));
    }
}

#[test]
fn the_next_time_is_strictly_later_and_keeps_to_the_wall_clock() {
    for (every, now, place, expected) in [
        ("Mon 07:00", "2026-11-29T12:00:00Z", "Europe/London", "2026-11-30T07:00:00+00:00"),
        ("Mon 07:00", "2026-11-30T06:59:59Z", "Europe/London", "2026-11-30T07:00:00+00:00"),
        ("Mon 07:00", "2026-11-30T07:00:00Z", "Europe/London", "2026-12-07T07:00:00+00:00"),
        ("Mon,Thu 07:00", "2026-11-30T07:00:00Z", "Europe/London", "2026-12-03T07:00:00+00:00"),
        ("weekdays 07:00", "2026-11-27T07:00:00Z", "Europe/London", "2026-11-30T07:00:00+00:00"),
        ("daily 07:00", "2026-12-31T07:00:00Z", "Europe/London", "2027-01-01T07:00:00+00:00"),
        ("daily 07:00", "2028-02-28T07:00:00Z", "Europe/London", "2028-02-29T07:00:00+00:00"),
        // An hour less and an hour more between two issues.
        ("daily 07:00", "2026-03-28T07:00:00Z", "Europe/London", "2026-03-29T07:00:00+01:00"),
        ("daily 07:00", "2026-10-24T06:00:00Z", "Europe/London", "2026-10-25T07:00:00+00:00"),
        // In the gap, and once only in the fold.
        ("Sun 01:30", "2026-03-28T12:00:00Z", "Europe/London", "2026-03-29T02:00:00+01:00"),
        ("daily 01:30", "2026-10-25T00:30:00Z", "Europe/London", "2026-10-26T01:30:00+00:00"),
        ("Mon 07:00", "2026-11-30T01:29:00Z", "Asia/Kolkata", "2026-11-30T07:00:00+05:30"),
        ("Sun 02:15", "2026-10-01T00:00:00Z", "Australia/Lord_Howe", "2026-10-04T02:30:00+11:00"),
        // It is Monday there already.
        ("Mon 07:00", "2026-11-29T17:00:00Z", "Pacific/Apia", "2026-11-30T07:00:00+13:00"),
    ] {
        let every: Every = every.parse().unwrap_or_else(|error| panic!("{error}"));
        let next = every.next_after(now.parse().expect("a timestamp"), &zone(place));
        let next = next.expect("not the end of time").to_string();
        assert_eq!(next, format!("{expected}[{place}]"), "{every} after {now}");
    }
    let daily: Every = "daily 07:00".parse().expect("a habit");
    assert_eq!(daily.next_after(Timestamp::MAX, &zone("UTC")), None);
}

#[test]
fn cron_and_the_shell_hand_over_the_paths_as_they_are() {
    for path in [
        "/srv/tt-report",
        "/srv/50% off",
        "/srv/a\\%b",
        "/srv/a\\\\%%b\\",
        "/srv/Anna's \"$(date)\" & 'co' #1 ~ * ?",
        "/srv/a\\'%'\\%",
        "/srv/zoë %",
    ] {
        let text = schedule::cron_line(Path::new(path), Path::new(path)).expect("it is writable");
        let command = as_cron_reads(text.lines().nth(1).expect("a line"));
        let script = format!("for word in {command}; do printf '%s\\n' \"$word\"; done");
        let output = Command::new("sh").args(["-c", &script]).output().expect("there is a shell");
        let words = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(words, format!("{path}\n-C\n{path}\ndue\n"));
    }
}

/// Returns the command of a crontab's line as Vixie cron and cronie unescape it.
fn as_cron_reads(line: &str) -> String {
    let command = line.splitn(6, ' ').nth(5).expect("five fields and a command");
    let mut read = String::new();
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('%', _) => break,
            ('\\', Some(next)) => {
                read.extend((next != '%').then_some('\\'));
                read.push(next);
                chars.next();
            }
            _ => read.push(c),
        }
    }
    read
}

const DAYS: [(&str, Weekday); 7] = [
    ("Mon", Weekday::Monday),
    ("Tue", Weekday::Tuesday),
    ("Wed", Weekday::Wednesday),
    ("Thu", Weekday::Thursday),
    ("Fri", Weekday::Friday),
    ("Sat", Weekday::Saturday),
    ("Sun", Weekday::Sunday),
];

/// Tells whether the clocks of `zone` skip `wall`.
fn is_skipped(wall: DateTime, zone: &TimeZone) -> bool {
    matches!(zone.to_ambiguous_zoned(wall).offset(), AmbiguousOffset::Gap { .. })
}

proptest! {
    #[test]
    fn the_next_time_is_later_within_a_week_and_on_its_day_and_hour(
        second in 1_300_000_000_i64..4_000_000_000,
        days in prop::sample::subsequence(DAYS.to_vec(), 1..=7),
        hour in 0_i8..24,
        minute in 0_i8..60,
        place in prop::sample::select(ZONES.to_vec()),
    ) {
        let names: Vec<&str> = days.iter().map(|(name, _)| *name).collect();
        let every: Every = format!("{} {hour}:{minute:02}", names.join(",")).parse().expect("a habit");
        let (now, zone) = (Timestamp::from_second(second).expect("in range"), zone(place));
        let next = every.next_after(now, &zone).expect("not the end of time");
        prop_assert!(next.timestamp() > now);
        // A week, and the hours by which clocks may be changed in it.
        prop_assert!(next.timestamp() <= now + (8 * 24).hours() + 2.hours());

        let wall = next.date().at(hour, minute, 0, 0);
        let on_time = next.datetime() == wall && days.iter().any(|(_, day)| *day == next.weekday());
        // A gap moves it to a later hour, or past midnight.
        let moved = is_skipped(wall, &zone)
            || is_skipped(wall.yesterday().expect("not the first day"), &zone);
        prop_assert!(on_time || moved, "{next}");
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in "[0-9TZ:+\\-\\[\\]a-zA-Z/, ]{0,40}", odd in any::<String>()) {
        for text in [&text, &odd] {
            let _ = at(text);
            let _ = text.parse::<Every>();
        }
    }
}
