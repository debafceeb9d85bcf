-- The first schema, for PostgreSQL. docs/SCHEMA.md describes every table and column.
-- Times are milliseconds since 1970 in UTC; flags are 0 or 1; lists and objects are JSON as text.

CREATE TABLE accounts (
    pk BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    member_id TEXT COLLATE "C" NOT NULL,
    first_name TEXT COLLATE "C" NOT NULL,
    last_name TEXT COLLATE "C" NOT NULL,
    public_id TEXT COLLATE "C" NOT NULL,
    picture_url TEXT COLLATE "C",
    premium BIGINT CHECK (premium IN (0, 1)),
    health TEXT COLLATE "C" NOT NULL CHECK (health IN ('connected', 'needs_login', 'challenged', 'paused')),
    health_detail TEXT COLLATE "C",
    hold_until BIGINT,
    hold_why TEXT COLLATE "C" CHECK (hold_why IN ('rate_limited', 'unavailable', 'blocked')),
    next_request_at BIGINT NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    inbox TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    last_sync_at BIGINT,
    consecutive_failures BIGINT NOT NULL DEFAULT 0 CHECK (consecutive_failures >= 0),
    last_error_code TEXT COLLATE "C",
    last_error TEXT COLLATE "C",
    message_count BIGINT NOT NULL DEFAULT 0 CHECK (message_count >= 0),
    oldest_message_at BIGINT,
    event_seq BIGINT NOT NULL DEFAULT 0,
    conversation_seq BIGINT NOT NULL DEFAULT 0,
    logins_lost BIGINT NOT NULL DEFAULT 0,
    CHECK ((hold_until IS NULL) = (hold_why IS NULL)),
    CHECK ((last_error_code IS NULL) = (last_error IS NULL))
);

CREATE TABLE sessions (
    account_pk BIGINT PRIMARY KEY REFERENCES accounts (pk),
    sealed BYTEA NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE people (
    account_pk BIGINT NOT NULL REFERENCES accounts (pk),
    id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('member', 'organization', 'custom', 'agent', 'unknown')),
    first_name TEXT COLLATE "C" NOT NULL,
    last_name TEXT COLLATE "C" NOT NULL,
    headline TEXT COLLATE "C",
    profile_url TEXT COLLATE "C",
    picture_url TEXT COLLATE "C",
    distance TEXT COLLATE "C",
    backend_urn TEXT COLLATE "C",
    PRIMARY KEY (account_pk, id)
);

CREATE TABLE conversations (
    pk BIGINT PRIMARY KEY,
    account_pk BIGINT NOT NULL REFERENCES accounts (pk),
    id TEXT COLLATE "C" NOT NULL,
    categories TEXT COLLATE "C" NOT NULL,
    is_group BIGINT NOT NULL CHECK (is_group IN (0, 1)),
    title TEXT COLLATE "C",
    state TEXT COLLATE "C",
    label TEXT COLLATE "C",
    is_sponsored BIGINT NOT NULL CHECK (is_sponsored IN (0, 1)),
    participants TEXT COLLATE "C" NOT NULL,
    created_at BIGINT,
    last_activity_at BIGINT NOT NULL,
    last_read_at BIGINT,
    is_read BIGINT NOT NULL CHECK (is_read IN (0, 1)),
    unread_count BIGINT NOT NULL,
    is_muted BIGINT NOT NULL CHECK (is_muted IN (0, 1)),
    is_deleted BIGINT NOT NULL CHECK (is_deleted IN (0, 1)),
    version BIGINT NOT NULL CHECK (version > 0),
    UNIQUE (account_pk, id)
);

CREATE INDEX conversations_newest_of_account ON conversations (account_pk, last_activity_at, id) WHERE is_deleted = 0;
CREATE INDEX conversations_newest ON conversations (last_activity_at, id, account_pk) WHERE is_deleted = 0;

CREATE TABLE conversation_categories (
    conversation_pk BIGINT NOT NULL REFERENCES conversations (pk),
    category TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (conversation_pk, category)
);

CREATE TABLE conversation_people (
    conversation_pk BIGINT NOT NULL REFERENCES conversations (pk),
    person_id TEXT COLLATE "C" NOT NULL,
    account_pk BIGINT NOT NULL,
    is_present BIGINT NOT NULL CHECK (is_present IN (0, 1)),
    PRIMARY KEY (conversation_pk, person_id)
);

CREATE INDEX conversation_people_by_person ON conversation_people (account_pk, person_id);

CREATE TABLE messages (
    account_pk BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    conversation_pk BIGINT NOT NULL REFERENCES conversations (pk),
    delivered_at BIGINT NOT NULL,
    sender_id TEXT COLLATE "C",
    body TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C",
    format TEXT COLLATE "C" NOT NULL,
    fallback_text TEXT COLLATE "C",
    attributes TEXT COLLATE "C",
    content TEXT COLLATE "C",
    reactions TEXT COLLATE "C",
    prior TEXT COLLATE "C",
    is_deleted BIGINT NOT NULL CHECK (is_deleted IN (0, 1)),
    version BIGINT NOT NULL CHECK (version > 0),
    PRIMARY KEY (account_pk, id)
);

CREATE INDEX messages_in_conversation ON messages (conversation_pk, delivered_at, id, is_deleted);

CREATE TABLE tracks (
    conversation_pk BIGINT PRIMARY KEY REFERENCES conversations (pk),
    account_pk BIGINT NOT NULL,
    activity BIGINT NOT NULL,
    synced_to BIGINT,
    due_rank BIGINT,
    completeness TEXT COLLATE "C" NOT NULL
        CHECK (completeness IN ('listed', 'partial', 'complete', 'end_unproven', 'set_aside', 'out_of_scope')),
    detail TEXT COLLATE "C" NOT NULL
);

CREATE INDEX tracks_due ON tracks (account_pk, due_rank, activity DESC, conversation_pk) WHERE due_rank IS NOT NULL;
CREATE INDEX tracks_of_account ON tracks (account_pk, completeness);

CREATE TABLE events (
    account_pk BIGINT NOT NULL REFERENCES accounts (pk),
    seq BIGINT NOT NULL CHECK (seq > 0),
    id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    object_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (account_pk, seq)
);

CREATE TABLE oddities (
    account_pk BIGINT NOT NULL REFERENCES accounts (pk),
    digest TEXT COLLATE "C" NOT NULL,
    conversation_id TEXT COLLATE "C",
    what TEXT COLLATE "C" NOT NULL,
    raw TEXT COLLATE "C" NOT NULL,
    times BIGINT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    PRIMARY KEY (account_pk, digest)
);

CREATE TABLE jobs (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_pk BIGINT NOT NULL REFERENCES accounts (pk),
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('sync')),
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('queued', 'running', 'waiting', 'done', 'failed', 'cancelled')),
    is_forced BIGINT NOT NULL CHECK (is_forced IN (0, 1)),
    cancel_requested BIGINT NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    epoch BIGINT NOT NULL DEFAULT 0,
    owner TEXT,
    due_at BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    failure_code TEXT COLLATE "C",
    failure TEXT COLLATE "C",
    progress TEXT COLLATE "C" NOT NULL
);

CREATE UNIQUE INDEX jobs_one_open ON jobs (account_pk, kind) WHERE state IN ('queued', 'running', 'waiting');
CREATE INDEX jobs_due ON jobs (due_at, id) WHERE state IN ('queued', 'running', 'waiting');
CREATE INDEX jobs_of_account ON jobs (account_pk, id);

CREATE TABLE api_keys (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    hash BYTEA NOT NULL,
    scopes TEXT COLLATE "C" NOT NULL,
    accounts TEXT COLLATE "C",
    label TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT
);

CREATE TABLE settings (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
);

CREATE VIEW v_conversations AS
SELECT a.id AS account_id,
       c.id AS conversation_id,
       c.title,
       c.is_group,
       c.categories,
       c.unread_count,
       c.is_read,
       to_char(to_timestamp(c.last_activity_at / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS last_activity_at,
       to_char(to_timestamp(c.created_at / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS created_at,
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
       to_char(to_timestamp(m.delivered_at / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS delivered_at,
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
