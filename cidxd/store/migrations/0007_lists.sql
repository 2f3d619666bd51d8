-- Lists of jobs are found in an index alone, whatever they are filtered by together; only the
-- bodies of the page are read.
ALTER TABLE job ADD COLUMN message TEXT;
UPDATE job SET message = body ->> '$.message';

DROP INDEX job_by_status;
DROP INDEX job_by_user;
CREATE INDEX job_by_status ON job (status, job_id, outcome, repository, requested_by, created_at);
CREATE INDEX job_by_user ON job (requested_by, job_id, status, outcome, repository, created_at);
CREATE INDEX job_by_name ON job (repository, job_id, status, outcome, requested_by, created_at);
CREATE INDEX job_by_age ON job (job_id, created_at, outcome, message);
