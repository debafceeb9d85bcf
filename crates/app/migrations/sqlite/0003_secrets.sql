-- Keys of accounts, and the log of administrative acts, for SQLite. docs/SCHEMA.md describes every table and column.

-- Named by the account's id and not by its key here: a data key is there before the account's first row.
CREATE TABLE data_keys (
    account_id TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    wrapped BLOB NOT NULL,
    master_key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    who TEXT NOT NULL CHECK (who IN ('key', 'command', 'setup')),
    who_id TEXT,
    address TEXT,
    act TEXT NOT NULL,
    object_kind TEXT NOT NULL CHECK (object_kind IN ('account', 'key', 'run', 'master_key', 'route')),
    object_id TEXT,
    account_id TEXT,
    outcome TEXT NOT NULL CHECK (outcome IN ('done', 'refused')),
    code TEXT,
    CHECK ((outcome = 'refused') = (code IS NOT NULL))
) STRICT;

CREATE INDEX audit_log_by_outcome ON audit_log (outcome, id);
CREATE INDEX audit_log_of_account ON audit_log (account_id, id);
