-- Verification: what a run is asked to compare, where it is, and what it found, for PostgreSQL. docs/SCHEMA.md describes it.

ALTER TABLE jobs ADD COLUMN verify TEXT COLLATE "C" CHECK (verify IN ('lists', 'lists_repair', 'deep', 'deep_repair'));

CREATE TABLE verifications (
    account_pk BIGINT PRIMARY KEY REFERENCES accounts (pk),
    job_id BIGINT NOT NULL,
    asked TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    state TEXT COLLATE "C" NOT NULL
);

-- Named by the conversation's id and not by its key: what is missing here has no key.
CREATE TABLE verdicts (
    account_pk BIGINT NOT NULL REFERENCES accounts (pk),
    conversation_id TEXT COLLATE "C" NOT NULL,
    shown_in BIGINT NOT NULL DEFAULT 0,
    listed_at BIGINT,
    listed_drift BIGINT NOT NULL DEFAULT 0,
    listed_findings TEXT COLLATE "C",
    read_at BIGINT,
    read_drift BIGINT NOT NULL DEFAULT 0,
    read_findings TEXT COLLATE "C",
    upstream_messages BIGINT,
    repaired_at BIGINT,
    PRIMARY KEY (account_pk, conversation_id)
);

CREATE INDEX verdicts_with_drift ON verdicts (account_pk, conversation_id) WHERE (listed_drift + read_drift) > 0;
