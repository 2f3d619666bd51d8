-- Users may be readers.  A CHECK cannot be changed, so both tables are made anew.
CREATE TABLE user_of_any_role (
    name TEXT PRIMARY KEY,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'member', 'reader')),
    created_at REAL NOT NULL,
    is_disabled INTEGER NOT NULL CHECK (is_disabled IN (0, 1))
) WITHOUT ROWID;
INSERT INTO user_of_any_role SELECT name, password_hash, role, created_at, is_disabled FROM user;

CREATE TABLE session_of_any_role (
    session_id TEXT PRIMARY KEY,
    user TEXT NOT NULL REFERENCES user_of_any_role (name),
    refresh_hash TEXT NOT NULL,
    previous_hash TEXT,
    rotated_at REAL NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL
) WITHOUT ROWID;
INSERT INTO session_of_any_role
    SELECT session_id, user, refresh_hash, previous_hash, rotated_at, created_at, expires_at
    FROM session;

DROP TABLE session;
DROP TABLE user;
ALTER TABLE user_of_any_role RENAME TO user;  -- what refers to it is renamed too
ALTER TABLE session_of_any_role RENAME TO session;

-- Personal access tokens: of a token only its hash is kept.
CREATE TABLE personal_token (
    token_hash TEXT PRIMARY KEY,
    token_id TEXT NOT NULL UNIQUE,
    user TEXT NOT NULL REFERENCES user (name),
    name TEXT NOT NULL,
    scopes TEXT NOT NULL CHECK (json_valid(scopes)),
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    last_used_at REAL
) WITHOUT ROWID;

-- Removed repositories that were restricted: their jobs, which stay in history, still are.
CREATE TABLE removed_repository (
    repository_id INTEGER PRIMARY KEY,
    body TEXT NOT NULL CHECK (json_valid(body))
);
