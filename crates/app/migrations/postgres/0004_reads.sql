-- Rows that hold what a list shows, for PostgreSQL. docs/SCHEMA.md describes every column.
-- `others` stays empty here: the program writes it, when it opens the database and with every commit.

ALTER TABLE people ADD COLUMN slug TEXT COLLATE "C";
UPDATE people SET slug = LOWER(RTRIM(SUBSTR(profile_url, 29), '/'))
WHERE LOWER(profile_url) LIKE 'https://www.linkedin.com/in/_%' AND LENGTH(profile_url) <= 400;
CREATE INDEX people_by_slug ON people (account_pk, slug) WHERE slug IS NOT NULL;

ALTER TABLE conversations ADD COLUMN others TEXT COLLATE "C";
ALTER TABLE conversations ADD COLUMN has_owner BIGINT NOT NULL DEFAULT 0 CHECK (has_owner IN (0, 1));
ALTER TABLE conversations ADD COLUMN newest_id TEXT COLLATE "C";
ALTER TABLE conversations ADD COLUMN newest_at BIGINT;
ALTER TABLE conversations ADD COLUMN newest_sender_id TEXT COLLATE "C";
ALTER TABLE conversations ADD COLUMN newest_first_name TEXT COLLATE "C";
ALTER TABLE conversations ADD COLUMN newest_last_name TEXT COLLATE "C";
ALTER TABLE conversations ADD COLUMN newest_body TEXT COLLATE "C";
ALTER TABLE conversations ADD COLUMN newest_content TEXT COLLATE "C";
UPDATE conversations SET (newest_id, newest_at, newest_sender_id, newest_first_name, newest_last_name, newest_body,
                          newest_content) =
    (SELECT m.id, m.delivered_at, m.sender_id, p.first_name, p.last_name, m.body, m.content
     FROM messages m LEFT JOIN people p ON p.account_pk = m.account_pk AND p.id = m.sender_id
     WHERE m.conversation_pk = conversations.pk AND m.is_deleted = 0
     ORDER BY m.delivered_at DESC, m.id DESC LIMIT 1);
CREATE INDEX conversations_to_lay ON conversations (account_pk, pk) WHERE others IS NULL;
