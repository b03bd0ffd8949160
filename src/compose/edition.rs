//! An issue set in a theme: subject, HTML and text, cut at the places where readers differ. Holds no reader.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::enclosure::Enclosure;
use crate::model::{Field, Mailbox};

/// What every reader's copy is made from. Frozen at the first send; its JSON is what the digest is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edition {
    /// The publication's id.
    pub publication: String,
    /// The folder name.
    pub slug: String,
    /// The language (BCP 47).
    pub language: String,
    /// The subject line.
    pub subject: Vec<Piece>,
    /// The whole HTML document.
    pub html: Vec<Piece>,
    /// The whole text part, LF between lines.
    pub text: Vec<Passage>,
    /// What readers of some segments get instead, one for each set of segments that the issue tells apart.
    pub variants: Vec<Variant>,
    /// Everything the headers need that is the same for all readers.
    pub headers: Headers,
    /// The merge fields that it uses, each with what is known of it.
    pub fields: BTreeMap<String, Field>,
    /// The pictures that travel with the mail.
    pub enclosures: Vec<Enclosure>,
}

/// An issue as the readers of some segments get it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// The segments: of those that any variant names, a reader has these tags and no other.
    pub segments: BTreeSet<String>,
    /// The subject line.
    pub subject: Vec<Piece>,
    /// The whole HTML document.
    pub html: Vec<Piece>,
    /// The whole text part, LF between lines.
    pub text: Vec<Passage>,
}

impl Edition {
    /// Returns what a made-up reader has in each merge field: its name, or an address where a link is nothing else.
    pub fn samples(&self) -> BTreeMap<String, String> {
        let variants = self.variants.iter().flat_map(|variant| &variant.html);
        let links: BTreeSet<&str> =
            self.html.iter().chain(variants).filter_map(Piece::whole_link).collect();
        let sample = |name: &str| {
            if links.contains(name) {
                format!("https://www.example.org/{name}")
            } else {
                format!("[{name}]")
            }
        };
        self.fields.keys().map(|name| (name.clone(), sample(name))).collect()
    }

    /// Returns the SHA-256 of its JSON in lower-case hexadecimal: two editions with one digest say the same.
    pub fn digest(&self) -> String {
        let json =
            serde_json::to_vec(self).expect("its keys are strings and nothing in it can fail");
        HEXLOWER.encode(&Sha256::digest(json))
    }
}

/// The headers' fixed part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Headers {
    /// From.
    pub from: Mailbox,
    /// Reply-To.
    pub reply_to: Option<Mailbox>,
    /// List-Id's phrase: the publication's title.
    pub list_title: String,
    /// List-Id's identifier without brackets: `id.domain-of-from`.
    pub list_id: String,
    /// List-Help's URL: the feedback page or mailto.
    pub list_help: String,
    /// List-Archive's URL.
    pub list_archive: Option<String>,
    /// Domain of VERP return paths.
    pub bounces: Option<String>,
    /// The page that takes a token after a slash, for one-click unsubscribe (RFC 8058).
    pub one_click: Option<String>,
    /// The `mailto:` that unsubscribes go to, when it is neither the bounce domain nor the reply address.
    pub leave_at: Option<String>,
}

/// A stretch of the finished copy, or a place where readers differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece {
    /// The same for everybody, finished and escaped.
    Literal(String),
    /// Filled per reader.
    Slot(Slot),
}

impl Piece {
    /// Returns the merge field that is the whole address of a link.
    fn whole_link(&self) -> Option<&str> {
        match self {
            Self::Slot(Slot { source: Source::Field(name), context: Context::HtmlUrl, .. }) => {
                Some(name)
            }
            _ => None,
        }
    }
}

/// Where a reader's own value stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Whose value.
    pub source: Source,
    /// What is done to it, in order.
    pub filters: Vec<Filter>,
    /// How it is escaped.
    pub context: Context,
}

/// What a slot shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// A merge field of `[list.fields]`: `name`, `email`, or a column of the list.
    Field(String),
    /// The reader's address, for the reason line.
    Address,
    /// The reader's own unsubscribe link: an https URL, or a mailto.
    Unsubscribe,
}

/// What may be done to a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Filter {
    /// Used where the value is empty.
    Default(String),
    /// Upper case.
    Upper,
    /// Lower case.
    Lower,
    /// An ISO date shown by a strftime pattern.
    Date(String),
}

/// What a value stands in, which decides its escaping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Context {
    /// Between tags.
    HtmlText,
    /// In a quoted attribute.
    HtmlAttribute,
    /// A whole URL in a quoted attribute: http, https or mailto only.
    HtmlUrl,
    /// A part of a URL in a quoted attribute: percent-encoded.
    HtmlUrlPart,
    /// A header's text.
    Header,
    /// The text part: line ends become spaces.
    Text,
    /// A whole URL in the text part: http, https or mailto only, as in the HTML.
    TextUrl,
    /// A part of a URL in the text part: percent-encoded.
    TextUrlPart,
}

/// A piece of the text part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Passage {
    /// Finished lines, each with its LF.
    Fixed(String),
    /// A paragraph that holds a slot and is wrapped again for every copy; ends with one LF.
    Flowing {
        /// Its words and slots, in one line.
        pieces: Vec<Piece>,
        /// What the first line begins with.
        first: String,
        /// What the others begin with.
        rest: String,
        /// The letter of a line below them, as wide as they are; none where it is empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        rule: String,
    },
}
