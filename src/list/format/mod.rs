//! What other tools call their columns, and what their words mean: a file for each, and a line in the table here.

mod beehiiv;
mod buttondown;
mod ghost;
mod google;
mod kit;
mod listmonk;
mod mailchimp;
mod mailman;
mod outlook;
mod phplist;
mod plain;

mod substack;

use std::borrow::Cow;

use super::evidence::Fact;
use crate::model::SubscriberState;

pub(super) use mailman::is_roster;
pub(super) use phplist::is_on_none;

/// Every format, the more particular first; one that no mark tells is ours.
const FORMATS: [&[Format]; 10] = [
    mailchimp::FORMATS,
    substack::FORMATS,
    ghost::FORMATS,
    listmonk::FORMATS,
    buttondown::FORMATS,
    kit::FORMATS,
    beehiiv::FORMATS,
    phplist::FORMATS,
    google::FORMATS,
    outlook::FORMATS,
];

/// One kind of file that a tool writes.
pub(super) struct Format {
    /// Its name for machines.
    pub(super) name: &'static str,
    /// Its name for people.
    pub(super) title: &'static str,
    /// Sets of columns: a header that has all of one set is of this format. Names are bare (lower case, letters and digits alone); one that begins with `~` stands anywhere in a name.
    pub(super) marks: &'static [&'static [&'static str]],
    /// What columns hold, where that is not what any list means by their name. Names as in `marks`.
    pub(super) columns: &'static [(Role, &'static [&'static str])],
    /// What the words of a status mean, in lower case; none of its words may be missing from a row.
    pub(super) words: &'static [(SubscriberState, &'static [&'static str])],
    /// What somebody is of whom it says nothing more. Pending where being in the file is no consent.
    pub(super) base: SubscriberState,
    /// Whether columns it does not name are merge fields; else they are left out.
    pub(super) keeps_fields: bool,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Address,
    /// A further address of the same person, for want of the first.
    OtherAddress,
    /// `Name <address>`, or an address alone.
    Mailbox,
    Name,
    FirstName,
    LastName,
    Tags,
    /// The lists of the tool that somebody is on, for tags; whoever is on none left them all.
    Lists,
    Status,
    /// A yes or a date puts somebody in this state; a no or nothing does not.
    Says(SubscriberState),
    /// A no or nothing puts somebody in this state; a yes does not.
    Lacks(SubscriberState),
    /// How they came to the list, or why they left.
    Evidence(Fact),
    /// A JSON object of merge fields.
    Attributes,
    /// A merge field, by its header in lower case.
    Field(Cow<'static, str>),
    /// Of use to the tool that wrote it, and to nobody else.
    LeftOut,
    /// Written by `rejects`, so that a mended file of rejects can be read as a list.
    Rejected,
    /// No header: its cells must be empty.
    Unnamed,
}

impl Role {
    /// Tells whether a row that breaks off before this column may hide a "do not mail".
    pub(super) fn tells_state(&self) -> bool {
        matches!(self, Self::Status | Self::Says(_) | Self::Lacks(_))
    }

    /// Tells whether it holds an address.
    pub(super) fn holds_address(&self) -> bool {
        matches!(self, Self::Address | Self::OtherAddress | Self::Mailbox)
    }

    /// Tells whether several columns may hold it.
    pub(super) fn may_repeat(&self) -> bool {
        matches!(
            self,
            Self::OtherAddress
                | Self::Tags
                | Self::Says(_)
                | Self::Lacks(_)
                | Self::Evidence(_)
                | Self::LeftOut
                | Self::Rejected
                | Self::Unnamed
        )
    }
}

impl Format {
    /// Returns the format of a header, by the bare names of its columns.
    pub(super) fn of(columns: &[String]) -> &'static Self {
        let has = |mark: &&str| columns.iter().any(|column| is_called(column, mark));
        FORMATS
            .iter()
            .copied()
            .flatten()
            .find(|format| format.marks.iter().any(|set| set.iter().all(has)))
            .unwrap_or(&plain::FORMAT)
    }

    /// Returns the format of a file so called, where its header alone does not tell.
    pub(super) fn of_file(&'static self, name: &str) -> &'static Self {
        mailchimp::by_name(name).filter(|_| self.is_of_members()).unwrap_or(self)
    }

    /// Tells whether a row may be taken at its word that its person asked for a letter; `facts` is what it tells besides.
    pub(super) fn is_proven(&self, facts: &[(Fact, String)]) -> bool {
        !self.is_of_members() || mailchimp::is_proven(facts)
    }

    fn is_of_members(&self) -> bool {
        self.name == "mailchimp" && self.base == SubscriberState::Active
    }

    /// Returns the format of a file without a header, one member a line.
    pub(super) fn roster() -> &'static Self {
        &mailman::FORMAT
    }

    /// Returns what a column holds, where this format says so.
    pub(super) fn role(&self, column: &str) -> Option<Role> {
        let named =
            |(_, names): &&(Role, &[&str])| names.iter().any(|name| is_called(column, name));
        self.columns.iter().find(named).map(|(role, _)| role.clone())
    }

    /// Tells whether it is our own, which any list is that nobody else wrote.
    pub(super) fn is_ours(&self) -> bool {
        self.name == plain::FORMAT.name
    }

    /// Understands a status; `None` for a word nobody told us: such a person is never taken as active.
    pub(super) fn state(&self, word: &str) -> Option<SubscriberState> {
        let word = word.trim().to_lowercase();
        self.words.iter().find(|(_, words)| words.contains(&word.as_str())).map(|(state, _)| *state)
    }
}

/// Tells whether a column's bare name is `name`, or holds it where it begins with `~`.
fn is_called(column: &str, name: &str) -> bool {
    name.strip_prefix('~').map_or(column == name, |part| column.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bare_words_lower_case_and_no_word_means_two_things() {
        for format in FORMATS.iter().copied().flatten().chain([&plain::FORMAT]) {
            let names = format.marks.iter().copied().chain(format.columns.iter().map(|of| of.1));
            for name in names.flatten() {
                let part = name.strip_prefix('~').unwrap_or(name);
                let is_bare = |c: char| c.is_alphanumeric() && !c.is_uppercase();
                assert!(part.chars().all(is_bare), "{}: {name}", format.name);
            }
            let mut words: Vec<_> = format.words.iter().flat_map(|(_, words)| *words).collect();
            let before = words.len();
            words.sort_unstable();
            words.dedup();
            assert_eq!(words.len(), before, "{}", format.name);
            assert!(words.iter().all(|word| word.to_lowercase() == **word), "{}", format.name);
        }
    }

    #[test]
    fn every_state_reads_back_from_our_own_word_and_none_is_guessed() {
        use SubscriberState::{Active, Bounced, Erased, Unsubscribed};
        let ours = &plain::FORMAT;
        for state in SubscriberState::ALL {
            // No list brings anybody as erased, since a ledger keeps no address for those.
            let expected = if state == Erased { Unsubscribed } else { state };
            assert_eq!(ours.state(state.word()), Some(expected));
        }
        assert_eq!(ours.state(" Subscribed "), Some(Active));
        assert_eq!(ours.state("cleaned"), Some(Bounced));
        for word in ["maybe", "not active", "1", "true", "activ"] {
            assert_eq!(ours.state(word), None, "{word}");
        }
    }
}
