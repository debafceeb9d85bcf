-- Views for people's own SQL, for PostgreSQL. docs/SQL.md describes each column and asks them ten questions.
-- Columns are only added behind the others, so that views of others that stand on these go on.

CREATE OR REPLACE VIEW v_conversations AS
SELECT a.id AS account_id,
       c.id AS conversation_id,
       c.title,
       c.is_group,
       c.categories,
       c.unread_count,
       c.is_read,
       to_char(to_timestamp(c.last_activity_at / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS last_activity_at,
       to_char(to_timestamp(c.created_at / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS created_at,
       COALESCE(t.completeness, 'out_of_scope') AS completeness,
       c.state,
       c.label,
       c.is_sponsored,
       c.is_muted,
       CAST((SELECT COUNT(*) FROM conversation_people cp WHERE cp.conversation_pk = c.pk AND cp.is_present = 1) AS BIGINT) AS participant_count
FROM conversations c
JOIN accounts a ON a.pk = c.account_pk
LEFT JOIN tracks t ON t.conversation_pk = c.pk
WHERE c.is_deleted = 0;

CREATE OR REPLACE VIEW v_participants AS
SELECT a.id AS account_id,
       c.id AS conversation_id,
       cp.person_id,
       TRIM(COALESCE(p.first_name, '') || ' ' || COALESCE(p.last_name, '')) AS name,
       p.headline,
       p.profile_url,
       CASE WHEN cp.person_id = a.member_id THEN 1 ELSE 0 END AS is_me
FROM conversation_people cp
JOIN conversations c ON c.pk = cp.conversation_pk
JOIN accounts a ON a.pk = c.account_pk
LEFT JOIN people p ON p.account_pk = cp.account_pk AND p.id = cp.person_id
WHERE cp.is_present = 1 AND c.is_deleted = 0;

CREATE OR REPLACE VIEW v_people AS
SELECT a.id AS account_id,
       p.id AS person_id,
       TRIM(COALESCE(p.first_name, '') || ' ' || COALESCE(p.last_name, '')) AS name,
       p.kind,
       p.headline,
       p.profile_url,
       CASE WHEN p.id = a.member_id THEN 1 ELSE 0 END AS is_me
FROM people p
JOIN accounts a ON a.pk = p.account_pk;

CREATE OR REPLACE VIEW v_messages AS
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
       m.reactions,
       m.delivered_at AS delivered_ms,
       CASE WHEN EXISTS (SELECT 1 FROM attachments t WHERE t.account_pk = m.account_pk AND t.message_id = m.id)
            THEN 1 ELSE 0 END AS has_attachment
FROM messages m
JOIN conversations c ON c.pk = m.conversation_pk
JOIN accounts a ON a.pk = m.account_pk
LEFT JOIN people p ON p.account_pk = m.account_pk AND p.id = m.sender_id
WHERE m.is_deleted = 0 AND c.is_deleted = 0;

-- JSON with the character U+0000 in it is no text for PostgreSQL: it is shown as U+FFFD.
CREATE OR REPLACE VIEW v_reactions AS
SELECT a.id AS account_id,
       c.id AS conversation_id,
       m.id AS message_id,
       (r ->> 'emoji') AS emoji,
       (r ->> 'count')::BIGINT AS count,
       (r ->> 'viewer_reacted')::BOOLEAN::INTEGER AS is_mine,
       to_char(to_timestamp((r ->> 'first_reacted_at')::BIGINT / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS first_reacted_at
FROM messages m
JOIN conversations c ON c.pk = m.conversation_pk
JOIN accounts a ON a.pk = m.account_pk
CROSS JOIN LATERAL json_array_elements(REPLACE(m.reactions, '\u0000', '\ufffd')::json) AS r
WHERE m.is_deleted = 0 AND c.is_deleted = 0;

CREATE OR REPLACE VIEW v_attachments AS
SELECT a.id AS account_id,
       c.id AS conversation_id,
       t.message_id,
       t.ordinal,
       t.kind,
       t.name,
       COALESCE(t.media_type, t.declared_type) AS media_type,
       COALESCE(t.size_bytes, t.declared_size_bytes) AS size_bytes,
       t.state,
       t.object_hash AS sha256,
       to_char(to_timestamp(t.fetched_at / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS fetched_at
FROM attachments t
JOIN messages m ON m.account_pk = t.account_pk AND m.id = t.message_id
JOIN conversations c ON c.pk = m.conversation_pk
JOIN accounts a ON a.pk = t.account_pk
WHERE m.is_deleted = 0 AND c.is_deleted = 0;

CREATE OR REPLACE VIEW v_message_versions AS
SELECT a.id AS account_id,
       c.id AS conversation_id,
       m.id AS message_id,
       (v ->> 'version')::BIGINT AS version,
       (v ->> 'body') AS body,
       to_char(to_timestamp((v ->> 'replaced_at')::BIGINT / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS replaced_at
FROM messages m
JOIN conversations c ON c.pk = m.conversation_pk
JOIN accounts a ON a.pk = m.account_pk
CROSS JOIN LATERAL json_array_elements(REPLACE(m.prior, '\u0000', '\ufffd')::json) AS v
WHERE m.is_deleted = 0 AND c.is_deleted = 0;

CREATE OR REPLACE VIEW v_completeness AS
SELECT a.id AS account_id,
       c.id AS conversation_id,
       COALESCE(t.completeness, 'out_of_scope') AS completeness,
       CAST((SELECT COUNT(*) FROM messages m WHERE m.conversation_pk = c.pk AND m.is_deleted = 0) AS BIGINT) AS messages,
       to_char(to_timestamp((SELECT MIN(m.delivered_at) FROM messages m WHERE m.conversation_pk = c.pk AND m.is_deleted = 0) / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS oldest_message_at,
       to_char(to_timestamp(c.newest_at / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS newest_message_at
FROM conversations c
JOIN accounts a ON a.pk = c.account_pk
LEFT JOIN tracks t ON t.conversation_pk = c.pk
WHERE c.is_deleted = 0;
