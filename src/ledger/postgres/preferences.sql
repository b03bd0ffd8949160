-- Version 5: what a reader says of themselves, as JSON, which no list overwrites; and until when they want no issue.
ALTER TABLE subscribers ADD COLUMN own text;
ALTER TABLE subscribers ADD COLUMN paused_until bigint;
