-- The first schema, for SQLite. docs/SCHEMA.md describes every table and column.
-- Times are milliseconds since 1970 in UTC; flags are 0 or 1; lists and objects are JSON as text.

CREATE TABLE accounts (
    pk INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    member_id TEXT NOT NULL,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    public_id TEXT NOT NULL,
    picture_url TEXT,
    premium INTEGER CHECK (premium IN (0, 1)),
    health TEXT NOT NULL CHECK (health IN ('connected', 'needs_login', 'challenged', 'paused')),
    health_detail TEXT,
    hold_until INTEGER,
    hold_why TEXT CHECK (hold_why IN ('rate_limited', 'unavailable', 'blocked')),
    next_request_at INTEGER NOT NULL,
    scope TEXT NOT NULL,
    inbox TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_sync_at INTEGER,
    consecutive_failures INTEGER NOT NULL DEFAULT 0 CHECK (consecutive_failures >= 0),
    last_error_code TEXT,
    last_error TEXT,
    message_count INTEGER NOT NULL DEFAULT 0 CHECK (message_count >= 0),
    oldest_message_at INTEGER,
    event_seq INTEGER NOT NULL DEFAULT 0,
    conversation_seq INTEGER NOT NULL DEFAULT 0,
    logins_lost INTEGER NOT NULL DEFAULT 0,
    CHECK ((hold_until IS NULL) = (hold_why IS NULL)),
    CHECK ((last_error_code IS NULL) = (last_error IS NULL))
) STRICT;

CREATE TABLE sessions (
    account_pk INTEGER PRIMARY KEY REFERENCES accounts (pk),
    sealed BLOB NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE people (
    account_pk INTEGER NOT NULL REFERENCES accounts (pk),
    id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('member', 'organization', 'custom', 'agent', 'unknown')),
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    headline TEXT,
    profile_url TEXT,
    picture_url TEXT,
    distance TEXT,
    backend_urn TEXT,
    PRIMARY KEY (account_pk, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE conversations (
    pk INTEGER PRIMARY KEY,
    account_pk INTEGER NOT NULL REFERENCES accounts (pk),
    id TEXT NOT NULL,
    categories TEXT NOT NULL,
    is_group INTEGER NOT NULL CHECK (is_group IN (0, 1)),
    title TEXT,
    state TEXT,
    label TEXT,
    is_sponsored INTEGER NOT NULL CHECK (is_sponsored IN (0, 1)),
    participants TEXT NOT NULL,
    created_at INTEGER,
    last_activity_at INTEGER NOT NULL,
    last_read_at INTEGER,
    is_read INTEGER NOT NULL CHECK (is_read IN (0, 1)),
    unread_count INTEGER NOT NULL,
    is_muted INTEGER NOT NULL CHECK (is_muted IN (0, 1)),
    is_deleted INTEGER NOT NULL CHECK (is_deleted IN (0, 1)),
    version INTEGER NOT NULL CHECK (version > 0),
    UNIQUE (account_pk, id)
) STRICT;

CREATE INDEX conversations_newest_of_account ON conversations (account_pk, last_activity_at, id) WHERE is_deleted = 0;
CREATE INDEX conversations_newest ON conversations (last_activity_at, id, account_pk) WHERE is_deleted = 0;

CREATE TABLE conversation_categories (
    conversation_pk INTEGER NOT NULL REFERENCES conversations (pk),
    category TEXT NOT NULL,
    PRIMARY KEY (conversation_pk, category)
) STRICT, WITHOUT ROWID;

CREATE TABLE conversation_people (
    conversation_pk INTEGER NOT NULL REFERENCES conversations (pk),
    person_id TEXT NOT NULL,
    account_pk INTEGER NOT NULL,
    is_present INTEGER NOT NULL CHECK (is_present IN (0, 1)),
    PRIMARY KEY (conversation_pk, person_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX conversation_people_by_person ON conversation_people (account_pk, person_id);

CREATE TABLE messages (
    account_pk INTEGER NOT NULL,
    id TEXT NOT NULL,
    conversation_pk INTEGER NOT NULL REFERENCES conversations (pk),
    delivered_at INTEGER NOT NULL,
    sender_id TEXT,
    body TEXT NOT NULL,
    subject TEXT,
    format TEXT NOT NULL,
    fallback_text TEXT,
    attributes TEXT,
    content TEXT,
    reactions TEXT,
    prior TEXT,
    is_deleted INTEGER NOT NULL CHECK (is_deleted IN (0, 1)),
    version INTEGER NOT NULL CHECK (version > 0),
    PRIMARY KEY (account_pk, id)
) STRICT;

CREATE INDEX messages_in_conversation ON messages (conversation_pk, delivered_at, id, is_deleted);

CREATE TABLE tracks (
    conversation_pk INTEGER PRIMARY KEY REFERENCES conversations (pk),
    account_pk INTEGER NOT NULL,
    activity INTEGER NOT NULL,
    synced_to INTEGER,
    due_rank INTEGER,
    completeness TEXT NOT NULL
        CHECK (completeness IN ('listed', 'partial', 'complete', 'end_unproven', 'set_aside', 'out_of_scope')),
    detail TEXT NOT NULL
) STRICT;

CREATE INDEX tracks_due ON tracks (account_pk, due_rank, activity DESC, conversation_pk) WHERE due_rank IS NOT NULL;
CREATE INDEX tracks_of_account ON tracks (account_pk, completeness);

CREATE TABLE events (
    account_pk INTEGER NOT NULL REFERENCES accounts (pk),
    seq INTEGER NOT NULL CHECK (seq > 0),
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (account_pk, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE oddities (
    account_pk INTEGER NOT NULL REFERENCES accounts (pk),
    digest TEXT NOT NULL,
    conversation_id TEXT,
    what TEXT NOT NULL,
    raw TEXT NOT NULL,
    times INTEGER NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    PRIMARY KEY (account_pk, digest)
) STRICT;

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_pk INTEGER NOT NULL REFERENCES accounts (pk),
    kind TEXT NOT NULL CHECK (kind IN ('sync')),
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'waiting', 'done', 'failed', 'cancelled')),
    is_forced INTEGER NOT NULL CHECK (is_forced IN (0, 1)),
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    epoch INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    due_at INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    failure_code TEXT,
    failure TEXT,
    progress TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX jobs_one_open ON jobs (account_pk, kind) WHERE state IN ('queued', 'running', 'waiting');
CREATE INDEX jobs_due ON jobs (due_at, id) WHERE state IN ('queued', 'running', 'waiting');
CREATE INDEX jobs_of_account ON jobs (account_pk, id);

CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL,
    scopes TEXT NOT NULL,
    accounts TEXT,
    label TEXT,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT;

CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE VIEW v_conversations AS
SELECT a.id AS account_id,
       c.id AS conversation_id,
       c.title,
       c.is_group,
       c.categories,
       c.unread_count,
       c.is_read,
       strftime('%Y-%m-%dT%H:%M:%fZ', c.last_activity_at / 1000.0, 'unixepoch') AS last_activity_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', c.created_at / 1000.0, 'unixepoch') AS created_at,
       COALESCE(t.completeness, 'out_of_scope') AS completeness
FROM conversations c
JOIN accounts a ON a.pk = c.account_pk
LEFT JOIN tracks t ON t.conversation_pk = c.pk
WHERE c.is_deleted = 0;

CREATE VIEW v_participants AS
SELECT a.id AS account_id,
       c.id AS conversation_id,
       cp.person_id,
       TRIM(COALESCE(p.first_name, '') || ' ' || COALESCE(p.last_name, '')) AS name,
       p.headline,
       p.profile_url
FROM conversation_people cp
JOIN conversations c ON c.pk = cp.conversation_pk
JOIN accounts a ON a.pk = c.account_pk
LEFT JOIN people p ON p.account_pk = cp.account_pk AND p.id = cp.person_id
WHERE cp.is_present = 1 AND c.is_deleted = 0;

CREATE VIEW v_messages AS
SELECT a.id AS account_id,
       c.id AS conversation_id,
       m.id AS message_id,
       strftime('%Y-%m-%dT%H:%M:%fZ', m.delivered_at / 1000.0, 'unixepoch') AS delivered_at,
       m.sender_id,
       TRIM(COALESCE(p.first_name, '') || ' ' || COALESCE(p.last_name, '')) AS sender_name,
       CASE WHEN m.sender_id = a.member_id THEN 1 ELSE 0 END AS is_mine,
       m.subject,
       m.body,
       m.format,
       m.attributes,
       m.content,
       m.reactions
FROM messages m
JOIN conversations c ON c.pk = m.conversation_pk
JOIN accounts a ON a.pk = m.account_pk
LEFT JOIN people p ON p.account_pk = m.account_pk AND p.id = m.sender_id
WHERE m.is_deleted = 0 AND c.is_deleted = 0;
