-- When an issue that ended forgot its readers; it is not looked through again until it ends anew.
ALTER TABLE issues ADD COLUMN pruned_at INTEGER;
