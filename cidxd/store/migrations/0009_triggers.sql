-- A repository's webhook: its secret, sealed as credentials are.
CREATE TABLE hook (
  repository_id INTEGER PRIMARY KEY REFERENCES repository (repository_id) ON DELETE CASCADE,
  set_at REAL NOT NULL,
  set_by TEXT NOT NULL,
  key_id TEXT NOT NULL,
  sealed BLOB NOT NULL CHECK (typeof(sealed) = 'blob')
);

-- What webhooks sent lately, so that the same thing sent again makes no other job.
CREATE TABLE delivery (
  mark TEXT PRIMARY KEY,
  repository_id INTEGER NOT NULL,
  received_at REAL NOT NULL,
  job_id TEXT NOT NULL
) WITHOUT ROWID;

-- Repositories that were removed, and whose files are not deleted yet.
CREATE TABLE removal (
  repository_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  user TEXT NOT NULL,
  at REAL NOT NULL
);

-- Jobs are listed under the name that their repository has now.
CREATE TRIGGER repository_renamed AFTER UPDATE OF name ON repository
WHEN new.name <> old.name
BEGIN
  UPDATE job SET repository = new.name WHERE repository_id = new.repository_id;
END;
