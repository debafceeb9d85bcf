-- Keys of accounts, and the log of administrative acts, for PostgreSQL. docs/SCHEMA.md describes every table and column.

-- Named by the account's id and not by its key here: a data key is there before the account's first row.
CREATE TABLE data_keys (
    account_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    wrapped BYTEA NOT NULL,
    master_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, version)
);

CREATE TABLE audit_log (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at BIGINT NOT NULL,
    who TEXT COLLATE "C" NOT NULL CHECK (who IN ('key', 'command', 'setup')),
    who_id TEXT COLLATE "C",
    address TEXT COLLATE "C",
    act TEXT COLLATE "C" NOT NULL,
    object_kind TEXT COLLATE "C" NOT NULL CHECK (object_kind IN ('account', 'key', 'run', 'master_key', 'route')),
    object_id TEXT COLLATE "C",
    account_id TEXT COLLATE "C",
    outcome TEXT COLLATE "C" NOT NULL CHECK (outcome IN ('done', 'refused')),
    code TEXT COLLATE "C",
    CHECK ((outcome = 'refused') = (code IS NOT NULL))
);

CREATE INDEX audit_log_by_outcome ON audit_log (outcome, id);
CREATE INDEX audit_log_of_account ON audit_log (account_id, id);
