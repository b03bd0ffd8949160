//! What the preview asks of the world: the command answers it, so that no page leans on the command.

use std::{collections::BTreeMap, path::PathBuf};

use async_trait::async_trait;

use crate::{
    compose::{Composed, Press},
    model::{Address, Problem, Subscriber},
};

/// A publication, read afresh at every question. Nothing but `test` changes anything.
#[async_trait]
pub trait Newsroom: Send + Sync {
    /// Lists the issues by their folders' names, oldest first.
    fn issues(&self) -> Result<Vec<String>, Trouble>;

    /// Composes the issue of this name.
    fn galley(&self, slug: &str) -> Result<Galley, Trouble>;

    /// Tells every problem of an issue that composes, in the order of the draft's lines.
    async fn problems(&self, slug: &str) -> Result<Vec<Problem>, Trouble>;

    /// Finds a reader; one who is made up has all of `fields`.
    async fn reader(
        &self,
        reader: &Reader,
        fields: &BTreeMap<String, String>,
    ) -> Result<Subscriber, Trouble>;

    /// Finds up to `most` readers whose address or name holds `words`.
    async fn find(&self, words: &str, most: usize) -> Result<Found, Trouble>;

    /// Sends a test mail, marked as one, and returns what the relay said.
    async fn test(&self, slug: &str, test: Test) -> Result<String, Trouble>;

    /// Says what to watch.
    fn watched(&self) -> Watched;
}

/// What came of composing a draft.
pub struct Galley {
    /// The publication's title.
    pub title: String,
    /// Where test mails go, in words.
    pub relay: String,
    /// Every mistake that keeps it from being set, in the order of the draft's lines; none where it is set.
    pub problems: Vec<Problem>,
    /// The issue as it is set, and the press that prints its copies; `None` where a mistake keeps it from being set.
    pub set: Option<(Composed, Press)>,
}

/// A test mail that is asked for.
#[derive(Clone, Debug)]
pub struct Test {
    /// Whose copy.
    pub reader: Subscriber,
    /// Where it goes.
    pub to: Address,
    /// Whether it goes although the issue has mistakes that would keep it from being sent.
    pub force: bool,
}

/// Whose copy is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reader {
    /// A made-up one, who fills every field.
    #[default]
    Sample,
    /// A made-up one of whom nothing but the address is known.
    Blank,
    /// The one on the list with this address, as it was typed.
    Listed(String),
}

/// Readers that were looked for.
#[derive(Debug, Default)]
pub struct Found {
    /// The first of them.
    pub readers: Vec<Subscriber>,
    /// Whether there are more.
    pub more: bool,
}

/// Says why something cannot be had: what, how to mend it, and the mistakes it is about.
#[derive(Clone, Debug, Default)]
pub struct Trouble {
    /// What went wrong: lower case, no full stop.
    pub message: String,
    /// How to mend it, a line each.
    pub hints: Vec<String>,
    /// The mistakes of a file.
    pub problems: Vec<Problem>,
}

/// What a page is made from, on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// Folders that are watched however deep.
    pub folders: Vec<PathBuf>,
    /// Files that are watched alone.
    pub files: Vec<PathBuf>,
}
