-- Rows of archives by their time, for PostgreSQL: exports of before 2021 do not say in which conversation a row was.

CREATE INDEX archived_messages_by_second ON archived_messages (account_pk, second);
