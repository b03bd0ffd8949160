//! From an Edition and a reader to the bytes of a message (RFC 5322, MIME).
//!
//! Everything that is the same for all readers is set once, when the press is
//! made: headers, MIME frame, and every literal of both parts, already encoded
//! for the wire. A copy is a splice of those bytes and the few that are a
//! reader's own. The bytes are a function of edition, reader and keys: no
//! clock, no randomness, so a second attempt sends the same.
//!
//! Lines end with CRLF and are at most 998 bytes long; dots are not stuffed.
//! Where a domain signs, that is the last step: it is over the finished bytes.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use lettre::message::{Body, MultiPart, SinglePart, header as mime};
use sha2::{Digest, Sha256};

use super::{
    dkim::Signer,
    edition::{Edition, Headers, Piece},
    header::{self, PressError},
    merge::{Merge, header_text},
    part::{Encoding, Part, splice},
    token::{self, KeyRing, Purpose, TokenError},
};
use crate::model::{Address, Field, Subscriber, Suppressed};

/// Prints one issue's copies. Holds no reader; can be shared by every thread.
#[derive(Debug)]
pub struct Press {
    keys: KeyRing,
    signer: Option<Signer>,
    issue: i64,
    publication: String,
    fields: BTreeMap<String, Field>,
    links: Links,
    subject: Subject,
    /// Date, From, Reply-To.
    before_to: Vec<u8>,
    list_id: Vec<u8>,
    /// List-Help to List-Archive.
    list: Vec<u8>,
    /// Feedback-ID of a delivery and of a test mail.
    feedback_id: [Vec<u8>; 2],
    /// Auto-Submitted to the first part's headers.
    before_text: Vec<u8>,
    text: Part,
    between: Vec<u8>,
    html: Part,
    after_html: Vec<u8>,
    /// About the size of a copy.
    size: usize,
}

/// One reader's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// The envelope's sender (RFC 5321 MAIL FROM), without angle brackets.
    pub return_path: String,
    /// The whole message.
    pub bytes: Vec<u8>,
    /// How long the HTML part is once decoded; Gmail clips what is over 102,000.
    pub html_bytes: usize,
    /// The merge fields that were to be a link and hold none; each stands empty in this copy.
    pub refused: Vec<String>,
}

/// The way back to us that stands in every copy.
#[derive(Debug)]
struct Links {
    from: Address,
    bounces: Option<String>,
    /// `https://host/u/`.
    web: Option<String>,
    /// What stands before and after the token in a mailto link.
    mailto: (String, String),
}

#[derive(Debug)]
enum Subject {
    Fixed { text: String, field: Vec<u8> },
    Merged(Vec<Piece>),
}

/// What one copy's links are made of.
struct Way {
    /// The visible link.
    link: String,
    mailto: String,
}

/// What headers and frame may come to; a guess, for the size of a buffer.
const HEADER_BYTES: usize = 4_096;

impl Press {
    /// Sets an edition for printing. `issue` is the ledger's number of it, 0 where there is none yet; `date` becomes the Date of every copy.
    pub fn new(
        edition: &Edition,
        issue: i64,
        date: Timestamp,
        keys: KeyRing,
    ) -> Result<Self, PressError> {
        token::return_path(&keys, Purpose::Real, issue, 0).map_err(PressError::Issue)?;
        let headers = &edition.headers;
        let text = Part::text(&edition.text);
        let html = Part::html(&edition.html);
        let size = text.size() + html.size() + HEADER_BYTES;
        let [before_text, between, after_html] = frame(edition, text.encoding, html.encoding);
        Ok(Self {
            keys,
            signer: None,
            issue,
            publication: edition.publication.clone(),
            fields: edition.fields.clone(),
            links: Links::new(headers)?,
            subject: Subject::new(&edition.subject),
            before_to: header::before_to(headers, date)?,
            list_id: header::list_id(headers)?,
            list: header::list(headers)?,
            feedback_id: [
                header::feedback_id(edition, "issue"),
                header::feedback_id(edition, "test"),
            ],
            before_text,
            text,
            between,
            html,
            after_html,
            size,
        })
    }

    /// Signs every copy from now on.
    #[must_use]
    pub fn signed_by(self, signer: Option<Signer>) -> Self {
        Self { signer, ..self }
    }

    /// Tells whether copies are signed, which costs many times what printing does.
    pub fn is_signing(&self) -> bool {
        self.signer.is_some()
    }

    /// Prints one reader's copy, signed. `message_id` comes with its angle brackets; `slot` is the delivery's number within the issue.
    pub fn print(
        &self,
        reader: &Subscriber,
        message_id: &str,
        slot: i64,
        purpose: Purpose,
    ) -> Result<Printed, Suppressed> {
        let mut printed = self.unsigned(reader, message_id, slot, purpose)?;
        if let Some(signer) = &self.signer {
            let signed = signer.sign(&mut printed.bytes);
            signed.map_err(|why| Suppressed::Unprintable(why.to_string()))?;
        }
        Ok(printed)
    }

    /// Prints one reader's copy without a signature: to be counted and looked at, not to be sent.
    pub fn unsigned(
        &self,
        reader: &Subscriber,
        message_id: &str,
        slot: i64,
        purpose: Purpose,
    ) -> Result<Printed, Suppressed> {
        let way = self.way(reader, purpose)?;
        let return_path = self.return_path(slot, purpose)?;
        let mut merge = Merge::new(reader, &self.fields, &way.link)?;
        let mut out = Vec::with_capacity(self.size);
        out.extend_from_slice(&self.before_to);
        header::mailbox("To", &reader.name, &reader.address, &mut out);
        self.subject.print(&mut merge, purpose, &mut out);
        print_message_id(message_id, &mut out)?;
        out.extend_from_slice(&self.list_id);
        self.print_unsubscribe(&way, &mut out);
        out.extend_from_slice(&self.list);
        out.extend_from_slice(&self.feedback_id[usize::from(purpose == Purpose::Test)]);
        out.extend_from_slice(&self.before_text);
        self.text.print(&mut merge, &mut out);
        out.extend_from_slice(&self.between);
        let html_bytes = self.html.print(&mut merge, &mut out);
        out.extend_from_slice(&self.after_html);
        Ok(Printed { return_path, bytes: out, html_bytes, refused: merge.refused })
    }

    /// Returns one reader's subject, not encoded.
    pub fn subject(&self, reader: &Subscriber, purpose: Purpose) -> Result<String, Suppressed> {
        let way = self.way(reader, purpose)?;
        let mut merge = Merge::new(reader, &self.fields, &way.link)?;
        Ok(self.subject.text(&mut merge, purpose))
    }

    /// Returns one reader's HTML, not encoded.
    pub fn part_html(&self, reader: &Subscriber, purpose: Purpose) -> Result<String, Suppressed> {
        let way = self.way(reader, purpose)?;
        Ok(self.html.splice(&mut Merge::new(reader, &self.fields, &way.link)?))
    }

    /// Returns one reader's text, not encoded, LF between lines.
    pub fn part_text(&self, reader: &Subscriber, purpose: Purpose) -> Result<String, Suppressed> {
        let way = self.way(reader, purpose)?;
        Ok(self.text.splice(&mut Merge::new(reader, &self.fields, &way.link)?))
    }

    fn way(&self, reader: &Subscriber, purpose: Purpose) -> Result<Way, Suppressed> {
        let token = token::unsubscribe_token(
            &self.keys,
            purpose,
            &self.publication,
            &reader.token_id,
            self.issue,
        )
        .map_err(unprintable)?;
        let (before, after) = &self.links.mailto;
        let mailto = [before.as_str(), &token, after].concat();
        let link = match &self.links.web {
            Some(web) => [web.as_str(), &token].concat(),
            None => mailto.clone(),
        };
        Ok(Way { link, mailto })
    }

    fn return_path(&self, slot: i64, purpose: Purpose) -> Result<String, Suppressed> {
        let Some(bounces) = &self.links.bounces else { return Ok(self.links.from.wire()) };
        let local =
            token::return_path(&self.keys, purpose, self.issue, slot).map_err(unprintable)?;
        Ok([local.as_str(), "@", bounces].concat())
    }

    /// Appends List-Unsubscribe (RFC 2369), folded only after the comma, and List-Unsubscribe-Post (RFC 8058) where there is an https link.
    fn print_unsubscribe(&self, way: &Way, out: &mut Vec<u8>) {
        out.extend_from_slice(b"List-Unsubscribe: <");
        if self.links.web.is_some() {
            out.extend_from_slice(way.link.as_bytes());
            out.extend_from_slice(b">,\r\n <");
        }
        out.extend_from_slice(way.mailto.as_bytes());
        out.extend_from_slice(b">\r\n");
        if self.links.web.is_some() {
            out.extend_from_slice(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
        }
    }
}

fn unprintable(why: TokenError) -> Suppressed {
    Suppressed::Unprintable(why.to_string())
}

fn print_message_id(message_id: &str, out: &mut Vec<u8>) -> Result<(), Suppressed> {
    if !header::fits(message_id) {
        return Err(Suppressed::Unprintable("the Message-ID is malformed".to_owned()));
    }
    out.extend_from_slice(b"Message-ID: ");
    out.extend_from_slice(message_id.as_bytes());
    out.extend_from_slice(b"\r\n");
    Ok(())
}

impl Links {
    fn new(headers: &Headers) -> Result<Self, PressError> {
        let bounces = headers.bounces.as_deref().map(header::a_label).transpose()?;
        let web = headers.one_click.as_deref();
        let web = web.map(|web| header::url("List-Unsubscribe", web)).transpose()?;
        let reply = header::mailto(header::reply_address(headers));
        let mailto = match (&headers.leave_at, &bounces) {
            (Some(mailto), _) => {
                let mailto = header::url("List-Unsubscribe", mailto)?;
                (format!("{mailto}?subject=unsubscribe%20"), String::new())
            }
            (None, Some(domain)) => ("mailto:u-".to_owned(), format!("@{domain}")),
            (None, None) => (format!("{reply}?subject=unsubscribe%20"), String::new()),
        };
        Ok(Self {
            from: headers.from.address.clone(),
            bounces,
            web: web.map(|web| format!("{web}/")),
            mailto,
        })
    }
}

impl Subject {
    fn new(pieces: &[Piece]) -> Self {
        let fixed: Option<String> = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => Some(text.as_str()),
                Piece::Slot(_) => None,
            })
            .collect();
        match fixed {
            Some(text) => {
                let mut field = Vec::new();
                header::subject(&text, &mut field);
                Self::Fixed { text: header_text(&text, header::SUBJECT_CHARS), field }
            }
            None => Self::Merged(pieces.to_vec()),
        }
    }

    fn text(&self, merge: &mut Merge<'_>, purpose: Purpose) -> String {
        let mut text = String::new();
        if purpose == Purpose::Test {
            text.push_str("[Test] ");
        }
        match self {
            Self::Fixed { text: fixed, .. } => text.push_str(fixed),
            Self::Merged(pieces) => splice(pieces, merge, &mut text),
        }
        header_text(&text, header::SUBJECT_CHARS)
    }

    fn print(&self, merge: &mut Merge<'_>, purpose: Purpose, out: &mut Vec<u8>) {
        match self {
            Self::Fixed { field, .. } if purpose == Purpose::Real => out.extend_from_slice(field),
            _ => header::subject(&self.text(merge, purpose), out),
        }
    }
}

/// Returns the MIME frame, cut where the two parts stand.
fn frame(edition: &Edition, text: Encoding, html: Encoding) -> [Vec<u8>; 3] {
    // lettre frames an empty line around each part; this mark cannot be in a header.
    const HERE: u8 = 0;
    let part = |kind, encoding| {
        let encoding = match encoding {
            Encoding::QuotedPrintable => mime::ContentTransferEncoding::QuotedPrintable,
            Encoding::Base64 => mime::ContentTransferEncoding::Base64,
        };
        SinglePart::builder().header(kind).body(Body::dangerous_pre_encoded(vec![HERE], encoding))
    };
    let multipart = MultiPart::alternative()
        .boundary(boundary(edition))
        .singlepart(part(mime::ContentType::TEXT_PLAIN, text))
        .singlepart(part(mime::ContentType::TEXT_HTML, html))
        .formatted();
    let mut cuts = multipart.split(|byte| *byte == HERE).map(<[u8]>::to_vec);
    let mut cut = || cuts.next().expect("lettre keeps both parts");
    let start = b"Auto-Submitted: auto-generated\r\nPrecedence: bulk\r\nMIME-Version: 1.0\r\n";
    [[start.as_slice(), &cut()].concat(), cut(), cut()]
}

/// Returns a boundary that is the issue's own; `=_` can stand in neither encoding (RFC 2045 section 6.7).
fn boundary(edition: &Edition) -> String {
    let digest = Sha256::new()
        .chain_update(&edition.publication)
        .chain_update([0])
        .chain_update(&edition.slug)
        .finalize();
    format!("=_{}", HEXLOWER.encode(&digest[..12]))
}
