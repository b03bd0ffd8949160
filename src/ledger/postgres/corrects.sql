-- Version 4: the issue that this one corrects, and so goes to whoever got that; NULL for one of its own.
ALTER TABLE issues ADD COLUMN corrects bigint REFERENCES issues;
