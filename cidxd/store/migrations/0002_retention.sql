-- Jobs in the order of their end, for what is kept no longer.
CREATE INDEX job_by_end ON job (repository_id, finished_at, job_id, status)
WHERE finished_at IS NOT NULL;

-- An active job is never removed, whatever the program believes.
CREATE TRIGGER job_active_stays BEFORE DELETE ON job
WHEN OLD.status IN ('queued', 'running')
BEGIN
    SELECT RAISE(ABORT, 'an active job is not removed');
END;
