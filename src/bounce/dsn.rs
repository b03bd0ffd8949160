//! Delivery status notifications (RFC 3464, and RFC 6533 for addresses beyond ASCII).

use super::{
    fields::Fields,
    letter::{Letter, mailbox},
    phrase,
    refusal::{Action, Refusal},
    status,
};

/// Reads a delivery status: a refusal for each recipient it names, `None` where the message has none.
pub(super) fn read(letter: &Letter) -> Option<Vec<Refusal>> {
    let told: Vec<Refusal> = letter
        .status
        .iter()
        .filter(|group| {
            RECIPIENT.iter().any(|name| group.get(name).is_some()) || group.get("action").is_some()
        })
        .map(|group| refusal(group, letter))
        .collect();
    (!told.is_empty()).then_some(told)
}

/// Where a group names its recipient, best first: whom we wrote to, then whom it became (RFC 3464 sections 2.3.1 and 2.3.2).
const RECIPIENT: [&str; 4] =
    ["original-recipient", "final-recipient", "x-actual-recipient", "x-failed-recipient"];

fn refusal(group: &Fields, letter: &Letter) -> Refusal {
    let address = RECIPIENT.iter().find_map(|name| mailbox(&unxtext(typed(group.get(name)?))));
    let action = group.get("action").and_then(Action::read);
    let status = group.get("status").and_then(status::read);
    let words: Vec<&str> = group.all("diagnostic-code").map(typed).collect();
    let words = if words.iter().all(|word| word.is_empty()) {
        spoken(group, letter)
    } else {
        words.join(" ")
    };
    // A report that was cut off before it says what was done.
    let is_silent = action.is_none() && status.is_none();
    let action =
        if is_silent && status::is_success(&words) { Some(Action::Delivered) } else { action };
    let refusal = Refusal::new(address.unwrap_or_default(), action, status, &words);
    let is_late = is_after_data(&letter.text) && !words.contains(YAHOOS);
    Refusal { is_doubtful: is_late || says_full(&letter.text), ..refusal }
}

/// How Yahoo says of each recipient what became of a message, once it has the whole of it.
const YAHOOS: &str = "delivery error: dd ";

/// Tells whether the words for people say that the whole message was heard before it was refused: no server but Yahoo's needs that to know whom it has.
fn is_after_data(text: &str) -> bool {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.contains("in reply to end of DATA")
}

/// Tells whether the words for people say, and do not only guess, that the mailbox is full.
fn says_full(text: &str) -> bool {
    text.to_lowercase().lines().any(|line| {
        let guesses = ["may ", "might ", "could ", "if ", " or ", "possib"];
        phrase::has(line, phrase::FULL) && !phrase::has(line, &guesses)
    })
}

/// Finds words elsewhere, where a relay gave no diagnostic.
fn spoken(group: &Fields, letter: &Letter) -> String {
    let other =
        ["x-notes", "x-postfix-diagnostic", "x-display-name", "comment", "remote-mta-diagnostic"];
    let said = other.iter().find_map(|name| group.get(name));
    let vague = group
        .get("status")
        .and_then(status::read)
        .is_none_or(|(_, subject, detail)| (subject, detail) == (0, 0));
    match said {
        Some(said) => said.to_owned(),
        // What a program tells a person is also advice; it is looked at only where nothing else says why.
        None if vague => letter.text.clone(),
        None => String::new(),
    }
}

/// Returns what stands behind a type, as in `rfc822; anna@example.org`.
fn typed(value: &str) -> &str {
    let is_type = |kind: &str| kind.len() < 20 && !kind.contains(['@', ' ']);
    value.split_once(';').filter(|(kind, _)| is_type(kind)).map_or(value, |(_, rest)| rest).trim()
}

/// Decodes `+3D` to `=` (RFC 3461 section 4), and RFC 6533's `\x{e9}`.
fn unxtext(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['+', '\\']) {
        out.push_str(&rest[..at]);
        let (sign, after) = rest[at..].split_at(1);
        let xtext = after.get(..2).filter(|_| sign == "+").and_then(|hex| {
            let is_upper = hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
            let byte = u8::from_str_radix(hex, 16)
                .ok()
                .filter(|byte| is_upper && byte.is_ascii_graphic())?;
            // An address may well have a `+` of its own, which only a few signs would follow in xtext.
            matches!(byte, b'+' | b'=').then_some((char::from(byte), 2))
        });
        let unicode = after.strip_prefix("x{").filter(|_| sign == "\\").and_then(|inner| {
            let end = inner.find('}')?;
            let point = u32::from_str_radix(&inner[..end], 16).ok()?;
            Some((char::from_u32(point)?, end + 3))
        });
        if let Some((letter, length)) = xtext.or(unicode) {
            out.push(letter);
            rest = &after[length..];
        } else {
            out.push_str(sign);
            rest = after;
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_and_encoded_recipients_are_read() {
        for (value, address) in [
            ("rfc822; anna@example.org", Some("anna@example.org")),
            ("RFC822;<anna@example.org>", Some("anna@example.org")),
            ("anna@example.org", Some("anna@example.org")),
            ("rfc822; anna+2Btag@example.org", Some("anna+tag@example.org")),
            ("rfc822; anna+tag@example.org", Some("anna+tag@example.org")),
            ("utf-8; ann\\x{e9}@example.org", Some("anné@example.org")),
            ("utf-8; дмитрий@example.org", Some("дмитрий@example.org")),
            ("unknown; nobody", None),
            ("rfc822; a\\x{110000}@b.c", Some("a\\x{110000}@b.c")),
        ] {
            let read = mailbox(&unxtext(typed(value)));
            assert_eq!(read.as_deref(), address, "{value}");
        }
    }
}
