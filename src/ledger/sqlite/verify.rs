//! Looking for what should not be so: in the file, in its tables, and in what only repeats other rows.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::{fault::Fault, file};
use crate::ledger::{
    Finding, LedgerError,
    audit::{ANEW, EVERY, Question, RESTORE},
};

/// How many things that are wrong with the file are told.
const TOLD: u32 = 5;

/// What this kind of ledger keeps besides.
const OWN: [Question; 7] = [
    Question {
        kind: "begins",
        sql: "SELECT id, (SELECT sum(begun) FROM deliveries) - begins FROM ledger
              WHERE begins < (SELECT coalesce(sum(begun), 0) FROM deliveries)",
        found: "the ledger counts fewer begun deliveries than its rows tell of ({count})",
        mend: RESTORE,
    },
    Question {
        kind: "begins",
        sql: "WITH of_issues AS (SELECT issue, sum(begun) AS n FROM deliveries GROUP BY issue),
                   told AS (SELECT publication, sum(n) AS n
                            FROM of_issues JOIN issues ON id = issue GROUP BY publication)
              SELECT t.publication, t.n - coalesce(b.count, 0)
              FROM told t LEFT JOIN begins b ON b.publication = t.publication
              WHERE t.n > coalesce(b.count, 0)",
        found: "the ledger counts fewer begun deliveries of {name} than its rows tell of ({count})",
        mend: RESTORE,
    },
    Question {
        kind: "counts",
        sql: "WITH counted AS (
                  SELECT issue, iif(state IN ('planned', 'claimed', 'attempting'), 'open', state)
                                AS kind, count(*) AS n
                  FROM deliveries GROUP BY 1, 2)
              SELECT i.slug, count(*)
              FROM counted r FULL JOIN counts c ON c.issue = r.issue AND c.state = r.kind
                   JOIN issues i ON i.id = coalesce(r.issue, c.issue)
              WHERE coalesce(r.n, 0) <> coalesce(c.count, 0) GROUP BY i.id",
        found: "what is counted of {name} is not what its rows say, in {count} of the states",
        mend: ANEW,
    },
    Question {
        kind: "lookup",
        sql: "SELECT publication, count(*) FROM subscribers s
              WHERE NOT EXISTS (SELECT 1 FROM addresses a
                                WHERE a.address_key = s.address_key
                                  AND a.publication = s.publication AND a.subscriber = s.id)
              GROUP BY publication",
        found: "people on the list of {name} cannot be found by their address ({count})",
        mend: ANEW,
    },
    Question {
        kind: "lookup",
        sql: "SELECT publication, count(*) FROM subscribers s
              WHERE NOT EXISTS (SELECT 1 FROM tokens t
                                WHERE t.token_id = s.token_id AND t.subscriber = s.id)
              GROUP BY publication",
        found: "people on the list of {name} cannot be found by the id in their links, which lead nowhere ({count})",
        mend: ANEW,
    },
    Question {
        kind: "claim",
        sql: "SELECT i.slug, count(*) FROM issues i JOIN deliveries d ON d.issue = i.id
              WHERE (d.state IN ('claimed', 'attempting')) <> (d.owner IS NOT NULL)
              GROUP BY i.id",
        found: "readers of {name} are held by nobody, or have a sender and are not held ({count})",
        mend: ANEW,
    },
    Question {
        kind: "frozen",
        sql: "SELECT i.slug, count(*) FROM issues i JOIN deliveries d ON d.issue = i.id
                   JOIN subscribers s ON s.id = d.subscriber
              WHERE d.version <> s.version
                AND NOT EXISTS (SELECT 1 FROM former f
                                WHERE f.subscriber = d.subscriber AND f.version = d.version)
              GROUP BY i.id",
        found: "readers of {name} are no longer known as they were when it was frozen ({count})",
        mend: RESTORE,
    },
];

/// Returns what is wrong. A file that is damaged is not asked any further: its rows are no witnesses.
pub(super) fn verify(ledger: &Connection) -> Result<Vec<Finding>, Fault> {
    let mut found = damage(ledger)?;
    found.append(&mut missing(ledger)?);
    if !found.is_empty() {
        return Ok(found);
    }
    found.append(&mut dangling(ledger)?);
    for question in EVERY.iter().chain(&OWN) {
        let mut statement = ledger.prepare(question.sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            found.push(question.finding(&row.get::<_, String>(0)?, row.get(1)?));
        }
    }
    let rows: i64 = ledger.query_row("SELECT count(*) FROM ledger", [], |row| row.get(0))?;
    if rows != 1 {
        let what = format!("the ledger says {rows} times who it is");
        found.push(Finding { kind: "ledger", what, mend: RESTORE });
    }
    Ok(found)
}

/// Has SQLite look at every page of the file.
fn damage(ledger: &Connection) -> Result<Vec<Finding>, Fault> {
    let finding = |said: String| Finding {
        kind: "file",
        what: format!("the file is damaged: {}", said.trim()),
        mend: RESTORE,
    };
    let mut said = Vec::new();
    let looked = ledger.pragma(None, "integrity_check", TOLD, |row| {
        said.push(row.get::<_, String>(0)?);
        Ok(())
    });
    match looked.map_err(Fault::from) {
        Err(Fault(LedgerError::Damaged(why))) => said.push(why),
        looked => looked?,
    }
    Ok(said.into_iter().filter(|said| said != "ok").map(finding).collect())
}

/// Holds the tables, indexes and rules against those of a new ledger.
fn missing(ledger: &Connection) -> Result<Vec<Finding>, Fault> {
    let names = |ledger: &Connection| -> Result<BTreeSet<(String, String)>, Fault> {
        let mut parts = ledger.prepare("SELECT type, name FROM sqlite_schema")?;
        let parts = parts.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(parts.collect::<Result<_, _>>()?)
    };
    let (fresh, here) = (names(&file::open_for_a_while()?)?, names(ledger)?);
    let gone = fresh.difference(&here).map(|(kind, name)| Finding {
        kind: "schema",
        what: format!("the {kind} `{name}` is gone"),
        mend: RESTORE,
    });
    Ok(gone.collect())
}

/// Looks for rows that refer to rows which are not there.
fn dangling(ledger: &Connection) -> Result<Vec<Finding>, Fault> {
    let mut checked = ledger.prepare(
        "SELECT \"table\", parent, count(*) FROM pragma_foreign_key_check() GROUP BY 1, 2",
    )?;
    let found = checked.query_map([], |row| {
        let (table, parent, count) =
            (row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?);
        Ok(Finding {
            kind: "reference",
            what: format!(
                "rows of `{table}` refer to rows of `{parent}` that are not there ({count})"
            ),
            mend: RESTORE,
        })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}
