-- Version 7: through which relay a sender sends an issue, so that what it leaves in doubt when it dies names the one
-- whose log has to be looked into; and that relay, of an attempt that ended in doubt.
CREATE TABLE runs (
    issue bigint NOT NULL REFERENCES issues,
    owner text   NOT NULL,
    relay text   NOT NULL,
    PRIMARY KEY (issue, owner)
);

ALTER TABLE attempts ADD COLUMN relay text;
