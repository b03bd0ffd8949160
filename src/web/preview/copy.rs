//! One reader's copy of an issue: of what the draft says now, or of the last draft that could be set.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    Preview,
    newsroom::{Galley, Trouble},
    wish::Place,
};
use crate::{
    compose::{Composed, Press, Printed, Purpose},
    model::{Problem, Subscriber},
};

/// How many issues are kept as they last could be set.
const KEPT: usize = 16;

/// An issue that could be set.
pub(super) struct Set {
    pub(super) composed: Composed,
    press: Press,
}

/// What there is of an issue.
pub(super) struct Copy {
    /// The publication's title; empty where nobody knows it.
    pub(super) title: String,
    /// Where test mails go, in words; empty where nobody knows.
    pub(super) relay: String,
    /// Every mistake.
    pub(super) problems: Vec<Problem>,
    /// Why the issue cannot be set, where it is no mistake of the draft.
    pub(super) trouble: Option<Trouble>,
    /// The issue, set.
    pub(super) set: Option<Arc<Set>>,
    /// Whether it is an earlier one, since the draft cannot be set as it is now.
    pub(super) is_past: bool,
    /// Whose copy it is, or why there is nobody.
    pub(super) reader: Result<Subscriber, Trouble>,
}

/// A copy in all its parts.
pub(super) struct Parts {
    pub(super) subject: String,
    pub(super) html: String,
    pub(super) text: String,
    pub(super) printed: Printed,
}

/// The issues as they last could be set, with the title of their publication.
#[derive(Default)]
pub(super) struct Copies(Mutex<BTreeMap<String, (String, Arc<Set>)>>);

impl Copies {
    fn keep(&self, slug: &str, title: &str, set: &Arc<Set>) {
        let mut copies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if copies.len() >= KEPT && !copies.contains_key(slug) {
            copies.pop_first();
        }
        copies.insert(slug.to_owned(), (title.to_owned(), Arc::clone(set)));
    }

    fn last(&self, slug: &str) -> Option<(String, Arc<Set>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(slug).cloned()
    }
}

impl Preview {
    /// Composes an issue and finds its reader.
    pub(super) async fn copy(&self, place: &Place) -> Copy {
        let galley = self.newsroom.galley(&place.slug);
        let (galley, trouble) = match galley {
            Ok(galley) => (galley, None),
            Err(trouble) => {
                let problems = trouble.problems.clone();
                let (title, relay) = Default::default();
                (Galley { title, relay, problems, set: None }, Some(trouble))
            }
        };
        let Galley { mut title, relay, problems, set } = galley;
        let is_past = set.is_none();
        let set = match set {
            Some((composed, press)) => {
                let set = Arc::new(Set { composed, press });
                self.copies.keep(&place.slug, &title, &set);
                Some(set)
            }
            None => self.copies.last(&place.slug).map(|(last, set)| {
                if title.is_empty() {
                    title = last;
                }
                set
            }),
        };
        let fields = set.as_ref().map(|set| set.fields()).unwrap_or_default();
        let reader = self.newsroom.reader(&place.wish.reader, &fields).await;
        Copy { title, relay, problems, trouble, set, is_past, reader }
    }
}

impl Copy {
    /// Prints it, or says why this reader would be left out.
    pub(super) fn parts(&self) -> Option<Result<Parts, Trouble>> {
        let set = self.set.as_ref()?;
        Some(match &self.reader {
            Ok(reader) => set.print(reader),
            Err(trouble) => Err(trouble.clone()),
        })
    }
}

impl Set {
    /// Returns the merge fields that it uses.
    fn fields(&self) -> Vec<String> {
        self.composed.edition.fields.keys().cloned().collect()
    }

    fn print(&self, reader: &Subscriber) -> Result<Parts, Trouble> {
        let left_out = |why: crate::model::Suppressed| Trouble {
            message: format!("{} would be left out: {why}", reader.address),
            ..Trouble::default()
        };
        let domain = self.composed.edition.headers.from.address.domain();
        let message_id = format!("<preview@{domain}>");
        let press = &self.press;
        Ok(Parts {
            subject: press.subject(reader, Purpose::Real).map_err(left_out)?,
            html: press.part_html(reader, Purpose::Real).map_err(left_out)?,
            text: press.part_text(reader, Purpose::Real).map_err(left_out)?,
            printed: press.print(reader, &message_id, 0, Purpose::Real).map_err(left_out)?,
        })
    }
}
