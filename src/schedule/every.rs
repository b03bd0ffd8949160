//! The hour an issue goes out by habit: `Mon 07:00`, `Mon,Thu 07:00`, `weekdays 07:00`, `daily 07:00`.

use std::{fmt, str::FromStr};

use jiff::{
    Timestamp, Zoned,
    civil::{Time, Weekday},
    tz::TimeZone,
};

use super::wall::first_instant;

/// A time of day on some days of the week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Every {
    /// By the days from Monday; at least one.
    days: [bool; 7],
    time: Time,
}

/// Says that a text is no such habit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a time such as `Mon 07:00`, `Mon,Thu 07:00`, `weekdays 07:00` or `daily 07:00`"
)]
pub struct EveryError(pub String);

const NAMES: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The words for several days.
const GROUPS: [(&str, [bool; 7]); 3] = [
    ("daily", [true; 7]),
    ("weekdays", [true, true, true, true, true, false, false]),
    ("weekends", [false, false, false, false, false, true, true]),
];

impl Every {
    /// Returns the first time after `now`, in `zone`; `None` where that is past the year 9999.
    pub fn next_after(&self, now: Timestamp, zone: &TimeZone) -> Option<Zoned> {
        let mut date = now.to_zoned(zone.clone()).date();
        // Today's may be over, and a day may be missing in a zone that moved across the date line.
        for _ in 0..=14 {
            if self.is_on(date.weekday()) {
                let at = first_instant(date.to_datetime(self.time), zone)?;
                if at.timestamp() > now {
                    return Some(at);
                }
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    fn is_on(&self, day: Weekday) -> bool {
        self.days[usize::from(day.to_monday_zero_offset().unsigned_abs())]
    }
}

impl FromStr for Every {
    type Err = EveryError;

    fn from_str(text: &str) -> Result<Self, EveryError> {
        let habit = || {
            let (days, time) = text.trim().rsplit_once(char::is_whitespace)?;
            Some(Self { days: parse_days(&days.trim().to_lowercase())?, time: parse_time(time)? })
        };
        habit().ok_or_else(|| EveryError(text.to_owned()))
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match GROUPS.iter().find(|(_, days)| *days == self.days) {
            Some((group, _)) => f.write_str(group)?,
            None => f.write_str(&short_names(self.days).join(","))?,
        }
        write!(f, " {:02}:{:02}", self.time.hour(), self.time.minute())
    }
}

fn short_names(days: [bool; 7]) -> Vec<String> {
    let on = NAMES.iter().zip(days).filter(|(_, on)| *on);
    on.map(|(name, _)| format!("{}{}", name[..1].to_uppercase(), &name[1..3])).collect()
}

/// Reads a group's word, or days by their names or any three letters or more of them.
fn parse_days(text: &str) -> Option<[bool; 7]> {
    if let Some((_, days)) = GROUPS.iter().find(|(group, _)| *group == text) {
        return Some(*days);
    }
    let mut days = [false; 7];
    for word in text.split(',').map(str::trim) {
        let day = NAMES.iter().position(|name| word.len() >= 3 && name.starts_with(word))?;
        days[day] = true;
    }
    Some(days)
}

/// Reads hours and minutes from `0:00` to `23:59`.
fn parse_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hour) || !digits(minute) || minute.len() != 2 || hour.len() > 2 {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_habit_reads_as_people_write_it_and_shows_in_one_way() {
        for (written, shown) in [
            ("Mon 07:00", "Mon 07:00"),
            ("monday 7:00", "Mon 07:00"),
            ("thu, Mon 07:30", "Mon,Thu 07:30"),
            ("Mon,Tue,Wed,Thurs,Fri 23:59", "weekdays 23:59"),
            ("weekdays  00:00", "weekdays 00:00"),
            ("Sat,Sun 12:00", "weekends 12:00"),
            (" DAILY 07:00 ", "daily 07:00"),
        ] {
            let every: Every = written.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(every.to_string(), shown);
            assert_eq!(shown.parse(), Ok(every));
        }
    }

    #[test]
    fn nonsense_is_no_habit() {
        for text in [
            "",
            "Mon",
            "07:00",
            "Mon 24:00",
            "Mon 7",
            "Mon 07:60",
            "Mon 07:0",
            "Mon 7pm",
            "Mo 07:00",
            "Mon,, 07:00",
            "Mon-Fri 07:00",
            "Monty 07:00",
            "1st 09:00",
            "Mon +7:00",
            "Mon 07:00:00",
        ] {
            assert_eq!(text.parse::<Every>(), Err(EveryError(text.to_owned())));
        }
    }
}
