-- The ledger, version 6: what came back, a row a message, so that one seen twice counts once.
CREATE TABLE reports (
    number      INTEGER PRIMARY KEY,
    publication TEXT    NOT NULL,
    -- SHA-256 of the message, in hexadecimal.
    digest      TEXT    NOT NULL,
    -- The delivery, where it is known which.
    issue       INTEGER,
    slot        INTEGER,
    subscriber  INTEGER REFERENCES subscribers,
    -- The mailbox it is about; what a stranger says where there is no subscriber.
    address     TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    -- JSON; null where the kind says it all.
    cause       TEXT    NOT NULL,
    code        TEXT    NOT NULL,
    said        TEXT    NOT NULL,
    did         TEXT    NOT NULL,
    UNIQUE (publication, digest)
) STRICT;

CREATE INDEX reports_of_issue ON reports (issue, slot, kind);
CREATE INDEX reports_of_subscriber ON reports (subscriber);
