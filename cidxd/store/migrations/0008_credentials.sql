-- Credentials of remotes, sealed: what is in `sealed` opens with the daemon's key only, which is
-- not here, and only as that of its repository and authority.
CREATE TABLE credential (
    repository_id INTEGER PRIMARY KEY REFERENCES repository (repository_id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('token', 'password', 'ssh-key')),
    authority TEXT NOT NULL,
    set_at REAL NOT NULL,
    set_by TEXT NOT NULL,
    fingerprint TEXT CHECK ((fingerprint IS NOT NULL) = (kind = 'ssh-key')),
    key_id TEXT NOT NULL,
    sealed BLOB NOT NULL CHECK (typeof(sealed) = 'blob')
);
