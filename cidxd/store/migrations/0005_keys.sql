-- A key that is sent again is answered as the first time, and is looked up here after a restart.
ALTER TABLE idempotency_key ADD COLUMN joined INTEGER NOT NULL DEFAULT 0 CHECK (joined IN (0, 1));

-- Keys in the order of their age, for what is kept no longer.
CREATE INDEX idempotency_key_by_age ON idempotency_key (created_at);
