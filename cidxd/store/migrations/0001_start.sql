-- What one daemon keeps.  A row of `job` and of `repository` has the columns that
-- the database checks or searches by, and the whole record as JSON in `body`.

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE repository (
    repository_id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL CHECK (json_valid(body))
);

CREATE TABLE job (
    job_id TEXT PRIMARY KEY,
    repository_id INTEGER NOT NULL,
    repository TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
    outcome TEXT CHECK (outcome IN ('updated', 'unchanged')),
    returned INTEGER NOT NULL CHECK (returned IN (0, 1)),
    created_at REAL NOT NULL,
    finished_at REAL,
    seq INTEGER NOT NULL CHECK (seq > 0),
    body TEXT NOT NULL CHECK (json_valid(body)),
    CHECK ((finished_at IS NOT NULL) = (status IN ('completed', 'failed', 'cancelled'))),
    CHECK ((outcome IS NOT NULL) = (status = 'completed'))
) WITHOUT ROWID;

CREATE UNIQUE INDEX job_one_running ON job (repository_id) WHERE status = 'running';
CREATE UNIQUE INDEX job_one_fresh ON job (repository_id) WHERE status = 'queued' AND NOT returned;
CREATE INDEX job_active ON job (status) WHERE status IN ('queued', 'running');
CREATE INDEX job_by_repository ON job (repository_id, job_id);
CREATE INDEX job_by_status ON job (status, job_id);
CREATE INDEX job_by_user ON job (requested_by, job_id);

-- Not AUTOINCREMENT: the writer gives the cursor, so that a failed commit uses up no number.
CREATE TABLE event (
    cursor INTEGER PRIMARY KEY,
    job_id TEXT NOT NULL,
    repository_id INTEGER NOT NULL,
    repository TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL CHECK (json_valid(data)),
    UNIQUE (job_id, seq)
);

-- A final job takes no event, whatever the program believes.
CREATE TRIGGER event_after_end BEFORE INSERT ON event
WHEN EXISTS (
    SELECT 1 FROM event
    WHERE job_id = NEW.job_id AND kind IN ('completed', 'failed', 'cancelled')
)
BEGIN
    SELECT RAISE(ABORT, 'a final job takes no event');
END;

CREATE INDEX event_end ON event (job_id) WHERE kind IN ('completed', 'failed', 'cancelled');

CREATE TABLE user (
    name TEXT PRIMARY KEY,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'member')),
    created_at REAL NOT NULL,
    is_disabled INTEGER NOT NULL CHECK (is_disabled IN (0, 1))
) WITHOUT ROWID;

CREATE TABLE session (
    session_id TEXT PRIMARY KEY,
    user TEXT NOT NULL REFERENCES user (name),
    refresh_hash TEXT NOT NULL,
    previous_hash TEXT,
    rotated_at REAL NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE idempotency_key (
    user TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    job_id TEXT NOT NULL,
    created_at REAL NOT NULL,
    PRIMARY KEY (user, key)
) WITHOUT ROWID;
