-- Views for people's own SQL, for SQLite. docs/SQL.md describes each column and asks them ten questions.
-- Columns are only added behind the others.

DROP VIEW v_conversations;
DROP VIEW v_participants;
DROP VIEW v_messages;

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
       COALESCE(t.completeness, 'out_of_scope') AS completeness,
       c.state,
       c.label,
       c.is_sponsored,
       c.is_muted,
       (SELECT COUNT(*) FROM conversation_people cp WHERE cp.conversation_pk = c.pk AND cp.is_present = 1) AS participant_count
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
       p.profile_url,
       CASE WHEN cp.person_id = a.member_id THEN 1 ELSE 0 END AS is_me
FROM conversation_people cp
JOIN conversations c ON c.pk = cp.conversation_pk
JOIN accounts a ON a.pk = c.account_pk
LEFT JOIN people p ON p.account_pk = cp.account_pk AND p.id = cp.person_id
WHERE cp.is_present = 1 AND c.is_deleted = 0;

CREATE VIEW v_people AS
SELECT a.id AS account_id,
       p.id AS person_id,
       TRIM(COALESCE(p.first_name, '') || ' ' || COALESCE(p.last_name, '')) AS name,
       p.kind,
       p.headline,
       p.profile_url,
       CASE WHEN p.id = a.member_id THEN 1 ELSE 0 END AS is_me
FROM people p
JOIN accounts a ON a.pk = p.account_pk;

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
       m.reactions,
       m.delivered_at AS delivered_ms,
       CASE WHEN EXISTS (SELECT 1 FROM attachments t WHERE t.account_pk = m.account_pk AND t.message_id = m.id)
            THEN 1 ELSE 0 END AS has_attachment
FROM messages m
JOIN conversations c ON c.pk = m.conversation_pk
JOIN accounts a ON a.pk = m.account_pk
LEFT JOIN people p ON p.account_pk = m.account_pk AND p.id = m.sender_id
WHERE m.is_deleted = 0 AND c.is_deleted = 0;

CREATE VIEW v_reactions AS
SELECT a.id AS account_id,
       c.id AS conversation_id,
       m.id AS message_id,
       json_extract(r.value, '$.emoji') AS emoji,
       json_extract(r.value, '$.count') AS count,
       json_extract(r.value, '$.viewer_reacted') AS is_mine,
       strftime('%Y-%m-%dT%H:%M:%fZ', json_extract(r.value, '$.first_reacted_at') / 1000.0, 'unixepoch') AS first_reacted_at
FROM messages m
JOIN conversations c ON c.pk = m.conversation_pk
JOIN accounts a ON a.pk = m.account_pk
JOIN json_each(m.reactions) AS r
WHERE m.is_deleted = 0 AND c.is_deleted = 0;

CREATE VIEW v_attachments AS
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
       strftime('%Y-%m-%dT%H:%M:%fZ', t.fetched_at / 1000.0, 'unixepoch') AS fetched_at
FROM attachments t
JOIN messages m ON m.account_pk = t.account_pk AND m.id = t.message_id
JOIN conversations c ON c.pk = m.conversation_pk
JOIN accounts a ON a.pk = t.account_pk
WHERE m.is_deleted = 0 AND c.is_deleted = 0;

CREATE VIEW v_message_versions AS
SELECT a.id AS account_id,
       c.id AS conversation_id,
       m.id AS message_id,
       json_extract(v.value, '$.version') AS version,
       json_extract(v.value, '$.body') AS body,
       strftime('%Y-%m-%dT%H:%M:%fZ', json_extract(v.value, '$.replaced_at') / 1000.0, 'unixepoch') AS replaced_at
FROM messages m
JOIN conversations c ON c.pk = m.conversation_pk
JOIN accounts a ON a.pk = m.account_pk
JOIN json_each(m.prior) AS v
WHERE m.is_deleted = 0 AND c.is_deleted = 0;

CREATE VIEW v_completeness AS
SELECT a.id AS account_id,
       c.id AS conversation_id,
       COALESCE(t.completeness, 'out_of_scope') AS completeness,
       (SELECT COUNT(*) FROM messages m WHERE m.conversation_pk = c.pk AND m.is_deleted = 0) AS messages,
       strftime('%Y-%m-%dT%H:%M:%fZ', (SELECT MIN(m.delivered_at) FROM messages m WHERE m.conversation_pk = c.pk AND m.is_deleted = 0) / 1000.0, 'unixepoch') AS oldest_message_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', c.newest_at / 1000.0, 'unixepoch') AS newest_message_at
FROM conversations c
JOIN accounts a ON a.pk = c.account_pk
LEFT JOIN tracks t ON t.conversation_pk = c.pk
WHERE c.is_deleted = 0;
