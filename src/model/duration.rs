//! Spans of time as people write them: `6h`, `90m`, `2d`, `1h 30min`.

use std::time::Duration;

/// Says that a text is no span of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a span of time such as `6h`, `90m` or `2d`")]
pub struct DurationError(pub String);

/// The units, longest first: seconds, and every spelling, the first being the one shown.
const UNITS: [(u64, &[&str]); 4] = [
    (86_400, &["d", "day", "days"]),
    (3_600, &["h", "hour", "hours"]),
    (60, &["min", "m", "mins", "minute", "minutes"]),
    (1, &["s", "sec", "secs", "second", "seconds"]),
];

/// Reads a span of whole units, each with its own number, such as `1h 30min`.
///
/// # Errors
///
/// Anything else, a number without a unit among it, and a span that no `u64` of seconds holds.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let seconds = || {
        let mut rest = text.trim();
        let mut total: u64 = 0;
        loop {
            let (count, after) = split_where(rest, |c| !c.is_ascii_digit());
            let (unit, after) = split_where(after.trim_start(), |c| !c.is_ascii_alphabetic());
            let (seconds, _) = UNITS.iter().find(|(_, names)| names.contains(&unit))?;
            let count: u64 = count.parse().ok()?;
            total = total.checked_add(count.checked_mul(*seconds)?)?;
            rest = after.trim_start();
            if rest.is_empty() {
                return Some(total);
            }
        }
    };
    seconds().map(Duration::from_secs).ok_or_else(|| DurationError(text.to_owned()))
}

/// Returns a span in words, `1 h 30 min`, that read back as the same; what is below a second is left out.
pub fn duration_words(duration: Duration) -> String {
    let mut left = duration.as_secs();
    let mut words = Vec::new();
    for (seconds, names) in UNITS {
        let count = left / seconds;
        left %= seconds;
        if count > 0 {
            words.push(format!("{count} {}", names[0]));
        }
    }
    if words.is_empty() { "0 s".to_owned() } else { words.join(" ") }
}

fn split_where(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spans_read_as_people_write_them_and_show_in_one_way() {
        for (written, seconds, shown) in [
            ("6h", 21_600, "6 h"),
            ("90m", 5_400, "1 h 30 min"),
            ("2d", 172_800, "2 d"),
            (" 1h30min ", 5_400, "1 h 30 min"),
            ("1 day 5 seconds", 86_405, "1 d 5 s"),
            ("0s", 0, "0 s"),
        ] {
            let duration = Duration::from_secs(seconds);
            assert_eq!(parse_duration(written), Ok(duration), "{written}");
            assert_eq!(duration_words(duration), shown);
        }
    }

    #[test]
    fn nonsense_is_no_span() {
        for text in
            ["", "6", "h", "-6h", "6.5h", "6 fortnights", "6h 5", "6h,5m", "99999999999999999999s"]
        {
            assert_eq!(parse_duration(text), Err(DurationError(text.to_owned())));
        }
        assert!(parse_duration("999999999999999999d").is_err());
    }

    proptest! {
        #[test]
        fn every_span_reads_back_from_its_words(seconds in any::<u64>(), text in any::<String>()) {
            let duration = Duration::from_secs(seconds);
            prop_assert_eq!(parse_duration(&duration_words(duration)), Ok(duration));
            // Whatever stands there, it is judged and nothing breaks.
            let _ = parse_duration(&text);
        }
    }
}
