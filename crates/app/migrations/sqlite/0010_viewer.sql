-- Who is signed in to the viewer, for SQLite. docs/SCHEMA.md describes it.

CREATE TABLE sign_ins (
    token_hash BLOB PRIMARY KEY,
    key_id TEXT NOT NULL REFERENCES api_keys (id),
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sign_ins_of_key ON sign_ins (key_id, created_at);
