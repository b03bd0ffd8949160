-- The ledger, version 5: how an issue goes out, for machines that have none of its files, and who works on it.
CREATE TABLE orders (
    issue INTEGER PRIMARY KEY REFERENCES issues,
    bytes BLOB    NOT NULL
) STRICT;

CREATE TABLE workers (
    name    TEXT    NOT NULL PRIMARY KEY,
    seen_at INTEGER NOT NULL,
    -- Host, process, version, and what it does, as JSON.
    worker  TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
