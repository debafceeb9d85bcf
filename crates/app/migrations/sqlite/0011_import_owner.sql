-- The process that takes an archive in, for SQLite. docs/SCHEMA.md describes it.

ALTER TABLE imports ADD COLUMN owner TEXT;
