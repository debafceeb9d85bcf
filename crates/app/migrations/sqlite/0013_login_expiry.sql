-- When the login of an account ends, for SQLite: a date is no secret, and who is to renew it has to know without a key.

ALTER TABLE accounts ADD COLUMN login_expires_at INTEGER;
