-- Who changed what.  Rows are only added; those leave that are older than `audit_kept_since`.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    address TEXT NOT NULL,
    request_id TEXT NOT NULL,
    detail TEXT NOT NULL CHECK (json_valid(detail))
);
CREATE INDEX audit_by_at ON audit (at);
CREATE INDEX audit_by_actor ON audit (actor, id);
CREATE INDEX audit_by_action ON audit (action, id);
CREATE INDEX audit_by_target ON audit (target, id);

CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;
CREATE TRIGGER audit_kept BEFORE DELETE ON audit
WHEN OLD.at >= coalesce(
    (SELECT CAST(value AS REAL) FROM setting WHERE name = 'audit_kept_since'), 0
)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is kept');
END;

-- The keys of access tokens.  The one there was is dropped: its tokens have no key id, and
-- whoever has one refreshes it.
CREATE TABLE signing_key (
    key_id TEXT PRIMARY KEY,
    secret TEXT NOT NULL,
    made_at REAL NOT NULL,
    good_until REAL
) WITHOUT ROWID;
CREATE UNIQUE INDEX signing_key_one_signs ON signing_key ((good_until IS NULL))
WHERE good_until IS NULL;
DELETE FROM setting WHERE name = 'signing_key';

-- Whence a login came, and when it was last seen.
ALTER TABLE session ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN agent TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN used_at REAL NOT NULL DEFAULT 0;
