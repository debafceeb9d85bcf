-- The lines of one act, of which only some are kept, for SQLite.

CREATE INDEX audit_log_by_act ON audit_log (act, outcome, id);
