-- The ledger, version 2: what holds a lane back for a while, as JSON, so that a restart forgets no pause.
CREATE TABLE brakes (
    lane  TEXT    NOT NULL PRIMARY KEY,
    -- When the lane opens again, in microseconds since 1970.
    until INTEGER NOT NULL,
    brake TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
