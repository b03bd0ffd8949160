//! From an editor's draft to the bytes for one reader, as pure functions.
//!
//! ```text
//! draft text -> Issue (front matter, blocks) -> Edition (subject, HTML, text with slots) -> Press -> message bytes
//! ```
//!
//! Nothing here reads a clock, a file, the network or randomness. The layout,
//! not the theme, adds masthead, disclaimer, privacy, feedback, postal
//! address, reason line and unsubscribe.

mod edition;

pub use edition::{Context, Edition, Filter, Headers, Passage, Piece, Slot, Source};

mod encode;
mod header;
mod merge;
mod part;
mod press;
mod token;
mod wrap;

pub use header::PressError;
pub use press::{Press, Printed};
pub use token::{
    KeyError, KeyRing, Purpose, Returned, TokenError, Unsubscribe, read_return_path,
    read_unsubscribe_token, return_path, unsubscribe_token,
};
