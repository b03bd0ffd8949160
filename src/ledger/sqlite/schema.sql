-- The ledger, version 1. Instants are microseconds since 1970 by the ledger's
-- own clock, lengths of time microseconds, states the words of `model/`.

-- One row.
CREATE TABLE ledger (
    id         TEXT    NOT NULL,
    -- Keys the hash that is all we keep of an erased person.
    secret     BLOB    NOT NULL,
    begins     INTEGER NOT NULL,
    -- Numbers every reading of list records, so that a row can tell which met it last.
    enrolments INTEGER NOT NULL
) STRICT;

-- Which enrolment last read a publication's list file: whoever came from the file and was not in it then has left it.
CREATE TABLE lists (
    publication TEXT    NOT NULL PRIMARY KEY,
    enrolment   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE subscribers (
    id          INTEGER PRIMARY KEY,
    publication TEXT    NOT NULL,
    address_key TEXT    NOT NULL,
    address     TEXT    NOT NULL,
    token_id    TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    tags        TEXT    NOT NULL,
    fields      TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN
        ('active', 'pending', 'unsubscribed', 'bounced', 'complained', 'blocked', 'erased')),
    from_file   INTEGER NOT NULL,
    -- The enrolment that met this person last, and on which line.
    enrolment   INTEGER NOT NULL,
    line        INTEGER NOT NULL,
    -- The key first, so that a dead mailbox is found in every publication at once.
    UNIQUE (address_key, publication)
) STRICT;

CREATE INDEX subscribers_erased ON subscribers (id) WHERE state = 'erased';

CREATE TABLE consent (
    subscriber INTEGER NOT NULL REFERENCES subscribers,
    number     INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    event      TEXT    NOT NULL,
    source     TEXT    NOT NULL,
    detail     TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    PRIMARY KEY (subscriber, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER consent_is_never_rewritten BEFORE UPDATE ON consent
BEGIN SELECT raise(ABORT, 'the consent log is append-only'); END;

CREATE TRIGGER consent_is_forgotten_only_with_the_person BEFORE DELETE ON consent
WHEN (SELECT state FROM subscribers WHERE id = old.subscriber) <> 'erased'
BEGIN SELECT raise(ABORT, 'the consent log is append-only'); END;

CREATE TABLE issues (
    id             INTEGER PRIMARY KEY,
    publication    TEXT    NOT NULL,
    slug           TEXT    NOT NULL,
    state          TEXT    NOT NULL CHECK (state IN
        ('scheduled', 'sending', 'paused', 'finished', 'cancelled', 'missed')),
    why            TEXT    NOT NULL,
    digest         TEXT    NOT NULL,
    booked_at      INTEGER,
    booked_shown   TEXT,
    booked_late    INTEGER,
    booked_digest  TEXT,
    frozen_at      INTEGER,
    started_at     INTEGER,
    ended_at       INTEGER,
    told           INTEGER NOT NULL DEFAULT 0,
    -- A Message-ID is `<stem.slot@domain>`.
    message_stem   TEXT    NOT NULL DEFAULT '',
    message_domain TEXT    NOT NULL DEFAULT '',
    -- How many deliveries were ever made of it: counted apart from the rows, so that the sum is a proof.
    planned        INTEGER NOT NULL DEFAULT 0,
    -- As told by the latest claim.
    expire_after   INTEGER,
    UNIQUE (publication, slug)
) STRICT;

CREATE TABLE editions (
    issue INTEGER PRIMARY KEY REFERENCES issues,
    bytes BLOB    NOT NULL
) STRICT;

-- What changes while an issue is delivered. Rows are small, so that a group of
-- neighbours is a page or two; what never changes again is in `readers`.
CREATE TABLE deliveries (
    issue      INTEGER NOT NULL REFERENCES issues,
    slot       INTEGER NOT NULL,
    subscriber INTEGER NOT NULL REFERENCES subscribers,
    state      TEXT    NOT NULL CHECK (state IN
        ('planned', 'claimed', 'attempting', 'accepted', 'deferred',
         'rejected', 'in_doubt', 'suppressed', 'expired', 'cancelled')),
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
    PRIMARY KEY (issue, slot),
    UNIQUE (subscriber, issue)
) STRICT, WITHOUT ROWID;

-- Each holds only the rows it is named for: the cost of a claim does not grow with the issue.
CREATE INDEX deliveries_planned ON deliveries (issue, slot) WHERE state = 'planned';
CREATE INDEX deliveries_due ON deliveries (issue, retry_at, slot) WHERE state = 'deferred';
CREATE INDEX deliveries_held ON deliveries (issue, slot) WHERE state IN ('claimed', 'attempting');

-- The reader as frozen.
CREATE TABLE readers (
    issue       INTEGER NOT NULL,
    slot        INTEGER NOT NULL,
    address_key TEXT    NOT NULL,
    address     TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    tags        TEXT    NOT NULL,
    fields      TEXT    NOT NULL,
    PRIMARY KEY (issue, slot),
    UNIQUE (issue, address_key),
    FOREIGN KEY (issue, slot) REFERENCES deliveries
) STRICT, WITHOUT ROWID;

-- One row for every ending of an attempt, written when it ends. An attempt in
-- doubt whose true outcome comes late has two; the same ending told twice is one.
CREATE TABLE attempts (
    issue    INTEGER NOT NULL,
    slot     INTEGER NOT NULL,
    fence    INTEGER NOT NULL,
    state    TEXT    NOT NULL,
    attempt  INTEGER NOT NULL,
    began_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    said     TEXT    NOT NULL,
    PRIMARY KEY (issue, slot, fence, state),
    FOREIGN KEY (issue, slot) REFERENCES deliveries
) STRICT, WITHOUT ROWID;

CREATE TRIGGER attempts_are_never_rewritten BEFORE UPDATE ON attempts
WHEN new.said <> '' OR new.state <> old.state
BEGIN SELECT raise(ABORT, 'attempts are append-only'); END;

CREATE TRIGGER attempts_are_kept BEFORE DELETE ON attempts
BEGIN SELECT raise(ABORT, 'attempts are append-only'); END;

-- When deliveries were allowed to begin on a lane, and when that was asked for. Numbers have no gaps.
CREATE TABLE beginnings (
    lane     TEXT    NOT NULL,
    number   INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    PRIMARY KEY (lane, number)
) STRICT, WITHOUT ROWID;
