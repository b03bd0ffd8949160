//! One reader's copy of an issue: of what the draft says now, or of the last draft that could be set.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::{Path, RawQuery},
    http::StatusCode,
    response::Response,
};

use super::{
    Preview, change, error,
    newsroom::{Galley, Trouble},
    wish::Place,
};
use crate::{
    compose::{Composed, Press, Printed, Purpose},
    model::{Problem, Subscriber, Suppressed},
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
    /// The issue as it was set before that.
    before: Option<Arc<Set>>,
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
pub(super) struct Copies(Mutex<BTreeMap<String, Kept>>);

/// An issue as it last could be set, and as it was before its last change.
#[derive(Clone)]
struct Kept {
    title: String,
    set: Arc<Set>,
    before: Option<Arc<Set>>,
}

impl Copies {
    fn keep(&self, slug: &str, title: String, set: Arc<Set>) -> Kept {
        let mut copies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match copies.remove(slug) {
            Some(last) if last.set.composed.edition == set.composed.edition => last.before,
            last => last.map(|last| last.set),
        };
        if copies.len() >= KEPT {
            copies.pop_first();
        }
        let kept = Kept { title, set, before };
        copies.insert(slug.to_owned(), kept.clone());
        kept
    }

    fn last(&self, slug: &str) -> Option<Kept> {
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
        let Galley { title, relay, problems, set } = galley;
        let is_past = set.is_none();
        let kept = match set {
            Some((composed, press)) => Some(self.copies.keep(
                &place.slug,
                title.clone(),
                Arc::new(Set { composed, press }),
            )),
            None => self.copies.last(&place.slug),
        };
        let title = kept.as_ref().map_or(title, |kept| kept.title.clone());
        let (set, before) = kept.map(|kept| (kept.set, kept.before)).unzip();
        let fields = set.as_ref().map(|set| set.composed.edition.samples()).unwrap_or_default();
        let reader = self.newsroom.reader(&place.wish.reader, &fields).await;
        Copy { title, relay, problems, trouble, set, before: before.flatten(), is_past, reader }
    }

    /// Prints the copy that was asked for, or answers why there is none.
    pub(super) async fn printed(
        &self,
        path: Path<String>,
        query: &RawQuery,
    ) -> Result<(Place, Copy, Parts), Box<Response>> {
        let (place, _) = self.place(path, query)?;
        let copy = self.copy(&place).await;
        match copy.parts() {
            Some(Ok(parts)) => Ok((place, copy, parts)),
            Some(Err(trouble)) => Err(Box::new(error::trouble(&trouble))),
            None => {
                let why = "the draft cannot be set yet";
                Err(Box::new(error::answer(StatusCode::NOT_FOUND, why)))
            }
        }
    }

    /// Finds every problem of an issue that is set.
    pub(super) async fn look_at(&self, place: &Place, copy: &mut Copy) {
        if copy.is_past {
            return;
        }
        match self.newsroom.problems(&place.slug).await {
            Ok(problems) => copy.problems = problems,
            Err(trouble) => copy.problems.extend(trouble.problems),
        }
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

impl Copy {
    /// Finds where the last change of the draft shows in its HTML.
    pub(super) fn change(&self, html: &str) -> Option<usize> {
        let before = self.before.as_ref()?.print(self.reader.as_ref().ok()?).ok()?;
        change::first(&before.html, html)
    }
}

impl Set {
    fn print(&self, reader: &Subscriber) -> Result<Parts, Trouble> {
        let left_out = |why: Suppressed| Trouble {
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
