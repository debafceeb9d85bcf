-- LinkedIn's own data exports, for PostgreSQL. docs/SCHEMA.md describes every table and column.

-- Whether anything of an account came from an archive: only then does a commit look for rows to join.
ALTER TABLE accounts ADD COLUMN has_archive BIGINT NOT NULL DEFAULT 0 CHECK (has_archive IN (0, 1));

CREATE TABLE imports (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_pk BIGINT REFERENCES accounts (pk),
    digest TEXT COLLATE "C",
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    newest_second BIGINT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    lease_until BIGINT,
    asked_by TEXT COLLATE "C",
    report TEXT COLLATE "C",
    failure_code TEXT COLLATE "C",
    failure TEXT COLLATE "C",
    CHECK ((failure_code IS NULL) = (failure IS NULL))
);

CREATE INDEX imports_of_account ON imports (account_pk, digest);

CREATE TABLE archived_messages (
    conversation_pk BIGINT NOT NULL REFERENCES conversations (pk),
    second BIGINT NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    account_pk BIGINT NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    import_id BIGINT NOT NULL,
    other_body TEXT COLLATE "C",
    PRIMARY KEY (conversation_pk, second, fingerprint)
);

CREATE TABLE person_aliases (
    account_pk BIGINT NOT NULL REFERENCES accounts (pk),
    alias TEXT COLLATE "C" NOT NULL,
    person_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account_pk, alias)
);
