-- Media: attachments of messages, the objects that their bytes are kept as, and what an account fetches.
-- docs/SCHEMA.md describes every table and column.

ALTER TABLE accounts ADD COLUMN media_policy TEXT NOT NULL DEFAULT 'lazy' CHECK (media_policy IN ('eager', 'lazy', 'off'));
ALTER TABLE accounts ADD COLUMN media_asks INTEGER NOT NULL DEFAULT 0;

-- A job that only fetches what somebody asked for; it becomes a sync when one is asked for.
ALTER TABLE jobs ADD COLUMN media_only INTEGER NOT NULL DEFAULT 0 CHECK (media_only IN (0, 1));

CREATE TABLE attachments (
    pk INTEGER PRIMARY KEY,
    account_pk INTEGER NOT NULL REFERENCES accounts (pk),
    message_id TEXT,
    ordinal INTEGER NOT NULL CHECK (ordinal >= 0),
    url TEXT,
    url_digest TEXT,
    kind TEXT NOT NULL,
    name TEXT,
    declared_type TEXT,
    declared_size_bytes INTEGER,
    state TEXT NOT NULL CHECK (state IN ('remote', 'wanted', 'stored', 'refused', 'gone', 'failed')),
    renewal TEXT NOT NULL DEFAULT 'none' CHECK (renewal IN ('none', 'due', 'done')),
    asked_at INTEGER,
    tries INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),
    not_before INTEGER,
    failure_code TEXT,
    object_hash TEXT,
    media_type TEXT,
    size_bytes INTEGER,
    fetched_at INTEGER,
    CHECK ((state = 'stored') = (object_hash IS NOT NULL)),
    UNIQUE (account_pk, message_id, ordinal)
) STRICT;

CREATE UNIQUE INDEX attachments_without_message ON attachments (account_pk, url_digest) WHERE message_id IS NULL;
CREATE INDEX attachments_by_url ON attachments (account_pk, url_digest);
CREATE INDEX attachments_by_state ON attachments (account_pk, state, pk);
CREATE INDEX attachments_asked ON attachments (account_pk, asked_at, pk) WHERE asked_at IS NOT NULL;
CREATE INDEX attachments_by_object ON attachments (object_hash) WHERE object_hash IS NOT NULL;

CREATE TABLE media_objects (
    hash TEXT NOT NULL PRIMARY KEY,
    size_bytes INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('kept', 'leaving')),
    is_loose INTEGER NOT NULL CHECK (is_loose IN (0, 1)),
    expected_until INTEGER
) STRICT;

CREATE INDEX media_objects_loose ON media_objects (hash) WHERE is_loose = 1;
