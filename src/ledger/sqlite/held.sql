-- Whatever is held has an owner, from its claim to its end. That does not change when it begins, so a begin leaves
-- this index alone: one of the two writes that every message pays for twice.
DROP INDEX deliveries_held;
CREATE INDEX deliveries_held ON deliveries (issue, slot) WHERE owner IS NOT NULL;
