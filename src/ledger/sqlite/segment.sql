-- The segment of readers an issue was frozen for, as it was typed; empty for all of them.
ALTER TABLE issues ADD COLUMN segment TEXT NOT NULL DEFAULT '';
