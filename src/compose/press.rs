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

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use lettre::message::{Body, MultiPart, SinglePart, header as mime};
use sha2::{Digest, Sha256};

use super::{
    dkim::Signer,
    edition::{Edition, Headers, Passage, Piece},
    enclosure::Enclosure,
    header::{self, PressError},
    merge::{Merge, header_text},
    part::{Encoding, Part, splice},
    segment,
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
    /// Date, From, Reply-To.
    before_to: Vec<u8>,
    list_id: Vec<u8>,
    /// List-Help to List-Archive.
    list: Vec<u8>,
    /// Feedback-ID of a delivery and of a test mail.
    feedback_id: [Vec<u8>; 2],
    /// The segments that tell readers apart.
    segments: Vec<String>,
    /// What readers of no segment get, then each variant, with the segments it is for as bits of `segments`.
    plates: Vec<(usize, Plate)>,
}

/// One version of the issue, set for printing.
#[derive(Debug)]
struct Plate {
    subject: Subject,
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
    /// The delivery's token, as it stands in a return path at the publication's bounce domain: a bounce that names it (RFC 3464 section 2.2.1) is known by it.
    pub envelope_id: String,
    /// The whole message.
    pub bytes: Vec<u8>,
    /// How long the HTML part is once decoded; Gmail clips what is over 102,000.
    pub html_bytes: usize,
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
        let named: BTreeSet<&String> =
            edition.variants.iter().flat_map(|variant| &variant.segments).collect();
        let segments: Vec<String> = named.into_iter().cloned().collect();
        let mut plates =
            vec![(0, Plate::new(edition, &edition.subject, &edition.text, &edition.html)?)];
        for variant in &edition.variants {
            let plate = Plate::new(edition, &variant.subject, &variant.text, &variant.html)?;
            plates.push((bits(&segments, |segment| variant.segments.contains(segment)), plate));
        }
        Ok(Self {
            keys,
            signer: None,
            issue,
            publication: edition.publication.clone(),
            fields: edition.fields.clone(),
            links: Links::new(headers)?,
            before_to: header::before_to(headers, date)?,
            list_id: header::list_id(headers)?,
            list: header::list(headers)?,
            feedback_id: [
                header::feedback_id(edition, "issue"),
                header::feedback_id(edition, "test"),
            ],
            segments,
            plates,
        })
    }

    /// Signs every copy from now on.
    #[must_use]
    pub fn signed_by(self, signer: Option<Signer>) -> Self {
        Self { signer, ..self }
    }

    /// Tells whether a copy takes about a millisecond, as it does where RSA signs it: a hundred times what it takes else.
    pub fn is_slow(&self) -> bool {
        self.signer.as_ref().is_some_and(Signer::is_slow)
    }

    /// Returns the version that a reader gets.
    fn plate(&self, reader: &Subscriber) -> &Plate {
        let held = bits(&self.segments, |segment| {
            reader.tags.iter().any(|tag| segment::is_tag(segment, tag))
        });
        let plate = self.plates.iter().find(|(segments, _)| *segments == held);
        &plate.unwrap_or(&self.plates[0]).1
    }

    /// Prints one reader's copy, signed. `message_id` comes with its angle brackets; `slot` is the delivery's number within the issue.
    pub fn print(
        &self,
        reader: &Subscriber,
        message_id: &str,
        slot: i64,
        purpose: Purpose,
    ) -> Result<Printed, Suppressed> {
        self.answer(reader, message_id, None, slot, purpose)
    }

    /// Prints the same as an answer to another message that the reader got, `answers`, so that mail programs show it below that one (RFC 5322 section 3.6.4).
    pub fn answer(
        &self,
        reader: &Subscriber,
        message_id: &str,
        answers: Option<&str>,
        slot: i64,
        purpose: Purpose,
    ) -> Result<Printed, Suppressed> {
        let room = self.signer.as_ref().map_or(0, Signer::length);
        let mut printed = self.set(reader, message_id, answers, (slot, room), purpose)?;
        if let Some(signer) = &self.signer {
            let signed = signer.sign_behind(room, &mut printed.bytes);
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
        self.set(reader, message_id, None, (slot, 0), purpose)
    }

    /// Sets a copy behind `room` bytes for its signatures.
    fn set(
        &self,
        reader: &Subscriber,
        message_id: &str,
        answers: Option<&str>,
        (slot, room): (i64, usize),
        purpose: Purpose,
    ) -> Result<Printed, Suppressed> {
        let way = self.way(reader, purpose)?;
        let envelope_id =
            token::return_path(&self.keys, purpose, self.issue, slot).map_err(unprintable)?;
        let return_path = match &self.links.bounces {
            Some(bounces) => [envelope_id.as_str(), "@", bounces].concat(),
            None => self.links.from.wire(),
        };
        let mut merge = Merge::new(reader, &self.fields, &way.link)?;
        let plate = self.plate(reader);
        let mut out = Vec::with_capacity(room + plate.size);
        out.resize(room, 0);
        out.extend_from_slice(&self.before_to);
        header::mailbox("To", &reader.name, &reader.address, &mut out);
        plate.subject.print(&mut merge, purpose, &mut out);
        print_message_id("Message-ID", message_id, &mut out)?;
        if let Some(first) = answers {
            print_message_id("In-Reply-To", first, &mut out)?;
            print_message_id("References", first, &mut out)?;
        }
        out.extend_from_slice(&self.list_id);
        self.print_unsubscribe(&way, &mut out);
        out.extend_from_slice(&self.list);
        out.extend_from_slice(&self.feedback_id[usize::from(purpose == Purpose::Test)]);
        out.extend_from_slice(&plate.before_text);
        plate.text.print(&mut merge, &mut out);
        out.extend_from_slice(&plate.between);
        let html_bytes = plate.html.print(&mut merge, &mut out);
        out.extend_from_slice(&plate.after_html);
        match merge.refused {
            Some(field) => Err(Suppressed::Unprintable(format!("`{field}` is no link"))),
            None => Ok(Printed { return_path, envelope_id, bytes: out, html_bytes }),
        }
    }

    /// Returns one reader's subject, not encoded.
    pub fn subject(&self, reader: &Subscriber, purpose: Purpose) -> Result<String, Suppressed> {
        let way = self.way(reader, purpose)?;
        let mut merge = Merge::new(reader, &self.fields, &way.link)?;
        Ok(self.plate(reader).subject.text(&mut merge, purpose))
    }

    /// Returns one reader's HTML, not encoded.
    pub fn part_html(&self, reader: &Subscriber, purpose: Purpose) -> Result<String, Suppressed> {
        let way = self.way(reader, purpose)?;
        Ok(self.plate(reader).html.splice(&mut Merge::new(reader, &self.fields, &way.link)?))
    }

    /// Returns one reader's text, not encoded, LF between lines.
    pub fn part_text(&self, reader: &Subscriber, purpose: Purpose) -> Result<String, Suppressed> {
        let way = self.way(reader, purpose)?;
        Ok(self.plate(reader).text.splice(&mut Merge::new(reader, &self.fields, &way.link)?))
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

fn print_message_id(field: &str, message_id: &str, out: &mut Vec<u8>) -> Result<(), Suppressed> {
    if !header::fits(message_id) {
        return Err(Suppressed::Unprintable("the Message-ID is malformed".to_owned()));
    }
    out.extend_from_slice(field.as_bytes());
    out.extend_from_slice(b": ");
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

impl Plate {
    fn new(
        edition: &Edition,
        subject: &[Piece],
        text: &[Passage],
        html: &[Piece],
    ) -> Result<Self, PressError> {
        let shown = |enclosure: &&Enclosure| {
            let url = enclosure.url();
            html.iter().any(|piece| matches!(piece, Piece::Literal(text) if text.contains(&url)))
        };
        let enclosures: Vec<&Enclosure> = edition.enclosures.iter().filter(shown).collect();
        let (text, html) = (Part::text(text), Part::html(html));
        let [before_text, between, after_html] =
            frame(edition, &enclosures, text.encoding, html.encoding)?;
        let size = text.size() + html.size() + after_html.len() + HEADER_BYTES;
        let subject = Subject::new(subject);
        Ok(Self { subject, before_text, text, between, html, after_html, size })
    }
}

/// Returns a set of segments as bits, by their place among all.
fn bits(segments: &[String], is_held: impl Fn(&str) -> bool) -> usize {
    segments.iter().rev().fold(0, |bits, segment| bits << 1 | usize::from(is_held(segment)))
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

/// Returns the MIME frame, cut where the two parts stand. Pictures travel beside the HTML that shows them (RFC 2387), the same in every copy.
fn frame(
    edition: &Edition,
    enclosures: &[&Enclosure],
    text: Encoding,
    html: Encoding,
) -> Result<[Vec<u8>; 3], PressError> {
    // lettre frames an empty line around each part; this mark cannot be in a header.
    const HERE: u8 = 0;
    let part = |kind, encoding| {
        let encoding = match encoding {
            Encoding::QuotedPrintable => mime::ContentTransferEncoding::QuotedPrintable,
            Encoding::Base64 => mime::ContentTransferEncoding::Base64,
        };
        SinglePart::builder().header(kind).body(Body::dangerous_pre_encoded(vec![HERE], encoding))
    };
    let alternative = MultiPart::alternative()
        .boundary(boundary(edition, "=_"))
        .singlepart(part(mime::ContentType::TEXT_PLAIN, text));
    let html = part(mime::ContentType::TEXT_HTML, html);
    let multipart = if enclosures.is_empty() {
        alternative.singlepart(html)
    } else {
        let mut related = related(edition)?.singlepart(html);
        for enclosure in enclosures {
            related = related.singlepart(enclosed(enclosure)?);
        }
        alternative.multipart(related)
    };
    let multipart = multipart.formatted();
    let mut cuts = multipart.split(|byte| *byte == HERE).map(<[u8]>::to_vec);
    let mut cut = || cuts.next().expect("lettre keeps both parts");
    let start = b"Auto-Submitted: auto-generated\r\nPrecedence: bulk\r\nMIME-Version: 1.0\r\n";
    Ok([[start.as_slice(), &cut()].concat(), cut(), cut()])
}

/// Returns what holds the HTML and its pictures; lettre would not say which of them is read first (RFC 2387 section 3.1).
fn related(edition: &Edition) -> Result<MultiPart, PressError> {
    let boundary = boundary(edition, "=_related_");
    let kind = format!("multipart/related; type=\"text/html\"; boundary=\"{boundary}\"");
    let kind = content_type(&kind)?;
    Ok(MultiPart::builder().header(kind).build())
}

fn content_type(text: &str) -> Result<mime::ContentType, PressError> {
    let value = || header_text(text, 80);
    mime::ContentType::parse(text)
        .map_err(|_| PressError::Header { header: "Content-Type", value: value() })
}

/// Returns a picture as a part of the message.
fn enclosed(enclosure: &Enclosure) -> Result<SinglePart, PressError> {
    let refused =
        |header, value: &str| PressError::Header { header, value: header_text(value, 80) };
    let kind = content_type(&enclosure.media_type)?;
    if !header::fits(&enclosure.id) {
        return Err(refused("Content-ID", &enclosure.id));
    }
    let encoding = mime::ContentTransferEncoding::Base64;
    let body = Body::new_with_encoding(enclosure.bytes.clone(), encoding)
        .map_err(|_| refused("Content-Transfer-Encoding", &enclosure.name))?;
    let name = header_text(&enclosure.name, 80);
    Ok(SinglePart::builder()
        .header(kind)
        .header(mime::ContentId::from(format!("<{}>", enclosure.id)))
        .header(mime::ContentDisposition::inline_with_name(&name))
        .body(body))
}

/// Returns a boundary that is the issue's own; `=_` can stand in neither encoding (RFC 2045 section 6.7).
fn boundary(edition: &Edition, prefix: &str) -> String {
    let digest = Sha256::new()
        .chain_update(&edition.publication)
        .chain_update([0])
        .chain_update(&edition.slug)
        .finalize();
    format!("{prefix}{}", HEXLOWER.encode(&digest[..12]))
}
