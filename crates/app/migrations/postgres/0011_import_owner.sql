-- The process that takes an archive in, for PostgreSQL. docs/SCHEMA.md describes it.

ALTER TABLE imports ADD COLUMN owner TEXT COLLATE "C";
