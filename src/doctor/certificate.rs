//! Until when a certificate holds that was found good (RFC 5280 section 4.1.2.5).

use jiff::{Timestamp, tz::TimeZone};
use x509_cert::{Certificate, der::Decode};

use super::Finding;

/// A certificate that renews itself has been renewed by then.
const SOON_DAYS: i64 = 14;

/// Says how many days are left of a certificate, DER; `what` is whose it is, and over what.
pub(super) fn judged(
    check: &'static str,
    source: &'static str,
    what: &str,
    certificate: &[u8],
    now: Timestamp,
) -> Finding {
    let Some(ends) = ends(certificate) else {
        let why = format!("{what}, by a certificate whose end cannot be read");
        return Finding::not_checked(check, source, why);
    };
    let days = (ends.as_second() - now.as_second()).div_euclid(24 * 60 * 60);
    let date = ends.to_zoned(TimeZone::UTC).date();
    let left = match days {
        1 => "1 day is left".to_owned(),
        days => format!("{days} days are left"),
    };
    let why = format!("{what}, by a certificate until {date}: {left}");
    match days {
        ..0 => Finding::wrong(check, source, format!("{what}, by a certificate that ended {date}"))
            .mend("renew it, and see that it renews itself from then on"),
        0..SOON_DAYS => Finding::warn(check, source, why)
            .mend("renew it now, and find out why it has not renewed itself"),
        _ => Finding::ok(check, source, why),
    }
}

fn ends(certificate: &[u8]) -> Option<Timestamp> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let end = certificate.tbs_certificate.validity.not_after.to_unix_duration();
    Timestamp::from_second(i64::try_from(end.as_secs()).ok()?).ok()
}
