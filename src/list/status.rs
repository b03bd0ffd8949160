//! The words lists have for whether a person may be mailed.

use crate::model::SubscriberState;

/// Every word, in lower case. Where a word leaves room for doubt it is taken as "do not mail".
const WORDS: [(SubscriberState, &[&str]); 6] = [
    (SubscriberState::Active, &["", "active", "subscribed", "enabled", "confirmed"]),
    (SubscriberState::Pending, &["pending", "unconfirmed", "unactivated"]),
    (
        SubscriberState::Unsubscribed,
        &["unsubscribed", "inactive", "disabled", "cancelled", "canceled", "removed", "erased"],
    ),
    (SubscriberState::Bounced, &["bounced", "cleaned", "undeliverable"]),
    (SubscriberState::Complained, &["complained", "complaint"]),
    (SubscriberState::Blocked, &["blocked", "blocklisted", "blacklisted"]),
];

/// Understands a status; none at all is that of a list without the column: active.
///
/// `None` for a word nobody told us: such a person is never taken as active.
/// No list brings anybody as erased, since a ledger keeps no address for those.
pub(super) fn state(word: &str) -> Option<SubscriberState> {
    let word = word.trim().to_lowercase();
    WORDS.iter().find(|(_, words)| words.contains(&word.as_str())).map(|(state, _)| *state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_reads_back_from_its_own_word() {
        for state_of in SubscriberState::ALL {
            let expected = match state_of {
                SubscriberState::Erased => SubscriberState::Unsubscribed,
                other => other,
            };
            assert_eq!(state(state_of.word()), Some(expected));
        }
        assert_eq!(state(" Subscribed "), Some(SubscriberState::Active));
        assert_eq!(state("cleaned"), Some(SubscriberState::Bounced));
    }

    #[test]
    fn a_word_nobody_told_us_is_no_state() {
        for word in ["maybe", "not active", "1", "true", "activ"] {
            assert_eq!(state(word), None, "{word}");
        }
    }
}
