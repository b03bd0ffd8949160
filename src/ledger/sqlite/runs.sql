-- The ledger, version 13: through which relay a sender sends an issue, so that what it leaves in doubt when it dies names
-- the one whose log has to be looked into.
CREATE TABLE runs (
    issue INTEGER NOT NULL REFERENCES issues,
    owner TEXT    NOT NULL,
    relay TEXT    NOT NULL,
    PRIMARY KEY (issue, owner)
) STRICT, WITHOUT ROWID;

-- Of an attempt that ended in doubt, where that is known.
ALTER TABLE attempts ADD COLUMN relay TEXT;
