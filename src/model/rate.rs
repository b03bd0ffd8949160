//! A limit on how fast deliveries begin: `5/s`, `100/minute`, `2000/day`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

/// Allows at most `count` deliveries to begin in any `window`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rate {
    /// How many may begin; at least 1, at most 1,000,000,000.
    pub count: u32,
    /// In any stretch of time this long, wherever it starts.
    pub window: Duration,
}

/// Says that a text is no rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a rate such as `5/s`, `100/minute` or `2000/day`")]
pub struct RateError(pub String);

/// The units a rate may be written in: seconds, and every spelling, the first being the one shown.
const UNITS: [(u64, &[&str]); 4] = [
    (1, &["s", "sec", "second"]),
    (60, &["minute", "min", "m"]),
    (3_600, &["hour", "h"]),
    (86_400, &["day", "d"]),
];

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let wrong = || RateError(text.to_owned());
        let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
        let count: u32 = count.trim().replace('_', "").parse().map_err(|_| wrong())?;
        let unit = unit.trim();
        let (seconds, _) =
            UNITS.iter().find(|(_, names)| names.contains(&unit)).ok_or_else(wrong)?;
        if count == 0 || count > 1_000_000_000 {
            return Err(wrong());
        }
        Ok(Self { count, window: Duration::from_secs(*seconds) })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.window.as_secs();
        match UNITS.iter().find(|(unit, _)| *unit == seconds) {
            Some((_, names)) => write!(f, "{}/{}", self.count, names[0]),
            None => write!(f, "{}/{seconds}s", self.count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_read_as_people_write_them_and_show_as_one_spelling() {
        for (written, shown) in [
            ("5/s", "5/s"),
            ("100/min", "100/minute"),
            ("2_000/d", "2000/day"),
            ("1 / hour", "1/hour"),
        ] {
            assert_eq!(written.parse::<Rate>().map(|rate| rate.to_string()), Ok(shown.to_owned()));
        }
    }

    #[test]
    fn nonsense_is_no_rate() {
        for text in ["", "5", "0/s", "-1/s", "5/fortnight", "five/s", "99999999999/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
