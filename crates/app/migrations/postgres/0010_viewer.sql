-- Who is signed in to the viewer, for PostgreSQL. docs/SCHEMA.md describes it.

CREATE TABLE sign_ins (
    token_hash BYTEA NOT NULL PRIMARY KEY,
    key_id TEXT COLLATE "C" NOT NULL REFERENCES api_keys (id),
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);

CREATE INDEX sign_ins_of_key ON sign_ins (key_id, created_at);
