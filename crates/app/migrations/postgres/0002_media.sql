-- Media: attachments of messages, the objects that their bytes are kept as, and what an account fetches.
-- docs/SCHEMA.md describes every table and column.

ALTER TABLE accounts ADD COLUMN media_policy TEXT NOT NULL DEFAULT 'lazy' CHECK (media_policy IN ('eager', 'lazy', 'off'));
ALTER TABLE accounts ADD COLUMN media_asks BIGINT NOT NULL DEFAULT 0;

-- A job that only fetches what somebody asked for; it becomes a sync when one is asked for.
ALTER TABLE jobs ADD COLUMN media_only BIGINT NOT NULL DEFAULT 0 CHECK (media_only IN (0, 1));

CREATE TABLE attachments (
    pk BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_pk BIGINT NOT NULL REFERENCES accounts (pk),
    message_id TEXT COLLATE "C",
    ordinal BIGINT NOT NULL CHECK (ordinal >= 0),
    url TEXT,
    url_digest TEXT COLLATE "C",
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT,
    declared_type TEXT,
    declared_size_bytes BIGINT,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('remote', 'wanted', 'stored', 'refused', 'gone', 'failed')),
    renewal TEXT COLLATE "C" NOT NULL DEFAULT 'none' CHECK (renewal IN ('none', 'due', 'done')),
    asked_at BIGINT,
    tries BIGINT NOT NULL DEFAULT 0 CHECK (tries >= 0),
    not_before BIGINT,
    failure_code TEXT COLLATE "C",
    object_hash TEXT COLLATE "C",
    media_type TEXT COLLATE "C",
    size_bytes BIGINT,
    fetched_at BIGINT,
    CHECK ((state = 'stored') = (object_hash IS NOT NULL)),
    UNIQUE (account_pk, message_id, ordinal)
);

CREATE UNIQUE INDEX attachments_without_message ON attachments (account_pk, url_digest) WHERE message_id IS NULL;
CREATE INDEX attachments_by_url ON attachments (account_pk, url_digest);
CREATE INDEX attachments_by_state ON attachments (account_pk, state, pk);
CREATE INDEX attachments_asked ON attachments (account_pk, asked_at, pk) WHERE asked_at IS NOT NULL;
CREATE INDEX attachments_by_object ON attachments (object_hash) WHERE object_hash IS NOT NULL;

CREATE TABLE media_objects (
    hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    size_bytes BIGINT NOT NULL,
    media_type TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('kept', 'leaving')),
    is_loose BIGINT NOT NULL CHECK (is_loose IN (0, 1)),
    expected_until BIGINT
);

CREATE INDEX media_objects_loose ON media_objects (hash) WHERE is_loose = 1;
