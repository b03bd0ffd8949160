//! What may prove which of our messages a report is about; verified by who holds the keys.
//!
//! In order of what it is worth: the return path a bounce was addressed to, the
//! envelope id we gave (RFC 3461 section 4.4), the unsubscribe token in the
//! returned head beside its Message-ID, and last the address it names, which
//! anybody could have written.

use super::letter::{Letter, mailbox};

/// Tokens and names found in a message, as yet unverified. Each list is without duplicates and short.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Local parts that look like a return path of ours, from whom it was sent to, then the envelope id, then from the returned head.
    pub return_paths: Vec<String>,
    /// What looks like an unsubscribe token in an address it was sent to, or in the subject.
    pub asked: Vec<String>,
    /// What looks like an unsubscribe token in the returned head.
    pub returned: Vec<String>,
    /// The Message-ID of the returned message, with its angle brackets.
    pub message_id: Option<String>,
    /// Who wrote it, by its From; empty where nobody did.
    pub sender: String,
    /// Whether it asks to be taken off the list: by the address it was sent to, or in the first word of the subject.
    pub is_unsubscribe: bool,
    /// Whether our provider told it, and proved to be our provider: then the address alone is enough.
    pub is_vouched: bool,
}

/// How many tokens of one kind are worth verifying.
const TOKENS_MAX: usize = 4;

/// Where mail programs note whom a message was sent to.
const SENT_TO: [&str; 9] = [
    "x-original-to",
    "delivered-to",
    "envelope-to",
    "x-envelope-to",
    "x-forwarded-to",
    "x-rcpt-to",
    "x-real-to",
    "to",
    "cc",
];

/// Where our own head has tokens.
const OURS: [&str; 5] =
    ["return-path", "list-unsubscribe", "reply-to", "x-postrider-id", "errors-to"];

impl Evidence {
    /// Makes that of a webhook, which proved who it is, with the tokens in the head it quotes.
    pub(super) fn vouched<'a>(head: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut found = Self { is_vouched: true, ..Self::default() };
        for (name, value) in head {
            let name = name.to_ascii_lowercase();
            if name == "message-id" {
                found.message_id = Some(value.to_owned());
            } else if OURS.contains(&name.as_str()) {
                found.note_ours(value);
            }
        }
        found
    }

    /// Gathers what a message holds.
    pub(super) fn of(letter: &Letter) -> Self {
        let mut found = Self {
            sender: letter.head.get("from").and_then(mailbox).unwrap_or_default(),
            message_id: letter.returned.get("message-id").map(|id| id.trim().to_owned()),
            ..Self::default()
        };
        for name in SENT_TO {
            letter.head.all(name).for_each(|value| found.note_sent_to(value));
        }
        for value in letter.head.all("received") {
            if let Some((_, whom)) = value.split_once(" for ") {
                found.note_sent_to(whom.split_whitespace().next().unwrap_or_default());
            }
        }
        for group in &letter.status {
            for value in group.all("original-envelope-id") {
                words(value)
                    .filter_map(return_token)
                    .for_each(|token| push(&mut found.return_paths, token));
            }
        }
        for value in OURS.iter().flat_map(|name| letter.returned.all(name)) {
            words(value)
                .filter_map(return_token)
                .for_each(|token| push(&mut found.return_paths, token));
            words(value)
                .filter_map(unsubscribe_token)
                .for_each(|token| push(&mut found.returned, token));
        }
        let subject = letter.subject.trim();
        let mut said = subject.split_whitespace();
        if said.next().is_some_and(|first| first.eq_ignore_ascii_case("unsubscribe")) {
            found.is_unsubscribe = true;
            said.filter_map(unsubscribe_token).for_each(|token| push(&mut found.asked, token));
        }
        found
    }

    fn note_ours(&mut self, value: &str) {
        words(value).filter_map(return_token).for_each(|token| push(&mut self.return_paths, token));
        words(value)
            .filter_map(unsubscribe_token)
            .for_each(|token| push(&mut self.returned, token));
    }

    fn note_sent_to(&mut self, value: &str) {
        for word in words(value) {
            if let Some(token) = return_token(word) {
                push(&mut self.return_paths, token);
            }
            // Only an address is one that was written to, and ours begin so.
            if let Some(token) =
                word.strip_prefix("u-").or(word.strip_prefix("U-")).and_then(unsubscribe_token)
            {
                self.is_unsubscribe = true;
                push(&mut self.asked, token);
            }
        }
    }
}

/// Returns a word that has the form of a return path's local part, `b-` and 31 signs of base32.
pub fn return_token(word: &str) -> Option<&str> {
    let token = word.strip_prefix("b-").or_else(|| word.strip_prefix("B-"))?;
    let is_base32 = |byte: u8| byte.is_ascii_alphabetic() || (b'2'..=b'7').contains(&byte);
    (token.len() == 31 && token.bytes().all(is_base32)).then_some(word)
}

/// Returns the part of a word that has the form of an unsubscribe token: 40 to 44 signs of base64url, `u-` before it or not.
pub fn unsubscribe_token(word: &str) -> Option<&str> {
    let token = word.strip_prefix("u-").filter(|rest| rest.len() >= 40).unwrap_or(word);
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    ((40..=44).contains(&token.len()) && token.bytes().all(is_base64)).then_some(token)
}

/// Splits a field where no token goes on.
fn words(value: &str) -> impl Iterator<Item = &str> {
    let value = super::letter::beginning(value, 2_000);
    value
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
        // `%20` stands before a token in a mailto link; its sign is cut off already.
        .flat_map(|word| [Some(word), word.strip_prefix("20").filter(|rest| rest.len() >= 40)])
        .flatten()
}

fn push(tokens: &mut Vec<String>, token: &str) {
    if tokens.len() < TOKENS_MAX && tokens.iter().all(|known| known != token) {
        tokens.push(token.to_owned());
    }
}
