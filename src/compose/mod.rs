//! From an editor's draft to the bytes for one reader, as pure functions.
//!
//! ```text
//! draft text -> Issue (front matter, blocks) -> Edition (subject, HTML, text with slots) -> Press -> message bytes
//! ```
//!
//! Nothing here reads a clock, a file, the network or randomness. The layout,
//! not the theme, adds masthead, disclaimer, privacy, feedback, postal
//! address, reason line and unsubscribe.

mod attributes;
mod beside;
mod block;
mod bounds;
mod chart;
mod code;
mod colon;
mod composer;
mod css;
mod cut;
mod edition;
mod ems;
mod enclosure;
mod field;
mod foreign;
mod front;
mod inline;
mod issue;
mod keys;
mod layout;
mod nearest;
mod origin;
mod page;
mod picture;
mod proof;
mod reader;
mod script;
mod segment;
mod sheet;
mod starter;
mod strings;
mod text;
mod theme;
mod url;

pub use beside::Beside;
pub use code::{CODES, Code};
pub use composer::{Composed, compose, one_click};
pub use css::without_comments;
pub use edition::{Context, Edition, Filter, Headers, Passage, Piece, Slot, Source, Variant};
pub use ems::{ems, even_ems};
pub use enclosure::Enclosure;
pub use front::front_matter;
pub use issue::{Draft, Issue, parse};
pub use nearest::nearest;
pub use origin::{Origins, is_counted};
pub use page::page;
pub use script::is_right_to_left;
pub use starter::{number, renumbered, starter};
pub use strings::Strings;
pub use theme::{TemplateFile, Theme};

mod base64;
mod dkim;
mod header;
mod hidden;
mod merge;
mod part;
mod press;
mod quoted;
mod shelf;
mod token;
mod wrap;

pub use dkim::{
    Algorithm, DkimKey, DkimKeyError, SIGNED_FIELDS, Signer, Unsigned, header_and_body,
    header_fields, is_selector, relaxed_body_hash, relaxed_field,
};
pub use header::PressError;
pub use press::{Press, Printed};
pub use shelf::{Shelved, Up, shelved};
pub use token::{
    KeyError, KeyRing, Purpose, Returned, TokenError, Unsubscribe, confirm_token,
    preferences_token, read_confirm_token, read_preferences_token, read_return_path,
    read_unsubscribe_token, return_path, unsubscribe_token,
};
