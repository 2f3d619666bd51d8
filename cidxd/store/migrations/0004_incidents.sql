-- Hosts whose repositories fail alike; none of before is known, and none is needed.
CREATE TABLE incident (
    host TEXT PRIMARY KEY,
    body TEXT NOT NULL CHECK (json_valid(body))
) WITHOUT ROWID;
