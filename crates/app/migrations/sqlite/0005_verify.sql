-- Verification: what a run is asked to compare, where it is, and what it found, for SQLite. docs/SCHEMA.md describes it.

ALTER TABLE jobs ADD COLUMN verify TEXT CHECK (verify IN ('lists', 'lists_repair', 'deep', 'deep_repair'));

CREATE TABLE verifications (
    account_pk INTEGER PRIMARY KEY REFERENCES accounts (pk),
    job_id INTEGER NOT NULL,
    asked TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    state TEXT NOT NULL
) STRICT;

-- Named by the conversation's id and not by its key: what is missing here has no key.
CREATE TABLE verdicts (
    account_pk INTEGER NOT NULL REFERENCES accounts (pk),
    conversation_id TEXT NOT NULL,
    shown_in INTEGER NOT NULL DEFAULT 0,
    listed_at INTEGER,
    listed_drift INTEGER NOT NULL DEFAULT 0,
    listed_findings TEXT,
    read_at INTEGER,
    read_drift INTEGER NOT NULL DEFAULT 0,
    read_findings TEXT,
    upstream_messages INTEGER,
    repaired_at INTEGER,
    PRIMARY KEY (account_pk, conversation_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX verdicts_with_drift ON verdicts (account_pk, conversation_id) WHERE listed_drift + read_drift > 0;
