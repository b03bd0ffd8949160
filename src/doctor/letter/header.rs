//! The fields that every message has once, and what cannot stand in a header (RFC 5322 sections 2.2 and 3.6).

use jiff::{SignedDuration, Timestamp};

use super::{Letter, head};
use crate::{
    compose::{header_and_body, header_fields},
    doctor::Finding,
    model::Address,
};

const CHECK: &str = "headers";
const SOURCE: &str = "RFC 5322 section 3.6";
/// Every field that is there once at most.
pub(super) const ONCE: [&str; 11] = [
    "From",
    "Date",
    "Message-ID",
    "Subject",
    "To",
    "Sender",
    "Reply-To",
    "Cc",
    "Bcc",
    "In-Reply-To",
    "References",
];
/// How far ahead of us a clock may be.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);
/// From so many bytes on a header is more than receivers take.
const LENGTH: usize = 65_536;

/// Looks at the header.
pub(super) fn check(letter: &Letter, now: Timestamp) -> Vec<Finding> {
    let (mut wrong, mut doubtful) = (Vec::new(), Vec::new());
    for name in ONCE {
        match (letter.values(name).len(), name) {
            (0, "From" | "Date" | "Message-ID") => wrong.push(format!("{name} is missing")),
            (0, "Subject" | "To") => doubtful.push(format!("{name} is missing")),
            (0 | 1, _) => {}
            (count, _) => wrong.push(format!("{name} is there {count} times")),
        }
    }
    if letter.from.is_none() && letter.values("From").len() == 1 {
        wrong.push("From is not one address".to_owned());
    }
    if let [date] = letter.values("Date") {
        match sent(letter) {
            None => wrong.push(format!("Date is no date: `{}`", short(date))),
            Some(date) if now.duration_since(date) < -AHEAD => {
                doubtful.push(format!("Date is in the future: {date}"));
            }
            Some(_) => {}
        }
    }
    if let [id] = letter.values("Message-ID")
        && !is_message_id(id)
    {
        wrong.push(format!("Message-ID is not `<LEFT@RIGHT>`: `{}`", short(id)));
    }
    let (header, _) = header_and_body(&letter.bytes);
    wrong.extend(misshapen(header));
    if !header.is_ascii() {
        doubtful.push("it has letters that are not ASCII, which only SMTPUTF8 takes".to_owned());
    }
    let mend = "send it with a program that writes them; postrider does";
    vec![if !wrong.is_empty() {
        wrong.append(&mut doubtful);
        Finding::wrong(CHECK, SOURCE, wrong.join("; ")).mend(mend)
    } else if !doubtful.is_empty() {
        Finding::warn(CHECK, SOURCE, doubtful.join("; ")).mend(mend)
    } else {
        Finding::ok(
            CHECK,
            SOURCE,
            "From, To, Date, Message-ID and Subject are there, once each, and can be read",
        )
    }]
}

/// Returns the domain of From, where that is one address.
pub(super) fn sender(letter: &Letter) -> Option<String> {
    if letter.values("From").len() != 1 {
        return None;
    }
    let head = head(letter)?;
    let mut addresses = head.from()?.iter();
    let address: Address = addresses.next()?.address.as_deref()?.parse().ok()?;
    addresses.next().is_none().then(|| address.domain().to_owned())
}

/// Returns when it says it was sent.
fn sent(letter: &Letter) -> Option<Timestamp> {
    let head = head(letter)?;
    let date = head.date().filter(|date| date.is_valid())?;
    Timestamp::from_second(date.to_timestamp()).ok()
}

/// Tells whether a text is one Message-ID (section 3.6.4), or as near to it as receivers ask.
fn is_message_id(text: &str) -> bool {
    let inside = text.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
    inside.and_then(|inside| inside.rsplit_once('@')).is_some_and(|(left, right)| {
        let fits = |part: &str| !part.is_empty() && !part.contains(['<', '>', ' ', '\t']);
        fits(left) && fits(right)
    })
}

/// Says what cannot stand in a header.
fn misshapen(header: &[u8]) -> Vec<String> {
    let mut wrong = Vec::new();
    let is_name = |name: &[u8]| !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    let nameless =
        header_fields(header).find(|(name, field)| name.len() == field.len() || !is_name(name));
    if let Some((_, field)) = nameless {
        let field = String::from_utf8_lossy(&field[..field.len().min(200)]).into_owned();
        wrong.push(format!("a line is no field: `{}`", short(&field)));
    }
    let bare = memchr::memchr_iter(b'\r', header).any(|at| header.get(at + 1) != Some(&b'\n'));
    if bare {
        wrong.push("a CR stands alone".to_owned());
    }
    if memchr::memchr(0, header).is_some() {
        wrong.push("a NUL is in it".to_owned());
    }
    if header.len() > LENGTH {
        wrong.push(format!("it has {} bytes, more than receivers take", header.len()));
    }
    wrong
}

/// Returns the beginning of a text, for people.
fn short(text: &str) -> String {
    let mut shown: String = text.chars().take(60).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
