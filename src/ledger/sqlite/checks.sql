-- The ledger, version 12: what a row is checked against is compared word by word. Of a list of more than two words
-- (`state IN (...)`) SQLite builds a table to look it up in, at every write of a row: three of them each time that a
-- delivery moved, which cost more than all the rest of it.
-- Whoever runs this has turned foreign keys off: tables are made anew.

DROP TRIGGER what_was_frozen_is_kept;
DROP TRIGGER consent_is_forgotten_only_with_the_person;

CREATE TABLE people (
    id           INTEGER PRIMARY KEY,
    publication  TEXT    NOT NULL,
    address_key  TEXT    NOT NULL,
    -- As it was written, where that is not the key.
    address      TEXT,
    token_id     TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    tags         TEXT    NOT NULL,
    fields       TEXT    NOT NULL,
    state        TEXT    NOT NULL CHECK (CASE state
        WHEN 'active' THEN TRUE WHEN 'pending' THEN TRUE WHEN 'unsubscribed' THEN TRUE
        WHEN 'bounced' THEN TRUE WHEN 'complained' THEN TRUE WHEN 'blocked' THEN TRUE
        WHEN 'erased' THEN TRUE ELSE FALSE END),
    -- 0: put here by name or by an import; 1: by the list file, which has them; 2: by the list file, which has them no more.
    from_file    INTEGER NOT NULL,
    -- The list that brought them, on which line and as what; NULL where their own log tells it.
    arrival      INTEGER REFERENCES arrivals,
    line         INTEGER,
    came_as      TEXT,
    -- What the list itself said of how they came to it.
    evidence     TEXT,
    -- Which of their names, tags and fields these are.
    version      INTEGER NOT NULL DEFAULT 0,
    -- What they say of themselves, as JSON, which no list overwrites; and until when they want no issue.
    own          TEXT,
    paused_until INTEGER
) STRICT;

INSERT INTO people
SELECT id, publication, address_key, address, token_id, name, tags, fields, state, from_file,
       arrival, line, came_as, evidence, version, own, paused_until
FROM subscribers ORDER BY id;

DROP TABLE subscribers;
ALTER TABLE people RENAME TO subscribers;

CREATE TABLE moving (
    issue      INTEGER NOT NULL REFERENCES issues,
    slot       INTEGER NOT NULL,
    subscriber INTEGER NOT NULL REFERENCES subscribers,
    state      TEXT    NOT NULL CHECK (CASE state
        WHEN 'planned' THEN TRUE WHEN 'claimed' THEN TRUE WHEN 'attempting' THEN TRUE
        WHEN 'accepted' THEN TRUE WHEN 'deferred' THEN TRUE WHEN 'rejected' THEN TRUE
        WHEN 'in_doubt' THEN TRUE WHEN 'suppressed' THEN TRUE WHEN 'expired' THEN TRUE
        WHEN 'cancelled' THEN TRUE ELSE FALSE END),
    suppressed TEXT,
    fence      INTEGER NOT NULL DEFAULT 0,
    owner      TEXT,
    lease_end  INTEGER,
    -- Attempts begun, and those of them that count as the reader's tries and are over.
    begun      INTEGER NOT NULL DEFAULT 0,
    tries      INTEGER NOT NULL DEFAULT 0,
    -- When the first attempt that counts began, and the latest.
    first_at   INTEGER,
    began_at   INTEGER,
    -- Kept while a deferred row is claimed again, so that it can be given back.
    retry_at   INTEGER,
    said       TEXT    NOT NULL DEFAULT '',
    at         INTEGER NOT NULL,
    -- Which version of the reader was frozen; NULL where that is forgotten.
    version    INTEGER DEFAULT 0,
    PRIMARY KEY (issue, slot),
    UNIQUE (subscriber, issue)
) STRICT, WITHOUT ROWID;

INSERT INTO moving
SELECT issue, slot, subscriber, state, suppressed, fence, owner, lease_end, begun, tries, first_at,
       began_at, retry_at, said, at, version
FROM deliveries ORDER BY issue, slot;

DROP TABLE deliveries;
ALTER TABLE moving RENAME TO deliveries;

CREATE INDEX deliveries_planned ON deliveries (issue, slot) WHERE state = 'planned';
CREATE INDEX deliveries_due ON deliveries (issue, retry_at, slot) WHERE state = 'deferred';
CREATE INDEX deliveries_held ON deliveries (issue, slot) WHERE owner IS NOT NULL;
CREATE INDEX deliveries_suppressed ON deliveries (issue, suppressed) WHERE state = 'suppressed';
CREATE INDEX deliveries_failed ON deliveries (issue, slot)
    WHERE state = 'rejected' OR state = 'in_doubt' OR state = 'expired';
CREATE INDEX subscribers_erased ON subscribers (id) WHERE state = 'erased';

CREATE TRIGGER consent_is_forgotten_only_with_the_person BEFORE DELETE ON consent
WHEN (SELECT state FROM subscribers WHERE id = old.subscriber) <> 'erased'
BEGIN SELECT raise(ABORT, 'the consent log is append-only'); END;

CREATE TRIGGER how_they_came_is_forgotten_only_with_the_person
BEFORE UPDATE OF arrival, line, came_as, evidence ON subscribers
WHEN new.state <> 'erased'
BEGIN SELECT raise(ABORT, 'the consent log is append-only'); END;

-- Whatever changes a person, what was frozen of them stays.
CREATE TRIGGER what_was_frozen_is_kept
AFTER UPDATE OF address_key, address, name, tags, fields ON subscribers
WHEN EXISTS (SELECT 1 FROM deliveries
             WHERE subscriber = old.id AND version = old.version)
BEGIN
    INSERT INTO former VALUES (old.id, old.version, old.address_key, old.address, old.name,
                               old.tags, old.fields);
    UPDATE subscribers SET version = version + 1 WHERE id = old.id;
END;
