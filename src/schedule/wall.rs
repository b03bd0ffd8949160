//! A date and a time of day on somebody's wall, as an instant (RFC 3339, RFC 9557).

use jiff::{
    Zoned,
    civil::DateTime,
    fmt::temporal::{Pieces, PiecesOffset},
    tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase},
};

/// Says why a text is no instant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AtError {
    /// No date and time at all.
    #[error(
        "`{0}` is not a date and time such as `2026-11-30 07:00` or `2026-11-30T07:00[Europe/London]`"
    )]
    Malformed(String),
    /// A date alone.
    #[error("`{0}` has no time of day, as in `2026-11-30 07:00`")]
    NoTime(String),
    /// A zone that is in no database.
    #[error("the time zone of `{0}` is not known")]
    Zone(String),
    /// The offset and the zone name different instants.
    #[error("the zone of `{0}` does not have that offset then")]
    Conflict(String),
    /// Before the year -9999 or after 9999, once in UTC.
    #[error("`{0}` is too far away")]
    TooFar(String),
}

/// Reads when an issue goes out, in the zone it names itself or else in `default_zone`.
///
/// Takes `2026-11-30T07:00[Europe/London]`, `2026-11-30 07:00`, and RFC 3339
/// with an offset. `zones` is where names are looked up.
///
/// # Errors
///
/// Says why the text names no instant.
pub fn parse_at(
    text: &str,
    default_zone: &TimeZone,
    zones: &TimeZoneDatabase,
) -> Result<Zoned, AtError> {
    let text = text.trim();
    let wrong = |why: fn(String) -> AtError| move |_| why(text.to_owned());
    let pieces = Pieces::parse(text).map_err(wrong(AtError::Malformed))?;
    let time = pieces.time().ok_or_else(|| AtError::NoTime(text.to_owned()))?;
    let wall = pieces.date().to_datetime(time);
    let named = pieces.to_time_zone_with(zones).map_err(wrong(AtError::Zone))?;
    let zone = named.as_ref().unwrap_or(default_zone);

    let Some(offset) = pieces.offset() else {
        return first_instant(wall, zone).ok_or_else(|| AtError::TooFar(text.to_owned()));
    };
    let instant = offset.to_numeric_offset().to_timestamp(wall).map_err(wrong(AtError::TooFar))?;
    let at = instant.to_zoned(zone.clone());
    // `Z` says nothing about the place, so only an offset in figures can contradict it.
    if named.is_some() && matches!(offset, PiecesOffset::Numeric(_)) && at.datetime() != wall {
        return Err(AtError::Conflict(text.to_owned()));
    }
    Ok(at)
}

/// Returns the first instant at which the clocks of `zone` show `wall` or, where they skip it, a later time.
///
/// `None` where that is beyond what a timestamp can hold.
pub(super) fn first_instant(wall: DateTime, zone: &TimeZone) -> Option<Zoned> {
    let ambiguous = zone.to_ambiguous_zoned(wall);
    let AmbiguousOffset::Gap { after, .. } = ambiguous.offset() else {
        return ambiguous.earlier().ok();
    };
    // With the offset that only the gap's end brings in, the wall time falls before the gap.
    let before_gap = after.to_timestamp(wall).ok()?;
    let end = zone.following(before_gap).find(|transition| transition.offset() == after)?;
    Some(end.timestamp().to_zoned(zone.clone()))
}
