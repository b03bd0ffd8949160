//! What `ledger verify` asks of a ledger's rows. A question is SQL that both kinds of ledger understand, or that one of
//! them does, and finds nothing where all is well; a new one is an entry in a table.

use serde::Serialize;

/// Something in a ledger that should not be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind it is of, for programs.
    pub kind: &'static str,
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub mend: &'static str,
}

/// Asks the rows for what should not be so.
pub(super) struct Question {
    pub(super) kind: &'static str,
    /// Answers with a name and a number for each thing it found.
    pub(super) sql: &'static str,
    /// What that is, with `{name}` and `{count}` in their places.
    pub(super) found: &'static str,
    pub(super) mend: &'static str,
}

impl Question {
    /// Says what a row of the answer means.
    pub(super) fn finding(&self, name: &str, count: i64) -> Finding {
        let what = self.found.replace("{count}", &count.to_string()).replace("{name}", name);
        Finding { kind: self.kind, what, mend: self.mend }
    }
}

/// The mend of what cannot be made anew from the rest.
pub const RESTORE: &str =
    "restore the last backup of the ledger, then run `postrider ledger accept-rollback`";

/// The mend of what only repeats, for speed, what other rows say.
pub(super) const ANEW: &str = "`postrider ledger migrate --to NEW` takes all of it to a new ledger, and makes this anew there";

/// Questions for every ledger.
pub(super) const EVERY: [Question; 11] = [
    Question {
        kind: "sum",
        sql: "SELECT i.slug, i.planned - count(d.slot)
              FROM issues i LEFT JOIN deliveries d ON d.issue = i.id
              GROUP BY i.id, i.slug, i.planned HAVING i.planned > count(d.slot)",
        found: "the sum of {name} does not balance: deliveries are missing ({count})",
        mend: RESTORE,
    },
    Question {
        kind: "sum",
        sql: "SELECT i.slug, count(d.slot) - i.planned
              FROM issues i LEFT JOIN deliveries d ON d.issue = i.id
              GROUP BY i.id, i.slug, i.planned HAVING i.planned < count(d.slot)",
        found: "the sum of {name} does not balance: it has more deliveries than were planned ({count})",
        mend: RESTORE,
    },
    Question {
        kind: "finished",
        sql: "SELECT i.slug, count(*) FROM issues i JOIN deliveries d ON d.issue = i.id
              WHERE i.state = 'finished'
                AND d.state IN ('planned', 'claimed', 'attempting', 'deferred')
              GROUP BY i.id, i.slug",
        found: "{name} is finished, and readers of it are not settled ({count})",
        mend: RESTORE,
    },
    Question {
        kind: "edition",
        sql: "SELECT i.slug, CAST(1 AS bigint) FROM issues i WHERE i.frozen_at IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM editions e WHERE e.issue = i.id)",
        found: "{name} was frozen, and its edition is gone: nothing more of it can be sent",
        mend: RESTORE,
    },
    Question {
        kind: "message_id",
        sql: "SELECT min(slug) || ' and ' || max(slug), count(*) FROM issues
              WHERE frozen_at IS NOT NULL
              GROUP BY message_stem, message_domain HAVING count(*) > 1",
        found: "{name} give their mails the same Message-IDs, so that mailboxes may drop the second",
        mend: RESTORE,
    },
    Question {
        kind: "reader",
        sql: "SELECT i.slug, count(*) FROM issues i JOIN deliveries d ON d.issue = i.id
              WHERE NOT EXISTS (SELECT 1 FROM subscribers s WHERE s.id = d.subscriber)
              GROUP BY i.id, i.slug",
        found: "deliveries of {name} are for people who are not there ({count})",
        mend: RESTORE,
    },
    Question {
        kind: "reason",
        sql: "SELECT i.slug, count(*) FROM issues i JOIN deliveries d ON d.issue = i.id
              WHERE d.state = 'suppressed' AND d.suppressed IS NULL GROUP BY i.id, i.slug",
        found: "readers of {name} are left out, and nothing says why ({count})",
        mend: RESTORE,
    },
    Question {
        kind: "attempt",
        sql: "SELECT i.slug, count(*) FROM issues i JOIN deliveries d ON d.issue = i.id
              WHERE d.state = 'accepted' AND NOT EXISTS
                    (SELECT 1 FROM attempts a
                     WHERE a.issue = d.issue AND a.slot = d.slot AND a.state = 'accepted')
              GROUP BY i.id, i.slug",
        found: "readers of {name} are accepted, and no attempt tells of it ({count})",
        mend: RESTORE,
    },
    Question {
        kind: "attempt",
        sql: "SELECT i.slug, count(*) FROM issues i JOIN attempts a ON a.issue = i.id
              WHERE NOT EXISTS (SELECT 1 FROM deliveries d
                                WHERE d.issue = a.issue AND d.slot = a.slot)
              GROUP BY i.id, i.slug",
        found: "attempts of {name} are at deliveries that are not there ({count})",
        mend: RESTORE,
    },
    Question {
        kind: "person",
        sql: "SELECT publication, count(*) - count(DISTINCT address_key) FROM subscribers
              GROUP BY publication HAVING count(*) > count(DISTINCT address_key)",
        found: "people stand on the list of {name} twice ({count})",
        mend: RESTORE,
    },
    Question {
        kind: "link",
        sql: "SELECT min(publication), count(*) - count(DISTINCT token_id) FROM subscribers
              HAVING count(*) > count(DISTINCT token_id)",
        found: "people share the id in their links, so that one leaves for the other ({count})",
        mend: RESTORE,
    },
];
