//! When an issue goes out: wall time and zone to an instant, and whether that instant is now.
//!
//! A time that a zone skips (the clocks go forward) is the first instant after
//! the gap; one that it has twice (they go back) is the first of the two.
//! Nothing here reads a clock, a zone file or the environment.

mod cron;
mod every;
mod systemd;
mod wall;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

pub use cron::cron_line;
pub use every::{Every, EveryError};
pub use systemd::{Service, Unit, units};
pub use wall::{AtError, parse_at};

use crate::model::is_control;

/// Says why a path cannot stand in a crontab or a unit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Whoever runs the line starts in some other folder.
    #[error("the path `{}` is not absolute", .0.display())]
    Relative(PathBuf),
    /// Not UTF-8, or a line end or another control character in it.
    #[error("the path `{}` cannot be written on one line", .0.display())]
    Unwritable(PathBuf),
}

/// Returns an absolute path as text that stays on one line.
fn printable(path: &Path) -> Result<&str, PathError> {
    if !path.is_absolute() {
        return Err(PathError::Relative(path.to_owned()));
    }
    let text = path.to_str().filter(|text| !text.contains(is_control));
    text.ok_or_else(|| PathError::Unwritable(path.to_owned()))
}

/// How an issue bound to an instant stands now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its instant has not come.
    Early,
    /// It is to go out.
    Due,
    /// Its instant passed by more than it may be late: it must not go out by itself.
    Missed,
}

/// Tells how an issue bound to `at` stands at `now`, when it may be late by as much as `max_late`.
pub fn standing(at: Timestamp, max_late: Duration, now: Timestamp) -> Standing {
    let late = now.duration_since(at);
    if late.is_negative() {
        return Standing::Early;
    }
    // A span too long for a signed one is longer than time itself.
    match SignedDuration::try_from(max_late) {
        Ok(max_late) if late > max_late => Standing::Missed,
        _ => Standing::Due,
    }
}

/// How late an issue is that did not simply wait for the next run of cron.
const LATE: SignedDuration = SignedDuration::from_mins(15);

/// How long readers are left with one issue before one that is late anyway.
const APART: SignedDuration = SignedDuration::from_hours(1);

/// Tells whether an issue bound to `at`, found late at `now`, waits because another began at `last`: after an outage, two issues do not go out back to back.
pub fn is_crowded(at: Timestamp, last: Option<Timestamp>, now: Timestamp) -> bool {
    let since = |instant| now.duration_since(instant);
    since(at) > LATE && last.is_some_and(|last| !since(last).is_negative() && since(last) < APART)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_issue_waits_an_hour_after_another_and_a_punctual_one_does_not() {
        let time = |text: &str| text.parse::<Timestamp>().expect("a timestamp");
        let now = time("2026-11-30T10:00:00Z");
        for (at, last, crowded) in [
            ("08:00", Some("09:59"), true),
            ("08:00", Some("09:00"), false),
            ("08:00", Some("10:01"), false),
            ("08:00", None, false),
            ("09:45", Some("09:59"), false),
        ] {
            let day = |hour: &str| time(&format!("2026-11-30T{hour}:00Z"));
            assert_eq!(is_crowded(day(at), last.map(day), now), crowded, "{at} {last:?}");
        }
    }

    #[test]
    fn an_issue_is_due_from_its_instant_until_it_is_later_than_it_may_be() {
        let at: Timestamp = "2026-11-30T07:00:00Z".parse().expect("a timestamp");
        let hour = Duration::from_hours(1);
        for (now, expected) in [
            ("2026-11-30T06:59:59.999999999Z", Standing::Early),
            ("2026-11-30T07:00:00Z", Standing::Due),
            ("2026-11-30T08:00:00Z", Standing::Due),
            ("2026-11-30T08:00:00.000000001Z", Standing::Missed),
            ("2036-01-01T00:00:00Z", Standing::Missed),
        ] {
            assert_eq!(standing(at, hour, now.parse().expect("a timestamp")), expected, "{now}");
        }
        assert_eq!(standing(Timestamp::MIN, Duration::MAX, Timestamp::MAX), Standing::Due);
        assert_eq!(standing(Timestamp::MAX, Duration::ZERO, Timestamp::MIN), Standing::Early);
    }
}
