//! A message taken apart into what a report is read from.

use mail_parser::{
    Message, MessageParser, MessagePart, MimeHeaders, PartType, decoders::html::html_to_text,
};

use super::fields::{self, Fields};

/// One message's pieces; what is not there is empty.
#[derive(Debug, Default)]
pub(super) struct Letter {
    /// The message's own head.
    pub(super) head: Fields,
    /// Its subject, decoded.
    pub(super) subject: String,
    /// What a person would read of it, less a message that is returned within it.
    pub(super) text: String,
    /// The groups of a delivery status (RFC 3464): first the message's, then one for each recipient.
    pub(super) status: Vec<Fields>,
    /// A feedback report (RFC 5965).
    pub(super) feedback: Option<Fields>,
    /// Whether it is a receipt (RFC 8098).
    pub(super) is_receipt: bool,
    /// The head of our message, as far as it was returned.
    pub(super) returned: Fields,
}

/// How much of a message is looked at.
const BYTES_MAX: usize = 1 << 20;
/// How many parts may say that they contain others: nobody needs more, and a parser's stack has an end.
const CONTAINERS_MAX: usize = 64;
/// How much of what a person would read is kept.
const TEXT_MAX: usize = 16_384;

impl Letter {
    /// Takes a message apart, however broken it is.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let bytes = bounded(bytes);
        // A mailbox's own line may come along, as it does from a pipe.
        let bytes = match bytes.strip_prefix(b"From ") {
            Some(rest) => {
                rest.iter().position(|byte| *byte == b'\n').map_or(rest, |at| &rest[at + 1..])
            }
            None => bytes,
        };
        let mut letter = Self { head: Fields::head(bytes), ..Self::default() };
        let Some(message) = MessageParser::default().parse(bytes) else {
            letter.read_text(&String::from_utf8_lossy(bytes));
            return letter;
        };
        message.subject().unwrap_or_default().clone_into(&mut letter.subject);
        for part in &message.parts {
            letter.take(part);
        }
        letter.cut_returned();
        letter
    }

    /// Returns whom our returned message was to.
    pub(super) fn returned_to(&self) -> Option<String> {
        self.returned.get("to").and_then(mailbox)
    }

    fn take(&mut self, part: &MessagePart<'_>) {
        let kind = part.content_type().map_or_else(String::new, |kind| {
            format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()).to_ascii_lowercase()
        });
        match (kind.as_str(), &part.body) {
            ("message/delivery-status" | "message/global-delivery-status", body)
                if self.status.is_empty() =>
            {
                self.status = Fields::groups(&content(body));
            }
            ("message/feedback-report", body) => {
                self.feedback = Some(
                    Fields::groups(&content(body)).into_iter().fold(Fields::default(), Fields::and),
                );
            }
            ("message/disposition-notification" | "message/global-disposition-notification", _) => {
                self.is_receipt = true;
            }
            ("text/rfc822-headers" | "message/rfc822-headers" | "message/global-headers", body) => {
                self.take_returned(&content(body));
            }
            (_, PartType::Message(returned)) => self.take_returned(head_of(returned)),
            ("message/rfc822" | "message/global" | "message/partial", body) => {
                self.take_returned(&content(body));
            }
            (_, PartType::Text(text)) => self.read_text(text),
            (_, PartType::Html(html)) if self.text.trim().is_empty() => {
                // The parser's tags may be many; a person reads the beginning.
                self.read_text(&html_to_text(beginning(html, 4 * TEXT_MAX)));
            }
            _ => {}
        }
    }

    fn take_returned(&mut self, head: &[u8]) {
        if self.returned == Fields::default() {
            self.returned = Fields::head(head);
        }
    }

    fn read_text(&mut self, text: &str) {
        let room = TEXT_MAX.saturating_sub(self.text.len());
        for line in beginning(text, room).lines() {
            self.text.push_str(line.trim_end());
            self.text.push('\n');
        }
    }

    /// Takes a head out of the text, where a server returned our message within its own words.
    fn cut_returned(&mut self) {
        let Some(at) = returned_within(&self.text) else { return };
        let head = self.text.split_off(at);
        self.take_returned(head.as_bytes());
    }
}

/// Returns as much of a message as is looked at.
pub(super) fn bounded(bytes: &[u8]) -> &[u8] {
    let bytes = &bytes[..bytes.len().min(BYTES_MAX)];
    let says_so = |at: &usize| {
        let rest = &bytes[*at + 1..];
        let is = |word: &[u8]| {
            rest.get(..word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word))
        };
        is(b"essage/") || is(b"ultipart/")
    };
    let end = memchr::memchr2_iter(b'm', b'M', bytes).filter(says_so).nth(CONTAINERS_MAX);
    &bytes[..end.unwrap_or(bytes.len())]
}

/// Finds where in a text a message's head begins: fields among which are those that every message of ours has.
fn returned_within(text: &str) -> Option<usize> {
    let mut start = None;
    let mut known = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let name = line.split_once(':').map_or("", |(name, _)| name.trim_start_matches(['>', ' ']));
        let is_folded = line.starts_with([' ', '\t']) && !line.trim().is_empty();
        if fields::is_name(name.as_bytes()) && !name.contains('@') && !line.starts_with('<') {
            let names = [
                "received",
                "return-path",
                "message-id",
                "from",
                "to",
                "subject",
                "date",
                "mime-version",
            ];
            if names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                known += 1;
            }
            start.get_or_insert(at);
        } else if !(is_folded && start.is_some()) {
            (start, known) = (None, 0);
        }
        if known == 3 {
            return start;
        }
        at += line.len();
    }
    None
}

fn content<'a>(body: &'a PartType<'_>) -> std::borrow::Cow<'a, [u8]> {
    match body {
        PartType::Text(text) | PartType::Html(text) => text.as_bytes().into(),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => bytes.as_ref().into(),
        // A parser that took it for a message has its fields as that message's head.
        PartType::Message(message) => message.raw_message().into(),
        PartType::Multipart(_) => [].as_slice().into(),
    }
}

fn head_of<'a>(message: &'a Message<'_>) -> &'a [u8] {
    let root = message.parts.first();
    let (start, end) =
        root.map_or((0, 0), |root| (root.offset_header as usize, root.offset_body as usize));
    message.raw_message.get(start..end).unwrap_or_default()
}

/// Returns the first bytes of a text, whole characters.
pub(super) fn beginning(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// Returns the mailbox in a field or a line, or `None` where there is no `@`: what stands in the last angle brackets, else the word that has an `@`.
pub(super) fn mailbox(text: &str) -> Option<String> {
    let inner =
        text.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(inner, _)| inner);
    let found = inner.filter(|inner| inner.contains('@')).or_else(|| {
        text.split(|c: char| c.is_whitespace() || ",;:()\"'[]（），；：。、“”「」".contains(c))
            .find(|word| word.contains('@'))
    })?;
    let found = found.trim_matches(|c: char| c.is_whitespace() || "<>.,;:\"'".contains(c));
    let found = found.strip_prefix("mailto:").unwrap_or(found);
    let (local, domain) = found.rsplit_once('@')?;
    (!local.is_empty() && !domain.is_empty() && found.len() <= 320).then(|| found.to_owned())
}
