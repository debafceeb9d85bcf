-- LinkedIn's own data exports, for SQLite. docs/SCHEMA.md describes every table and column.

-- Whether anything of an account came from an archive: only then does a commit look for rows to join.
ALTER TABLE accounts ADD COLUMN has_archive INTEGER NOT NULL DEFAULT 0 CHECK (has_archive IN (0, 1));

CREATE TABLE imports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_pk INTEGER REFERENCES accounts (pk),
    digest TEXT,
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    newest_second INTEGER,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    lease_until INTEGER,
    asked_by TEXT,
    report TEXT,
    failure_code TEXT,
    failure TEXT,
    CHECK ((failure_code IS NULL) = (failure IS NULL))
) STRICT;

CREATE INDEX imports_of_account ON imports (account_pk, digest);

CREATE TABLE archived_messages (
    conversation_pk INTEGER NOT NULL REFERENCES conversations (pk),
    second INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    account_pk INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    import_id INTEGER NOT NULL,
    other_body TEXT,
    PRIMARY KEY (conversation_pk, second, fingerprint)
) STRICT, WITHOUT ROWID;

CREATE TABLE person_aliases (
    account_pk INTEGER NOT NULL REFERENCES accounts (pk),
    alias TEXT NOT NULL,
    person_id TEXT NOT NULL,
    PRIMARY KEY (account_pk, alias)
) STRICT, WITHOUT ROWID;
