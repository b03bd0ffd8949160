-- What a reader says of themselves, as JSON, which no list overwrites; and until when they want no issue.
ALTER TABLE subscribers ADD COLUMN own TEXT;
ALTER TABLE subscribers ADD COLUMN paused_until INTEGER;
