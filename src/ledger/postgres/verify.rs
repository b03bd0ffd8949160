//! Looking for what should not be so. The server answers for its pages; asked are its rules, the rows, and what no rule
//! of the server holds, since checking it a million times would cost too much.

use deadpool_postgres::GenericClient;

use super::{ask, fault::Fault};
use crate::ledger::{
    Finding,
    audit::{ANEW, EVERY, Question, RESTORE},
};

/// The mend of what the server was told not to hold.
const REINDEX: &str = "`REINDEX` it, or `ALTER TABLE ... VALIDATE CONSTRAINT`, as the owner of the database; and find out who changed it";

const OWN: [Question; 9] = [
    Question {
        kind: "schema",
        sql: "SELECT indexrelid::regclass::text, 1::bigint
              FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
              WHERE c.relnamespace = current_schema()::regnamespace
                AND NOT (i.indisvalid AND i.indisready)",
        found: "the index `{name}` does not hold",
        mend: REINDEX,
    },
    Question {
        kind: "schema",
        sql: "SELECT conname::text, 1::bigint FROM pg_constraint
              WHERE connamespace = current_schema()::regnamespace AND NOT convalidated",
        found: "the rule `{name}` was never held against the rows",
        mend: REINDEX,
    },
    Question {
        kind: "schema",
        sql: "SELECT asked.name, 1::bigint
              FROM unnest(ARRAY['consent_is_append_only', 'attempts_are_append_only']) AS asked (name)
              WHERE NOT EXISTS (SELECT FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
                                WHERE c.relnamespace = current_schema()::regnamespace
                                  AND t.tgname = asked.name AND t.tgenabled = 'O')",
        found: "the rule `{name}` is gone or switched off",
        mend: "switch it on again (`ALTER TABLE ... ENABLE TRIGGER ALL`), and find out who changed it",
    },
    Question {
        kind: "begins",
        sql: "SELECT 'ledger', (rows.n - counted.n)::bigint
              FROM (SELECT coalesce(sum(begun), 0) AS n FROM deliveries) AS rows,
                   (SELECT coalesce(sum(count), 0) AS n FROM begins) AS counted
              WHERE rows.n > counted.n",
        found: "the ledger counts fewer begun deliveries than its rows tell of ({count})",
        mend: RESTORE,
    },
    Question {
        kind: "ledger",
        sql: "SELECT 'ledger', count(*) FROM ledger HAVING count(*) <> 1",
        found: "the ledger says {count} times who it is",
        mend: RESTORE,
    },
    Question {
        kind: "frozen",
        sql: "SELECT i.slug, count(*) FROM issues i JOIN deliveries d ON d.issue = i.id
              WHERE NOT EXISTS (SELECT FROM readers r WHERE r.issue = d.issue AND r.slot = d.slot)
              GROUP BY i.id, i.slug",
        found: "readers of {name} are no longer known as they were when it was frozen ({count})",
        mend: RESTORE,
    },
    Question {
        kind: "reference",
        sql: "SELECT i.missing, count(*)
              FROM (SELECT 'deliveries' AS missing FROM deliveries d
                    WHERE NOT EXISTS (SELECT FROM issues i WHERE i.id = d.issue)
                    UNION ALL
                    SELECT 'reports' FROM reports r
                    WHERE r.issue IS NOT NULL
                      AND NOT EXISTS (SELECT FROM issues i WHERE i.id = r.issue)) AS i
              GROUP BY i.missing",
        found: "rows of `{name}` refer to rows of `issues` that are not there ({count})",
        mend: RESTORE,
    },
    Question {
        kind: "head",
        sql: "SELECT i.slug, count(*)
              FROM issues i JOIN deliveries d ON d.issue = i.id AND d.state = 'planned'
                   LEFT JOIN heads h ON h.issue = i.id
              WHERE h.slot IS NULL OR d.slot < h.slot GROUP BY i.id, i.slug",
        found: "readers of {name} are planned where no sender looks for them ({count})",
        mend: ANEW,
    },
    Question {
        kind: "claim",
        sql: "SELECT i.slug, count(*) FROM issues i JOIN deliveries d ON d.issue = i.id
              WHERE d.state IN ('claimed', 'attempting')
                AND NOT EXISTS (SELECT FROM claims c
                                WHERE c.issue = d.issue AND d.slot = ANY (c.slots))
              GROUP BY i.id, i.slug",
        found: "readers of {name} are held by a sender, and nobody would take them back ({count})",
        mend: ANEW,
    },
];

/// Returns what is wrong; each question sees one state of the ledger, whoever works on it meanwhile.
pub(super) async fn verify<C: GenericClient>(ledger: &C) -> Result<Vec<Finding>, Fault> {
    let mut found = Vec::new();
    for question in EVERY.iter().chain(&OWN) {
        for row in ask::all(ledger, question.sql, &[]).await? {
            found.push(question.finding(row.try_get(0)?, row.try_get(1)?));
        }
    }
    Ok(found)
}
