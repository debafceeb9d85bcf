-- The index of search, for PostgreSQL. docs/SCHEMA.md describes every table and column.
-- All of it can be made anew out of the messages (`threadkeep db reindex`); nothing else depends on it.

CREATE TABLE search_rows (
    place BIGINT PRIMARY KEY,
    account_pk BIGINT NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    UNIQUE (account_pk, message_id)
);

CREATE TABLE search_fences (
    place BIGINT PRIMARY KEY
);

CREATE TABLE search_marks (
    account_pk BIGINT PRIMARY KEY,
    seq BIGINT NOT NULL,
    walk TEXT COLLATE "C",
    indexed BIGINT NOT NULL DEFAULT 0,
    words_version BIGINT NOT NULL
);

CREATE TABLE search_again (
    account_pk BIGINT NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account_pk, message_id)
);

-- The program cuts texts into words; no dictionary of the server touches them.
CREATE TABLE search_index (
    rowid BIGINT PRIMARY KEY,
    words TSVECTOR NOT NULL
);

CREATE INDEX search_index_words ON search_index USING GIN (words);
