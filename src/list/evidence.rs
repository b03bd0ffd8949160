//! Proof of consent: what a list says of how somebody came to it, or left, in the words of the consent log.

use std::fmt::Write;

/// What a column of evidence tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fact {
    OptedIn,
    OptedInFrom,
    Confirmed,
    ConfirmedFrom,
    Joined,
    JoinedFrom,
    By,
    Left,
    Bounced,
    LeftAt,
    Because,
}

/// The most characters kept of a fact.
const FACT_MAX: usize = 200;

impl Fact {
    /// Returns what stands before it.
    fn words(self) -> &'static str {
        match self {
            Self::OptedIn => "opted in",
            Self::OptedInFrom | Self::ConfirmedFrom | Self::JoinedFrom => "from",
            Self::Confirmed => "confirmed",
            Self::Joined => "joined",
            Self::By => "by",
            Self::Left => "left",
            Self::Bounced => "bounced",
            Self::LeftAt => "at",
            Self::Because => "because:",
        }
    }

    /// Tells whether it says more of the fact before it.
    fn goes_on(self) -> bool {
        matches!(
            self,
            Self::OptedInFrom | Self::ConfirmedFrom | Self::JoinedFrom | Self::LeftAt | Self::By
        )
    }
}

/// Says the facts of a record in order: `opted in 2019-03-02 10:11:12 from 203.0.113.7; confirmed ...`. Times stand as the list has them.
pub(super) fn told(mut facts: Vec<(Fact, String)>) -> String {
    facts.sort_by_key(|(fact, _)| *fact);
    let mut told = String::new();
    for (fact, value) in &facts {
        let lead = match (told.is_empty(), fact.goes_on()) {
            (true, _) => "",
            (false, true) => " ",
            (false, false) => "; ",
        };
        let value: String = value.chars().take(FACT_MAX).collect();
        write!(told, "{lead}{} {value}", fact.words()).expect("a String takes everything");
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_told_in_the_order_they_happened() {
        let facts = [
            (Fact::ConfirmedFrom, "203.0.113.8"),
            (Fact::Confirmed, "2019-03-03 08:00:00"),
            (Fact::OptedInFrom, "203.0.113.7"),
            (Fact::OptedIn, "2019-03-02 10:11:12"),
            (Fact::Because, "too often"),
        ];
        let facts = facts.map(|(fact, value)| (fact, value.to_owned())).to_vec();
        assert_eq!(
            told(facts),
            "opted in 2019-03-02 10:11:12 from 203.0.113.7; \
             confirmed 2019-03-03 08:00:00 from 203.0.113.8; because: too often"
        );
        assert_eq!(told(Vec::new()), "");
    }
}
