//! What readers say of themselves.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::Subscriber;

/// What a reader says of themselves; it stands over whatever a list says of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferences {
    /// How issues address them; empty for what the list says.
    pub name: String,
    /// The language they would read (BCP 47), their field `language`; empty for what the list says.
    pub language: String,
    /// Until when they want no issue.
    #[serde(skip)]
    pub paused_until: Option<Timestamp>,
}

impl Preferences {
    /// Puts a reader's own words over what is known of them.
    pub(super) fn over(&self, mut reader: Subscriber) -> Subscriber {
        if !self.name.is_empty() {
            reader.name.clone_from(&self.name);
        }
        if !self.language.is_empty() {
            reader.fields.insert(LANGUAGE.to_owned(), self.language.clone());
        }
        reader
    }
}

/// The field that holds a reader's language.
const LANGUAGE: &str = "language";
