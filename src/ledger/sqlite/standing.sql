-- The ledger, version 11: whether it may be worked with, as JSON; NULL where it may. One that has moved says where it
-- went. And how often a person accepted that it went back in time, since it may come from a server, or go to one.
ALTER TABLE ledger ADD COLUMN standing TEXT;
ALTER TABLE ledger ADD COLUMN rollbacks INTEGER NOT NULL DEFAULT 0;
