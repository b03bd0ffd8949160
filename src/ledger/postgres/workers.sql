-- Version 2: how an issue goes out, for machines that have none of its files, and who works on it.
CREATE TABLE orders (
    issue bigint NOT NULL PRIMARY KEY REFERENCES issues,
    bytes bytea  NOT NULL
);

CREATE TABLE workers (
    name    text   NOT NULL PRIMARY KEY,
    seen_at bigint NOT NULL,
    -- Host, process, version, and what it does, as JSON.
    worker  text   NOT NULL
);
