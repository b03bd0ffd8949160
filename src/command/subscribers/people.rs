//! The people of the ledger, page by page, and which of them are wanted.

use super::super::{Failure, exit};
use crate::{
    ledger::Ledger,
    model::{Segment, Subscriber, SubscriberState},
};

/// How many people are read at once.
const PAGE: usize = 1000;

/// Which people; everybody by default.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// Those in this state.
    pub(super) state: Option<SubscriberState>,
    /// Those in this segment.
    pub(super) segment: Option<Segment>,
}

impl Wanted {
    /// Understands what was typed.
    pub(super) fn of(state: Option<&str>, segment: Option<&str>) -> Result<Self, Failure> {
        let state = state.map(state_of).transpose()?;
        let segment = segment.map(Segment::parse).transpose()?;
        Ok(Self { state, segment })
    }

    fn holds(&self, reader: &Subscriber) -> bool {
        self.state.is_none_or(|state| reader.state == state)
            && self.segment.as_ref().is_none_or(|segment| segment.holds(reader))
    }
}

pub(super) fn state_of(word: &str) -> Result<SubscriberState, Failure> {
    SubscriberState::from_word(word).ok_or_else(|| {
        let known: Vec<&str> = SubscriberState::ALL.iter().map(|state| state.word()).collect();
        let message = format!("`{word}` is no state; they are {}", known.join(", "));
        Failure::new(exit::USAGE, message)
    })
}

/// Reads people in the order of their addresses.
pub(super) struct People<'a> {
    ledger: &'a dyn Ledger,
    publication: &'a str,
    wanted: Wanted,
    after: Option<String>,
    ended: bool,
}

impl<'a> People<'a> {
    pub(super) fn new(ledger: &'a dyn Ledger, publication: &'a str, wanted: Wanted) -> Self {
        Self { ledger, publication, wanted, after: None, ended: false }
    }

    /// Returns those wanted of the next page; `None` at the end.
    pub(super) async fn next_page(&mut self) -> Result<Option<Vec<Subscriber>>, Failure> {
        if self.ended {
            return Ok(None);
        }
        let mut page =
            self.ledger.subscribers(self.publication, self.after.as_deref(), PAGE).await?;
        self.ended = page.len() < PAGE;
        self.after = page.last().map(|last| last.address.key());
        page.retain(|reader| self.wanted.holds(reader));
        Ok(Some(page))
    }
}
