-- The ledger, version 14: how many deliveries each publication began. Those of one ledger may each forget begins of its
-- own, and what one begins must not hide what another forgot. What was begun before this was counted for all together:
-- whoever had an issue may have begun as much.
CREATE TABLE begins (
    publication TEXT    NOT NULL PRIMARY KEY,
    count       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO begins
SELECT DISTINCT publication, (SELECT begins FROM ledger) FROM issues WHERE frozen_at IS NOT NULL;
