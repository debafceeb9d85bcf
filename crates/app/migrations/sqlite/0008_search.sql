-- The index of search, for SQLite. docs/SCHEMA.md describes every table and column.
-- All of it can be made anew out of the messages (`threadkeep db reindex`); nothing else depends on it.

CREATE TABLE search_rows (
    place INTEGER PRIMARY KEY,
    account_pk INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    UNIQUE (account_pk, message_id)
) STRICT;

CREATE TABLE search_fences (
    place INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE search_marks (
    account_pk INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL,
    walk TEXT,
    indexed INTEGER NOT NULL DEFAULT 0,
    words_version INTEGER NOT NULL
) STRICT;

CREATE TABLE search_again (
    account_pk INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    PRIMARY KEY (account_pk, message_id)
) STRICT, WITHOUT ROWID;

-- The program cuts texts into words; the database only splits at blanks what it is handed.
CREATE VIRTUAL TABLE search_index USING fts5 (words, content = '', contentless_delete = 1, tokenize = 'ascii', prefix = '3');
