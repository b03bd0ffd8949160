-- The ledger, version 4: a million readers. What is looked up in no order, an
-- address or the id in a link, stands in tables of its own, which a whole list
-- enters sorted: an index of the table itself would be written to all over, once
-- for every person. What a million rows would say alike is said once. What the
-- program counts often is counted as it changes.
-- Whoever runs this has turned foreign keys off: a table is made anew.

-- Each reading of a list that brought newcomers: the first line of their history, said once.
CREATE TABLE arrivals (
    id     INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,
    event  TEXT    NOT NULL,
    source TEXT    NOT NULL,
    detail TEXT    NOT NULL
) STRICT;

CREATE TRIGGER arrivals_are_never_rewritten BEFORE UPDATE ON arrivals
BEGIN SELECT raise(ABORT, 'the consent log is append-only'); END;

CREATE TRIGGER arrivals_are_kept BEFORE DELETE ON arrivals
BEGIN SELECT raise(ABORT, 'the consent log is append-only'); END;

DROP TRIGGER consent_is_forgotten_only_with_the_person;

CREATE TABLE people (
    id          INTEGER PRIMARY KEY,
    publication TEXT    NOT NULL,
    address_key TEXT    NOT NULL,
    -- As it was written, where that is not the key.
    address     TEXT,
    token_id    TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    tags        TEXT    NOT NULL,
    fields      TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN
        ('active', 'pending', 'unsubscribed', 'bounced', 'complained', 'blocked', 'erased')),
    -- 0: put here by name or by an import; 1: by the list file, which has them; 2: by the list file, which has them no more.
    from_file   INTEGER NOT NULL,
    -- The list that brought them, on which line and as what; NULL where their own log tells it.
    arrival     INTEGER REFERENCES arrivals,
    line        INTEGER,
    came_as     TEXT,
    -- What the list itself said of how they came to it.
    evidence    TEXT,
    -- Which of their names, tags and fields these are.
    version     INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO people (id, publication, address_key, address, token_id, name, tags, fields, state,
                    from_file)
SELECT id, publication, address_key, nullif(address, address_key), token_id, name, tags, fields,
       state,
       iif(from_file AND NOT coalesce(enrolment >= (SELECT l.enrolment FROM lists l
                                                    WHERE l.publication = s.publication), 0),
           2, from_file)
FROM subscribers s ORDER BY id;

-- Every person, by address and by the id in their links; `list.rs` keeps both.
CREATE TABLE addresses (
    -- The key first, so that a dead mailbox is found in every publication at once.
    address_key TEXT    NOT NULL,
    publication TEXT    NOT NULL,
    subscriber  INTEGER NOT NULL,
    PRIMARY KEY (address_key, publication)
) STRICT, WITHOUT ROWID;

INSERT INTO addresses SELECT address_key, publication, id FROM people ORDER BY 1, 2;

CREATE TABLE tokens (
    token_id   TEXT    NOT NULL PRIMARY KEY,
    subscriber INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO tokens SELECT token_id, id FROM people ORDER BY 1;

-- What people were when an issue was frozen, where they are no longer so (rule D7).
CREATE TABLE former (
    subscriber  INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    address_key TEXT    NOT NULL,
    address     TEXT,
    name        TEXT    NOT NULL,
    tags        TEXT    NOT NULL,
    fields      TEXT    NOT NULL,
    PRIMARY KEY (subscriber, version)
) STRICT, WITHOUT ROWID;

-- Which version of the reader was frozen; NULL where that is forgotten. An older ledger kept a copy with each
-- delivery; one that differs is a version of that issue's own.
ALTER TABLE deliveries ADD COLUMN version INTEGER DEFAULT 0;

INSERT INTO former
SELECT s.id, -d.issue, r.address_key, nullif(r.address, r.address_key), r.name, r.tags, r.fields
FROM readers r JOIN deliveries d ON d.issue = r.issue AND d.slot = r.slot
               JOIN subscribers s ON s.id = d.subscriber
WHERE r.address_key <> s.address_key OR r.address <> s.address OR r.name <> s.name
   OR r.tags <> s.tags OR r.fields <> s.fields;

UPDATE deliveries SET version = -issue
WHERE EXISTS (SELECT 1 FROM former f
              WHERE f.subscriber = deliveries.subscriber AND f.version = -deliveries.issue);

DROP TABLE readers;
DROP TABLE subscribers;
DROP TABLE lists;
ALTER TABLE ledger DROP COLUMN enrolments;
ALTER TABLE people RENAME TO subscribers;

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

-- How many deliveries of an issue are in a state; planned, claimed and attempting are one, `open`.
CREATE TABLE counts (
    issue INTEGER NOT NULL REFERENCES issues,
    state TEXT    NOT NULL,
    count INTEGER NOT NULL CHECK (count >= 0),
    PRIMARY KEY (issue, state)
) STRICT, WITHOUT ROWID;

INSERT INTO counts
SELECT issue, iif(state IN ('planned', 'claimed', 'attempting'), 'open', state), count(*)
FROM deliveries GROUP BY 1, 2;

-- For who asks why somebody was left out, and who is left to look after.
CREATE INDEX deliveries_suppressed ON deliveries (issue, suppressed) WHERE state = 'suppressed';
CREATE INDEX deliveries_failed ON deliveries (issue, slot)
    WHERE state IN ('rejected', 'in_doubt', 'expired');
